"""eventstream.py: frames of Amazon's event stream (application/vnd.amazon.eventstream), as Bedrock sends them."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any


def header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


def frame(payload: Any, **headers: str) -> bytes:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    told = b"".join(header(":" + name.replace("_", "-"), value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(told) + len(body), len(told))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + told + body
    return message + struct.pack(">I", zlib.crc32(message))


def event(name: str, payload: Any) -> bytes:
    return frame(payload, event_type=name, content_type="application/json", message_type="event")
