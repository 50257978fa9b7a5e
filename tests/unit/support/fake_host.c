#include "tests/unit/support/fake_host.h"

#include <stdlib.h>

struct fake_timer {
    rp_timer timer; /* first */
    rp_timer_cb callback;
    void *arg;
    uint64_t due_ns, repeat_ns;
    bool set;
    fake_timer *next;
};

static fake_host *fake_of(rp_host *host)
{
    return (fake_host *)host;
}

static uint64_t hand_ns(const rp_clock *clock)
{
    const struct {
        rp_clock clock;
        uint64_t ns;
    } *time = (const void *)clock;
    return time->ns;
}

static rp_status timer_new(rp_host *host, rp_timer_cb callback, void *arg, rp_timer **ret_timer)
{
    fake_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return RP_NO_MEMORY;
    timer->timer.host = host;
    timer->callback = callback;
    timer->arg = arg;
    timer->next = fake_of(host)->timers;
    fake_of(host)->timers = timer;
    *ret_timer = &timer->timer;
    return RP_OK;
}

static void timer_set(rp_timer *t, uint64_t delay_ns, uint64_t repeat_ns)
{
    fake_timer *timer = (fake_timer *)t;
    timer->set = true;
    timer->due_ns = fake_of(t->host)->time.ns + delay_ns;
    timer->repeat_ns = repeat_ns;
}

static void timer_clear(rp_timer *t)
{
    ((fake_timer *)t)->set = false;
}

static void timer_free(rp_timer *t)
{
    fake_timer **link = &fake_of(t->host)->timers;
    while (*link != (fake_timer *)t)
        link = &(*link)->next;
    *link = (*link)->next;
    free(t);
}

static rp_status submit(rp_host *h, rp_job job)
{
    fake_host *host = fake_of(h);
    if (host->job_count == host->jobs_max)
        return RP_LIMIT;
    host->jobs[host->job_count++] = job;
    return RP_OK;
}

static size_t threads(const rp_host *host)
{
    (void)host;
    return 1;
}

static void stop(rp_host *host)
{
    fake_of(host)->job_count = 0;
}

static void host_free(rp_host *host)
{
    fake_host_free(fake_of(host));
}

fake_host *fake_host_new(size_t jobs_max)
{
    static const rp_host_ops ops = {.timer_new = timer_new,
        .timer_set = timer_set,
        .timer_clear = timer_clear,
        .timer_free = timer_free,
        .submit = submit,
        .threads = threads,
        .stop = stop,
        .free = host_free};
    fake_host *host = calloc(1, sizeof *host);
    RP_ASSERT(host && jobs_max <= FAKE_HOST_JOBS_MAX);
    host->time.clock = (rp_clock){hand_ns, hand_ns};
    host->time.ns = RP_NS_PER_S;
    host->host = (rp_host){&ops, &host->time.clock};
    host->jobs_max = jobs_max;
    return host;
}

void fake_host_free(fake_host *host)
{
    RP_ASSERT(!host->timers);
    free(host);
}

static fake_timer *next_due(fake_host *host, uint64_t until_ns)
{
    fake_timer *first = NULL;
    for (fake_timer *t = host->timers; t; t = t->next) {
        if (t->set && t->due_ns <= until_ns && (!first || t->due_ns < first->due_ns))
            first = t;
    }
    return first;
}

void fake_host_advance(fake_host *host, uint64_t ns)
{
    uint64_t until_ns = host->time.ns + ns;
    fake_timer *timer;
    while ((timer = next_due(host, until_ns)) != NULL) {
        host->time.ns = timer->due_ns;
        timer->set = timer->repeat_ns > 0;
        timer->due_ns += timer->repeat_ns;
        timer->callback(timer->arg); /* may free it */
    }
    host->time.ns = until_ns;
}

void fake_host_begin(fake_host *host)
{
    RP_ASSERT(host->job_count > 0);
    host->jobs[0].run(host->jobs[0].arg, 0);
}

void fake_host_finish(fake_host *host)
{
    rp_job job = host->jobs[0];
    RP_ASSERT(host->job_count > 0);
    host->job_count--;
    memmove(host->jobs, host->jobs + 1, host->job_count * sizeof *host->jobs);
    job.done(job.arg);
}

void fake_host_run(fake_host *host)
{
    for (size_t i = host->job_count; i > 0; i--) {
        fake_host_begin(host);
        fake_host_finish(host);
    }
}

size_t fake_host_timers_set(const fake_host *host)
{
    size_t count = 0;
    for (const fake_timer *t = host->timers; t; t = t->next)
        count += t->set;
    return count;
}
