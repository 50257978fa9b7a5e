/* A lease among several that want it: never two with one token, never two at a time, and the loss is
 * told before the key can have gone. After every step the invariants below are looked at. */
#include "runtime/store/lease.h"
#include "tests/unit/runtime/store/shelf.h"

#include <stdio.h>

enum { TTL_S = 4, CONTENDERS = 3, TOKENS_MAX = 64 };

#define MS RP_NS_PER_MS

typedef struct contender {
    rp_store store;
    rp_lease *lease;
    char instance[32]; /* of each life another one */
    size_t taken, lost, troubles, released;
    uint64_t token;
    char why[64];
    bool frees;
} contender;

static shelf s;
static contender c[CONTENDERS];
static uint64_t tokens[TOKENS_MAX];
static size_t token_count;

static void on_taken(void *arg, uint64_t token)
{
    contender *who = arg;
    for (size_t i = 0; i < token_count; i++)
        cr_assert_lt(tokens[i], token, "tokens rise, and none comes twice");
    cr_assert_lt(token_count, TOKENS_MAX);
    tokens[token_count++] = token;
    cr_assert_eq(who->token, 0, "taken while held");
    cr_expect_eq(rp_lease_token(who->lease), token);
    who->token = token;
    who->taken++;
}

static void on_lost(void *arg, const char *why)
{
    contender *who = arg;
    cr_assert_neq(who->token, 0, "lost while not held");
    cr_expect_eq(rp_lease_token(who->lease), 0);
    who->token = 0;
    who->lost++;
    snprintf(who->why, sizeof who->why, "%s", why);
    if (who->frees) {
        rp_lease_free(who->lease);
        who->lease = NULL;
    }
}

static void on_trouble(void *arg, rp_status status, const char *why)
{
    contender *who = arg;
    cr_expect_neq(status, RP_OK);
    cr_expect(strlen(why) > 0);
    who->troubles++;
}

static void on_released(void *arg)
{
    ((contender *)arg)->released++;
}

static void want(size_t i)
{
    static size_t lives;
    snprintf(c[i].instance, sizeof c[i].instance, "me.%zu.%zu", i, ++lives);
    c[i].store = (rp_store){.bus = &s.bus->bus, .host = &s.host->host, .instance = c[i].instance};
    rp_lease_spec spec = {.store = &c[i].store,
        .bucket = "LEASES",
        .key = rp_bytes_text("vector.0"),
        .ttl_s = TTL_S,
        .on_taken = on_taken,
        .on_lost = on_lost,
        .on_trouble = on_trouble,
        .arg = &c[i]};
    cr_assert_eq(rp_lease_new(&spec, &c[i].lease), RP_OK);
    cr_expect_eq(rp_lease_token(c[i].lease), 0, "never inside the call");
}

static void drop(size_t i)
{
    rp_lease_free(c[i].lease);
    c[i].lease = NULL;
    c[i].token = 0;
}

/* Whoever believes that it holds the lease is right: its key stands there, with its token. */
static void check(void)
{
    size_t holders = 0;
    for (size_t i = 0; i < CONTENDERS; i++) {
        uint64_t token = c[i].lease ? rp_lease_token(c[i].lease) : 0;
        if (token == 0)
            continue;
        holders++;
        cr_assert_eq(token, tokens[token_count - 1], "an older token is held");
        size_t count = fake_bus_count(s.bus, "$KV.LEASES.vector.0");
        cr_assert_gt(count, 0, "held, and the key has gone");
        const fake_stored *m = fake_bus_at(s.bus, "$KV.LEASES.vector.0", count - 1);
        cr_assert_str_neq(fake_stored_header(m, RP_HEADER_OPERATION), "DEL");
        char holder[sizeof c[i].instance + 2];
        snprintf(holder, sizeof holder, "\"%s\"", c[i].instance);
        cr_assert(strstr(m->body, holder), "held, and another's stands there");
    }
    cr_assert_leq(holders, 1);
}

