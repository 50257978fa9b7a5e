/* Attention of one query row over the keys it may see, for the heads that share a KV head.
 *
 * Scores are taken for sixteen keys at a time, whose sums by lanes end in one tree of vectors; the
 * values are added for a few heads and a stretch of outputs at a time, all of it in registers, key
 * after key.
 */
#include "kernels/cpu/canon/fma.h"
#include "kernels/cpu/canon/vector/elementary.h"
#include "kernels/cpu/canon/vector/vector.h"

#include "runtime/base/attributes.h"

enum {
    LANES = RP_CANON_LANES,
    HEADS_AT_ONCE = 4,  /* that share a load of keys or values */
    KEYS_AT_ONCE = 4,   /* whose sums by lanes grow next to each other, for one head */
    CHUNKS_AT_ONCE = 4, /* of sixteen outputs */
};

/* Where the caller's scratch is used for what; h is a head, below `heads`. */
typedef struct workspace {
    float *scores;    /* 256 a head, then their exponentials */
    float *partial;   /* a split's output, head_dim a head */
    float *m, *l;     /* a split's maximum and sum, one a head */
    float *top, *sum; /* those of all splits so far */
} workspace;

static workspace lay_out(const rp_canon_attention *a)
{
    workspace w;
    w.scores = a->scratch;
    w.partial = w.scores + a->heads * RP_CANON_SPLIT;
    w.m = w.partial + a->heads * a->head_dim;
    w.l = w.m + a->heads;
    w.top = w.l + a->heads;
    w.sum = w.top + a->heads;
    return w;
}

/* -- scores ----------------------------------------------------------------------------------- */

/* Sums by lanes of `heads` queries with `keys` keys, before the tree: sums[head][key]. */
RP_ALWAYS_INLINE static inline void dot_keys(size_t heads, size_t keys, const float *query,
    const uint16_t *key, size_t stride, size_t n, lanes sums[][LANES])
{
    lanes acc[HEADS_AT_ONCE][KEYS_AT_ONCE];
    size_t i = 0;
    for (size_t h = 0; h < heads; h++) {
        for (size_t k = 0; k < keys; k++)
            acc[h][k] = lanes_zero();
    }
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < keys; k++) {
            lanes wide = lanes_half(key + k * stride + i);
            for (size_t h = 0; h < heads; h++)
                acc[h][k] = lanes_fma(lanes_load(query + h * n + i), wide, acc[h][k]);
        }
    }
    if (i < n) {
        for (size_t k = 0; k < keys; k++) {
            lanes wide = lanes_half_some(key + k * stride + i, n - i);
            for (size_t h = 0; h < heads; h++) {
                lanes part = lanes_load_some(query + h * n + i, n - i);
                acc[h][k] = lanes_keep(n - i, lanes_fma(part, wide, acc[h][k]), acc[h][k]);
            }
        }
    }
    for (size_t h = 0; h < heads; h++) {
        for (size_t k = 0; k < keys; k++)
            sums[h][k] = acc[h][k];
    }
}

/* Scores of `heads` heads and `count` (1 to 16) keys. */
RP_ALWAYS_INLINE static inline void score_keys(size_t heads, const float *query,
    const uint16_t *key, size_t stride, size_t n, size_t count, float *scores)
{
    lanes sums[HEADS_AT_ONCE][LANES];
    size_t k = 0;
    size_t at_once = heads > 2 ? KEYS_AT_ONCE / 2 : KEYS_AT_ONCE;
    for (; k + at_once <= count; k += at_once) {
        lanes some[HEADS_AT_ONCE][LANES];
        dot_keys(heads, at_once, query, key + k * stride, stride, n, some);
        for (size_t h = 0; h < heads; h++) {
            for (size_t j = 0; j < at_once; j++)
                sums[h][k + j] = some[h][j];
        }
    }
    for (; k < LANES; k++) {
        lanes some[HEADS_AT_ONCE][LANES];
        if (k < count)
            dot_keys(heads, 1, query, key + k * stride, stride, n, some);
        for (size_t h = 0; h < heads; h++)
            sums[h][k] = k < count ? some[h][0] : lanes_zero();
    }
    for (size_t h = 0; h < heads; h++) {
        lanes all = lanes_trees(sums[h]);
        if (count == LANES)
            lanes_store(scores + h * RP_CANON_SPLIT, all);
        else
            lanes_store_some(scores + h * RP_CANON_SPLIT, all, count);
    }
}

