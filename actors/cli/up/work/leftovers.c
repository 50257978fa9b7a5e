#include "actors/cli/up/work/leftovers.h"

#include "actors/cli/shared/cause.h"
#include "runtime/base/name.h"
#include "schemas/codec.h"
#include "schemas/reprise/v1/exec.pb-c.h"
#include "schemas/reprise/v1/result.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ARENA_CHUNK = 256 << 10,
    ARENA_MAX = 64 << 20,
    BODY_MAX = 8 << 20,
    TOKENS_MAX = 1 << 17,
    IDENTITY_BYTES = 160
};

static const char prefix[] = "executor-";

/* A durable's model and version, decoded. */
typedef struct exec_lane {
    const char *durable;
    char model[RP_NAME_MAX + 1];
    char version[RP_NAME_MAX + 1];
} exec_lane;

/* An answer as REPLY has it so far, and the message that asked for it. */
typedef struct leftover {
    rp_client *client;
    const exec_lane *lane;
    const rp_message *message;
    const char *instance;
    rp_encoding encoding;
    char tenant[RP_NAME_MAX + 1];
    char request[RP_REQUEST_ID_MAX + 1];
    char reply[RP_CLIENT_SUBJECT_BYTES];
    rp_arena arena;
    uint64_t chunks;        /* that are stored */
    uint64_t last_sequence; /* of the last one, 0 = none */
    uint32_t *tokens;
    size_t tokens_count;
    rp_buffer text;
    const Rp__Chunk *final; /* its last chunk, where it has ended */
} leftover;

/* -- what stands already ----------------------------------------------------------------------- */

/* Whose answer it is stands in the headers, so that no body has to be understood. */
static bool identify(leftover *l)
{
    size_t len = 0;
    rp_bytes tenant = rp_message_header(l->message, RP_HEADER_TENANT); /* encoded */
    rp_bytes request = rp_message_header(l->message, RP_HEADER_REQUEST);
    rp_bytes encoding = rp_message_header(l->message, RP_HEADER_ENCODING);
    if (request.len == 0 || request.len > RP_REQUEST_ID_MAX ||
        rp_name_decode(tenant, l->tenant, sizeof l->tenant, &len) != RP_OK)
        return false;
    memcpy(l->request, request.data, request.len);
    l->request[request.len] = '\0';
    if (rp_encoding_of(encoding, &l->encoding, NULL) != RP_OK)
        l->encoding = RP_ENCODING_JSON;
    snprintf(l->reply, sizeof l->reply, "reply.%.*s.%s", (int)tenant.len, (const char *)tenant.data,
        l->request);
    return len == strlen(l->tenant) && rp_name_is_subject(rp_bytes_text(l->reply));
}

static rp_status add_chunk(leftover *l, const rp_message *stored, rp_error *reterr)
{
    void *decoded = NULL;
    rp_encoding encoding = RP_ENCODING_JSON;
    rp_refusal refusal;
    rp_bytes body = rp_arena_copy(&l->arena, stored->body);
    rp_status status = body.data ? RP_OK : RP_NO_MEMORY;
    if (status == RP_OK)
        status =
            rp_encoding_of(rp_message_header(stored, RP_HEADER_CONTENT_TYPE), &encoding, &refusal);
    if (status == RP_OK)
        status =
            rp_schema_decode(&rp__chunk__descriptor, encoding, body, &l->arena, &decoded, &refusal);
    const Rp__Chunk *chunk = decoded;
    if (status != RP_OK || chunk->n_tokens > TOKENS_MAX - l->tokens_count)
        return rp_error_set(
            reterr, RP_CORRUPT, l->reply, "%s holds what is no chunk of an answer", l->reply);
    memcpy(l->tokens + l->tokens_count, chunk->tokens, chunk->n_tokens * sizeof *chunk->tokens);
    l->tokens_count += chunk->n_tokens;
    rp_buffer_append(&l->text, chunk->text.data, chunk->text.len);
    l->chunks++;
    l->last_sequence = stored->stream_sequence;
    l->final = chunk->has_finish_reason ? chunk : NULL;
    return RP_OK;
}

static rp_status read_answer(leftover *l, rp_error *reterr)
{
    rp_status status = RP_OK;
    l->tokens = rp_arena_array(&l->arena, TOKENS_MAX, sizeof *l->tokens);
    if (!l->tokens)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    while (status == RP_OK) {
        rp_message *stored = NULL;
        status =
            rp_client_next(l->client, "REPLY", l->reply, l->last_sequence + 1, &stored, reterr);
        if (status == RP_OK)
            status = add_chunk(l, stored, reterr);
        rp_message_free(stored);
    }
    return status == RP_NOT_FOUND ? RP_OK : status;
}

