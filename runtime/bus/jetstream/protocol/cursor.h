/* How far a follower has come in its stream, and what it makes of what it hears.
 *
 * The follower reads through ephemeral consumers, one after the other; the cursor outlives them. It
 * says where the next one begins, tells of each message whether it is handed over, and finds out
 * what bus.h promises to tell: that messages are gone, or that the stream is another one.
 *
 *     open      where does a consumer begin
 *     opened    the server has made it
 *     check     what the stream holds, asked behind that: is it the one that was read so far, and
 *               does it still hold what comes next? Nothing is handed over before.
 *     message, status       what comes
 *
 * Three signs tell another stream from the one that was read:
 *   - it was created at another time;
 *   - it ends before the last message that was handed over;
 *   - the message in the place of that one was stored at another time. So a consumer that goes on
 *     begins with that message once more, which is looked at and not handed over again.
 *
 * A consumer skips silently what is gone. A jump in the sequence while messages wait may be such a
 * gap, or may be what the filter leaves out; only what the stream begins with, asked behind that,
 * tells. So such a message is held until a check, which then speaks for all that had come by then:
 * a reader that catches up through a sparse filter asks once for each batch and not for each
 * message. Where nothing was waiting, nothing could go, and nothing is held.
 *
 * Pure state: no clock, no connection.
 */
#ifndef RUNTIME_BUS_JETSTREAM_PROTOCOL_CURSOR_H
#define RUNTIME_BUS_JETSTREAM_PROTOCOL_CURSOR_H

#include "runtime/bus/bus.h"
#include "runtime/bus/jetstream/protocol/wire.h"

/* In the caller's storage; all fields are the cursor's own. */
typedef struct rp__cursor {
    rp_follow_from from;
    bool holds;          /* a jump is held for a check */
    uint64_t created_ns; /* of the stream; 0 = not known yet */
    bool rewritten;      /* the last message was found to be another one */
    uint64_t next;       /* the least stream sequence that may come; 0 = not known yet */
    uint64_t seen;       /* the last one handed over; 0 = none, or none that holds */
    uint64_t seen_at_ns; /* when the stream stored it */

    /* Of the present consumer. */
    uint64_t consumer_next; /* the consumer sequence that must come */
    uint64_t waiting;       /* messages stored at its start that are still to come */
    bool overlaps;          /* it begins with `seen` */
    bool behind;            /* when the last one was sent, others waited */
    bool caught_up;         /* and that was told */
    uint64_t held;    /* the stream sequence of the message that waits for a check; 0 = none */
    uint64_t cleared; /* of what comes next, so much had come when a check was asked for */
} rp__cursor;

/* As rp_follower_spec has them. `holds` where whoever follows wants to know of losses while it
 * reads. */
void rp__cursor_init(
    rp__cursor *c, rp_follow_from from, uint64_t sequence, uint64_t created_ns, bool holds);

/* Begins with a new consumer: which messages it is to send. Returns the stream sequence to start
 * from, or 0 where `from` says it. */
uint64_t rp__cursor_open(rp__cursor *c);

/* It is made: so many messages wait for it, behind the stream sequence `delivered`. */
void rp__cursor_opened(rp__cursor *c, uint64_t pending, uint64_t delivered);

typedef enum rp__cursor_verdict {
    RP__CURSOR_FINE,
    RP__CURSOR_LOST,   /* messages are gone; the consumer goes on behind them */
    RP__CURSOR_ANOTHER /* the stream is another one; a consumer is to be made anew */
} rp__cursor_verdict;

/* What on_lost is to be told. */
typedef struct rp__cursor_loss {
    uint64_t expected, first;
} rp__cursor_loss;

/* Compares with what the stream holds. `queued` is how much had come and not been looked at when
 * that was asked for, the held message apart. `ret_loss` is set unless all is fine. */
rp__cursor_verdict rp__cursor_check(
    rp__cursor *c, const rp__wire_stream *stream, uint64_t queued, rp__cursor_loss *ret_loss);

typedef enum rp__cursor_step {
    RP__CURSOR_HAND_OVER,
    RP__CURSOR_SKIP, /* it was handed over before */
    RP__CURSOR_HOLD, /* keep it, check, and ask again */
    RP__CURSOR_AGAIN /* something was missed: a consumer is to be made anew */
} rp__cursor_step;

rp__cursor_step rp__cursor_message(rp__cursor *c, const rp__wire_delivery *d);

/* Something came that is no message; where it says which consumer sequence was the last one sent,
 * false if that did not come. `last` NULL = it does not say. */
bool rp__cursor_status(rp__cursor *c, const uint64_t *last);

/* True once for each consumer: all that was stored at its start has been handed over. */
bool rp__cursor_catches_up(rp__cursor *c);

#endif
