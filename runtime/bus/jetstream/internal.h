/* What the files of the JetStream bus share.
 *
 *     jetstream.c    the bus itself: made, connected, lost and connected again, freed
 *     link.c         one connection of nats.c on the loop
 *     delivery.c     messages that came in, as rp_message
 *     outbox.c       what waits for an answer: publishes, last messages, questions
 *     pull.c         mailboxes
 *     follow.c       ordered readers
 *     plain.c        plain subjects
 *     streams.c      what a stream holds, and deleting from it
 *     protocol/      what all this thinks, without a server: texts, outbox slots, pull requests, a
 *                    follower's place
 *
 * One inbox subscription serves all that is published; the last token of the subject says whose an
 * answer is. Each mailbox, question and follower has one of its own: where nobody takes a request,
 * nats.c keeps the server's message and hands out NATS_NO_RESPONDERS alone, so that the
 * subscription must say whose it was.
 */
#ifndef RUNTIME_BUS_JETSTREAM_INTERNAL_H
#define RUNTIME_BUS_JETSTREAM_INTERNAL_H

#include "runtime/base/buffer.h"
#include "runtime/bus/jetstream/jetstream.h"
#include "runtime/bus/jetstream/link.h"
#include "runtime/bus/jetstream/protocol/slots.h"
#include "runtime/bus/jetstream/protocol/wire.h"

enum {
    RP__MAILBOXES_MAX = 32,
    RP__FOLLOWERS_MAX = 32,
    RP__SUBSCRIPTIONS_MAX = 32,
    RP__PLAIN_MESSAGES_MAX = 16384, /* that wait in a plain subscription, */
    RP__PLAIN_BYTES_MAX = 16 << 20, /* and their bodies together; more are dropped */
    RP__STREAM_QUESTIONS_MAX = 8,   /* that wait at once */
    /* prefix, dot, nats.c's 22 characters; behind it a kind and a token of two numbers */
    RP__INBOX_NAME_BYTES = RP_ENDPOINT_INBOX_PREFIX_MAX + 24,
    RP__INBOX_BYTES = RP__INBOX_NAME_BYTES + 32,
    RP__SUBJECT_BYTES = 640,
    RP__DRAIN_MESSAGES_MAX = 1024, /* in one turn of the loop, then timers get theirs */
    RP__TICK_MS = 50               /* how often time limits are looked at */
};

typedef struct rp__jetstream rp__jetstream;

/* -- delivery.c -------------------------------------------------------------------------------- */

/* An rp_message over a natsMsg. Taken ones come from a pool that keeps what was freed. */
typedef struct rp__delivery {
    rp_message message;
    natsMsg *nats;
    rp__jetstream *js;
    struct rp__delivery *next; /* in the pool */
} rp__delivery;

/* Fills `delivery` over `nats`, which stays the caller's; for a message that is only lent. */
void rp__delivery_view(rp__delivery *delivery, natsMsg *nats);

/* The same as a message of its own that takes `nats`; NULL out of memory (nats is destroyed). */
rp_message *rp__delivery_new(rp__jetstream *js, natsMsg *nats);

void rp__delivery_pool_done(rp__jetstream *js);

/* The number in a status header (404, 408, ...); 0 for a message that is a message. */
int rp__delivery_status(natsMsg *nats);

/* The last token of the subject; of a status message, that is whose it is. */
const char *rp__delivery_token(natsMsg *nats);

/* -- outbox.c ---------------------------------------------------------------------------------- */

typedef enum rp__entry_kind {
    RP__ENTRY_PUBLISH,
    RP__ENTRY_LAST,
    RP__ENTRY_QUESTION
} rp__entry_kind;

