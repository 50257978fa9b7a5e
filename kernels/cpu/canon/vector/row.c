/* What runs over one row of activations. */
#include "kernels/cpu/canon/vector/elementary.h"
#include "kernels/cpu/canon/vector/vector.h"

#include <math.h>
#include <string.h>

#include "runtime/base/attributes.h"

enum { LANES = RP_CANON_LANES };

bool RP__VECTOR(quantise)(const float *x, size_t cols, int16_t *q, float *scale, int32_t *sum)
{
    bool finite = true;
    for (size_t b = 0; b < cols / RP_CANON_BLOCK; b++, x += RP_CANON_BLOCK, q += RP_CANON_BLOCK) {
        uint32_t top = lanes_magnitude_bits(x);
        float amax = rp_canon_float(top);
        bool usable = top < UINT32_C(0x7F800000);
        finite = finite && usable;
        if (!usable || amax < 0x1p-100F) {
            memset(q, 0, RP_CANON_BLOCK * sizeof *q);
            scale[b] = 0.0F;
            sum[b] = 0;
            continue;
        }
        lanes_quantise(x, (float)RP_CANON_Q_MAX / amax, q, &sum[b]);
        scale[b] = amax / (float)RP_CANON_Q_MAX;
    }
    return finite;
}

static float dot(const float *a, const float *b, size_t n)
{
    lanes acc = lanes_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        acc = lanes_fma(lanes_load(a + i), lanes_load(b + i), acc);
    if (i < n) {
        lanes last = lanes_fma(lanes_load_some(a + i, n - i), lanes_load_some(b + i, n - i), acc);
        acc = lanes_keep(n - i, last, acc);
    }
    return lanes_tree(acc);
}

/* out = f(x), where f is made of operations on lanes; a macro, so that f is inlined. */
#define EACH(n, in, out, f)                                                                      \
    do {                                                                                         \
        size_t each = 0;                                                                         \
        for (; each + LANES <= (n); each += LANES)                                               \
            lanes_store((out) + each, f(lanes_load((in) + each)));                               \
        if (each < (n))                                                                          \
            lanes_store_some((out) + each, f(lanes_load_some((in) + each, (n)-each)), (n)-each); \
    } while (0)

void RP__VECTOR(exp)(const float *x, size_t n, float *out)
{
    EACH(n, x, out, lanes_exp);
}

void RP__VECTOR(tanh)(const float *x, size_t n, float *out)
{
    EACH(n, x, out, lanes_tanh);
}

void RP__VECTOR(erf)(const float *x, size_t n, float *out)
{
    EACH(n, x, out, lanes_erf);
}

float RP__VECTOR(exp_sum)(const float *x, size_t n, float shift, float *out)
{
    lanes acc = lanes_zero(), less = lanes_set(shift);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        lanes e = lanes_exp(lanes_sub(lanes_load(x + i), less));
        lanes_store(out + i, e);
        acc = lanes_add(acc, e);
    }
    if (i < n) {
        lanes e = lanes_exp(lanes_sub(lanes_load_some(x + i, n - i), less));
        lanes_store_some(out + i, e, n - i);
        acc = lanes_keep(n - i, lanes_add(acc, e), acc);
    }
    return lanes_tree(acc);
}

void RP__VECTOR(rms_norm)(const float *x, const float *weight, size_t n, float epsilon, float *out)
{
    float mean = dot(x, x, n) / (float)n;
    lanes inverse = lanes_set(1.0F / sqrtf(mean + epsilon));
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_store(
            out + i, lanes_mul(lanes_mul(lanes_load(x + i), inverse), lanes_load(weight + i)));
    if (i < n)
        lanes_store_some(out + i,
            lanes_mul(lanes_mul(lanes_load_some(x + i, n - i), inverse),
                lanes_load_some(weight + i, n - i)),
            n - i);
}

void RP__VECTOR(rope)(float *x, size_t n, const float *cosines, const float *sines)
{
    size_t half = n / 2, i = 0;
    for (; i + LANES <= half; i += LANES) {
        lanes a = lanes_load(x + i), b = lanes_load(x + half + i);
        lanes c = lanes_load(cosines + i), s = lanes_load(sines + i);
        lanes_store(x + i, lanes_fma(a, c, lanes_negative(lanes_mul(b, s))));
        lanes_store(x + half + i, lanes_fma(a, s, lanes_mul(b, c)));
    }
    if (i < half) {
        size_t rest = half - i;
        lanes a = lanes_load_some(x + i, rest), b = lanes_load_some(x + half + i, rest);
        lanes c = lanes_load_some(cosines + i, rest), s = lanes_load_some(sines + i, rest);
        lanes_store_some(x + i, lanes_fma(a, c, lanes_negative(lanes_mul(b, s))), rest);
        lanes_store_some(x + half + i, lanes_fma(a, s, lanes_mul(b, c)), rest);
    }
}

/* out = f(gate) * up */
#define GATE(gate, up, n, out, f)                                                                \
    do {                                                                                         \
        size_t each = 0;                                                                         \
        for (; each + LANES <= (n); each += LANES)                                               \
            lanes_store(                                                                         \
                (out) + each, lanes_mul(f(lanes_load((gate) + each)), lanes_load((up) + each))); \
        if (each < (n))                                                                          \
            lanes_store_some((out) + each,                                                       \
                lanes_mul(f(lanes_load_some((gate) + each, (n)-each)),                           \
                    lanes_load_some((up) + each, (n)-each)),                                     \
                (n)-each);                                                                       \
    } while (0)

void RP__VECTOR(gelu_tanh)(const float *gate, const float *up, size_t n, float *out)
{
    GATE(gate, up, n, out, lanes_gelu_tanh);
}

void RP__VECTOR(silu)(const float *gate, const float *up, size_t n, float *out)
{
    GATE(gate, up, n, out, lanes_silu);
}
