/* The host on libuv: timers, and jobs on threads of their own. */
#include "runtime/actor/process/host_uv.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

enum { JOBS_MAX = 8 };

typedef struct bench {
    uv_loop_t loop;
    rp_host *host;
    atomic_size_t starts; /* threads that began */
    uv_sem_t gate, entered;
    size_t fired, done;
    char order[64];
    rp_timer *timer;
} bench;

static bench b;

static void on_start(void *arg, size_t thread)
{
    cr_assert_lt(thread, 4);
    atomic_fetch_add(&((bench *)arg)->starts, 1);
}

static void open_with(size_t threads)
{
    cr_assert_eq(uv_loop_init(&b.loop), 0);
    cr_assert_eq(uv_sem_init(&b.gate, 0), 0);
    cr_assert_eq(uv_sem_init(&b.entered, 0), 0);
    rp_host_uv_spec spec = {.loop = &b.loop,
        .clock = rp_clock_system(),
        .threads = threads,
        .jobs_max = JOBS_MAX,
        .thread_start = on_start,
        .arg = &b};
    cr_assert_eq(rp_host_uv_new(&spec, &b.host), RP_OK);
    cr_assert_eq(rp_host_threads(b.host), threads);
}

/* Every handle must be closed by then. */
static void close_all(void)
{
    rp_host_free(b.host);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&b.loop), 0);
    uv_sem_destroy(&b.gate);
    uv_sem_destroy(&b.entered);
}

/* -- timers ------------------------------------------------------------------------------------ */

static void on_timer(void *arg)
{
    ((bench *)arg)->fired++;
}

static void on_third(void *arg)
{
    bench *on = arg;
    if (++on->fired == 3)
        rp_timer_clear(on->timer);
}

static void on_stop(void *arg)
{
    (void)arg;
    uv_stop(&b.loop);
}

/* Turns the loop for so long. */
static void turn(uint64_t ms)
{
    rp_timer *end;
    cr_assert_eq(rp_timer_new(b.host, on_stop, NULL, &end), RP_OK);
    rp_timer_set(end, ms * RP_NS_PER_MS, 0);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    rp_timer_free(end);
}

Test(host_uv, timer_fires_once_or_again_and_again_until_cleared)
{
    open_with(1);
    rp_timer *once;
    cr_assert_eq(rp_timer_new(b.host, on_timer, &b, &once), RP_OK);
    turn(5);
    cr_expect_eq(b.fired, 0, "not set yet");
    uint64_t start_ns = rp_clock_monotonic_ns(rp_clock_system());
    rp_timer_set(once, 20 * RP_NS_PER_MS, 0);
    while (b.fired == 0)
        uv_run(&b.loop, UV_RUN_ONCE);
    /* libuv's clock counts whole milliseconds. */
    cr_expect_geq(rp_clock_monotonic_ns(rp_clock_system()) - start_ns, 19 * RP_NS_PER_MS);
    turn(30);
    cr_expect_eq(b.fired, 1);
    rp_timer_set(once, 1, 0); /* rounded up, not down to at once */
    rp_timer_clear(once);
    turn(10);
    cr_expect_eq(b.fired, 1);
    rp_timer_free(once);
    b.fired = 0;
    cr_assert_eq(rp_timer_new(b.host, on_third, &b, &b.timer), RP_OK);
    rp_timer_set(b.timer, 0, RP_NS_PER_MS);
    turn(100);
    cr_expect_eq(b.fired, 3);
    rp_timer_set(b.timer, 0, 0);
    rp_timer_free(b.timer); /* set, and yet it does not come */
    turn(10);
    cr_expect_eq(b.fired, 3);
    rp_timer_free(NULL);
    close_all();
}

static void on_letter(void *arg)
{
    b.order[b.done++] = *(const char *)arg;
}

/* libuv's grain is a millisecond: the least delay is one whole, and comes behind none at all. */
Test(host_uv, delays_are_rounded_up)
{
    rp_timer *least, *none;
    uint64_t began_ms;
    open_with(1);
    cr_assert_eq(rp_timer_new(b.host, on_letter, "1", &least), RP_OK);
    cr_assert_eq(rp_timer_new(b.host, on_letter, "0", &none), RP_OK);
    do { /* within one millisecond */
        rp_timer_set(least, 1, 0);
        began_ms = uv_now(&b.loop);
        rp_timer_set(none, 0, 0);
    } while (uv_now(&b.loop) != began_ms);
    while (b.done < 2)
        uv_run(&b.loop, UV_RUN_ONCE);
    cr_expect_str_eq(b.order, "01");
    rp_timer_free(least);
    rp_timer_free(none);
    close_all();
}

/* -- jobs -------------------------------------------------------------------------------------- */

typedef struct job {
    char letter;
    size_t thread;
    bool waits; /* at the gate */
} job;

static void run(void *arg, size_t thread)
{
    job *j = arg;
    j->thread = thread;
    uv_sem_post(&b.entered);
    if (j->waits)
        uv_sem_wait(&b.gate);
}