/* Time passes in steps of 10 ms; after each single callback all must hold. */
static void pass(uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        while (fake_bus_step(s.bus))
            check();
        fake_host_advance(s.host, 10 * MS);
        check();
    }
    while (fake_bus_step(s.bus))
        check();
}

static const fake_stored *newest(void)
{
    size_t count = fake_bus_count(s.bus, "$KV.LEASES.vector.0");
    return count ? fake_bus_at(s.bus, "$KV.LEASES.vector.0", count - 1) : NULL;
}

static void setup(void)
{
    shelf_open(&s);
    memset(c, 0, sizeof c);
    token_count = 0;
}

static void teardown(void)
{
    for (size_t i = 0; i < CONTENDERS; i++)
        drop(i);
    shelf_close(&s);
}

TestSuite(store_lease, .init = setup, .fini = teardown);

Test(store_lease, is_taken_at_once_where_nobody_holds_it)
{
    want(0);
    pass(10);
    cr_assert_eq(c[0].taken, 1);
    cr_expect_eq(c[0].token, 1);
    const fake_stored *m = newest();
    cr_expect_str_eq(m->body, "{\"holder\":\"me.0.1\",\"ttl_s\":4}");
    cr_expect_str_eq(fake_stored_header(m, RP_HEADER_TTL), "4s");
    cr_expect_eq(fake_bus_followers(s.bus), 0, "who holds it watches nothing");
}

Test(store_lease, is_renewed_at_a_third_and_keeps_its_token)
{
    want(0);
    pass(TTL_S * 1000 / 3 - 20);
    cr_expect_eq(fake_bus_count(s.bus, "$KV.LEASES.vector.0"), 1);
    pass(40);
    cr_assert_eq(fake_bus_count(s.bus, "$KV.LEASES.vector.0"), 2);
    cr_expect_str_eq(newest()->body, "{\"holder\":\"me.0.1\",\"token\":1,\"ttl_s\":4}");
    pass(60 * 1000);
    cr_expect_eq(c[0].taken, 1);
    cr_expect_eq(c[0].lost, 0);
    cr_expect_eq(rp_lease_token(c[0].lease), 1);
    cr_expect_geq(newest()->sequence, 45);
}

Test(store_lease, who_waits_takes_it_when_the_holder_dies)
{
    want(0);
    pass(10);
    want(1);
    want(2);
    pass(20 * 1000);
    cr_expect_eq(c[1].taken + c[2].taken, 0);
    drop(0);
    pass(TTL_S * 1000 - TTL_S * 1000 / 3 - 100);
    cr_expect_eq(c[1].taken + c[2].taken, 0, "not before it has expired");
    pass(TTL_S * 1000 / 3 + 2 * RP_LEASE_JITTER_MS + RP_LEASE_RETRY_MS);
    cr_expect_eq(c[1].taken + c[2].taken, 1);
}

Test(store_lease, a_waiter_leaves_the_holder_in_peace)
{
    want(0);
    pass(10);
    want(1);
    size_t published = s.bus->published_count;
    pass(60 * 1000);
    cr_expect_leq(s.bus->published_count - published, 46, "the renewals, and no tries to take it");
}

Test(store_lease, a_release_is_taken_up_at_once)
{
    want(0);
    pass(10);
    want(1);
    pass(500);
    rp_lease_release(c[0].lease, on_released, &c[0]);
    c[0].token = 0;
    cr_expect_eq(rp_lease_token(c[0].lease), 0);
    cr_expect_eq(c[0].released, 0, "never inside the call");
    pass(RP_LEASE_JITTER_MS + 20);
    cr_expect_eq(c[0].released, 1);
    cr_expect_eq(c[1].taken, 1);
    cr_expect_eq(c[1].token, 3, "over the deletion, which is 2");
    pass(10 * 1000);
    cr_expect_eq(c[0].taken, 1, "it is not wanted any more");
    cr_expect_eq(c[0].lost, 0);
}

