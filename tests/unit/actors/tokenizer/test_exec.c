/* A request as work: what it left open is fixed, and a redelivery fixes the same. */
#include <criterion/criterion.h>

#include "tests/unit/actors/tokenizer/bench.h"

Test(exec, what_the_request_left_open_is_fixed)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r"});
    const Rp__Exec *exec = bench_exec(b, 0);
    cr_expect_str_eq(exec->tenant, "t");
    cr_expect_str_eq(exec->model, "wide");
    cr_expect_str_eq(exec->lane, "normal-0");
    cr_expect_eq(exec->max_tokens, 256);
    cr_expect_eq(exec->chunk_tokens, 1);
    cr_expect(exec->stream);
    cr_expect_not(exec->has_deadline_unix_ms);
    cr_expect_not(exec->has_logprobs);
    cr_expect_eq(exec->sampling->temperature, 0.0F);
    cr_expect_eq(exec->sampling->top_p, 1.0F);
    cr_expect_eq(exec->sampling->repetition_penalty, 1.0F);
    const uint64_t seed = exec->sampling->seed;
    bench_ask(b, &(bench_request){.id = "r2"});
    cr_expect_neq(bench_exec(b, 1)->sampling->seed, seed, "each has its own");
    const fake_stored *stored = fake_bus_at(b->bus, bench_exec_subject(b, 0), 0);
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_CAUSE), "REQUEST:1:0");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_TENANT), "t");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_REQUEST), "r");
    cr_expect_str_eq(fake_stored_header(stored, RP_HEADER_ENCODING), "application/json");
    fake_bus_run(b->bus);
    bench_close(b);
}

/* Every dot is =2E in a subject. */
Test(exec, long_names_stand_whole_in_the_subject)
{
    char name[61];
    memset(name, '.', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    bench *b = bench_open(&(bench_spec){.model = name});
    bench_ask(b, &(bench_request){.id = "r"});
    cr_expect_eq(fake_bus_count(b->bus, bench_exec_subject(b, 0)), 1);
    cr_expect_str_eq(bench_exec(b, 0)->model, name);
    fake_bus_run(b->bus);
    cr_expect_eq(bench_settled(b, 1), RP_SETTLE_DONE);
    bench_close(b);
}

Test(exec, redelivery_publishes_the_same_work)
{
    bench *b = bench_open(&(bench_spec){0}), *again = bench_open(&(bench_spec){0});
    bench_ask(b, &(bench_request){.id = "r"});
    bench_ask(again, &(bench_request){.id = "r", .deliveries = 3});
    fake_bus_run(again->bus);
    const fake_stored *first = fake_bus_at(b->bus, bench_exec_subject(b, 0), 0);
    const fake_stored *second = fake_bus_at(again->bus, bench_exec_subject(again, 0), 0);
    cr_assert(first && second);
    cr_assert_eq(first->body_len, second->body_len);
    cr_expect_eq(memcmp(first->body, second->body, first->body_len), 0);
    cr_expect_str_eq(fake_stored_header(first, RP_HEADER_MESSAGE_ID),
        fake_stored_header(second, RP_HEADER_MESSAGE_ID));
    fake_bus_run(b->bus);
    bench_close(b);
    bench_close(again);
}

Test(exec, what_the_request_says_is_passed_on)
{
    bench *b = bench_open(&(bench_spec){0});
    bench_ask(
        b, &(bench_request){
               .body = "{\"prompt\":\"ab\",\"max_tokens\":3,\"temperature\":0.5,\"top_p\":0.25,"
                       "\"top_k\":7,\"min_p\":0.125,\"seed\":9,\"stop\":[\"x\",\"y\"],"
                       "\"logprobs\":2,\"logit_bias\":{\"5\":1.5},\"presence_penalty\":1,"
                       "\"frequency_penalty\":-1,\"repetition_penalty\":2,"
                       "\"deadline_ms\":500,\"session\":\"s\",\"user\":\"u\","
                       "\"chunk_tokens\":4}"});
    const Rp__Exec *exec = bench_exec(b, 0);
    const Rp__Sampling *s = exec->sampling;
    cr_expect_eq(exec->max_tokens, 3);
    cr_expect_eq(exec->chunk_tokens, 4);
    cr_expect_eq(exec->logprobs, 2);
    cr_expect_eq(exec->n_stop, 2);
    cr_expect_eq(exec->deadline_unix_ms, BENCH_STORED_MS + 500);
    cr_expect_str_eq(exec->session, "s");
    cr_expect_str_eq(exec->user, "u");
    cr_expect_eq(s->temperature, 0.5F);
    cr_expect_eq(s->top_p, 0.25F);
    cr_expect_eq(s->top_k, 7);
    cr_expect_eq(s->min_p, 0.125F);
    cr_expect_eq(s->seed, 9);
    cr_expect_eq(s->presence_penalty, 1.0F);
    cr_expect_eq(s->frequency_penalty, -1.0F);
    cr_expect_eq(s->repetition_penalty, 2.0F);
    cr_assert_eq(s->n_logit_bias, 1);
    cr_expect_eq(s->logit_bias[0]->key, 5);
    cr_expect_eq(s->logit_bias[0]->value, 1.5F);
    fake_bus_run(b->bus);
    bench_close(b);
}
