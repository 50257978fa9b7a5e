/* The vector kernels, compiled once an instruction set.
 *
 * RP_VECTOR_VARIANT tells the builds apart; every symbol carries it, and vector.c collects them
 * into a table. What they are written in is lanes.h; what they compute, canon.h. A kernel of this
 * folder may not call one of another build, and inline functions of shared headers are static, so
 * that no instruction of one set is reached by way of another.
 */
#ifndef KERNELS_CPU_CANON_VECTOR_VECTOR_H
#define KERNELS_CPU_CANON_VECTOR_VECTOR_H

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/pack.h"

#define RP__VECTOR_PASTE(variant, name) rp__vector_##variant##_##name
#define RP__VECTOR_NAME(variant, name)  RP__VECTOR_PASTE(variant, name)
#define RP__VECTOR(name)                RP__VECTOR_NAME(RP_VECTOR_VARIANT, name)

/* Sixteen rows over some columns, packed (pack.h). */
typedef struct rp__strip {
    const uint8_t *packed;
    size_t cols;
} rp__strip;

/* The same columns of some activation rows, each `stride` columns behind the one before it. */
typedef struct rp__inputs {
    const float *x;
    const uint8_t *q;
    const float *scale;
    const int32_t *sum;
    size_t stride;
} rp__inputs;

/* Goes on with `count` rows of sums, 16 each: 1 to TOKENS_AT_ONCE (lanes.h), of float weights 1 to
 * RP__CHAINS. */
enum { RP__CHAINS = 4 };
void RP__VECTOR(strip_quantised)(rp_canon_type type, const rp__strip *strip,
    const rp__inputs *inputs, size_t count, float *sums);
void RP__VECTOR(strip_float)(rp_canon_type type, const rp__strip *strip, const rp__inputs *inputs,
    size_t count, float *sums);

/* The same for one row of activations and RP__CHAINS strips, `group_bytes` apart. */
void RP__VECTOR(groups_float)(rp_canon_type type, const rp__strip *strip, size_t group_bytes,
    const rp__inputs *inputs, float *sums);

void RP__VECTOR(product)(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *activations, float *out, size_t stride);
void RP__VECTOR(product_rows)(const rp_canon_matrix *matrix, const uint32_t *rows, size_t count,
    const rp_canon_activations *activation, float *out);

void RP__VECTOR(outline)(const rp_canon_outline *outline, size_t first, size_t count);

bool RP__VECTOR(quantise)(const float *x, size_t cols, int16_t *q, float *scale, int32_t *sum);
void RP__VECTOR(rms_norm)(const float *x, const float *weight, size_t n, float epsilon, float *out);
void RP__VECTOR(rope)(float *x, size_t n, const float *cosines, const float *sines);
void RP__VECTOR(attention)(const rp_canon_attention *attention);
void RP__VECTOR(gelu_tanh)(const float *gate, const float *up, size_t n, float *out);
void RP__VECTOR(silu)(const float *gate, const float *up, size_t n, float *out);
float RP__VECTOR(exp_sum)(const float *x, size_t n, float shift, float *out);
void RP__VECTOR(exp)(const float *x, size_t n, float *out);
void RP__VECTOR(tanh)(const float *x, size_t n, float *out);
void RP__VECTOR(erf)(const float *x, size_t n, float *out);

/* Single rows are read by the norm. */
void rp__scalar_portable_row(const rp_canon_matrix *matrix, size_t row, float *out);

extern const rp_canon_kernels RP__VECTOR(kernels);

#endif
