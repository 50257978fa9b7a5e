/* The bus on a real NATS server, on a libuv loop.
 *
 * One connection a process. nats.c is read and written on the loop itself (link.h says how); every
 * callback of the bus runs there. When the connection is lost a fresh one is made, with back-off
 * and jitter: nats.c's own reconnect is off, since it corrupts a message in event-loop mode.
 * Mailboxes, followers and subscriptions come back by themselves, and what the outbox holds is sent
 * again.
 *
 *     rp_jetstream_spec spec = {.loop = loop, .endpoint = &settings.endpoint, .clock = clock,
 *         .log = log, .metrics = metrics, .name = "tokenizer.a", .limits = RP_JETSTREAM_LIMITS};
 *     rp_bus *bus;
 *     if (rp_jetstream_new(&spec, &bus, reterr) != RP_OK) ...
 *     rp_bus_watch_state(bus, on_state, self);
 *     uv_run(loop, UV_RUN_DEFAULT);
 *     rp_bus_free(bus);      the loop must run once more, for its handles to close
 *
 * The first connection is made in the background too: rp_jetstream_new does not wait for a server.
 */
#ifndef RUNTIME_BUS_JETSTREAM_JETSTREAM_H
#define RUNTIME_BUS_JETSTREAM_JETSTREAM_H

#include "runtime/base/clock.h"
#include "runtime/bus/bus.h"
#include "runtime/bus/endpoint.h"
#include "runtime/observe/log.h"
#include "runtime/observe/metrics.h"

#include <uv.h>

/* Every bound of the bus. */
typedef struct rp_jetstream_limits {
    size_t outbox_messages_max;  /* publishes and questions without an answer */
    size_t outbox_bytes_max;     /* their bodies together */
    uint64_t ack_wait_ns;        /* then a publish is sent again */
    uint64_t publish_give_up_ns; /* then its callback gets RP_UNAVAILABLE; time without a
                                    connection does not count */
    uint64_t question_wait_ns;   /* for the last message of a subject */
    uint64_t pull_expires_ns;    /* of one pull: 1-2 s, since a stopped process with an open pull
                                    swallows deliveries */
    uint64_t reconnect_min_ns, reconnect_max_ns;
} rp_jetstream_limits;

/* The most that an outbox may be told to hold. */
enum { RP_JETSTREAM_OUTBOX_MESSAGES_MAX = 65536 };
#define RP_JETSTREAM_OUTBOX_BYTES_MAX (UINT64_C(64) << 30)

#define RP_JETSTREAM_LIMITS                             \
    ((rp_jetstream_limits){.outbox_messages_max = 4096, \
        .outbox_bytes_max = (size_t)64 << 20,           \
        .ack_wait_ns = 5 * RP_NS_PER_S,                 \
        .publish_give_up_ns = 30 * RP_NS_PER_S,         \
        .question_wait_ns = 5 * RP_NS_PER_S,            \
        .pull_expires_ns = 1500 * RP_NS_PER_MS,         \
        .reconnect_min_ns = 50 * RP_NS_PER_MS,          \
        .reconnect_max_ns = 2 * RP_NS_PER_S})

/* All borrowed for the life of the bus but the limits. */
typedef struct rp_jetstream_spec {
    uv_loop_t *loop;
    const rp_endpoint *endpoint;
    const rp_clock *clock;
    rp_log *log;
    rp_metrics *metrics;
    const char *name; /* the connection's, shown by the server's monitoring */
    uint64_t seed;    /* of the reconnect's jitter */
    rp_jetstream_limits limits;
} rp_jetstream_spec;

/* RP_INVALID where the endpoint's options are wrong, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_jetstream_new(
    const rp_jetstream_spec *spec, rp_bus **ret_bus, rp_error *reterr);

#endif
