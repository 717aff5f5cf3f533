"""Keys by the API: made, listed, changed, ended; delegated; bounded by rules, rates, addresses and a policy; audited."""

import json
import sqlite3
import time
import zlib

import pytest

from harness.gateway import MODEL, SLUG, one_model

KEYS = "/api/v1/keys"


def make(gateway, admin, **fields):
    answer = gateway.call("POST", KEYS, admin, {"name": "made"} | fields)
    assert answer.status == 201, answer.body
    return answer.json()["key"], answer.json()["data"]


def children(gateway, key, **fields):
    answer = gateway.call("POST", "/api/v1/key/children", key, fields)
    assert answer.status == 201, answer.body
    return answer.json()["key"], answer.json()["data"]


def refused(answer, status, *words):
    assert answer.status == status, answer.body
    assert all(word in answer.error["message"] for word in words), answer.error["message"]


@pytest.fixture(scope="module")
def account(shared):
    """An account of one's own, so that tests do not see each other's keys."""
    made = [0]

    def new():
        made[0] += 1
        email = f"a{made[0]}@example.org"
        shared.gateway.cli("account", "create", email)
        shared.gateway.cli("credit", "grant", "100", "--account", email)
        return shared.gateway.key("admin", "--management", "--account", email), email

    return new


def test_a_key_is_shown_once_with_every_field(shared, account):
    admin, _ = account()
    key, data = make(shared.gateway, admin, name="agent", limit=0.1, limit_reset="weekly", include_byok_in_limit=True,
                     expires_at="2099-12-31T23:59:59Z", external={"user": "u-1"}, allowed_models=[MODEL],
                     rate_limit={"requests_per_minute": 5})
    assert key.startswith("sk-tp-v1-") and data["label"] == key[:12] + "..." + key[-3:]
    assert (data["limit"], data["limit_remaining"], data["limit_reset"]) == (0.1, 0.1, "weekly")
    assert (data["expires_at"], data["external_user"], data["disabled"]) == ("2099-12-31T23:59:59Z", "u-1", False)
    assert data["allowed_models"] == [MODEL] and data["rate_limit"]["requests_per_minute"] == 5
    assert data["updated_at"] is None and data["last_used_at"] is None and data["workspace_id"]
    shown = shared.gateway.get(f"{KEYS}/{data['hash']}", admin)
    assert shown.json()["data"] == data and key not in shown.body.decode()


def test_money_is_exact_and_exponents_are_read(shared, account):
    admin, _ = account()
    for text, shown in (("1e-9", "0.000000001"), ("123456789.123456789", "123456789.123456789"), ("2.50E+1", "25")):
        answer = shared.gateway.call("POST", KEYS, admin, ('{"name":"x","limit":%s}' % text).encode())
        assert answer.status == 201 and f'"limit":{shown},' in answer.body.decode(), answer.body
    for wrong in ("0.0000000001", "-1", "4000000001", "1e30", '"5"', "true"):
        refused(shared.gateway.call("POST", KEYS, admin, ('{"name":"x","limit":%s}' % wrong).encode()), 400, "limit:")


@pytest.mark.parametrize("fields, word", [
    ({"name": ""}, "name:"), ({"name": 7}, "name:"), ({"name": "x" * 300}, "name:"), ({"name": "a\nb"}, "name:"),
    ({"limit_reset": "hourly"}, "limit_reset:"), ({"expires_at": "2099-12-31T23:59Z"}, "expires_at:"),
    ({"expires_at": "2099-12-31T23:59:59+02:00"}, "expires_at:"), ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at:"),
    ({"include_byok_in_limit": 1}, "include_byok_in_limit:"), ({"allowed_models": "x"}, "allowed_models:"),
    ({"allowed_models": [""]}, "allowed_models:"), ({"allowed_providers": [1]}, "allowed_providers:"),
    ({"rate_limit": {"requests": 5}}, "rate_limit:"), ({"rate_limit": {"requests_per_minute": 0}}, "rate_limit:"),
    ({"limits": 1}, "limit"), ({"disabled": True}, "disabled:"), ({"workspace_id": "x"}, "workspace_id:"),
    ({"external": {"user": "u", "api_key": "k" * 40}}, "external.api_key:"),
])
def test_a_wrong_field_is_named(shared, fields, word):
    refused(shared.gateway.call("POST", KEYS, shared.admin, {"name": "x"} | fields), 400, word)


