/* One request on an executor: when it begins, what it says, and how it ends. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/actors/executor/rig.h"

static const char read_note[] = "[[\"CONTROL\",\"control.t.q.cancel\",0]]";

/* -- beginning --------------------------------------------------------------------------------- */

Test(request, first_delivery_begins_at_once_and_says_nothing_before_the_answer)
{
    rig *r = rig_open(1);
    fake_bus_run(r->bus);
    rig_deliver(r, &(rig_work){.max_tokens = 3});
    cr_assert_eq(r->host->job_count, 1, "in the turn of the delivery");
    fake_host_run(r->host);
    cr_expect_eq(r->host->job_count, 0, "no second step while the first token waits");
    cr_expect_eq(rig_chunks(r), 0);
    fake_bus_run(r->bus);
    cr_expect_eq(rig_chunks(r), 1, "the token that waited");
    cr_expect_eq(r->host->job_count, 1, "and the next step");
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(r->bus, "reply.t.q", 0), RP_HEADER_JOURNAL), read_note);
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 3);
    rig_expect(rig_chunk(r, 2), "\"finish_reason\":\"length\"");
    cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_DONE);
    cr_expect_eq(fake_bus_count(r->bus, "step.me"), 3);
    rig_close(r);
}

/* An end may be all there is to say. */
Test(request, end_waits_for_the_answer_too)
{
    for (int whole = 0; whole < 2; whole++) {
        rig *r = rig_open(1);
        rig_deliver(r, &(rig_work){.whole = whole, .max_tokens = 1});
        fake_host_run(r->host);
        cr_expect_eq(rig_chunks(r), 0);
        rig_settle_down(r);
        cr_expect_eq(rig_chunks(r), 1);
        rig_expect(rig_result(r), "\"finish_reason\":\"length\"");
        rig_close(r);
    }
}

typedef enum order { ANSWER_FIRST, ANSWER_MEANWHILE, ANSWER_LAST, ORDERS } order;

static void run_in(rig *r, order when)
{
    if (when == ANSWER_FIRST)
        fake_bus_run(r->bus);
    fake_host_begin(r->host);
    if (when == ANSWER_MEANWHILE)
        fake_bus_run(r->bus);
    fake_host_finish(r->host);
    rig_settle_down(r);
}

/* What an answer comes to, in one text. */
static void write_all(const rig *r, char text[4096])
{
    int n = snprintf(text, 4096, "%s", rig_result(r));
    for (size_t i = 0; i < rig_chunks(r); i++)
        n += snprintf(text + n, 4096 - (size_t)n, "\n%s %s", rig_chunk(r, i),
            fake_stored_header(fake_bus_at(r->bus, "reply.t.q", i), RP_HEADER_JOURNAL));
}

Test(request, outputs_do_not_depend_on_when_the_answer_comes)
{
    char first[4096], other[4096];
    for (order when = ANSWER_FIRST; when < ORDERS; when++) {
        rig *r = rig_open(1);
        fake_bus_run(r->bus);
        rig_deliver(r, &(rig_work){.max_tokens = 5, .chunk_tokens = 2});
        run_in(r, when);
        write_all(r, when == ANSWER_FIRST ? first : other);
        cr_expect_eq(rig_chunks(r), 3);
        if (when != ANSWER_FIRST)
            cr_expect_str_eq(first, other);
        rig_close(r);
    }
}

Test(request, stored_cancel_takes_effect_at_token_0_whenever_the_answer_comes)
{
    for (order when = ANSWER_FIRST; when < ORDERS; when++) {
        rig *r = rig_open(1);
        rig_cancel(r);
        fake_bus_run(r->bus);
        rig_deliver(r, &(rig_work){.max_tokens = 5});
        run_in(r, when);
        cr_expect_eq(rig_chunks(r), 1);
        rig_expect(rig_chunk(r, 0), "\"finish_reason\":\"cancelled\"");
        rig_expect(rig_chunk(r, 0), "\"tokens\":[]");
        rig_expect(rig_result(r), "\"ended_at_token\":0");
        rig_expect(rig_result(r), "\"digest\":\"00000000000000000000000000000000\"");
        rig_expect(fake_stored_header(fake_bus_at(r->bus, "reply.t.q", 0), RP_HEADER_JOURNAL),
            "[[\"CONTROL\",\"control.t.q.cancel\",1]]");
        cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_DONE);
        cr_expect_eq(r->bus->settled_count, 1);
        cr_expect_eq(rp_actor_busy(r->actor), 0);
        rig_close(r);
    }
}

Test(request, later_delivery_asks_first)
{
    rig *r = rig_open(1);
    fake_bus_run(r->bus);
    rig_deliver(r, &(rig_work){.deliveries = 2, .max_tokens = 2});
    for (int answers = 0; answers < 3; answers++) { /* of REPLY, CONTROL, RESULT */
        cr_expect_eq(r->host->job_count, 0);
        cr_assert(fake_bus_step(r->bus));
    }
    cr_expect_eq(r->host->job_count, 1);
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 2);
    rig_close(r);
}

