/* Who may wait for an executor: what ACTORS tells, and what becomes of who may not. */
#include <criterion/criterion.h>

#include "tests/unit/actors/tokenizer/bench.h"

static const char refused[] = "reprise_requests_refused_total{code=\"overloaded\"}";

/* Asks under a new name; whether it came to EXEC. */
static bool ask(bench *b, const char *options)
{
    double before = bench_metric(b, "reprise_requests_admitted_total");
    bench_ask(b, &(bench_request){.body = bench_prompt(b, 1, options)});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, b->sequence), RP_SETTLE_DONE);
    return bench_metric(b, "reprise_requests_admitted_total") > before;
}

Test(admission, model_has_one_queue_however_many_lanes)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 3, .lanes = 4});
    static const char *const sessions[] = {
        ",\"session\":\"a\"", ",\"session\":\"b\"", ",\"session\":\"c\"", ",\"session\":\"d\""};
    size_t lanes = 0;
    for (size_t i = 0; i < 3; i++)
        cr_expect(ask(b, sessions[i]));
    for (unsigned lane = 0; lane < 4; lane++)
        lanes += fake_bus_count(b->bus, bench_exec_subject(b, lane)) > 0;
    cr_expect_gt(lanes, 1, "they are in several");
    cr_expect_not(ask(b, sessions[3]));
    cr_expect_eq(bench_metric(b, refused), 1);
    const fake_stored *reply = fake_bus_at(b->bus, "reply.t.4", 0);
    cr_assert(reply);
    cr_expect(strstr(reply->body, "\"code\":\"overloaded\""), "%s", reply->body);
    cr_expect(strstr(reply->body, "\"limit\":\"3 requests\""), "%s", reply->body);
    cr_expect_str_eq(fake_stored_header(reply, RP_HEADER_JOURNAL),
        "[[\"ACTORS\",\"wide\",\"ahead=3 limit=3 tokenizers=1\"]]");
    bench_close(b);
}

Test(admission, what_an_executor_was_handed_makes_room)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 2});
    cr_expect(ask(b, ""));
    cr_expect(ask(b, ""));
    cr_expect_not(ask(b, ""));
    bench_executor(b, 0, 1);
    cr_expect(ask(b, ""));
    cr_expect_not(ask(b, ""));
    bench_close(b);
}

/* EXEC was purged: nobody will ever be handed what is counted as ahead. */
Test(admission, queue_whose_work_is_gone_opens_again)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 2});
    cr_expect(ask(b, ""));
    cr_expect(ask(b, ""));
    for (int second = 0; second < 8; second++) { /* busy: it says nothing of what lies in EXEC */
        bench_executor(b, 0, 0);
        fake_host_advance(b->host, RP_NS_PER_S);
    }
    cr_expect_not(ask(b, ""));
    for (int second = 0; second < 5; second++) {
        bench_executor(b, 1, 0);
        cr_expect_not(ask(b, ""), "%d", second);
        fake_host_advance(b->host, RP_NS_PER_S);
    }
    bench_executor(b, 1, 0);
    cr_expect_eq(bench_metric(b, "reprise_exec_lost_total"), 2);
    cr_expect(ask(b, ""));
    cr_expect(ask(b, ""));
    cr_expect_not(ask(b, ""));
    bench_close(b);
}

Test(admission, tokenizers_that_ACTORS_knows_share_the_queue)
{
    static const char record[] = "{\"kind\":\"tokenizer\",\"instance\":\"t2\",\"build\":\"b\","
                                 "\"ready\":true}";
    bench *b = bench_open(&(bench_spec){.queue_max = 2});
    fake_bus_put(b->bus, "$KV.ACTORS.tokenizer.t2", record, "x:1:0", "x:1");
    fake_host_advance(b->host, RP_NS_PER_S); /* our own record is there, too */
    fake_bus_run(b->bus);
    cr_expect(ask(b, ""));
    cr_expect_not(ask(b, ""));
    fake_bus_put(b->bus, "$KV.ACTORS.tokenizer.t2", "", "x:2:0", "x:1"); /* deleted */
    fake_bus_run(b->bus);
    cr_expect(ask(b, ""));
    bench_close(b);
}

Test(admission, records_that_cannot_be_read_are_counted)
{
    static const char name[] = "reprise_actors_records_ignored_total{why=\"unreadable\"}";
    bench *b = bench_open(&(bench_spec){0});
    fake_bus_put(b->bus, "$KV.ACTORS.executor.e1", "{\"kind\":", "x:1:0", "x:1");
    fake_bus_put(b->bus, "$KV.ACTORS.executor.e2", "{\"kind\":\"executor\"}", "x:2:0", "x:1");
    fake_bus_run(b->bus);
    cr_expect_eq(bench_metric(b, name), 2);
    fake_bus_put(b->bus, "$KV.ACTORS.executor.e3",
        "{\"kind\":\"a-kind-with-a-name-that-no-kind-has\",\"instance\":\"e3\",\"build\":\"b\","
        "\"ready\":true}",
        "x:3:0", "x:1");
    fake_bus_run(b->bus);
    cr_expect_eq(bench_metric(b, "reprise_actors_records_ignored_total{why=\"full\"}"), 1);
    bench_close(b);
}

Test(admission, place_is_given_back_where_nothing_came_of_it)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 1});
    fake_bus_fate(b->bus, "exec.", FAKE_REFUSE, RP_LIMIT); /* the outbox is full */
    bench_ask(b, &(bench_request){0});
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_RETRY);
    fake_bus_fate(b->bus, "exec.", FAKE_FAIL, RP_UNAVAILABLE);
    bench_ask(b, &(bench_request){0});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 2), RP_SETTLE_RETRY);
    fake_bus_fate(b->bus, "exec.", FAKE_FAIL, RP_FULL);
    cr_expect_not(ask(b, ""), "EXEC is full");
    cr_expect_eq(bench_metric(b, refused), 1);
    cr_expect_eq(fake_bus_count(b->bus, "result.t.3"), 1);
    cr_expect(ask(b, ""));
    bench_close(b);
}
