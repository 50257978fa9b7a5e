/* The bus: how an actor meets the others.
 *
 * Everything between actors goes through an rp_bus: messages of a mailbox, what they cause, and the
 * few reads that a handler makes on its way. It is an interface with several implementations:
 * JetStream (jetstream/jetstream.h), the simulator, and the recorded bus of a replay; an actor
 * cannot tell which one it runs on.
 *
 * All calls are made on the loop's thread and none blocks; what takes time ends in a callback, on
 * the same thread, never inside the call that started it. A callback is made exactly once, unless
 * rp_bus_forget came first or the bus is freed.
 *
 * What is promised:
 *  - A publish is kept until the stream's acknowledgement, over lost connections and server
 *    restarts, and is sent again under its own identity. Its callback tells what became of it.
 *  - A message that is not settled is delivered again.
 *  - Everything is bounded. A full outbox answers RP_LIMIT; the caller keeps what it has and tries
 *    again a little later, as a worker's clock does for its contexts. There is room again as soon
 *    as something that waits has its answer.
 *
 * A typical handler: a message is taken, its outputs are published, and when their callbacks say
 * RP_OK the message is settled and freed.
 */
#ifndef RUNTIME_BUS_BUS_H
#define RUNTIME_BUS_BUS_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* Every header that Reprise reads or writes. */
#define RP_HEADER_MAP(X)                        \
    X(MESSAGE_ID, "Nats-Msg-Id")                \
    X(TTL, "Nats-TTL")                          \
    X(ROLLUP, "Nats-Rollup")                    \
    X(SCHEDULE, "Nats-Schedule")                \
    X(TARGET, "Nats-Schedule-Target")           \
    X(SCHEDULE_TTL, "Nats-Schedule-TTL")        \
    X(SCHEDULE_ZONE, "Nats-Schedule-Time-Zone") \
    X(MARKER, "Nats-Marker-Reason")             \
    X(OPERATION, "KV-Operation")                \
    X(SEQUENCE, "Nats-Sequence")                \
    X(LAST_SEQUENCE, "Nats-Last-Sequence")      \
    X(CONTENT_TYPE, "Content-Type")             \
    X(TRACEPARENT, "traceparent")               \
    X(REQUEST, "Rp-Request")                    \
    X(TENANT, "Rp-Tenant")                      \
    X(ENCODING, "Rp-Encoding")                  \
    X(REPLY_TO, "Rp-Reply-To")                  \
    X(CAUSE, "Rp-Cause")                        \
    X(TRY, "Rp-Try")                            \
    X(JOURNAL, "Rp-Journal")                    \
    X(BUILD, "Rp-Build")                        \
    X(SCHEMA, "Rp-Schema")                      \
    X(EPOCH, "Rp-Epoch")                        \
    X(DEADLINE, "Rp-Deadline")                  \
    X(BODY, "Rp-Body")                          \
    X(CHUNK, "Rp-Chunk")                        \
    X(ACTOR, "Rp-Actor")                        \
    X(SIGNATURE, "Rp-Signature")

typedef enum rp_header {
#define X(code, name) RP_HEADER_##code,
    RP_HEADER_MAP(X)
#undef X
        RP_HEADER_COUNT
} rp_header;

/* The header's name on the wire. */
const char *rp_header_name(rp_header header);

/* -- messages ---------------------------------------------------------------------------------- */

typedef struct rp_bus rp_bus;
typedef struct rp_message rp_message;

/* A message that came in. All views live as long as it does. The stream's fields are zero for a
 * message that lies in no stream. */
struct rp_message {
    rp_bytes subject;
    rp_bytes reply;        /* where an answer or a settlement goes; may be empty */
    rp_bytes body;         /* what came; with Rp-Body, what that refers to (store/claims) */
    rp_status body_status; /* RP_OK, or why what Rp-Body refers to cannot be had */
    const char *body_why;  /* a sentence for the client where that is not RP_OK, else NULL */
    rp_bytes stream;
    uint64_t stream_sequence;
    uint64_t consumer_sequence;
    uint64_t deliveries;   /* counted by the server, 1 = the first */
    uint64_t timestamp_ns; /* when the stream stored it, Unix time */
    uint64_t pending;      /* behind it for this consumer */
    rp_bytes (*header)(const rp_message *message, rp_header header);
    void (*free)(rp_message *message);
};

