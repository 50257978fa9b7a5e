"""Gemma 3 as the weights say it: the reference that every figure about rightness is measured against.

    python tests/reference/float32.py MODEL.gguf [OUT.json] [--float32] [--tiny]

The weights are dequantised to float32 exactly as the format defines them, and nothing else is rounded on
purpose: no quantised activations, no f16 keys and values. To come as near to the exact answer as is cheap, all
arithmetic on those float32 weights is done in float64, so the reference's own error is far below what it
measures; --float32 does it in float32 instead, which shows how little that changes (README.md has the figure).

It reads every dimension from the file. The graph of one token at position p:
    x = E[token] * sqrt(width)
    each layer:
        h = norm(x); q, k, v = products of h; each head of q and k: norm, then rotate by p
        h = attention over the keys of positions (p - window, p], or [0, p] in every sixth layer
        x += norm(product of h)
        h = norm(x); x += norm(down(gelu(gate(h)) * up(h)))
    logits = E * norm(x)

OUT.json, or standard output: {"model", "sha256", "prompts": [...], "perplexity": {...}}. Each prompt of
prompts.py has its text, its token ids, `top`: the ten likeliest first tokens as [id, log-probability], and
`greedy`: the most likely continuation of up to 32 tokens with each step's margin, the best log-probability less
the second. Two engines may part where a margin is about as small as their difference, so a comparison stops
there. `perplexity` has one text's ids and its negative log-likelihood: the sum, and every hundred tokens.
"""

import argparse
import hashlib
import json
import sys

import numpy as np

import gguf_io
import prompts
from vocabulary import Vocabulary

SLIDING_PERIOD = 6  # gemma3: layers 5, 11, 17, ... see everything; the file does not say it
LOCAL_ROPE_BASE = 10000.0  # gemma3: of the sliding layers; the file gives the global layers' base
TOP = 10
GREEDY_TOKENS = 32
PREFILL_CHUNK = 256


