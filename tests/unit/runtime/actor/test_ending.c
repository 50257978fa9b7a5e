/* How a message ends otherwise, and what the worker does around its messages. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/runtime/actor/bench.h"

/* -- giving back, rejecting, giving up --------------------------------------------------------- */

static void say_and_retry(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_chunk("a"));
    bench_say(context, bench_chunk("b"));
    rp_context_retry(context, 3 * RP_NS_PER_S, "not now");
}

Test(ending, retry_drops_what_waits_and_is_called_no_more)
{
    bench *b = bench_open(&(bench_spec){.handle = say_and_retry});
    bench_deliver(b, 7, 1);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
    cr_expect_eq(b->bus->settled[0].delay_ns, 3 * RP_NS_PER_S);
    bench_expect_free(b);
    fake_bus_run(b->bus); /* the answer to "a" comes too late for anybody */
    cr_expect_eq(b->stored, 0);
    cr_expect_eq(b->bus->stored_count, 1);
    cr_expect_eq(b->abandoned, 0, "the actor knows");
    bench_deliver(b, 7, 3);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->settled[1].delay_ns, 6 * RP_NS_PER_S, "twice as long, two tries later");
    bench_close(b);
}

static void reject(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_chunk("a"));
    rp_context_reject(context, "it is \"bad\"\x01");
}

Test(ending, reject_writes_the_dead_letter_first)
{
    bench *b = bench_open(&(bench_spec){.handle = reject});
    bench_deliver(b, 7, 1);
    cr_expect_eq(fake_bus_count(b->bus, "dead.tester"), 0, "outputs come before");
    fake_bus_run(b->bus);
    const fake_stored *dead = fake_bus_at(b->bus, "dead.tester", 0);
    cr_assert(dead);
    cr_expect_not_null(strstr(dead->body, "it is \\\"bad\\\"?"), "%s", dead->body);
    cr_expect_not_null(strstr(dead->body, "\"sequence\":7"), "%s", dead->body);
    cr_expect_not_null(strstr(dead->body, "\"stream\":\"EXEC\""), "%s", dead->body);
    cr_expect_not_null(strstr(dead->body, "\"request\":\"r\""), "%s", dead->body);
    cr_expect_str_eq(fake_stored_header(dead, RP_HEADER_CAUSE), "EXEC:7:0");
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_REJECT);
    cr_expect_eq(b->bus->settled[0].stored_before, 2);
    cr_expect_eq(bench_metric(b, "reprise_messages_rejected_total"), 1);
    bench_expect_free(b);
    bench_close(b);
}

Test(ending, reject_without_a_dead_letter_is_a_retry)
{
    for (int refused = 0; refused < 2; refused++) {
        bench *b = bench_open(&(bench_spec){.handle = reject});
        fake_bus_fate(
            b->bus, "dead.", refused ? FAKE_REFUSE : FAKE_FAIL, refused ? RP_LIMIT : RP_FULL);
        bench_deliver(b, 7, 1);
        fake_bus_run(b->bus);
        cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
        cr_expect_eq(b->abandoned, 1);
        bench_close(b);
    }
}

Test(ending, dead_letter_that_can_never_be_sent_does_not_come_back_for_ever)
{
    bench *b = bench_open(&(bench_spec){.handle = reject});
    fake_bus_fate(b->bus, "dead.", FAKE_REFUSE, RP_INVALID);
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_REJECT);
    bench_expect_free(b);
    bench_close(b);
}

static void last_words(rp_context *context, bench *b)
{
    (void)b;
    bench_say(context, bench_chunk("sorry"));
    bench_say(context, bench_result("sorry"));
    rp_context_reject(context, "too often");
}

