#include "sim/faults/plan.h"

#include "runtime/actor/fold/archive.h"

#include <stdio.h>

/* The streams that may be full: those that refuse what is new, so that somebody hears of it. */
static const char *const fillable[] = {"EXEC", "REQUEST", "KV_ACTORS", NULL};

enum { STEPS_MAX = 400, CALM_PER_MILLE = 400 };

static const char *const names[SIM_FAULT_COUNT] = {
#define X(code, text) [SIM_FAULT_##code] = text,
    SIM_FAULT_MAP(X)
#undef X
};

/* -- drawing ----------------------------------------------------------------------------------- */

static uint64_t spread(sim_world *world, uint64_t low, uint64_t high)
{
    return sim_world_spread(world, SIM_CHANCE_FAULTS, low, high);
}

static uint64_t below(sim_world *world, uint64_t bound)
{
    return sim_world_draw(world, SIM_CHANCE_FAULTS, bound);
}

static void draw_fault(sim_fault *fault, sim_world *world, size_t processes, size_t clients)
{
    fault->kind = (sim_fault_kind)below(world, SIM_FAULT_COUNT);
    /* Most while there is work, some when all seems to be over. */
    fault->at_ns =
        spread(world, RP_NS_PER_MS, below(world, 4) ? 100 * RP_NS_PER_MS : 8 * RP_NS_PER_S);
    fault->for_ns = spread(world, RP_NS_PER_MS, 4 * RP_NS_PER_S);
    fault->amount = spread(world, 1, STEPS_MAX);
    bool of_client = fault->kind == SIM_FAULT_CLIENT_CUT || fault->kind == SIM_FAULT_CANCEL;
    size_t targets = of_client ? clients : processes;
    fault->target = targets > 0 ? (size_t)below(world, targets) : 0;
    if (fault->kind == SIM_FAULT_PAUSE && below(world, 2)) /* long enough to be taken over */
        fault->for_ns = spread(world, 4 * RP_NS_PER_S, 12 * RP_NS_PER_S);
    fault->again = fault->kind == SIM_FAULT_CRASH && below(world, 4) == 0;
    if (fault->again)
        fault->for_ns = spread(world, RP_NS_PER_S, 16 * RP_NS_PER_S);
}

static void draw_network(sim_plan *plan, sim_world *world)
{
    plan->network = (sim_network){.base_ns = spread(world, 20 * RP_NS_PER_US, RP_NS_PER_MS),
        .tail_ns = spread(world, 10 * RP_NS_PER_US, 2 * RP_NS_PER_MS)};
    if (sim_world_happens(world, SIM_CHANCE_FAULTS, CALM_PER_MILLE))
        return;
    plan->network.lost_per_mille = (uint32_t)spread(world, 1, 60);
    plan->network.clog_per_mille = (uint32_t)spread(world, 1, 16);
    plan->network.clog_ns = spread(world, 2 * RP_NS_PER_MS, RP_NS_PER_S);
}

void sim_plan_draw(sim_plan *plan, sim_world *world, size_t processes, size_t clients)
{
    *plan =
        (sim_plan){.fillable = fillable, .count = (size_t)spread(world, 1, 2 * SIM_FAULTS_MAX) / 2};
    draw_network(plan, world);
    for (size_t i = 0; i < plan->count; i++)
        draw_fault(&plan->faults[i], world, processes, clients);
}

/* -- carrying out ------------------------------------------------------------------------------ */

static void tell(const sim_fault *fault, const char *fate)
{
    const char *name = names[fault->kind];
    sim_server_tell(fault->plan->parts.server, "fault", fate, rp_bytes_of(name, strcspn(name, ":")),
        fault->target, fault->amount, NULL);
}

/* Nothing before `ns` from now is quiet. */
static void not_quiet_for(sim_plan *plan, uint64_t ns)
{
    uint64_t until_ns = sim_world_now_ns(plan->parts.world) + ns;
    if (until_ns > plan->quiet_ns)
        plan->quiet_ns = until_ns;
}

static sim_process *process_of(const sim_fault *fault)
{
    return fault->plan->parts.processes[fault->target];
}

