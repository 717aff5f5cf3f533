"""Workload tokens: an issuer's token becomes an access token that acts as one key (RFC 8693), and ends with it."""

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
import time
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness.gateway import SLOWER, one_model
from harness.keyserver import KeyServer

TOKEN, JWKS, POLICIES = "/api/v1/oauth/token", "/api/v1/oauth/jwks", "/api/v1/federation-policies"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE_JWT, TYPE_ACCESS = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:access_token"
GENERIC = "The subject token was not accepted under this federation policy; the gateway's log says why"
AUDIENCE, SUBJECT = "https://gateway.example", "repo:acme/site:ref:refs/heads/main"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs tokens, and publishes its keys at /jwks."""

    def __init__(self, server):
        self.server, self.keys = server, {}
        self.add("k1")

    @property
    def url(self):
        return self.server.url

    def add(self, kid, key=None, **more):
        key = key or ec.generate_private_key(ec.SECP256R1())
        algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        self.keys[kid] = key, json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"} | more
        self.publish()

    def publish(self):
        self.server.documents["/jwks"] = {"keys": [public for _, public in self.keys.values()]}

    def claims(self, **more):
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 600, "repository": "acme/site"} | more
        return {k: v for k, v in claims.items() if v is not None}

    def token(self, kid="k1", headers=None, **more):
        key = self.keys[kid][0]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(self.claims(**more), key, algorithm, {"kid": kid} | (headers or {}))

    def raw(self, header, claims, sign=True):
        """Any texts as header and claims, with a right signature."""
        text = f"{b64(header.encode())}.{b64(claims.encode())}"
        es256 = jwt.get_algorithm_by_name("ES256")
        return f"{text}.{b64(es256.sign(text.encode(), self.keys['k1'][0]))}"

    @property
    def asked(self):
        return [s for path, s in self.server.asked if path == "/jwks"]


class Workload:
    """A gateway, an issuer, a key with its policy."""

    def __init__(self, gateway, issuer):
        self.gateway, self.issuer = gateway, issuer
        made = gateway.cli("key", "create", "--name", "deploy")
        self.key, self.hash = made["key"], made["data"]["hash"]
        self.policy = self.add()

    def add(self, *more, key=None, subject=SUBJECT, url="/jwks"):
        words = ["--name", "ci", "--issuer", self.issuer.url, "--audience", AUDIENCE, "--key", key or self.hash]
        words += ["--subject", subject] if subject else []
        words += ["--jwks-url", self.issuer.url + url] if url else []
        return self.gateway.cli("federation", "add", *words, *more)["data"]["id"]

    def ask(self, token=None, policy=None, **more):
        form = {"grant_type": GRANT, "subject_token_type": TYPE_JWT, "subject_token": token or self.issuer.token(),
                "federation_policy_id": policy or self.policy} | more
        form = {k: v for k, v in form.items() if v is not None}
        return self.gateway.call("POST", TOKEN, None, urlencode(form).encode(),
                                 headers={"Content-Type": "application/x-www-form-urlencoded"})

    def exchange(self, *args, **more):
        answer = self.ask(*args, **more)
        assert answer.status == 200, answer
        return answer.json()["access_token"]

    def refused(self, *args, error="invalid_grant", status=400, **more):
        answer = self.ask(*args, **more)
        assert answer.status == status and answer.json()["error"] == error, answer
        assert set(answer.json()) == {"error", "error_description"} and answer.headers["cache-control"] == "no-store"
        return answer.json()["error_description"]

    def why(self):
        """What the operator reads of the last refusal."""
        self.gateway.wait_log(msg="a token was not exchanged")
        lines = [line for line in self.gateway.log if "a token was not exchanged" in line]
        return lines[-1]


@pytest.fixture
def keyserver():
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def issuer(keyserver):
    return Issuer(keyserver)


@pytest.fixture
def start(launch, issuer, provide):
    def run(**settings):
        gateway = launch(one_model(provide(), **settings))
        gateway.grant()
        return Workload(gateway, issuer)
    return run


@pytest.fixture
def workload(start):
    return start(workers=2)


def audit(gateway, action):
    with sqlite3.connect(gateway.data / "turnpike.db") as db:
        return db.execute("SELECT actor, label, target, detail FROM audit WHERE action = ? ORDER BY id", (action,)).fetchall()


# --- the way that works ---


def test_a_token_becomes_an_access_token_that_spends_as_the_key(workload):
    gateway = workload.gateway
    answer = workload.ask()
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store", answer
    body = answer.json()
    token = body.pop("access_token")
    assert body == {"issued_token_type": TYPE_ACCESS, "token_type": "Bearer", "scope": "inference", "expires_in": body["expires_in"]}
    assert 590 <= body["expires_in"] <= 600  # never beyond the subject token
    chat = gateway.chat(token)
    assert chat.status == 200 and chat.json()["choices"][0]["message"]["content"]
    asked = gateway.get("/api/v1/key", token).json()["data"]
    assert asked["usage"] > 0 and asked["usage"] == gateway.get("/api/v1/key", workload.key).json()["data"]["usage"]
    found = gateway.get(f"/api/v1/generation?id={chat.headers['x-generation-id']}", token)
    assert found.status == 200 and found.json()["data"]["total_cost"] == asked["usage"]
    ((actor, label, target, detail),) = audit(gateway, "token.exchange")
    detail = json.loads(detail)
    assert (actor, label, target) == (f"federation:{workload.policy}", SUBJECT, workload.hash)
    assert detail["policy"] == workload.policy and detail["issuer"] == workload.issuer.url and detail["subject"] == SUBJECT
    assert gateway.cli("federation", "show", workload.policy)["data"]["last_used_at"]
    gateway.verify()
    assert token not in "\n".join(gateway.log) and token not in json.dumps(detail)


def test_others_can_verify_it(workload):
    token = workload.exchange()
    header = jwt.get_unverified_header(token)
    (key,) = workload.gateway.get(JWKS).json()["keys"]
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": key["kid"]} and "d" not in key
    us = f"http://127.0.0.1:{workload.gateway.port}"
    claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"], audience=us, issuer=us)
    assert claims["sub"] == workload.hash and claims["client_id"] == workload.policy and claims["scope"] == "inference"
    assert 0 < claims["exp"] - claims["iat"] <= 900


def test_rs256_and_a_lifetime_of_at_most_what_the_policy_says(workload):
    workload.issuer.add("r1", RSA)
    policy = workload.add("--max-lifetime", "60")
    answer = workload.ask(workload.issuer.token("r1"), policy)
    assert answer.status == 200 and answer.json()["expires_in"] == 60
    assert workload.gateway.chat(answer.json()["access_token"]).status == 200
    day = workload.ask(workload.issuer.token(exp=int(time.time()) + 86400))
    assert day.json()["expires_in"] == 900


def test_keys_by_discovery(workload):
    policy = workload.add(url=None)
    path = "/.well-known/openid-configuration"
    workload.issuer.server.documents[path] = {"issuer": workload.issuer.url, "jwks_uri": workload.issuer.url + "/jwks"}
    assert workload.gateway.chat(workload.exchange(policy=policy)).status == 200
    workload.exchange(policy=policy)
    assert sum(p == path for p, _ in workload.issuer.server.asked) <= 2  # once a worker


def test_a_discovery_document_of_another_issuer_is_not_believed(workload):
    policy = workload.add(url=None)
    workload.issuer.server.documents["/.well-known/openid-configuration"] = {
        "issuer": "https://evil.example", "jwks_uri": workload.issuer.url + "/jwks"}
    workload.refused(policy=policy, error="temporarily_unavailable", status=503)
    assert "another issuer" in workload.why() and not workload.issuer.asked


@pytest.mark.parametrize("more", [{"scope": "inference"}, {"scope": ""}, {"requested_token_type": TYPE_ACCESS}, {"audience": "x", "resource": "y"}])
def test_what_a_form_may_say_besides(workload, more):
    assert workload.ask(**more).status == 200


# --- the end ---


def test_it_ends_with_its_key_at_once(workload):
    gateway, token = workload.gateway, workload.exchange()
    admin = gateway.key("admin", "--management")
    assert all(gateway.get("/api/v1/key", token).status == 200 for _ in range(16))  # known to every worker
    path = f"/api/v1/keys/{workload.hash}"
    assert gateway.call("PATCH", path, admin, {"disabled": True}).status == 200
    for _ in range(16):
        refused = gateway.get("/api/v1/key", token)
        assert refused.status == 401 and refused.error["message"] == "The API key as which this access token acts is disabled"
    assert gateway.chat(token).status == 401
    assert workload.refused() == GENERIC
    assert gateway.call("PATCH", path, admin, {"disabled": False}).status == 200
    assert gateway.chat(token).status == 200
    assert gateway.call("DELETE", path, admin).status == 200
    for _ in range(16):
        refused = gateway.get("/api/v1/key", token)
        assert refused.status == 401 and refused.error["message"] == "The API key as which this access token acts was deleted"
    assert workload.refused() == GENERIC


def test_it_ends_with_its_policy_at_once(workload):
    gateway, token = workload.gateway, workload.exchange()
    other = workload.exchange(policy=workload.add())
    admin = gateway.key("admin", "--management")
    path = f"{POLICIES}/{workload.policy}"
    assert all(gateway.get("/api/v1/key", token).status == 200 for _ in range(16))
    assert gateway.call("PATCH", path, admin, {"enabled": False}).json()["data"]["enabled"] is False
    for _ in range(16):
        refused = gateway.get("/api/v1/key", token)
        assert refused.status == 401 and "federation policy" in refused.error["message"]
        assert gateway.get("/api/v1/key", other).status == 200
    assert workload.refused() == GENERIC and "disabled" in workload.why()
    assert gateway.get("/api/v1/key", workload.key).status == 200
    assert gateway.call("PATCH", path, admin, {"enabled": True}).status == 200
    assert gateway.get("/api/v1/key", token).status == 200
    assert gateway.call("DELETE", path, admin).json() == {"deleted": True}
    assert all(gateway.get("/api/v1/key", token).status == 401 for _ in range(16))
    assert [json.loads(d) for _, _, t, d in audit(gateway, "federation.update")] == [{"enabled": False}, {"enabled": True}]
    assert [t for _, _, t, _ in audit(gateway, "federation.delete")] == [workload.policy]


def test_the_command_line_ends_it_within_a_second(workload):
    gateway, token = workload.gateway, workload.exchange()
    assert gateway.agrees(token, 200)
    assert gateway.cli("federation", "disable", workload.policy)["data"]["enabled"] is False
    assert gateway.agrees(token, 401)
    gateway.cli("federation", "enable", workload.policy)
    assert gateway.agrees(token, 200)
    assert [p["id"] for p in gateway.cli("federation", "list")["data"]] == [workload.policy]
    gateway.cli("federation", "delete", workload.policy)
    assert gateway.agrees(token, 401)
    assert gateway.run("federation", "show", workload.policy).returncode == 1
    assert gateway.run("federation", "show", "nonsense").returncode == 2
    assert [a for a, _, _, _ in audit(gateway, "federation.update")] == ["cli", "cli"]


def test_it_ends_in_time(workload):
    ends = int(time.time()) + 2
    token = workload.exchange(workload.issuer.token(exp=ends))
    assert workload.gateway.get("/api/v1/key", token).status == 200
    while time.time() < ends:  # its very second is what is tested
        time.sleep(0.05)
    refused = workload.gateway.get("/api/v1/key", token)
    assert refused.status == 401 and "expired" in refused.error["message"]
    assert workload.refused(workload.issuer.token(exp=ends)) == GENERIC and "expired" in workload.why()


def test_an_account_that_is_disabled_and_an_address_that_is_not_allowed(workload):
    gateway, token = workload.gateway, workload.exchange()
    entry = gateway.cli("ip", "add", "203.0.113.0/24")["data"]["id"]
    assert gateway.agrees(token, 403)
    assert workload.refused() == GENERIC and "allow list" in workload.why()
    gateway.cli("ip", "delete", str(entry))
    assert gateway.agrees(token, 200)
    gateway.cli("account", "disable", "owner@localhost")
    assert gateway.agrees(token, 403)
    assert workload.refused() == GENERIC


# --- limits and rules are the key's ---


def test_limits_rates_and_rules_are_the_keys(workload):
    gateway = workload.gateway
    bounded = gateway.cli("key", "create", "--name", "bounded", "--limit", "0.000001", "--rate-requests", "1000")
    token = workload.exchange(policy=workload.add(key=bounded["data"]["hash"]))
    assert gateway.chat(token, max_tokens=4000).status == 402
    narrow = gateway.cli("key", "create", "--name", "narrow", "--allowed-models", "none/*")
    token = workload.exchange(policy=workload.add(key=narrow["data"]["hash"]))
    assert gateway.chat(token).status == 403
    slow = gateway.cli("key", "create", "--name", "slow", "--rate-requests", "1")
    token, second = (workload.exchange(policy=workload.add(key=slow["data"]["hash"])) for _ in range(2))
    statuses = [gateway.chat(t).status for t in (token, second, slow["key"], token)]
    assert 429 in statuses[1:3] and statuses.count(200) <= 2  # a minute may turn once


def test_what_outlives_a_token_is_the_keys_own(workload):
    gateway, token = workload.gateway, workload.exchange()
    for method, path, body in (("POST", "/api/v1/key/children", {"name": "x"}), ("GET", "/api/v1/key/children", None),
                               ("POST", "/api/v1/auth/keys/code", {"callback_url": "https://a.example"})):
        refused = gateway.call(method, path, token, body)
        assert refused.status == 403 and "access token" in refused.error["message"], path
    for path in ("/api/v1/keys", "/api/v1/credits", "/api/v1/audit", POLICIES):
        refused = gateway.get(path, token)
        assert refused.status == 403 and "only a management key" in refused.error["message"]
    refused = gateway.get("/api/v1/key", headers={"X-Api-Key": token})
    assert refused.status == 401 and "Bearer" in refused.error["message"]


def test_no_access_token_for_a_management_key(workload):
    admin = workload.gateway.cli("key", "create", "--name", "admin", "--management")
    done = workload.gateway.run("federation", "add", "--name", "x", "--issuer", workload.issuer.url, "--audience", "a", "--subject", "s",
                                "--key", admin["data"]["hash"])
    assert done.returncode == 1 and "management key" in done.stderr


# --- our keys turn ---


def test_signing_keys_turn_and_old_tokens_go_on(workload):
    gateway, old = workload.gateway, workload.exchange()
    before = jwt.get_unverified_header(old)["kid"]
    after = gateway.cli("federation", "rotate")["data"]["kid"]
    end = time.monotonic() + 1.5 * SLOWER
    while [k["kid"] for k in gateway.get(JWKS).json()["keys"]] != [after, before] and time.monotonic() < end:
        pass
    assert gateway.agrees(old, 200)
    in_a_row = 0
    while in_a_row < 12 and time.monotonic() < end:
        in_a_row = in_a_row + 1 if jwt.get_unverified_header(workload.exchange())["kid"] == after else 0
    assert in_a_row == 12
    for _ in range(12):
        assert [k["kid"] for k in gateway.get(JWKS).json()["keys"]] == [after, before]
    assert len(audit(gateway, "federation.rotate")) == 1
    with sqlite3.connect(gateway.data / "turnpike.db") as db:
        for (sealed,) in db.execute("SELECT sealed FROM signing_key"):
            with pytest.raises(ValueError):
                serialization.load_der_private_key(sealed, None)
    gateway.stop()
    gateway.start()
    assert [k["kid"] for k in gateway.get(JWKS).json()["keys"]] == [after, before]


def test_a_token_signed_with_a_key_made_a_moment_ago_is_good_on_every_worker(workload):
    gateway = workload.gateway
    gateway.get("/api/v1/key", workload.exchange())
    gateway.cli("federation", "rotate")
    token = workload.exchange()
    assert all(gateway.get("/api/v1/key", token).status == 200 for _ in range(16))


def test_another_master_key_ends_tokens_and_says_so(start):
    workload = start(workers=1)  # of several, each learns of the new key in its own time
    gateway, token = workload.gateway, workload.exchange()
    gateway.stop()
    gateway.env["TURNPIKE_MASTER_KEY"] = "5" * 64
    gateway.start()
    assert gateway.get("/api/v1/key", token).status == 401
    workload.refused(error="temporarily_unavailable", status=503)
    assert gateway.wait_log(level="error")
    gateway.cli("federation", "rotate")
    end = time.monotonic() + 1.5 * SLOWER
    while workload.ask().status != 200 and time.monotonic() < end:
        pass
    assert gateway.chat(workload.exchange()).status == 200


# --- the issuer's keys turn ---


def test_the_issuers_keys_turn_and_unknown_ones_are_asked_for_seldom(start):
    workload = start(workers=1)
    issuer = workload.issuer
    for _ in range(3):
        workload.exchange()
    assert issuer.asked == [200]
    issuer.add("k2")
    workload.exchange(issuer.token("k2"))
    assert issuer.asked == [200, 200]
    issuer.keys["nobody"] = ec.generate_private_key(ec.SECP256R1()), {}
    for i in range(30):  # a flood of names
        assert workload.refused(issuer.token("nobody", headers={"kid": f"kid-{i}"})) == GENERIC
    assert issuer.asked == [200, 200, 304, 304]
    workload.exchange(issuer.token("k2"))
    del issuer.keys["k1"]
    assert "kid" in workload.why()


def test_one_fetch_for_all_who_come_at_once(start):
    workload = start(workers=1)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(workload.ask().status)) for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [200] * 24 and len(workload.issuer.asked) == 1


def test_keys_that_cannot_be_had_are_503(start):
    workload = start(workers=1)
    workload.issuer.server.is_down = True
    answer = workload.ask()
    assert answer.status == 503 and answer.json()["error"] == "temporarily_unavailable" and int(answer.headers["retry-after"]) > 0
    workload.issuer.server.is_down = False
    workload.exchange()
    workload.issuer.server.is_down = True
    workload.exchange()  # those that are known


# --- what is refused ---


def test_claims_that_do_not_fit_are_told_to_the_operator_only(workload):
    issuer, now = workload.issuer, int(time.time())
    strict = workload.add("--claims", '{"repository":"acme/site","environment":"prod","admin":true,"run":7}')
    fitting = {"environment": ["test", "prod"], "admin": True, "run": 7}
    workload.exchange(issuer.token(**fitting), strict)
    cases = [
        (issuer.token(iss="https://evil.example"), None, "issuer (iss)"),
        (issuer.token(iss=issuer.url + "/"), None, "issuer (iss)"),
        (issuer.token(aud="https://other.example"), None, "audience (aud)"),
        (issuer.token(aud=[]), None, "audience (aud)"),
        (issuer.token(aud=None), None, "audience (aud)"),
        (issuer.token(sub=SUBJECT + "x"), None, "subject (sub)"),
        (issuer.token(sub=SUBJECT[:-1]), None, "subject (sub)"),
        (issuer.token(sub=None), None, "subject (sub)"),
        (issuer.token(exp=None), None, "no exp"),
        (issuer.token(exp=now - 5), None, "expired"),
        (issuer.token(exp=now - 100), None, "expired"),
        (issuer.token(nbf=now + 100), None, "nbf"),
        (issuer.token(iat=now + 100), None, "iat"),
        (issuer.token(**fitting | {"environment": "test"}), strict, "environment"),
        (issuer.token(**fitting | {"admin": "true"}), strict, "admin"),
        (issuer.token(**fitting | {"run": 8}), strict, "run"),
        (issuer.token(**fitting, repository="acme/other"), strict, "repository"),
        (issuer.token(), "fp-" + "0" * 32, "no such policy"),
        (issuer.token(), "nonsense", "no such policy"),
        (issuer.token()[:-8] + "AAAAAAAA", None, "signature"),
    ]
    for token, policy, why in cases:
        assert workload.refused(token, policy) == GENERIC, why
    for _, _, why in cases:
        workload.gateway.wait_text(r"a token was not exchanged.*" + why.replace("(", r"\(").replace(")", r"\)"))
    workload.exchange(issuer.token(nbf=now + 20, aud=["a", AUDIENCE]))  # clocks differ


def test_a_prefix_of_subjects(workload):
    policy = workload.add(subject="repo:acme/*")
    workload.exchange(workload.issuer.token(sub="repo:acme/x"), policy)
    for sub in ("repo:acme", "xrepo:acme/x", "repo:acmex/x", "repo:acme2/x"):
        workload.refused(workload.issuer.token(sub=sub), policy)


def test_tokens_of_a_wrong_shape_are_told_what_is_wrong(workload):
    issuer = workload.issuer
    claims = json.dumps(issuer.claims())
    public = issuer.keys["k1"][0].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    head = '{"alg":"HS256","kid":"k1"}'
    text = f"{b64(head.encode())}.{b64(claims.encode())}"
    confused = f"{text}.{b64(hmac.new(public, text.encode(), hashlib.sha256).digest())}"
    good = '{"alg":"ES256","kid":"k1"}'
    cases = [
        ("x", "three parts"), ("a.b", "three parts"), ("a.b.c.d", "three parts"), ("..", "three parts"), ("?.?.?", "base64url"),
        (confused, "ES256 or RS256"),
        (f"{b64(b'{}')}.{b64(claims.encode())}.AAAA", "ES256 or RS256"),
        (issuer.raw('{"alg":"none"}', claims), "ES256 or RS256"),
        (issuer.raw('{"alg":"None","kid":"k1"}', claims), "ES256 or RS256"),
        (issuer.raw('{"alg":"ES256","kid":"k1","crit":["b64"]}', claims), "crit"),
        (issuer.raw(good, claims[:-1] + ',"sub":"admin"}'), "twice"),
        (issuer.raw('{"alg":"ES256","alg":"none","kid":"k1"}', claims), "twice"),
        (issuer.raw(good, claims[:-1] + ',"su\\u0062":"admin"}'), "twice"),
        (issuer.raw(good, "[]"), "JSON object"), (issuer.raw(good, "{"), "JSON object"), (issuer.raw("[]", claims), "JSON object"),
    ]
    for token, why in cases:
        assert why in workload.refused(token), why
    assert not issuer.asked  # nobody was asked for any of these
    # a right shape, but the key is of another kind than alg says
    assert workload.refused(issuer.raw('{"alg":"RS256","kid":"k1"}', claims)) == GENERIC
    assert "16384" in workload.refused(issuer.raw(good, claims[:-1] + f',"x":"{"a" * 13000}"}}'), error="invalid_request", status=413)


def test_forms_that_are_wrong(workload):
    refused = lambda **more: workload.refused(error="invalid_request", **more)
    assert "grant_type" in refused(grant_type=None)
    assert "grant_type" in workload.refused(grant_type="client_credentials", error="unsupported_grant_type")
    assert "subject_token_type" in refused(subject_token_type=None)
    assert "subject_token_type" in refused(subject_token_type="urn:ietf:params:oauth:token-type:saml2")
    assert "requested_token_type" in refused(requested_token_type="urn:ietf:params:oauth:token-type:refresh_token")
    assert "actor_token" in refused(actor_token="x")
    assert "federation_policy_id" in workload.refused(federation_policy_id="", error="invalid_request")
    assert "scope" in workload.refused(scope="inference admin", error="invalid_scope")
    call = lambda body: workload.gateway.call("POST", TOKEN, None, body)
    assert call(b"").json()["error"] == "invalid_request"
    assert call({"grant_type": GRANT}).json()["error"] == "invalid_request"
    twice = call(b"grant_type=a&grant_type=b")
    assert twice.status == 400 and "twice" in twice.json()["error_description"]
    large = call(b"subject_token=" + b"a" * 33000)
    assert large.status == 413 and large.json()["error"] == "invalid_request"
    assert workload.gateway.get(TOKEN).status == 405


def test_access_tokens_that_are_none(workload):
    gateway, issuer = workload.gateway, workload.issuer
    good = workload.exchange()
    head, claims, signature = good.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    ours = jwt.get_unverified_header(good)
    own = ec.generate_private_key(ec.SECP256R1())

    def forged(headers=None, key=own, **more):
        return jwt.encode({k: v for k, v in (decoded | more).items() if v is not None}, key, "ES256", ours | (headers or {}))

    public = gateway.get(JWKS).json()["keys"][0]
    cases = [
        (forged(), "signature"), (forged({"kid": "x" * 43}), "kid"),
        (issuer.raw(json.dumps({k: v for k, v in ours.items() if k != "kid"}), json.dumps(decoded)), "kid"),
        (forged(exp=int(time.time()) - 1), "expired"), (forged(exp=decoded["iat"] + 901), "Malformed"),
        (forged({"typ": "JWT"}), "none of this gateway's"), (forged(iss="https://evil.example"), "none of this gateway's"),
        (issuer.token(), "none of this gateway's"), (forged(aud="x"), "aud"), (forged(sub="x"), "Malformed"),
        (forged(client_id="x"), "Malformed"), (forged(nbf=int(time.time()) + 1000), "nbf"),
        (f"{b64(json.dumps(ours | {'alg': 'none'}).encode())}.{claims}.{signature}", "ES256"),
        (f"{head}.{claims}.{signature[:-2]}AA", "signature"), (f"{head}.{b64(json.dumps(decoded | {'exp': decoded['exp'] + 1}).encode())}.{signature}", "signature"),
        (f"{b64(json.dumps(ours | {'jwk': public}).encode())}.{claims}.{signature}", "signature"),
        (forged(x="a" * 3000), "2048"), (good + "A" * 3000, "2048"), (good[:20], "Malformed API key"),
    ]
    for token, why in cases:
        for _ in range(2):
            answer = gateway.get("/api/v1/key", token)
            assert answer.status == 401 and why in answer.error["message"], (why, answer)
            assert token not in answer.body.decode()
    assert gateway.get("/api/v1/key", good).status == 200
    hs = f"{b64(json.dumps(ours | {'alg': 'HS256'}).encode())}.{claims}"
    hs += "." + b64(hmac.new(json.dumps(public).encode(), hs.encode(), hashlib.sha256).digest())
    assert "ES256" in gateway.get("/api/v1/key", hs).error["message"]


def test_a_flood_of_forged_tokens_leaves_known_ones_and_keys_and_other_networks_alone(start):
    workload = start(workers=1, trusted_proxies=["127.0.0.0/8"])
    good, fresh = workload.exchange(), workload.exchange()
    gateway, flood = workload.gateway, {"X-Forwarded-For": "198.51.100.1"}
    assert gateway.get("/api/v1/key", good).status == 200
    head, claims, _ = good.split(".")
    answers = []
    for i in range(600):
        forged = f"{head}.{claims}.{b64(hashlib.sha512(str(i).encode()).digest())}"
        answers.append(gateway.call(*(("GET", "/api/v1/key") if i % 2 else ("POST", "/api/v1/chat/completions")), forged,
                                    None if i % 2 else {"model": "m", "messages": []}, headers=flood))
    assert {a.status for a in answers} == {401, 429}
    assert {a.headers.get("retry-after") for a in answers if a.status == 429} == {"1"}
    assert {a.headers.get("retry-after") for a in answers if a.status == 401} == {None}
    for token, headers in ((good, flood), (workload.key, flood), (fresh, {"X-Forwarded-For": "198.51.100.2"})):
        assert gateway.call("GET", "/api/v1/key", token, headers=headers).status == 200


def test_who_tries_too_often_waits(workload):
    statuses = [workload.ask(workload.issuer.token(sub="nobody")) for _ in range(301)]
    assert {a.status for a in statuses[:300]} == {400}
    assert statuses[300].status == 429 and statuses[300].json()["error"] == "invalid_request"
    assert int(statuses[300].headers["retry-after"]) >= 1
    assert len([line for line in workload.gateway.log if "a token was not exchanged" in line]) <= 40  # twenty a worker


# --- policies by the API ---


def test_policies_by_the_api(workload):
    gateway = workload.gateway
    admin = gateway.key("admin", "--management")
    body = {"name": "ci", "issuer": "https://token.actions.example", "audience": "us", "subject": "repo:a/*", "key": workload.hash}
    made = gateway.call("POST", POLICIES, admin, body | {"claims": {"environment": "prod"}, "max_lifetime_seconds": 300})
    assert made.status == 201, made
    row = made.json()["data"]
    assert {k: row[k] for k in body} == body and row["claims"] == {"environment": "prod"} and row["enabled"] is True
    assert row["max_lifetime_seconds"] == 300 and row["jwks_url"] is None and row["last_used_at"] is None
    assert gateway.get(f"{POLICIES}/{row['id']}", admin).json()["data"] == row
    assert [p["id"] for p in gateway.get(POLICIES, admin).json()["data"]] == [workload.policy, row["id"]]
    changed = gateway.call("PATCH", f"{POLICIES}/{row['id']}", admin, {"name": "deploys", "max_lifetime_seconds": 60}).json()["data"]
    assert (changed["name"], changed["max_lifetime_seconds"]) == ("deploys", 60) and changed["updated_at"]
    bad = [({}, "name"), ({"subjekt": "x"}, "subjekt"), ({"issuer": "http://a.example"}, "issuer"), ({"issuer": "https://u@a.example"}, "issuer"),
           ({"issuer": gateway_url(gateway)}, "issuer"), ({"jwks_url": "ftp://a"}, "jwks_url"), ({"subject": "*"}, "subject"),
           ({"subject": "a*b"}, "subject"), ({"subject": None}, "subject"), ({"subject": "a\n"}, "subject"), ({"claims": []}, "claims"),
           ({"claims": {"sub": "x"}}, "claims"), ({"claims": {"x": None}}, "claims"), ({"claims": {"x": 1.5}}, "claims"),
           ({"claims": {f"c{i}": "x" for i in range(17)}}, "claims"), ({"key": "x"}, "key"), ({"key": "0" * 64}, "key"),
           ({"max_lifetime_seconds": 901}, "max_lifetime"), ({"max_lifetime_seconds": 0}, "max_lifetime"), ({"enabled": "no"}, "enabled"),
           ({"audience": ""}, "audience"), ({"audience": "a" * 501}, "audience")]
    for more, named in bad:
        answer = gateway.call("POST", POLICIES, admin, (body | more) if more else {})
        assert answer.status in (400, 404) and named in answer.error["message"], (more, answer)
    for sent in ({}, {"subject": "x"}, {"enabled": 1}, {"name": ""}):
        assert gateway.call("PATCH", f"{POLICIES}/{row['id']}", admin, sent).status == 400
    gateway.cli("account", "create", "other@example.com")
    other = gateway.key("ops", "--management", "--account", "other@example.com")
    assert gateway.get(POLICIES, other).json() == {"data": []}
    for method, sent in (("GET", None), ("PATCH", {"enabled": False}), ("DELETE", None)):
        assert gateway.call(method, f"{POLICIES}/{row['id']}", other, sent).status == 404
    assert gateway.call("POST", POLICIES, other, body).status == 404  # another account's key
    for _ in range(48):
        assert gateway.call("POST", POLICIES, admin, body).status == 201
    assert gateway.call("POST", POLICIES, admin, body).status == 400
    assert len(audit(gateway, "federation.create")) == 50


def gateway_url(gateway):
    return f"http://127.0.0.1:{gateway.port}"


def test_whoever_is_not_the_operator_reaches_no_private_address(workload):
    """Bifrost CVE-2026-55245: where we connect is judged after the name was looked up, as the connection is made."""
    gateway = workload.gateway
    admin = gateway.key("admin", "--management")
    for host in ("localhost", "127.0.0.1", "[::1]", "169.254.169.254", "100.64.0.1"):
        body = {"name": "x", "issuer": workload.issuer.url, "audience": AUDIENCE, "subject": SUBJECT, "key": workload.hash}
        body |= {"issuer": f"https://{host}:{workload.issuer.url.rsplit(':', 1)[1]}"}
        policy = gateway.call("POST", POLICIES, admin, body).json()["data"]["id"]
        token = workload.issuer.token(iss=body["issuer"])
        workload.refused(token, policy, error="temporarily_unavailable", status=503)
        gateway.wait_text(r"a token was not exchanged.*not.*public")
    assert not workload.issuer.server.asked
