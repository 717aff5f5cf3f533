"""Tokens that are no text: counted as the provider counts them, priced as the file says, set aside for where they can come."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from harness import script
from harness.gateway import MODEL, model, one_model

PRICE = {"prompt": 2, "completion": 8, "cache_read": 1, "cache_write": 2.5, "cache_write_1h": 4, "audio": 40, "audio_cache_read": 5,
         "audio_output": 80, "image": 3, "image_output": 30}
MILLION = Decimal(1000000)
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


def settings(provider: script.Provider, dialect: str = "openai") -> dict[str, Any]:
    out = one_model(provider)
    out["providers"]["scripted"]["dialect"] = dialect
    out["models"][0]["endpoints"][0]["price"] = PRICE
    return out


def test_audio_and_images_have_prices_of_their_own(launch, provide):
    details = {"prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 40, "image_tokens": 20},
               "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 30, "image_tokens": 5}}
    gateway = launch(settings(provide(script.chat(prompt=100, output=50, **details))))
    gateway.grant()
    key = gateway.key()
    cost = (30 * 2 + 10 * 1 + 40 * 40 + 20 * 3 + 15 * 8 + 30 * 80 + 5 * 30) / MILLION
    for stream in (False, True):
        usage = gateway.chat(key, stream=stream, modalities=["text", "audio"],
                             messages=[{"role": "user", "content": [SOUND]}]).usage
        assert Decimal(str(usage["cost"])) == cost
        assert usage["prompt_tokens_details"]["audio_tokens"] == 40 and usage["prompt_tokens_details"]["image_tokens"] == 20
        assert usage["completion_tokens_details"] == {"reasoning_tokens": 0, "audio_tokens": 30, "image_tokens": 5}
        parts = usage["cost_details"]
        assert Decimal(str(parts["upstream_inference_prompt_cost"])) == (30 * 2 + 10 + 40 * 40 + 20 * 3) / MILLION
        assert Decimal(str(parts["upstream_inference_completions_cost"])) == (15 * 8 + 30 * 80 + 5 * 30) / MILLION
    gateway.verify()


def test_what_is_kept_for_an_hour_costs_more(launch, provide):
    async def messages(x: script.Exchange) -> None:
        usage = {"input_tokens": 5, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 20, "output_tokens": 7,
                 "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}
        await x.respond(200, {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
                              "content": [{"type": "text", "text": "Hi"}], "usage": usage})

    gateway = launch(settings(provide(messages), "anthropic"))
    gateway.grant()
    key = gateway.key()
    cost = (Decimal(5 * 2 + 20 * 1 + 20 * 4 + 7 * 8) + 10 * Decimal("2.5")) / MILLION
    usage = gateway.chat(key).usage
    assert Decimal(str(usage["cost"])) == cost and usage["prompt_tokens_details"]["cache_write_tokens"] == 30
    told = gateway.call("POST", "/api/v1/messages", key, {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]})
    assert told.json()["usage"]["cache_creation"] == {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}


def test_the_catalog_tells_them(launch, provide):
    gateway = launch(settings(provide()))
    pricing = gateway.get("/api/v1/models").json()["data"][0]["pricing"]
    assert {k: Decimal(v) * MILLION for k, v in pricing.items()} == {
        "prompt": 2, "completion": 8, "request": 0, "input_cache_read": 1, "input_cache_write": Decimal("2.5"), "internal_reasoning": 8,
        "input_cache_write_1h": 4, "audio": 40, "input_audio_cache": 5, "audio_output": 80, "image_token": 3, "image_output": 30}
    plain = launch(one_model(provide())).get("/api/v1/models").json()["data"][0]["pricing"]
    assert set(plain) == {"prompt", "completion", "request", "input_cache_read", "input_cache_write", "internal_reasoning"}


@pytest.mark.parametrize("content,more,status", [("Hi", {}, 200), ([SOUND], {}, 402), ("Hi", {"modalities": ["text", "audio"]}, 402)],
                         ids=["text", "hears", "speaks"])
def test_only_who_may_hear_or_speak_must_have_the_money_for_it(launch, provide, content, more, status):
    """A text of some hundred bytes: 0.0006 dollars as text, 0.01 as audio; an answer of 100 tokens 0.003 and 0.008."""
    gateway = launch(settings(provide(script.chat(prompt=9, output=2))))
    gateway.grant()
    answer = gateway.chat(gateway.key("poor", "--limit", "0.005"), max_tokens=100, messages=[{"role": "user", "content": content}], **more)
    assert answer.status == status, answer.body
