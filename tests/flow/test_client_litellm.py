"""LiteLLM as a client, pointed at us, against each provider's format: as a client of OpenRouter, of OpenAI and of Anthropic."""

from __future__ import annotations

import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it is fetched on import

import litellm
import openai
import pytest
from litellm import exceptions

from harness import matrix
from harness.gateway import Gateway
from harness.matrix import Call, Question, Told, Usage

from test_client_openai import message

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of its types, as pydantic reads them
litellm.telemetry = False
litellm.suppress_debug_info = True


class LiteLLM(matrix.Client):
    way = ""
    base = "/api/v1"
    reason: dict[str, Any] = {"reasoning_effort": "low"}
    errors = {
        "bad": exceptions.BadRequestError, "unauthorized": exceptions.AuthenticationError,
        "poor": lambda e: getattr(e, "status_code", None) in (402, 403),
        "missing": exceptions.NotFoundError, "limited": exceptions.RateLimitError,
        "unavailable": matrix.has_status(openai.APIError, 500, 502, 503),
        "cut": exceptions.MidStreamFallbackError,
    }

    def cannot(self, format: str, stream: bool) -> set[str]:
        """It has no word for the summary that OpenAI's models show to who asks for it, and keeps no signatures of streams."""
        shown = {"thought"} if format == "responses" else set()
        return shown | ({"thought given back"} if stream and format != "openai" else set())

    def connect(self, gateway: Gateway, key: str) -> dict[str, Any]:
        return {"api_base": f"http://127.0.0.1:{gateway.port}{self.base}", "api_key": key, "num_retries": 0, "timeout": 30}

    def ask(self, api: dict[str, Any], q: Question) -> Told:
        body: dict[str, Any] = {"model": self.way + q.model, "messages": [m for t in q.turns for m in message(t)], "max_tokens": 2000}
        if q.tools:
            body["tools"] = [{"type": "function", "function": {"name": n, "parameters": matrix.TEXT}} for n in q.tools]
        if q.schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": q.schema, "strict": True}}
        if q.reason:
            body |= self.reason
        answer = litellm.completion(**body, **api) if not q.stream else litellm.stream_chunk_builder(
            list(litellm.completion(**body, **api, stream=True, stream_options={"include_usage": True})), messages=body["messages"])
        said, usage = answer.choices[0].message, answer.usage
        details = usage.completion_tokens_details
        turn = said.model_dump(exclude_none=True)
        turn |= {k: v for k, v in turn.get("provider_specific_fields", {}).items() if k == "reasoning_details"}
        return Told(
            text=said.content or "", thought=getattr(said, "reasoning_content", None), turn=turn,
            calls=[Call(c.id, c.function.name, json.loads(c.function.arguments)) for c in said.tool_calls or []],
            finish={"stop": "stop", "tool_calls": "tool"}[answer.choices[0].finish_reason],
            usage=Usage(usage.prompt_tokens, usage.completion_tokens, getattr(usage, "cost", None), details and details.reasoning_tokens))

    def embed(self, api: dict[str, Any], model: str, texts: list[str]) -> tuple[list[list[float]], int]:
        made = litellm.embedding(model=self.way + model, input=texts, **api)
        return [d["embedding"] for d in made.data], made.usage.prompt_tokens


class OpenRouter(LiteLLM):
    name = "litellm of openrouter"
    way = "openrouter/"


class OpenAI(LiteLLM):
    name = "litellm of openai"
    way = "openai/"


class Anthropic(LiteLLM):
    name = "litellm of anthropic"
    way = "anthropic/"
    base = "/api"
    reason = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "allowed_openai_params": ["thinking"]}

    def cannot(self, format: str, stream: bool) -> set[str]:
        return {"cost", "reasoning tokens"} | {"responses": {"thought"}, "openai": {"thought given back"}}.get(format, set())


class TestOpenRouter(matrix.Matrix):
    client = OpenRouter()


class TestOpenAI(matrix.Matrix):
    client = OpenAI()


class TestAnthropic(matrix.Matrix):
    client = Anthropic()


class TestOpenRoutersOwn(matrix.Own, matrix.Embeddings):
    client = OpenRouter()


class TestOpenAIsOwn(matrix.Own, matrix.Embeddings):
    client = OpenAI()


class TestAnthropicsOwn(matrix.Own):
    client = Anthropic()
