/* The table of this build of the norm. */
#include "kernels/cpu/canon/scalar/scalar.h"

const rp_canon_kernels RP__SCALAR(kernels) = {.name = RP_SCALAR_NAME,
    .quantise = RP__SCALAR(quantise),
    .product = RP__SCALAR(product),
    .row = RP__SCALAR(row),
    .rms_norm = RP__SCALAR(rms_norm),
    .rope = RP__SCALAR(rope),
    .attention = RP__SCALAR(attention),
    .gelu_tanh = RP__SCALAR(gelu_tanh),
    .exp_sum = RP__SCALAR(exp_sum),
    .exp = RP__SCALAR(exp),
    .tanh = RP__SCALAR(tanh),
    .erf = RP__SCALAR(erf)};
