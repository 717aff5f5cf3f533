"""simulated.py: the simulated provider as a process of its own, and settings for gateways before it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
from decimal import Decimal
from typing import Any, Callable, Iterator

from .gateway import BINARY, COMPLETION_PRICE, PROMPT_PRICE

# What may happen to a request that is answered at once, and the status where no other endpoint is left.
FAULTS = ["none", "429-retry-after", "429", "500-once", "503", "reset", "refused", "silent", "cut", "stall", "malformed", "context",
          "error-first", "no-usage", "auth"]
REFUSED = {"429-retry-after": 429, "429": 429, "503": 503, "reset": 502, "refused": 502, "auth": 502, "silent": 504, "context": 400,
           "cut": 502, "stall": 504, "malformed": 502, "error-first": 503}

DEADLINES = {"connect": "5s", "first": "4s", "idle": "3s", "total": "60s"}


@contextlib.contextmanager
def simulated(**env: str) -> Iterator[tuple[int, int]]:
    """Its port, and one where nobody listens."""
    command = [BINARY, "sim", "--listen", "127.0.0.1:0"]
    with socket.socket() as nobody, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                                     env=os.environ | env) as p:
        nobody.bind(("127.0.0.1", 0))
        found = next(m for line in p.stdout or () if (m := re.search(r"http://127\.0\.0\.1:(\d+)/", line)))
        try:
            yield int(found[1]), nobody.getsockname()[1]
        finally:
            p.terminate()


def provider(dialect: str, port: int) -> dict[str, Any]:
    root = {"gemini": "v1beta", "cohere": "v2"}.get(dialect, "v1")
    return {"dialect": dialect, "base_url": f"http://127.0.0.1:{port}/{root}", "api_key": "sk-sim", "deadlines": DEADLINES}


def endpoint(name: str, native: str, **more: Any) -> dict[str, Any]:
    return {"provider": name, "model": native, "price": {"prompt": PROMPT_PRICE, "completion": COMPLETION_PRICE},
            "context": 100000, "max_output": 4096} | more


def with_faults(fallbacks: dict[str, str], output: str, endpoint_of: Callable[[str, str], dict[str, Any]], port: int,
                nobody: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Models NAME/only-FAULT, asked of provider NAME alone, and NAME/fault-FAULT, which fall back; and the providers."""
    models = []
    for name, other in fallbacks.items():
        for fault in FAULTS:
            first = endpoint_of(f"{name}-nobody" if fault == "refused" else name, "echo" if fault == "none" else f"only-{fault}")
            models += [{"id": f"{name}/only-{fault}", "output": output, "endpoints": [first]},
                       {"id": f"{name}/fault-{fault}", "output": output, "endpoints": [first, endpoint_of(other, "echo")]}]
    return models, {name + suffix: provider(name, at) for name in fallbacks for suffix, at in (("", port), ("-nobody", nobody))}


def cost(prompt: int, completion: int = 0) -> Decimal:
    """To the nano-dollar."""
    return (prompt * PROMPT_PRICE + completion * COMPLETION_PRICE) / 1_000_000
