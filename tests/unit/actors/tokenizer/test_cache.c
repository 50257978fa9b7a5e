/* The cache of encoded texts, alone and under many threads. */
#include "actors/tokenizer/cache.h"

#include <criterion/criterion.h>
#include <pthread.h>

enum { IDS_MAX = 64 };

static int32_t ids[IDS_MAX];

static rp_token_cache *open_cache(size_t bytes_max, size_t readers)
{
    rp_token_cache *cache = NULL;
    cr_assert_eq(rp_token_cache_new(bytes_max, readers, &cache), RP_OK);
    return cache;
}

static rp_hash128 key_of(uint64_t n)
{
    return rp_hash_xxh3_128(rp_bytes_of(&n, sizeof n), 0);
}

/* The tokens that belong to a key: their number and each of them follow from it. */
static size_t count_of(uint64_t n)
{
    return 1 + n % (IDS_MAX - 1);
}

static void put(rp_token_cache *cache, uint64_t n)
{
    int32_t own[IDS_MAX];
    for (size_t i = 0; i < count_of(n); i++)
        own[i] = (int32_t)(n * 1000 + i);
    rp_token_cache_put(cache, key_of(n), own, count_of(n));
}

/* Whether the key is there; if so it must be whole. */
static bool get(rp_token_cache *cache, size_t reader, uint64_t n)
{
    int32_t own[IDS_MAX];
    rp_tokens tokens = {.ids = own, .max = IDS_MAX};
    if (!rp_token_cache_get(cache, reader, key_of(n), &tokens)) {
        cr_assert_eq(tokens.count, 0);
        return false;
    }
    cr_assert_eq(tokens.count, count_of(n));
    for (size_t i = 0; i < tokens.count; i++)
        cr_assert_eq(own[i], (int32_t)(n * 1000 + i));
    return true;
}

Test(cache, gives_back_what_was_put)
{
    rp_token_cache *cache = open_cache(1 << 20, 2);
    cr_expect_not(get(cache, 0, 1));
    put(cache, 1);
    put(cache, 2);
    cr_expect(get(cache, 0, 1));
    cr_expect(get(cache, 1, 2));
    cr_expect_not(get(cache, 1, 3));
    rp_token_cache_counts counts = rp_token_cache_count(cache);
    cr_expect_eq(counts.hits, 2);
    cr_expect_eq(counts.misses, 2);
    cr_expect_eq(counts.entries, 2);
    cr_expect_gt(counts.bytes, (count_of(1) + count_of(2)) * sizeof(int32_t));
    rp_token_cache_free(cache);
    rp_token_cache_free(NULL);
}

Test(cache, appends_behind_what_is_there_or_not_at_all)
{
    rp_token_cache *cache = open_cache(1 << 20, 1);
    put(cache, 9); /* ten tokens */
    ids[0] = -1;
    rp_tokens tokens = {.ids = ids, .count = 1, .max = 11};
    cr_assert(rp_token_cache_get(cache, 0, key_of(9), &tokens));
    cr_expect_eq(tokens.count, 11);
    cr_expect_eq(ids[0], -1);
    cr_expect_eq(ids[1], 9000);
    cr_expect_eq(ids[10], 9009);
    tokens = (rp_tokens){.ids = ids, .count = 1, .max = 10};
    cr_expect_not(rp_token_cache_get(cache, 0, key_of(9), &tokens), "one too many");
    cr_expect_eq(tokens.count, 1);
    cr_expect_eq(rp_token_cache_count(cache).misses, 1);
    rp_token_cache_free(cache);
}

Test(cache, keeps_empty_texts_and_whole_keys)
{
    rp_token_cache *cache = open_cache(1 << 20, 1);
    rp_hash128 key = {1, 2}, low = {1, 3}, high = {65, 2}; /* another set's, and the same set's */
    rp_tokens tokens = {.ids = ids, .max = IDS_MAX};
    rp_token_cache_put(cache, key, ids, 0);
    cr_expect(rp_token_cache_get(cache, 0, key, &tokens));
    cr_expect_eq(tokens.count, 0);
    cr_expect_not(rp_token_cache_get(cache, 0, low, &tokens));
    cr_expect_not(rp_token_cache_get(cache, 0, high, &tokens));
    rp_token_cache_free(cache);
}

