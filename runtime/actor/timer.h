/* Durable timers of workers: a message that comes at a time, or by a schedule, whatever dies
 * meanwhile.
 *
 * A timer is a message in the stream TIMER, on timer.<kind>.<key>, that the server keeps and, when
 * its time has come, publishes on timer.<kind>.<key>.due. From there it is a message like any
 * other: a durable pull consumer with the filter timer.<kind>.*.due hands it to the workers of that
 * kind. No process has to live in between.
 *
 *     rp_durable_timer timer = {.kind = "reminder", .key = key, .at_ns = now_ns + delay_ns,
 *         .body = body};
 *     rp_status status = rp_context_timer_set(context, &timer);
 *
 * One timer a key: setting it again replaces it. It fires up to 250 ms late, and at once where its
 * time is past. A timer is an output of the message that set it: it carries that message's Rp-Cause,
 * and the message is settled after the timer is stored. Where a process dies between the two, the
 * message is delivered again and the timer set again; had it fired by then, it fires twice, with
 * the same Rp-Cause. One that is cancelled in the moment in which it fires may still come. And a
 * server that was killed knows no message ids of timers that were replaced or have fired: had it
 * lost the settlement as well, the message sets its timer again, in the place of a later one, too.
 *
 * (Not to be confused with rp_timer of host.h, which lives in a process and dies with it.)
 */
#ifndef RUNTIME_ACTOR_TIMER_H
#define RUNTIME_ACTOR_TIMER_H

#include "runtime/actor/context.h"
#include "runtime/base/name.h"

#define RP_TIMER_STREAM "TIMER"

enum { RP_TIMER_SCHEDULE_MAX = 128, RP_TIMER_ZONE_MAX = 64 };

/* Borrowed for the call. */
typedef struct rp_durable_timer {
    const char *kind;     /* of the workers that take it; one token */
    rp_bytes key;         /* any bytes, 1 to RP_NAME_MAX; written =XX in the subject */
    uint64_t at_ns;       /* Unix time, used to the millisecond; where `schedule` is NULL */
    const char *schedule; /* "@every 30s" (1 s at least), or "sec min hour day month weekday" */
    const char *zone;     /* of such a schedule, "Europe/Berlin"; NULL = UTC */
    rp_bytes body;
} rp_durable_timer;

/* Sets a timer, as a shared output. RP_INVALID for a kind, key or schedule that cannot be (`reterr`
 * names the field), RP_LIMIT as rp_context_output. */
RP_MUST_USE rp_status rp_context_timer_set(
    rp_context *context, const rp_durable_timer *timer, rp_error *reterr);

/* Takes it back; nothing where there is none. RP_INVALID, RP_LIMIT. */
RP_MUST_USE rp_status rp_context_timer_cancel(
    rp_context *context, const char *kind, rp_bytes key, rp_error *reterr);

/* Reads the key of a timer that fired from its message's subject. RP_INVALID where that is none. */
RP_MUST_USE rp_status rp_timer_due_key(
    const rp_message *message, char *key, size_t key_bytes, size_t *ret_len);

#endif
