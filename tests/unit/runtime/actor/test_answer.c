/* An answer's chunks, its RESULT, and a refusal in both. */
#include "runtime/actor/answer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/runtime/actor/bench.h"

static rp_buffer scratch;

static rp_answer address(rp_encoding encoding)
{
    return (rp_answer){.tenant = "a.b",
        .tenant_token = "a=2Eb",
        .request = "r",
        .encoding = encoding,
        .scratch = &scratch};
}

static void refuse(rp_context *context, bench *b)
{
    rp_answer to = address(RP_ENCODING_JSON);
    rp_refusal refusal;
    Rp__Result result = RP__RESULT__INIT;
    (void)b;
    rp_refusal_set(&refusal, RP__ERROR__CODE__PROMPT_TOO_LONG, "prompt", "7 tokens", "too long");
    cr_assert_eq(rp_answer_refuse(context, &to, &result, &refusal), RP_OK);
    rp_context_done(context);
}

static const char *const in_both[] = {"\"request\":\"r\"", "\"finish_reason\":\"error\"",
    "\"code\":\"prompt_too_long\"", "\"field\":\"prompt\"", "\"limit\":\"7 tokens\"",
    "\"text\":\"\""};

Test(answer, refusal_says_the_same_in_the_last_chunk_and_in_result)
{
    rp_buffer_init(&scratch, 1 << 16);
    bench *b = bench_open(&(bench_spec){.handle = refuse});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    const fake_stored *chunk = fake_bus_at(b->bus, "reply.t.r", 0);
    const fake_stored *result = fake_bus_at(b->bus, "result.a=2Eb.r", 0);
    cr_assert(chunk && result);
    for (size_t i = 0; i < sizeof in_both / sizeof *in_both; i++) {
        cr_expect_not_null(strstr(chunk->body, in_both[i]), "%s in %s", in_both[i], chunk->body);
        cr_expect_not_null(strstr(result->body, in_both[i]), "%s in %s", in_both[i], result->body);
    }
    cr_expect_not_null(strstr(chunk->body, "\"index\":0"), "%s", chunk->body);
    cr_expect_not_null(strstr(result->body, "\"tenant\":\"a.b\""), "%s", result->body);
    cr_expect_not_null(strstr(result->body, "\"build\":\"build-1\""), "%s", result->body);
    cr_expect_str_eq(fake_stored_header(chunk, RP_HEADER_CONTENT_TYPE), "application/json");
    cr_expect_str_eq(fake_stored_header(chunk, RP_HEADER_SCHEMA), "reprise.v1.Chunk");
    cr_expect_str_eq(fake_stored_header(result, RP_HEADER_SCHEMA), "reprise.v1.Result");
    cr_expect_str_eq(fake_stored_header(result, RP_HEADER_REQUEST), "r");
    bench_close(b);
    rp_buffer_done(&scratch);
}

static void refuse_late(rp_context *context, bench *b)
{
    rp_answer to = address(RP_ENCODING_JSON);
    rp_refusal refusal;
    Rp__Usage usage = RP__USAGE__INIT;
    Rp__Result result = RP__RESULT__INIT;
    uint32_t token = 5;
    (void)b;
    usage.has_prompt_tokens = usage.has_completion_tokens = true;
    usage.completion_tokens = 1;
    result.n_tokens = 1;
    result.tokens = &token;
    result.has_text = true;
    result.text = rp_schema_text(rp_bytes_text("ab"));
    result.usage = &usage;
    rp_refusal_set(&refusal, RP__ERROR__CODE__DEAD, NULL, NULL, "no more");
    cr_assert_eq(rp_answer_refuse(context, &to, &result, &refusal), RP_OK);
    rp_context_done(context);
}

