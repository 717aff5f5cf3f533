"""wire.py: an HTTP/1.1 client that hides nothing. Framing is checked, and an answer knows whether its end was seen."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, AsyncIterator

Headers = dict[str, str]
GONE = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(repr=False)
class Answer:
    status: int
    headers: Headers  # names in lower case
    body: bytes = b""
    complete: bool = False  # the end that the framing promises was seen
    size: int = 0  # of the body, also where it was not kept
    seconds: float = 0.0
    lines: list[str] = field(default_factory=list)  # header lines as they came

    def __repr__(self) -> str:
        end = "" if self.complete else ", cut"
        return f"<{self.status}{end} {self.body[:400]!r}{'...' if len(self.body) > 400 else ''}>"

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json()["error"]

    # --- Server-Sent Events ---

    @property
    def events(self) -> list[str]:
        """Data of each event; comment lines are kept, beginning with ':'."""
        out: list[str] = []
        for block in self.body.decode().replace("\r\n", "\n").split("\n\n"):
            lines = block.split("\n")
            out += [line for line in lines if line.startswith(":")]
            data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
            if data:
                out.append("\n".join(data))
        return out

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(e) for e in self.events if not e.startswith(":") and e != "[DONE]"]

    @property
    def named_events(self) -> list[dict[str, Any]]:
        """Of formats in which each event's name is its data's type."""
        out = []
        for block in self.body.decode().split("\n\n"):
            if m := re.fullmatch(r"event: ([\w.]+)\ndata: (.*)", block):
                out.append(json.loads(m[2]))
                assert out[-1]["type"] == m[1]
            else:
                assert not block or block.startswith(":"), block
        return out

    @property
    def comments_before_data(self) -> int:
        events = self.events
        return next((i for i, e in enumerate(events) if not e.startswith(":")), len(events))

    @property
    def is_done(self) -> bool:
        events = self.events
        return bool(events) and events[-1] == "[DONE]"

    @property
    def text(self) -> str:
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            return self.json()["choices"][0]["message"]["content"]
        deltas = [c["choices"][0]["delta"] for c in self.chunks if c.get("choices")]
        return "".join(d.get("content") or "" for d in deltas)

    @property
    def usage(self) -> dict[str, Any]:
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            return self.json()["usage"]
        found = [c["usage"] for c in self.chunks if c.get("usage")]
        assert len(found) == 1, f"usage in {len(found)} chunks"
        return found[0]


class Connection:
    """One connection; requests on it one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None, limit: int = 1 << 20) -> Connection:
        name = "localhost" if tls else None
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name, limit=limit))

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def head(self) -> Answer:
        while True:
            text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = text[:-4].split("\r\n")
            version, status, _ = (first + "  ").split(" ", 2)
            assert version in ("HTTP/1.1", "HTTP/1.0"), first
            if int(status) != 100:
                break
        pairs = [line.split(":", 1) for line in lines]
        return Answer(int(status), {name.lower(): value.strip() for name, value in pairs}, lines=lines)

    async def pieces(self, a: Answer, method: str = "POST") -> AsyncIterator[bytes]:
        """The body as it comes; sets a.complete at its promised end. A cut raises one of GONE."""
        if method == "HEAD" or a.status in (204, 304):
            pass
        elif a.headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        elif "content-length" in a.headers:
            left = int(a.headers["content-length"])
            while left:
                piece = await self.reader.read(min(left, 65536))
                if not piece:
                    raise asyncio.IncompleteReadError(b"", left)
                left -= len(piece)
                yield piece
        else:
            while piece := await self.reader.read(65536):
                yield piece
        a.complete = True

    async def answer(self, method: str = "POST", keep: bool = True) -> Answer:
        began = time.monotonic()
        a = await self.head()
        body = bytearray()
        size = 0
        try:
            async for piece in self.pieces(a, method):
                size += len(piece)
                if keep:
                    body += piece
        except GONE:
            pass
        a.body, a.seconds = bytes(body), time.monotonic() - began
        a.size = size
        return a

    async def request(self, method: str, path: str, headers: Headers | None = None, body: Any = None,
                      keep: bool = True) -> Answer:
        await self.send(build(method, path, headers, body))
        return await self.answer(method, keep)


def build(method: str, path: str, headers: Headers | None = None, body: Any = None) -> bytes:
    """A request's bytes. A body that is not bytes is sent as JSON."""
    fields = {"Host": "127.0.0.1"}
    if body is not None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


async def request(port: int, method: str, path: str, headers: Headers | None = None, body: Any = None,
                  tls: ssl.SSLContext | None = None, keep: bool = True) -> Answer:
    async with await Connection.open(port, tls) as c:
        return await c.request(method, path, headers, body, keep)


def call(*args: Any, seconds: float = 60, **kwargs: Any) -> Answer:
    """request() for tests that do one thing at a time."""
    return asyncio.run(asyncio.wait_for(request(*args, **kwargs), seconds))