/* The header's value; an empty view with NULL data where the message does not carry it. */
rp_bytes rp_message_header(const rp_message *message, rp_header header);

/* Frees a message that was taken. NULL is fine. Does not settle it. */
void rp_message_free(rp_message *message);

/* -- mailboxes --------------------------------------------------------------------------------- */

/* A durable pull consumer that all replicas of a role share. The mailbox asks for as many messages
 * as it has credit; every message it hands over uses up one. */
typedef struct rp_mailbox rp_mailbox;

typedef struct rp_mailbox_spec {
    const char *stream;                                 /* borrowed for the mailbox's life */
    const char *durable;                                /* likewise; made by the provisioner */
    void (*on_message)(void *arg, rp_message *message); /* takes the message */
    void (*on_trouble)(void *arg, rp_status status, const char *why); /* the durable is missing,
                         ...; the mailbox goes on trying, and says RP_OK when that is over */
    void *arg;
} rp_mailbox_spec;

typedef enum rp_settlement {
    RP_SETTLE_DONE,     /* its outputs are stored */
    RP_SETTLE_RETRY,    /* deliver again, after a delay */
    RP_SETTLE_PROGRESS, /* still at work: extend */
    RP_SETTLE_REJECT    /* never deliver again; it stands in DEAD */
} rp_settlement;

/* -- publishing -------------------------------------------------------------------------------- */

enum { RP_PUBLICATION_HEADERS_MAX = 14 };

typedef struct rp_header_value {
    rp_header header;
    rp_bytes value; /* printable ASCII */
} rp_header_value;

/* What to publish; borrowed for the call, copied by the bus. */
typedef struct rp_publication {
    rp_bytes subject;
    rp_bytes body;
    rp_header_value headers[RP_PUBLICATION_HEADERS_MAX];
    size_t header_count;
    bool expect;                /* store only if the subject's last sequence is this one */
    uint64_t expected_sequence; /* 0 = the subject must be empty */
} rp_publication;

/* Adds a header; there must be room. Borrows `value` until the publish call. */
void rp_publication_header(rp_publication *publication, rp_header header, rp_bytes value);

/* What became of a publish:
 *   RP_OK           stored, at `sequence`
 *   RP_DUPLICATE    its message id is stored already, at `sequence`
 *   RP_CONFLICT     the expected sequence did not hold
 *   RP_FULL         the stream takes nothing more
 *   RP_DENIED       no permission
 *   RP_UNAVAILABLE  no stream takes the subject, or no answer within the outbox's time limit;
 *                   it may have been stored all the same
 *   RP_INVALID      the server refused it; `why` says so */
typedef struct rp_published {
    rp_status status;
    uint64_t sequence;
    const char *why; /* borrowed for the callback */
} rp_published;

typedef void (*rp_published_cb)(void *arg, const rp_published *published);

/* A message as an answer, borrowed for the callback; NULL unless the status is RP_OK. RP_NOT_FOUND,
 * RP_TIMEOUT, RP_UNAVAILABLE (nobody answers), RP_DENIED. */
typedef void (*rp_answer_cb)(void *arg, rp_status status, const rp_message *message);

/* -- following a stream ------------------------------------------------------------------------ */

/* An ordered reader: every message of a filter, in stream order, each once, through an ephemeral
 * consumer that is made again wherever it broke off: after a lost connection, a restart of the
 * server, a message that did not come.
 *
 * A stream may lose what a follower was still to hand over, or become another one. The follower
 * then goes on with what there is, and says so through on_lost(expected, first) before it hands
 * over anything behind the loss:
 *
 *   0 < expected < first   The messages from `expected` up to and without `first` are gone unread:
 *                          a limit, a purge or a retention took the stream's start away. The next
 *                          message has the sequence `first` or a later one. Which of those that
 *                          went the filter would have let through cannot be known; a loss is told
 *                          though it may be of none of them.
 *   expected = 0           The stream is another one: deleted and made anew under its name, or
 *                          brought back to an earlier state (a backup, a machine that lost what was
 *                          not on its disk yet), so that sequences that were handed over are given
 *                          again. Nothing of what was handed over holds any more. The follower
 *                          begins again, at the newest message of each subject where it began
 *                          there, else at the stream's start, which is `first`.
 *
 * It is found out whenever the consumer is made, and while it reads with messages waiting behind
 * (a follower that is level with the stream has nothing to lose). A follower from a sequence finds
 * it at its start too: where the stream begins behind that sequence, or ends before the one before
 * it, or is not the one that `created_ns` names.
 *
 * Not found out: messages that go from within the stream, by a limit for each subject, by a purge
 * of one subject, or one by one. A reader cannot tell those from what its filter leaves out. */
