"""A tiny gemma3 as a GGUF file, made from a seed: every key, tensor and tensor type of the real file, in 0.5 MB.

    python tests/reference/tiny_model.py OUT.gguf [--seed N] [--wide | --slow]

What is as in Gemma 3 270M Q4_K_M: the metadata keys and their types, the order of the tensors, the mix of
types (Q5_0, Q8_0, Q4_K, Q6_K, F32), layer 5 global and the others sliding, the ids and kinds of all special
tokens up to 493 (<eos> 1, <bos> 2, <start_of_turn> 105, <end_of_turn> 106, new lines, spaces, tags, bytes),
then ranked pieces, single characters last, tabs, and unused control tokens at the end.

What is small: six layers of width 64, a window of 80 tokens, a context of 2,048, 1,021 tokens. No dimension
that a kernel might round up is a multiple of it where the format lets it be otherwise.

The weights are noise, so the text is noise too, but of a useful kind:
- The next token depends on the whole context, answers hardly repeat themselves, and the best token's lead is
  mostly far larger than rounding.
- An answer does not end by itself: dimension 0 of the residual stream is a constant that no layer writes, and
  the rows of control tokens are turned against it. A logit_bias of 100 on 106 ends an answer at once; a stop
  string or max_tokens ends it like any other.
- Bytes are held back by the same means, yet about one token in twenty is one, so unfinished characters occur.

--wide gives each matrix another type, so that all eleven of quants.py occur. --slow makes a model of the same
vocabulary that needs some 20 million products a token, for tests that must interrupt an answer half way.

The file is equal to the byte for a given seed on every machine: the noise is sums of integers.
"""

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np

import gguf_io
import quants
from gguf_io import BOOL, FLOAT32, INT32, STRING, UINT32

EOS, BOS, UNKNOWN, PAD, START_OF_TURN, END_OF_TURN = 1, 2, 3, 0, 105, 106
FIRST_BYTE, FIRST_PIECE = 238, 494
VOCABULARY_SIZE = 1021
TAB_COUNT, TAIL_UNUSED = 8, 6

NORMAL, CONTROL, USER_DEFINED, BYTE = 1, 3, 4, 6
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # U+2581, how normal pieces write a space

TAG_GROUPS = (
    "table caption thead tbody tfoot tr th td", "h1 h2 h3 h4 h5 h6 blockquote", "strong em b i u s sub sup code",
    "a html body img span bbox ul li div iframe footer",
)

# What the pieces are learnt from.
CORPUS = """
The sky is blue because the air scatters the short waves of the light of the sun more than the long ones. When
the sun is low, its light passes through more of the air, and what is left of it is red. A message is written
onto a stream and stays there; whoever wants to know what happened reads it again from the start. There is no
other way to be certain that two machines have seen the same thing in the same order. She asked why the answer
was different this time, and he said that it should not be: the same question has the same answer, today and
tomorrow, alone or in company. Write a short story about a lighthouse keeper who finds a letter in a bottle.
What is the capital of France? How many legs does a spider have? Please explain the difference between a list
and a tuple. I would like to understand how a compiler turns a program into machine code. Der Himmel ist blau,
weil die Luft das kurzwellige Licht der Sonne stärker streut als das langwellige. Wenn die Sonne tief steht,
geht ihr Licht durch mehr Luft, und was übrig bleibt, ist rot. Warum ist das so? int main(void) { return 0; }
for (int i = 0; i < n; i++) { sum += x[i] * y[i]; } def add(a, b): return a + b print(add(1, 2)) if not found:
raise ValueError("not found") 1 2 3 4 5 6 7 8 9 10 11 12 100 1000 2026 3.14 天空为什么是蓝色的？因为空气散射短波。
"""
SINGLES = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?'\"()[]{}<>+-*/=%&#@$^_~|\\`"
    "äöüßÄÖÜéèêçñ–—…“”„€°"
)


@dataclass(frozen=True)
class Shape:
    layers: int = 6
    width: int = 64
    heads: int = 4
    kv_heads: int = 1
    head_width: int = 64
    ff: int = 256
    context: int = 2048
    window: int = 80


TINY = Shape()
SLOW = Shape(width=256, ff=4096)

# -- the vocabulary ----------------------------------------------------------------------------------------


def learn_pieces(count):
    """The `count` most useful merges of CORPUS, best first: byte pair encoding with words led by SPACE."""
    words = Counter(tuple(SPACE + word) for word in CORPUS.split())
    pieces = []
    while len(pieces) < count:
        pairs = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += times
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        pieces.append("".join(best))
        merged = Counter()
        for word, times in words.items():
            merged[merge_pair(word, best)] += times
        words = merged
    return list(dict.fromkeys(pieces))


def merge_pair(word, pair):
    out = []
    for symbol in word:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return tuple(out)