Test(request, past_its_deadline_is_not_begun)
{
    rig *r = rig_open(1);
    rig_deliver(r, &(rig_work){.deadline_unix_ms = 1});
    cr_expect_eq(r->host->job_count, 0);
    rig_settle_down(r);
    rig_expect(rig_chunk(r, 0), "\"finish_reason\":\"deadline\"");
    rig_expect(rig_result(r), "\"ended_at_token\":0");
    cr_expect_eq(fake_bus_count(r->bus, "step.me"), 0);
    rig_close(r);
}

Test(request, deadline_waits_for_the_answer)
{
    rig *r = rig_open(1);
    fake_bus_run(r->bus);
    rig_deliver(r, &(rig_work){.deadline_unix_ms = 1500, .max_tokens = 5});
    fake_host_advance(r->host, RP_NS_PER_S);
    fake_host_run(r->host);
    cr_expect_eq(rig_chunks(r), 0);
    rig_settle_down(r);
    rig_expect(rig_result(r), "\"finish_reason\":\"deadline\"");
    rig_expect(rig_result(r), "\"ended_at_token\":1");
    rig_close(r);
}

Test(request, without_an_answer_goes_back)
{
    rig *r = rig_open(1);
    fake_bus_run(r->bus);
    rig_deliver(r, &(rig_work){.max_tokens = 3});
    r->bus->read_status = RP_TIMEOUT;
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 0);
    cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_RETRY);
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    rig_close(r);
}

/* -- the engine's refusal ---------------------------------------------------------------------- */

Test(request, prompt_that_does_not_fit_names_field_and_limit)
{
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        rig *r = rig_open(1);
        if (cancelled)
            rig_cancel(r);
        rig_deliver(r, &(rig_work){.prompt_tokens = RIG_CONTEXT});
        cr_expect_eq(r->host->job_count, 0);
        cr_expect_eq(rig_chunks(r), 0, "not before it is known whether it was cancelled");
        rig_settle_down(r);
        cr_expect_eq(rig_chunks(r), 1);
        if (cancelled) {
            rig_expect(rig_result(r), "\"finish_reason\":\"cancelled\"");
        } else {
            rig_expect(rig_chunk(r, 0), "\"code\":\"prompt_too_long\"");
            rig_expect(rig_result(r), "\"field\":\"tokens\"");
            rig_expect(rig_result(r), "\"limit\":\"63 tokens\"");
        }
        rig_close(r);
    }
}

Test(request, value_that_cannot_be_is_an_invalid_argument)
{
    rig *r = rig_open(1);
    rig_deliver(r, &(rig_work){.logprobs = 21});
    rig_settle_down(r);
    rig_expect(rig_result(r), "\"code\":\"invalid_argument\"");
    rig_close(r);
}

/* -- what is too large ------------------------------------------------------------------------- */

Test(request, chunk_above_the_bound_ends_the_answer)
{
    for (int whole = 0; whole < 2; whole++) {
        rig *r = rig_open(1);
        r->bus->payload_bytes_max = 2500; /* where the real bound is 8 MiB */
        rig_deliver(
            r, &(rig_work){.max_tokens = 20, .chunk_tokens = 8, .logprobs = 20, .whole = whole});
        rig_settle_down(r);
        cr_expect_eq(rig_chunks(r), whole ? 1 : 2);
        const char *last = rig_chunk(r, whole ? 0 : 1);
        const char *const told[] = {"\"finish_reason\":\"error\"", "\"code\":\"payload_too_large\"",
            "\"field\":\"logprobs\"", "\"limit\":\"8 MiB a chunk\""};
        for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
            rig_expect(last, told[i]);
            rig_expect(rig_result(r), told[i]);
        }
        rig_expect(last, whole ? "\"completion_tokens\":0" : "\"completion_tokens\":1");
        cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_DONE);
        rp_buffer metrics;
        rp_buffer_init(&metrics, 1 << 20);
        rp_metrics_expose(r->metrics, &metrics);
        rig_expect(rp_buffer_string(&metrics),
            "\nreprise_requests_refused_total{code=\"payload_too_large\"} 1\n");
        rp_buffer_done(&metrics);
        rig_close(r);
    }
}

/* -- what is stored already -------------------------------------------------------------------- */

Test(request, stored_chunk_without_a_body_is_no_chunk)
{
    rig *r = rig_open(1);
    fake_bus_put(r->bus, "reply.t.q", "", "EXEC:7:0", "x:1");
    rig_deliver(r, &(rig_work){.deliveries = 2});
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 1, "nothing is put behind what may be an end");
    cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_RETRY);
    rig_close(r);
}

/* As a server does that was killed: it has forgotten that it delivered this before. */
Test(request, stored_end_is_not_passed_by_a_token_that_was_quicker)
{
    static const char end[] =
        "{\"request\":\"q\",\"index\":0,\"tokens\":[],\"text\":\"\",\"finish_reason\":\"deadline\","
        "\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":0},"
        "\"digest\":\"00000000000000000000000000000000\"}";
    rig *r = rig_open(1);
    fake_bus_put(r->bus, "reply.t.q", end, "EXEC:7:0", "x:1");
    rig_deliver(r, &(rig_work){.max_tokens = 5});
    while (r->host->job_count == 0)
        cr_assert(fake_bus_step(r->bus));
    fake_host_run(r->host); /* the first token is there before CONTROL's answer */
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 1);
    rig_expect(rig_result(r), "\"finish_reason\":\"deadline\"");
    rig_expect(rig_result(r), "\"ended_at_token\":0");
    cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_DONE);
    rig_close(r);
}

