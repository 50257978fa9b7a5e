/* The worker's promises on messages: when they are settled, and what a redelivery finds. */
#include "runtime/actor/worker.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/runtime/actor/bench.h"

/* -- settling ---------------------------------------------------------------------------------- */

static void say_two_and_a_result(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_chunk("a"));
    bench_say(context, bench_chunk("b"));
    bench_say(context, bench_result("all"));
    rp_context_done(context);
}

Test(worker, settles_when_all_outputs_are_stored_and_not_before)
{
    bench *b = bench_open(&(bench_spec){.handle = say_two_and_a_result});
    bench_deliver(b, 7, 1);
    cr_expect_eq(b->bus->published_count, 1, "an output waits for the one before it");
    while (b->bus->settled_count == 0) {
        cr_assert_lt(b->stored, 3);
        cr_assert(fake_bus_step(b->bus));
    }
    const fake_settled *s = bench_settled(b);
    cr_expect_eq(s->settlement, RP_SETTLE_DONE);
    cr_expect_eq(s->sequence, 7);
    cr_expect_eq(s->stored_before, 3);
    cr_expect_eq(b->stored, 3);
    cr_expect_str_eq(b->bus->stored[0].body, "a");
    cr_expect_str_eq(b->bus->stored[1].body, "b");
    cr_expect_str_eq(b->bus->stored[2].subject, "result.t.r");
    cr_expect_eq(bench_metric(b, "reprise_messages_done_total"), 1);
    cr_expect_eq(bench_metric(b, "reprise_messages_held"), 0);
    bench_expect_free(b);
    bench_close(b);
}

static void hold(rp_context *context, bench *b)
{
    (void)b;
    rp_context_hold(context);
    rp_context_hold(context);
    rp_context_done(context);
}

Test(worker, waits_for_as_many_releases_as_holds)
{
    bench *b = bench_open(&(bench_spec){.handle = hold});
    bench_deliver_plain(b, 7, 1);
    rp_context_release(b->context);
    cr_expect_eq(b->bus->settled_count, 0);
    rp_context_release(b->context);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_expect_free(b);
    bench_close(b);
}

static void say_shared(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_shared("exec.a", "1"));
    bench_say(context, bench_shared("exec.b", "2"));
    rp_context_done(context);
}

Test(worker, waits_for_shared_outputs_which_are_sent_at_once)
{
    bench *b = bench_open(&(bench_spec){.handle = say_shared});
    bench_deliver_plain(b, 7, 1);
    cr_expect_eq(b->bus->published_count, 2);
    cr_assert(fake_bus_step(b->bus));
    cr_expect_eq(b->bus->settled_count, 0);
    cr_assert(fake_bus_step(b->bus));
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_close(b);
}

/* -- redelivery -------------------------------------------------------------------------------- */

static void say_four(rp_context *context, bench *b)
{
    (void)b;
    static const char *const bodies[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(rp_context_chain_next(context), i);
        bench_say(context, bench_chunk(bodies[i]));
    }
    rp_context_done(context);
}

static void say_four_behind_two(rp_context *context, bench *b)
{
    const rp_message *last = rp_context_chain_last(context);
    cr_assert_eq(rp_context_chain_stored(context), 2);
    cr_assert(last && rp_bytes_is(last->body, "b"));
    cr_assert(rp_bytes_is(rp_message_header(last, RP_HEADER_TRY), "other:1"));
    cr_assert_null(rp_message_header(last, RP_HEADER_JOURNAL).data);
    cr_assert_eq(rp_context_tries(context), 1);
    say_four(context, b);
}

Test(worker, goes_on_behind_what_an_earlier_delivery_stored)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four_behind_two});
    fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:7:0", "other:1");
    fake_bus_put(b->bus, "reply.t.r", "b", "EXEC:7:1", "other:1");
    bench_deliver(b, 7, 2);
    cr_expect_eq(b->handled, 0, "it first has to know");
    fake_bus_run(b->bus);
    cr_assert_eq(fake_bus_count(b->bus, "reply.t.r"), 4);
    cr_expect_str_eq(fake_bus_at(b->bus, "reply.t.r", 2)->body, "c");
    cr_expect_str_eq(fake_bus_at(b->bus, "reply.t.r", 3)->body, "d");
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(b->bus, "reply.t.r", 2), RP_HEADER_CAUSE), "EXEC:7:2");
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    cr_expect_eq(bench_metric(b, "reprise_messages_redelivered_total"), 1);
    bench_close(b);
}

Test(worker, first_delivery_asks_nothing)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->read_count, 0);
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 4);
    bench_close(b);
}

Test(worker, redelivery_without_an_answer_on_its_chain_goes_back)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    b->bus->read_status = RP_TIMEOUT;
    bench_deliver(b, 7, 2);
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
    b->bus->read_refused = RP_LIMIT;
    bench_deliver(b, 8, 2);
    cr_expect_eq(b->bus->settled_count, 2);
    cr_expect_eq(b->bus->settled[1].settlement, RP_SETTLE_RETRY);
    cr_expect_eq(b->handled, 0);
    cr_expect_eq(b->abandoned, 0, "the actor never had it");
    bench_expect_free(b);
    bench_close(b);
}

