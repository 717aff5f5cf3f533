"""Lessons of other gateways' security record that no other test holds. docs/security.md maps each lesson to its tests."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from harness import wire
from harness.browser import Browser
from harness.gateway import BINARY, SLOWER, SLUG, Gateway, one_model
from test_signin import PASSWORD, claimed

ROOT = Path(__file__).resolve().parents[2]
Launch = Callable[..., Gateway]


def status_of(pid: int, field: str) -> str:
    found = re.search(rf"^{field}:\s+(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found
    return found[1]


# --- programs, code ---


@pytest.mark.skipif(SLOWER != 1, reason="a sanitizer may start a program for its report")
def test_the_running_gateway_can_start_no_program(launch: Launch) -> None:
    """CVE-2026-42271, CVE-2026-30623, CVE-2026-90898: "no exec anywhere; seccomp without execve". confine_test.c shows the refusal."""
    gateway = launch()
    assert gateway.process
    threads = [int(t.name) for t in Path(f"/proc/{gateway.process.pid}/task").iterdir()]
    assert len(threads) > 3
    for thread in threads:
        assert (status_of(thread, "Seccomp"), status_of(thread, "NoNewPrivs")) == ("2", "1")


@pytest.mark.parametrize("folder,line", [
    ("app", 'int f(void) { return execve("/bin/sh", 0, 0); }'), ("io", "int f(void) { return fork(); }"),
    ("api", 'void *f(void) { return dlopen("x", 1); }'), ("sim", 'int f(void) { return system("x"); }'),
    ("store", 'static const char q[] = "SELECT id FROM key WHERE hash = \'%s\'";'),
    ("store", 'static const char q[] = "UPDATE key SET name = %.*s";'), ("store", "void f(void) { sqlite3_mprintf(0); }"),
    ("store", 'static const char q[] = "SELECT id FROM key WHERE name LIKE ?";'), ("store", '#include "api/api.h"'),
    ("api", 'void f(struct secret s) { log_line(LOG_INFO, "%.*s", STR_ARG(secret_reveal(s))); }'),
    ("base", 'void f(struct secret s) { log_line(LOG_INFO, "%.*s", STR_ARG(s.unprintable)); }'),
])
def test_the_lint_refuses(tmp_path: Path, folder: str, line: str) -> None:
    """CVE-2026-42208: "a lint that bans SQL string building"; CVE-2026-25591: no patterns; CVE-2026-86242: "no remote plugins", nothing
    is loaded; CVE-2026-42271: "no exec anywhere"; Authorization in logs: "secret type that cannot be printed"."""
    for name in ("src", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    check = [tmp_path / "tools/check_layers.sh"]
    assert subprocess.run(check, capture_output=True).returncode == 0
    (tmp_path / "src" / folder / "planted.c").write_text(line + "\n")
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 1 and "planted.c" in done.stdout + done.stderr


def test_few_libraries_and_all_of_them_from_the_distribution() -> None:
    """PyPI 1.82.7 trojaned through a build's dependency: "few dependencies"; what tests and clients need is pinned, with digests where the
    registry gives them."""
    told = subprocess.run(["readelf", "-d", BINARY], check=True, capture_output=True, text=True).stdout
    needed = {name.split(".so")[0] for name in re.findall(r"NEEDED.*\[(\S+)\]", told)}
    sanitizers = {"libasan", "libubsan", "libtsan", "libgcc_s", "libm", "libpthread", "ld-linux-x86-64"}
    assert needed - sanitizers == {"libuv", "libssl", "libcrypto", "libsodium", "libsqlite3", "libyaml-0", "libcurl", "libarchive", "libgit2",
                                   "libc"}
    pins = [line for line in (ROOT / "tests/requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert pins and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins)
    lock = json.loads((ROOT / "tests/clients/package-lock.json").read_text())
    assert all("integrity" in p for name, p in lock["packages"].items() if name)


# --- who may be what ---


def test_a_stored_hash_opens_nothing(launch: Launch) -> None:
    """GHSA-69x8-hrgq-fjj8: no "pass-the-hash": who has read the database has nothing to knock with."""
    gateway = launch()
    owner = claimed(gateway)
    key = gateway.key()
    gateway.stop()
    with sqlite3.connect(gateway.data / "turnpike.db") as database:
        key_hash = database.execute("SELECT hash FROM key ORDER BY id DESC").fetchone()[0].hex()
        session_hash = database.execute("SELECT hash FROM session").fetchone()[0].hex()
        password_hash = database.execute("SELECT password FROM user").fetchone()[0]
    database.close()
    assert key_hash == hashlib.sha256(key.encode()).hexdigest()
    gateway.start()
    for credential in (key_hash, f"sk-tp-v1-{key_hash}"):
        assert gateway.get("/api/v1/key", credential).status == 401
    assert Browser(gateway.port, cookies={"turnpike_session": session_hash}).get("/account").status == 303
    assert Browser(gateway.port).sign_in("ada@example.org", password_hash).status == 401
    owner.port = gateway.port
    assert owner.get("/account").status == 200
    assert Browser(gateway.port).sign_in("ada@example.org", PASSWORD).status == 303


def test_names_that_differ_in_case_are_other_names(launch: Launch) -> None:
    """GHSA-4gph-2hhr-5mwg: "case-sensitive parser, reject duplicate keys in security-relevant objects"."""
    gateway = launch()
    admin = gateway.key("admin", "--management")
    for body in (b'{"name":"a","Limit":0}', b'{"name":"a","limit":0,"limit":100}', b'{"name":"a","limit":0,"l\\u0069mit":100}'):
        answer = gateway.call("POST", "/api/v1/keys", admin, body)
        assert answer.status == 400 and "mit" in answer.error["message"], body
    gateway.grant()
    key = gateway.key()
    for body in (b'{"model":"sim/echo","model":"sim/lorem","messages":[]}', b'{"Model":"sim/echo","messages":[{"role":"user","content":"x"}]}'):
        assert gateway.call("POST", SLUG, key, body).status == 400


def test_the_same_question_of_another_account_is_asked_anew(launch: Launch, provide: Callable[..., Any]) -> None:
    """Portkey's cache key without the tenant: nothing that was answered to one is kept for another."""
    provider = provide()
    gateway = launch(one_model(provider, workers=1))
    gateway.grant()
    gateway.cli("account", "create", "other@example.org")
    gateway.cli("credit", "grant", "5", "--account", "other@example.org")
    keys = [gateway.key(), gateway.key("other", "--account", "other@example.org"), gateway.key("poor", "--limit", "0")]
    answers = [gateway.chat(key) for key in keys]
    assert [a.status for a in answers] == [200, 200, 403], "what is known to others is not given away either"
    assert len(provider.requests) == 2
    first, second = (a.json()["id"] for a in answers[:2])
    assert first != second
    seen = [gateway.get(f"/api/v1/generation?id={i}", key).status for key in keys[:2] for i in (first, second)]
    assert seen == [200, 404, 404, 200]


