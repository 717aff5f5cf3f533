"""Chat, whole and streamed, as OpenRouter's clients see it, and what the provider gets to see."""

import json
import re
from decimal import Decimal

import pytest

from harness import script, wire
from harness.gateway import COMPLETION_PRICE, MODEL, PROMPT_PRICE, SLUG

COST = (9 * PROMPT_PRICE + 2 * COMPLETION_PRICE) / 1_000_000


@pytest.fixture(autouse=True)
def works(shared):
    shared.provider.script = script.chat()


def exact(answer: wire.Answer) -> dict:
    """The whole body or the chunk with usage, numbers as Decimal."""
    texts = [answer.body.decode()]
    if answer.headers["content-type"].startswith("text/event-stream"):
        texts = [e for e in answer.events if '"cost"' in e]
    return json.loads(texts[-1], parse_float=Decimal)


def check_usage(usage: dict) -> None:
    assert usage["cost"] == COST
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (9, 2, 11)
    assert usage["is_byok"] is False
    details = usage["cost_details"]
    assert details["upstream_inference_cost"] is None
    assert details["upstream_inference_prompt_cost"] == 9 * PROMPT_PRICE / 1_000_000
    assert details["upstream_inference_completions_cost"] == 2 * COMPLETION_PRICE / 1_000_000


def test_a_whole_answer_has_every_field(shared):
    answer = shared.gateway.chat(shared.key)
    assert answer.status == 200, answer.body
    body = exact(answer)
    assert re.fullmatch(r"gen-\d+-[A-Za-z0-9]+", body["id"])
    assert body["id"] == answer.headers["x-generation-id"]
    assert answer.headers["x-request-id"]
    assert answer.headers["content-type"].startswith("application/json")
    assert (body["object"], body["model"], body["provider"]) == ("chat.completion", MODEL, "scripted")
    choice = body["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "Hello there"}
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "stop")
    assert body["system_fingerprint"] == "fp_1"
    check_usage(body["usage"])


def test_a_stream_has_the_same_and_usage_in_its_last_chunk(shared):
    answer = shared.gateway.chat(shared.key, stream=True)
    assert answer.status == 200 and answer.complete
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.is_done and answer.text == "Hello there"
    assert {c["id"] for c in answer.chunks} == {answer.headers["x-generation-id"]}
    assert {c["model"] for c in answer.chunks} == {MODEL}
    assert {c["provider"] for c in answer.chunks} == {"scripted"}
    assert {c["object"] for c in answer.chunks} == {"chat.completion.chunk"}
    last = exact(answer)
    assert last["id"] == answer.chunks[-1]["id"] and "usage" in answer.chunks[-1]
    assert len(last["choices"]) == 1
    assert last["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["native_finish_reason"] == "stop"
    check_usage(last["usage"])
    assert sum(c["choices"][0]["finish_reason"] == "stop" for c in answer.chunks) == 2


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 61])
def test_a_stream_split_anywhere_reads_the_same(shared, size):
    async def dribble(x):
        await x.begin_stream()
        words = ["Grüße ", "aus ", "東京 ", '"quoted"\n', "\U0001f600"]
        events = [script.chunk({"content": w}) for w in words] + [script.chunk({}, "stop")]
        events += [script.usage_chunk(script.usage(9, 2))]
        data = "".join(f"data: {json.dumps(e, ensure_ascii=i % 2 == 0)}\r\n\r\n" for i, e in enumerate(events))
        raw = (": a comment\n\n" + data + "data: [DONE]\n\n").encode()
        for i in range(0, len(raw), size):
            await x.piece(raw[i:i + size])
        await x.raw(b"0\r\n\r\n")

    shared.provider.script = dribble
    answer = shared.gateway.chat(shared.key, stream=True)
    assert answer.is_done and answer.complete
    assert answer.text == 'Grüße aus 東京 "quoted"\n\U0001f600'
    assert exact(answer)["usage"]["cost"] == COST


def test_unknown_fields_reach_the_provider_byte_for_byte(shared):
    odd = '"future_field": {"a" : [1, 2.50, 1e3,null ], "ü":"\\u00fc \\/ 東"}'
    body = f'{{"model":"{MODEL}", "messages":[{{"role":"user","content":"hi","extra":  true}}],{odd}, "top_k":3}}'
    before = len(shared.provider.requests)
    answer = shared.gateway.call("POST", SLUG, shared.key, body.encode())
    assert answer.status == 200
    sent = shared.provider.requests[before]
    assert odd.encode() in sent.body
    assert b'[{"role":"user","content":"hi","extra":  true}]' in sent.body
    assert b'"top_k":3' in sent.body
    assert sent.json()["model"] == "upstream-model"
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer sk-upstream"


def test_what_concerns_only_the_gateway_does_not_reach_the_provider(shared):
    ours = {"models": [MODEL], "provider": {"allow_fallbacks": True}, "plugins": [], "transforms": [],
            "route": "fallback", "usage": {"include": True}, "session_id": "s", "trace": {"trace_id": "t"},
            "debug": {"echo_upstream_body": False}}
    before = len(shared.provider.requests)
    for stream in (False, True):
        assert shared.gateway.chat(shared.key, stream=stream, temperature=0.5, **ours).status == 200
    for sent in shared.provider.requests[before:]:
        assert not set(ours) & set(sent.json()), sent.body
        assert sent.json()["temperature"] == 0.5


