#include "kernels/cpu/canon/canon.h"

#include <criterion/criterion.h>

#include "runtime/base/attributes.h"

Test(select, every_table_has_a_name_and_is_found_by_it)
{
    const rp_canon_kernels *kernels;
    size_t count = 0;
    for (; (kernels = rp_canon_kernels_at(count)); count++) {
        cr_assert_eq(rp_canon_kernels_named(kernels->name), kernels);
        for (size_t i = 0; i < count; i++)
            cr_assert_str_neq(rp_canon_kernels_at(i)->name, kernels->name);
    }
    cr_assert(count >= 1);
    cr_assert_null(rp_canon_kernels_at(count + 1));
    cr_assert_eq(rp_canon_kernels_best(), rp_canon_kernels_at(0));
}

Test(select, the_norm_is_always_there_and_the_unknown_never)
{
    cr_assert_not_null(rp_canon_kernels_named("scalar"));
    cr_assert_null(rp_canon_kernels_named(""));
    cr_assert_null(rp_canon_kernels_named("sse2"));
    cr_assert_null(rp_canon_kernels_named("AVX2"));
}

/* A table that was left out by mistake is seen. */
Test(select, what_the_processor_has_is_used)
{
#if defined(__x86_64__)
    bool avx2 = RP_CPU_HAS("avx2") && RP_CPU_HAS("fma");
    bool vnni = avx2 && RP_CPU_HAS("avx512vnni") && RP_CPU_HAS("avx512vl");
    cr_assert_eq(rp_canon_kernels_named("avx2") != NULL, avx2);
    cr_assert_eq(rp_canon_kernels_named("avx512") != NULL, vnni);
    cr_assert_not_null(rp_canon_kernels_named("portable"));
#else
    cr_assert_null(rp_canon_kernels_named("avx2"));
    cr_assert_null(rp_canon_kernels_named("avx512"));
#endif
#if defined(__aarch64__) /* run_other's processor has all there is */
    cr_assert_not_null(rp_canon_kernels_named("neon"));
#endif
}
