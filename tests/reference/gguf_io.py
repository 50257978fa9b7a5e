"""GGUF version 3: a reader over a memory map and a writer, as small as they can be.

The writer makes test models (tiny_model.py), the reader serves the reference (float32.py). Both speak the
format as ggml's docs/gguf.md gives it: little-endian; header, key-values, tensor infos, padding, data.

    model = Reader("model.gguf")
    model.metadata["gemma3.block_count"]        # Python int, float, bool, str, or a list of them
    model.tensors["output_norm.weight"]         # Tensor(name, shape, type, raw bytes)

    writer = Writer()
    writer.add("general.architecture", STRING, "gemma3")
    writer.add_array("tokenizer.ggml.scores", FLOAT32, scores)
    writer.add_tensor("output_norm.weight", (640,), quants.F32, payload)
    writer.write("out.gguf")

A tensor's shape is in GGUF's order: shape[0] is the row length, contiguous in memory. The reader trusts the
file: hostile files are the C code's business and are tested there.
"""

import mmap
import struct
from dataclasses import dataclass

import quants

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32

UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64, INT64, FLOAT64 = range(13)

SCALAR_FORMATS = {
    UINT8: "<B", INT8: "<b", UINT16: "<H", INT16: "<h", UINT32: "<I", INT32: "<i",
    FLOAT32: "<f", BOOL: "<?", UINT64: "<Q", INT64: "<q", FLOAT64: "<d",
}


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple
    type: int
    data: memoryview

    def dequantised(self):
        """float32, with the rows outermost: shape (..., shape[1], shape[0]) in numpy's order."""
        return quants.dequantise(self.type, self.data).reshape(self.shape[::-1])


class Reader:
    """A GGUF file, mapped. Strings are str; bytes that are not UTF-8 come back with surrogateescape."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.at = 0
        if self.map[:4] != MAGIC:
            raise ValueError(f"{path}: not a GGUF file")
        self.at = 4
        version = self.scalar(UINT32)
        if version != VERSION:
            raise ValueError(f"{path}: GGUF version {version}, want {VERSION}")
        tensor_count = self.scalar(UINT64)
        metadata_count = self.scalar(UINT64)
        self.metadata = {}
        self.entries = []  # each key-value as it lies in the file, for a Writer
        for _ in range(metadata_count):
            start = self.at
            key = self.string()
            self.metadata[key] = self.value(self.scalar(UINT32))
            self.entries.append(self.map[start : self.at])
        infos = [self.tensor_info() for _ in range(tensor_count)]
        alignment = self.metadata.get("general.alignment", ALIGNMENT)
        data_start = -(-self.at // alignment) * alignment
        view = memoryview(self.map)
        self.tensors = {}
        for name, shape, kind, offset in infos:
            size = quants.byte_size(kind, element_count(shape))
            start = data_start + offset
            self.tensors[name] = Tensor(name, shape, kind, view[start : start + size])

    def scalar(self, kind):
        form = SCALAR_FORMATS[kind]
        (value,) = struct.unpack_from(form, self.map, self.at)
        self.at += struct.calcsize(form)
        return value

    def string(self):
        size = self.scalar(UINT64)
        text = self.map[self.at : self.at + size].decode("utf-8", "surrogateescape")
        self.at += size
        return text

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            element, count = self.scalar(UINT32), self.scalar(UINT64)
            return [self.value(element) for _ in range(count)]
        return self.scalar(kind)

    def tensor_info(self):
        name = self.string()
        shape = tuple(self.scalar(UINT64) for _ in range(self.scalar(UINT32)))
        return name, shape, self.scalar(UINT32), self.scalar(UINT64)


class Writer:
    """Collects key-values and tensors in the order given and writes them in one go."""

    def __init__(self):
        self.entries = []
        self.tensors = []

    def add(self, key, kind, value):
        self.entries.append(pack_string(key) + struct.pack("<I", kind) + pack_value(kind, value))

    def add_array(self, key, element, values):
        head = pack_string(key) + struct.pack("<IIQ", ARRAY, element, len(values))
        self.entries.append(head + b"".join(pack_value(element, value) for value in values))

    def add_tensor(self, name, shape, kind, payload):
        if len(payload) != quants.byte_size(kind, element_count(shape)):
            raise ValueError(f"{name}: {len(payload)} bytes do not fit {shape} of type {kind}")
        self.tensors.append((name, shape, kind, payload))

    def write(self, path):
        head = [MAGIC, struct.pack("<IQQ", VERSION, len(self.tensors), len(self.entries)), *self.entries]
        offset = 0
        for name, shape, kind, payload in self.tensors:
            dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
            head.append(pack_string(name) + dims + struct.pack("<IQ", kind, offset))
            offset += len(padded(payload))
        with open(path, "wb") as file:
            file.write(padded(b"".join(head)))
            for *_, payload in self.tensors:
                file.write(padded(payload))


def element_count(shape):
    count = 1
    for dim in shape:
        count *= dim
    return count


def padded(blob):
    return blob + bytes(-len(blob) % ALIGNMENT)


def pack_string(text):
    blob = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(blob)) + blob


def pack_value(kind, value):
    return pack_string(value) if kind == STRING else struct.pack(SCALAR_FORMATS[kind], value)
