"""OpenID Connect against a scripted provider: what is asked of it, how often, and what that costs. A real one is in tests/clients/oidc.test.js."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Callable, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.browser import Browser
from harness.gateway import Gateway


class Provider(http.server.ThreadingHTTPServer):
    """Says where its endpoints are. Without keys every code is wrong; with keys a code is the nonce that its token
    bears, and the last key signs. `statuses`: what is answered at a path instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.statuses: dict[str, int] = {}
        self.max_age: int | None = None
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def times(self, path: str) -> int:
        return self.asked.count(path)

    def jwks(self) -> dict[str, object]:
        return {"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid} for kid, key in self.keys.items()]}

    def token(self, nonce: str) -> str:
        kid, key = list(self.keys.items())[-1]
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "turnpike", "sub": "s1", "iat": now, "exp": now + 60, "nonce": nonce,
                  "email": "ada@example.org", "email_verified": True}
        return jwt.encode(claims, key, "RS256", {"kid": kid})


DISCOVERY, TOKEN, KEYS = "/.well-known/openid-configuration", "/token", "/keys"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Provider

    def answer(self) -> None:
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
        self.server.asked.append(self.path)
        at = self.server.issuer
        bodies: dict[str, dict[str, object]] = {
            DISCOVERY: {"issuer": at, "authorization_endpoint": f"{at}/auth", "token_endpoint": f"{at}{TOKEN}", "jwks_uri": f"{at}{KEYS}"}}
        if self.server.keys:
            bodies |= {KEYS: self.server.jwks(), TOKEN: {"id_token": self.server.token(form.get("code", [""])[0]), "access_token": "x"}}
        text = json.dumps(bodies.get(self.path, {"error": "invalid_grant"})).encode()
        self.send_response(self.server.statuses.get(self.path, 200 if self.path in bodies else 400))
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
    return launch({"workers": 1, "oidc": [{"name": "House", "issuer": provider.issuer, "client_id": "turnpike", "allow_signup": True}]})


def begin(gateway: Gateway) -> tuple[Browser, int, str]:
    browser = Browser(gateway.port)
    page = browser.get("/signin/oidc?provider=House")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.location or "").query)
    return browser, page.status, query.get("state", [""])[0]


def come_back(browser: Browser, state: str, code: str = "x") -> int:
    return browser.get(f"/signin/oidc/callback?code={code}&state={state}").status


def sign_in(gateway: Gateway) -> int:
    browser = Browser(gateway.port)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(browser.get("/signin/oidc?provider=House").location or "").query)
    return come_back(browser, query["state"][0], query["nonce"][0])


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)



def worker_seconds(gateway: Gateway) -> float:
    """Of a processor, as the only worker has used it."""
    assert gateway.process
    threads = Path(f"/proc/{gateway.process.pid}/task").iterdir()
    [worker] = [t for t in threads if (t / "comm").read_text() == "worker\n"]
    return int((worker / "schedstat").read_text().split()[0]) / 1e9


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


# --- its keys ---


def test_a_token_of_another_sign_in_is_refused(gateway: Gateway, provider: Provider) -> None:
    provider.keys = {"one": new_key()}
    browser, _, state = begin(gateway)
    assert come_back(browser, state, "another-nonce") == 401
    assert sign_in(gateway) == 303


def test_keys_are_asked_for_once_by_all_who_sign_in_at_once_and_again_when_they_turn(gateway: Gateway, provider: Provider) -> None:
    provider.keys = {"one": new_key()}
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(sign_in(gateway))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [303] * 8 and provider.times(KEYS) == 1
    provider.keys["two"] = new_key()
    assert [sign_in(gateway) for _ in range(3)] == [303] * 3
    assert provider.times(KEYS) == 2


def test_a_signature_of_another_key_of_that_name_is_wrong(gateway: Gateway, provider: Provider) -> None:
    provider.keys = {"one": new_key()}
    assert sign_in(gateway) == 303
    provider.keys = {"one": new_key()}
    assert sign_in(gateway) == 401
    gateway.wait_log(msg="sign-in with 'House' failed: the token's signature is wrong")


def test_keys_that_cannot_be_had_are_told_and_known_ones_go_on(gateway: Gateway, provider: Provider) -> None:
    provider.keys = {"one": new_key()}
    provider.statuses[KEYS] = 500
    assert sign_in(gateway) == 401
    del provider.statuses[KEYS]
    assert sign_in(gateway) == 303
    provider.statuses[KEYS] = 500
    assert sign_in(gateway) == 303


def test_reading_its_keys_holds_no_worker_up(gateway: Gateway, provider: Provider) -> None:
    """A key of 4096 bits takes 30 ms or more to look at."""
    provider.keys = {str(i): new_key(4096) for i in range(3)}
    before = worker_seconds(gateway)
    assert [sign_in(gateway) for _ in range(10)] == [303] * 10
    assert worker_seconds(gateway) - before < 0.1
