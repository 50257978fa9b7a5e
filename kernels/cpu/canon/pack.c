#include "kernels/cpu/canon/pack.h"

#include <string.h>

#include "runtime/base/attributes.h"
#include "runtime/base/bytes.h"

enum { STEPS = 8 }; /* of four columns, in a block of 32 */

/* How 16 rows of a type are packed. */
typedef struct shape {
    uint8_t bits;         /* of a code; 0 for the float types */
    uint8_t blocks;       /* of 32 columns that share a head; 0 for the float types */
    uint8_t head_bytes;   /* before those blocks */
    uint8_t factor_bytes; /* before each block's codes */
} shape;

static shape shape_of(rp_canon_type type)
{
    switch (type) {
    case RP_CANON_Q4_0:
        return (shape){4, 1, 0, 32};
    case RP_CANON_Q4_1:
        return (shape){4, 1, 0, 64};
    case RP_CANON_Q5_0:
        return (shape){5, 1, 0, 32};
    case RP_CANON_Q5_1:
        return (shape){5, 1, 0, 64};
    case RP_CANON_Q8_0:
        return (shape){8, 1, 0, 32};
    case RP_CANON_Q4_K:
        return (shape){4, 8, 64, 32};
    case RP_CANON_Q5_K:
        return (shape){5, 8, 64, 32};
    case RP_CANON_Q6_K:
        return (shape){6, 8, 32, 32};
    case RP_CANON_F32:
    case RP_CANON_F16:
    case RP_CANON_BF16:
        break;
    }
    return (shape){0, 0, 0, 0};
}

static size_t code_bytes(size_t bits)
{
    return RP_CANON_GROUP * RP_CANON_BLOCK * bits / 8;
}

size_t rp_canon_packed_panel(rp_canon_type type, size_t cols)
{
    shape as = shape_of(type);
    if (as.bits == 0)
        return cols * RP_CANON_GROUP * (type == RP_CANON_F32 ? 4 : 2);
    size_t blocks = cols / RP_CANON_BLOCK;
    return blocks / as.blocks * as.head_bytes + blocks * (as.factor_bytes + code_bytes(as.bits));
}

size_t rp_canon_packed_group(const rp_canon_matrix *matrix)
{
    size_t bytes = rp_canon_packed_panel(matrix->type, matrix->cols);
    return (bytes + RP_CANON_VECTOR - 1) / RP_CANON_VECTOR * RP_CANON_VECTOR;
}

uint64_t rp_canon_packed_bytes(const rp_canon_matrix *matrix)
{
    return (uint64_t)rp_canon_groups(matrix) * rp_canon_packed_group(matrix);
}

/* -- codes ------------------------------------------------------------------------------------ */

/* The four low bits of each of four bytes. */
static uint32_t low_nibbles(uint32_t four)
{
    return four & UINT32_C(0x0F0F0F0F);
}

static uint32_t high_nibbles(uint32_t four)
{
    return four >> 4 & UINT32_C(0x0F0F0F0F);
}

/* Each of four bits as bit 4 of a byte: copies seven places apart meet in bit 0 of each byte. */
static uint32_t spread_fifth(uint32_t four_bits)
{
    return ((four_bits & 15) * UINT32_C(0x00204081) & UINT32_C(0x01010101)) << 4;
}

/* 16 bytes: their low nibbles are the first 16 codes, the high ones the others. */
static void halves_of_32(const uint8_t *qs, uint32_t step[STEPS])
{
    for (size_t i = 0; i < STEPS / 2; i++) {
        step[i] = low_nibbles(rp_load_u32(qs + 4 * i));
        step[i + 4] = high_nibbles(rp_load_u32(qs + 4 * i));
    }
}

/* 32 bytes, of which a block takes the low or the high nibbles. */
static void nibbles_of_64(const uint8_t *qs, bool high, uint32_t step[STEPS])
{
    for (size_t i = 0; i < STEPS; i++) {
        uint32_t four = rp_load_u32(qs + 4 * i);
        step[i] = high ? high_nibbles(four) : low_nibbles(four);
    }
}

