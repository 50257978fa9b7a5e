#include "actors/tokenizer/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { WAYS = 8, BYTES_A_SET = 4096, SETS_MIN = 64, SETS_MAX = 1 << 20, CACHE_LINE = 64 };

typedef struct entry {
    rp_hash128 key;
    atomic_uint_fast64_t used; /* the clock when it was last found */
    struct entry *next;        /* of those that wait to be freed */
    size_t count;
    int32_t ids[];
} entry;

typedef _Atomic(entry *) place;

/* What a reader looks at; on a cache line of its own, as its counts are. */
typedef struct reader {
    _Alignas(CACHE_LINE) place looks_at;
    atomic_uint_fast64_t hits, misses;
} reader;

struct rp_token_cache {
    size_t bytes_max;
    size_t sets; /* a power of two */
    size_t readers_count;
    place *places; /* [sets][WAYS] */
    reader *readers;
    atomic_uint_fast64_t clock;
    atomic_size_t bytes, entries;
    atomic_uint_fast64_t evictions;
    pthread_mutex_t lock; /* of writers; guards what follows */
    entry *waiting;       /* evicted, perhaps still looked at */
    size_t hand;          /* the place where the next eviction starts */
};

static size_t bytes_of(const entry *e)
{
    return sizeof *e + e->count * sizeof *e->ids;
}

static place *set_of(rp_token_cache *cache, rp_hash128 key)
{
    return &cache->places[(key.low & (cache->sets - 1)) * WAYS];
}

static bool has_key(const entry *e, rp_hash128 key)
{
    return e->key.low == key.low && e->key.high == key.high;
}

/* The entry at a place, safe from being freed until the reader lets go; NULL where there is none.
 */
static entry *hold(reader *r, place *p)
{
    entry *e = atomic_load(p);
    while (e) {
        atomic_store(&r->looks_at, e);
        entry *still = atomic_load(p);
        if (still == e)
            return e;
        e = still;
    }
    return NULL;
}

static bool copy_out(const entry *e, rp_tokens *tokens)
{
    if (e->count > tokens->max - tokens->count)
        return false;
    memcpy(tokens->ids + tokens->count, e->ids, e->count * sizeof *e->ids);
    tokens->count += e->count;
    return true;
}

bool rp_token_cache_get(rp_token_cache *cache, size_t number, rp_hash128 key, rp_tokens *tokens)
{
    RP_ASSERT(number < cache->readers_count);
    reader *r = &cache->readers[number];
    place *set = set_of(cache, key);
    bool found = false;
    for (size_t way = 0; way < WAYS && !found; way++) {
        entry *e = hold(r, &set[way]);
        if (e && has_key(e, key)) {
            found = copy_out(e, tokens);
            uint64_t now = atomic_fetch_add_explicit(&cache->clock, 1, memory_order_relaxed);
            atomic_store_explicit(&e->used, now, memory_order_relaxed);
        }
    }
    atomic_store_explicit(&r->looks_at, NULL, memory_order_release);
    atomic_fetch_add_explicit(found ? &r->hits : &r->misses, 1, memory_order_relaxed);
    return found;
}

/* -- adding; under the lock -------------------------------------------------------------------- */

static bool looked_at(const rp_token_cache *cache, const entry *e)
{
    for (size_t i = 0; i < cache->readers_count; i++) {
        if (atomic_load(&cache->readers[i].looks_at) == e)
            return true;
    }
    return false;
}

/* At most one entry a reader stays behind. */
static void free_waiting(rp_token_cache *cache)
{
    entry **link = &cache->waiting;
    while (*link) {
        entry *e = *link;
        if (looked_at(cache, e)) {
            link = &e->next;
            continue;
        }
        *link = e->next;
        free(e);
    }
}

static void evict(rp_token_cache *cache, place *p)
{
    entry *e = atomic_exchange(p, NULL);
    if (!e)
        return;
    atomic_fetch_sub(&cache->bytes, bytes_of(e));
    atomic_fetch_sub(&cache->entries, 1);
    atomic_fetch_add_explicit(&cache->evictions, 1, memory_order_relaxed);
    e->next = cache->waiting;
    cache->waiting = e;
}

static uint64_t used(const place *p)
{
    entry *e = atomic_load(p);
    return e ? atomic_load_explicit(&e->used, memory_order_relaxed) : 0;
}

