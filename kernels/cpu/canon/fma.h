/* Fused multiply-add in float32: a * b + c with one rounding, on every machine.
 *
 * C's fmaf is a single instruction where the target has one, and otherwise a call into libm, which
 * is slow and not ours. So where the compiler may not use the instruction, rp_canon_fma is
 * rp_canon_fma_exact below: the same bits from double arithmetic.
 *
 * Why that is exact: the product of two float32 has at most 48 significant bits and an exponent far
 * inside double's range, so it is a double. Adding c may round; the error of that addition is known
 * exactly (Knuth's two-sum), and where there is one, the sum is rounded to odd instead: of the two
 * doubles around the exact value, the one whose last bit is 1. A value rounded to odd at 53 bits
 * and then to nearest even at 24 (or fewer, for subnormal results) is as if rounded once, since 53
 * is more than 24 + 2 (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
 */
#ifndef KERNELS_CPU_CANON_FMA_H
#define KERNELS_CPU_CANON_FMA_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float rp_canon_fma_exact(float a, float b, float c)
{
    double product = (double)a * (double)b;
    double addend = (double)c;
    double sum = product + addend;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((bits >> 52 & 0x7FF) == 0x7FF) /* infinity or NaN, as double arithmetic has it */
        return (float)sum;
    double part = sum - product;
    double error = (product - (sum - part)) + (addend - part);
    if (error != 0.0 && (bits & 1) == 0) {
        /* away from zero where the error has the sum's sign, else towards it */
        bits += (error > 0.0) == (sum > 0.0) ? 1 : UINT64_MAX;
        memcpy(&sum, &bits, sizeof sum);
    }
    return (float)sum;
}

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define RP_CANON_FMA_NAME "instruction"
static inline float rp_canon_fma(float a, float b, float c)
{
    return fmaf(a, b, c);
}
#else
#define RP_CANON_FMA_NAME "double"
static inline float rp_canon_fma(float a, float b, float c)
{
    return rp_canon_fma_exact(a, b, c);
}
#endif

#endif
