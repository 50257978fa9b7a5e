/* Requests as they come: headers, subject and body, right ones and wrong ones. */
#include "actors/tokenizer/intake.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "runtime/base/clock.h"

typedef struct letter {
    rp_message message; /* first */
    const char *headers[RP_HEADER_COUNT];
} letter;

static rp_bytes header_of(const rp_message *message, rp_header header)
{
    return rp_bytes_text(((const letter *)message)->headers[header]);
}

static letter letter_to(const char *subject)
{
    return (letter){.message = {.subject = rp_bytes_text(subject),
                        .stream_sequence = 42,
                        .timestamp_ns = 1000 * RP_NS_PER_S,
                        .header = header_of}};
}

typedef struct outcome {
    rp_status status;
    rp_intake_address address;
    rp_intake intake;
    rp_refusal refusal;
} outcome;

static rp_arena arena;

static void init(void)
{
    cr_assert_eq(rp_arena_init(&arena, 4096, 1 << 20), RP_OK);
}

static void done(void)
{
    rp_arena_done(&arena);
}

TestSuite(intake, .init = init, .fini = done);

static outcome take(const letter *l, const char *body)
{
    outcome o = {0};
    cr_assert_eq(rp_intake_address_read(&l->message, &o.address), RP_OK);
    o.status =
        rp_intake_read(&l->message, rp_bytes_text(body), &o.address, &arena, &o.intake, &o.refusal);
    return o;
}

static const char plain[] = "{\"prompt\":\"Hi\"}";

static outcome take_with(rp_header header, const char *value)
{
    letter l = letter_to("infer.acme.gemma3");
    l.headers[header] = value;
    return take(&l, plain);
}

static void expect_refused(const outcome *o, Rp__Error__Code code, const char *field)
{
    cr_expect_neq(o->status, RP_OK);
    cr_expect_eq(o->refusal.code, code, "%s", o->refusal.detail.message);
    cr_expect_str_eq(o->refusal.detail.field, field);
    cr_expect_gt(strlen(o->refusal.detail.message), 10, "people get a sentence");
}

Test(intake, plain_request)
{
    letter l = letter_to("infer.acme.gemma3");
    outcome o = take(&l, plain);
    cr_assert_eq(o.status, RP_OK, "%s", o.refusal.detail.message);
    cr_expect_str_eq(o.address.tenant, "acme");
    cr_expect_str_eq(o.address.tenant_token, "acme");
    cr_expect_str_eq(o.address.request, "42", "its sequence");
    cr_expect_not(o.address.named);
    cr_expect_str_eq(o.intake.model, "gemma3");
    cr_expect_eq(o.intake.encoding, RP_ENCODING_JSON);
    cr_expect_eq(o.intake.deadline_unix_ms, 0);
    cr_expect(rp_bytes_is(rp_schema_bytes(o.intake.request->prompt), "Hi"));
}

Test(intake, names_in_subjects)
{
    letter l = letter_to("infer.a=2Eb.m=20v1=2E2");
    outcome o = take(&l, plain);
    cr_assert_eq(o.status, RP_OK);
    cr_expect_str_eq(o.address.tenant, "a.b");
    cr_expect_str_eq(o.address.tenant_token, "a=2Eb");
    cr_expect_str_eq(o.intake.model, "m v1.2");
    /* Without a tenant there is nobody to answer. */
    static const char *const nobody[] = {"infer", "infer.", "infer..m", "infer.a=2.m",
        "infer.a=2e.m", "infer.=41.m", "infer.a b.m", "infer.a=00b.m", "infer.=FF.m", "infer.*.m"};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        letter wrong = letter_to(nobody[i]);
        rp_intake_address address = {.named = true};
        cr_expect_eq(rp_intake_address_read(&wrong.message, &address), RP_INVALID, "%s", nobody[i]);
        cr_expect(address.named, "nothing is written");
    }
    char longest[600], name[RP_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(longest, sizeof longest, "infer.%s.m", name);
    letter too_long = letter_to(longest);
    rp_intake_address address;
    cr_expect_eq(rp_intake_address_read(&too_long.message, &address), RP_INVALID);
    snprintf(longest, sizeof longest, "infer.%s.m", name + 1);
    letter fits = letter_to(longest);
    cr_expect_eq(rp_intake_address_read(&fits.message, &address), RP_OK);
    /* With one, a model that is none is told. */
    static const char *const no_model[] = {
        "infer.t", "infer.t.", "infer.t.=0", "infer.t.m=00", "infer.t.=FF", "infer.t.=6D"};
    for (size_t i = 0; i < sizeof no_model / sizeof *no_model; i++) {
        letter wrong = letter_to(no_model[i]);
        o = take(&wrong, plain);
        expect_refused(&o, RP__ERROR__CODE__INVALID_ARGUMENT, "model");
        cr_expect_str_eq(o.intake.model, "", "nothing of it is passed on");
    }
}

Test(intake, request_ids)
{
    outcome o = take_with(RP_HEADER_REQUEST, "chat_42-A");
    cr_expect_eq(o.status, RP_OK);
    cr_expect(o.address.named);
    cr_expect_str_eq(o.address.request, "chat_42-A");
    char id[RP_REQUEST_ID_MAX + 2];
    memset(id, 'r', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    const char *const wrong[] = {"", "42", "a b", "a.b", "a>", "\xC3\xA9", id};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o = take_with(RP_HEADER_REQUEST, wrong[i]);
        expect_refused(&o, RP__ERROR__CODE__INVALID_ARGUMENT, "Rp-Request");
        cr_expect_str_eq(o.refusal.detail.limit, "64 characters");
        cr_expect_str_eq(o.address.request, "42", "it is answered under its sequence");
        cr_expect_not(o.address.named);
    }
    cr_expect_eq(take_with(RP_HEADER_REQUEST, id + 1).status, RP_OK);
}

