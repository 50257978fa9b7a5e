/* The host in production: libuv's timers and compute threads of our own.
 *
 * Compute threads are few, long-lived and bound to the cores that the caller names; they sleep
 * while there is nothing to do. What they finished comes back by uv_async.
 */
#ifndef RUNTIME_ACTOR_PROCESS_HOST_UV_H
#define RUNTIME_ACTOR_PROCESS_HOST_UV_H

#include "runtime/base/host.h"

#include <uv.h>

typedef struct rp_host_uv_spec {
    uv_loop_t *loop;       /* borrowed for the host's life */
    const rp_clock *clock; /* likewise */
    size_t threads;        /* 1 to 256 */
    size_t jobs_max;       /* submitted and not done yet */
    /* Called first on each compute thread: to bind it, to set its arithmetic. May be NULL. */
    void (*thread_start)(void *arg, size_t thread);
    void *arg;
} rp_host_uv_spec;

/* RP_INVALID for a number out of range, RP_NO_MEMORY, RP_IO where the system gives no thread. The
 * loop must run once more after rp_host_free, for its handles to close. */
RP_MUST_USE rp_status rp_host_uv_new(const rp_host_uv_spec *spec, rp_host **ret_host);

#endif
