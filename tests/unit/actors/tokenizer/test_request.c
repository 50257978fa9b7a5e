/* The tokenizer's way with a request: what it does at once, and what it waits for. */
#include <criterion/criterion.h>

#include "tests/unit/actors/tokenizer/bench.h"
#include "tests/unit/actors/tokenizer/tiny_models.h"

/* Of the server, of threads, of the next turn of the loop: nothing. */
static void expect_sent_at_once(bench *b, size_t index)
{
    cr_expect_eq(b->host->job_count, 0, "no thread");
    cr_expect_eq(fake_bus_count(b->bus, bench_exec_subject(b, 0)), index + 1, "in EXEC already");
    cr_expect_eq(bench_settled(b, b->sequence), -1, "not settled before it is stored");
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, b->sequence), RP_SETTLE_DONE);
}

Test(request, short_one_goes_to_exec_within_its_delivery)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r"});
    expect_sent_at_once(b, 0);
    bench_ask(b, &(bench_request){0}); /* its sequence is its name */
    expect_sent_at_once(b, 1);
    bench_ask(b, &(bench_request){
                     .id = "m", .body = "{\"messages\":[{\"role\":\"user\",\"content\":\"ab\"}]}"});
    expect_sent_at_once(b, 2);
    bench_ask(b, &(bench_request){.id = "i", .body = "{\"tokens\":[7,8]}"});
    expect_sent_at_once(b, 3);
    cr_expect_eq(b->bus->read_count, 0, "the server was asked nothing");
    const Rp__Exec *exec = bench_exec(b, 0);
    cr_expect_str_eq(exec->request, "r");
    cr_assert_eq(exec->n_tokens, 2);
    cr_expect_eq(exec->tokens[0], TINY_BOS);
    cr_expect_eq(exec->tokens[1], TINY_AB);
    cr_expect_eq(exec->request_sequence, 1);
    cr_expect_str_eq(bench_exec(b, 1)->request, "2");
    bench_close(b);
}

/* The bound is 1,024 bytes of text that is not known. */
Test(request, long_text_is_left_to_a_thread_unless_it_is_known)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 16});
    bench_ask(b, &(bench_request){.body = bench_prompt(b, 1024, "")});
    expect_sent_at_once(b, 0);
    bench_ask(b, &(bench_request){.body = bench_prompt(b, 1025, "")});
    cr_expect_eq(b->host->job_count, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(fake_bus_count(b->bus, bench_exec_subject(b, 0)), 1);
    fake_host_run(b->host);
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 2), RP_SETTLE_DONE);
    cr_expect_eq(bench_exec(b, 1)->n_tokens, 1026);
    bench_ask(b, &(bench_request){.body = bench_prompt(b, 1025, "")});
    expect_sent_at_once(b, 2);
    cr_expect_eq(bench_exec(b, 2)->n_tokens, 1026);
    cr_expect_eq(b->bus->read_count, 0, "nobody else can have their names");
    bench_close(b);
}

Test(request, costly_one_is_looked_up_first)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 16});
    const char *const costly[] = {bench_prompt(b, 64, ""), /* and BOS */
        bench_prompt(b, 1, ",\"stream\":false"), bench_prompt(b, 1025, "")};
    for (size_t i = 0; i < 3; i++) {
        const char id[] = {(char)('a' + i), '\0'};
        bench_ask(b, &(bench_request){.id = id, .body = costly[i]});
        cr_expect_eq(b->bus->read_count, i + 1);
        cr_expect_eq(fake_bus_count(b->bus, bench_exec_subject(b, 0)), i, "%zu waits", i);
        fake_host_run(b->host);
        cr_expect_eq(fake_bus_count(b->bus, bench_exec_subject(b, 0)), i, "%zu still waits", i);
        fake_bus_run(b->bus);
        cr_expect_eq(bench_settled(b, b->sequence), RP_SETTLE_DONE);
        cr_expect_eq(fake_bus_count(b->bus, bench_exec_subject(b, 0)), i + 1);
    }
    bench_ask(b, &(bench_request){.id = "d", .body = bench_prompt(b, 63, "")});
    expect_sent_at_once(b, 3);
    cr_expect_eq(b->bus->read_count, 3);
    bench_close(b);
}

Test(request, costly_one_that_was_answered_goes_no_further)
{
    bench *b = bench_open(&(bench_spec){0});
    fake_bus_put(b->bus, "reply.t.r", "{}", "EXEC:9:0", "e:1");
    bench_ask(b, &(bench_request){.id = "r", .body = bench_prompt(b, 80, "")});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    bench_ask(b, &(bench_request){.id = "r", .body = bench_prompt(b, 2000, "")});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 2), -1, "a thread still has it");
    fake_host_run(b->host);
    cr_expect_eq(bench_settled(b, 2), RP_SETTLE_DONE);
    cr_expect(bench_nothing_sent(b));
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 1);
    /* Without an answer from the server it goes on: an executor finds a duplicate, too. */
    b->bus->read_status = RP_TIMEOUT;
    bench_ask(b, &(bench_request){.id = "r", .body = bench_prompt(b, 80, "")});
    fake_bus_run(b->bus);
    cr_expect_not(bench_nothing_sent(b));
    bench_close(b);
}

/* The runtime has looked then. */
Test(request, is_not_looked_up_twice)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r", .body = bench_prompt(b, 80, ""), .deliveries = 2});
    fake_bus_run(b->bus);
    cr_expect_eq(b->bus->read_count, 1);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    cr_expect_not(bench_nothing_sent(b));
    bench_close(b);
}

Test(request, second_one_of_a_name_leaves_the_stored_answer_alone)
{
    bench *b = bench_open(&(bench_spec){0});
    fake_bus_put(b->bus, "reply.t.r", "{}", "EXEC:9:0", "e:1");
    bench_ask(b, &(bench_request){.id = "r", .body = "{\"nonsense\":1}"});
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 1);
    cr_expect_eq(fake_bus_count(b->bus, "result.t.r"), 0);
    bench_close(b);
}

Test(request, comes_back_where_no_thread_takes_it)
{
    bench *b = bench_open(&(bench_spec){0});
    b->host->jobs_max = 0;
    bench_ask(b, &(bench_request){.id = "r", .body = bench_prompt(b, 2000, "")});
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_RETRY);
    fake_bus_run(b->bus);
    cr_expect(bench_nothing_sent(b));
    bench_close(b);
}

/* As in the simulator: each has what is its own. */
Test(request, several_tokenizers_on_one_thread_do_not_meet)
{
    bench *b = bench_open(&(bench_spec){.queue_max = 1}), *c = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.body = bench_prompt(b, 1025, "")});
    bench_ask(c, &(bench_request){.body = bench_prompt(c, 1025, "")});
    cr_expect_eq(b->host->job_count, 1);
    cr_expect_eq(c->host->job_count, 1, "what b knows is b's");
    fake_host_run(c->host);
    fake_bus_run(c->bus);
    fake_host_run(b->host);
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    cr_expect_eq(bench_settled(c, 1), RP_SETTLE_DONE);
    bench_ask(c, &(bench_request){0});
    expect_sent_at_once(c, 1);
    bench_close(b);
    bench_close(c);
}
