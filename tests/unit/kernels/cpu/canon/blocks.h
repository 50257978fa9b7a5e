/* Quantised rows for tests: random ones, and a second, slow reading of every type by its layout's
 * definition, one weight at a time, which shares nothing with the kernels.
 */
#ifndef TESTS_UNIT_KERNELS_CPU_CANON_BLOCKS_H
#define TESTS_UNIT_KERNELS_CPU_CANON_BLOCKS_H

#include <math.h>

#include "kernels/cpu/canon/canon.h"
#include "runtime/base/rng.h"

static const uint32_t block_types[] = {
#define X(name, number, weights, bytes) number,
    RP_CANON_TYPE_MAP(X)
#undef X
};
enum { BLOCK_TYPES = sizeof block_types / sizeof *block_types };

/* A weight is s * w + m (or just w for the float types). */
typedef struct weight {
    int w;
    float s, m, value;
} weight;

static inline double half_value(const uint8_t *p)
{
    unsigned half = p[0] | (unsigned)p[1] << 8;
    int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return half >> 15 ? -magnitude : magnitude;
}

static inline int bit(const uint8_t *p, size_t i)
{
    return p[i / 8] >> i % 8 & 1;
}

static inline weight read_32(uint32_t type, const uint8_t *row, size_t i)
{
    size_t size = type == 2 ? 18 : type == 3 ? 20 : type == 6 ? 22 : type == 7 ? 24 : 34;
    const uint8_t *p = row + i / 32 * size;
    size_t j = i % 32;
    weight out = {.s = (float)half_value(p)};
    if (type == RP_CANON_Q8_0) {
        out.w = p[2 + j] < 128 ? p[2 + j] : p[2 + j] - 256;
        return out;
    }
    const uint8_t *nibbles = p + size - 16;
    out.w = j < 16 ? nibbles[j] % 16 : nibbles[j - 16] / 16;
    if (type == RP_CANON_Q5_0 || type == RP_CANON_Q5_1)
        out.w += 16 * bit(nibbles - 4, j);
    if (type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1)
        out.m = (float)half_value(p + 2);
    else
        out.w -= type == RP_CANON_Q4_0 ? 8 : 16;
    return out;
}

static inline weight read_k(uint32_t type, const uint8_t *row, size_t i)
{
    size_t size = type == RP_CANON_Q4_K ? 144 : type == RP_CANON_Q5_K ? 176 : 210;
    const uint8_t *p = row + i / 256 * size;
    size_t j = i % 256;
    if (type == RP_CANON_Q6_K) {
        size_t part = j / 128, quarter = j % 128 / 32, l = j % 32;
        const uint8_t *low = p + 64 * part + 32 * (quarter % 2) + l;
        int pair = p[128 + 32 * part + l] >> (2 * quarter) & 3;
        int sc = p[192 + j / 16] < 128 ? p[192 + j / 16] : p[192 + j / 16] - 256;
        return (weight){.w = (quarter < 2 ? *low % 16 : *low / 16) + 16 * pair - 32,
            .s = (float)half_value(p + 208) * (float)sc};
    }
    size_t group = j / 32;
    const uint8_t *f = p + 4;
    int sc = group < 4 ? f[group] % 64 : f[group + 4] % 16 + f[group - 4] / 64 * 16;
    int m = group < 4 ? f[group + 4] % 64 : f[group + 4] / 16 + f[group] / 64 * 16;
    const uint8_t *qs = p + size - 128 + 32 * (group / 2) + j % 32;
    weight out = {.w = group % 2 ? *qs / 16 : *qs % 16,
        .s = (float)half_value(p) * (float)sc,
        .m = -((float)half_value(p + 2) * (float)m)};
    if (type == RP_CANON_Q5_K)
        out.w += 16 * (p[16 + j % 32] >> group & 1);
    return out;
}

static inline weight read_weight(uint32_t type, const uint8_t *row, size_t i)
{
    weight out = {0};
    if (type == RP_CANON_F32) {
        memcpy(&out.value, row + 4 * i, 4);
    } else if (type == RP_CANON_F16) {
        out.value = (float)half_value(row + 2 * i);
    } else if (type == RP_CANON_BF16) {
        uint32_t bits = (uint32_t)(row[2 * i] | row[2 * i + 1] << 8) << 16;
        memcpy(&out.value, &bits, 4);
    } else {
        out = type < 12 ? read_32(type, row, i) : read_k(type, row, i);
        out.value = out.s * (float)out.w + out.m;
    }
    return out;
}

/* Activation i of a row that a table with this arrangement has quantised. */
static inline int quantised_at(rp_canon_arrangement arrangement, const int16_t *q, size_t i)
{
    const int16_t *block = q + i / 32 * 32;
    const int8_t *bytes = (const int8_t *)block;
    static const size_t pairs[] = {0, 2, 1, 3};
    size_t j = i % 32;
    switch (arrangement) {
    case RP_CANON_PLANES:
        return 256 * bytes[32 + j] + bytes[j];
    case RP_CANON_PAIRS:
        return block[j / 4 * 4 + pairs[j % 4]];
    case RP_CANON_PLAIN:
        break;
    }
    return block[j];
}

/* Puts a half between 2^-9 and 2^-4 of either sign at p. */
static inline void put_half(uint8_t *p, uint32_t random)
{
    p[0] = (uint8_t)random;
    p[1] = (uint8_t)((random >> 8 & 0x83) | (6 + random % 5) << 2);
}

/* `cols` random weights: any bits for the integers, tame numbers for the floats. */
static inline void fill_row(uint32_t type, size_t cols, uint64_t seed, uint8_t *row)
{
    size_t bytes = (size_t)rp_canon_row_bytes(type, cols);
    for (size_t i = 0; i < bytes; i++)
        row[i] = (uint8_t)rp_rng_philox(seed, i, 7).word[0];
    size_t size = bytes / (cols / (type >= 12 && type != RP_CANON_BF16 ? 256 : 32));
    for (size_t at = 0; at < bytes; at += size) {
        uint32_t random = rp_rng_philox(seed, at, 8).word[0];
        if (type == RP_CANON_F32 || type == RP_CANON_BF16) {
            size_t width = type == RP_CANON_F32 ? 4 : 2;
            for (size_t i = at + width - 1; i < at + size; i += width)
                row[i] = (uint8_t)((row[i] & 0x80) | 0x3D);
        } else if (type == RP_CANON_F16) {
            for (size_t i = at; i < at + size; i += 2)
                put_half(row + i, rp_rng_philox(seed, i, 9).word[0]);
        } else {
            put_half(row + at + (type == RP_CANON_Q6_K ? 208 : 0), random);
            if (type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1 || type == RP_CANON_Q4_K ||
                type == RP_CANON_Q5_K)
                put_half(row + at + 2, random >> 16);
        }
    }
}

#endif
