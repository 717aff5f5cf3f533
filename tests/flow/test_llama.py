"""A real provider behind the gateway and OpenAI's own client before it: what the provider says reaches the client
unchanged, and what it counts is what is billed."""

import json
import time
from decimal import Decimal

import openai
import pytest

from conftest import put_away
from harness.gateway import Gateway
from harness.llama import END, Llama, write_weights

MODEL = "real/llama"
CONTEXT, LONG_CONTEXT = 512, 16384
PROMPT, CACHED, COMPLETION = Decimal("1"), Decimal("0.25"), Decimal("2")  # dollars per million tokens
ASKED = {"messages": [{"role": "user", "content": "What is paid at the toll gate?"}], "temperature": 0, "seed": 1,
         "max_tokens": 40}
USAGE = {"stream_options": {"include_usage": True}}


def client(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=60)


class Behind:
    """A gateway before a real provider, and a client of each."""

    def __init__(self, directory, weights, context):
        self.llama = Llama(weights, directory / "llama.txt", context)
        price = {"prompt": PROMPT, "completion": COMPLETION, "cache_read": CACHED}
        endpoint = {"provider": "llama", "model": "tiny", "price": price, "max_output": context}
        self.gateway = Gateway(directory, {
            "providers": {"llama": {"dialect": "openai", "base_url": self.llama.base_url, "api_key": "sk-none"}},
            "models": [{"id": MODEL, "endpoints": [endpoint]}]}).start()
        self.gateway.grant()
        self.key = self.gateway.key()
        self.direct = client(self.llama.base_url, "sk-none")
        self.api = self.through(self.key)

    def through(self, key):
        return client(f"http://127.0.0.1:{self.gateway.port}/api/v1", key)

    def both(self, **more):
        """The provider's own answer, and the same through the gateway."""
        return (self.direct.chat.completions.create(model="tiny", **(ASKED | more)),
                self.api.chat.completions.create(model=MODEL, **(ASKED | more)))

    def generation(self, name):
        found = self.gateway.get(f"/api/v1/generation?id={name}", self.key)
        assert found.status == 200, found.body
        return json.loads(found.body, parse_float=Decimal)["data"]

    def spent(self, key):
        return json.loads(self.gateway.get("/api/v1/key", key).body, parse_float=Decimal)["data"]["usage"]

    def close(self):
        self.direct.close()
        self.api.close()
        put_away(self.gateway, False)
        self.llama.close()


@pytest.fixture(scope="module")
def weights(module_dir):
    file = module_dir / "tiny.gguf"
    write_weights(file)
    return file


@pytest.fixture(scope="module")
def behind(module_dir, weights):
    made = Behind(module_dir, weights, CONTEXT)
    yield made
    assert not any(made.gateway.held().values())
    made.gateway.verify()
    made.close()


@pytest.fixture
def lengthy(tmp_path, weights):
    """As behind, with answers that take far longer than the test, and only for one."""
    made = Behind(tmp_path, weights, LONG_CONTEXT)
    yield made
    made.close()


def cost(usage):
    cached = usage.prompt_tokens_details.cached_tokens
    prompt = (usage.prompt_tokens - cached) * PROMPT + cached * CACHED
    return (prompt + usage.completion_tokens * COMPLETION) / 1_000_000


def counts(usage):
    return (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens, usage.prompt_tokens_details.cached_tokens)


def check_billed(behind, name, usage):
    told = behind.generation(name)
    assert told["total_cost"] == cost(usage) > 0
    assert (told["native_tokens_prompt"], told["native_tokens_completion"]) == counts(usage)[:2]
    assert (told["model"], told["provider_name"]) == (MODEL, "llama")


class Streamed:
    def __init__(self, stream):
        chunks = list(stream)
        choices = [c.choices[0] for c in chunks if c.choices]
        self.id = chunks[0].id
        self.text = "".join(c.delta.content or "" for c in choices)
        self.pieces = sum(bool(c.delta.content) for c in choices)
        self.finishes = {c.finish_reason for c in choices if c.finish_reason}
        (self.usage,) = [c.usage for c in chunks if c.usage]
        assert {c.id for c in chunks} == {self.id}


def choices(answer):
    """All that was said, but for what only the gateway adds."""
    return [c.model_dump(exclude={"native_finish_reason"}, exclude_none=True) for c in answer.choices]


def test_a_whole_answer_is_the_providers_and_so_is_its_bill(behind):
    direct, ours = behind.both()
    assert choices(ours) == choices(direct)
    assert len(ours.choices[0].message.content) > 20
    assert ours.choices[0].finish_reason == "length"
    assert counts(ours.usage) == counts(direct.usage)
    assert ours.usage.completion_tokens == ASKED["max_tokens"]
    assert Decimal(str(ours.usage.cost)) == cost(direct.usage)
    check_billed(behind, ours.id, direct.usage)


@pytest.mark.parametrize("tokens", [1, 2, 40, 200])
def test_a_stream_is_the_providers_and_so_is_its_bill(behind, tokens):
    direct, ours = map(Streamed, behind.both(stream=True, max_tokens=tokens, **USAGE))
    assert ours.text == direct.text
    assert ours.pieces == direct.pieces == tokens
    assert ours.finishes == {"length"}
    assert counts(ours.usage) == counts(direct.usage) and ours.usage.completion_tokens == tokens
    assert Decimal(str(ours.usage.cost)) == cost(direct.usage)
    check_billed(behind, ours.id, direct.usage)


