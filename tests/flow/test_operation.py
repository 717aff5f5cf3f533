"""Running it: configuration errors, reload, shutdown, logs, metrics, the command line beside a server."""

import asyncio
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import script, wire
from harness.gateway import BINARY, MODEL, SLOWER, SLUG, Gateway, logfmt, model, one_model

GOOD = """\
listen: 127.0.0.1:0
providers:
  one:
    dialect: openai
    base_url: http://127.0.0.1:9/v1
    api_key: x
models:
  - id: a/b
    endpoints:
      - provider: one
        model: b
        price: { prompt: 1, completion: 2 }
"""

MISTAKES = {
    # name: (replace, by, line, what the sentence must hold)
    "misspelt setting": ("listen:", "lisen:", 1, ["lisen", "listen"]),
    "misspelt provider setting": ("base_url:", "base_ur:", 5, ["base_ur", "base_url"]),
    "misspelt price": ("completion: 2", "completions: 2", 12, ["completions", "completion"]),
    "unknown provider": ("provider: one", "provider: onee", 10, ["onee", "one"]),
    "unknown dialect": ("dialect: openai", "dialect: openia", 4, ["dialect", "openai"]),
    "price that is no number": ("prompt: 1,", "prompt: cheap,", 12, ["price.prompt"]),
    "negative price": ("prompt: 1,", "prompt: -1,", 12, ["price.prompt"]),
    "a list where a map is": ("listen: 127.0.0.1:0", "listen: [a, b]", 1, ["listen"]),
    "no yaml": ("  one:", "  one: [", 4, []),
    "twice": ("    api_key: x", "    api_key: x\n    api_key: y", 7, ["api_key"]),
    "unset variable": ("api_key: x", "api_key: ${NO_SUCH_VARIABLE_HERE}", 6, ["NO_SUCH_VARIABLE_HERE"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_configuration_error_names_file_line_and_nearest_name(tmp_path, name):
    old, new, line, words = MISTAKES[name]
    assert old in GOOD
    gateway = Gateway(tmp_path, GOOD.replace(old, new, 1))
    for command in (("config", "check", str(gateway.config)), ("serve",)):
        done = gateway.run(*command)
        assert done.returncode in (1, 2), (command, done)
        assert "turnpike.yaml" in done.stderr
        if name != "no yaml":
            assert re.search(rf"turnpike\.yaml\W+(line )?{line}\b", done.stderr), done.stderr
        for word in words:
            assert word in done.stderr, done.stderr


def test_a_good_configuration_is_checked_and_shown_with_its_origins_and_without_secrets(tmp_path):
    """Portkey PR #1657: provider options were shown unredacted."""
    gateway = Gateway(tmp_path, GOOD.replace("api_key: x", "api_key: sk-very-secret-value"))
    assert gateway.run("config", "check", str(gateway.config)).returncode == 0
    shown = gateway.run("config", "show")
    assert shown.returncode == 0, shown.stderr
    assert "sk-very-secret-value" not in shown.stdout + shown.stderr
    assert "turnpike.yaml" in shown.stdout and "TURNPIKE_DATA" in shown.stdout and "default" in shown.stdout


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path):
    gateway = Gateway(tmp_path, GOOD.replace("127.0.0.1:0", "127.0.0.1:1111"))
    assert "127.0.0.1:1111" in gateway.run("config", "show").stdout
    gateway.env["TURNPIKE_LISTEN"] = "127.0.0.1:2222"
    shown = gateway.run("config", "show").stdout
    assert "127.0.0.1:2222" in shown and "TURNPIKE_LISTEN" in shown


def ids(gateway: Gateway) -> set[str]:
    return {m["id"] for m in gateway.get("/api/v1/models").json()["data"]}


def serves(gateway: Gateway, *names: str) -> bool:
    """Asked so often that every worker was asked."""
    return all(ids(gateway) == set(names) for _ in range(12))


def until(check, seconds: float = 5):
    end = time.monotonic() + seconds
    while not (got := check()):
        assert time.monotonic() < end, "it did not come about"
    return got


def test_hangup_swaps_the_configuration_and_a_bad_one_is_refused(pair):
    gateway = pair.gateway
    settings = one_model(pair.provider)
    settings["models"].append(model("test/second", "scripted"))
    gateway.configure(settings)
    gateway.signal(signal.SIGHUP)
    until(lambda: serves(gateway, MODEL, "test/second"))
    assert gateway.chat(pair.key, "test/second").status == 200

    lines = len(gateway.log)
    gateway.configure(gateway.config.read_text().replace("providers:", "provders:"))
    gateway.signal(signal.SIGHUP)
    said = until(lambda: [l for l in gateway.log[lines:] if "provders" in l])
    assert "turnpike.yaml" in said[0] and logfmt(said[0])["level"] in ("error", "warn")
    assert serves(gateway, MODEL, "test/second")
    assert gateway.chat(pair.key, "test/second").status == 200


def test_a_request_under_way_keeps_its_configuration_through_a_reload(pair):
    gateway, go = pair.gateway, threading.Event()

    async def waits(x):
        await asyncio.to_thread(go.wait, 30)
        await script.chat()(x)

    pair.provider.script = waits
    answers = []
    asking = threading.Thread(target=lambda: answers.append(gateway.chat(pair.key)))
    asking.start()
    pair.provider.wait_requests(1)
    settings = one_model(pair.provider)
    settings["models"] = [model("test/other", "scripted")]
    gateway.configure(settings)
    gateway.signal(signal.SIGHUP)
    until(lambda: serves(gateway, "test/other"))
    go.set()
    asking.join()
    assert answers[0].status == 200 and answers[0].json()["model"] == MODEL


def test_sigterm_lets_streams_finish(pair):
    gateway, go = pair.gateway, threading.Event()

    async def waits(x):
        await x.begin_stream()
        await x.event(script.chunk({"content": "before "}))
        await asyncio.to_thread(go.wait, 30)
        await x.event(script.chunk({"content": "after"}, "stop"))
        await x.event(script.usage_chunk(script.usage(3, 2)))
        await x.end_stream()

    pair.provider.script = waits

    async def ask():
        async with await wire.Connection.open(gateway.port) as c:
            body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "x"}]}
            await c.send(wire.build("POST", SLUG, {"Authorization": f"Bearer {pair.key}"}, body))
            answer = await c.head()
            pieces = c.pieces(answer)
            async for piece in pieces:
                answer.body += piece
                if b"before" in answer.body:
                    break
            gateway.signal(signal.SIGTERM)
            await asyncio.to_thread(refuses_new_ones)
            go.set()
            async for piece in pieces:
                answer.body += piece
            return answer

    def refuses_new_ones():
        def is_refused():
            try:
                return gateway.get("/health", seconds=5).status == 503
            except OSError:
                return True
            except wire.GONE:
                return True
        until(is_refused)

    answer = asyncio.run(asyncio.wait_for(ask(), 60))
    assert answer.complete and answer.is_done and answer.text == "before after"
    assert gateway.wait() == 0


