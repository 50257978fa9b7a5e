/* Compiler attributes, and the assertion that stays on.
 *
 * This is the only header that uses compiler extensions. Both gcc and clang know all of them.
 */
#ifndef RUNTIME_BASE_ATTRIBUTES_H
#define RUNTIME_BASE_ATTRIBUTES_H

/* The caller must look at the result. */
#define RP_MUST_USE __attribute__((warn_unused_result))

/* Argument `string` is a printf format whose arguments start at `first` (0 for a va_list). */
#define RP_PRINTF(string, first) __attribute__((__format__(__printf__, string, first)))

/* Runs `function(&variable)` when the variable leaves its scope. */
#define RP_CLEANUP(function) __attribute__((cleanup(function)))

/* Inlined whatever its size: a kernel's inner loop, whose constant arguments choose its branches. */
#define RP_ALWAYS_INLINE __attribute__((always_inline))

/* Asks for the memory at `p` to be on its way; reads nothing, and any address will do. */
#define RP_FETCH(p) __builtin_prefetch(p)

#define RP_NORETURN __attribute__((noreturn))
#define RP_UNUSED   __attribute__((unused))

/* Whether the processor that runs this has an instruction set, "avx2"; x86-64 only. */
#define RP_CPU_HAS(name) (__builtin_cpu_supports(name) != 0)

/* An invariant of ours. It holds in every build, release included; where it does not, the process
 * ends at once with the place, since going on would spread the damage. Input from outside is never
 * asserted: it gets an rp_status. */
#define RP_ASSERT(condition) \
    ((condition) ? (void)0 : rp_assert_fail(#condition, __FILE__, __LINE__))

RP_NORETURN void rp_assert_fail(const char *condition, const char *file, int line);

#endif
