"""What leaves for a provider of each kind, to the byte, and what its answer costs.

A file in tests/golden/kinds is one request as it must leave: the head, an empty line, the body. HOST stands for the
provider's address and LENGTH for the body's length. One row of the table of kinds is shown by one such file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import script
from harness.gateway import MODEL, SLUG, Gateway, model

GOLDEN = sorted((Path(__file__).resolve().parents[1] / "golden/kinds").glob("*.txt"))
DEPLOYMENT = "upstream-model"

# One of everything, and what no one knows.
ASKED = {
    "model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], "stream": True,
    "temperature": 0.5, "top_k": 40, "min_p": 0.1, "repetition_penalty": 1.1, "frequency_penalty": 0.2, "seed": 7,
    "stop": ["END"], "n": 1, "logit_bias": {"50256": -100}, "logprobs": True, "top_logprobs": 2, "user": "u-1",
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "tool_choice": "required",
    "parallel_tool_calls": False, "response_format": {"type": "json_schema", "json_schema": {"name": "s"}},
    "reasoning": {"effort": "low"}, "verbosity": "low", "max_completion_tokens": 50,
    "x_unknown": {"a": 1}, "provider": {},
}


def settings(provider: script.Provider, *kinds: str) -> dict:
    """A provider of each kind, at another address than its own; all serve the one model."""
    end = {"model": DEPLOYMENT, "price": {"prompt": 1, "completion": 2}, "context": 100000, "max_output": 4096}
    base = f"http://127.0.0.1:{provider.port}"
    return {"providers": {f"my-{k}": {"kind": k, "base_url": base, "api_key": "sk-upstream"} for k in kinds},
            "models": [{"id": MODEL, "endpoints": [end | {"provider": f"my-{k}"} for k in kinds]}]}


def expected(path: Path, provider: script.Provider) -> bytes:
    head, body = path.read_text().rstrip("\n").split("\n\n", 1)
    length = str(len(body.encode()))
    head = head.replace("HOST", f"127.0.0.1:{provider.port}").replace("LENGTH", length)
    return (head.replace("\n", "\r\n") + "\r\n\r\n" + body).encode()


@pytest.fixture(scope="module")
def kinds(module_dir):
    """One gateway before providers of all kinds, which are one."""
    provider = script.Provider(script.chat(prompt=9, output=2))
    gateway = Gateway(module_dir, settings(provider, *(path.stem for path in GOLDEN))).start()
    gateway.grant()
    yield gateway, provider, gateway.key()
    gateway.stop()
    provider.close()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_request_leaves_as_its_kind_takes_it(path, kinds):
    gateway, provider, key = kinds
    body = ASKED | {"provider": {"only": [f"my-{path.stem}"]}}
    answer = gateway.call("POST", SLUG, key, body,
                          headers={"HTTP-Referer": "https://app.example", "X-Title": "An App"})
    assert answer.status == 200 and answer.complete, answer.body
    assert answer.text == "Hello there"
    got = provider.requests[-1]
    assert got.head + got.body == expected(path, provider)
    assert answer.usage["prompt_tokens"] == 9  # whether it was asked for or not


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_translated_request_says_no_more_than_its_kind_takes(path, kinds):
    """From Anthropic's format and OpenAI's responses: nothing that is dropped where requests pass through, and what is
    kept under the provider's name for it."""
    gateway, provider, key = kinds
    only = {"model": MODEL, "stream": True, "provider": {"only": [f"my-{path.stem}"]}}
    schema = {"type": "object"}
    asked = {
        "/api/v1/messages": {
            "max_tokens": 4000, "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "top_p": 0.9, "top_k": 4,
            "stop_sequences": ["END"], "tools": [{"name": "f", "input_schema": schema}], "metadata": {"user_id": "u-1"},
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True}, "thinking": {"type": "enabled", "budget_tokens": 2000}},
        "/api/v1/responses": {
            "max_output_tokens": 4000, "input": "Hi", "temperature": 0.5, "top_logprobs": 2, "user": "u-1", "tool_choice": "required",
            "tools": [{"type": "function", "name": "f", "parameters": schema}], "parallel_tool_calls": False,
            "reasoning": {"effort": "low"}, "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "s", "schema": schema}}}}
    passed = json.loads(path.read_text().split("\n\n", 1)[1])
    may = set(passed) | {"top_p", "max_tokens", "max_completion_tokens"}
    if "reasoning" in passed:  # said in OpenAI's own way here
        may.add("reasoning_effort")
    for where, body in asked.items():
        answer = gateway.call("POST", where, key, body | only)
        assert answer.status == 200 and answer.complete, answer.body
        sent = provider.requests[-1].json()
        assert sent.keys() <= may, sent.keys() - may
        assert ("tools" in sent) == ("tools" in passed)
        assert sent.get("tool_choice") == passed.get("tool_choice")
        assert ("stream_options" in sent) == ("stream_options" in passed)
        assert len(sent.keys() & {"max_tokens", "max_completion_tokens"}) == 1


@pytest.mark.parametrize("kind,status", [("ollama", 404), ("groq", 200)])
def test_a_choice_that_must_be_taken_rules_out_who_does_not(kinds, kind, status):
    gateway, _, key = kinds
    answer = gateway.call("POST", "/api/v1/messages", key, {
        "model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}], "tool_choice": {"type": "any"},
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "provider": {"only": [f"my-{kind}"], "require_parameters": True}})
    assert answer.status == status, answer.body


def test_usage_that_a_provider_never_tells_is_estimated(launch, provide):
    async def silent(x: script.Exchange) -> None:
        assert "stream_options" not in x.request.json()
        await x.begin_stream()
        await x.event(script.chunk({"role": "assistant", "content": "12345678"}))
        await x.event(script.chunk({}, "stop"))
        await x.end_stream()

    gateway = launch(settings(provide(silent), "zai"))
    gateway.grant()
    answer = gateway.chat(gateway.key(), stream=True)
    assert answer.status == 200 and answer.usage["completion_tokens"] == 2


def test_what_the_file_says_is_supported_is_what_is_sent(launch, provide):
    provider = provide()
    config = settings(provider, "generic")
    config["models"][0]["endpoints"][0]["supported_parameters"] = ["temperature", "max_tokens"]
    gateway = launch(config)
    gateway.grant()
    key = gateway.key()
    body = {k: v for k, v in ASKED.items() if k != "stream"}
    assert gateway.call("POST", SLUG, key, body).status == 200
    sent = provider.requests[0].json()
    assert sent["temperature"] == 0.5 and sent["max_tokens"] == 50
    assert not sent.keys() & {"tools", "seed", "logprobs", "verbosity", "max_completion_tokens"}
    assert sent["x_unknown"] == {"a": 1}
    told = json.loads(gateway.get("/api/v1/models").body)["data"][0]["supported_parameters"]
    assert told == ["temperature", "max_tokens"]
    body["provider"] = {"require_parameters": True}
    refused = gateway.call("POST", SLUG, key, body)
    assert refused.status == 404
    assert "provider.require_parameters" in refused.json()["error"]["message"]
    assert len(provider.requests) == 1


def test_wishes_choose_the_endpoint(launch, provide):
    first, second = provide(), provide()
    endpoint = {"model": DEPLOYMENT, "context": 100000, "max_output": 4096}
    gateway = launch({
        "providers": {
            "dear": {"base_url": first.base_url, "title": "Dear Inc"},
            "cheap": {"base_url": second.base_url, "data_policy": {"training": False, "retention_days": 0}}},
        "models": [{"id": MODEL, "endpoints": [
            endpoint | {"provider": "dear", "price": {"prompt": 3, "completion": 6}},
            endpoint | {"provider": "cheap", "price": {"prompt": 1, "completion": 2}, "quantization": "fp8"}]}]})
    gateway.grant()
    key = gateway.key()
    rows = [({}, first), ({"sort": "price"}, second), ({"order": ["cheap"]}, second), ({"zdr": True}, second),
            ({"data_collection": "deny"}, second), ({"ignore": ["Dear Inc"]}, second), ({"only": ["DEAR"]}, first),
            ({"quantizations": ["fp8"]}, second), ({"max_price": {"completion": "2"}}, second),
            ({"order": ["cheap/fp8"], "allow_fallbacks": False}, second)]
    for wishes, expected_at in rows:
        before = len(expected_at.requests)
        answer = gateway.chat(key, provider=wishes)
        assert answer.status == 200, (wishes, answer.body)
        assert len(expected_at.requests) == before + 1, wishes
    assert gateway.chat(key, model=MODEL + ":floor").status == 200
    refused = gateway.chat(key, provider={"only": ["nobody"]})
    assert refused.status == 404
    assert refused.json()["error"]["message"] == "No allowed providers are available for the selected model."
    wrong = gateway.chat(key, provider={"sort": "cheap"})
    assert wrong.status == 400
    assert wrong.json()["error"]["message"].startswith("provider.sort: expected price, throughput")
    assert len(first.requests) == 2


def test_more_unknown_members_than_can_be_left_out_are_the_clients_to_leave_out(launch, provide):
    provider = provide()
    gateway = launch({"providers": {"strict": {"base_url": provider.base_url, "kind": "mistral"}}, "models": [model(MODEL, "strict")]})
    gateway.grant()
    key = gateway.key()
    assert gateway.chat(key, **{f"x_{i}": i for i in range(50)}).status == 200
    assert not any(name.startswith("x_") for name in provider.requests[0].json())
    refused = gateway.chat(key, **{f"x_{i}": i for i in range(150)})
    assert refused.status == 400 and "too many members that are not known" in refused.error["message"]
    assert gateway.metrics()["turnpike_holds"] == 0


# --- messages as their kind takes them ---

HISTORY = [
    {"role": "developer", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]},
    {"role": "user", "name": "ann", "content": "Weather?"},
    {"role": "assistant", "content": None, "refusal": None, "annotations": [], "reasoning": "Hm.",
     "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}],
     "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "cold"},
    {"role": "assistant", "content": "It is"}]
TOOLS = [{"type": "function", "cache_control": {"type": "ephemeral"}, "function": {"name": "f", "parameters": {}}}]
THOUGHTS = {"deepseek": "reasoning_content", "moonshot": "reasoning_content", "zai": "reasoning_content",
            "fireworks": "reasoning_content", "llama.cpp": "reasoning_content", "vllm": "reasoning", "ollama": "reasoning"}
PREFILL = {"mistral": "prefix", "moonshot": "partial", "qwen": "partial"}
AS_SAID = ("generic", "openrouter")
STRICT = ("groq", "mistral", "fireworks", "nvidia", "cerebras")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_messages_leave_as_their_kind_takes_them(path, kinds):
    """A history as OpenRouter's clients give it back; what is refused by name elsewhere (Groq, Mistral, Cerebras, OpenAI) is gone."""
    gateway, provider, key = kinds
    kind = path.stem
    body = {"model": MODEL, "messages": HISTORY, "tools": TOOLS, "provider": {"only": [f"my-{kind}"]}}
    assert gateway.call("POST", SLUG, key, body).status == 200
    sent = provider.requests[-1].json()
    messages = sent["messages"]
    if kind in AS_SAID:
        assert messages == HISTORY and sent["tools"] == TOOLS
        return
    assert "cache_control" not in json.dumps(sent) and '"index"' not in json.dumps(sent)
    assert messages[0] == {"role": "developer" if kind == "openai" else "system", "content": [{"type": "text", "text": "Be brief."}]}
    assert messages[1] == ({"role": "user", "content": "ann: Weather?"} if kind == "mistral" else HISTORY[1])
    call = {"role": "assistant", "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
    if kind in STRICT:
        assert not messages[2].keys() & {"refusal", "annotations"}
    assert {k: v for k, v in messages[2].items() if k not in ("refusal", "annotations")} == call | ({THOUGHTS[kind]: "Hm."} if kind in THOUGHTS else {})
    assert messages[3] == HISTORY[3]
    assert messages[4] == HISTORY[4] | ({PREFILL[kind]: True} if kind in PREFILL else {})


@pytest.mark.parametrize("kind", ["deepseek", "mistral", "moonshot", "openai"])
def test_translated_messages_are_what_the_kind_takes(kinds, kind):
    gateway, provider, key = kinds
    only = {"model": MODEL, "provider": {"only": [f"my-{kind}"]}}
    asked = gateway.call("POST", "/api/v1/responses", key, only | {"input": [
        {"type": "message", "role": "developer", "content": "Be brief."}, {"type": "message", "role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hel"}]}]})
    assert asked.status == 200, asked.body
    system, _, begun = provider.requests[-1].json()["messages"]
    assert system["role"] == ("developer" if kind == "openai" else "system")
    expected = {"role": "assistant", "content": "Hel"}
    expected |= {THOUGHTS[kind]: "Hm."} if kind in THOUGHTS else {}
    assert begun == expected | ({PREFILL[kind]: True} if kind in PREFILL else {})


@pytest.mark.parametrize("kind,said,sent", [
    ("openai", {"effort": "max"}, "xhigh"), ("groq", {"effort": "xhigh"}, "high"), ("groq", {"effort": "minimal"}, "low"),
    ("groq", {"enabled": True}, "medium"), ("openai", {"enabled": False}, "none"), ("xai", {"max_tokens": 1700}, "high"),
    ("vllm", {"effort": "none"}, "none"), ("openai", {"exclude": True}, None)])
def test_reasoning_is_the_nearest_effort(kinds, kind, said, sent):
    gateway, provider, key = kinds
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "reasoning": said, "max_tokens": 2048,
            "provider": {"only": [f"my-{kind}"]}}
    assert gateway.call("POST", SLUG, key, body).status == 200
    assert provider.requests[-1].json().get("reasoning_effort") == sent