Test(request, goes_on_behind_what_is_stored)
{
    rig *whole = rig_open(1), *r = rig_open(1);
    rig_deliver(whole, &(rig_work){.max_tokens = 4});
    rig_settle_down(whole);
    for (size_t i = 0; i < 2; i++) {
        char cause[32];
        snprintf(cause, sizeof cause, "EXEC:7:%zu", i);
        fake_bus_put(r->bus, "reply.t.q", rig_chunk(whole, i), cause, "x:1");
    }
    rig_cancel(r);
    rig_deliver(r, &(rig_work){.deliveries = 2, .max_tokens = 4});
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 3);
    rig_expect(rig_chunk(r, 2), "\"finish_reason\":\"cancelled\"");
    rig_expect(rig_result(r), "\"ended_at_token\":2");
    rig_close(r);
    rig_close(whole);
}

/* -- given up ---------------------------------------------------------------------------------- */

enum { GIVEN_UP = 12 }; /* the delivery, where the last chunk is of the first */

static const char stored_chunk[] =
    "{\"request\":\"q\",\"index\":0,\"tokens\":[501],\"text\":\" x\"}";

Test(dead, result_says_what_is_known)
{
    rig *r = rig_open(1);
    fake_bus_put(r->bus, "reply.t.q", stored_chunk, "EXEC:7:0", "x:1");
    rig_deliver(r, &(rig_work){.deliveries = GIVEN_UP, .max_tokens = 9});
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 2);
    rig_expect(rig_chunk(r, 1), "\"code\":\"dead\"");
    rig_expect(rig_chunk(r, 1), "\"completion_tokens\":1");
    const char *const told[] = {"\"code\":\"dead\"", "\"tokens\":[501]", "\"text\":\" x\"",
        "\"request_sequence\":3", "\"exec_sequence\":7", "\"model\":\"tiny\"",
        "\"prompt_tokens\":4", "\"completion_tokens\":1"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        rig_expect(rig_result(r), told[i]);
    cr_expect_eq(fake_bus_count(r->bus, "dead.executor"), 1);
    cr_expect_eq(r->bus->settled[0].settlement, RP_SETTLE_REJECT);
    rig_close(r);
}

/* Of an answer of several chunks the last one says nothing about the others. */
Test(dead, result_has_no_part_of_an_answer)
{
    rig *r = rig_open(1);
    fake_bus_put(r->bus, "reply.t.q", stored_chunk, "EXEC:7:0", "x:1");
    fake_bus_put(r->bus, "reply.t.q",
        "{\"request\":\"q\",\"index\":1,\"tokens\":[502],\"text\":"
        "\" y\"}",
        "EXEC:7:1", "x:1");
    rig_deliver(r, &(rig_work){.deliveries = GIVEN_UP, .max_tokens = 9});
    rig_settle_down(r);
    rig_expect(rig_result(r), "\"tokens\":[],\"text\":\"\"");
    rig_expect(rig_result(r), "\"completion_tokens\":2");
    rig_close(r);
}

Test(dead, body_is_read_once_only)
{
    rig *r = rig_open(1);
    rig_deliver(r, &(rig_work){.deliveries = GIVEN_UP}); /* the second time that it is given up */
    rig_settle_down(r);
    rig_expect(rig_result(r), "\"code\":\"dead\"");
    rig_expect(rig_result(r), "\"exec_sequence\":7");
    cr_expect_null(strstr(rig_result(r), "request_sequence"), "%s", rig_result(r));
    rig_close(r);
}

Test(dead, body_that_cannot_be_read_takes_nothing_away)
{
    rig *r = rig_open(1);
    rig_deliver(r, &(rig_work){.deliveries = GIVEN_UP - 1, .body = "{"});
    rig_settle_down(r);
    rig_expect(rig_result(r), "\"code\":\"dead\"");
    rig_expect(rig_result(r), "\"exec_sequence\":7");
    rig_close(r);
}

Test(dead, stored_end_is_repeated)
{
    rig *r = rig_open(1);
    fake_bus_put(r->bus, "reply.t.q",
        "{\"request\":\"q\",\"index\":0,\"tokens\":[501],\"text\":\" x\",\"finish_reason\":"
        "\"cancelled\",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1},\"digest\":\"d\"}",
        "EXEC:7:0", "x:1");
    rig_deliver(r, &(rig_work){.deliveries = GIVEN_UP});
    rig_settle_down(r);
    cr_expect_eq(rig_chunks(r), 1);
    const char *const told[] = {"\"finish_reason\":\"cancelled\"", "\"tokens\":[501]",
        "\"text\":\" x\"", "\"ended_at_token\":1", "\"digest\":\"d\""};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        rig_expect(rig_result(r), told[i]);
    rig_close(r);
}