/* The answer that another was quicker comes when the watcher has told so already. */
Test(store_lease, who_lost_the_race_does_not_go_on_trying)
{
    want(0);
    pass(10);
    want(1);
    want(2);
    pass(500);
    rp_lease_release(c[0].lease, on_released, &c[0]);
    c[0].token = 0;
    fake_bus_run(s.bus);
    fake_host_advance(s.host, 1);
    fake_bus_run(s.bus);
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_DELAY, RP_OK); /* the first one's try */
    pass(2 * RP_LEASE_JITTER_MS);
    cr_expect_eq(c[1].taken + c[2].taken, 1);
    fake_bus_let_go(s.bus);
    size_t published = s.bus->published_count;
    pass(TTL_S * 1000 * 3 / 4);
    cr_expect_leq(s.bus->published_count - published, 3, "the renewals");
}

/* A renewal is on its way: the release waits for what becomes of it. */
Test(store_lease, a_release_in_the_middle_of_a_renewal)
{
    want(0);
    pass(10);
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_DELAY, RP_OK);
    pass(TTL_S * 1000 / 3 + 20);
    rp_lease_release(c[0].lease, on_released, &c[0]);
    c[0].token = 0;
    pass(100);
    cr_expect_eq(c[0].released, 0);
    fake_bus_let_go(s.bus);
    pass(20);
    cr_expect_eq(c[0].released, 1);
    cr_expect_str_eq(fake_stored_header(newest(), RP_HEADER_OPERATION), "DEL");
}

Test(store_lease, a_release_of_what_is_not_held)
{
    want(0);
    pass(10);
    want(1);
    pass(100);
    rp_lease_release(c[1].lease, on_released, &c[1]);
    pass(20);
    cr_expect_eq(c[1].released, 1);
    cr_expect_eq(rp_lease_token(c[0].lease), c[0].token);
    want(2);
    rp_lease_release(c[2].lease, NULL, NULL);
    pass(20 * 1000);
    cr_expect_eq(c[2].taken, 0);
}

Test(store_lease, the_loss_is_told_before_the_key_can_have_gone)
{
    want(0);
    pass(2000); /* renewed at 1,330 or so */
    uint64_t expires_ns = newest()->expires_ns;
    fake_bus_cut(s.bus);
    while (c[0].lost == 0) {
        cr_assert_lt(s.host->time.ns, expires_ns, "too late");
        fake_host_advance(s.host, 10 * MS);
    }
    cr_expect_geq(
        expires_ns - s.host->time.ns, TTL_S * RP_NS_PER_S / RP_LEASE_MARGIN_PARTS - 10 * MS);
    cr_expect_str_eq(c[0].why, "it could not be renewed in time");
}

/* Stopped by a signal: no timer fires, but the clock goes on. */
Test(store_lease, the_token_is_none_when_its_time_is_over_whatever_the_timers_do)
{
    want(0);
    pass(10);
    cr_expect_eq(rp_lease_token(c[0].lease), 1);
    s.host->time.ns += TTL_S * RP_NS_PER_S;
    cr_expect_eq(rp_lease_token(c[0].lease), 0);
    cr_expect_eq(c[0].lost, 0);
    fake_host_advance(s.host, 10 * MS);
    cr_expect_eq(c[0].lost, 1);
}

/* The renewal that waited in the outbox is stored after the loss: it stands there, under nobody. */
Test(store_lease, a_renewal_stored_too_late_becomes_a_new_taking)
{
    want(0);
    pass(1000);
    fake_bus_cut(s.bus);
    pass(TTL_S * 1000 - TTL_S * 1000 / RP_LEASE_MARGIN_PARTS - 1000 + 20);
    cr_expect_eq(c[0].lost, 1);
    cr_expect_neq(fake_bus_count(s.bus, "$KV.LEASES.vector.0"), 0, "not expired yet");
    fake_bus_mend(s.bus);
    pass(20);
    cr_expect_eq(c[0].taken, 2);
    cr_expect_eq(c[0].token, 3, "1 the taking, 2 the late renewal");
}