def test_after_the_grace_streams_are_told_and_nobody_holds_up_the_end(launch, provide):
    """Nor who keeps a connection that is over, nor who never sends the rest of a body."""
    async def endless(x):
        await x.begin_stream()
        while True:
            await x.event(script.chunk({"content": "more "}))
            await asyncio.sleep(0.05)

    gateway = launch(one_model(provide(endless), shutdown="500ms"))
    gateway.grant()
    key = gateway.key()
    field = {"Authorization": f"Bearer {key}"}
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": "x"}]}

    async def both():
        async with await wire.Connection.open(gateway.port) as over, await wire.Connection.open(gateway.port) as slow, \
                   await wire.Connection.open(gateway.port) as c:
            assert (await over.request("GET", "/health", {"Connection": "close"})).complete
            await slow.send(wire.build("POST", SLUG, field | {"Content-Length": "1000"}, b"{"))
            await c.send(wire.build("POST", SLUG, field, body))
            await c.reader.readuntil(b"more ")
            gateway.signal(signal.SIGTERM)
            rest = await c.reader.read(-1)
            status = await asyncio.to_thread(gateway.wait, 3 * SLOWER)
            return rest, status, await slow.reader.read(-1)

    began = time.monotonic()
    rest, status, slow = asyncio.run(asyncio.wait_for(both(), 60))
    assert status == 0 and time.monotonic() - began < 4 * SLOWER
    assert rest.endswith(b"0\r\n\r\n") and b"[DONE]" not in rest
    last = json.loads(rest.rsplit(b"data: ", 1)[1].split(b"\n")[0])
    assert last["error"]["code"] == 503 and last["choices"][0]["finish_reason"] == "error" and last["usage"]["cost"] > 0
    assert slow.startswith(b"HTTP/1.1 503 ")
    gateway.verify()


