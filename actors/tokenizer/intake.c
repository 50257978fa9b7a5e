#include "actors/tokenizer/intake.h"

#include "runtime/base/clock.h"
#include "runtime/base/options.h"
#include "runtime/base/utf8.h"
#include "schemas/validate.h"

#include <inttypes.h>
#include <stdio.h>

enum { SUBJECT_TENANT = 1, SUBJECT_MODEL = 2 };

/* A name is text: UTF-8 without a NUL. */
static bool decode_name(rp_bytes token, char *name, size_t bytes)
{
    size_t len;
    return rp_name_decode(token, name, bytes, &len) == RP_OK && strlen(name) == len &&
           rp_utf8_valid(rp_bytes_of(name, len));
}

rp_status rp_intake_address_read(const rp_message *message, rp_intake_address *ret_address)
{
    rp_bytes token = rp_name_token(message->subject, SUBJECT_TENANT);
    rp_bytes named = rp_message_header(message, RP_HEADER_REQUEST);
    rp_intake_address a = {.named = rp_name_is_request(named)};
    if (token.len >= sizeof a.tenant_token || !decode_name(token, a.tenant, sizeof a.tenant))
        return RP_INVALID;
    memcpy(a.tenant_token, token.data, token.len);
    a.tenant_token[token.len] = '\0';
    if (a.named)
        snprintf(a.request, sizeof a.request, "%.*s", (int)named.len, (const char *)named.data);
    else
        snprintf(a.request, sizeof a.request, "%" PRIu64, message->stream_sequence);
    *ret_address = a;
    return RP_OK;
}

/* -- headers ----------------------------------------------------------------------------------- */

static rp_status check_request_id(
    const rp_message *message, const rp_intake_address *address, rp_refusal *retref)
{
    if (address->named || !rp_message_header(message, RP_HEADER_REQUEST).data)
        return RP_OK;
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "Rp-Request", "64 characters",
        "Rp-Request takes 1 to 64 of A-Z a-z 0-9 _ -, and not digits alone; this answer is under "
        "the request's sequence in REQUEST");
}

static rp_status check_reply_to(
    const rp_message *message, const rp_intake_address *address, rp_refusal *retref)
{
    char own[RP_NAME_TOKEN_BYTES + RP_INTAKE_KEY_BYTES + 16];
    rp_bytes wanted = rp_message_header(message, RP_HEADER_REPLY_TO);
    snprintf(own, sizeof own, "reply.%s.%s", address->tenant_token, address->request);
    if (!wanted.data || rp_bytes_is(wanted, own))
        return RP_OK;
    return rp_refusal_set(retref, RP__ERROR__CODE__REPLY_TO_DENIED, "Rp-Reply-To", NULL,
        "replies lie under reply.<tenant>.<request>, here %.200s; leave Rp-Reply-To out", own);
}

static rp_status read_deadline(const rp_message *message, uint64_t *ret_ms, rp_refusal *retref)
{
    rp_bytes text = rp_message_header(message, RP_HEADER_DEADLINE);
    char number[24];
    *ret_ms = 0;
    if (!text.data)
        return RP_OK;
    snprintf(number, sizeof number, "%.*s", (int)(text.len < 23 ? text.len : 23),
        (const char *)text.data);
    if (text.len > 20 || rp_parse_count(number, ret_ms) != RP_OK || *ret_ms == 0)
        return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "Rp-Deadline", NULL,
            "Rp-Deadline is absolute Unix time in milliseconds, not \"%s\"", number);
    return RP_OK;
}

/* A body that travels by reference may not be there, or not be what it claims. */
static rp_status check_reference(const rp_message *message, rp_refusal *retref)
{
    char limit[RP_ERROR_LIMIT_MAX] = "";
    if (message->body_status == RP_OK)
        return RP_OK;
    if (message->body_status == RP_LIMIT)
        snprintf(limit, sizeof limit, "64 MiB");
    return rp_refusal_set(retref,
        message->body_status == RP_LIMIT ? RP__ERROR__CODE__PAYLOAD_TOO_LARGE
                                         : RP__ERROR__CODE__INVALID_ARGUMENT,
        "Rp-Body", limit, "%s", message->body_why);
}

/* -- subject and body -------------------------------------------------------------------------- */

static rp_status read_model(const rp_message *message, rp_intake *intake, rp_refusal *retref)
{
    rp_bytes token = rp_name_token(message->subject, SUBJECT_MODEL);
    if (decode_name(token, intake->model, sizeof intake->model))
        return RP_OK;
    intake->model[0] = '\0';
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "model", "128 bytes",
        "the subject's last token is no model name; A-Z a-z 0-9 _ - stand for themselves, any "
        "other "
        "byte is written =XX");
}

static rp_status read_body(rp_bytes body, rp_arena *arena, rp_intake *intake, rp_refusal *retref)
{
    void *decoded = NULL;
    rp_status status = rp_schema_decode(
        &rp__infer_request__descriptor, intake->encoding, body, arena, &decoded, retref);
    if (status != RP_OK)
        return status;
    intake->request = decoded;
    return rp_infer_request_check(intake->request, rp_bytes_text(intake->model), retref);
}

/* deadline_ms counts from when the stream stored the request; the earlier of the two holds. */
static void settle_deadline(const rp_message *message, rp_intake *intake)
{
    uint64_t given = intake->request->deadline_ms;
    if (!intake->request->has_deadline_ms)
        return;
    uint64_t absolute = message->timestamp_ns / RP_NS_PER_MS + given;
    if (intake->deadline_unix_ms == 0 || absolute < intake->deadline_unix_ms)
        intake->deadline_unix_ms = absolute;
}

rp_status rp_intake_read(const rp_message *message, rp_bytes body, const rp_intake_address *address,
    rp_arena *arena, rp_intake *intake, rp_refusal *retref)
{
    /* First of all: every refusal is answered in the encoding that the client speaks. */
    intake->encoding = RP_ENCODING_JSON;
    rp_status status = rp_encoding_of(
        rp_message_header(message, RP_HEADER_CONTENT_TYPE), &intake->encoding, retref);
    if (status == RP_OK)
        status = check_request_id(message, address, retref);
    if (status == RP_OK)
        status = check_reply_to(message, address, retref);
    if (status == RP_OK)
        status = read_deadline(message, &intake->deadline_unix_ms, retref);
    if (status == RP_OK)
        status = check_reference(message, retref);
    if (status == RP_OK)
        status = read_model(message, intake, retref);
    if (status == RP_OK)
        status = read_body(body, arena, intake, retref);
    if (status == RP_OK)
        settle_deadline(message, intake);
    return status;
}
