"""matrix.py: what every client package must get from every format that a provider can have, whole and streamed: the cases of
tests/clients/matrix.js, in the same words, for clients in Python.

A client is a class:
    name           in names of keys
    connect(gateway, key)   what it calls its client
    ask(api, question)      what it was told
    embed(api, model, texts)    vectors, and how many tokens were counted; or None
    cannot(format, stream)  names of things that it has no words for: "cost", "thought", "thought given back", "reasoning tokens"
    errors         bad, unauthorized, poor, missing, limited, unavailable, cut: each a class, or a function of the exception.
                   cut: a stream that broke"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from .gateway import Gateway
from .simulated import endpoint, simulated

TEXT = {"title": "Answer", "type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"],
        "additionalProperties": False}
NAMES = ("weather", "clock")
HELLO = "Hello, echo: these are some words."
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PNG_CRC = "6c0622ca"
LONG = "Several words that come back, so that an answer can be cut in its middle."
FIRST = [0.489899, -0.95285, -0.838013]  # of the simulated provider's vector of "One text."


# --- before providers of each format ---


@dataclass(frozen=True)
class Format:
    """path: where the simulated provider's base URL ends; family: what its models' names begin with; cannot: what a provider of
    this format does not tell or take."""
    path: str
    family: str = ""
    credential: dict[str, Any] = field(default_factory=lambda: {"api_key": "sim"})
    cannot: frozenset[str] = frozenset()


AWS = {"region": "eu-central-1", "access_key_id": "AKIASIM", "secret_access_key": "sim/secret"}
FORMATS = {
    "openai": Format("/v1"),
    "responses": Format("/v1"),
    "anthropic": Format("/v1", cannot=frozenset({"reasoning tokens"})),
    "gemini": Format("/v1beta"),
    "bedrock": Format("", "anthropic.", {"aws": AWS}, frozenset({"reasoning tokens"})),
}
EMBEDDERS = {"openai": Format("/v1"), "gemini": Format("/v1beta"), "cohere": Format("/v2")}
VOICES = ("echo", "only-context", "only-auth", "only-429", "only-503", "only-cut")


def settings(port: int) -> dict[str, Any]:
    """Models are at-FORMAT/VOICE and at-FORMAT/embed: some clients read a bare format as a wish of their own."""
    providers = {name: {"dialect": name, "base_url": f"http://127.0.0.1:{port}{f.path}"} | f.credential
                 for name, f in (EMBEDDERS | FORMATS).items()}
    models = [{"id": f"at-{name}/{voice}", "endpoints": [endpoint(name, f.family + voice)]} for name, f in FORMATS.items() for voice in VOICES]
    models += [{"id": f"at-{name}/embed", "output": "embeddings", "endpoints": [
        {"provider": name, "model": "echo", "price": {"prompt": 1}, "context": 8192}]} for name in EMBEDDERS]
    return {"providers": providers, "models": models}


def before_each_format(directory: Path) -> Iterator[Gateway]:
    with simulated(TURNPIKE_SIM_AWS_KEY=f"{AWS['access_key_id']}:{AWS['secret_access_key']}") as (port, _):
        gateway = Gateway(directory, settings(port)).start()
        gateway.grant("1000")
        yield gateway
        assert gateway.stop() == 0


# --- what is said ---


@dataclass
class Said:
    """The user's. image: a data URL."""
    text: str
    image: str | None = None


@dataclass
class Call:
    id: str
    name: str
    input: dict[str, Any]


@dataclass
class Results:
    """Of an answer's calls."""
    of: list[tuple[Call, str]]


@dataclass
class Usage:
    prompt: int
    completion: int
    cost: float | None = None
    reasoning: int | None = None


@dataclass
class Told:
    """An answer. finish: "stop" or "tool"; turn: whatever ask() needs to give it back."""
    text: str
    calls: list[Call] = field(default_factory=list)
    thought: str | None = None
    finish: str | None = None
    usage: Usage | None = None
    turn: Any = None


@dataclass
class Question:
    model: str
    stream: bool
    turns: list[Said | Told | Results]
    tools: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    reason: bool = False


class Client:
    name = ""
    errors: dict[str, Any] = {}
    embed: Callable[..., tuple[list[list[float]], int]] | None = None

    def connect(self, gateway: Gateway, key: str) -> Any:
        raise NotImplementedError

    def ask(self, api: Any, q: Question) -> Told:
        raise NotImplementedError

    def cannot(self, format: str, stream: bool) -> set[str]:
        return set()


def raises(expected: Any, ask: Callable[[], Any]) -> None:
    with pytest.raises(Exception) as caught:
        ask()
    e = caught.value
    ok = isinstance(e, expected) if isinstance(expected, (type, tuple)) else expected(e)
    assert ok, f"raised {type(e).__module__}.{type(e).__name__}: {e}"


def has_status(kind: type[Exception], *codes: int) -> Callable[[Any], bool]:
    return lambda e: isinstance(e, kind) and getattr(e, "status_code", None) in codes