Test(ending, gives_up_after_so_many_tries_without_an_output)
{
    static const struct {
        uint64_t deliveries;
        const char *last_try; /* NULL = none stored */
        bool given_up;
    } cases[] = {{RP_WORKER_TRIES_MAX, NULL, false}, {RP_WORKER_TRIES_MAX + 1, NULL, true},
        {RP_WORKER_TRIES_MAX + 1, "x:1", false}, {RP_WORKER_TRIES_MAX + 2, "x:1", true},
        {1000, "x:990", false}, {1000, "x:989", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench *b = bench_open(&(bench_spec){.give_up = last_words});
        if (cases[i].last_try)
            fake_bus_put(b->bus, "reply.t.r", "a", "EXEC:7:0", cases[i].last_try);
        bench_deliver(b, 7, cases[i].deliveries);
        fake_bus_run(b->bus);
        cr_expect_eq(b->given_up, cases[i].given_up, "%zu", i);
        cr_expect_eq(b->handled, !cases[i].given_up, "%zu", i);
        cr_expect_eq(
            bench_settled(b)->settlement, cases[i].given_up ? RP_SETTLE_REJECT : RP_SETTLE_DONE);
        cr_expect_eq(fake_bus_count(b->bus, "dead.tester"), cases[i].given_up);
        cr_expect_eq(bench_limit(b, "tries"), cases[i].given_up);
        /* Where a chunk stood, the first one made was passed over. */
        cr_expect_eq(
            fake_bus_count(b->bus, "reply.t.r"), cases[i].last_try || cases[i].given_up ? 1 : 0);
        cr_expect_eq(fake_bus_count(b->bus, "result.t.r"), cases[i].given_up);
        bench_close(b);
    }
}

Test(ending, how_many_tries_is_the_environments_choice)
{
    for (uint64_t deliveries = 2; deliveries <= 4; deliveries++) {
        bench *b = bench_open(&(bench_spec){.give_up = last_words, .tries_max = 3});
        cr_expect_eq(rp_worker_tries_max(b->worker), 3);
        bench_deliver(b, 7, deliveries);
        fake_bus_run(b->bus);
        cr_expect_eq(b->given_up, deliveries > 3);
        cr_expect_eq(bench_limit(b, "tries"), deliveries > 3);
        bench_close(b);
    }
}

Test(ending, worker_without_last_words_rejects)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_deliver(b, 7, RP_WORKER_TRIES_MAX + 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->handled, 0);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_REJECT);
    cr_expect_eq(fake_bus_count(b->bus, "dead.tester"), 1);
    bench_close(b);
}

static void end_held(rp_context *context, bench *b)
{
    (void)b;
    rp_context_hold(context);
    rp_context_done(context);
}

Test(ending, what_is_held_for_another_can_go_back_after_it_is_done)
{
    bench *b = bench_open(&(bench_spec){.handle = end_held});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->settled_count, 0);
    rp_context_give_back(b->context, "what it waits for does not come");
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
    cr_expect_gt(b->bus->settled[0].delay_ns, 0);
    cr_expect_eq(b->abandoned, 1);
    bench_expect_free(b);
    rp_context_give_back(b->context, "twice");
    cr_expect_eq(b->bus->settled_count, 1);
    bench_close(b);
}

/* -- draining ---------------------------------------------------------------------------------- */

static void wait(rp_context *context, bench *b)
{
    (void)context, (void)b;
}

static void drain(bench *b)
{
    rp_worker_drain(b->worker, 10 * RP_NS_PER_S, bench_drained, b);
}

Test(ending, drain_of_an_idle_worker_is_over_at_once)
{
    bench *b = bench_open(&(bench_spec){.mailboxes = 2});
    drain(b);
    cr_expect_eq(b->drained, 1);
    cr_expect_not(b->bus->mailboxes[0].open);
    cr_expect_not(b->bus->mailboxes[1].open);
    fake_host_advance(b->host, 60 * RP_NS_PER_S);
    cr_expect_eq(b->drained, 1);
    bench_close(b);
}

Test(ending, drain_finishes_what_it_can_and_says_so_once)
{
    bench *b = bench_open(&(bench_spec){.handle = wait});
    bench_deliver(b, 7, 1);
    rp_context *seven = b->context;
    bench_deliver(b, 8, 1);
    drain(b);
    cr_expect_not(b->bus->mailboxes[0].open);
    rp_context_done(seven);
    cr_expect_eq(b->drained, 0);
    rp_context_done(b->context);
    cr_expect_eq(b->drained, 1);
    cr_expect_eq(b->bus->settled_count, 2);
    fake_host_advance(b->host, 60 * RP_NS_PER_S);
    cr_expect_eq(b->drained, 1);
    cr_expect_eq(b->bus->settled_count, 2);
    bench_close(b);
}

