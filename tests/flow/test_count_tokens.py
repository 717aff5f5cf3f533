"""POST /messages/count_tokens: the gateway's own estimate, free, of requests that no provider sees."""

from __future__ import annotations

from decimal import Decimal

import pytest

from harness.gateway import MODEL, one_model

PATH = "/api/v1/messages/count_tokens"
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "12345678"}]}


def count(pair, key=None, body=None, path=PATH):
    fields = {"anthropic-version": "2023-06-01"}
    return pair.gateway.call("POST", path, key or pair.key, ASK if body is None else body, fields)


def test_a_prompt_is_counted_and_nobody_is_asked(shared):
    before = len(shared.provider.requests)
    for path in (PATH, "/v1/messages/count_tokens"):
        answer = count(shared, path=path)
        assert answer.status == 200 and answer.json() == {"input_tokens": 2}, answer.body
        assert "x-request-id" in answer.headers and "x-generation-id" not in answer.headers
    assert len(shared.provider.requests) == before


def test_system_prompts_and_tools_count(shared):
    plain = count(shared).json()["input_tokens"]
    system = count(shared, body=ASK | {"system": "x" * 400}).json()["input_tokens"]
    assert system == plain + 100
    tool = {"name": "f", "description": "y" * 400, "input_schema": {"type": "object"}}
    assert count(shared, body=ASK | {"tools": [tool]}).json()["input_tokens"] > plain + 100


def test_it_is_free_even_without_credit(launch, provide):
    provider = provide()
    gateway = launch(one_model(provider))
    key, admin = gateway.key("poor", "--limit", "0"), gateway.key("admin", "--management")
    answer = gateway.call("POST", PATH, None, ASK, {"x-api-key": key})
    assert answer.status == 200, answer.body
    told = gateway.get("/api/v1/credits", admin).json()["data"]
    assert Decimal(str(told["total_usage"])) == 0
    assert gateway.get("/api/v1/key", key).json()["data"]["usage"] == 0
    assert not any(gateway.held().values()) and not provider.requests
    gateway.verify()


def test_its_line_in_the_log_says_what_was_counted(shared):
    request = count(shared).headers["x-request-id"]
    line = shared.gateway.wait_log(msg="request", request_id=request)
    assert line["status"] == "200" and line["model"] == MODEL and line["cost_nanos"] == "0"
    assert "generation" not in line


@pytest.mark.parametrize("body,status,kind,sentence", [
    ({}, 400, "invalid_request_error", "model: expected the name of a model, got nothing"),
    ({"model": MODEL}, 400, "invalid_request_error", "messages: expected an array of at least one message, got nothing"),
    (ASK | {"messages": [{"role": "king", "content": "x"}]}, 400, "invalid_request_error", "messages[0].role:"),
    (ASK | {"system": 5}, 400, "invalid_request_error", "system"),
    (ASK | {"tools": {}}, 400, "invalid_request_error", "tools: expected an array, got an object"),
    (ASK | {"max_tokens": 0}, 400, "invalid_request_error", "max_tokens:"),
    (ASK | {"model": "no/such"}, 404, "not_found_error", "No endpoints found for no/such."),
    (ASK | {"provider": {"only": ["nobody"]}}, 404, "not_found_error", "No allowed providers"),
])
def test_what_is_wrong_is_told_as_anthropic_tells_it(shared, body, status, kind, sentence):
    answer = count(shared, body=body)
    told = answer.json()
    assert answer.status == status and told["type"] == "error" and told["error"]["type"] == kind, answer.body
    assert told["error"]["message"].startswith(sentence)


def test_who_may_not_ask_is_told_so_too(shared):
    answer = shared.gateway.call("POST", PATH, None, ASK)
    assert answer.status == 401 and answer.json()["error"]["type"] == "authentication_error"
    answer = count(shared, key=shared.admin)
    assert answer.status == 403 and answer.json()["error"]["type"] == "permission_error"
