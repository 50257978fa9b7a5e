/* The order of an answer's chunks.
 *
 * What a subscriber hears may be late, twice, or missing; what the stream holds is the truth. A
 * chunk is taken if it is the next one: its Nats-Last-Sequence is that of the chunk before, its
 * index follows. Where something is missing in between, the caller reads the stream from
 * `last_sequence` on, and offers what it finds there in the same way.
 */
#ifndef ACTORS_CLI_ASK_ORDER_H
#define ACTORS_CLI_ASK_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* What to do with a chunk. */
typedef enum rp_order_verdict {
    RP_ORDER_TAKE,  /* it is the next */
    RP_ORDER_OLD,   /* taken before */
    RP_ORDER_GAP,   /* something before it is missing: read the stream */
    RP_ORDER_BROKEN /* the stream itself has no chunk of the next index any more */
} rp_order_verdict;

/* Starts cleared. */
typedef struct rp_order {
    uint64_t next_index;
    uint64_t last_sequence; /* in REPLY, of the last chunk taken; 0 = none yet */
    bool finished;
} rp_order;

/* Where a chunk belongs that was heard: with its own sequence and that of the one before. */
rp_order_verdict rp_order_heard(
    const rp_order *order, uint64_t sequence, uint64_t last_sequence, uint64_t index);

/* The same for a chunk that was read from the stream, in its order. */
rp_order_verdict rp_order_read(const rp_order *order, uint64_t sequence, uint64_t index);

/* Notes that a chunk was taken; `final` where it has a finish reason. */
void rp_order_taken(rp_order *order, uint64_t sequence, bool final);

#endif