static sim_stream *stream_of(const sim_fault *fault)
{
    size_t count = 0;
    while (fault->plan->fillable[count])
        count++;
    return sim_server_stream(
        fault->plan->parts.server, fault->plan->fillable[fault->amount % count]);
}

static void on_end(void *arg)
{
    sim_fault *fault = arg;
    sim_server *server = fault->plan->parts.server;
    tell(fault, "ends");
    switch (fault->kind) {
    case SIM_FAULT_CRASH: /* one that has not come to its step lives on */
        fault->again = false;
        sim_process_crash_at(process_of(fault), 0);
        break;
    case SIM_FAULT_PAUSE:
        sim_process_continue(process_of(fault));
        break;
    case SIM_FAULT_SERVER:
    case SIM_FAULT_POWER:
        if (!server->up)
            sim_server_start(server);
        break;
    case SIM_FAULT_FULL:
        for (size_t i = 0; i < server->catalog->stream_count; i++) {
            if (&server->streams[i] == stream_of(fault))
                server->streams[i].config.max_bytes = server->catalog->streams[i].max_bytes;
        }
        break;
    default:
        break;
    }
}

/* Up to an hour, either way; the server's a minute, since leases and what has a time to live go by
 * its clock, and last as much longer as that is set back. */
static int64_t jump_ns(const sim_fault *fault, uint64_t most_ns)
{
    uint64_t ns = fault->for_ns * fault->amount;
    int64_t jump = (int64_t)(ns < most_ns ? ns : most_ns);
    return fault->amount % 2 ? jump : -jump;
}

static void strike_server(sim_fault *fault)
{
    sim_server *server = fault->plan->parts.server;
    if (server->up)
        sim_server_crash(server, fault->kind == SIM_FAULT_POWER);
}

static void fill(sim_fault *fault)
{
    sim_stream *stream = stream_of(fault);
    uint64_t full = stream->bytes + 1 + 100 * (fault->amount % 8);
    if (full < stream->config.max_bytes)
        stream->config.max_bytes = full;
}

static void cancel(sim_fault *fault)
{
    if (fault->plan->parts.client_count == 0)
        return;
    sim_client *client = fault->plan->parts.clients[fault->target];
    size_t count = sim_client_ask_count(client);
    if (count > 0)
        sim_client_cancel(client, (size_t)(fault->amount % count), 0);
}

/* One bit is another one. */
static void spoil(sim_fault *fault, const sim_stored *stored)
{
    sim_server *server = fault->plan->parts.server;
    rp_bytes body = sim_world_copy(server->world, stored->message->body);
    ((uint8_t *)(uintptr_t)body.data)[fault->amount % body.len] ^= 1;
    sim_stream_spoil(sim_server_stream(server, "OBJ_SNAPSHOTS"), stored->sequence, body);
}

static bool is_chunk(const sim_stored *stored)
{
    return stored && sim_subject_matches(stored->message->subject, "$O.SNAPSHOTS.C.>") &&
           stored->message->body.len > 0;
}

/* The newest snapshot's first chunk. */
static void corrupt(sim_fault *fault)
{
    sim_stream *snapshots = sim_server_stream(fault->plan->parts.server, "OBJ_SNAPSHOTS");
    if (fault->plan->rots_young) {
        fault->plan->rotting = fault;
        return;
    }
    for (uint64_t s = snapshots->last; s >= snapshots->first && s > 0; s--) {
        const sim_stored *stored = sim_stream_at(snapshots, s);
        if (!is_chunk(stored))
            continue;
        spoil(fault, stored);
        return;
    }
}

void sim_plan_stored(sim_plan *plan, const sim_stream *stream, const sim_stored *stored)
{
    if (!plan->rotting || strcmp(stream->config.name, "OBJ_SNAPSHOTS") != 0 || !is_chunk(stored))
        return;
    if (plan->rotten < RP_ARCHIVE_KEPT - 1)
        spoil(plan->rotting, stored);
    plan->rotting = NULL;
    plan->rotten++;
}

