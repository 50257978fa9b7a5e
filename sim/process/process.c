#include "sim/process/process.h"

#include "runtime/store/claims/claims.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAME_BYTES = 96, JOBS_OF_A_SLOT = 2 };

struct sim_process {
    sim_process_spec spec;
    sim_process_state state;
    size_t starts;
    char instance[NAME_BYTES];
    int64_t jumped_ns;
    sim_owner *owner;
    sim_bus *bus;
    rp_bus *front;        /* what the actor has: the bus, or claims before it */
    sim_bus_counts peaks; /* of the instances before */
    sim_host *host;
    rp_metrics *metrics;
    rp_actor *actor;
};

static void tell(const sim_process *process, const char *what)
{
    sim_server_tell(process->spec.server, process->spec.name, what, rp_bytes_of(NULL, 0),
        process->starts, 0, NULL);
}

sim_process *sim_process_new(const sim_process_spec *spec)
{
    sim_process *process = sim_world_alloc(spec->world, sizeof *process);
    process->spec = *spec;
    return process;
}

/* -- the end ----------------------------------------------------------------------------------- */

/* What the instance had is given up; nobody outside notices but by the silence. */
static void give_up(sim_process *process)
{
    process->peaks = sim_process_counts(process);
    sim_owner_kill(process->owner);
    rp_host_stop(sim_host_interface(process->host));
    rp_actor_free(process->actor);
    rp_bus_free(process->front);
    sim_host_free(process->host);
    rp_metrics_free(process->metrics);
    process->actor = NULL;
    process->bus = NULL;
    process->metrics = NULL;
    process->state = SIM_PROCESS_DOWN;
}

void sim_process_end(sim_process *process)
{
    if (process->state != SIM_PROCESS_DOWN)
        give_up(process);
}

static void go_down(sim_process *process)
{
    sim_bus_break(process->bus);
    give_up(process);
    if (process->spec.on_down)
        process->spec.on_down(process->spec.arg, process);
}

void sim_process_crash(sim_process *process)
{
    if (process->state == SIM_PROCESS_DOWN)
        return;
    tell(process, "killed");
    go_down(process);
}

void sim_process_leave(sim_process *process)
{
    if (process->state == SIM_PROCESS_DOWN)
        return;
    tell(process, "killed for good");
    sim_bus_break(process->bus);
    give_up(process);
}

static void on_step(void *arg)
{
    sim_process_crash(arg);
}

void sim_process_crash_at(sim_process *process, uint64_t count)
{
    if (process->state != SIM_PROCESS_DOWN)
        sim_owner_at_step(process->owner, count, on_step, process);
}

/* -- what the actor tells ---------------------------------------------------------------------- */

static void on_ready(void *arg, const char *why)
{
    (void)arg, (void)why;
}

static void on_gone(void *arg)
{
    sim_process *process = arg;
    if (process->state == SIM_PROCESS_DOWN || process->state == SIM_PROCESS_PAUSED)
        return;
    tell(process, "ended");
    go_down(process);
}

/* Not within the actor's own call, and after what it said last has gone out. */
static void on_drained(void *arg, bool failed)
{
    sim_process *process = arg;
    tell(process, failed ? "gave up" : "drained");
    sim_world_after(process->spec.world, process->owner, 0, on_gone, process);
}

/* -- the start --------------------------------------------------------------------------------- */

static void make_environment(sim_process *process)
{
    const sim_process_spec *spec = &process->spec;
    process->owner = sim_owner_new(spec->world);
    sim_bus_spec bus = {.world = spec->world,
        .server = spec->server,
        .owner = process->owner,
        .who = spec->name,
        .limits = spec->limits,
        .plant = spec->plant};
    process->bus = sim_bus_new(&bus);
    sim_host_spec host = {.world = spec->world,
        .owner = process->owner,
        .threads = 1,
        .jobs_max = spec->slots * JOBS_OF_A_SLOT + 1,
        .job_min_ns = spec->job_min_ns,
        .job_max_ns = spec->job_max_ns};
    process->host = sim_host_new(&host);
    sim_host_jump(process->host, process->jumped_ns);
}

