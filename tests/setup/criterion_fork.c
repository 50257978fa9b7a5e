/* Runs Criterion tests under the thread sanitizer, which Criterion's own runner cannot.
 *
 * Criterion starts each test in a process that shares an arena at a fixed address with the runner;
 * the sanitizer keeps that part of the address space for itself, and the arena cannot be made. This
 * file takes the runner's place, and no test changes: linked into a test binary, its main and its
 * few functions win over those of the library. The tests that the binary registered are found as
 * Criterion finds them, each runs in a child made by fork, and the output has Criterion's form, so
 * that whoever reads one reads the other. Assertions, fixtures, expected signals and exit codes,
 * time-outs, skipping and parameterized tests work; theories do not. Built into the tests of the
 * tsan preset only (cmake/Dependencies.cmake).
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child tells of its test; shared with it, for it may end at any moment. */
typedef struct verdict {
    bool failed, skipped;
    char reason[256];
} verdict;

typedef struct totals {
    unsigned tested, passed, failed, crashed;
} totals;

/* The sections in which Criterion's macros register; their bounds are the linker's. A binary may
 * have no suite, and then has no such section. */
#pragma weak __start_cr_sts
#pragma weak __stop_cr_sts
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[], *__stop_cr_sts[];

/* In a child: the test that it runs. */
static struct {
    const struct criterion_test *test;
    const struct criterion_suite *suite;
    void *parameter;
    verdict *verdict;
} now;

/* -- what Criterion's macros call -------------------------------------------------------------- */

void criterion_internal_test_setup(void)
{
    if (now.suite && now.suite->data->init)
        now.suite->data->init();
    if (now.test->data->init)
        now.test->data->init();
}

void criterion_internal_test_main(void (*function)(void))
{
    if (now.test->data->kind_ == CR_TEST_PARAMETERIZED)
        ((void (*)(void *))function)(now.parameter);
    else
        function();
}

void criterion_internal_test_teardown(void)
{
    if (now.test->data->fini)
        now.test->data->fini();
    if (now.suite && now.suite->data->fini)
        now.suite->data->fini();
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (stats->passed)
        return;
    now.verdict->failed = true;
    fprintf(stderr, "[----] %s:%u: Assertion Failed\n[----]   %s\n", stats->file, stats->line,
        stats->message ? stats->message : "");
}

void criterion_abort_test(void)
{
    now.verdict->failed = true;
    exit(EXIT_FAILURE);
}

void criterion_continue_test(void)
{
}

void criterion_skip_test(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(now.verdict->reason, sizeof now.verdict->reason, format, arguments);
    va_end(arguments);
    now.verdict->skipped = true;
    exit(EXIT_SUCCESS);
}

void criterion_test_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    criterion_abort_test();
}

void cr_log(enum criterion_severity severity, const char *format, ...)
{
    (void)severity;
    va_list arguments;
    va_start(arguments, format);
    fputs("[----] ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void cri_asserts_passed_incr(void)
{
}

void *cr_malloc(size_t size)
{
    return malloc(size);
}

void *cr_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *cr_realloc(void *memory, size_t size)
{
    return realloc(memory, size);
}

void cr_free(void *memory)
{
    free(memory);
}

/* -- the runner -------------------------------------------------------------------------------- */

static const struct criterion_suite *suite_of(const struct criterion_test *test)
{
    for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
        if (*suite && !strcmp((*suite)->name, test->category))
            return *suite;
    return NULL;
}

static void child_run(void)
{
    double seconds = now.test->data->timeout;
    if (!(seconds > 0) && now.suite)
        seconds = now.suite->data->timeout;
    if (seconds > 0)
        alarm(
            (unsigned)ceil(seconds * 15)); /* the sanitizer makes all of it 5 to 15 times slower */
    now.test->test();
    exit(EXIT_SUCCESS);
}

/* How a finished child's test went; NULL when well. */
static const char *wrong_with(const struct criterion_test *test, int status)
{
    int signal_wanted = test->data->signal, code_wanted = test->data->exit_code;
    if (now.verdict->skipped)
        return NULL;
    if (now.verdict->failed)
        return "assertion failed";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM && signal_wanted != SIGALRM)
        return "timed out";
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == signal_wanted ? NULL : "CRASH!";
    if (signal_wanted)
        return "the expected signal did not come";
    return WEXITSTATUS(status) == code_wanted ? NULL : "unexpected exit code";
}

static void run_one(const struct criterion_test *test, void *parameter, totals *sum)
{
    memset(now.verdict, 0, sizeof *now.verdict);
    now.test = test;
    now.suite = suite_of(test);
    now.parameter = parameter;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        child_run();
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(EXIT_FAILURE);
    }
    if (now.verdict->skipped) {
        fprintf(stderr, "[SKIP] %s::%s: %s\n", test->category, test->name, now.verdict->reason);
        return;
    }
    const char *wrong = wrong_with(test, status);
    sum->tested++;
    sum->passed += !wrong;
    sum->failed += !!wrong;
    sum->crashed += wrong && WIFSIGNALED(status);
    if (wrong)
        fprintf(
            stderr, "[FAIL] %s::%s: %s (status %d)\n", test->category, test->name, wrong, status);
    else
        fprintf(stderr, "[PASS] %s::%s\n", test->category, test->name);
}

static void run_all_parameters(const struct criterion_test *test, totals *sum)
{
    struct criterion_test_params all = test->data->param_();
    for (size_t i = 0; i < all.length; i++)
        run_one(test, (char *)all.params + i * all.size, sum);
    if (all.cleanup)
        all.cleanup(&all);
}

int main(void)
{
    totals sum = {0};
    now.verdict =
        mmap(NULL, sizeof *now.verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (now.verdict == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    for (struct criterion_test **each = __start_cr_tst; each < __stop_cr_tst; each++) {
        const struct criterion_test *test = *each;
        const struct criterion_suite *suite = suite_of(test);
        if (test->data->disabled || (suite && suite->data->disabled))
            fprintf(stderr, "[SKIP] %s::%s: Test is disabled\n", test->category, test->name);
        else if (test->data->kind_ == CR_TEST_PARAMETERIZED)
            run_all_parameters(test, &sum);
        else
            run_one(test, NULL, &sum);
    }
    fprintf(stderr, "[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u\n",
        sum.tested, sum.passed, sum.failed, sum.crashed);
    return sum.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
