"""OAuth PKCE for apps, as OpenRouter's: consent, code, key; what is refused, and with which status."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import sqlite3
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest

from harness.browser import Browser, Page
from harness.gateway import Gateway
from harness.wire import Answer
from test_signin import PASSWORD, claimed, joined

Launch = Callable[..., Gateway]
CALLBACK = "https://app.example/cb?state=x"
EXCHANGE, CODE = "/api/v1/auth/keys", "/api/v1/auth/keys/code"


class Pkce:
    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def auth_path(**query: str) -> str:
    return "/auth?" + urllib.parse.urlencode(query)


def allow(browser: Browser, query: dict[str, str], **form: str) -> Page:
    page = browser.get(auth_path(**query))
    assert page.status == 200, page.error
    sent = {k: query[k] for k in ("callback_url", "code_challenge", "code_challenge_method", "key_label") if k in query}
    limit = {"limit": page.value("limit")} if "limit" not in form else {}
    return browser.post("/auth", **sent, **limit, do="allow", **form)


def code_of(page: Page) -> str:
    assert page.status == 302, page.error
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(page.location or "").query)
    return query["code"][0]


def exchange(gateway: Gateway, **body: Any) -> Answer:
    return gateway.call("POST", EXCHANGE, None, body)


def s256(pkce: Pkce, **more: str) -> dict[str, str]:
    return {"callback_url": CALLBACK, "code_challenge": pkce.challenge, "code_challenge_method": "S256"} | more


@pytest.fixture
def owned(launch: Launch) -> tuple[Gateway, Browser]:
    gateway = launch({"workers": 2, "signup": "invitation"})
    return gateway, claimed(gateway)


def test_the_whole_way_from_the_app_to_an_answer(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    owner.get("/account")
    owner.post("/signout")
    # not signed in: there first, and back here
    page = owner.get(auth_path(**s256(pkce, limit="5", key_label="My app")))
    assert page.status == 303
    sign_in = urllib.parse.urlsplit(page.location or "")
    back = urllib.parse.parse_qs(sign_in.query)["return_to"][0]
    page = owner.get(page.location or "")
    assert "app.example" in page.text
    page = owner.post("/signin", email="ada@example.org", password=PASSWORD, return_to=page.value("return_to"))
    assert page.location == back
    page = owner.get(back)
    assert page.inside("app") == "app.example"
    assert page.value("limit") == "5"
    assert "form-action 'self' https://app.example;" in page.headers["Content-Security-Policy"] + ";"
    page = allow(owner, s256(pkce, limit="5", key_label="My app"), reset="weekly", expires="30")
    assert (page.location or "").startswith("https://app.example/cb?state=x&code=")
    answer = exchange(gateway, code=code_of(page), code_verifier=pkce.verifier, code_challenge_method="S256")
    assert answer.status == 200
    assert set(answer.json()) == {"key", "user_id"}, "no data wrapper"
    key = answer.json()["key"]
    data = gateway.get("/api/v1/key", key).json()["data"]
    assert (data["limit"], data["limit_reset"]) == (5, "weekly")
    assert data["creator_user_id"] == answer.json()["user_id"]
    assert gateway.chat(key, "sim/echo").status == 200
    # listed to the user under their app, and not by the management API
    page = owner.get("/account")
    assert "app.example" in page.row("My app")
    admin = gateway.key("admin", "--management")
    assert b"My app" not in gateway.get("/api/v1/keys", admin).body
    # and revocable, at once and everywhere
    assert owner.post("/account/keys/change", hash=page.row_value("My app", "hash"), do="delete").status == 303
    assert [gateway.get("/api/v1/key", key).status for _ in range(8)] == [401] * 8


def test_a_code_works_once_even_for_many_at_the_same_time(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    code = code_of(allow(owner, s256(pkce)))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: exchange(gateway, code=code, code_verifier=pkce.verifier), range(16)))
    assert sorted(a.status for a in answers) == [200] + [403] * 15
    assert {a.error["message"] for a in answers if a.status == 403} == {"Invalid code or code_verifier"}


def test_a_code_is_bound_to_its_challenge(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce, other = Pkce(), Pkce()
    code = code_of(allow(owner, s256(pkce)))
    for verifier in (other.verifier, pkce.challenge, pkce.verifier[:-1], pkce.verifier + "x", "short", "", None):
        answer = exchange(gateway, code=code, code_verifier=verifier, code_challenge_method="S256")
        assert (answer.status, answer.error["message"]) == (403, "Invalid code or code_verifier")
    for method in ("plain", "s256", "S512"):
        answer = exchange(gateway, code=code, code_verifier=pkce.verifier, code_challenge_method=method)
        assert (answer.status, answer.error["message"]) == (400, "Invalid code_challenge_method")
    assert exchange(gateway, code=code, code_verifier=pkce.verifier).status == 200


def test_plain_and_no_challenge(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    query = {"callback_url": CALLBACK, "code_challenge": pkce.verifier, "code_challenge_method": "plain"}
    code = code_of(allow(owner, query))
    assert exchange(gateway, code=code, code_verifier=Pkce().verifier).status == 403
    assert exchange(gateway, code=code, code_verifier=pkce.verifier, code_challenge_method="plain").status == 200
    code = code_of(allow(owner, {"callback_url": CALLBACK}))
    # a verifier without a challenge: somebody has taken the challenge away
    assert exchange(gateway, code=code, code_verifier=pkce.verifier).status == 403
    assert exchange(gateway, code=code).status == 200


def test_a_code_lasts_ten_minutes(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    code = code_of(allow(owner, s256(pkce)))
    database = sqlite3.connect(gateway.data / "turnpike.db", timeout=10)
    expires, created = database.execute("SELECT expires_ms, created_ms FROM oauth_code").fetchone()
    assert abs(expires - created - 600_000) < 5_000
    database.execute("UPDATE oauth_code SET expires_ms = created_ms - 1")
    database.commit()
    database.close()
    answer = exchange(gateway, code=code, code_verifier=pkce.verifier)
    assert (answer.status, answer.error["message"]) == (403, "Authorization code expired")
    # who cannot prove that it is theirs does not learn even that
    answer = exchange(gateway, code=code, code_verifier=Pkce().verifier)
    assert answer.error["message"] == "Invalid code or code_verifier"


@pytest.mark.parametrize("code", ["0" * 64, "x", "a" * 10000, "0" * 63 + "g"])
def test_an_invented_code(owned: tuple[Gateway, Browser], code: str) -> None:
    answer = exchange(owned[0], code=code, code_verifier=Pkce().verifier)
    assert (answer.status, answer.error["message"]) == (403, "Invalid code or code_verifier")


def test_bad_bodies_and_methods(launch: Launch) -> None:
    gateway = launch()
    for body in ({}, {"code": ""}, {"code": None}, {"code": 5}, {"code": ["x"]}, {"code": "x", "code_verifier": 1}):
        assert gateway.call("POST", EXCHANGE, None, body).status == 400
    twice = gateway.call("POST", EXCHANGE, None, b'{"code":"a","code":"b"}')
    assert twice.status == 400
    for method in ("GET", "PUT", "DELETE"):
        assert gateway.call(method, EXCHANGE).status == 405
        assert gateway.call(method, CODE).status == 405


@pytest.mark.parametrize("callback", [
    "http://app.example/cb", "http://localhost.evil.example/", "https://user@app.example/", "https://app.example/#x",
    "http://localhost:3000@evil.example/", "https://app.example\\@evil.example/", "javascript:alert(1)", "myapp://cb",
    "//app.example/cb", "https://app.example/\r\nSet-Cookie: a=b", "http://[::1]/", "http://127.0.0.1.evil.example/",
    "data:text/html,<script>alert(1)</script>"])
def test_callbacks_that_are_refused(owned: tuple[Gateway, Browser], callback: str) -> None:
    """Neither a page with a button nor a redirect: nothing leads there."""
    gateway, owner = owned
    pkce = Pkce()
    page = owner.get(auth_path(callback_url=callback, code_challenge=pkce.challenge, code_challenge_method="S256"))
    assert page.status == 400 and page.location is None
    assert "callback_url" in page.error and "<script" not in page.text
    assert 'value="allow"' not in page.text
    # nor by a form that says so, though the page was not shown
    owner.get("/account")
    for do in ("allow", "deny"):
        page = owner.post("/auth", callback_url=callback, code_challenge=pkce.challenge, code_challenge_method="S256",
                          do=do)
        assert page.status == 400 and page.location is None
    assert gateway.call("POST", CODE, gateway.key(), {"callback_url": callback}).status == 400


@pytest.mark.parametrize("callback,title", [
    ("http://localhost:3000/cb", "localhost:3000"), ("http://127.0.0.1:8181/", "127.0.0.1:8181"),
    ("http://localhost/", "localhost"), ("https://App.Example:8443/x?a=b", "app.example:8443")])
def test_callbacks_that_are_taken(owned: tuple[Gateway, Browser], callback: str, title: str) -> None:
    gateway, owner = owned
    pkce = Pkce()
    page = owner.get(auth_path(**s256(pkce, callback_url=callback)))
    assert page.inside("app") == title
    page = allow(owner, s256(pkce, callback_url=callback))
    assert (page.location or "").startswith(callback)
    assert exchange(gateway, code=code_of(page), code_verifier=pkce.verifier).status == 200


@pytest.mark.parametrize("query,says", [
    ({"code_challenge_method": "S512"}, "Invalid code_challenge_method"),
    ({"code_challenge": ""}, "code_challenge"),
    ({"code_challenge": "short"}, "code_challenge"),
    ({"code_challenge": "x" * 129, "code_challenge_method": "plain"}, "code_challenge"),
    ({"limit": "much"}, "limit"),
    ({"limit": "-5"}, "limit"),
    ({"key_label": "x" * 300}, "key_label")])
def test_requests_that_are_refused(owned: tuple[Gateway, Browser], query: dict[str, str], says: str) -> None:
    page = owned[1].get(auth_path(**(s256(Pkce()) | query)))
    assert page.status == 400 and says in page.error


def test_a_wrong_limit_does_not_keep_anybody_from_denying(owned: tuple[Gateway, Browser]) -> None:
    page = owned[1].get(auth_path(**s256(Pkce())))
    assert re.search(r'<button[^>]*value="deny"[^>]* formnovalidate', page.text)
    assert not re.search(r'<button[^>]*value="allow"[^>]* formnovalidate', page.text)
    page = owned[1].post("/auth", **s256(Pkce()), limit="wrong", do="deny")
    assert (page.status, page.location) == (302, CALLBACK + "&error=access_denied")


def test_denied(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    owner.get(auth_path(**s256(Pkce())))
    page = owner.post("/auth", **s256(Pkce()), do="deny")
    assert (page.status, page.location) == (302, CALLBACK + "&error=access_denied")


def test_the_user_sets_the_bounds_not_the_app(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    page = allow(owner, s256(pkce, limit="1000"), limit="1.5", reset="daily", expires="1")
    key = exchange(gateway, code=code_of(page), code_verifier=pkce.verifier).json()["key"]
    data = gateway.get("/api/v1/key", key).json()["data"]
    assert (data["limit"], data["limit_reset"]) == (1.5, "daily") and data["expires_at"]
    for form in ({"limit": "x"}, {"limit": "1", "reset": "hourly"}, {"limit": "1", "expires": "soon"}):
        page = allow(owner, s256(pkce), **form)
        assert page.status == 400 and page.inside("app") == "app.example"


def test_without_a_callback_the_code_is_shown(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    assert owner.get("/auth").status == 400, "a challenge is then needed"
    page = allow(owner, {"code_challenge": pkce.challenge, "code_challenge_method": "S256"})
    assert page.status == 200
    code = page.inside("code")
    assert exchange(gateway, code=code).status == 403
    answer = exchange(gateway, code=code, code_verifier=pkce.verifier)
    assert answer.status == 200
    assert gateway.get("/api/v1/key", answer.json()["key"]).status == 200


def test_hostile_labels_stay_text(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    pkce = Pkce()
    label = "<script>alert(1)</script>\"'&"
    page = owner.get(auth_path(**s256(pkce, key_label=label)))
    assert "<script" not in page.text and page.value("key_label") == label
    assert page.inside("label") == label, "whoever allows it sees what the key will be called"
    exchange(gateway, code=code_of(allow(owner, s256(pkce, key_label=label))), code_verifier=pkce.verifier)
    assert "<script" not in owner.get("/account").text


def test_a_code_of_a_user_who_was_disabled_makes_no_key(owned: tuple[Gateway, Browser]) -> None:
    gateway, owner = owned
    bob = joined(gateway, owner, "bob@example.org", "member")
    pkce = Pkce()
    code = code_of(allow(bob, s256(pkce)))
    bob_id = owner.get("/account/people").row_value("bob@example.org", "id")
    assert owner.post("/account/people/change", id=bob_id, do="disable").status == 303
    assert exchange(gateway, code=code, code_verifier=pkce.verifier).status == 403


# --- a code for who has a key ---


def test_a_key_asks_for_a_code(owned: tuple[Gateway, Browser]) -> None:
    gateway, _ = owned
    pkce = Pkce()
    admin = gateway.key("admin", "--management")
    body = {"callback_url": CALLBACK, "code_challenge": pkce.challenge, "code_challenge_method": "S256", "limit": 7,
            "usage_limit_type": "monthly", "key_label": "from the API"}
    answer = gateway.call("POST", CODE, admin, body)
    assert answer.status == 200
    assert set(answer.json()["data"]) == {"id", "app_id", "created_at"}
    made = exchange(gateway, code=answer.json()["data"]["id"], code_verifier=pkce.verifier,
                    code_challenge_method="S256").json()
    data = gateway.get("/api/v1/key", made["key"]).json()["data"]
    assert (data["limit"], data["limit_reset"], made["user_id"]) == (7, "monthly", None)
    assert gateway.call("POST", CODE, None, body).status == 401


def test_an_inference_key_gives_an_app_no_more_than_it_has(owned: tuple[Gateway, Browser]) -> None:
    """The app's key lies below the key that asked: bounded by it, and dead with it."""
    gateway, _ = owned
    pkce = Pkce()
    made = gateway.cli("key", "create", "--name", "small", "--limit", "0.00001")
    body = {"callback_url": CALLBACK, "code_challenge": pkce.challenge, "code_challenge_method": "S256"}
    code = gateway.call("POST", CODE, made["key"], body).json()["data"]["id"]
    key = exchange(gateway, code=code, code_verifier=pkce.verifier).json()["key"]
    answer = gateway.chat(key, "sim/echo", max_tokens=1_000_000)
    assert answer.status in (402, 403), answer.body
    gateway.cli("key", "disable", made["data"]["hash"])
    assert gateway.agrees(key, 401)


@pytest.mark.parametrize("change", [
    {"callback_url": None}, {"callback_url": 5}, {"limit": -1}, {"limit": "5"}, {"usage_limit_type": "hourly"},
    {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "tomorrow"}, {"code_challenge": "x"},
    {"code_challenge_method": "S512"}, {"key_label": "x" * 256}])
def test_a_wrong_request_for_a_code(owned: tuple[Gateway, Browser], change: dict[str, Any]) -> None:
    gateway, _ = owned
    body = {"callback_url": CALLBACK, "code_challenge": Pkce().challenge, "code_challenge_method": "S256"} | change
    answer = gateway.call("POST", CODE, gateway.key(), body)
    assert answer.status == 400, json.dumps(body)
