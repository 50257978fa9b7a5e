#include "schemas/codec.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "schemas/reprise/v1/actors.pb-c.h"
#include "schemas/reprise/v1/control.pb-c.h"
#include "schemas/reprise/v1/dead.pb-c.h"
#include "schemas/reprise/v1/request.pb-c.h"

#define REQUEST (&rp__infer_request__descriptor)

/* One body: read, and written again. */
typedef struct bench {
    rp_arena arena;
    rp_buffer out;
    rp_refusal refusal;
    void *message;
} bench;

static bench b;

static void set_up(void)
{
    cr_assert_eq(rp_arena_init(&b.arena, 4 << 10, 1 << 20), RP_OK);
    rp_buffer_init(&b.out, 1 << 20);
}

static void tear_down(void)
{
    rp_arena_done(&b.arena);
    rp_buffer_done(&b.out);
}

static rp_status decode(const ProtobufCMessageDescriptor *type, const char *body)
{
    b.refusal = (rp_refusal){0};
    return rp_schema_decode(
        type, RP_ENCODING_JSON, rp_bytes_text(body), &b.arena, &b.message, &b.refusal);
}

/* Reads `body` and writes what was read; "" where it is refused. */
static const char *canonical(const ProtobufCMessageDescriptor *type, const char *body)
{
    rp_buffer_clear(&b.out);
    if (decode(type, body) == RP_OK)
        cr_assert_eq(rp_schema_encode(b.message, RP_ENCODING_JSON, &b.out, NULL), RP_OK);
    return rp_buffer_string(&b.out);
}

TestSuite(codec_json, .init = set_up, .fini = tear_down);

