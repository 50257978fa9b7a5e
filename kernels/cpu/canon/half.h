/* Half-width floats: f16 (IEEE binary16) and bf16, to and from float32.
 *
 * Widening is exact. Narrowing rounds to nearest, ties to even; what is too large becomes infinity,
 * NaN stays NaN. Everything is done on the bits and in plain float32, so that it is the same on
 * every machine, and compilers turn a loop of it into vector code.
 */
#ifndef KERNELS_CPU_CANON_HALF_H
#define KERNELS_CPU_CANON_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t rp_canon_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float rp_canon_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float rp_canon_from_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    int32_t moved = (half & 0x7FFF) << 13; /* exponent and fraction where float32 has them */
    /* normal: re-bias by 127 - 15; infinity and NaN: all ones stay all ones */
    int32_t normal = moved + (112 << 23);
    normal |= moved >= 0x0F800000 ? 0x7F800000 : 0;
    /* subnormal or zero: a count of 2^-24, exact */
    uint32_t tiny = rp_canon_bits((float)moved * 0x1p-37F);
    return rp_canon_float(sign | (moved < 0x00800000 ? tiny : (uint32_t)normal));
}

static inline uint16_t rp_canon_to_f16(float x)
{
    uint32_t bits = rp_canon_bits(x);
    uint32_t sign = bits >> 16 & 0x8000U;
    uint32_t magnitude = bits & UINT32_C(0x7FFFFFFF);
    if (magnitude > UINT32_C(0x7F800000)) /* NaN, quiet */
        return (uint16_t)(sign | 0x7E00U | (magnitude >> 13 & 0x01FFU));
    if (magnitude >= UINT32_C(0x477FF000)) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7C00U);
    if (magnitude < UINT32_C(0x38800000)) { /* below 2^-14: a count of 2^-24 */
        /* adding 0.5 puts the count into the low bits, rounded to nearest even */
        uint32_t count = rp_canon_bits(rp_canon_float(magnitude) + 0.5F) - UINT32_C(0x3F000000);
        return (uint16_t)(sign | count);
    }
    uint32_t odd = magnitude >> 13 & 1;
    uint32_t rounded = magnitude - (UINT32_C(112) << 23) + 0x0FFFU + odd;
    return (uint16_t)(sign | rounded >> 13);
}

static inline float rp_canon_from_bf16(uint16_t half)
{
    return rp_canon_float((uint32_t)half << 16);
}

static inline uint16_t rp_canon_to_bf16(float x)
{
    uint32_t bits = rp_canon_bits(x);
    if ((bits & UINT32_C(0x7FFFFFFF)) > UINT32_C(0x7F800000))
        return (uint16_t)(bits >> 16 | 0x0040U);
    return (uint16_t)((bits + 0x7FFFU + (bits >> 16 & 1)) >> 16);
}

#endif
