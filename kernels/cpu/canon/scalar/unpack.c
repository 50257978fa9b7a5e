/* Every type's blocks, unpacked into integers and factors; the layouts are those of GGUF. */
#include "kernels/cpu/canon/scalar/scalar.h"

#include <string.h>

#include "kernels/cpu/canon/half.h"
#include "runtime/base/attributes.h"
#include "runtime/base/bytes.h"

static float load_f16(const uint8_t *p)
{
    return rp_canon_from_f16(rp_load_u16(p));
}

/* The f16 at the head of each of `blocks` blocks, `stride` bytes apart. Two loops, since the second
 * one becomes vector code. */
static void heads(const uint8_t *restrict p, size_t blocks, size_t stride, float *restrict out)
{
    uint16_t half[RP__SCALAR_PANEL / 32];
    for (size_t b = 0; b < blocks; b++)
        half[b] = rp_load_u16(p + b * stride);
    for (size_t b = 0; b < blocks; b++)
        out[b] = rp_canon_from_f16(half[b]);
}

/* The 32 bits at the head of each block as bytes of 0 or 16. Eight at a time: copy the byte eight
 * times, keep bit i of copy i, and carry whatever is left there up to bit 7. */
static void fifth_bits(
    const uint8_t *restrict p, size_t blocks, size_t stride, uint8_t *restrict fifth)
{
    for (size_t b = 0; b < blocks; b++, p += stride, fifth += 32) {
        for (size_t i = 0; i < 4; i++) {
            uint64_t eight = p[i] * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
            eight = (eight + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 3 & UINT64_C(0x1010101010101010);
            memcpy(fifth + 8 * i, &eight, sizeof eight);
        }
    }
}

/* Q4_0 and Q4_1: the factors, then 16 bytes of nibbles, the low ones first. Each less `zero`. */
static void unpack_nibbles(
    const uint8_t *restrict qs, size_t blocks, size_t stride, int zero, int16_t *restrict w)
{
    for (size_t b = 0; b < blocks; b++, qs += stride, w += 32) {
        for (size_t i = 0; i < 16; i++) {
            w[i] = (int16_t)((qs[i] & 15) - zero);
            w[i + 16] = (int16_t)((qs[i] >> 4) - zero);
        }
    }
}

/* Q5_0 and Q5_1: the factors, 32 high bits, 16 bytes of nibbles; p is at the high bits. */
static void unpack_five_bits(
    const uint8_t *restrict p, size_t blocks, size_t stride, int zero, int16_t *restrict w)
{
    uint8_t high[RP__SCALAR_PANEL];
    fifth_bits(p, blocks, stride, high);
    for (size_t b = 0; b < blocks; b++, p += stride, w += 32) {
        const uint8_t *qs = p + 4, *fifth = high + 32 * b;
        for (size_t i = 0; i < 16; i++) {
            w[i] = (int16_t)(((qs[i] & 15) | fifth[i]) - zero);
            w[i + 16] = (int16_t)((qs[i] >> 4 | fifth[i + 16]) - zero);
        }
    }
}

static void unpack_q4_0(const uint8_t *p, size_t blocks, rp__scalar_panel *panel)
{
    heads(p, blocks, 18, panel->scale);
    unpack_nibbles(p + 2, blocks, 18, 8, panel->w);
}

static void unpack_q4_1(const uint8_t *p, size_t blocks, rp__scalar_panel *panel)
{
    heads(p, blocks, 20, panel->scale);
    heads(p + 2, blocks, 20, panel->shift);
    unpack_nibbles(p + 4, blocks, 20, 0, panel->w);
}

static void unpack_q5_0(const uint8_t *p, size_t blocks, rp__scalar_panel *panel)
{
    heads(p, blocks, 22, panel->scale);
    unpack_five_bits(p + 2, blocks, 22, 16, panel->w);
}

static void unpack_q5_1(const uint8_t *p, size_t blocks, rp__scalar_panel *panel)
{
    heads(p, blocks, 24, panel->scale);
    heads(p + 2, blocks, 24, panel->shift);
    unpack_five_bits(p + 4, blocks, 24, 0, panel->w);
}

/* d, 32 signed bytes */
static void unpack_q8_0(const uint8_t *restrict p, size_t blocks, rp__scalar_panel *restrict panel)
{
    heads(p, blocks, 34, panel->scale);
    for (size_t b = 0; b < blocks; b++, p += 34) {
        const int8_t *qs = (const int8_t *)(p + 2);
        int16_t *w = panel->w + 32 * b;
        for (size_t i = 0; i < 32; i++)
            w[i] = qs[i];
    }
}

/* The 6-bit scales and minima of a block of 256, eight of each, in 12 bytes: the first four of both
 * in the low six bits of bytes 0-7, whose top two bits complete the last four in bytes 8-11. */
static void k_factors(const uint8_t *block, float *scale, float *shift)
{
    float d = load_f16(block), dmin = load_f16(block + 2);
    const uint8_t *s = block + 4;
    for (size_t j = 0; j < 8; j++) {
        int sc = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        int m = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
        scale[j] = d * (float)sc;
        shift[j] = -(dmin * (float)m);
    }
}

/* d, dmin, scales, then per 64 weights 32 bytes: low nibbles first */
static void unpack_q4_k(const uint8_t *restrict p, size_t blocks, rp__scalar_panel *restrict panel)
{
    for (size_t b = 0; b < blocks; b++, p += 144) {
        k_factors(p, panel->scale + 8 * b, panel->shift + 8 * b);
        for (size_t g = 0; g < 4; g++) {
            const uint8_t *qs = p + 16 + 32 * g;
            int16_t *w = panel->w + 256 * b + 64 * g;
            for (size_t i = 0; i < 32; i++) {
                w[i] = qs[i] & 15;
                w[i + 32] = qs[i] >> 4;
            }
        }
    }
}

/* The same with 32 bytes of high bits before the nibbles: bit 2g and 2g + 1 for group g. */
static void unpack_q5_k(const uint8_t *restrict p, size_t blocks, rp__scalar_panel *restrict panel)
{
    for (size_t b = 0; b < blocks; b++, p += 176) {
        const uint8_t *high = p + 16;
        k_factors(p, panel->scale + 8 * b, panel->shift + 8 * b);
        for (size_t g = 0; g < 4; g++) {
            const uint8_t *qs = p + 48 + 32 * g;
            int16_t *w = panel->w + 256 * b + 64 * g;
            for (size_t i = 0; i < 32; i++) {
                w[i] = (int16_t)((qs[i] & 15) | (high[i] >> (2 * g) & 1) << 4);
                w[i + 32] = (int16_t)(qs[i] >> 4 | (high[i] >> (2 * g + 1) & 1) << 4);
            }
        }
    }
}

/* Per 128 weights 64 bytes of nibbles and 32 of high pairs; then 16 signed scales, then d. */
static void unpack_q6_k(const uint8_t *restrict p, size_t blocks, rp__scalar_panel *restrict panel)
{
    for (size_t b = 0; b < blocks; b++, p += 210) {
        const int8_t *scales = (const int8_t *)(p + 192);
        float d = load_f16(p + 208);
        for (size_t j = 0; j < 16; j++)
            panel->scale[16 * b + j] = d * (float)scales[j];
        for (size_t g = 0; g < 2; g++) {
            const uint8_t *low = p + 64 * g, *high = p + 128 + 32 * g;
            int16_t *w = panel->w + 256 * b + 128 * g;
            for (size_t i = 0; i < 32; i++) {
                w[i] = (int16_t)(((low[i] & 15) | (high[i] & 3) << 4) - 32);
                w[i + 32] = (int16_t)(((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4) - 32);
                w[i + 64] = (int16_t)((low[i] >> 4 | (high[i] >> 4 & 3) << 4) - 32);
                w[i + 96] = (int16_t)((low[i + 32] >> 4 | (high[i] >> 6) << 4) - 32);
            }
        }
    }
}

void RP__SCALAR(scales_q8_0)(const uint8_t *row, size_t first, size_t cols, float *scale)
{
    heads(row + first / 32 * 34, cols / 32, 34, scale);
}

void RP__SCALAR(unpack)(
    rp_canon_type type, const uint8_t *row, size_t first, size_t cols, rp__scalar_panel *panel)
{
    switch (type) {
    case RP_CANON_Q4_0:
        unpack_q4_0(row + first / 32 * 18, cols / 32, panel);
        return;
    case RP_CANON_Q4_1:
        unpack_q4_1(row + first / 32 * 20, cols / 32, panel);
        return;
    case RP_CANON_Q5_0:
        unpack_q5_0(row + first / 32 * 22, cols / 32, panel);
        return;
    case RP_CANON_Q5_1:
        unpack_q5_1(row + first / 32 * 24, cols / 32, panel);
        return;
    case RP_CANON_Q8_0:
        unpack_q8_0(row + first / 32 * 34, cols / 32, panel);
        return;
    case RP_CANON_Q4_K:
        unpack_q4_k(row + first / 256 * 144, cols / 256, panel);
        return;
    case RP_CANON_Q5_K:
        unpack_q5_k(row + first / 256 * 176, cols / 256, panel);
        return;
    case RP_CANON_Q6_K:
        unpack_q6_k(row + first / 256 * 210, cols / 256, panel);
        return;
    case RP_CANON_F32:
    case RP_CANON_F16:
    case RP_CANON_BF16:
        break;
    }
    RP_ASSERT(rp_canon_type_is_quantised(type));
}

void RP__SCALAR(widen)(
    rp_canon_type type, const uint8_t *row, size_t first, size_t cols, float *out)
{
    if (type == RP_CANON_F32) {
        memcpy(out, row + 4 * first, 4 * cols);
        return;
    }
    row += 2 * first;
    if (type == RP_CANON_F16) {
        for (size_t i = 0; i < cols; i++)
            out[i] = rp_canon_from_f16(rp_load_u16(row + 2 * i));
        return;
    }
    for (size_t i = 0; i < cols; i++)
        out[i] = rp_canon_from_bf16(rp_load_u16(row + 2 * i));
}
