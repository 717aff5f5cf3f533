"""POST /embeddings: texts as vectors, from providers of each form; money to the nano-dollar; the table of faults."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from decimal import Decimal
from typing import Any

import pytest

from harness import simulated, wire
from harness.gateway import PROMPT_PRICE, Gateway
from harness.simulated import FAULTS, REFUSED

PATH = "/api/v1/embeddings"
TEXTS = ["The first text.", "h\u00e9 \"quoted\"\n"]
FALLBACKS = {"openai": "gemini", "gemini": "cohere", "cohere": "openai"}
CASES = [(provider, fault, kind) for provider in FALLBACKS for fault in FAULTS for kind in ("only", "fault")]
TOKENS = (sum(len(t.encode()) for t in TEXTS) + 3) // 4


def endpoint(name: str, native: str) -> dict[str, Any]:
    return {"provider": name, "model": native, "price": {"prompt": PROMPT_PRICE}, "context": 8192}


def settings(port: int, nobody: int) -> dict[str, Any]:
    models: list[dict[str, Any]] = [{"id": "openai/chat", "endpoints": [simulated.endpoint("openai", "echo")]}]
    faults, providers = simulated.with_faults(FALLBACKS, "embeddings", endpoint, port, nobody)
    return {"models": models + faults, "providers": providers}


@pytest.fixture(scope="module")
def gateway(module_dir):
    with simulated.simulated() as (port, nobody):
        g = Gateway(module_dir, settings(port, nobody)).start()
        g.grant("1000")
        yield g
        assert g.stop() == 0


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    return gateway.key("embeddings")


def embed(gateway: Gateway, key: str, model: str = "openai/only-none", **more: Any) -> wire.Answer:
    return gateway.call("POST", PATH, key, {"model": model, "input": TEXTS} | more)


@pytest.fixture(scope="module")
def played(gateway: Gateway, key: str) -> dict[Any, wire.Answer]:
    """All at once, but for the fault that counts its requests."""
    out: dict[Any, wire.Answer] = {}

    async def lane(cases: list[Any]) -> None:
        for case in cases:
            body = {"model": f"{case[0]}/{case[2]}-{case[1]}", "input": TEXTS}
            out[case] = await wire.request(gateway.port, "POST", PATH, {"Authorization": f"Bearer {key}"}, body)

    async def all_of_them() -> None:
        await asyncio.gather(*map(lane, [[c] for c in CASES if c[1] != "500-once"] + [[c for c in CASES if c[1] == "500-once"]]))

    asyncio.run(all_of_them())
    return out


def assert_answered(a: wire.Answer, model: str) -> None:
    assert a.status == 200 and a.complete, a
    body = a.json()
    assert body["id"] == a.headers["x-generation-id"] and body["object"] == "list" and body["model"] == model
    assert [(d["object"], d["index"]) for d in body["data"]] == [("embedding", i) for i in range(len(TEXTS))]
    assert all(len(d["embedding"]) == 16 and all(isinstance(n, float) for n in d["embedding"]) for d in body["data"])
    assert "provider" not in body and body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("provider,fault,kind", CASES)
def test_a_fault(played, provider, fault, kind):
    a = played[provider, fault, kind]
    if fault == "context" or (fault in REFUSED and kind == "only"):
        assert a.status == REFUSED[fault] == a.error["code"], a
        assert a.headers.get("retry-after") == ("1" if fault == "429-retry-after" else None)
    else:
        assert_answered(a, f"{provider}/{kind}-{fault}")


def test_a_text_has_one_vector_whoever_makes_it(played):
    vectors = [[d["embedding"] for d in played[p, "none", "only"].json()["data"]] for p in FALLBACKS]
    assert vectors[0] == vectors[1] == vectors[2] and vectors[0][0] != vectors[0][1]


@pytest.mark.parametrize("provider", FALLBACKS)
def test_the_money_is_exact_and_on_record(gateway, key, played, provider):
    a = played[provider, "none", "only"]
    usage = json.loads(a.body, parse_float=Decimal)["usage"]
    assert usage["prompt_tokens"] == TOKENS and usage["cost"] == simulated.cost(TOKENS)
    assert usage["cost_details"]["upstream_inference_prompt_cost"] == usage["cost"]
    found = gateway.get(f"/api/v1/generation?id={a.headers['x-generation-id']}", key)
    record = json.loads(found.body, parse_float=Decimal)["data"]
    assert record["total_cost"] == usage["cost"] and record["api_type"] == "embeddings"
    assert (record["tokens_prompt"], record["tokens_completion"]) == (TOKENS, 0)
    assert record["estimated"] is False and record["streamed"] is False
    line = gateway.wait_log(msg="request", generation=a.headers["x-generation-id"])
    assert line["cost_nanos"] == str(int(usage["cost"] * 10**9)) and line["model"] == f"{provider}/only-none"


@pytest.mark.parametrize("provider", FALLBACKS)
def test_usage_that_nobody_told_is_estimated(gateway, key, played, provider):
    a = played[provider, "no-usage", "only"]
    record = gateway.get(f"/api/v1/generation?id={a.headers['x-generation-id']}", key).json()["data"]
    assert record["estimated"] is True and record["tokens_prompt"] > 0 and record["tokens_completion"] == 0
    assert record["tokens_prompt"] == a.json()["usage"]["prompt_tokens"]


@pytest.mark.parametrize("provider", FALLBACKS)
def test_vectors_come_as_base64_and_in_the_size_asked_for(gateway, key, provider):
    plain = embed(gateway, key, f"{provider}/only-none", dimensions=5).json()["data"]
    coded = embed(gateway, key, f"{provider}/only-none", dimensions=5, encoding_format="base64").json()["data"]
    for p, c in zip(plain, coded, strict=True):
        assert list(struct.unpack("<5f", base64.b64decode(c["embedding"], validate=True))) == pytest.approx(p["embedding"], abs=1e-6)


def test_one_text_and_tokens(gateway, key):
    assert len(embed(gateway, key, input="One.").json()["data"]) == 1
    one = embed(gateway, key, input=[1, 2, 3])
    assert len(one.json()["data"]) == 1 and one.json()["usage"]["prompt_tokens"] == 3
    assert len(embed(gateway, key, input=[[1, 2, 3], [4]]).json()["data"]) == 2


def test_what_one_form_cannot_say_goes_to_another(gateway, key):
    a = embed(gateway, key, "gemini/only-none", input=[1, 2])
    assert a.status == 422 and a.error["message"].startswith("input: expected texts, got tokens")
    a = embed(gateway, key, "gemini/only-none", input=[1, 2], models=["openai/only-none"])
    assert a.status == 200 and a.json()["model"] == "openai/only-none"


def test_wishes_count(gateway, key):
    a = embed(gateway, key, "openai/fault-none", provider={"order": ["gemini"]})
    record = gateway.get(f"/api/v1/generation?id={a.headers['x-generation-id']}", key).json()["data"]
    assert record["provider_name"] == "gemini"
    assert embed(gateway, key, provider={"only": ["nobody"]}).status == 404
    assert embed(gateway, key, provider={"max_price": {"prompt": 0.5}}).status == 404


def test_the_clients_bytes_pass_through(launch, provide):
    provider = provide()

    async def script(x):
        vectors = b'{"object":"list", "data":[{"object":"embedding","index":0,"embedding":[0.10,-2e-05]}],"model":"m", "usage":{"prompt_tokens":3,"total_tokens":3},"extra":1}'
        await x.respond(200, vectors)

    provider.script = script
    gateway = launch({"providers": {"p": {"dialect": "openai", "base_url": provider.base_url, "api_key": "sk-p", "kind": "openai"}},
                      "models": [{"id": "a/b", "output": "embeddings", "endpoints": [endpoint("p", "native")]}]})
    gateway.grant()
    raw = b'{"input" : "h\\u00e9",  "model":"a/b","provider":{"order":["p"]},"user":"u","session_id":"s", "encoding_format": "float","input_type":"search_query"}'
    a = gateway.call("POST", "/v1/embeddings", gateway.key(), raw)
    assert a.status == 200, a
    asked = provider.wait_requests(1)[0]
    assert asked.path == "/v1/embeddings" and asked.headers["authorization"] == "Bearer sk-p"
    assert asked.body == b'{"input" : "h\\u00e9",  "model":"native","user":"u", "encoding_format": "float"}'
    assert b'"data":[{"object":"embedding","index":0,"embedding":[0.10,-2e-05]}]' in a.body and a.json()["extra"] == 1


def test_an_answer_too_large_to_hold_passes_through(launch, provide):
    provider = provide()
    numbers = "[" + ",".join(["-0.0123456789"] * 3072) + "]"
    data = ",".join(f'{{"object":"embedding","index":{i},"embedding":{numbers}}}' for i in range(40))
    large = f'{{"id":"theirs","object":"list","data":[{data}],"model":"m","provider":"P","usage":{{"prompt_tokens":80,"total_tokens":80}}}}'

    async def script(x):
        await x.respond(200, large.encode())

    provider.script = script
    gateway = launch({"providers": {"p": {"dialect": "openai", "base_url": provider.base_url, "api_key": "sk-p"}},
                      "models": [{"id": "a/b", "output": "embeddings", "endpoints": [endpoint("p", "native")]}]})
    gateway.grant()
    key = gateway.key()
    a = gateway.call("POST", PATH, key, {"model": "a/b", "input": ["x"] * 40})
    body = json.loads(a.body, parse_float=Decimal)
    assert a.status == 200 and a.complete and len(a.body) > 1 << 20
    assert body["id"] == a.headers["x-generation-id"] and body["model"] == "a/b" and "provider" not in body
    assert len(body["data"]) == 40 and body["usage"]["cost"] == simulated.cost(80)
    record = gateway.get(f"/api/v1/generation?id={body['id']}", key).json()["data"]
    assert record["tokens_prompt"] == 80 and record["tokens_completion"] == 0


def test_answers_that_lack_vectors_are_no_answers(launch, provide):
    provider = provide()
    gateway = launch({"providers": {"p": {"dialect": "openai", "base_url": provider.base_url, "api_key": "sk-p"}},
                      "models": [{"id": "a/b", "output": "embeddings", "endpoints": [endpoint("p", "native")]}]})
    gateway.grant()
    key = gateway.key()
    for wrong in ({"data": []}, {"data": [{"embedding": [1]}]}, {"data": {}}, {}, {"data": [{}, {}]}, [], {"data": [{"embedding": None}] * 2}):
        async def script(x, wrong=wrong):
            await x.respond(200, wrong)
        provider.script = script
        a = gateway.call("POST", PATH, key, {"model": "a/b", "input": ["x", "y"]})
        assert a.status == 502 == a.error["code"], a
    assert gateway.get("/api/v1/key", key).json()["data"]["usage"] == 0


def test_a_limit_bounds_it(gateway):
    poor = gateway.key("poor", "--limit", "0.00000001")
    a = embed(gateway, poor)
    assert a.status == 402 and "Its prompt of up to" in a.error["message"], a
    none = gateway.key("none", "--limit", "0")
    assert embed(gateway, none).status in (402, 403)


@pytest.mark.parametrize("more,sentence", [
    ({"input": None}, "input: expected a string or an array, got null"),
    ({"input": []}, "input: expected strings, tokens, arrays of tokens or objects with content, got an empty array"),
    ({"input": {}}, "input: expected a string or an array, got an object"),
    ({"input": ["a", 1]}, "input[1]: expected a string, got a number"),
    ({"input": [1, "a"]}, "input[1]: expected a token (a whole number), got a string"),
    ({"input": [1, -1]}, "input[1]: expected a token (a whole number), got a number outside of that"),
    ({"input": [[1], ["a"]]}, "input[1][0]: expected a token (a whole number), got a string"),
    ({"input": [[1], []]}, "input[1]: expected at least one token, got none"),
    ({"input": [True]}, "input: expected strings, tokens, arrays of tokens or objects with content, got a boolean"),
    ({"input": [{"content": "x"}]}, "input[0].content: expected an array of parts, got a string"),
    ({"input": [{"content": [{"type": "text"}]}]}, "input[0].content[0].text: expected a string, got nothing"),
    ({"dimensions": 0}, "dimensions: expected a whole number of at least 1, got a number outside of that"),
    ({"dimensions": "5"}, "dimensions: expected a whole number of at least 1, got a string"),
    ({"encoding_format": "hex"}, "encoding_format: expected float or base64, got another word"),
    ({"user": 5}, "user: expected a string, got a number"),
    ({"stream": True}, "stream: expected false, got true: this is answered whole"),
    ({"provider": 5}, "provider: expected"),
    ({"model": None}, "model: expected the name of a model, got null"),
    ({"model": "openai/chat"}, "model: expected a model for embeddings, got one for chats: openai/chat is asked by POST "
                               "/api/v1/chat/completions"),
])
def test_bad_input_names_its_field(gateway, key, more, sentence):
    a = embed(gateway, key, **more)
    assert a.status == 400 == a.error["code"] and a.error["message"].startswith(sentence), a.body


def test_a_chat_of_a_model_that_makes_vectors_is_refused(gateway, key):
    for path in ("/api/v1/chat/completions", "/api/v1/messages", "/api/v1/responses", "/api/v1/completions"):
        body = {"model": "openai/only-none", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5, "input": "x", "prompt": "x"}
        a = gateway.call("POST", path, key, body)
        assert a.status == 400 and "model: expected a model for chats, got one for embeddings" in a.error["message"], a


def test_the_catalog_tells_what_models_are_for(gateway):
    def ids(path):
        return {m["id"]: m["architecture"]["output_modalities"] for m in gateway.get(path).json()["data"]}

    assert ids("/api/v1/models") == {"openai/chat": ["text"]}
    vectors = ids("/api/v1/embeddings/models")
    assert len(vectors) == 2 * len(FALLBACKS) * len(FAULTS) and set(map(tuple, vectors.values())) == {("embeddings",)}
    assert ids("/api/v1/models?output_modalities=embeddings") == vectors
    assert ids("/api/v1/models?output_modalities=all") == vectors | {"openai/chat": ["text"]}
    assert ids("/api/v1/models?output_modalities=image") == {}
    count = gateway.get("/api/v1/models/count?output_modalities=embeddings").json()["data"]["count"]
    assert count == len(vectors) and gateway.get("/api/v1/models/count").json()["data"]["count"] == 1


def test_without_a_provider_the_simulated_one_makes_vectors(launch):
    gateway = launch()
    gateway.grant()
    a = embed(gateway, gateway.key(), "sim/embed")
    assert a.status == 200 and len(a.json()["data"]) == 2


def test_afterwards_nothing_is_held_and_the_ledger_agrees(gateway, played):
    assert not any(gateway.held().values())
    gateway.verify()
