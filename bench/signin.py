#!/usr/bin/env python3
"""Does the time of a wrong sign-in tell whether there is such a user?

    bench/signin.py --binary build/turnpike [--pairs N]

One known and one unknown address in turn, the order changing with each pair; prints both medians, the ratio of medians, and the
median of the pairs' own ratios, which does not see slow drift of the machine. At most 1.05 is wanted. Nothing here is a test."""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

PASSWORD = "correct horse battery"
KNOWN = "ada@example.org"


class Visitor:
    """A browser's cookies and its form's token."""

    def __init__(self, port: int):
        self.port, self.cookies, self.token = port, {}, ""

    def send(self, method: str, path: str, form: dict | None = None, address: str = "2001:db8::1") -> int:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), "X-Forwarded-For": address,
                   "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, urllib.parse.urlencode({"csrf": self.token} | form) if form else None, headers)
        answer = connection.getresponse()
        found = re.search(r'name="csrf" value="(\w+)"', answer.read().decode())
        self.token = found[1] if found else self.token
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value
        connection.close()
        return answer.status

    def sign_in(self, email: str, password: str, address: str, status: int) -> float:
        began = time.perf_counter()
        got = self.send("POST", "/signin", {"email": email, "password": password}, address)
        took = time.perf_counter() - began
        assert got == status, f"{email}: {got}"
        return took


def start(binary: Path, work: Path) -> tuple[subprocess.Popen, int, str]:
    config = work / "turnpike.yaml"
    config.write_text("trusted_proxies: [127.0.0.1]\n")
    env = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    process = subprocess.Popen([binary, "serve", "--config", config, "--data", work / "data", "--listen", "127.0.0.1:0"], env=env,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    port, link = 0, ""
    for line in process.stdout:
        if found := re.search(r"address=127\.0\.0\.1:(\d+)", line):
            port = int(found[1])
        if found := re.search(r"(/claim\?token=\w+)", line):
            link = found[1]
        if port and link:
            threading.Thread(target=process.stdout.read, daemon=True).start()  # its log
            return process, port, link
    raise SystemExit("the gateway did not start")


def measure(port: int, link: str, pairs: int) -> tuple[list[float], list[float]]:
    owner = Visitor(port)
    owner.send("GET", link)
    form = {"token": link.partition("=")[2], "email": KNOWN, "password": PASSWORD}
    assert owner.send("POST", "/claim", form) == 303
    visitor, fresh = Visitor(port), Visitor(port)
    visitor.send("GET", "/signin")
    known: list[float] = []
    unknown: list[float] = []
    for n in range(pairs):
        order = [(known, KNOWN), (unknown, f"nobody{n}@example.org")]
        for times, email in order if n % 2 else order[::-1]:
            times.append(visitor.sign_in(email, "a wrong password", f"2001:db8:0:{n:x}::1", 401))
        if n % 8 == 7:  # the right one, so that the account's attempts are not slowed
            fresh.send("GET", "/signin")
            fresh.sign_in(KNOWN, PASSWORD, f"2001:db8:1:{n:x}::1", 303)
            fresh = Visitor(port)
    return known, unknown


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--binary", type=Path, required=True)
    p.add_argument("--pairs", type=int, default=200)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as work:
        process, port, link = start(a.binary.resolve(), Path(work))
        try:
            known, unknown = measure(port, link, a.pairs)
        finally:
            process.terminate()
            process.wait()
    k, u = statistics.median(known), statistics.median(unknown)
    print(f"wrong sign-ins: {k * 1000:.2f} ms for a known user, {u * 1000:.2f} ms for an unknown one, {len(known)} pairs")
    print(f"ratio of medians {max(k / u, u / k):.3f} (wanted: at most 1.05)")
    print(f"median of ratios {statistics.median(x / y for x, y in zip(known, unknown)):.3f}")


if __name__ == "__main__":
    main()
