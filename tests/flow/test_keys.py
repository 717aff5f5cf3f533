"""What a credential may do, and what each wrong one is told."""

import binascii
import secrets
import time

import pytest

from harness.gateway import MODEL, SLUG

BODY = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}


def made_up(prefix: str = "sk-tp-v1-") -> str:
    """Well formed, and never issued."""
    digits = secrets.token_hex(28)
    return f"{prefix}{digits}{binascii.crc32(digits.encode()):08x}"


def refused(shared, headers: dict[str, str], path: str = SLUG) -> str:
    answer = shared.gateway.call("POST", path, None, BODY, headers=headers)
    assert answer.status == 401, answer.body
    assert answer.error["code"] == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    for value in headers.values():
        secret = value.split(" ")[-1]
        assert len(secret) < 8 or secret not in answer.body.decode() + str(answer.headers)
    return answer.error["message"]


def test_each_401_says_what_was_received(shared):
    good = shared.key
    broken = good[:-1] + ("0" if good[-1] != "0" else "1")
    messages = {
        "none": refused(shared, {}),
        "not bearer": refused(shared, {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}),
        "shape": refused(shared, {"Authorization": "Bearer sk-or-v1-0123456789"}),
        "checksum": refused(shared, {"Authorization": f"Bearer {broken}"}),
        "unknown": refused(shared, {"Authorization": f"Bearer {made_up()}"}),
    }
    assert "Bearer" in messages["not bearer"] or "bearer" in messages["not bearer"]
    assert "malformed" in messages["shape"].lower() and "malformed" in messages["checksum"].lower()
    assert "unknown" in messages["unknown"].lower() or "not found" in messages["unknown"].lower()
    distinct = {messages[k] for k in ("none", "not bearer", "checksum", "unknown")}
    assert len(distinct) == 4, messages


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer  x", "bearer", "Bearer a b", "Bearer " + "f" * 4000,
                                   "Bearer sk-tp-v1-" + "0" * 64, "Bearer sk-tp-v1-" + "A" * 64, "Bearer \xff\xfe"])
def test_odd_credentials_are_401(shared, value):
    refused(shared, {"Authorization": value})


def test_scheme_is_case_insensitive(shared):
    assert shared.gateway.call("POST", SLUG, None, BODY, headers={"Authorization": f"bearer {shared.key}"}).status == 200


def test_a_disabled_key_is_told_so_and_an_enabled_one_works_again(shared):
    made = shared.gateway.cli("key", "create", "--name", "on and off")
    key, digest = made["key"], made["data"]["hash"]
    assert shared.gateway.chat(key).status == 200
    shared.gateway.cli("key", "disable", digest)
    assert shared.gateway.agrees(key, 401)
    assert "disabled" in refused(shared, {"Authorization": f"Bearer {key}"}).lower()
    shared.gateway.cli("key", "enable", digest)
    assert shared.gateway.agrees(key, 200)


def test_a_deleted_key_is_unknown(shared):
    made = shared.gateway.cli("key", "create", "--name", "short-lived")
    assert shared.gateway.chat(made["key"]).status == 200
    shared.gateway.cli("key", "delete", made["data"]["hash"])
    assert shared.gateway.agrees(made["key"], 401)


def test_an_expired_key_is_told_so(shared):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    key = shared.gateway.key("soon over", "--expires-at", at)
    assert shared.gateway.chat(key).status == 200
    assert shared.gateway.agrees(key, 401, 4)
    assert "expired" in refused(shared, {"Authorization": f"Bearer {key}"}).lower()


def test_a_management_key_cannot_spend_and_an_inference_key_cannot_manage(shared):
    spent = shared.gateway.chat(shared.admin)
    assert spent.status == 403 and spent.error["code"] == 403
    managed = shared.gateway.get("/api/v1/credits", shared.key)
    assert managed.status == 403 and managed.error["code"] == 403
    assert shared.gateway.get("/api/v1/credits", shared.admin).status == 200


def test_x_api_key_is_accepted(shared):
    answer = shared.gateway.call("POST", SLUG, None, BODY, headers={"x-api-key": shared.key})
    assert answer.status == 200
    assert shared.gateway.get("/api/v1/key", headers={"x-api-key": shared.key}).status == 200


def test_the_command_line_lists_shows_and_never_tells_a_key(shared):
    made = shared.gateway.cli("key", "create", "--name", "listed", "--limit", "2.5", "--limit-reset", "weekly")
    data = made["data"]
    assert data["label"] == made["key"][:12] + "..." + made["key"][-3:]
    assert (data["name"], data["limit"], data["limit_reset"], data["disabled"]) == ("listed", 2.5, "weekly", False)
    for words in (("key", "list"), ("key", "show", data["hash"])):
        done = shared.gateway.run(*words)
        assert done.returncode == 0 and data["hash"] in done.stdout and made["key"] not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [("key", "create"), ("key", "create", "--name", "x", "--limit", "-1"),
                                   ("key", "create", "--name", "x", "--limit-reset", "hourly"),
                                   ("key", "create", "--name", "x", "--expires-at", "tomorrow"),
                                   ("key", "create", "--name", "x", "--expires-at", "2020-01-01T00:00:00Z"),
                                   ("key", "show"), ("key", "frobnicate"), ("credit", "grant", "1e9x"), ("nonsense",)])
def test_wrong_use_of_the_command_line_exits_with_2(shared, words):
    done = shared.gateway.run(*words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() and not done.stdout.strip()


def test_an_unknown_hash_exits_with_1(shared):
    done = shared.gateway.run("key", "show", "0" * 64)
    assert done.returncode == 1 and done.stderr.strip()