/* Claims only where there is a body that they could be for. */
static rp_status make_front(sim_process *process, rp_error *reterr)
{
    rp_claims_spec claims = {.inner = sim_bus_interface(process->bus),
        .host = sim_host_interface(process->host),
        .instance = process->instance,
        .metrics = process->metrics};
    process->front = claims.inner;
    if (process->spec.limits.payload_bytes_max == SIM_PAYLOAD_BYTES_MAX)
        return RP_OK;
    return rp_claims_new(&claims, &process->front, reterr);
}

rp_status sim_process_start(sim_process *process, rp_error *reterr)
{
    const sim_process_spec *spec = &process->spec;
    RP_ASSERT(process->state == SIM_PROCESS_DOWN);
    process->starts++;
    snprintf(process->instance, sizeof process->instance, "%s.%08zx", spec->name, process->starts);
    make_environment(process);
    rp_status status = rp_metrics_new(NULL, 0, &process->metrics, reterr);
    if (status == RP_OK)
        status = make_front(process, reterr);
    if (status != RP_OK)
        return status;
    rp_actor_env env = {.worker = {.bus = process->front,
                            .host = sim_host_interface(process->host),
                            .log = spec->log,
                            .metrics = process->metrics,
                            .instance = process->instance,
                            .build = "sim",
                            .slots = spec->slots},
        .name = spec->name,
        .host_name = "sim",
        .pid = (uint32_t)process->starts,
        .threads = 1,
        .fold = {.partitions = spec->partitions,
            .partition = RP_FOLDS_ALL,
            .snapshot_every = spec->snapshot_every},
        .ready = on_ready,
        .drained = on_drained,
        .arg = process};
    tell(process, "started");
    if (spec->actor->thread_start)
        spec->actor->thread_start(0);
    status = rp_actor_new(spec->actor, &env, spec->settings, &process->actor, reterr);
    if (status == RP_OK) {
        process->state = SIM_PROCESS_UP;
        return RP_OK;
    }
    sim_owner_kill(process->owner);
    rp_metrics_free(process->metrics);
    return status;
}

/* -- what befalls it --------------------------------------------------------------------------- */

void sim_process_pause(sim_process *process)
{
    if (process->state != SIM_PROCESS_UP)
        return;
    tell(process, "stopped");
    process->state = SIM_PROCESS_PAUSED;
    sim_owner_pause(process->owner);
}

void sim_process_continue(sim_process *process)
{
    if (process->state != SIM_PROCESS_PAUSED)
        return;
    tell(process, "goes on");
    process->state = SIM_PROCESS_UP;
    sim_owner_continue(process->spec.world, process->owner);
}

void sim_process_drain(sim_process *process, uint64_t limit_ns)
{
    if (process->state != SIM_PROCESS_UP)
        return;
    tell(process, "drains");
    process->state = SIM_PROCESS_DRAINING;
    rp_actor_drain(process->actor, limit_ns);
}

void sim_process_jump(sim_process *process, int64_t ns)
{
    process->jumped_ns += ns;
    tell(process, "clock set");
    if (process->state != SIM_PROCESS_DOWN)
        sim_host_jump(process->host, ns);
}

void sim_process_disconnect(sim_process *process)
{
    if (process->state != SIM_PROCESS_DOWN)
        sim_bus_break(process->bus);
}

sim_process_state sim_process_state_of(const sim_process *process)
{
    return process->state;
}

const sim_process_spec *sim_process_spec_of(const sim_process *process)
{
    return &process->spec;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

sim_bus_counts sim_process_counts(const sim_process *process)
{
    sim_bus_counts all = process->peaks;
    if (process->state == SIM_PROCESS_DOWN)
        return all;
    const sim_bus_counts *now = sim_bus_counts_of(process->bus);
    sim_bus_counts sum = *now;
    sum.outbox_peak = larger(all.outbox_peak, now->outbox_peak);
    sum.messages_peak = larger(all.messages_peak, now->messages_peak);
    sum.asked_peak = larger(all.asked_peak, now->asked_peak);
    return sum;
}

size_t sim_process_starts(const sim_process *process)
{
    return process->starts;
}