Test(store_lease, a_renewal_that_comes_after_another_took_it_is_refused)
{
    want(0);
    pass(1000);
    want(1);
    pass(100);
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_DELAY, RP_OK);
    pass(TTL_S * 1000 * 2); /* 0's renewal hangs; 1 takes it when it has expired */
    cr_expect_eq(c[0].lost, 1);
    cr_expect_eq(c[1].taken, 1);
    fake_bus_let_go(s.bus);
    pass(20 * 1000);
    cr_expect_eq(c[0].taken, 1);
    cr_expect_eq(c[1].lost, 0);
}

/* The taking itself hangs so long that it is none when its answer comes. */
Test(store_lease, a_taking_that_took_too_long_is_taken_again)
{
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_DELAY, RP_OK);
    want(0);
    pass(TTL_S * 1000);
    cr_expect_eq(c[0].taken, 0);
    fake_bus_let_go(s.bus);
    pass(20);
    cr_expect_eq(c[0].taken, 1);
    cr_expect_eq(c[0].token, 2, "over its own first message");
    pass(20 * 1000);
    cr_expect_eq(c[0].lost, 0);
}

Test(store_lease, a_lost_acknowledgement_costs_nothing)
{
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_LOSE_ACK, RP_OK);
    want(0);
    pass(10);
    cr_expect_eq(c[0].token, 1);
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_LOSE_ACK, RP_OK);
    pass(TTL_S * 1000);
    cr_expect_eq(c[0].lost, 0);
    cr_expect_eq(rp_lease_token(c[0].lease), 1);
}

Test(store_lease, a_deleted_lease_is_lost_at_the_next_renewal)
{
    want(0);
    pass(10);
    rp_publication p = {.subject = rp_bytes_text("$KV.LEASES.vector.0")};
    rp_publication_header(&p, RP_HEADER_OPERATION, rp_bytes_text("DEL"));
    cr_assert_eq(rp_bus_publish(&s.bus->bus, &p, NULL, NULL), RP_OK);
    for (size_t i = 0; i < TTL_S * 1000 / 3 + 20 && c[0].lost == 0; i += 10) {
        fake_bus_run(s.bus);
        fake_host_advance(s.host, 10 * MS);
        fake_bus_run(s.bus);
    }
    cr_expect_eq(c[0].lost, 1);
    pass(RP_LEASE_JITTER_MS + RP_LEASE_RETRY_MS);
    cr_expect_eq(c[0].taken, 2);
    cr_expect_eq(c[0].token, 3);
}

/* The bucket leaves deletions where keys expire. */
Test(store_lease, is_taken_over_a_marker)
{
    rp_publication marker = {.subject = rp_bytes_text("$KV.LEASES.vector.0")};
    rp_publication_header(&marker, RP_HEADER_MARKER, rp_bytes_text("MaxAge"));
    cr_assert_eq(rp_bus_publish(&s.bus->bus, &marker, NULL, NULL), RP_OK);
    want(0);
    pass(2 * RP_LEASE_JITTER_MS);
    cr_expect_eq(c[0].token, 2);
}

Test(store_lease, trouble_is_told_and_it_goes_on)
{
    for (size_t i = 0; i < 3; i++)
        fake_bus_fate(s.bus, "$KV.LEASES", FAKE_FAIL, RP_UNAVAILABLE);
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_REFUSE, RP_LIMIT);
    want(0);
    pass(10);
    cr_expect_eq(c[0].troubles, 1);
    cr_expect(rp_lease_troubled(c[0].lease));
    pass(10 * 1000);
    cr_expect_eq(c[0].troubles, 4);
    cr_expect_eq(c[0].taken, 1);
    cr_expect(!rp_lease_troubled(c[0].lease));
    for (size_t i = 0; i < 3; i++) /* a renewal has less patience */
        fake_bus_fate(s.bus, "$KV.LEASES", FAKE_FAIL, RP_UNAVAILABLE);
    pass(10 * 1000);
    cr_expect_eq(c[0].troubles, 7);
    cr_expect_eq(c[0].lost, 0);
}

