/* Sixteen rows of quantised weights and up to four rows of activations.
 *
 * One description for all types and numbers of rows; the compiler makes a function of each pair,
 * in which the type's branches are gone and everything lies in registers.
 */
#include "kernels/cpu/canon/vector/lanes.h"
#include "kernels/cpu/canon/vector/vector.h"

#include "runtime/base/attributes.h"

enum { QUANTISED_BYTES = 64 }; /* of a block of 32 activations */

/* The factors of 32 columns, one a lane: of the codes (of Q6_K: of the lower and of the upper 16
 * columns), and of the sum of activations. */
typedef struct factors {
    lanes scale, upper, shift;
} factors;

static inline bool has_shift(rp_canon_type type)
{
    return type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1 || type == RP_CANON_Q4_K ||
           type == RP_CANON_Q5_K;
}

/* What a code stands above the weight. */
static inline int32_t zero_of(rp_canon_type type)
{
    switch (type) {
    case RP_CANON_Q4_0:
        return 8;
    case RP_CANON_Q5_0:
        return 16;
    case RP_CANON_Q8_0:
        return CODES_BYTES_ZERO;
    case RP_CANON_Q6_K:
        return 32;
    default:
        return 0;
    }
}

static inline size_t code_bytes(rp_canon_type type)
{
    switch (type) {
    case RP_CANON_Q5_0:
    case RP_CANON_Q5_1:
    case RP_CANON_Q5_K:
        return 5 * RP_CANON_VECTOR;
    case RP_CANON_Q6_K:
        return 6 * RP_CANON_VECTOR;
    case RP_CANON_Q8_0:
        return 8 * RP_CANON_VECTOR;
    default:
        return 4 * RP_CANON_VECTOR;
    }
}

/* Step k of the 32 columns at p. */
RP_ALWAYS_INLINE static inline codes codes_at(rp_canon_type type, const uint8_t *p, size_t k)
{
    if (type == RP_CANON_Q8_0)
        return codes_bytes(p + RP_CANON_VECTOR * k);
    const uint8_t *nibbles = p + RP_CANON_VECTOR * (k / 2), *more = p + 4 * RP_CANON_VECTOR;
    codes v = k % 2 == 0 ? codes_low(nibbles) : codes_high(nibbles);
    if (type == RP_CANON_Q6_K)
        return codes_pair(v, more + RP_CANON_VECTOR * (k / 4), k % 4);
    if (code_bytes(type) == 5 * RP_CANON_VECTOR)
        return codes_fifth(v, more, k);
    return v;
}

/* Bytes before 8 blocks of 32 columns, and before the codes of each. */
static inline size_t head_bytes(rp_canon_type type)
{
    return type == RP_CANON_Q6_K ? 32 : type == RP_CANON_Q4_K || type == RP_CANON_Q5_K ? 64 : 0;
}

static inline size_t factor_bytes(rp_canon_type type)
{
    return type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1 ? 64 : 32;
}

/* What 8 blocks of 32 columns of a K type share: d, and -dmin. */
typedef struct head {
    lanes d, m;
} head;

RP_ALWAYS_INLINE static inline head head_at(rp_canon_type type, const uint8_t *p)
{
    head h = {lanes_half(p), lanes_zero()};
    if (type != RP_CANON_Q6_K)
        h.m = lanes_negative(lanes_half(p + 32));
    return h;
}

/* The factors at p. (-dmin) * m is -(dmin * m). */
RP_ALWAYS_INLINE static inline factors factors_at(
    rp_canon_type type, const head *h, const uint8_t *p)
{
    factors f = {lanes_zero(), lanes_zero(), lanes_zero()};
    if (type == RP_CANON_Q6_K) {
        f.scale = lanes_mul(h->d, lanes_signed(p));
        f.upper = lanes_mul(h->d, lanes_signed(p + 16));
    } else if (head_bytes(type) > 0) {
        f.scale = lanes_mul(h->d, lanes_unsigned(p));
        f.shift = lanes_mul(h->m, lanes_unsigned(p + 16));
    } else {
        f.scale = lanes_half(p);
        if (has_shift(type))
            f.shift = lanes_half(p + 32);
    }
    return f;
}

/* acc = fma(factor * dx, A, acc) */
static inline lanes add_block(lanes factor, lanes dx, lanes a, lanes acc)
{
    return lanes_fma(lanes_mul(factor, dx), a, acc);
}

/* One block for `n` rows of activations. */
RP_ALWAYS_INLINE static inline void block(rp_canon_type type, size_t n, const uint8_t *w,
    const factors *f, const rp__inputs *x, size_t b, lanes acc[TOKENS_AT_ONCE])
{
    size_t q_stride = x->stride * sizeof(int16_t), block_stride = x->stride / RP_CANON_BLOCK;
    const uint8_t *q = x->q + QUANTISED_BYTES * b;
    dots sum[TOKENS_AT_ONCE];
    for (size_t t = 0; t < n; t++)
        sum[t] = dots_start();
#define STEP(k)                                        \
    do {                                               \
        codes v = codes_at(type, w, k);                \
        for (size_t t = 0; t < n; t++)                 \
            dots_add(&sum[t], v, q + t * q_stride, k); \
    } while (0)
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
    STEP(4);
    STEP(5);
    STEP(6);
    STEP(7);
    for (size_t t = 0; t < n; t++) {
        lanes dx = lanes_set(x->scale[t * block_stride + b]);
        int32_t total = x->sum[t * block_stride + b];
        counts a = dots_end(&sum[t], zero_of(type), total);
        acc[t] = add_block(f->scale, dx, lanes_of_counts(a), acc[t]);
        if (has_shift(type))
            acc[t] = add_block(f->shift, dx, lanes_set((float)total), acc[t]);
    }
}

