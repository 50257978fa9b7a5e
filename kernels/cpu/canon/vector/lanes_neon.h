/* Sixteen lanes in four registers of NEON, with the dot product instructions (Armv8.2, nearly every
 * server and desktop processor; the others run the norm).
 *
 * A quantised activation q = 256 * high + low is two signed bytes; a block's 64 bytes are the 32
 * low ones, then the 32 high ones. sdot multiplies signed bytes, so the codes of Q8_0 are made
 * signed again.
 */
#ifndef KERNELS_CPU_CANON_VECTOR_LANES_NEON_H
#define KERNELS_CPU_CANON_VECTOR_LANES_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/half.h"
#include "runtime/base/bytes.h"

#define TOKENS_AT_ONCE        2
#define QUANTISED_ARRANGEMENT RP_CANON_PLANES

enum { CODES_BYTES_ZERO = 0 };

typedef struct lanes {
    float32x4_t v[4]; /* lanes 0-3, 4-7, ... */
} lanes;
typedef struct counts {
    int32x4_t v[4];
} counts;
typedef struct codes {
    uint8x16_t v[4];
} codes;
typedef struct dots {
    counts low, high;
} dots;

/* out = f of each of the four registers of x (and y) */
#define EACH_OF(out, expression)       \
    do {                               \
        for (size_t i = 0; i < 4; i++) \
            (out).v[i] = (expression); \
    } while (0)

/* -- lanes ------------------------------------------------------------------------------------ */

static inline lanes lanes_set(float x)
{
    lanes out;
    EACH_OF(out, vdupq_n_f32(x));
    return out;
}

static inline lanes lanes_zero(void)
{
    return lanes_set(0.0F);
}

static inline lanes lanes_load(const float *p)
{
    lanes out;
    EACH_OF(out, vld1q_f32(p + 4 * i));
    return out;
}

static inline void lanes_store(float *p, lanes v)
{
    for (size_t i = 0; i < 4; i++)
        vst1q_f32(p + 4 * i, v.v[i]);
}

static inline lanes lanes_load_some(const float *p, size_t n)
{
    float some[16] = {0.0F};
    memcpy(some, p, n * sizeof *p);
    return lanes_load(some);
}

static inline void lanes_store_some(float *p, lanes v, size_t n)
{
    float some[16];
    lanes_store(some, v);
    memcpy(p, some, n * sizeof *p);
}

static inline lanes lanes_keep(size_t n, lanes v, lanes old)
{
    float some[16];
    lanes_store(some, old);
    lanes_store_some(some, v, n);
    return lanes_load(some);
}

static inline lanes lanes_half(const void *p)
{
    const uint8_t *bytes = p;
    lanes out;
    EACH_OF(out, vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(bytes + 8 * i))));
    return out;
}

static inline lanes lanes_half_some(const uint16_t *p, size_t n)
{
    uint16_t some[16] = {0};
    memcpy(some, p, n * sizeof *p);
    return lanes_half(some);
}

static inline lanes lanes_brain(const void *p)
{
    const uint8_t *bytes = p;
    lanes out;
    EACH_OF(
        out, vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(bytes + 8 * i)), 16)));
    return out;
}

static inline lanes lanes_of_counts(counts c)
{
    lanes out;
    EACH_OF(out, vcvtq_f32_s32(c.v[i]));
    return out;
}

static inline lanes lanes_unsigned(const uint8_t *p)
{
    uint8x16_t bytes = vld1q_u8(p);
    uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_u8(vget_high_u8(bytes));
    counts c = {{vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))),
        vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(low))),
        vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))),
        vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(high)))}};
    return lanes_of_counts(c);
}

static inline lanes lanes_signed(const uint8_t *p)
{
    int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p));
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    counts c = {{vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
        vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))}};
    return lanes_of_counts(c);
}

static inline lanes lanes_add(lanes x, lanes y)
{
    lanes out;
    EACH_OF(out, vaddq_f32(x.v[i], y.v[i]));
    return out;
}

