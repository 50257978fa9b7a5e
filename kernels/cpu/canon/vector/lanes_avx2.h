/* Sixteen lanes in two registers of AVX2 (with FMA and F16C).
 *
 * vpmaddubsw saturates, so codes are widened to 16 bits and vpmaddwd multiplies pairs: the even
 * bytes of a row's four codes in one operand, the odd ones in another. Quantised activations lie
 * accordingly: of each four, 0, 2, 1, 3.
 */
#ifndef KERNELS_CPU_CANON_VECTOR_LANES_AVX2_H
#define KERNELS_CPU_CANON_VECTOR_LANES_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/half.h"
#include "runtime/base/bytes.h"

#define TOKENS_AT_ONCE        2
#define QUANTISED_ARRANGEMENT RP_CANON_PAIRS

enum { CODES_BYTES_ZERO = 128 };

typedef struct lanes {
    __m256 a, b; /* lanes 0-7, 8-15 */
} lanes;
typedef struct counts {
    __m256i a, b;
} counts;
typedef counts codes;
typedef counts dots;

/* -- lanes ------------------------------------------------------------------------------------ */

static inline lanes lanes_set(float x)
{
    return (lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

static inline lanes lanes_zero(void)
{
    return lanes_set(0.0F);
}

static inline lanes lanes_load(const float *p)
{
    return (lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

static inline void lanes_store(float *p, lanes v)
{
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps(p + 8, v.b);
}

/* All ones in lanes below n, of the eight from `first` on. */
static inline __m256i first_lanes(size_t n, int first)
{
    __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n - first), places);
}

static inline lanes lanes_load_some(const float *p, size_t n)
{
    return (lanes){_mm256_maskload_ps(p, first_lanes(n, 0)),
        n > 8 ? _mm256_maskload_ps(p + 8, first_lanes(n, 8)) : _mm256_setzero_ps()};
}

static inline void lanes_store_some(float *p, lanes v, size_t n)
{
    _mm256_maskstore_ps(p, first_lanes(n, 0), v.a);
    if (n > 8)
        _mm256_maskstore_ps(p + 8, first_lanes(n, 8), v.b);
}

static inline lanes lanes_keep(size_t n, lanes v, lanes old)
{
    return (lanes){_mm256_blendv_ps(old.a, v.a, _mm256_castsi256_ps(first_lanes(n, 0))),
        _mm256_blendv_ps(old.b, v.b, _mm256_castsi256_ps(first_lanes(n, 8)))};
}

static inline lanes lanes_half(const void *p)
{
    const __m128i *half = p;
    return (lanes){
        _mm256_cvtph_ps(_mm_loadu_si128(half)), _mm256_cvtph_ps(_mm_loadu_si128(half + 1))};
}

static inline lanes lanes_half_some(const uint16_t *p, size_t n)
{
    uint16_t some[16] = {0};
    memcpy(some, p, n * sizeof *p);
    return lanes_half(some);
}

static inline __m256 brain_eight(const void *p)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

static inline lanes lanes_brain(const void *p)
{
    return (lanes){brain_eight(p), brain_eight((const uint8_t *)p + 16)};
}

static inline __m128i eight_bytes(const uint8_t *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

static inline lanes lanes_of_counts(counts c)
{
    return (lanes){_mm256_cvtepi32_ps(c.a), _mm256_cvtepi32_ps(c.b)};
}

static inline lanes lanes_unsigned(const uint8_t *p)
{
    return lanes_of_counts(
        (counts){_mm256_cvtepu8_epi32(eight_bytes(p)), _mm256_cvtepu8_epi32(eight_bytes(p + 8))});
}

static inline lanes lanes_signed(const uint8_t *p)
{
    return lanes_of_counts(
        (counts){_mm256_cvtepi8_epi32(eight_bytes(p)), _mm256_cvtepi8_epi32(eight_bytes(p + 8))});
}

static inline lanes lanes_add(lanes x, lanes y)
{
    return (lanes){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}

static inline lanes lanes_sub(lanes x, lanes y)
{
    return (lanes){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}

static inline lanes lanes_mul(lanes x, lanes y)
{
    return (lanes){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}

static inline lanes lanes_div(lanes x, lanes y)
{
    return (lanes){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}

static inline lanes lanes_fma(lanes x, lanes y, lanes z)
{
    return (lanes){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}

static inline lanes lanes_less(lanes x, lanes y, lanes v, lanes w)
{
    return (lanes){_mm256_blendv_ps(w.a, v.a, _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ)),
        _mm256_blendv_ps(w.b, v.b, _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))};
}

static inline lanes lanes_max(lanes x, lanes y)
{
    return (lanes){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}

static inline lanes lanes_negative(lanes v)
{
    __m256 sign = _mm256_set1_ps(-0.0F);
    return (lanes){_mm256_xor_ps(v.a, sign), _mm256_xor_ps(v.b, sign)};
}

static inline lanes lanes_signed_as(lanes v, lanes x)
{
    return lanes_less(x, lanes_zero(), lanes_negative(v), v);
}

static inline __m256 power_of_two(__m256i k)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(k, _mm256_set1_epi32(127)), 23));
}

static inline __m256 scale_eight(__m256 p, __m256 shifted, float rounder, __m256 x)
{
    __m256i bits = _mm256_set1_epi32((int32_t)rp_canon_bits(rounder));
    __m256i whole = _mm256_sub_epi32(_mm256_castps_si256(shifted), bits);
    whole = _mm256_and_si256(whole, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_ORD_Q)));
    __m256i half = _mm256_srai_epi32(whole, 1);
    return _mm256_mul_ps(
        _mm256_mul_ps(p, power_of_two(half)), power_of_two(_mm256_sub_epi32(whole, half)));
}

static inline lanes lanes_scale_exponent(lanes p, lanes shifted, float rounder, lanes x)
{
    return (lanes){
        scale_eight(p.a, shifted.a, rounder, x.a), scale_eight(p.b, shifted.b, rounder, x.b)};
}

static inline float lanes_top(lanes v)
{
    __m256 eight = _mm256_max_ps(v.a, v.b);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

static inline float lanes_tree(lanes v)
{
    __m256 eight = _mm256_add_ps(v.a, v.b);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* Lanes i and i + 4 of both are added: the four sums of x, then those of y. */
static inline __m256 fold_four(__m256 x, __m256 y)
{
    return _mm256_add_ps(_mm256_permute2f128_ps(x, y, 0x20), _mm256_permute2f128_ps(x, y, 0x31));
}

/* Inside each half: lanes 0 and 2, 1 and 3, of both; then lanes 0 and 1, 2 and 3. */
static inline __m256 fold_two(__m256 x, __m256 y)
{
    return _mm256_add_ps(_mm256_shuffle_ps(x, y, _MM_SHUFFLE(1, 0, 1, 0)),
        _mm256_shuffle_ps(x, y, _MM_SHUFFLE(3, 2, 3, 2)));
}

static inline __m256 fold_one(__m256 x, __m256 y)
{
    return _mm256_add_ps(_mm256_shuffle_ps(x, y, _MM_SHUFFLE(2, 0, 2, 0)),
        _mm256_shuffle_ps(x, y, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* Eight vectors: a half h of fold_four(v[2i], v[2i+1]) belongs to vector 2i + h, so that vector
 * 2i + h comes out in lane 4h + i, which the last line turns. */
static inline __m256 trees_of_eight(const lanes v[8])
{
    __m256 four[4];
    for (size_t i = 0; i < 4; i++)
        four[i] = fold_four(
            _mm256_add_ps(v[2 * i].a, v[2 * i].b), _mm256_add_ps(v[2 * i + 1].a, v[2 * i + 1].b));
    __m256 turned = fold_one(fold_two(four[0], four[1]), fold_two(four[2], four[3]));
    return _mm256_permutevar8x32_ps(turned, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline lanes lanes_trees(const lanes v[16])
{
    return (lanes){trees_of_eight(v), trees_of_eight(v + 8)};
}

static inline __m256i magnitude_eight(const float *x)
{
    return _mm256_and_si256(
        _mm256_loadu_si256((const __m256i *)(const void *)x), _mm256_set1_epi32(INT32_MAX));
}

/* Magnitudes are not negative, so signed comparison orders them. */
static inline uint32_t lanes_magnitude_bits(const float *x)
{
    __m256i top = _mm256_max_epi32(_mm256_max_epi32(magnitude_eight(x), magnitude_eight(x + 8)),
        _mm256_max_epi32(magnitude_eight(x + 16), magnitude_eight(x + 24)));
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    return (uint32_t)_mm_cvtsi128_si32(four);
}

static inline int32_t add_eight(__m256i v)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(four);
}

static inline __m256i round_eight(const float *x, __m256 inverse)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x), inverse));
}

static inline void lanes_quantise(const float *x, float inverse, int16_t *q, int32_t *sum)
{
    const __m256i pairs = _mm256_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0,
        1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    __m256 factor = _mm256_set1_ps(inverse);
    __m256i total = _mm256_setzero_si256();
    for (size_t i = 0; i < RP_CANON_BLOCK; i += 16) {
        __m256i low = round_eight(x + i, factor), high = round_eight(x + i + 8, factor);
        total = _mm256_add_epi32(total, _mm256_add_epi32(low, high));
        /* packing goes by halves of the registers */
        __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
        _mm256_storeu_si256((__m256i *)(void *)(q + i), _mm256_shuffle_epi8(both, pairs));
    }
    *sum = add_eight(total);
}

/* -- codes ------------------------------------------------------------------------------------ */

static inline codes codes_bytes(const uint8_t *p)
{
    const __m256i *v = (const __m256i *)(const void *)p;
    return (codes){_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
}

static inline codes codes_and(codes v, char mask)
{
    __m256i keep = _mm256_set1_epi8(mask);
    return (codes){_mm256_and_si256(v.a, keep), _mm256_and_si256(v.b, keep)};
}

static inline codes codes_low(const uint8_t *p)
{
    return codes_and(codes_bytes(p), 15);
}

static inline codes codes_high(const uint8_t *p)
{
    codes v = codes_bytes(p);
    return codes_and((codes){_mm256_srli_epi16(v.a, 4), _mm256_srli_epi16(v.b, 4)}, 15);
}

static inline codes codes_or(codes v, codes w)
{
    return (codes){_mm256_or_si256(v.a, w.a), _mm256_or_si256(v.b, w.b)};
}

/* `bits` moved so that bit `from` of each byte becomes bit 4; bits of its neighbour may come along,
 * above or below. */
static inline codes to_bit_4(codes bits, size_t from)
{
    int up = from < 4 ? 4 - (int)from : 0, down = from < 4 ? 0 : (int)from - 4;
    __m128i left = _mm_cvtsi32_si128(up), right = _mm_cvtsi32_si128(down);
    if (up > 0)
        return (codes){_mm256_sll_epi16(bits.a, left), _mm256_sll_epi16(bits.b, left)};
    return (codes){_mm256_srl_epi16(bits.a, right), _mm256_srl_epi16(bits.b, right)};
}

static inline codes codes_fifth(codes v, const uint8_t *p, size_t k)
{
    return codes_or(v, codes_and(to_bit_4(codes_bytes(p), k), 16));
}

static inline codes codes_pair(codes v, const uint8_t *p, size_t j)
{
    return codes_or(v, codes_and(to_bit_4(codes_bytes(p), 2 * j), 48));
}

/* -- dots ------------------------------------------------------------------------------------- */

static inline dots dots_start(void)
{
    return (dots){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

/* Adds each row's four products to its sum. */
static inline __m256i dot_eight(__m256i sum, __m256i w, __m256i even, __m256i odd)
{
    __m256i low = _mm256_and_si256(w, _mm256_set1_epi16(255)), high = _mm256_srli_epi16(w, 8);
    return _mm256_add_epi32(
        sum, _mm256_add_epi32(_mm256_madd_epi16(low, even), _mm256_madd_epi16(high, odd)));
}

static inline void dots_add(dots *d, codes w, const uint8_t *q, size_t k)
{
    __m256i even = _mm256_set1_epi32((int32_t)rp_load_u32(q + 8 * k));
    __m256i odd = _mm256_set1_epi32((int32_t)rp_load_u32(q + 8 * k + 4));
    d->a = dot_eight(d->a, w.a, even, odd);
    d->b = dot_eight(d->b, w.b, even, odd);
}

static inline counts dots_end(const dots *d, int32_t zero, int32_t sum)
{
    __m256i less = _mm256_set1_epi32(zero * sum);
    return (counts){_mm256_sub_epi32(d->a, less), _mm256_sub_epi32(d->b, less)};
}

static inline int32_t dots_lower(const uint8_t *q)
{
    const __m256i *v = (const __m256i *)(const void *)q;
    return add_eight(_mm256_madd_epi16(_mm256_loadu_si256(v), _mm256_set1_epi16(1)));
}

#endif
