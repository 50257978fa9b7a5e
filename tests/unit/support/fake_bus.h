/* A bus in memory, whose every answer waits for the test.
 *
 * It keeps streams as JetStream does: sequences a stream, expected last sequences a subject,
 * message ids told apart (for good; there is no window), `put.` taken off a reply's subject. What
 * it is asked it carries out at once, and what came of it is told when the test turns it:
 *
 *     fake_bus *bus = fake_bus_new();
 *     ... env.bus = &bus->bus ...
 *     fake_bus_deliver(bus, "exec", &(fake_delivery){.sequence = 7, .deliveries = 1, ...});
 *     fake_bus_step(bus);        one callback
 *     fake_bus_run(bus);         all of them, and what they lead to
 *     cr_assert_eq(bus->settled[0].settlement, RP_SETTLE_DONE);
 *     fake_bus_free(bus);        fails where a message was not freed
 *
 * A fate decides what becomes of the next publish on a subject. The stream of a subject follows
 * from its first token: reply REPLY, result RESULT, exec EXEC, dead DEAD, control CONTROL, step
 * STEP, $KV KV_<bucket>, $O OBJ_<bucket>; else OTHER.
 *
 * Followers hear what their filter takes, one message a step, once nothing else waits. With a clock
 * (`bus->clock`), what carries Nats-TTL is gone when its time is up, and nobody is told. A cut bus
 * keeps what it is asked, as an outbox does, until it is mended.
 */
#ifndef TESTS_UNIT_SUPPORT_FAKE_BUS_H
#define TESTS_UNIT_SUPPORT_FAKE_BUS_H

#include "runtime/base/clock.h"
#include "runtime/bus/bus.h"

enum {
    FAKE_STORED_MAX = 2048,
    FAKE_SETTLED_MAX = 256,
    FAKE_WAITING_MAX = 128,
    FAKE_FOLLOWERS_MAX = 32,
    FAKE_FATES_MAX = 8,
    FAKE_MAILBOXES_MAX = 16,
    FAKE_TEXT_BYTES = 256,
    FAKE_DELIVERY_HEADERS_MAX = 4
};

/* -- what lies in the streams, and what was settled -------------------------------------------- */

typedef struct fake_stored {
    char stream[FAKE_TEXT_BYTES];
    char subject[FAKE_TEXT_BYTES];
    uint64_t sequence;
    char *body; /* with a NUL behind it */
    size_t body_len;
    char *headers[RP_HEADER_COUNT]; /* NULL = not there */
    uint64_t expires_ns;            /* 0 = never */
    bool gone;
} fake_stored;

typedef struct fake_settled {
    uint64_t sequence, deliveries;
    rp_settlement settlement;
    uint64_t delay_ns;
    char reason[FAKE_TEXT_BYTES];
    size_t stored_before; /* messages that the streams held then */
} fake_settled;

/* -- what becomes of a publish ----------------------------------------------------------------- */

typedef enum fake_fate_kind {
    FAKE_LOSE_ACK, /* stored; the outbox sends it again and hears what that comes to */
    FAKE_FAIL,     /* not stored; `status` is told */
    FAKE_REFUSE,   /* the call itself answers `status` */
    FAKE_HOLD,     /* stored; told only after fake_bus_let_go */
    FAKE_DELAY     /* neither stored nor told before fake_bus_let_go */
} fake_fate_kind;

typedef struct fake_fate {
    const char *prefix; /* of the subject; NULL = used up */
    fake_fate_kind kind;
    rp_status status;
} fake_fate;

/* A callback that has not been made. */
typedef struct fake_waiting {
    void *arg;
    bool held;
    rp_published_cb published_cb; /* of a publish */
    rp_published published;
    fake_stored *delayed; /* of a publish that is not stored yet */
    bool expect;
    uint64_t expected_sequence;
    rp_answer_cb answer_cb; /* of a read, which is answered when its turn comes */
    rp_stream_cb stream_cb; /* likewise */
    rp_purged_cb purged_cb;
    uint64_t purged;
    char stream[FAKE_TEXT_BYTES], subject[FAKE_TEXT_BYTES];
} fake_waiting;