Test(ending, drain_hands_back_what_is_left_at_its_limit)
{
    bench *b = bench_open(&(bench_spec){.handle = wait});
    bench_deliver(b, 7, 4);
    fake_bus_run(b->bus);
    bench_deliver(b, 8, 1);
    drain(b);
    fake_host_advance(b->host, 10 * RP_NS_PER_S - 1);
    cr_expect_eq(b->drained, 0);
    size_t extended = b->bus->settled_count;
    cr_expect_eq(extended, 12, "each six times");
    fake_host_advance(b->host, 1);
    cr_expect_eq(b->drained, 1);
    cr_expect_eq(b->abandoned, 2);
    cr_assert_eq(b->bus->settled_count, extended + 2);
    for (size_t i = extended; i < extended + 2; i++) {
        cr_expect_eq(b->bus->settled[i].settlement, RP_SETTLE_RETRY);
        cr_expect_eq(b->bus->settled[i].delay_ns, 0);
    }
    cr_expect_eq(bench_limit(b, "drain"), 2);
    bench_expect_free(b);
    bench_close(b);
}

/* -- slots ------------------------------------------------------------------------------------- */

static size_t credits(const bench *b)
{
    size_t sum = 0;
    for (size_t i = 0; i < b->bus->mailbox_count; i++)
        sum += b->bus->mailboxes[i].credit;
    return sum;
}

Test(slots, are_shared_by_mailboxes)
{
    bench *b = bench_open(&(bench_spec){.handle = wait, .mailboxes = 3, .slots = 4});
    cr_expect_eq(credits(b), 4);
    for (size_t i = 0; i < 3; i++)
        cr_expect_geq(b->bus->mailboxes[i].credit, 1);
    for (uint64_t n = 1; n <= 4; n++) {
        size_t i = 0;
        while (b->bus->mailboxes[i].credit == 0)
            i++;
        fake_bus_deliver(b->bus, b->durables[i], &(fake_delivery){.sequence = n, .deliveries = 1});
    }
    cr_expect_eq(credits(b), 0);
    cr_expect_eq(rp_worker_busy(b->worker), 4);
    cr_expect_eq(rp_worker_slots_free(b->worker), 0);
    /* One is free: each is offered it, so that none starves. */
    rp_context_done(b->context);
    cr_expect_eq(rp_worker_slots_free(b->worker), 1);
    cr_expect_eq(credits(b), 3);
    for (size_t i = 0; i < 3; i++)
        fake_bus_deliver(
            b->bus, b->durables[i], &(fake_delivery){.sequence = 10 + i, .deliveries = 1});
    cr_expect_eq(rp_worker_busy(b->worker), 6);
    cr_expect_eq(rp_worker_slots_free(b->worker), 0);
    rp_context_done(b->context);
    cr_expect_eq(credits(b), 0, "not while more are held than there are slots");
    cr_expect_eq(rp_worker_delivered(b->worker, "work-1"), 11);
    cr_expect_eq(rp_worker_delivered(b->worker, "none"), 0);
    bench_close(b);
}

Test(slots, go_round)
{
    bench *b = bench_open(&(bench_spec){.mailboxes = 2, .slots = 5});
    bool most[2] = {false, false};
    for (uint64_t n = 1; n <= 2; n++) {
        most[b->bus->mailboxes[0].credit == 3] = true;
        cr_expect_eq(credits(b), 5);
        bench_deliver_plain(b, n, 1);
    }
    cr_expect(most[0] && most[1], "the larger share is now one's, now the other's");
    bench_close(b);
}

Test(slots, trouble_is_told_until_it_is_over)
{
    bench *b = bench_open(&(bench_spec){0});
    const rp_mailbox_spec *spec = &b->bus->mailboxes[0].spec;
    const char *why = NULL;
    spec->on_trouble(spec->arg, RP_TIMEOUT, "slow");
    cr_expect_not(rp_worker_troubled(b->worker, &why));
    spec->on_trouble(spec->arg, RP_NOT_FOUND, "gone");
    cr_expect(rp_worker_troubled(b->worker, &why));
    cr_expect_not_null(strstr(why, "reprise provision"));
    spec->on_trouble(spec->arg, RP_OK, NULL);
    cr_expect_not(rp_worker_troubled(b->worker, &why));
    spec->on_trouble(spec->arg, RP_NOT_FOUND, "gone");
    bench_deliver(b, 7, 1);
    cr_expect_not(rp_worker_troubled(b->worker, &why), "a message is as good");
    bench_close(b);
}

