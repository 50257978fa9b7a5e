/* The table of this build of the vector kernels. */
#include "kernels/cpu/canon/vector/vector.h"

#include "kernels/cpu/canon/vector/lanes.h"

const rp_canon_kernels RP__VECTOR(kernels) = {.name = RP_VECTOR_NAME,
    .arrangement = QUANTISED_ARRANGEMENT,
    .quantise = RP__VECTOR(quantise),
    .product = RP__VECTOR(product),
    .product_rows = RP__VECTOR(product_rows),
    .outline = RP__VECTOR(outline),
    .row = rp__scalar_portable_row,
    .rms_norm = RP__VECTOR(rms_norm),
    .rope = RP__VECTOR(rope),
    .attention = RP__VECTOR(attention),
    .gelu_tanh = RP__VECTOR(gelu_tanh),
    .silu = RP__VECTOR(silu),
    .exp_sum = RP__VECTOR(exp_sum),
    .exp = RP__VECTOR(exp),
    .tanh = RP__VECTOR(tanh),
    .erf = RP__VECTOR(erf)};
