#include "kernels/cpu/canon/canon.h"

#include "runtime/base/attributes.h"

extern const rp_canon_kernels rp__scalar_portable_kernels;

#if defined(__x86_64__)
extern const rp_canon_kernels rp__scalar_fma_kernels;

const rp_canon_kernels *rp_canon_kernels_at(size_t index)
{
    bool fma = RP_CPU_HAS("avx2") && RP_CPU_HAS("fma");
    if (fma && index == 0)
        return &rp__scalar_fma_kernels;
    return index == (fma ? 1 : 0) ? &rp__scalar_portable_kernels : NULL;
}
#else
const rp_canon_kernels *rp_canon_kernels_at(size_t index)
{
    return index == 0 ? &rp__scalar_portable_kernels : NULL;
}
#endif
