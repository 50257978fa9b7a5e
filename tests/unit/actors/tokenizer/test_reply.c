/* What the tokenizer answers itself. */
#include <criterion/criterion.h>

#include "tests/unit/actors/tokenizer/bench.h"

static const char nothing[] = "00000000000000000000000000000000"; /* the digest of no tokens */

static void expect_expired(const fake_stored *stored)
{
    cr_assert(stored);
    cr_expect(strstr(stored->body, "\"finish_reason\":\"deadline\""), "%s", stored->body);
    cr_expect(strstr(stored->body,
                  "\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":0,\"cached_tokens\":0}"),
        "%s", stored->body);
    cr_expect(strstr(stored->body, nothing), "%s", stored->body);
    cr_expect(strstr(stored->body, "\"tokens\":[]"), "%s", stored->body);
}

Test(reply, past_its_deadline_a_request_ends_as_at_an_executor)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r", .deadline = "1000000"}); /* BENCH_STORED_MS */
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    expect_expired(fake_bus_at(b->bus, "reply.t.r", 0));
    const fake_stored *result = fake_bus_at(b->bus, "result.t.r", 0);
    expect_expired(result);
    cr_expect(strstr(result->body, "\"ended_at_token\":0"), "%s", result->body);
    cr_expect(bench_nothing_sent(b));
    bench_ask(b, &(bench_request){.id = "s", .deadline = "1000001"});
    fake_bus_run(b->bus);
    cr_expect_not(bench_nothing_sent(b), "one millisecond is left");
    bench_close(b);
}

/* In nanoseconds it would be above 64 bits, and small again. */
Test(reply, deadline_may_be_as_far_as_a_number_goes)
{
    const char *const far[] = {"18446744073710", "18446744073709551615"};
    for (size_t i = 0; i < 2; i++) {
        bench *b = bench_open(&(bench_spec){0});
        bench_ask(b, &(bench_request){.id = "r", .deadline = far[i]});
        fake_bus_run(b->bus);
        cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 0, "%s", far[i]);
        cr_expect_not(bench_nothing_sent(b), "%s", far[i]);
        bench_close(b);
    }
}

/* Answers, loses RESULT's place behind the chunk, and answers the redelivery. */
static void expect_repeated(const bench_request *request)
{
    bench *b = bench_open(&(bench_spec){0}), *again = bench_open(&(bench_spec){0});
    bench_ask(b, request);
    fake_bus_run(b->bus);
    const fake_stored *chunk = fake_bus_at(b->bus, "reply.t.r", 0);
    const fake_stored *result = fake_bus_at(b->bus, "result.t.r", 0);
    cr_assert(chunk && result);
    fake_bus_put(again->bus, "reply.t.r", chunk->body, "REQUEST:1:0", "me:1");
    bench_request second = *request;
    second.deliveries = 2;
    bench_ask(again, &second);
    fake_bus_run(again->bus);
    cr_expect_eq(bench_settled(again, 1), RP_SETTLE_DONE);
    cr_expect_eq(fake_bus_count(again->bus, "reply.t.r"), 1);
    cr_assert_eq(fake_bus_count(again->bus, "result.t.r"), 1);
    cr_expect_str_eq(fake_bus_at(again->bus, "result.t.r", 0)->body, result->body);
    bench_close(b);
    bench_close(again);
}

Test(reply, redelivery_makes_the_same_result)
{
    expect_repeated(&(bench_request){.id = "r", .deadline = "1"});
    expect_repeated(&(bench_request){.id = "r", .body = "{\"prompt\":\"a\",\"top_p\":7}"});
    expect_repeated(&(bench_request){.id = "r", .body = "{"});
}

Test(reply, refusal_has_neither_usage_nor_digest)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r", .body = "{\"prompt\":\"a\",\"top_p\":7}"});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    const fake_stored *stored[] = {
        fake_bus_at(b->bus, "reply.t.r", 0), fake_bus_at(b->bus, "result.t.r", 0)};
    for (size_t i = 0; i < 2; i++) {
        cr_assert(stored[i]);
        cr_expect(strstr(stored[i]->body, "\"field\":\"top_p\""), "%s", stored[i]->body);
        cr_expect_null(strstr(stored[i]->body, "usage"));
        cr_expect_null(strstr(stored[i]->body, "digest"));
    }
    cr_expect_eq(bench_metric(b, "reprise_requests_refused_total{code=\"invalid_argument\"}"), 1);
    bench_close(b);
}

Test(reply, what_fails_for_ever_is_told_and_buried)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r", .deliveries = 11});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_REJECT);
    cr_assert_eq(fake_bus_count(b->bus, "reply.t.r"), 1);
    cr_expect(strstr(fake_bus_at(b->bus, "reply.t.r", 0)->body, "\"code\":\"dead\""));
    cr_expect_eq(fake_bus_count(b->bus, "result.t.r"), 1);
    cr_expect_eq(fake_bus_count(b->bus, "dead.tokenizer"), 1);
    cr_expect(bench_nothing_sent(b));
    bench_close(b);
}

/* Its client has been told already, and is not told otherwise. */
Test(reply, what_was_decided_stands_to_the_last)
{
    bench *b = bench_open(&(bench_spec){0});
    fake_bus_put(b->bus, "reply.t.r",
        "{\"request\":\"r\",\"index\":0,\"tokens\":[],\"text\":\"\",\"finish_reason\":\"error\","
        "\"error\":{\"code\":\"overloaded\",\"message\":\"too much\"}}",
        "REQUEST:1:0", "me:1");
    bench_ask(b, &(bench_request){.id = "r", .deliveries = 12});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 1);
    cr_assert_eq(fake_bus_count(b->bus, "result.t.r"), 1);
    cr_expect(strstr(fake_bus_at(b->bus, "result.t.r", 0)->body, "\"code\":\"overloaded\""));
    bench_close(b);
}
