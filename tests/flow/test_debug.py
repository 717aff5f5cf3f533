"""debug.echo_upstream_body: what each provider that was tried is sent, at the beginning of a stream; and nothing else of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness import script, wire
from harness.gateway import MODEL, SLUG, Gateway, model

CREDENTIAL = "sk-upstream-canary-90c1"
ECHO = {"stream": True, "debug": {"echo_upstream_body": True}}


async def fails(x: script.Exchange) -> None:
    await x.respond(503, {"error": {"message": "busy"}})


async def messages(x: script.Exchange) -> None:
    await x.begin_stream()
    for event in ({"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}},
                  {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                  {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
                  {"type": "content_block_stop", "index": 0},
                  {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
                  {"type": "message_stop"}):
        await x.event(event)
    await x.raw(b"0\r\n\r\n")


def ready(launch, provide, *providers: tuple[str, script.Script]) -> tuple[Gateway, str, list[script.Provider]]:
    """A model on these (dialect and script), tried in this order; they are called P0, P1, ..."""
    scripted = [provide(play) for _, play in providers]
    gateway = launch({"providers": {f"p{i}": {"title": f"P{i}", "dialect": dialect, "base_url": p.base_url, "api_key": CREDENTIAL}
                                    for i, ((dialect, _), p) in enumerate(zip(providers, scripted))},
                      "models": [model(MODEL, *(f"p{i}" for i in range(len(scripted))))]})
    gateway.grant()
    return gateway, gateway.key(), scripted


def echoes(answer: wire.Answer) -> list[tuple[str, Any]]:
    assert CREDENTIAL not in answer.body.decode() and "authorization" not in answer.body.decode().lower()
    return [(c["provider"], c["debug"]["echo_upstream_body"]) for c in answer.chunks if "debug" in c]


def test_the_first_chunk_is_what_the_provider_got(launch, provide):
    gateway, key, [provider] = ready(launch, provide, ("openai", script.chat()))
    answer = gateway.chat(key, **ECHO)
    first = answer.chunks[0]
    assert first["choices"] == [] and first["object"] == "chat.completion.chunk" and first["id"] == answer.headers["x-generation-id"]
    assert echoes(answer) == [("P0", provider.requests[0].json())]
    assert "debug" not in provider.requests[0].json()
    assert answer.text == "Hello there" and answer.is_done and answer.usage["completion_tokens"] == 2


def test_line_ends_of_the_clients_body_end_no_line_of_the_stream(launch, provide):
    gateway, key, [provider] = ready(launch, provide, ("openai", script.chat()))
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]} | ECHO, indent=2).replace("\n", "\r\n").encode()
    answer = gateway.call("POST", SLUG, key, body)
    assert echoes(answer) == [("P0", provider.requests[0].json())] and answer.text == "Hello there"


def test_all_that_were_tried_are_told(launch, provide):
    gateway, key, providers = ready(launch, provide, ("openai", fails), ("anthropic", fails), ("openai", script.chat()))
    answer = gateway.chat(key, **ECHO)
    assert answer.status == 200 and answer.text == "Hello there"
    assert echoes(answer) == [(f"P{i}", p.requests[0].json()) for i, p in enumerate(providers)]
    assert "max_tokens" in echoes(answer)[1][1] and [bool(c.get("choices")) for c in answer.chunks[:4]] == [False] * 3 + [True]


def test_a_translated_request_is_told_as_it_was_sent(launch, provide):
    gateway, key, [provider] = ready(launch, provide, ("anthropic", messages))
    answer = gateway.chat(key, **ECHO)
    assert answer.chunks[0]["choices"] == [] and echoes(answer) == [("P0", provider.requests[0].json())]
    assert answer.text == "Hello" and answer.is_done


def test_responses_have_an_event_of_their_own(launch, provide):
    gateway, key, [provider] = ready(launch, provide, ("openai", script.chat()))
    answer = gateway.call("POST", "/api/v1/responses", key, {"model": MODEL, "input": "Hi"} | ECHO)
    seen = [json.loads(e) for e in answer.events]
    assert [e["type"] for e in seen[:4]] == ["response.created", "response.in_progress", "response.debug", "response.output_item.added"]
    assert [e["sequence_number"] for e in seen] == list(range(len(seen)))
    assert seen[2]["debug"] == {"echo_upstream_body": provider.requests[0].json()} and seen[2]["provider"] == "P0"
    assert CREDENTIAL not in answer.body.decode() and seen[-1]["type"] == "response.completed"


@pytest.mark.parametrize("more", [{"stream": False, "debug": {"echo_upstream_body": True}}, {"stream": True, "debug": {"echo_upstream_body": False}},
                                  {"stream": True, "debug": {}}, {"stream": True, "debug": {"echo_upstream_body": None}}])
def test_nothing_is_told_unasked_or_unstreamed(launch, provide, more):
    gateway, key, _ = ready(launch, provide, ("openai", script.chat()))
    for path, body in ((SLUG, {"messages": [{"role": "user", "content": "Hi"}]}), ("/api/v1/responses", {"input": "Hi"})):
        answer = gateway.call("POST", path, key, {"model": MODEL} | body | more)
        assert answer.status == 200 and b"echo" not in answer.body and b"debug" not in answer.body


@pytest.mark.parametrize("path", [SLUG, "/api/v1/responses"])
def test_a_wish_of_another_kind_is_refused(launch, provide, path):
    gateway, key, _ = ready(launch, provide, ("openai", script.chat()))
    answer = gateway.call("POST", path, key, {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "input": "Hi", "stream": True,
                                              "debug": {"echo_upstream_body": "yes"}})
    assert answer.status == 400 and answer.error["message"] == "debug.echo_upstream_body: expected true or false, got a string"


def test_an_answer_that_fails_in_plain_json_tells_nothing(launch, provide):
    gateway, key, _ = ready(launch, provide, ("openai", fails))
    answer = gateway.chat(key, **ECHO)
    assert answer.status == 503 and b"echo" not in answer.body


@pytest.mark.parametrize("dialect,play", [("openai", script.chat()), ("anthropic", messages)])
def test_a_large_body_is_not_told_and_the_answer_is_whole(launch, provide, dialect, play):
    gateway, key, _ = ready(launch, provide, (dialect, play))
    for size, is_told in ((200_000, True), (300_000, False)):
        answer = gateway.chat(key, messages=[{"role": "user", "content": "x" * size}], **ECHO)
        [(_, body)] = echoes(answer)
        assert (body is not None) == is_told
        assert answer.text.startswith("Hello") and answer.is_done
