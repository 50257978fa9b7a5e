/* The host: what an actor gets from outside that is no message.
 *
 * Time, timers and compute come from here, so that the same actor runs on a libuv loop in
 * production (runtime/actor/process/host_uv.h), in virtual time in the simulator, and in a replay. All
 * functions are called on the loop's thread, and all callbacks come there, never inside the call
 * that started them; only a compute job's `run` is on a thread of its own.
 */
#ifndef RUNTIME_BASE_HOST_H
#define RUNTIME_BASE_HOST_H

#include "runtime/base/clock.h"
#include "runtime/base/status.h"

typedef struct rp_host rp_host;
typedef struct rp_timer rp_timer;

typedef void (*rp_timer_cb)(void *arg);

/* Work for a compute thread. `thread` counts the threads from 0, so that a job finds workspace of
 * its thread. `done` comes on the loop afterwards, once, unless the host is freed first. */
typedef struct rp_job {
    void (*run)(void *arg, size_t thread);
    void (*done)(void *arg);
    void *arg;
} rp_job;

typedef struct rp_host_ops {
    rp_status (*timer_new)(rp_host *host, rp_timer_cb callback, void *arg, rp_timer **ret_timer);
    void (*timer_set)(rp_timer *timer, uint64_t delay_ns, uint64_t repeat_ns);
    void (*timer_clear)(rp_timer *timer);
    void (*timer_free)(rp_timer *timer);
    rp_status (*submit)(rp_host *host, rp_job job);
    size_t (*threads)(const rp_host *host);
    void (*stop)(rp_host *host);
    void (*free)(rp_host *host);
} rp_host_ops;

/* The head of every host's own struct. */
struct rp_host {
    const rp_host_ops *ops;
    const rp_clock *clock;
};

/* The head of every host's own timer. */
struct rp_timer {
    rp_host *host;
};

/* A timer that is not set yet. RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_timer_new(
    rp_host *host, rp_timer_cb callback, void *arg, rp_timer **ret_timer);

/* Fires after `delay_ns` (rounded up to the host's grain), then every `repeat_ns` unless 0. A timer
 * that is set already starts anew. */
void rp_timer_set(rp_timer *timer, uint64_t delay_ns, uint64_t repeat_ns);
void rp_timer_clear(rp_timer *timer);

/* NULL is fine. The callback does not come any more. */
void rp_timer_free(rp_timer *timer);

/* Hands a job to the compute threads, which take jobs in order. RP_LIMIT where their queue is full.
 */
RP_MUST_USE rp_status rp_host_submit(rp_host *host, rp_job job);

/* How many compute threads there are; at least 1. */
size_t rp_host_threads(const rp_host *host);

/* Waits for the jobs that run and drops those that wait; no `done` comes any more. What jobs use
 * may be freed then, while timers still live. NULL is fine. */
void rp_host_stop(rp_host *host);

/* Stops, and frees. NULL is fine. */
void rp_host_free(rp_host *host);

#endif
