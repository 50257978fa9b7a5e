#include "actors/cli/dead/letter.h"

#include "schemas/codec.h"

#include <inttypes.h>
#include <stdio.h>

static const char token_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/* -- reading ----------------------------------------------------------------------------------- */

static void name_tenant(rp_letter *letter, rp_bytes token)
{
    size_t len = 0;
    if (rp_name_decode(token, letter->tenant, sizeof letter->tenant, &len) != RP_OK ||
        len != strlen(letter->tenant))
        letter->tenant[0] = '\0';
}

/* What REQUEST's subjects and sequences say where headers said nothing. */
static void complete(rp_letter *letter)
{
    const Rp__Dead *dead = letter->dead;
    bool is_request = strcmp(dead->stream, "REQUEST") == 0;
    name_tenant(letter, rp_bytes_text(dead->tenant));
    if (!*letter->tenant && is_request)
        name_tenant(letter, rp_name_token(rp_bytes_text(dead->subject), 1));
    if (dead->request && rp_name_is_request(rp_bytes_text(dead->request)))
        snprintf(letter->request, sizeof letter->request, "%s", dead->request);
    else if (dead->request || is_request)
        snprintf(letter->request, sizeof letter->request, "%" PRIu64, dead->sequence);
}

rp_status rp_letter_read(
    const rp_message *message, rp_arena *arena, rp_letter *ret_letter, rp_error *reterr)
{
    void *dead = NULL;
    rp_letter letter = {
        .sequence = message->stream_sequence, .timestamp_ns = message->timestamp_ns};
    rp_bytes body = rp_arena_copy(arena, message->body);
    letter.kind = rp_arena_text(arena, rp_name_token(message->subject, 1));
    if ((message->body.len && !body.data) || !letter.kind)
        return rp_error_limit(reterr, "DEAD", "64 MiB", "there is no room for so many");
    if (rp_schema_decode(&rp__dead__descriptor, RP_ENCODING_JSON, body, arena, &dead, NULL) ==
        RP_OK) {
        letter.dead = dead;
        complete(&letter);
    }
    *ret_letter = letter;
    return RP_OK;
}

/* What a stream holds now, as a sentence's end. */
static rp_status aged_out(
    rp_client *client, const char *stream, uint64_t sequence, rp_error *reterr)
{
    char operation[RP_CLIENT_SUBJECT_BYTES];
    rp_arena arena;
    yyjson_val *info = NULL;
    rp_status status = rp_arena_init(&arena, 64 << 10, 1 << 20);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "out of memory");
    snprintf(operation, sizeof operation, "STREAM.INFO.%s", stream);
    status = rp_client_api(client, operation, rp_bytes_of(NULL, 0), &arena, &info, reterr);
    if (status == RP_OK) {
        yyjson_val *state = yyjson_obj_get(info, "state");
        uint64_t messages = yyjson_get_uint(yyjson_obj_get(state, "messages"));
        uint64_t first = yyjson_get_uint(yyjson_obj_get(state, "first_seq"));
        uint64_t last = yyjson_get_uint(yyjson_obj_get(state, "last_seq"));
        if (messages)
            status = rp_error_set(reterr, RP_NOT_FOUND, stream,
                "%s:%" PRIu64 " is not there%s: %s holds %" PRIu64 " to %" PRIu64, stream, sequence,
                sequence < first ? " any more" : "", stream, first, last);
        else
            status = rp_error_set(reterr, RP_NOT_FOUND, stream,
                "%s:%" PRIu64 " is not there%s: %s is empty, and the next is %" PRIu64, stream,
                sequence, sequence <= last ? " any more" : "", stream, last + 1);
    }
    rp_arena_done(&arena);
    if (status == RP_NOT_FOUND && !info)
        return rp_error_set(reterr, status, stream, "the server has no stream %s%s", stream,
            strcmp(stream, "DEAD") == 0
                ? ": Reprise was never set up there; run reprise provision, or reprise up"
                : "");
    return status;
}

rp_status rp_letter_message(rp_client *client, const char *stream, uint64_t sequence,
    rp_message **ret_message, rp_error *reterr)
{
    rp_message *message = NULL;
    rp_error error = {0};
    if (!*stream || stream[strspn(stream, token_characters)] || strlen(stream) > 255)
        return rp_error_set(
            reterr, RP_INVALID, "stream", "\"%.60s\" is no name of a stream", stream);
    rp_status status =
        sequence ? rp_client_next(client, stream, ">", sequence, &message, &error) : RP_NOT_FOUND;
    if (status == RP_OK && message->stream_sequence == sequence) {
        *ret_message = message;
        return RP_OK;
    }
    rp_message_free(message);
    bool no_stream = status == RP_UNAVAILABLE && strcmp(error.field, "stream") == 0;
    if (status == RP_OK || status == RP_NOT_FOUND || no_stream)
        return aged_out(client, stream, sequence, reterr);
    return rp_error_set(reterr, status, error.field, "%s", error.message);
}

rp_status rp_letter_get(
    rp_client *client, uint64_t sequence, rp_arena *arena, rp_letter *ret_letter, rp_error *reterr)
{
    rp_message *message = NULL;
    rp_status status = rp_letter_message(client, "DEAD", sequence, &message, reterr);
    if (status == RP_OK)
        status = rp_letter_read(message, arena, ret_letter, reterr);
    rp_message_free(message);
    return status;
}
