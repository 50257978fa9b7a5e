#include "runtime/base/name.h"
#include "sim/bus/internal.h"

enum { RETRY_MS = 500, FILTER_BYTES_MAX = 256, WAIT_S = 5 };

struct rp_follower {
    sim_bus *bus;
    rp_follower_spec spec;
    const char *stream, *filter; /* copies that frames may carry */
    size_t slot;
    uint64_t token; /* of the present reader; 0 = none */
    bool made, caught_up, started;
    uint64_t next;          /* stream sequence behind the last one handed over */
    uint64_t consumer_next; /* that must come next */
    uint64_t waiting;       /* stored at the start and still to come */
    sim_event *again;
};

static void make_reader(rp_follower *follower);

static void on_again(void *arg)
{
    rp_follower *follower = arg;
    follower->again = NULL;
    if (!follower->made)
        make_reader(follower);
}

/* Looks again later: an answer may not have come, or it said no. */
static void again(rp_follower *follower, uint64_t wait_ns)
{
    sim_world_cancel(follower->bus->spec.world, follower->again);
    follower->again = sim_world_after(
        follower->bus->spec.world, follower->bus->spec.owner, wait_ns, on_again, follower);
}

static void make_reader(rp_follower *follower)
{
    sim_bus *bus = follower->bus;
    if (!bus->connected)
        return;
    if (follower->token) {
        sim_frame old = {.kind = SIM_FRAME_UNFOLLOW, .token = follower->token};
        sim_connection_to_server(&bus->connection, &old);
    }
    follower->token = ++bus->tokens;
    follower->consumer_next = 1;
    follower->made = follower->caught_up = false;
    sim_frame frame = {.kind = SIM_FRAME_FOLLOW,
        .stream = follower->stream,
        .name = follower->filter,
        .from = follower->started ? RP_FOLLOW_SEQUENCE : follower->spec.from,
        .sequence = follower->started ? follower->next : follower->spec.sequence,
        .token = follower->token};
    sim_connection_to_server(&bus->connection, &frame);
    again(follower, WAIT_S * RP_NS_PER_S);
}

rp_status sim_follow(rp_bus *b, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    sim_bus *bus = sim_bus_of(b);
    if (!rp_name_is_subject(rp_bytes_text(spec->stream)) ||
        !rp_name_is_filter(rp_bytes_text(spec->filter)) || strlen(spec->filter) > FILTER_BYTES_MAX)
        return RP_INVALID;
    for (size_t i = 0; i < SIM_FOLLOWERS_MAX; i++) {
        if (bus->followers[i])
            continue;
        rp_follower *follower = sim_world_alloc(bus->spec.world, sizeof *follower);
        follower->bus = bus;
        follower->spec = *spec;
        follower->stream = sim_bus_text(bus, spec->stream);
        follower->filter = sim_bus_text(bus, spec->filter);
        follower->slot = i;
        bus->followers[i] = follower;
        *ret_follower = follower;
        make_reader(follower);
        return RP_OK;
    }
    return RP_LIMIT;
}

void sim_unfollow(rp_follower *follower)
{
    sim_bus *bus = follower->bus;
    sim_frame frame = {.kind = SIM_FRAME_UNFOLLOW, .token = follower->token};
    if (bus->connected && follower->token)
        sim_connection_to_server(&bus->connection, &frame);
    sim_world_cancel(bus->spec.world, follower->again);
    bus->followers[follower->slot] = NULL;
}

void sim_followers_connected(sim_bus *bus)
{
    for (size_t i = 0; i < SIM_FOLLOWERS_MAX; i++) {
        if (bus->followers[i])
            make_reader(bus->followers[i]);
    }
}

void sim_followers_disconnected(sim_bus *bus)
{
    for (size_t i = 0; i < SIM_FOLLOWERS_MAX; i++) {
        if (bus->followers[i]) {
            bus->followers[i]->token = 0;
            bus->followers[i]->made = false;
        }
    }
}

/* -- what comes -------------------------------------------------------------------------------- */

static void look_whether_caught_up(rp_follower *follower)
{
    if (follower->caught_up || !follower->made || follower->waiting > 0)
        return;
    follower->caught_up = true;
    if (follower->spec.on_caught_up)
        follower->spec.on_caught_up(follower->spec.arg);
}

static void take_made(rp_follower *follower, const sim_frame *frame)
{
    if (frame->status != RP_OK) {
        again(follower, RETRY_MS * RP_NS_PER_MS);
        return;
    }
    follower->made = true;
    follower->waiting = frame->count;
    if (!follower->started && follower->spec.from != RP_FOLLOW_LAST_PER_SUBJECT) {
        follower->next = frame->sequence + 1;
        follower->started = true;
    }
    look_whether_caught_up(follower);
}

static void take_message(rp_follower *follower, const sim_frame *frame)
{
    sim_bus *bus = follower->bus;
    size_t slot = follower->slot;
    if (frame->consumer_sequence != follower->consumer_next) {
        make_reader(follower);
        return;
    }
    sim_delivery view = sim_delivery_lent(frame);
    follower->consumer_next++;
    follower->next = frame->sequence + 1;
    follower->started = true;
    follower->waiting = frame->pending;
    follower->spec.on_message(follower->spec.arg, &view.message);
    if (bus->followers[slot] == follower)
        look_whether_caught_up(follower);
}

void sim_followers_take(sim_bus *bus, const sim_frame *frame)
{
    for (size_t i = 0; i < SIM_FOLLOWERS_MAX; i++) {
        rp_follower *follower = bus->followers[i];
        if (!follower || follower->token != frame->token)
            continue;
        if (frame->kind == SIM_FRAME_FOLLOWING)
            take_made(follower, frame);
        else
            take_message(follower, frame);
        return;
    }
}
