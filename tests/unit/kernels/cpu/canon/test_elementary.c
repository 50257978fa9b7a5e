#include "kernels/cpu/canon/canon.h"

#include <math.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"

/* The row functions that are documented with an error bound, over floats of every exponent. */
enum { CHUNK = 4096 };

typedef void row_function(const float *x, size_t n, float *out);

static double ulps(float got, double exact)
{
    float nearest = (float)exact;
    if (isinf(nearest) || isnan(nearest))
        return isnan(nearest) ? (isnan(got) ? 0 : INFINITY) : got == nearest ? 0 : INFINITY;
    int exponent;
    frexp(exact, &exponent);
    return fabs((double)got - exact) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

/* Every `step`-th float of both signs; all tables must agree to the bit with the first. */
static double worst_of(size_t offset, double (*exact)(double), uint32_t step)
{
    static float x[CHUNK], out[CHUNK], first[CHUNK];
    double worst = 0;
    for (uint64_t bits = 0; bits < UINT64_C(0x100000000);) {
        size_t n = 0;
        for (; n < CHUNK && bits < UINT64_C(0x100000000); bits += step)
            x[n++] = rp_canon_float((uint32_t)bits);
        const rp_canon_kernels *kernels;
        for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
            row_function *function;
            memcpy(&function, (const char *)kernels + offset, sizeof function);
            function(x, n, k == 0 ? first : out);
            for (size_t i = 0; i < n; i++) {
                if (k > 0)
                    cr_assert(rp_canon_bits(out[i]) == rp_canon_bits(first[i]) ||
                                  (isnan(out[i]) && isnan(first[i])),
                        "%a: %s differs", (double)x[i], kernels->name);
            }
        }
        for (size_t i = 0; i < n; i++) {
            double error = ulps(first[i], exact((double)x[i]));
            cr_assert(!isinf(error), "%a gives %a", (double)x[i], (double)first[i]);
            worst = fmax(worst, error);
        }
    }
    return worst;
}

Test(elementary, exponential)
{
    double worst = worst_of(offsetof(rp_canon_kernels, exp), exp, 509);
    cr_assert(worst <= 1.0, "%g ulps", worst);
}

Test(elementary, hyperbolic_tangent)
{
    double worst = worst_of(offsetof(rp_canon_kernels, tanh), tanh, 509);
    cr_assert(worst <= 2.0, "%g ulps", worst);
}

Test(elementary, error_function)
{
    double worst = worst_of(offsetof(rp_canon_kernels, erf), erf, 509);
    cr_assert(worst <= 2.0, "%g ulps", worst);
}

Test(elementary, exact_values)
{
    const rp_canon_kernels *kernels = rp_canon_kernels_best();
    float x[] = {0.0F, -0.0F, 100.0F, -100.0F, INFINITY, -INFINITY, 89.0F, -110.0F}, out[8];
    kernels->exp(x, 8, out);
    cr_assert_eq(out[0], 1.0F);
    cr_assert_eq(out[1], 1.0F);
    cr_assert_eq(out[4], INFINITY);
    cr_assert_eq(rp_canon_bits(out[5]), 0);
    cr_assert_eq(out[6], INFINITY);
    cr_assert_eq(rp_canon_bits(out[7]), 0);
    kernels->tanh(x, 8, out);
    cr_assert_eq(rp_canon_bits(out[0]), 0);
    cr_assert_eq(out[2], 1.0F);
    cr_assert_eq(out[3], -1.0F);
    cr_assert_eq(out[4], 1.0F);
    kernels->erf(x, 8, out);
    cr_assert_eq(rp_canon_bits(out[0]), 0);
    cr_assert_eq(out[2], 1.0F);
    cr_assert_eq(out[3], -1.0F);
}

/* Bits that may never change under this canon's number. */
Test(elementary, known_bits)
{
    static const uint32_t expected[3][4] = {
        {UINT32_C(0x3F3DA643), UINT32_C(0x402DF854), UINT32_C(0x3A3A2AFF), UINT32_C(0x4000E153)},
        {UINT32_C(0xBE9526EE), UINT32_C(0x3F42F7D6), UINT32_C(0xBF7FFFEF), UINT32_C(0x3F1AB7D9)},
        {UINT32_C(0xBEA841C5), UINT32_C(0x3F57BB3D), UINT32_C(0xBF800000), UINT32_C(0x3F2D8461)}};
    const rp_canon_kernels *kernels = rp_canon_kernels_best();
    float x[] = {-0.3F, 1.0F, -7.25F, 0.7F}, out[3][4];
    kernels->exp(x, 4, out[0]);
    kernels->tanh(x, 4, out[1]);
    kernels->erf(x, 4, out[2]);
    for (size_t i = 0; i < 12; i++)
        cr_assert_eq(rp_canon_bits(out[i / 4][i % 4]), expected[i / 4][i % 4], "%zu", i);
}