static void on_begin(void *arg)
{
    sim_fault *fault = arg;
    sim_plan *plan = fault->plan;
    fault->begun = true;
    tell(fault, "begins");
    switch (fault->kind) {
    case SIM_FAULT_CRASH:
        sim_process_crash_at(process_of(fault), fault->amount);
        break;
    case SIM_FAULT_PAUSE:
        sim_process_pause(process_of(fault));
        break;
    case SIM_FAULT_DRAIN:
        sim_process_drain(process_of(fault), fault->for_ns / 8);
        break;
    case SIM_FAULT_CUT:
        sim_process_disconnect(process_of(fault));
        break;
    case SIM_FAULT_CLIENT_CUT:
        if (plan->parts.client_count > 0)
            sim_client_disconnect(plan->parts.clients[fault->target]);
        break;
    case SIM_FAULT_SERVER:
    case SIM_FAULT_POWER:
        strike_server(fault);
        break;
    case SIM_FAULT_CLOCK:
        sim_process_jump(process_of(fault), jump_ns(fault, 3600 * RP_NS_PER_S));
        break;
    case SIM_FAULT_SERVER_CLOCK:
        plan->parts.server->skew_ns += (uint64_t)jump_ns(fault, 60 * RP_NS_PER_S);
        break;
    case SIM_FAULT_FULL:
        fill(fault);
        break;
    case SIM_FAULT_CANCEL:
        cancel(fault);
        break;
    case SIM_FAULT_CORRUPT:
        corrupt(fault);
        break;
    case SIM_FAULT_COUNT:
        break;
    }
    sim_world_after(plan->parts.world, NULL, fault->for_ns, on_end, fault);
}

/* -- starting again ---------------------------------------------------------------------------- */

typedef struct restart {
    sim_plan *plan;
    sim_process *process;
} restart;

/* One that is killed whenever it is started. */
static void crash_again(sim_plan *plan, const sim_process *process)
{
    for (size_t i = 0; i < plan->count; i++) {
        sim_fault *fault = &plan->faults[i];
        if (fault->again && fault->begun && process_of(fault) == process)
            sim_process_crash_at(process_of(fault), spread(plan->parts.world, 1, STEPS_MAX));
    }
}

static void on_restart(void *arg)
{
    restart *r = arg;
    rp_error error = {0};
    r->plan->starting--;
    if (sim_process_start(r->process, &error) != RP_OK)
        r->plan->parts.on_failure(r->plan->parts.arg, r->process, &error);
    else
        crash_again(r->plan, r->process);
}

void sim_plan_on_down(void *arg, sim_process *process)
{
    sim_plan *plan = arg;
    restart *r = sim_world_alloc(plan->parts.world, sizeof *r);
    uint64_t after_ns = spread(plan->parts.world, RP_NS_PER_MS, 4 * RP_NS_PER_S);
    *r = (restart){plan, process};
    plan->starting++;
    not_quiet_for(plan, after_ns);
    sim_world_after(plan->parts.world, NULL, after_ns, on_restart, r);
}

/* -- the whole --------------------------------------------------------------------------------- */

static void on_quiet(void *arg)
{
    sim_plan *plan = arg;
    sim_network *network = &plan->parts.server->network;
    plan->calm = true;
    network->lost_per_mille = network->clog_per_mille = 0;
    sim_server_tell(
        plan->parts.server, "fault", "quiet", rp_bytes_of(NULL, 0), 0, plan->count, NULL);
}

void sim_plan_start(sim_plan *plan, const sim_plan_parts *parts)
{
    plan->parts = *parts;
    parts->server->network = plan->network;
    for (size_t i = 0; i < plan->count; i++) {
        sim_fault *fault = &plan->faults[i];
        fault->plan = plan;
        not_quiet_for(plan, fault->at_ns + fault->for_ns + RP_NS_PER_MS);
        sim_world_after(parts->world, NULL, fault->at_ns, on_begin, fault);
    }
    if (plan->network.lost_per_mille > 0)
        not_quiet_for(plan, 100 * RP_NS_PER_MS);
    sim_world_after(parts->world, NULL, plan->quiet_ns, on_quiet, plan);
}

bool sim_plan_has(const sim_plan *plan, sim_fault_kind kind)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->faults[i].kind == kind)
            return true;
    }
    return false;
}

bool sim_plan_is_over(const sim_plan *plan)
{
    return plan->calm && plan->starting == 0;
}