Test(codec_json, reads_what_users_write_and_writes_one_form)
{
    static const struct {
        const char *body, *wanted;
    } cases[] = {
        {"{}", "{}"},
        {" { \"prompt\" : \"a\" } ", "{\"prompt\":\"a\"}"},
        {"{\"stop\":\"x\"}", "{\"stop\":[\"x\"]}"},
        {"{\"stop\":[]}", "{}"},
        {"{\"tokens\":7}", "{\"tokens\":[7]}"},
        {"{\"messages\":{\"role\":\"user\",\"content\":\"a\"}}",
            "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"},
        {"{\"prompt\":null,\"tokens\":null,\"logit_bias\":null}", "{}"},
        {"{\"max_tokens\":4.0}", "{\"max_tokens\":4}"},
        {"{\"max_tokens\":1e2}", "{\"max_tokens\":100}"},
        {"{\"max_tokens\":\"12\"}", "{\"max_tokens\":12}"},
        {"{\"seed\":18446744073709551615}", "{\"seed\":18446744073709551615}"},
        {"{\"seed\":\"18446744073709551615\"}", "{\"seed\":18446744073709551615}"},
        {"{\"temperature\":0.1,\"top_p\":1}", "{\"temperature\":0.1,\"top_p\":1}"},
        {"{\"temperature\":0.30000001192092896}", "{\"temperature\":0.3}"},
        {"{\"logit_bias\":{\"-5\":-1.5,\"7\":3}}", "{\"logit_bias\":{\"-5\":-1.5,\"7\":3}}"},
        {"{\"stream\":false}", "{\"stream\":false}"},
        {"{\"prompt\":\"\\u0000\\ud83d\\ude00\\n\"}",
            "{\"prompt\":\"\\u0000\xF0\x9F\x98\x80\\n\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(canonical(REQUEST, cases[i].body), cases[i].wanted, "%s gave %s (%s)",
            cases[i].body, rp_buffer_string(&b.out), b.refusal.detail.message);
}

Test(codec_json, refuses_by_name)
{
    static const struct {
        const char *body;
        Rp__Error__Code code;
        const char *field, *message;
    } cases[] = {
        {"", RP__ERROR__CODE__INVALID_JSON, "", "the body is empty; expected a JSON object"},
        {"{", RP__ERROR__CODE__INVALID_JSON, "", NULL},
        {"{\"prompt\":\"a\",}", RP__ERROR__CODE__INVALID_JSON, "", NULL},
        {"{\"temperature\":NaN}", RP__ERROR__CODE__INVALID_JSON, "", NULL},
        {"{\"prompt\":\"\xFF\"}", RP__ERROR__CODE__INVALID_UTF8, "", NULL},
        {"[]", RP__ERROR__CODE__INVALID_ARGUMENT, "", "expected an object, got a list"},
        {"{\"max_token\":1}", RP__ERROR__CODE__UNKNOWN_FIELD, "max_token",
            "max_token: no such field in InferRequest; did you mean max_tokens?"},
        {"{\"max_completion_tokens\":1}", RP__ERROR__CODE__UNKNOWN_FIELD, "max_completion_tokens",
            "max_completion_tokens: no such field in InferRequest"},
        {"{\"prompt\\u0000\":\"a\"}", RP__ERROR__CODE__UNKNOWN_FIELD, "prompt", NULL},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"name\":\"x\"}]}",
            RP__ERROR__CODE__UNKNOWN_FIELD, "messages[0].name", NULL},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\",\"content\":5}]}",
            RP__ERROR__CODE__INVALID_ARGUMENT, "messages[1].content",
            "messages[1].content: expected a string, got a number"},
        {"{\"messages\":[{\"role\":\"user\"}]}", RP__ERROR__CODE__INVALID_ARGUMENT,
            "messages[0].content", "messages[0].content: missing; it is required"},
        {"{\"messages\":\"hello\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "messages",
            "messages: expected an object, got a string"},
        {"{\"prompt\":[\"a\"]}", RP__ERROR__CODE__INVALID_ARGUMENT, "prompt",
            "prompt: expected a string, got a list"},
        {"{\"stop\":[\"a\",null]}", RP__ERROR__CODE__INVALID_ARGUMENT, "stop[1]",
            "stop[1]: expected a string, got null"},
        {"{\"stream\":1}", RP__ERROR__CODE__INVALID_ARGUMENT, "stream",
            "stream: expected true or false, got a number"},
        {"{\"temperature\":\"0.5\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "temperature",
            "temperature: expected a number, got a string"},
        {"{\"temperature\":1e39}", RP__ERROR__CODE__INVALID_ARGUMENT, "temperature", NULL},
        {"{\"max_tokens\":1.5}", RP__ERROR__CODE__INVALID_ARGUMENT, "max_tokens",
            "max_tokens: expected a whole number"},
        {"{\"max_tokens\":\"1x\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "max_tokens", NULL},
        {"{\"max_tokens\":\"\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "max_tokens", NULL},
        {"{\"max_tokens\":\"-\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "max_tokens", NULL},
        {"{\"max_tokens\":true}", RP__ERROR__CODE__INVALID_ARGUMENT, "max_tokens",
            "max_tokens: expected a whole number, got true"},
        {"{\"prompt\":\"a\",\"prompt\":\"b\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "prompt",
            "prompt: given twice"},
        {"{\"session\":\"a\\u0000\"}", RP__ERROR__CODE__INVALID_ARGUMENT, "session",
            "session: a name cannot hold U+0000"},
        {"{\"logit_bias\":[1]}", RP__ERROR__CODE__INVALID_ARGUMENT, "logit_bias",
            "logit_bias: expected an object, got a list"},
        {"{\"logit_bias\":{\"x\":1}}", RP__ERROR__CODE__INVALID_ARGUMENT, "logit_bias[\"x\"]",
            NULL},
        {"{\"logit_bias\":{\"5\":\"1\"}}", RP__ERROR__CODE__INVALID_ARGUMENT, "logit_bias[\"5\"]",
            "logit_bias[\"5\"]: expected a number, got a string"},
        {"{\"logit_bias\":{\"5\":1,\"05\":1}}", RP__ERROR__CODE__INVALID_ARGUMENT, "logit_bias",
            "logit_bias: entries 0 and 1 have the same key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(decode(REQUEST, cases[i].body), RP_INVALID, "%s", cases[i].body);
        cr_expect_eq(b.refusal.code, cases[i].code, "%s: %s", cases[i].body,
            rp_refusal_code_name(b.refusal.code));
        cr_expect_str_eq(b.refusal.detail.field, cases[i].field, "%s: %s", cases[i].body,
            b.refusal.detail.field);
        if (cases[i].message)
            cr_expect_str_eq(b.refusal.detail.message, cases[i].message, "%s: %s", cases[i].body,
                b.refusal.detail.message);
    }
}

Test(codec_json, numbers_at_and_beyond_the_ends_of_their_types)
{
    static const struct {
        const char *body;
        rp_status status;
        const char *limit;
    } cases[] = {
        {"{\"max_tokens\":4294967295}", RP_OK, ""},
        {"{\"max_tokens\":4294967296}", RP_INVALID, "0 to 4294967295"},
        {"{\"max_tokens\":-1}", RP_INVALID, "0 to 4294967295"},
        {"{\"max_tokens\":1e300}", RP_INVALID, "0 to 4294967295"},
        {"{\"max_tokens\":-1e300}", RP_INVALID, "0 to 4294967295"},
        {"{\"max_tokens\":\"18446744073709551616\"}", RP_INVALID, ""},
        {"{\"seed\":18446744073709551615}", RP_OK, ""},
        {"{\"seed\":18446744073709551616}", RP_INVALID, "0 to 18446744073709551615"},
        {"{\"seed\":-1}", RP_INVALID, "0 to 18446744073709551615"},
        {"{\"logit_bias\":{\"2147483647\":1}}", RP_OK, ""},
        {"{\"logit_bias\":{\"2147483648\":1}}", RP_INVALID, "-2147483648 to 2147483647"},
        {"{\"logit_bias\":{\"-2147483648\":1}}", RP_OK, ""},
        {"{\"logit_bias\":{\"-2147483649\":1}}", RP_INVALID, "-2147483648 to 2147483647"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(decode(REQUEST, cases[i].body), cases[i].status, "%s", cases[i].body);
        cr_expect_str_eq(b.refusal.detail.limit, cases[i].limit, "%s: %s", cases[i].body,
            b.refusal.detail.limit);
    }
}

Test(codec_json, defaults_stand_where_a_field_is_absent)
{
    cr_assert_eq(decode(REQUEST, "{}"), RP_OK);
    const Rp__InferRequest *request = b.message;
    cr_expect_eq(request->max_tokens, 256);
    cr_expect(request->stream);
    cr_expect_not(request->has_temperature);
    cr_expect_not(request->has_seed);
    cr_expect_not(request->has_prompt);
    cr_expect_null(request->model);
}

Test(codec_json, an_open_message_skips_what_it_does_not_know)
{
    cr_expect_str_eq(canonical(&rp__usage__descriptor,
                         "{\"prompt_tokens\":1,\"new\":{\"a\":[1]},\"completion_tokens\":2}"),
        "{\"prompt_tokens\":1,\"completion_tokens\":2}");
}

Test(codec_json, enums_and_bytes)
{
    static const char *const heads[] = {"", "QQ==", "QUI=", "QUJD", "QUJDRA==", "+/8A"};
    char body[512];
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        snprintf(body, sizeof body,
            "{\"kind\":\"k\",\"stream\":\"S\",\"sequence\":1,\"subject\":\"s\",\"error\":{\"code\":"
            "\"reply_to_denied\",\"message\":\"m\"},\"body_head\":\"%s\"}",
            heads[i]);
        cr_expect_str_eq(
            canonical(&rp__dead__descriptor, body), body, "%s", b.refusal.detail.message);
    }
    static const char *const broken[] = {
        "Q", "QQ=", "QQ", "QR==", "QUJ=", "Q===", "====", "=QQ=", "QQ==QUJD", "QU D", "QQ_-"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        snprintf(body, sizeof body, "{\"body_head\":\"%s\"}", broken[i]);
        cr_expect_eq(decode(&rp__dead__descriptor, body), RP_INVALID);
        cr_expect_str_eq(b.refusal.detail.field, "body_head", "%s", broken[i]);
    }
    cr_expect_eq(decode(&rp__chunk__descriptor, "{\"finish_reason\":\"STOP\"}"), RP_INVALID);
    cr_expect_str_eq(b.refusal.detail.message,
        "finish_reason: expected one of stop, length, cancelled, deadline, error");
}

Test(codec_json, a_chunk_always_shows_its_lists)
{
    Rp__Chunk chunk = RP__CHUNK__INIT;
    chunk.request = "r-1";
    chunk.has_index = chunk.has_text = 1;
    cr_assert_eq(rp_schema_encode(&chunk.base, RP_ENCODING_JSON, &b.out, NULL), RP_OK);
    cr_expect_str_eq(
        rp_buffer_string(&b.out), "{\"request\":\"r-1\",\"index\":0,\"tokens\":[],\"text\":\"\"}");
}

Test(codec_json, what_breaks_a_rule_is_not_written)
{
    rp_error error = {0};
    Rp__Chunk chunk = RP__CHUNK__INIT;
    rp_buffer_text(&b.out, "before");
    cr_expect_eq(rp_schema_encode(&chunk.base, RP_ENCODING_JSON, &b.out, &error), RP_INVALID);
    cr_expect_str_eq(error.message, "reprise.v1.Chunk: request: missing; it is required");
    chunk.request = "r";
    chunk.has_index = chunk.has_text = 1;
    chunk.text = rp_schema_text(rp_bytes_text("\xC3"));
    cr_expect_eq(rp_schema_encode(&chunk.base, RP_ENCODING_JSON, &b.out, &error), RP_INVALID);
    cr_expect_str_eq(error.field, "text");
    chunk.text = rp_schema_text(rp_bytes_text("ok"));
    chunk.has_finish_reason = 1;
    chunk.finish_reason = (Rp__Chunk__FinishReason)99;
    cr_expect_eq(rp_schema_encode(&chunk.base, RP_ENCODING_JSON, &b.out, &error), RP_INVALID);
    cr_expect_str_eq(error.field, "finish_reason");
    cr_expect_str_eq(rp_buffer_string(&b.out), "before");
}

Test(codec_json, a_full_buffer_keeps_what_it_held)
{
    rp_buffer small;
    rp_error error = {0};
    Rp__Cancel cancel = RP__CANCEL__INIT;
    cancel.has_reason = 1;
    cancel.reason = rp_schema_text(rp_bytes_text("long enough not to fit"));
    for (int encoding = RP_ENCODING_JSON; encoding <= RP_ENCODING_PROTOBUF; encoding++) {
        rp_buffer_init(&small, 16);
        rp_buffer_text(&small, "held");
        cr_expect_eq(
            rp_schema_encode(&cancel.base, (rp_encoding)encoding, &small, &error), RP_LIMIT);
        cr_expect_str_eq(error.limit, "16 bytes");
        cr_expect_eq(small.len, 4);
        cr_expect_str_eq(rp_buffer_string(&small), "held");
        rp_buffer_done(&small);
    }
}

Test(codec_json, an_arena_used_up_is_a_limit)
{
    rp_arena small;
    rp_refusal refusal = {0};
    rp_buffer body;
    void *message;
    cr_assert_eq(rp_arena_init(&small, 1 << 10, 4 << 10), RP_OK);
    rp_buffer_init(&body, 1 << 20);
    rp_buffer_text(&body, "{\"tokens\":[1");
    for (int i = 0; i < 1000; i++)
        rp_buffer_text(&body, ",1");
    rp_buffer_text(&body, "]}");
    cr_expect_eq(rp_schema_decode(
                     REQUEST, RP_ENCODING_JSON, rp_buffer_bytes(&body), &small, &message, &refusal),
        RP_LIMIT);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__PAYLOAD_TOO_LARGE);
    cr_expect_str_eq(refusal.detail.limit, "4096 bytes");
    rp_buffer_done(&body);
    rp_arena_done(&small);
}

Test(codec_json, a_map_is_bounded)
{
    for (int n = RP_SCHEMA_MAP_MAX; n <= RP_SCHEMA_MAP_MAX + 1; n++) {
        rp_buffer_clear(&b.out);
        for (int i = 0; i < n; i++)
            rp_buffer_printf(&b.out, "%s\"%d\":1", i ? "," : "{\"logit_bias\":{", i);
        rp_buffer_text(&b.out, "}}");
        rp_status status = decode(REQUEST, rp_buffer_string(&b.out));
        cr_expect_eq(status, n == RP_SCHEMA_MAP_MAX ? RP_OK : RP_LIMIT);
        rp_arena_reset(&b.arena);
    }
    cr_expect_str_eq(b.refusal.detail.limit, "1024 entries");
}

Test(codec_json, deep_nesting_is_refused_and_not_followed)
{
    rp_buffer_clear(&b.out);
    rp_buffer_text(&b.out, "{\"tokens\":");
    for (int i = 0; i < 10000; i++)
        rp_buffer_byte(&b.out, '[');
    for (int i = 0; i < 10000; i++)
        rp_buffer_byte(&b.out, ']');
    rp_buffer_text(&b.out, "}");
    cr_expect_eq(decode(REQUEST, rp_buffer_string(&b.out)), RP_INVALID);
    cr_expect_str_eq(b.refusal.detail.field, "tokens[0]");
}
