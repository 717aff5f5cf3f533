"""speak.py: the formats of clients and of providers as data: how a client of each asks, and what it is told; what a
provider of each answers when all is well, whole and as the events of a stream, to be broken by tests."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from . import script, wire

WORDS = ("One ", "two ", "three.")
TEXT = "".join(WORDS)
PROMPT, COMPLETION = 9, 3

# --- clients -----------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What an answer says, whatever its format."""
    text: str = ""
    finish: str | None = None
    is_ended: bool = False
    error: dict[str, Any] | None = None


def is_stream(a: wire.Answer) -> bool:
    return a.headers["content-type"].startswith("text/event-stream")


def read_chat(a: wire.Answer) -> Told:
    if not is_stream(a):
        body = a.json()
        if "error" in body:
            return Told(error=body["error"])
        choice = body["choices"][0]
        assert body["object"] == "chat.completion" and body["id"].startswith("gen-") and body["usage"]["cost"] >= 0
        return Told(choice["message"].get("content") or "", choice.get("finish_reason"), True)
    chunks = a.chunks
    told = Told(is_ended=a.is_done, error=next((c["error"] for c in chunks if c.get("error")), None))
    for c in chunks:
        for choice in c.get("choices") or []:
            told.finish = choice.get("finish_reason") or told.finish
            piece = (choice.get("delta") or {}).get("content")
            told.text += piece if isinstance(piece, str) else ""
    return told


def read_messages(a: wire.Answer) -> Told:
    if not is_stream(a):
        body = a.json()
        if body["type"] == "error":
            return Told(error=body["error"])
        assert body["type"] == "message" and body["role"] == "assistant" and body["usage"]["output_tokens"] >= 0
        return Told("".join(b.get("text", "") for b in body["content"]), body["stop_reason"], True)
    seen = a.named_events
    told = Told(is_ended=bool(seen) and seen[-1]["type"] == "message_stop",
                error=next((e["error"] for e in seen if e["type"] == "error"), None))
    for e in seen:
        told.text += e["delta"].get("text", "") if e["type"] == "content_block_delta" else ""
        told.finish = e["delta"]["stop_reason"] if e["type"] == "message_delta" else told.finish
    return told


def read_responses(a: wire.Answer) -> Told:
    def of(response: dict[str, Any], ended: bool) -> Told:
        text = "".join(p.get("text", "") for item in response["output"] if item["type"] == "message"
                       for p in item["content"])
        return Told(text, response["status"], ended, response.get("error"))

    if not is_stream(a):
        body = a.json()
        return Told(error=body["error"]) if "output" not in body else of(body, True)
    seen = a.named_events
    text = "".join(e["delta"] for e in seen if e["type"] == "response.output_text.delta")
    last = seen[-1] if seen else {"type": ""}
    if last["type"] in ("response.completed", "response.incomplete"):
        told = of(last["response"], True)
        assert told.text == text
        return told
    error = last["response"]["error"] if last["type"] == "response.failed" else last if last["type"] == "error" else None
    return Told(text, None, False, error)


def chat_error(a: wire.Answer) -> str:
    body = a.json()
    assert set(body) == {"error"} and body["error"]["code"] == a.status
    assert body["error"]["metadata"]["error_type"]
    return body["error"]["message"]


def messages_error(a: wire.Answer) -> str:
    body = a.json()
    assert body["type"] == "error" and set(body) == {"type", "error", "request_id"}, body
    assert body["error"]["type"].endswith("_error") or body["error"]["type"] == "request_too_large"
    return body["error"]["message"]


def responses_error(a: wire.Answer) -> str:
    body = a.json()
    assert body["error"]["code"] == a.status and body["error_type"]
    return body["error"]["message"]


@dataclass
class Client:
    path: str
    good: dict[str, Any]  # a request without its model
    read: Any             # an answer to Told
    error: Any            # of an answer that is an error: its shape is checked; the sentence

    def headers(self, key: str) -> dict[str, str]:
        if self.path.endswith("/messages"):
            return {"x-api-key": key, "anthropic-version": "2023-06-01"}
        return {"Authorization": f"Bearer {key}"}


SAY = [{"role": "user", "content": "Say three words."}]
CLIENTS = {
    "chat": Client("/api/v1/chat/completions", {"messages": SAY, "max_tokens": 64}, read_chat, chat_error),
    "messages": Client("/api/v1/messages", {"messages": SAY, "max_tokens": 64}, read_messages, messages_error),
    "responses": Client("/api/v1/responses", {"input": SAY, "max_output_tokens": 64}, read_responses, responses_error),
}

