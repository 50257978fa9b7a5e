/* As much of Criterion as the tests of the canon use, for a machine that has none: run_other. A
 * test is a function without arguments; the first assertion that fails ends the program. */
#ifndef TESTS_UNIT_KERNELS_CPU_CANON_OTHER_CRITERION_CRITERION_H
#define TESTS_UNIT_KERNELS_CPU_CANON_OTHER_CRITERION_CRITERION_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Test(suite, name)               \
    void test__##suite##__##name(void); \
    void test__##suite##__##name(void)

/* Messages are left out: the condition and its place are told. */
#define cr_assert(condition, ...)          ((condition) ? (void)0 : failed(#condition, __FILE__, __LINE__))
#define cr_assert_not(condition, ...)      cr_assert(!(condition))
#define cr_assert_eq(a, b, ...)            cr_assert((a) == (b))
#define cr_assert_null(a, ...)             cr_assert((a) == NULL)
#define cr_assert_not_null(a, ...)         cr_assert((a) != NULL)
#define cr_assert_str_eq(a, b, ...)        cr_assert(strcmp(a, b) == 0)
#define cr_assert_str_neq(a, b, ...)       cr_assert(strcmp(a, b) != 0)
#define cr_assert_arr_eq(a, b, bytes, ...) cr_assert(memcmp(a, b, bytes) == 0)

static inline void failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, condition);
    exit(1);
}

#endif