# --- the cases ---


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("format", FORMATS)
class Matrix:
    """Of a client: a class of tests that names it."""
    client: Client

    @pytest.fixture(scope="class")
    @classmethod
    def api(cls, formats: Gateway) -> Any:
        return cls.client.connect(formats, formats.key(cls.client.name))

    def can(self, thing: str, format: str, stream: bool) -> bool:
        return thing not in FORMATS[format].cannot | self.client.cannot(format, stream)

    @pytest.fixture
    def ask(self, api: Any, format: str, stream: bool) -> Callable[..., Told]:
        return lambda turns, voice="echo", **more: self.client.ask(api, Question(f"at-{format}/{voice}", stream, turns, **more))

    def test_text(self, ask, format, stream):
        told = ask([Said(HELLO)])
        assert (told.text, told.finish, told.calls) == (HELLO, "stop", []) and not told.thought
        assert told.usage.prompt > 0 and told.usage.completion > 0
        assert not self.can("cost", format, stream) or told.usage.cost > 0

    def test_a_tool_and_its_result(self, ask, format, stream):
        said = Said("call weather(Oslo)")
        asked = ask([said], tools=NAMES)
        assert [(c.name, c.input) for c in asked.calls] == [("weather", {"text": "Oslo"})]
        assert asked.finish == "tool" and asked.calls[0].id
        told = ask([said, asked, Results([(asked.calls[0], 'cold\n"very"')])], tools=NAMES)
        assert (told.text, told.finish) == ('cold\n"very"', "stop")

    def test_tools_side_by_side(self, ask, format, stream):
        said = Said("call weather(Oslo), clock(Rome), weather(Paris)")
        asked = ask([said], tools=NAMES)
        assert [(c.name, c.input["text"]) for c in asked.calls] == [("weather", "Oslo"), ("clock", "Rome"), ("weather", "Paris")]
        assert asked.finish == "tool" and len({c.id for c in asked.calls}) == 3
        told = ask([said, asked, Results(list(zip(asked.calls, ["cold", "noon", "warm"])))], tools=NAMES)
        assert told.text == "cold\nnoon\nwarm"

    def test_schema(self, ask, format, stream):
        assert json.loads(ask([Said(HELLO)], schema=TEXT).text) == {"text": HELLO}

    def test_image(self, ask, format, stream):
        assert ask([Said("see", f"data:image/png;base64,{PNG}")]).text == f"image/png {PNG_CRC}"

    def test_reasoning(self, ask, format, stream):
        asked = ask([Said(HELLO)], reason=True)
        assert asked.text == HELLO
        assert not self.can("thought", format, stream) or asked.thought == f"I was told: {HELLO}"
        assert not self.can("reasoning tokens", format, stream) or asked.usage.reasoning > 0
        told = ask([Said(HELLO), asked, Said("recall")], reason=True)
        assert told.text == (f"I was told: {HELLO}" if self.can("thought given back", format, stream) else "recall")

    def test_reasoning_before_tools_and_both_given_back(self, ask, format, stream):
        said = Said("call weather(Oslo), clock(Rome)")
        asked = ask([said], tools=NAMES, reason=True)
        assert [c.name for c in asked.calls] == ["weather", "clock"]
        assert not self.can("thought", format, stream) or asked.thought == f"I was told: {said.text}"
        turns = [said, asked, Results([(c, f"{c.name} is fine") for c in asked.calls])]
        told = ask(turns, tools=NAMES, reason=True)
        assert told.text == "weather is fine\nclock is fine"
        last = ask([*turns, told, Said("recall")], tools=NAMES, reason=True)
        assert last.text.startswith("I was told: call weather" if self.can("thought given back", format, stream) else "recall")

    def test_refusals_of_a_provider(self, ask, format, stream):
        for voice, error in {"only-context": "bad", "only-auth": "unavailable", "only-429": "limited", "only-503": "unavailable",
                             "only-cut": "cut" if stream else "unavailable"}.items():
            raises(self.client.errors[error], lambda: ask([Said(LONG)], voice=voice))


class Own:
    """What is not of a provider's format."""
    client: Client

    def test_refusals_of_the_gateways_own(self, formats: Gateway):
        def ask(key: str, model: str = "at-openai/echo") -> Told:
            return self.client.ask(self.client.connect(formats, key), Question(model, False, [Said(HELLO)]))

        errors, rich = self.client.errors, formats.key("rich")
        raises(errors["bad"], lambda: ask(rich, ""))
        raises(errors["unauthorized"], lambda: ask("sk-tp-v1-wrong"))
        raises(errors["poor"], lambda: ask(formats.key("poor", "--limit", "0")))
        raises(errors["missing"], lambda: ask(rich, "at-openai/nothing"))


class Embeddings:
    client: Client

    @pytest.mark.parametrize("format", EMBEDDERS)
    def test_embeddings(self, formats: Gateway, format: str):
        vectors, tokens = self.client.embed(self.client.connect(formats, formats.key("embeds")), f"at-{format}/embed",
                                            ["One text.", "Another.", "One text."])
        assert len(vectors) == 3 and len(vectors[0]) == 16
        assert vectors[0][:3] == pytest.approx(FIRST, abs=2e-6)
        assert vectors[0] == vectors[2] != vectors[1]
        assert tokens in (7, None)