def test_a_list_answers_a_page_at_most(launch: Launch) -> None:
    """CVE-2026-25591: "limits": nobody asks for all there is at once, or for what is before the beginning."""
    gateway = launch()
    gateway.grant()
    admin, parent = gateway.key("admin", "--management"), gateway.key("parent")
    for i in range(105):
        assert gateway.call("POST", "/api/v1/keys", admin, {"name": f"key {i}"}).status == 201
        assert gateway.call("POST", "/api/v1/key/children", parent, {}).status == 201
    for path, key in (("/api/v1/keys", admin), ("/api/v1/key/children", parent), ("/api/v1/audit", admin)):
        for asked in ("", "?limit=1000000", "?limit=-1"):
            answer = gateway.get(path + asked, key)
            assert answer.status == 400 or len(answer.json()["data"]) == 100, path + asked
        assert 0 < len(gateway.get(path + "?offset=100", key).json()["data"]) <= 100
    for path in ("/api/v1/keys", "/api/v1/audit", "/api/v1/exposures"):
        for offset in ("-1", "99999999999999999999", "1e3", "x"):
            assert gateway.get(f"{path}?offset={offset}", admin).status == 400
    for i in range(200):  # lists without pages are short
        assert gateway.call("POST", "/api/v1/ip-allowlist", admin, {"cidr": f"127.0.{i}.0/24"}).status == 201
    assert gateway.call("POST", "/api/v1/ip-allowlist", admin, {"cidr": "10.0.0.0/8"}).status == 400


