/* The admin endpoint: what a process tells those who run it, over HTTP on loopback.
 *
 *     /metrics   all metrics, in Prometheus' text format
 *     /healthz   200 while the loop lives; 503 once its heartbeat is older than `stale_ns`
 *     /readyz    200 while the process takes work; 503 and the reason else
 *     /          a page that names the others
 *
 * It is served by one thread of libmicrohttpd's, so that it answers while the loop is stuck: that
 * is when one wants to know. The loop ticks the heartbeat and says whether it is ready; both are
 * cheap and may come from any thread.
 *
 *     rp_admin_options options = {.port = 9464, .clock = rp_clock_system(), .metrics = metrics,
 *         .name = "executor 7f3a", .stale_ns = 10 * RP_NS_PER_S};
 *     if (rp_admin_new(&options, &admin, reterr) != RP_OK) ...
 *     rp_admin_beat(admin);                                 from a timer on the loop
 *     rp_admin_set_unready(admin, "the model is loading");  as at the start
 *     rp_admin_set_ready(admin);
 *     rp_admin_free(admin);
 *
 * It listens on loopback only, since it asks nobody who they are, and answers only requests whose
 * Host is a loopback name or address, so that no web page reaches it through its own name. GET and
 * HEAD; connections, their memory and their time are bounded.
 */
#ifndef RUNTIME_OBSERVE_ADMIN_H
#define RUNTIME_OBSERVE_ADMIN_H

#include "runtime/base/clock.h"
#include "runtime/base/status.h"
#include "runtime/observe/metrics.h"

#include <stdint.h>

enum {
    RP_ADMIN_CONNECTIONS_MAX = 16,
    RP_ADMIN_IDLE_S_MAX = 10,             /* of a connection */
    RP_ADMIN_REASON_MAX = 256,            /* bytes; a longer reason is cut */
    RP_ADMIN_METRICS_BYTES_MAX = 16 << 20 /* of one exposition; above, 500 */
};

typedef struct rp_admin rp_admin;

typedef struct rp_admin_options {
    const char *address;   /* "127.0.0.1" or another of 127.0.0.0/8, "::1"; NULL = the first */
    uint16_t port;         /* 0 = any free one; rp_admin_port tells */
    const rp_clock *clock; /* borrowed for the endpoint's life, as are the metrics */
    rp_metrics *metrics;
    const char *name;  /* of the process, for the page; copied */
    uint64_t stale_ns; /* age at which a heartbeat means that the loop hangs; 0 = 10 s */
} rp_admin_options;

/* Listens and serves. Not ready yet, and the heartbeat fresh. RP_INVALID for what is no address,
 * RP_DENIED for one that is not loopback, RP_EXISTS where the port is taken, RP_IO, RP_NO_MEMORY.
 */
RP_MUST_USE rp_status rp_admin_new(
    const rp_admin_options *options, rp_admin **ret_admin, rp_error *reterr);

/* Stops serving; ends within milliseconds. Accepts NULL. */
void rp_admin_free(rp_admin *admin);

/* The port that it listens on. */
uint16_t rp_admin_port(const rp_admin *admin);

/* The loop lives. */
void rp_admin_beat(rp_admin *admin);

void rp_admin_set_ready(rp_admin *admin);

/* `reason` is for people, without a full stop; copied. */
void rp_admin_set_unready(rp_admin *admin, const char *reason);

#endif
