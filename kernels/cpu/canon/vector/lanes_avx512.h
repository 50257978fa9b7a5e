/* Sixteen lanes in one register of AVX-512 (F, BW, DQ, VL, VNNI).
 *
 * A quantised activation q = 256 * high + low is two signed bytes. A block's 64 bytes are the 32
 * low ones, then the 32 high ones, and vpdpbusd multiplies unsigned codes with either. The sum of a
 * block stays exact in int32: A = 256 * high + low is below 2^31 for every type, whatever its parts
 * do modulo 2^32.
 */
#ifndef KERNELS_CPU_CANON_VECTOR_LANES_AVX512_H
#define KERNELS_CPU_CANON_VECTOR_LANES_AVX512_H

#include <immintrin.h>

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/half.h"
#include "runtime/base/bytes.h"

#define TOKENS_AT_ONCE        4
#define QUANTISED_ARRANGEMENT RP_CANON_PLANES

enum { CODES_BYTES_ZERO = 128 };

typedef __m512 lanes;
typedef __m512i counts;
typedef __m512i codes;
typedef struct dots {
    __m512i low, high;
} dots;

/* -- lanes ------------------------------------------------------------------------------------ */

static inline __mmask16 first_lanes(size_t n)
{
    return (__mmask16)((1U << n) - 1U);
}

static inline lanes lanes_zero(void)
{
    return _mm512_setzero_ps();
}

static inline lanes lanes_set(float x)
{
    return _mm512_set1_ps(x);
}

static inline lanes lanes_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void lanes_store(float *p, lanes v)
{
    _mm512_storeu_ps(p, v);
}

static inline lanes lanes_load_some(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), p);
}

static inline void lanes_store_some(float *p, lanes v, size_t n)
{
    _mm512_mask_storeu_ps(p, first_lanes(n), v);
}

static inline lanes lanes_keep(size_t n, lanes v, lanes old)
{
    return _mm512_mask_mov_ps(old, first_lanes(n), v);
}

static inline lanes lanes_half(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

static inline lanes lanes_half_some(const uint16_t *p, size_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}

static inline lanes lanes_brain(const void *p)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

static inline lanes lanes_unsigned(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(
        _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

static inline lanes lanes_signed(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}

static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_ps(a, b);
}

static inline lanes lanes_sub(lanes a, lanes b)
{
    return _mm512_sub_ps(a, b);
}

static inline lanes lanes_mul(lanes a, lanes b)
{
    return _mm512_mul_ps(a, b);
}

static inline lanes lanes_div(lanes a, lanes b)
{
    return _mm512_div_ps(a, b);
}

static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline lanes lanes_less(lanes a, lanes b, lanes v, lanes w)
{
    return _mm512_mask_mov_ps(w, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), v);
}

static inline lanes lanes_max(lanes a, lanes b)
{
    return _mm512_max_ps(a, b);
}

static inline lanes lanes_negative(lanes v)
{
    return _mm512_xor_ps(v, _mm512_set1_ps(-0.0F));
}

static inline lanes lanes_signed_as(lanes v, lanes x)
{
    return lanes_less(x, lanes_zero(), lanes_negative(v), v);
}

static inline lanes power_of_two(__m512i k)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(k, _mm512_set1_epi32(127)), 23));
}

static inline lanes lanes_scale_exponent(lanes p, lanes shifted, float rounder, lanes x)
{
    __m512i bits = _mm512_set1_epi32((int32_t)rp_canon_bits(rounder));
    __mmask16 number = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
    __m512i whole = _mm512_maskz_sub_epi32(number, _mm512_castps_si512(shifted), bits);
    __m512i half = _mm512_srai_epi32(whole, 1);
    return _mm512_mul_ps(
        _mm512_mul_ps(p, power_of_two(half)), power_of_two(_mm512_sub_epi32(whole, half)));
}

static inline float lanes_top(lanes v)
{
    return _mm512_reduce_max_ps(v);
}

static inline float lanes_tree(lanes v)
{
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* Lanes i and i + 8 of both are added: the eight sums of a, then those of b. */
static inline lanes fold_eight(lanes a, lanes b)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(1, 0, 1, 0)),
        _mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(3, 2, 3, 2)));
}

/* The same a level further down: quarters 0 and 1, and 2 and 3, of each. */
static inline lanes fold_four(lanes a, lanes b)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(2, 0, 2, 0)),
        _mm512_shuffle_f32x4(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* Inside every quarter: lanes 0 and 2, 1 and 3, of both. */
static inline lanes fold_two(lanes a, lanes b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, _MM_SHUFFLE(1, 0, 1, 0)),
        _mm512_shuffle_ps(a, b, _MM_SHUFFLE(3, 2, 3, 2)));
}

/* Lanes 0 and 1, 2 and 3. */
static inline lanes fold_one(lanes a, lanes b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)),
        _mm512_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* A quarter q of fold_four(fold_eight(a, b), fold_eight(c, d)) belongs to the q-th of a, b, c, d;
 * the last two folds put sums of four such next to each other in each quarter. So vector 4i + q
 * comes out in lane 4q + i, and the last line turns that. */
