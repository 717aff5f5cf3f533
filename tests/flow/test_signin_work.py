"""A wrong sign-in costs the same work whether there is such a user or not. How long it takes is measured by bench/signin.py."""

from __future__ import annotations

import sqlite3
from typing import Callable

from harness.browser import Browser
from harness.gateway import Gateway
from test_signin import PASSWORD, claimed, joined

COUNTER = "turnpike_password_hashes_total"


def evaluations(gateway: Gateway) -> float:
    return gateway.metrics()[COUNTER]


def test_every_wrong_sign_in_costs_one_argon2(launch: Callable[..., Gateway]) -> None:
    gateway = launch({"signup": "invitation"})
    owner = claimed(gateway)
    for name in ("disabled", "without-password"):
        joined(gateway, owner, f"{name}@example.org", "member")
    gateway.cli("user", "disable", "disabled@example.org")
    with sqlite3.connect(gateway.data / "turnpike.db", timeout=10) as database:
        database.execute("UPDATE user SET password = '' WHERE email = 'without-password@example.org'")
    database.close()
    cases = [("ada@example.org", "a wrong password"), ("nobody@example.org", "a wrong password"),
             ("disabled@example.org", PASSWORD), ("without-password@example.org", ""),
             ("without-password@example.org", "a wrong password"), ("ada@example.org", "x" * 256)]
    for email, password in cases:
        before = evaluations(gateway)
        page = Browser(gateway.port).sign_in(email, password)
        assert (page.status, page.error) == (401, "This e-mail address and password do not belong together."), email
        assert evaluations(gateway) - before == 1, email


def test_what_waits_is_not_evaluated(launch: Callable[..., Gateway]) -> None:
    """Slowed attempts cost nothing, so guessing cannot be used to keep the helpers busy."""
    gateway = launch()
    claimed(gateway)
    browser = Browser(gateway.port)
    for _ in range(10):
        assert browser.sign_in("ada@example.org", "a wrong password").status == 401
    browser.sign_in("ada@example.org", "a wrong password")
    before = evaluations(gateway)
    assert browser.sign_in("ada@example.org", "a wrong password").status == 429
    assert evaluations(gateway) == before
