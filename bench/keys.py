#!/usr/bin/env python3
"""What keys cost: look-ups with ten and with a million keys in the store, and a flood of unknown ones beside good requests.

    make bench-tools && bench/keys.py --binary build/turnpike --tools build/gcc-release/bench [--keys N] [--seconds S] [--rounds N]

known     ten keys in turn: after the first use of each the worker's cache answers
unknown   a new key each time: every request asks the store
p99       of good requests, alone; beside malformed keys, which are refused without a look-up (so that what the flood's own generator
          and its connections cost is seen); beside as many unknown ones

Ratios are medians over rounds of what was measured side by side, the order turning with each round; nothing here is a test. A million keys
take about 400 MB below TMPDIR."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from run import CHAT, cpu_seconds, free_port

ACTIVE = 10


def cli(binary: Path, data: Path, *words: str) -> dict:
    done = subprocess.run([binary, *words, "--data", data], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def make_store(binary: Path, data: Path, keys: int) -> list[str]:
    """The active keys; beside them so many that nobody uses."""
    active = [cli(binary, data, "key", "create", "--name", f"k{i}")["key"] for i in range(ACTIVE)]
    cli(binary, data, "credit", "grant", "1000000")
    db = sqlite3.connect(data / "turnpike.db")
    rows = ((secrets.token_bytes(32),) for _ in range(keys - ACTIVE))
    db.executemany("INSERT INTO key(account_id, hash, name, label, is_management, disabled, include_byok, reset, expires_ms,"
                   " created_ms) VALUES(1, ?, 'n', 'sk-tp-v1-abc...def', 0, 0, 0, 0, 0, 1)", rows)
    db.commit()
    db.close()
    return active


class Server:
    def __init__(self, binary: Path, data: Path):
        self.port = free_port()
        env = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        self.process = subprocess.Popen([binary, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}"], env=env,
                                        stderr=subprocess.DEVNULL)
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").read()
                return
            except OSError:
                time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def flood(tools: Path, *words: object) -> dict:
    return json.loads(subprocess.run([tools / "flood", *map(str, words)], check=True, stdout=subprocess.PIPE).stdout)


def cpu_per_request(tools: Path, s: Server, keys: Path | None, seconds: float) -> float:
    """keys None: unknown ones."""
    before = cpu_seconds(s.process.pid)
    got = flood(tools, s.port, 0, seconds, *([keys] if keys else []))
    wanted = "ok" if keys else "refused"
    assert got[wanted] and sum(got[k] for k in ("ok", "refused", "other")) == got[wanted], got
    return (cpu_seconds(s.process.pid) - before) * 1e6 / got[wanted]


def tell(what: str, unit: str, base: float, other: float, ratio: float, wanted: str) -> None:
    print(f"{what:<58} {base:>9.2f} {other:>9.2f} {unit:<3} ratio {ratio:5.3f}{f'  (wanted: at most {wanted})' if wanted else ''}", flush=True)


def lookups(a: argparse.Namespace, work: Path) -> None:
    servers, files = {}, {}
    for n in (ACTIVE, a.keys):
        data = work / f"store{n}"
        files[n] = work / f"keys{n}"
        files[n].write_text("\n".join(make_store(a.binary, data, n)))
        servers[n] = Server(a.binary, data)
    for what, is_known, wanted in (("known", True, "1.1"), ("unknown", False, "1.1")):
        rounds: dict[int, list[float]] = {n: [] for n in servers}
        for r in range(a.rounds):
            for n in (list(servers) if r % 2 else list(servers)[::-1]):
                rounds[n].append(cpu_per_request(a.tools, servers[n], files[n] if is_known else None, a.seconds))
        few, many = (statistics.median(rounds[n]) for n in servers)
        ratio = statistics.median(y / x for x, y in zip(rounds[ACTIVE], rounds[a.keys]))
        tell(f"{what} key, processor time: {ACTIVE} and {a.keys} keys in the store", "us", few, many, ratio, wanted)
    for s in servers.values():
        s.stop()


def p99(tools: Path, s: Server, key: str, body: Path, seconds: float) -> float:
    done = subprocess.run([tools / "load", str(s.port), "/api/v1/chat/completions", key, body, "16", str(seconds)], check=True,
                          stdout=subprocess.PIPE)
    got = json.loads(done.stdout)
    assert got["errors"] == 0, got
    return got["us_p99"]


def unknown_keys(a: argparse.Namespace, work: Path) -> None:
    s = Server(a.binary, work / f"store{a.keys}")
    key = (work / f"keys{a.keys}").read_text().split()[0]
    body, malformed = work / "body", work / "malformed"
    body.write_text(json.dumps(CHAT | {"model": "sim/echo"}))
    malformed.write_text("sk-tp-v1-malformed\n")
    beside: dict[str, list[float]] = {"nothing": [], "malformed": [], "unknown": []}
    rates: list[float] = []
    for r in range(a.rounds):
        for what in (list(beside) if r % 2 else list(beside)[::-1]):
            more = [malformed] if what == "malformed" else []
            flooding = None if what == "nothing" else subprocess.Popen(
                [a.tools / "flood", str(s.port), str(a.rate), str(a.seconds + 0.5), *more], stdout=subprocess.PIPE)
            beside[what].append(p99(a.tools, s, key, body, a.seconds))
            if flooding:
                rates.append(json.loads(flooding.communicate()[0])["rate"])
    s.stop()
    for what in ("malformed", "unknown"):
        ratio = statistics.median(y / x for x, y in zip(beside["nothing"], beside[what]))
        tell(f"good requests' p99: alone and beside {a.rate} {what} keys/s", "us", statistics.median(beside["nothing"]),
             statistics.median(beside[what]), ratio, "2" if what == "unknown" else "")
    if min(rates) < 0.95 * a.rate:
        print(f"the flood reached only {min(rates):.0f} requests a second: the machine was too busy for this to mean much")


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--binary", type=Path, required=True)
    p.add_argument("--tools", type=Path, required=True)
    p.add_argument("--keys", type=int, default=1_000_000)
    p.add_argument("--rate", type=int, default=10_000, help="of unknown keys a second")
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    a.binary, a.tools = a.binary.resolve(), a.tools.resolve()
    with tempfile.TemporaryDirectory() as work:
        lookups(a, Path(work))
        unknown_keys(a, Path(work))


if __name__ == "__main__":
    main()