typedef struct rp_follower rp_follower;

typedef enum rp_follow_from {
    RP_FOLLOW_NEW,              /* what comes from now on */
    RP_FOLLOW_LAST_PER_SUBJECT, /* the newest of each subject, then what comes */
    RP_FOLLOW_SEQUENCE          /* from a stream sequence on; 0 = the first there is */
} rp_follow_from;

typedef struct rp_follower_spec {
    const char *stream; /* borrowed for the follower's life, like the filter */
    const char *filter;
    rp_follow_from from;
    uint64_t sequence;
    uint64_t created_ns; /* the stream that `sequence` is one of, as rp_stream_state has it; 0 =
                            whichever it is */
    void (*on_message)(void *arg, const rp_message *message); /* borrows the message */
    void (*on_caught_up)(void *arg); /* all that was stored at the start has been handed over; also
                                        after each time the follower had to start anew */
    void (*on_lost)(void *arg, uint64_t expected, uint64_t first); /* may be NULL; see above */
    void *arg;
} rp_follower_spec;

/* -- what a stream holds ------------------------------------------------------------------------ */

typedef struct rp_stream_state {
    uint64_t first_sequence; /* of what is kept; last + 1 where nothing is */
    uint64_t last_sequence;  /* ever stored */
    uint64_t messages;
    uint64_t bytes, bytes_max; /* bytes_max 0 = no limit */
    uint64_t settled_sequence; /* up to here every durable with explicit acknowledgement has settled
                                  all that it was to see; the last sequence where there is none */
    bool settled_by_durables;  /* whether there is such a durable */
    uint64_t created_ns;       /* a stream made anew under its name is another one */
} rp_stream_state;

/* `state` is borrowed for the callback, NULL unless RP_OK. RP_NOT_FOUND, RP_TIMEOUT (also where
 * there is no permission to ask), RP_DENIED, RP_UNAVAILABLE, RP_INVALID (the answer is none). */
typedef void (*rp_stream_cb)(void *arg, rp_status status, const rp_stream_state *state);

/* RP_OK with the number of messages that went; else as above. */
typedef void (*rp_purged_cb)(void *arg, rp_status status, uint64_t purged);

/* -- plain subjects ---------------------------------------------------------------------------- */

typedef struct rp_subscription rp_subscription;

typedef void (*rp_plain_cb)(void *arg, const rp_message *message); /* borrows the message */

/* -- the interface ----------------------------------------------------------------------------- */

typedef void (*rp_bus_state_cb)(void *arg, bool connected);

/* Every slot states its rule at the function below that calls it. */
typedef struct rp_bus_ops {
    rp_status (*mailbox_open)(rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox);
    void (*mailbox_credit)(rp_mailbox *mailbox, size_t credit);
    void (*mailbox_close)(rp_mailbox *mailbox);
    void (*settle)(rp_bus *bus, const rp_message *message, rp_settlement settlement,
        uint64_t delay_ns, const char *reason);
    rp_status (*publish)(
        rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg);
    rp_status (*last)(
        rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg);
    rp_status (*request)(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
        rp_answer_cb callback, void *arg);
    void (*forget)(rp_bus *bus, void *arg);
    void (*send)(rp_bus *bus, rp_bytes subject, rp_bytes body);
    rp_status (*subscribe)(rp_bus *bus, const char *subject, const char *queue,
        rp_plain_cb callback, void *arg, rp_subscription **ret_subscription);
    void (*unsubscribe)(rp_subscription *subscription);
    rp_status (*follow)(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower);
    void (*unfollow)(rp_follower *follower);
    void (*watch_state)(rp_bus *bus, rp_bus_state_cb callback, void *arg);
    rp_status (*stream_state)(rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg);
    rp_status (*purge)(rp_bus *bus, const char *stream, const char *filter, uint64_t keep_from,
        rp_purged_cb callback, void *arg);
    size_t (*payload_bytes_max)(const rp_bus *bus);
    void (*free)(rp_bus *bus);
} rp_bus_ops;

