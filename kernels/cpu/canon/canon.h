/* Canon 1: the arithmetic of every answer, as a table of kernels.
 *
 * One definition, the same bits everywhere: on any CPU, on any number of threads, alone or in any
 * company, prefilled in any chunks. The scalar C in scalar/ is the norm; a vector version is one
 * more table whose every slot gives the same bits. Each slot computes whole rows or heads whose
 * results depend on their own inputs alone, so that callers may split work by row as they like.
 *
 * What is fixed:
 *
 *  - An activation row is quantised in blocks of 32: amax = max |x|; below 2^-100 the block is
 *    zeros; else scale = amax / 32639 and q = rne(x * (32639 / amax)).
 *  - A product starts at +0 and takes blocks in ascending order. A block's A = sum w*q and
 *    X = sum q are exact in int32; then
 *        acc = fma(s * scale, (float)A, acc)      s = d, or d*sc for the K types
 *        acc = fma(m * scale, (float)X, acc)      Q4_1, Q5_1: m; Q4_K, Q5_K: -(dmin*m)
 *    with one s per 32 weights, or per 16 for Q6_K. F32, F16 and BF16 weights meet the float32
 *    activations: acc = fma(w, x, acc), in ascending order.
 *  - A sum over a row goes into lane i mod 16, ascending inside a lane, starting at +0; then lane j
 *    takes lane j+8, j+4, j+2, j+1. A dot product takes lane = fma(a, b, lane), a sum lane + x.
 *  - exp, tanh and erf are the polynomials of scalar/elementary.h.
 *  - Attention: below, at rp_canon_attention.
 *
 * A vector table wants the weights packed (pack.h), which is done once a model; the rest is the
 * same for every table. The table is chosen once:
 *
 *     const rp_canon_kernels *kernels = rp_canon_kernels_best();
 *     if (!rp_canon_thread_enter()) ...
 *     finite = kernels->quantise(x, cols, q, scale, sum);
 *     kernels->product(&matrix, 0, matrix.rows, &activations, out, matrix.rows);
 *
 * Kernels keep no state, allocate nothing and call nothing outside this folder; any thread that has
 * entered (thread.h) may call them. Arrays may not overlap unless a slot says so.
 */
#ifndef KERNELS_CPU_CANON_CANON_H
#define KERNELS_CPU_CANON_CANON_H

#include "kernels/cpu/canon/matrix.h"
#include "kernels/cpu/canon/outline.h"

enum {
    RP_CANON_NUMBER = 1, /* stands in every RESULT; a change of one bit is a new number */
    RP_CANON_LANES = 16,
    RP_CANON_SPLIT = 256, /* keys of an attention split, by absolute position */
    RP_CANON_Q_MAX = 32639,
    RP_CANON_ATTENTION_ROWS = 4 /* keys or values that a kernel may hold widened */
};

/* How a table lays out a block of 32 quantised activations in its 64 bytes. Its `quantise` writes
 * what its products read; tables are not to be mixed. */
typedef enum rp_canon_arrangement {
    RP_CANON_PLAIN,  /* 32 int16 */
    RP_CANON_PLANES, /* q = 256 * high + low: 32 bytes low in [-128, 127], then 32 bytes high */
    RP_CANON_PAIRS   /* int16, of each four 0, 2, 1, 3 */
} rp_canon_arrangement;

/* `count` rows of activations, each of `cols`, one after the other. A product with a quantised type
 * reads q, scale and sum, any other reads x; the rest may be NULL. q is as the table's own quantise
 * arranged it. Borrows. */
typedef struct rp_canon_activations {
    size_t count, cols;
    const float *x;
    const int16_t *q;
    const float *scale; /* cols / 32 a row */
    const int32_t *sum; /* cols / 32 a row */
} rp_canon_activations;

/* One query row and the heads that share one KV head.
 *
 * Position p's key is the head_dim f16 numbers at keys + (p % capacity) * stride, its value
 * likewise; capacity is a multiple of 256, so that a split is contiguous. Splits of 256 positions
 * are aligned by absolute position; those without a visible position are skipped. In a split, for
 * each head: score = dot(query, key) by lanes; m = the highest; e = exp(score - m); l = the sum of
 * e by lanes (lane = position mod 16); o[i] = fma(e, value[i], o[i]) from +0 in key order. Splits
 * combine in ascending order, the first one as it is, then with M' = max(M, m), a = exp(M - M'), b
 * = exp(m - M'): L = fma(l, b, L * a), O[i] = fma(o[i], b, O[i] * a). The output is O[i] / L. */
