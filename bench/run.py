#!/usr/bin/env python3
"""Measures turnpike beside nginx and HAProxy, over the same provider, in one run, and prints a table with ratios.

    bench/run.py --binary build/turnpike --tools build/gcc-release/bench [--json FILE] [--rounds N] [--seconds S] [--quick]

turnpike does all its work: key check, credit hold, durable record, answer rewritten. The others only proxy, with connections
kept alive on both sides. Processor time is that of all processes of a gateway, from /proc, so it does not depend
on what else this machine does; ratios are medians over rounds, and the order turns with each round.
Traffic stays on 127.0.0.1."""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

TICK = os.sysconf("SC_CLK_TCK")
MODEL = "bench/chat"
CHAT = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "You are careful and brief. Answer with what was asked and nothing else. " * 6},
        {"role": "user", "content": 'Summarise "this" in one line:\nA paragraph of a usual length, with \\ and / in it. ' * 9},
    ],
    "temperature": 0.7,
    "max_tokens": 256,
}
TRANSLATED = "bench/messages"  # of a provider that speaks another format than the client
NAMES = ("nginx", "haproxy", "turnpike")
WHOLE_CONNECTIONS, STREAMS, MANY_STREAMS = 64, 300, 5000


# --- what a process uses ---------------------------------------------------------------------------------------------


def family(pid: int) -> list[int]:
    children: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += (task / "children").read_text().split()
    return [pid] + [p for child in children for p in family(int(child))]


def cpu_seconds(pid: int) -> float:
    ticks = 0
    for p in family(pid):
        fields = Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def rss_bytes(pid: int) -> int:
    total = 0
    for p in family(pid):
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{p}/status").read_text())
        total += int(found[1]) * 1024 if found else 0
    return total


# --- what is started -------------------------------------------------------------------------------------------------


@dataclass
class Target:
    name: str
    port: int
    pid: int
    path: str = "/v1/chat/completions"
    key: str = "none"


