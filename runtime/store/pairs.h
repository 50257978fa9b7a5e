/* Pairs: an ordered map of byte keys to byte values that knows its own digest.
 *
 * This is the state of a fold (runtime/actor/fold). What it holds follows from what was written to
 * it and from nothing else, so two replicas that wrote the same hold the same, and the digest says
 * so at any moment without a walk: the sum modulo 2^128 of every pair's XXH3-128. A sum does not
 * depend on order, and a write changes it by one term.
 *
 * The hash of a pair is that of its encoding: the key's length and the value's length, 32 bits each,
 * little-endian, then the key, then the value. A snapshot is these encodings one behind the other,
 * so that what is compared and what is kept are the same bytes.
 *
 * Writes between rp_pairs_begin and rp_pairs_commit can be taken back together. What is written
 * outside of them (a snapshot that is read) stays.
 *
 *     rp_pairs_begin(pairs);
 *     if (rp_pairs_put(pairs, key, value, reterr) != RP_OK)
 *         rp_pairs_revert(pairs);
 *     else
 *         rp_pairs_commit(pairs);
 *
 * Keys are ordered by their bytes, a shorter one before those that it begins. The tree is balanced by
 * height (AVL) whatever the keys are, since they come from outside: a tree that is balanced by the
 * keys' hashes alone can be made deep by whoever chooses the keys.
 *
 * Everything is bounded (rp_pairs_limits). Each pair is one block of memory; a write takes a block,
 * since what a state will hold is not known when it begins. One thread at a time.
 */
#ifndef RUNTIME_STORE_PAIRS_H
#define RUNTIME_STORE_PAIRS_H

#include "runtime/base/hash.h"

typedef struct rp_pairs rp_pairs;

typedef struct rp_pairs_limits {
    size_t pairs_max;
    size_t key_bytes_max;
    size_t value_bytes_max;
    size_t bytes_max;  /* of all keys and values together */
    size_t writes_max; /* between begin and commit; memory for taking them back is taken at once */
} rp_pairs_limits;

enum { RP_PAIRS_HEAD_BYTES = 8 }; /* of an encoding, in front of the key */

/* RP_INVALID where a limit is 0, or a key's or value's is above 2^31; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_pairs_new(const rp_pairs_limits *limits, rp_pairs **ret_pairs);

/* NULL is fine. */
void rp_pairs_free(rp_pairs *pairs);

/* Empties it; not between begin and commit. */
void rp_pairs_clear(rp_pairs *pairs);

/* -- reading ----------------------------------------------------------------------------------- */

/* The value; an empty view with NULL data where the key is not there. Valid until the next write, and
 * between begin and commit as long as that lasts. */
rp_bytes rp_pairs_get(const rp_pairs *pairs, rp_bytes key);

size_t rp_pairs_count(const rp_pairs *pairs);

/* Of all keys and values together. */
size_t rp_pairs_bytes(const rp_pairs *pairs);

rp_hash128 rp_pairs_digest(const rp_pairs *pairs);

/* The same, from the pairs themselves: a digest that is not this one means broken memory or a fault
 * of ours. */
rp_hash128 rp_pairs_recompute(const rp_pairs *pairs);

/* The pairs whose keys begin with `prefix`, in order; stops where `each` says false. `each` must not
 * write. */
void rp_pairs_each(const rp_pairs *pairs, rp_bytes prefix,
    bool (*each)(void *arg, rp_bytes key, rp_bytes value), void *arg);

/* All pairs in order, as their encodings. */
void rp_pairs_each_encoded(
    const rp_pairs *pairs, void (*each)(void *arg, rp_bytes encoding), void *arg);

/* -- writing ----------------------------------------------------------------------------------- */

/* From here on writes can be taken back. */
void rp_pairs_begin(rp_pairs *pairs);

/* What was written since stays. */
void rp_pairs_commit(rp_pairs *pairs);

/* What was written since is as if it had never been. Cannot fail. */
void rp_pairs_revert(rp_pairs *pairs);

/* Writes a pair, copied; the views may be its own. RP_INVALID for an empty key; RP_LIMIT where the
 * pair is too large, or too much was written since begin; RP_FULL where all pairs together would be
 * above their bounds, each with the bound in reterr->field and ->limit; RP_NO_MEMORY. Then nothing
 * is written. */
RP_MUST_USE rp_status rp_pairs_put(rp_pairs *pairs, rp_bytes key, rp_bytes value, rp_error *reterr);

/* Removes a pair; RP_OK also where there is none. RP_LIMIT where too much was written since begin.
 */
RP_MUST_USE rp_status rp_pairs_remove(rp_pairs *pairs, rp_bytes key, rp_error *reterr);

#endif
