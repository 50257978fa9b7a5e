#include "schemas/codec.h"

#include <criterion/criterion.h>

#include "schemas/reprise/v1/exec.pb-c.h"
#include "schemas/reprise/v1/request.pb-c.h"

#define REQUEST (&rp__infer_request__descriptor)

/* A body from a string literal, which may hold NULs. */
#define BODY(literal) rp_bytes_of("" literal, sizeof(literal) - 1)

static rp_arena arena;
static rp_refusal refusal;
static void *message;

static void set_up(void)
{
    cr_assert_eq(rp_arena_init(&arena, 4 << 10, 1 << 20), RP_OK);
}

static void tear_down(void)
{
    rp_arena_done(&arena);
}

static rp_status decode(const ProtobufCMessageDescriptor *type, rp_bytes body)
{
    refusal = (rp_refusal){0};
    return rp_schema_decode(type, RP_ENCODING_PROTOBUF, body, &arena, &message, &refusal);
}

TestSuite(codec_protobuf, .init = set_up, .fini = tear_down);

/* The body is `protoc --encode` of:
 * messages {role: "user" content: "Hi\000!"} max_tokens: 4 temperature: 0.5 seed:
 * 18446744073709551615 stop: "x" stop: "" logit_bias {key: -1 value: -2} stream: false */
Test(codec_protobuf, reads_what_another_implementation_wrote)
{
    cr_assert_eq(decode(REQUEST, BODY("\x0A\x0B\x0A\x04user\x12\x04Hi\x00!\x0A\x00")), RP_INVALID);
    cr_assert_eq(decode(REQUEST,
                     BODY("\x0A\x0C\x0A\x04user\x12\x04Hi\x00!"
                          "\x20\x04\x2D\x00\x00\x00\x3F"
                          "\x48\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"
                          "\x52\x01x\x52\x00"
                          "\x62\x10\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x15\x00\x00\x00\xC0"
                          "\x98\x01\x00")),
        RP_OK, "%s", refusal.detail.message);
    const Rp__InferRequest *request = message;
    cr_assert_eq(request->n_messages, 1);
    cr_expect_str_eq(request->messages[0]->role, "user");
    cr_expect(rp_bytes_equal(rp_schema_bytes(request->messages[0]->content), BODY("Hi\0!")));
    cr_expect_eq(request->max_tokens, 4);
    cr_expect_eq(request->temperature, 0.5f);
    cr_expect_eq(request->seed, UINT64_MAX);
    cr_assert_eq(request->n_stop, 2);
    cr_expect_eq(request->stop[1].len, 0);
    cr_assert_eq(request->n_logit_bias, 1);
    cr_expect_eq(request->logit_bias[0]->key, -1);
    cr_expect_eq(request->logit_bias[0]->value, -2.0f);
    cr_expect_not(request->stream);
}

Test(codec_protobuf, reads_numbers_packed_and_not)
{
    cr_assert_eq(decode(REQUEST, BODY("\x1A\x03\x01\xAC\x02\x18\x05\x1A\x00\x1A\x01\x07")), RP_OK);
    const Rp__InferRequest *request = message;
    cr_assert_eq(request->n_tokens, 4);
    cr_expect_eq(request->tokens[1], 300);
    cr_expect_eq(request->tokens[2], 5);
    cr_expect_eq(request->tokens[3], 7);
}

Test(codec_protobuf, an_empty_body_is_an_empty_message)
{
    cr_assert_eq(decode(REQUEST, rp_bytes_of(NULL, 0)), RP_OK);
    cr_expect_eq(((const Rp__InferRequest *)message)->max_tokens, 256);
    cr_expect_eq(decode(&rp__exec__descriptor, rp_bytes_of(NULL, 0)), RP_INVALID);
    cr_expect_str_eq(refusal.detail.field, "tenant");
}

