"""Secrets planted everywhere, every failure driven, and then everything that is kept or told is searched for them."""

import asyncio
import base64
import json
import re

import pytest

from harness import script, wire
from harness.gateway import SLUG, Gateway, MODEL, model

CREDENTIAL = "sk-upstream-canary-7d41c6f09ab8"
PROMPT = "prompt-canary-51e09c77"
ANSWER = "answer-canary-e2f1b05d"


def echoing(status: int):
    """A provider that tells back what it was sent, credential and all."""
    async def play(x):
        told = f"Incorrect API key provided: {x.request.headers['authorization']} for {x.request.body.decode()}"
        await x.respond(status, {"error": {"message": told, "type": "invalid", "code": "x"}},
                        {"X-Echo": x.request.headers["authorization"]})
    return play


async def not_json(x):
    await x.respond(200, f"<html>{x.request.headers['authorization']} {ANSWER}".encode())


async def no_http(x):
    await x.raw(f"{x.request.headers['authorization']} {ANSWER}\r\n\r\n".encode())
    x.close()


async def bad_event(x):
    await x.begin_stream()
    await x.event(script.chunk({"content": ANSWER}))
    await x.event(f"{{not json {x.request.headers['authorization']}")
    x.close()


async def error_event(x):
    await x.begin_stream()
    await x.event({"error": {"message": x.request.headers["authorization"], "code": 500}})
    x.close()


async def late_error_event(x):
    await x.begin_stream()
    await x.event(script.chunk({"content": ANSWER}))
    await x.event({"error": {"message": x.request.headers["authorization"], "code": 500}})
    x.close()


async def reset(x):
    x.reset()


async def redirect(x):
    await x.respond(302, b"", {"Location": f"http://127.0.0.1:9/{CREDENTIAL}"})


FAILURES = {"400": echoing(400), "401": echoing(401), "403": echoing(403), "404": echoing(404), "429": echoing(429),
            "500": echoing(500), "503": echoing(503), "not-json": not_json, "no-http": no_http, "bad-event": bad_event,
            "error-event": error_event, "late-error-event": late_error_event, "reset": reset, "redirect": redirect,
            "works": script.chat((ANSWER,))}


def forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"=")[:-2], raw.hex().encode()]


def search(gateway: Gateway, secrets: list[str]) -> list[str]:
    places = {str(p): p.read_bytes() for p in [gateway.log_file, *gateway.data.rglob("*")] if p.is_file()}
    places["/metrics"] = gateway.get("/metrics").body
    places["/api/v1/models"] = gateway.get("/api/v1/models").body
    return [f"{secret} in {name}" for name, content in places.items() for secret in secrets
            for form in forms(secret) if form in content]


@pytest.fixture
def failing(launch, provide):
    """A gateway whose models each fail in one of these ways, and the provider behind it."""
    async def chosen(x):
        await FAILURES[x.request.json()["model"]](x)

    provider = provide(chosen)
    settings = {"log_level": "debug",
                "providers": {"p": {"dialect": "openai", "base_url": provider.base_url, "api_key": CREDENTIAL}},
                "models": []}
    for name in FAILURES:
        entry = model(f"test/{name}", "p")
        entry["endpoints"][0]["model"] = f'"{name}"'
        settings["models"].append(entry)
    gateway = launch(settings)
    gateway.grant()
    return gateway, provider


def drive(gateway: Gateway, key: str) -> dict[str, bytes]:
    """Every failure, whole and streamed; what clients were told."""
    told = {}
    for name in FAILURES:
        for stream in (False, True):
            answer = gateway.chat(key, f"test/{name}", stream=stream, user="user-canary",
                                  messages=[{"role": "user", "content": PROMPT}])
            assert answer.status < 600
            assert name != "works" or answer.text == ANSWER
            told[f"{name}, {'streamed' if stream else 'whole'}"] = answer.body + str(answer.lines).encode()
    return told


def test_no_secret_is_kept_whatever_fails(failing):
    """LiteLLM, March 2026 (a guardrail wrote Authorization into logs and traces): "secret type that cannot be printed"."""
    gateway, provider = failing
    key, admin = gateway.key(), gateway.key("admin", "--management")
    drive(gateway, key)
    gateway.chat("sk-tp-v1-" + "0" * 64, messages=[{"role": "user", "content": PROMPT}])
    gateway.call("POST", SLUG, key, b'{"model": "test/works", "messages": "' + PROMPT.encode() + b'"')
    gateway.get(f"/api/v1/{PROMPT}?key={key}")
    gateway.get("/api/v1/credits", admin)
    assert not search(gateway, [CREDENTIAL, PROMPT, ANSWER, key, admin])
    assert provider.requests and all(r.headers["authorization"] == f"Bearer {CREDENTIAL}" for r in provider.requests)
    assert gateway.stop() == 0
    kept = [p.read_bytes() for p in [gateway.log_file, *gateway.data.rglob("*")] if p.is_file()]
    for secret in (CREDENTIAL, PROMPT, ANSWER, key, admin):
        assert not any(form in content for content in kept for form in forms(secret)), secret


def test_a_credential_that_the_provider_tells_back_does_not_reach_a_client(failing):
    gateway, _ = failing
    told = drive(gateway, gateway.key())
    assert not [name for name, text in told.items() if CREDENTIAL.encode() in text]


def test_a_redirect_is_not_followed_with_the_credential(launch, provide):
    elsewhere = provide()

    async def away(x):
        await x.respond(307, b"", {"Location": f"{elsewhere.base_url}/chat/completions"})

    from harness.gateway import one_model
    gateway = launch(one_model(provide(away)))
    gateway.grant()
    assert gateway.chat(gateway.key()).status == 502
    assert not elsewhere.requests


def test_the_data_directory_is_the_owners_alone(pair):
    assert pair.gateway.chat(pair.key).status == 200
    assert pair.gateway.data.stat().st_mode & 0o077 == 0
