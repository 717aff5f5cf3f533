"""gateway.py: the real binary as a process of the test: started, asked, signalled, killed by its own pid."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import wire

BINARY = os.environ.get("TURNPIKE_BINARY", str(Path(__file__).resolve().parents[3] / "build/turnpike"))
SLOWER = float(os.environ.get("TURNPIKE_SLOWER", "1"))  # how much longer a sanitized binary may take
MIB = (1 if SLOWER == 1 else 32) << 20  # sanitizers keep freed memory back, so there bounds only catch the gross
SLUG = "/api/v1/chat/completions"
MODEL = "test/model"
PROMPT_PRICE, COMPLETION_PRICE = Decimal("1"), Decimal("2")  # dollars per million tokens


def yaml(value: Any, indent: str = "") -> str:
    """Block style, as people write it."""
    if isinstance(value, dict):
        return "".join(f"{indent}{k}:{_tail(v, indent)}" for k, v in value.items())
    out = ""
    for item in value:
        body = yaml(item, indent + "  ") if isinstance(item, (dict, list)) else f"{indent}  {item}\n"
        out += f"{indent}- " + body[len(indent) + 2:]
    return out


def _tail(value: Any, indent: str) -> str:
    if isinstance(value, (dict, list)) and value:
        return "\n" + yaml(value, indent + "  ")
    return f" {json.dumps(value) if isinstance(value, bool) else value}\n"


def one_model(provider: Any, **more: Any) -> dict[str, Any]:
    """Settings with one provider and one model on it."""
    return {"providers": {"scripted": {"dialect": "openai", "base_url": provider.base_url, "api_key": "sk-upstream"}},
            "models": [model(MODEL, "scripted")], **more}


def model(name: str, *providers: str) -> dict[str, Any]:
    price = {"prompt": PROMPT_PRICE, "completion": COMPLETION_PRICE}
    return {"id": name, "endpoints": [{"provider": p, "model": "upstream-model", "price": price, "context": 100000,
                                       "max_output": 4096} for p in providers]}


def logfmt(line: str) -> dict[str, str]:
    pairs = re.findall(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {k: json.loads(v) if v.startswith('"') else v for k, v in pairs}


def metrics(text: str) -> dict[str, float]:
    """Prometheus text, parsed strictly: sample (with its labels) to value."""
    out: dict[str, float] = {}
    kinds: dict[str, str] = {}
    label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
    sample = re.compile(rf"([a-zA-Z_:][\w:]*)(\{{{label}(?:,{label})*,?\}})? (\S+)")
    assert text.endswith("\n")
    for line in text.splitlines():
        if m := re.fullmatch(r"# TYPE (\S+) (counter|gauge|histogram|summary|untyped)", line):
            assert m[1] not in kinds, f"two types for {m[1]}"
            kinds[m[1]] = m[2]
        elif not line.startswith("#") and line:
            m = sample.fullmatch(line)
            assert m, f"not Prometheus text: {line!r}"
            name = m[1] + (m[2] or "")
            assert name not in out, f"twice: {name}"
            base = re.sub(r"_(bucket|sum|count)$", "", m[1])
            assert m[1] in kinds or base in kinds, f"no type for {m[1]}"
            out[name] = float(m[3])
    return out


class Gateway:
    def __init__(self, directory: Path, settings: dict[str, Any] | str | None = None, args: tuple[str, ...] = (),
                 env: dict[str, str] | None = None, listen: str = "127.0.0.1:0"):
        """settings: of the configuration file, a whole file's text, or None for no file at all."""
        self.dir, self.args, self.listen = directory, args, listen
        self.data = directory / "data"
        self.config: Path | None = None
        self.log_file = directory / "log.txt"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.expected_exit: int | None = 0
        self.env = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "OLLAMA_HOST"))}
        self.env |= {"TURNPIKE_DATA": str(self.data)} | (env or {})
        if settings is not None:
            self.config = directory / "turnpike.yaml"
            self.env["TURNPIKE_CONFIG"] = str(self.config)
            self.configure(settings)
        self._lines: list[str] = []
        self._more = threading.Condition()

    def configure(self, settings: dict[str, Any] | str) -> None:
        assert self.config
        self.config.write_text(settings if isinstance(settings, str) else yaml(settings))

    # --- its life ---

    def start(self) -> Gateway:
        assert self.process is None
        command = [BINARY, "serve", "--listen", self.listen, *self.args]
        self._lines, self.expected_exit = [], 0
        self.process = subprocess.Popen(command, env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        address = self.wait_log(msg="listening")["address"]
        self.port = int(address.rsplit(":", 1)[1])
        return self

    def _read(self, pipe: Any) -> None:
        with open(self.log_file, "ab") as file:
            for raw in pipe:
                file.write(raw)
                file.flush()
                with self._more:
                    self._lines.append(raw.decode(errors="replace").rstrip("\n"))
                    self._more.notify_all()
        with self._more:
            self._lines.append("(end of log)")
            self._more.notify_all()

    @property
    def log(self) -> list[str]:
        with self._more:
            return list(self._lines)

    def wait_log(self, seconds: float = 30, **fields: str) -> dict[str, str]:
        """The first line that bears these fields."""
        def found() -> dict[str, str] | None:
            for line in self._lines:
                got = logfmt(line)
                if all(got.get(k) == v for k, v in fields.items()):
                    return got
            return {} if self._lines and self._lines[-1] == "(end of log)" else None

        with self._more:
            got = self._more.wait_for(lambda: found() is not None, seconds) and found()
            assert got, f"no log line with {fields}; the log:\n" + "\n".join(self._lines)
            return got

    def wait_text(self, pattern: str, seconds: float = 10) -> re.Match[str]:
        """The first match of a pattern in all that it said."""
        with self._more:
            got = self._more.wait_for(lambda: re.search(pattern, "\n".join(self._lines), re.M), seconds)
            assert got, f"no {pattern!r} in:\n" + "\n".join(self._lines)
            return got

    def stop(self, seconds: float = 20) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = 20) -> int:
        assert self.process
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {seconds} s after SIGTERM") from None
        finally:
            self._reader.join()
            self.process.stdout.close()  # type: ignore[union-attr]
            self.process = None
        return status

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.wait()

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes."""
        assert self.process
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", text)
        assert found
        return int(found[1]) * 1024

    # --- its command line ---

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([BINARY, *words], env=self.env, cwd=self.dir, capture_output=True, text=True,
                              input=stdin, timeout=60)

    def cli(self, *words: str) -> Any:
        """A command that must succeed; its JSON."""
        done = self.run(*words)
        assert done.returncode == 0, f"turnpike {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def key(self, name: str = "test", *options: str) -> str:
        return self.cli("key", "create", "--name", name, *options)["key"]

    def grant(self, dollars: str = "100") -> None:
        self.cli("credit", "grant", dollars)

    def verify(self) -> None:
        done = self.run("ledger", "verify")
        assert done.returncode == 0, done.stdout + done.stderr

    # --- its API ---

    def call(self, method: str, path: str, key: str | None = None, body: Any = None,
             headers: wire.Headers | None = None, **more: Any) -> wire.Answer:
        fields = ({"Authorization": f"Bearer {key}"} if key else {}) | (headers or {})
        return wire.call(self.port, method, path, fields, body, **more)

    def get(self, path: str, key: str | None = None, **more: Any) -> wire.Answer:
        return self.call("GET", path, key, **more)

    def chat(self, key: str, model: str = MODEL, **fields: Any) -> wire.Answer:
        body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]} | fields
        return self.call("POST", SLUG, key, body)

    def agrees(self, key: str, status: int, seconds: float = 1.3) -> bool:
        """True once so many new connections in a row are answered with this status that every worker was among them."""
        end = time.monotonic() + seconds * SLOWER
        in_a_row = 0
        while in_a_row < 16 and time.monotonic() < end:
            in_a_row = in_a_row + 1 if self.get("/api/v1/key", key).status == status else 0
        return in_a_row == 16

    def metrics(self) -> dict[str, float]:
        answer = self.get("/metrics")
        assert answer.status == 200
        return metrics(answer.body.decode())

    def held(self, seconds: float = 5) -> dict[str, float]:
        """What is held, once nothing is held any more or this time is over."""
        end = time.monotonic() + seconds
        while True:
            found = self.metrics()
            gauges = {name: found[name] for name in ("turnpike_held_dollars", "turnpike_holds")}
            if not any(gauges.values()) or time.monotonic() > end:
                return gauges
