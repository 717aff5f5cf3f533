"""Answers of providers that are not as their format says: every member of a good one wrong in every way, in every
format, whole and streamed, told to clients of every format.

What holds for all of them: a client gets an answer that is proper in its own format, or an error in its own shape; a stream
has one end, and one with an error never ends as if whole; a second endpoint makes up for a whole answer that is none;
nothing is held afterwards. A member that is read and of another kind than it should be is an error; NOT_READ names the rest."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import script, wire
from harness.eventstream import event as frame
from harness.gateway import SLUG, Gateway, model

LANES = 24
WRONG: list[Any] = [5, True, "x", [], {}, [{}], [None], ["x"]]
TEXT = "Hello"

# --- good answers: reasoning, text, a tool call, usage ---

OPENAI_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
ANTHROPIC_USAGE = {"input_tokens": 9, "output_tokens": 2}
GEMINI_USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
BEDROCK_USAGE = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11}
RESPONSES_OUTPUT: list[Any] = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
     "content": [{"type": "output_text", "text": TEXT, "annotations": []}]},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"}]


def responses(status: str, output: list[Any], **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "output": output, **more}


def responses_stream() -> list[Any]:
    begun = [{"type": "reasoning", "id": "rs_1", "summary": []},
             {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []},
             {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "", "status": "in_progress"}]
    at = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    out: list[Any] = [{"type": "response.created", "response": responses("in_progress", [])}]
    out += [{"type": "response.output_item.added", "output_index": 0, "item": begun[0]},
            {"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "hm"},
            {"type": "response.output_item.done", "output_index": 0, "item": RESPONSES_OUTPUT[0]},
            {"type": "response.output_item.added", "output_index": 1, "item": begun[1]},
            {"type": "response.content_part.added", **at, "part": {"type": "output_text", "text": "", "annotations": []}},
            {"type": "response.output_text.delta", **at, "delta": TEXT},
            {"type": "response.output_text.done", **at, "text": TEXT},
            {"type": "response.output_item.done", "output_index": 1, "item": RESPONSES_OUTPUT[1]},
            {"type": "response.output_item.added", "output_index": 2, "item": begun[2]},
            {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 2, "delta": "{}"},
            {"type": "response.output_item.done", "output_index": 2, "item": RESPONSES_OUTPUT[2]},
            {"type": "response.completed", "response": responses("completed", RESPONSES_OUTPUT, usage={**ANTHROPIC_USAGE, "total_tokens": 11})}]
    return out


CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
GOOD: dict[str, tuple[Any, list[Any]]] = {
    "openai": (
        {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
         "choices": [{"index": 0, "finish_reason": "tool_calls",
                      "message": {"role": "assistant", "reasoning_content": "hm", "content": TEXT, "tool_calls": [CALL]}}],
         "usage": OPENAI_USAGE},
        [script.chunk({"role": "assistant", "content": ""}), script.chunk({"reasoning_content": "hm"}), script.chunk({"content": TEXT}),
         script.chunk({"content": TEXT}), script.chunk({"tool_calls": [CALL]}), script.chunk({}, "tool_calls"),
         script.usage_chunk(OPENAI_USAGE), "[DONE]"]),
    "anthropic": (
        {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": None,
         "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": TEXT},
                     {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}], "usage": ANTHROPIC_USAGE},
        [{"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                                               "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}},
         {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
         {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
         {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
         {"type": "content_block_stop", "index": 0},
         {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
         {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": TEXT}},
         {"type": "content_block_stop", "index": 1},
         {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "c1", "name": "f", "input": {}}},
         {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
         {"type": "content_block_stop", "index": 2},
         {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 2}},
         {"type": "message_stop"}]),
    "responses": (responses("completed", RESPONSES_OUTPUT, usage={**ANTHROPIC_USAGE, "total_tokens": 11}), responses_stream()),
    "gemini": (
        {"candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [
            {"text": "hm", "thought": True}, {"text": TEXT}, {"functionCall": {"name": "f", "args": {"a": 1}}}]}}],
         "usageMetadata": GEMINI_USAGE, "modelVersion": "m", "responseId": "r"},
        [{"candidates": [{"index": 0, "content": {"role": "model", "parts": [p]}}], "modelVersion": "m", "responseId": "r"}
         for p in ({"text": "hm", "thought": True}, {"text": TEXT}, {"functionCall": {"name": "f", "args": {"a": 1}}})]
        + [{"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP"}],
            "usageMetadata": GEMINI_USAGE}]),
    "bedrock": (
        {"output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}, {"text": TEXT},
            {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"a": 1}}}]}}, "stopReason": "tool_use", "usage": BEDROCK_USAGE},
        [{"messageStart": {"role": "assistant"}},
         {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}},
         {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}},
         {"contentBlockStop": {"contentBlockIndex": 0}},
         {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": TEXT}}},
         {"contentBlockStop": {"contentBlockIndex": 1}},
         {"contentBlockStart": {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "c1", "name": "f"}}}},
         {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{}"}}}},
         {"contentBlockStop": {"contentBlockIndex": 2}},
         {"messageStop": {"stopReason": "tool_use"}},
         {"metadata": {"usage": BEDROCK_USAGE, "metrics": {"latencyMs": 5}}}]),
}
PROVIDERS = list(GOOD)

# --- what becomes of it ---

Path_ = tuple[Any, ...]


@dataclass
class Case:
    of: str  # what is wrong, for people
    answer: Any  # whole: JSON or bytes; streamed: events, JSON or bytes each
    path: Path_ = ()
    value: Any = None


def members(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inside:
        yield (*at, key)
        yield from members(v, (*at, key))


def with_member(value: Any, path: Path_, new: Any) -> Any:
    out = copy.deepcopy(value)
    holder = out
    for key in path[:-1]:
        holder = holder[key]
    if new is KeyError:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return out


def kind(v: Any) -> str:
    """numbers are of one kind, and null is of every kind"""
    return "number" if isinstance(v, (int, float)) and not isinstance(v, bool) else type(v).__name__


def value_at(value: Any, path: Path_) -> Any:
    for key in path:
        value = value[key]
    return value


def wrong_members(good: Any) -> Iterator[Case]:
    for path in members(good):
        old = value_at(good, path)
        for new in [None, KeyError, *WRONG]:
            of = [kind(v) for v in old] if isinstance(old, list) and old else ["dict"]
            is_wrong_list = isinstance(new, list) and new and kind(new[0]) not in of
            if new in (None, KeyError) or kind(new) != kind(old) or is_wrong_list:
                yield Case(f"{'.'.join(map(str, path))}: {new!r}", with_member(good, path, new), path, new)


BODIES = [b"", b"null", b"[]", b"{}", b'"x"', b"5", b"<html>busy</html>", b"{", b"\xff\xfe{}", b"\xef\xbb\xbf", b"[" * 3000, b'{"a":' * 3000]


def whole_cases(provider: str) -> list[Case]:
    good = GOOD[provider][0]
    text = json.dumps(good).encode()
    bytes_ = [Case(f"body {b[:20]!r}", b) for b in BODIES] + [Case("cut", text[:-5]), Case("more behind it", text + b"{}"),
              Case("a byte that is no UTF-8", text.replace(TEXT.encode(), b"\xff")), Case("NUL", text.replace(TEXT.encode(), b"\0")),
              Case("twice the same member", text[:-1] + b"," + text[1:])]
    return bytes_ + list(wrong_members(good))


def stream_cases(provider: str) -> list[Case]:
    good = GOOD[provider][1]
    out = [Case("nothing", [])]
    for i, event in enumerate(good):
        out += [Case(f"without event {i}", good[:i] + good[i + 1:]), Case(f"event {i} twice", good[:i + 1] + good[i:]),
                Case(f"nothing after event {i}", good[:i + 1])]
        if i:
            out.append(Case(f"event {i} before {i - 1}", good[:i - 1] + [event, good[i - 1]] + good[i + 1:]))
        out += [Case(f"event {i} is {b[:20]!r}", good[:i] + [b] + good[i + 1:]) for b in BODIES]
        if isinstance(event, dict):
            out += [Case(f"event {i}: {c.of}", good[:i] + [c.answer] + good[i + 1:], (i, *c.path), c.value) for c in wrong_members(event)]
    return out


async def send_stream(x: script.Exchange, provider: str, events: list[Any]) -> None:
    is_bedrock = provider == "bedrock"
    kind = "application/vnd.amazon.eventstream" if is_bedrock else "text/event-stream"
    await x.raw(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for e in events:
        if not is_bedrock:
            data = e if isinstance(e, bytes) else e.encode() if isinstance(e, str) else json.dumps(e).encode()
            name = f"event: {e['type']}\n".encode() if isinstance(e, dict) and isinstance(e.get("type"), str) else b""
            await x.piece(name + b"data: " + data + b"\n\n")
        elif isinstance(e, bytes):
            await x.piece(frame("contentBlockDelta", e))
        else:
            for name, payload in e.items():
                await x.piece(frame(name, payload))
    await x.raw(b"0\r\n\r\n")


# Usage that makes no sense is as usage that was not told: estimated. The rest is not looked at, and passed on where both speak the same.
NOT_READ = {
    "openai": r"created|usage|tool_calls\.0\.type$|logprobs",
    "anthropic": r"role|usage|input\.a|message\.(type|content|stop_reason)",
    "responses": r"object|created_at|usage|role|part\b|(item|output\.\d)\.status",
    "gemini": r"role|usageMetadata|args\.a",
    "bedrock": r"role|usage|input\.a|metrics|latencyMs"}


def must_fail(provider: str, case: Case) -> bool:
    """null and what is not there may be; of a list of objects an empty one; an object for a call's arguments."""
    path = ".".join(map(str, case.path))
    is_spared = case.value in (None, KeyError) or case.value == [] or re.search(NOT_READ[provider], path)
    is_part = path.endswith(("message.content", "delta.content")) and case.value == [{}]
    is_reason = isinstance(case.value, str)  # any word will do
    return bool(case.path) and not (is_spared or is_part or is_reason or (path.endswith("arguments") and case.value == {}))