# --- where a credential goes ---


def test_a_request_cannot_say_where_the_providers_credential_goes(launch: Launch, provide: Callable[..., Any]) -> None:
    """CVE-2024-6587: "never send stored key to a caller-chosen host"."""
    provider = provide()
    gateway = launch(one_model(provider))
    gateway.grant()
    key = gateway.key()
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        elsewhere.setblocking(False)
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/v1"
        named: dict[str, Any] = {name: url for name in ("api_base", "base_url", "endpoint", "host", "proxy", "url", "callback_url")}
        answer = gateway.chat(key, **named, extra_headers={"Host": "evil.example"}, extra_body={"base_url": url}, metadata={"url": url})
        assert answer.status == 200
        fields = {"X-Api-Base": url, "X-Forwarded-Host": "evil.example", "X-Target-Url": url, "Forwarded": "host=evil.example"}
        answer = gateway.call("POST", SLUG, key, {"model": "test/model", "messages": [{"role": "user", "content": "x"}]}, headers=fields)
        assert answer.status == 200
        wire.call(gateway.port, "POST", url + "/chat/completions", {"Authorization": f"Bearer {key}"}, {})
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    hosts = {r.headers["host"] for r in provider.requests}
    assert len(provider.requests) == 2 and hosts == {f"127.0.0.1:{provider.port}"}


def connections(pid: int) -> set[str]:
    """States of a process' TCP sockets (/proc/net/tcp: 0A listens)."""
    mine = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            mine.add(os.readlink(fd))
        except FileNotFoundError:
            pass
    states = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            columns = line.split()
            if f"socket:[{columns[9]}]" in mine:
                states.add(columns[3])
    return states


def test_nothing_is_fetched_at_the_start(launch: Launch, provide: Callable[..., Any]) -> None:
    """A bad remote price map, an evicted client: "no live remote code/data at start". Prices and models come with the binary and the file;
    the gateway connects to nobody before somebody asks."""
    provider = provide()
    box = {"smtp": "smtp://127.0.0.1:9", "from": "turnpike@gateway.example"}
    oidc = [{"name": "House", "issuer": "http://127.0.0.1:9", "client_id": "x"}]
    gateway = launch(one_model(provider, mail=box, oidc=oidc))
    assert gateway.get("/health").status == 200
    assert gateway.process
    states = connections(gateway.process.pid) - {"01", "06", "07", "08"}  # ours to /health, on its way out
    assert states == {"0A"}
    assert provider.requests == []
    assert gateway.get("/api/v1/models").status == 200
    assert provider.requests == []


# --- the map ---


def test_every_lesson_s_tests_are_there() -> None:
    """docs/security.md names tests that exist."""
    text = (ROOT / "docs/security.md").read_text()
    lessons = [line for line in text.split("## What happened elsewhere")[1].splitlines() if line.startswith("| ") and "`" in line]
    assert len(lessons) > 20
    for lesson in lessons:
        named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", lesson)
        assert named, lesson
        for path, test in named:
            assert test and re.search(rf"\b{test}\b", (ROOT / path).read_text()), f"{path} has no {test}"
