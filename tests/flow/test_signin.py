"""People: claiming the instance, signing in and out, sessions, roles, invitations; and what others try."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from typing import Any, Callable

import pytest

from harness.browser import Browser
from harness.gateway import SLOWER, Gateway

def until(found: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds * SLOWER
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


PASSWORD = "correct horse battery"
Launch = Callable[..., Gateway]


def claim_link(gateway: Gateway) -> str:
    return gateway.wait_text(r"^\s+(http\S+/claim\?token=[0-9a-f]{64})$")[1]


def claimed(gateway: Gateway, email: str = "ada@example.org") -> Browser:
    browser = Browser(gateway.port)
    assert browser.claim(claim_link(gateway), email, PASSWORD).location == "/account"
    return browser


def joined(gateway: Gateway, owner: Browser, email: str, role: str) -> Browser:
    owner.get("/account/people")
    page = owner.post("/account/people/invite", email=email, role=role)
    assert page.status == 201, page.error
    browser = Browser(gateway.port)
    assert browser.claim(page.inside("new-link"), "", PASSWORD).location == "/account"
    return browser


@pytest.fixture
def inviting(launch: Launch) -> Gateway:
    return launch({"signup": "invitation", "workers": 2})


# --- claiming ---


def test_the_first_start_prints_a_link_that_claims_the_instance_once(launch: Launch) -> None:
    """one-api "default root/123456", Kuadrant GHSA-g53w-w6mj-hrpp: no credential is shipped."""
    gateway = launch()
    link = claim_link(gateway)
    owner = claimed(gateway)
    page = owner.get("/account")
    assert page.status == 200 and "ada@example.org" in page.text
    assert "first key" in page.text, "the account of the first start is theirs"
    other = Browser(gateway.port)
    assert other.get(re.sub(r"^http://[^/]+", "", link)).status == 404
    # a new start prints no link any more
    gateway.stop()
    gateway.start()
    gateway.wait_text("Try it:")
    assert "/claim?token=" not in "\n".join(gateway.log)


def test_an_unclaimed_instance_prints_a_new_link_and_the_old_one_is_dead(launch: Launch) -> None:
    gateway = launch()
    first = claim_link(gateway)
    gateway.stop()
    gateway.start()
    second = claim_link(gateway)
    assert first.partition("=")[2] != second.partition("=")[2]
    browser = Browser(gateway.port)
    assert browser.get("/claim?token=" + first.partition("=")[2]).status == 404
    assert browser.get("/claim?token=" + second.partition("=")[2]).status == 200


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "<script>", "%00" * 8, "a" * 5000])
def test_a_link_that_was_never_given_does_not_work(launch: Launch, token: str) -> None:
    browser = Browser(launch().port)
    answer = browser.get("/claim?token=" + token)
    assert answer.status in (400, 404)
    assert "<script>" not in answer.text


def test_opening_a_link_does_not_use_it_up(launch: Launch) -> None:
    """Mail scanners open links, too."""
    gateway = launch()
    for _ in range(3):
        assert Browser(gateway.port).get(re.sub(r"^http://[^/]+", "", claim_link(gateway))).status == 200
    claimed(gateway)


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "x" * 257])
def test_a_bad_password_claims_nothing(launch: Launch, password: str) -> None:
    gateway = launch()
    browser = Browser(gateway.port)
    assert browser.claim(claim_link(gateway), "ada@example.org", password).status == 400
    claimed(gateway)


# --- signing in ---


def test_signing_in_and_out(launch: Launch) -> None:
    gateway = launch()
    owner = claimed(gateway)
    old = dict(owner.cookies)
    page = owner.get("/account")
    assert owner.post("/signout").location == "/signin"
    assert "turnpike_session" not in owner.cookies
    # the session is over on every worker, not only out of the browser
    stolen = Browser(gateway.port, cookies=old)
    for _ in range(8):
        assert stolen.get("/account").status == 303
    page = owner.sign_in("ADA@example.org", PASSWORD)
    assert (page.status, page.location) == (303, "/account")
    assert owner.get("/account").status == 200
    assert owner.cookies["turnpike_session"] != old["turnpike_session"]


def test_the_cookie_is_out_of_scripts_reach(launch: Launch) -> None:
    gateway = launch({"public_url": "https://gateway.example"})
    browser = Browser(gateway.port)
    link = claim_link(gateway)
    assert link.startswith("https://gateway.example/claim?token=")
    assert browser.claim(link, "ada@example.org", PASSWORD).status == 303
    line = next(c for c in browser.set_cookies if c.startswith("turnpike_session="))
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= {p.strip() for p in line.split(";")}
    assert "Domain" not in line


def test_wrong_password_and_unknown_user_look_alike(launch: Launch) -> None:
    gateway = launch()
    claimed(gateway)
    answers = []
    for email in ("ada@example.org", "bob@example.org"):
        browser = Browser(gateway.port)
        page = browser.sign_in(email, "not the password")
        answers.append((page.status, page.error, re.sub(r'value="[^"]*"', "", page.text)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


def test_failed_attempts_are_slowed_per_account_and_told_when(launch: Launch) -> None:
    gateway = launch({"workers": 2})
    claimed(gateway)
    browser = Browser(gateway.port)
    browser.get("/signin")
    statuses = [browser.post("/signin", email="ada@example.org", password="wrong password").status for _ in range(12)]
    assert statuses[:10] == [401] * 10
    assert 429 in statuses[10:]
    page = browser.post("/signin", email="ada@example.org", password=PASSWORD)
    assert page.status == 429, "the right one has to wait too"
    assert 1 <= int(page.headers["Retry-After"]) <= 60
    # nobody else has to
    assert browser.post("/signin", email="bob@example.org", password="wrong password").status == 401


def test_a_sign_in_returns_to_where_it_began_but_never_elsewhere(launch: Launch) -> None:
    gateway = launch()
    owner = claimed(gateway)
    owner.get("/account")
    owner.post("/signout")
    assert owner.get("/account/people").location == "/signin?return_to=%2Faccount%2Fpeople"
    for there, expected in (("/account/people", "/account/people"), ("//evil.example", "/account"),
                            ("https://evil.example", "/account"), ("/\\evil.example", "/account"),
                            ("/a\r\nSet-Cookie: x=y", "/account"), ("", "/account")):
        browser = Browser(gateway.port)
        assert browser.sign_in("ada@example.org", PASSWORD, return_to=there).location == expected


# --- what other sites try ---


def test_a_form_without_its_token_changes_nothing(launch: Launch) -> None:
    gateway = launch()
    owner = claimed(gateway)
    owner.get("/account")
    other = Browser(gateway.port)
    other.get("/signin")
    assert other.last
    for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": other.last.value("csrf")}):
        for path in ("/signout", "/account/keys", "/account/password", "/account/people/invite", "/auth"):
            assert owner.send("POST", path, {"name": "x", **form}).status == 403, path
    assert owner.get("/account").status == 200
    assert owner.get("/account").text.count('name="hash"') == 1


def test_nobody_is_signed_in_by_another_site_s_form(launch: Launch) -> None:
    gateway = launch()
    claimed(gateway)
    victim, attacker = Browser(gateway.port), Browser(gateway.port)
    attacker.get("/signin")
    assert attacker.last
    form = {"csrf": attacker.last.value("csrf"), "email": "ada@example.org", "password": PASSWORD}
    assert victim.send("POST", "/signin", form).status == 403
    victim.get("/signin")
    assert victim.send("POST", "/signin", form).status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", ""])
def test_another_site_s_origin_is_refused(launch: Launch, origin: str) -> None:
    gateway = launch()
    owner = claimed(gateway)
    page = owner.get("/account")
    form = {"csrf": page.value("csrf"), "name": "x"}
    assert owner.send("POST", "/account/keys", form, Origin=origin).status == 403
    assert owner.send("POST", "/account/keys", form, Origin=f"http://127.0.0.1:{gateway.port}").status == 201


def test_the_api_takes_a_session_with_its_token_only(launch: Launch) -> None:
    gateway = launch()
    owner = claimed(gateway)
    token = owner.get("/account").value("csrf")
    assert owner.get("/api/v1/keys").status == 200
    body = {"csrf": "nothing"}
    assert owner.send("POST", "/api/v1/keys", body).status == 403
    assert owner.send("POST", "/api/v1/keys", body, X_CSRF_Token=token).status == 400, "the body is no JSON"
    assert owner.send("POST", "/api/v1/keys", body, X_CSRF_Token=token, Origin="https://evil.example").status == 403


def test_every_page_has_a_strict_policy_and_no_script(launch: Launch) -> None:
    gateway = launch({"signup": "open"})
    owner = claimed(gateway)
    visitor = Browser(gateway.port)
    pages = [owner.get("/account"), owner.get("/account/people"), visitor.get("/signin"), visitor.get("/signup"),
             visitor.get("/claim?token=x"), owner.get("/auth?callback_url=https://a.example/cb")]
    for page in pages:
        policy = page.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
                     "form-action 'self'"):
            assert part in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"
        assert not re.search(r"<script|\son\w+=|style=|javascript:", page.text)


# --- sessions ---


def test_sessions_are_listed_and_ended_everywhere(launch: Launch) -> None:
    gateway = launch({"workers": 2})
    owner = claimed(gateway)
    phone = Browser(gateway.port, agent="a phone <b>")
    assert phone.sign_in("ada@example.org", PASSWORD).status == 303
    page = owner.get("/account")
    assert "a phone &lt;b&gt;" in page.text and "127.0.0.1" in page.row("a phone <b>")
    assert owner.post("/account/sessions/end", id=page.row_value("a phone <b>", "id")).status == 303
    for _ in range(8):
        assert phone.get("/account").status == 303
    assert "a phone" not in owner.get("/account").text
    assert phone.sign_in("ada@example.org", PASSWORD).status == 303
    owner.get("/account")
    assert owner.post("/account/sessions/end", others="1").status == 303
    assert phone.get("/account").status == 303
    assert owner.get("/account").status == 200


def test_sessions_end_when_idle_and_absolutely(launch: Launch) -> None:
    gateway = launch({"sessions": {"idle": "1h", "absolute": "2h"}})
    owner = claimed(gateway)
    gateway.stop()
    database = sqlite3.connect(gateway.data / "turnpike.db")
    database.execute("UPDATE session SET seen_ms = seen_ms - 3600 * 1000")
    database.commit()
    gateway.start()
    owner.port = gateway.port
    assert owner.get("/account").status == 303
    assert owner.sign_in("ada@example.org", PASSWORD).status == 303
    assert owner.get("/account").status == 200
    gateway.stop()
    database.execute("UPDATE session SET expires_ms = expires_ms - 7200 * 1000")
    database.commit()
    database.close()
    gateway.start()
    owner.port = gateway.port
    assert owner.get("/account").status == 303


def test_nothing_that_opens_a_door_is_stored_as_it_is(launch: Launch) -> None:
    """GHSA-69x8-hrgq-fjj8: passwords by Argon2id; what is random by SHA-256."""
    gateway = launch({"signup": "invitation"})
    link = claim_link(gateway)
    owner = claimed(gateway)
    owner.get("/account/people")
    invitation = owner.post("/account/people/invite", email="bob@example.org", role="member").inside("new-link")
    gateway.stop()
    stored = b"".join(p.read_bytes() for p in gateway.data.rglob("*") if p.is_file())
    secrets = [PASSWORD, owner.cookies["turnpike_session"], link.partition("=")[2], invitation.partition("=")[2]]
    for secret in secrets:
        assert secret.encode() not in stored
        assert bytes.fromhex(secret) not in stored if len(secret) == 64 else True
    assert b"$argon2id$" in stored
    log = "\n".join(gateway.log).replace(link, "")
    assert not any(secret in log for secret in secrets)


def test_a_new_password_ends_all_other_sessions(launch: Launch) -> None:
    gateway = launch({"workers": 2})
    owner = claimed(gateway)
    phone = Browser(gateway.port)
    assert phone.sign_in("ada@example.org", PASSWORD).status == 303
    owner.get("/account")
    assert owner.post("/account/password", current="wrong", password="another long one").status == 403
    assert phone.get("/account").status == 200
    assert owner.post("/account/password", current=PASSWORD, password="another long one").status == 303
    assert phone.get("/account").status == 303
    assert owner.get("/account").status == 200
    assert phone.sign_in("ada@example.org", PASSWORD).status == 401
    assert phone.sign_in("ada@example.org", "another long one").status == 303


# --- people and roles ---


def test_sign_up_is_closed_unless_it_is_opened(launch: Launch) -> None:
    gateway = launch()
    owner = claimed(gateway)
    assert Browser(gateway.port).get("/signup").status == 403
    owner.get("/account/people")
    assert owner.post("/account/people/invite", email="bob@example.org", role="member").status == 403


def test_open_sign_up_gives_an_account_of_one_s_own_without_credit(launch: Launch) -> None:
    gateway = launch({"signup": "open"})
    claimed(gateway)
    browser = Browser(gateway.port)
    assert browser.get("/signup").status == 200
    assert browser.post("/signup", email="new@example.org", password=PASSWORD).status == 303
    page = browser.get("/account")
    assert "first key" not in page.text
    assert browser.get("/api/v1/credits").status == 200
    assert '"total_credits":0' in browser.get("/api/v1/credits").text
    again = Browser(gateway.port)
    again.get("/signup")
    assert again.post("/signup", email="NEW@example.org", password=PASSWORD).status == 409


def test_an_invitation_makes_one_user_with_its_role(inviting: Gateway) -> None:
    owner = claimed(inviting)
    owner.get("/account/people")
    page = owner.post("/account/people/invite", email="bob@example.org", role="admin")
    link = page.inside("new-link")
    bob = Browser(inviting.port)
    # the address is the invitation's, whatever the form says
    assert bob.claim(link, "eve@example.org", PASSWORD).status == 303
    assert "bob@example.org" in bob.get("/account").text
    assert Browser(inviting.port).get(re.sub(r"^http://[^/]+", "", link)).status == 404
    assert "admin" in owner.get("/account/people").row("bob@example.org")


def test_a_withdrawn_invitation_does_not_work(inviting: Gateway) -> None:
    owner = claimed(inviting)
    owner.get("/account/people")
    page = owner.post("/account/people/invite", email="bob@example.org", role="member")
    link = page.inside("new-link")
    assert owner.post("/account/people/uninvite", id=page.row_value("bob@example.org", "id")).status == 303
    assert Browser(inviting.port).get(re.sub(r"^http://[^/]+", "", link)).status == 404


def make_key(browser: Browser, name: str, **more: str) -> str:
    browser.get("/account")
    page = browser.post("/account/keys", name=name, **more)
    assert page.status == 201, page.error
    return page.inside("new-key")


def test_a_member_sees_and_changes_only_their_own_keys(inviting: Gateway) -> None:
    """GHSA-qqcv-vg9f-5rr3 and new-api CVE-2026-30886: object-level checks."""
    owner = claimed(inviting)
    bob, cy = (joined(inviting, owner, f"{n}@example.org", "member") for n in ("bob", "cy"))
    key = make_key(bob, "bob's key", limit="2.5", reset="weekly", expires="30")
    assert inviting.get("/api/v1/key", key).json()["data"]["limit"] == 2.5
    make_key(cy, "cy's key")
    page = owner.get("/account")
    theirs = page.row_value("first key", "hash"), page.row_value("cy's key", "hash")
    page = bob.get("/account")
    assert "bob's key" in page.text.replace("&#39;", "'")
    assert "first key" not in page.text and "cy&#39;s key" not in page.text
    listed = [k["name"] for k in json.loads(bob.get("/api/v1/keys").text)["data"]]
    assert listed == ["bob's key"]
    for hash_ in theirs:
        for do in ("disable", "enable", "delete"):
            assert bob.post("/account/keys/change", hash=hash_, do=do).status == 404
        for method in ("GET", "DELETE"):
            assert bob.send(method, f"/api/v1/keys/{hash_}", X_CSRF_Token=page.value("csrf")).status == 404
    assert bob.post("/account/keys", name="x", kind="management").status == 403
    # one's own, by form
    own = page.row_value("bob's key", "hash")
    assert bob.post("/account/keys/change", hash=own, do="disable").status == 303
    assert inviting.get("/api/v1/key", key).status == 401
    assert bob.post("/account/keys/change", hash=own, do="enable").status == 303
    assert inviting.get("/api/v1/key", key).status == 200
    # the owner may, and it holds at once on every worker
    assert owner.post("/account/keys/change", hash=own, do="delete").status == 303
    assert [inviting.get("/api/v1/key", key).status for _ in range(8)] == [401] * 8


def test_members_do_not_manage_people(inviting: Gateway) -> None:
    """CVE-2026-47101 (user to admin): one server-side table of roles."""
    owner = claimed(inviting)
    bob = joined(inviting, owner, "bob@example.org", "member")
    assert bob.get("/account/people").status == 403
    assert "/account/people" not in bob.get("/account").text
    bob.get("/account")
    for path, form in (("invite", {"email": "x@example.org", "role": "member"}), ("uninvite", {"id": "1"}),
                       ("change", {"id": "1", "do": "disable"}), ("change", {"id": "2", "do": "role", "role": "owner"})):
        assert bob.post(f"/account/people/{path}", **form).status == 403
    assert owner.get("/account").status == 200


def test_an_admin_neither_makes_nor_changes_an_owner(inviting: Gateway) -> None:
    owner = claimed(inviting)
    admin = joined(inviting, owner, "admin@example.org", "admin")
    bob = joined(inviting, owner, "bob@example.org", "member")
    page = owner.get("/account/people")
    bob_id = page.row_value("bob@example.org", "id")
    admin_id = page.row_value("admin@example.org", "id")
    page = admin.get("/account/people")
    assert page.status == 200
    assert admin.post("/account/people/invite", email="x@example.org", role="owner").status == 403
    assert admin.post("/account/people/change", id=bob_id, do="role", role="owner").status == 403
    assert admin.post("/account/people/change", id=admin_id, do="role", role="owner").status == 403
    assert admin.post("/account/people/change", id="1", do="disable").status == 403
    assert admin.post("/account/people/change", id="1", do="role", role="member").status == 403
    assert admin.post("/account/people/change", id="12345", do="disable").status == 404
    assert owner.get("/account").status == 200
    assert admin.post("/account/people/change", id=bob_id, do="disable").status == 303
    assert [bob.get("/account").status for _ in range(8)] == [303] * 8
    assert bob.sign_in("bob@example.org", PASSWORD).status == 401
    assert owner.post("/account/people/change", id=bob_id, do="enable").status == 303
    assert bob.sign_in("bob@example.org", PASSWORD).status == 303


def test_a_role_holds_at_once_on_every_worker_and_the_last_owner_stays(inviting: Gateway) -> None:
    owner = claimed(inviting)
    bob = joined(inviting, owner, "bob@example.org", "member")
    assert [bob.get("/account/people").status for _ in range(8)] == [403] * 8
    bob_id = owner.get("/account/people").row_value("bob@example.org", "id")
    assert owner.post("/account/people/change", id=bob_id, do="role", role="owner").status == 303
    assert [bob.get("/account/people").status for _ in range(8)] == [200] * 8
    owner_id = bob.get("/account/people").row_value("ada@example.org", "id")
    assert bob.post("/account/people/change", id=owner_id, do="role", role="member").status == 303
    assert [owner.get("/account/people").status for _ in range(8)] == [403] * 8
    assert bob.post("/account/people/change", id=bob_id, do="role", role="member").status == 403, "one's own"


def acts(gateway: Gateway, *action: str) -> list[dict[str, Any]]:
    """The audit log of all accounts, the oldest first."""
    rows: list[dict[str, Any]] = gateway.cli("audit", "list")["data"][::-1]
    return [r for r in rows if not action or r["action"] in action]


def test_what_people_do_is_in_the_audit_log(inviting: Gateway) -> None:
    owner = claimed(inviting)
    joined(inviting, owner, "bob@example.org", "member")
    make_key(owner, "a key")
    rows: list[dict[str, Any]] = json.loads(owner.get("/api/v1/audit").text)["data"]
    actions = [row["action"] for row in rows]
    assert {"key.create", "user.invite"} <= set(actions)
    assert PASSWORD not in str(rows)


def test_sign_ins_and_their_ends_are_in_the_audit_log(inviting: Gateway) -> None:
    owner = claimed(inviting)
    joined(inviting, owner, "bob@example.org", "member")
    phone = Browser(inviting.port, agent="a phone")
    assert phone.sign_in("ada@example.org", PASSWORD).status == 303
    laptop = Browser(inviting.port)
    assert laptop.sign_in("ada@example.org", PASSWORD).status == 303
    page = owner.get("/account")
    phone_id = page.row_value("a phone", "id")
    assert owner.post("/account/sessions/end", id=phone_id).status == 303
    assert owner.post("/account/sessions/end", others="1").status == 303
    assert owner.post("/signout").status == 303
    got = [(r["action"], r["actor"], r["actor_label"], r["detail"]) for r in
           acts(inviting, "user.signin", "session.end", "user.signout")]
    ada, bob = ("user:1", "ada@example.org"), ("user:2", "bob@example.org")
    assert got == [("user.signin", *ada, {"by": "claim"}), ("user.signin", *bob, {"by": "invitation"}),
                   ("user.signin", *ada, {"by": "password"}), ("user.signin", *ada, {"by": "password"}),
                   ("session.end", *ada, {"session": int(phone_id)}), ("session.end", *ada, {"others": True}),
                   ("user.signout", *ada, {})]
    assert {r["address"] for r in acts(inviting, "user.signin")} == {"127.0.0.1"}


def test_failed_sign_ins_are_told_without_what_was_typed(launch: Launch) -> None:
    """Somebody may have typed the password where the address belongs."""
    gateway = launch()
    claimed(gateway)
    browser = Browser(gateway.port, agent="a guesser")
    typed = "typed-canary-0123456789"
    assert browser.sign_in("ada@example.org", typed).status == 401
    assert browser.sign_in(f"{typed}@example.org", typed).status == 401
    gateway.wait_log(msg="sign-in failed", user="1", address="127.0.0.1")
    gateway.wait_log(msg="sign-in failed", user="0", address="127.0.0.1")
    until(lambda: acts(gateway, "user.signin_failed"))
    (row,) = acts(gateway, "user.signin_failed")  # of the one that there is
    assert (row["target"], row["actor"], row["actor_label"], row["address"]) == ("1", "nobody", "", "127.0.0.1")
    gateway.stop()
    stored = b"".join(p.read_bytes() for p in gateway.data.rglob("*") if p.is_file())
    assert typed.encode() not in stored and typed not in "\n".join(gateway.log)


# --- those who leave, and those who are locked out ---


def test_a_disabled_user_s_keys_stay_the_account_s_unless_they_are_disabled_too(inviting: Gateway) -> None:
    owner = claimed(inviting)
    bob = joined(inviting, owner, "bob@example.org", "admin")
    keys = [make_key(bob, "one"), make_key(bob, "two", kind="management")]
    hers = make_key(owner, "hers")
    token = owner.get("/account/people").value("csrf")
    bob_id = owner.get("/account/people").row_value("bob@example.org", "id")
    child = inviting.call("POST", "/api/v1/key/children", keys[0], {"name": "a child"}).json()["key"]
    # the person is out at once; what runs with their keys goes on
    assert owner.post("/account/people/change", id=bob_id, do="disable").status == 303
    assert bob.get("/account").status == 303
    assert [inviting.get("/api/v1/key", k).status for k in (*keys, child, hers)] == [200] * 4
    # disabled again, with their keys: those too, on every worker, before the answer is there
    form = {"csrf": token, "id": bob_id, "do": "disable-keys"}
    assert owner.send("POST", "/account/people/change", form).status == 303
    for _ in range(4):
        assert [inviting.get("/api/v1/key", k).status for k in (*keys, child, hers)] == [401, 401, 401, 200]
    assert [r["detail"] for r in acts(inviting, "user.disable")] == [{}, {"keys": True}]
    # who comes back finds them disabled
    owner.get("/account/people")
    assert owner.post("/account/people/change", id=bob_id, do="enable").status == 303
    assert inviting.get("/api/v1/key", keys[0]).status == 401


def test_users_by_command_line(inviting: Gateway) -> None:
    owner = claimed(inviting)
    bob = joined(inviting, owner, "bob@example.org", "member")
    key = make_key(bob, "one")
    listed = inviting.cli("user", "list")["data"]
    assert [(u["email"], u["role"], u["disabled"]) for u in listed] == [
        ("ada@example.org", "owner", False), ("bob@example.org", "member", False)]
    assert inviting.cli("user", "disable", "Bob@example.org", "--keys")["data"]["disabled"] is True
    until(lambda: bob.get("/account").status == 303 and inviting.get("/api/v1/key", key).status == 401)
    assert inviting.cli("user", "enable", "bob@example.org")["data"]["disabled"] is False
    anew = Browser(inviting.port)  # each worker forgets the old session in its own time
    assert anew.sign_in("bob@example.org", PASSWORD).status == 303
    done = inviting.run("user", "disable", "ada@example.org")
    assert done.returncode == 1 and "last owner" in done.stderr
    done = inviting.run("user", "disable", "nobody@example.org")
    assert done.returncode == 1 and "no such user" in done.stderr
    assert [r["actor"] for r in acts(inviting, "user.disable", "user.enable")] == ["cli", "cli"]


def test_who_is_locked_out_gets_in_again_by_a_printed_link(launch: Launch) -> None:
    gateway = launch({"workers": 2})
    thief = claimed(gateway)
    first = gateway.cli("user", "link", "ada@example.org", "--listen", f"127.0.0.1:{gateway.port}")
    made = gateway.cli("user", "link", "ADA@example.org", "--listen", f"127.0.0.1:{gateway.port}")
    link = made["link"]
    assert re.fullmatch(rf"http://127.0.0.1:{gateway.port}/reset\?token=[0-9a-f]{{64}}", link)
    path = re.sub(r"^http://[^/]+", "", link)
    token = path.partition("=")[2]
    for _ in range(2):
        browser = Browser(gateway.port)
        page = browser.get(path)
        assert page.status == 200 and "ada@example.org" in page.text, "opening it does not use it up"
    assert Browser(gateway.port).get(re.sub(r"^http://[^/]+", "", first["link"])).status == 404, "the newer one counts"
    assert browser.post("/reset", token=token, password="short").status == 400
    assert thief.get("/account").status == 200
    assert browser.post("/reset", token=token, password="quite another one").location == "/account"
    assert "ada@example.org" in browser.get("/account").text
    for _ in range(4):
        assert thief.get("/account").status == 303, "all other sessions are over"
    assert Browser(gateway.port).get(path).status == 404, "once"
    assert thief.sign_in("ada@example.org", PASSWORD).status == 401
    assert thief.sign_in("ada@example.org", "quite another one").status == 303
    rows = acts(gateway, "user.link", "user.signin")
    assert ("user.link", "cli") in [(r["action"], r["actor"]) for r in rows]
    assert {"by": "reset"} in [r["detail"] for r in rows]
    stored = b"".join(p.read_bytes() for p in gateway.data.rglob("*") if p.is_file())
    assert token.encode() not in stored


def test_a_link_for_nobody_or_for_a_disabled_user_is_refused(inviting: Gateway) -> None:
    owner = claimed(inviting)
    joined(inviting, owner, "bob@example.org", "member")
    inviting.cli("user", "disable", "bob@example.org")
    for email, said in (("nobody@example.org", "no such user"), ("bob@example.org", "user enable")):
        done = inviting.run("user", "link", email)
        assert done.returncode == 1 and said in done.stderr
