"""What llama.cpp answers to the same prompts, and how far that and the float32 reference lie apart.

    python tests/reference/llama_cpp_reference.py MODEL.gguf REFERENCE.json [OUT.json]

Needs llama-cpp-python, which builds llama.cpp from source (ten minutes): it is no part of the tests. REFERENCE
is float32.py's output for MODEL. Three things are done:

1. Readers: every tensor of MODEL is dequantised by ggml's own functions and must equal quants.py's to the bit.
2. Exact weights: llama.cpp runs on a copy of MODEL with those float32 weights and with float32 keys and values.
   It then rounds no activation either, so it must agree with the reference within float32's own error; this is
   what shows that the reference is right.
3. As shipped: llama.cpp on MODEL itself, with its 8-bit activations and f16 keys and values. Its distance from
   the reference is the error that users of other engines have, and its answers go into OUT.json.

Token ids: llama.cpp's tokeniser must give the ids that the reference has.
"""

import argparse
import ctypes
import json
import os
import sys
import tempfile

import llama_cpp
import numpy as np

import gguf_io
import quants
from float32 import GREEDY_TOKENS, TOP, best, digest, dump

CONTEXT = 2048
F32, F16 = 0, 1


class Engine:
    """A model in llama.cpp with one sequence on one thread."""

    def __init__(self, path, cache_type):
        llama_cpp.llama_backend_init()
        silence = llama_cpp.llama_log_callback(lambda *_: None)
        self.silence = silence  # ctypes keeps no reference of its own
        llama_cpp.llama_log_set(silence, ctypes.c_void_p(0))
        model_params = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), model_params)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_threads, params.n_threads_batch = CONTEXT, CONTEXT, 1, 1
        params.type_k = params.type_v = cache_type
        params.flash_attn = False
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.width = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        self.batch = llama_cpp.llama_batch_init(CONTEXT, 0, 1)
        self.length = 0

    def close(self):
        llama_cpp.llama_batch_free(self.batch)
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def tokenise(self, text):
        blob = text.encode()
        out = (llama_cpp.llama_token * (len(blob) + 8))()
        count = llama_cpp.llama_tokenize(self.vocabulary, blob, len(blob), out, len(out), True, True)
        return list(out[:count])

    def restart(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        self.length = 0

    def decode(self, tokens, every=False):
        """Log-probabilities after the last of `tokens`, or after each of them."""
        self.batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            self.batch.token[i] = token
            self.batch.pos[i] = self.length + i
            self.batch.n_seq_id[i] = 1
            self.batch.seq_id[i][0] = 0
            self.batch.logits[i] = every or i == len(tokens) - 1
        if llama_cpp.llama_decode(self.context, self.batch) != 0:
            raise RuntimeError("llama_decode failed")
        self.length += len(tokens)
        return [self.row(i) for i in range(len(tokens))] if every else self.row(-1)

    def row(self, index):
        pointer = llama_cpp.llama_get_logits_ith(self.context, index)
        logits = np.ctypeslib.as_array(pointer, shape=(self.width,)).astype(np.float64)
        logits -= logits.max()
        return logits - np.log(np.exp(logits).sum())


def ggml_library():
    folder = os.path.dirname(llama_cpp.__file__)
    return ctypes.CDLL(os.path.join(folder, "lib", "libggml-base.so"))


def check_readers(reader):
    """Compares quants.py with ggml, tensor by tensor; returns the types that occurred."""
    library = ggml_library()
    seen = set()
    for tensor in reader.tensors.values():
        seen.add(quants.NAMES[tensor.type])
        name = "dequantize_row_" + quants.NAMES[tensor.type].lower().replace("_k", "_K")
        function = getattr(library, name, None)
        if function is None:
            continue  # F32, F16 and BF16 have no such function
        ours = tensor.dequantised().reshape(-1)
        theirs = np.empty_like(ours)
        data = bytes(tensor.data)
        function(data, theirs.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(ours.size))
        if not np.array_equal(ours.view(np.uint32), theirs.view(np.uint32)):
            raise AssertionError(f"{tensor.name}: differs from ggml's {name}")
    return sorted(seen)


def write_exact_copy(reader, path):
    writer = gguf_io.Writer()
    writer.entries = reader.entries
    for tensor in reader.tensors.values():
        writer.add_tensor(tensor.name, tensor.shape, quants.F32, tensor.dequantised().tobytes())
    writer.write(path)


def answers(engine, reference):
    """For each prompt the log-probabilities of the reference's ten tokens, its own ten, and its greedy answer."""
    out = []
    for prompt in reference["prompts"]:
        if engine.tokenise(prompt["text"]) != prompt["tokens"]:
            raise AssertionError(f"{prompt['name']}: llama.cpp has other token ids")
        engine.restart()
        row = engine.decode(prompt["tokens"])
        here = {
            "name": prompt["name"],
            "top": [[int(i), round(float(row[i]), 6)] for i in best(row, TOP)],
            "reference_top": [[i, round(float(row[i]), 6)] for i, _ in prompt["top"]],
            "greedy": {"tokens": []},
        }
        for wanted in prompt["greedy"]["tokens"][:GREEDY_TOKENS]:
            here["greedy"]["tokens"].append(int(best(row, 1)[0]))
            if here["greedy"]["tokens"][-1] != wanted:
                break  # from here on it answers another text
            row = engine.decode([wanted])
        out.append(here)
    return out


def mean_loss(engine, tokens):
    engine.restart()
    rows = engine.decode(tokens[:-1], every=True)
    return float(np.mean([-row[target] for row, target in zip(rows, tokens[1:])]))


def distance(prompts, reference, loss):
    gaps = [abs(ours[1] - theirs[1])
            for here, there in zip(prompts, reference["prompts"])
            for ours, theirs in zip(here["reference_top"], there["top"])]
    steps = sum(len(there["greedy"]["tokens"]) for there in reference["prompts"])
    equal = sum(a == b for here, there in zip(prompts, reference["prompts"])
                for a, b in zip(here["greedy"]["tokens"], there["greedy"]["tokens"]))
    return {
        "top10_average": round(float(np.mean(gaps)), 6),
        "top10_max": round(float(np.max(gaps)), 6),
        "greedy_steps": steps,
        "greedy_equal_until_parting": equal,
        "nll_mean": round(loss, 8),
        "perplexity_percent": round(100 * (np.exp(loss - reference["perplexity"]["nll_mean"]) - 1), 4),
    }


def run(path, cache_type, reference):
    engine = Engine(path, cache_type)
    prompts = answers(engine, reference)
    loss = mean_loss(engine, reference["perplexity"]["tokens"])
    engine.close()
    return prompts, distance(prompts, reference, loss)


def main():
    parser = argparse.ArgumentParser(description="llama.cpp beside the float32 reference.")
    parser.add_argument("model")
    parser.add_argument("reference")
    parser.add_argument("out", nargs="?")
    options = parser.parse_args()
    with open(options.reference) as file:
        reference = json.load(file)
    if reference["sha256"] != digest(options.model):
        raise SystemExit("the reference is of another model")
    reader = gguf_io.Reader(options.model)
    print("equal to ggml's readers:", *check_readers(reader), file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        exact_path = os.path.join(folder, "exact.gguf")
        write_exact_copy(reader, exact_path)
        _, exact = run(exact_path, F32, reference)
    print("exact weights:", json.dumps(exact), file=sys.stderr)
    prompts, shipped = run(options.model, F16, reference)
    print("as shipped:", json.dumps(shipped), file=sys.stderr)
    value = {
        "model": reference["model"], "sha256": reference["sha256"], "llama_cpp_python": llama_cpp.__version__,
        "distance_exact_weights": exact, "distance_as_shipped": shipped, "prompts": prompts,
    }
    with open(options.out, "w") if options.out else sys.stdout as file:
        dump(value, file)


if __name__ == "__main__":
    main()
