/* A whole message of REQUEST: subject, headers and body.
 *
 * The input is written as a letter: the subject in the first line, a header a line, an empty line,
 * the body. Held: either the message has nobody to be answered, and then its tenant is no name; or
 * its answer has a subject, and it is a request that is whole, or a refusal that can be sent in the
 * client's encoding. */
#include "actors/tokenizer/intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"

enum { SEQUENCE = 42, STORED_MS = 1000000, ARENA_BYTES_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

typedef struct letter {
    rp_message message; /* first */
    rp_bytes headers[RP_HEADER_COUNT];
} letter;

static rp_bytes header_of(const rp_message *message, rp_header header)
{
    return ((const letter *)message)->headers[header];
}

/* -- opening the letter ------------------------------------------------------------------------ */

static bool take_line(rp_bytes *rest, rp_bytes *ret_line)
{
    const uint8_t *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->data) : rest->len;
    *ret_line = rp_bytes_of(rest->data, len);
    *rest = end ? rp_bytes_of(end + 1, rest->len - len - 1) : rp_bytes_of(NULL, 0);
    return len > 0;
}

static void take_header(letter *l, rp_bytes line)
{
    for (size_t i = 0; i < RP_HEADER_COUNT; i++) {
        const char *name = rp_header_name((rp_header)i);
        size_t len = strlen(name);
        if (line.len <= len || memcmp(line.data, name, len) != 0 || line.data[len] != ':')
            continue;
        /* As nats.c gives it: up to a NUL. */
        rp_bytes value = rp_bytes_of(line.data + len + 1, line.len - len - 1);
        const uint8_t *nul = value.len ? memchr(value.data, '\0', value.len) : NULL;
        l->headers[i] = rp_bytes_of(value.data, nul ? (size_t)(nul - value.data) : value.len);
    }
}

static letter open_letter(rp_bytes rest)
{
    letter l = {.message = {.stream_sequence = SEQUENCE,
                    .timestamp_ns = STORED_MS * RP_NS_PER_MS,
                    .header = header_of}};
    rp_bytes line;
    (void)take_line(&rest, &l.message.subject);
    while (take_line(&rest, &line))
        take_header(&l, line);
    l.message.body = rest;
    return l;
}

/* -- what holds -------------------------------------------------------------------------------- */

static void check_name(const char *name, rp_bytes token)
{
    char again[RP_NAME_TOKEN_BYTES];
    check(rp_utf8_valid(rp_bytes_text(name)));
    check(rp_name_encode(rp_bytes_text(name), again, sizeof again) == RP_OK);
    check(rp_bytes_is(token, again));
}

static void check_address(const letter *l, const rp_intake_address *a)
{
    char subject[RP_NAME_TOKEN_BYTES + RP_INTAKE_KEY_BYTES + 16];
    check_name(a->tenant, rp_name_token(l->message.subject, 1));
    check(rp_bytes_is(rp_name_token(l->message.subject, 1), a->tenant_token));
    check(a->named ? rp_name_is_request(rp_bytes_text(a->request)) : !strcmp(a->request, "42"));
    snprintf(subject, sizeof subject, "reply.%s.%s", a->tenant_token, a->request);
    check(rp_name_is_subject(rp_bytes_text(subject)));
}

static void check_request(const letter *l, const rp_intake *intake)
{
    const Rp__InferRequest *r = intake->request;
    check_name(intake->model, rp_name_token(l->message.subject, 2));
    check((r->n_messages > 0) + (r->n_tokens > 0) + (r->has_prompt != 0) == 1);
    if (r->has_deadline_ms)
        check(
            intake->deadline_unix_ms > 0 && intake->deadline_unix_ms <= STORED_MS + r->deadline_ms);
    else
        check((intake->deadline_unix_ms > 0) == (l->headers[RP_HEADER_DEADLINE].data != NULL));
}

static void check_refusal(const rp_intake *intake, const rp_refusal *refusal)
{
    Rp__Error error;
    Rp__Chunk chunk = RP__CHUNK__INIT;
    rp_buffer out;
    rp_buffer_init(&out, 1 << 16);
    check(refusal->detail.message[0] != '\0');
    rp_refusal_error(refusal, &error);
    chunk.request = "r";
    chunk.has_index = true;
    chunk.has_text = true;
    chunk.text = rp_schema_text(rp_bytes_text(""));
    chunk.has_finish_reason = true;
    chunk.finish_reason = RP__CHUNK__FINISH_REASON__ERROR;
    chunk.error = &error;
    check(rp_schema_encode(&chunk.base, intake->encoding, &out, NULL) == RP_OK);
    rp_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    letter l = open_letter(rp_bytes_of(data, size));
    rp_intake_address address;
    rp_intake intake = {0};
    rp_refusal refusal = {0};
    rp_arena arena;
    if (rp_intake_address_read(&l.message, &address) != RP_OK)
        return 0;
    check_address(&l, &address);
    check(rp_arena_init(&arena, 16 << 10, ARENA_BYTES_MAX) == RP_OK);
    rp_status status =
        rp_intake_read(&l.message, l.message.body, &address, &arena, &intake, &refusal);
    check(intake.encoding == RP_ENCODING_JSON || intake.encoding == RP_ENCODING_PROTOBUF);
    if (status == RP_OK)
        check_request(&l, &intake);
    else
        check_refusal(&intake, &refusal);
    rp_arena_done(&arena);
    return 0;
}
