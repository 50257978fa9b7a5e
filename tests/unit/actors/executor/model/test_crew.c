#include "actors/executor/model/crew.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <criterion/criterion.h>

enum { PIECES = 1000 };

typedef struct job {
    atomic_uint done[PIECES];
    atomic_uint on_thread[8];
    size_t grain;
    unsigned threads;
    atomic_bool wrong;
} job;

static void mark(void *arg, unsigned thread, size_t first, size_t count)
{
    job *j = arg;
    if (thread >= j->threads || count == 0 || (count > j->grain && j->threads > 1))
        atomic_store(&j->wrong, true);
    if (atomic_fetch_add(&j->on_thread[thread], 1) != 0)
        atomic_store(&j->wrong, true); /* two run at once under one number */
    for (size_t i = first; i < first + count; i++)
        atomic_fetch_add(&j->done[i], 1);
    atomic_fetch_sub(&j->on_thread[thread], 1);
}

static void nap(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

Test(crew, every_piece_is_done_once)
{
    static job j;
    for (unsigned threads = 1; threads <= 4; threads++) {
        rp_crew *crew;
        cr_assert_eq(rp_crew_new(threads, NULL, &crew, NULL), RP_OK);
        cr_assert_eq(rp_crew_threads(crew), threads);
        for (unsigned round = 0; round < 400; round++) {
            size_t count = round * 7 % (PIECES + 1), grain = 1 + round % 13;
            for (size_t i = 0; i < PIECES; i++)
                atomic_store(&j.done[i], 0);
            j.threads = count <= grain ? 1 : threads;
            j.grain = grain;
            rp_crew_run(crew, count, grain, mark, &j);
            for (size_t i = 0; i < PIECES; i++)
                cr_assert_eq(atomic_load(&j.done[i]), i < count ? 1 : 0);
            cr_assert_not(atomic_load(&j.wrong));
        }
        rp_crew_free(crew);
    }
}

static size_t threads_of_process(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    cr_assert(tasks);
    while (readdir(tasks))
        count++;
    closedir(tasks);
    return count;
}

/* As an executor in the simulator, which has one thread. */
Test(crew, of_one_starts_no_thread)
{
    size_t before = threads_of_process();
    for (unsigned threads = 1; threads <= 2; threads++) {
        rp_crew *crew;
        cr_assert_eq(rp_crew_new(threads, NULL, &crew, NULL), RP_OK);
        if (threads == 1)
            cr_expect_eq(threads_of_process(), before);
        else /* the thread sanitizer starts one of its own with the first */
            cr_expect_geq(threads_of_process(), before + 1);
        rp_crew_free(crew);
    }
}

static void be_slow(void *arg, unsigned thread, size_t first, size_t count)
{
    (void)first;
    (void)count;
    atomic_uint *seen = arg;
    atomic_fetch_or(seen, 1U << thread);
    nap(3000000);
}

/* Also after a while without work, in which helpers have gone to sleep. */
Test(crew, helpers_take_part_and_are_woken)
{
    rp_crew *crew;
    cr_assert_eq(rp_crew_new(3, NULL, &crew, NULL), RP_OK);
    for (int round = 0; round < 4; round++) {
        atomic_uint seen = 0;
        rp_crew_run(crew, 40, 1, be_slow, &seen);
        cr_assert_eq(atomic_load(&seen), 7);
        nap(20000000);
    }
    rp_crew_free(crew);
}

/* The helper holds its grain for a long time, the caller has nothing left to do. */
static void be_slow_as_helper(void *arg, unsigned thread, size_t first, size_t count)
{
    (void)first;
    (void)count;
    atomic_uint *helped = arg;
    if (thread == 0) {
        while (atomic_load(helped) == 0)
            nap(100000);
        return;
    }
    atomic_store(helped, 1);
    nap(200000000);
    atomic_store(helped, 2);
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    cr_assert_eq(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

Test(crew, who_waits_leaves_the_processor)
{
    rp_crew *crew;
    cr_assert_eq(rp_crew_new(2, NULL, &crew, NULL), RP_OK);
    for (int round = 0; round < 3; round++) {
        atomic_uint helped = 0;
        uint64_t before = thread_cpu_ns();
        rp_crew_run(crew, 2, 1, be_slow_as_helper, &helped);
        cr_expect_eq(atomic_load(&helped), 2, "it was waited for");
        cr_expect(thread_cpu_ns() - before < 100000000, "asleep for most of 200 ms");
    }
    rp_crew_free(crew);
}

Test(crew, limits_and_processors)
{
    rp_crew *crew;
    rp_error error = {0};
    cr_assert_eq(rp_crew_new(0, NULL, &crew, &error), RP_LIMIT);
    cr_assert_eq(rp_crew_new(257, NULL, &crew, &error), RP_LIMIT);
    cr_assert_str_eq(error.field, "threads");
    int nowhere[] = {-1};
    cr_assert_eq(rp_crew_new(2, nowhere, &crew, &error), RP_IO);
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    int here[1] = {0};
    while (!CPU_ISSET((unsigned)here[0], &set))
        here[0]++;
    cr_assert_eq(rp_crew_new(2, here, &crew, NULL), RP_OK);
    rp_crew_free(crew);
    rp_crew_free(NULL);
}
