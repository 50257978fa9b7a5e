"""The tensor types of GGUF: how their blocks are laid out, read back to float32, and made from float32.

Every type is one record of a numpy structured array, so that reading is a matter of naming fields. The layouts
are facts of the format (ggml's ggml-common.h); reading them is exact to the bit in float32, since every product
here has the form (float32 scale) * (small integer) with the roundings that ggml's own readers make. The makers
are plain: a scale from the extremes of each block, no search. They serve the test models, not quality.

    weights = dequantise(Q5_0, data)          # float32, flat
    data = quantise(Q4_K, weights)            # bytes; rows must be a multiple of the block
"""

import numpy as np

F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16 = 0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30

NAMES = {
    F32: "F32", F16: "F16", Q4_0: "Q4_0", Q4_1: "Q4_1", Q5_0: "Q5_0", Q5_1: "Q5_1", Q8_0: "Q8_0",
    Q4_K: "Q4_K", Q5_K: "Q5_K", Q6_K: "Q6_K", BF16: "BF16",
}

# type: (weights in a block, the block as a record)
BLOCKS = {
    F32: (1, np.dtype([("w", "<f4")])),
    F16: (1, np.dtype([("w", "<f2")])),
    BF16: (1, np.dtype([("w", "<u2")])),
    Q4_0: (32, np.dtype([("d", "<f2"), ("qs", "u1", 16)])),
    Q4_1: (32, np.dtype([("d", "<f2"), ("m", "<f2"), ("qs", "u1", 16)])),
    Q5_0: (32, np.dtype([("d", "<f2"), ("qh", "u1", 4), ("qs", "u1", 16)])),
    Q5_1: (32, np.dtype([("d", "<f2"), ("m", "<f2"), ("qh", "u1", 4), ("qs", "u1", 16)])),
    Q8_0: (32, np.dtype([("d", "<f2"), ("qs", "i1", 32)])),
    Q4_K: (256, np.dtype([("d", "<f2"), ("dmin", "<f2"), ("scales", "u1", 12), ("qs", "u1", 128)])),
    Q5_K: (256, np.dtype([("d", "<f2"), ("dmin", "<f2"), ("scales", "u1", 12), ("qh", "u1", 32),
                          ("qs", "u1", 128)])),
    Q6_K: (256, np.dtype([("ql", "u1", 128), ("qh", "u1", 64), ("scales", "i1", 16), ("d", "<f2")])),
}


def byte_size(kind, count):
    weights, record = BLOCKS[kind]
    if count % weights:
        raise ValueError(f"{count} weights are no whole blocks of {NAMES[kind]}")
    return count // weights * record.itemsize


def dequantise(kind, data):
    """The weights in `data` as a flat float32 array."""
    blocks = np.frombuffer(data, BLOCKS[kind][1])
    return READERS[kind](blocks).reshape(-1)


def quantise(kind, weights):
    """`weights`, any shape whose last axis is whole blocks, as the bytes of `kind`."""
    per_block, record = BLOCKS[kind]
    rows = np.ascontiguousarray(weights, np.float32).reshape(-1, per_block)
    blocks = np.zeros(len(rows), record)
    MAKERS[kind](rows, blocks)
    return blocks.tobytes()


# -- shared by several types -------------------------------------------------------------------------------


def nibbles(qs):
    """Low nibbles first, then high: (n, 16) bytes -> (n, 32)."""
    return np.concatenate([qs & 15, qs >> 4], axis=-1)


def pack_nibbles(q):
    half = q.shape[-1] // 2
    return (q[..., :half] | q[..., half:] << 4).astype(np.uint8)


def bits(qh):
    """Bit j of a little-endian word belongs to element j: (n, 4) bytes -> (n, 32)."""
    return np.unpackbits(qh, axis=-1, bitorder="little")


def f32(column):
    """An f16 field widened, with an axis to multiply blocks by."""
    return column.astype(np.float32)[:, None]