Test(store_lease, trouble_is_over_where_another_holds_it)
{
    for (size_t i = 0; i < 2; i++)
        fake_bus_fate(s.bus, "$KV.LEASES", FAKE_FAIL, RP_UNAVAILABLE);
    want(0);
    want(1);
    pass(10 * 1000);
    cr_expect_eq(c[0].taken + c[1].taken, 1);
    cr_expect_eq(c[0].troubles + c[1].troubles, 2);
    cr_expect(!rp_lease_troubled(c[0].lease) && !rp_lease_troubled(c[1].lease));
}

Test(store_lease, no_answer_for_long_is_trouble)
{
    fake_bus_fate(s.bus, "$KV.LEASES", FAKE_DELAY, RP_OK);
    want(0);
    pass(TTL_S * 1000 - 100);
    cr_expect(!rp_lease_troubled(c[0].lease));
    pass(200);
    cr_expect(rp_lease_troubled(c[0].lease));
    fake_bus_let_go(s.bus);
    pass(1000);
    cr_expect(!rp_lease_troubled(c[0].lease) && c[0].troubles == 0);
}

Test(store_lease, may_be_freed_where_its_loss_is_told)
{
    want(0);
    pass(10);
    c[0].frees = true;
    fake_bus_cut(s.bus);
    pass(TTL_S * 1000);
    cr_expect_eq(c[0].lost, 1);
    cr_expect_null(c[0].lease);
    fake_bus_mend(s.bus);
}

/* All kinds of misfortune, drawn from a seed: cut and mended connections, delayed and lost answers,
 * deaths, releases, stops. What must hold is looked at after every callback. */
Test(store_lease, holds_over_thousands_of_random_misfortunes)
{
    uint64_t seed = 1;
    size_t takings = 0;
    for (size_t round = 0; round < 60; round++) {
        teardown();
        setup();
        for (size_t step = 0; step < 60; step++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t who = (seed >> 33) % CONTENDERS;
            switch ((seed >> 40) % 10) {
            case 0:
                fake_bus_cut(s.bus);
                break;
            case 1:
            case 2:
                fake_bus_mend(s.bus);
                break;
            case 3:
                fake_bus_let_go(s.bus);
                break;
            case 4:
                if (!s.bus->fates[4].prefix)
                    fake_bus_fate(
                        s.bus, "$KV", (seed >> 50) % 2 ? FAKE_DELAY : FAKE_LOSE_ACK, RP_OK);
                break;
            case 5:
                drop(who);
                break;
            case 6:
                s.host->time.ns += (seed >> 45) % (2 * TTL_S) * RP_NS_PER_S;
                break;
            default:
                if (!c[who].lease)
                    want(who);
            }
            if (!s.bus->cut)
                pass((seed >> 48) % 2500);
            else
                fake_host_advance(s.host, (seed >> 48) % 2500 * MS);
            if (s.bus->stored_count > FAKE_STORED_MAX - 256 || token_count > TOKENS_MAX - 8)
                break;
        }
        takings += token_count;
    }
    cr_expect_gt(takings, 200, "%zu: the misfortunes leave nobody time", takings);
}

Test(store_lease, what_cannot_be_is_refused)
{
    rp_lease_spec spec = {.store = &c[0].store, .bucket = "LEASES", .ttl_s = TTL_S};
    c[0].store = (rp_store){.bus = &s.bus->bus, .host = &s.host->host, .instance = "x"};
    spec.key = rp_bytes_text("a..b");
    cr_expect_eq(rp_lease_new(&spec, &c[0].lease), RP_INVALID);
    spec.key = rp_bytes_text("a");
    spec.ttl_s = RP_LEASE_TTL_MIN_S - 1;
    cr_expect_eq(rp_lease_new(&spec, &c[0].lease), RP_INVALID);
    spec.ttl_s = RP_LEASE_TTL_MAX_S + 1;
    cr_expect_eq(rp_lease_new(&spec, &c[0].lease), RP_INVALID);
    spec.ttl_s = TTL_S;
    spec.bucket = "a.b";
    cr_expect_eq(rp_lease_new(&spec, &c[0].lease), RP_INVALID);
    cr_expect_null(c[0].lease);
}
