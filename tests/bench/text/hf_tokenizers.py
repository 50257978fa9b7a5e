"""HF tokenizers on bench_tokenizer's texts, for comparison: the same vocabulary, the same ids.

    build/release/bin/bench_tokenizer --write FOLDER
    PYTHON tests/bench/text/hf_tokenizers.py MODEL.gguf FOLDER

PYTHON is one with `tokenizers` and numpy. Merges are made from the scores, as for any SPM vocabulary: every way of
cutting a piece in two pieces, in the order of the score of what they make. Prints `name value unit`, median of 5
(3 for `pieces`), on one thread.
"""

import os
import statistics
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reference"))

from gguf_io import Reader  # noqa: E402
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers  # noqa: E402

NORMAL, USER_DEFINED = 1, 4
REQUEST_BYTES = 4000


def make(metadata):
    pieces, scores = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.scores"]
    kinds = metadata["tokenizer.ggml.token_type"]
    normal = {piece: i for i, piece in enumerate(pieces) if kinds[i] == NORMAL}
    merges = []
    for piece, i in normal.items():
        for at in range(1, len(piece)):
            if piece[:at] in normal and piece[at:] in normal:
                merges.append((-scores[i], normal[piece[:at]], normal[piece[at:]], piece[:at], piece[at:]))
    merges.sort()
    model = models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[(left, right) for *_, left, right in merges],
                       byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken(piece, normalized=False) for i, piece in enumerate(pieces) if kinds[i] == USER_DEFINED])
    return tokenizer


def requests(text):
    """As bench_tokenizer cuts it: at most so many bytes, between characters."""
    at = 0
    while at < len(text):
        end = min(at + REQUEST_BYTES, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        yield text[at:end].decode()
        at = end


def main(model, folder):
    tokenizer = make(Reader(model).metadata)
    for path in sorted(Path(folder).glob("*.txt")):
        text = path.read_bytes()
        rows = list(requests(text))
        speeds = []
        for _ in range(3 if path.stem == "pieces" else 5):
            start = time.perf_counter()
            for row in rows:
                tokenizer.encode(row, add_special_tokens=False)
            speeds.append(len(text) / 1e6 / (time.perf_counter() - start))
        print(f"tokenizer.hf_encode_{path.stem}_mb_s {statistics.median(speeds):.1f} MB/s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
