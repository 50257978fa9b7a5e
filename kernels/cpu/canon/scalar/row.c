/* What runs over one row of activations. */
#include "kernels/cpu/canon/scalar/scalar.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/canon/scalar/elementary.h"

/* The largest magnitude as bits: for floats without a sign, bits order like values, and infinity
 * and NaN come out on top. */
static uint32_t magnitude_max(const float *x)
{
    uint32_t top = 0;
    for (size_t i = 0; i < RP_CANON_BLOCK; i++) {
        uint32_t magnitude = rp_canon_bits(x[i]) & UINT32_C(0x7FFFFFFF);
        top = magnitude > top ? magnitude : top;
    }
    return top;
}

bool RP__SCALAR(quantise)(const float *x, size_t cols, int16_t *q, float *scale, int32_t *sum)
{
    const float rounder = 0x1.8p23F; /* added, it leaves the nearest integer in the low bits */
    bool finite = true;
    for (size_t b = 0; b < cols / RP_CANON_BLOCK; b++, x += RP_CANON_BLOCK, q += RP_CANON_BLOCK) {
        uint32_t top = magnitude_max(x);
        float amax = rp_canon_float(top);
        bool usable = top < UINT32_C(0x7F800000);
        finite = finite && usable;
        if (!usable || amax < 0x1p-100F) {
            memset(q, 0, RP_CANON_BLOCK * sizeof *q);
            scale[b] = 0.0F;
            sum[b] = 0;
            continue;
        }
        float inverse = (float)RP_CANON_Q_MAX / amax;
        int32_t total = 0;
        for (size_t i = 0; i < RP_CANON_BLOCK; i++) {
            uint32_t shifted = rp_canon_bits(x[i] * inverse + rounder);
            int32_t value = (int32_t)(shifted - rp_canon_bits(rounder));
            q[i] = (int16_t)value;
            total += value;
        }
        scale[b] = amax / (float)RP_CANON_Q_MAX;
        sum[b] = total;
    }
    return finite;
}

void RP__SCALAR(rms_norm)(const float *x, const float *weight, size_t n, float epsilon, float *out)
{
    float mean = RP__SCALAR(dot)(x, x, n) / (float)n;
    float inverse = 1.0F / sqrtf(mean + epsilon);
    for (size_t i = 0; i < n; i++)
        out[i] = (x[i] * inverse) * weight[i];
}

void RP__SCALAR(rope)(float *x, size_t n, const float *cosines, const float *sines)
{
    size_t half = n / 2;
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = rp_canon_fma(a, cosines[i], -(b * sines[i]));
        x[i + half] = rp_canon_fma(a, sines[i], b * cosines[i]);
    }
}

void RP__SCALAR(gelu_tanh)(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float g = gate[i];
        float inner = g * rp_canon_fma(0.044715F * g, g, 1.0F);
        out[i] = ((0.5F * g) * (1.0F + rp__tanh(0x1.988454p-1F * inner))) * up[i];
    }
}

void RP__SCALAR(silu)(const float *gate, const float *up, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float g = gate[i];
        out[i] = (g / (1.0F + rp__exp(-g))) * up[i];
    }
}

float RP__SCALAR(exp_sum)(const float *x, size_t n, float shift, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rp__exp(x[i] - shift);
    return RP__SCALAR(sum)(out, n);
}

void RP__SCALAR(exp)(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rp__exp(x[i]);
}

void RP__SCALAR(tanh)(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rp__tanh(x[i]);
}

void RP__SCALAR(erf)(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rp__erf(x[i]);
}
