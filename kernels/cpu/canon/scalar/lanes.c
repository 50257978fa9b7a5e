/* Sums by lanes. Functions of their own and not inlined anywhere, since gcc makes vector code of
 * the lanes only while they lie in memory at both ends of the loop. */
#include "kernels/cpu/canon/fma.h"
#include "kernels/cpu/canon/scalar/scalar.h"

float RP__SCALAR(dot)(const float *a, const float *b, size_t n)
{
    float lane[RP_CANON_LANES] = {0.0F};
    size_t whole = n - n % RP_CANON_LANES;
    for (size_t i = 0; i < whole; i += RP_CANON_LANES) {
        for (size_t j = 0; j < RP_CANON_LANES; j++)
            lane[j] = rp_canon_fma(a[i + j], b[i + j], lane[j]);
    }
    for (size_t j = 0; whole + j < n; j++)
        lane[j] = rp_canon_fma(a[whole + j], b[whole + j], lane[j]);
    return RP__SCALAR(tree)(lane);
}

float RP__SCALAR(sum)(const float *x, size_t n)
{
    float lane[RP_CANON_LANES] = {0.0F};
    size_t whole = n - n % RP_CANON_LANES;
    for (size_t i = 0; i < whole; i += RP_CANON_LANES) {
        for (size_t j = 0; j < RP_CANON_LANES; j++)
            lane[j] += x[i + j];
    }
    for (size_t j = 0; whole + j < n; j++)
        lane[j] += x[whole + j];
    return RP__SCALAR(tree)(lane);
}
