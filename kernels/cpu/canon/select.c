#include "kernels/cpu/canon/canon.h"

#include <string.h>

#include "runtime/base/attributes.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

extern const rp_canon_kernels rp__scalar_portable_kernels;

/* A table and whether this machine can run it. RP_CPU_HAS answers no where the operating system
 * does not keep the registers (it asks XGETBV). */
typedef struct choice {
    const rp_canon_kernels *kernels;
    bool possible;
} choice;

enum { CHOICES = 4 };

#if defined(__x86_64__)
extern const rp_canon_kernels rp__vector_avx512_kernels, rp__vector_avx2_kernels;
extern const rp_canon_kernels rp__scalar_fma_kernels;

/* It uses the registers of AVX. Asking the processor itself takes tens of microseconds in a virtual
 * machine; clang 14 knows no other way. */
static bool has_f16c(void)
{
#if defined(__clang__)
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
#else
    return RP_CPU_HAS("f16c");
#endif
}

static void list(choice ret[CHOICES])
{
    bool avx2 = RP_CPU_HAS("avx2") && RP_CPU_HAS("fma") && has_f16c();
    bool avx512 = avx2 && RP_CPU_HAS("avx512f") && RP_CPU_HAS("avx512bw") &&
                  RP_CPU_HAS("avx512dq") && RP_CPU_HAS("avx512vl") && RP_CPU_HAS("avx512vnni");
    ret[0] = (choice){&rp__vector_avx512_kernels, avx512};
    ret[1] = (choice){&rp__vector_avx2_kernels, avx2};
    ret[2] = (choice){&rp__scalar_fma_kernels, avx2};
    ret[3] = (choice){&rp__scalar_portable_kernels, true};
}
#elif defined(__aarch64__) && defined(__linux__)
extern const rp_canon_kernels rp__vector_neon_kernels;

static void list(choice ret[CHOICES])
{
    memset(ret, 0, CHOICES * sizeof *ret);
    ret[0] = (choice){&rp__vector_neon_kernels, (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0};
    ret[1] = (choice){&rp__scalar_portable_kernels, true};
}
#else
static void list(choice ret[CHOICES])
{
    memset(ret, 0, CHOICES * sizeof *ret);
    ret[0] = (choice){&rp__scalar_portable_kernels, true};
}
#endif

const rp_canon_kernels *rp_canon_kernels_at(size_t index)
{
    choice choices[CHOICES];
    list(choices);
    for (size_t i = 0; i < CHOICES; i++) {
        if (choices[i].possible && index-- == 0)
            return choices[i].kernels;
    }
    return NULL;
}

const rp_canon_kernels *rp_canon_kernels_named(const char *name)
{
    const rp_canon_kernels *kernels;
    bool norm = strcmp(name, "scalar") == 0; /* the fastest build of it: portable, if need be */
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++) {
        if (strcmp(kernels->name, name) == 0 || (norm && kernels->arrangement == RP_CANON_PLAIN))
            return kernels;
    }
    return NULL;
}