def round_half_even(x, low, high):
    return np.clip(np.rint(x), low, high).astype(np.int32)


def over(x, scale):
    """x / scale, where a zero scale gives zeros."""
    return np.divide(x, scale, out=np.zeros_like(x), where=scale != 0)


def unpack_k_scales(packed):
    """The 8 scales and 8 minima, 6 bits each, of 12 bytes: two (n, 8) arrays."""
    low, mid, high = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = np.concatenate([low & 63, (high & 15) | (low >> 6) << 4], axis=1)
    minima = np.concatenate([mid & 63, (high >> 4) | (mid >> 6) << 4], axis=1)
    return scales, minima


def pack_k_scales(scales, minima):
    s, m = scales.astype(np.uint8), minima.astype(np.uint8)
    low = s[:, :4] | (s[:, 4:] >> 4) << 6
    mid = m[:, :4] | (m[:, 4:] >> 4) << 6
    high = (s[:, 4:] & 15) | (m[:, 4:] & 15) << 4
    return np.concatenate([low, mid, high], axis=1)


# -- readers -----------------------------------------------------------------------------------------------


def read_float(b):
    return b["w"].astype(np.float32)


def read_bf16(b):
    return (b["w"].astype(np.uint32) << 16).view(np.float32)


def read_q4_0(b):
    return f32(b["d"]) * (nibbles(b["qs"]).astype(np.float32) - 8)


def read_q4_1(b):
    return f32(b["d"]) * nibbles(b["qs"]) + f32(b["m"])


def read_q5_0(b):
    return f32(b["d"]) * ((nibbles(b["qs"]) | bits(b["qh"]) << 4).astype(np.float32) - 16)


def read_q5_1(b):
    return f32(b["d"]) * (nibbles(b["qs"]) | bits(b["qh"]) << 4) + f32(b["m"])


def read_q8_0(b):
    return f32(b["d"]) * b["qs"]


def read_k(b, q):
    """Q4_K and Q5_K: q is (n, 8, 32), eight sub-blocks with a scale and a minimum each."""
    scales, minima = unpack_k_scales(b["scales"])
    d = f32(b["d"]) * scales
    m = f32(b["dmin"]) * minima
    return d[:, :, None] * q - m[:, :, None]


def read_q4_k(b):
    return read_k(b, nibbles(b["qs"].reshape(-1, 4, 32)).reshape(-1, 8, 32))


