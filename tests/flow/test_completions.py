"""POST /completions: prompts in the older format, whole and streamed, from providers that speak chats; the table of faults."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from harness import simulated, wire
from harness.gateway import MODEL, Gateway

PATH = "/api/v1/completions"
PROMPT = "Several words that come back, so that an answer can be cut in its middle."
PROVIDERS = ["openai", "anthropic", "gemini"]
FAULTS = ["none", "429-retry-after", "429", "500-once", "503", "reset", "refused", "silent", "cut", "stall", "malformed", "no-done",
          "context", "filter", "error-first", "no-usage", "auth"]
REFUSED = {"429-retry-after": 429, "429": 429, "503": 503, "reset": 502, "refused": 502, "auth": 502, "silent": 504, "context": 400}
BROKEN = {"cut": 502, "stall": 504, "malformed": 502}
CASES = [(provider, fault, kind, stream) for provider in PROVIDERS for fault in FAULTS for kind in ("only", "fault")
         for stream in (False, True)]


def settings(port: int, nobody: int) -> dict[str, Any]:
    models = []
    for name, other in (("openai", "anthropic"), ("anthropic", "openai"), ("gemini", "openai")):
        for fault in FAULTS:
            first = simulated.endpoint(f"{name}-nobody" if fault == "refused" else name, "echo" if fault == "none" else f"only-{fault}")
            models += [{"id": f"{name}/only-{fault}", "endpoints": [first]},
                       {"id": f"{name}/fault-{fault}", "endpoints": [first, simulated.endpoint(other, "echo")]}]
    return {"models": models, "providers": {name + suffix: simulated.provider(name, at) for name in PROVIDERS
                                            for suffix, at in (("", port), ("-nobody", nobody))}}


@pytest.fixture(scope="module")
def gateway(module_dir):
    with simulated.simulated() as (port, nobody):
        g = Gateway(module_dir, settings(port, nobody)).start()
        g.grant("1000")
        yield g
        assert g.stop() == 0


async def ask(port: int, key: str, model: str, stream: bool) -> wire.Answer:
    body = {"model": model, "stream": stream, "max_tokens": 64, "prompt": PROMPT}
    return await wire.request(port, "POST", PATH, {"Authorization": f"Bearer {key}"}, body)


@pytest.fixture(scope="module")
def played(gateway: Gateway) -> dict[Any, wire.Answer]:
    """All at once, but for the fault that counts its requests."""
    key = gateway.key("completions")
    out: dict[Any, wire.Answer] = {}

    async def lane(cases: list[Any]) -> None:
        for provider, fault, kind, stream in cases:
            out[provider, fault, kind, stream] = await ask(gateway.port, key, f"{provider}/{kind}-{fault}", stream)

    async def all_of_them() -> None:
        await asyncio.gather(*map(lane, [[c] for c in CASES if c[1] != "500-once"] + [[c for c in CASES if c[1] == "500-once"]]))

    asyncio.run(all_of_them())
    return out


def objects(a: wire.Answer) -> list[dict[str, Any]]:
    """A whole answer, or a stream's chunks."""
    return a.chunks if a.headers["content-type"].startswith("text/event-stream") else [a.json()]


def text(a: wire.Answer) -> str:
    return "".join(o["choices"][0]["text"] for o in objects(a))


def assert_answered(a: wire.Answer, stream: bool, finish: str = "stop") -> None:
    assert a.status == 200 and a.complete, a
    all_of_it = objects(a)
    assert a.is_done == stream and not any("error" in o for o in all_of_it)
    for o in all_of_it:
        assert o["object"] == "text_completion" and o["id"] == a.headers["x-generation-id"]
        assert "message" not in o["choices"][0] and "delta" not in o["choices"][0]
    last = all_of_it[-1]
    assert last["choices"][0]["finish_reason"] == finish and last["usage"]["cost"] > 0


