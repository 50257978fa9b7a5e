#include "runtime/base/name.h"
#include "sim/bus/internal.h"

struct rp_subscription {
    sim_bus *bus;
    const char *subject, *queue;
    rp_plain_cb callback;
    void *arg;
    size_t slot;
    uint64_t token;
};

static void open_on_server(rp_subscription *s)
{
    sim_frame frame = {
        .kind = SIM_FRAME_SUBSCRIBE, .stream = s->subject, .name = s->queue, .token = s->token};
    if (s->bus->connected)
        sim_connection_to_server(&s->bus->connection, &frame);
}

rp_status sim_subscribe(rp_bus *b, const char *subject, const char *queue, rp_plain_cb callback,
    void *arg, rp_subscription **ret_subscription)
{
    sim_bus *bus = sim_bus_of(b);
    if (!rp_name_is_filter(rp_bytes_text(subject)))
        return RP_INVALID;
    for (size_t i = 0; i < SIM_PLAIN_MAX; i++) {
        if (bus->subscriptions[i])
            continue;
        rp_subscription *s = sim_world_alloc(bus->spec.world, sizeof *s);
        *s = (rp_subscription){.bus = bus,
            .subject = sim_bus_text(bus, subject),
            .queue = sim_bus_text(bus, queue),
            .callback = callback,
            .arg = arg,
            .slot = i,
            .token = ++bus->tokens};
        bus->subscriptions[i] = s;
        *ret_subscription = s;
        open_on_server(s);
        return RP_OK;
    }
    return RP_LIMIT;
}

void sim_unsubscribe(rp_subscription *s)
{
    sim_frame frame = {.kind = SIM_FRAME_UNSUBSCRIBE, .token = s->token};
    if (s->bus->connected)
        sim_connection_to_server(&s->bus->connection, &frame);
    s->bus->subscriptions[s->slot] = NULL;
}

void sim_subscriptions_connected(sim_bus *bus)
{
    for (size_t i = 0; i < SIM_PLAIN_MAX; i++) {
        if (bus->subscriptions[i])
            open_on_server(bus->subscriptions[i]);
    }
}

void sim_subscriptions_take(sim_bus *bus, const sim_frame *frame)
{
    for (size_t i = 0; i < SIM_PLAIN_MAX; i++) {
        rp_subscription *s = bus->subscriptions[i];
        if (!s || s->token != frame->token)
            continue;
        sim_delivery view = sim_delivery_lent(frame);
        s->callback(s->arg, &view.message);
        return;
    }
}

void sim_send(rp_bus *b, rp_bytes subject, rp_bytes body)
{
    sim_bus *bus = sim_bus_of(b);
    rp_publication publication = {.subject = subject, .body = body};
    if (!bus->connected || !rp_name_is_subject(subject) || subject.len >= SIM_SUBJECT_BYTES)
        return;
    sim_frame frame = {.kind = SIM_FRAME_SEND,
        .message = sim_message_new(bus->spec.world, &publication, rp_bytes_of(NULL, 0))};
    sim_connection_to_server(&bus->connection, &frame);
}
