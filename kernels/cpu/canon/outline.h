/* The first pass of the half-byte head (head.h): what a table's kernel computes.
 *
 * For each row of groups [first, first + count), over its blocks of 32 columns in ascending order:
 *     value = fma(d * dx, (float)H, value)                      H = sum of (code - 8) * q
 *     slack = fma(fma(c, 1/3, kappa), |d| * norm, slack)
 * and then value * 16, and fma(slack, widen, 2^-100).
 *
 * A group of 16 rows has, a block after the other, sixteen f16 d, sixteen bytes c, and four vectors
 * of codes h + 8 (pack.h), then zeros up to a multiple of 64 bytes.
 */
#ifndef KERNELS_CPU_CANON_OUTLINE_H
#define KERNELS_CPU_CANON_OUTLINE_H

#include <stddef.h>
#include <stdint.h>

enum { RP_CANON_OUTLINE_BLOCK = 304 }; /* bytes of 16 rows and 32 columns */

#define RP_CANON_OUTLINE_THIRD 0x1.555556p-2F /* no less than 1/3 */
#define RP_CANON_OUTLINE_LEAST 0x1p-100F

typedef struct rp_canon_outline {
    const uint8_t *halves;
    size_t group_bytes, blocks;
    const int16_t *q; /* as the table arranges it */
    const float *scale;
    const int32_t *sum;
    const float *norms;
    float kappa, widen;
    float *values, *slack; /* 16 a group, from group 0 on */
} rp_canon_outline;

#endif