# --- what is proper in a client's format ---

def want(what: Any, *kinds: Any) -> Any:
    assert isinstance(what, kinds) and (bool in kinds or not isinstance(what, bool)), f"{what!r} is none of {kinds}"
    return what


NONE = type(None)


def chat_part(m: Any) -> None:
    for name in ("refusal", "reasoning", "reasoning_content"):
        want(m.get(name), str, NONE)
    content = want(m.get("content"), str, list, NONE)
    assert not isinstance(content, list) or all(isinstance(p, dict) for p in content)
    for call in want(m.get("tool_calls") or [], list):
        function = want(want(call, dict).get("function") or {}, dict)
        want(call.get("id"), str, NONE), want(function.get("name"), str, NONE)
        want(function.get("arguments"), str, dict, NONE)


def chat_object(o: Any, is_whole: bool) -> None:
    assert want(o, dict).get("object", None) in (None, "x", "chat.completion" if is_whole else "chat.completion.chunk"), o
    want(o["id"], str), want(o["model"], str)
    assert not is_whole or o["choices"]
    for c in want(o.get("choices") or [], list):
        want(want(c, dict).get("index"), int, NONE), want(c.get("finish_reason"), str, NONE)
        part = want(c.get("message" if is_whole else "delta"), *([dict] if is_whole else [dict, NONE]))
        chat_part(part or {})
    for count in want(o.get("usage") or {}, dict).values():
        want(count, int, float, dict, bool, NONE)


