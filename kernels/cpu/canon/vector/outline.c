/* The first pass of the half-byte head: outline.h. */
#include "kernels/cpu/canon/outline.h"

#include "kernels/cpu/canon/vector/lanes.h"
#include "kernels/cpu/canon/vector/vector.h"

enum { LANES = RP_CANON_LANES };

void RP__VECTOR(outline)(const rp_canon_outline *o, size_t first, size_t count)
{
    const lanes third = lanes_set(RP_CANON_OUTLINE_THIRD), kappa = lanes_set(o->kappa);
    for (size_t g = first; g < first + count; g++) {
        const uint8_t *p = o->halves + g * o->group_bytes, *q = (const uint8_t *)o->q;
        lanes value = lanes_zero(), slack = lanes_zero();
        for (size_t b = 0; b < o->blocks; b++, p += RP_CANON_OUTLINE_BLOCK, q += 64) {
            const uint8_t *w = p + 48;
            lanes d = lanes_half(p), bytes = lanes_unsigned(p + 32);
            dots sum = dots_start();
            for (size_t i = 0; i < 4; i++, w += RP_CANON_VECTOR) {
                dots_add(&sum, codes_low(w), q, 2 * i);
                dots_add(&sum, codes_high(w), q, 2 * i + 1);
            }
            lanes h = lanes_of_counts(dots_end(&sum, 8, o->sum[b]));
            value = lanes_fma(lanes_mul(d, lanes_set(o->scale[b])), h, value);
            lanes size = lanes_mul(lanes_signed_as(d, d), lanes_set(o->norms[b]));
            slack = lanes_fma(lanes_fma(bytes, third, kappa), size, slack);
        }
        lanes_store(o->values + LANES * g, lanes_mul(value, lanes_set(16.0F)));
        lanes_store(o->slack + LANES * g,
            lanes_fma(slack, lanes_set(o->widen), lanes_set(RP_CANON_OUTLINE_LEAST)));
    }
}