Test(slots, are_bounded)
{
    bench *b = bench_open(&(bench_spec){0});
    rp_worker *worker = NULL;
    rp_error error = {0};
    rp_worker_spec spec = {.kind = "x", .arena_bytes_max = 1 << 20};
    rp_worker_env env = b->env;
    env.slots = 0;
    cr_expect_eq(rp_worker_new(&env, &spec, NULL, &worker, &error), RP_INVALID);
    cr_expect_str_eq(error.field, "slots");
    env.slots = RP_WORKER_SLOTS_MAX + 1;
    cr_expect_eq(rp_worker_new(&env, &spec, NULL, &worker, &error), RP_INVALID);
    env.slots = 1;
    cr_assert_eq(rp_metrics_new(NULL, 0, &env.metrics, NULL), RP_OK);
    cr_assert_eq(rp_worker_new(&env, &spec, NULL, &worker, &error), RP_OK);
    for (size_t i = 0; i < 16; i++)
        cr_expect_eq(rp_worker_mailbox(worker, "S", "d", &error), RP_OK);
    cr_expect_eq(rp_worker_mailbox(worker, "S", "d", &error), RP_LIMIT);
    rp_worker_free(worker);
    rp_worker_free(NULL);
    rp_metrics_free(env.metrics);
    bench_close(b);
}

/* -- extending --------------------------------------------------------------------------------- */

Test(extending, happens_while_a_message_is_held)
{
    bench *b = bench_open(&(bench_spec){.handle = wait});
    bench_deliver(b, 7, 1);
    fake_host_advance(b->host, 1500 * RP_NS_PER_MS - 1);
    cr_expect_eq(b->bus->settled_count, 0);
    fake_host_advance(b->host, 1);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_PROGRESS);
    fake_host_advance(b->host, 3000 * RP_NS_PER_MS);
    cr_expect_eq(b->bus->settled_count, 3);
    rp_context_done(b->context);
    fake_host_advance(b->host, 60 * RP_NS_PER_S);
    cr_expect_eq(b->bus->settled_count, 4, "not once it is done");
    bench_close(b);
}

Test(extending, happens_while_the_chain_is_read_and_outputs_are_on_their_way)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_deliver(b, 7, 2);
    fake_host_advance(b->host, 1500 * RP_NS_PER_MS);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_PROGRESS);
    bench_close(b); /* what is held is not settled by a worker that is freed */
}

/* -- compute ----------------------------------------------------------------------------------- */

static void run(void *own, size_t thread)
{
    cr_assert_eq(thread, 0);
    ((bench_own *)own)->runs++;
}

static void ran(rp_context *context)
{
    cr_assert_eq(((bench_own *)rp_context_own(context))->runs, 1);
    if (!rp_context_abandoned(context))
        rp_context_done(context);
}

static void compute(rp_context *context, bench *b)
{
    (void)b;
    cr_assert_eq(((bench_own *)rp_context_own(context))->runs, 0, "own memory begins cleared");
    cr_assert_eq(rp_context_compute(context, run, ran), RP_OK);
    cr_assert_eq(rp_context_compute(context, run, ran), RP_BUSY);
}

Test(compute, goes_on_when_it_is_done)
{
    bench *b = bench_open(&(bench_spec){.handle = compute, .slots = 1});
    for (uint64_t n = 1; n <= 3; n++) {
        bench_deliver_plain(b, n, 1);
        cr_expect_eq(b->bus->settled_count, n - 1);
        fake_host_run(b->host);
        cr_expect_eq(b->bus->settled_count, n);
    }
    bench_close(b);
}

Test(compute, keeps_an_abandoned_context_until_it_is_done)
{
    bench *b = bench_open(&(bench_spec){.handle = compute});
    bench_deliver_plain(b, 7, 1);
    fake_host_begin(b->host);
    rp_worker_drain(b->worker, 0, bench_drained, b);
    fake_host_advance(b->host, 1);
    cr_expect_eq(b->abandoned, 1);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
    cr_expect_eq(rp_worker_busy(b->worker), 1);
    cr_expect_eq(b->bus->messages_alive, 1, "the job may still read it");
    cr_expect_eq(b->drained, 0);
    fake_host_advance(b->host, 60 * RP_NS_PER_S);
    cr_expect_eq(b->bus->settled_count, 1, "it is not extended");
    fake_host_finish(b->host);
    bench_expect_free(b);
    cr_expect_eq(b->drained, 1);
    cr_expect_eq(b->bus->settled_count, 1);
    bench_close(b);
}

static void compute_and_retry(rp_context *context, bench *b)
{
    compute(context, b);
    rp_context_retry(context, 0, "never mind");
}