struct rp_mailbox {
    struct fake_bus *bus;
    rp_mailbox_spec spec;
    size_t credit;
    bool open;
};

struct rp_follower {
    struct fake_bus *bus;
    rp_follower_spec spec;
    bool open, caught_up;
    uint64_t next, last_at_start;
};

typedef struct fake_bus {
    rp_bus bus;            /* first */
    const rp_clock *clock; /* NULL = nothing expires */
    bool cut;
    rp_bus_state_cb on_state; /* NULL = nobody watches */
    void *on_state_arg;
    fake_stored stored[FAKE_STORED_MAX];
    size_t stored_count;
    fake_settled settled[FAKE_SETTLED_MAX];
    size_t settled_count;
    fake_waiting waiting[FAKE_WAITING_MAX];
    size_t waiting_count;
    fake_fate fates[FAKE_FATES_MAX];
    rp_mailbox mailboxes[FAKE_MAILBOXES_MAX];
    size_t mailbox_count;
    rp_follower followers[FAKE_FOLLOWERS_MAX];
    size_t published_count; /* publishes that were taken */
    size_t read_count;
    size_t messages_alive;
    rp_status read_status;  /* what reads end in; RP_OK = what there is */
    rp_status read_refused; /* what the call of a read answers; RP_OK = it is taken */
    rp_stream_state stream; /* what is told of every stream, but for what it holds */
    const char *no_stream;  /* the one that does not exist; NULL = all do */
    size_t payload_bytes_max;
} fake_bus;

/* Ends the test where there is no memory. */
fake_bus *fake_bus_new(void);
void fake_bus_free(fake_bus *bus);

/* -- turning it -------------------------------------------------------------------------------- */

/* Makes the oldest callback that is not held; false where there is none. */
bool fake_bus_step(fake_bus *bus);
void fake_bus_run(fake_bus *bus);

/* What was held may be told now. */
void fake_bus_let_go(fake_bus *bus);

/* No connection: publishes and reads wait, followers hear nothing. Then it is back. */
void fake_bus_cut(fake_bus *bus);
void fake_bus_mend(fake_bus *bus);

/* The next publish whose subject begins with `prefix` (a constant) ends so. */
void fake_bus_fate(fake_bus *bus, const char *prefix, fake_fate_kind kind, rp_status status);

/* -- mailboxes --------------------------------------------------------------------------------- */

typedef struct fake_delivery {
    uint64_t sequence, deliveries, timestamp_ns;
    const char *subject, *body; /* NULL = "exec.m.v.lane", "" */
    struct {
        rp_header header;
        const char *value; /* NULL = no more */
    } headers[FAKE_DELIVERY_HEADERS_MAX];
} fake_delivery;

rp_mailbox *fake_bus_mailbox(fake_bus *bus, const char *durable);

/* Hands a message to the mailbox, which must be open and have credit. */
void fake_bus_deliver(fake_bus *bus, const char *durable, const fake_delivery *delivery);

/* -- streams ----------------------------------------------------------------------------------- */

/* Stores a message as another process would. */
void fake_bus_put(
    fake_bus *bus, const char *subject, const char *body, const char *cause, const char *attempt);

/* Followers that are open. */
size_t fake_bus_followers(const fake_bus *bus);

/* What lies on a subject leaves its stream; the sequences go on. */
void fake_bus_drop(fake_bus *bus, const char *subject);

/* The messages on a subject, and the `index`-th of them; NULL where there are not so many. */
size_t fake_bus_count(const fake_bus *bus, const char *subject);
const fake_stored *fake_bus_at(const fake_bus *bus, const char *subject, size_t index);

/* A header's value; "" where it is not there. */
const char *fake_stored_header(const fake_stored *stored, rp_header header);

#endif
