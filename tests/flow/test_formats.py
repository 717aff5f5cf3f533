"""The table of faults where client and provider speak different formats, or the same one that is not OpenAI's: each
client format against each provider format, whole and streamed, alone and with a second endpoint that speaks another."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import pytest

from harness import wire
from harness.gateway import BINARY, COMPLETION_PRICE, PROMPT_PRICE, SLUG, Gateway

PROMPT = "Several words that come back, so that an answer can be cut in its middle."
CLIENTS = ["openai", "anthropic", "responses"]
PROVIDERS = {"openai": "/v1", "responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "bedrock": ""}  # and where its base URL ends
PAIRS = [(c, p) for c in CLIENTS for p in PROVIDERS if (c, p) != ("openai", "openai")]
AWS = {"region": "eu-central-1", "access_key_id": "AKIASIM", "secret_access_key": "sim/secret", "session_token": "sim+token"}
FAULTS = ["none", "429-retry-after", "429", "500-once", "503", "reset", "refused", "silent", "cut", "stall", "malformed",
          "no-done", "context", "filter", "error-first", "no-usage", "auth"]
REFUSED = {"429-retry-after": 429, "429": 429, "503": 503, "reset": 502, "refused": 502, "auth": 502, "silent": 504,
           "context": 400}
BROKEN = {"cut": 502, "stall": 504, "malformed": 502}
COUNTING = ("500-once",)
CASES = [(client, provider, fault, kind, stream) for client, provider in PAIRS for fault in FAULTS
         for kind in ("only", "fault") for stream in (False, True)]


@dataclass
class Told:
    """What an answer says, whatever its format."""
    answer: wire.Answer
    text: str = ""
    finish: str | None = None
    is_ended: bool = False
    prompt: int = 0
    completion: int = 0
    cost: float = 0.0
    error: dict[str, Any] | None = None


def read_openai(a: wire.Answer, stream: bool) -> Told:
    told = Told(a)
    if not a.headers["content-type"].startswith("text/event-stream"):
        body = a.json()
        told.error = body.get("error")
        if not told.error:
            told.text, told.finish = body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]
            told.is_ended = True
        usage = body.get("usage", {})
    else:
        told.text, told.is_ended = a.text, a.is_done
        told.error = next((c["error"] for c in a.chunks if "error" in c), None)
        told.finish = a.chunks[-1]["choices"][0]["finish_reason"]
        usage = a.usage
    told.prompt, told.completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    told.cost = usage.get("cost", 0)
    return told


def read_anthropic(a: wire.Answer, stream: bool) -> Told:
    told = Told(a)
    usage: dict[str, Any] = {}
    if not a.headers["content-type"].startswith("text/event-stream"):
        body = a.json()
        told.error = body.get("error") if body["type"] == "error" else None
        if not told.error:
            told.text, told.finish = "".join(b["text"] for b in body["content"]), body["stop_reason"]
            told.is_ended, usage = True, body["usage"]
    else:
        seen = a.named_events
        if not any(e["type"] == "error" for e in seen):
            assert [e["type"] for e in seen[:2]] == ["message_start", "content_block_start"], seen[:3]
        told.text = "".join(e["delta"].get("text", "") for e in seen if e["type"] == "content_block_delta")
        told.error = next((e["error"] for e in seen if e["type"] == "error"), None)
        told.is_ended = seen[-1]["type"] == "message_stop"
        for e in seen:
            if e["type"] == "message_delta":
                told.finish, usage = e["delta"]["stop_reason"], e["usage"]
    told.prompt, told.completion = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    told.cost = usage.get("cost", 0)
    return told


def read_responses(a: wire.Answer, stream: bool) -> Told:
    told = Told(a)
    if not a.headers["content-type"].startswith("text/event-stream"):
        last = a.json()
        told.error = last.get("error")
        told.is_ended = told.error is None
    else:
        seen = a.named_events
        told.text = "".join(e["delta"] for e in seen if e["type"] == "response.output_text.delta")
        last = seen[-1].get("response", {})
        told.error = last.get("error")
        told.is_ended = seen[-1]["type"] in ("response.completed", "response.incomplete")
        assert [e["type"] for e in seen[:2]] == ["response.created", "response.in_progress"], seen[:3]
        assert [e["sequence_number"] for e in seen] == list(range(len(seen)))
    if told.is_ended:
        said = "".join(p["text"] for i in last["output"] for p in i.get("content", []))
        assert not stream or said == told.text
        told.text, cut = said, last["incomplete_details"]
        told.finish = cut["reason"] if cut else last["status"]
    usage = last.get("usage") or {}
    told.prompt, told.completion = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    told.cost = usage.get("cost", 0)
    return told


FORMATS = {"openai": (SLUG, read_openai, {"stop": "stop", "filter": "content_filter"}),
           "anthropic": ("/api/v1/messages", read_anthropic, {"stop": "end_turn", "filter": "refusal"}),
           "responses": ("/api/v1/responses", read_responses, {"stop": "completed", "filter": "content_filter"})}


async def ask(port: int, key: str, client: str, model: str, stream: bool) -> Told:
    path, read, _ = FORMATS[client]
    body: dict[str, Any] = {"model": model, "stream": stream}
    if client == "responses":
        body |= {"max_output_tokens": 64, "input": PROMPT}
    else:
        body |= {"max_tokens": 64, "messages": [{"role": "user", "content": PROMPT}]}
    fields = {"x-api-key": key, "anthropic-version": "2023-06-01"} if client == "anthropic" else {"Authorization": f"Bearer {key}"}
    return read(await wire.request(port, "POST", path, fields, body), stream)


def settings(port: int, nobody: int) -> dict[str, Any]:
    def provider(dialect: str, at: int) -> dict[str, Any]:
        credential = {"aws": AWS} if dialect == "bedrock" else {"api_key": "sk-sim"}
        return {"dialect": dialect, "base_url": f"http://127.0.0.1:{at}{PROVIDERS[dialect]}",
                "deadlines": {"connect": "5s", "first": "4s", "idle": "3s", "total": "60s"}} | credential

    def endpoint(name: str, native: str) -> dict[str, Any]:
        return {"provider": name, "model": native, "price": {"prompt": PROMPT_PRICE, "completion": COMPLETION_PRICE},
                "context": 100000, "max_output": 4096}

    models = []
    for dialect in PROVIDERS:
        other = "openai" if dialect == "anthropic" else "anthropic"
        for fault in FAULTS:
            native = "echo" if fault == "none" else f"only-{fault}"
            first = endpoint(f"{dialect}-nobody" if fault == "refused" else dialect, native)
            models += [{"id": f"{dialect}/only-{fault}", "endpoints": [first]},
                       {"id": f"{dialect}/fault-{fault}", "endpoints": [first, endpoint(other, "echo")]}]
    return {"models": models, "providers": {name + suffix: provider(name, at) for name in PROVIDERS
                                            for suffix, at in (("", port), ("-nobody", nobody))}}


@pytest.fixture(scope="module")
def sim() -> Iterator[int]:
    """The simulated provider on its own, which takes Bedrock's requests only where they are signed; its port."""
    key = ":".join((AWS["access_key_id"], AWS["secret_access_key"], AWS["session_token"]))
    with subprocess.Popen([BINARY, "sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=os.environ | {"TURNPIKE_SIM_AWS_KEY": key}) as p:
        for line in p.stdout or ():
            if m := re.search(r"http://127\.0\.0\.1:(\d+)/v1", line):
                yield int(m[1])
                break
        p.terminate()


@pytest.fixture(scope="module")
def gateway(module_dir: Path, sim: int) -> Iterator[Gateway]:
    with socket.socket() as nobody:  # bound, and nobody listens
        nobody.bind(("127.0.0.1", 0))
        g = Gateway(module_dir, settings(sim, nobody.getsockname()[1])).start()
        g.grant("1000")
        yield g
        assert g.stop() == 0


@pytest.fixture(scope="module")
def played(gateway: Gateway) -> dict[Any, Told]:
    """All at once, but for faults that count their requests."""
    key = gateway.key("formats")
    out: dict[Any, Told] = {}

    async def lane(cases: list[Any]) -> None:
        for case in cases:
            client, provider, fault, kind, stream = case
            out[case] = await ask(gateway.port, key, client, f"{provider}/{kind}-{fault}", stream)

    async def all_of_them() -> None:
        lanes = [[c] for c in CASES if c[2] not in COUNTING] + [[c for c in CASES if c[2] in COUNTING]]
        await asyncio.gather(*map(lane, lanes))

    asyncio.run(all_of_them())
    return out


def generation(gateway: Gateway, told: Told) -> dict[str, Any]:
    found = gateway.get(f"/api/v1/generation?id={told.answer.headers['x-generation-id']}", gateway.key("look"))
    assert found.status == 200, found.body
    return found.json()["data"]


def assert_answered(told: Told, client: str, finish: str = "stop") -> None:
    assert told.answer.status == 200, told.answer.body
    assert told.answer.complete and told.is_ended and told.error is None, told.answer.body
    assert told.finish == FORMATS[client][2][finish]
    assert told.cost > 0 and told.prompt > 0


def assert_refused(told: Told, client: str, status: int) -> None:
    a = told.answer
    assert a.status == status, (a.status, a.body[:300])
    assert a.complete and a.headers["content-type"].startswith("application/json")
    assert told.error and told.error["message"]
    if client == "responses":
        assert told.error["code"] == status and told.error["metadata"]["error_type"]
    elif client == "openai":
        assert told.error["code"] == status and set(a.json()) == {"error"}
    else:
        assert a.json()["type"] == "error" and told.error["type"].endswith("_error")


def assert_broken(told: Told, client: str) -> None:
    assert told.answer.status == 200 and told.answer.complete
    assert told.text, "nothing came before the fault"
    assert told.error and not told.is_ended, "a cut stream ended as if whole"
    assert told.finish == ("error" if client == "openai" else None)


@pytest.mark.parametrize("client,provider,fault,kind,stream", CASES)
def test_a_fault_between_two_formats(played, client, provider, fault, kind, stream):
    told = played[client, provider, fault, kind, stream]
    has_second = kind == "fault"
    if fault == "context" or (fault in REFUSED and not has_second):
        assert_refused(told, client, REFUSED[fault])
        wait = told.answer.headers.get("retry-after")
        assert wait == ("1" if fault == "429-retry-after" else None)
    elif fault in BROKEN and stream:
        assert_broken(told, client)
    elif fault in BROKEN and not has_second:
        assert_refused(told, client, BROKEN[fault])
    elif fault == "error-first" and not has_second:
        assert_refused(told, client, 503)
    elif fault == "filter":
        assert_answered(told, client, "filter")
    else:
        assert_answered(told, client)
        assert told.text == PROMPT


@pytest.mark.parametrize("client,provider", PAIRS)
@pytest.mark.parametrize("stream", [False, True])
def test_usage_is_the_providers_or_marked_as_estimated(gateway, played, client, provider, stream):
    known = played[client, provider, "none", "only", stream]
    record = generation(gateway, known)
    assert record["estimated"] is False and record["finish_reason"] == "stop"
    assert (record["tokens_prompt"], record["tokens_completion"]) == (known.prompt, known.completion)
    guessed = generation(gateway, played[client, provider, "no-usage", "only", stream])
    assert guessed["estimated"] is True and guessed["tokens_completion"] > 0


@pytest.mark.parametrize("client,provider", PAIRS)
def test_what_broke_is_recorded_so(gateway, played, client, provider):
    for fault in BROKEN:
        record = generation(gateway, played[client, provider, fault, "only", True])
        assert record["finish_reason"] == "error" and record["total_cost"] > 0
        assert record["estimated"] is True and record["tokens_completion"] > 0


@pytest.mark.parametrize("client,provider", PAIRS)
def test_a_tool_is_asked_for(gateway, client, provider):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    said = [{"role": "user", "content": "call weather"}]
    bodies = {
        "anthropic": {"max_tokens": 64, "messages": said, "tool_choice": {"type": "any"},
                      "tools": [{"name": "weather", "input_schema": schema}]},
        "openai": {"max_tokens": 64, "messages": said, "tool_choice": "required",
                   "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema}}]},
        "responses": {"max_output_tokens": 64, "input": said, "tool_choice": "required",
                      "tools": [{"type": "function", "name": "weather", "parameters": schema}]}}
    answers = [gateway.call("POST", FORMATS[client][0], gateway.key("tools"),
                            bodies[client] | {"model": f"{provider}/only-none", "stream": stream}) for stream in (False, True)]
    assert [a.status for a in answers] == [200, 200], answers
    wanted = ("weather", {"text": "call weather"})  # what the simulated provider calls it with
    assert [calls_of(client, a) for a in answers] == [[wanted]] * 2, answers


def calls_of(client: str, a: wire.Answer) -> list[tuple[str, Any]]:
    """Names and arguments of the tools that are called, whole or streamed."""
    is_stream = a.headers["content-type"].startswith("text/event-stream")
    if client == "responses":
        items = (a.named_events[-1]["response"] if is_stream else a.json())["output"]
        return [(i["name"], json.loads(i["arguments"])) for i in items if i["type"] == "function_call"]
    if client == "openai" and not is_stream:
        assert a.json()["choices"][0]["finish_reason"] == "tool_calls"
        called = [c["function"] for c in a.json()["choices"][0]["message"]["tool_calls"]]
        return [(f["name"], json.loads(f["arguments"])) for f in called]
    if client == "openai":
        assert a.chunks[-1]["choices"][0]["finish_reason"] == "tool_calls" or a.usage
        deltas = [d["function"] for c in a.chunks for x in c["choices"] for d in x["delta"].get("tool_calls", [])]
        names = [d["name"] for d in deltas if d.get("name")]
        return [(names[0], json.loads("".join(d.get("arguments", "") for d in deltas)))] if len(names) == 1 else []
    if not is_stream:
        assert a.json()["stop_reason"] == "tool_use"
        return [(b["name"], b["input"]) for b in a.json()["content"] if b["type"] == "tool_use"]
    seen = a.named_events
    names = [e["content_block"]["name"] for e in seen if e["type"] == "content_block_start"]
    said = "".join(e["delta"].get("partial_json", "") for e in seen if e["type"] == "content_block_delta")
    return [(names[0], json.loads(said))] if len(names) == 1 else []


def test_afterwards_nothing_is_held_and_the_ledger_agrees(gateway, played):
    assert not any(gateway.held().values())
    gateway.verify()
