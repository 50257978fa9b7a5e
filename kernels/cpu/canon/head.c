#include "kernels/cpu/canon/head.h"

#include <math.h>
#include <string.h>

#include "runtime/base/attributes.h"

enum {
    STEPS = 8,
    Q8_0_BYTES = 34,
    STRETCH = 64 /* rows that are passed over together */
};

static size_t group_bytes(const rp_canon_matrix *matrix)
{
    size_t bytes = matrix->cols / RP_CANON_BLOCK * RP_CANON_OUTLINE_BLOCK;
    return (bytes + RP_CANON_VECTOR - 1) / RP_CANON_VECTOR * RP_CANON_VECTOR;
}

uint64_t rp_canon_head_bytes(const rp_canon_matrix *matrix)
{
    if (matrix->type != RP_CANON_Q8_0)
        return 0;
    return (uint64_t)rp_canon_groups(matrix) * group_bytes(matrix);
}

/* -- packing ---------------------------------------------------------------------------------- */

/* w = 16 h + r with h in [-8, 7]: the nearest, but for w above 119. */
static int high_part(int w)
{
    int h = (w + 128 + 8) / 16 - 8;
    return h > 7 ? 7 : h;
}

/* The smallest c with c^2 >= 9 |r|^2; below 255, since |r|^2 <= 32 * 15^2. */
static uint8_t norm_byte(uint32_t squares)
{
    uint32_t c = (uint32_t)sqrtf((float)(9 * squares)); /* rounded down */
    while (c * c < 9 * squares)
        c++;
    return (uint8_t)c;
}

/* One row's block: d, 32 signed bytes. */
static void pack_block(const uint8_t *p, size_t r, uint8_t *out)
{
    uint32_t squares = 0;
    uint8_t code[RP_CANON_BLOCK];
    for (size_t i = 0; i < RP_CANON_BLOCK; i++) {
        int w = (int8_t)p[2 + i], h = high_part(w), rest = w - 16 * h;
        code[i] = (uint8_t)(h + 8);
        squares += (uint32_t)(rest * rest);
    }
    memcpy(out + 2 * r, p, 2);
    out[32 + r] = norm_byte(squares);
    for (size_t i = 0; i < STEPS / 2; i++) {
        for (size_t j = 0; j < 4; j++)
            out[48 + RP_CANON_VECTOR * i + 4 * r + j] =
                (uint8_t)(code[8 * i + j] | code[8 * i + 4 + j] << 4);
    }
}

void rp_canon_head_pack(const rp_canon_matrix *matrix, size_t first, size_t count, uint8_t *halves)
{
    size_t bytes = group_bytes(matrix), blocks = matrix->cols / RP_CANON_BLOCK;
    for (size_t g = first; g < first + count; g++) {
        uint8_t *group = halves + g * bytes;
        memset(group, 0, bytes);
        for (size_t r = 0; r < RP_CANON_GROUP && g * RP_CANON_GROUP + r < matrix->rows; r++) {
            const uint8_t *row = matrix->data + (g * RP_CANON_GROUP + r) * matrix->row_bytes;
            for (size_t b = 0; b < blocks; b++)
                pack_block(row + Q8_0_BYTES * b, r, group + RP_CANON_OUTLINE_BLOCK * b);
        }
    }
}

/* -- the first pass --------------------------------------------------------------------------- */

/* The sum of the squares of a block, whose order does not matter. */
static uint64_t squares_of(rp_canon_arrangement arrangement, const int16_t *q)
{
    const int8_t *bytes = (const int8_t *)q;
    uint64_t sum = 0;
    for (size_t i = 0; i < RP_CANON_BLOCK; i++) {
        int64_t value =
            arrangement == RP_CANON_PLANES ? 256 * bytes[RP_CANON_BLOCK + i] + bytes[i] : q[i];
        sum += (uint64_t)(value * value);
    }
    return sum;
}

void rp_canon_head_enter(const rp_canon_kernels *kernels, const rp_canon_activations *activation,
    rp_canon_head_work *work)
{
    for (size_t b = 0; b < activation->cols / RP_CANON_BLOCK; b++) {
        uint64_t squares = squares_of(kernels->arrangement, activation->q + RP_CANON_BLOCK * b);
        double norm = sqrt((double)squares) * (double)activation->scale[b];
        work->norms[b] = (float)(norm * (1.0 + 0x1p-22));
    }
}

void rp_canon_head_outline(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t first, size_t count, rp_canon_head_work *work)
{
    double n = (double)(activation->cols / RP_CANON_BLOCK);
    double share = (n + 1.0) * 0x1p-24;
    rp_canon_outline outline = {.halves = head->halves,
        .group_bytes = group_bytes(head->matrix),
        .blocks = activation->cols / RP_CANON_BLOCK,
        .q = activation->q,
        .scale = activation->scale,
        .sum = activation->sum,
        .norms = work->norms,
        .kappa = (float)(1448.2 * share / (1.0 - share)),
        .widen = (float)(1.0 + (n + 16.0) * 0x1p-22),
        .values = work->values,
        .slack = work->slack};
    kernels->outline(&outline, first, count);
}

/* -- the best ones ---------------------------------------------------------------------------- */

/* A heap whose root is the worst of the best so far. */
typedef struct best {
    rp_canon_scored *heap;
    size_t count, most;
} best;

