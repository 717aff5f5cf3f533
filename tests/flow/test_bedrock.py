"""Amazon Bedrock: what leaves for it, signed or with an API key; its framing, damaged and whole; its errors; its secrets.

Signatures are checked here by the steps of AWS's own page ("Create a signed AWS API request"), frames made by the steps of
"Event stream encoding" of the Amazon Transcribe Developer Guide."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import time
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from harness import script
from harness.eventstream import event, frame
from harness.gateway import MODEL, Gateway, model

NATIVE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
SECRET, TOKEN = "aws/secret+canary+0f6bd1", "aws/token+canary/77c0ee=="
KEY = {"access_key_id": "AKIACANARY", "secret_access_key": SECRET}
EVENT_STREAM = {"Content-Type": "application/vnd.amazon.eventstream"}


# --- a provider that speaks it ---

def said(text: str) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"})


BEGIN, STOP = event("messageStart", {"role": "assistant"}), event("messageStop", {"stopReason": "end_turn"})
USAGE = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11}
END = event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}})


def playing(*pieces: bytes) -> script.Script:
    async def play(x: script.Exchange) -> None:
        if x.request.path.endswith("/converse"):
            message = {"role": "assistant", "content": [{"text": "Hello there"}]}
            await x.respond(200, {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE, "metrics": {}})
            return
        await x.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            await x.piece(piece)
        await x.raw(b"0\r\n\r\n")

    return play


WORKS = playing(BEGIN, said("Hello"), said(" there"), STOP, END)


def settings(provider: script.Provider, **credential: Any) -> dict[str, Any]:
    entry = model(MODEL, "mine")
    entry["endpoints"][0]["model"] = f'"{NATIVE}"'
    return {"providers": {"mine": {"dialect": "bedrock", "base_url": f"http://127.0.0.1:{provider.port}"} | credential},
            "models": [entry]}


def signed(**more: str) -> dict[str, Any]:
    return {"aws": {"region": "eu-west-3"} | KEY | more}


def ready(launch, provider: script.Provider, **credential: Any) -> tuple[Gateway, str]:
    gateway = launch(settings(provider, **credential))
    gateway.grant()
    return gateway, gateway.key()


# --- what leaves ---

def signature(request: script.Request, secret: str, region: str) -> str:
    """As AWS computes it from what came."""
    fields = request.headers
    _, rest = fields["authorization"].split(" ", 1)
    names = dict(part.split("=", 1) for part in rest.split(", "))["SignedHeaders"]
    path = quote(request.path, safe="/-_.~")  # encoded once as it is sent, and once more
    canonical = "\n".join([request.method, path, "", *(f"{n}:{fields[n]}" for n in names.split(";")), "", names,
                           hashlib.sha256(request.body).hexdigest()])
    date = fields["x-amz-date"]
    scope = f"{date[:8]}/{region}/bedrock/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for step in scope.split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    mac = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={KEY['access_key_id']}/{scope}, SignedHeaders={names}, Signature={mac}"


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_signed(launch, provide, token, stream):
    provider = provide(WORKS)
    gateway, key = ready(launch, provider, **signed(**({"session_token": token} if token else {})))
    answer = gateway.chat(key, stream=stream)
    assert answer.status == 200 and answer.text == "Hello there", answer
    assert answer.usage["prompt_tokens"] == 9 and answer.usage["completion_tokens"] == 2
    [request] = provider.requests
    assert request.path == f"/model/{quote(NATIVE, safe='')}/converse{'-stream' if stream else ''}"
    assert request.headers["authorization"] == signature(request, SECRET, "eu-west-3")
    assert request.headers.get("x-amz-security-token") == token
    names = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"host", "x-amz-date", "content-type"} | ({"x-amz-security-token"} if token else set()) == set(names)
    age = time.time() - time.mktime(time.strptime(request.headers["x-amz-date"] + "UTC", "%Y%m%dT%H%M%SZ%Z")) + time.timezone
    assert abs(age) < 120


def test_each_request_has_a_signature_of_its_own(launch, provide):
    provider = provide(WORKS)
    gateway, key = ready(launch, provider, **signed())
    for word in ("one", "two"):
        assert gateway.chat(key, messages=[{"role": "user", "content": word}]).status == 200
    first, second = (r.headers["authorization"] for r in provider.requests)
    assert first != second


def test_an_api_key_goes_as_a_bearer_token(launch, provide):
    provider = provide(WORKS)
    gateway, key = ready(launch, provider, api_key="bedrock-api-key-1")
    assert gateway.chat(key, stream=True).text == "Hello there"
    [request] = provider.requests
    assert request.headers["authorization"] == "Bearer bedrock-api-key-1"
    assert "x-amz-date" not in request.headers


# --- what comes ---

EXCEPTIONS = [("throttlingException", 429), ("serviceUnavailableException", 503), ("internalServerException", 502),
              ("modelStreamErrorException", 502), ("validationException", 400), ("modelTimeoutException", 504)]


@pytest.mark.parametrize("name,status", EXCEPTIONS)
def test_an_exception_in_place_of_an_answer_has_its_status(launch, provide, name, status):
    wrong = frame({"message": "so it is"}, exception_type=name, content_type="application/json", message_type="exception")
    gateway, key = ready(launch, provide(playing(BEGIN, wrong)), **signed())
    answer = gateway.chat(key, stream=True)
    assert answer.status == status, answer
    assert answer.error["metadata"]["raw"] == "so it is"


def test_an_exception_behind_content_is_told_in_the_stream(launch, provide):
    wrong = frame({"message": "slower"}, exception_type="throttlingException", message_type="exception")
    gateway, key = ready(launch, provide(playing(BEGIN, said("Hello"), wrong)), **signed())
    answer = gateway.chat(key, stream=True)
    assert answer.status == 200 and answer.text == "Hello" and not answer.is_done
    assert answer.chunks[-1]["error"]["code"] == 429


def test_an_error_of_the_machinery_is_a_failure_of_the_provider(launch, provide):
    wrong = frame(b"", error_code="InternalFailure", error_message="It broke", message_type="error")
    provider = provide(playing(BEGIN, wrong))
    gateway, key = ready(launch, provider, **signed())
    answer = gateway.chat(key, stream=True)
    assert answer.status == 502 and answer.error["metadata"]["raw"] == "It broke"
    assert len(provider.requests) == 2  # it may help, and there is no other endpoint


def damaged(message: bytes) -> bytes:
    return message[:-1] + bytes([message[-1] ^ 1])


@pytest.mark.parametrize("bad", [damaged(said(" there")), struct.pack(">III", 1 << 30, 0, zlib.crc32(struct.pack(">II", 1 << 30, 0))),
                                 b"data: {}\n\n" * 3], ids=["checksum", "too large", "no frames"])
def test_a_damaged_stream_is_never_ended_as_if_whole(launch, provide, bad):
    gateway, key = ready(launch, provide(playing(BEGIN, said("Hello"), bad, STOP, END)), **signed())
    answer = gateway.chat(key, stream=True)
    assert answer.status == 200 and answer.text == "Hello" and not answer.is_done
    assert answer.chunks[-1]["error"]["code"] == 502


def test_frames_may_come_byte_by_byte_and_all_at_once(launch, provide):
    frames = BEGIN + said("Hello") + said(" there") + STOP + END
    for pieces in (frames,), tuple(bytes([b]) for b in frames):
        gateway, key = ready(launch, provide(playing(*pieces)), **signed())
        assert gateway.chat(key, stream=True).text == "Hello there"
        gateway.stop()


# --- what is never told ---

async def repeating(x: script.Exchange) -> None:
    told = f"secret {SECRET} token {x.request.headers.get('x-amz-security-token')} {x.request.headers['authorization']}"
    await x.respond(500 if "converse-stream" in x.request.path else 400, {"message": told})


def test_secrets_are_never_printed(launch, provide):
    provider = provide(repeating)
    gateway, key = ready(launch, provider, **signed(session_token=TOKEN))
    told = [gateway.chat(key, stream=stream).body.decode() for stream in (False, True)]
    shown = gateway.run("config", "show")
    assert shown.returncode == 0 and KEY["access_key_id"] in shown.stdout
    told += [shown.stdout, shown.stderr, gateway.get("/metrics").body.decode()]
    assert gateway.stop() == 0
    kept = [p.read_bytes().decode("latin-1") for p in [gateway.log_file, *gateway.data.rglob("*")] if p.is_file()]
    assert not [text for text in told + kept for secret in (SECRET, TOKEN) if secret in text]


def test_a_key_that_aws_does_not_know_is_the_operators_affair(launch, provide):
    async def refuses(x: script.Exchange) -> None:
        await x.respond(403, {"message": "The security token included in the request is invalid."})

    gateway, key = ready(launch, provide(refuses), **signed())
    answer = gateway.chat(key)
    assert answer.status == 502 and "security token" not in answer.body.decode()
    assert gateway.wait_log(provider="mine", msg="the provider refuses the credential configured for it")


def test_the_variable_is_enough(tmp_path: Path):
    """AWS_BEARER_TOKEN_BEDROCK and AWS_REGION configure it."""
    env = {"AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-canary", "AWS_REGION": "eu-north-1"}
    shown = Gateway(tmp_path, env=env).run("config", "show")
    assert shown.returncode == 0, shown.stderr
    assert "https://bedrock-runtime.eu-north-1.amazonaws.com" in shown.stdout and "amazon/nova-lite-v1" in shown.stdout
    assert "canary" not in shown.stdout
