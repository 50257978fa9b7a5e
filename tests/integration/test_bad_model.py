"""Model files that are cut short, hostile, or not what an actor serves: it ends at once, with a sentence that names
the file and what is wrong. It never crashes, and never takes a request."""

import struct

import pytest
from support.stack import Actor, Stack

END_SECONDS = 10
CRASH_WORDS = ("AddressSanitizer", "runtime error", "assertion")


def patched(blob, at, form, value):
    data = struct.pack(form, value)
    return blob[:at] + data + blob[at + len(data) :]


def changed_text(blob, old, new):
    """Texts of equal length change places, so that all offsets hold."""
    assert len(old) == len(new) and old in blob
    return blob.replace(old, new, 1)


def value_of(blob, key):
    """Where the value of a key begins: behind the key and its type."""
    return blob.index(key) + len(key) + 4


CASES = {
    # what: (how the tiny model's bytes are changed, a part of what is said)
    "empty": (lambda b: b"", ""),
    "one_byte": (lambda b: b[:1], ""),
    "not_a_gguf": (lambda b: b"not a model" * 1000, ""),
    "header_only": (lambda b: b[:24], ""),
    "cut_in_metadata": (lambda b: b[:1000], ""),
    "cut_in_tensors": (lambda b: b[: len(b) // 2], ""),
    "last_byte_missing": (lambda b: b[: -33], ""),  # the last tensor is padded by less
    "version_99": (lambda b: patched(b, 4, "<I", 99), "version"),
    "tensors_2_to_63": (lambda b: patched(b, 8, "<Q", 1 << 63), "tensor"),
    "keys_2_to_64": (lambda b: patched(b, 16, "<Q", (1 << 64) - 1), ""),
    "key_of_2_to_62_bytes": (lambda b: patched(b, 24, "<Q", 1 << 62), ""),
    "tokens_2_to_61": (lambda b: patched(b, value_of(b, b"tokenizer.ggml.tokens") + 4, "<Q", 1 << 61), ""),
    "layers_0": (lambda b: patched(b, value_of(b, b"gemma3.block_count"), "<I", 0), "block_count"),
    "layers_4_billion": (lambda b: patched(b, value_of(b, b"gemma3.block_count"), "<I", 0xFFFFFFFF), "block_count"),
    "width_0": (lambda b: patched(b, value_of(b, b"gemma3.embedding_length"), "<I", 0), "embedding_length"),
    "heads_0": (lambda b: patched(b, value_of(b, b"gemma3.attention.head_count"), "<I", 0), "head_count"),
    "kv_heads_3": (lambda b: patched(b, value_of(b, b"gemma3.attention.head_count_kv"), "<I", 3), "head_count"),
    "context_4_billion": (lambda b: patched(b, value_of(b, b"gemma3.context_length"), "<I", 0xFFFFFFFF),
                          "context_length"),
    "epsilon_nan": (lambda b: patched(b, value_of(b, b"layer_norm_rms_epsilon"), "<f", float("nan")), "epsilon"),
    "another_architecture": (lambda b: changed_text(b, b"gemma3", b"llama7"), "llama7"),
    "a_tensor_missing": (lambda b: changed_text(b, b"blk.3.ffn_up.weight", b"blk.3.ffn_xx.weight"),
                         "blk.3.ffn_up.weight"),
    "tensor_beyond_the_file": (lambda b: patched(b, b.index(b"output_norm.weight") + 18 + 4 + 8 + 4, "<Q", 1 << 40),
                               "output_norm"),
    "tensor_of_another_shape": (lambda b: patched(b, b.index(b"output_norm.weight") + 18 + 4, "<Q", 32),
                                "output_norm"),
    "unknown_tensor_type": (lambda b: patched(b, b.index(b"output_norm.weight") + 18 + 4 + 8, "<I", 255),
                            "output_norm"),
}


@pytest.fixture(scope="module")
def server_stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack"), {})
    stack.start_server()
    yield stack
    stack.kill()


@pytest.mark.parametrize("name", CASES)
def test_executor(server_stack, tiny, tmp_path, name):
    change, said = CASES[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(change(tiny.read_bytes()))
    refuses(server_stack, "reprise-executor", path, tmp_path, said)


@pytest.mark.parametrize("name", ["empty", "not_a_gguf", "cut_in_metadata", "keys_2_to_64", "tokens_2_to_61"])
def test_tokenizer(server_stack, tiny, tmp_path, name):
    change, said = CASES[name]
    path = tmp_path / "bad.gguf"
    path.write_bytes(change(tiny.read_bytes()))
    refuses(server_stack, "reprise-tokenizer", path, tmp_path, said)


@pytest.mark.parametrize("binary", ["reprise-executor", "reprise-tokenizer"])
def test_no_file(server_stack, tmp_path, binary):
    refuses(server_stack, binary, tmp_path / "nothing.gguf", tmp_path, "nothing.gguf")


def refuses(stack, binary, path, folder, said):
    actor = Actor(binary, "bad", stack.server, {"tiny": path}, folder)
    super(Actor, actor).start()  # does not wait until it is ready
    status = actor.wait(END_SECONDS)
    log = actor.tail()
    assert status == 1, f"{status}\n{log}"
    assert said in log, log
    assert path.name in log or "tiny" in log, log
    assert not any(word in log for word in CRASH_WORDS), log
