"""How long a wrong sign-in takes does not tell whether there is such a user."""

from __future__ import annotations

import statistics
import time
from typing import Any, Callable

import pytest

from harness.browser import Browser
from harness.gateway import Gateway
from test_signin import PASSWORD, claimed

ROUNDS, LEAST = 12, 30


def attempt(browser: Browser, email: str, password: str, address: str, status: int) -> float:
    begin = time.perf_counter()
    assert browser.last
    form = {"csrf": browser.last.value("csrf"), "email": email, "password": password}
    page = browser.send("POST", "/signin", form, X_Forwarded_For=address)
    took = time.perf_counter() - begin
    assert page.status == status
    return took


@pytest.mark.slow
def test_an_unknown_user_takes_as_long_as_a_wrong_password(launch: Callable[..., Gateway]) -> None:
    """The ratio of medians is at most 1.05; measured in pairs, in turn, until it is or for too long."""
    gateway = launch({"trusted_proxies": ["127.0.0.1"]})
    claimed(gateway)
    browser = Browser(gateway.port)
    browser.get("/signin")
    known: list[float] = []
    unknown: list[float] = []
    n = 0

    def pair() -> None:
        nonlocal n
        n += 1
        order: list[Any] = [(known, "ada@example.org"), (unknown, f"nobody{n}@example.org")]
        for times, email in order if n % 2 else reversed(order):
            times.append(attempt(browser, email, "a wrong password", f"2001:db8:0:{n:x}::1", 401))
        if n % 8 == 0:  # the right one, so that the account's attempts are not slowed
            fresh = Browser(gateway.port)
            fresh.get("/signin")
            attempt(fresh, "ada@example.org", PASSWORD, f"2001:db8:1:{n:x}::1", 303)

    ratio = 0.0
    for _ in range(ROUNDS):
        for _ in range(LEAST):
            pair()
        ratio = statistics.median(known) / statistics.median(unknown)
        if 1 / 1.05 <= ratio <= 1.05:
            break
    print(f"ratio of medians {ratio:.4f} over {len(known)} pairs, "
          f"{statistics.median(known) * 1000:.1f} ms and {statistics.median(unknown) * 1000:.1f} ms")
    assert 1 / 1.05 <= ratio <= 1.05
