#include "kernels/cpu/canon/canon.h"

#include <math.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "runtime/base/rng.h"

enum { HEADS = 3, DIM = 40, STRIDE = 2 * DIM, LENGTH = 1000, ROUNDED = 1024 };

static float query[HEADS * DIM], out[HEADS * DIM], other[HEADS * DIM], scratch[4096];
static uint16_t keys[ROUNDED * STRIDE], values[ROUNDED * STRIDE];

static void prepare(void)
{
    for (size_t i = 0; i < HEADS * DIM; i++)
        query[i] = rp_rng_uniform(31, i) - 0.4F;
    for (size_t i = 0; i < ROUNDED * STRIDE; i++) {
        keys[i] = rp_canon_to_f16(rp_rng_uniform(32, i) - 0.5F);
        values[i] = rp_canon_to_f16(rp_rng_uniform(33, i) - 0.5F);
    }
    cr_assert(rp_canon_attention_scratch(HEADS, DIM) <= sizeof scratch / sizeof *scratch);
}

static rp_canon_attention over(uint64_t first, uint64_t last, float *target)
{
    return (rp_canon_attention){.query = query,
        .keys = keys,
        .values = values,
        .heads = HEADS,
        .head_dim = DIM,
        .stride = STRIDE,
        .capacity = ROUNDED,
        .first = first,
        .last = last,
        .scratch = scratch,
        .out = target};
}

static float exponential(float x)
{
    float y;
    rp_canon_kernels_best()->exp(&x, 1, &y);
    return y;
}

static float tree(float lane[16])
{
    for (size_t step = 8; step >= 1; step /= 2) {
        for (size_t i = 0; i < step; i++)
            lane[i] += lane[i + step];
    }
    return lane[0];
}

static float score(size_t head, uint64_t position)
{
    float lane[16] = {0};
    for (size_t i = 0; i < DIM; i++)
        lane[i % 16] = fmaf(
            query[head * DIM + i], rp_canon_from_f16(keys[position * STRIDE + i]), lane[i % 16]);
    return tree(lane);
}

/* One head by the words of canon.h. */
static void expected(size_t head, uint64_t first, uint64_t last, float *result)
{
    float top = 0, sum = 0;
    bool any = false;
    for (uint64_t begin = 0; begin <= last; begin += 256) {
        float m = -INFINITY, lane[16] = {0}, o[DIM] = {0};
        uint64_t from = first > begin ? first : begin, to = last < begin + 255 ? last : begin + 255;
        if (from > to)
            continue;
        for (uint64_t p = from; p <= to; p++)
            m = fmaxf(m, score(head, p));
        for (uint64_t p = from; p <= to; p++) {
            float e = exponential(score(head, p) - m);
            lane[p % 16] += e;
            for (size_t i = 0; i < DIM; i++)
                o[i] = fmaf(e, rp_canon_from_f16(values[p * STRIDE + i]), o[i]);
        }
        float l = tree(lane), next = any && top > m ? top : m;
        float a = exponential(top - next), b = exponential(m - next);
        for (size_t i = 0; i < DIM; i++)
            result[i] = any ? fmaf(o[i], b, result[i] * a) : o[i];
        sum = any ? fmaf(l, b, sum * a) : l;
        top = next;
        any = true;
    }
    for (size_t i = 0; i < DIM; i++)
        result[i] /= sum;
}

Test(attention, is_its_definition_to_the_bit)
{
    static const uint64_t ranges[][2] = {{0, 0}, {0, 1}, {0, 15}, {0, 255}, {0, 256}, {0, 300},
        {0, 999}, {255, 256}, {256, 256}, {250, 761}, {488, 999}, {512, 767}, {999, 999}};
    const rp_canon_kernels *kernels;
    prepare();
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
            rp_canon_attention a = over(ranges[i][0], ranges[i][1], out);
            kernels->attention(&a);
            for (size_t h = 0; h < HEADS; h++)
                expected(h, ranges[i][0], ranges[i][1], other + h * DIM);
            for (size_t j = 0; j < HEADS * DIM; j++)
                cr_assert_eq(rp_canon_bits(out[j]), rp_canon_bits(other[j]), "%s [%zu, %zu] %zu",
                    kernels->name, (size_t)ranges[i][0], (size_t)ranges[i][1], j);
        }
    }
}

/* A ring that holds the visible positions gives what a full cache gives. */
Test(attention, a_ring_is_as_good_as_a_line)
{
    static uint16_t ring_keys[512 * STRIDE], ring_values[512 * STRIDE];
    prepare();
    rp_canon_attention line = over(590, 999, out);
    rp_canon_kernels_best()->attention(&line);
    for (size_t p = 488; p < LENGTH; p++) {
        memcpy(ring_keys + p % 512 * STRIDE, keys + p * STRIDE, STRIDE * sizeof *keys);
        memcpy(ring_values + p % 512 * STRIDE, values + p * STRIDE, STRIDE * sizeof *values);
    }
    rp_canon_attention ring = over(590, 999, other);
    ring.keys = ring_keys;
    ring.values = ring_values;
    ring.capacity = 512;
    rp_canon_kernels_best()->attention(&ring);
    cr_assert_arr_eq(out, other, sizeof out);
}

Test(attention, a_head_does_not_depend_on_the_others)
{
    prepare();
    rp_canon_attention all = over(3, 700, out);
    rp_canon_kernels_best()->attention(&all);
    for (size_t h = 0; h < HEADS; h++) {
        rp_canon_attention one = over(3, 700, other + h * DIM);
        one.query = query + h * DIM;
        one.heads = 1;
        rp_canon_kernels_best()->attention(&one);
    }
    cr_assert_arr_eq(out, other, sizeof out);
}

Test(attention, is_near_the_double_precision_result)
{
    prepare();
    rp_canon_attention a = over(10, 900, out);
    rp_canon_kernels_best()->attention(&a);
    for (size_t i = 0; i < DIM; i++) {
        double sum = 0, exact = 0;
        for (uint64_t p = 10; p <= 900; p++) {
            double s = 0;
            for (size_t j = 0; j < DIM; j++)
                s += (double)query[j] * (double)rp_canon_from_f16(keys[p * STRIDE + j]);
            sum += exp(s);
            exact += exp(s) * (double)rp_canon_from_f16(values[p * STRIDE + i]);
        }
        cr_assert(fabs((double)out[i] - exact / sum) < 1e-6);
    }
}
