/* Sums over a row: element i goes into lane i mod 16, ascending inside a lane; then the tree. */
#ifndef KERNELS_CPU_CANON_SCALAR_LANES_H
#define KERNELS_CPU_CANON_SCALAR_LANES_H

#include <stddef.h>

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/fma.h"

static inline float rp__lanes_tree(float lane[RP_CANON_LANES])
{
    for (size_t step = RP_CANON_LANES / 2; step > 0; step /= 2) {
        for (size_t i = 0; i < step; i++)
            lane[i] += lane[i + step];
    }
    return lane[0];
}

static inline float rp__lanes_dot(const float *a, const float *b, size_t n)
{
    float lane[RP_CANON_LANES] = {0.0F};
    size_t whole = n - n % RP_CANON_LANES;
    for (size_t i = 0; i < whole; i += RP_CANON_LANES) {
        for (size_t j = 0; j < RP_CANON_LANES; j++)
            lane[j] = rp_canon_fma(a[i + j], b[i + j], lane[j]);
    }
    for (size_t j = 0; whole + j < n; j++)
        lane[j] = rp_canon_fma(a[whole + j], b[whole + j], lane[j]);
    return rp__lanes_tree(lane);
}

static inline float rp__lanes_sum(const float *x, size_t n)
{
    float lane[RP_CANON_LANES] = {0.0F};
    size_t whole = n - n % RP_CANON_LANES;
    for (size_t i = 0; i < whole; i += RP_CANON_LANES) {
        for (size_t j = 0; j < RP_CANON_LANES; j++)
            lane[j] += x[i + j];
    }
    for (size_t j = 0; whole + j < n; j++)
        lane[j] += x[whole + j];
    return rp__lanes_tree(lane);
}

#endif