Test(worker, duplicate_is_settled_without_output)
{
    static const char *const causes[] = {"EXEC:6:0", "EXEX:7:0", "EXEC:7", "nonsense", ""};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        bench *b = bench_open(&(bench_spec){.handle = say_four});
        fake_bus_put(b->bus, "reply.t.r", "a", causes[i], "other:1");
        bench_deliver(b, 7, 2);
        fake_bus_run(b->bus);
        cr_expect_eq(b->handled, 0, "%s", causes[i]);
        cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE, "%s", causes[i]);
        cr_expect_eq(b->bus->stored_count, 1);
        cr_expect_eq(bench_metric(b, "reprise_messages_duplicate_total"), 1);
        bench_expect_free(b);
        bench_close(b);
    }
}

Test(worker, duplicate_is_found_by_the_first_output_too)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:6:0", "other:1");
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->abandoned, 1);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    cr_expect_eq(b->bus->stored_count, 1);
    cr_expect_eq(b->stored, 0);
    bench_expect_free(b);
    bench_close(b);
}

Test(worker, overtaken_is_dropped_and_not_settled)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:7:0", "other:3");
    bench_deliver(b, 7, 2);
    fake_bus_run(b->bus);
    cr_expect_eq(b->handled, 0);
    cr_expect_eq(b->bus->settled_count, 0);
    cr_expect_eq(bench_metric(b, "reprise_messages_overtaken_total"), 1);
    bench_expect_free(b);
    bench_close(b);
}

Test(worker, overtaken_at_work_is_dropped_and_not_settled)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:7:0", "other:2");
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->abandoned, 1);
    cr_expect_eq(b->bus->settled_count, 0);
    cr_expect_eq(b->bus->stored_count, 1);
    cr_expect_eq(bench_metric(b, "reprise_messages_overtaken_total"), 1);
    bench_expect_free(b);
    bench_close(b);
}

Test(worker, conflict_after_a_lost_ack_adopts_what_is_stored)
{
    for (size_t lost = 0; lost < 4; lost++) {
        bench *b = bench_open(&(bench_spec){.handle = say_four});
        bench_deliver(b, 7, 1);
        for (size_t i = 0; i < lost; i++)
            cr_assert(fake_bus_step(b->bus));
        /* The first output is sent already when the fate comes; so it is the next one's. */
        fake_bus_fate(b->bus, "put.reply.", FAKE_LOSE_ACK, RP_OK);
        fake_bus_run(b->bus);
        cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 4);
        cr_expect_eq(b->bus->read_count, lost < 3, "%zu", lost);
        cr_expect_eq(b->stored, 4, "found stored is stored: %zu", b->stored);
        cr_expect_eq(b->stored_status, RP_OK);
        cr_expect_eq(b->stored_sequence, 4);
        cr_expect_eq(b->roomed, 0, "nobody asks for room once the message is done");
        cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
        bench_close(b);
    }
}

static void say_until_full(rp_context *context, bench *b)
{
    rp_output output = bench_chunk("x");
    while (rp_context_chain_room(context) > 0)
        bench_say(context, output);
    cr_expect_eq(rp_context_output(context, &output), RP_BUSY);
    cr_expect_eq(bench_limit(b, "chain"), 1);
}

static void say_one_more(rp_context *context, bench *b)
{
    if (rp_context_chain_next(context) == 6)
        rp_context_done(context);
    else
        bench_say(context, bench_chunk("y"));
    (void)b;
}

Test(worker, chain_tells_when_it_has_room_again)
{
    bench *b = bench_open(&(bench_spec){
        .handle = say_until_full, .chain_room = say_one_more, .chain_outputs_max = 2});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 6);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_close(b);
}

/* A slow earlier attempt may still be at work: whoever comes next begins from what it stored. */
Test(worker, puts_back_where_another_attempt_stored_what_waits)
{
    static const char *const attempts[] = {"other.1:2", "me.1:2", "me.0:2", "me.1:1", "me.1:1x",
        "other:18446744073709551625", "other"};
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        bench *b = bench_open(&(bench_spec){.handle = say_four});
        bench_deliver(b, 7, 2);
        cr_assert(fake_bus_step(b->bus)); /* nothing stands there */
        cr_assert(fake_bus_step(b->bus)); /* "a" is stored, "b" on its way, */
        fake_bus_fate(b->bus, "put.reply.", FAKE_LOSE_ACK, RP_OK);
        cr_assert(fake_bus_step(b->bus)); /* and "c" will find another's */
        free(b->bus->stored[2].headers[RP_HEADER_TRY]);
        b->bus->stored[2].headers[RP_HEADER_TRY] = strdup(attempts[i]);
        fake_bus_run(b->bus);
        bool ours = strcmp(attempts[i], "me.1:2") == 0;
        cr_expect_eq(b->abandoned, !ours, "%s", attempts[i]);
        cr_expect_eq(bench_settled(b)->settlement, ours ? RP_SETTLE_DONE : RP_SETTLE_RETRY);
        cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), ours ? 4 : 3);
        bench_expect_free(b);
        bench_close(b);
    }
}

