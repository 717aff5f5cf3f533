"""Links by mail, received by a real SMTP server: signing in, signing up, invitations."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Callable, Iterator

import pytest

from harness.browser import Browser
from harness.gateway import Gateway
from harness.postbox import Postbox, free_port
from test_mail import rows, until
from test_signin import PASSWORD, claimed

Launch = Callable[..., Gateway]


@pytest.fixture
def box() -> Iterator[Postbox]:
    made = Postbox().open()
    yield made
    made.close()


@pytest.fixture
def mailing(launch: Launch, box: Postbox) -> Callable[..., Gateway]:
    def start(**more: Any) -> Gateway:
        mail = {"smtp": box.url, "from": "turnpike@gateway.example", "starttls": "never"}
        return launch({"mail": mail, "workers": 2, **more})

    return start


def link_in(mail: Any, path: str) -> str:
    found = re.search(rf"^(http\S+{path}\?token=[0-9a-f]{{64}})$", mail.get_content().replace("\r\n", "\n"), re.M)
    assert found, mail.get_content()
    return re.sub(r"^https?://[^/]+", "", found[1])


def second_of(box: Postbox) -> Any:
    box.wait(lambda p: len(p.mails) >= 2)
    return box.mails[1]


def ask(gateway: Gateway, email: str) -> Any:
    browser = Browser(gateway.port)
    browser.get("/signin")
    return browser.post("/signin", email=email, password="", by="mail")


def test_a_mailed_link_signs_in_once(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing()
    claimed(gateway)
    page = ask(gateway, "Ada@Example.org")
    assert (page.status, page.title) == (200, "Look into your mail")
    mail = box.mail()
    link = link_in(mail, "/signin/link")
    assert PASSWORD not in mail.get_content()
    browser = Browser(gateway.port)
    for _ in range(3):
        assert browser.get(link).status == 200, "opening it does not use it up"
    assert browser.post("/signin/link", token=link.partition("=")[2]).location == "/account"
    assert "ada@example.org" in browser.get("/account").text
    other = Browser(gateway.port)
    assert other.get(link).status == 404


def files_of(gateway: Gateway) -> bytes:
    """All that lies in the data directory."""
    return b"".join(p.read_bytes() for p in gateway.data.rglob("*") if p.is_file())


def test_a_queued_link_lies_in_no_file(launch: Launch) -> None:
    """While it waits for a mail server that is away, before and after a restart; and not once it was sent."""
    port = free_port()
    mail = {"smtp": f"smtp://127.0.0.1:{port}", "from": "turnpike@gateway.example", "starttls": "never"}
    gateway = launch({"mail": mail})
    claimed(gateway)
    ask(gateway, "ada@example.org")
    gateway.wait_log(msg="mail cannot be sent now")
    waiting = files_of(gateway)
    assert b"ada@example.org" in waiting and b"Your sign-in link" in waiting, "it is there, sealed"
    assert not re.search(rb"token=|To sign in, open this link", waiting)
    gateway.stop()
    resting = files_of(gateway)
    gateway.start()
    box = Postbox(port=port).open()
    try:
        link = link_in(box.mail(60), "/signin/link")
    finally:
        box.close()
    token = link.partition("=")[2]
    until(lambda: rows(gateway) == [])
    for stored in (waiting, resting, files_of(gateway)):
        assert token.encode() not in stored and bytes.fromhex(token) not in stored
    browser = Browser(gateway.port)
    assert browser.get(link).status == 200
    assert browser.post("/signin/link", token=token).location == "/account"


def test_nobody_learns_who_has_an_account(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing()
    claimed(gateway)
    known, unknown = ask(gateway, "ada@example.org"), ask(gateway, "nobody@example.org")
    assert known.status == unknown.status == 200
    assert re.sub(r'value="\w+"', "", known.text) == re.sub(r'value="\w+"', "", unknown.text)
    box.mail()
    assert [to for _, to, _ in box.envelopes] == [["ada@example.org"]]


def test_a_newer_link_and_time_end_the_older_one(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing()
    claimed(gateway)
    ask(gateway, "ada@example.org")
    first = link_in(box.mail(), "/signin/link")
    ask(gateway, "ada@example.org")
    second = link_in(second_of(box), "/signin/link")
    assert Browser(gateway.port).get(first).status == 404
    assert Browser(gateway.port).get(second).status == 200
    with sqlite3.connect(gateway.data / "turnpike.db", timeout=10) as database:
        lasts = database.execute("SELECT expires_ms - created_ms FROM link").fetchone()[0]
        assert abs(lasts - 15 * 60 * 1000) < 1000
        database.execute("UPDATE link SET expires_ms = created_ms")
    assert Browser(gateway.port).get(second).status == 404


def test_mail_is_not_for_flooding_a_postbox(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing()
    claimed(gateway)
    statuses = [ask(gateway, "ada@example.org").status for _ in range(6)]
    assert statuses[:3] == [200] * 3 and 429 in statuses[3:]


def test_without_a_mail_server_no_link_is_offered(launch: Launch) -> None:
    gateway = launch()
    claimed(gateway)
    assert "Mail me" not in Browser(gateway.port).get("/signin").text
    assert ask(gateway, "ada@example.org").status == 404


def test_an_invitation_is_mailed(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing(signup="invitation")
    owner = claimed(gateway)
    owner.get("/account/people")
    page = owner.post("/account/people/invite", email="bob@example.org", role="member")
    assert page.status == 201 and "A mail is on its way" in page.text
    link = link_in(box.mail(), "/join")
    assert page.inside("new-link").endswith(link)
    bob = Browser(gateway.port)
    assert bob.claim(link, "", PASSWORD).location == "/account"


def test_sign_up_proves_the_address_first(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing(signup="open")
    claimed(gateway)
    browser = Browser(gateway.port)
    assert 'name="password"' not in browser.get("/signup").text
    assert browser.post("/signup", email="new@example.org").title == "Look into your mail"
    link = link_in(box.mail(), "/signup/confirm")
    assert browser.claim(link, "other@example.org", PASSWORD).location == "/account"
    assert "new@example.org" in browser.get("/account").text
    # an address that has an account is told so by mail, not on the page
    again = Browser(gateway.port)
    again.get("/signup")
    assert again.post("/signup", email="new@example.org").title == "Look into your mail"
    assert "already" in second_of(box)["Subject"]


def test_links_in_mail_do_not_follow_the_host_that_a_request_names(mailing: Callable[..., Gateway], box: Postbox) -> None:
    gateway = mailing()
    claimed(gateway)
    browser = Browser(gateway.port)
    browser.get("/signin", Host="evil.example")
    assert browser.last
    form = {"csrf": browser.last.value("csrf"), "email": "ada@example.org", "by": "mail", "password": ""}
    assert browser.send("POST", "/signin", form, Host="evil.example").status == 200
    assert "evil" not in box.mail().get_content()