Test(codec_protobuf, refuses_by_name)
{
    const struct {
        const ProtobufCMessageDescriptor *type;
        rp_bytes body;
        Rp__Error__Code code;
        const char *field, *message;
    } cases[] = {
        {REQUEST, BODY("{\"prompt\":1}"), RP__ERROR__CODE__INVALID_PROTOBUF, "Content-Type", NULL},
        {REQUEST, BODY("\xFF"), RP__ERROR__CODE__INVALID_PROTOBUF, "",
            "the body ends inside a number"},
        {REQUEST,
            BODY("\x12\x05"
                 "ab"),
            RP__ERROR__CODE__INVALID_PROTOBUF, "prompt",
            "prompt: longer than the body that holds it"},
        {REQUEST, BODY("\x12\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"),
            RP__ERROR__CODE__INVALID_PROTOBUF, "prompt", NULL},
        {REQUEST, BODY("\x20\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"),
            RP__ERROR__CODE__INVALID_PROTOBUF, "max_tokens",
            "max_tokens: a number of more than 64 bits"},
        {REQUEST, BODY("\x20\x80\x80\x80\x80\x10"), RP__ERROR__CODE__INVALID_ARGUMENT, "max_tokens",
            "max_tokens: the number does not fit the field's type"},
        {REQUEST, BODY("\x1A\x06\x01\x80\x80\x80\x80\x10"), RP__ERROR__CODE__INVALID_ARGUMENT,
            "tokens[1]", NULL},
        {REQUEST, BODY("\x22\x01\x01"), RP__ERROR__CODE__INVALID_PROTOBUF, "max_tokens",
            "max_tokens: the wire type is not that of the field"},
        {REQUEST, BODY("\x20\x01\x20\x02"), RP__ERROR__CODE__INVALID_PROTOBUF, "max_tokens",
            "max_tokens: given twice"},
        {REQUEST, BODY("\x2D\x00\x00\xC0\x7F"), RP__ERROR__CODE__INVALID_ARGUMENT, "temperature",
            "temperature: NaN and infinities are not allowed"},
        {REQUEST, BODY("\x2D\x00\x00\x80\x7F"), RP__ERROR__CODE__INVALID_ARGUMENT, "temperature",
            NULL},
        {REQUEST, BODY("\x2D\x00\x00"), RP__ERROR__CODE__INVALID_PROTOBUF, "temperature",
            "temperature: the body ends inside a number"},
        {REQUEST, BODY("\x12\x02\xC3\x28"), RP__ERROR__CODE__INVALID_UTF8, "prompt", NULL},
        {REQUEST,
            BODY("\x8A\x01\x03"
                 "a\x00"
                 "b"),
            RP__ERROR__CODE__INVALID_ARGUMENT, "session", "session: a name cannot hold U+0000"},
        {REQUEST, BODY("\x8A\x01\x02\xED\xA0"), RP__ERROR__CODE__INVALID_UTF8, "session", NULL},
        {REQUEST, BODY("\xF8\x01\x01"), RP__ERROR__CODE__UNKNOWN_FIELD, "",
            "reprise.v1.InferRequest has no field of number 31"},
        {REQUEST, BODY("\x0A\x03\x0A\x01u"), RP__ERROR__CODE__INVALID_ARGUMENT,
            "messages[0].content", "messages[0].content: missing; it is required"},
        {REQUEST, BODY("\x62\x02\x08\x05\x62\x02\x08\x05"), RP__ERROR__CODE__INVALID_ARGUMENT,
            "logit_bias", "logit_bias: entries 0 and 1 have the same key"},
        {REQUEST, BODY("\x03"), RP__ERROR__CODE__INVALID_PROTOBUF, "", NULL},
        {&rp__usage__descriptor, BODY("\x08\x01\x10\x01\x53\x54"),
            RP__ERROR__CODE__INVALID_PROTOBUF, "", "a wire type that is not in use"},
        {&rp__usage__descriptor, BODY("\x08\x01\x10\x01\x52\x05"),
            RP__ERROR__CODE__INVALID_PROTOBUF, "", NULL},
        {&rp__error__descriptor, BODY("\x08\x63\x12\x01m"), RP__ERROR__CODE__INVALID_ARGUMENT,
            "code", "code: 99 is no value of reprise.v1.Error.Code"},
        {&rp__chunk__descriptor, BODY("\x2A\x04\x08\x01\x15\x00"),
            RP__ERROR__CODE__INVALID_PROTOBUF, "logprobs[0].logprob", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(decode(cases[i].type, cases[i].body), RP_INVALID, "case %zu", i);
        cr_expect_eq(refusal.code, cases[i].code, "case %zu: %s, %s", i,
            rp_refusal_code_name(refusal.code), refusal.detail.message);
        cr_expect_str_eq(
            refusal.detail.field, cases[i].field, "case %zu: %s", i, refusal.detail.message);
        if (cases[i].message)
            cr_expect_str_eq(refusal.detail.message, cases[i].message, "case %zu: %s", i,
                refusal.detail.message);
    }
}

Test(codec_protobuf, an_open_message_skips_what_it_does_not_know)
{
    cr_assert_eq(decode(&rp__usage__descriptor, BODY("\x08\x01\x50\x07\x59"
                                                     "12345678\x62\x03"
                                                     "abc\x6D"
                                                     "1234\x10\x02")),
        RP_OK, "%s", refusal.detail.message);
    const Rp__Usage *usage = message;
    cr_expect_eq(usage->prompt_tokens, 1);
    cr_expect_eq(usage->completion_tokens, 2);
}

/* Two bytes a message are the dearest that a body can ask for. */
Test(codec_protobuf, a_body_that_asks_for_too_much_memory_is_a_limit)
{
    enum { REPEATS = 200000 };
    static uint8_t body[2 * REPEATS];
    for (size_t i = 0; i < REPEATS; i++)
        body[2 * i] = 0x0A;
    cr_expect_eq(decode(REQUEST, rp_bytes_of(body, sizeof body)), RP_LIMIT);
    cr_expect_eq(refusal.code, RP__ERROR__CODE__PAYLOAD_TOO_LARGE);
    cr_expect_str_eq(refusal.detail.limit, "1048576 bytes");
}

Test(codec_protobuf, a_map_entry_may_leave_out_what_is_zero)
{
    rp_buffer out;
    rp_buffer_init(&out, 1 << 10);
    cr_assert_eq(decode(REQUEST, BODY("\x62\x00")), RP_OK);
    cr_assert_eq(rp_schema_encode(message, RP_ENCODING_JSON, &out, NULL), RP_OK);
    cr_expect_str_eq(rp_buffer_string(&out), "{\"logit_bias\":{\"0\":0}}");
    rp_buffer_done(&out);
}