/* Scores of places [first, last] of a split for every head. */
static void score(const rp_canon_attention *a, const workspace *w, const uint16_t *keys,
    size_t first, size_t last)
{
    size_t n = a->head_dim;
    for (size_t begin = first; begin <= last; begin += LANES) {
        size_t left = last + 1 - begin, count = left < LANES ? left : LANES;
        const uint16_t *key = keys + begin * a->stride;
        float *scores = w->scores + begin;
        size_t h = 0;
        for (; h + 4 <= a->heads; h += 4)
            score_keys(4, a->query + h * n, key, a->stride, n, count, scores + h * RP_CANON_SPLIT);
        for (; h + 2 <= a->heads; h += 2)
            score_keys(2, a->query + h * n, key, a->stride, n, count, scores + h * RP_CANON_SPLIT);
        if (h < a->heads)
            score_keys(1, a->query + h * n, key, a->stride, n, count, scores + h * RP_CANON_SPLIT);
    }
}

/* Turns scores [first, last] of a split into exponentials, places before and behind them, up to a
 * whole number of sixteen, into +0, which changes no sum. */
static void weigh(float *scores, size_t first, size_t last, float *ret_top, float *ret_sum)
{
    size_t begin = first / LANES * LANES, end = last / LANES * LANES + LANES;
    for (size_t i = begin; i < first; i++)
        scores[i] = scores[first];
    for (size_t i = last + 1; i < end; i++)
        scores[i] = scores[first];
    lanes most = lanes_load(scores + begin);
    for (size_t i = begin + LANES; i < end; i += LANES)
        most = lanes_max(lanes_load(scores + i), most);
    float top = lanes_top(most);
    lanes sum = lanes_zero(), less = lanes_set(top);
    for (size_t i = begin; i < end; i += LANES)
        lanes_store(scores + i, lanes_exp(lanes_sub(lanes_load(scores + i), less)));
    for (size_t i = begin; i < first; i++)
        scores[i] = 0.0F;
    for (size_t i = last + 1; i < end; i++)
        scores[i] = 0.0F;
    for (size_t i = begin; i < end; i += LANES)
        sum = lanes_add(sum, lanes_load(scores + i));
    *ret_top = top;
    *ret_sum = lanes_tree(sum);
}

/* -- values ----------------------------------------------------------------------------------- */

/* out = e[0] * v[0], then e[1] * v[1], ... for `heads` heads and `chunks` times sixteen outputs. */
RP_ALWAYS_INLINE static inline void add_values(size_t heads, size_t chunks, const float *e,
    const uint16_t *value, size_t stride, size_t count, float *out, size_t n)
{
    lanes acc[HEADS_AT_ONCE][CHUNKS_AT_ONCE];
    for (size_t h = 0; h < heads; h++) {
        for (size_t c = 0; c < chunks; c++)
            acc[h][c] = lanes_zero();
    }
    for (size_t i = 0; i < count; i++, value += stride) {
        lanes factor[HEADS_AT_ONCE];
        for (size_t h = 0; h < heads; h++)
            factor[h] = lanes_set(e[h * RP_CANON_SPLIT + i]);
        for (size_t c = 0; c < chunks; c++) {
            lanes wide = lanes_half(value + LANES * c);
            for (size_t h = 0; h < heads; h++)
                acc[h][c] = lanes_fma(factor[h], wide, acc[h][c]);
        }
    }
    for (size_t h = 0; h < heads; h++) {
        for (size_t c = 0; c < chunks; c++)
            lanes_store(out + h * n + LANES * c, acc[h][c]);
    }
}

/* The last outputs of a head whose number is no multiple of sixteen. */
static void add_values_some(
    const float *e, const uint16_t *value, size_t stride, size_t count, float *out, size_t some)
{
    lanes acc = lanes_zero();
    for (size_t i = 0; i < count; i++)
        acc = lanes_fma(lanes_set(e[i]), lanes_half_some(value + i * stride, some), acc);
    lanes_store_some(out, acc, some);
}