/* The head of every implementation's own struct. */
struct rp_bus {
    const rp_bus_ops *ops;
};

/* Opens a mailbox without credit. RP_LIMIT where the bus holds no more of them. The mailbox is the
 * caller's until rp_mailbox_close. Both begin with their bus, so that they need no second argument.
 */
RP_MUST_USE rp_status rp_mailbox_open(
    rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox);

/* How many messages the mailbox may hand over from now on; each one handed over lowers it by one.
 */
void rp_mailbox_credit(rp_bus *bus, rp_mailbox *mailbox, size_t credit);

/* Stops taking messages: after this call none is handed over. Messages on their way are delivered
 * to others after ack_wait. Frees the mailbox. */
void rp_mailbox_close(rp_bus *bus, rp_mailbox *mailbox);

/* Tells the server what became of a mailbox's message. Not acknowledged: a settlement that is lost
 * leads to a redelivery, which the outputs' identities make harmless. `delay_ns` is RETRY's,
 * `reason` REJECT's (both else 0 and NULL). */
void rp_bus_settle(rp_bus *bus, const rp_message *message, rp_settlement settlement,
    uint64_t delay_ns, const char *reason);

/* Publishes to a stream. RP_LIMIT where the outbox is full or the body is above
 * rp_bus_payload_bytes_max (nothing was sent, no callback comes); RP_INVALID for a subject or a
 * header that cannot be sent. The callback may be NULL. */
RP_MUST_USE rp_status rp_bus_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg);

/* Reads the last message of a literal subject in a stream. */
RP_MUST_USE rp_status rp_bus_last(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg);

/* Asks on a plain subject and waits for the first answer. */
RP_MUST_USE rp_status rp_bus_request(rp_bus *bus, const char *subject, rp_bytes body,
    uint64_t timeout_ns, rp_answer_cb callback, void *arg);

/* No callback with this argument comes any more. Publishes in the outbox are still stored. */
void rp_bus_forget(rp_bus *bus, void *arg);

/* Sends to a plain subject: at most once, no promise; dropped while there is no connection. */
void rp_bus_send(rp_bus *bus, rp_bytes subject, rp_bytes body);

/* Subscribes to a plain subject, in a queue group unless `queue` is NULL; kept over reconnects. */
RP_MUST_USE rp_status rp_bus_subscribe(rp_bus *bus, const char *subject, const char *queue,
    rp_plain_cb callback, void *arg, rp_subscription **ret_subscription);
void rp_bus_unsubscribe(rp_bus *bus, rp_subscription *subscription);

RP_MUST_USE rp_status rp_bus_follow(
    rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower);
void rp_bus_unfollow(rp_bus *bus, rp_follower *follower);

/* Asks what a stream holds, its durables included. The state is that of one moment but for
 * settled_sequence, which is of that moment or a later one and never above last_sequence. RP_LIMIT
 * where too many such questions wait. */
RP_MUST_USE rp_status rp_bus_stream_state(
    rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg);

/* Deletes the messages of a stream below the sequence `keep_from`, those of one subject or wildcard
 * alone unless `filter` is NULL. Deletes none where `keep_from` is 1, which is the least. RP_LIMIT
 * as above, RP_INVALID for a filter that is none or a `keep_from` of 0. Housekeeping's: an actor
 * that is not a janitor deletes nothing. */
RP_MUST_USE rp_status rp_bus_purge(rp_bus *bus, const char *stream, const char *filter,
    uint64_t keep_from, rp_purged_cb callback, void *arg);

/* Tells each change of the connection's state, and the present one at once. One watcher a bus. */
void rp_bus_watch_state(rp_bus *bus, rp_bus_state_cb callback, void *arg);

/* The largest body that can be published: the server's own limit, or a larger one where bodies
 * above that travel by reference (runtime/store/claims/claims.h). */
size_t rp_bus_payload_bytes_max(const rp_bus *bus);

/* Gives up what is in the outbox and closes the connection. NULL is fine. */
void rp_bus_free(rp_bus *bus);

#endif