Test(cache, same_key_again_changes_nothing)
{
    rp_token_cache *cache = open_cache(1 << 20, 1);
    put(cache, 7);
    rp_token_cache_counts before = rp_token_cache_count(cache);
    for (int i = 0; i < 100; i++) {
        put(cache, 7);
        rp_token_cache_put(cache, key_of(7), ids, 3); /* the first one stands */
    }
    rp_token_cache_counts after = rp_token_cache_count(cache);
    cr_expect_eq(after.entries, before.entries);
    cr_expect_eq(after.bytes, before.bytes);
    cr_expect(get(cache, 0, 7));
    rp_token_cache_free(cache);
}

Test(cache, stays_within_its_bytes_and_drops_what_is_oldest)
{
    enum { BYTES_MAX = 64 << 10, MANY = 5000 };
    rp_token_cache *cache = open_cache(BYTES_MAX, 1);
    for (uint64_t n = 1; n <= MANY; n++) {
        put(cache, n);
        cr_assert(get(cache, 0, n), "the newest is there: %zu", (size_t)n);
        cr_assert_leq(rp_token_cache_count(cache).bytes, BYTES_MAX);
        (void)get(cache, 0, 1); /* used all the time */
    }
    cr_expect(get(cache, 0, 1), "what is used stays");
    size_t old = 0, recent = 0;
    for (uint64_t n = 2; n <= 100; n++)
        old += get(cache, 0, n);
    for (uint64_t n = MANY - 99; n <= MANY; n++)
        recent += get(cache, 0, n);
    cr_expect_eq(old, 0);
    cr_expect_gt(recent, 80);
    rp_token_cache_counts counts = rp_token_cache_count(cache);
    cr_expect_gt(counts.bytes, BYTES_MAX * 3 / 4);
    cr_expect_eq(counts.evictions, MANY - counts.entries, "all else had to make room");
    rp_token_cache_free(cache);
}

Test(cache, does_not_keep_what_is_an_eighth_of_it)
{
    rp_token_cache *cache = open_cache(1024, 1);
    rp_token_cache_put(cache, key_of(1), ids, IDS_MAX); /* 256 bytes and more */
    cr_expect_eq(rp_token_cache_count(cache).entries, 0);
    rp_token_cache_put(cache, key_of(2), ids, 4);
    cr_expect_eq(rp_token_cache_count(cache).entries, 1);
    rp_token_cache_free(cache);
}

Test(cache, numbers_out_of_range_are_refused)
{
    rp_token_cache *cache = NULL;
    cr_expect_eq(rp_token_cache_new(0, 1, &cache), RP_INVALID);
    cr_expect_eq(rp_token_cache_new(1, 0, &cache), RP_INVALID);
    cr_expect_null(cache);
}

/* Readers and writers at once, on few keys and little room, so that entries come and go under the
 * readers' eyes. A sanitizer sees what went wrong unseen. */
enum { THREADS = 4, ROUNDS = 20000, KEYS = 97 };

typedef struct worker {
    rp_token_cache *cache;
    size_t number;
    size_t hits;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    uint64_t n = w->number;
    for (size_t i = 0; i < ROUNDS; i++) {
        n = n * 6364136223846793005U + 1442695040888963407U;
        uint64_t key = (n >> 33) % KEYS;
        if (get(w->cache, w->number, key))
            w->hits++;
        else
            put(w->cache, key);
    }
    return NULL;
}

Test(cache, holds_under_many_threads, .timeout = 60)
{
    rp_token_cache *cache = open_cache(6 << 10, THREADS);
    pthread_t threads[THREADS];
    worker workers[THREADS];
    size_t hits = 0;
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.cache = cache, .number = i};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        hits += workers[i].hits;
    }
    rp_token_cache_counts counts = rp_token_cache_count(cache);
    cr_expect_eq(counts.hits, hits);
    cr_expect_eq(counts.hits + counts.misses, (uint64_t)THREADS * ROUNDS);
    cr_expect_gt(hits, ROUNDS / 10);
    cr_expect_lt(hits, (size_t)THREADS * ROUNDS * 9 / 10, "it has to evict");
    cr_expect_leq(counts.bytes, 6 << 10);
    rp_token_cache_free(cache);
}
