"""Clients that leave, and clients that read slowly."""

import asyncio
import json
import threading
import time
from decimal import Decimal
from typing import AsyncIterator

import pytest

from harness import script, wire
from harness.gateway import MIB, MODEL, SLUG, SLOWER


def stream_request(key: str, **more) -> bytes:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "stream": True} | more
    return wire.build("POST", SLUG, {"Authorization": f"Bearer {key}"}, body)


class Endless:
    """Streams a few words, then waits for the gateway to leave."""

    def __init__(self):
        self.left = threading.Event()
        self.left_at = 0.0

    async def __call__(self, x):
        await x.begin_stream()
        for word in ("one ", "two ", "three "):
            await x.event(script.chunk({"content": word}))
        await x.peer_gone()
        self.left_at = time.monotonic()
        self.left.set()
        x.close()


async def read_until(c: wire.Connection, needle: bytes) -> tuple[wire.Answer, AsyncIterator[bytes]]:
    """The answer so far, and what gives the rest."""
    a = await c.head()
    pieces = c.pieces(a)
    async for piece in pieces:
        a.body += piece
        if needle in a.body:
            break
    return a, pieces


async def leave_after(port: int, raw: bytes, needle: bytes, reset: bool) -> tuple[wire.Answer, float]:
    c = await wire.Connection.open(port)
    await c.send(raw)
    answer, _ = await read_until(c, needle)
    left = time.monotonic()
    if reset:
        script.Exchange(None, c.reader, c.writer).reset()
    else:
        await c.close()
    return answer, left


@pytest.mark.parametrize("reset", [False, True])
def test_when_the_client_leaves_the_provider_is_left_at_once_and_use_is_settled(pair, reset):
    endless = pair.provider.script = Endless()
    answer, left = asyncio.run(leave_after(pair.gateway.port, stream_request(pair.key), b"three", reset))
    assert endless.left.wait(10), "the provider's connection stayed open"
    assert endless.left_at - left < 0.25 * SLOWER
    name = answer.headers["x-generation-id"]
    end = time.monotonic() + 3
    while (found := pair.gateway.get(f"/api/v1/generation?id={name}", pair.key)).status != 200:
        assert time.monotonic() < end, found.body
    data = json.loads(found.body, parse_float=Decimal)["data"]
    assert data["cancelled"] is True
    assert data["total_cost"] > 0 and data["native_tokens_completion"] > 0
    key = json.loads(pair.gateway.get("/api/v1/key", pair.key).body, parse_float=Decimal)["data"]
    assert key["usage"] == data["total_cost"]
    pair.gateway.verify()


def test_a_client_that_leaves_before_the_first_byte_frees_its_hold(pair):
    gone = threading.Event()

    async def silent(x):
        await x.peer_gone()
        gone.set()
        x.close()

    pair.provider.script = silent

    async def leave():
        c = await wire.Connection.open(pair.gateway.port)
        await c.send(stream_request(pair.key))
        while not pair.provider.requests:
            await asyncio.sleep(0)
        await c.close()

    asyncio.run(leave())
    assert gone.wait(10)
    assert not any(pair.gateway.held().values())
    pair.gateway.verify()


def test_a_slow_client_stops_the_reading_and_memory_stays_bounded(pair):
    sent = [0]
    stalled = threading.Event()
    word = "x" * 4000

    async def flood(x):
        await x.begin_stream()
        x.writer.transport.set_write_buffer_limits(high=65536)
        try:
            for _ in range(16384):  # 64 MiB
                await asyncio.wait_for(x.event(script.chunk({"content": word})), 2)
                sent[0] += len(word)
        except asyncio.TimeoutError:
            stalled.set()
        await x.peer_gone()

    pair.provider.script = flood

    async def slow():
        c = await wire.Connection.open(pair.gateway.port, limit=4096)
        await c.send(stream_request(pair.key))
        await read_until(c, b"xxx")
        await asyncio.to_thread(stalled.wait, 60)
        await c.close()

    before = pair.gateway.memory()
    asyncio.run(slow())
    assert stalled.is_set(), f"all {sent[0]} bytes were taken from the provider"
    grown = pair.gateway.memory("VmHWM") - before
    assert grown < 8 * MIB, f"{grown} bytes more for one slow client"


def test_a_provider_that_is_slow_but_alive_is_waited_for(pair):
    go = threading.Event()

    async def hesitates(x):
        await x.begin_stream()
        await x.event(script.chunk({"content": "at "}))
        await asyncio.to_thread(go.wait, 30)
        await x.event(script.chunk({"content": "last"}, "stop"))
        await x.event(script.usage_chunk(script.usage(3, 2)))
        await x.end_stream()

    pair.provider.script = hesitates

    async def patient():
        c = await wire.Connection.open(pair.gateway.port)
        await c.send(stream_request(pair.key))
        answer, pieces = await read_until(c, b"at ")
        go.set()
        async for piece in pieces:
            answer.body += piece
        await c.close()
        return answer

    answer = asyncio.run(asyncio.wait_for(patient(), 30))
    assert answer.complete and answer.is_done and answer.text == "at last"
