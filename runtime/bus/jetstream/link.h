/* One connection of nats.c, read and written on a libuv loop.
 *
 * nats.c calls its event-loop callbacks from whatever thread it is on, under its own lock, so they
 * do nothing but set flags and wake the loop. All the rest happens on the loop's thread:
 *
 *     uv_check    bytes that came are read (uv_poll), then the owner drains its subscriptions
 *     uv_prepare  what was published in this turn is written, once for all of it
 *     uv_async    flags set by other threads are looked at
 *
 * Connecting blocks, so it runs on a worker thread (rp__link_connect). A link that has closed is
 * never revived: its owner frees it and connects a new one.
 *
 * Life: new -> connect -> on_open(RP_OK or why not) -> [on_closed] -> free -> (loop turns) gone.
 */
#ifndef RUNTIME_BUS_JETSTREAM_LINK_H
#define RUNTIME_BUS_JETSTREAM_LINK_H

#include "runtime/bus/endpoint.h"
#include "runtime/observe/log.h"

#include <stdatomic.h>
#include <uv.h>

typedef struct rp__link rp__link;

typedef struct rp__link_spec {
    uv_loop_t *loop;
    const rp_endpoint *endpoint; /* borrowed for the link's life */
    const char *name;            /* likewise */
    rp_log *log;                 /* likewise; gets what nats.c reports from its own threads */
    /* All on the loop's thread. on_open comes once, on_closed at most once and only after an
     * on_open with RP_OK; on_readable after bytes were read. */
    void (*on_open)(void *arg, rp_status status, const rp_error *error);
    void (*on_readable)(void *arg);
    void (*on_closed)(void *arg);
    void *arg;
} rp__link_spec;

/* Starts connecting. RP_NO_MEMORY, or what rp_endpoint_options says of the endpoint. */
RP_MUST_USE rp_status rp__link_connect(
    const rp__link_spec *spec, rp__link **ret_link, rp_error *reterr);

/* The connection; NULL before on_open and after it has closed. */
natsConnection *rp__link_connection(const rp__link *link);

/* Bytes that nats.c holds and has not written yet. */
size_t rp__link_buffered(const rp__link *link);

/* Closes the connection and frees the link as soon as the loop and a connect under way allow. No
 * callback comes after this call. NULL is fine. */
void rp__link_free(rp__link *link);

#endif
