#include "kernels/cpu/canon/canon.h"

#include <math.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "runtime/base/rng.h"
#include "tests/unit/kernels/cpu/canon/blocks.h"

enum { COLS = 96, BLOCKS = COLS / 32 };

static int16_t q[COLS];
static float scale[BLOCKS];
static int32_t sum[BLOCKS];

static void check_definition(rp_canon_arrangement arrangement, const float *x)
{
    for (size_t b = 0; b < BLOCKS; b++) {
        float amax = 0;
        int32_t total = 0;
        for (size_t i = 32 * b; i < 32 * b + 32; i++)
            amax = fmaxf(amax, fabsf(x[i]));
        for (size_t i = 32 * b; i < 32 * b + 32; i++) {
            float expected = amax < 0x1p-100F ? 0 : rintf(x[i] * (32639.0F / amax));
            int got = quantised_at(arrangement, q, i);
            cr_assert_eq((float)got, expected);
            cr_assert(got >= -32639 && got <= 32639);
            total += got;
        }
        cr_assert_eq(sum[b], total);
        cr_assert_eq(scale[b], amax < 0x1p-100F ? 0.0F : amax / 32639.0F);
    }
}

Test(quantise, follows_its_definition_in_every_table)
{
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (uint64_t round = 0; round < 3000; round++) {
            float x[COLS];
            int exponent = (int)(round % 240) - 115;
            for (uint64_t i = 0; i < COLS; i++)
                x[i] = ldexpf(rp_rng_uniform(round, i) - 0.5F, exponent);
            cr_assert(kernels->quantise(x, COLS, q, scale, sum));
            check_definition(kernels->arrangement, x);
        }
    }
}

Test(quantise, small_blocks_are_zeros)
{
    float x[COLS] = {0};
    x[0] = 0x1p-101F;
    x[1] = -0x1.fffffep-101F;
    x[32] = 0x1p-100F;
    x[33] = -0x1p-149F;
    x[64] = 0x1.fffffep127F;
    x[65] = -0x1.fffffep127F;
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        cr_assert(kernels->quantise(x, COLS, q, scale, sum));
        check_definition(kernels->arrangement, x);
        cr_assert_eq(scale[0], 0.0F);
        cr_assert_eq(quantised_at(kernels->arrangement, q, 32), 32639);
        cr_assert_eq(quantised_at(kernels->arrangement, q, 33), 0);
        cr_assert_eq(quantised_at(kernels->arrangement, q, 64), 32639);
        cr_assert_eq(quantised_at(kernels->arrangement, q, 65), -32639);
    }
}

/* Ties go to even: with amax 32639 the factor is 1. */
Test(quantise, ties_go_to_even)
{
    float x[COLS] = {32639.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 1.25F, 32638.5F};
    static const int16_t expected[] = {32639, 0, 2, 2, 0, -2, -2, 1, 32638};
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        cr_assert(kernels->quantise(x, COLS, q, scale, sum));
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
            cr_assert_eq(quantised_at(kernels->arrangement, q, i), expected[i], "%zu", i);
        cr_assert_eq(scale[0], 1.0F);
    }
}

/* 32639 = 256 * hi + lo with both in a signed byte: what the vector versions rest on. */
Test(quantise, the_largest_value_splits_into_two_signed_bytes)
{
    for (int value = -RP_CANON_Q_MAX; value <= RP_CANON_Q_MAX; value++) {
        int low = (int8_t)(value & 255), high = (value - low) / 256;
        cr_assert(high >= -128 && high <= 127 && 256 * high + low == value);
    }
}

Test(quantise, what_is_not_finite_is_told)
{
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (size_t i = 0; i < 4; i++) {
            float x[COLS];
            for (size_t j = 0; j < COLS; j++)
                x[j] = 1.0F;
            x[40] = bad[i];
            cr_assert_not(kernels->quantise(x, COLS, q, scale, sum));
            cr_assert_eq(scale[1], 0.0F);
            cr_assert_eq(sum[1], 0);
            cr_assert_eq(quantised_at(kernels->arrangement, q, 0), 32639);
            cr_assert_eq(quantised_at(kernels->arrangement, q, 64), 32639);
            cr_assert_eq(quantised_at(kernels->arrangement, q, 40), 0);
        }
    }
}
