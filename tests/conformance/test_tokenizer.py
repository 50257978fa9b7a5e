"""Our tokeniser against sentencepiece and against llama.cpp, id for id, over several megabytes of text.

encode_texts (tests/conformance/tools) does our part. sentencepiece runs here, on a model made of the GGUF's own
vocabulary; llama.cpp's ids were made by tests/reference/tokenizer/llama_cpp_ids.py, and are kept as digests. The two
references agree on valid UTF-8. They part where llama.cpp's answer counts, since it is of GGUF files that we speak:
what is no UTF-8 (sentencepiece makes it U+FFFD) and U+2581 written out (in a GGUF, user-defined runs of spaces are
spelt with spaces, so that U+2581 twice is not one of them).
"""

import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests" / "reference"
sys.path[:0] = [str(REFERENCE), str(REFERENCE / "tokenizer")]

import texts  # noqa: E402
from gguf_io import Reader  # noqa: E402
from vocabulary import Vocabulary  # noqa: E402

PROGRAM = Path(os.environ.get("REPRISE_BIN", ROOT / "build" / "dev" / "bin")) / "encode_texts"
MODEL = Path(os.environ.get("REPRISE_MODEL", ROOT / ".deps" / "models" / "gemma-3-270m-q4_k_m.gguf"))
EXPECTED = REFERENCE / "tokenizer" / "gemma3_llama_cpp.json"
ADD_ENDS, PARSE_SPECIAL = 1, 2
WAYS = {"plain": 0, "special": ADD_ENDS | PARSE_SPECIAL}
KINDS = list(texts.VALID) + ["mixed", "pieces", "u2581", "special", "broken"]

pytestmark = [
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"{PROGRAM} is not built"),
    pytest.mark.skipif(not MODEL.exists(), reason=f"no model at {MODEL} (cmake/fetch model, or REPRISE_MODEL)"),
]


def encode(rows, flags=0):
    """(ids, text of the ids) of every text."""
    with subprocess.Popen([PROGRAM, MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        def feed():
            for row in rows:
                process.stdin.write(struct.pack("<II", flags, len(row)) + row)
            process.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        answers = []
        for _ in rows:
            count, = struct.unpack("<I", process.stdout.read(4))
            ids = struct.unpack(f"<{count}i", process.stdout.read(4 * count))
            size, = struct.unpack("<I", process.stdout.read(4))
            answers.append((list(ids), process.stdout.read(size)))
        feeder.join()
    assert process.returncode == 0
    return answers


@pytest.fixture(scope="module")
def metadata():
    metadata = Reader(MODEL).metadata
    if metadata.get("general.architecture") != "gemma3":
        pytest.skip(f"{MODEL} is no gemma3")
    return metadata


@pytest.fixture(scope="module")
def corpus(metadata):
    return dict(texts.corpus([text.replace("▁", " ").encode() for text in metadata["tokenizer.ggml.tokens"]]))


@pytest.fixture(scope="module")
def sentencepiece(metadata):
    return Vocabulary(metadata).pieces


@pytest.fixture(scope="module")
def expected():
    expected = json.loads(EXPECTED.read_text())
    if hashlib.sha256(MODEL.read_bytes()).hexdigest() != expected["model_sha256"]:
        pytest.skip(f"{EXPECTED.name} is of another model than {MODEL}")
    return expected


def first_difference(text, ours, theirs):
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    return f"{text!r}: token {at} of {len(ours)} is {ours[at:at + 3]}, expected {theirs[at:at + 3]} of {len(theirs)}"


@pytest.mark.parametrize("kind", KINDS)
def test_equals_sentencepiece(kind, corpus, sentencepiece):
    rows = [row for row in corpus[kind] if texts.is_valid(row)]
    if kind not in ("u2581", "broken"):
        assert len(rows) > 0.5 * len(corpus[kind])
    for row, (ours, _) in zip(rows, encode(rows)):
        theirs = sentencepiece.encode(row.decode())
        assert ours == theirs, first_difference(row, ours, theirs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_equals_llama_cpp(kind, way, corpus, expected):
    rows = corpus[kind]
    row = expected["kinds"][kind]
    assert texts.digest(rows) == row["texts"], "the texts have changed: run llama_cpp_ids.py again"
    ids = [ours for ours, _ in encode(rows, WAYS[way])]
    assert sum(map(len, ids)) == row[way + "_tokens"]
    assert texts.ids_digest(ids) == row[way]


@pytest.mark.parametrize("way", WAYS)
def test_equals_llama_cpp_case_by_case(way, expected):
    cases = expected["explicit"]
    rows = [bytes.fromhex(case["hex"]) for case in cases]
    for case, row, (ours, _) in zip(cases, rows, encode(rows, WAYS[way])):
        assert ours == case[way], first_difference(row, ours, case[way])


@pytest.mark.parametrize("kind", KINDS)
def test_decodes_to_what_was_encoded(kind, corpus):
    rows = corpus[kind]
    for row, (_, text) in zip(rows, encode(rows)):
        assert text.decode() is not None  # always UTF-8
        if texts.is_valid(row):
            assert text == row
        elif kind == "u2581":
            assert text == row.replace("▁".encode(), b" ")