/* The unsigned codes of block `b` of 32 columns of a row, four a step. */
static void codes_of(rp_canon_type type, const uint8_t *row, size_t b, uint32_t step[STEPS])
{
    size_t j = b % 8; /* of a block of 256 */
    const uint8_t *p;
    switch (type) {
    case RP_CANON_Q4_0:
        halves_of_32(row + 18 * b + 2, step);
        return;
    case RP_CANON_Q4_1:
        halves_of_32(row + 20 * b + 4, step);
        return;
    case RP_CANON_Q5_0:
    case RP_CANON_Q5_1:
        p = type == RP_CANON_Q5_0 ? row + 22 * b + 2 : row + 24 * b + 4;
        halves_of_32(p + 4, step);
        for (size_t i = 0; i < STEPS; i++)
            step[i] |= spread_fifth(rp_load_u32(p) >> (4 * i));
        return;
    case RP_CANON_Q8_0:
        for (size_t i = 0; i < STEPS; i++)
            step[i] = rp_load_u32(row + 34 * b + 2 + 4 * i) ^ UINT32_C(0x80808080);
        return;
    case RP_CANON_Q4_K:
        nibbles_of_64(row + 144 * (b / 8) + 16 + 32 * (j / 2), j % 2 == 1, step);
        return;
    case RP_CANON_Q5_K:
        p = row + 176 * (b / 8);
        nibbles_of_64(p + 48 + 32 * (j / 2), j % 2 == 1, step);
        for (size_t i = 0; i < STEPS; i++)
            step[i] |= (rp_load_u32(p + 16 + 4 * i) >> j & UINT32_C(0x01010101)) << 4;
        return;
    case RP_CANON_Q6_K: /* runs of 32 of a half of 128: l, l + 32 low, then both high */
        p = row + 210 * (b / 8);
        nibbles_of_64(p + 64 * (j / 4) + 32 * (j % 2), j % 4 >= 2, step);
        p += 128 + 32 * (j / 4);
        for (size_t i = 0; i < STEPS; i++)
            step[i] |= (rp_load_u32(p + 4 * i) >> (2 * (j % 4)) & UINT32_C(0x03030303)) << 4;
        return;
    case RP_CANON_F32:
    case RP_CANON_F16:
    case RP_CANON_BF16:
        break;
    }
    RP_ASSERT(rp_canon_type_is_quantised(type));
}

static void store_u32(uint8_t *p, uint32_t value)
{
    memcpy(p, &value, sizeof value);
}

/* One row's part of a block of 32 columns; `out` is where the row's quadruple of the first vector
 * lies. */
static void store_codes(size_t bits, const uint32_t step[STEPS], uint8_t *out)
{
    if (bits == 8) {
        for (size_t i = 0; i < STEPS; i++)
            store_u32(out + RP_CANON_VECTOR * i, step[i]);
        return;
    }
    for (size_t i = 0; i < STEPS / 2; i++)
        store_u32(out + RP_CANON_VECTOR * i, low_nibbles(step[2 * i]) | low_nibbles(step[2 * i + 1])
                                                                            << 4);
    out += RP_CANON_VECTOR * STEPS / 2;
    if (bits == 5) {
        uint32_t fifth = 0;
        for (size_t i = 0; i < STEPS; i++)
            fifth |= (step[i] >> 4 & UINT32_C(0x01010101)) << i;
        store_u32(out, fifth);
    } else if (bits == 6) {
        for (size_t half = 0; half < 2; half++, out += RP_CANON_VECTOR) {
            uint32_t pairs = 0;
            for (size_t i = 0; i < 4; i++)
                pairs |= (step[4 * half + i] >> 4 & UINT32_C(0x03030303)) << (2 * i);
            store_u32(out, pairs);
        }
    }
}

/* -- factors ---------------------------------------------------------------------------------- */

/* What row r has before the 8 blocks of 256 columns whose bytes begin at p. */
static void store_head(rp_canon_type type, const uint8_t *p, size_t r, uint8_t *out)
{
    memcpy(out + 2 * r, type == RP_CANON_Q6_K ? p + 208 : p, 2);
    if (type != RP_CANON_Q6_K)
        memcpy(out + 32 + 2 * r, p + 2, 2);
}

