"""Bad requests in every format that clients speak, before providers of every format: each is a 4xx in the client's own
form whose sentence names the member; nothing is held, nothing is charged, nobody else is asked, and the connection serves
on."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness import speak, wire
from harness.gateway import COMPLETION_PRICE, PROMPT_PRICE, SLOWER, Gateway
from harness.script import Provider
from harness.speak import CLIENTS, places, replaced, spelled

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
LANES = 8
SECRET = "canary-4b1f-of-a-prompt"
DIALECTS = sorted(speak.WHOLE)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and more").decode()
DATA_URL = "data:image/png;base64," + PNG
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it", "parameters": SCHEMA, "strict": False}}

# One of every member that a format knows, each of a right kind.
FULL: dict[str, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
             "name": "s"},
            {"role": "user", "name": "u", "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": DATA_URL}}]},
            {"role": "assistant", "content": "I look.", "refusal": "no", "reasoning": "hm", "tool_calls": [CALL],
             "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", "id": "r", "format": "unknown",
                                    "index": 0}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
            {"role": "user", "content": "So?"}],
        "max_tokens": 64, "models": ["x/y"], "stream": False, "stream_options": {"include_usage": True}, "n": 1,
        "temperature": 1, "top_p": 1, "top_k": 0, "top_a": 0, "min_p": 0, "frequency_penalty": 0, "presence_penalty": 0,
        "repetition_penalty": 1, "seed": 1, "stop": ["END"], "logit_bias": {"1": 1}, "logprobs": True, "top_logprobs": 2,
        "user": "u", "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": True, "reasoning": {"effort": "low", "summary": "auto", "exclude": False, "enabled": True},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": SCHEMA,
                                                                   "strict": True}},
        "reasoning_effort": "low", "include_reasoning": True, "verbosity": "low", "modalities": ["text"],
        "prediction": {"type": "content", "content": "x"}, "image_config": {}, "web_search_options": {},
        "service_tier": "auto", "store": False, "metadata": {}, "audio": {"voice": "alloy", "format": "wav"},
        "prompt_cache_key": "k", "prompt_cache_options": {}, "safety_identifier": "s", "structured_outputs": True,
        "max_completion_tokens": 64,
    },
    "messages": {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "5m"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
                {"type": "document", "title": "t", "source": {"type": "base64", "media_type": "application/pdf",
                                                              "data": PNG}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"},
                {"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": False,
                                          "content": [{"type": "text", "text": "Rain."}]}]}],
        "max_tokens": 2048, "models": ["x/y"], "stream": False, "temperature": 1, "top_p": 1, "top_k": 1,
        "stop_sequences": ["END"], "metadata": {"user_id": "u"}, "service_tier": "auto", "user": "u",
        "tools": [{"name": "weather", "description": "Tells it", "input_schema": SCHEMA, "strict": False,
                   "cache_control": {"type": "ephemeral"}}],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "responses": {
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": DATA_URL, "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": DATA_URL},
                {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "Rain."}]},
            {"role": "assistant", "content": [{"type": "output_text", "text": "Rain."},
                                              {"type": "refusal", "refusal": "no"}]},
            {"role": "user", "content": "So?"}],
        "max_output_tokens": 64, "models": ["x/y"], "stream": False, "temperature": 1, "top_p": 1, "top_k": 1,
        "frequency_penalty": 0, "presence_penalty": 0, "top_logprobs": 2, "metadata": {}, "modalities": ["text"],
        "image_config": {}, "service_tier": "auto", "user": "u", "prompt_cache_key": "k", "prompt_cache_options": {},
        "safety_identifier": "s", "include": ["message.output_text.logprobs"], "parallel_tool_calls": True,
        "tools": [{"type": "function", "name": "weather", "description": "Tells it", "parameters": SCHEMA, "strict": False}],
        "tool_choice": {"type": "function", "name": "weather"}, "truncation": "auto", "max_tool_calls": 3,
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "description": "d", "schema": SCHEMA,
                                                "strict": True}},
        "reasoning": {"effort": "low", "summary": "auto", "exclude": False, "enabled": True}, "store": False,
        "background": False, "previous_response_id": None, "conversation": None, "stream_options": {},
    },
}
# The older form of tools, which cannot stand beside the newer one.
OLDER = {k: v for k, v in FULL["chat"].items() if k not in ("tools", "tool_choice")} | {
    "functions": [{"name": "weather"}], "function_call": "auto"}
OURS = {"provider": {"order": ["x"], "only": ["openai", "anthropic", "gemini"], "ignore": ["x"], "allow_fallbacks": True,
                     "require_parameters": False, "zdr": False, "data_collection": "allow", "sort": {"by": "price", "partition": "none"},
                     "max_price": {"prompt": 9, "completion": "9", "request": 9}},
        "plugins": [{"id": "web", "enabled": False}], "session_id": "s", "trace": {}, "transforms": ["middle-out"],
        "route": "fallback", "debug": {"echo_upstream_body": False}, "usage": {"include": True},
        "cache_control": {"type": "ephemeral"}}

# Members with more kinds than the one that stands in FULL. A path's numbers are left out.
ALSO: dict[str, str] = {
    "messages.content": "string array", "messages.content.image_url": "string object", "stop": "string array",
    "tool_choice": "string object", "system": "string array", "messages.content.content": "string object array",
    "messages.content.citations": "object array", "input": "string array", "input.content": "string array",
    "input.output": "string object array", "function_call": "string object", "audio.voice": "string object",
    "provider.sort": "string object", "provider.max_price.prompt": "string number", "provider.max_price.completion": "string number",
    "provider.max_price.request": "string number", "prediction.content": "string array",
}
# Within these anything goes, as far as the gateway is concerned: a schema is its provider's, a trace its reader's.
OPEN = ("parameters", "schema", "input_schema", "logit_bias", "metadata.", "trace.", "image_config.")
# A word out of a list is wanted there: "x" is as wrong as another kind.
WRONG: dict[str, Any] = {"boolean": True, "number": 7, "string": "x", "array": [], "object": {}}
NOT_JSON_KINDS = {"messages.content.input", "previous_response_id", "conversation"}


def kind_of(value: Any) -> str:
    return ("boolean" if isinstance(value, bool) else "number" if isinstance(value, (int, float)) else
            "string" if isinstance(value, str) else "array" if isinstance(value, list) else
            "object" if isinstance(value, dict) else "null")


@dataclass
class Row:
    client: str
    name: str
    body: Any  # what is JSON, or bytes
    names: tuple[str, ...] = ()  # members that the sentence must name
    statuses: tuple[int, ...] = (400,)
    headers: dict[str, str] | None = None

    def raw(self, model: str) -> bytes:
        if isinstance(self.body, bytes):
            return self.body.replace(b"MODEL", model.encode())
        return json.dumps(self.body if "model" in self.body else self.body | {"model": model}).encode()


def wrong_kinds() -> Iterator[Row]:
    asks = [(client, full, place) for client, full in FULL.items() for place in places(full | OURS)]
    asks += [("chat", OLDER, place) for place in places(OLDER) if place[0] and str(place[0][0]).startswith("function")]
    for client, full, (path, value) in asks:
        plain = ".".join(p for p in path if isinstance(p, str))
        if not path or kind_of(value) == "null" or any(f"{plain}.".find(f".{o}"[1:]) == 0 or f".{o}" in f"{plain}." and
                                                       plain.split(".")[-1] != o for o in OPEN):
            continue
        right = ALSO.get(plain, kind_of(value)).split() if isinstance(path[-1], str) else [kind_of(value)]
        for kind, wrong in WRONG.items():
            if kind not in right:
                yield Row(client, f"{spelled(path)}={kind}", replaced(CLIENTS[client].good | full | OURS, path, wrong),
                          (spelled(path),))


def of(client: str, name: str, members: dict[str, Any], *names: str, **more: Any) -> Row:
    return Row(client, name, CLIENTS[client].good | members, names or (next(iter(members)),), **more)


def ranges() -> Iterator[Row]:
    huge = 10 ** 400
    for client, least in (("chat", "max_tokens"), ("messages", "max_tokens"), ("responses", "max_output_tokens")):
        for value in (0, -1, 1.5, 2 ** 32, 2 ** 64, huge):
            yield of(client, f"{least} {str(value)[:24]}", {least: value})
        good = {"model": "MODEL"} | CLIENTS[client].good
        for literal in ("1e400", "1e2", "1.0", "-0"):
            raw = json.dumps(good | {least: 4242}).replace("4242", literal).encode()
            yield Row(client, f"{least} {literal}", raw, (least,))
        for member, values in {"temperature": (3, -0.1), "top_p": (-1, 1.01), "top_k": (-1,)}.items():
            for value in values:
                yield of(client, f"{member} {value}", {member: value})
        raw = json.dumps(good | {"temperature": 4242}).replace("4242", "1e400").encode()
        yield Row(client, "temperature 1e400", raw, ("temperature",))
    for value in (0, -1, 1.5, 21, huge):
        yield of("chat", f"n {str(value)[:24]}", {"n": value})
    for client in ("chat", "responses"):
        for value in (21, -1, 1.5):
            yield of(client, f"top_logprobs {value}", {"top_logprobs": value, "logprobs": True} if client == "chat" else
                     {"top_logprobs": value})
    yield of("chat", "min_p 2", {"min_p": 2})
    yield of("chat", "presence_penalty", {"presence_penalty": -2.5})
    yield of("responses", "frequency_penalty", {"frequency_penalty": 2.5})
    yield of("messages", "budget of 1", {"thinking": {"type": "enabled", "budget_tokens": 1}}, "thinking.budget_tokens")


def contradictions() -> Iterator[Row]:
    yield of("chat", "two bounds", {"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens", "max_completion_tokens")
    yield of("chat", "two efforts", {"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "reasoning_effort",
             "reasoning.effort")
    yield of("messages", "two lists of models", {"models": ["a/b"], "fallbacks": [{"model": "a/c"}]}, "models", "fallbacks")


def chat_messages(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


def media() -> Iterator[Row]:
    bad_urls = {"no url": "picture.png", "no base64 mark": "data:image/png," + PNG, "no comma": "data:image/png;base64" + PNG,
                "no data": "data:image/png;base64,", "empty": ""}
    bad_base64 = {"no digits": "!!!!", "one digit too many": "QUJDR", "a digit of another alphabet": "QUJD-_==",
                  "padding inside": "QU==QUJD"}
    for name, url in bad_urls.items() | {(n, f"data:image/png;base64,{b}") for n, b in bad_base64.items()}:
        yield of("chat", f"image: {name}", chat_messages({"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": url}}]}), "messages[0].content[0].image_url.url")
        yield of("chat", f"image as text: {name}", chat_messages({"role": "user", "content": [
            {"type": "image_url", "image_url": url}]}), "messages[0].content[0].image_url")
        yield of("chat", f"file: {name}", chat_messages({"role": "user", "content": [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": url}}]}), "messages[0].content[0].file.file_data")
        yield of("responses", f"image: {name}", {"input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": url}]}]}, "input[0].content[0].image_url")
        yield of("messages", f"link: {name}", chat_messages({"role": "user", "content": [
            {"type": "image", "source": {"type": "url", "url": url}}]}), "messages[0].content[0].source.url")
    for name, data in bad_base64.items() | {("empty", "")}:
        yield of("chat", f"audio: {name}", chat_messages({"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}]}),
            "messages[0].content[0].input_audio.data")
        yield of("responses", f"audio: {name}", {"input": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}]}]},
            "input[0].content[0].input_audio.data")
        yield of("messages", f"image: {name}", chat_messages({"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}]}),
            "messages[0].content[0].source.data")


def results() -> Iterator[Row]:
    user, asks = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}
    told = {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}
    rows: dict[str, list[list[dict[str, Any]]]] = {
        "chat": [[user, told], [user, told, asks], [user, asks, told | {"tool_call_id": "call_2"}], [user, asks, told, told],
                 [user, asks, told, asks, told, told]]}
    at = {"chat": ["messages[1].tool_call_id", "messages[1].tool_call_id", "messages[2].tool_call_id",
                   "messages[3].tool_call_id", "messages[5].tool_call_id"]}
    asks = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {}}]}
    block = {"type": "tool_result", "tool_use_id": "t1", "content": "Rain."}
    told = {"role": "user", "content": [block]}
    rows["messages"] = [[told], [user, told, asks, user], [user, asks, {"role": "user", "content": [block | {"tool_use_id": "t2"}]}],
                        [user, asks, {"role": "user", "content": [block, block]}], [user, asks, told, asks, told, told]]
    at["messages"] = ["messages[0].content[0].tool_use_id", "messages[1].content[0].tool_use_id",
                      "messages[2].content[0].tool_use_id", "messages[2].content[1].tool_use_id",
                      "messages[5].content[0].tool_use_id"]
    call = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
    item = {"type": "function_call_output", "call_id": "c1", "output": "Rain."}
    rows["responses"] = [[item], [user, item, call], [call, item | {"call_id": "c2"}], [call, item, item],
                         [call, item, call, item, item]]
    at["responses"] = ["input[0].call_id", "input[1].call_id", "input[1].call_id", "input[2].call_id", "input[4].call_id"]
    names = ["an orphan", "before its call", "of another id", "twice", "twice after it was asked for again"]
    for client, lists in rows.items():
        for name, messages, where in zip(names, lists, at[client]):
            yield of(client, f"a result {name}", {"input" if client == "responses" else "messages": messages}, where)


def roles_and_empties() -> Iterator[Row]:
    for client, list_name in (("chat", "messages"), ("messages", "messages"), ("responses", "input")):
        for role in ("king", "", "USER", None):
            yield of(client, f"role {role!r}", {list_name: [{"role": role, "content": "x"}]}, f"{list_name}[0].role")
        yield of(client, "no role", {list_name: [{"content": "x"}]}, f"{list_name}[0].role")
        yield of(client, "no messages", {list_name: []})
        yield of(client, "null messages", {list_name: None})
        yield of(client, "null for a message", {list_name: [None]}, f"{list_name}[0]")
        yield of(client, "empty content", {list_name: [{"role": "user", "content": []}]}, f"{list_name}[0].content")
        yield of(client, "null content", {list_name: [{"role": "user", "content": None}]}, f"{list_name}[0].content")
        yield of(client, "null for a part", {list_name: [{"role": "user", "content": [None]}]}, f"{list_name}[0].content[0]")
        yield of(client, "a part without a type", {list_name: [{"role": "user", "content": [{}]}]},
                 f"{list_name}[0].content[0]")
        text = "input_text" if client == "responses" else "text"
        yield of(client, "null text", {list_name: [{"role": "user", "content": [{"type": text, "text": None}]}]},
                 f"{list_name}[0].content[0]")
        yield of(client, "null for a tool", {"tools": [None]}, "tools[0]")
        for model in (None, "", "x" * 5000):
            yield Row(client, f"model {str(model)[:9]!r}", CLIENTS[client].good | {"model": model}, ("model",))
        yield Row(client, "no model and an empty list", CLIENTS[client].good | {"model": None, "models": []}, ("model",))
        yield Row(client, "no such model", CLIENTS[client].good | {"model": "no-such/model"}, (), (404,))
        yield of(client, "an empty name among models", {"models": [""]}, "models")
        yield of(client, "too many models", {"models": [f"a/{i}" for i in range(99)]}, "models")
    yield of("messages", "no bound", {"max_tokens": None})
    yield of("messages", "a tool call of the user's", chat_messages({"role": "user", "content": [
        {"type": "tool_use", "id": "t", "name": "n", "input": {}}]}), "messages[0].content[0]")
    yield of("responses", "an item of no type and no role", {"input": [{}]}, "input[0].role")
    yield of("responses", "a reference", {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type")
    yield of("responses", "an unknown part", {"input": [{"role": "user", "content": [{"type": "x"}]}]},
             "input[0].content[0].type")
    for member, value in {"previous_response_id": "r", "store": True, "background": True, "conversation": "c"}.items():
        yield of("responses", member, {member: value})


def raw_bodies() -> Iterator[Row]:
    for client, c in CLIENTS.items():
        good = json.dumps({"model": "MODEL"} | c.good).encode()
        word = good.replace(b"Say three", b"%s")
        list_name = "input" if client == "responses" else "messages"
        rows: dict[str, tuple[bytes, tuple[str, ...]]] = {
            "an empty body": (b"", ()), "white space": (b" \n", ()), "an array": (b"[]", ()), "a text": (b'"x"', ()),
            "null": (b"null", ()), "a byte order mark": (b"\xef\xbb\xbf" + good, ()), "trailing garbage": (good + b"x", ()),
            "two bodies": (good + good, ()), "a trailing NUL": (good + b"\0", ()), "cut": (good[:-2], ()),
            "a form": (b"model=x&messages=y", ()), "UTF-16": (good.decode().encode("utf-16"), ()),
            "NUL in a text": (word.replace(b"%s", b"a\0b"), ()), "a bare line end in a text": (word.replace(b"%s", b"a\nb"), ()),
            "invalid UTF-8": (word.replace(b"%s", b"\xff\xfe"), ()), "overlong UTF-8": (word.replace(b"%s", b"\xc0\x80"), ()),
            "a surrogate in UTF-8": (word.replace(b"%s", b"\xed\xa0\x80"), ()),
            "a lone high surrogate": (word.replace(b"%s", b"\\ud800"), ()),
            "a lone low surrogate": (word.replace(b"%s", b"\\udc00"), ()),
            "surrogates the wrong way round": (word.replace(b"%s", b"\\udc00\\ud800"), ()),
            "NaN": (good[:-1] + b', "temperature": NaN}', ()),
            "10,000 deep": (good[:-1] + b', "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", ()),
            "10,000 deep and open": (b'{"a":' * 10_000, ()),
            "a tool 10,000 deep": (good[:-1] + b', "tools": ' + b'[{"x":' * 5000 + b"1" + b"}]" * 5000 + b"}", ()),
            "a member twice": (good[:-1] + b', "stream": true, "stream": false}', ("stream",)),
            "a model twice": (good[:-1] + b', "model": "a/b"}', ("model",)),
            "a model twice, one escaped": (good[:-1] + b', "mod\\u0065l": "a/b"}', ("twice",)),
            f"{list_name} twice": (good[:-1] + f', "{list_name}": []}}'.encode(), (list_name,)),
            "a wish twice": (good[:-1] + b', "provider": {"zdr": true, "zdr": false}}', ("zdr",)),
            "an escaped name of a wrong kind": (good[:-1] + b', "t\\u006fp_p": "x"}', ("top_p",)),
        }
        for name, (raw, names) in rows.items():
            yield Row(client, name, raw, names, (400, 413))
        yield Row(client, "a coding", good, ("Content-Encoding",), (400,), {"Content-Encoding": "gzip"})
        for path in sorted((CORPUS / "json").iterdir()):
            raw = path.read_bytes()
            if b"model" not in raw:
                yield Row(client, f"corpus {path.name}", raw)


ROWS = [*wrong_kinds(), *ranges(), *contradictions(), *media(), *results(), *roles_and_empties(), *raw_bodies()]


def model_of(dialect: str) -> str:
    return f"test/{dialect}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    p = Provider(speak.answer_well)
    yield p
    p.close()


@pytest.fixture(scope="module")
def gateway(module_dir: Path, provider: Provider) -> Iterator[Gateway]:
    price = {"prompt": PROMPT_PRICE, "completion": COMPLETION_PRICE}
    models = [{"id": model_of(d), "endpoints": [{"provider": d, "model": "upstream", "price": price, "context": 100000,
                                                 "max_output": 4096}]} for d in DIALECTS]
    g = Gateway(module_dir, {"providers": speak.providers(provider.port), "models": models}).start()
    g.grant("1000")
    yield g
    assert g.stop() == 0


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    return gateway.key("bad")


async def ask_all(port: int, asks: list[Any], build: Callable[[Any], bytes]) -> list[tuple[Any, wire.Answer]]:
    """On few connections, which must last but where an answer says that it closes."""
    waiting, out = list(asks), []

    async def lane() -> None:
        connection = await wire.Connection.open(port)
        while waiting:
            ask = waiting.pop()
            await connection.send(build(ask))
            answer = await asyncio.wait_for(connection.answer(), 30 * SLOWER)
            out.append((ask, answer))
            if answer.headers.get("connection", "").lower() == "close":
                await connection.close()
                connection = await wire.Connection.open(port)
        await connection.close()

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return out


def post(client: str, key: str, body: bytes, path: str | None = None, more: dict[str, str] | None = None) -> bytes:
    return wire.build("POST", path or CLIENTS[client].path, CLIENTS[client].headers(key) | (more or {}), body)


def what_is_wrong(row: Row, answer: wire.Answer) -> str:
    """Empty: nothing."""
    if answer.status not in row.statuses:
        return f"status {answer.status}"
    if not answer.complete or answer.headers.get("connection", "").lower() == "close":
        return "the connection did not survive"
    sentence = CLIENTS[row.client].error(answer)
    missing = [n for n in row.names if n not in sentence]
    return f"does not name {missing}: {sentence}" if missing else ""


def test_what_is_right_is_served(gateway, key):
    """Else the table below would show nothing."""
    for client, c in CLIENTS.items():
        for dialect in DIALECTS:
            answer = gateway.call("POST", c.path, None, c.good | {"model": model_of(dialect)}, c.headers(key))
            assert answer.status == 200 and c.read(answer).text == speak.TEXT, answer
        full = FULL[client] | {k: v for k, v in OURS.items() if k != "provider"} | {"model": model_of("openai")}
        answer = gateway.call("POST", c.path, None, full, c.headers(key))
        assert answer.status == 200, (client, answer)


def test_the_table_is_refused_by_name(gateway, provider, key):
    before, served = gateway.metrics(), len(provider.requests)
    asks = [(row, dialect) for row in ROWS for dialect in DIALECTS]

    def build(ask: Any) -> bytes:
        row, dialect = ask
        return post(row.client, key, row.raw(model_of(dialect)), more=row.headers)

    answers = asyncio.run(ask_all(gateway.port, asks, build))
    wrong = [f"{row.client} -> {dialect}: {row.name}: {told}" for (row, dialect), answer in answers
             if (told := what_is_wrong(row, answer))]
    assert not wrong, f"{len(wrong)} of {len(asks)}:\n" + "\n".join(sorted(wrong)[:6000])
    assert len(provider.requests) == served, "a provider was asked"
    assert_nothing_was_spent(gateway, before)


def test_the_short_path_refuses_as_the_long_one(gateway, key):
    rows = [row for row in ROWS if row.client == "chat"][::7]
    answers = asyncio.run(ask_all(gateway.port, rows, lambda row: post("chat", key, row.raw(model_of("openai")),
                                                                       "/v1/chat/completions", row.headers)))
    assert not [(row.name, told) for row, answer in answers if (told := what_is_wrong(row, answer))]


def assert_nothing_was_spent(gateway: Gateway, before: dict[str, float]) -> None:
    after = gateway.metrics()
    assert not any(gateway.held().values())
    assert [after[n] for n in after if n.startswith("turnpike_cost")] == [before[n] for n in before if
                                                                         n.startswith("turnpike_cost")]


def test_null_is_as_if_it_were_not_there_or_refused(gateway, key):
    """Wherever it stands: never our error, and never a request that is served without what it needs."""
    asks = [(client, dialect, path) for client, full in FULL.items() for dialect in DIALECTS
            for path, _ in places(full | OURS) if path and not any(o in path for o in ("schema", "parameters", "input_schema"))]

    def build(ask: Any) -> bytes:
        client, dialect, path = ask
        body = replaced(CLIENTS[client].good | FULL[client] | OURS, path, None) | {"model": model_of(dialect)}
        return post(client, key, json.dumps(body).encode())

    for (client, dialect, path), answer in asyncio.run(ask_all(gateway.port, asks, build)):
        assert answer.status in (200, 400, 404, 422), (client, dialect, path, answer)
        if answer.status != 200:
            CLIENTS[client].error(answer)


def test_what_is_long_is_not_repeated_and_what_is_secret_neither(gateway, key):
    long = SECRET + "x" * 4000
    links = {"chat": {"type": "image_url", "image_url": long}, "responses": {"type": "input_image", "image_url": long},
             "messages": {"type": "image", "source": {"type": "url", "url": long}}}
    for client, c in CLIENTS.items():
        list_name = "input" if client == "responses" else "messages"
        for body in (c.good | {list_name: [{"role": long, "content": "x"}]}, c.good | {list_name: long, "stream": long},
                     c.good | {"tools": [{"type": long, "name": 1, "function": 1}]}, c.good | {"tool_choice": {"type": 1, "name": long}},
                     c.good | {list_name: [{"role": "user", "content": [links[client]]}]},
                     c.good | {long: 1, list_name: 1}, c.good | {"max_tokens": long, "max_output_tokens": long}):
            answer = gateway.call("POST", c.path, None, body | {"model": model_of("anthropic")}, c.headers(key))
            assert answer.status in (400, 422), answer
            assert SECRET.encode() not in answer.body and len(answer.body) < 600, answer
    log = gateway.log_file.read_text()
    assert SECRET not in log and key not in log


@pytest.mark.parametrize("client", CLIENTS)
def test_ten_megabytes_are_read(gateway, key, client):
    """Of text and of an image: served, or refused for its price. What was quadratic would not be through within the deadline."""
    text = "x" * (10 << 20)
    image = base64.b64encode(b"\0" * (10 << 20)).decode()
    contents: dict[str, Any] = {
        "chat": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + image}}],
        "messages": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}}],
        "responses": [{"type": "input_image", "image_url": "data:image/png;base64," + image}]}
    list_name = "input" if client == "responses" else "messages"
    for content in (text, contents[client]):
        for dialect in ("openai", "gemini"):
            body = json.dumps(CLIENTS[client].good | {list_name: [{"role": "user", "content": content}],
                                                      "model": model_of(dialect)}).encode()
            answer = gateway.call("POST", CLIENTS[client].path, None, body, CLIENTS[client].headers(key))
            assert answer.status in (200, 400, 413), answer


def test_a_body_is_json_whatever_its_type_is_called(gateway, key):
    """Content-Type is not looked at (docs/bad-input.md): curl's -d calls everything a form."""
    for client, c in CLIENTS.items():
        body = json.dumps(c.good | {"model": model_of("openai")}).encode()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "nonsense"):
            answer = gateway.call("POST", c.path, None, body, c.headers(key) | {"Content-Type": kind})
            assert answer.status == 200 and c.read(answer).text == speak.TEXT


def test_afterwards_nothing_is_held_and_the_ledger_agrees(gateway):
    assert not any(gateway.held().values())
    gateway.verify()