/* Something that was sent and waits for its answer; slots.h says where, and under which name. */
typedef struct rp__entry {
    rp__jetstream *js;
    rp__entry_kind kind;
    natsSubscription *inbox; /* a question's, on the present connection */
    bool sent;               /* on the present connection */
    bool refused;            /* by nats.c: it can never be sent */
    uint32_t tries;
    natsMsg *nats; /* kept to be sent again */
    uint64_t resend_at_ns;
    uint64_t give_up_at_ns; /* 0 until it is first sent on this connection */
    uint64_t patience_ns;
    union {
        rp_published_cb published;
        rp_answer_cb answered;
    } callback;
    void *arg;
} rp__entry;

typedef struct rp__outbox {
    rp__slots slots;
    rp__entry *entries; /* one a slot */
    size_t questions;   /* of them */
    uint64_t ticked_ns; /* when time limits were looked at last */
} rp__outbox;

RP_MUST_USE rp_status rp__outbox_init(rp__jetstream *js);
void rp__outbox_done(rp__jetstream *js);
void rp__outbox_connected(rp__jetstream *js);    /* sends all again, oldest first */
void rp__outbox_disconnected(rp__jetstream *js); /* stops the clocks */
/* Takes at most `budget` answers and returns how many. */
size_t rp__outbox_drain(rp__jetstream *js, size_t budget);
void rp__outbox_tick(rp__jetstream *js, uint64_t now_ns);

rp_status rp__outbox_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg);
rp_status rp__outbox_last(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg);
rp_status rp__outbox_request(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg);
void rp__outbox_forget(rp_bus *bus, void *arg);

/* -- pull.c ------------------------------------------------------------------------------------ */

rp_status rp__mailbox_open(rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox);
void rp__mailbox_credit(rp_mailbox *mailbox, size_t credit);
void rp__mailbox_close(rp_mailbox *mailbox);
void rp__mailboxes_connected(rp__jetstream *js);
void rp__mailboxes_disconnected(rp__jetstream *js);
/* Hands over at most `budget` messages and returns how many. */
size_t rp__mailboxes_drain(rp__jetstream *js, size_t budget);
void rp__mailboxes_tick(rp__jetstream *js, uint64_t now_ns);
void rp__mailboxes_done(rp__jetstream *js);
void rp__settle(rp_bus *bus, const rp_message *message, rp_settlement settlement, uint64_t delay_ns,
    const char *reason);

/* -- follow.c ---------------------------------------------------------------------------------- */

rp_status rp__follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower);
void rp__unfollow(rp_follower *follower);
void rp__followers_connected(rp__jetstream *js);
void rp__followers_disconnected(rp__jetstream *js);
/* Hands over at most `budget` messages and returns how many. */
size_t rp__followers_drain(rp__jetstream *js, size_t budget);
void rp__followers_tick(rp__jetstream *js, uint64_t now_ns);
void rp__followers_done(rp__jetstream *js);

/* -- plain.c ----------------------------------------------------------------------------------- */

struct rp_subscription {
    rp__jetstream *js;
    char *subject;
    char *queue;
    natsSubscription *nats; /* NULL while there is no connection */
    int64_t dropped;        /* by nats.c, on this connection, as far as it was told */
    rp_plain_cb callback;
    void *arg;
};

rp_status rp__subscribe(rp_bus *bus, const char *subject, const char *queue, rp_plain_cb callback,
    void *arg, rp_subscription **ret_subscription);
void rp__unsubscribe(rp_subscription *subscription);
void rp__subscriptions_connected(rp__jetstream *js);
void rp__subscriptions_disconnected(rp__jetstream *js);
/* Hands over at most `budget` messages and returns how many. */
size_t rp__subscriptions_drain(rp__jetstream *js, size_t budget);
void rp__subscriptions_tick(rp__jetstream *js); /* tells what was dropped */
void rp__subscriptions_done(rp__jetstream *js);
void rp__send(rp_bus *bus, rp_bytes subject, rp_bytes body);

/* -- streams.c --------------------------------------------------------------------------------- */