/* All outputs of `heads` heads. */
RP_ALWAYS_INLINE static inline void add_heads(size_t heads, const float *e, const uint16_t *value,
    size_t stride, size_t count, float *out, size_t n)
{
    size_t i = 0, wide = LANES * CHUNKS_AT_ONCE;
    for (; i + wide <= n; i += wide)
        add_values(heads, CHUNKS_AT_ONCE, e, value + i, stride, count, out + i, n);
    for (; i + LANES <= n; i += LANES)
        add_values(heads, 1, e, value + i, stride, count, out + i, n);
    for (size_t h = 0; h < heads && i < n; h++)
        add_values_some(e + h * RP_CANON_SPLIT, value + i, stride, count, out + h * n + i, n - i);
}

static void add_all(const rp_canon_attention *a, const workspace *w, const uint16_t *values,
    size_t first, size_t last)
{
    size_t n = a->head_dim, count = last + 1 - first, h = 0;
    const uint16_t *value = values + first * a->stride;
    const float *e = w->scores + first;
    for (; h + 4 <= a->heads; h += 4)
        add_heads(4, e + h * RP_CANON_SPLIT, value, a->stride, count, w->partial + h * n, n);
    for (; h + 2 <= a->heads; h += 2)
        add_heads(2, e + h * RP_CANON_SPLIT, value, a->stride, count, w->partial + h * n, n);
    if (h < a->heads)
        add_heads(1, e + h * RP_CANON_SPLIT, value, a->stride, count, w->partial + h * n, n);
}

/* -- splits ----------------------------------------------------------------------------------- */

static float exp_one(float x)
{
    float y[LANES];
    lanes_store(y, lanes_exp(lanes_set(x)));
    return y[0];
}

/* out = partial * now + out * before, element by element */
static void fold(const float *partial, float now, float before, float *out, size_t n)
{
    lanes b = lanes_set(now), a = lanes_set(before);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_store(
            out + i, lanes_fma(lanes_load(partial + i), b, lanes_mul(lanes_load(out + i), a)));
    if (i < n)
        lanes_store_some(out + i,
            lanes_fma(lanes_load_some(partial + i, n - i), b,
                lanes_mul(lanes_load_some(out + i, n - i), a)),
            n - i);
}

/* Folds the split into head h of the result; the first one is the result. */
static void combine(const rp_canon_attention *a, const workspace *w, size_t h, bool is_first)
{
    size_t n = a->head_dim;
    const float *partial = w->partial + h * n;
    float *out = a->out + h * n;
    if (is_first) {
        w->top[h] = w->m[h];
        w->sum[h] = w->l[h];
        for (size_t j = 0; j < n; j++)
            out[j] = partial[j];
        return;
    }
    float top = w->m[h] > w->top[h] ? w->m[h] : w->top[h];
    float before = exp_one(w->top[h] - top), now = exp_one(w->m[h] - top);
    w->top[h] = top;
    w->sum[h] = rp_canon_fma(w->l[h], now, w->sum[h] * before);
    fold(partial, now, before, out, n);
}

static void divide(float *out, float by, size_t n)
{
    lanes divisor = lanes_set(by);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_store(out + i, lanes_div(lanes_load(out + i), divisor));
    if (i < n)
        lanes_store_some(out + i, lanes_div(lanes_load_some(out + i, n - i), divisor), n - i);
}

void RP__VECTOR(attention)(const rp_canon_attention *a)
{
    workspace w = lay_out(a);
    uint64_t split_first = a->first / RP_CANON_SPLIT, split_last = a->last / RP_CANON_SPLIT;
    for (uint64_t s = split_first; s <= split_last; s++) {
        uint64_t begin = s * RP_CANON_SPLIT;
        size_t first = a->first > begin ? (size_t)(a->first - begin) : 0;
        size_t last =
            a->last - begin < RP_CANON_SPLIT ? (size_t)(a->last - begin) : RP_CANON_SPLIT - 1;
        size_t base = (size_t)(begin % a->capacity) * a->stride;
        score(a, &w, a->keys + base, first, last);
        for (size_t h = 0; h < a->heads; h++)
            weigh(w.scores + h * RP_CANON_SPLIT, first, last, &w.m[h], &w.l[h]);
        add_all(a, &w, a->values + base, first, last);
        for (size_t h = 0; h < a->heads; h++)
            combine(a, &w, h, s == split_first);
    }
    for (size_t h = 0; h < a->heads; h++)
        divide(a->out + h * a->head_dim, w.sum[h], a->head_dim);
}
