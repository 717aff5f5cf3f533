"""script.py: a provider whose every byte a test decides: whole answers, streams, cuts, resets, silence.

It runs on a loop in a thread of its own. A script is `async def script(x: Exchange)`; it is called once for each
request. When it returns, the connection waits for the next request, unless the script closed it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from typing import Any, Awaitable, Callable

ID = "chatcmpl-1"
MODEL = "upstream-model-2024"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    head: bytes = b""  # as it came, with the empty line at its end

    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.request, self.reader, self.writer = request, reader, writer

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def respond(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": "application/json", "Content-Length": str(len(data))} | (headers or {})
        head = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
        await self.raw(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + data)

    async def begin_stream(self) -> None:
        await self.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def piece(self, data: bytes) -> None:
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        await self.piece(f"data: {text}\n\n".encode())

    async def end_stream(self) -> None:
        await self.event("[DONE]")
        await self.raw(b"0\r\n\r\n")

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """RST instead of FIN."""
        s = self.writer.get_extra_info("socket")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def peer_gone(self) -> None:
        """Returns when the gateway has closed this connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass


Script = Callable[[Exchange], Awaitable[None]]


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": ID, "object": "chat.completion.chunk", "created": 1, "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **more}


def usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}


def usage_chunk(u: dict[str, Any]) -> dict[str, Any]:
    return {"id": ID, "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [], "usage": u}


def completion(text: str, u: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    return {"id": ID, "object": "chat.completion", "created": 1, "model": MODEL, "system_fingerprint": "fp_1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "logprobs": None,
                         "finish_reason": finish}], "usage": u}


def chat(words: tuple[str, ...] = ("Hello", " there"), prompt: int = 9, output: int = 2, finish: str = "stop",
         **details: Any) -> Script:
    """A provider that works: whole or streamed, as asked."""
    u = usage(prompt, output, **details)

    async def script(x: Exchange) -> None:
        if not x.request.json().get("stream"):
            await x.respond(200, completion("".join(words), u, finish))
            return
        await x.begin_stream()
        await x.event(chunk({"role": "assistant", "content": ""}))
        for word in words:
            await x.event(chunk({"content": word}))
        await x.event(chunk({}, finish))
        await x.event(usage_chunk(u))
        await x.end_stream()

    return script


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
        head = raw.decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, path, headers, body, raw)


class Provider:
    """Listens on a free port of 127.0.0.1 until close()."""

    def __init__(self, script: Script | None = None, tls: ssl.SSLContext | None = None):
        self.script: Script = script or chat()
        self.requests: list[Request] = []
        self.tls = tls
        self.port = 0
        self._came = threading.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    @property
    def base_url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    def wait_requests(self, n: int, seconds: float = 20) -> list[Request]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= n, seconds), f"{len(self.requests)} of {n} came"
            return list(self.requests)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set_result, None)
        self._thread.join()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(ready))
        self._loop.close()

    async def _serve(self, ready: threading.Event) -> None:
        self._stop = self._loop.create_future()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=self.tls, backlog=4096, limit=1 << 22)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            while not writer.is_closing() and (request := await read_request(reader)):
                with self._came:
                    self.requests.append(request)
                    self._came.notify_all()
                await self.script(Exchange(request, reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if not writer.is_closing() else None
