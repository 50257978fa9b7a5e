#include "sim/server/durable.h"

#include "sim/server/server.h"

#include <stdlib.h>

static void set_alarm(sim_durable *durable);

void sim_durable_init(
    sim_durable *durable, sim_server *server, sim_stream *stream, const sim_durable_config *config)
{
    sim_pending *now = durable->now.pending, *written = durable->written.pending;
    *durable = (sim_durable){.server = server, .stream = stream, .config = config};
    durable->now.pending = now ? now : calloc(SIM_PENDING_MAX, sizeof *now);
    durable->written.pending = written ? written : calloc(SIM_PENDING_MAX, sizeof *written);
    RP_ASSERT(durable->now.pending && durable->written.pending);
    durable->now.next = durable->written.next = 1;
}

void sim_durable_done(sim_durable *durable)
{
    free(durable->now.pending);
    free(durable->written.pending);
    *durable = (sim_durable){0};
}

/* -- the state on the disk --------------------------------------------------------------------- */

static void on_flush(void *arg)
{
    sim_durable *durable = arg;
    sim_pending *written = durable->written.pending;
    memcpy(written, durable->now.pending, durable->now.count * sizeof *written);
    durable->written = durable->now;
    durable->written.pending = written;
    durable->flush = NULL;
}

static void changed(sim_durable *durable)
{
    sim_world *world = durable->server->world;
    if (!durable->flush)
        durable->flush = sim_world_after(world, durable->server->owner,
            sim_world_draw(world, SIM_CHANCE_SERVER, SIM_DURABLE_FLUSH_NS), on_flush, durable);
}

void sim_durable_crashed(sim_durable *durable)
{
    sim_pending *now = durable->now.pending;
    memcpy(now, durable->written.pending, durable->written.count * sizeof *now);
    durable->now = durable->written;
    durable->now.pending = now;
    durable->pull_count = 0;
    durable->alarm = durable->flush = NULL; /* the server's owner is dead */
    for (size_t i = 0; i < durable->now.count; i++)
        now[i].due_ns = sim_world_now_ns(durable->server->world) + durable->config->ack_wait_ns;
    set_alarm(durable);
}

/* -- pending ----------------------------------------------------------------------------------- */

static sim_pending *pending_of(sim_durable *durable, uint64_t sequence)
{
    for (size_t i = 0; i < durable->now.count; i++) {
        if (durable->now.pending[i].sequence == sequence)
            return &durable->now.pending[i];
    }
    return NULL;
}

static void forget(sim_durable *durable, sim_pending *pending)
{
    *pending = durable->now.pending[--durable->now.count];
}

static void queue(sim_durable *durable, sim_pending *pending)
{
    if (pending->queued)
        return;
    pending->queued = true;
    pending->queued_at = durable->queued++;
}

/* The one that has waited longest to be handed out again; NULL where there is none. */
static sim_pending *first_queued(sim_durable *durable)
{
    sim_pending *first = NULL;
    for (size_t i = 0; i < durable->now.count; i++) {
        sim_pending *p = &durable->now.pending[i];
        if (p->queued && (!first || p->queued_at < first->queued_at))
            first = p;
    }
    return first;
}

void sim_durable_settle(
    sim_durable *durable, uint64_t sequence, rp_settlement settlement, uint64_t delay_ns)
{
    uint64_t now_ns = sim_world_now_ns(durable->server->world);
    sim_pending *pending = pending_of(durable, sequence);
    if (!pending)
        return;
    changed(durable);
    switch (settlement) {
    case RP_SETTLE_DONE:
    case RP_SETTLE_REJECT:
        forget(durable, pending);
        break;
    case RP_SETTLE_PROGRESS:
        pending->due_ns = now_ns + durable->config->ack_wait_ns;
        break;
    case RP_SETTLE_RETRY:
        pending->due_ns = now_ns + delay_ns;
        if (delay_ns == 0)
            queue(durable, pending);
        break;
    }
    sim_durable_serve(durable);
}

bool sim_durable_idle(const sim_durable *durable)
{
    return durable->now.count == 0 &&
           !sim_stream_next(durable->stream, durable->now.next, durable->config->filters);
}

uint64_t sim_durable_floor(const sim_durable *durable)
{
    uint64_t floor = durable->now.next - 1;
    if (sim_durable_idle(durable))
        return durable->stream->last;
    for (size_t i = 0; i < durable->now.count; i++) {
        if (durable->now.pending[i].sequence <= floor)
            floor = durable->now.pending[i].sequence - 1;
    }
    return floor;
}

/* -- time -------------------------------------------------------------------------------------- */

static void drop_pull(sim_durable *durable, size_t index)
{
    durable->pull_count--;
    memmove(&durable->pulls[index], &durable->pulls[index + 1],
        (durable->pull_count - index) * sizeof *durable->pulls);
}

