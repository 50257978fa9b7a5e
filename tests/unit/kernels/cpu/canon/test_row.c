#include "kernels/cpu/canon/canon.h"

#include <math.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "runtime/base/rng.h"

enum { N = 653 }; /* no multiple of anything */

static float a[N], b[N], out[N];

static void prepare(void)
{
    for (size_t i = 0; i < N; i++) {
        a[i] = (rp_rng_uniform(21, i) - 0.5F) * 8.0F;
        b[i] = rp_rng_uniform(22, i) + 0.5F;
    }
}

/* The canon's sum: sixteen lanes, then the tree. `y` NULL: a plain sum. */
static float lanes(const float *x, const float *y, size_t n)
{
    float lane[16] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i % 16] = y ? fmaf(x[i], y[i], lane[i % 16]) : lane[i % 16] + x[i];
    for (size_t step = 8; step >= 1; step /= 2) {
        for (size_t i = 0; i < step; i++)
            lane[i] = lane[i] + lane[i + step];
    }
    return lane[0];
}

Test(row, rms_norm_is_its_definition_at_every_length)
{
    const rp_canon_kernels *kernels;
    prepare();
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (size_t n = 1; n <= N; n++) {
            kernels->rms_norm(a, b, n, 1e-6F, out);
            float inverse = 1.0F / sqrtf(lanes(a, a, n) / (float)n + 1e-6F);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq(out[i], (a[i] * inverse) * b[i]);
        }
    }
}

Test(row, exp_sum_is_its_definition)
{
    const rp_canon_kernels *kernels;
    prepare();
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        float sum = kernels->exp_sum(a, N, 4.0F, out);
        cr_assert_eq(sum, lanes(out, NULL, N));
        float shifted[N], expected[N];
        for (size_t i = 0; i < N; i++)
            shifted[i] = a[i] - 4.0F;
        kernels->exp(shifted, N, expected);
        cr_assert_arr_eq(out, expected, sizeof out);
    }
}

Test(row, rope_rotates_halves)
{
    const rp_canon_kernels *kernels;
    float cosines[4] = {1.0F, 0.0F, 0.6F, -1.0F}, sines[4] = {0.0F, 1.0F, 0.8F, 0.0F};
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        kernels->rope(x, 8, cosines, sines);
        for (size_t i = 0; i < 4; i++) {
            float p = (float)i + 1, q = (float)i + 5;
            cr_assert_eq(x[i], fmaf(p, cosines[i], -(q * sines[i])));
            cr_assert_eq(x[i + 4], fmaf(p, sines[i], q * cosines[i]));
        }
    }
}

Test(row, gelu_is_near_the_truth_and_the_same_everywhere)
{
    static float first[N];
    const rp_canon_kernels *kernels;
    prepare();
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        kernels->gelu_tanh(a, b, N, k == 0 ? first : out);
        cr_assert(k == 0 || memcmp(first, out, sizeof out) == 0);
    }
    for (size_t i = 0; i < N; i++) {
        double g = (double)a[i];
        double exact = 0.5 * g * (1 + tanh(sqrt(2 / M_PI) * (g + 0.044715 * g * g * g)));
        cr_assert(fabs((double)first[i] - exact * (double)b[i]) < 2e-6);
    }
}
