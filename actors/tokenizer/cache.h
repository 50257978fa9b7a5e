/* A bounded cache of texts that were encoded before, shared by threads.
 *
 * Looking up takes no lock and allocates nothing: a reader announces in a place of its own which
 * entry it looks at, makes sure that it is still there, copies the tokens out, and lets go. Adding
 * takes a lock, and adds nothing where somebody else has it, so that nobody waits; it evicts what
 * was used least recently until the new entry fits, and frees what was evicted once no reader looks
 * at it (M. Michael: "Hazard pointers", 2004).
 *
 * A key is a 128-bit hash of the text and of all that the tokens depend on; two texts with one key
 * would be taken for one another, which at 2^64 entries becomes likely.
 *
 *     rp_token_cache_new(64 << 20, threads, &cache);
 *     rp_hash128 key = rp_hash_xxh3_128(text, seed);
 *     if (!rp_token_cache_get(cache, thread, key, &tokens)) {
 *         encode(text, &tokens);
 *         rp_token_cache_put(cache, key, ids, count);
 *     }
 *     rp_token_cache_free(cache);
 */
#ifndef ACTORS_TOKENIZER_CACHE_H
#define ACTORS_TOKENIZER_CACHE_H

#include "kernels/text/spm.h"
#include "runtime/base/hash.h"

typedef struct rp_token_cache rp_token_cache;

/* `bytes_max` bounds what the entries take; `readers` numbers the threads that look up, from 0.
 * RP_INVALID for 0, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_token_cache_new(
    size_t bytes_max, size_t readers, rp_token_cache **ret_cache);

/* Accepts NULL. Nobody may be using it. */
void rp_token_cache_free(rp_token_cache *cache);

/* Appends the tokens under `key`; false where there are none, or where they do not fit. Each reader
 * is one thread at a time. */
bool rp_token_cache_get(rp_token_cache *cache, size_t reader, rp_hash128 key, rp_tokens *tokens);

/* Adds what is not there yet. Not kept are an entry above an eighth of the bound, one for which
 * there is no memory, and one that comes while another thread adds: such a text is encoded again
 * when it comes again. Any thread; never waits. */
void rp_token_cache_put(rp_token_cache *cache, rp_hash128 key, const int32_t *ids, size_t count);

/* What was found, what was not and what had to make room, since the start, and what the entries take
 * now. Any thread. */
typedef struct rp_token_cache_counts {
    uint64_t hits, misses, evictions;
    size_t entries, bytes;
} rp_token_cache_counts;
rp_token_cache_counts rp_token_cache_count(const rp_token_cache *cache);

#endif
