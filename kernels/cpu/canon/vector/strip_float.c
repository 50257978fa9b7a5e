/* Sixteen rows of float weights and some rows of activations: an output is one chain of fused
 * multiply-adds over all columns, so several chains run next to each other to keep the processor
 * busy: those of several rows of activations, or of several groups where there is one row. */
#include "kernels/cpu/canon/vector/lanes.h"
#include "kernels/cpu/canon/vector/vector.h"

#include "runtime/base/attributes.h"

RP_ALWAYS_INLINE static inline lanes column(rp_canon_type type, const uint8_t *p, size_t k)
{
    if (type == RP_CANON_F32)
        return lanes_load((const float *)(const void *)(p + 64 * k));
    return type == RP_CANON_F16 ? lanes_half(p + 32 * k) : lanes_brain(p + 32 * k);
}

RP_ALWAYS_INLINE static inline void rows_of(
    rp_canon_type type, size_t n, const rp__strip *strip, const rp__inputs *x, float *sums)
{
    lanes acc[RP__CHAINS];
    for (size_t t = 0; t < n; t++)
        acc[t] = lanes_load(sums + RP_CANON_LANES * t);
    for (size_t k = 0; k < strip->cols; k++) {
        lanes w = column(type, strip->packed, k);
        for (size_t t = 0; t < n; t++)
            acc[t] = lanes_fma(w, lanes_set(x->x[t * x->stride + k]), acc[t]);
    }
    for (size_t t = 0; t < n; t++)
        lanes_store(sums + RP_CANON_LANES * t, acc[t]);
}

RP_ALWAYS_INLINE static inline void groups_of(rp_canon_type type, const rp__strip *strip,
    size_t group_bytes, const rp__inputs *x, float *sums)
{
    lanes acc[RP__CHAINS];
    for (size_t g = 0; g < RP__CHAINS; g++)
        acc[g] = lanes_load(sums + RP_CANON_LANES * g);
    for (size_t k = 0; k < strip->cols; k++) {
        lanes factor = lanes_set(x->x[k]);
        for (size_t g = 0; g < RP__CHAINS; g++)
            acc[g] = lanes_fma(column(type, strip->packed + g * group_bytes, k), factor, acc[g]);
    }
    for (size_t g = 0; g < RP__CHAINS; g++)
        lanes_store(sums + RP_CANON_LANES * g, acc[g]);
}

RP_ALWAYS_INLINE static inline void strip_of(
    rp_canon_type type, const rp__strip *strip, const rp__inputs *x, size_t count, float *sums)
{
    if (count == RP__CHAINS)
        rows_of(type, RP__CHAINS, strip, x, sums);
    else if (count == 1)
        rows_of(type, 1, strip, x, sums);
    else if (count == 2)
        rows_of(type, 2, strip, x, sums);
    else
        rows_of(type, 3, strip, x, sums);
}

void RP__VECTOR(strip_float)(
    rp_canon_type type, const rp__strip *strip, const rp__inputs *inputs, size_t count, float *sums)
{
    if (type == RP_CANON_F32)
        strip_of(RP_CANON_F32, strip, inputs, count, sums);
    else if (type == RP_CANON_F16)
        strip_of(RP_CANON_F16, strip, inputs, count, sums);
    else
        strip_of(RP_CANON_BF16, strip, inputs, count, sums);
}

void RP__VECTOR(groups_float)(rp_canon_type type, const rp__strip *strip, size_t group_bytes,
    const rp__inputs *inputs, float *sums)
{
    if (type == RP_CANON_F32)
        groups_of(RP_CANON_F32, strip, group_bytes, inputs, sums);
    else if (type == RP_CANON_F16)
        groups_of(RP_CANON_F16, strip, group_bytes, inputs, sums);
    else
        groups_of(RP_CANON_BF16, strip, group_bytes, inputs, sums);
}