def check_chat(a: wire.Answer, is_stream: bool) -> Any:
    if not is_stream:
        body = a.json()
        if "error" not in body:
            chat_object(body, True)
        return body.get("error")
    chunks = a.chunks
    for c in chunks:
        chat_object(c, False)
    errors = [c["error"] for c in chunks if "error" in c]
    assert len(errors) + a.is_done == 1, "one end"
    assert not errors or "error" in chunks[-1], "nothing after an error"
    assert a.body.count(b"[DONE]") == a.is_done
    return errors[0] if errors else None


BLOCKS = {"text": ("text", str), "thinking": ("thinking", str), "redacted_thinking": ("data", str), "tool_use": ("input", dict)}
DELTAS = {"text_delta": ("text", "text"), "thinking_delta": ("thinking", "thinking"), "signature_delta": ("signature", "thinking"),
          "input_json_delta": ("partial_json", "tool_use")}


def check_block(b: Any) -> None:
    name, kinds = BLOCKS[b["type"]]
    want(b[name], kinds)
    if b["type"] == "tool_use":
        want(b["id"], str), want(b["name"], str)


def check_messages(a: wire.Answer, is_stream: bool) -> Any:
    if not is_stream:
        body = a.json()
        if body["type"] == "error":
            return body["error"]
        for b in body["content"]:
            check_block(b)
        want(body["stop_reason"], str), want(body["usage"]["input_tokens"], int), want(body["usage"]["output_tokens"], int)
        return None
    seen = a.named_events
    assert seen[0]["type"] == "message_start"
    open_at, blocks, told = None, [], ""
    for e in seen[1:]:
        assert told not in ("message_stop", "error"), "nothing after the end"
        told = e["type"]
        if told == "content_block_start":
            assert open_at is None and e["index"] == len(blocks)
            check_block(e["content_block"])
            open_at, blocks = e["index"], [*blocks, e["content_block"]["type"]]
        elif told == "content_block_delta":
            name, of = DELTAS[e["delta"]["type"]]
            assert e["index"] == open_at and blocks[-1] == of
            want(e["delta"][name], str)
        elif told == "content_block_stop":
            assert e["index"] == open_at
            open_at = None
        elif told == "message_delta":
            want(e["delta"]["stop_reason"], str), want(e["usage"]["output_tokens"], int)
            assert open_at is None
        else:
            assert told in ("message_stop", "error", "ping"), e
    assert told in ("message_stop", "error"), "one end"
    return seen[-1]["error"] if told == "error" else None


