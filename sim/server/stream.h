/* A stream: messages by sequence, with JetStream's rules for what is stored and what goes.
 *
 * A publish passes, in this order: the expected last sequence of its subject, the message id within
 * the duplicate window, the stream's limits. What is stored has the subject that the stream's
 * mapping gives it. Age and time to live are looked at whenever the stream is: nobody can see the
 * difference.
 *
 * After a restart without a loss everything stored is there, and of the message ids those whose
 * message is. What a power cut takes is the end of the stream (sim_stream_cut).
 *
 * The stream knows no consumers and no network; server.h puts it together.
 */
#ifndef SIM_SERVER_STREAM_H
#define SIM_SERVER_STREAM_H

#include "sim/server/catalog.h"
#include "sim/server/message.h"

typedef struct sim_stored {
    const sim_message *message; /* NULL = gone */
    uint64_t sequence, stored_ns;
    uint64_t expires_ns; /* by its Nats-TTL; 0 = never */
    uint64_t subject_hash;
    uint64_t previous; /* on the subject when this was stored; 0 = none */
    size_t bytes;
} sim_stored;

/* A message id that is remembered. */
typedef struct sim_known_id {
    uint64_t hash, sequence, stored_ns;
} sim_known_id;

typedef struct sim_stream {
    sim_world *world;
    sim_stream_config config; /* the run may set other limits */
    sim_stored *stored;       /* dense: the message of sequence `base` + i */
    size_t count, capacity;
    uint64_t base;        /* of stored[0] */
    uint64_t first, last; /* sequences; first is last + 1 where it is empty */
    uint64_t messages, bytes;
    uint64_t next_expiry_ns; /* of any message by its TTL; UINT64_MAX = none */
    sim_known_id *ids;       /* in order of time */
    size_t id_count, id_capacity;
    uint64_t created_ns;
} sim_stream;

void sim_stream_init(sim_stream *stream, sim_world *world, const sim_stream_config *config);

/* The stream's memory is not the world's: streams are many runs' busiest memory. */
void sim_stream_done(sim_stream *stream);

/* Whether what is published on the subject is the stream's. */
bool sim_stream_takes(const sim_stream *stream, rp_bytes subject);

typedef struct sim_put {
    rp_status status; /* as rp_published, but RP_BUSY and RP_UNAVAILABLE */
    uint64_t sequence;
    const char *why;
    const sim_stored *stored; /* of RP_OK; valid until the next call */
} sim_put;

/* Stores a message at `now_ns`, or says why not. */
sim_put sim_stream_put(sim_stream *stream, const sim_message *message, uint64_t now_ns);

/* What there is at `now_ns`; older and expired messages go. */
void sim_stream_age(sim_stream *stream, uint64_t now_ns);

/* The message of a sequence; NULL where it is gone. */
const sim_stored *sim_stream_at(const sim_stream *stream, uint64_t sequence);

/* The first message from `sequence` on that falls under one of the filters; NULL where there is
 * none. The list of filters ends in NULL or is SIM_FILTERS_MAX long. */
const sim_stored *sim_stream_next(
    const sim_stream *stream, uint64_t sequence, const char *const filters[SIM_FILTERS_MAX]);

/* How many there are from `sequence` on. */
uint64_t sim_stream_pending(
    const sim_stream *stream, uint64_t sequence, const char *const filters[SIM_FILTERS_MAX]);

/* The last message of a literal subject; NULL where there is none. */
const sim_stored *sim_stream_last(const sim_stream *stream, rp_bytes subject);

/* Takes away what lies below `keep_from` (and under the filter, unless it is NULL); says how many
 * went. */
uint64_t sim_stream_purge(sim_stream *stream, const char *filter, uint64_t keep_from);

/* Takes one away. */
void sim_stream_remove(sim_stream *stream, uint64_t sequence);

/* The disk gives back another body for a message from now on. */
void sim_stream_spoil(sim_stream *stream, uint64_t sequence, rp_bytes body);

/* The messages above `last` are lost, as if they had never been. */
void sim_stream_cut(sim_stream *stream, uint64_t last);

/* The server starts again: it remembers the ids whose messages it has. */
void sim_stream_restarted(sim_stream *stream);

#endif
