/* Attention of one query row over the keys it may see, for the heads that share a KV head. */
#include "kernels/cpu/canon/scalar/scalar.h"

#include "kernels/cpu/canon/scalar/elementary.h"

/* Values that an output takes before it is stored again. */
enum { VALUES_AT_ONCE = RP_CANON_ATTENTION_ROWS };

/* Where the caller's scratch is used for what; h is a head, below `heads`. */
typedef struct workspace {
    float *scores;    /* 256 a head, then their exponentials */
    float *partial;   /* a split's output, head_dim a head */
    float *wide;      /* one key or value, head_dim */
    float *m, *l;     /* a split's maximum and sum, one a head */
    float *top, *sum; /* those of all splits so far */
} workspace;

static workspace lay_out(const rp_canon_attention *a)
{
    workspace w;
    w.scores = a->scratch;
    w.partial = w.scores + a->heads * RP_CANON_SPLIT;
    w.wide = w.partial + a->heads * a->head_dim;
    w.m = w.wide + VALUES_AT_ONCE * a->head_dim;
    w.l = w.m + a->heads;
    w.top = w.l + a->heads;
    w.sum = w.top + a->heads;
    return w;
}

static void widen_half(const uint16_t *restrict half, size_t n, float *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rp_canon_from_f16(half[i]);
}

/* Turns scores [first, last] of a split into exponentials. Places before `first`, which the mask
 * hides, become +0: that changes no lane. */
static void weigh(float *scores, size_t first, size_t last, float *ret_top, float *ret_sum)
{
    float top = scores[first];
    for (size_t i = first + 1; i <= last; i++)
        top = scores[i] > top ? scores[i] : top;
    for (size_t i = 0; i < first; i++)
        scores[i] = 0.0F;
    for (size_t i = first; i <= last; i++)
        scores[i] = rp__exp(scores[i] - top);
    *ret_top = top;
    *ret_sum = RP__SCALAR(sum)(scores, last + 1);
}

/* partial += e[0] * v[0], then e[1] * v[1], ... for `count` values of `n`, one after the other. */
static void add_values(const float *restrict e, const float *restrict v, size_t count, size_t n,
    float *restrict partial)
{
    if (count == VALUES_AT_ONCE) {
        for (size_t j = 0; j < n; j++) {
            float sum = partial[j];
            sum = rp_canon_fma(e[0], v[j], sum);
            sum = rp_canon_fma(e[1], v[j + n], sum);
            sum = rp_canon_fma(e[2], v[j + 2 * n], sum);
            partial[j] = rp_canon_fma(e[3], v[j + 3 * n], sum);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < n; j++)
            partial[j] = rp_canon_fma(e[i], v[i * n + j], partial[j]);
    }
}

/* Places [first, last] of the split that begins at row `base` of keys and values: m, l, partial. */
static void attend_split(
    const rp_canon_attention *a, const workspace *w, size_t base, size_t first, size_t last)
{
    size_t n = a->head_dim;
    for (size_t i = first; i <= last; i++) {
        widen_half(a->keys + (base + i) * a->stride, n, w->wide);
        for (size_t h = 0; h < a->heads; h++)
            w->scores[h * RP_CANON_SPLIT + i] = RP__SCALAR(dot)(a->query + h * n, w->wide, n);
    }
    for (size_t h = 0; h < a->heads; h++)
        weigh(w->scores + h * RP_CANON_SPLIT, first, last, &w->m[h], &w->l[h]);
    for (size_t i = 0; i < a->heads * n; i++)
        w->partial[i] = 0.0F;
    for (size_t i = first; i <= last; i += VALUES_AT_ONCE) {
        size_t left = last + 1 - i, count = left < VALUES_AT_ONCE ? left : VALUES_AT_ONCE;
        for (size_t j = 0; j < count; j++)
            widen_half(a->values + (base + i + j) * a->stride, n, w->wide + j * n);
        for (size_t h = 0; h < a->heads; h++)
            add_values(w->scores + h * RP_CANON_SPLIT + i, w->wide, count, n, w->partial + h * n);
    }
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
    float before = rp__exp(w->top[h] - top), now = rp__exp(w->m[h] - top);
    w->top[h] = top;
    w->sum[h] = rp_canon_fma(w->l[h], now, w->sum[h] * before);
    for (size_t j = 0; j < n; j++)
        out[j] = rp_canon_fma(partial[j], now, out[j] * before);
}

void RP__SCALAR(attention)(const rp_canon_attention *a)
{
    workspace w = lay_out(a);
    uint64_t split_first = a->first / RP_CANON_SPLIT, split_last = a->last / RP_CANON_SPLIT;
    for (uint64_t s = split_first; s <= split_last; s++) {
        uint64_t begin = s * RP_CANON_SPLIT;
        size_t first = a->first > begin ? (size_t)(a->first - begin) : 0;
        size_t last =
            a->last - begin < RP_CANON_SPLIT ? (size_t)(a->last - begin) : RP_CANON_SPLIT - 1;
        attend_split(a, &w, (size_t)(begin % a->capacity), first, last);
        for (size_t h = 0; h < a->heads; h++)
            combine(a, &w, h, s == split_first);
    }
    for (size_t h = 0; h < a->heads; h++) {
        float *out = a->out + h * a->head_dim;
        for (size_t j = 0; j < a->head_dim; j++)
            out[j] = out[j] / w.sum[h];
    }
}