/* -- what is written --------------------------------------------------------------------------- */

static rp_status store(leftover *l, const char *subject, const ProtobufCMessage *message,
    uint64_t index, uint64_t expected, rp_error *reterr)
{
    char cause[IDENTITY_BYTES], attempt[IDENTITY_BYTES];
    rp_buffer body;
    rp_buffer_init(&body, BODY_MAX);
    snprintf(cause, sizeof cause, "EXEC:%" PRIu64 ":%" PRIu64, l->message->stream_sequence, index);
    snprintf(attempt, sizeof attempt, "%s:%" PRIu64, l->instance, l->message->deliveries);
    rp_publication p = {
        .subject = rp_bytes_text(subject), .expect = true, .expected_sequence = expected};
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text(cause));
    rp_publication_header(&p, RP_HEADER_TRY, rp_bytes_text(attempt));
    rp_publication_header(&p, RP_HEADER_SCHEMA, rp_bytes_text(message->descriptor->name));
    rp_publication_header(&p, RP_HEADER_BUILD, rp_bytes_text(RP_BUILD));
    rp_publication_header(
        &p, RP_HEADER_CONTENT_TYPE, rp_bytes_text(rp_encoding_content_type(l->encoding)));
    rp_status status = rp_schema_encode(message, l->encoding, &body, reterr);
    p.body = rp_buffer_bytes(&body);
    if (status == RP_OK)
        status = rp_client_publish(l->client, &p, NULL, reterr);
    rp_buffer_done(&body);
    return status == RP_DUPLICATE ? RP_OK : status;
}

static rp_status end_answer(leftover *l, Rp__Error *error, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES + 8];
    Rp__Chunk chunk = RP__CHUNK__INIT;
    chunk.request = l->request;
    chunk.has_index = true;
    chunk.index = l->chunks;
    chunk.has_text = true;
    chunk.text = rp_schema_text(rp_bytes_text(""));
    chunk.has_finish_reason = true;
    chunk.finish_reason = RP__CHUNK__FINISH_REASON__ERROR;
    chunk.error = error;
    snprintf(subject, sizeof subject, "put.%s", l->reply);
    return store(l, subject, &chunk.base, l->chunks, l->last_sequence, reterr);
}

static rp_status write_result(leftover *l, Rp__Error *error, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES];
    Rp__Result result = RP__RESULT__INIT;
    result.request = l->request;
    result.tenant = l->tenant;
    result.model = (char *)(uintptr_t)l->lane->model;
    result.version = (char *)(uintptr_t)l->lane->version;
    result.request_sequence = rp_cause_sequence(l->message, "REQUEST");
    result.has_request_sequence = result.request_sequence > 0;
    result.has_exec_sequence = true;
    result.exec_sequence = l->message->stream_sequence;
    result.tokens = l->tokens;
    result.n_tokens = l->tokens_count;
    result.has_text = true;
    result.text = rp_schema_text(rp_buffer_bytes(&l->text));
    result.has_finish_reason = true;
    result.finish_reason = l->final ? l->final->finish_reason : RP__CHUNK__FINISH_REASON__ERROR;
    result.error = l->final ? l->final->error : error;
    result.usage = l->final ? l->final->usage : NULL;
    result.digest = l->final ? l->final->digest : NULL;
    result.build = RP_BUILD;
    snprintf(subject, sizeof subject, "result.%s", l->reply + strlen("reply."));
    return store(l, subject, &result.base, 0, 0, reterr);
}

/* Ends one request's answer, or finds that it has ended. RP_CONFLICT where somebody else writes to
 * it just now. */
static rp_status answer(leftover *l, rp_error *reterr)
{
    rp_refusal refusal;
    Rp__Error error;
    rp_status status = rp_refusal_set(&refusal, RP__ERROR__CODE__UNAVAILABLE, "model", NULL,
        "no executor serves version %s of %s any more; send the request again, it will be answered "
        "by the version that is served now",
        l->lane->version, l->lane->model);
    RP_ASSERT(status != RP_OK);
    rp_refusal_error(&refusal, &error);
    status = read_answer(l, reterr);
    if (status == RP_OK && !l->final)
        status = end_answer(l, &error, reterr);
    if (status != RP_OK)
        return status;
    status = write_result(l, &error, reterr);
    return status == RP_CONFLICT ? RP_OK : status; /* the first result stands */
}

