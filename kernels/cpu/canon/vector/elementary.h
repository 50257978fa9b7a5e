/* The elementary functions of scalar/elementary.h, which says what they are, on sixteen lanes:
 * the same operations in the same order, the same coefficients. */
#ifndef KERNELS_CPU_CANON_VECTOR_ELEMENTARY_H
#define KERNELS_CPU_CANON_VECTOR_ELEMENTARY_H

#include "kernels/cpu/canon/vector/lanes.h"

/* p * x + c */
static inline lanes lanes_step(lanes p, lanes x, float c)
{
    return lanes_fma(p, x, lanes_set(c));
}

static inline lanes lanes_exp(lanes x)
{
    const float rounder = 0x1.8p23F;
    lanes t = lanes_less(x, lanes_set(-105.0F), lanes_set(-105.0F), x);
    t = lanes_less(lanes_set(89.0F), t, lanes_set(89.0F), t);
    lanes shifted = lanes_fma(t, lanes_set(0x1.715476p+0F), lanes_set(rounder));
    lanes n = lanes_sub(shifted, lanes_set(rounder));
    lanes r = lanes_fma(n, lanes_set(-0x1.62e4p-1F), t);
    r = lanes_fma(n, lanes_set(-0x1.7f7d1cp-20F), r);
    lanes p = lanes_set(0x1.6a2430p-10F);
    p = lanes_step(p, r, 0x1.1239e4p-7F);
    p = lanes_step(p, r, 0x1.5558f2p-5F);
    p = lanes_step(p, r, 0x1.555492p-3F);
    p = lanes_step(p, r, 0x1.fffffcp-2F);
    p = lanes_add(lanes_fma(p, lanes_mul(r, r), r), lanes_set(1.0F));
    return lanes_scale_exponent(p, shifted, rounder, x);
}

static inline lanes lanes_tanh(lanes x)
{
    lanes u = lanes_mul(x, x), one = lanes_set(1.0F);
    lanes p = lanes_set(-0x1.75e1a8p-8F);
    p = lanes_step(p, u, 0x1.522692p-6F);
    p = lanes_step(p, u, -0x1.b83c58p-5F);
    p = lanes_step(p, u, 0x1.110726p-3F);
    p = lanes_step(p, u, -0x1.555532p-2F);
    lanes near = lanes_fma(lanes_mul(p, u), x, x);
    lanes magnitude = lanes_signed_as(x, x);
    lanes e = lanes_exp(lanes_add(magnitude, magnitude));
    lanes far = lanes_sub(one, lanes_div(lanes_set(2.0F), lanes_add(e, one)));
    far = lanes_signed_as(far, x);
    return lanes_less(magnitude, lanes_set(0.625F), near, far);
}

static inline lanes lanes_erf(lanes x)
{
    lanes u = lanes_mul(x, x), one = lanes_set(1.0F);
    lanes p = lanes_set(0x1.496a28p-14F);
    p = lanes_step(p, u, -0x1.a3f6fcp-11F);
    p = lanes_step(p, u, 0x1.5405b2p-8F);
    p = lanes_step(p, u, -0x1.b7f90cp-6F);
    p = lanes_step(p, u, 0x1.ce2cf8p-4F);
    p = lanes_step(p, u, -0x1.81273ep-2F);
    p = lanes_step(p, u, 0x1.06eba8p-3F);
    lanes near = lanes_fma(p, x, x);
    lanes magnitude = lanes_signed_as(x, x);
    lanes a = lanes_less(lanes_set(4.0F), magnitude, lanes_set(4.0F), magnitude);
    lanes q = lanes_set(0x1.6c06a6p-16F);
    q = lanes_step(q, a, -0x1.ceeafcp-12F);
    q = lanes_step(q, a, 0x1.1398fep-8F);
    q = lanes_step(q, a, -0x1.9d0bd6p-6F);
    q = lanes_step(q, a, 0x1.bc18d0p-4F);
    q = lanes_step(q, a, 0x1.4434f0p-1F);
    q = lanes_step(q, a, 0x1.212c2cp+0F);
    q = lanes_step(q, a, -0x1.8b3edep-13F);
    lanes far = lanes_sub(one, lanes_exp(lanes_negative(q)));
    far = lanes_signed_as(far, x);
    return lanes_less(magnitude, one, near, far);
}

static inline lanes lanes_gelu_tanh(lanes g)
{
    lanes one = lanes_set(1.0F);
    lanes inner = lanes_mul(g, lanes_fma(lanes_mul(lanes_set(0.044715F), g), g, one));
    lanes turned = lanes_add(one, lanes_tanh(lanes_mul(lanes_set(0x1.988454p-1F), inner)));
    return lanes_mul(lanes_mul(lanes_set(0.5F), g), turned);
}

static inline lanes lanes_silu(lanes g)
{
    return lanes_div(g, lanes_add(lanes_set(1.0F), lanes_exp(lanes_negative(g))));
}

#endif
