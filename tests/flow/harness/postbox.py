"""postbox.py: a real SMTP server (aiosmtpd) in the test's own process, with a fault or two."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from email.message import EmailMessage
from typing import Any, Callable

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Postbox:
    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None, user: str = "", password: str = "",
                 replies: list[str] | None = None, hold: threading.Event | None = None):
        """replies: what to say to the first mails instead of taking them. hold: nothing is answered before it is set."""
        self.port = port or free_port()
        self.replies, self.hold = list(replies or []), hold
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str], bool]] = []  # from, to, over TLS
        self.tries = 0
        self.is_open = False
        self._more = threading.Condition()
        more: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls else {}
        if user:
            def check(_server: Any, _session: Any, _envelope: Any, _how: Any, given: Any) -> AuthResult:
                return AuthResult(success=(given.login, given.password) == (user.encode(), password.encode()))
            more |= {"authenticator": check, "auth_required": True, "auth_require_tls": bool(tls)}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def open(self) -> Postbox:
        self._controller.start()
        self.is_open = True
        return self

    def close(self) -> None:
        if self.hold:
            self.hold.set()
        if self.is_open:
            self._controller.stop()
        self.is_open = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        with self._more:
            self.tries += 1
            self._more.notify_all()
        if self.hold and not self.hold.is_set():
            await server.loop.run_in_executor(None, self.hold.wait)
        if self.replies:
            return self.replies.pop(0)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        with self._more:
            self.mails.append(mail)  # type: ignore[arg-type]
            self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, session.ssl is not None))
            self._more.notify_all()
        return "250 OK"

    def wait(self, found: Callable[[Postbox], bool], seconds: float = 20) -> None:
        with self._more:
            assert self._more.wait_for(lambda: found(self), seconds), \
                f"{len(self.mails)} mails after {self.tries} tries: {[m['Subject'] for m in self.mails]}"

    def mail(self, seconds: float = 20) -> EmailMessage:
        """The first one."""
        self.wait(lambda p: bool(p.mails), seconds)
        return self.mails[0]
