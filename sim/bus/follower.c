/* Ordered readers, on the JetStream bus's own cursor: what is handed over, held back, and told as
 * lost is decided by the same code. What comes while the cursor waits for an answer is queued, as
 * it is in a subscription. */
#include "runtime/base/name.h"
#include "runtime/bus/jetstream/protocol/cursor.h"
#include "sim/bus/internal.h"

enum { RETRY_MS = 500, FILTER_BYTES_MAX = 256, MAKE_WAIT_S = 5 };

typedef enum phase {
    PHASE_WAITING,  /* for the moment to make a reader */
    PHASE_MAKING,   /* the server was asked for one */
    PHASE_CHECKING, /* it is made; what the stream holds was asked for */
    PHASE_HOLDING,  /* likewise, with a message in hand */
    PHASE_READING
} phase;

typedef struct queued {
    sim_frame frame;
    struct queued *next;
} queued;

struct rp_follower {
    sim_bus *bus;
    rp_follower_spec spec;
    const char *stream, *filter; /* copies that frames may carry */
    size_t slot;
    uint64_t serial; /* unlike every other follower's of the bus */
    uint64_t token;  /* of the present reader; 0 = none */
    phase phase;
    rp__cursor cursor;
    queued *first, *last; /* came and not looked at */
    uint64_t queued_count;
    bool holds;
    sim_frame held;
    uint64_t queued_at_check;
    sim_event *again;
};

static void make_reader(rp_follower *follower);

static bool lives(const sim_bus *bus, size_t slot, uint64_t serial)
{
    return bus->followers[slot] && bus->followers[slot]->serial == serial;
}

static void let_go(rp_follower *follower)
{
    follower->first = follower->last = NULL;
    follower->queued_count = 0;
    follower->holds = false;
}

static void on_again(void *arg)
{
    rp_follower *follower = arg;
    follower->again = NULL;
    if (follower->phase == PHASE_WAITING || follower->phase == PHASE_MAKING)
        make_reader(follower);
}

static void look_again(rp_follower *follower, uint64_t wait_ns)
{
    sim_world *world = follower->bus->spec.world;
    sim_world_cancel(world, follower->again);
    follower->again =
        sim_world_after(world, follower->bus->spec.owner, wait_ns, on_again, follower);
}

static void again(rp_follower *follower, uint64_t wait_ms)
{
    follower->phase = PHASE_WAITING;
    look_again(follower, wait_ms * RP_NS_PER_MS);
}

static void tell_caught_up(rp_follower *follower)
{
    if (rp__cursor_catches_up(&follower->cursor) && follower->spec.on_caught_up)
        follower->spec.on_caught_up(follower->spec.arg);
}

/* -- checking ---------------------------------------------------------------------------------- */

static void take_message(rp_follower *follower, const sim_frame *frame);
static void read_on(rp_follower *follower);

static bool tell_loss(rp_follower *follower, const rp__cursor_loss *loss)
{
    sim_bus *bus = follower->bus;
    size_t slot = follower->slot;
    uint64_t serial = follower->serial;
    sim_server_tell(bus->spec.server, bus->spec.who, "lost", rp_bytes_text(follower->stream),
        loss->expected, loss->first, "read");
    if (follower->spec.on_lost)
        follower->spec.on_lost(follower->spec.arg, loss->expected, loss->first);
    return lives(bus, slot, serial);
}

static void on_checked(void *arg, rp_status status, const rp_stream_state *state)
{
    rp_follower *follower = arg;
    sim_bus *bus = follower->bus;
    size_t slot = follower->slot;
    uint64_t serial = follower->serial;
    rp__cursor_loss loss;
    if (status != RP_OK) {
        again(follower, RETRY_MS);
        return;
    }
    rp__wire_stream stream = {.first_sequence = state->first_sequence,
        .last_sequence = state->last_sequence,
        .messages = state->messages,
        .created_ns = state->created_ns};
    rp__cursor_verdict verdict =
        rp__cursor_check(&follower->cursor, &stream, follower->queued_at_check, &loss);
    follower->phase = PHASE_READING;
    if (verdict == RP__CURSOR_ANOTHER)
        again(follower, 0);
    if (verdict != RP__CURSOR_FINE && !tell_loss(follower, &loss))
        return;
    if (verdict == RP__CURSOR_ANOTHER)
        return;
    if (follower->holds) {
        sim_frame held = follower->held;
        follower->holds = false;
        take_message(follower, &held);
    } else {
        tell_caught_up(follower);
    }
    if (lives(bus, slot, serial))
        read_on(follower);
}

static void check(rp_follower *follower, phase meanwhile)
{
    follower->phase = meanwhile;
    follower->queued_at_check = follower->queued_count;
    if (sim_outbox_state(&follower->bus->bus, follower->stream, on_checked, follower) != RP_OK)
        again(follower, RETRY_MS);
}

