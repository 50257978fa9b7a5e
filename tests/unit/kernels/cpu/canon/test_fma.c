#include "kernels/cpu/canon/fma.h"

#include <math.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "runtime/base/rng.h"

/* Any NaN is as good as any other; all else to the bit. */
static void check(float a, float b, float c)
{
    float got = rp_canon_fma_exact(a, b, c), expected = fmaf(a, b, c);
    if (isnan(expected))
        cr_assert(isnan(got), "fma(%a, %a, %a)", (double)a, (double)b, (double)c);
    else
        cr_assert_eq(rp_canon_bits(got), rp_canon_bits(expected), "fma(%a, %a, %a) = %a, not %a",
            (double)a, (double)b, (double)c, (double)expected, (double)got);
}

Test(fma, special_values)
{
    static const float values[] = {0.0F, -0.0F, 1.0F, -1.0F, 0x1p-149F, -0x1p-149F,
        0x1.fffffcp-127F, 0x1p-126F, 0x1.fffffep127F, -0x1.fffffep127F, INFINITY, -INFINITY, NAN,
        0x1.000002p0F, 0x1.fffffep-1F, 0x1p-75F, 0x1p-74F, 0x1.8p-75F, 3.0F, 0x1p64F, 0x1p63F};
    enum { COUNT = sizeof values / sizeof *values };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            for (size_t k = 0; k < COUNT; k++)
                check(values[i], values[j], values[k]);
        }
    }
}

/* Any bits at all. */
Test(fma, random_bits)
{
    for (uint64_t i = 0; i < 3000000; i++) {
        rp_rng_words words = rp_rng_philox(1, i, 0);
        check(rp_canon_float(words.word[0]), rp_canon_float(words.word[1]),
            rp_canon_float(words.word[2]));
    }
}

/* Sums beside the middle of two float32, nearer than a double can tell: (1 + 2^-k)(1 - 2^-k) is
 * 1 - 2^-2k, a hair less than the half unit of c. Two roundings get these wrong. */
Test(fma, near_ties)
{
    int naive_wrong = 0;
    for (uint64_t i = 0; i < 1000000; i++) {
        rp_rng_words words = rp_rng_philox(2, i, 0);
        int k = 12 + (int)(words.word[1] % 12), exponent = (int)(words.word[2] % 100) - 50;
        float c = rp_canon_float((words.word[0] & UINT32_C(0x807FFFFF)) | UINT32_C(0x3F800000));
        float a = 1.0F + ldexpf(1.0F, -k), b = ldexpf(1.0F - ldexpf(1.0F, -k), exponent - 24);
        a = words.word[3] & 1 ? -a : a;
        c = ldexpf(c, exponent);
        check(a, b, c);
        check(a, ldexpf(1.0F, exponent - 24), c);
        naive_wrong += (float)((double)a * (double)b + (double)c) != fmaf(a, b, c);
    }
    cr_assert(naive_wrong > 100000, "the inputs are too easy: %d", naive_wrong);
}

/* Results below the normal range, where fewer bits are kept. */
Test(fma, subnormal_results)
{
    for (uint64_t i = 0; i < 2000000; i++) {
        rp_rng_words words = rp_rng_philox(3, i, 0);
        float a = rp_canon_float((words.word[0] & UINT32_C(0x807FFFFF)) |
                                 (uint32_t)(64 + words.word[3] % 24 - 12) << 23);
        float b = rp_canon_float((words.word[1] & UINT32_C(0x807FFFFF)) | UINT32_C(64) << 23);
        check(a, b, rp_canon_float(words.word[2] & UINT32_C(0x80FFFFFF)));
    }
}
