/* Digests of replicas, held against each other.
 *
 * At every 4,096th sequence of the log a fold's digest is an outcome. Whoever emits it stores its
 * own, and every replica sees what was stored: sooner or later than it has folded so far itself.
 * The witness keeps the latest of both sides and compares where it has both.
 *
 *     if (!rp_witness_own(&witness, sequence, digest)) alarm();
 *     if (!rp_witness_stored(&witness, sequence, digest)) alarm();
 *
 * Bounded: of each side the latest RP_WITNESS_KEPT are kept. A replica that is further behind than
 * that is not compared where it is, but it is once it has caught up: a difference in the pairs does
 * not go away by itself.
 */
#ifndef RUNTIME_ACTOR_FOLD_WITNESS_H
#define RUNTIME_ACTOR_FOLD_WITNESS_H

#include "runtime/base/hash.h"

enum { RP_WITNESS_KEPT = 64 };

typedef struct rp_testimony {
    uint64_t sequence; /* 0 = none */
    rp_hash128 digest;
} rp_testimony;

/* In the caller's storage; all zeros is a new one. */
typedef struct rp_witness {
    rp_testimony own[RP_WITNESS_KEPT], stored[RP_WITNESS_KEPT];
    size_t own_next, stored_next;
} rp_witness;

/* What this replica has at a sequence. False where another one was stored for it. */
bool rp_witness_own(rp_witness *witness, uint64_t sequence, rp_hash128 digest);

/* What was stored for a sequence. False where this replica has another one. */
bool rp_witness_stored(rp_witness *witness, uint64_t sequence, rp_hash128 digest);

#endif
