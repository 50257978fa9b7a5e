/* A durable pull consumer: who has been handed what, and what is to be handed out again.
 *
 * It hands out, in stream order, what falls under its filters; first whatever is to come again. A
 * message that was handed out is pending until it is settled; after ack_wait without a sign, or a
 * NAK and its delay, it is handed out again with one delivery more. A settlement is taken from
 * whoever sends it: a late one of an earlier delivery counts, too.
 *
 * Pulls wait in a row and are served in turn, one message each. A pull ends when it is filled, when
 * its time is over (408), or when nobody listens any more.
 *
 * The server writes a durable's state to the disk a moment after it changed. A restart brings back
 * what was written last, so that settlements and counts of deliveries of the last moment are lost.
 */
#ifndef SIM_SERVER_DURABLE_H
#define SIM_SERVER_DURABLE_H

#include "sim/server/stream.h"

enum { SIM_PULLS_MAX = 512, SIM_PENDING_MAX = 4096 };

/* How long a durable's state may lie in memory alone. */
#define SIM_DURABLE_FLUSH_NS (100 * RP_NS_PER_MS)

typedef struct sim_pull {
    struct sim_connection *connection; /* who asked; over this or an earlier connection of his */
    uint64_t token;                    /* the asker's own, handed back */
    size_t missing;
    uint64_t ends_ns;
} sim_pull;

typedef struct sim_pending {
    uint64_t sequence;
    uint64_t deliveries;
    uint64_t due_ns;    /* then it is handed out again */
    bool queued;        /* it waits to be */
    uint64_t queued_at; /* in which order */
} sim_pending;

/* What a restart brings back. */
typedef struct sim_durable_state {
    uint64_t next;     /* stream sequence that was not looked at yet */
    uint64_t consumer; /* consumer sequence of the last delivery */
    sim_pending *pending;
    size_t count;
} sim_durable_state;

typedef struct sim_durable {
    struct sim_server *server;
    sim_stream *stream;
    const sim_durable_config *config;
    bool missing; /* deleted: nobody answers pulls */
    sim_durable_state now, written;
    uint64_t queued; /* ever, for their order */
    sim_pull pulls[SIM_PULLS_MAX];
    size_t pull_count;
    sim_event *alarm; /* the next due_ns or ends_ns */
    uint64_t alarm_ns;
    sim_event *flush;
} sim_durable;

void sim_durable_init(sim_durable *durable, struct sim_server *server, sim_stream *stream,
    const sim_durable_config *config);
void sim_durable_done(sim_durable *durable);

/* Somebody asks for messages. */
void sim_durable_pull(sim_durable *durable, const sim_pull *pull);

/* What became of a message; `delay_ns` is of RP_SETTLE_RETRY. */
void sim_durable_settle(
    sim_durable *durable, uint64_t sequence, rp_settlement settlement, uint64_t delay_ns);

/* Hands out what it can. */
void sim_durable_serve(sim_durable *durable);

/* Whether nothing is pending and nothing is left to hand out. */
bool sim_durable_idle(const sim_durable *durable);

/* Up to here everything is settled. */
uint64_t sim_durable_floor(const sim_durable *durable);

/* The server ends, and comes back with what was written. */
void sim_durable_crashed(sim_durable *durable);

#endif
