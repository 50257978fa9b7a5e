#include "kernels/cpu/canon/thread.h"

#include <float.h>

#if defined(__x86_64__)
#include <xmmintrin.h>

enum { MXCSR_CANON = 0x1F80 }; /* every trap masked, round to nearest even, nothing flushed */
#endif

bool rp_canon_thread_enter(void)
{
#if defined(__x86_64__)
    _mm_setcsr(MXCSR_CANON);
#endif
    return rp_canon_thread_check();
}

bool rp_canon_thread_check(void)
{
    volatile float one = 1.0F, half_ulp = FLT_EPSILON / 2, tiny = FLT_MIN, half = 0.5F;
    /* ties go to even, for both signs: tells all four rounding modes apart */
    volatile float even = one + half_ulp;
    volatile float up = (one + FLT_EPSILON) + half_ulp;
    volatile float down = -one - half_ulp;
    if (even != 1.0F || up != 1.0F + 2 * FLT_EPSILON || down != -1.0F)
        return false;
    /* a subnormal result is kept, and so is a subnormal operand */
    volatile float subnormal = tiny * half;
    volatile float back = subnormal + subnormal;
    return subnormal != 0.0F && back == FLT_MIN;
}
