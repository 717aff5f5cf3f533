"""load.py: many requests at once, each with its outcome."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
import json
from typing import Any, Callable

from . import wire
from .gateway import SLUG


@dataclass
class Outcome:
    answer: wire.Answer | None  # None: the connection broke before a head came

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    @property
    def generation(self) -> str:
        assert self.answer
        return self.answer.headers["x-generation-id"]

    @property
    def is_whole(self) -> bool:
        """The client saw the end of an answer that it was billed for."""
        return self.answer is not None and self.status == 200 and self.answer.complete

    @property
    def cost(self) -> Decimal:
        assert self.answer
        text = self.answer.body.decode()
        if self.answer.headers["content-type"].startswith("text/event-stream"):
            text = next(e for e in reversed(self.answer.events) if '"cost"' in e)
        return Decimal(json.loads(text, parse_float=Decimal)["usage"]["cost"])


async def run(port: int, key: str, bodies: list[dict[str, Any]], in_flight: int,
              on_outcome: Callable[[Outcome], None] | None = None) -> list[Outcome]:
    """All bodies, `in_flight` at a time, each lane on a connection that it keeps as long as it lasts."""
    waiting = list(reversed(bodies))
    outcomes: list[Outcome] = []

    async def lane() -> None:
        connection: wire.Connection | None = None
        while waiting:
            body = waiting.pop()
            outcome = Outcome(None)
            try:
                connection = connection or await wire.Connection.open(port)
                outcome.answer = await connection.request("POST", SLUG, {"Authorization": f"Bearer {key}"}, body)
            except OSError:
                pass
            except asyncio.IncompleteReadError:
                pass
            if connection and not (outcome.answer and outcome.answer.complete and
                                   outcome.answer.headers.get("connection") != "close"):
                await connection.close()
                connection = None
            outcomes.append(outcome)
            if on_outcome:
                on_outcome(outcome)
        if connection:
            await connection.close()

    await asyncio.gather(*(lane() for _ in range(in_flight)))
    return outcomes