/* The server counts two deliveries alike when it was killed in between. */
Test(worker, leaves_alone_what_a_later_delivery_to_itself_goes_on_with)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    bench_deliver(b, 7, 1);
    fake_bus_fate(b->bus, "put.reply.", FAKE_LOSE_ACK, RP_OK);
    cr_assert(fake_bus_step(b->bus)); /* "a" is stored, and "b" will find another's */
    free(b->bus->stored[1].headers[RP_HEADER_TRY]);
    b->bus->stored[1].headers[RP_HEADER_TRY] = strdup("me.2:1");
    fake_bus_run(b->bus);
    cr_expect_eq(b->abandoned, 1);
    cr_expect_eq(b->bus->settled_count, 0);
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 2);
    bench_expect_free(b);
    bench_close(b);
}

/* What stands in the stream when a connection begins may have been delivered before. */
Test(worker, looks_first_where_a_first_delivery_may_be_a_later_one)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    rp_worker_connected(b->worker);
    bench_deliver(b, 7, 1);
    cr_expect_eq(b->handled, 0, "how old it is, is not known yet");
    fake_bus_run(b->bus);
    cr_expect_eq(b->handled, 1);
    bench_deliver(b, 8, 1);
    cr_expect_eq(b->handled, 2, "it came after the connection did");
    fake_bus_run(b->bus);
    bench_close(b);
}

/* What was asked when the connection before this one began is answered, if ever, with the past. */
Test(worker, believes_only_what_this_connection_says_of_the_stream)
{
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    rp_worker_connected(b->worker);
    rp_worker_connected(b->worker);
    cr_assert_eq(b->bus->waiting_count, 1, "the older question is forgotten");
    bench_deliver(b, 7, 1);
    cr_expect_eq(b->handled, 0);
    fake_bus_run(b->bus);
    cr_expect_eq(b->handled, 1);
    bench_close(b);
}

Test(worker, waits_longer_each_time_it_puts_a_message_back)
{
    static const uint64_t delays_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 64000};
    bench *b = bench_open(&(bench_spec){.handle = say_four});
    for (size_t i = 0; i < sizeof delays_ms / sizeof *delays_ms; i++) {
        fake_bus_fate(b->bus, "put.", FAKE_FAIL, RP_UNAVAILABLE);
        bench_deliver(b, 7, i + 1);
        fake_bus_run(b->bus);
        cr_expect_eq(b->bus->settled[i].settlement, RP_SETTLE_RETRY);
        cr_expect_eq(b->bus->settled[i].delay_ns, delays_ms[i] * RP_NS_PER_MS, "%zu", i);
    }
    bench_close(b);
}

Test(worker, puts_back_what_lost_its_stored_outputs)
{
    for (size_t replaced = 0; replaced < 2; replaced++) {
        bench *b = bench_open(&(bench_spec){.handle = say_four});
        bench_deliver(b, 7, 1);
        cr_assert(fake_bus_step(b->bus)); /* "a" is stored, "b" on its way */
        fake_bus_drop(b->bus, "reply.t.r");
        if (replaced)
            fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:7:0", "me.1:1");
        fake_bus_run(b->bus);
        cr_expect_eq(b->abandoned, 1);
        cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
        cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), replaced);
        bench_expect_free(b);
        bench_close(b);
    }
}

static void skip_and_end(rp_context *context, bench *b)
{
    bench_say(context, bench_chunk("passed over"));
    rp_context_chain_skip(context);
    cr_expect_eq(rp_context_chain_next(context), 2);
    bench_say(context, bench_chunk("the end"));
    rp_context_chain_skip(context);
    cr_expect_eq(rp_context_chain_next(context), 3, "what waits is not skipped");
    rp_context_done(context);
    (void)b;
}

Test(worker, an_end_is_not_passed_over)
{
    bench *b = bench_open(&(bench_spec){.handle = skip_and_end});
    fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:7:0", "other:1");
    fake_bus_put(b->bus, "reply.t.r", "b", "EXEC:7:1", "other:1");
    bench_deliver(b, 7, 2);
    fake_bus_run(b->bus);
    cr_assert_eq(fake_bus_count(b->bus, "reply.t.r"), 3);
    cr_expect_str_eq(fake_bus_at(b->bus, "reply.t.r", 2)->body, "the end");
    bench_close(b);
}

/* -- what is stored and does not fit ----------------------------------------------------------- */

Test(worker, puts_back_where_the_last_output_does_not_fit_into_the_arena)
{
    enum { MANY = 2 << 20 }; /* the bench's arenas have 1 MiB */
    char *body = malloc(MANY);
    cr_assert(body);
    memset(body, 'x', MANY - 1);
    body[MANY - 1] = '\0';
    bench *b = bench_open(&(bench_spec){0});
    fake_bus_put(b->bus, "reply.t.r", body, "EXEC:7:0", "x:1");
    bench_deliver(b, 7, 2);
    fake_bus_run(b->bus);
    cr_expect_eq(b->handled, 0);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
    bench_expect_free(b);
    bench_close(b);
    free(body);
}