Test(answer, refusal_keeps_what_was_sent_before)
{
    rp_buffer_init(&scratch, 1 << 16);
    bench *b = bench_open(&(bench_spec){.handle = refuse_late});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    const fake_stored *chunk = fake_bus_at(b->bus, "reply.t.r", 0);
    const fake_stored *result = fake_bus_at(b->bus, "result.a=2Eb.r", 0);
    cr_assert(chunk && result);
    cr_expect_not_null(strstr(chunk->body, "\"tokens\":[],\"text\":\"\""), "%s", chunk->body);
    cr_expect_not_null(strstr(chunk->body, "\"completion_tokens\":1"), "%s", chunk->body);
    cr_expect_not_null(strstr(result->body, "\"tokens\":[5],\"text\":\"ab\""), "%s", result->body);
    bench_close(b);
    rp_buffer_done(&scratch);
}

static Rp__Chunk empty_chunk(void)
{
    Rp__Chunk chunk = RP__CHUNK__INIT;
    chunk.has_text = true;
    chunk.text = rp_schema_text(rp_bytes_text(""));
    return chunk;
}

static void speak_protobuf(rp_context *context, bench *b)
{
    rp_answer to = address(RP_ENCODING_PROTOBUF);
    (void)b;
    for (uint32_t i = 0; i < 3; i++) {
        Rp__Chunk chunk = empty_chunk();
        cr_assert_eq(rp_answer_chunk(context, &to, &chunk, bench_stored), RP_OK);
        cr_assert_eq(chunk.index, i);
    }
    rp_context_done(context);
}

Test(answer, chunks_are_counted_and_come_in_the_requests_encoding)
{
    rp_buffer_init(&scratch, 1 << 16);
    bench *b = bench_open(&(bench_spec){.handle = speak_protobuf});
    bench_deliver(b, 7, 1);
    fake_bus_run(b->bus);
    cr_expect_eq(fake_bus_count(b->bus, "reply.t.r"), 3);
    cr_expect_eq(b->stored, 3);
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(b->bus, "reply.t.r", 2), RP_HEADER_CONTENT_TYPE),
        "application/protobuf");
    bench_close(b);
    rp_buffer_done(&scratch);
}

static void outgrow(rp_context *context, bench *b)
{
    rp_answer to = address(RP_ENCODING_JSON);
    Rp__Chunk chunk = empty_chunk();
    Rp__Result result = RP__RESULT__INIT;
    char *long_name = calloc(1, RP_WORKER_SUBJECT_BYTES);
    (void)b;
    memset(long_name, 'a', RP_WORKER_SUBJECT_BYTES - 1);
    cr_expect_eq(rp_answer_chunk(context, &to, &chunk, NULL), RP_LIMIT, "no room to encode");
    to.tenant_token = long_name;
    cr_expect_eq(rp_answer_result(context, &to, &result), RP_LIMIT);
    rp_context_done(context);
    free(long_name);
}

Test(answer, is_bounded)
{
    rp_buffer_init(&scratch, 4);
    bench *b = bench_open(&(bench_spec){.handle = outgrow});
    bench_deliver(b, 7, 1);
    cr_expect_eq(b->bus->published_count, 0);
    bench_close(b);
    rp_buffer_done(&scratch);
}

Test(answer, chain_is_named_after_tenant_and_request)
{
    rp_chain_name name;
    char tenant[RP_WORKER_SUBJECT_BYTES];
    cr_assert(rp_answer_chain("a=2Eb", "r-1", &name));
    cr_expect_str_eq(name.stream, "REPLY");
    cr_expect_str_eq(name.publish, "put.reply.a=2Eb.r-1");
    cr_expect_str_eq(name.stored, "reply.a=2Eb.r-1");
    const size_t most = RP_WORKER_SUBJECT_BYTES - 1 - strlen("put.reply..r");
    memset(tenant, 'a', sizeof tenant);
    tenant[most] = '\0';
    cr_expect(rp_answer_chain(tenant, "r", &name));
    cr_expect_not(rp_answer_chain(tenant, "rr", &name));
}
