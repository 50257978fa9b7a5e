#include "runtime/store/pairs.h"

#include "runtime/base/rng.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const rp_pairs_limits roomy = {.pairs_max = 4096,
    .key_bytes_max = 64,
    .value_bytes_max = 256,
    .bytes_max = 1 << 20,
    .writes_max = 16};

static rp_pairs *made(const rp_pairs_limits *limits)
{
    rp_pairs *pairs;
    cr_assert(rp_pairs_new(limits, &pairs) == RP_OK);
    return pairs;
}

static void put(rp_pairs *pairs, const char *key, const char *value)
{
    cr_assert(rp_pairs_put(pairs, rp_bytes_text(key), rp_bytes_text(value), NULL) == RP_OK);
}

static bool holds(const rp_pairs *pairs, const char *key, const char *value)
{
    rp_bytes found = rp_pairs_get(pairs, rp_bytes_text(key));
    return value ? found.data && rp_bytes_is(found, value) : !found.data;
}

static bool same(rp_hash128 a, rp_hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

static bool join(void *arg, rp_bytes key, rp_bytes value)
{
    char *text = arg;
    snprintf(text + strlen(text), 256 - strlen(text), "%.*s=%.*s ", (int)key.len,
        (const char *)key.data, (int)value.len, (const char *)value.data);
    return strlen(text) < 200;
}

Test(pairs, an_ordered_map)
{
    rp_pairs *pairs = made(&roomy);
    char text[256] = "";
    put(pairs, "b", "2");
    put(pairs, "ab", "1");
    put(pairs, "c", "");
    put(pairs, "a", "0");
    put(pairs, "b", "two");
    rp_pairs_each(pairs, rp_bytes_text(""), join, text);
    cr_assert_str_eq(text, "a=0 ab=1 b=two c= ");
    text[0] = '\0';
    rp_pairs_each(pairs, rp_bytes_text("a"), join, text);
    cr_assert_str_eq(text, "a=0 ab=1 ", "by prefix");
    text[0] = '\0';
    rp_pairs_each(pairs, rp_bytes_text("bb"), join, text);
    cr_assert_str_eq(text, "");
    cr_assert(holds(pairs, "c", "") && holds(pairs, "d", NULL));
    cr_assert(rp_pairs_remove(pairs, rp_bytes_text("ab"), NULL) == RP_OK);
    cr_assert(rp_pairs_remove(pairs, rp_bytes_text("never"), NULL) == RP_OK);
    cr_assert(holds(pairs, "ab", NULL) && rp_pairs_count(pairs) == 3);
    cr_assert(rp_pairs_bytes(pairs) == strlen("a0btwoc"));
    rp_pairs_clear(pairs);
    cr_assert(rp_pairs_count(pairs) == 0 && same(rp_pairs_digest(pairs), (rp_hash128){0}));
    rp_pairs_free(pairs);
    rp_pairs_free(NULL);
}

Test(pairs, the_digest_follows_from_what_is_there_alone)
{
    rp_pairs *one = made(&roomy), *other = made(&roomy);
    put(one, "a", "1");
    put(one, "b", "2");
    put(other, "b", "x");
    put(other, "gone", "");
    put(other, "a", "1");
    put(other, "b", "2");
    cr_assert(!same(rp_pairs_digest(one), rp_pairs_digest(other)));
    cr_assert(rp_pairs_remove(other, rp_bytes_text("gone"), NULL) == RP_OK);
    cr_assert(same(rp_pairs_digest(one), rp_pairs_digest(other)));
    /* Where a key ends and its value begins is part of the hash. */
    rp_pairs_clear(other);
    put(other, "a1", "");
    put(other, "b", "2");
    cr_assert(!same(rp_pairs_digest(one), rp_pairs_digest(other)));
    rp_pairs_free(one);
    rp_pairs_free(other);
}

Test(pairs, the_digest_is_that_of_the_documented_encoding)
{
    rp_pairs *pairs = made(&roomy);
    const uint8_t encoding[] = {2, 0, 0, 0, 3, 0, 0, 0, 'k', 'y', 'v', 'a', 'l'};
    put(pairs, "ky", "val");
    cr_assert(
        same(rp_pairs_digest(pairs), rp_hash_xxh3_128(rp_bytes_of(encoding, sizeof encoding), 0)));
    rp_pairs_free(pairs);
}

Test(pairs, a_message_is_taken_back_whole)
{
    rp_pairs *pairs = made(&roomy);
    put(pairs, "kept", "1");
    put(pairs, "changed", "1");
    rp_hash128 before = rp_pairs_digest(pairs);
    rp_pairs_begin(pairs);
    put(pairs, "changed", "2");
    rp_bytes during = rp_pairs_get(pairs, rp_bytes_text("changed"));
    put(pairs, "changed", "3");
    put(pairs, "new", "1");
    put(pairs, "new", "2");
    cr_assert(rp_bytes_is(during, "2"), "what was read stays valid");
    cr_assert(rp_pairs_remove(pairs, rp_bytes_text("kept"), NULL) == RP_OK);
    put(pairs, "kept", "again");
    cr_assert(rp_pairs_remove(pairs, rp_bytes_text("new"), NULL) == RP_OK);
    rp_pairs_revert(pairs);
    cr_assert(
        holds(pairs, "kept", "1") && holds(pairs, "changed", "1") && holds(pairs, "new", NULL));
    cr_assert(rp_pairs_count(pairs) == 2 && rp_pairs_bytes(pairs) == strlen("kept1changed1"));
    cr_assert(same(rp_pairs_digest(pairs), before));
    rp_pairs_begin(pairs);
    put(pairs, "changed", "2");
    rp_pairs_commit(pairs);
    rp_pairs_begin(pairs);
    rp_pairs_revert(pairs);
    cr_assert(holds(pairs, "changed", "2"));
    rp_pairs_begin(pairs); /* and one that never ends */
    put(pairs, "changed", "3");
    rp_pairs_free(pairs);
}

static void refused(rp_pairs *pairs, size_t key, size_t value, rp_status status, const char *limit)
{
    static const uint8_t bytes[512];
    rp_error error = {0};
    rp_hash128 before = rp_pairs_digest(pairs);
    cr_assert(
        rp_pairs_put(pairs, rp_bytes_of(bytes, key), rp_bytes_of(bytes, value), &error) == status);
    cr_assert(error.status == status);
    cr_assert_str_eq(error.limit, limit);
    cr_assert(same(before, rp_pairs_digest(pairs)));
}

Test(pairs, every_bound_is_named)
{
    const rp_pairs_limits tight = {.pairs_max = 3,
        .key_bytes_max = 8,
        .value_bytes_max = 16,
        .bytes_max = 20,
        .writes_max = 2};
    rp_pairs *pairs = made(&tight);
    refused(pairs, 0, 1, RP_INVALID, "");
    refused(pairs, 9, 1, RP_LIMIT, "8 bytes");
    refused(pairs, 1, 17, RP_LIMIT, "16 bytes");
    put(pairs, "a", "0123456789");
    refused(pairs, 2, 9, RP_FULL, "20 bytes");
    put(pairs, "a", "0123456789abcdef"); /* in the place of the ten */
    put(pairs, "b", "");
    put(pairs, "c", "");
    refused(pairs, 1, 0, RP_FULL, "3 pairs");
    put(pairs, "c", "1");
    rp_pairs_begin(pairs);
    put(pairs, "b", "");
    put(pairs, "c", "");
    refused(pairs, 1, 0, RP_LIMIT, "2 writes");
    rp_error error = {0};
    cr_assert(rp_pairs_remove(pairs, rp_bytes_text("c"), &error) == RP_LIMIT);
    rp_pairs_revert(pairs);
    cr_assert(holds(pairs, "c", "1"));
    rp_pairs_free(pairs);
    cr_assert(rp_pairs_new(&(rp_pairs_limits){0}, &pairs) == RP_INVALID);
}

/* -- against a map that is too simple to be wrong ---------------------------------------------- */

enum { KEYS = 200, STEPS = 20000 };

typedef struct model {
    bool there[KEYS];
    uint32_t values[KEYS];
} model;

static size_t name(char key[16], uint32_t k)
{
    return (size_t)snprintf(key, 16, "%0*u", 1 + (int)(k % 3), k);
}

static void change(rp_pairs *pairs, model *m, uint32_t word)
{
    char key[16];
    uint32_t k = word % KEYS;
    rp_bytes view = rp_bytes_of(key, name(key, k));
    if (word >> 16 & 3) {
        m->there[k] = true;
        m->values[k] = word;
        cr_assert(rp_pairs_put(pairs, view, rp_bytes_of(&word, 4), NULL) == RP_OK);
    } else {
        m->there[k] = false;
        cr_assert(rp_pairs_remove(pairs, view, NULL) == RP_OK);
    }
}

static void compare(const rp_pairs *pairs, const model *m)
{
    size_t count = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        char key[16];
        rp_bytes value = rp_pairs_get(pairs, rp_bytes_of(key, name(key, k)));
        count += m->there[k];
        cr_assert(m->there[k] == (value.data != NULL));
        cr_assert(!m->there[k] || (value.len == 4 && rp_load_u32(value.data) == m->values[k]));
    }
    cr_assert(rp_pairs_count(pairs) == count);
    cr_assert(same(rp_pairs_digest(pairs), rp_pairs_recompute(pairs)));
}

