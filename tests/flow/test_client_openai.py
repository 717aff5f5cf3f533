"""OpenAI's own Python client, pointed at us, with the built-in simulated provider behind."""

import openai
import pytest

from harness.gateway import Gateway

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}]
HELLO = [{"role": "user", "content": "Hello, echo."}]


def client(gateway: Gateway, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/api/v1", api_key=key, max_retries=0, timeout=30)


@pytest.fixture(scope="module")
def api(simulated):
    with client(simulated, simulated.key("openai client")) as made:
        yield made


def test_chat_whole(api):
    answer = api.chat.completions.create(model="sim/echo", messages=HELLO)
    assert answer.choices[0].message.content == "Hello, echo."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.id.startswith("gen-") and answer.model == "sim/echo"


def test_chat_streamed(api):
    chunks = list(api.chat.completions.create(model="sim/echo", messages=HELLO, stream=True,
                                              stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello, echo."
    assert chunks[-1].usage.completion_tokens > 0


def test_tool_calls_streamed(api):
    with api.chat.completions.stream(model="sim/echo", messages=HELLO, tools=TOOLS, tool_choice="required") as stream:
        final = stream.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert final.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "weather" and call.function.arguments and call.id


def test_models(api):
    assert {"sim/echo", "sim/lorem"} <= {m.id for m in api.models.list()}


def test_401_is_its_own_class(simulated):
    with pytest.raises(openai.AuthenticationError):
        client(simulated, "sk-tp-v1-wrong").chat.completions.create(model="sim/echo", messages=HELLO)


def test_402_or_403_for_a_key_that_cannot_pay(simulated):
    poor = client(simulated, simulated.key("poor", "--limit", "0"))
    with pytest.raises(openai.APIStatusError) as e:
        poor.chat.completions.create(model="sim/echo", messages=HELLO)
    assert e.value.status_code in (402, 403)


def test_404_is_its_own_class(api):
    with pytest.raises(openai.NotFoundError):
        api.chat.completions.create(model="sim/no-such-model", messages=HELLO)


def test_429_is_its_own_class(api):
    with pytest.raises(openai.RateLimitError):
        api.chat.completions.create(model="sim/only-429", messages=HELLO)


def test_a_stream_that_is_cut_raises_instead_of_ending(api):
    with pytest.raises(openai.APIError):
        list(api.chat.completions.create(model="sim/only-cut", messages=HELLO, stream=True))