@pytest.mark.parametrize("given", [None, {}, {"include_usage": False}, {"include_usage": True}])
def test_usage_is_always_asked_of_a_streaming_provider(shared, given):
    before = len(shared.provider.requests)
    more = {} if given is None else {"stream_options": given}
    answer = shared.gateway.chat(shared.key, stream=True, **more)
    assert shared.provider.requests[before].json()["stream_options"]["include_usage"] is True
    assert answer.usage["cost"] > 0


def test_a_clients_credential_never_reaches_a_provider(shared):
    before = len(shared.provider.requests)
    headers = {"Cookie": "session=abc", "X-Api-Key": shared.key}
    shared.gateway.call("POST", SLUG, shared.key, {"model": MODEL, "messages": [
        {"role": "user", "content": "x"}]}, headers=headers)
    sent = shared.provider.requests[before]
    assert shared.key not in str(sent.headers) and "cookie" not in sent.headers


@pytest.mark.parametrize("stream", [False, True])
def test_a_generation_says_what_the_answer_said(shared, stream):
    answer = shared.gateway.chat(shared.key, stream=stream)
    generation = answer.headers["x-generation-id"]
    found = shared.gateway.get(f"/api/v1/generation?id={generation}", shared.key)
    assert found.status == 200
    data = json.loads(found.body, parse_float=Decimal)["data"]
    assert data["id"] == generation
    assert (data["total_cost"], data["usage"]) == (COST, COST)
    assert (data["model"], data["provider_name"], data["streamed"]) == (MODEL, "scripted", stream)
    assert data["cancelled"] is False
    assert (data["native_tokens_prompt"], data["native_tokens_completion"]) == (9, 2)
    assert data["finish_reason"] == "stop"


def test_a_generation_of_another_key_of_the_account_or_of_nobody(shared):
    answer = shared.gateway.get("/api/v1/generation?id=gen-1700000000-abcdefghijklmnopqrstuvwxyz", shared.key)
    assert answer.status == 404 and answer.error["code"] == 404
    assert shared.gateway.get("/api/v1/generation", shared.key).status == 400


def test_key_and_credits_tell_the_same_story(shared):
    key = shared.gateway.key("story", "--limit", "5", "--limit-reset", "daily")
    for stream in (False, True, False):
        assert shared.gateway.chat(key, stream=stream).status == 200
    data = json.loads(shared.gateway.get("/api/v1/key", key).body, parse_float=Decimal)["data"]
    assert data["usage"] == data["usage_daily"] == data["usage_weekly"] == data["usage_monthly"] == 3 * COST
    assert (data["limit"], data["limit_remaining"]) == (5, 5 - 3 * COST)
    assert data["limit_reset"] == "daily"
    assert data["label"].startswith("sk-tp-v1-") and key not in str(data)
    assert json.loads(shared.gateway.get("/api/v1/auth/key", key).body)["data"]["label"] == data["label"]
    credits = json.loads(shared.gateway.get("/api/v1/credits", shared.admin).body, parse_float=Decimal)["data"]
    assert credits["total_credits"] >= 100
    assert credits["total_usage"] >= 3 * COST
    assert credits["total_usage"] % COST == 0


def test_models_lists_what_is_configured(shared):
    answer = shared.gateway.get("/api/v1/models")
    assert answer.status == 200
    found = {m["id"]: m for m in answer.json()["data"]}
    assert set(found) == {MODEL}
    assert found[MODEL]["pricing"]["prompt"] == "0.000001"
    assert found[MODEL]["pricing"]["completion"] == "0.000002"
    assert found[MODEL]["context_length"] == 100000


def test_v1_is_the_same_place(shared):
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
    assert shared.gateway.call("POST", "/v1/chat/completions", shared.key, body).text == "Hello there"
    assert shared.gateway.get("/v1/models").json() == shared.gateway.get("/api/v1/models").json()
    assert shared.gateway.get("/v1/key", shared.key).status == 200


def test_head_is_get_without_a_body(shared):
    head = shared.gateway.call("HEAD", "/api/v1/models")
    get = shared.gateway.get("/api/v1/models")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers.get("content-length", head.headers["content-length"])


def test_browsers_may_call(shared):
    origin = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": "authorization,content-type"}
    asked = shared.gateway.call("OPTIONS", SLUG, headers=origin)
    assert asked.status in (200, 204)
    assert asked.headers["access-control-allow-origin"] in ("*", "https://app.example")
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    answer = shared.gateway.call("POST", SLUG, shared.key, {"model": MODEL, "messages": [
        {"role": "user", "content": "x"}]}, headers={"Origin": "https://app.example"})
    assert answer.headers["access-control-allow-origin"] in ("*", "https://app.example")
    refused = shared.gateway.call("POST", SLUG, None, {}, headers={"Origin": "https://app.example"})
    assert refused.status == 401 and "access-control-allow-origin" in refused.headers


def test_no_such_path_and_no_such_method(shared):
    assert shared.gateway.get("/api/v1/nothing").status == 404
    wrong = shared.gateway.get(SLUG, shared.key)
    assert wrong.status == 405 and "POST" in wrong.headers["allow"]


def test_an_unknown_model_is_named(shared):
    answer = shared.gateway.chat(shared.key, "test/modell")
    assert answer.status in (400, 404) and "test/modell" in answer.error["message"]


def test_the_next_of_models_answers_when_the_first_is_unknown_to_the_provider(shared):
    async def context(x):
        await x.respond(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})

    shared.provider.script = context
    answer = shared.gateway.chat(shared.key, models=["test/none"])
    assert answer.status in (400, 404)