/* The same for Q6_K: two halves, each with its factor. */
RP_ALWAYS_INLINE static inline void block_of_halves(size_t n, const uint8_t *w, const factors *f,
    const rp__inputs *x, size_t b, lanes acc[TOKENS_AT_ONCE])
{
    const rp_canon_type type = RP_CANON_Q6_K;
    size_t q_stride = x->stride * sizeof(int16_t), block_stride = x->stride / RP_CANON_BLOCK;
    const uint8_t *q = x->q + QUANTISED_BYTES * b;
    dots sum[TOKENS_AT_ONCE];
    for (size_t t = 0; t < n; t++)
        sum[t] = dots_start();
    STEP(0);
    STEP(1);
    STEP(2);
    STEP(3);
    int32_t lower[TOKENS_AT_ONCE];
    lanes dx[TOKENS_AT_ONCE];
    for (size_t t = 0; t < n; t++) {
        lower[t] = dots_lower(q + t * q_stride);
        dx[t] = lanes_set(x->scale[t * block_stride + b]);
        counts a = dots_end(&sum[t], zero_of(type), lower[t]);
        acc[t] = add_block(f->scale, dx[t], lanes_of_counts(a), acc[t]);
        sum[t] = dots_start();
    }
    STEP(4);
    STEP(5);
    STEP(6);
    STEP(7);
    for (size_t t = 0; t < n; t++) {
        int32_t upper = x->sum[t * block_stride + b] - lower[t];
        counts a = dots_end(&sum[t], zero_of(type), upper);
        acc[t] = add_block(f->upper, dx[t], lanes_of_counts(a), acc[t]);
    }
#undef STEP
}

RP_ALWAYS_INLINE static inline void strip_of(
    rp_canon_type type, size_t n, const rp__strip *strip, const rp__inputs *x, float *sums)
{
    lanes acc[TOKENS_AT_ONCE];
    const uint8_t *p = strip->packed;
    head h = {lanes_zero(), lanes_zero()};
    for (size_t t = 0; t < n; t++)
        acc[t] = lanes_load(sums + RP_CANON_LANES * t);
    for (size_t b = 0; b < strip->cols / RP_CANON_BLOCK; b++) {
        if (head_bytes(type) > 0 && b % 8 == 0) {
            h = head_at(type, p);
            p += head_bytes(type);
        }
        factors f = factors_at(type, &h, p);
        p += factor_bytes(type);
        if (type == RP_CANON_Q6_K)
            block_of_halves(n, p, &f, x, b, acc);
        else
            block(type, n, p, &f, x, b, acc);
        p += code_bytes(type);
    }
    for (size_t t = 0; t < n; t++)
        lanes_store(sums + RP_CANON_LANES * t, acc[t]);
}

typedef void strip_function(const rp__strip *strip, const rp__inputs *x, float *sums);

#define EACH_TYPE(X) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q8_0) X(Q4_K) X(Q5_K) X(Q6_K)
#define STRIP(name, n)                                                                       \
    static void strip_##name##_##n(const rp__strip *strip, const rp__inputs *x, float *sums) \
    {                                                                                        \
        strip_of(RP_CANON_##name, n, strip, x, sums);                                        \
    }
#if TOKENS_AT_ONCE == 4
#define STRIPS(name) STRIP(name, 1) STRIP(name, 2) STRIP(name, 3) STRIP(name, 4)
#define STRIP_LIST(name)                                                       \
    {                                                                          \
        strip_##name##_1, strip_##name##_2, strip_##name##_3, strip_##name##_4 \
    }
#else
#define STRIPS(name) STRIP(name, 1) STRIP(name, 2)
#define STRIP_LIST(name)                   \
    {                                      \
        strip_##name##_1, strip_##name##_2 \
    }
#endif
EACH_TYPE(STRIPS)

void RP__VECTOR(strip_quantised)(
    rp_canon_type type, const rp__strip *strip, const rp__inputs *inputs, size_t count, float *sums)
{
    strip_function *const *choice;
    switch (type) {
#define CASE(name)                                                          \
    case RP_CANON_##name: {                                                 \
        static strip_function *const of[TOKENS_AT_ONCE] = STRIP_LIST(name); \
        choice = of;                                                        \
        break;                                                              \
    }
        EACH_TYPE(CASE)
    default:
        RP_ASSERT(rp_canon_type_is_quantised(type));
        return;
    }
    choice[count - 1](strip, inputs, sums);
}
