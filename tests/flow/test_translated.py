"""What becomes of single things in an answer of another format, and of what a client asks about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness import script
from harness.gateway import Gateway, model

CALLS = [{"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}},
         {"type": "tool_use", "id": "toolu_2", "name": "at", "input": {"place": "Oslo"}}]
TOOLS = [{"type": "function", "function": {"name": n}} for n in ("now", "at")]


def message(content: list[dict[str, Any]], stop: str) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content, "stop_reason": stop,
            "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 2}}


def events(content: list[dict[str, Any]], stop: str) -> list[dict[str, Any]]:
    """As Anthropic streams a call: arguments in pieces, of which there may be one that is empty."""
    out = [{"type": "message_start", "message": message([], None)}]
    for i, block in enumerate(content):
        args = json.dumps(block["input"]) if block["input"] else ""
        out += [{"type": "content_block_start", "index": i, "content_block": block | {"input": {}}},
                {"type": "content_block_delta", "index": i, "delta": {"type": "input_json_delta", "partial_json": ""}},
                {"type": "content_block_delta", "index": i, "delta": {"type": "input_json_delta", "partial_json": args}},
                {"type": "content_block_stop", "index": i}]
    return out + [{"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 2}},
                  {"type": "message_stop"}]


async def calls(x: script.Exchange) -> None:
    if not x.request.json().get("stream"):
        await x.respond(200, message(CALLS, "tool_use"))
        return
    await x.begin_stream()
    for e in events(CALLS, "tool_use"):
        await x.piece(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode())
    await x.raw(b"0\r\n\r\n")


@pytest.fixture(scope="module")
def claude(module_dir):
    provider = script.Provider(calls)
    gateway = Gateway(module_dir, {
        "providers": {"anthropic": {"dialect": "anthropic", "base_url": provider.base_url, "api_key": "sk"}},
        "models": [model("test/claude", "anthropic")]}).start()
    gateway.grant()
    yield gateway, gateway.key(), provider
    gateway.stop()
    provider.close()


@pytest.mark.parametrize("stream", [False, True])
def test_arguments_of_a_call_without_any_can_be_parsed(claude, stream):
    """OpenAI's clients parse them: nothing is no JSON."""
    gateway, key, provider = claude
    provider.script = calls
    expected = [("now", {}), ("at", {"place": "Oslo"})]
    answer = gateway.chat(key, "test/claude", tools=TOOLS, stream=stream)
    assert answer.status == 200, answer.body
    told: dict[int, list[str]] = {}
    if stream:
        for chunk in answer.chunks:
            for choice in chunk["choices"]:
                for c in choice["delta"].get("tool_calls", []):
                    told.setdefault(c["index"], ["", ""])
                    told[c["index"]][0] += c["function"].get("name", "")
                    told[c["index"]][1] += c["function"].get("arguments", "")
    else:
        told = {i: [c["function"]["name"], c["function"]["arguments"]]
                for i, c in enumerate(answer.json()["choices"][0]["message"]["tool_calls"])}
    assert [(name, json.loads(args)) for name, args in told.values()] == expected

    answer = gateway.call("POST", "/api/v1/responses", key, {
        "model": "test/claude", "input": "Hi", "stream": stream, "tools": [{"type": "function"} | t["function"] for t in TOOLS]})
    if stream:
        lines = answer.chunks
        pieces = ["".join(e["delta"] for e in lines if e["type"].endswith("arguments.delta") and e["output_index"] == i) for i in (0, 1)]
        assert [json.loads(p) for p in pieces] == [args for _, args in expected]
        done = [e["arguments"] for e in lines if e["type"].endswith("arguments.done")]
        assert done == pieces
        output = lines[-1]["response"]["output"]
    else:
        output = answer.json()["output"]
    assert [(c["name"], json.loads(c["arguments"])) for c in output] == expected


THOUGHT = {"type": "thinking", "thinking": 'Hm: "é😀"\n', "signature": "QUJD/+x=="}


async def signs(x: script.Exchange) -> None:
    if not x.request.json().get("stream"):
        await x.respond(200, message([THOUGHT, {"type": "text", "text": "Hi"}], "end_turn"))
        return
    await x.begin_stream()
    for e in [{"type": "message_start", "message": message([], None)},
              {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
              *({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": c}} for c in THOUGHT["thinking"]),
              {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": THOUGHT["signature"]}},
              {"type": "content_block_stop", "index": 0},
              {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
              {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
              {"type": "content_block_stop", "index": 1},
              {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}},
              {"type": "message_stop"}]:
        await x.piece(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode())
    await x.raw(b"0\r\n\r\n")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("known", [("encrypted_content",), ("encrypted_content", "content", "signature", "format")])
def test_signed_thoughts_survive_clients_that_know_encrypted_ones_alone(claude, stream, known):
    """Such a client gives back the id, a summary and what is encrypted; one that knows all gives back all. Once, either way."""
    gateway, key, provider = claude
    provider.script = signs
    asked = {"model": "test/claude", "input": [{"type": "message", "role": "user", "content": "Hi"}], "stream": stream,
             "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"}, "max_output_tokens": 4000}
    answer = gateway.call("POST", "/api/v1/responses", key, asked)
    output = (answer.chunks[-1]["response"] if stream else answer.json())["output"]
    item = output[0]
    back = {k: item[k] for k in ("type", "id", "summary", *known)}
    again = asked | {"input": [*asked["input"], back, output[1], {"type": "message", "role": "user", "content": "And?"}]}
    assert gateway.call("POST", "/api/v1/responses", key, again).status == 200
    sent = provider.requests[-1].json()
    assert sent["messages"][1]["content"][0] == THOUGHT and len(sent["messages"][1]["content"]) == 2
    assert sent["thinking"]["type"] == "enabled"
    bare = gateway.call("POST", "/api/v1/responses", key, {k: v for k, v in asked.items() if k not in ("include", "stream")})
    assert "encrypted_content" not in bare.json()["output"][0]


async def thinks(x: script.Exchange) -> None:
    thoughts = {"reasoning_content": "secret", "reasoning_details": [{"type": "reasoning.text", "text": "secret"}]}
    if not x.request.json().get("stream"):
        body = script.completion("Hello", script.usage(9, 2))
        body["choices"][0]["message"] |= thoughts
        await x.respond(200, body)
        return
    await x.begin_stream()
    for c in (script.chunk({"role": "assistant", "content": ""}), script.chunk(thoughts), script.chunk({"reasoning": "secret"}),
              script.chunk({"reasoning": "secret too"}), script.chunk({"content": "Hel"}), script.chunk({"content": "lo"}),
              script.chunk({}, "stop"), script.usage_chunk(script.usage(9, 2))):
        await x.event(c)
    await x.end_stream()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asked", [{"reasoning": {"effort": "low", "exclude": True}}, {"include_reasoning": False}])
def test_thoughts_that_are_not_wanted_do_not_pass(pair, asked, stream):
    pair.provider.script = thinks
    answer = pair.gateway.chat(pair.key, stream=stream, **asked)
    assert answer.status == 200 and answer.text == "Hello"
    assert b"secret" not in answer.body and b"reasoning_details" not in answer.body
    assert answer.usage["completion_tokens"] == 2
    shown = pair.gateway.chat(pair.key, stream=stream)
    assert b"secret" in shown.body
