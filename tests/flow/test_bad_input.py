"""Thousands of malformed requests: each is refused as the client's mistake, and the server stays as it was."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from harness import load, wire
from harness.gateway import MIB, MODEL, SLUG

MALFORMED = 4096
STREAMS = 512
LANES = 16
GOOD = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}


def head(body: bytes, key: str, **fields: str) -> bytes:
    all_fields = {"Host": "x", "Authorization": f"Bearer {key}", "Content-Type": "application/json",
                  "Content-Length": str(len(body))} | fields
    return ("POST " + SLUG + " HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in all_fields.items()) + "\r\n").encode(
        "latin-1")


def post(body: bytes, key: str, **fields: str) -> bytes:
    return head(body, key, **fields) + body


# --- bodies that are wrong, made by a seeded generator ---

WRONG_TYPES: dict[str, list[Any]] = {
    "model": [1, True, None, [], {}, "", "no-such/model", "x" * 5000, "a/b\u0000c"],
    "messages": [None, 1, "hi", {}, [], [1], ["x"], [None], [[]], [{}], [{"role": "user"}, 7],
                 [{"role": 5, "content": "x"}], [{"role": "king", "content": "x"}]],
    "max_tokens": ["16", -1, 0, 1.5, [], {}, True, 1e300, 2 ** 63],
    "stream": ["true", 1, 0, [], {}, "yes"],
    "temperature": ["warm", [], {}, True],
    "models": ["x", 1, {}, [1], [None], [[]]],
    "provider": ["x", 1, [], True],
    "stream_options": ["x", 1, [], True],
    "tools": ["x", 1, {}, True],
    "top_p": ["x", [], {}],
    "stop": [1, {}, True],
    "n": ["x", [], 2.5, -3],
    "user": [1, [], {}],
}
MUST_REFUSE = {"model", "messages", "max_tokens", "stream"}  # the gateway itself reads these


def wrong_type(rng: random.Random) -> dict[str, Any]:
    field = rng.choice(sorted(MUST_REFUSE))
    return GOOD | {field: rng.choice(WRONG_TYPES[field])}


def truncated(rng: random.Random) -> bytes:
    text = json.dumps(GOOD | {"seed": rng.randrange(1000)}).encode()
    return text[:rng.randrange(len(text))]


def bad_bytes(rng: random.Random) -> bytes:
    text = bytearray(json.dumps(GOOD).encode())
    at = text.index(b"hello") + rng.randrange(5)
    text[at:at + 1] = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"\x00", b"\x1f",
                                  b"\n", b"\\x", b"\\u12", b"\\ud800", b"\\udc00\\ud800", b'"', b"\xf4\x90\x80\x80"])
    return bytes(text)


def broken_syntax(rng: random.Random) -> bytes:
    text = bytearray(json.dumps(GOOD).encode())
    places = [i for i, c in enumerate(text) if c in b'{}[],:"']
    at = rng.choice(places)
    text[at:at + 1] = rng.choice([b"", b";", b"{", b"]", b"'", b"//", b",,"])
    return bytes(text)


def not_an_object(rng: random.Random) -> bytes:
    return rng.choice([b"", b" ", b"null", b"1", b'"x"', b"[]", b"true", b"{}{}", b"{} x", b"nul", b"{", b"}", b"\xef\xbb\xbf",
                       b"-", b"01", b"1e", b"[" * rng.randrange(1, 3000), b'{"a":' * rng.randrange(1, 3000),
                       bytes(rng.randrange(256) for _ in range(rng.randrange(1, 60)))])


def twice(rng: random.Random) -> bytes:
    field = rng.choice(["model", "messages", "max_tokens", "mod\\u0065l"])
    return json.dumps(GOOD)[:-1].encode() + f', "{field}": {json.dumps(rng.choice(["x", 1, None]))}}}'.encode()


def number(rng: random.Random) -> bytes:
    bad = rng.choice(["01", "+1", "1.", ".5", "1e", "0x10", "NaN", "Infinity", "-", "1_000", "--1", "1e+", "tru"])
    return json.dumps(GOOD)[:-1].encode() + f', "temperature": {bad}}}'.encode()


CORPUS = Path(__file__).resolve().parents[1] / "corpus"


def from_corpus(rng: random.Random) -> bytes:
    """What the fuzzers begin with; bytes of it may change places."""
    text = bytearray(rng.choice(sorted((CORPUS / "json").iterdir())).read_bytes())
    for _ in range(rng.randrange(3)):
        text[rng.randrange(len(text))] = rng.choice(text)
    return bytes(text)


MAKERS = [wrong_type, truncated, bad_bytes, broken_syntax, not_an_object, twice, number, from_corpus]


def malformed_body(rng: random.Random) -> bytes:
    """Some mutations leave JSON behind that is right; those are made again."""
    while True:
        made = rng.choice(MAKERS)(rng)
        if isinstance(made, dict):
            return json.dumps(made).encode()
        if not is_good(made):
            return made


def is_good(raw: bytes) -> bool:
    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def never(_):
        raise ValueError

    try:
        value = json.loads(raw.decode(), object_pairs_hook=once, parse_constant=never)
        json.dumps(value, ensure_ascii=False).encode()  # refuses lone surrogates
        return isinstance(value, dict) and {"model", "messages"} <= set(value) and raw.lstrip()[:1] == b"{"
    except (ValueError, AssertionError, RecursionError):
        return False


# --- heads and framing that are wrong ---

SIZES = [b"-1", b"+5", b"0x5", b"5 5", b"5, 5", b"5,6", b"", b"1e1", b"5.0", b"five", b"18446744073709551616", b"9" * 40]
CODINGS = [b"chunked, chunked", b"identity", b"xchunked", b"gzip, chunked", b"chunked, gzip", b"chunked;q=1", b'"chunked"', b"",
           b"\x0bchunked", b"chunked,"]
CHUNKS = [b"zz\r\n", b"\r\n", b"-1\r\n", b"+5\r\n", b"0x5\r\n", b" 5\r\n", b"f" * 17 + b"\r\n", b"5\nhello\r\n0\r\n\r\n",
          b"5\r\nhelloX\r\n0\r\n\r\n", b"5;a\x01b\r\nhello\r\n0\r\n\r\n", b"5;" + b"a" * 9000 + b"\r\n"]
VERSIONS = [b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.10", b"HTTP/1", b"HTTX/1.1", b"", b"HTTP/1.1 "]
LINES = [b"nonsense", b": v", b"X : v", b"X\t: v", b"X Y: v", b"X\xe9: v", b"X: a\0b", b"X: a\x01b", b"X: a\rb", b" folded",
         b"\tfolded", b"Host: again", b"Host: h", b"Content-Length: 2", b"Transfer-Encoding: chunked", b"X: " + b"y" * 70_000]


def malformed_head(rng: random.Random, key: str) -> bytes:
    """A request that is right but for one thing."""
    lines = head(b"{}", key).split(b"\r\n")[:-2]
    at = rng.randrange(1, len(lines) + 1)
    match rng.randrange(7):
        case 0:
            return b"\r\n".join(lines[:at]) + b"\n" + b"\r\n".join(lines[at:] + [b"", b"{}"])
        case 1:
            lines[0] = lines[0].replace(b"HTTP/1.1", rng.choice(VERSIONS))
        case 2:
            lines[-1] = b"Content-Length: " + rng.choice(SIZES)
        case 3:
            lines[-1] = b"Transfer-Encoding: " + rng.choice(CODINGS)
        case 4:
            lines[-1] = b"Transfer-Encoding: chunked"
            return b"\r\n".join([*lines, b"", rng.choice(CHUNKS)])
        case 5:
            lines.insert(at, rng.choice(LINES))
        case 6:
            lines = [line for line in lines if not line.startswith(b"Host")]
    return b"\r\n".join([*lines, b"", b"{}"])


def assert_clients_mistake(answer: wire.Answer, sent: bytes) -> None:
    assert 400 <= answer.status < 500, (answer.status, sent[-400:], answer.body[:300])
    error = answer.json()["error"]
    assert error["code"] == answer.status and error["message"], sent[:400]


async def refuse_all(port: int, requests: list[bytes]) -> None:
    waiting = list(requests)

    async def lane() -> None:
        connection = await wire.Connection.open(port)
        while waiting:
            raw = waiting.pop()
            try:
                await connection.send(raw)
            except wire.GONE:  # it has answered before it read all
                pass
            answer = await asyncio.wait_for(connection.answer(), 30)
            assert_clients_mistake(answer, raw)
            assert answer.complete
            if answer.headers.get("connection", "").lower() == "close":
                await connection.close()
                connection = await wire.Connection.open(port)
        await connection.close()

    await asyncio.gather(*(lane() for _ in range(LANES)))


def test_four_thousand_malformed_requests_are_refused_and_nothing_grows(pair):
    rng = random.Random(4096)
    requests = [malformed_head(rng, pair.key) if i % 3 == 0 else post(malformed_body(rng), pair.key)
                for i in range(MALFORMED)]
    asyncio.run(refuse_all(pair.gateway.port, requests[:512]))
    before = pair.gateway.memory()
    asyncio.run(refuse_all(pair.gateway.port, requests[512:]))
    assert pair.gateway.memory() - before < 4 * MIB
    assert pair.gateway.chat(pair.key).status == 200
    assert len(pair.provider.requests) == 1, "a malformed request reached the provider"
    assert pair.gateway.stop() == 0


@pytest.mark.parametrize("field", sorted(WRONG_TYPES))
def test_a_field_of_a_wrong_type_is_never_our_error(shared, field):
    for value in WRONG_TYPES[field]:
        answer = shared.gateway.call("POST", SLUG, shared.key, GOOD | {field: value})
        assert answer.status < 500, (value, answer.body)
        if field in MUST_REFUSE and value not in ([], 0, None) or (field, value) == ("messages", []):
            assert_clients_mistake(answer, repr(value).encode())


# --- heads and framing ---

RAW: dict[str, tuple[bytes, set[int]]] = {
    # name: (bytes with {key} and {path}, statuses that are right)
    "not http": (b"hello there\r\n\r\n", {400}),
    "tls hello": (bytes.fromhex("16030100a5010000a10303") + b"\x00" * 150 + b"\r\n", {400}),
    "binary": (bytes(range(256)), {400}),
    "http/0.9": (b"GET /\r\n\r\n", {400}),
    "http/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    "http/3.7": (b"GET /health HTTP/3.7\r\nHost: x\r\n\r\n", {400}),
    "unknown method": (b"BREW {path} HTTP/1.1\r\nHost: x\r\n\r\n", {400, 405, 501}),
    "lower-case method": (b"post {path} HTTP/1.1\r\nHost: x\r\n\r\n", {400, 405, 501}),
    "no host": (b"GET /api/v1/models HTTP/1.1\r\n\r\n", {400}),
    "host with a space": (b"GET /api/v1/models HTTP/1.1\r\nHost: a b\r\n\r\n", {400}),
    "host with a path": (b"GET /api/v1/models HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}),
    "the same host twice": (b"GET /api/v1/models HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", {400}),
    "two hosts": (b"GET /api/v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    "space before colon": (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n", {400}),
    "folded header": (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n", {400}),
    "header without colon": (b"GET /health HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", {400}),
    "empty header name": (b"GET /health HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", {400}),
    "zero byte in header": (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\n\r\n", {400}),
    "bare carriage return": (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: b\rX-B: c\r\n\r\n", {400}),
    "space in target": (b"GET /health and more HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "control byte in target": (b"GET /hea\x01lth HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "too long a target": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {400, 414, 431}),
    "too long a header": (b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n", {400, 431}),
    "too many headers": (b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) +
                         b"\r\n", {400, 431}),
    "length and chunked": (b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"0\r\n\r\n", {400}),
    "two lengths": (b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", {400}),
    "length list": (b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello", {400}),
    "negative length": (b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", {400}),
    "length with sign": (b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello", {400}),
    "length in hex": (b"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello", {400}),
    "huge length": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 99999999999999999999"
                    b"\r\n\r\n", {400, 413}),
    "large length": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 9999999999\r\n\r\n",
                     {413}),
    "chunked not last": (b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", {400, 501}),
    "chunked twice": (b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"0\r\n\r\n", {400, 401}),
    "disguised chunked": (b"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello",
                          {400, 501}),
    "bad chunk size": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"zz\r\n", {400}),
    "huge chunk size": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"ffffffffffffffffff\r\n", {400, 413}),
    "chunk without end": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\n2\r\n{}X\r\n", {400}),
    "unknown content encoding": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Encoding: br\r\n"
                                 b"Content-Type: application/json\r\nContent-Length: 5\r\n\r\nhello", {400, 415}),
    "unknown expectation": (b"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nExpect: miracles\r\n"
                            b"Content-Length: 2\r\n\r\n{}", {400, 417}),
    "connect": (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", {400, 404, 405}),
    "absolute target elsewhere": (b"GET http://elsewhere.example/nothing HTTP/1.1\r\nHost: x\r\n\r\n", {400, 404, 421}),
    "percent of nothing": (b"GET /api/v1/generation?id=%zz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n",
                           {400, 404}),
    "upgrade": (b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", {400, 404}),
}


async def one_raw(port: int, raw: bytes) -> wire.Answer:
    async with await wire.Connection.open(port) as c:
        try:
            await c.send(raw)
        except wire.GONE:  # it has answered before it read all
            pass
        return await asyncio.wait_for(c.answer(), 20)


@pytest.mark.parametrize("name", RAW)
def test_a_head_or_framing_that_is_wrong(shared, name):
    raw, statuses = RAW[name]
    raw = raw.replace(b"{path}", SLUG.encode()).replace(b"{key}", shared.key.encode())
    answer = asyncio.run(one_raw(shared.gateway.port, raw))
    assert answer.status in statuses, (answer.status, answer.body)
    assert_clients_mistake(answer, raw)
    assert shared.gateway.get("/health").status == 200


def test_nothing_is_smuggled_past_a_refused_request(shared):
    """What follows a request whose framing is in doubt is never taken for a request."""
    smuggled = b"GET /api/v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    for framing in (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
                    b"Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
                    b"Content-Length : 0\r\n\r\n",
                    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"):
        async def both():
            async with await wire.Connection.open(shared.gateway.port) as c:
                await c.send(b"POST /nothing HTTP/1.1\r\nHost: x\r\n" + framing + smuggled)
                return await asyncio.wait_for(c.reader.read(-1), 20)
        assert asyncio.run(both()).count(b"HTTP/1.1 ") == 1


def test_pipelined_requests_are_answered_in_order(shared):
    async def both():
        async with await wire.Connection.open(shared.gateway.port) as c:
            body = json.dumps(GOOD).encode()
            await c.send(post(body, shared.key) + wire.build("GET", "/health") + post(b"{", shared.key) +
                         post(body, shared.key))
            return [(await c.answer()).status for _ in range(4)]

    assert asyncio.run(both()) == [200, 200, 400, 200]


def test_a_body_above_its_ceiling_is_413(launch, provide):
    from harness.gateway import one_model
    gateway = launch(one_model(provide(), limits={"body": "64KiB"}))
    gateway.grant()
    key = gateway.key()
    big = json.dumps(GOOD | {"user": "x" * 70_000}).encode()
    fits = json.dumps(GOOD | {"user": "x" * 60_000}).encode()

    async def chunked():
        async with await wire.Connection.open(gateway.port) as c:
            raw = head(b"", key).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            await c.send(raw + b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in (big[:40000], big[40000:])) +
                         b"0\r\n\r\n")
            return await c.answer()

    assert gateway.call("POST", SLUG, key, fits).status == 200
    assert gateway.call("POST", SLUG, key, big).status == 413
    assert asyncio.run(chunked()).status == 413


def test_a_client_that_leaves_in_the_middle_of_its_request(shared):
    body = json.dumps(GOOD).encode()
    raw = post(body, shared.key)

    async def leave():
        for at in range(1, len(raw), 7):
            c = await wire.Connection.open(shared.gateway.port)
            await c.send(raw[:at])
            await c.close()

    asyncio.run(leave())
    assert shared.gateway.chat(shared.key).status == 200


@pytest.mark.parametrize("size", [1, 2, 5, 17])
def test_a_request_that_comes_in_pieces(shared, size):
    raw = post(json.dumps(GOOD).encode(), shared.key)

    async def dribble():
        async with await wire.Connection.open(shared.gateway.port) as c:
            for at in range(0, len(raw), size):
                await c.send(raw[at:at + size])
                await asyncio.sleep(0)
            return await c.answer()

    assert asyncio.run(dribble()).status == 200


def test_a_chunked_request_is_a_request(shared):
    body = json.dumps(GOOD).encode()

    async def chunked():
        async with await wire.Connection.open(shared.gateway.port) as c:
            raw = head(b"", shared.key).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            pieces = [body[i:i + 9] for i in range(0, len(body), 9)]
            await c.send(raw + b"".join(f"{len(p):X};ext=1\r\n".encode() + p + b"\r\n" for p in pieces) +
                         b"0\r\nTrailer-Field: x\r\n\r\n")
            return await c.answer()

    assert asyncio.run(chunked()).status == 200


def test_expect_continue_is_continued(shared):
    body = json.dumps(GOOD).encode()

    async def waits():
        async with await wire.Connection.open(shared.gateway.port) as c:
            await c.send(head(body, shared.key, Expect="100-continue"))
            assert (await c.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
            await c.send(body)
            return await c.answer()

    assert asyncio.run(asyncio.wait_for(waits(), 20)).status == 200


def test_deep_nesting_is_refused_and_harmless(shared):
    for depth in (1000, 100_000):
        body = json.dumps(GOOD)[:-1].encode() + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
        answer = shared.gateway.call("POST", SLUG, shared.key, body)
        assert answer.status in (400, 413)


# --- providers whose streams are wrong ---


def malformed_stream(rng: random.Random) -> bytes:
    text = bytearray(rng.choice(sorted((CORPUS / "sse").iterdir())).read_bytes())
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(text))
        text[at:at + rng.randrange(3)] = rng.choice([b"", b"\n", b"\r", b"\n\n", b"\0", b"\xff", b"data:", b"event: error\n",
                                                     b"{", b"}"])
    return bytes(text[:rng.randrange(len(text))] if rng.random() < 0.3 else text)


def test_a_stream_of_any_bytes_ends_well_or_with_an_error(pair):
    """Never as if whole without a reason to finish, never with a hold left."""
    rng = random.Random(19)

    async def any_bytes(x):
        await x.begin_stream()
        text = malformed_stream(rng)
        step = rng.choice([1, 7, 4096])
        if step == 1:
            text = text[:400]
        for at in range(0, len(text), step):
            await x.piece(text[at:at + step])
        if rng.random() < 0.8:
            await x.raw(b"0\r\n\r\n")
        else:
            x.close()

    pair.provider.script = any_bytes
    outcomes = asyncio.run(load.run(pair.gateway.port, pair.key, [GOOD | {"stream": True}] * STREAMS, LANES))
    for o in outcomes:
        assert o.answer and o.answer.complete
        if o.status != 200:
            assert o.status in (400, 429, 500, 502, 503, 529) and o.answer.error["message"], o.answer
            continue
        finishes = {c["choices"][0]["finish_reason"] for c in o.answer.chunks if c.get("choices")} - {None}
        assert finishes and ("error" in finishes) != o.answer.is_done, o.answer
    assert not any(pair.gateway.held().values())
    pair.gateway.verify()