def check_item(item: Any) -> None:
    if item["type"] == "message":
        for p in item["content"]:
            want(p["text"] if p["type"] == "output_text" else p["refusal"], str)
    elif item["type"] == "function_call":
        want(item["call_id"], str), want(item["name"], str), want(item["arguments"], str)
    else:
        assert item["type"] == "reasoning", item
        for p in [*item["summary"], *item.get("content", [])]:
            want(p["text"], str)


def check_responses(a: wire.Answer, is_stream: bool) -> Any:
    if not is_stream:
        body = a.json()
        if body.get("object") != "response":
            return body["error"]
        assert body["error"] is None and body["status"] in ("completed", "incomplete")
        for item in body["output"]:
            check_item(item)
        return None
    seen = a.named_events
    assert [e["sequence_number"] for e in seen] == list(range(len(seen)))
    assert seen[0]["type"] == "response.created"
    ends = [e for e in seen if e["type"] in ("response.completed", "response.incomplete", "response.failed", "error")]
    assert len(ends) == 1 and ends[0] is seen[-1], "one end"
    added = [e["output_index"] for e in seen if e["type"] == "response.output_item.added"]
    done = [e["output_index"] for e in seen if e["type"] == "response.output_item.done"]
    assert added == list(range(len(added))) and sorted(done) == done
    if seen[-1]["type"] in ("response.failed", "error"):
        return seen[-1]["response"]["error"]
    assert added == done
    for item in seen[-1]["response"]["output"]:
        check_item(item)
    return None


CLIENTS: dict[str, tuple[str, Callable[[wire.Answer, bool], Any]]] = {
    "openai": (SLUG, check_chat), "anthropic": ("/api/v1/messages", check_messages), "responses": ("/api/v1/responses", check_responses)}


def request(client: str, model_id: str, case: int, stream: bool) -> dict[str, Any]:
    words = f"case {case}"
    if client == "responses":
        return {"model": model_id, "stream": stream, "input": words, "max_output_tokens": 50}
    return {"model": model_id, "stream": stream, "messages": [{"role": "user", "content": words}], "max_tokens": 50}


