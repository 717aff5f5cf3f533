"""POST /rerank: documents by their relevance, from providers of each form; paid by the search or the token; the table of faults."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from harness import simulated, wire
from harness.gateway import PROMPT_PRICE, Gateway
from harness.simulated import FAULTS, REFUSED

PATH = "/api/v1/rerank"
QUERY = "capital of France"
DOCUMENTS = ["Berlin is a capital", "Paris is the capital of France", {"text": "h\u00e9 \"quoted\" of\n"}]
ORDER = [1, 0, 2]  # three words of the query, one, one
FALLBACKS = {"openai": "cohere", "cohere": "openai"}
CASES = [(provider, fault, kind) for provider in FALLBACKS for fault in FAULTS for kind in ("only", "fault")]
SEARCH = Decimal("0.002")
BYTES = sum(len((d if isinstance(d, str) else d["text"]).encode()) + len(QUERY) for d in DOCUMENTS)
TOKENS = (BYTES + 3) // 4


def endpoint(name: str, native: str) -> dict[str, Any]:
    """Cohere is paid by the search, the other by the token."""
    price = {"request": SEARCH} if name.startswith("cohere") else {"prompt": PROMPT_PRICE}
    return {"provider": name, "model": native, "price": price, "context": 8192}


def settings(port: int, nobody: int) -> dict[str, Any]:
    models: list[dict[str, Any]] = [{"id": "openai/chat", "endpoints": [simulated.endpoint("openai", "echo")]},
                                    {"id": "cohere/by-token", "output": "rerank",
                                     "endpoints": [endpoint("cohere", "echo") | {"price": {"prompt": PROMPT_PRICE}}]}]
    faults, providers = simulated.with_faults(FALLBACKS, "rerank", endpoint, port, nobody)
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
    return gateway.key("rerank")


def rank(gateway: Gateway, key: str, model: str = "cohere/only-none", **more: Any) -> wire.Answer:
    return gateway.call("POST", PATH, key, {"model": model, "query": QUERY, "documents": DOCUMENTS} | more)


@pytest.fixture(scope="module")
def played(gateway: Gateway, key: str) -> dict[Any, wire.Answer]:
    """All at once, but for the fault that counts its requests."""
    out: dict[Any, wire.Answer] = {}

    async def lane(cases: list[Any]) -> None:
        for case in cases:
            body = {"model": f"{case[0]}/{case[2]}-{case[1]}", "query": QUERY, "documents": DOCUMENTS}
            out[case] = await wire.request(gateway.port, "POST", PATH, {"Authorization": f"Bearer {key}"}, body)

    async def all_of_them() -> None:
        await asyncio.gather(*map(lane, [[c] for c in CASES if c[1] != "500-once"] + [[c for c in CASES if c[1] == "500-once"]]))

    asyncio.run(all_of_them())
    return out


def record_of(gateway: Gateway, key: str, a: wire.Answer) -> dict[str, Any]:
    found = gateway.get(f"/api/v1/generation?id={a.headers['x-generation-id']}", key)
    assert found.status == 200, found
    return json.loads(found.body, parse_float=Decimal)["data"]


@pytest.mark.parametrize("provider,fault,kind", CASES)
def test_a_fault(played, provider, fault, kind):
    a = played[provider, fault, kind]
    if fault == "context" or (fault in REFUSED and kind == "only"):
        assert a.status == REFUSED[fault] == a.error["code"], a
        assert a.headers.get("retry-after") == ("1" if fault == "429-retry-after" else None)
        return
    assert a.status == 200 and a.complete, a
    body = a.json()
    assert body["id"] == a.headers["x-generation-id"] and body["model"] == f"{provider}/{kind}-{fault}"
    assert [r["index"] for r in body["results"]] == ORDER
    assert [r["relevance_score"] for r in body["results"]] == sorted((r["relevance_score"] for r in body["results"]), reverse=True)
    for r in body["results"]:
        given = DOCUMENTS[r["index"]]
        assert r["document"] == (given if isinstance(given, dict) else {"text": given})
    assert body["provider"].lower() in FALLBACKS and body["usage"]["cost"] > 0


def test_a_search_is_paid_for_as_one(gateway, key, played):
    a = played["cohere", "none", "only"]
    usage = json.loads(a.body, parse_float=Decimal)["usage"]
    assert usage == {"search_units": 1, "cost": SEARCH}
    record = record_of(gateway, key, a)
    assert record["total_cost"] == SEARCH and record["api_type"] == "rerank" and record["estimated"] is False
    line = gateway.wait_log(msg="request", generation=a.headers["x-generation-id"])
    assert line["cost_nanos"] == str(int(SEARCH * 10**9)) and line["model"] == "cohere/only-none"


def test_many_documents_are_many_searches(gateway, key):
    a = rank(gateway, key, documents=["of"] * 250, top_n=3)
    body = json.loads(a.body, parse_float=Decimal)
    assert len(body["results"]) == 3 and body["usage"] == {"search_units": 3, "cost": 3 * SEARCH}
    assert record_of(gateway, key, a)["total_cost"] == 3 * SEARCH


def test_tokens_are_paid_for_to_the_nano_dollar(gateway, key, played):
    a = played["openai", "none", "only"]
    usage = json.loads(a.body, parse_float=Decimal)["usage"]
    assert usage == {"total_tokens": TOKENS, "cost": simulated.cost(TOKENS)}
    record = record_of(gateway, key, a)
    assert record["total_cost"] == usage["cost"] and record["tokens_prompt"] == TOKENS and record["estimated"] is False


def test_tokens_that_nobody_told_are_estimated(gateway, key, played):
    for a in (played["openai", "no-usage", "only"], rank(gateway, key, "cohere/by-token")):
        record = record_of(gateway, key, a)
        assert record["estimated"] is True and record["tokens_prompt"] > 0
        assert record["total_cost"] == simulated.cost(record["tokens_prompt"])
    a = played["cohere", "no-usage", "only"]  # nothing said: it was one search
    assert record_of(gateway, key, a)["total_cost"] == SEARCH


def test_the_best_alone(gateway, key):
    for model in ("cohere/only-none", "openai/only-none"):
        body = rank(gateway, key, model, top_n=1).json()
        assert [r["index"] for r in body["results"]] == ORDER[:1]
        assert len(rank(gateway, key, model, top_n=50).json()["results"]) == len(DOCUMENTS)


def test_a_limit_bounds_it(gateway):
    poor = gateway.key("poor", "--limit", "0.0019")
    a = rank(gateway, poor)
    assert a.status == 402 and "requires more credits" in a.error["message"], a
    enough = gateway.key("enough", "--limit", "0.002")
    assert rank(gateway, enough).status == 200
    assert rank(gateway, enough).status in (402, 403)
    assert Decimal(str(gateway.get("/api/v1/key", enough).json()["data"]["usage"])) == SEARCH


def test_what_one_form_cannot_say_goes_to_another(gateway, key):
    images = [{"image": "https://example.org/a.png"}]
    a = rank(gateway, key, documents=images)
    assert a.status == 422 and a.error["message"].startswith("documents: expected texts, got an image")


def test_answers_about_something_else_are_no_answers(launch, provide):
    provider = provide()
    gateway = launch({"providers": {"p": {"dialect": "openai", "base_url": provider.base_url, "api_key": "sk-p"}},
                      "models": [{"id": "a/b", "output": "rerank", "endpoints": [endpoint("p", "native")]}]})
    gateway.grant()
    key = gateway.key()
    for wrong in ({"results": []}, {"results": [{"index": 9, "relevance_score": 1}]}, {}, {"results": [{"index": 0}]}, [],
                  {"results": [{"index": 0, "relevance_score": 1}] * 4}):
        async def script(x, wrong=wrong):
            await x.respond(200, wrong)
        provider.script = script
        a = rank(gateway, key, "a/b")
        assert a.status == 502 == a.error["code"], a
    asked = provider.wait_requests(1)[0]
    assert asked.path == "/v1/rerank" and asked.json() == {"model": "native", "query": QUERY, "documents": DOCUMENTS,
                                                           "return_documents": False}
    assert gateway.get("/api/v1/key", key).json()["data"]["usage"] == 0


@pytest.mark.parametrize("more,sentence", [
    ({"query": None}, "query: expected a string, got null"),
    ({"query": ["x"]}, "query: expected a string, got an array"),
    ({"documents": None}, "documents: expected an array, got null"),
    ({"documents": []}, "documents: expected at least one document, got an empty array"),
    ({"documents": ["a", 5]}, "documents[1]: expected a string or an object, got a number"),
    ({"documents": [{}]}, "documents[0]: expected a text or an image, got neither"),
    ({"documents": [{"text": 5}]}, "documents[0].text: expected a string, got a number"),
    ({"documents": [{"image": 5}]}, "documents[0].image: expected a string, got a number"),
    ({"top_n": 0}, "top_n: expected a whole number of at least 1, got a number outside of that"),
    ({"top_n": "1"}, "top_n: expected a whole number of at least 1, got a string"),
    ({"provider": []}, "provider: expected"),
    ({"stream": True}, "stream: expected false, got true"),
    ({"model": "openai/chat"}, "model: expected a model for ranking, got one for chats"),
])
def test_bad_input_names_its_field(gateway, key, more, sentence):
    a = rank(gateway, key, **more)
    assert a.status == 400 == a.error["code"] and a.error["message"].startswith(sentence), a.body


def test_the_catalog_tells_what_models_are_for(gateway):
    listed = gateway.get("/api/v1/models?output_modalities=rerank").json()
    assert len(listed["data"]) == 2 * len(FALLBACKS) * len(FAULTS) + 1 == listed["total_count"]
    first = next(m for m in listed["data"] if m["id"] == "cohere/only-none")
    assert first["architecture"]["modality"] == "text->rerank" and first["pricing"]["request"] == "0.002"


def test_without_a_provider_the_simulated_one_ranks(launch):
    gateway = launch()
    gateway.grant()
    a = rank(gateway, gateway.key(), "sim/rerank")
    assert a.status == 200 and [r["index"] for r in a.json()["results"]] == ORDER


def test_afterwards_nothing_is_held_and_the_ledger_agrees(gateway, played):
    assert not any(gateway.held().values())
    gateway.verify()