@pytest.mark.parametrize("body, field, value", [
    ({"name": "\u00e9" * 127}, "name", "\u00e9" * 127),  # 254 bytes, 762 as most clients write them
    ({"name": "x", "allowed_models": ["\u20ac/" + "m" * 190]}, "allowed_models", ["\u20ac/" + "m" * 190]),
])
def test_texts_are_as_long_as_what_they_stand_for(shared, body, field, value):
    written = json.dumps(body, ensure_ascii=True)
    answer = shared.gateway.call("POST", KEYS, shared.admin, written.encode())
    assert answer.status == 201 and answer.json()["data"][field] == value, answer.body


def test_a_word_is_the_same_however_it_is_escaped(shared):
    body = b'{"name":"x","limit_reset":"\\u006d\\u006f\\u006e\\u0074\\u0068\\u006c\\u0079"}'
    answer = shared.gateway.call("POST", KEYS, shared.admin, body)
    assert answer.status == 201 and answer.json()["data"]["limit_reset"] == "monthly", answer.body


def test_bodies_that_are_no_objects_are_refused(shared):
    for body in (b"", b"[]", b"{", b'{"name":"a","name":"b"}', b'"x"', b"{}"):
        assert shared.gateway.call("POST", KEYS, shared.admin, body).status == 400
    refused(shared.gateway.call("POST", KEYS, shared.admin, b'{"name":"' + b"x" * 70000 + b'"}'), 413)
    assert shared.gateway.get(f"{KEYS}/nothex", shared.admin).status == 404
    assert shared.gateway.get(f"{KEYS}/{'A' * 64}", shared.admin).status == 404


def test_pages_are_of_a_hundred_the_newest_first(shared, account):
    admin, _ = account()
    hashes = [make(shared.gateway, admin, name=f"k{i}")[1]["hash"] for i in range(103)]
    pages = [[k["hash"] for k in shared.gateway.get(f"{KEYS}?offset={o}", admin).json()["data"]] for o in (0, 100, 103)]
    assert [len(p) for p in pages] == [100, 3, 0] and pages[0] + pages[1] == hashes[::-1]
    refused(shared.gateway.get(f"{KEYS}?offset=-1", admin), 400, "offset:")
    assert shared.gateway.get(f"{KEYS}?workspace_id=other", admin).status == 404


