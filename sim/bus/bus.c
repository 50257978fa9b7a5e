#include "sim/bus/internal.h"

enum { BACKOFF_DOUBLINGS_MAX = 16 };

const char *sim_bus_text(sim_bus *bus, const char *text)
{
    if (!text)
        return NULL;
    return (const char *)sim_world_copy(bus->spec.world, rp_bytes_of(text, strlen(text) + 1)).data;
}

/* -- connecting, losing, connecting again ------------------------------------------------------ */

static void tell(sim_bus *bus, const char *what)
{
    sim_server_tell(
        bus->spec.server, bus->spec.who, what, rp_bytes_of(NULL, 0), 0, bus->failures, NULL);
}

static void tell_state(sim_bus *bus)
{
    if (bus->connected == bus->told_connected)
        return;
    bus->told_connected = bus->connected;
    if (bus->on_state)
        bus->on_state(bus->on_state_arg, bus->connected);
}

static void on_connect_again(void *arg)
{
    sim_bus *bus = arg;
    sim_connection_open(&bus->connection);
}

static void connect_later(sim_bus *bus)
{
    const sim_bus_limits *limits = &bus->spec.limits;
    uint32_t doublings =
        bus->failures < BACKOFF_DOUBLINGS_MAX ? bus->failures : BACKOFF_DOUBLINGS_MAX;
    uint64_t wait_ns = limits->reconnect_min_ns << doublings;
    if (wait_ns > limits->reconnect_max_ns)
        wait_ns = limits->reconnect_max_ns;
    wait_ns -= sim_world_draw(bus->spec.world, SIM_CHANCE_BUS, wait_ns / 2 + 1);
    bus->failures++;
    sim_world_after(bus->spec.world, bus->spec.owner, wait_ns, on_connect_again, bus);
}

static void on_open(void *arg, bool open)
{
    sim_bus *bus = arg;
    if (!open) {
        tell(bus, "no server");
        connect_later(bus);
        return;
    }
    bus->failures = 0;
    bus->connected = true;
    tell(bus, "connected");
    sim_subscriptions_connected(bus);
    sim_outbox_connected(bus);
    sim_followers_connected(bus);
    sim_mailboxes_connected(bus);
    tell_state(bus);
}

static void on_broken(void *arg)
{
    sim_bus *bus = arg;
    bus->connected = false;
    tell(bus, "broken");
    sim_mailboxes_disconnected(bus);
    sim_followers_disconnected(bus);
    sim_outbox_disconnected(bus);
    tell_state(bus);
    connect_later(bus);
}

static void on_frame(void *arg, const sim_frame *frame)
{
    sim_bus *bus = arg;
    switch (frame->kind) {
    case SIM_FRAME_PUT:
    case SIM_FRAME_NOBODY:
    case SIM_FRAME_ANSWER:
    case SIM_FRAME_FOUND:
        sim_outbox_take(bus, frame);
        break;
    case SIM_FRAME_DELIVERY:
        sim_mailboxes_deliver(bus, frame);
        break;
    case SIM_FRAME_PULL_ENDED:
        sim_mailboxes_ended(bus, frame);
        break;
    case SIM_FRAME_FOLLOWING:
    case SIM_FRAME_FOLLOWED:
        sim_followers_take(bus, frame);
        break;
    case SIM_FRAME_PLAIN:
        sim_subscriptions_take(bus, frame);
        break;
    default:
        RP_ASSERT(false && "a frame that only processes send");
    }
}

void sim_bus_break(sim_bus *bus)
{
    sim_connection_break(&bus->connection, false);
}

/* -- the bus ----------------------------------------------------------------------------------- */

static void watch_state(rp_bus *b, rp_bus_state_cb callback, void *arg)
{
    sim_bus *bus = sim_bus_of(b);
    bus->on_state = callback;
    bus->on_state_arg = arg;
    callback(arg, bus->told_connected);
}

static size_t payload_bytes_max(const rp_bus *bus)
{
    return ((const sim_bus *)bus)->spec.limits.payload_bytes_max;
}

/* Whoever frees a bus has ended its process, whose owner is killed next. */
static void bus_free(rp_bus *b)
{
    sim_bus *bus = sim_bus_of(b);
    bus->on_state = NULL;
    bus->connected = false;
}

static const rp_bus_ops ops = {.mailbox_open = sim_mailbox_open,
    .mailbox_credit = sim_mailbox_credit,
    .mailbox_close = sim_mailbox_close,
    .settle = sim_mailbox_settle,
    .publish = sim_outbox_publish,
    .last = sim_outbox_last,
    .request = sim_outbox_request,
    .forget = sim_outbox_forget,
    .send = sim_send,
    .subscribe = sim_subscribe,
    .unsubscribe = sim_unsubscribe,
    .follow = sim_follow,
    .unfollow = sim_unfollow,
    .watch_state = watch_state,
    .stream_state = sim_outbox_state,
    .purge = sim_outbox_purge,
    .payload_bytes_max = payload_bytes_max,
    .free = bus_free};

sim_bus *sim_bus_new(const sim_bus_spec *spec)
{
    sim_bus *bus = sim_world_alloc(spec->world, sizeof *bus);
    bus->ops = ops;
    if (spec->plant)
        spec->plant(&bus->ops);
    bus->bus.ops = &bus->ops;
    bus->spec = *spec;
    bus->connection = (sim_connection){.world = spec->world,
        .server = spec->server,
        .owner = spec->owner,
        .who = spec->who,
        .on_frame = on_frame,
        .on_open = on_open,
        .on_broken = on_broken,
        .arg = bus};
    sim_server_attach(spec->server, &bus->connection);
    sim_connection_open(&bus->connection);
    return bus;
}

rp_bus *sim_bus_interface(sim_bus *bus)
{
    return &bus->bus;
}

bool sim_bus_connected(const sim_bus *bus)
{
    return bus->connected;
}

const sim_bus_counts *sim_bus_counts_of(const sim_bus *bus)
{
    return &bus->counts;
}