/* The way that is empty or was used least recently. */
static place *oldest(place *set)
{
    place *old = &set[0];
    for (size_t way = 1; way < WAYS; way++) {
        if (used(&set[way]) < used(old))
            old = &set[way];
    }
    return old;
}

/* The same among those that hold an entry; NULL where none does. */
static place *oldest_entry(place *set)
{
    place *old = NULL;
    for (size_t way = 0; way < WAYS; way++) {
        if (atomic_load(&set[way]) && (!old || used(&set[way]) < used(old)))
            old = &set[way];
    }
    return old;
}

/* Goes round the sets and takes the oldest of each, which is close to the oldest of all. */
static void make_room(rp_token_cache *cache, size_t bytes)
{
    while (atomic_load(&cache->bytes) + bytes > cache->bytes_max) {
        place *old = oldest_entry(&cache->places[cache->hand * WAYS]);
        if (old)
            evict(cache, old);
        cache->hand = (cache->hand + 1) & (cache->sets - 1);
    }
}

static bool is_there(place *set, rp_hash128 key)
{
    for (size_t way = 0; way < WAYS; way++) {
        entry *e = atomic_load(&set[way]);
        if (e && has_key(e, key))
            return true;
    }
    return false;
}

void rp_token_cache_put(rp_token_cache *cache, rp_hash128 key, const int32_t *ids, size_t count)
{
    size_t bytes = sizeof(entry) + count * sizeof *ids;
    if (bytes > cache->bytes_max / 8)
        return;
    entry *e = malloc(bytes);
    if (!e)
        return;
    e->key = key;
    e->next = NULL;
    e->count = count;
    memcpy(e->ids, ids, count * sizeof *ids);
    atomic_init(&e->used, atomic_fetch_add_explicit(&cache->clock, 1, memory_order_relaxed));
    if (pthread_mutex_trylock(&cache->lock) != 0) {
        free(e);
        return;
    }
    place *set = set_of(cache, key);
    if (is_there(set, key)) {
        free(e);
    } else {
        make_room(cache, bytes);
        place *old = oldest(set);
        evict(cache, old);
        atomic_fetch_add(&cache->bytes, bytes);
        atomic_fetch_add(&cache->entries, 1);
        atomic_store(old, e);
    }
    free_waiting(cache);
    pthread_mutex_unlock(&cache->lock);
}

/* -- making and freeing ------------------------------------------------------------------------ */

rp_status rp_token_cache_new(size_t bytes_max, size_t readers, rp_token_cache **ret_cache)
{
    if (bytes_max == 0 || readers == 0)
        return RP_INVALID;
    rp_token_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return RP_NO_MEMORY;
    cache->bytes_max = bytes_max;
    cache->readers_count = readers;
    cache->sets = SETS_MIN;
    atomic_init(&cache->clock, 1); /* an empty place counts as used at 0 */
    while (cache->sets < SETS_MAX && cache->sets * BYTES_A_SET < bytes_max)
        cache->sets *= 2;
    cache->places = calloc(cache->sets * WAYS, sizeof *cache->places);
    cache->readers = aligned_alloc(CACHE_LINE, readers * sizeof *cache->readers);
    if (!cache->places || !cache->readers || pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache->places);
        free(cache->readers);
        free(cache);
        return RP_NO_MEMORY;
    }
    memset(cache->readers, 0, readers * sizeof *cache->readers);
    *ret_cache = cache;
    return RP_OK;
}

void rp_token_cache_free(rp_token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->sets * WAYS; i++)
        free(atomic_load(&cache->places[i]));
    while (cache->waiting) {
        entry *e = cache->waiting;
        cache->waiting = e->next;
        free(e);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache->places);
    free(cache->readers);
    free(cache);
}

rp_token_cache_counts rp_token_cache_count(const rp_token_cache *cache)
{
    rp_token_cache_counts counts = {
        .evictions = atomic_load_explicit(&cache->evictions, memory_order_relaxed),
        .entries = atomic_load(&cache->entries),
        .bytes = atomic_load(&cache->bytes)};
    for (size_t i = 0; i < cache->readers_count; i++) {
        counts.hits += atomic_load_explicit(&cache->readers[i].hits, memory_order_relaxed);
        counts.misses += atomic_load_explicit(&cache->readers[i].misses, memory_order_relaxed);
    }
    return counts;
}