static rp_status answer_message(rp_client *client, const exec_lane *lane, const rp_message *message,
    const char *instance, rp_error *reterr)
{
    leftover l = {.client = client, .lane = lane, .message = message, .instance = instance};
    rp_status status = rp_arena_init(&l.arena, ARENA_CHUNK, ARENA_MAX);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "out of memory");
    rp_buffer_init(&l.text, BODY_MAX);
    /* Without a name there is nobody to answer. */
    if (identify(&l))
        status = answer(&l, reterr);
    if (status == RP_OK)
        status = rp_client_settle(client, message, reterr);
    rp_buffer_done(&l.text);
    rp_arena_done(&l.arena);
    return status;
}

/* -- durables ---------------------------------------------------------------------------------- */

static bool decode_token(rp_bytes subject, size_t index, char name[RP_NAME_MAX + 1])
{
    size_t len = 0;
    return rp_name_decode(rp_name_token(subject, index), name, RP_NAME_MAX + 1, &len) == RP_OK &&
           len == strlen(name);
}

/* Whether the consumer is an executor's, and of which model and version. */
static bool lane_of(yyjson_val *info, exec_lane *ret_lane)
{
    yyjson_val *config = yyjson_obj_get(info, "config");
    const char *durable = yyjson_get_str(yyjson_obj_get(config, "durable_name"));
    const char *filter = yyjson_get_str(yyjson_obj_get(config, "filter_subject"));
    if (!durable || !filter || strncmp(durable, prefix, sizeof prefix - 1) != 0)
        return false;
    rp_bytes subject = rp_bytes_text(filter);
    ret_lane->durable = durable;
    return rp_bytes_is(rp_name_token(subject, 0), "exec") &&
           decode_token(subject, 1, ret_lane->model) && decode_token(subject, 2, ret_lane->version);
}

static bool is_configured(const exec_lane *lane, const rp_model_args *configured)
{
    for (size_t i = 0; i < configured->count; i++) {
        if (strcmp(configured->models[i].name, lane->model) == 0 &&
            strcmp(configured->models[i].version, lane->version) == 0)
            return true;
    }
    return false;
}

static rp_status empty_lane(rp_client *client, const exec_lane *lane, yyjson_val *info,
    const char *instance, rp_leftovers *leftovers, rp_error *reterr)
{
    char operation[RP_CLIENT_SUBJECT_BYTES];
    rp_status status = RP_OK;
    rp_arena arena;
    /* What an executor held that has just died comes back after ack_wait. */
    bool in_work = yyjson_get_uint(yyjson_obj_get(info, "num_ack_pending")) > 0;
    while (status == RP_OK) {
        rp_message *message = NULL;
        status = rp_client_take(client, "EXEC", lane->durable, &message, reterr);
        bool taken = status == RP_OK;
        if (taken)
            status = answer_message(client, lane, message, instance, reterr);
        leftovers->answered += taken && status == RP_OK;
        rp_message_free(message);
        if (taken && status == RP_CONFLICT) { /* it comes back, and is looked at again then */
            in_work = true;
            status = RP_OK;
        }
    }
    if (status != RP_NOT_FOUND)
        return status;
    if (in_work) {
        leftovers->remaining++;
        return RP_OK;
    }
    yyjson_val *root = NULL;
    if (rp_arena_init(&arena, 16 << 10, 1 << 20) != RP_OK)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    snprintf(operation, sizeof operation, "CONSUMER.DELETE.EXEC.%s", lane->durable);
    status = rp_client_api(client, operation, rp_bytes_of(NULL, 0), &arena, &root, reterr);
    rp_arena_done(&arena);
    leftovers->durables += status == RP_OK;
    return status == RP_NOT_FOUND ? RP_OK : status;
}

rp_status rp_leftovers_answer(rp_client *client, const rp_model_args *configured,
    const rp_roster *roster, const char *instance, rp_leftovers *leftovers, rp_error *reterr)
{
    size_t index, count;
    rp_arena arena;
    yyjson_val *page = NULL, *info;
    rp_status status = rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "out of memory");
    leftovers->remaining = 0;
    /* The first page, 256, is enough: what is left comes with the next call. */
    status =
        rp_client_api(client, "CONSUMER.LIST.EXEC", rp_bytes_of(NULL, 0), &arena, &page, reterr);
    yyjson_arr_foreach(yyjson_obj_get(page, "consumers"), index, count, info)
    {
        exec_lane lane;
        if (status != RP_OK)
            break;
        if (!lane_of(info, &lane) || is_configured(&lane, configured))
            continue;
        if (rp_roster_serves(roster, lane.model, lane.version))
            leftovers->remaining++;
        else
            status = empty_lane(client, &lane, info, instance, leftovers, reterr);
    }
    rp_arena_done(&arena);
    return status;
}
