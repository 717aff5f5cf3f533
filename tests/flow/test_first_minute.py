"""The first minute: no provider, an empty data directory, and a curl line that works when pasted."""

import json
import re
import subprocess


def test_the_curl_line_it_prints_works_when_pasted(launch):
    gateway = launch()
    gateway.wait_log(msg="listening")
    text = "\n".join(gateway.log)
    assert f"127.0.0.1:{gateway.port}" in text
    keys = re.findall(r"sk-tp-v1-[0-9a-f]{64}", text)
    assert len(set(keys)) == 1

    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.strip().startswith("curl "))
    command = lines[at]
    while command.rstrip().endswith("\\"):
        at += 1
        command = command.rstrip()[:-1] + " " + lines[at]
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["cost"] > 0


def test_the_first_key_is_shown_once(launch):
    gateway = launch()
    first = "\n".join(gateway.log)
    key = re.search(r"sk-tp-v1-[0-9a-f]{64}", first)[0]
    assert gateway.stop() == 0
    gateway.start()
    again = "\n".join(gateway.log)
    assert not re.search(r"sk-tp-v1-[0-9a-f]{64}", again)
    assert gateway.chat(key, "sim/echo").status == 200


def test_a_simulated_provider_runs_on_its_own(launch, tmp_path):
    import os
    import signal
    from harness.gateway import BINARY
    from harness import wire
    process = subprocess.Popen([BINARY, "sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, cwd=tmp_path, env=dict(os.environ))
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
