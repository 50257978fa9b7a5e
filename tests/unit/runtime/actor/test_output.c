/* What outputs are called, what goes with them, and what becomes of them. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "runtime/actor/journal.h"
#include "tests/unit/runtime/actor/bench.h"

static void say_four(rp_context *context, bench *b)
{
    (void)b;
    for (size_t i = 0; i < 4; i++)
        bench_say(context, bench_chunk("x"));
    rp_context_done(context);
}

static void say_result(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_result("mine"));
    rp_context_done(context);
}

static void say_chunk_and_result(rp_context *context, bench *b)
{
    bench_say(context, bench_chunk("a"));
    say_result(context, b);
}

Test(output, single_one_that_stands_is_as_good)
{
    for (size_t chained = 0; chained < 2; chained++) {
        bench *b = bench_open(&(bench_spec){.handle = chained ? say_chunk_and_result : say_result});
        fake_bus_put(b->bus, "result.t.r", "theirs", "EXEC:6:0", "other:1");
        if (chained)
            bench_deliver(b, 7, 1);
        else
            bench_deliver_plain(b, 7, 1);
        fake_bus_run(b->bus);
        cr_expect_eq(fake_bus_count(b->bus, "result.t.r"), 1);
        cr_expect_str_eq(fake_bus_at(b->bus, "result.t.r", 0)->body, "theirs");
        cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), chained);
        cr_expect_eq(b->stored, 1 + chained);
        cr_expect_eq(b->stored_status, RP_OK);
        cr_expect_eq(b->bus->read_count, 0, "a single's conflict says nothing of the chain");
        cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
        bench_close(b);
    }
}

static void say_shared_by_delivery(rp_context *context, bench *b)
{
    bool again = rp_context_message(context)->deliveries > 1;
    (void)b;
    bench_say(context, bench_shared(again ? "exec.b" : "exec.a", "work"));
    rp_context_done(context);
}

Test(output, shared_one_keeps_its_id_whatever_its_subject)
{
    bench *b = bench_open(&(bench_spec){.handle = say_shared_by_delivery});
    bench_deliver_plain(b, 7, 1);
    fake_bus_run(b->bus);
    bench_deliver_plain(b, 7, 2);
    fake_bus_run(b->bus);
    cr_expect_eq(fake_bus_count(b->bus, "exec.a"), 1);
    cr_expect_eq(fake_bus_count(b->bus, "exec.b"), 0);
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(b->bus, "exec.a", 0), RP_HEADER_MESSAGE_ID), "EXEC:7:0");
    cr_expect_eq(b->stored, 2, "a duplicate is stored");
    cr_expect_eq(b->stored_sequence, 1);
    cr_expect_eq(b->bus->settled_count, 2);
    bench_close(b);
}

static void say_all_kinds(rp_context *context, bench *b)
{
    rp_output chunk = bench_chunk("a");
    chunk.headers[chunk.header_count++] =
        (rp_header_value){RP_HEADER_CONTENT_TYPE, rp_bytes_text("text/x")};
    rp_context_note(context, "ROUTES", "t.m", 17);
    (void)rp_context_draw(context);
    bench_say(context, chunk);
    bench_say(context, bench_chunk("b"));
    rp_context_note_value(context, "ACTORS", "executor.a1", "free=3");
    bench_say(context, bench_shared("exec.a", "1"));
    bench_say(context, bench_shared("exec.b", "2"));
    bench_say(context, bench_result("all"));
    rp_context_done(context);
    (void)b;
}

static void expect_headers(const fake_stored *s, const char *cause, const char *journal)
{
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_CAUSE), cause);
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_JOURNAL), journal, "%s: %s", cause,
        fake_stored_header(s, RP_HEADER_JOURNAL));
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_TRY), "me.1:1");
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_BUILD), "build-1");
}

Test(output, says_whose_it_is_and_what_was_read_for_it)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    bench *b = bench_open(&(bench_spec){.handle = say_all_kinds});
    fake_bus_deliver(b->bus, "work",
        &(fake_delivery){.sequence = 7,
            .deliveries = 1,
            .headers = {{RP_HEADER_REQUEST, "r"}, {RP_HEADER_TRACEPARENT, trace}}});
    fake_bus_run(b->bus);
    const fake_stored *first = fake_bus_at(b->bus, "reply.t.r", 0);
    expect_headers(first, "EXEC:7:0", "[[\"ROUTES\",\"t.m\",17],[\"RANDOM\",\"\",1]]");
    cr_expect_str_eq(fake_stored_header(first, RP_HEADER_CONTENT_TYPE), "text/x");
    cr_expect_str_eq(fake_stored_header(first, RP_HEADER_TRACEPARENT), trace);
    expect_headers(fake_bus_at(b->bus, "reply.t.r", 1), "EXEC:7:1", "");
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(b->bus, "reply.t.r", 1), RP_HEADER_CONTENT_TYPE), "");
    /* Shared outputs count together in their stream. */
    expect_headers(
        fake_bus_at(b->bus, "exec.a", 0), "EXEC:7:0", "[[\"ACTORS\",\"executor.a1\",\"free=3\"]]");
    expect_headers(fake_bus_at(b->bus, "exec.b", 0), "EXEC:7:1", "");
    expect_headers(fake_bus_at(b->bus, "result.t.r", 0), "EXEC:7:0", "");
    /* An id names the subject, but for a shared output. */
    cr_expect_str_neq(fake_stored_header(first, RP_HEADER_MESSAGE_ID),
        fake_stored_header(fake_bus_at(b->bus, "result.t.r", 0), RP_HEADER_MESSAGE_ID));
    bench_close(b);
}