static inline lanes lanes_sub(lanes x, lanes y)
{
    lanes out;
    EACH_OF(out, vsubq_f32(x.v[i], y.v[i]));
    return out;
}

static inline lanes lanes_mul(lanes x, lanes y)
{
    lanes out;
    EACH_OF(out, vmulq_f32(x.v[i], y.v[i]));
    return out;
}

static inline lanes lanes_div(lanes x, lanes y)
{
    lanes out;
    EACH_OF(out, vdivq_f32(x.v[i], y.v[i]));
    return out;
}

static inline lanes lanes_fma(lanes x, lanes y, lanes z)
{
    lanes out;
    EACH_OF(out, vfmaq_f32(z.v[i], x.v[i], y.v[i]));
    return out;
}

static inline lanes lanes_less(lanes x, lanes y, lanes v, lanes w)
{
    lanes out;
    EACH_OF(out, vbslq_f32(vcltq_f32(x.v[i], y.v[i]), v.v[i], w.v[i]));
    return out;
}

static inline lanes lanes_max(lanes x, lanes y)
{
    return lanes_less(y, x, x, y);
}

static inline lanes lanes_negative(lanes v)
{
    lanes out;
    EACH_OF(out, vnegq_f32(v.v[i]));
    return out;
}

static inline lanes lanes_signed_as(lanes v, lanes x)
{
    return lanes_less(x, lanes_zero(), lanes_negative(v), v);
}

static inline float32x4_t power_of_two(int32x4_t k)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(k, vdupq_n_s32(127)), 23));
}

static inline lanes lanes_scale_exponent(lanes p, lanes shifted, float rounder, lanes x)
{
    int32x4_t bits = vdupq_n_s32((int32_t)rp_canon_bits(rounder));
    lanes out;
    for (size_t i = 0; i < 4; i++) {
        int32x4_t whole = vsubq_s32(vreinterpretq_s32_f32(shifted.v[i]), bits);
        whole = vandq_s32(whole, vreinterpretq_s32_u32(vceqq_f32(x.v[i], x.v[i])));
        int32x4_t half = vshrq_n_s32(whole, 1);
        out.v[i] =
            vmulq_f32(vmulq_f32(p.v[i], power_of_two(half)), power_of_two(vsubq_s32(whole, half)));
    }
    return out;
}

static inline float lanes_top(lanes v)
{
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.v[0], v.v[1]), vmaxq_f32(v.v[2], v.v[3])));
}

/* Lanes 8 and 4 apart. */
static inline float32x4_t fold_to_four(lanes v)
{
    return vaddq_f32(vaddq_f32(v.v[0], v.v[2]), vaddq_f32(v.v[1], v.v[3]));
}

static inline float lanes_tree(lanes v)
{
    float32x4_t four = fold_to_four(v);
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

/* Lanes 0 and 2, 1 and 3, of both. */
static inline float32x4_t fold_two(float32x4_t x, float32x4_t y)
{
    float32x4_t low = vcombine_f32(vget_low_f32(x), vget_low_f32(y));
    return vaddq_f32(low, vcombine_f32(vget_high_f32(x), vget_high_f32(y)));
}

static inline lanes lanes_trees(const lanes v[16])
{
    lanes out;
    for (size_t i = 0; i < 4; i++) {
        float32x4_t first = fold_two(fold_to_four(v[4 * i]), fold_to_four(v[4 * i + 1]));
        float32x4_t second = fold_two(fold_to_four(v[4 * i + 2]), fold_to_four(v[4 * i + 3]));
        out.v[i] = vpaddq_f32(first, second);
    }
    return out;
}

static inline uint32_t lanes_magnitude_bits(const float *x)
{
    uint32x4_t top = vdupq_n_u32(0), keep = vdupq_n_u32(INT32_MAX);
    for (size_t i = 0; i < RP_CANON_BLOCK; i += 4)
        top = vmaxq_u32(top, vandq_u32(vreinterpretq_u32_f32(vld1q_f32(x + i)), keep));
    return vmaxvq_u32(top);
}

static inline void lanes_quantise(const float *x, float inverse, int16_t *q, int32_t *sum)
{
    int8_t *bytes = (int8_t *)q;
    int32x4_t total = vdupq_n_s32(0);
    for (size_t i = 0; i < RP_CANON_BLOCK; i += 8) {
        int32x4_t a = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse));
        int32x4_t b = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), inverse));
        int16x8_t both = vcombine_s16(vmovn_s32(a), vmovn_s32(b));
        total = vaddq_s32(total, vaddq_s32(a, b));
        vst1_s8(bytes + i, vmovn_s16(both));
        /* (q + 128) >> 8, which does not overflow */
        vst1_s8(bytes + RP_CANON_BLOCK + i, vrshrn_n_s16(both, 8));
    }
    *sum = vaddvq_s32(total);
}

