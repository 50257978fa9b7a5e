/* What the files of the simulated bus share.
 *
 *     bus.c       made, connected, lost and connected again
 *     delivery.c  messages that came in, as rp_message
 *     outbox.c    what waits for an answer: publishes and questions
 *     mailbox.c   pulls and settlements
 *     follower.c  ordered readers
 *     plain.c     plain subjects
 *
 * Everything that is asked of the server carries a token, a number that the bus gives out once, so
 * that an answer that comes too late finds nobody.
 */
#ifndef SIM_BUS_INTERNAL_H
#define SIM_BUS_INTERNAL_H

#include "sim/bus/bus.h"

enum {
    SIM_MAILBOXES_MAX = 32,
    SIM_FOLLOWERS_MAX = 32,
    SIM_PLAIN_MAX = 32,
    SIM_SUBJECT_BYTES = 640,
    SIM_INBOX_BYTES = 40
};

/* -- delivery.c -------------------------------------------------------------------------------- */

/* An rp_message over a message of the server's. */
typedef struct sim_delivery {
    rp_message message;
    const sim_message *stored;
    sim_bus *bus;
    const char *durable;
} sim_delivery;

/* For a message that is only lent. */
sim_delivery sim_delivery_lent(const sim_frame *frame);

/* The same as one of its own, which frees itself. */
rp_message *sim_delivery_taken(sim_bus *bus, const sim_frame *frame);

/* -- outbox.c ---------------------------------------------------------------------------------- */

typedef struct sim_entry {
    sim_frame frame; /* sent again as it is */
    bool used, sent;
    uint32_t tries;
    size_t bytes;
    uint64_t resend_at_ns, give_up_at_ns, patience_ns;
    union {
        rp_published_cb published;
        rp_answer_cb answered;
        rp_stream_cb state;
        rp_purged_cb purged;
    } callback;
    void *arg;
    struct sim_entry *next, *previous;
} sim_entry;

typedef struct sim_outbox {
    sim_entry *oldest, *newest, *spare;
    size_t count, bytes;
    sim_event *tick;
    uint64_t tick_at_ns;
} sim_outbox;

void sim_outbox_connected(sim_bus *bus);
void sim_outbox_disconnected(sim_bus *bus);
void sim_outbox_take(sim_bus *bus, const sim_frame *frame);

rp_status sim_outbox_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg);
rp_status sim_outbox_last(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg);
rp_status sim_outbox_request(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg);
rp_status sim_outbox_state(rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg);
rp_status sim_outbox_purge(rp_bus *bus, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg);
void sim_outbox_forget(rp_bus *bus, void *arg);

/* -- mailbox.c --------------------------------------------------------------------------------- */

rp_status sim_mailbox_open(rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox);
void sim_mailbox_credit(rp_mailbox *mailbox, size_t credit);
void sim_mailbox_close(rp_mailbox *mailbox);
void sim_mailbox_settle(rp_bus *bus, const rp_message *message, rp_settlement settlement,
    uint64_t delay_ns, const char *reason);
void sim_mailboxes_connected(sim_bus *bus);
void sim_mailboxes_disconnected(sim_bus *bus);
void sim_mailboxes_deliver(sim_bus *bus, const sim_frame *frame);
void sim_mailboxes_ended(sim_bus *bus, const sim_frame *frame);

/* -- follower.c -------------------------------------------------------------------------------- */

rp_status sim_follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower);
void sim_unfollow(rp_follower *follower);
void sim_followers_connected(sim_bus *bus);
void sim_followers_disconnected(sim_bus *bus);
void sim_followers_take(sim_bus *bus, const sim_frame *frame);

/* -- plain.c ----------------------------------------------------------------------------------- */

rp_status sim_subscribe(rp_bus *bus, const char *subject, const char *queue, rp_plain_cb callback,
    void *arg, rp_subscription **ret_subscription);
void sim_unsubscribe(rp_subscription *subscription);
void sim_send(rp_bus *bus, rp_bytes subject, rp_bytes body);
void sim_subscriptions_connected(sim_bus *bus);
void sim_subscriptions_take(sim_bus *bus, const sim_frame *frame);

/* -- bus.c ------------------------------------------------------------------------------------- */

struct sim_bus {
    rp_bus bus; /* first */
    rp_bus_ops ops;
    sim_bus_spec spec;
    sim_connection connection;
    bool connected, told_connected;
    uint32_t failures;
    uint64_t tokens; /* given out so far */
    rp_bus_state_cb on_state;
    void *on_state_arg;
    sim_outbox outbox;
    rp_mailbox *mailboxes[SIM_MAILBOXES_MAX];
    rp_follower *followers[SIM_FOLLOWERS_MAX];
    rp_subscription *subscriptions[SIM_PLAIN_MAX];
    sim_bus_counts counts;
};

static inline sim_bus *sim_bus_of(rp_bus *bus)
{
    return (sim_bus *)bus;
}

static inline uint64_t sim_bus_now_ns(const sim_bus *bus)
{
    return sim_world_now_ns(bus->spec.world);
}

/* A copy of a text that lives until the run's end. NULL gives NULL. */
const char *sim_bus_text(sim_bus *bus, const char *text);

#endif
