/* The record in ACTORS: how often, and one at a time. */
#include "runtime/actor/presence.h"

#include <criterion/criterion.h>

#include "tests/unit/runtime/actor/bench.h"

static const char subject[] = "$KV.ACTORS.tester.t-1";

static void describe(void *arg, Rp__Actor *record)
{
    record->ready = *(const bool *)arg;
}

static bool ready;

static rp_presence *open_on(bench *b, const char *name, rp_status wanted)
{
    rp_presence *presence = NULL;
    rp_presence_spec spec = {.env = &b->env,
        .kind = "tester",
        .name = name,
        .pid = 7,
        .host = "here",
        .describe = describe,
        .arg = &ready};
    cr_assert_eq(rp_presence_new(&spec, &presence), wanted);
    return presence;
}

Test(presence, is_told_every_second)
{
    bench *b = bench_open(&(bench_spec){0});
    rp_presence *presence = open_on(b, "t-1", RP_OK);
    ready = true;
    fake_host_advance(b->host, RP_NS_PER_S);
    fake_bus_run(b->bus);
    size_t start = fake_bus_count(b->bus, subject);
    for (int i = 0; i < 50; i++) {
        fake_host_advance(b->host, 100 * RP_NS_PER_MS);
        fake_bus_run(b->bus);
    }
    cr_expect_eq(fake_bus_count(b->bus, subject), start + 5);
    const fake_stored *s = fake_bus_at(b->bus, subject, 0);
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_TTL), "10s");
    cr_expect_not_null(strstr(s->body, "\"instance\":\"t-1\""), "%s", s->body);
    cr_expect_not_null(strstr(s->body, "\"ready\":true"), "%s", s->body);
    rp_presence_free(presence);
    bench_close(b);
}

Test(presence, change_is_told_ten_times_a_second)
{
    bench *b = bench_open(&(bench_spec){0});
    rp_presence *presence = open_on(b, "t-1", RP_OK);
    fake_host_advance(b->host, 50 * RP_NS_PER_MS); /* between two ticks */
    size_t start = b->bus->published_count;
    for (int i = 0; i < 100; i++) {
        rp_presence_touch(presence);
        fake_host_advance(b->host, 10 * RP_NS_PER_MS);
        fake_bus_run(b->bus);
    }
    cr_expect_eq(b->bus->published_count - start, 10);
    rp_presence_free(presence);
    bench_close(b);
}

Test(presence, much_change_is_told_at_once)
{
    bench *b = bench_open(&(bench_spec){0});
    rp_presence *presence = open_on(b, "t-1", RP_OK);
    size_t start = b->bus->published_count;
    for (int i = 0; i < 64 * 5; i++) {
        rp_presence_touch(presence);
        fake_bus_run(b->bus);
    }
    cr_expect_eq(b->bus->published_count - start, 5);
    fake_bus_fate(b->bus, "$KV.", FAKE_HOLD, RP_OK);
    for (int i = 0; i < 64 * 5; i++)
        rp_presence_touch(presence);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->published_count - start, 6, "one at a time");
    fake_bus_let_go(b->bus);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->published_count - start, 7, "and then what came meanwhile");
    rp_presence_free(presence);
    bench_close(b);
}

Test(presence, waits_for_the_record_before)
{
    bench *b = bench_open(&(bench_spec){0});
    rp_presence *presence = open_on(b, "t-1", RP_OK);
    fake_bus_fate(b->bus, "$KV.", FAKE_HOLD, RP_OK);
    rp_presence_publish(presence);
    rp_presence_publish(presence);
    fake_host_advance(b->host, 10 * RP_NS_PER_S);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->published_count, 1, "one at a time");
    fake_bus_let_go(b->bus);
    fake_bus_run(b->bus);
    fake_host_advance(b->host, 100 * RP_NS_PER_MS);
    cr_expect_eq(b->bus->published_count, 2, "what changed meanwhile is told now");
    /* One that failed is not the last one. */
    fake_bus_run(b->bus);
    fake_bus_fate(b->bus, "$KV.", FAKE_FAIL, RP_UNAVAILABLE);
    fake_host_advance(b->host, RP_NS_PER_S);
    fake_bus_run(b->bus);
    fake_bus_fate(b->bus, "$KV.", FAKE_REFUSE, RP_LIMIT);
    fake_host_advance(b->host, RP_NS_PER_S);
    fake_host_advance(b->host, RP_NS_PER_S);
    cr_expect_eq(b->bus->published_count, 4);
    rp_presence_free(presence);
    bench_close(b);
}

Test(presence, leaving_is_told_at_once_and_goes_soon)
{
    bench *b = bench_open(&(bench_spec){0});
    rp_presence *presence = open_on(b, "t-1", RP_OK);
    fake_bus_fate(b->bus, "$KV.", FAKE_HOLD, RP_OK);
    rp_presence_publish(presence);
    ready = false;
    rp_presence_leave(presence);
    cr_assert_eq(fake_bus_count(b->bus, subject), 2);
    cr_expect_str_eq(fake_stored_header(fake_bus_at(b->bus, subject, 1), RP_HEADER_TTL), "1s");
    cr_expect_not_null(strstr(fake_bus_at(b->bus, subject, 1)->body, "\"ready\":false"));
    rp_presence_free(presence); /* answers on their way find nobody */
    cr_expect_eq(b->bus->waiting_count, 0);
    fake_bus_let_go(b->bus);
    fake_bus_run(b->bus);
    bench_close(b);
}

Test(presence, takes_a_name_that_can_stand_in_a_subject)
{
    bench *b = bench_open(&(bench_spec){0});
    cr_expect_null(open_on(b, "a b", RP_INVALID));
    cr_expect_null(open_on(b, "", RP_INVALID));
    cr_expect_null(open_on(b, "*", RP_INVALID));
    rp_presence_free(NULL);
    bench_close(b);
}
