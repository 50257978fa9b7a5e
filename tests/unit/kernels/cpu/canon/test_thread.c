#include "kernels/cpu/canon/thread.h"

#include <fenv.h>

#include <criterion/criterion.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

Test(thread, a_fresh_thread_is_in_order)
{
    cr_assert(rp_canon_thread_check());
    cr_assert(rp_canon_thread_enter());
}

Test(thread, another_rounding_is_seen_and_mended)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(fesetround(modes[i]), 0);
        cr_assert_not(rp_canon_thread_check(), "mode %zu", i);
        fesetround(FE_TONEAREST);
        cr_assert(rp_canon_thread_enter());
    }
}

#if defined(__x86_64__)
Test(thread, flushing_to_zero_is_seen_and_mended)
{
    _mm_setcsr(0x1F80 | 0x8000); /* results */
    cr_assert_not(rp_canon_thread_check());
    cr_assert(rp_canon_thread_enter());
    _mm_setcsr(0x1F80 | 0x0040); /* operands */
    cr_assert_not(rp_canon_thread_check());
    cr_assert(rp_canon_thread_enter());
}
#endif