class Stage:
    """Starts things in a directory of their own and ends all of them."""

    def __init__(self, binary: Path, tools: Path):
        self.binary, self.tools = binary.resolve(), tools.resolve()
        self.dir = Path(tempfile.mkdtemp(prefix="turnpike-bench-"))
        self.processes: list[subprocess.Popen[str]] = []
        stream = CHAT | {"stream": True}
        for name, body in (("whole", CHAT), ("stream", stream), ("translated", stream | {"model": TRANSLATED})):
            (self.dir / f"{name}.json").write_text(json.dumps(body))

    def start(self, name: str, *command: Any, env: dict[str, str] | None = None, pipe: bool = False) -> subprocess.Popen[str]:
        with open(self.dir / f"{name}.log", "w") as log:
            p = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, text=True, cwd=self.dir,
                                 stdout=subprocess.PIPE if pipe else log, stderr=log, env={**os.environ, **(env or {})})
        self.processes.append(p)
        return p

    def stop(self, *processes: subprocess.Popen[str]) -> None:
        for p in processes:
            p.terminate()
        for p in processes:
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
            self.processes.remove(p)

    def close(self) -> None:
        self.stop(*self.processes)
        shutil.rmtree(self.dir, ignore_errors=True)

    def provider(self, first_ms: int, gap_ms: int, chunks: int) -> int:
        p = self.start("provider", self.tools / "provider", first_ms, gap_ms, chunks, pipe=True)
        return int(p.stdout.readline())  # type: ignore[union-attr]

    def wait_port(self, p: subprocess.Popen[str], name: str, port: int) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if p.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{name} does not listen:\n{(self.dir / f'{name}.log').read_text()[-2000:]}")

    def proxy(self, name: str, upstream: int, workers: int) -> Target:
        port = free_port()
        return {"nginx": self.nginx, "haproxy": self.haproxy, "turnpike": self.turnpike}[name](port, upstream, workers)

    def nginx(self, port: int, upstream: int, workers: int) -> Target:
        d = self.dir
        config = d / f"nginx-{port}.conf"
        places = " ".join(f"{kind}_temp_path {d}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f"""worker_processes {workers}; daemon off; pid {d}/nginx-{port}.pid;
error_log {d}/nginx-{port}.err;
events {{ worker_connections 9000; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k; {places}
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 4000; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport backlog=8192;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
""")
        p = self.start("nginx", "nginx", "-c", config, "-e", d / f"nginx-{port}.err")
        self.wait_port(p, "nginx", port)
        return Target("nginx", port, p.pid)

    def haproxy(self, port: int, upstream: int, workers: int) -> Target:
        config = self.dir / f"haproxy-{port}.conf"
        config.write_text(f"""global
    nbthread {workers}
    maxconn 8000
    tune.idle-pool.shared on
defaults
    mode http
    option http-keep-alive
    option http-no-delay
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port} backlog 8192
    default_backend provider
backend provider
    http-reuse always
    server one 127.0.0.1:{upstream} pool-max-conn -1
""")
        p = self.start("haproxy", "haproxy", "-db", "-f", config)
        self.wait_port(p, "haproxy", port)
        return Target("haproxy", port, p.pid)

    def turnpike(self, port: int, upstream: int, workers: int) -> Target:
        d = self.dir / f"turnpike-{port}"
        d.mkdir()
        config = d / "turnpike.yaml"
        config.write_text(f"""listen: 127.0.0.1:{port}
data: {d}/data
workers: {workers}
providers:
  bench:
    dialect: openai
    base_url: http://127.0.0.1:{upstream}/v1
    api_key: sk-upstream
  messages:
    dialect: anthropic
    base_url: http://127.0.0.1:{upstream}/v1
    api_key: sk-upstream
models:
""" + "".join(f"""  - id: {model}
    endpoints:
      - provider: {provider}
        model: bench-model
        price: {{ prompt: 0.15, completion: 0.60 }}
        context: 128000
        max_output: 16384
""" for model, provider in ((MODEL, "bench"), (TRANSLATED, "messages"))))
        env = {"TURNPIKE_CONFIG": str(config)}

        def cli(*words: str) -> str:
            done = subprocess.run([self.binary, *words], env={**os.environ, **env}, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"turnpike {' '.join(words)}: {done.stderr or done.stdout}")
            return done.stdout

        cli("credit", "grant", "1000000")
        key = json.loads(cli("key", "create", "--name", "bench", "--limit", "900000"))["key"]
        p = self.start("turnpike", self.binary, "serve", env=env)
        self.wait_port(p, "turnpike", port)
        return Target("turnpike", port, p.pid, "/api/v1/chat/completions", key)

    def load(self, t: Target, body: str, connections: int, seconds: float) -> dict[str, float]:
        done = subprocess.run([self.tools / "load", str(t.port), t.path, t.key, self.dir / f"{body}.json",
                               str(connections), str(seconds)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"load on {t.name}: {done.stderr}")
        got = json.loads(done.stdout)
        if got["errors"]:
            print(f"{t.name}: {got['errors']:.0f} errors\n{done.stderr}", file=sys.stderr)
        return got


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- what is measured ------------------------------------------------------------------------------------------------

Figures = dict[str, float]


def measure_whole(stage: Stage, t: Target, seconds: float) -> Figures:
    stage.load(t, "whole", WHOLE_CONNECTIONS, 0.5)
    before = cpu_seconds(t.pid)
    got = stage.load(t, "whole", WHOLE_CONNECTIONS, seconds)
    used = cpu_seconds(t.pid) - before
    return {"cpu_us": used * 1e6 / max(got["requests"], 1), "per_s": got["per_s"], "p50_us": got["us_p50"],
            "p99_us": got["us_p99"], "errors": got["errors"]}


def measure_streams(stage: Stage, t: Target, seconds: float, streams: int = STREAMS, body: str = "stream") -> Figures:
    """Memory is read while all streams are open, against the same gateway before."""
    rss, before = rss_bytes(t.pid), cpu_seconds(t.pid)
    command = [stage.tools / "load", str(t.port), t.path, t.key, stage.dir / f"{body}.json", str(streams), str(seconds)]
    p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds * 0.8)
    full = rss_bytes(t.pid)
    out, err = p.communicate()
    used = cpu_seconds(t.pid) - before
    if p.returncode:
        sys.exit(f"load on {t.name}: {err}")
    got = json.loads(out)
    if got["errors"]:
        print(f"{t.name}: {got['errors']} errors\n{err}", file=sys.stderr)
    return {"cpu_us": used * 1e6 / max(got["events"], 1), "rss_per_stream": (full - rss) / streams, "rss": full,
            "event_p50_us": got["event_us_p50"], "event_p99_us": got["event_us_p99"], "first_p99_us": got["first_us_p99"],
            "streams": got["requests"], "events_per_s": got["events_per_s"], "open": got["open"], "live": got["live"], "errors": got["errors"]}


def measure_latency(stage: Stage, t: Target, seconds: float) -> Figures:
    """At one connection, without anything else under way."""
    stage.load(t, "whole", 1, 0.3)
    got = stage.load(t, "whole", 1, seconds)
    return {"p50_us": got["us_p50"], "p99_us": got["us_p99"], "errors": got["errors"]}


def in_rounds(targets: list[Target], rounds: int, measure: Callable[[Target], Figures]) -> dict[str, list[Figures]]:
    """Who goes first turns with each round, so drift favours nobody."""
    out: dict[str, list[Figures]] = {t.name: [] for t in targets}
    for i in range(rounds):
        for t in targets[i % len(targets):] + targets[:i % len(targets)]:
            out[t.name].append(measure(t))
    return out


def median(rounds: list[Figures], name: str) -> float:
    return statistics.median(r[name] for r in rounds)


def ratio(got: dict[str, list[Figures]], who: str, to: str, name: str) -> float:
    """Median of the ratios within each round."""
    return statistics.median(a[name] / b[name] if b[name] else 0 for a, b in zip(got[who], got[to]))


def print_table(title: str, got: dict[str, list[Figures]], columns: list[tuple[str, str, str]]) -> None:
    print(f"\n{title}")
    print("  " + " " * 10 + "".join(f"{head:>22}" for _, head, _ in columns))
    for who in got:
        row = f"  {who:10}"
        for name, _, form in columns:
            cell = format(median(got[who], name), form)
            if who != "nginx" and "nginx" in got and name in ("cpu_us", "per_s", "rss_per_stream"):
                cell += f"  x{ratio(got, who, 'nginx', name):.2f}"
            row += f"{cell:>22}"
        errors = sum(r["errors"] for r in got[who])
        print(row + (f"   {errors:.0f} ERRORS" if errors else ""), flush=True)


# --- the run ---------------------------------------------------------------------------------------------------------


def compare(stage: Stage, rounds: int, seconds: float) -> dict[str, Any]:
    result: dict[str, Any] = {}
    instant = stage.provider(0, 0, 8)
    one = [stage.proxy(name, instant, 1) for name in NAMES]
    result["whole"] = in_rounds(one, rounds, lambda t: measure_whole(stage, t, seconds))
    print_table(f"whole answers, {WHOLE_CONNECTIONS} connections, one worker", result["whole"],
                [("cpu_us", "processor us/request", ".2f"), ("per_s", "requests/s", ".0f"), ("p50_us", "p50 us", ".0f"),
                 ("p99_us", "p99 us", ".0f")])

    direct = Target("direct", instant, stage.processes[0].pid)
    result["latency"] = in_rounds([direct, *one], rounds, lambda t: measure_latency(stage, t, min(seconds, 3)))
    for who in NAMES:
        for mine, theirs in zip(result["latency"][who], result["latency"]["direct"]):
            mine |= {f"added_{q}_us": mine[f"{q}_us"] - theirs[f"{q}_us"] for q in ("p50", "p99")}
    print_table("one connection: latency added to asking the provider itself",
                {who: result["latency"][who] for who in NAMES},
                [("added_p50_us", "added p50 us", ".0f"), ("added_p99_us", "added p99 us", ".0f")])
    stage.stop(*stage.processes[1:])

    two = [stage.proxy(name, instant, 2) for name in NAMES]
    result["two workers"] = in_rounds(two, rounds, lambda t: measure_whole(stage, t, seconds))
    print_table("whole answers, two workers", result["two workers"],
                [("per_s", "requests/s", ".0f"), ("cpu_us", "processor us/request", ".2f")])
    stage.stop(*stage.processes)

    paced = stage.provider(50, 20, 50)
    one = [stage.proxy(name, paced, 1) for name in NAMES]
    result["streams"] = in_rounds(one, rounds, lambda t: measure_streams(stage, t, seconds + 1))
    # Memory once grown is kept, so only the first round shows what a stream takes.
    for figures in result["streams"].values():
        for later in figures[1:]:
            later["rss_per_stream"] = figures[0]["rss_per_stream"]
    print_table(f"{STREAMS} streams, an event every 20 ms on each, one worker", result["streams"],
                [("cpu_us", "processor us/event", ".2f"), ("rss_per_stream", "bytes/open stream", ".0f"),
                 ("event_p50_us", "event p50 us", ".0f"), ("event_p99_us", "event p99 us", ".0f")])
    stage.stop(*stage.processes)
    return result


def translated_streams(stage: Stage, rounds: int, seconds: float) -> dict[str, Any]:
    """A provider of another format than the client's, beside one of the same: at most twice the processor time."""
    paced = stage.provider(50, 20, 50)
    t = stage.proxy("turnpike", paced, 1)
    got: dict[str, list[Figures]] = {"stream": [], "translated": []}
    for i in range(rounds):
        for body in list(got)[:: 1 if i % 2 else -1]:
            got[body].append(measure_streams(stage, t, seconds + 1, body=body))
    stage.stop(*stage.processes)
    times = ratio(got, "translated", "stream", "cpu_us")
    print(f"\na translated stream: {median(got['translated'], 'cpu_us'):.2f} us processor time an event, passed through "
          f"{median(got['stream'], 'cpu_us'):.2f} us: x{times:.2f} (at most x2)", flush=True)
    return {"passed": got["stream"], "translated": got["translated"], "ratio": times}


def many_streams(stage: Stage, seconds: float) -> dict[str, Any]:
    """Thousands of streams open at once through two workers, each to its end, none in error."""
    slow = stage.provider(100, 250, int(seconds * 4))
    t = stage.proxy("turnpike", slow, 2)
    got = measure_streams(stage, t, seconds + 3, MANY_STREAMS)
    verdict = "without an error" if is_all_of_them(got) else f"FAILED, {MANY_STREAMS} were wanted"
    print(f"\n{got['live']:.0f} streams under way at once on two workers, {verdict}: {got['streams']:.0f} read to their end, "
          f"{got['events_per_s']:.0f} events/s, {got['rss_per_stream']:.0f} bytes a stream, "
          f"{got['cpu_us']:.2f} us processor time an event", flush=True)
    stage.stop(*stage.processes)
    return got


def is_all_of_them(got: Figures) -> bool:
    return not got["errors"] and got["live"] == MANY_STREAMS


def run_json(tools: Path, result: dict[str, Any]) -> None:
    if not (tools / "bench_json").exists():
        return
    done = subprocess.run([tools / "bench_json"], capture_output=True, text=True, timeout=300)
    print("\nJSON\n" + "\n".join("  " + line for line in done.stdout.splitlines()), flush=True)
    result["json"] = {"status": done.returncode, "lines": done.stdout.splitlines()}


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--binary", type=Path, default=Path("build/turnpike"))
    a.add_argument("--tools", type=Path, required=True, help="where make bench-tools puts bench/*.c")
    a.add_argument("--json", type=Path, help="file that keeps all figures")
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--seconds", type=float, default=5)
    a.add_argument("--quick", action="store_true", help="one round of two seconds: shows that it runs, not how fast")
    a.add_argument("--only", choices=("compare", "translated", "many", "json"), help="a part of it")
    return a.parse_args()


def main() -> int:
    args = arguments()
    if args.quick:
        args.rounds, args.seconds = 1, 2
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result: dict[str, Any] = {"when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "rounds": args.rounds,
                              "seconds": args.seconds, "processors": os.cpu_count()}
    stage = Stage(args.binary, args.tools)
    try:
        if args.only in (None, "compare"):
            result |= compare(stage, args.rounds, args.seconds)
        if args.only in (None, "translated"):
            result["translated"] = translated_streams(stage, args.rounds, args.seconds)
        if args.only in (None, "many"):
            result["many streams"] = many_streams(stage, args.seconds)
        if args.only in (None, "json"):
            run_json(args.tools, result)
    finally:
        stage.close()
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if "many streams" not in result or is_all_of_them(result["many streams"]) else 1


if __name__ == "__main__":
    sys.exit(main())