static void end_pulls(sim_durable *durable, uint64_t now_ns)
{
    for (size_t i = 0; i < durable->pull_count;) {
        sim_pull pull = durable->pulls[i];
        if (pull.ends_ns > now_ns) {
            i++;
            continue;
        }
        drop_pull(durable, i);
        sim_server_pull_ended(durable->server, &pull, SIM_PULL_TIMEOUT);
    }
}

static void on_alarm(void *arg)
{
    sim_durable *durable = arg;
    uint64_t now_ns = sim_world_now_ns(durable->server->world);
    durable->alarm = NULL;
    for (size_t i = 0; i < durable->now.count; i++) {
        if (durable->now.pending[i].due_ns <= now_ns)
            queue(durable, &durable->now.pending[i]);
    }
    end_pulls(durable, now_ns);
    sim_durable_serve(durable);
}

static void set_alarm(sim_durable *durable)
{
    sim_world *world = durable->server->world;
    uint64_t now_ns = sim_world_now_ns(world), next_ns = UINT64_MAX;
    for (size_t i = 0; i < durable->now.count; i++) {
        const sim_pending *p = &durable->now.pending[i];
        if (!p->queued && p->due_ns < next_ns)
            next_ns = p->due_ns;
    }
    for (size_t i = 0; i < durable->pull_count; i++) {
        if (durable->pulls[i].ends_ns < next_ns)
            next_ns = durable->pulls[i].ends_ns;
    }
    if (durable->alarm && durable->alarm_ns == next_ns)
        return;
    sim_world_cancel(world, durable->alarm);
    durable->alarm = NULL;
    durable->alarm_ns = next_ns;
    if (next_ns != UINT64_MAX)
        durable->alarm = sim_world_after(world, durable->server->owner,
            next_ns > now_ns ? next_ns - now_ns : 0, on_alarm, durable);
}

/* -- handing out ------------------------------------------------------------------------------- */

/* The next message to hand out, counted as pending with one delivery more. */
static const sim_stored *take_next(sim_durable *durable, uint64_t *ret_deliveries)
{
    uint64_t now_ns = sim_world_now_ns(durable->server->world);
    sim_pending *again;
    while ((again = first_queued(durable)) != NULL) {
        const sim_stored *stored = sim_stream_at(durable->stream, again->sequence);
        if (!stored) { /* the stream has dropped it meanwhile */
            forget(durable, again);
            continue;
        }
        again->queued = false;
        again->due_ns = now_ns + durable->config->ack_wait_ns;
        *ret_deliveries = ++again->deliveries;
        return stored;
    }
    const sim_stored *stored =
        sim_stream_next(durable->stream, durable->now.next, durable->config->filters);
    if (!stored)
        return NULL;
    RP_ASSERT(durable->now.count < SIM_PENDING_MAX);
    durable->now.next = stored->sequence + 1;
    durable->now.pending[durable->now.count++] = (sim_pending){.sequence = stored->sequence,
        .deliveries = 1,
        .due_ns = now_ns + durable->config->ack_wait_ns};
    *ret_deliveries = 1;
    return stored;
}

/* The pull whose turn it is goes behind the others; those that nobody listens to are dropped. */
static bool take_pull(sim_durable *durable, sim_pull *ret_pull)
{
    while (durable->pull_count > 0) {
        sim_pull pull = durable->pulls[0];
        drop_pull(durable, 0);
        if (!sim_server_listens(durable->server, pull.connection))
            continue;
        *ret_pull = pull;
        return true;
    }
    return false;
}

void sim_durable_serve(sim_durable *durable)
{
    sim_pull pull;
    sim_stream_age(durable->stream, sim_server_unix_ns(durable->server));
    while (take_pull(durable, &pull)) {
        uint64_t deliveries;
        const sim_stored *stored = take_next(durable, &deliveries);
        if (!stored) {
            memmove(&durable->pulls[1], &durable->pulls[0],
                durable->pull_count++ * sizeof *durable->pulls);
            durable->pulls[0] = pull;
            break;
        }
        changed(durable);
        durable->now.consumer++;
        sim_server_deliver(durable->server, durable, &pull, stored, deliveries);
        if (--pull.missing > 0)
            durable->pulls[durable->pull_count++] = pull;
    }
    set_alarm(durable);
}

void sim_durable_pull(sim_durable *durable, const sim_pull *pull)
{
    if (durable->pull_count == SIM_PULLS_MAX) {
        sim_server_pull_ended(durable->server, pull, SIM_PULL_REFUSED);
        return;
    }
    durable->pulls[durable->pull_count++] = *pull;
    sim_durable_serve(durable);
}