Test(intake, replies_lie_where_they_do)
{
    letter l = letter_to("infer.a=2Eb.m");
    l.headers[RP_HEADER_REQUEST] = "r";
    l.headers[RP_HEADER_REPLY_TO] = "reply.a=2Eb.r";
    cr_expect_eq(take(&l, plain).status, RP_OK);
    static const char *const foreign[] = {"", "reply.a=2Eb.s", "reply.other.r", "reply.a=2Eb.r.x",
        "reply.a=2Eb", "_INBOX.x", "reply.a.b.r"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        l.headers[RP_HEADER_REPLY_TO] = foreign[i];
        outcome o = take(&l, plain);
        expect_refused(&o, RP__ERROR__CODE__REPLY_TO_DENIED, "Rp-Reply-To");
        cr_expect_not_null(strstr(o.refusal.detail.message, "reply.a=2Eb.r"));
    }
}

Test(intake, earlier_deadline_holds)
{
    static const struct {
        const char *header, *body;
        uint64_t wanted_ms;
    } cases[] = {{NULL, plain, 0}, {"2000000", plain, 2000000},
        {NULL, "{\"prompt\":\"Hi\",\"deadline_ms\":500}", 1000500},
        {"1000400", "{\"prompt\":\"Hi\",\"deadline_ms\":500}", 1000400},
        {"1000600", "{\"prompt\":\"Hi\",\"deadline_ms\":500}", 1000500},
        {"1", "{\"prompt\":\"Hi\",\"deadline_ms\":500}", 1},
        {"18446744073709551615", plain, UINT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        letter l = letter_to("infer.acme.gemma3");
        l.headers[RP_HEADER_DEADLINE] = cases[i].header;
        outcome o = take(&l, cases[i].body);
        cr_expect_eq(o.status, RP_OK);
        cr_expect_eq(o.intake.deadline_unix_ms, cases[i].wanted_ms, "%zu", i);
    }
    static const char *const wrong[] = {"", "0", "-1", "soon", "1e9", " 5", "5 ",
        "18446744073709551616", "000000000000000000001", "9999999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        outcome o = take_with(RP_HEADER_DEADLINE, wrong[i]);
        expect_refused(&o, RP__ERROR__CODE__INVALID_ARGUMENT, "Rp-Deadline");
    }
}

Test(intake, encodings)
{
    static const uint8_t body[] = {0x12, 2, 'H', 'i'}; /* field 2, of two bytes */
    outcome o = take_with(RP_HEADER_CONTENT_TYPE, "application/json; charset=utf-8");
    cr_expect_eq(o.status, RP_OK);
    o = take_with(RP_HEADER_CONTENT_TYPE, "text/plain");
    expect_refused(&o, RP__ERROR__CODE__UNSUPPORTED, "Content-Type");
    cr_expect_eq(o.intake.encoding, RP_ENCODING_JSON);
    letter l = letter_to("infer.acme.gemma3");
    l.headers[RP_HEADER_CONTENT_TYPE] = "application/protobuf";
    o = (outcome){0};
    cr_assert_eq(rp_intake_address_read(&l.message, &o.address), RP_OK);
    cr_expect_eq(rp_intake_read(&l.message, rp_bytes_of(body, sizeof body), &o.address, &arena,
                     &o.intake, &o.refusal),
        RP_OK, "%s", o.refusal.detail.message);
    cr_expect_eq(o.intake.encoding, RP_ENCODING_PROTOBUF);
    /* Whatever is wrong, the answer is in the encoding that the client speaks. */
    static const rp_header headers[] = {RP_HEADER_REQUEST, RP_HEADER_REPLY_TO, RP_HEADER_DEADLINE};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        l.headers[headers[i]] = "*";
        o = take(&l, "");
        cr_expect_neq(o.status, RP_OK);
        cr_expect_eq(o.intake.encoding, RP_ENCODING_PROTOBUF, "%zu", i);
        l.headers[headers[i]] = NULL;
    }
}

Test(intake, bodies_by_reference)
{
    letter l = letter_to("infer.acme.gemma3");
    l.message.body_status = RP_NOT_FOUND;
    l.message.body_why = "what Rp-Body refers to is not there";
    outcome o = take(&l, plain);
    expect_refused(&o, RP__ERROR__CODE__INVALID_ARGUMENT, "Rp-Body");
    cr_expect_str_eq(o.refusal.detail.message, l.message.body_why);
    l.message.body_status = RP_LIMIT;
    o = take(&l, plain);
    expect_refused(&o, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, "Rp-Body");
    cr_expect_str_eq(o.refusal.detail.limit, "64 MiB");
}

Test(intake, bodies_that_are_wrong)
{
    static const char *const wrong[] = {"", "{", "[]", "{}", "{\"prompt\":7}",
        "{\"prompt\":\"a\",\"tokens\":[1]}", "{\"prompt\":\"a\",\"max_tokens\":0}",
        "{\"prompt\":\"a\",\"nonsense\":1}", "{\"prompt\":\"\xff\"}",
        "{\"prompt\":\"a\",\"deadline_ms\":0}", "{\"prompt\":\"a\",\"deadline_ms\":604800001}"};
    letter l = letter_to("infer.acme.gemma3");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        outcome o = take(&l, wrong[i]);
        cr_expect_neq(o.status, RP_OK, "%s", wrong[i]);
        cr_expect_gt(strlen(o.refusal.detail.message), 0);
        cr_expect_eq(o.intake.deadline_unix_ms, 0);
    }
}
