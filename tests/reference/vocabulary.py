"""Text to token ids by sentencepiece, from the vocabulary in a GGUF file of the SPM kind ("llama").

    vocabulary = Vocabulary(reader.metadata)
    vocabulary.encode("<start_of_turn>user\\nHi<end_of_turn>\\n")     # BOS first where the file says so

The vocabulary is given to sentencepiece as a model of its own making: byte pair encoding by score, bytes for
what has no piece, no normalising of any kind. Control tokens written out in the text become those tokens, as
they do in a request's "prompt"; sentencepiece itself never does that, so the text is split at them first.
"""

import re
import struct

import sentencepiece

UNKNOWN, CONTROL, USER_DEFINED, BYTE = 2, 3, 4, 6
SPACE = "\u2581"  # LOWER ONE EIGHTH BLOCK
MODEL_BPE = 2

# sentencepiece's own protobuf module wants a newer protobuf than the tests have, and a model needs only these
# three kinds of field. The numbers are those of sentencepiece_model.proto.


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_int(number, value):
    return varint(number << 3) + varint(int(value))


def field_float(number, value):
    return varint(number << 3 | 5) + struct.pack("<f", value)


def field_bytes(number, blob):
    return varint(number << 3 | 2) + varint(len(blob)) + blob


class Vocabulary:
    def __init__(self, metadata):
        if metadata["tokenizer.ggml.model"] != "llama":
            raise ValueError("not an SPM vocabulary")
        self.texts = metadata["tokenizer.ggml.tokens"]
        self.kinds = metadata["tokenizer.ggml.token_type"]
        self.bos = metadata["tokenizer.ggml.bos_token_id"] if metadata.get("tokenizer.ggml.add_bos_token") else None
        self.unknown = metadata["tokenizer.ggml.unknown_token_id"]
        self.ends = {metadata["tokenizer.ggml.eos_token_id"]}
        self.controls = {text: i for i, (text, kind) in enumerate(zip(self.texts, self.kinds)) if kind == CONTROL}
        if "<end_of_turn>" in self.controls:
            self.ends.add(self.controls["<end_of_turn>"])
        self.splitter = re.compile("(" + "|".join(re.escape(text) for text in self.controls) + ")")
        self.pieces = self.build(metadata)

    def build(self, metadata):
        scores = metadata["tokenizer.ggml.scores"]
        pieces = []
        for index, (text, kind, score) in enumerate(zip(self.texts, self.kinds, scores)):
            kind = UNKNOWN if index == self.unknown else kind
            if kind == USER_DEFINED:
                text = text.replace(" ", SPACE)  # GGUF writes these with spaces, sentencepiece wants its own form
            pieces.append(field_bytes(1, field_bytes(1, text.encode()) + field_float(2, score) + field_int(3, kind)))
        trainer = field_int(3, MODEL_BPE) + field_int(4, len(self.texts)) + field_int(35, True)
        for number, name in ((40, "unknown"), (41, "bos"), (42, "eos"), (43, "padding")):
            trainer += field_int(number, metadata[f"tokenizer.ggml.{name}_token_id"])
        normaliser = field_bytes(1, b"identity")
        normaliser += field_int(3, metadata.get("tokenizer.ggml.add_space_prefix", True)) + field_int(4, False)
        model = b"".join(pieces) + field_bytes(2, trainer) + field_bytes(3, normaliser)
        return sentencepiece.SentencePieceProcessor(model_proto=model)

    def encode(self, text):
        ids = [] if self.bos is None else [self.bos]
        for part in self.splitter.split(text):
            if part in self.controls:
                ids.append(self.controls[part])
            elif part:
                ids += self.pieces.encode(part)
        return ids

    def decode(self, ids):
        """Bytes that are no whole character become U+FFFD; control tokens have no text."""
        blob = b"".join(self.bytes_of(i) for i in ids)
        return blob.decode("utf-8", "replace")

    def bytes_of(self, token):
        kind, text = self.kinds[token], self.texts[token]
        if kind == CONTROL:
            return b""
        if kind == BYTE:
            return bytes([int(text[3:5], 16)])
        return text.replace(SPACE, " ").encode()