/* -- codes ------------------------------------------------------------------------------------ */

static inline codes codes_load(const uint8_t *p)
{
    codes out;
    EACH_OF(out, vld1q_u8(p + 16 * i));
    return out;
}

static inline codes codes_bytes(const uint8_t *p)
{
    codes v = codes_load(p), out;
    EACH_OF(out, veorq_u8(v.v[i], vdupq_n_u8(128)));
    return out;
}

static inline codes codes_low(const uint8_t *p)
{
    codes v = codes_load(p), out;
    EACH_OF(out, vandq_u8(v.v[i], vdupq_n_u8(15)));
    return out;
}

static inline codes codes_high(const uint8_t *p)
{
    codes v = codes_load(p), out;
    EACH_OF(out, vshrq_n_u8(v.v[i], 4));
    return out;
}

/* v | bits of p's bytes from bit `from` on, moved to bit 4, that are in the mask */
static inline codes codes_with(codes v, const uint8_t *p, size_t from, uint8_t mask)
{
    int8x16_t move = vdupq_n_s8((int8_t)(4 - (int)from)); /* to the right where negative */
    codes bits = codes_load(p), out;
    EACH_OF(out, vorrq_u8(v.v[i], vandq_u8(vshlq_u8(bits.v[i], move), vdupq_n_u8(mask))));
    return out;
}

static inline codes codes_fifth(codes v, const uint8_t *p, size_t k)
{
    return codes_with(v, p, k, 16);
}

static inline codes codes_pair(codes v, const uint8_t *p, size_t j)
{
    return codes_with(v, p, 2 * j, 48);
}

/* -- dots ------------------------------------------------------------------------------------- */

static inline dots dots_start(void)
{
    dots out;
    EACH_OF(out.low, vdupq_n_s32(0));
    EACH_OF(out.high, vdupq_n_s32(0));
    return out;
}

static inline void dots_add(dots *d, codes w, const uint8_t *q, size_t k)
{
    int8x16_t low = vreinterpretq_s8_u32(vdupq_n_u32(rp_load_u32(q + 4 * k)));
    int8x16_t high = vreinterpretq_s8_u32(vdupq_n_u32(rp_load_u32(q + RP_CANON_BLOCK + 4 * k)));
    EACH_OF(d->low, vdotq_s32(d->low.v[i], vreinterpretq_s8_u8(w.v[i]), low));
    EACH_OF(d->high, vdotq_s32(d->high.v[i], vreinterpretq_s8_u8(w.v[i]), high));
}

static inline counts dots_end(const dots *d, int32_t zero, int32_t sum)
{
    int32x4_t less = vdupq_n_s32(zero * sum);
    counts out;
    EACH_OF(out, vsubq_s32(vaddq_s32(vshlq_n_s32(d->high.v[i], 8), d->low.v[i]), less));
    return out;
}

static inline int32_t add_bytes(const uint8_t *p)
{
    return vaddlvq_s8(vreinterpretq_s8_u8(vld1q_u8(p)));
}

static inline int32_t dots_lower(const uint8_t *q)
{
    return 256 * add_bytes(q + RP_CANON_BLOCK) + add_bytes(q);
}

#undef EACH_OF

#endif