def test_a_model_tells_what_it_takes(launch):
    seeing = model("house/seeing", "house") | {"input": ["text", "image"]}
    gateway = launch({"providers": {"house": {"base_url": "http://127.0.0.1:9/v1"}}, "models": [seeing, model("house/plain", "house")]})
    told = {m["id"]: m["architecture"] for m in gateway.get("/api/v1/models").json()["data"]}
    assert told["house/seeing"]["input_modalities"] == ["text", "image"] and told["house/seeing"]["modality"] == "text+image->text"
    assert told["house/plain"]["input_modalities"] == ["text"] and told["house/plain"]["modality"] == "text->text"
    gateway.configure({"providers": {"house": {"base_url": "http://127.0.0.1:9/v1"}}, "models": [seeing | {"input": ["text", "smell"]}]})
    done = gateway.run("config", "check")
    assert done.returncode == 1 and "input" in done.stderr and "[text, image]" in done.stderr


def test_a_gateway_whose_log_nobody_reads_still_stops(tmp_path):
    command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path) as p:
        port = int(re.search(rb"address=127\.0\.0\.1:(\d+)", p.stdout.readline())[1])

        async def many() -> None:
            async with await wire.Connection.open(port) as c:
                for _ in range(1000):
                    assert (await c.request("GET", "/health")).status == 200

        asyncio.run(many())
        p.send_signal(signal.SIGTERM)
        assert p.wait(20 * SLOWER) == 0


def test_every_request_leaves_one_line_and_no_prompt(pair):
    gateway = pair.gateway
    answer = gateway.chat(pair.key, messages=[{"role": "user", "content": "the-prompt-itself"}])
    refused = gateway.chat("sk-tp-v1-nothing")
    for a in (answer, refused):
        wanted = a.headers["x-request-id"]
        lines = until(lambda: [l for l in gateway.log if wanted in l])
        assert len(lines) == 1, lines
        fields = logfmt(lines[0])
        assert fields["status"] == str(a.status)
    assert not any("the-prompt-itself" in line or pair.key in line for line in gateway.log)


def test_a_line_names_the_provider_that_was_asked_and_none_where_nobody_was(pair):
    gateway = pair.gateway
    for key, named in ((pair.key, True), (gateway.key("poor", "--limit", "0"), False)):
        wanted = gateway.chat(key).headers["x-request-id"]
        fields = logfmt(until(lambda: [l for l in gateway.log if wanted in l])[0])
        assert fields["model"] == MODEL and ("provider" in fields) == named


def counted(gateway: Gateway, status: int) -> float:
    return gateway.metrics().get(f'turnpike_requests_total{{status="{status}"}}', 0)


def test_what_the_gateway_answers_itself_leaves_its_line_too(pair):
    gateway, secret = pair.gateway, "sk-tp-v1-pasted-into-a-path"
    asked = [("GET", "/api/v1/key", pair.key), ("GET", "/api/v1/models?x=" + secret, None),
             ("GET", f"/api/v1/keys/{secret}", pair.key), ("GET", f"/nowhere/{secret}", None),
             ("PUT", "/api/v1/models", None), ("OPTIONS", "/api/v1/models", None), ("GET", "/login", None)]
    for method, path, key in asked:
        answer = gateway.call(method, path, key)
        wanted = answer.headers["x-request-id"]
        lines = until(lambda: [l for l in gateway.log if wanted in l])
        fields = logfmt(lines[0])
        assert len(lines) == 1 and fields["msg"] == "request" and fields["status"] == str(answer.status), lines
        assert answer.status >= 400 or method == "OPTIONS" or (fields["method"] == "GET" and fields["route"] in path)
    assert not any(secret in line or pair.key in line for line in gateway.log)
    line = until(lambda: [l for l in gateway.log if "route=/key " in l])[0]
    assert logfmt(line)["key"].startswith("sk-tp-v1-") and logfmt(line)["address"] == "127.0.0.1"


