#include "runtime/bus/bus.h"

const char *rp_header_name(rp_header header)
{
    static const char *const names[RP_HEADER_COUNT] = {
#define X(code, name) [RP_HEADER_##code] = name,
        RP_HEADER_MAP(X)
#undef X
    };
    RP_ASSERT((unsigned)header < RP_HEADER_COUNT);
    return names[header];
}

rp_bytes rp_message_header(const rp_message *message, rp_header header)
{
    return message->header ? message->header(message, header) : rp_bytes_of(NULL, 0);
}

void rp_message_free(rp_message *message)
{
    if (message)
        message->free(message);
}

void rp_publication_header(rp_publication *publication, rp_header header, rp_bytes value)
{
    RP_ASSERT(publication->header_count < RP_PUBLICATION_HEADERS_MAX);
    publication->headers[publication->header_count++] = (rp_header_value){header, value};
}

rp_status rp_mailbox_open(rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    return bus->ops->mailbox_open(bus, spec, ret_mailbox);
}

void rp_mailbox_credit(rp_bus *bus, rp_mailbox *mailbox, size_t credit)
{
    bus->ops->mailbox_credit(mailbox, credit);
}

void rp_mailbox_close(rp_bus *bus, rp_mailbox *mailbox)
{
    if (mailbox)
        bus->ops->mailbox_close(mailbox);
}

void rp_bus_settle(rp_bus *bus, const rp_message *message, rp_settlement settlement,
    uint64_t delay_ns, const char *reason)
{
    bus->ops->settle(bus, message, settlement, delay_ns, reason);
}

rp_status rp_bus_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    return bus->ops->publish(bus, publication, callback, arg);
}

rp_status rp_bus_last(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg)
{
    return bus->ops->last(bus, stream, subject, callback, arg);
}

rp_status rp_bus_request(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg)
{
    return bus->ops->request(bus, subject, body, timeout_ns, callback, arg);
}

void rp_bus_forget(rp_bus *bus, void *arg)
{
    bus->ops->forget(bus, arg);
}

void rp_bus_send(rp_bus *bus, rp_bytes subject, rp_bytes body)
{
    bus->ops->send(bus, subject, body);
}

rp_status rp_bus_subscribe(rp_bus *bus, const char *subject, const char *queue,
    rp_plain_cb callback, void *arg, rp_subscription **ret_subscription)
{
    return bus->ops->subscribe(bus, subject, queue, callback, arg, ret_subscription);
}

void rp_bus_unsubscribe(rp_bus *bus, rp_subscription *subscription)
{
    if (subscription)
        bus->ops->unsubscribe(subscription);
}

rp_status rp_bus_follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    return bus->ops->follow(bus, spec, ret_follower);
}

void rp_bus_unfollow(rp_bus *bus, rp_follower *follower)
{
    if (follower)
        bus->ops->unfollow(follower);
}

void rp_bus_watch_state(rp_bus *bus, rp_bus_state_cb callback, void *arg)
{
    bus->ops->watch_state(bus, callback, arg);
}

rp_status rp_bus_stream_state(rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg)
{
    return bus->ops->stream_state(bus, stream, callback, arg);
}

rp_status rp_bus_purge(rp_bus *bus, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg)
{
    return bus->ops->purge(bus, stream, filter, keep_from, callback, arg);
}

size_t rp_bus_payload_bytes_max(const rp_bus *bus)
{
    return bus->ops->payload_bytes_max(bus);
}

void rp_bus_free(rp_bus *bus)
{
    if (bus)
        bus->ops->free(bus);
}