/* Factors j of a K type, two bytes: scalar/unpack.c tells where their 6 bits lie. */
static void k_factors(rp_canon_type type, const uint8_t *p, size_t j, uint8_t ret[2])
{
    const uint8_t *s = p + 4;
    if (type == RP_CANON_Q6_K) {
        memcpy(ret, p + 192 + 2 * j, 2);
    } else if (j < 4) {
        ret[0] = s[j] & 63;
        ret[1] = s[j + 4] & 63;
    } else {
        ret[0] = (uint8_t)((s[j + 4] & 15) | (s[j - 4] >> 6) << 4);
        ret[1] = (uint8_t)(s[j + 4] >> 4 | (s[j] >> 6) << 4);
    }
}

/* Row r's factors of block b of 32 columns. */
static void store_factors(rp_canon_type type, const uint8_t *row, size_t b, size_t r, uint8_t *out)
{
    size_t width, bytes;
    uint8_t two[2];
    switch (type) {
#define X(name, number, weights, size) \
    case RP_CANON_##name:              \
        width = weights;               \
        bytes = size;                  \
        break;
        RP_CANON_TYPE_MAP(X)
#undef X
    default:
        return;
    }
    if (width == RP_CANON_BLOCK) {
        memcpy(out + 2 * r, row + b * bytes, 2);
        if (type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1)
            memcpy(out + 32 + 2 * r, row + b * bytes + 2, 2);
        return;
    }
    k_factors(type, row + b / 8 * bytes, b % 8, two);
    out[r] = two[0];
    out[RP_CANON_GROUP + r] = two[1];
}

/* -- panels ----------------------------------------------------------------------------------- */

static void pack_floats(rp_canon_type type, const uint8_t *const rows[RP_CANON_GROUP], size_t first,
    size_t cols, uint8_t *out)
{
    size_t size = type == RP_CANON_F32 ? 4 : 2;
    for (size_t r = 0; r < RP_CANON_GROUP; r++) {
        const uint8_t *p = rows[r];
        for (size_t c = 0; p && c < cols; c++)
            memcpy(out + (c * RP_CANON_GROUP + r) * size, p + (first + c) * size, size);
    }
}

static void pack_row(
    rp_canon_type type, const uint8_t *row, size_t first, size_t cols, size_t r, uint8_t *out)
{
    shape as = shape_of(type);
    uint32_t step[STEPS];
    for (size_t b = first / RP_CANON_BLOCK; b < (first + cols) / RP_CANON_BLOCK; b++) {
        if (as.head_bytes > 0 && b % as.blocks == 0) {
            size_t row_bytes = (size_t)rp_canon_row_bytes(type, b * RP_CANON_BLOCK);
            store_head(type, row + row_bytes, r, out);
            out += as.head_bytes;
        }
        store_factors(type, row, b, r, out);
        codes_of(type, row, b, step);
        store_codes(as.bits, step, out + as.factor_bytes + 4 * r);
        out += as.factor_bytes + code_bytes(as.bits);
    }
}

void rp_canon_pack_panel(rp_canon_type type, const uint8_t *const rows[RP_CANON_GROUP],
    size_t first, size_t cols, uint8_t *out)
{
    for (size_t r = 0; r < RP_CANON_GROUP; r++) {
        if (!rows[r]) {
            memset(out, 0, rp_canon_packed_panel(type, cols));
            break;
        }
    }
    if (!rp_canon_type_is_quantised(type)) {
        pack_floats(type, rows, first, cols, out);
        return;
    }
    for (size_t r = 0; r < RP_CANON_GROUP; r++) {
        if (rows[r])
            pack_row(type, rows[r], first, cols, r, out);
    }
}

void rp_canon_pack(const rp_canon_matrix *matrix, size_t first, size_t count, uint8_t *packed)
{
    size_t bytes = rp_canon_packed_group(matrix);
    size_t used = rp_canon_packed_panel(matrix->type, matrix->cols);
    for (size_t g = first; g < first + count; g++) {
        const uint8_t *rows[RP_CANON_GROUP];
        for (size_t r = 0; r < RP_CANON_GROUP; r++) {
            size_t row = g * RP_CANON_GROUP + r;
            rows[r] = row < matrix->rows ? matrix->data + row * matrix->row_bytes : NULL;
        }
        rp_canon_pack_panel(matrix->type, rows, 0, matrix->cols, packed + g * bytes);
        memset(packed + g * bytes + used, 0, bytes - used);
    }
}
