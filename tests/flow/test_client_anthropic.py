"""Anthropic's own Python client, pointed at us, against each provider's format."""

from __future__ import annotations

import re
from typing import Any

import anthropic
import pytest

from harness import matrix
from harness.gateway import Gateway
from harness.matrix import Call, Question, Results, Said, Told, Usage


def message(turn: Said | Told | Results) -> dict[str, Any]:
    if isinstance(turn, Told):
        return {"role": "assistant", "content": turn.turn}
    if isinstance(turn, Results):
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": c.id, "content": text} for c, text in turn.of]}
    content: list[dict[str, Any]] = [{"type": "text", "text": turn.text}]
    if turn.image and (m := re.fullmatch(r"data:(.*);base64,(.*)", turn.image)):
        content.insert(0, {"type": "image", "source": {"type": "base64", "media_type": m[1], "data": m[2]}})
    return {"role": "user", "content": content}


class Messages(matrix.Client):
    name = "anthropic"
    errors = {
        "bad": anthropic.BadRequestError, "unauthorized": anthropic.AuthenticationError,
        "poor": matrix.has_status(anthropic.APIStatusError, 402, 403), "missing": anthropic.NotFoundError,
        "limited": anthropic.RateLimitError, "unavailable": anthropic.InternalServerError, "cut": anthropic.APIError,
    }

    def cannot(self, format: str, stream: bool) -> set[str]:
        """It has no word for the summary that OpenAI's models show to who asks for it."""
        more = {"responses": {"thought"}, "openai": {"thought given back"}}
        return {"reasoning tokens"} | more.get(format, set())

    def connect(self, gateway: Gateway, key: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=f"http://127.0.0.1:{gateway.port}/api", api_key=key, max_retries=0, timeout=30)

    def ask(self, api: anthropic.Anthropic, q: Question) -> Told:
        body: dict[str, Any] = {"model": q.model, "max_tokens": 2000, "messages": [message(t) for t in q.turns]}
        if q.tools:
            body["tools"] = [{"name": n, "input_schema": matrix.TEXT} for n in q.tools]
        if q.schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": q.schema}}
        if q.reason:
            body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        answer, cost = self.streamed(api, body) if q.stream else self.whole(api, body)
        blocks = {kind: [b for b in answer.content if b.type == kind] for kind in ("text", "tool_use", "thinking")}
        return Told(
            text="".join(b.text for b in blocks["text"]), calls=[Call(b.id, b.name, b.input) for b in blocks["tool_use"]],
            thought="".join(b.thinking for b in blocks["thinking"]), finish={"end_turn": "stop", "tool_use": "tool"}[answer.stop_reason],
            usage=Usage(answer.usage.input_tokens, answer.usage.output_tokens, cost), turn=answer.content)

    def whole(self, api: anthropic.Anthropic, body: dict[str, Any]) -> tuple[Any, float]:
        answer = api.messages.create(**body)
        return answer, answer.usage.cost

    def streamed(self, api: anthropic.Anthropic, body: dict[str, Any]) -> tuple[Any, float]:
        """Its accumulator takes known figures alone from the last usage: the cost is picked up here, as who needs it would."""
        cost = 0.0
        with api.messages.stream(**body) as stream:
            for event in stream:
                cost = event.usage.cost if event.type == "message_delta" else cost
            return stream.get_final_message(), cost


class TestMessages(matrix.Matrix):
    client = Messages()


class TestOwn(matrix.Own):
    client = Messages()


def test_tokens_are_counted(formats):
    api = Messages().connect(formats, formats.key("counts"))
    hello = [{"role": "user", "content": matrix.HELLO}]
    assert 0 < api.messages.count_tokens(model="at-openai/echo", messages=hello).input_tokens < 50
    with pytest.raises(anthropic.BadRequestError):
        api.messages.count_tokens(model="at-openai/echo", messages=[])