Test(output, trace_that_is_none_goes_no_further)
{
    bench *b = bench_open(&(bench_spec){.handle = say_result});
    fake_bus_deliver(b->bus, "work",
        &(fake_delivery){
            .sequence = 7, .deliveries = 3, .headers = {{RP_HEADER_TRACEPARENT, "00-short"}}});
    fake_bus_run(b->bus);
    const fake_stored *s = fake_bus_at(b->bus, "result.t.r", 0);
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_TRACEPARENT), "");
    cr_expect_str_eq(fake_stored_header(s, RP_HEADER_TRY), "me.1:3");
    bench_close(b);
}

static void say_shared_or_refuse(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_shared("exec.a", "1"));
}

Test(output, actor_hears_that_the_stream_of_its_output_is_full)
{
    bench *b = bench_open(&(bench_spec){.handle = say_shared_or_refuse});
    fake_bus_fate(b->bus, "exec.", FAKE_FAIL, RP_FULL);
    bench_deliver_plain(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->stored, 1);
    cr_expect_eq(b->stored_status, RP_FULL);
    cr_expect_eq(b->bus->settled_count, 0);
    rp_context_done(b->context);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_close(b);
}

static void say_unheard(rp_context *context, bench *b)
{
    rp_output output = bench_shared("exec.a", "1");
    output.stored = NULL;
    (void)b;
    bench_say(context, output);
    rp_context_done(context);
}

Test(output, that_fails_puts_the_message_back)
{
    static const rp_status statuses[] = {RP_FULL, RP_UNAVAILABLE, RP_DENIED, RP_INVALID, RP_BUSY};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        for (size_t chained = 0; chained < 2; chained++) {
            bench *b = bench_open(&(bench_spec){.handle = chained ? say_four : say_unheard});
            fake_bus_fate(b->bus, chained ? "put." : "exec.", FAKE_FAIL, statuses[i]);
            bench_deliver(b, 7, 1);
            fake_bus_run(b->bus);
            cr_expect_eq(b->abandoned, 1);
            cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
            cr_expect_eq(b->bus->settled[0].delay_ns, 500 * RP_NS_PER_MS);
            cr_expect_eq(b->bus->stored_count, 0);
            bench_expect_free(b);
            bench_close(b);
        }
    }
}

/* The outbox is full: of a chain the output waits, a shared one is refused; and the one that the
 * actor makes later has the identity and the journal that it would have had. */
static void say_refused(rp_context *context, bench *b)
{
    rp_output shared = bench_shared("exec.a", "1");
    rp_context_note(context, "ROUTES", "t.m", 17);
    fake_bus_fate(b->bus, "exec.", FAKE_REFUSE, RP_LIMIT);
    cr_assert_eq(rp_context_output(context, &shared), RP_LIMIT);
    rp_context_note(context, "ROUTES", "t.n", 18);
    (void)rp_context_draw(context);
    bench_say(context, shared);
    fake_bus_fate(b->bus, "put.", FAKE_REFUSE, RP_LIMIT);
    bench_say(context, bench_chunk("a"));
    rp_context_done(context);
}