/* -- making ------------------------------------------------------------------------------------ */

static void make_reader(rp_follower *follower)
{
    sim_bus *bus = follower->bus;
    follower->phase = PHASE_WAITING;
    if (!bus->connected)
        return;
    if (follower->token) {
        sim_frame old = {.kind = SIM_FRAME_UNFOLLOW, .token = follower->token};
        sim_connection_to_server(&bus->connection, &old);
    }
    let_go(follower);
    follower->token = ++bus->tokens;
    uint64_t start = rp__cursor_open(&follower->cursor);
    sim_frame frame = {.kind = SIM_FRAME_FOLLOW,
        .stream = follower->stream,
        .name = follower->filter,
        .from = start > 0 ? RP_FOLLOW_SEQUENCE : follower->spec.from,
        .sequence = start,
        .token = follower->token};
    follower->phase = PHASE_MAKING;
    sim_connection_to_server(&bus->connection, &frame);
    look_again(follower, MAKE_WAIT_S * RP_NS_PER_S);
}

static void take_made(rp_follower *follower, const sim_frame *frame)
{
    if (follower->phase != PHASE_MAKING)
        return;
    if (frame->status != RP_OK) {
        again(follower, RETRY_MS);
        return;
    }
    rp__cursor_opened(&follower->cursor, frame->count, frame->sequence);
    check(follower, PHASE_CHECKING);
}

rp_status sim_follow(rp_bus *b, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    sim_bus *bus = sim_bus_of(b);
    if (!rp__wire_is_name(spec->stream) || !rp_name_is_filter(rp_bytes_text(spec->filter)) ||
        strlen(spec->filter) > FILTER_BYTES_MAX)
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
        follower->serial = ++bus->tokens;
        rp__cursor_init(
            &follower->cursor, spec->from, spec->sequence, spec->created_ns, spec->on_lost != NULL);
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
    sim_outbox_forget(&bus->bus, follower);
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
        rp_follower *follower = bus->followers[i];
        if (!follower)
            continue;
        sim_outbox_forget(&bus->bus, follower);
        let_go(follower);
        follower->token = 0; /* the server has forgotten it, too */
        follower->phase = PHASE_WAITING;
    }
}

/* -- what comes -------------------------------------------------------------------------------- */

static void hand_over(rp_follower *follower, const sim_frame *frame)
{
    sim_bus *bus = follower->bus;
    size_t slot = follower->slot;
    uint64_t serial = follower->serial;
    sim_delivery view = sim_delivery_lent(frame);
    follower->spec.on_message(follower->spec.arg, &view.message);
    if (lives(bus, slot, serial) && follower->phase == PHASE_READING)
        tell_caught_up(follower);
}

static void take_message(rp_follower *follower, const sim_frame *frame)
{
    rp__wire_delivery d = {.stream = rp_bytes_text(frame->stream),
        .deliveries = 1,
        .stream_sequence = frame->sequence,
        .consumer_sequence = frame->consumer_sequence,
        .timestamp_ns = frame->stored_ns,
        .pending = frame->pending};
    switch (rp__cursor_message(&follower->cursor, &d)) {
    case RP__CURSOR_HAND_OVER:
        hand_over(follower, frame);
        break;
    case RP__CURSOR_SKIP:
        tell_caught_up(follower);
        break;
    case RP__CURSOR_HOLD:
        follower->held = *frame;
        follower->holds = true;
        check(follower, PHASE_HOLDING);
        break;
    case RP__CURSOR_AGAIN:
        again(follower, 0);
        break;
    }
}

static void read_on(rp_follower *follower)
{
    sim_bus *bus = follower->bus;
    size_t slot = follower->slot;
    uint64_t serial = follower->serial;
    while (lives(bus, slot, serial) && follower->phase == PHASE_READING && follower->first) {
        sim_frame frame = follower->first->frame;
        follower->first = follower->first->next;
        if (!follower->first)
            follower->last = NULL;
        follower->queued_count--;
        take_message(follower, &frame);
    }
}

static void keep(rp_follower *follower, const sim_frame *frame)
{
    queued *entry = sim_world_alloc(follower->bus->spec.world, sizeof *entry);
    entry->frame = *frame;
    *(follower->last ? &follower->last->next : &follower->first) = entry;
    follower->last = entry;
    follower->queued_count++;
}

void sim_followers_take(sim_bus *bus, const sim_frame *frame)
{
    for (size_t i = 0; i < SIM_FOLLOWERS_MAX; i++) {
        rp_follower *follower = bus->followers[i];
        if (!follower || follower->token != frame->token)
            continue;
        if (frame->kind == SIM_FRAME_FOLLOWING) {
            take_made(follower, frame);
        } else if (follower->phase == PHASE_READING && !follower->first) {
            take_message(follower, frame);
        } else {
            keep(follower, frame);
            read_on(follower);
        }
        return;
    }
}
