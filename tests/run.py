#!/usr/bin/env python3
"""Runs every test: unit binaries, flows against the real binary, client packages. The last line is "N passed, N failed".

    tests/run.py --binary build/turnpike [--units DIR] [--flows [--quick]] [--clients]

Needs nothing but Debian's python3 (and npm for --clients) to start: what the flows need is installed into build/venv."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
FLOWS, CLIENTS = TESTS / "flow", TESTS / "clients"
UNIT_SECONDS = 300
CLIENTS_SECONDS = 600


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def say(text: str) -> None:
    print(text, flush=True)


def failure(what: str, output: str = "") -> Count:
    say(f"FAILED {what}")
    if output.strip():
        say("\n".join("    " + line for line in output.rstrip().splitlines()))
    return Count(failed=1)


# --- unit tests ------------------------------------------------------------------------------------------------------


def read_tap(output: str) -> tuple[Count, int]:
    """What came, and how many were promised."""
    count, planned = Count(), 0
    for line in output.splitlines():
        if m := re.match(r"1\.\.(\d+)", line):
            planned += int(m[1])
        elif re.match(r"(not )?ok \d+.*# SKIP", line):  # cmocka 1.1 says "not ok" of what it skips
            count.skipped += 1
        elif re.match(r"ok \d+", line):
            count.passed += 1
        elif re.match(r"not ok \d+", line):
            count.failed += 1
    return count, planned


def run_unit(binary: Path) -> tuple[str, Count, str]:
    """A name, what it counted, and its output where that must be shown."""
    name = f"{binary.parent.name}/{binary.name}"
    env = {**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    try:
        done = subprocess.run([binary], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
                              stdin=subprocess.DEVNULL, timeout=UNIT_SECONDS)
        output, status = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as e:
        output, status = (e.stdout or b"").decode(errors="replace") + f"\nnot done after {UNIT_SECONDS} s\n", -1
    count, planned = read_tap(output)
    came = count.passed + count.failed + count.skipped
    is_broken = came != planned or came == 0 or (status != 0 and not count.failed)
    if is_broken:
        output += f"\nexit status {status}; {came} of {planned} tests told how they ended\n"
        count.failed += 1
    return name, count, output if count.failed else ""


def run_units(directory: Path) -> Count:
    binaries = sorted(p for p in directory.rglob("*_test") if p.is_file() and os.access(p, os.X_OK))
    total = Count()
    if not binaries:
        return failure(f"no unit tests in {directory}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, count, output in pool.map(run_unit, binaries):
            total.add(count)
            if output:
                failure(name, output)
            else:
                say(f"ok {name} ({count.passed})")
    return total


# --- flows -----------------------------------------------------------------------------------------------------------


def stamp_of(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_stamped(directory: Path, stamp: str) -> bool:
    file = directory / ".stamp"
    return file.exists() and file.read_text() == stamp


def venv() -> Path:
    """build/venv with what tests/requirements.txt names; kept while that does not change. Returns its python."""
    directory, requirements = ROOT / "build/venv", TESTS / "requirements.txt"
    python = directory / "bin/python"
    stamp = stamp_of(requirements.read_bytes(), sys.version.encode(), str(directory).encode())
    if not is_stamped(directory, stamp):
        say("installing what the flows need into build/venv")
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
                       check=True)
        (directory / ".stamp").write_text(stamp)
    return python


def read_junit(file: Path) -> Count:
    if not file.exists():
        return Count(failed=1)
    suites = ElementTree.parse(file).getroot().iter("testsuite")
    count = Count()
    for s in suites:
        failed = int(s.get("failures", 0)) + int(s.get("errors", 0))
        skipped = int(s.get("skipped", 0))
        count.add(Count(int(s.get("tests", 0)) - failed - skipped, failed, skipped))
    return count


def run_flows(binary: Path, is_quick: bool) -> Count:
    try:
        python = venv()
    except (subprocess.CalledProcessError, OSError) as e:
        return failure("build/venv could not be made", str(e))
    report = ROOT / "build/flows.xml"
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", f"--junitxml={report}", "--durations=5"]
    command += ["-m", "not slow"] if is_quick else []
    status = subprocess.run(command, cwd=FLOWS, env=environment(binary)).returncode
    count = read_junit(report)
    if status != 0 and not count.failed:
        count.add(failure(f"the flows ended with status {status}"))
    return count


def environment(binary: Path) -> dict[str, str]:
    return {**os.environ, "TURNPIKE_BINARY": str(binary.resolve()), "PYTHONDONTWRITEBYTECODE": "1"}


# --- client packages -------------------------------------------------------------------------------------------------


def node_modules() -> None:
    stamp = stamp_of((CLIENTS / "package.json").read_bytes(), (CLIENTS / "package-lock.json").read_bytes())
    directory = CLIENTS / "node_modules"
    if not is_stamped(directory, stamp):
        say("installing the client packages into tests/clients/node_modules")
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=CLIENTS,
                       check=True)
        (directory / ".stamp").write_text(stamp)


def run_clients(binary: Path) -> Count:
    try:
        node_modules()
        files = sorted(p.name for p in CLIENTS.glob("*.test.js"))
        command = ["node", "--test", "--test-concurrency=2", "--test-reporter=tap", *files]
        done = subprocess.run(command, cwd=CLIENTS, env=environment(binary), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=CLIENTS_SECONDS)
    except (subprocess.SubprocessError, OSError) as e:
        return failure("the client packages", str(e))
    told = {k: int(n) for k, n in re.findall(r"^# (tests|pass|fail|cancelled|skipped) (\d+)$", done.stdout, re.M)}
    count = Count(told.get("pass", 0), told.get("fail", 0) + told.get("cancelled", 0), told.get("skipped", 0))
    if count.failed or done.returncode or not count.passed:
        count.failed = max(count.failed, 1)
        failure("client packages", done.stdout)
    else:
        for name in re.findall(r"^ok \d+ - (.*)$", done.stdout, re.M):
            say(f"ok {name}")
    return count


# --- all of it -------------------------------------------------------------------------------------------------------


def arguments() -> argparse.Namespace:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--binary", type=Path, required=True)
    a.add_argument("--units", type=Path, help="directory of unit-test binaries")
    a.add_argument("--flows", action="store_true")
    a.add_argument("--quick", action="store_true", help="leave out the flows that are marked slow")
    a.add_argument("--clients", action="store_true")
    return a.parse_args()


def main() -> int:
    args = arguments()
    if not (args.units or args.flows or args.clients):
        say("nothing to run: give --units, --flows or --clients")
        return 2
    phases = [("unit tests", args.units and (lambda: run_units(args.units))),
              ("flows", args.flows and (lambda: run_flows(args.binary, args.quick))),
              ("client packages", args.clients and (lambda: run_clients(args.binary)))]
    total = Count()
    for name, phase in phases:
        if phase:
            say(f"--- {name}")
            began = time.monotonic()
            count = phase()
            skipped = f", {count.skipped} skipped" if count.skipped else ""
            say(f"{name}: {count.passed} passed, {count.failed} failed{skipped} in {time.monotonic() - began:.1f} s")
            total.add(count)
    say(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