static inline lanes lanes_trees(const lanes v[16])
{
    lanes four[4];
    for (size_t i = 0; i < 4; i++)
        four[i] =
            fold_four(fold_eight(v[4 * i], v[4 * i + 1]), fold_eight(v[4 * i + 2], v[4 * i + 3]));
    lanes turned = fold_one(fold_two(four[0], four[1]), fold_two(four[2], four[3]));
    const __m512i places = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_ps(places, turned);
}

static inline lanes lanes_of_counts(counts c)
{
    return _mm512_cvtepi32_ps(c);
}

static inline uint32_t lanes_magnitude_bits(const float *x)
{
    const __m512i keep = _mm512_set1_epi32(INT32_MAX);
    __m512i low = _mm512_and_si512(_mm512_loadu_si512(x), keep);
    __m512i high = _mm512_and_si512(_mm512_loadu_si512(x + 16), keep);
    return _mm512_reduce_max_epu32(_mm512_max_epu32(low, high));
}

static inline void lanes_quantise(const float *x, float inverse, int16_t *q, int32_t *sum)
{
    __m512i low = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), _mm512_set1_ps(inverse)));
    __m512i high =
        _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + 16), _mm512_set1_ps(inverse)));
    *sum = _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
    const __m512i half = _mm512_set1_epi32(128);
    __m128i *out = (__m128i *)q;
    _mm_storeu_si128(out, _mm512_cvtepi32_epi8(low));
    _mm_storeu_si128(out + 1, _mm512_cvtepi32_epi8(high));
    low = _mm512_srai_epi32(_mm512_add_epi32(low, half), 8);
    high = _mm512_srai_epi32(_mm512_add_epi32(high, half), 8);
    _mm_storeu_si128(out + 2, _mm512_cvtepi32_epi8(low));
    _mm_storeu_si128(out + 3, _mm512_cvtepi32_epi8(high));
}

/* -- codes ------------------------------------------------------------------------------------ */

static inline codes codes_load(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline codes codes_low(const uint8_t *p)
{
    return _mm512_and_si512(codes_load(p), _mm512_set1_epi8(15));
}

static inline codes codes_high(const uint8_t *p)
{
    return _mm512_and_si512(_mm512_srli_epi16(codes_load(p), 4), _mm512_set1_epi8(15));
}

/* v | (bits & mask) */
static inline codes codes_with(codes v, __m512i bits, char mask)
{
    return _mm512_ternarylogic_epi32(v, bits, _mm512_set1_epi8(mask), 0xF8);
}

/* `bits` moved so that bit `from` of each byte becomes bit 4; bits of its neighbour may come
 * along, above or below. The counts are literals, as the instruction's. */
static inline __m512i to_bit_4(__m512i bits, size_t from)
{
    switch (from) {
    case 0:
        return _mm512_slli_epi16(bits, 4);
    case 1:
        return _mm512_slli_epi16(bits, 3);
    case 2:
        return _mm512_slli_epi16(bits, 2);
    case 3:
        return _mm512_slli_epi16(bits, 1);
    case 4:
        return bits;
    case 5:
        return _mm512_srli_epi16(bits, 1);
    case 6:
        return _mm512_srli_epi16(bits, 2);
    default:
        return _mm512_srli_epi16(bits, 3);
    }
}

static inline codes codes_fifth(codes v, const uint8_t *p, size_t k)
{
    return codes_with(v, to_bit_4(codes_load(p), k), 16);
}

static inline codes codes_pair(codes v, const uint8_t *p, size_t j)
{
    return codes_with(v, to_bit_4(codes_load(p), 2 * j), 48);
}

static inline codes codes_bytes(const uint8_t *p)
{
    return codes_load(p);
}

/* -- dots ------------------------------------------------------------------------------------- */

static inline dots dots_start(void)
{
    return (dots){_mm512_setzero_si512(), _mm512_setzero_si512()};
}

static inline void dots_add(dots *d, codes w, const uint8_t *q, size_t k)
{
    d->low = _mm512_dpbusd_epi32(d->low, w, _mm512_set1_epi32((int32_t)rp_load_u32(q + 4 * k)));
    d->high =
        _mm512_dpbusd_epi32(d->high, w, _mm512_set1_epi32((int32_t)rp_load_u32(q + 32 + 4 * k)));
}

static inline counts dots_end(const dots *d, int32_t zero, int32_t sum)
{
    __m512i low = _mm512_sub_epi32(d->low, _mm512_set1_epi32(zero * sum));
    return _mm512_add_epi32(_mm512_slli_epi32(d->high, 8), low);
}

static inline int32_t dots_lower(const uint8_t *q)
{
    const __m128i *v = (const __m128i *)(const void *)q, ones = _mm_set1_epi8(1);
    __m128i four = _mm_dpbusd_epi32(_mm_setzero_si128(), ones, _mm_loadu_si128(v + 2));
    four = _mm_dpbusd_epi32(_mm_slli_epi32(four, 8), ones, _mm_loadu_si128(v));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(four);
}

#endif