def tags():
    for group in TAG_GROUPS:
        names = group.split()
        yield from (f"<{name}>" for name in names)
        yield from (f"</{name}>" for name in names)


def vocabulary():
    """Three lists of equal length: texts, kinds, scores."""
    rows = [("<pad>", CONTROL), ("<eos>", CONTROL), ("<bos>", CONTROL), ("<unk>", CONTROL), ("<mask>", CONTROL)]
    rows += [("[multimodal]", USER_DEFINED)]
    rows += [(f"<unused{n}>", CONTROL) for n in range(99)]
    rows += [("<start_of_turn>", CONTROL), ("<end_of_turn>", CONTROL)]
    rows += [("\n" * n, USER_DEFINED) for n in range(1, 32)]
    rows += [(" " * n, USER_DEFINED) for n in range(2, 32)]  # with spaces, as the real file has them
    rows += [(tag, USER_DEFINED) for tag in tags()]
    assert len(rows) == FIRST_BYTE
    rows += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    singles = list(dict.fromkeys(SPACE + SINGLES + "".join(sorted(set("".join(CORPUS.split()))))))
    tail = [("\t" * n, USER_DEFINED) for n in range(1, TAB_COUNT + 1)]
    tail += [(f"<unused{99 + n}>", CONTROL) for n in range(TAIL_UNUSED)]
    merges = learn_pieces(VOCABULARY_SIZE - len(rows) - len(singles) - len(tail))
    rows += [(piece, NORMAL) for piece in merges + singles] + tail
    assert len(rows) == VOCABULARY_SIZE and len(set(text for text, _ in rows)) == VOCABULARY_SIZE
    scores = [score_of(index, kind) for index, (_, kind) in enumerate(rows)]
    return [text for text, _ in rows], [kind for _, kind in rows], scores


def score_of(index, kind):
    if kind == BYTE:
        return 0.0
    return float(FIRST_PIECE - index) if kind == NORMAL else -1000.0


# -- the weights -------------------------------------------------------------------------------------------


class Noise:
    """Near normal numbers of variance 1, the same bits everywhere: sums of four uniform integers."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def __call__(self, *shape):
        total = self.random.randint(0, 1 << 16, size=(4, *shape)).sum(axis=0)
        return (total - 2 * 65535) / (65536 / np.sqrt(3))


# How strongly a row is turned towards the constant of dimension 0, by kind. An answer's tokens come from rows
# with 1; each tenth less takes about 0.5 off a logit. Those that end an answer are turned away outright.
CONSTANT = 1.0
AGAINST_BYTE, AGAINST_TAG, AGAINST_CONTROL, AGAINST_END = 0.6, 0.4, 0.0, -1.0


def embedding(noise, kinds, width):
    rows = noise(len(kinds), width) / np.sqrt(width)
    level = {NORMAL: CONSTANT, USER_DEFINED: AGAINST_TAG, BYTE: AGAINST_BYTE, CONTROL: AGAINST_CONTROL}
    rows[:, 0] = [level[kind] for kind in kinds]
    rows[[EOS, END_OF_TURN], 0] = AGAINST_END
    return rows


def norm_weight(noise, width, mean, constant=None):
    """A norm's weight around `mean`; `constant` is what dimension 0 gets, where the stream is normed."""
    weight = mean * (1 + 0.2 * noise(width))
    if constant is not None:
        weight[0] = constant
    return weight


def output_norm(noise, width):
    """Three dimensions of four change their sign, so that a token speaks against its own repetition: with a
    tied head it would otherwise speak for it, and greedy answers would be one word again and again."""
    weight = norm_weight(noise, width, 2.5, constant=4.0)
    weight[1:] *= np.where(np.arange(1, width) % 4 == 1, 1, -1)
    return weight


def layer_tensors(noise, shape, layer):
    """(name, weights) of a layer, in the order of the real file, rows outermost."""
    d, q, kv = shape.width, shape.heads * shape.head_width, shape.kv_heads * shape.head_width

    def matrix(rows, columns):
        return noise(rows, columns) / np.sqrt(columns)

    return [
        (f"blk.{layer}.attn_k.weight", matrix(kv, d)),
        (f"blk.{layer}.attn_k_norm.weight", norm_weight(noise, shape.head_width, 2.0)),
        (f"blk.{layer}.attn_norm.weight", norm_weight(noise, d, 1.0)),
        (f"blk.{layer}.attn_output.weight", matrix(d, q)),
        (f"blk.{layer}.attn_q.weight", matrix(q, d)),
        (f"blk.{layer}.attn_q_norm.weight", norm_weight(noise, shape.head_width, 2.0)),
        (f"blk.{layer}.attn_v.weight", matrix(kv, d)),
        (f"blk.{layer}.ffn_down.weight", matrix(d, shape.ff)),
        (f"blk.{layer}.ffn_gate.weight", matrix(shape.ff, d)),
        (f"blk.{layer}.ffn_norm.weight", norm_weight(noise, d, 1.0)),
        (f"blk.{layer}.ffn_up.weight", matrix(shape.ff, d)),
        (f"blk.{layer}.post_attention_norm.weight", norm_weight(noise, d, 1.0, constant=0)),
        (f"blk.{layer}.post_ffw_norm.weight", norm_weight(noise, d, 1.0, constant=0)),
    ]


