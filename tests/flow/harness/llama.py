"""llama.py: a real provider that nobody here wrote: llama.cpp's own HTTP server, with random weights made on the spot.

Run as a program, it serves the file of weights given and says where; it ends when its standard input does."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

WIDTH, INNER, HEADS, LAYERS, CONTEXT_MOST = 64, 128, 4, 2, 32768
SEED = 7
UNKNOWN, BEGIN, END = range(3)  # tokens
WORDS = ["▁", *map(chr, range(33, 127)), *"äöüß東京😀\n",
         *(f"▁{w}" for w in "the turn pike toll gate road coin paid".split())]
TEMPLATE = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"


# --- weights ---------------------------------------------------------------------------------------------------------


def write_weights(file: Path) -> None:
    """A model of llama's architecture, half a megabyte. It talks nonsense in valid UTF-8 and never ends by itself."""
    import gguf
    import numpy

    kind = gguf.TokenType
    tokens = [("<unk>", 0.0, kind.UNKNOWN), ("<s>", 0.0, kind.CONTROL), ("</s>", 0.0, kind.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", 0.0, kind.BYTE) for byte in range(256)]
    never_said = len(tokens)
    tokens += [(word, float(len(word)), kind.NORMAL) for word in WORDS]

    w = gguf.GGUFWriter(file, "llama")
    w.add_context_length(CONTEXT_MOST)
    w.add_embedding_length(WIDTH)
    w.add_feed_forward_length(INNER)
    w.add_block_count(LAYERS)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_rope_dimension_count(WIDTH // HEADS)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model("llama")
    w.add_token_list([t[0] for t in tokens])
    w.add_token_scores([t[1] for t in tokens])
    w.add_token_types([t[2] for t in tokens])
    w.add_unk_token_id(UNKNOWN)
    w.add_bos_token_id(BEGIN)
    w.add_eos_token_id(END)
    w.add_chat_template(TEMPLATE)

    random = numpy.random.default_rng(SEED)

    def matrix(rows: int, columns: int) -> Any:
        return (random.standard_normal((rows, columns)) * 2 / columns**0.5).astype(numpy.float32)

    ones = numpy.ones(WIDTH, numpy.float32)
    output = matrix(len(tokens), WIDTH)
    output[:never_said] = 0  # the likeliest of a hundred random words is likelier than that
    w.add_tensor("token_embd.weight", matrix(len(tokens), WIDTH))
    w.add_tensor("output_norm.weight", ones)
    w.add_tensor("output.weight", output)
    for i in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            w.add_tensor(f"blk.{i}.{name}.weight", ones)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            w.add_tensor(f"blk.{i}.{name}.weight", matrix(WIDTH, WIDTH))
        for name, shape in (("ffn_gate", (INNER, WIDTH)), ("ffn_up", (INNER, WIDTH)), ("ffn_down", (WIDTH, INNER))):
            w.add_tensor(f"blk.{i}.{name}.weight", matrix(*shape))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


# --- the server as a process of the test -----------------------------------------------------------------------------


class Llama:
    def __init__(self, weights: Path, log: Path, context: int):
        """context: tokens that one request may fill."""
        with open(log, "wb") as errors:
            self.process = subprocess.Popen([sys.executable, __file__, str(weights), str(context)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        assert self.process.stdout
        address = self.process.stdout.readline().decode().strip()
        if not address:
            self.close()
            raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
        self.port = int(address.rsplit(":", 1)[1])
        self.base_url = f"{address}/v1"

    def get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    @property
    def is_busy(self) -> bool:
        return any(slot["is_processing"] for slot in self.get("/slots"))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()


def serve(weights: str, context: int) -> Iterator[str]:
    """The address once it answers; serves until asked for more."""
    import xllamacpp

    p = xllamacpp.CommonParams()
    p.model.path = weights
    p.hostnames = ["127.0.0.1"]
    p.port = 0
    p.n_parallel = 2  # requests at once
    p.n_ctx = context * p.n_parallel
    p.cpuparams.n_threads = 1
    p.cache_prompt = False  # sums in another order could make another word the likeliest
    p.warmup = False
    server = xllamacpp.Server(p)
    yield server.listening_address


if __name__ == "__main__":
    for listening in serve(sys.argv[1], int(sys.argv[2])):
        print(listening, flush=True)
        sys.stdin.read()