class Model:
    """The weights in memory, as `dtype`. Holds no sequence: that is a Cache."""

    def __init__(self, reader, dtype=np.float64):
        meta = reader.metadata
        if meta["general.architecture"] != "gemma3" or "gemma3.rope.scaling.type" in meta:
            raise ValueError("not a gemma3 without RoPE scaling")
        self.dtype = dtype
        self.layer_count = meta["gemma3.block_count"]
        self.width = meta["gemma3.embedding_length"]
        self.heads = meta["gemma3.attention.head_count"]
        self.kv_heads = meta["gemma3.attention.head_count_kv"]
        self.head_width = meta["gemma3.attention.key_length"]
        self.window = meta["gemma3.attention.sliding_window"]
        self.epsilon = meta["gemma3.attention.layer_norm_rms_epsilon"]
        self.rope_base = meta["gemma3.rope.freq_base"]
        self.weights = {name: t.dequantised().astype(dtype) for name, t in reader.tensors.items()}

    def is_global(self, layer):
        return layer % SLIDING_PERIOD == SLIDING_PERIOD - 1

    def norm(self, x, name):
        scale = np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.dtype(self.epsilon))
        return x / scale * self.weights[name + ".weight"]

    def product(self, x, name):
        return x @ self.weights[name + ".weight"].T

    def rotate(self, x, positions, base):
        """x is (tokens, heads, head_width); the halves of a head are the two coordinates."""
        half = self.head_width // 2
        frequencies = base ** (-np.arange(half) / half)
        angle = (positions[:, None] * frequencies).astype(self.dtype)[:, None, :]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)

    def attention(self, x, layer, positions, cache):
        block = f"blk.{layer}."
        shape = (len(x), -1, self.head_width)
        base = self.rope_base if self.is_global(layer) else LOCAL_ROPE_BASE
        q = self.norm(self.product(x, block + "attn_q").reshape(shape), block + "attn_q_norm")
        k = self.norm(self.product(x, block + "attn_k").reshape(shape), block + "attn_k_norm")
        v = self.product(x, block + "attn_v").reshape(shape)
        q = self.rotate(q, positions, base) / np.sqrt(self.dtype(self.head_width))
        keys, values = cache.extend(layer, self.rotate(k, positions, base), v)
        distance = positions[:, None] - np.arange(len(keys))[None, :]
        seen = distance >= 0
        if not self.is_global(layer):
            seen &= distance < self.window
        group = self.heads // self.kv_heads
        out = np.empty_like(q)
        for head in range(self.heads):
            scores = np.where(seen, q[:, head] @ keys[:, head // group].T, -np.inf)
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[:, head] = weights @ values[:, head // group] / weights.sum(axis=-1, keepdims=True)
        return self.product(out.reshape(len(x), -1), block + "attn_output")

    def feed_forward(self, x, layer):
        block = f"blk.{layer}."
        return self.product(gelu(self.product(x, block + "ffn_gate")) * self.product(x, block + "ffn_up"),
                            block + "ffn_down")

    def hidden(self, tokens, cache):
        """The normed rows before the head for `tokens`, which follow what `cache` holds."""
        positions = np.arange(cache.length, cache.length + len(tokens))
        x = self.weights["token_embd.weight"][tokens] * np.sqrt(self.dtype(self.width))
        for layer in range(self.layer_count):
            block = f"blk.{layer}."
            h = self.attention(self.norm(x, block + "attn_norm"), layer, positions, cache)
            x = x + self.norm(h, block + "post_attention_norm")
            h = self.feed_forward(self.norm(x, block + "ffn_norm"), layer)
            x = x + self.norm(h, block + "post_ffw_norm")
        cache.length += len(tokens)
        return self.norm(x, "output_norm")

    def log_probabilities(self, hidden):
        name = "output" if "output.weight" in self.weights else "token_embd"
        logits = self.product(hidden, name)
        peak = logits.max(axis=-1, keepdims=True)
        return logits - peak - np.log(np.exp(logits - peak).sum(axis=-1, keepdims=True))


class Cache:
    """The keys and values of one sequence so far."""

    def __init__(self):
        self.length = 0
        self.keys, self.values = {}, {}

    def extend(self, layer, keys, values):
        if layer in self.keys:
            keys = np.concatenate([self.keys[layer], keys])
            values = np.concatenate([self.values[layer], values])
        self.keys[layer], self.values[layer] = keys, values
        return keys, values


def gelu(x):
    """The tanh form, as Gemma has it."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x * x * x)))


def answer(model, tokens, ends):
    """(top, greedy) of one prompt."""
    cache = Cache()
    row = model.log_probabilities(model.hidden(tokens, cache)[-1:])[0]
    top = [[int(i), round(float(row[i]), 6)] for i in best(row, TOP)]
    chosen, margins = [], []
    while len(chosen) < GREEDY_TOKENS:
        first, second = best(row, 2)
        chosen.append(int(first))
        margins.append(round(float(row[first] - row[second]), 6))
        if chosen[-1] in ends:
            break
        row = model.log_probabilities(model.hidden(chosen[-1:], cache))[0]
    return top, {"tokens": chosen, "margins": margins}


def best(row, count):
    """Ids by falling value, ties to the lower id."""
    some = np.argpartition(-row, count)[: count + 1]
    return sorted(some, key=lambda i: (-row[i], i))[:count]


def negative_log_likelihoods(model, tokens):
    """One value for each token but the first, the whole text as one sequence."""
    cache = Cache()
    losses = []
    for start in range(0, len(tokens) - 1, PREFILL_CHUNK):
        inputs = tokens[start : min(start + PREFILL_CHUNK, len(tokens) - 1)]
        rows = model.log_probabilities(model.hidden(inputs, cache))
        losses += [-row[target] for row, target in zip(rows, tokens[start + 1 :])]
    return np.array(losses)


def reference(path, chosen, dtype=np.float64):
    """The whole of OUT.json as a dict. `chosen` is a set of prompts.py."""
    reader = gguf_io.Reader(path)
    vocabulary = Vocabulary(reader.metadata)
    model = Model(reader, dtype)
    out = {"model": reader.metadata["general.name"], "sha256": digest(path), "prompts": []}
    for name, text in chosen.prompts:
        tokens = vocabulary.encode(text)
        top, greedy = answer(model, tokens, vocabulary.ends)
        greedy["text"] = vocabulary.decode(greedy["tokens"])
        out["prompts"].append({"name": name, "text": text, "tokens": tokens, "top": top, "greedy": greedy})
        print(f"{name}: {len(tokens)} tokens, {greedy['text']!r}", file=sys.stderr)
    tokens = vocabulary.encode(chosen.long_text)
    losses = negative_log_likelihoods(model, tokens)
    out["perplexity"] = {
        "tokens": tokens,
        "nll_sum": round(float(losses.sum()), 6),
        "nll_mean": round(float(losses.mean()), 8),
        "perplexity": round(float(np.exp(losses.mean())), 6),
        "nll_sum_by_100": [round(float(losses[i : i + 100].sum()), 6) for i in range(0, len(losses), 100)],
    }
    print(f"perplexity {out['perplexity']['perplexity']} over {len(losses)} tokens", file=sys.stderr)
    return out


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dump(value, file):
    """JSON that reads well in a diff: a line for each prompt's fields, arrays of numbers on one line."""
    prompts_json = ",\n".join("  " + json.dumps(prompt, ensure_ascii=False) for prompt in value["prompts"])
    rest = {key: item for key, item in value.items() if key != "prompts"}
    head = "".join(f" {json.dumps(key)}: {json.dumps(item)},\n" for key, item in rest.items())
    file.write("{\n" + head + ' "prompts": [\n' + prompts_json + "\n ]\n}\n")


def main():
    parser = argparse.ArgumentParser(description="The float32 reference of a gemma3 GGUF file.")
    parser.add_argument("model")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--float32", action="store_true", help="all arithmetic in float32")
    parser.add_argument("--tiny", action="store_true", help="the prompts of the tiny model")
    options = parser.parse_args()
    chosen = prompts.TINY if options.tiny else prompts.GEMMA
    value = reference(options.model, chosen, np.float32 if options.float32 else np.float64)
    if options.out:
        with open(options.out, "w") as file:
            dump(value, file)
    else:
        dump(value, sys.stdout)


if __name__ == "__main__":
    main()