static void on_done(void *arg)
{
    b.order[b.done++] = ((job *)arg)->letter;
}

static rp_status submit(job *j)
{
    return rp_host_submit(b.host, (rp_job){run, on_done, j});
}

Test(host_uv, one_thread_takes_jobs_in_order)
{
    job jobs[JOBS_MAX];
    open_with(1);
    for (size_t i = 0; i < JOBS_MAX; i++) {
        jobs[i] = (job){.letter = (char)('a' + i)};
        cr_assert_eq(submit(&jobs[i]), RP_OK);
        cr_expect_eq(b.done, 0, "never inside the call");
    }
    while (b.done < JOBS_MAX)
        uv_run(&b.loop, UV_RUN_ONCE);
    cr_expect_str_eq(b.order, "abcdefgh");
    cr_expect_eq(atomic_load(&b.starts), 1);
    close_all();
}

Test(host_uv, takes_no_more_than_its_limit)
{
    job waits = {.letter = 'w', .waits = true}, plain = {.letter = 'p'};
    open_with(2);
    cr_assert_eq(submit(&waits), RP_OK);
    for (size_t i = 1; i < JOBS_MAX; i++)
        cr_assert_eq(submit(&plain), RP_OK);
    cr_expect_eq(submit(&plain), RP_LIMIT);
    while (b.done < JOBS_MAX - 1) /* the second thread does all the others */
        uv_run(&b.loop, UV_RUN_ONCE);
    cr_expect_str_eq(b.order, "ppppppp");
    for (size_t i = 1; i < JOBS_MAX; i++)
        cr_assert_eq(submit(&plain), RP_OK);
    cr_expect_eq(submit(&plain), RP_LIMIT);
    uv_sem_post(&b.gate);
    while (b.done < 2 * JOBS_MAX - 1)
        uv_run(&b.loop, UV_RUN_ONCE);
    close_all();
}

Test(host_uv, threads_work_side_by_side)
{
    job jobs[4];
    open_with(4);
    for (size_t i = 0; i < 4; i++) {
        jobs[i] = (job){.letter = 'x', .waits = true};
        cr_assert_eq(submit(&jobs[i]), RP_OK);
    }
    for (size_t i = 0; i < 4; i++)
        uv_sem_wait(&b.entered);
    for (size_t i = 0; i < 4; i++)
        uv_sem_post(&b.gate);
    while (b.done < 4)
        uv_run(&b.loop, UV_RUN_ONCE);
    size_t seen = 0;
    for (size_t i = 0; i < 4; i++)
        seen |= (size_t)1 << jobs[i].thread;
    cr_expect_eq(seen, 0xF, "each has a number of its own");
    cr_expect_eq(atomic_load(&b.starts), 4);
    close_all();
}

/* -- stopping ---------------------------------------------------------------------------------- */

/* Lets the job go a while after the stop has begun. */
static void open_gate(void *arg)
{
    (void)arg;
    uv_sleep(50);
    uv_sem_post(&b.gate);
}

Test(host_uv, stop_waits_for_the_job_that_runs_and_drops_the_rest)
{
    job waits = {.letter = 'w', .waits = true}, never = {.letter = 'n'};
    uv_thread_t opener;
    never.thread = SIZE_MAX;
    open_with(1);
    cr_assert_eq(submit(&waits), RP_OK);
    cr_assert_eq(submit(&never), RP_OK);
    uv_sem_wait(&b.entered); /* it runs */
    cr_assert_eq(uv_thread_create(&opener, open_gate, NULL), 0);
    rp_host_stop(b.host);
    uv_thread_join(&opener);
    cr_expect_eq(never.thread, SIZE_MAX);
    rp_timer *timer;
    cr_assert_eq(rp_timer_new(b.host, on_timer, &b, &timer), RP_OK);
    rp_timer_set(timer, 0, 0);
    turn(10);
    cr_expect_eq(b.fired, 1, "timers still live");
    cr_expect_eq(b.done, 0, "no `done` comes any more");
    rp_timer_free(timer);
    rp_host_stop(b.host); /* a second time is fine */
    rp_host_stop(NULL);
    close_all();
}

Test(host_uv, numbers_out_of_range_are_refused)
{
    cr_assert_eq(uv_loop_init(&b.loop), 0);
    rp_host *host = NULL;
    rp_host_uv_spec spec = {
        .loop = &b.loop, .clock = rp_clock_system(), .threads = 0, .jobs_max = 1};
    cr_expect_eq(rp_host_uv_new(&spec, &host), RP_INVALID);
    spec.threads = 257;
    cr_expect_eq(rp_host_uv_new(&spec, &host), RP_INVALID);
    spec.threads = 1;
    spec.jobs_max = 0;
    cr_expect_eq(rp_host_uv_new(&spec, &host), RP_INVALID);
    cr_expect_null(host);
    cr_expect_eq(uv_loop_close(&b.loop), 0);
}
