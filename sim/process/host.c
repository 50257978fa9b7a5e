#include "sim/process/host.h"

#include <stdlib.h>

/* When the machine was started; monotonic time is never 0. */
#define UP_SINCE_NS (1000 * RP_NS_PER_S)

typedef struct sim_timer {
    rp_timer timer; /* first */
    rp_timer_cb callback;
    void *arg;
    uint64_t repeat_ns;
    sim_event *event; /* NULL = not set */
} sim_timer;

typedef struct sim_job {
    sim_host *host;
    rp_job job;
    bool ran;
    struct sim_job *next;
} sim_job;

typedef struct sim_clock {
    rp_clock clock; /* first */
    const sim_world *world;
    int64_t jumped_ns;
} sim_clock;

struct sim_host {
    rp_host host; /* first */
    sim_clock clock;
    sim_host_spec spec;
    size_t timers, jobs;
    sim_job *spare;
    bool stopped;
};

static uint64_t monotonic_ns(const rp_clock *clock)
{
    return UP_SINCE_NS + sim_world_now_ns(((const sim_clock *)clock)->world);
}

static uint64_t unix_ns(const rp_clock *clock)
{
    const sim_clock *c = (const sim_clock *)clock;
    return SIM_EPOCH_NS + sim_world_now_ns(c->world) + (uint64_t)c->jumped_ns;
}

static sim_host *host_of(rp_host *host)
{
    return (sim_host *)host;
}

/* -- timers ------------------------------------------------------------------------------------ */

static rp_status timer_new(rp_host *host, rp_timer_cb callback, void *arg, rp_timer **ret_timer)
{
    sim_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return RP_NO_MEMORY;
    *timer = (sim_timer){.timer = {host}, .callback = callback, .arg = arg};
    host_of(host)->timers++;
    *ret_timer = &timer->timer;
    return RP_OK;
}

static void timer_clear(rp_timer *t)
{
    sim_timer *timer = (sim_timer *)t;
    sim_world_cancel(host_of(t->host)->spec.world, timer->event);
    timer->event = NULL;
}

static void on_due(void *arg)
{
    sim_timer *timer = arg;
    const sim_host_spec *spec = &host_of(timer->timer.host)->spec;
    timer->event = NULL;
    if (timer->repeat_ns)
        timer->event = sim_world_after(spec->world, spec->owner, timer->repeat_ns, on_due, timer);
    timer->callback(timer->arg); /* may free it */
}

static void timer_set(rp_timer *t, uint64_t delay_ns, uint64_t repeat_ns)
{
    sim_timer *timer = (sim_timer *)t;
    const sim_host_spec *spec = &host_of(t->host)->spec;
    timer_clear(t);
    timer->repeat_ns = repeat_ns;
    timer->event = sim_world_after(spec->world, spec->owner, delay_ns, on_due, timer);
}

static void timer_free(rp_timer *t)
{
    timer_clear(t);
    host_of(t->host)->timers--;
    free(t);
}

/* -- compute ----------------------------------------------------------------------------------- */

static void on_done(void *arg)
{
    sim_job *entry = arg;
    sim_host *host = entry->host;
    sim_job taken = *entry;
    entry->next = host->spare;
    host->spare = entry;
    host->jobs--;
    if (host->stopped)
        return;
    if (!taken.ran)
        taken.job.run(taken.job.arg, 0);
    taken.job.done(taken.job.arg);
}

static rp_status submit(rp_host *h, rp_job job)
{
    sim_host *host = host_of(h);
    const sim_host_spec *spec = &host->spec;
    if (host->jobs == spec->jobs_max)
        return RP_LIMIT;
    sim_job *entry = host->spare;
    if (entry)
        host->spare = entry->next;
    else
        entry = sim_world_alloc(spec->world, sizeof *entry);
    host->jobs++;
    *entry = (sim_job){
        .host = host, .job = job, .ran = sim_world_draw(spec->world, SIM_CHANCE_COMPUTE, 2) == 0};
    if (entry->ran)
        job.run(job.arg, 0);
    sim_world_after(spec->world, spec->owner,
        sim_world_spread(spec->world, SIM_CHANCE_COMPUTE, spec->job_min_ns, spec->job_max_ns),
        on_done, entry);
    return RP_OK;
}

static size_t threads(const rp_host *host)
{
    return ((const sim_host *)host)->spec.threads;
}

static void stop(rp_host *host)
{
    host_of(host)->stopped = true;
}

/* -- the host ---------------------------------------------------------------------------------- */

static void free_host(rp_host *host)
{
    sim_host_free(host_of(host));
}

sim_host *sim_host_new(const sim_host_spec *spec)
{
    static const rp_host_ops ops = {.timer_new = timer_new,
        .timer_set = timer_set,
        .timer_clear = timer_clear,
        .timer_free = timer_free,
        .submit = submit,
        .threads = threads,
        .stop = stop,
        .free = free_host};
    sim_host *host = sim_world_alloc(spec->world, sizeof *host);
    host->spec = *spec;
    host->clock = (sim_clock){.clock = {monotonic_ns, unix_ns}, .world = spec->world};
    host->host = (rp_host){&ops, &host->clock.clock};
    return host;
}

/* Its memory is the run's: events of a host that is gone may still lie in the heap. */
void sim_host_free(sim_host *host)
{
    RP_ASSERT(host->timers == 0);
    host->stopped = true;
}

rp_host *sim_host_interface(sim_host *host)
{
    return &host->host;
}

void sim_host_jump(sim_host *host, int64_t ns)
{
    host->clock.jumped_ns += ns;
}

size_t sim_host_timers(const sim_host *host)
{
    return host->timers;
}