def test_lists_leave_out_what_they_should(shared, account):
    admin, email = account()
    _, off = make(shared.gateway, admin, name="off")
    parent, _ = make(shared.gateway, admin, name="parent")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    make(shared.gateway, admin, name="over", expires_at=at)
    children(shared.gateway, parent, name="child")
    shared.gateway.call("PATCH", f"{KEYS}/{off['hash']}", admin, {"disabled": True})

    def names(query=""):
        return {k["name"] for k in shared.gateway.get(KEYS + query, admin).json()["data"]}

    while time.time() < time.mktime(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone + 0.05:
        assert names() >= {"parent"}
    assert names() == {"parent"}
    assert names("?include_disabled=true") == {"parent", "off"}
    assert names("?include_expired=true") == {"parent", "over"}
    assert names("?include_delegated=true") == {"parent", "child"}
    refused(shared.gateway.get(KEYS + "?include_disabled=yes", admin), 400, "include_disabled:")
    listed = json.loads(shared.gateway.run("key", "list").stdout)["data"]
    assert {"admin", "off", "over", "parent", "child"} <= {k["name"] for k in listed}


def test_another_account_s_key_is_not_there(shared, account):
    """GHSA-qqcv-vg9f-5rr3, CVE-2026-30886: the tenant is in every query."""
    admin, _ = account()
    stranger, _ = account()
    key, data = make(shared.gateway, admin)
    for method, body in (("GET", None), ("PATCH", {"disabled": True}), ("DELETE", None)):
        refused(shared.gateway.call(method, f"{KEYS}/{data['hash']}", stranger, body), 404)
    assert data["hash"] not in shared.gateway.get(KEYS + "?include_disabled=true", stranger).body.decode()
    assert shared.gateway.chat(key).status == 200


def test_words_of_sql_are_words(shared, account):
    """CVE-2026-42208: statements are prepared, values are parameters. CVE-2026-25591: nothing is matched by wildcard."""
    admin, _ = account()
    name = "'); DROP TABLE key; -- % _"
    _, data = make(shared.gateway, admin, name=name, external={"user": "' OR 1=1 --"})
    assert shared.gateway.get(f"{KEYS}/{data['hash']}", admin).json()["data"]["name"] == name
    assert shared.gateway.get("/api/v1/audit?action=%25", admin).json()["data"] == []
    assert shared.gateway.call("POST", SLUG, "' OR '1'='1", {}).status == 401


def test_keys_that_share_a_beginning_are_not_the_same(shared):
    """CVE-2026-35030: the cache is keyed by the whole digest. The others are well formed, or nobody would look for them."""
    prefix, digits = shared.key[:-64], shared.key[-64:-8]
    for cut in (8, 20, 40, 55):
        others = digits[:cut] + "".join("0" if d != "0" else "1" for d in digits[cut:])
        for key, status in ((shared.key, 200), (f"{prefix}{others}{zlib.crc32(others.encode()):08x}", 401)):
            answer = shared.gateway.get("/api/v1/key", key)
            assert answer.status == status
        assert answer.error["message"].startswith("Unknown API key")


def test_a_change_is_in_force_everywhere_before_its_answer(shared, account):
    admin, _ = account()
    key, data = make(shared.gateway, admin)
    where = f"{KEYS}/{data['hash']}"
    assert shared.gateway.agrees(key, 200)  # every worker knows it
    for _ in range(10):
        assert shared.gateway.call("PATCH", where, admin, {"disabled": True}).json()["data"]["disabled"] is True
        assert [shared.gateway.get("/api/v1/key", key).status for _ in range(8)] == [401] * 8
        shared.gateway.call("PATCH", where, admin, {"disabled": False})
        assert [shared.gateway.get("/api/v1/key", key).status for _ in range(8)] == [200] * 8
    assert shared.gateway.call("PATCH", where, admin, {"limit": 0, "name": "poor"}).json()["data"]["limit"] == 0
    refused(shared.gateway.chat(key), 403, "Key limit exceeded")
    shared.gateway.call("PATCH", where, admin, {"limit": None})
    assert shared.gateway.chat(key).status == 200
    assert shared.gateway.call("DELETE", where, admin).json() == {"deleted": True}
    assert [shared.gateway.get("/api/v1/key", key).status for _ in range(8)] == [401] * 8
    refused(shared.gateway.call("DELETE", where, admin), 404)
    refused(shared.gateway.call("PATCH", where, admin, {"expires_at": None}), 400, "expires_at", "creation")


def test_usage_is_the_ledger_s_and_the_last_use_is_noted(shared, account):
    admin, _ = account()
    key, data = make(shared.gateway, admin, limit=1)
    cost = shared.gateway.chat(key).json()["usage"]["cost"]
    shown = shared.gateway.get(f"{KEYS}/{data['hash']}", admin).json()["data"]
    assert shown["usage"] == shown["usage_daily"] == shown["usage_monthly"] == cost > 0
    assert round(shown["limit_remaining"] + cost, 9) == 1
    end = time.monotonic() + 20
    while not shown["last_used_at"] and time.monotonic() < end:
        shown = shared.gateway.get(f"{KEYS}/{data['hash']}", admin).json()["data"]
    assert abs(time.time() - time.mktime(time.strptime(shown["last_used_at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 30


# --- rules -------------------------------------------------------------------------------------------------------------


def test_a_key_asks_for_allowed_models_of_allowed_providers_only(shared, account):
    admin, _ = account()
    key, data = make(shared.gateway, admin, allowed_models=["other/*"])
    refused(shared.gateway.chat(key), 403, MODEL, "allowed_models")
    where = f"{KEYS}/{data['hash']}"
    shared.gateway.call("PATCH", where, admin, {"allowed_models": ["test/*"]})
    assert shared.gateway.chat(key).status == 200
    shared.gateway.call("PATCH", where, admin, {"allowed_providers": []})
    refused(shared.gateway.chat(key), 404, "No allowed providers")
    shared.gateway.call("PATCH", where, admin, {"allowed_providers": ["scripted"], "allowed_models": None})
    assert shared.gateway.chat(key).status == 200


def test_rates_are_one_count_over_all_workers(shared, account):
    admin, _ = account()
    key, _ = make(shared.gateway, admin, rate_limit={"requests_per_minute": 7})
    while time.time() % 60 > 50:  # the minute must not turn meanwhile
        shared.gateway.get("/health")
    answers = [shared.gateway.chat(key) for _ in range(12)]
    assert [a.status for a in answers] == [200] * 7 + [429] * 5
    last, first = answers[-1], answers[0]
    refused(last, 429, "7 requests per minute")
    headers = {k.lower(): v for k, v in dict(last.headers).items()}
    assert headers["x-ratelimit-limit"] == "7" and headers["x-ratelimit-remaining"] == "0"
    assert 0 < int(headers["retry-after"]) <= 60 and int(headers["x-ratelimit-reset"]) % 60000 == 0
    assert last.error["metadata"]["headers"]["X-RateLimit-Reset"] == headers["x-ratelimit-reset"]
    assert not any(k.lower().startswith("x-ratelimit") for k in dict(first.headers))


def test_tokens_are_counted_as_they_were_used(shared, account):
    admin, _ = account()
    key, _ = make(shared.gateway, admin, rate_limit={"tokens_per_minute": 1})
    while time.time() % 60 > 55:
        shared.gateway.get("/health")
    assert shared.gateway.chat(key).status == 200
    refused(shared.gateway.chat(key), 429, "tokens per minute")


# --- delegated keys -------------------------------------------------------------------------------------------------------


def test_spending_counts_up_the_line_and_the_tightest_limit_holds(shared, account):
    admin, _ = account()
    top, top_data = make(shared.gateway, admin, limit=1)
    middle, _ = children(shared.gateway, top, name="middle", limit=0.5)
    low, low_data = children(shared.gateway, middle, limit=0.4)
    cost = sum(shared.gateway.chat(k).json()["usage"]["cost"] for k in (low, middle, top))
    assert shared.gateway.get(f"{KEYS}/{top_data['hash']}", admin).json()["data"]["usage"] == pytest.approx(cost)
    shared.gateway.call("PATCH", f"{KEYS}/{top_data['hash']}", admin, {"limit": 0})
    refused(shared.gateway.chat(low), 403, "Key limit exceeded", "comes from")
    refused(shared.gateway.call("DELETE", f"/api/v1/key/children/{low_data['hash']}", top), 404)  # its child's child
    assert shared.gateway.call("DELETE", f"/api/v1/key/children/{low_data['hash']}", middle).json() == {"deleted": True}
    assert shared.gateway.get("/api/v1/key", low).status == 401
    assert [k["name"] for k in shared.gateway.get("/api/v1/key/children", top).json()["data"]] == ["middle"]
    shared.gateway.verify()


@pytest.mark.parametrize("end", ["disable", "delete"])
def test_what_ends_an_ancestor_ends_all_below_it_at_once(shared, account, end):
    admin, _ = account()
    top, data = make(shared.gateway, admin)
    line = [top]
    for _ in range(8):
        line.append(children(shared.gateway, line[-1])[0])
    refused(shared.gateway.call("POST", "/api/v1/key/children", line[-1], {}), 403, "8 times")
    assert all(shared.gateway.agrees(k, 200) for k in (line[1], line[-1]))
    if end == "disable":
        shared.gateway.call("PATCH", f"{KEYS}/{data['hash']}", admin, {"disabled": True})
    else:
        shared.gateway.call("DELETE", f"{KEYS}/{data['hash']}", admin)
    for key in line[1:]:
        for _ in range(4):
            refused(shared.gateway.get("/api/v1/key", key), 401, "comes from")


def test_a_child_is_bounded_by_its_parent(shared, account):
    admin, _ = account()
    key, data = make(shared.gateway, admin, allowed_models=["test/*"], expires_at="2099-01-01T00:00:00Z")
    child, child_data = children(shared.gateway, key)
    assert child_data["expires_at"] == "2099-01-01T00:00:00Z" and child_data["allowed_models"] == ["test/*"]
    path = "/api/v1/key/children"
    refused(shared.gateway.call("POST", path, key, {"expires_at": "2099-01-01T00:00:01Z"}), 400, "expires_at")
    refused(shared.gateway.call("POST", path, key, {"allowed_models": [MODEL, "x/y"]}), 400, "allowed_models", "x/y")
    refused(shared.gateway.call("POST", path, key, {"disabled": True}), 400, "disabled")
    narrow, _ = children(shared.gateway, key, allowed_models=[MODEL])
    assert shared.gateway.chat(narrow).status == 200
    shared.gateway.call("PATCH", f"{KEYS}/{data['hash']}", admin, {"allowed_models": ["none/*"]})
    refused(shared.gateway.chat(narrow), 403, "allowed_models")  # what its parent may no more, it may no more


def test_a_line_s_figures_survive_a_crash(launch, provide):
    gateway = launch(one_model(provide(), journal={"sync": "always"}))
    gateway.grant()
    admin = gateway.key("admin", "--management")
    top, data = make(gateway, admin, limit=5)
    line = [top]
    for _ in range(3):
        line.append(children(gateway, line[-1])[0])
    total = sum(gateway.chat(key).json()["usage"]["cost"] for key in line * 3)
    gateway.kill()
    gateway.verify()
    gateway.start()
    assert gateway.get(f"{KEYS}/{data['hash']}", admin).json()["data"]["usage"] == pytest.approx(total)
    gateway.verify()


# --- the door ----------------------------------------------------------------------------------------------------------------


def test_addresses_that_are_not_allowed_stay_out(launch, provide):
    gateway = launch(one_model(provide(), trusted_proxies=["127.0.0.0/8"]))
    gateway.grant()
    admin, key = gateway.key("admin", "--management"), gateway.key()
    path = "/api/v1/ip-allowlist"

    def via(*addresses):
        return {"X-Forwarded-For": ", ".join(addresses)}

    assert gateway.get(path, admin).json() == {"data": []}
    refused(gateway.call("POST", path, admin, {"cidr": "203.0.113.0/24"}), 409, "127.0.0.1")  # it would shut itself out
    refused(gateway.call("POST", path, admin, {"cidr": "203.0.113.7/24"}), 400, "cidr:")
    added = gateway.call("POST", path, admin, {"cidr": "203.0.113.0/24", "label": "office"}, headers=via("203.0.113.9"))
    assert added.status == 201 and added.json()["data"]["cidr"] == "203.0.113.0/24"
    for _ in range(6):
        refused(gateway.get("/api/v1/key", key), 403, "127.0.0.1", "allow list")
        assert gateway.get("/api/v1/key", key, headers=via("203.0.113.9")).status == 200
        assert gateway.get("/api/v1/key", key, headers=via("203.0.113.9", "198.51.100.1")).status == 403
        assert gateway.call("POST", SLUG, key, {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}).status == 403
    refused(gateway.get(path, admin), 403)
    assert gateway.call("DELETE", f"{path}/{added.json()['data']['id']}", admin, headers=via("203.0.113.9")).status == 200
    assert gateway.get("/api/v1/key", key).status == 200
    entry = gateway.cli("ip", "add", "2001:db8::/32", "--label", "v6")["data"]
    assert gateway.agrees(key, 403)
    assert gateway.get("/api/v1/key", key, headers=via("2001:db8::1")).status == 200
    gateway.cli("ip", "delete", str(entry["id"]))
    assert gateway.agrees(key, 200)


def test_without_trusted_proxies_nobody_is_believed(shared):
    email = "proxied@example.org"
    shared.gateway.cli("account", "create", email)
    key = shared.gateway.key("k", "--account", email)
    shared.gateway.cli("ip", "add", "203.0.113.0/24", "--account", email)
    assert shared.gateway.agrees(key, 403)
    assert shared.gateway.get("/api/v1/key", key, headers={"X-Forwarded-For": "203.0.113.9"}).status == 403


def test_a_policy_refuses_keys_that_live_too_long(shared, account):
    admin, _ = account()
    old, _ = make(shared.gateway, admin)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    fresh, _ = make(shared.gateway, admin, expires_at=soon)
    assert shared.gateway.call("PATCH", "/api/v1/policy", admin, {"max_key_lifetime_days": 30}).status == 200
    assert [shared.gateway.get("/api/v1/key", k).status for k in (old, fresh) * 3] == [403, 200] * 3
    refused(shared.gateway.get("/api/v1/key", old), 403, "30 days")
    refused(shared.gateway.call("POST", KEYS, admin, {"name": "x"}), 400, "expires_at")
    refused(shared.gateway.call("POST", KEYS, admin, {"name": "x", "expires_at": "2098-01-01T00:00:00Z"}), 400)
    refused(shared.gateway.call("PATCH", "/api/v1/policy", admin, {"max_key_lifetime_days": 0}), 400)
    shared.gateway.call("PATCH", "/api/v1/policy", admin, {"max_key_lifetime_days": None})
    assert shared.gateway.get("/api/v1/key", old).status == 200


# --- the audit log -------------------------------------------------------------------------------------------------------------


def test_every_act_is_on_record_and_stays_there(shared, account):
    """LiteLLM, 18 Mar 26 (credentials in logs): what was done is told, never a secret."""
    admin, email = account()
    key, data = make(shared.gateway, admin, limit=2)
    where = f"{KEYS}/{data['hash']}"
    shared.gateway.call("PATCH", where, admin, {"limit": 3, "disabled": True}, headers={"User-Agent": "robot/1"})
    shared.gateway.call("PATCH", where, admin, {"limit": -3})  # refused: nothing was done
    shared.gateway.call("DELETE", where, admin)
    acts = shared.gateway.get("/api/v1/audit", admin).json()["data"]
    assert [a["action"] for a in acts] == ["key.delete", "key.update", "key.create", "key.create", "credit.grant"]
    change = acts[1]
    assert change["detail"] == {"disabled": {"from": False, "to": True}, "limit": {"from": 2, "to": 3}}
    assert change["target"] == data["hash"] and change["address"] == "127.0.0.1" and change["user_agent"] == "robot/1"
    assert change["actor"].startswith("key:") and acts[4]["actor"] == "cli"
    one = shared.gateway.get(f"/api/v1/audit?action=key.update&target={data['hash']}", admin).json()["data"]
    assert [a["id"] for a in one] == [change["id"]]
    page = shared.gateway.get("/api/v1/audit?limit=2&offset=1", admin).json()["data"]
    assert [a["id"] for a in page] == [a["id"] for a in acts[1:3]]
    text = shared.gateway.get("/api/v1/audit", admin).body.decode() + shared.gateway.run("audit", "list").stdout
    assert key not in text and admin not in text and data["hash"] in text
    db = sqlite3.connect(shared.gateway.data / "turnpike.db", timeout=10)
    for statement in ("DELETE FROM audit", "UPDATE audit SET action = 'x'", "INSERT OR REPLACE INTO audit SELECT * FROM audit"):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)
    db.close()


def test_the_command_line_makes_keys_with_rules(shared):
    made = shared.gateway.cli("key", "create", "--name", "ruled", "--allowed-models", "test/*,x/y", "--rate-requests", "9",
                              "--rate-tokens", "1000", "--allowed-providers", "scripted")["data"]
    assert made["allowed_models"] == ["test/*", "x/y"] and made["allowed_providers"] == ["scripted"]
    assert made["rate_limit"] == {"requests_per_minute": 9, "tokens_per_minute": 1000}
    for wrong in (("--allowed-models", "a,,b"), ("--rate-requests", "0"), ("--rate-tokens", "many")):
        assert shared.gateway.run("key", "create", "--name", "x", *wrong).returncode == 2
    assert shared.gateway.cli("account", "policy")["data"] == {"max_key_lifetime_days": None}