def read_q5_k(b):
    low = nibbles(b["qs"].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    fifth = b["qh"][:, None, :] >> np.arange(8, dtype=np.uint8)[None, :, None] & 1
    return read_k(b, low | fifth << 4)


def read_q6_k(b):
    """Two halves of 128; in each, ql's two runs of 32 give low nibbles, then high; qh two bits for each quarter."""
    ql = b["ql"].reshape(-1, 2, 2, 32)
    low = np.concatenate([ql & 15, ql >> 4], axis=2)
    shifts = np.arange(0, 8, 2, dtype=np.uint8)[None, None, :, None]
    high = b["qh"].reshape(-1, 2, 1, 32) >> shifts & 3
    q = (low | high << 4).astype(np.float32) - 32
    scales = f32(b["d"]) * b["scales"]
    return scales[:, :, None] * q.reshape(-1, 16, 16)


READERS = {
    F32: read_float, F16: read_float, BF16: read_bf16, Q4_0: read_q4_0, Q4_1: read_q4_1, Q5_0: read_q5_0,
    Q5_1: read_q5_1, Q8_0: read_q8_0, Q4_K: read_q4_k, Q5_K: read_q5_k, Q6_K: read_q6_k,
}

# -- makers ------------------------------------------------------------------------------------------------


def make_float(rows, b):
    b["w"] = rows[:, 0]


def make_bf16(rows, b):
    """Rounded to nearest, ties to even, by the carry of an addition."""
    word = rows[:, 0].view(np.uint32)
    b["w"] = (word + 0x7FFF + (word >> 16 & 1)) >> 16


def make_symmetric(rows, b, levels):
    """d takes the element of largest magnitude to -levels, where there is one level more."""
    peak = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    b["d"] = (peak / -levels)[:, 0]
    return round_half_even(over(rows, f32(b["d"])), -levels, levels - 1) + levels


def make_affine(rows, b, top):
    low = rows.min(axis=1)
    b["d"] = (rows.max(axis=1) - low) / top
    b["m"] = low
    return round_half_even(over(rows - f32(b["m"]), f32(b["d"])), 0, top)


def make_q4_0(rows, b):
    b["qs"] = pack_nibbles(make_symmetric(rows, b, 8))


def make_q4_1(rows, b):
    b["qs"] = pack_nibbles(make_affine(rows, b, 15))


def split_fifth(q, b):
    b["qs"] = pack_nibbles(q & 15)
    b["qh"] = np.packbits((q >> 4).astype(np.uint8), axis=-1, bitorder="little")


def make_q5_0(rows, b):
    split_fifth(make_symmetric(rows, b, 16), b)


def make_q5_1(rows, b):
    split_fifth(make_affine(rows, b, 31), b)


def make_q8_0(rows, b):
    b["d"] = np.abs(rows).max(axis=1) / 127
    b["qs"] = round_half_even(over(rows, f32(b["d"])), -127, 127)


def make_k(rows, b, top):
    """Sub-block scales and minima in 6 bits of the block's own; returns q as (n, 8, 32)."""
    sub = rows.reshape(-1, 8, 32)
    low = np.minimum(sub.min(axis=2), 0)
    scale = (sub.max(axis=2) - low) / top
    b["d"] = scale.max(axis=1) / 63
    b["dmin"] = (-low).max(axis=1) / 63
    scales = round_half_even(over(scale, f32(b["d"])), 0, 63)
    minima = round_half_even(over(-low, f32(b["dmin"])), 0, 63)
    b["scales"] = pack_k_scales(scales, minima)
    d = (f32(b["d"]) * scales)[:, :, None]
    m = (f32(b["dmin"]) * minima)[:, :, None]
    return round_half_even(over(sub + m, d), 0, top)


def make_q4_k(rows, b):
    q = make_k(rows, b, 15)
    b["qs"] = pack_nibbles(q.reshape(-1, 4, 64)).reshape(-1, 128)


def make_q5_k(rows, b):
    q = make_k(rows, b, 31)
    b["qs"] = pack_nibbles((q & 15).reshape(-1, 4, 64)).reshape(-1, 128)
    b["qh"] = ((q >> 4) << np.arange(8)[None, :, None]).sum(axis=1)


def make_q6_k(rows, b):
    sub = rows.reshape(-1, 16, 16)
    peak = np.take_along_axis(sub, np.abs(sub).argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    scale = peak / -32
    b["d"] = np.abs(scale).max(axis=1) / 127
    b["scales"] = round_half_even(over(scale, f32(b["d"])), -128, 127)
    d = (f32(b["d"]) * b["scales"])[:, :, None]
    q = (round_half_even(over(sub, d), -32, 31) + 32).reshape(-1, 2, 4, 32)
    low = q & 15
    b["ql"] = (low[:, :, :2] | low[:, :, 2:] << 4).reshape(-1, 128)
    b["qh"] = ((q >> 4) << np.arange(0, 8, 2)[None, None, :, None]).sum(axis=2).reshape(-1, 64)


MAKERS = {
    F32: make_float, F16: make_float, BF16: make_bf16, Q4_0: make_q4_0, Q4_1: make_q4_1, Q5_0: make_q5_0,
    Q5_1: make_q5_1, Q8_0: make_q8_0, Q4_K: make_q4_k, Q5_K: make_q5_k, Q6_K: make_q6_k,
}
