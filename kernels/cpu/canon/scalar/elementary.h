/* exp, tanh and erf in float32: reduction, polynomial, fma. No branches, so that compilers make
 * vector code of loops over them.
 *
 * The polynomials are minimax fits (Lawson's iteration on Chebyshev nodes, in double, relative
 * error of the function), rounded to float32. A coefficient is part of the canon.
 */
#ifndef KERNELS_CPU_CANON_SCALAR_ELEMENTARY_H
#define KERNELS_CPU_CANON_SCALAR_ELEMENTARY_H

#include "kernels/cpu/canon/fma.h"
#include "kernels/cpu/canon/half.h"

/* 2^k for -126 <= k <= 127 */
static inline float rp__power_of_two(int32_t k)
{
    return rp_canon_float((uint32_t)(k + 127) << 23);
}

/* x = n ln 2 + r, |r| <= ln(2)/2; e^x = 2^n e^r. Below -104 the result is +0, above 88.73 infinite,
 * NaN stays NaN. */
static inline float rp__exp(float x)
{
    const float rounder = 0x1.8p23F;
    float t = x < -105.0F ? -105.0F : x;
    t = t > 89.0F ? 89.0F : t;
    float shifted = rp_canon_fma(t, 0x1.715476p+0F, rounder);
    float n = shifted - rounder;
    float r = rp_canon_fma(n, -0x1.62e4p-1F, t); /* ln 2 in two parts, the first exact times n */
    r = rp_canon_fma(n, -0x1.7f7d1cp-20F, r);
    float p = 0x1.6a2430p-10F;
    p = rp_canon_fma(p, r, 0x1.1239e4p-7F);
    p = rp_canon_fma(p, r, 0x1.5558f2p-5F);
    p = rp_canon_fma(p, r, 0x1.555492p-3F);
    p = rp_canon_fma(p, r, 0x1.fffffcp-2F);
    p = rp_canon_fma(p, r * r, r) + 1.0F;
    /* 2^n in two factors, since n may leave the exponents' range; the first is exact. NaN has no n.
     */
    int32_t whole = (int32_t)(rp_canon_bits(shifted) - rp_canon_bits(rounder));
    whole = x == x ? whole : 0;
    int32_t half = whole >> 1;
    return (p * rp__power_of_two(half)) * rp__power_of_two(whole - half);
}

/* Near zero x + x^3 P(x^2), else 1 - 2 / (e^(2|x|) + 1) with the sign of x. */
static inline float rp__tanh(float x)
{
    float u = x * x;
    float p = -0x1.75e1a8p-8F;
    p = rp_canon_fma(p, u, 0x1.522692p-6F);
    p = rp_canon_fma(p, u, -0x1.b83c58p-5F);
    p = rp_canon_fma(p, u, 0x1.110726p-3F);
    p = rp_canon_fma(p, u, -0x1.555532p-2F);
    float near = rp_canon_fma(p * u, x, x);
    float magnitude = x < 0.0F ? -x : x;
    float far = 1.0F - 2.0F / (rp__exp(magnitude + magnitude) + 1.0F);
    far = x < 0.0F ? -far : far;
    return magnitude < 0.625F ? near : far;
}

/* Near zero x + x P(x^2), else 1 - e^(-Q(|x|)) with the sign of x; beyond 4 it rounds to 1. */
static inline float rp__erf(float x)
{
    float u = x * x;
    float p = 0x1.496a28p-14F;
    p = rp_canon_fma(p, u, -0x1.a3f6fcp-11F);
    p = rp_canon_fma(p, u, 0x1.5405b2p-8F);
    p = rp_canon_fma(p, u, -0x1.b7f90cp-6F);
    p = rp_canon_fma(p, u, 0x1.ce2cf8p-4F);
    p = rp_canon_fma(p, u, -0x1.81273ep-2F);
    p = rp_canon_fma(p, u, 0x1.06eba8p-3F);
    float near = rp_canon_fma(p, x, x);
    float magnitude = x < 0.0F ? -x : x;
    float a = magnitude > 4.0F ? 4.0F : magnitude;
    float q = 0x1.6c06a6p-16F;
    q = rp_canon_fma(q, a, -0x1.ceeafcp-12F);
    q = rp_canon_fma(q, a, 0x1.1398fep-8F);
    q = rp_canon_fma(q, a, -0x1.9d0bd6p-6F);
    q = rp_canon_fma(q, a, 0x1.bc18d0p-4F);
    q = rp_canon_fma(q, a, 0x1.4434f0p-1F);
    q = rp_canon_fma(q, a, 0x1.212c2cp+0F);
    q = rp_canon_fma(q, a, -0x1.8b3edep-13F);
    float far = 1.0F - rp__exp(-q);
    far = x < 0.0F ? -far : far;
    return magnitude < 1.0F ? near : far;
}

#endif
