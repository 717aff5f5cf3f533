"""kill -9 in the middle of it all: what a client saw the end of is in the ledger, once."""

import asyncio
import json
import random
from decimal import Decimal

from harness import load, script, wire
from harness.gateway import Gateway, MODEL, PROMPT_PRICE, COMPLETION_PRICE

ROUNDS, IN_FLIGHT = 10, 64
COST = (5 * PROMPT_PRICE + 3 * COMPLETION_PRICE) / 1_000_000


def body(i: int) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": str(i)}], "max_tokens": 16, "stream": i % 3 == 0}


def run_until_killed(gateway: Gateway, key: str, answers: int) -> tuple[list[str], int]:
    """Generations whose end the client saw before the kill, and how many answers it saw nothing certain of."""
    seen: list[str] = []
    unsure = 0

    def note(o: load.Outcome) -> None:
        nonlocal unsure
        if o.is_whole:
            seen.append(o.generation)
            if len(seen) == answers:
                gateway.process.kill()
        else:
            unsure += 1

    asyncio.run(load.run(gateway.port, key, [body(i) for i in range(answers + 4 * IN_FLIGHT)], IN_FLIGHT, note))
    gateway.kill()
    return seen, unsure


async def look_up(port: int, key: str, ids: list[str]) -> dict[str, wire.Answer]:
    out = {}
    async with await wire.Connection.open(port) as c:
        for name in ids:
            out[name] = await c.request("GET", f"/api/v1/generation?id={name}", {"Authorization": f"Bearer {key}"})
    return out


def test_no_seen_answer_is_lost_or_counted_twice(pair):
    gateway, provider = pair.gateway, pair.provider
    provider.script = script.chat(prompt=5, output=3)
    rng = random.Random(20240229)
    seen: list[str] = []
    for round_ in range(ROUNDS):
        if round_:
            gateway.start()
        ids, _ = run_until_killed(gateway, pair.key, rng.randrange(40, 160))
        assert ids
        seen += ids
        gateway.start()
        found = asyncio.run(look_up(gateway.port, pair.key, ids))
        lost = [name for name, answer in found.items() if answer.status != 200]
        assert not lost, f"round {round_}: {len(lost)} of {len(ids)} lost: {lost[:3]}"
        for name, answer in found.items():
            data = json.loads(answer.body, parse_float=Decimal)["data"]
            assert (data["id"], data["total_cost"]) == (name, COST)
        gateway.verify()
        gateway.kill()
    assert len(set(seen)) == len(seen)
    gateway.start()
    data = json.loads(gateway.get("/api/v1/key", pair.key).body, parse_float=Decimal)["data"]
    counted = data["usage"] / COST
    assert counted == gateway.cli("ledger", "verify")["generations"], "a record that counts not once"
    assert len(seen) <= counted < len(provider.requests), "no kill came while something was under way"
    assert not any(gateway.held().values())
