"""The first minute: no provider, an empty data directory, and a curl line that works when pasted."""

import json
import re
import signal
import subprocess

from harness import wire
from harness.gateway import BINARY

KEY = r"sk-tp-v1-[0-9a-f]{64}"


def test_the_curl_line_it_prints_works_when_pasted(launch):
    gateway = launch()
    command = gateway.wait_text(r"^\s*(curl .*)$")[1]
    text = "\n".join(gateway.log)
    assert f"http://127.0.0.1:{gateway.port}" in text
    assert len(set(re.findall(KEY, text))) == 1
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["cost"] > 0


def test_the_curl_line_works_where_all_addresses_are_listened_on(launch):
    """":PORT" is every address of this machine; what is printed names one of them."""
    gateway = launch(listen=":0")
    command = gateway.wait_text(r"^\s*(curl .*)$")[1]
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert json.loads(done.stdout)["choices"], done.stderr
    assert gateway.wait_text(r"^\s*http://127\.0\.0\.1:\d+/claim\?")


def test_the_first_key_is_shown_once(launch):
    gateway = launch()
    key = gateway.wait_text(KEY)[0]
    assert gateway.stop() == 0
    gateway.start()
    gateway.wait_text(r"^\s*curl ")
    assert not re.search(KEY, "\n".join(gateway.log))
    assert gateway.chat(key, "sim/echo").status == 200


def test_a_simulated_provider_runs_on_its_own(launch, tmp_path):
    process = subprocess.Popen([BINARY, "sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        for line in process.stdout:
            if found := re.search(rb"127\.0\.0\.1:(\d+)", line):
                break
        body = {"model": "echo", "messages": [{"role": "user", "content": "As I said."}]}
        answer = wire.call(int(found[1]), "POST", "/v1/chat/completions", body=body)
        assert answer.status == 200 and answer.text == "As I said."
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