Test(pairs, as_a_simple_map_does)
{
    rp_pairs *pairs = made(&roomy);
    model m = {0};
    uint32_t step = 0;
    while (step < STEPS) {
        model before = m;
        rp_rng_words words = rp_rng_philox(7, 0, step);
        uint32_t writes = words.word[0] % 8;
        rp_pairs_begin(pairs);
        for (uint32_t i = 0; i < writes; i++)
            change(pairs, &m, rp_rng_philox(8, step, i).word[1]);
        if (words.word[2] % 3 == 0) {
            rp_pairs_revert(pairs);
            m = before;
        } else {
            rp_pairs_commit(pairs);
        }
        step += 1 + writes;
        if (words.word[3] % 16 == 0)
            compare(pairs, &m);
    }
    compare(pairs, &m);
    rp_pairs_free(pairs);
}

Test(pairs, keys_in_order_do_not_make_it_slow)
{
    const rp_pairs_limits many = {.pairs_max = 1 << 18,
        .key_bytes_max = 8,
        .value_bytes_max = 8,
        .bytes_max = 1 << 24,
        .writes_max = 1};
    rp_pairs *pairs = made(&many);
    for (uint32_t i = 0; i < 1 << 17; i++) { /* a list would take minutes, and a deep stack */
        const uint8_t key[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        cr_assert(rp_pairs_put(pairs, rp_bytes_of(key, 3), rp_bytes_of(NULL, 0), NULL) == RP_OK);
    }
    for (uint32_t i = 0; i < 1 << 17; i += 2) {
        const uint8_t key[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        cr_assert(rp_pairs_remove(pairs, rp_bytes_of(key, 3), NULL) == RP_OK);
    }
    cr_assert(rp_pairs_count(pairs) == 1 << 16);
    cr_assert(same(rp_pairs_digest(pairs), rp_pairs_recompute(pairs)));
    rp_pairs_free(pairs);
}
