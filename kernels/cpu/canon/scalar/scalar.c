/* The table of this build of the norm. */
#include "kernels/cpu/canon/scalar/scalar.h"

const rp_canon_kernels RP__SCALAR(kernels) = {.name = RP_SCALAR_NAME,
    .quantise = RP__SCALAR(quantise),
    .arrangement = RP_CANON_PLAIN,
    .product = RP__SCALAR(product),
    .product_rows = RP__SCALAR(product_rows),
    .outline = RP__SCALAR(outline),
    .row = RP__SCALAR(row),
    .rms_norm = RP__SCALAR(rms_norm),
    .rope = RP__SCALAR(rope),
    .attention = RP__SCALAR(attention),
    .gelu_tanh = RP__SCALAR(gelu_tanh),
    .silu = RP__SCALAR(silu),
    .exp_sum = RP__SCALAR(exp_sum),
    .exp = RP__SCALAR(exp),
    .tanh = RP__SCALAR(tanh),
    .erf = RP__SCALAR(erf)};
