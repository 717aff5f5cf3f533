#!/usr/bin/env python3
"""What keys cost: look-ups with ten and with a million keys in the store, and a flood of unknown ones beside good requests.

    bench/keys.py --binary build/turnpike --tools build/gcc-release/bench [--keys N] [--seconds S] [--rounds N]

Ratios are medians over rounds; nothing here is a test."""

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


def cpu_per_request(tools: Path, s: Server, keys: Path, seconds: float) -> float:
    before = cpu_seconds(s.process.pid)
    got = flood(tools, s.port, 0, seconds, keys)
    assert got["refused"] == got["other"] == 0, got
    return (cpu_seconds(s.process.pid) - before) * 1e6 / got["ok"]


def cold_microseconds(data: Path) -> float:
    """A look-up by hash in the database itself, of keys that no cache holds."""
    db = sqlite3.connect(f"file:{data}/turnpike.db?mode=ro", uri=True)
    hashes = [r[0] for r in db.execute("SELECT hash FROM key ORDER BY random() LIMIT 20000")] * 1
    hashes = (hashes * (20000 // len(hashes) + 1))[:20000]
    began = time.process_time()
    for h in hashes:
        db.execute("SELECT k.*, a.* FROM key k JOIN account a ON a.id = k.account_id WHERE k.hash = ?", (h,)).fetchone()
    return (time.process_time() - began) * 1e6 / len(hashes)


def lookups(a: argparse.Namespace, work: Path) -> None:
    servers, files, cold = {}, {}, {}
    for n in (ACTIVE, a.keys):
        data = work / f"store{n}"
        files[n] = work / f"keys{n}"
        files[n].write_text("\n".join(make_store(a.binary, data, n)))
        cold[n] = cold_microseconds(data)
        servers[n] = Server(a.binary, data)
    rounds: dict[int, list[float]] = {n: [] for n in servers}
    for r in range(a.rounds):
        for n in (list(servers) if r % 2 else list(servers)[::-1]):
            rounds[n].append(cpu_per_request(a.tools, servers[n], files[n], a.seconds))
    for s in servers.values():
        s.stop()
    few, many = (statistics.median(rounds[n]) for n in servers)
    ratio = statistics.median(y / x for x, y in zip(rounds[ACTIVE], rounds[a.keys]))
    print(f"processor time per request: {few:.2f} us with {ACTIVE} keys, {many:.2f} us with {a.keys}: ratio {ratio:.3f}")
    print(f"one look-up in the database (through Python): {cold[ACTIVE]:.2f} us and {cold[a.keys]:.2f} us")


def p99(tools: Path, s: Server, key: str, body: Path, seconds: float) -> float:
    done = subprocess.run([tools / "load", str(s.port), "/api/v1/chat/completions", key, body, "16", str(seconds)], check=True,
                          stdout=subprocess.PIPE)
    got = json.loads(done.stdout)
    assert got["errors"] == 0, got
    return got["us_p99"]


def unknown_keys(a: argparse.Namespace, work: Path) -> None:
    s = Server(a.binary, work / f"store{a.keys}")
    key = (work / f"keys{a.keys}").read_text().split()[0]
    body = work / "body"
    body.write_text(json.dumps(CHAT | {"model": "sim/echo"}))
    calm, stormy, rates = [], [], []
    for _ in range(a.rounds):
        calm.append(p99(a.tools, s, key, body, a.seconds))
        flooding = subprocess.Popen([a.tools / "flood", str(s.port), "10000", str(a.seconds + 0.5)], stdout=subprocess.PIPE)
        stormy.append(p99(a.tools, s, key, body, a.seconds))
        rates.append(json.loads(flooding.communicate()[0])["rate"])
    s.stop()
    ratio = statistics.median(y / x for x, y in zip(calm, stormy))
    print(f"p99 of good requests: {statistics.median(calm):.0f} us alone, {statistics.median(stormy):.0f} us beside "
          f"{statistics.median(rates):.0f} unknown keys a second: ratio {ratio:.2f}")


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--binary", type=Path, required=True)
    p.add_argument("--tools", type=Path, required=True)
    p.add_argument("--keys", type=int, default=1_000_000)
    p.add_argument("--seconds", type=float, default=3)
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    a.binary, a.tools = a.binary.resolve(), a.tools.resolve()
    with tempfile.TemporaryDirectory() as work:
        lookups(a, Path(work))
        unknown_keys(a, Path(work))


if __name__ == "__main__":
    main()
