#include "kernels/cpu/canon/half.h"

#include <math.h>

#include <criterion/criterion.h>

/* The value of an f16 by its definition. */
static double f16_value(uint32_t half)
{
    int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
    double sign = half >> 15 ? -1.0 : 1.0;
    if (exponent == 31)
        return fraction ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

Test(half, every_f16_widens_exactly_and_comes_back)
{
    for (uint32_t half = 0; half < 65536; half++) {
        float wide = rp_canon_from_f16((uint16_t)half);
        double expected = f16_value(half);
        if (isnan(expected)) {
            cr_assert(isnan(wide), "%04x", half);
            cr_assert(
                (rp_canon_to_f16(wide) & 0x7C00) == 0x7C00 && (rp_canon_to_f16(wide) & 0x3FF));
            continue;
        }
        cr_assert_eq((double)wide, expected, "%04x", half);
        cr_assert_eq(signbit(wide) != 0, half >> 15 != 0, "%04x", half);
        cr_assert_eq(rp_canon_to_f16(wide), half, "%04x", half);
    }
}

/* Between two neighbours: the middle goes to the even one, one step of float32 beside it to the
 * nearer. */
Test(half, narrowing_to_f16_rounds_to_nearest_even)
{
    for (uint32_t half = 0; half < 0x7BFF; half++) {
        float low = (float)f16_value(half), high = (float)f16_value(half + 1);
        float middle = (float)((f16_value(half) + f16_value(half + 1)) / 2);
        uint32_t even = half & 1 ? half + 1 : half;
        cr_assert_eq(rp_canon_to_f16(middle), even, "%04x", half);
        cr_assert_eq(rp_canon_to_f16(-middle), even | 0x8000, "%04x", half);
        cr_assert_eq(rp_canon_to_f16(nextafterf(middle, low)), half, "%04x", half);
        cr_assert_eq(rp_canon_to_f16(nextafterf(middle, high)), half + 1, "%04x", half);
    }
}

Test(half, narrowing_to_f16_at_the_ends)
{
    cr_assert_eq(rp_canon_to_f16(65504.0F), 0x7BFF);
    cr_assert_eq(rp_canon_to_f16(nextafterf(65520.0F, 0.0F)), 0x7BFF);
    cr_assert_eq(rp_canon_to_f16(65520.0F), 0x7C00);
    cr_assert_eq(rp_canon_to_f16(INFINITY), 0x7C00);
    cr_assert_eq(rp_canon_to_f16(-INFINITY), 0xFC00);
    cr_assert_eq(rp_canon_to_f16(0x1p-25F), 0);
    cr_assert_eq(rp_canon_to_f16(nextafterf(0x1p-25F, 1.0F)), 1);
    cr_assert_eq(rp_canon_to_f16(0x1p-149F), 0);
    cr_assert_eq(rp_canon_to_f16(-0.0F), 0x8000);
}

Test(half, bf16_widens_exactly_and_rounds_to_nearest_even)
{
    for (uint32_t half = 0; half < 65536; half++) {
        float wide = rp_canon_from_bf16((uint16_t)half);
        cr_assert_eq(rp_canon_bits(wide), half << 16);
        if (isnan(wide))
            cr_assert(isnan(rp_canon_from_bf16(rp_canon_to_bf16(wide))));
        else
            cr_assert_eq(rp_canon_to_bf16(wide), half);
        if ((half & 0x7F80) == 0x7F80)
            continue;
        uint32_t even = half & 1 ? half + 1 : half;
        cr_assert_eq(rp_canon_to_bf16(rp_canon_float(half << 16 | 0x8000)), even);
        cr_assert_eq(rp_canon_to_bf16(rp_canon_float(half << 16 | 0x7FFF)), half);
        cr_assert_eq(rp_canon_to_bf16(rp_canon_float(half << 16 | 0x8001)), half + 1);
    }
}
