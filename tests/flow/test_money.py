"""A limit is never exceeded: not by a thousand requests at once, not by the last nano-dollar."""

import asyncio
import json
import time
from decimal import Decimal

import pytest

from harness import load, script
from harness.gateway import COMPLETION_PRICE, MODEL, PROMPT_PRICE

LIMIT = Decimal("0.01")
PROMPT_TOKENS, OUTPUT_TOKENS, MAX_TOKENS = 20, 10, 50
WAVES = 20
COST = (PROMPT_TOKENS * PROMPT_PRICE + OUTPUT_TOKENS * COMPLETION_PRICE) / 1_000_000


def body(i: int, **more) -> dict:
    message = {"role": "user", "content": f"Request {i:04} asks for little."}
    return {"model": MODEL, "messages": [message], "max_tokens": MAX_TOKENS, "stream": i % 2 == 0} | more


def key_data(gateway, key: str) -> dict:
    return json.loads(gateway.get("/api/v1/key", key).body, parse_float=Decimal)["data"]


def wave(gateway, key: str) -> int:
    """A thousand requests at once, every other one streamed; how many were answered. The others were refused with a reason."""
    outcomes = asyncio.run(load.run(gateway.port, key, [body(i) for i in range(1000)], 1000))
    assert len(outcomes) == 1000
    paid = [o for o in outcomes if o.is_whole]
    refused = [o for o in outcomes if o.status in (402, 403)]
    assert len(paid) + len(refused) == 1000, sorted({o.status for o in outcomes})
    for o in refused:
        assert o.answer.complete and o.answer.error["code"] == o.status
        assert "limit" in o.answer.error["message"].lower() or "credit" in o.answer.error["message"].lower()
    assert all(o.cost == COST for o in paid)
    return len(paid)


def test_a_thousand_at_once_never_exceed_a_limit(pair):
    gateway = pair.gateway
    pair.provider.script = script.chat(prompt=PROMPT_TOKENS, output=OUTPUT_TOKENS)
    key = gateway.key("limited", "--limit", str(LIMIT))
    paid = 0
    for _ in range(WAVES):  # the first is mostly refused: so many holds at once leave no room
        got = wave(gateway, key)
        usage = key_data(gateway, key)["usage"]
        paid += got
        assert usage == COST * paid <= LIMIT
        if not got:
            break
    assert paid > 100
    assert not any(gateway.held().values())
    gateway.verify()

    one_hold = (len(json.dumps(body(0))) * PROMPT_PRICE + MAX_TOKENS * COMPLETION_PRICE) / 1_000_000
    for i in range(2000):
        answer = gateway.call("POST", "/api/v1/chat/completions", key, body(i))
        if answer.status != 200:
            break
    assert answer.status in (402, 403), answer.body
    data = key_data(gateway, key)
    assert data["usage"] <= LIMIT
    assert data["limit_remaining"] == LIMIT - data["usage"] < one_hold
    gateway.verify()


def test_a_key_that_is_used_up_is_403_and_names_its_limit(pair):
    gateway = pair.gateway
    pair.provider.script = script.chat(prompt=30, output=5)
    exactly = (30 * PROMPT_PRICE + 5 * COMPLETION_PRICE) / 1_000_000
    key = gateway.key("one answer", "--limit", str(exactly * 20), "--limit-reset", "monthly")
    statuses = []
    while not statuses or statuses[-1] == 200 and len(statuses) < 50:
        answer = gateway.chat(key, max_tokens=5)
        statuses.append(answer.status)
    assert statuses[-1] in (402, 403)
    used_up = gateway.key("nothing", "--limit", "0")
    answer = gateway.chat(used_up)
    assert answer.status in (402, 403) and "limit" in answer.error["message"].lower()
    assert key_data(gateway, key)["limit_reset"] == "monthly"


def test_an_explicit_max_tokens_that_cannot_be_paid_is_402(pair):
    key = pair.gateway.key("poor", "--limit", "0.001")
    answer = pair.gateway.chat(key, max_tokens=4000)
    assert answer.status == 402 and answer.error["code"] == 402
    assert "max_tokens" in answer.error["message"]
    assert not pair.provider.requests
    assert key_data(pair.gateway, key)["usage"] == 0


def test_without_max_tokens_output_is_clamped_to_what_can_be_paid(pair):
    key = pair.gateway.key("poor", "--limit", "0.001")
    assert pair.gateway.chat(key).status == 200
    sent = pair.provider.requests[0].json()
    bound = sent.get("max_tokens") or sent.get("max_completion_tokens")
    assert bound and bound * COMPLETION_PRICE / 1_000_000 < Decimal("0.001")


def test_an_account_without_credit_is_402_until_it_has_some(pair):
    gateway, account = pair.gateway, ("--account", "poor@example.com")
    gateway.cli("account", "create", account[1])
    key = gateway.key("no credit", *account)
    answer = gateway.chat(key)
    assert answer.status == 402 and not pair.provider.requests
    gateway.cli("credit", "grant", "1", *account)
    end = time.monotonic() + 1.5
    while (status := gateway.chat(key).status) != 200 and time.monotonic() < end:
        pass
    assert status == 200


@pytest.mark.parametrize("prompt,output,details,cost", [
    (1, 1, {}, "0.000003"),
    (0, 1, {}, "0.000002"),
    (1000, 10, {"prompt_tokens_details": {"cached_tokens": 400}}, "0.00102"),
])
def test_cost_is_tokens_times_price_to_the_nano_dollar(shared, prompt, output, details, cost):
    shared.provider.script = script.chat(prompt=prompt, output=output, **details)
    answer = shared.gateway.chat(shared.key)
    assert answer.status == 200
    assert load.Outcome(answer).cost == Decimal(cost)


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_counts_more_than_was_asked_of_it_cannot_break_a_limit(pair, stream):
    pair.provider.script = script.chat(prompt=123456789, output=987654321)
    key = pair.gateway.key("small", "--limit", "0.5")
    answer = pair.gateway.chat(key, stream=stream, max_tokens=10)
    assert answer.status == 200 and 0 < load.Outcome(answer).cost <= Decimal("0.5")
    assert key_data(pair.gateway, key)["usage"] == load.Outcome(answer).cost
    assert pair.gateway.chat(key).status in (402, 403)
    pair.gateway.verify()


def test_prices_below_a_nano_dollar_are_rounded_once(launch, provide):
    from harness.gateway import one_model
    provider = provide(script.chat(prompt=3, output=7))
    settings = one_model(provider)
    settings["models"][0]["endpoints"][0]["price"] = {"prompt": "0.000150", "completion": "0.000075"}
    gateway = launch(settings)
    gateway.grant("1")
    key = gateway.key()
    # 3 * 150 + 7 * 75 = 975 pico-dollars: one nano-dollar, once.
    assert load.Outcome(gateway.chat(key)).cost == Decimal("1e-9")
    assert load.Outcome(gateway.chat(key, stream=True)).cost == Decimal("1e-9")
    assert key_data(gateway, key)["usage"] == Decimal("2e-9")