SMALL_BLOCKS = (quants.Q4_0, quants.Q4_1, quants.Q5_0, quants.Q5_1, quants.Q8_0, quants.F16, quants.BF16, quants.F32)
LARGE_BLOCKS = (quants.Q4_K, quants.Q5_K, quants.Q6_K)


def type_of(name, weights, wide, counter):
    """The real file's mix, or with `wide` one type after the other."""
    if weights.ndim == 1:
        return quants.F32
    if wide:
        choice = LARGE_BLOCKS if weights.shape[1] % 256 == 0 else SMALL_BLOCKS
        counter[choice] += 1
        return choice[(counter[choice] - 1) % len(choice)]
    more_bits = int(name.split(".")[1]) % 3 == 0 if name.startswith("blk.") else True
    if name.endswith("attn_v.weight"):
        return quants.Q8_0 if more_bits else quants.Q5_0
    if name.endswith("ffn_down.weight"):
        return quants.Q6_K if more_bits else quants.Q4_K
    if name.endswith("attn_output.weight"):
        return quants.Q4_K
    return quants.Q8_0 if name == "token_embd.weight" else quants.Q5_0


# -- the file ----------------------------------------------------------------------------------------------


def add_metadata(writer, shape):
    texts, kinds, scores = vocabulary()
    for key, value in (("architecture", "gemma3"), ("type", "model"), ("name", "Tiny"), ("basename", "tiny"),
                       ("size_label", "0.6M"), ("license", "apache-2.0")):
        writer.add(f"general.{key}", STRING, value)
    writer.add_array("general.tags", STRING, ["gemma3", "test"])
    writer.add("gemma3.context_length", UINT32, shape.context)
    writer.add("gemma3.embedding_length", UINT32, shape.width)
    writer.add("gemma3.block_count", UINT32, shape.layers)
    writer.add("gemma3.feed_forward_length", UINT32, shape.ff)
    writer.add("gemma3.attention.head_count", UINT32, shape.heads)
    writer.add("gemma3.attention.layer_norm_rms_epsilon", FLOAT32, 1e-6)
    writer.add("gemma3.attention.key_length", UINT32, shape.head_width)
    writer.add("gemma3.attention.value_length", UINT32, shape.head_width)
    writer.add("gemma3.rope.freq_base", FLOAT32, 1e6)
    writer.add("gemma3.attention.sliding_window", UINT32, shape.window)
    writer.add("gemma3.attention.head_count_kv", UINT32, shape.kv_heads)
    writer.add("tokenizer.ggml.model", STRING, "llama")
    writer.add("tokenizer.ggml.pre", STRING, "default")
    writer.add_array("tokenizer.ggml.tokens", STRING, texts)
    writer.add_array("tokenizer.ggml.scores", FLOAT32, scores)
    writer.add_array("tokenizer.ggml.token_type", INT32, kinds)
    for key, value in (("bos", BOS), ("eos", EOS), ("unknown", UNKNOWN), ("padding", PAD)):
        writer.add(f"tokenizer.ggml.{key}_token_id", UINT32, value)
    for key, value in (("bos_token", True), ("sep_token", False), ("eos_token", False), ("space_prefix", False)):
        writer.add(f"tokenizer.ggml.add_{key}", BOOL, value)
    writer.add("general.quantization_version", UINT32, 2)
    writer.add("general.file_type", UINT32, 15)
    return kinds


def make(path, seed=1, shape=TINY, wide=False):
    """Writes the model to `path`."""
    noise = Noise(seed)
    writer = gguf_io.Writer()
    kinds = add_metadata(writer, shape)
    tensors = [
        ("output_norm.weight", output_norm(noise, shape.width)),
        ("token_embd.weight", embedding(noise, kinds, shape.width)),
    ]
    for layer in range(shape.layers):
        tensors += layer_tensors(noise, shape, layer)
    counter = Counter()
    for name, weights in tensors:
        kind = type_of(name, weights, wide, counter)
        writer.add_tensor(name, weights.shape[::-1], kind, quants.quantise(kind, weights))
    writer.write(path)


def main():
    parser = argparse.ArgumentParser(description="Make a tiny gemma3 model as a GGUF file.")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=1)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--wide", action="store_true", help="all tensor types instead of the real file's mix")
    sizes.add_argument("--slow", action="store_true", help="larger, for tests that interrupt an answer")
    options = parser.parse_args()
    make(options.out, options.seed, SLOW if options.slow else TINY, options.wide)


if __name__ == "__main__":
    main()
