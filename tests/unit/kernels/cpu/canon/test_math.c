#include "kernels/cpu/canon/math.h"

#include <float.h>
#include <math.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "runtime/base/rng.h"

/* The distance of `got` from `exact` in units in the last place of the nearest float32. */
static double ulps(float got, double exact)
{
    float nearest = (float)exact;
    if (isinf(nearest) || isnan(nearest))
        return rp_canon_bits(got) == rp_canon_bits(nearest) ? 0.0 : INFINITY;
    int exponent;
    frexp(exact, &exponent);
    double unit = ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
    return fabs((double)got - exact) / unit;
}

Test(math, sine_and_cosine_over_the_range)
{
    double worst = 0;
    for (uint64_t i = 0; i < 2000000; i++) {
        rp_rng_words words = rp_rng_philox(4, i, 0);
        double range = i % 3 == 0 ? 10.0 : i % 3 == 1 ? 40000.0 : RP_CANON_ANGLE_MAX;
        double x = ((double)words.word[0] * 0x1p-31 - 1.0) * range;
        worst = fmax(worst, ulps(rp_canon_sin(x), sin(x)));
        worst = fmax(worst, ulps(rp_canon_cos(x), cos(x)));
    }
    cr_assert(worst <= 0.501, "%g ulps", worst);
}

Test(math, sine_near_multiples_of_half_pi)
{
    double worst = 0;
    for (int n = -660000; n <= 660000; n += 7) {
        double x = (double)n * 0x1.921fb54442d18p+0;
        worst = fmax(worst, ulps(rp_canon_sin(x), sin(x)));
        worst = fmax(worst, ulps(rp_canon_cos(x), cos(x)));
    }
    cr_assert(worst <= 0.501, "%g ulps", worst);
    cr_assert_eq(rp_canon_sin(0.0), 0.0F);
    cr_assert_eq(rp_canon_cos(0.0), 1.0F);
}

Test(math, angles_out_of_range_are_nan)
{
    cr_assert(isnan(rp_canon_sin(INFINITY)));
    cr_assert(isnan(rp_canon_cos(-INFINITY)));
    cr_assert(isnan(rp_canon_cos((double)NAN)));
    cr_assert(isnan(rp_canon_sin(RP_CANON_ANGLE_MAX * 1.0001)));
}

Test(math, logarithm_over_all_exponents)
{
    double worst = 0;
    for (uint32_t bits = 1; bits < UINT32_C(0x7F800000); bits += 1009) {
        float x = rp_canon_float(bits);
        worst = fmax(worst, ulps(rp_canon_log(x), log((double)x)));
    }
    for (uint32_t bits = UINT32_C(0x3F700000); bits < UINT32_C(0x3F900000); bits += 3) {
        float x = rp_canon_float(bits);
        worst = fmax(worst, ulps(rp_canon_log(x), log((double)x)));
    }
    cr_assert(worst <= 0.501, "%g ulps", worst);
}

Test(math, logarithm_of_special_values)
{
    cr_assert_eq(rp_canon_log(1.0F), 0.0F);
    cr_assert_eq(rp_canon_log(0.0F), -INFINITY);
    cr_assert_eq(rp_canon_log(-0.0F), -INFINITY);
    cr_assert_eq(rp_canon_log(INFINITY), INFINITY);
    cr_assert(isnan(rp_canon_log(-1.0F)));
    cr_assert(isnan(rp_canon_log(NAN)));
}

Test(math, power)
{
    double worst = 0;
    for (uint64_t i = 0; i < 1000000; i++) {
        rp_rng_words words = rp_rng_philox(5, i, 0);
        float x = rp_canon_float(words.word[0] % (UINT32_C(0x7F800000) - 1) + 1);
        float y = (float)((double)words.word[1] * 0x1p-31 - 1.0) * (i & 1 ? 1.0F : 30.0F);
        worst = fmax(worst, ulps(rp_canon_pow(x, y), pow((double)x, (double)y)));
    }
    cr_assert(worst <= 0.501, "%g ulps", worst);
    cr_assert_eq(rp_canon_pow(10000.0F, 0.0F), 1.0F);
    cr_assert_eq(rp_canon_pow(10.0F, -50.0F), 0.0F);
    cr_assert_eq(rp_canon_pow(10.0F, 50.0F), INFINITY);
    cr_assert(isnan(rp_canon_pow(0.0F, 1.0F)));
    cr_assert(isnan(rp_canon_pow(-2.0F, 1.0F)));
    cr_assert(isnan(rp_canon_pow(2.0F, INFINITY)));
    cr_assert(isnan(rp_canon_pow(NAN, 1.0F)));
}

Test(math, rotary_angles)
{
    float frequencies[128], cosines[128], sines[128];
    rp_canon_rope_frequencies(1e6F, 8.0F, 256, frequencies);
    cr_assert_eq(frequencies[0], 0.125F);
    for (size_t i = 0; i < 128; i++) {
        double exact = pow(1e6, -2.0 * (double)i / 256) / 8;
        cr_assert(fabs((double)frequencies[i] / exact - 1) < 2e-7);
    }
    rp_canon_rope_angles(32767, frequencies, 128, cosines, sines);
    for (size_t i = 0; i < 128; i++) {
        double angle = 32767.0 * (double)frequencies[i];
        cr_assert(fabs((double)cosines[i] - cos(angle)) < 1e-7);
        cr_assert(fabs((double)sines[i] - sin(angle)) < 1e-7);
    }
}
