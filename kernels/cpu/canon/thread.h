/* The float environment of a compute thread.
 *
 * Canon 1 needs IEEE arithmetic as it comes: round to nearest even, subnormals kept on input and on
 * output, no traps. Somebody's library may have changed that for a thread (flush to zero, as
 * fast-math start-up code sets it), so a compute thread enters through here before it computes, and
 * the engine checks again after each pass.
 */
#ifndef KERNELS_CPU_CANON_THREAD_H
#define KERNELS_CPU_CANON_THREAD_H

#include <stdbool.h>

/* Sets the calling thread's float environment where we know how (x86-64: MXCSR), then checks it.
 * False where it is still wrong: the thread must not compute. */
bool rp_canon_thread_enter(void);

/* Whether the calling thread's float environment is the canon's, found by computing. */
bool rp_canon_thread_check(void);

#endif
