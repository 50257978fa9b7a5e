/* The first pass of the half-byte head: outline.h. */
#include "kernels/cpu/canon/outline.h"

#include "kernels/cpu/canon/fma.h"
#include "kernels/cpu/canon/half.h"
#include "kernels/cpu/canon/pack.h"
#include "kernels/cpu/canon/scalar/scalar.h"
#include "runtime/base/bytes.h"

/* Row r's sum of (code - 8) * q over the block at p. */
static int32_t dot(const uint8_t *p, size_t r, const int16_t *q)
{
    int32_t sum = 0;
    for (size_t i = 0; i < RP_CANON_BLOCK; i++) {
        uint8_t two = p[48 + RP_CANON_VECTOR * (i / 8) + 4 * r + i % 4];
        sum += ((i % 8 < 4 ? two & 15 : two >> 4) - 8) * (int32_t)q[i];
    }
    return sum;
}

void RP__SCALAR(outline)(const rp_canon_outline *o, size_t first, size_t count)
{
    for (size_t row = first * RP_CANON_GROUP; row < (first + count) * RP_CANON_GROUP; row++) {
        size_t r = row % RP_CANON_GROUP;
        const uint8_t *p = o->halves + row / RP_CANON_GROUP * o->group_bytes;
        float value = 0.0F, slack = 0.0F;
        for (size_t b = 0; b < o->blocks; b++, p += RP_CANON_OUTLINE_BLOCK) {
            float d = rp_canon_from_f16(rp_load_u16(p + 2 * r));
            float h = (float)dot(p, r, o->q + RP_CANON_BLOCK * b);
            value = rp_canon_fma(d * o->scale[b], h, value);
            float size = (d < 0.0F ? -d : d) * o->norms[b];
            float rest = rp_canon_fma((float)p[32 + r], RP_CANON_OUTLINE_THIRD, o->kappa);
            slack = rp_canon_fma(rest, size, slack);
        }
        o->values[row] = value * 16.0F;
        o->slack[row] = rp_canon_fma(slack, o->widen, RP_CANON_OUTLINE_LEAST);
    }
}
