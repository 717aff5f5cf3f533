"""keyserver.py: a small HTTP server in the test's process that serves documents with ETags and counts who asked."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class KeyServer:
    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[tuple[str, int]] = []  # path, status
        self.is_down = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                document = outer.documents.get(self.path)
                body = json.dumps(document).encode() if document is not None else b"{}"
                etag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
                status = 503 if outer.is_down else 404 if document is None else 304 if self.headers["If-None-Match"] == etag else 200
                outer.asked.append((self.path, status))
                self.send_response(status)
                if status == 304:
                    body = b""
                self.send_header("ETag", etag)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
