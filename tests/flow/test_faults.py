"""Every row of the table of faults, whole and streamed, with a second endpoint and without.

All of them are played at once against one gateway, since some take as long as a deadline; each test then looks at
what its client got."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from harness import wire
from harness.gateway import MIB, SLOWER, SLUG, logfmt

FIRST_BYTE, IDLE = 10, 5  # seconds; the simulated provider's deadlines
PROMPT = "canary-of-a-prompt-9f3b"
FAULTS = ["429-retry-after", "429", "500-once", "503", "reset", "refused", "silent", "slow-first", "cut", "stall",
          "malformed", "no-done", "context", "filter", "error-first", "flapping", "no-usage", "auth"]
CASES = [(fault, kind, stream) for fault in FAULTS for kind in ("fault", "only") for stream in (False, True)]
SLOW = ("silent", "slow-first")  # as long as a first-byte deadline
COUNTING = ("500-once", "flapping")
FLAPS = 6


@dataclass
class Played:
    answers: list[wire.Answer]
    port: int
    key: str

    @property
    def last(self) -> wire.Answer:
        return self.answers[-1]


async def ask(port: int, key: str, model: str, stream: bool, **more: Any) -> wire.Answer:
    body = {"model": model, "stream": stream, "max_tokens": 64,
            "messages": [{"role": "user", "content": f"{PROMPT} and a few words more, so that it can be cut."}]} | more
    began = time.monotonic()
    answer = await wire.request(port, "POST", SLUG, {"Authorization": f"Bearer {key}"}, body)
    answer.seconds = time.monotonic() - began
    return answer


async def play(port: int, key: str, cases: list[tuple[str, str, bool]]) -> dict[tuple[str, str, bool], Played]:
    """All cases at once, but for faults that count their requests: those are asked one after the other."""
    out = {}

    async def lane(fault: str, kinds: tuple[str, ...], streams: tuple[bool, ...]) -> None:
        for kind in kinds:
            for stream in streams:
                times = FLAPS if fault == "flapping" else 1
                answers = [await ask(port, key, f"sim/{kind}-{fault}", stream) for _ in range(times)]
                out[fault, kind, stream] = Played(answers, port, key)

    lanes = [lane(fault, ("fault", "only"), (False, True)) for fault in COUNTING]
    lanes += [lane(fault, (kind,), (stream,)) for fault, kind, stream in cases if fault not in COUNTING]
    await asyncio.gather(*lanes)
    return out


@pytest.fixture(scope="module")
def played(simulated, request):
    """Of those that take long only what some test here is going to look at."""
    is_quick = request.config.option.markexpr == "not slow"
    cases = [case for case in CASES if not (is_quick and case[0] in SLOW)]
    return asyncio.run(play(simulated.port, simulated.key("faults"), cases))


def assert_answered(a: wire.Answer, stream: bool, finish: str = "stop") -> None:
    """A proper answer from somewhere, properly ended, and billed."""
    assert a.status == 200, a.body
    assert a.complete
    assert a.text
    assert a.usage["cost"] > 0
    if stream:
        assert a.is_done
        assert not [c for c in a.chunks if "error" in c]
        assert a.chunks[-1]["choices"][0]["finish_reason"] == finish
    else:
        assert a.json()["choices"][0]["finish_reason"] == finish


def assert_refused(a: wire.Answer, status: int) -> dict[str, Any]:
    assert a.status == status, (a.status, a.body[:300])
    assert a.complete and a.headers["content-type"].startswith("application/json")
    assert a.error["code"] == status and a.error["message"]
    assert "choices" not in a.json()
    return a.error


def assert_cut(a: wire.Answer) -> dict[str, Any]:
    """Begun, and told in the stream that it did not end well: never a clean end."""
    assert a.status == 200
    assert not a.is_done, "a cut stream ended as if whole"
    last = a.chunks[-1]
    assert last["choices"][0]["finish_reason"] == "error", last
    assert last["error"]["code"] >= 400 and last["error"]["message"]
    assert last["id"] == a.headers["x-generation-id"]
    finishes = {c["choices"][0]["finish_reason"] for c in a.chunks if c.get("choices")}
    assert finishes <= {None, "error"}
    assert a.text, "nothing came before the cut"
    return last["error"]


def generation(gateway, played: Played) -> dict[str, Any]:
    name = played.last.headers["x-generation-id"]
    found = gateway.get(f"/api/v1/generation?id={name}", played.key)
    assert found.status == 200, found.body
    return found.json()["data"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault,status", [("429-retry-after", 429), ("429", 429), ("503", 503), ("reset", 502),
                                          ("refused", 502), ("auth", 502)])
def test_a_provider_that_refuses(played, fault, status, stream):
    with_second = played[fault, "fault", stream].last
    assert_answered(with_second, stream)
    assert with_second.seconds < 2 * SLOWER
    alone = played[fault, "only", stream].last
    assert_refused(alone, status)
    assert alone.headers.get("retry-after") == ("1" if fault == "429-retry-after" else None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_a_failure_that_passes_is_tried_again(played, kind, stream):
    assert_answered(played["500-once", kind, stream].last, stream)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
def test_silence(played, stream):
    with_second = played["silent", "fault", stream].last
    assert_answered(with_second, stream)
    assert FIRST_BYTE - 1 < with_second.seconds < FIRST_BYTE + 3 * SLOWER
    alone = played["silent", "only", stream].last
    if stream and alone.status == 200:  # kept alive by comments meanwhile, so the status was already told
        assert not alone.is_done and alone.chunks[-1]["error"]["code"] == 504
    else:
        assert_refused(alone, 504)
    assert FIRST_BYTE - 1 < alone.seconds < FIRST_BYTE + 3 * SLOWER


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_a_slow_first_token_is_waited_for(played, kind, stream):
    answer = played["slow-first", kind, stream].last
    assert_answered(answer, stream)
    assert answer.seconds > 7
    if stream:
        assert answer.comments_before_data > 0, "nothing kept the stream alive"


@pytest.mark.parametrize("kind", ["fault", "only"])
def test_a_stream_that_is_cut(simulated, played, kind):
    case = played["cut", kind, True]
    assert assert_cut(case.last)["code"] == 502
    assert generation(simulated, case)["finish_reason"] == "error"


@pytest.mark.parametrize("kind", ["fault", "only"])
def test_a_stream_that_stalls(simulated, played, kind):
    case = played["stall", kind, True]
    assert assert_cut(case.last)["code"] == 504
    assert IDLE - 1 < case.last.seconds < IDLE + 3 * SLOWER
    assert generation(simulated, case)["finish_reason"] == "error"


@pytest.mark.parametrize("kind", ["fault", "only"])
def test_an_event_that_is_not_json(simulated, played, kind):
    case = played["malformed", kind, True]
    assert assert_cut(case.last)["code"] == 502
    assert generation(simulated, case)["total_cost"] > 0, "the usage so far was not settled"


@pytest.mark.parametrize("fault,status", [("cut", 502), ("stall", 504), ("malformed", 502)])
def test_a_whole_answer_that_breaks_has_reached_nobody_yet(played, fault, status):
    assert_answered(played[fault, "fault", False].last, False)
    assert_refused(played[fault, "only", False].last, status)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_an_answer_without_its_done_is_an_answer(played, kind, stream):
    assert_answered(played["no-done", kind, stream].last, stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_too_long_a_context_is_no_reason_to_ask_the_next_endpoint(simulated, played, kind, stream):
    case = played["context", kind, stream]
    error = assert_refused(case.last, 400)
    assert error["metadata"]["error_type"] == "context_length_exceeded"
    answer = asyncio.run(ask(case.port, case.key, f"sim/{kind}-context", stream, models=["sim/echo"]))
    assert_answered(answer, stream)
    assert (answer.chunks[0] if stream else answer.json())["model"] == "sim/echo"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_a_filtered_answer_is_passed_on_as_it_is(played, kind, stream):
    answer = played["filter", kind, stream].last
    assert answer.status == 200 and answer.complete
    last = answer.chunks[-1] if stream else answer.json()
    assert last["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_before_any_content(played, stream):
    assert_answered(played["error-first", "fault", stream].last, stream)
    alone = played["error-first", "only", stream].last
    assert alone.status >= 400
    assert_refused(alone, alone.status)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_an_endpoint_that_flaps_answers_and_its_health_shows_it(simulated, played, kind, stream):
    case = played["flapping", kind, stream]
    for answer in case.answers:
        assert_answered(answer, stream)
    before = failures(simulated)
    for _ in range(2):
        assert asyncio.run(ask(case.port, case.key, f"sim/{kind}-flapping", stream)).status == 200
    assert failures(simulated) > before
    got = simulated.get(f"/api/v1/models/sim/{kind}-flapping/endpoints", case.key).json()["data"]["endpoints"]
    for span in ("uptime_last_5m", "uptime_last_30m", "uptime_last_1d"):
        assert 0 < got[0][span] < 100
    if kind == "fault":
        assert got[1]["uptime_last_1d"] == 100


def failures(gateway) -> float:
    return sum(v for k, v in gateway.metrics().items() if k.startswith("turnpike_attempts_total") and
               'outcome="failed"' in k)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_usage_that_the_provider_does_not_tell_is_counted_here_and_marked(simulated, played, kind, stream):
    case = played["no-usage", kind, stream]
    answer = case.last
    assert_answered(answer, stream)
    assert answer.usage["prompt_tokens"] > 0 and answer.usage["completion_tokens"] > 0
    assert generation(simulated, case)["estimated"] is True
    assert generation(simulated, played["no-done", kind, stream])["estimated"] is False


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["fault", "only"])
def test_a_huge_answer_is_passed_on_with_bounded_memory(simulated, kind, stream):
    async def huge() -> wire.Answer:
        body = {"model": f"sim/{kind}-huge", "stream": stream, "messages": [{"role": "user", "content": "x"}]}
        return await wire.request(simulated.port, "POST", SLUG, {"Authorization": f"Bearer {key}"}, body, keep=False)

    key = simulated.key("huge")
    before = simulated.memory()
    answer = asyncio.run(huge())
    assert answer.status == 200 and answer.complete
    assert answer.size >= 64 << 20
    grown = simulated.memory("VmHWM") - before
    assert grown < 24 * MIB, f"{grown >> 20} MiB more"


def test_the_operator_is_told_of_a_bad_credential(simulated, played):
    told = [fields for line in simulated.log if (fields := logfmt(line)).get("level") == "error"]
    assert [fields for fields in told if "credential" in fields["msg"] and fields["provider"] == "sim"]


def test_afterwards_nothing_is_held_and_the_ledger_agrees(simulated, played):
    assert not any(simulated.held().values())
    simulated.verify()


def test_afterwards_no_prompt_and_no_key_is_anywhere(simulated, played):
    key = next(iter(played.values())).key
    for place in [simulated.log_file, *simulated.data.rglob("*")]:
        if place.is_file():
            content = place.read_bytes()
            assert PROMPT.encode() not in content, f"a prompt in {place}"
            assert key.encode() not in content, f"a key in {place}"
    text = simulated.get("/metrics").body
    assert PROMPT.encode() not in text and key.encode() not in text


def test_what_the_simulated_provider_refuses_has_its_reason(simulated):
    """Its words are told like any provider's: no credential is in them."""
    asked = {"model": "sim/echo", "n": 3, "messages": [{"role": "user", "content": "x"}]}
    answer = simulated.call("POST", SLUG, simulated.key("refused"), asked)
    assert (answer.status, answer.error["metadata"]["raw"]) == (
        400, "n: the simulated provider gives one choice, not more")
