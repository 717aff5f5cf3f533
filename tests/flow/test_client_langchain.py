"""LangChain's client of OpenAI's formats, pointed at us, against each provider's format: chat, and responses."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, message_chunk_to_message
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from harness import matrix
from harness.gateway import Gateway
from harness.matrix import Call, Question, Results, Said, Told, Usage

from test_client_openai import ERRORS


def messages(turn: Said | Told | Results) -> list[Any]:
    if isinstance(turn, Told):
        return [turn.turn]
    if isinstance(turn, Results):
        return [ToolMessage(text, tool_call_id=c.id) for c, text in turn.of]
    if not turn.image:
        return [HumanMessage(turn.text)]
    return [HumanMessage([{"type": "text", "text": turn.text}, {"type": "image_url", "image_url": {"url": turn.image}}])]


class LangChain(matrix.Client):
    errors = ERRORS
    options: dict[str, Any] = {}
    reason: dict[str, Any] = {}

    def connect(self, gateway: Gateway, key: str) -> dict[str, Any]:
        return {"base_url": f"http://127.0.0.1:{gateway.port}/api/v1", "api_key": key, "max_retries": 0, "timeout": 30}

    def ask(self, api: dict[str, Any], q: Question) -> Told:
        llm = ChatOpenAI(model=q.model, max_tokens=2000, stream_usage=True, **self.options, **api, **(self.reason if q.reason else {}))
        turns = [m for t in q.turns for m in messages(t)]
        if q.schema:
            maker = llm.with_structured_output(q.schema, method="json_schema")
            return Told(json.dumps(list(maker.stream(turns))[-1] if q.stream else maker.invoke(turns)))
        tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": matrix.TEXT}} for n in q.tools]
        bound: Any = llm.bind_tools(tools) if tools else llm
        answer: AIMessage = message_chunk_to_message(reduce(lambda a, b: a + b, bound.stream(turns))) if q.stream else bound.invoke(turns)
        assert not answer.invalid_tool_calls
        usage = answer.usage_metadata
        return Told(
            text=answer.text, calls=[Call(c["id"], c["name"], c["args"]) for c in answer.tool_calls], thought=self.thought(answer),
            finish=self.finish(answer), turn=answer,
            usage=usage and Usage(usage["input_tokens"], usage["output_tokens"], None, usage["output_token_details"].get("reasoning")))

    def embed(self, api: dict[str, Any], model: str, texts: list[str]) -> tuple[list[list[float]], None]:
        """Without its own counting of tokens, whose tables are fetched; it tells no usage."""
        return OpenAIEmbeddings(model=model, check_embedding_ctx_length=False, **api).embed_documents(texts), None

    def thought(self, answer: AIMessage) -> str | None:
        return None

    def finish(self, answer: AIMessage) -> str:
        """Of a stream it joins the finish reasons of the last two chunks, which are OpenRouter's way to tell the usage."""
        reason = answer.response_metadata["finish_reason"]
        return {"stop": "stop", "stopstop": "stop", "tool_calls": "tool", "tool_callstool_calls": "tool"}[reason]


class Chat(LangChain):
    """It leaves out all that OpenAI's chat does not have."""
    name = "langchain chat"
    reason = {"reasoning_effort": "low"}

    def cannot(self, format: str, stream: bool) -> set[str]:
        return {"cost", "thought", "thought given back"}


class Responses(LangChain):
    name = "langchain responses"
    options = {"use_responses_api": True, "store": False, "output_version": "responses/v1"}
    reason = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    errors = ERRORS | {"cut": ValueError}

    def cannot(self, format: str, stream: bool) -> set[str]:
        """It shows pieces of summaries alone, and gives back what is encrypted, not what is signed."""
        shown = {"thought"} if stream and format != "responses" else set()
        return {"cost"} | shown | ({"thought given back"} if format in ("openai", "anthropic", "bedrock") else set())

    def thought(self, answer: AIMessage) -> str | None:
        parts = [p for b in answer.content if b["type"] == "reasoning" for p in b.get("summary") or b.get("content") or []]
        return "".join(p["text"] for p in parts)

    def finish(self, answer: AIMessage) -> str:
        assert answer.response_metadata["status"] == "completed"
        return "tool" if answer.tool_calls else "stop"


class TestChat(matrix.Matrix):
    client = Chat()


class TestResponses(matrix.Matrix):
    client = Responses()


class TestChatsOwn(matrix.Own, matrix.Embeddings):
    client = Chat()
