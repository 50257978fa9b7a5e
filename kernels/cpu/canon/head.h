/* The exact best outputs of a Q8_0 matrix from half of its bytes.
 *
 * A language model's head is most of what a decoded token reads, and greedy or top-k sampling wants
 * its few highest outputs only. So each weight w is cut into w = 16 h + r, h in [-8, 7], and a first
 * pass reads only h (4 bits), the scales, and one byte a block that bounds r: 19 bytes for 34. It
 * gives each output's approximate value and how far off that is at most. Then the k best
 * approximations are computed exactly; the lowest of these k is a threshold that the k-th best
 * output cannot be below; and every row that may reach the threshold is computed exactly, by the
 * canon's own product. What comes back is what the full product gives, to the bit, and ties go to
 * the lower row as ever.
 *
 *     uint8_t *halves = aligned_alloc(64, rp_canon_head_bytes(&matrix));
 *     rp_canon_head_pack(&matrix, 0, rp_canon_groups(&matrix), halves);
 *     rp_canon_head head = {.matrix = &matrix, .halves = halves};
 *     ...
 *     rp_canon_head_work work = {values, slack, rows, logits, norms};
 *     count = rp_canon_head_top(&head, kernels, &activation, k, &work, best);
 *
 * rp_canon_head_top does it all on the calling thread. Threads that share the work call its parts:
 * rp_canon_head_enter once; rp_canon_head_outline for groups, any thread; rp_canon_head_choose
 * once; kernels->product_rows for parts of work.rows into work.logits, any thread; and
 * rp_canon_head_rank once.
 *
 * A chosen row costs about fifty times its share of the full product, since rows lie apart. So where
 * rp_canon_head_choose finds more than about a fiftieth of the rows, the full product is quicker:
 * with Gemma 3 270M's 262,144 rows, greedy takes 723 in the median, the best 64 take 13,700.
 *
 * Why it is exact. Let u = 2^-24, n the number of blocks of 32 columns, s the float d * dx of a
 * block, which both passes use, q its quantised activations, |.| of a vector the Euclidean norm.
 * The product is L = chain of fma(s, (float)A, acc), A = sum w q; the first pass is P = 16 * chain of
 * fma(s, (float)H, acc), H = sum h q.
 *   1. A = 16 H + sum r q, and |sum r q| <= |r| |q| (Cauchy-Schwarz). So without rounding, the two
 *      differ by at most sum |s| |r| |q| over the blocks.
 *   2. Each term of a chain is rounded at most n + 1 times (the conversion of A, n additions), so a
 *      chain is off by at most g = (n + 1) u / (1 - (n + 1) u) times the sum of its terms'
 *      magnitudes. |w| and |16 h| are at most 128 sqrt(32) < 724.08, hence both chains together by at
 *      most g * 2 * 724.08 * sum |s| |q|. Multiplying by 16 is exact.
 *   3. |s| <= |d| dx (1 + u). So |L - P| <= (1 + u) sum |d| dx |q| (|r| + kappa), where kappa is no
 *      less than 1448.16 g.
 *   4. |r| <= c / 3 with the byte c of pack, since 9 |r|^2 <= c^2 in integers; dx |q| is rounded up
 *      once a token (norms). What the first pass sums of this in float32 takes at most n + 4
 *      roundings, of factors that are not negative, so it is not below (1 - (n + 4) u) of the true
 *      sum, nor is the slack after its factor 1 + (n + 16) 2^-22, (1 + u) included.
 *   5. Below 2^-126 errors are absolute, not relative: at most 2^-150 an operation, times what
 *      follows it, at most 2^25; and there are fewer than 2^19 of them. 2^-100 more covers that.
 *   6. Nothing overflows where the slack is below 2^100: it is at least kappa times sum |s| |q|, and
 *      so every partial sum is below 724.08 / kappa * 2^100 < 2^123. A row whose slack is not below
 *      2^100, infinite and NaN included, is always computed exactly.
 *   7. value + slack is compared in double, whose rounding is 2^-53 of the value, while the factor
 *      of step 4 exceeds what it has to by more than 2^-23 of the slack, and that is at least 2^-24
 *      of the value.
 *
 * The arrays are the caller's; nothing is allocated and there is no state.
 */
#ifndef KERNELS_CPU_CANON_HEAD_H
#define KERNELS_CPU_CANON_HEAD_H

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/pack.h"

enum {
    RP_CANON_HEAD_PACKING = 1, /* the layout's number: a change of it is a new one */
    RP_CANON_HEAD_TOP_MAX = 1024
};

/* Borrows both. `matrix` is Q8_0, `halves` what rp_canon_head_pack wrote. */
typedef struct rp_canon_head {
    const rp_canon_matrix *matrix;
    const uint8_t *halves;
} rp_canon_head;

/* The caller's memory for one row of activations. */
typedef struct rp_canon_head_work {
    float *values, *slack; /* of each group's rows: 16 * rp_canon_groups */
    uint32_t *rows;        /* matrix->rows: those to be computed exactly */
    float *logits;         /* matrix->rows: the outputs of those */
    float *norms;          /* cols / 32 */
} rp_canon_head_work;

typedef struct rp_canon_scored {
    float value;
    uint32_t row;
} rp_canon_scored;

/* Bytes of the halves; 0 where the type is not Q8_0. Below 2^46. */
uint64_t rp_canon_head_bytes(const rp_canon_matrix *matrix);

/* Writes groups [first, first + count) of 16 rows to their places. */
void rp_canon_head_pack(const rp_canon_matrix *matrix, size_t first, size_t count, uint8_t *halves);

/* The parts. `activation` is one row, quantised by `kernels`. */
void rp_canon_head_enter(const rp_canon_kernels *kernels, const rp_canon_activations *activation,
    rp_canon_head_work *work);
void rp_canon_head_outline(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t first, size_t count, rp_canon_head_work *work);

/* Fills work->rows with what must be computed for the k (1 to RP_CANON_HEAD_TOP_MAX) best; returns
 * how many. Computes k rows itself. */
size_t rp_canon_head_choose(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t k, rp_canon_head_work *work);

/* The best k of `count` outputs, best first, equal ones by rising row; a NaN is never among them.
 * Returns how many: k, or all the numbers there are. */
size_t rp_canon_head_rank(
    const uint32_t *rows, const float *logits, size_t count, size_t k, rp_canon_scored *ret_best);

/* All of it; ret_best has room for k. */
size_t rp_canon_head_top(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t k, rp_canon_head_work *work,
    rp_canon_scored *ret_best);

#endif
