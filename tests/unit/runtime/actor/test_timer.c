#include "runtime/actor/timer.h"

#include "tests/unit/runtime/actor/bench.h"

#include <criterion/criterion.h>
#include <string.h>

#define AT_NS (UINT64_C(1795503600) * RP_NS_PER_S + 250 * RP_NS_PER_MS)

static rp_durable_timer wanted;
static bool cancelled;
static rp_status status;
static rp_error error;

static void handle(rp_context *context, bench *b)
{
    (void)b;
    error = (rp_error){0};
    status = cancelled ? rp_context_timer_cancel(context, wanted.kind, wanted.key, &error)
                       : rp_context_timer_set(context, &wanted, &error);
    rp_context_done(context);
}

/* Sets (or cancels) `timer` from message 7 of EXEC. */
static bench *run(rp_durable_timer timer, bool cancel)
{
    bench *b = bench_open(&(bench_spec){.handle = handle});
    wanted = timer;
    cancelled = cancel;
    bench_deliver_plain(b, 7, 1);
    fake_bus_run(b->bus);
    return b;
}

static rp_durable_timer at(const char *key)
{
    return (rp_durable_timer){.kind = "reminder",
        .key = rp_bytes_text(key),
        .at_ns = AT_NS,
        .body = rp_bytes_text("tea")};
}

static void expect_refused(rp_durable_timer timer, const char *field)
{
    bench *b = run(timer, false);
    cr_expect_eq(status, RP_INVALID, "%s", field);
    cr_expect_str_eq(error.field, field);
    cr_expect_eq(b->bus->published_count, 0);
    bench_close(b);
}

Test(timer, is_a_message_with_a_schedule_and_a_target)
{
    bench *b = run(at("tea"), false);
    const fake_stored *stored = fake_bus_at(b->bus, "timer.reminder.tea", 0);
    cr_assert_eq(status, RP_OK);
    cr_assert_not_null(stored);
    cr_expect_str_eq(
        fake_stored_header(stored, RP_HEADER_SCHEDULE), "@at 2026-11-24T07:00:00.250Z");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_TARGET), "timer.reminder.tea.due");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_CAUSE), "EXEC:7:0");
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_close(b);
}

Test(timer, a_key_of_any_bytes_is_one_token)
{
    bench *b = run(at("a.b *>"), false);
    cr_expect_eq(fake_bus_count(b->bus, "timer.reminder.a=2Eb=20=2A=3E"), 1);
    bench_close(b);
}

Test(timer, is_cancelled_by_a_plain_message_in_its_place)
{
    bench *b = run(at("tea"), true);
    const fake_stored *stored = fake_bus_at(b->bus, "timer.reminder.tea", 0);
    cr_assert_not_null(stored);
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_ROLLUP), "sub");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_SCHEDULE), "");
    bench_close(b);
}

Test(timer, a_schedule_and_its_zone_go_along)
{
    rp_durable_timer timer = at("noon");
    timer.schedule = "0 0 12 * * mon";
    timer.zone = "Europe/Berlin";
    bench *b = run(timer, false);
    const fake_stored *stored = fake_bus_at(b->bus, "timer.reminder.noon", 0);
    cr_assert_not_null(stored);
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_SCHEDULE), "0 0 12 * * mon");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_SCHEDULE_ZONE), "Europe/Berlin");
    bench_close(b);
}

Test(timer, every_takes_whole_units_from_a_second_on)
{
    static const char *const good[] = {"@every 1s", "@every 90m", "@every 24h"};
    static const char *const bad[] = {"@every 0s", "@every 1ms", "@every 1.5h", "@every",
        "@every 99999999999999999999s", "@every 18446744073709551615h", "* * * * *", "",
        "0 0 12 * * mon\r\n"};
    rp_durable_timer timer = at("k");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        timer.schedule = good[i];
        bench *b = run(timer, false);
        cr_expect_eq(status, RP_OK, "%s: %s", good[i], error.message);
        bench_close(b);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        timer.schedule = bad[i];
        expect_refused(timer, "schedule");
    }
}

Test(timer, what_is_no_token_is_refused)
{
    rp_durable_timer timer = at("");
    expect_refused(timer, "key");
    timer = at("k");
    timer.kind = "a.b";
    expect_refused(timer, "kind");
    timer.kind = "*";
    expect_refused(timer, "kind");
    timer.kind = "";
    expect_refused(timer, "kind");
}

Test(timer, the_key_is_read_back_from_what_fired)
{
    char key[RP_NAME_MAX + 1];
    size_t len;
    rp_message message = {.subject = rp_bytes_text("timer.reminder.a=2Eb.due")};
    cr_assert_eq(rp_timer_due_key(&message, key, sizeof key, &len), RP_OK);
    cr_expect_str_eq(key, "a.b");
    message.subject = rp_bytes_text("timer.reminder.a=2Eb");
    cr_expect_eq(rp_timer_due_key(&message, key, sizeof key, &len), RP_INVALID);
    message.subject = rp_bytes_text("example.reminder.k.due");
    cr_expect_eq(rp_timer_due_key(&message, key, sizeof key, &len), RP_INVALID);
}