typedef struct rp_canon_attention {
    const float *query; /* heads x head_dim, rotated and scaled */
    const uint16_t *keys, *values;
    size_t heads, head_dim, stride, capacity;
    uint64_t first, last; /* visible positions, both included; first <= last */
    float *scratch;       /* rp_canon_attention_scratch floats of the calling thread's */
    float *out;           /* heads x head_dim */
} rp_canon_attention;

static inline size_t rp_canon_attention_scratch(size_t heads, size_t head_dim)
{
    return heads * (RP_CANON_SPLIT + head_dim + 4) + RP_CANON_ATTENTION_ROWS * head_dim;
}

typedef struct rp_canon_kernels {
    const char *name; /* "avx512", "avx2", "neon", "scalar"; "portable": scalar without fma */
    rp_canon_arrangement arrangement;

    /* One row of `cols` (a multiple of 32) into q[cols], as `arrangement` says, scale[cols/32],
     * sum[cols/32]. False where a number is NaN or infinite; the outputs are then zeros in that
     * block. */
    bool (*quantise)(const float *x, size_t cols, int16_t *q, float *scale, int32_t *sum);

    /* Outputs [first, first + count) of a matrix for every activation row t:
     * out[t * stride + first + i]. cols must agree. Fastest where `first` and `count` are multiples
     * of 16. */
    void (*product)(const rp_canon_matrix *matrix, size_t first, size_t count,
        const rp_canon_activations *activations, float *out, size_t stride);

    /* Outputs rows[0], rows[1], ... of a matrix for one row of activations, to out[0], out[1], ...,
     * for a few of many: it reads the original rows, packed or not. */
    void (*product_rows)(const rp_canon_matrix *matrix, const uint32_t *rows, size_t count,
        const rp_canon_activations *activation, float *out);

    /* The first pass of the half-byte head (head.h) for groups [first, first + count): outline.h.
     */
    void (*outline)(const rp_canon_outline *outline, size_t first, size_t count);

    /* Row `row` of a matrix as float32, for embeddings: s * w, and m added with one rounding. Reads
     * the original. */
    void (*row)(const rp_canon_matrix *matrix, size_t row, float *out);

    /* out = (x * (1 / sqrt(sum(x*x) / n + epsilon))) * weight, in this grouping. May be in place.
     */
    void (*rms_norm)(const float *x, const float *weight, size_t n, float epsilon, float *out);

    /* Rotates halves: out[i] = fma(x[i], cos[i], -(x[i+n/2] * sin[i])),
     * out[i+n/2] = fma(x[i], sin[i], x[i+n/2] * cos[i]). In place. */
    void (*rope)(float *x, size_t n, const float *cosines, const float *sines);

    void (*attention)(const rp_canon_attention *attention);

    /* out = gelu(gate) * up, where gelu(g) = (0.5*g) * (1 + tanh(c * (g * fma(0.044715*g, g, 1))))
     * with c = 0x1.988454p-1, sqrt(2/pi). May be in place. */
    void (*gelu_tanh)(const float *gate, const float *up, size_t n, float *out);

    /* out = silu(gate) * up, where silu(g) = g / (1 + exp(-g)). May be in place. */
    void (*silu)(const float *gate, const float *up, size_t n, float *out);

    /* out = exp(x - shift); returns the sum by lanes. May be in place. */
    float (*exp_sum)(const float *x, size_t n, float shift, float *out);

    /* Element by element; may be in place. Largest errors, in units in the last place: exp 1 (and
     * results below 2^-126 are rounded once more), tanh 2, erf 2. exp(0) is 1; above 88.73 it is
     * infinite. */
    void (*exp)(const float *x, size_t n, float *out);
    void (*tanh)(const float *x, size_t n, float *out);
    void (*erf)(const float *x, size_t n, float *out);
} rp_canon_kernels;

/* The `index`-th table that this machine, its operating system included, can run, fastest first;
 * NULL behind the last one. All give the same bits, so the first is the one to use: there always is
 * one. */
const rp_canon_kernels *rp_canon_kernels_at(size_t index);

/* The table of that name; NULL where there is none, or where this machine cannot run it. "scalar" is
 * always there: the fastest build of the norm. */
const rp_canon_kernels *rp_canon_kernels_named(const char *name);

static inline const rp_canon_kernels *rp_canon_kernels_best(void)
{
    return rp_canon_kernels_at(0);
}

#endif