@pytest.mark.parametrize("provider,fault,kind,stream", CASES)
def test_a_fault_of_a_provider_of_chats(played, provider, fault, kind, stream):
    a = played[provider, fault, kind, stream]
    is_alone = kind == "only"
    if fault == "context" or (fault in REFUSED and is_alone):
        assert a.status == REFUSED[fault] == a.error["code"] and a.headers["content-type"].startswith("application/json")
        assert a.headers.get("retry-after") == ("1" if fault == "429-retry-after" else None)
    elif fault in BROKEN and stream:
        last = a.chunks[-1]
        assert a.status == 200 and not a.is_done and text(a), "a cut stream ended as if whole"
        assert last["error"]["code"] == BROKEN[fault] and last["choices"][0]["finish_reason"] == "error"
    elif fault in BROKEN and is_alone:
        assert a.status == BROKEN[fault] == a.error["code"]
    elif fault == "error-first" and is_alone:
        assert a.status == 503 == a.error["code"]
    else:
        assert_answered(a, stream, "content_filter" if fault == "filter" else "stop")
        assert text(a) == PROMPT or fault == "filter"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_money_is_exact_and_on_record(gateway, played, provider, stream):
    a = played[provider, "none", "only", stream]
    usage = json.loads(json.dumps(objects(a)[-1]["usage"]), parse_float=Decimal)
    assert usage["prompt_tokens"] == usage["completion_tokens"] == (len(PROMPT) + 3) // 4
    assert Decimal(str(usage["cost"])) == simulated.cost(usage["prompt_tokens"], usage["completion_tokens"])
    found = gateway.get(f"/api/v1/generation?id={a.headers['x-generation-id']}", gateway.key("look"))
    record = json.loads(found.body, parse_float=Decimal)["data"]
    assert record["total_cost"] == Decimal(str(usage["cost"])) and record["streamed"] is stream
    assert record["estimated"] is False and record["finish_reason"] == "stop" and record["api_type"] == "completions"
    assert record["tokens_prompt"] == usage["prompt_tokens"]
    line = gateway.wait_log(msg="request", generation=a.headers["x-generation-id"])
    assert line["cost_nanos"] == str(int(record["total_cost"] * 10**9)) and line["stream"] == str(int(stream))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_usage_that_nobody_told_is_estimated(gateway, played, provider):
    a = played[provider, "no-usage", "only", True]
    found = gateway.get(f"/api/v1/generation?id={a.headers['x-generation-id']}", gateway.key("look")).json()["data"]
    assert found["estimated"] is True and found["tokens_prompt"] == (len(PROMPT) + 3) // 4


def test_other_models_take_over(gateway):
    key = gateway.key("fallbacks")
    body = {"model": "openai/only-context", "models": ["anthropic/only-503", "gemini/only-none"], "prompt": "Go on."}
    a = gateway.call("POST", "/v1/completions", key, body)
    assert a.status == 200 and a.json()["model"] == "gemini/only-none" and text(a) == "Go on."


@pytest.mark.parametrize("more,sentence", [
    ({"prompt": ["a", "b"]}, "prompt: expected a string, got an array"),
    ({"prompt": None}, "prompt: expected a string, got null"),
    ({"suffix": "x"}, "suffix: expected none"),
    ({"echo": True}, "echo: expected false"),
    ({"best_of": 2}, "best_of: expected at most n (1)"),
    ({"logprobs": 100}, "logprobs: expected a whole number from 0 to 20"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools: expected none"),
    ({"max_tokens": "7"}, "max_tokens: expected a whole number"),
    ({"temperature": 3}, "temperature: expected a number from 0 to 2"),
    ({"model": 7}, "model: expected a string, got a number"),
])
def test_bad_input_names_its_field(gateway, more, sentence):
    a = gateway.call("POST", PATH, gateway.key("bad"), {"model": "openai/only-none", "prompt": "x"} | more)
    assert a.status == 400 == a.error["code"] and a.error["message"].startswith(sentence), a.body


def test_odds_of_tokens_come_in_columns(pair):
    odds = {"content": [{"token": "Hi", "logprob": -0.25, "bytes": None, "top_logprobs": [{"token": "Hi", "logprob": -0.25, "bytes": None},
                                                                                            {"token": "Ho", "logprob": -2.5, "bytes": None}]},
                        {"token": "!", "logprob": -1, "bytes": None, "top_logprobs": []}]}

    async def script(x):
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hi!"}, "logprobs": odds, "finish_reason": "stop"}
        await x.respond(200, {"id": "c", "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})

    pair.provider.script = script
    a = pair.gateway.call("POST", PATH, pair.key, {"model": MODEL, "prompt": "x", "logprobs": 2, "suffix": "", "best_of": 1, "echo": False})
    assert a.status == 200, a.body
    asked = pair.provider.wait_requests(1)[0].json()
    assert asked["logprobs"] is True and asked["top_logprobs"] == 2 and asked["messages"] == [{"role": "user", "content": "x"}]
    assert not {"prompt", "suffix", "best_of", "echo"} & set(asked)
    assert a.json()["choices"][0]["logprobs"] == {"tokens": ["Hi", "!"], "token_logprobs": [-0.25, -1],
                                                  "top_logprobs": [{"Hi": -0.25, "Ho": -2.5}, {}], "text_offset": [0, 2]}


def test_afterwards_nothing_is_held_and_the_ledger_agrees(gateway, played):
    assert not any(gateway.held().values())
    gateway.verify()