static bool is_better(rp_canon_scored a, rp_canon_scored b)
{
    return a.value > b.value || (a.value == b.value && a.row < b.row);
}

static void sink(rp_canon_scored *heap, size_t count, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_better(heap[child], heap[child + 1]))
            child++;
        if (!is_better(heap[at], heap[child]))
            return;
        rp_canon_scored worse = heap[child];
        heap[child] = heap[at];
        heap[at] = worse;
    }
}

/* Takes a number that is not NaN in, if it is among the best. */
static void offer(best *b, rp_canon_scored one)
{
    if (b->count == b->most) {
        if (!is_better(one, b->heap[0]))
            return;
        b->heap[0] = one;
        sink(b->heap, b->count, 0);
        return;
    }
    b->heap[b->count++] = one;
    if (b->count == b->most) {
        for (size_t i = b->count / 2; i-- > 0;)
            sink(b->heap, b->count, i);
    }
}

/* Heap or not, best first. */
static void sort(best *b)
{
    for (size_t i = b->count / 2; i-- > 0;)
        sink(b->heap, b->count, i);
    for (size_t last = b->count; last-- > 1;) {
        rp_canon_scored worst = b->heap[0];
        b->heap[0] = b->heap[last];
        b->heap[last] = worst;
        sink(b->heap, last, 0);
    }
}

/* Whether the bound holds at all (head.h, step 6). */
static bool is_bounded(float slack)
{
    return slack < 0x1p100F;
}

/* Whether one of the values is not below `floor`. Like the next one without a branch inside, so that
 * it becomes vector code: nearly all of a vocabulary is passed over in stretches. */
static bool any_from(const float *values, size_t count, float floor)
{
    int any = 0;
    for (size_t i = 0; i < count; i++)
        any |= values[i] >= floor;
    return any != 0;
}

/* Whether a row may reach the threshold, or has no bound. */
static int may_reach(float value, float slack, double threshold)
{
    return ((double)value + (double)slack >= threshold) | !is_bounded(slack);
}

static bool any_may_reach(const float *values, const float *slack, size_t count, double threshold)
{
    int any = 0;
    for (size_t i = 0; i < count; i++)
        any |= may_reach(values[i], slack[i], threshold);
    return any != 0;
}

/* A number that the k-th best output is not below. */
static float threshold_of(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t k, const rp_canon_head_work *work)
{
    rp_canon_scored heap[RP_CANON_HEAD_TOP_MAX];
    uint32_t rows[RP_CANON_HEAD_TOP_MAX];
    float exact[RP_CANON_HEAD_TOP_MAX];
    best b = {heap, 0, k};
    for (size_t first = 0; first < head->matrix->rows; first += STRETCH) {
        size_t left = head->matrix->rows - first, count = left < STRETCH ? left : STRETCH;
        if (b.count == k && !any_from(work->values + first, count, heap[0].value))
            continue;
        for (size_t r = first; r < first + count; r++) {
            if (is_bounded(work->slack[r]))
                offer(&b, (rp_canon_scored){work->values[r], (uint32_t)r});
        }
    }
    if (b.count < k)
        return -INFINITY;
    for (size_t i = 0; i < k; i++)
        rows[i] = heap[i].row;
    kernels->product_rows(head->matrix, rows, k, activation, exact);
    float least = exact[0];
    for (size_t i = 1; i < k; i++)
        least = exact[i] < least ? exact[i] : least;
    return least;
}

size_t rp_canon_head_choose(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t k, rp_canon_head_work *work)
{
    RP_ASSERT(k >= 1 && k <= RP_CANON_HEAD_TOP_MAX);
    double threshold = (double)threshold_of(head, kernels, activation, k, work);
    size_t count = 0;
    for (size_t first = 0; first < head->matrix->rows; first += STRETCH) {
        size_t left = head->matrix->rows - first, some = left < STRETCH ? left : STRETCH;
        if (!any_may_reach(work->values + first, work->slack + first, some, threshold))
            continue;
        for (size_t r = first; r < first + some; r++) {
            if (may_reach(work->values[r], work->slack[r], threshold))
                work->rows[count++] = (uint32_t)r;
        }
    }
    return count;
}

size_t rp_canon_head_rank(
    const uint32_t *rows, const float *logits, size_t count, size_t k, rp_canon_scored *ret_best)
{
    best b = {ret_best, 0, k};
    for (size_t i = 0; i < count; i++) {
        if (!isnan(logits[i]))
            offer(&b, (rp_canon_scored){logits[i], rows[i]});
    }
    sort(&b);
    return b.count;
}

size_t rp_canon_head_top(const rp_canon_head *head, const rp_canon_kernels *kernels,
    const rp_canon_activations *activation, size_t k, rp_canon_head_work *work,
    rp_canon_scored *ret_best)
{
    rp_canon_head_enter(kernels, activation, work);
    rp_canon_head_outline(head, kernels, activation, 0, rp_canon_groups(head->matrix), work);
    size_t count = rp_canon_head_choose(head, kernels, activation, k, work);
    kernels->product_rows(head->matrix, work->rows, count, activation, work->logits);
    return rp_canon_head_rank(work->rows, work->logits, count, k, ret_best);
}