def test_what_is_refused_below_the_routes_is_counted_and_told_once(pair):
    """No HTTP, a body that grows too large or makes no sense: by the status that the client got."""
    gateway = pair.gateway
    head = f"POST {SLUG} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {pair.key}\r\n"
    cases = [(400, b"GET / NONSENSE\r\n\r\n"), (400, (head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n").encode()),
             (413, (head + f"Content-Length: {1 << 40}\r\n\r\n").encode())]
    for status, sent in cases:
        before, lines = counted(gateway, status), len(gateway.log)

        async def ask():
            async with await wire.Connection.open(gateway.port) as c:
                await c.send(sent)
                return await c.reader.read(-1)

        answer = asyncio.run(asyncio.wait_for(ask(), 30))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert counted(gateway, status) == before + 1
        told = until(lambda: [l for l in gateway.log[lines:] if "msg=request" in l and f"status={status} " in l + " "])
        assert len(told) == 1 and not [l for l in gateway.log[lines:] if "status=499" in l]


def test_health(shared):
    assert shared.gateway.get("/health").status == 200


def test_metrics_are_prometheus_text_and_count(pair):
    gateway = pair.gateway
    for stream in (False, True):
        assert gateway.chat(pair.key, stream=stream).status == 200

    async def broken(x):
        await x.respond(500, {"error": {"message": "no"}})

    pair.provider.script = broken
    assert gateway.chat(pair.key).status in (502, 503, 500)
    found = gateway.metrics()
    names = {k.split("{")[0] for k in found}
    for subject in ("requests", "tokens", "cost", "hold", "attempts"):
        assert any(subject in n for n in names), f"nothing about {subject} in {sorted(names)}"
    attempts = {k: v for k, v in found.items() if "attempts" in k}
    outcomes = set(re.findall(r'outcome="([^"]+)"', " ".join(k for k, v in attempts.items() if v)))
    assert len(outcomes) >= 2, attempts
    tokens = sum(v for k, v in found.items() if "tokens" in k and "bucket" not in k)
    assert tokens >= 22


def test_a_key_made_beside_the_server_works_within_a_second(shared):
    assert shared.gateway.agrees(shared.gateway.key("fresh"), 200)


def test_a_disabled_key_stops_within_a_second(shared):
    made = shared.gateway.cli("key", "create", "--name", "to stop")
    assert shared.gateway.agrees(made["key"], 200)
    shared.gateway.cli("key", "disable", made["data"]["hash"])
    assert shared.gateway.agrees(made["key"], 401)
    assert shared.gateway.chat(made["key"]).status == 401


def test_a_command_beside_the_server_takes_no_file_from_under_it(pair):
    pair.gateway.cli("key", "create", "--name", "beside")
    pair.gateway.run("ledger", "verify")
    descriptors = Path(f"/proc/{pair.gateway.process.pid}/fd")
    assert not [t for fd in descriptors.iterdir() if (t := os.readlink(fd)).endswith("(deleted)")]


def test_two_servers_on_one_data_directory_do_not_both_run(pair, tmp_path):
    done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0"], env=pair.gateway.env, capture_output=True,
                          text=True, timeout=20, cwd=tmp_path)
    assert done.returncode == 1 and str(pair.gateway.data) in done.stderr


def test_a_port_that_is_taken_is_a_sentence_and_exit_1(pair, tmp_path):
    data = tmp_path / "other"
    done = subprocess.run([BINARY, "serve", "--listen", f"127.0.0.1:{pair.provider.port}", "--data", str(data)],
                          env=pair.gateway.env, capture_output=True, text=True, timeout=20, cwd=tmp_path)
    assert done.returncode == 1 and str(pair.provider.port) in done.stderr


def test_it_says_its_version_and_how_it_is_used(tmp_path):
    gateway = Gateway(tmp_path)
    version = gateway.run("version")
    assert version.returncode == 0 and version.stdout.strip()
    assert gateway.run("--help").returncode == 0


@pytest.mark.parametrize("command", ["serve", "sim"])
def test_a_port_in_use_is_told(launch, tmp_path, command):
    """The workers share their port with each other, but with no other process: it would take half of the requests."""
    first = launch()
    where = f"127.0.0.1:{first.port}"
    line = [BINARY, command, "--data", str(tmp_path / "second"), "--listen", where]
    second = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 1
    assert f"cannot listen on {where}: address already in use" in second.stderr
    assert first.get("/health").status == 200
    first.stop()
    # The one that ended leaves nothing behind that is in the way: its side of the connections waits (TIME_WAIT).
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as again:
        assert any("msg=listening" in told for told in again.stderr)
        again.terminate()
        if command == "serve":  # the start that failed has not made the key that is shown once
            assert any(told.startswith("Your first API key") for told in again.stderr)
        assert again.wait(20) == 0


def test_every_setting_is_documented():
    root = Path(__file__).parents[2]
    page = (root / "docs/configuration.md").read_text()
    names = {name for file in (root / "src/app").glob("config_*.c")
             for name in re.findall(r'\b(?:SETTING|PROVIDER|DEADLINE|MODEL|ENDPOINT|OIDC|FIELD)\("([a-z0-9_.]+)"', file.read_text())}
    assert len(names) > 60
    assert sorted(name for name in names if f"`{name}`" not in page) == []
