#include "schemas/validate.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "schemas/codec.h"

static rp_refusal refusal;

/* What validation says of a JSON body, which must decode. */
static rp_status check(const ProtobufCMessageDescriptor *type, const char *body)
{
    rp_arena arena;
    void *message;
    refusal = (rp_refusal){0};
    cr_assert_eq(rp_arena_init(&arena, 16 << 10, 1 << 20), RP_OK);
    cr_assert_eq(
        rp_schema_decode(type, RP_ENCODING_JSON, rp_bytes_text(body), &arena, &message, &refusal),
        RP_OK, "%s: %s", body, refusal.detail.message);
    rp_status status = type == &rp__infer_request__descriptor
                           ? rp_infer_request_check(message, rp_bytes_text("gemma3"), &refusal)
                           : rp_embed_request_check(message, rp_bytes_text("gemma3"), &refusal);
    rp_arena_done(&arena);
    return status;
}

static const char long_text[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "4567890123456789012345678901234567890123456789";

Test(validate, what_an_inference_may_ask_for)
{
    static const char *const bodies[] = {
        "{\"prompt\":\"a\"}",
        "{\"tokens\":[0]}",
        "{\"prompt\":\"a\",\"tokens\":[],\"messages\":[]}",
        ("{\"messages\":[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\","
         "\"content\":\"\"},{\"role\":\"assistant\",\"content\":\"b\"}]}"),
        ("{\"prompt\":\"a\",\"temperature\":0,\"top_p\":1,\"min_p\":0,\"presence_penalty\":-2,"
         "\"frequency_penalty\":2,\"repetition_penalty\":10,\"top_k\":0,\"logprobs\":0,"
         "\"max_tokens\":1,\"deadline_ms\":1,\"chunk_tokens\":1,\"seed\":0,\"model\":\"gemma3\"}"),
        "{\"prompt\":\"a\",\"repetition_penalty\":0.01}",
        ("{\"prompt\":\"a\",\"temperature\":2,\"min_p\":1,\"logprobs\":20,\"chunk_tokens\":1024,"
         "\"deadline_ms\":604800000,\"logit_bias\":{\"0\":100,\"7\":-100}}"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        cr_expect_eq(check(&rp__infer_request__descriptor, bodies[i]), RP_OK, "%s: %s", bodies[i],
            refusal.detail.message);
}

Test(validate, what_an_inference_may_not_ask_for)
{
    static const struct {
        const char *body, *field, *limit;
        Rp__Error__Code code;
    } cases[] = {
        {"{}", "messages", "", RP__ERROR__CODE__PROMPT_EMPTY},
        {"{\"prompt\":\"\"}", "prompt", "", RP__ERROR__CODE__PROMPT_EMPTY},
        {"{\"prompt\":\"a\",\"tokens\":[1]}", "prompt", "", 0},
        {"{\"prompt\":\"\",\"tokens\":[1]}", "prompt", "", 0},
        {"{\"prompt\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", "messages", "",
            0},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"User\",\"content\":"
         "\"a\"}]}",
            "messages[1].role", "", 0},
        {"{\"prompt\":\"a\",\"temperature\":2.001}", "temperature", "0 to 2", 0},
        {"{\"prompt\":\"a\",\"temperature\":-0.1}", "temperature", "0 to 2", 0},
        {"{\"prompt\":\"a\",\"top_p\":0}", "top_p", "above 0 to 1", 0},
        {"{\"prompt\":\"a\",\"top_p\":1.01}", "top_p", "above 0 to 1", 0},
        {"{\"prompt\":\"a\",\"min_p\":-1}", "min_p", "0 to 1", 0},
        {"{\"prompt\":\"a\",\"presence_penalty\":-2.5}", "presence_penalty", "-2 to 2", 0},
        {"{\"prompt\":\"a\",\"frequency_penalty\":3}", "frequency_penalty", "-2 to 2", 0},
        {"{\"prompt\":\"a\",\"repetition_penalty\":0}", "repetition_penalty", "0.01 to 10", 0},
        {"{\"prompt\":\"a\",\"repetition_penalty\":0.0099}", "repetition_penalty", "0.01 to 10", 0},
        {"{\"prompt\":\"a\",\"repetition_penalty\":10.1}", "repetition_penalty", "0.01 to 10", 0},
        {"{\"prompt\":\"a\",\"max_tokens\":0}", "max_tokens", "1 to 4294967295", 0},
        {"{\"prompt\":\"a\",\"logprobs\":21}", "logprobs", "0 to 20", 0},
        {"{\"prompt\":\"a\",\"deadline_ms\":0}", "deadline_ms", "1 to 604800000", 0},
        {"{\"prompt\":\"a\",\"chunk_tokens\":0}", "chunk_tokens", "1 to 1024", 0},
        {"{\"prompt\":\"a\",\"stop\":[\"a\",\"\"]}", "stop[1]", "1 to 256 bytes", 0},
        {"{\"prompt\":\"a\",\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
         "\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}",
            "stop", "16 entries", 0},
        {"{\"prompt\":\"a\",\"logit_bias\":{\"4\":100.5}}", "logit_bias[\"4\"]", "-100 to 100", 0},
        {"{\"prompt\":\"a\",\"logit_bias\":{\"-4\":1}}", "logit_bias[\"-4\"]", "", 0},
        {"{\"prompt\":\"a\",\"session\":\"\"}", "session", "1 to 128 bytes", 0},
        {"{\"prompt\":\"a\",\"user\":\"\"}", "user", "1 to 128 bytes", 0},
        {"{\"prompt\":\"a\",\"model\":\"llama\"}", "model", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Rp__Error__Code code = cases[i].code ? cases[i].code : RP__ERROR__CODE__INVALID_ARGUMENT;
        cr_expect_eq(
            check(&rp__infer_request__descriptor, cases[i].body), RP_INVALID, "%s", cases[i].body);
        cr_expect_eq(refusal.code, code, "%s", cases[i].body);
        cr_expect_str_eq(refusal.detail.field, cases[i].field, "%s", cases[i].body);
        cr_expect_str_eq(
            refusal.detail.limit, cases[i].limit, "%s: %s", cases[i].body, refusal.detail.limit);
        cr_expect_gt(strlen(refusal.detail.message), 10);
    }
}

Test(validate, lengths_and_counts_have_limits)
{
    char body[512];
    static const char *const names[] = {"session", "user"};
    for (size_t i = 0; i < 2; i++) {
        for (int len = 128; len <= 129; len++) {
            snprintf(
                body, sizeof body, "{\"prompt\":\"a\",\"%s\":\"%.*s\"}", names[i], len, long_text);
            cr_expect_eq(
                check(&rp__infer_request__descriptor, body), len == 128 ? RP_OK : RP_INVALID);
        }
    }
    Rp__ChatMessage message = RP__CHAT_MESSAGE__INIT;
    Rp__ChatMessage *messages[RP_REQUEST_MESSAGES_MAX + 1];
    message.role = "user";
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        messages[i] = &message;
    Rp__InferRequest request = RP__INFER_REQUEST__INIT;
    request.messages = messages;
    request.n_messages = RP_REQUEST_MESSAGES_MAX;
    cr_expect_eq(rp_infer_request_check(&request, rp_bytes_text("m"), &refusal), RP_OK);
    request.n_messages++;
    cr_expect_eq(rp_infer_request_check(&request, rp_bytes_text("m"), &refusal), RP_INVALID);
    cr_expect_str_eq(refusal.detail.limit, "1024 entries");
}

Test(validate, nan_is_in_no_range)
{
    Rp__InferRequest request = RP__INFER_REQUEST__INIT;
    request.has_prompt = 1;
    request.prompt = rp_schema_text(rp_bytes_text("a"));
    request.has_top_p = 1;
    request.top_p = NAN;
    cr_expect_eq(rp_infer_request_check(&request, rp_bytes_text("m"), &refusal), RP_INVALID);
    cr_expect_str_eq(refusal.detail.field, "top_p");
}

Test(validate, embeddings)
{
    static const struct {
        const char *body;
        rp_status status;
        const char *field;
    } cases[] = {
        {"{\"input\":\"a\"}", RP_OK, ""},
        {"{\"input\":[\"a\",\"b\"],\"model\":\"gemma3\",\"deadline_ms\":5,\"user\":\"u\"}", RP_OK,
            ""},
        {"{}", RP_INVALID, "input"},
        {"{\"input\":[]}", RP_INVALID, "input"},
        {"{\"input\":[\"a\",\"\"]}", RP_INVALID, "input[1]"},
        {"{\"input\":\"a\",\"model\":\"x\"}", RP_INVALID, "model"},
        {"{\"input\":\"a\",\"deadline_ms\":0}", RP_INVALID, "deadline_ms"},
        {"{\"input\":\"a\",\"user\":\"\"}", RP_INVALID, "user"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(check(&rp__embed_request__descriptor, cases[i].body), cases[i].status, "%s",
            cases[i].body);
        cr_expect_str_eq(refusal.detail.field, cases[i].field, "%s", cases[i].body);
    }
}