Test(output, that_is_not_taken_changes_nothing)
{
    bench *b = bench_open(&(bench_spec){.handle = say_refused});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    expect_headers(fake_bus_at(b->bus, "exec.a", 0), "EXEC:7:0",
        "[[\"ROUTES\",\"t.m\",17],[\"ROUTES\",\"t.n\",18],[\"RANDOM\",\"\",1]]");
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 0);
    cr_expect_eq(b->bus->settled_count, 0, "it waits for the outbox");
    fake_host_advance(b->host, 1500 * RP_NS_PER_MS);
    fake_bus_run(b->bus);
    expect_headers(fake_bus_at(b->bus, "reply.t.r", 0), "EXEC:7:0", "");
    cr_assert_eq(b->bus->settled_count, 2, "extended, then done");
    cr_expect_eq(b->bus->settled[1].settlement, RP_SETTLE_DONE);
    bench_close(b);
}

static void say_chunk_and_wait(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_chunk("a"));
}

Test(output, of_a_chain_that_can_never_be_sent_puts_the_message_back)
{
    bench *b = bench_open(&(bench_spec){.handle = say_chunk_and_wait});
    fake_bus_fate(b->bus, "put.", FAKE_REFUSE, RP_INVALID);
    bench_deliver(b, 7, 1);
    cr_expect_eq(b->abandoned, 0, "not within the actor's own call");
    fake_host_advance(b->host, 1500 * RP_NS_PER_MS);
    cr_assert_eq(b->bus->settled_count, 2);
    cr_expect_eq(b->bus->settled[1].settlement, RP_SETTLE_RETRY);
    cr_expect_eq(b->abandoned, 1);
    bench_expect_free(b);
    bench_close(b);
}

static void say_too_much(rp_context *context, bench *b)
{
    rp_output output = bench_chunk("too long for this bus");
    b->bus->payload_bytes_max = 8;
    cr_expect_eq(rp_context_output(context, &output), RP_LIMIT);
    cr_expect_eq(rp_context_chain_next(context), 0);
    char *body = calloc(1, RP_OUTPUT_BODY_BYTES_MAX + 1);
    b->bus->payload_bytes_max = 2 * RP_OUTPUT_BODY_BYTES_MAX;
    output.body = rp_bytes_of(body, RP_OUTPUT_BODY_BYTES_MAX + 1);
    cr_expect_eq(rp_context_output(context, &output), RP_LIMIT);
    cr_expect_eq(rp_context_chain_room(context), 4, "it takes no place");
    free(body);
    output = bench_shared("exec.a", "1");
    for (size_t i = 0; i < 8; i++)
        bench_say(context, output);
    cr_expect_eq(bench_limit(b, "outputs"), 0);
    cr_expect_eq(rp_context_output(context, &output), RP_LIMIT, "no more in flight");
    cr_expect_eq(bench_limit(b, "outputs"), 1);
    cr_expect_eq(bench_limit(b, "body"), 2);
    rp_context_done(context);
}

Test(output, is_bounded)
{
    bench *b = bench_open(&(bench_spec){.handle = say_too_much});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->stored_count, 8);
    bench_close(b);
}

static void read_too_much(rp_context *context, bench *b)
{
    for (size_t i = 0; i < 2000; i++)
        rp_context_note(context, "ROUTES", "tenant.model", i);
    bench_say(context, bench_chunk("a"));
    bench_say(context, bench_result("all"));
    rp_context_done(context);
    (void)b;
}

Test(output, tells_that_its_journal_was_cut)
{
    bench *b = bench_open(&(bench_spec){.handle = read_too_much});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    const char *journal =
        fake_stored_header(fake_bus_at(b->bus, "reply.t.r", 0), RP_HEADER_JOURNAL);
    cr_expect_leq(strlen(journal), RP_JOURNAL_BYTES_MAX);
    cr_expect_not_null(strstr(journal, "[\"CUT\",\"\","));
    cr_expect_eq(bench_metric(b, "reprise_journal_cut_total"), 1);
    bench_close(b);
}

static void say_on_no_chain(rp_context *context, bench *b)
{
    rp_output output = bench_chunk("a");
    (void)b;
    cr_expect_eq(rp_context_output(context, &output), RP_INVALID);
    rp_context_done(context);
}

Test(output, message_without_a_chain_has_none)
{
    bench *b = bench_open(&(bench_spec){.handle = say_on_no_chain});
    bench_deliver_plain(b, 7, 2);
    cr_expect_eq(b->bus->read_count, 0);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_close(b);
}
