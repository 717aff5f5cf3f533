"""Exposed keys: GitHub's partner protocol, anybody's scanner, what follows, and what the owner reads."""

import base64
import binascii
import hashlib
import json
import os
import sqlite3
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.gateway import SLOWER
from harness.keyserver import KeyServer
from harness.postbox import Postbox

GITHUB = "/api/v1/exposures/github"
# GitHub's documentation
VECTOR_ID = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c"
VECTOR_PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd
AjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==
-----END PUBLIC KEY-----
"""
VECTOR_SIGNATURE = "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg=="
VECTOR_BODY = b'[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]'


class GitHub:
    def __init__(self, server):
        self.server, self.keys = server, {}
        self.add("k1")

    def add(self, name):
        self.keys[name] = ec.generate_private_key(ec.SECP256R1())
        self.publish()

    def publish(self):
        pems = {VECTOR_ID: VECTOR_PEM} | {n: k.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode() for n, k in self.keys.items()}
        self.server.documents["/keys"] = {"public_keys": [
            {"key_identifier": n, "key": pem, "is_current": n != "k1"} for n, pem in pems.items()]}

    def sign(self, body, name="k1"):
        return base64.b64encode(self.keys[name].sign(body, ec.ECDSA(hashes.SHA256()))).decode()

    def report(self, gateway, found, name="k1", **more):
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        fields = {"Github-Public-Key-Identifier": name, "Github-Public-Key-Signature": self.sign(body, name)} | more
        return gateway.call("POST", GITHUB, None, body, headers=fields)


@pytest.fixture
def keyserver():
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def github(keyserver):
    return GitHub(keyserver)


@pytest.fixture
def postbox():
    box = Postbox().open()
    yield box
    box.close()


@pytest.fixture
def gateway(launch, github, postbox):
    return launch({"workers": 2, "exposures": {"github_keys_url": github.server.url + "/keys"},
                   "mail": {"smtp": postbox.url, "from": "turnpike@gateway.example", "starttls": "never"}})


def account(gateway, email="owner@example.com"):
    gateway.cli("account", "create", email)
    return gateway.cli("key", "create", "--name", "exposed one", "--account", email)


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def made_up():
    digits = os.urandom(28).hex()
    return f"sk-tp-v1-{digits}{binascii.crc32(digits.encode()):08x}"


def audit(gateway):
    with sqlite3.connect(gateway.data / "turnpike.db") as db:
        return db.execute("SELECT actor, action, target, detail FROM audit WHERE action = 'key.exposed' ORDER BY id").fetchall()


def test_the_published_vector_is_accepted(gateway):
    answer = gateway.call("POST", GITHUB, None, VECTOR_BODY, headers={
        "Github-Public-Key-Identifier": VECTOR_ID, "Github-Public-Key-Signature": VECTOR_SIGNATURE})
    assert answer.status == 200
    assert answer.json() == [{"token_hash": digest("some_token"), "token_type": "some_type", "label": "false_positive"}]


def test_a_found_key_is_disabled_everywhere_at_once_and_its_owner_told(gateway, github, postbox):
    made = account(gateway)
    key = made["key"]
    assert all(gateway.get("/api/v1/key", key).status == 200 for _ in range(8))
    url = "https://github.com/o/r/blob/main/.env#L3"
    answer = github.report(gateway, [{"token": key, "type": "turnpike_key", "url": url, "source": "commit"},
                                     {"token": made_up(), "type": "turnpike_key", "url": "", "source": "Gist_content"}])
    assert answer.status == 200
    assert answer.json() == [{"token_hash": digest(key), "token_type": "turnpike_key", "label": "true_positive"},
                             {"token_hash": answer.json()[1]["token_hash"], "token_type": "turnpike_key", "label": "false_positive"}]
    for _ in range(16):  # every worker, from the very answer on
        refused = gateway.get("/api/v1/key", key)
        assert refused.status == 401 and "disabled" in refused.error["message"]
    mail = postbox.mail()
    text = mail.get_content()
    assert postbox.envelopes[0][1] == ["owner@example.com"]
    assert made["data"]["label"] in mail["Subject"] and url in text and "exposed one" in text and "disabled" in text
    assert key not in mail.as_string() and key[-64:] not in text
    ((actor, _, target, detail),) = audit(gateway)
    assert (actor, target) == ("github", digest(key)) and json.loads(detail)["url"] == url
    assert key not in "\n".join(gateway.log) and key not in detail


def test_the_same_report_twice_counts_once(gateway, github, postbox):
    key = account(gateway)["key"]
    report = [{"token": key, "type": "t", "url": "https://a/", "source": "commit"}] * 3
    first, second = github.report(gateway, report), github.report(gateway, report)
    assert first.json() == second.json() and [f["label"] for f in first.json()] == ["true_positive"] * 3
    postbox.mail()
    assert len(audit(gateway)) == 1
    assert github.report(gateway, [report[0] | {"url": "https://b/"}]).status == 200
    postbox.wait(lambda b: len(b.mails) == 2)
    assert "before" in postbox.mails[1].get_content()
    gateway.cli("key", "enable", digest(key))
    assert gateway.agrees(key, 200)
    assert github.report(gateway, report).status == 200  # still in the open
    assert gateway.get("/api/v1/key", key).status == 401


@pytest.mark.parametrize("policy,status,said", [("notify", 200, "STILL WORKS"), ("disable", 401, "disabled"), ("delete", 401, "deleted")])
def test_what_follows_is_the_accounts_policy(gateway, github, postbox, policy, status, said):
    key = account(gateway)["key"]
    assert gateway.cli("exposure", "policy", "--account", "owner@example.com")["data"] == {"policy": None, "in_force": "disable"}
    gateway.cli("exposure", "policy", policy, "--account", "owner@example.com")
    assert github.report(gateway, [{"token": key}]).json()[0]["label"] == "true_positive"
    assert gateway.get("/api/v1/key", key).status == status
    assert said in postbox.mail().get_content()
    again = github.report(gateway, [{"token": key, "url": "https://x/"}])
    assert again.json()[0]["label"] == "true_positive"  # deleted or not
    (row,) = [r for r in gateway.cli("exposure", "list")["data"] if not r["url"]]
    assert row["policy"] == policy and row["hash"] == digest(key) and row["deleted"] == (policy == "delete")


def test_the_configured_policy_is_for_accounts_without_one(launch, github, keyserver):
    gateway = launch({"exposures": {"github_keys_url": keyserver.url + "/keys", "policy": "notify"}})
    key = account(gateway)["key"]
    github.report(gateway, [{"token": key}])
    assert gateway.get("/api/v1/key", key).status == 200


def test_nothing_unsigned_is_looked_at(gateway, github):
    """new-api CVE-2026-41432 (a webhook valid under an empty secret): without a right signature nothing is looked at."""
    key = account(gateway)["key"]
    body = json.dumps([{"token": key}]).encode()
    good = github.sign(body)
    cases = [
        (body, {}), (body, {"Github-Public-Key-Identifier": "k1"}), (body, {"Github-Public-Key-Signature": good}),
        (body, {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": good[:-4]}),
        (body, {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": "?" * 90}),
        (body, {"Github-Public-Key-Identifier": VECTOR_ID, "Github-Public-Key-Signature": good}),
        (body, {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": VECTOR_SIGNATURE}),
        (body + b" ", {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": good}),
        (b"not json", {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": good}),
        (b"", {"Github-Public-Key-Identifier": "k1", "Github-Public-Key-Signature": good}),
    ]
    for sent, fields in cases:
        answer = gateway.call("POST", GITHUB, None, sent, headers=fields)
        assert answer.status == 401, (answer, fields)
        assert "token" not in answer.error["message"].lower()
    assert gateway.get("/api/v1/key", key).status == 200
    assert not audit(gateway)


@pytest.mark.parametrize("found", [b"{}", b"null", b"[1]", b"[", b'[{"token":1}]', b'[{"type":"t"}]', b'[{"token":"a","token":"b"}]',
                                   b'[{"token_hash":"' + b"0" * 64 + b'"}]'])
def test_a_signed_body_that_makes_no_sense_is_400(gateway, github, found):
    assert github.report(gateway, found).status == 400


def test_odd_but_signed_reports(gateway, github):
    for found in ([], [{"token": ""}], [{"token": "x", "url": None, "source": 7, "type": ["a"], "more": {}}], [{"token": "é\u0000\n"}]):
        answer = github.report(gateway, found)
        assert answer.status == 200 and [f["label"] for f in answer.json()] == ["false_positive"] * len(found)


def test_an_address_that_holds_the_key_is_left_out(gateway, github, postbox):
    key = account(gateway)["key"]
    github.report(gateway, [{"token": key, "url": f"https://x.example/?k={key}", "source": key, "type": key}])
    assert key not in postbox.mail().as_string()
    database = b"".join(p.read_bytes() for p in gateway.data.glob("turnpike.db*"))
    assert key.encode() not in database


def test_github_rotates_its_keys_and_unknown_ones_are_asked_for_seldom(launch, github, keyserver):
    gateway = launch({"workers": 1, "exposures": {"github_keys_url": keyserver.url + "/keys"}})
    assert github.report(gateway, []).status == 200
    assert github.report(gateway, []).status == 200
    assert len(keyserver.asked) == 1
    github.add("k2")
    assert github.report(gateway, [], "k2").status == 200
    assert [s for _, s in keyserver.asked] == [200, 200]
    github.keys["nobody"] = ec.generate_private_key(ec.SECP256R1())
    for _ in range(20):
        assert github.report(gateway, [], "nobody").status == 401
    assert len(keyserver.asked) == 4 and keyserver.asked[-1][1] == 304
    assert github.report(gateway, [], "k2").status == 200


def test_keys_that_cannot_be_had_are_503_and_asked_for_again(launch, github, keyserver):
    keyserver.is_down = True
    gateway = launch({"workers": 1, "exposures": {"github_keys_url": keyserver.url + "/keys"}})
    assert github.report(gateway, []).status == 503
    gateway.wait_log(level="warn")
    keyserver.is_down = False
    assert github.report(gateway, []).status == 200


def test_a_large_array(gateway, github, postbox):
    keys = [account(gateway, f"o{i}@example.com")["key"] for i in range(3)]
    found = [{"token": made_up(), "type": "turnpike_api_key", "url": f"https://github.com/o/r/blob/{i}/file", "source": "commit"}
             for i in range(40_000)]
    for at, key in zip((0, 20_000, 40_000), keys):
        found.insert(at, {"token": key, "type": "t", "url": "https://u/", "source": "commit"})
    body = json.dumps(found).encode()
    assert 6_000_000 < len(body) < 8 << 20
    began = time.monotonic()
    answer = github.report(gateway, body)
    assert time.monotonic() - began < 10 * SLOWER
    labels = [f["label"] for f in answer.json()]
    assert labels.count("true_positive") == 3 and len(labels) == 40_003
    assert all(gateway.get("/api/v1/key", k).status == 401 for k in keys)
    postbox.wait(lambda b: len(b.mails) == 3)
    assert gateway.call("POST", GITHUB, None, b"[" + b" " * (8 << 20) + b"]").status == 413
    assert github.report(gateway, [{"token": ""}] * 50_001).status == 413


def test_anybodys_scanner(gateway, postbox):
    made = account(gateway)
    admin = gateway.cli("key", "create", "--name", "ops", "--management", "--account", "owner@example.com")["key"]
    other = account(gateway, "other@example.com")["key"]
    path = "/api/v1/exposures"
    answer = gateway.call("POST", path, admin, {"token_hash": made["data"]["hash"], "url": "https://wiki/", "source": "wiki"})
    assert answer.json() == {"data": [{"token_hash": made["data"]["hash"], "status": "disabled"}]}
    assert gateway.get("/api/v1/key", made["key"]).status == 401
    assert "https://wiki/" in postbox.mail().get_content()
    found = [{"token": made["key"]}, {"token": other}, {"token": "nonsense"}, {"token_hash": digest(other)}]
    answer = gateway.call("POST", path, admin, found)
    assert [d["status"] for d in answer.json()["data"]] == ["disabled", "unknown", "unknown", "unknown"]
    assert gateway.get("/api/v1/key", other).status == 200
    for key, status in ((made["key"], 401), (other, 403), (None, 401)):
        assert gateway.call("POST", path, key, []).status == status
    for body in ({}, {"token_hash": "x"}, [1], "x", {"token_hash": made["data"]["hash"].upper()}):
        assert gateway.call("POST", path, admin, body).status == 400, body
    listed = gateway.get(path, admin).json()["data"]
    assert len(listed) == 2 and listed[1]["url"] == "https://wiki/" and listed[1]["disabled"]
    assert gateway.get(path + "/policy", admin).json() == {"data": {"policy": None, "in_force": "disable"}}
    assert gateway.call("PATCH", path + "/policy", admin, {"policy": "delete"}).json()["data"]["in_force"] == "delete"
    assert gateway.call("POST", path, admin, {"token": made["key"]}).json()["data"][0]["status"] == "deleted"
    assert gateway.call("PATCH", path + "/policy", admin, {"policy": None}).json()["data"]["in_force"] == "disable"
    for body in ({}, {"policy": "burn"}, {"policy": "notify", "x": 1}):
        assert gateway.call("PATCH", path + "/policy", admin, body).status == 400


def test_a_report_that_was_answered_survives_a_kill(gateway, github, postbox):
    key = account(gateway)["key"]
    postbox.close()
    assert github.report(gateway, [{"token": key, "url": "https://a/"}]).status == 200
    gateway.expected_exit = -9
    gateway.kill()
    gateway.start()
    assert gateway.get("/api/v1/key", key).status == 401
    box = Postbox(port=postbox.port).open()
    try:
        assert "https://a/" in box.mail(30 * SLOWER).get_content()
    finally:
        box.close()
