#include "kernels/cpu/canon/math.h"

#include <stdbool.h>
#include <string.h>

#include "kernels/cpu/canon/half.h"

/* pi/2 in three parts: a product of the first two with an integer below 2^20 is exact */
static const double half_pi_high = 0x1.921fb544p+0;
static const double half_pi_middle = 0x1.0b4611a6p-34;
static const double half_pi_low = 0x1.3198a2e037073p-69;
static const double two_over_pi = 0x1.45f306dc9c883p-1;

/* ln 2 in two parts: a product of the first with an exponent is exact */
static const double ln2_high = 0x1.62e42fefa38p-1;
static const double ln2_low = 0x1.ef35793c7673p-45;
static const double one_over_ln2 = 0x1.71547652b82fep+0;

/* Added and taken away again, it leaves the nearest integer, ties to even (|x| < 2^51). */
static const double rounder = 0x1.8p52;

static float quiet_nan(void)
{
    return rp_canon_float(UINT32_C(0x7FC00000));
}

/* Taylor series: on |r| <= pi/4 and |r| <= ln(2)/2 what is left out is below 2^-53. */
static double sine_near_zero(double r)
{
    double u = r * r, sum = -1.0 / 1307674368000.0;
    sum = sum * u + 1.0 / 6227020800.0;
    sum = sum * u - 1.0 / 39916800.0;
    sum = sum * u + 1.0 / 362880.0;
    sum = sum * u - 1.0 / 5040.0;
    sum = sum * u + 1.0 / 120.0;
    sum = sum * u - 1.0 / 6.0;
    return r + r * u * sum;
}

static double cosine_near_zero(double r)
{
    double u = r * r, sum = 1.0 / 20922789888000.0;
    sum = sum * u - 1.0 / 87178291200.0;
    sum = sum * u + 1.0 / 479001600.0;
    sum = sum * u - 1.0 / 3628800.0;
    sum = sum * u + 1.0 / 40320.0;
    sum = sum * u - 1.0 / 720.0;
    sum = sum * u + 1.0 / 24.0;
    sum = sum * u - 1.0 / 2.0;
    return 1.0 + u * sum;
}

/* sin(x + quarter * pi/2) */
static float sine_shifted(double x, int64_t quarter)
{
    if (!(x <= RP_CANON_ANGLE_MAX && x >= -RP_CANON_ANGLE_MAX))
        return quiet_nan();
    double n = (x * two_over_pi + rounder) - rounder;
    double r = ((x - n * half_pi_high) - n * half_pi_middle) - n * half_pi_low;
    uint64_t turn = (uint64_t)((int64_t)n + quarter) & 3;
    double value = turn & 1 ? cosine_near_zero(r) : sine_near_zero(r);
    return (float)(turn & 2 ? -value : value);
}

float rp_canon_sin(double x)
{
    return sine_shifted(x, 0);
}

float rp_canon_cos(double x)
{
    return sine_shifted(x, 1);
}

/* ln x for finite x > 0: x = m * 2^e with m about 1, ln m = 2 artanh((m - 1) / (m + 1)). */
static double logarithm(float x)
{
    double wide = (double)x; /* subnormals of float32 are normal here */
    uint64_t bits;
    memcpy(&bits, &wide, sizeof bits);
    int64_t exponent = (int64_t)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp+0) { /* sqrt(2) */
        m *= 0.5;
        exponent++;
    }
    double s = (m - 1.0) / (m + 1.0), u = s * s, sum = 1.0 / 21.0;
    for (int k = 19; k >= 3; k -= 2)
        sum = sum * u + 1.0 / (double)k;
    double e = (double)exponent;
    return e * ln2_high + (2.0 * s + (2.0 * s * u * sum + e * ln2_low));
}

float rp_canon_log(float x)
{
    if (x == 0.0F)
        return rp_canon_float(UINT32_C(0xFF800000));
    if (!(x > 0.0F))
        return quiet_nan();
    if (rp_canon_bits(x) == UINT32_C(0x7F800000))
        return x;
    return (float)logarithm(x);
}

/* e to the power t, |t| <= 150 */
static double exponential(double t)
{
    double n = (t * one_over_ln2 + rounder) - rounder;
    double r = (t - n * ln2_high) - n * ln2_low;
    double sum = 1.0 / 6227020800.0;
    sum = sum * r + 1.0 / 479001600.0;
    sum = sum * r + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 1.0 / 2.0;
    sum = 1.0 + (r + r * r * sum);
    uint64_t bits = (uint64_t)((int64_t)n + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

float rp_canon_pow(float x, float y)
{
    uint32_t infinity = UINT32_C(0x7F800000);
    bool finite =
        rp_canon_bits(x) < infinity && (rp_canon_bits(y) & ~(UINT32_C(1) << 31)) < infinity;
    if (!finite || x == 0.0F)
        return quiet_nan();
    double t = (double)y * logarithm(x);
    if (t > 150.0)
        return rp_canon_float(infinity);
    return t < -150.0 ? 0.0F : (float)exponential(t);
}

void rp_canon_rope_frequencies(float base, float scale, size_t dim, float *frequencies)
{
    for (size_t i = 0; i < dim / 2; i++) {
        float exponent = -(float)(2 * i) / (float)dim;
        frequencies[i] = rp_canon_pow(base, exponent) / scale;
    }
}

void rp_canon_rope_angles(
    uint32_t position, const float *frequencies, size_t count, float *cosines, float *sines)
{
    for (size_t i = 0; i < count; i++) {
        double angle = (double)position * (double)frequencies[i];
        cosines[i] = rp_canon_cos(angle);
        sines[i] = rp_canon_sin(angle);
    }
}