def test_the_seed_arrives(behind):
    said = set()
    for seed in (1, 2, 3):
        direct, ours = behind.both(temperature=1, seed=seed)
        assert choices(ours) == choices(direct)
        said.add(ours.choices[0].message.content)
    assert len(said) == 3


@pytest.mark.parametrize("stream", [False, True])
def test_stop_ends_the_answer_before_itself(behind, stream):
    whole = behind.both()[0].choices[0].message.content
    stop = whole[-3:]
    if stream:
        direct, ours = map(Streamed, behind.both(stop=[stop], stream=True, **USAGE))
        text, finishes = ours.text, ours.finishes
    else:
        direct, ours = behind.both(stop=[stop])
        text, finishes = ours.choices[0].message.content, {ours.choices[0].finish_reason}
    assert text == whole[:whole.index(stop)]
    assert finishes == {"stop"}
    assert counts(ours.usage) == counts(direct.usage)
    check_billed(behind, ours.id, direct.usage)


def test_an_answer_that_ends_before_its_first_word(behind):
    at_once = {"logit_bias": {str(END): 100}}
    direct, ours = behind.both(**at_once)
    assert (ours.choices[0].message.content, ours.choices[0].finish_reason) == ("", "stop")
    check_billed(behind, ours.id, direct.usage)
    streamed = Streamed(behind.both(stream=True, **at_once, **USAGE)[1])
    assert (streamed.text, streamed.finishes) == ("", {"stop"})
    check_billed(behind, streamed.id, direct.usage)


@pytest.mark.parametrize("more", [{"logprobs": True, "top_logprobs": 3}, {"n": 2},
                                  {"response_format": {"type": "json_object"}},
                                  {"extra_body": {"top_k": 5, "min_p": 0.1, "repeat_penalty": 1.3}}], ids=str)
def test_what_the_provider_can_do_more_passes(behind, more):
    direct, ours = behind.both(**more)
    assert choices(ours) == choices(direct)
    check_billed(behind, ours.id, direct.usage)


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_provider_had_cached_costs_less(behind, stream):
    more = {"extra_body": {"cache_prompt": True, "id_slot": 0}}  # a cache is a slot's
    behind.both(**more)
    if stream:
        ours = Streamed(behind.both(stream=True, **more, **USAGE)[1])
    else:
        ours = behind.both(**more)[1]
    assert 0 < ours.usage.prompt_tokens_details.cached_tokens < ours.usage.prompt_tokens
    check_billed(behind, ours.id, ours.usage)


@pytest.mark.parametrize("stream", [False, True])
def test_an_output_without_bound_is_bounded_by_what_is_left(behind, stream):
    limit = Decimal("0.0005")
    key = behind.gateway.key("bounded", "--limit", str(limit))
    asked = {k: v for k, v in ASKED.items() if k != "max_tokens"}
    with behind.through(key) as api:
        if stream:
            ours = Streamed(api.chat.completions.create(model=MODEL, stream=True, **asked, **USAGE))
            finishes = ours.finishes
        else:
            ours = api.chat.completions.create(model=MODEL, **asked)
            finishes = {ours.choices[0].finish_reason}
    assert finishes == {"length"} and 0 < ours.usage.completion_tokens < CONTEXT / 2
    assert behind.spent(key) == cost(ours.usage) <= limit


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_too_long_for_the_context(behind, stream):
    before = behind.spent(behind.key)
    with pytest.raises(openai.BadRequestError) as e:
        behind.api.chat.completions.create(
            model=MODEL, stream=stream, messages=[{"role": "user", "content": "toll " * CONTEXT}], max_tokens=8)
    assert e.value.body["metadata"]["error_type"] == "context_length_exceeded"
    assert "context size (512 tokens)" in e.value.body["metadata"]["raw"]
    assert behind.spent(behind.key) == before


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("bad,word", [({"response_format": {"type": "nonsense"}}, "response_format"),
                                      ({"extra_body": {"mirostat": "many"}}, "mirostat")], ids=str)
def test_a_bad_parameter_is_refused_in_the_providers_words(behind, bad, word, stream):
    before = behind.spent(behind.key)
    with pytest.raises(openai.BadRequestError) as e:
        behind.api.chat.completions.create(model=MODEL, stream=stream, **(ASKED | bad))
    assert word in e.value.body["metadata"]["raw"]
    assert behind.spent(behind.key) == before


def begin(behind):
    """A stream that has begun to be answered."""
    asked = ASKED | {"max_tokens": LONG_CONTEXT - 200}
    stream = behind.api.chat.completions.create(model=MODEL, stream=True, **asked)
    first = next(c for c in stream if c.choices and c.choices[0].delta.content)
    return stream, first


def test_a_provider_killed_in_the_midst_of_a_stream(lengthy):
    stream, first = begin(lengthy)
    lengthy.llama.kill()
    with pytest.raises(openai.APIError) as e:
        list(stream)
    assert e.value.body["code"] == 502 and e.value.body["message"]
    assert not any(lengthy.gateway.held().values())
    assert lengthy.generation(first.id)["finish_reason"] == "error"
    lengthy.gateway.verify()
    with pytest.raises(openai.InternalServerError):
        lengthy.api.chat.completions.create(model=MODEL, **ASKED)


def test_a_client_that_leaves_ends_the_providers_work(lengthy):
    stream, first = begin(lengthy)
    assert lengthy.llama.is_busy
    stream.close()
    end = time.monotonic() + 10
    while lengthy.llama.is_busy:
        assert time.monotonic() < end, "the provider still works for a client that left"
    assert not any(lengthy.gateway.held().values())
    assert lengthy.generation(first.id)["cancelled"] is True
    lengthy.gateway.verify()
