/* The norm, compiled more than once.
 *
 * The sources of this folder are compiled once for any machine of the architecture and, on x86-64,
 * once more with AVX2 and fma, which nearly every machine has: there a fused multiply-add is one
 * instruction, and the compiler makes wider vector code of the same C. RP_SCALAR_VARIANT tells the
 * builds apart; every symbol carries it, and scalar.c collects them into a table.
 */
#ifndef KERNELS_CPU_CANON_SCALAR_SCALAR_H
#define KERNELS_CPU_CANON_SCALAR_SCALAR_H

#include "kernels/cpu/canon/canon.h"

#define RP__SCALAR_PASTE(variant, name) rp__scalar_##variant##_##name
#define RP__SCALAR_NAME(variant, name)  RP__SCALAR_PASTE(variant, name)
#define RP__SCALAR(name)                RP__SCALAR_NAME(RP_SCALAR_VARIANT, name)

/* Weights of one row, from column `first` on, as integers and their factors: weight i is
 * scale[i / 32] * w[i] + shift[i / 32], or scale[i / 16] for Q6_K. */
enum { RP__SCALAR_PANEL = 1024 };
typedef struct rp__scalar_panel {
    int16_t w[RP__SCALAR_PANEL];
    float scale[RP__SCALAR_PANEL / 16];
    float shift[RP__SCALAR_PANEL / 32]; /* of the types that have one */
} rp__scalar_panel;

static inline size_t rp__scalar_group(rp_canon_type type)
{
    return type == RP_CANON_Q6_K ? 16 : 32;
}

static inline bool rp__scalar_has_shift(rp_canon_type type)
{
    return type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1 || type == RP_CANON_Q4_K ||
           type == RP_CANON_Q5_K;
}

/* Unpacks `cols` weights of a quantised row; `first` and `cols` are multiples of the type's block
 * and cols <= RP__SCALAR_PANEL. */
void RP__SCALAR(unpack)(
    rp_canon_type type, const uint8_t *row, size_t first, size_t cols, rp__scalar_panel *panel);

/* Only the scales of a Q8_0 row, whose weights need no unpacking. */
void RP__SCALAR(scales_q8_0)(const uint8_t *row, size_t first, size_t cols, float *scale);

/* Widens `cols` weights of a float row. */
void RP__SCALAR(widen)(
    rp_canon_type type, const uint8_t *row, size_t first, size_t cols, float *out);

/* Sums over a row: element i goes into lane i mod 16, ascending inside a lane; then the tree. */
float RP__SCALAR(tree)(float *lane); /* uses the lanes up */
float RP__SCALAR(dot)(const float *a, const float *b, size_t n);
float RP__SCALAR(sum)(const float *x, size_t n);

void RP__SCALAR(product)(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *activations, float *out, size_t stride);
void RP__SCALAR(product_rows)(const rp_canon_matrix *matrix, const uint32_t *rows, size_t count,
    const rp_canon_activations *activation, float *out);
void RP__SCALAR(outline)(const rp_canon_outline *outline, size_t first, size_t count);
void RP__SCALAR(row)(const rp_canon_matrix *matrix, size_t row, float *out);
bool RP__SCALAR(quantise)(const float *x, size_t cols, int16_t *q, float *scale, int32_t *sum);
void RP__SCALAR(rms_norm)(const float *x, const float *weight, size_t n, float epsilon, float *out);
void RP__SCALAR(rope)(float *x, size_t n, const float *cosines, const float *sines);
void RP__SCALAR(attention)(const rp_canon_attention *attention);
void RP__SCALAR(gelu_tanh)(const float *gate, const float *up, size_t n, float *out);
void RP__SCALAR(silu)(const float *gate, const float *up, size_t n, float *out);
float RP__SCALAR(exp_sum)(const float *x, size_t n, float shift, float *out);
void RP__SCALAR(exp)(const float *x, size_t n, float *out);
void RP__SCALAR(tanh)(const float *x, size_t n, float *out);
void RP__SCALAR(erf)(const float *x, size_t n, float *out);

extern const rp_canon_kernels RP__SCALAR(kernels);

#endif