def judge(client: str, a: wire.Answer, stream: bool) -> Any:
    """The error that it tells, None for an answer; fails for what is neither."""
    is_events = a.headers["content-type"].startswith("text/event-stream")
    assert a.complete and (a.status == 200 or not is_events) and (stream or not is_events)
    error = CLIENTS[client][1](a, is_events)
    assert error is None or (a.status == 200) == is_events
    assert not error or (want(error, dict) and want(error["message"], str))
    assert error or a.status == 200
    return error


# --- playing ---

ENDS = {"openai": "/v1", "responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "bedrock": ""}  # of base URLs
CREDENTIALS: dict[str, Any] = {"bedrock": {"aws": {"region": "eu-central-1", "access_key_id": "AK", "secret_access_key": "s"}}}


class Player:
    """A provider that answers by the number of the case in the prompt; under /second it works."""

    def __init__(self) -> None:
        self.provider, self.cases, self.stream = "", [], False  # type: str, list[Case], bool

    async def __call__(self, x: script.Exchange) -> None:
        if x.request.path.startswith("/second"):
            await x.respond(200, script.completion("made up for", OPENAI_USAGE))
            return
        found = re.search(rb"case (\d+)", x.request.body)
        case = self.cases[int(found[1])] if found else Case("no prompt", b"")
        if self.stream:
            await send_stream(x, self.provider, case.answer)
        else:
            await x.respond(200, case.answer)


@dataclass
class House:
    gateway: Gateway
    key: str
    player: Player

    def play(self, client: str, provider: str, model_id: str, stream: bool) -> list[tuple[Case, Any]]:
        """The error of each case, None for an answer."""
        cases = stream_cases(provider) if stream else whole_cases(provider)
        self.player.provider, self.player.cases, self.player.stream = provider, cases, stream
        out: list[Any] = [None] * len(cases)
        left = iter(range(len(cases)))

        async def lane() -> None:
            async with await wire.Connection.open(self.gateway.port) as c:
                for i in left:
                    a = await c.request("POST", CLIENTS[client][0], {"Authorization": f"Bearer {self.key}"},
                                        request(client, model_id, i, stream))
                    try:
                        out[i] = judge(client, a, stream)
                    except (AssertionError, LookupError, ValueError, TypeError) as e:
                        raise AssertionError(f"{cases[i].of}: {e!r} in {a}") from e

        async def all_lanes() -> None:
            await asyncio.wait_for(asyncio.gather(*(lane() for _ in range(LANES))), 300)

        asyncio.run(all_lanes())
        return list(zip(cases, out))


@pytest.fixture(scope="module")
def house(module_dir: Path) -> Iterator[House]:
    player = Player()
    maker = script.Provider(player)
    at = f"http://127.0.0.1:{maker.port}"
    providers = {p: {"dialect": p, "base_url": at + end} | CREDENTIALS.get(p, {"api_key": "sk-x"}) for p, end in ENDS.items()}
    providers["second"] = {"dialect": "openai", "base_url": f"{at}/second", "api_key": "sk-x"}
    models = [model(f"{kind}/{p}", *([p] if kind == "only" else [p, "second"])) for p in PROVIDERS for kind in ("only", "fault")]
    g = Gateway(module_dir, {"providers": providers, "models": models}).start()
    g.grant("1000000")
    yield House(g, g.key("bad-answers"), player)
    assert g.metrics()["turnpike_holds"] == 0 and g.metrics()["turnpike_held_dollars"] == 0
    g.verify()
    assert g.stop() == 0
    maker.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_bad_answer_is_a_proper_one_or_an_error(house, client, provider, stream):
    told = house.play(client, provider, f"only/{provider}", stream)
    passed = [case.of for case, error in told if must_fail(provider, case) and not error]
    assert not passed, f"{len(passed)} of {len(told)} passed for answers: {passed[:20]}"
    assert any(error for _, error in told) and not all(error for _, error in told)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_another_endpoint_makes_up_for_a_whole_answer_that_is_none(house, client, provider):
    told = house.play(client, provider, f"fault/{provider}", False)
    assert not [(case.of, error) for case, error in told if error]