Test(compute, may_outlive_a_retry)
{
    bench *b = bench_open(&(bench_spec){.handle = compute_and_retry});
    bench_deliver_plain(b, 7, 1);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_RETRY);
    cr_expect_eq(rp_worker_busy(b->worker), 1);
    fake_host_run(b->host);
    bench_expect_free(b);
    bench_close(b);
}

static void compute_without_room(rp_context *context, bench *b)
{
    b->host->jobs_max = 0;
    cr_assert_eq(rp_context_compute(context, run, ran), RP_LIMIT);
    rp_context_done(context);
}

Test(compute, is_refused_where_there_is_no_room)
{
    bench *b = bench_open(&(bench_spec){.handle = compute_without_room});
    bench_deliver_plain(b, 7, 1);
    cr_expect_eq(bench_settled(b)->settlement, RP_SETTLE_DONE);
    bench_expect_free(b);
    bench_close(b);
}

/* -- reading and drawing ----------------------------------------------------------------------- */

static size_t answers;

static void on_route(rp_context *context, rp_status status, const rp_message *message)
{
    answers++;
    cr_expect_eq(status, RP_OK);
    cr_expect(rp_bytes_is(message->body, "r2"));
    bench_say(context, bench_chunk("a"));
    rp_context_done(context);
}

static void on_nothing(rp_context *context, rp_status status, const rp_message *message)
{
    (void)context;
    answers++;
    cr_expect_eq(status, RP_NOT_FOUND);
    cr_expect_null(message);
}

static void ask(rp_context *context, bench *b)
{
    char long_subject[RP_WORKER_SUBJECT_BYTES + 1];
    memset(long_subject, 'a', sizeof long_subject - 1);
    long_subject[sizeof long_subject - 1] = '\0';
    cr_assert_eq(rp_context_last(context, "OTHER", long_subject, on_nothing), RP_INVALID);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(rp_context_last(context, "OTHER", "no.route", on_nothing), RP_OK);
    cr_assert_eq(rp_context_last(context, "OTHER", "routes.t.m", on_route), RP_OK);
    cr_assert_eq(rp_context_last(context, "OTHER", "routes.t.m", on_route), RP_LIMIT);
    cr_expect_eq(bench_limit(b, "reads"), 1);
}

Test(reading, is_noted_in_the_journal)
{
    bench *b = bench_open(&(bench_spec){.handle = ask});
    fake_bus_put(b->bus, "routes.t.m", "r1", "x", "x");
    fake_bus_put(b->bus, "routes.t.m", "r2", "x", "x");
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(answers, 4);
    cr_expect_str_eq(fake_stored_header(fake_bus_at(b->bus, "reply.t.r", 0), RP_HEADER_JOURNAL),
        "[[\"OTHER\",\"no.route\",0],[\"OTHER\",\"no.route\",0],[\"OTHER\",\"no.route\",0],"
        "[\"OTHER\",\"routes.t.m\",2]]");
    bench_close(b);
}

static void ask_and_retry(rp_context *context, bench *b)
{
    (void)b;
    cr_assert_eq(rp_context_last(context, "OTHER", "no.route", on_nothing), RP_OK);
    rp_context_retry(context, 0, "never mind");
}

Test(reading, is_not_answered_when_the_context_is_over)
{
    bench *b = bench_open(&(bench_spec){.handle = ask_and_retry});
    bench_deliver_plain(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(answers, 0);
    bench_close(b);
}

static rp_rng_words drawn[3];

static void draw(rp_context *context, bench *b)
{
    if (b->handled == 3) {
        drawn[2] = rp_context_draw(context);
    } else {
        drawn[0] = rp_context_draw(context);
        drawn[1] = rp_context_draw(context);
        cr_expect_neq(memcmp(&drawn[0], &drawn[1], sizeof drawn[0]), 0);
    }
    cr_expect_eq(rp_context_now_ns(context), 1000 + rp_context_message(context)->stream_sequence);
    rp_context_done(context);
}

Test(reading, draws_are_a_function_of_the_message)
{
    bench *b = bench_open(&(bench_spec){.handle = draw});
    bench_deliver_plain(b, 7, 1);
    rp_rng_words before[2] = {drawn[0], drawn[1]};
    bench_deliver_plain(b, 7, 2);
    cr_expect_eq(memcmp(before, drawn, sizeof before), 0);
    bench_deliver_plain(b, 8, 1);
    cr_expect_neq(memcmp(&before[0], &drawn[2], sizeof drawn[2]), 0);
    bench_close(b);
}
