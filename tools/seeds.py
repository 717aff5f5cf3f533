#!/usr/bin/env python3
"""Writes the seeds of fuzz_dialect from the golden exchanges: tests/corpus/dialect/FORMAT-NAME-SECTION.

    tools/seeds.py

The first byte is the format's place in dialect.c, the second says whether it is a request, a whole answer or a stream."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORMS = re.findall(r"&dialect_(\w+),", (ROOT / "src/dialect/dialect.c").read_text())
KINDS = {"request": 0, "asked": 0, "whole": 1, "error": 1, "stream": 2}
OUT = ROOT / "tests/corpus/dialect"
OUT.mkdir(parents=True, exist_ok=True)
for path in sorted((ROOT / "tests/golden/forms").glob("*/*.txt")):
    form = path.parent.name
    sections = re.findall(r"^== (.+)\n((?:(?!== ).*\n)*)", path.read_text(), re.M)
    for name, text in sections:
        if name not in KINDS:
            continue
        if name == "stream":
            text = "\n".join(re.sub(r"^event: (.*)\ndata: ", r"\1 ", event).removeprefix("data: ") for event in text.strip().split("\n\n"))
        (OUT / f"{form}-{path.stem}-{name}").write_bytes(bytes([FORMS.index("openai" if name == "asked" else form), KINDS[name]]) + text.encode())
