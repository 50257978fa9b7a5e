"""llama.cpp's ids for the texts of texts.py: makes gemma3_llama_cpp.json, which the conformance test reads.

    PYTHON tests/reference/tokenizer/llama_cpp_ids.py MODEL.gguf tests/reference/tokenizer/gemma3_llama_cpp.json

PYTHON is one with `llama-cpp-python==0.3.16` and numpy; its build takes a quarter of an hour, and is no part of any
test. Per kind of text and way of encoding the file has a digest over all ids; the explicit cases have theirs
written out. "plain" is without BOS and with special text as text, "special" with BOS and special text parsed.
"""

import ctypes
import hashlib
import json
import sys
from pathlib import Path

import llama_cpp

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import texts  # noqa: E402
from gguf_io import Reader  # noqa: E402

WAYS = {"plain": (False, False), "special": (True, True)}


@llama_cpp.llama_log_callback
def quiet(_level, _text, _data):
    pass


class LlamaCpp:
    def __init__(self, path):
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        llama_cpp.llama_log_set(quiet, None)
        self.model = llama_cpp.llama_load_model_from_file(str(path).encode(), params)
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)

    def encode(self, text, way):
        add, parse = WAYS[way]
        room = (ctypes.c_int32 * (3 * len(text) + 16))()
        count = llama_cpp.llama_tokenize(self.vocabulary, text, len(text), room, len(room), add, parse)
        assert count >= 0
        return list(room[:count])


def main(model, out):
    pieces = [text.replace("▁", " ").encode() for text in Reader(model).metadata["tokenizer.ggml.tokens"]]
    engine = LlamaCpp(model)
    data = {"model_sha256": hashlib.sha256(Path(model).read_bytes()).hexdigest(),
            "llama_cpp_python": llama_cpp.__version__, "kinds": {}, "explicit": []}
    for name, rows in texts.corpus(pieces):
        data["kinds"][name] = {"texts": texts.digest(rows), "bytes": sum(map(len, rows))}
        for way in WAYS:
            ids = [engine.encode(text, way) for text in rows]
            data["kinds"][name][way] = texts.ids_digest(ids)
            data["kinds"][name][way + "_tokens"] = sum(map(len, ids))
    for text in texts.EXPLICIT:
        data["explicit"].append({"hex": text.hex(), **{way: engine.encode(text, way) for way in WAYS}})
    rows = [json.dumps(row) for row in data["explicit"]]
    kinds = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in data["kinds"].items()]
    Path(out).write_text(
        f'{{"model_sha256": "{data["model_sha256"]}", "llama_cpp_python": "{llama_cpp.__version__}",\n'
        '"kinds": {\n' + ",\n".join(kinds) + '},\n"explicit": [\n' + ",\n".join(rows) + "]}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