# --- providers ---------------------------------------------------------------------------------------------------------

Event = tuple[str, Any]  # its name, or ""; its data

OPENAI_WHOLE = script.completion(TEXT, script.usage(PROMPT, COMPLETION))
OPENAI_STREAM: list[Event] = [
    ("", script.chunk({"role": "assistant", "content": ""})), *(("", script.chunk({"content": w})) for w in WORDS),
    ("", script.chunk({}, "stop")), ("", script.usage_chunk(script.usage(PROMPT, COMPLETION))), ("", "[DONE]")]

MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": script.MODEL, "stop_sequence": None}
ANTHROPIC_WHOLE = MESSAGE | {"content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn",
                             "usage": {"input_tokens": PROMPT, "output_tokens": COMPLETION}}
ANTHROPIC_STREAM: list[Event] = [
    (data["type"], data) for data in [
        {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None,
                                                        "usage": {"input_tokens": PROMPT, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in WORDS),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": COMPLETION}},
        {"type": "message_stop"}]]


def candidate(text: str, finish: str | None, index: int = 0) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": [{"text": text}]}, "index": index} | (
        {"finishReason": finish} if finish else {})


def gemini(text: str, finish: str | None) -> dict[str, Any]:
    return {"candidates": [candidate(text, finish)], "modelVersion": script.MODEL, "responseId": "r1",
            "usageMetadata": {"promptTokenCount": PROMPT, "candidatesTokenCount": COMPLETION, "totalTokenCount": 12}}


GEMINI_WHOLE = gemini(TEXT, "STOP")
GEMINI_STREAM: list[Event] = [("", gemini(WORDS[0], None)), ("", gemini(WORDS[1], None)), ("", gemini(WORDS[2], "STOP"))]

WHOLE: dict[str, Any] = {"openai": OPENAI_WHOLE, "anthropic": ANTHROPIC_WHOLE, "gemini": GEMINI_WHOLE}
STREAM: dict[str, list[Event]] = {"openai": OPENAI_STREAM, "anthropic": ANTHROPIC_STREAM, "gemini": GEMINI_STREAM}


def whole(dialect: str) -> Any:
    return copy.deepcopy(WHOLE[dialect])


def stream(dialect: str) -> list[Event]:
    return copy.deepcopy(STREAM[dialect])


def sse(events: list[Event]) -> bytes:
    """The bytes of a stream. Data that is a text or bytes stands as it is."""
    out = b""
    for name, data in events:
        raw = data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
        out += (f"event: {name}\n".encode() if name else b"") + b"data: " + raw + b"\n\n"
    return out


def dialect_of(path: str) -> str:
    return path.split("/")[1]


def wants_stream(request: script.Request) -> bool:
    return "streamGenerateContent" in request.path or bool(request.json().get("stream"))


async def answer_well(x: script.Exchange) -> None:
    """A provider whose path begins with its dialect."""
    dialect = dialect_of(x.request.path)
    if not wants_stream(x.request):
        await x.respond(200, WHOLE[dialect])
        return
    await x.begin_stream()
    await x.piece(sse(STREAM[dialect]))
    await x.raw(b"0\r\n\r\n")


def providers(port: int, **more: Any) -> dict[str, Any]:
    """Settings: one provider of each dialect, by its name."""
    return {d: {"dialect": d, "base_url": f"http://127.0.0.1:{port}/{d}/{'v1beta' if d == 'gemini' else 'v1'}",
                "api_key": "sk-upstream"} | more for d in WHOLE}


def replaced(value: Any, path: list[Any], by: Any) -> Any:
    """A copy with another value at the place that the path leads to; what is missing on the way is made."""
    if not path:
        return by
    out = copy.copy(value)
    at, *rest = path
    if isinstance(out, list):
        out[at] = replaced(out[at], rest, by)
    else:
        out = dict(out or {})
        out[at] = replaced(out.get(at, {}), rest, by)
    return out


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[list[Any], Any]]:
    """Every place in a value, with what stands there: ["choices", 0, "delta"]."""
    out: list[tuple[list[Any], Any]] = [(list(path), value)]
    if isinstance(value, dict):
        for k, v in value.items():
            out += places(v, (*path, k))
    elif isinstance(value, list):
        for i, v in enumerate(value):
            out += places(v, (*path, i))
    return out


def spelled(path: list[Any]) -> str:
    """messages[0].content"""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
