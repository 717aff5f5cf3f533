"""OpenAI's own Python client, pointed at us: chat and responses against each provider's format; what is beside them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from harness import matrix
from harness.gateway import Gateway
from harness.matrix import Call, Question, Results, Said, Told, Usage

ERRORS = {
    "bad": openai.BadRequestError, "unauthorized": openai.AuthenticationError, "poor": matrix.has_status(openai.APIStatusError, 402, 403),
    "missing": openai.NotFoundError, "limited": openai.RateLimitError, "unavailable": openai.InternalServerError, "cut": openai.APIError,
}


class OpenAI(matrix.Client):
    errors = ERRORS

    def connect(self, gateway: Gateway, key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/api/v1", api_key=key, max_retries=0, timeout=30)

    def embed(self, api: openai.OpenAI, model: str, texts: list[str]) -> tuple[list[list[float]], int]:
        made = api.embeddings.create(model=model, input=texts)  # it asks for base64 of its own accord
        return [d.embedding for d in made.data], made.usage.prompt_tokens


# --- chat ---


def message(turn: Said | Told | Results) -> list[dict[str, Any]]:
    if isinstance(turn, Told):
        return [turn.turn]
    if isinstance(turn, Results):
        return [{"role": "tool", "tool_call_id": c.id, "content": text} for c, text in turn.of]
    if not turn.image:
        return [{"role": "user", "content": turn.text}]
    return [{"role": "user", "content": [{"type": "text", "text": turn.text}, {"type": "image_url", "image_url": {"url": turn.image}}]}]


class Chat(OpenAI):
    name = "openai chat"

    def ask(self, api: openai.OpenAI, q: Question) -> Told:
        body: dict[str, Any] = {"model": q.model, "messages": [m for t in q.turns for m in message(t)], "max_tokens": 2000}
        if q.tools:
            body["tools"] = [{"type": "function", "function": {"name": n, "parameters": matrix.TEXT}} for n in q.tools]
        if q.schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": q.schema, "strict": True}}
        if q.reason:
            body["extra_body"] = {"reasoning": {"effort": "low", "summary": "auto"}}
        answer, more = self.streamed(api, body) if q.stream else (api.chat.completions.create(**body), {})
        said = answer.choices[0].message
        turn = said.model_dump(exclude_none=True, exclude={"parsed"}) | more
        turn["role"] = "assistant"  # of a stream it joins the roles, which every one of OpenRouter's chunks bears
        for call in turn.get("tool_calls", []):
            call.pop("index", None)
            call["function"].pop("parsed_arguments", None)
        details = answer.usage.completion_tokens_details
        return Told(
            text=said.content or "", thought=turn.get("reasoning"), turn=turn,
            calls=[Call(c.id, c.function.name, json.loads(c.function.arguments)) for c in said.tool_calls or []],
            finish={"stop": "stop", "tool_calls": "tool"}[answer.choices[0].finish_reason],
            usage=Usage(answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.cost, details and details.reasoning_tokens))

    def streamed(self, api: openai.OpenAI, body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Its own accumulator, which knows nothing of reasoning: that is put together here, as who needs it would."""
        thought, details = "", []
        with api.chat.completions.stream(**body, stream_options={"include_usage": True}) as stream:
            for event in stream:
                delta = event.chunk.choices[0].delta if event.type == "chunk" and event.chunk.choices else None
                thought += getattr(delta, "reasoning", None) or ""
                for detail in getattr(delta, "reasoning_details", None) or []:
                    last = next((d for d in details if (d["index"], d["type"]) == (detail["index"], detail["type"])), None)
                    if last is None:
                        details.append(dict(detail))
                        continue
                    for name in ("text", "summary", "data"):
                        if name in detail:
                            last[name] = last.get(name, "") + detail[name]
                    last |= {"signature": detail["signature"]} if detail.get("signature") else {}
            answer = stream.get_final_completion()
        return answer, ({"reasoning": thought} if thought else {}) | ({"reasoning_details": details} if details else {})


# --- responses ---


def items(turn: Said | Told | Results) -> list[Any]:
    if isinstance(turn, Told):
        return turn.turn
    if isinstance(turn, Results):
        return [{"type": "function_call_output", "call_id": c.id, "output": text} for c, text in turn.of]
    content: list[dict[str, Any]] = [{"type": "input_text", "text": turn.text}]
    if turn.image:
        content.append({"type": "input_image", "image_url": turn.image, "detail": "auto"})
    return [{"role": "user", "content": content}]


class Failed(Exception):
    """A response that failed while it was streamed is an answer to this client, and its status says so."""


class Responses(OpenAI):
    name = "openai responses"
    errors = ERRORS | {"cut": Failed}

    def cannot(self, format: str, stream: bool) -> set[str]:
        return {"thought given back"} if format == "openai" else set()  # which signs none and takes none in translation

    def ask(self, api: openai.OpenAI, q: Question) -> Told:
        body: dict[str, Any] = {"model": q.model, "input": [i for t in q.turns for i in items(t)], "max_output_tokens": 2000, "store": False}
        if q.tools:
            body["tools"] = [{"type": "function", "name": n, "parameters": matrix.TEXT, "strict": True} for n in q.tools]
        if q.schema:
            body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": q.schema, "strict": True}}
        if q.reason:
            body |= {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
        answer = self.streamed(api, body) if q.stream else api.responses.create(**body)
        if answer.status == "failed":
            assert answer.error and answer.error.code and answer.error.message
            raise Failed(answer.error.message)
        calls = [i for i in answer.output if i.type == "function_call"]
        thoughts = [i.summary or i.content or [] for i in answer.output if i.type == "reasoning"]
        usage = answer.usage
        return Told(
            text=answer.output_text, calls=[Call(c.call_id, c.name, json.loads(c.arguments)) for c in calls],
            thought="".join(p.text for parts in thoughts for p in parts),
            finish=("tool" if calls else "stop") if answer.status == "completed" else answer.status,
            usage=Usage(usage.input_tokens, usage.output_tokens, usage.cost, usage.output_tokens_details.reasoning_tokens),
            turn=[i.model_dump(exclude_none=True, exclude={"parsed_arguments": True, "content": {"__all__": {"parsed"}}}) for i in answer.output])

    def streamed(self, api: openai.OpenAI, body: dict[str, Any]) -> Any:
        """Its helper gives out completed responses alone: the last event bears those that failed as well."""
        text, last = "", None
        for event in api.responses.create(**body, stream=True):
            text += event.delta if event.type == "response.output_text.delta" else ""
            last = event
        assert last.response.status == "failed" or last.response.output_text == text
        return last.response


class TestChat(matrix.Matrix):
    client = Chat()


class TestResponses(matrix.Matrix):
    client = Responses()


class TestChatsOwn(matrix.Own, matrix.Embeddings):
    client = Chat()


class TestResponsesOwn(matrix.Own):
    client = Responses()


# --- with the built-in simulated provider ---


def test_models(simulated):
    api = Chat().connect(simulated, simulated.key("openai client"))
    assert {"sim/echo", "sim/lorem"} <= {m.id for m in api.models.list()}


def test_chat_comes_in_pieces(simulated):
    api = Chat().connect(simulated, simulated.key("openai client"))
    hello = [{"role": "user", "content": matrix.HELLO}]
    pieces = [c.choices[0].delta.content for c in api.chat.completions.create(model="sim/echo", messages=hello, stream=True) if c.choices]
    assert "".join(filter(None, pieces)) == matrix.HELLO and len(list(filter(None, pieces))) > 1
