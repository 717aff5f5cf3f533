"""OpenID Connect against a scripted provider: what is asked of it, and how often. A real one is in tests/clients/oidc.test.js."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from typing import Callable, Iterator

import pytest

from harness.browser import Browser
from harness.gateway import Gateway


class Provider(http.server.ThreadingHTTPServer):
    """Says where its endpoints are, and that every code is wrong; or what `statuses` says of a path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.statuses: dict[str, int] = {}
        self.max_age: int | None = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def times(self, path: str) -> int:
        return self.asked.count(path)


DISCOVERY, TOKEN = "/.well-known/openid-configuration", "/token"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Provider

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(self.path)
        at = self.server.issuer
        body: dict[str, object] = {"error": "invalid_grant"}
        if self.path == DISCOVERY:
            body = {"issuer": at, "authorization_endpoint": f"{at}/auth", "token_endpoint": f"{at}{TOKEN}", "jwks_uri": f"{at}/keys"}
        text = json.dumps(body).encode()
        self.send_response(self.server.statuses.get(self.path, 200 if self.path == DISCOVERY else 400))
        if self.server.max_age is not None:
            self.send_header("Cache-Control", f"public, max-age={self.server.max_age}")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def gateway(launch: Callable[..., Gateway], provider: Provider) -> Gateway:
    return launch({"workers": 1, "oidc": [{"name": "House", "issuer": provider.issuer, "client_id": "turnpike"}]})


def begin(gateway: Gateway) -> tuple[Browser, int, str]:
    browser = Browser(gateway.port)
    page = browser.get("/signin/oidc?provider=House")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.location or "").query)
    return browser, page.status, query.get("state", [""])[0]


def come_back(browser: Browser, state: str) -> int:
    return browser.get(f"/signin/oidc/callback?code=x&state={state}").status


@pytest.mark.parametrize("max_age", [None, 0])
def test_the_discovery_document_is_asked_for_once_not_at_every_sign_in(gateway: Gateway, provider: Provider, max_age: int | None) -> None:
    provider.max_age = max_age
    for _ in range(5):
        browser, status, state = begin(gateway)
        assert status == 302
        assert come_back(browser, state) == 401  # the code is wrong, which says nothing of the endpoints
    assert provider.times(TOKEN) == 5
    assert provider.times(DISCOVERY) == 1


def test_a_failed_discovery_is_not_kept(gateway: Gateway, provider: Provider) -> None:
    provider.statuses[DISCOVERY] = 500
    assert begin(gateway)[1] == 401
    del provider.statuses[DISCOVERY]
    assert begin(gateway)[1] == 302
    assert provider.times(DISCOVERY) == 2


@pytest.mark.parametrize("status", [404, 500])
def test_endpoints_that_do_not_answer_are_looked_for_again(gateway: Gateway, provider: Provider, status: int) -> None:
    provider.statuses[TOKEN] = status
    browser, _, state = begin(gateway)
    assert come_back(browser, state) == 401
    assert begin(gateway)[1] == 302
    assert provider.times(DISCOVERY) == 2


def test_an_answer_that_is_not_ours_makes_nobody_ask_the_provider(gateway: Gateway, provider: Provider) -> None:
    begin(gateway)
    for _ in range(3):
        assert come_back(Browser(gateway.port), "0" * 64) == 401
    begin(gateway)
    assert (provider.times(DISCOVERY), provider.times(TOKEN)) == (1, 0)