/* A question about a stream that takes several of the server's, or whose answer is read here. */
typedef struct rp__stream_question {
    rp__jetstream *js;
    bool used;
    rp_stream_cb on_state; /* NULL: nobody listens any more */
    rp_purged_cb on_purged;
    void *arg;
    char stream[RP__WIRE_NAME_BYTES];
    rp_stream_state state;
    uint64_t listed; /* consumers seen so far */
    char last_name[RP__WIRE_NAME_BYTES];
    int starts; /* of the list */
} rp__stream_question;

rp_status rp__stream_state(rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg);
rp_status rp__stream_purge(rp_bus *bus, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg);
void rp__streams_forget(rp__jetstream *js, void *arg);

/* Asks STREAM.INFO; the answer is for rp__stream_info_read. */
RP_MUST_USE rp_status rp__stream_info_ask(
    rp__jetstream *js, const char *stream, rp_answer_cb callback, void *arg);

/* Reads that answer: RP_OK, the status it came with, the server's refusal, or RP_INVALID. */
RP_MUST_USE rp_status rp__stream_info_read(
    rp_status status, const rp_message *answer, rp__wire_stream *ret_stream);

/* -- jetstream.c ------------------------------------------------------------------------------- */

/* The kinds of inbox, as letters in their subjects. */
typedef enum rp__inbox {
    RP__INBOX_ANSWER = 'a',
    RP__INBOX_FOLLOW = 'f',
    RP__INBOX_PULL = 'p',
    RP__INBOX_QUESTION = 'q'
} rp__inbox;

struct rp__jetstream {
    rp_bus bus; /* first, so that a bus is one of these */
    rp_jetstream_spec spec;
    rp__link *link;
    natsConnection *connection; /* NULL while there is none */
    uint64_t connects;          /* how often a connection was tried */
    uint32_t failures;          /* since the last one that worked */
    uint64_t reconnect_at_ns;   /* 0 = not waiting */
    uint64_t tell_dropped_at_ns;
    size_t payload_bytes_max;
    char inbox[RP__INBOX_NAME_BYTES];
    natsSubscription *answers; /* to what is published, and to questions for last messages */
    rp_bus_state_cb on_state;
    void *on_state_arg;
    bool told_connected;

    rp__outbox outbox;
    uint32_t mailbox_serials;
    rp_mailbox *mailboxes[RP__MAILBOXES_MAX];
    uint64_t follower_serials;
    uint32_t follower_generations; /* consumers that followers made so far */
    rp_follower *followers[RP__FOLLOWERS_MAX];
    rp_subscription *subscriptions[RP__SUBSCRIPTIONS_MAX];
    rp__stream_question questions[RP__STREAM_QUESTIONS_MAX];
    rp__delivery *pool;
    rp_buffer scratch; /* for one message on its way out */

    uv_check_t check;
    uv_idle_t more; /* runs while a turn left messages behind */
    uv_timer_t tick;
    int handles;
    bool freed;

    struct {
        rp_counter *published, *published_again, *conflicts, *received, *dropped, *reconnects;
        rp_counter *outbox_full, *given_up, *stream_full, *plain_dropped, *losses;
        rp_gauge *outbox_messages, *outbox_bytes, *connected;
    } metrics;
};

static inline rp__jetstream *rp__jetstream_of(rp_bus *bus)
{
    return (rp__jetstream *)bus;
}

static inline uint64_t rp__now(const rp__jetstream *js)
{
    return rp_clock_monotonic_ns(js->spec.clock);
}

/* Writes the reply subject of an inbox with a token of two numbers. */
void rp__inbox_subject(const rp__jetstream *js, rp__inbox inbox, uint32_t slot, uint32_t generation,
    char subject[RP__INBOX_BYTES]);

/* Reads such a token; false where it is none of ours. */
bool rp__inbox_token(const char *token, uint32_t *ret_slot, uint32_t *ret_generation);

/* The connection failed while it was written to; it will be closed and made again. */
void rp__connection_failed(rp__jetstream *js, natsStatus status, const char *doing);

#endif
