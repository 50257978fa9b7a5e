#include "runtime/actor/worker_internal.h"

#include "runtime/base/decimal.h"
#include "runtime/base/hash.h"
#include "schemas/codec.h"
#include "schemas/reprise/v1/dead.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

enum { BODY_HEAD_BYTES = 256, TRACEPARENT_BYTES = 55 };

/* -- identity ---------------------------------------------------------------------------------- */

void rp__cause(const rp_context *context, uint64_t index, char text[RP__CAUSE_BYTES])
{
    const rp_message *m = context->message;
    snprintf(text, RP__CAUSE_BYTES, "%.*s:%" PRIu64 ":%" PRIu64, (int)m->stream.len,
        (const char *)m->stream.data, m->stream_sequence, index);
}

void rp__attempt(const rp_context *context, char text[RP__TRY_BYTES])
{
    snprintf(text, RP__TRY_BYTES, "%s.%" PRIu64 ":%" PRIu64, context->worker->env.instance,
        context->serial, context->message->deliveries);
}

rp_status rp__cause_parse(
    rp_bytes text, rp_bytes *ret_stream, uint64_t *ret_sequence, uint64_t *ret_index)
{
    size_t at = 0;
    while (at < text.len && text.data[at] != ':')
        at++;
    if (at == 0 || at == text.len)
        return RP_INVALID;
    rp_bytes rest = rp_bytes_of(text.data + at + 1, text.len - at - 1);
    uint64_t sequence, index;
    if (rp_decimal_take(&rest, &sequence) != RP_OK || rest.len == 0 || rest.data[0] != ':' ||
        rp_decimal_parse(rp_bytes_of(rest.data + 1, rest.len - 1), &index) != RP_OK)
        return RP_INVALID;
    *ret_stream = rp_bytes_of(text.data, at);
    *ret_sequence = sequence;
    *ret_index = index;
    return RP_OK;
}

/* Shared outputs are told apart by their id alone, so the same output of a redelivery has the same
 * id whatever subject it goes to now. Others may share a stream with an output of another subject,
 * whose index starts at 0 too: their id names the subject. */
static void message_id(
    const char *cause, rp_bytes subject, rp_output_kind kind, char *id, size_t bytes)
{
    if (kind == RP_OUTPUT_SHARED)
        snprintf(id, bytes, "%s", cause);
    else
        snprintf(id, bytes, "%s:%08" PRIx32, cause, rp_hash_fnv1a32(subject));
}

void rp__identity_headers(rp_context *context, rp_bytes subject, uint64_t index,
    rp_output_kind kind, rp__identity *identity, rp_publication *publication)
{
    const rp_worker_env *env = &context->worker->env;
    rp__cause(context, index, identity->cause);
    message_id(identity->cause, subject, kind, identity->id, sizeof identity->id);
    rp__attempt(context, identity->attempt);
    rp_publication_header(publication, RP_HEADER_MESSAGE_ID, rp_bytes_text(identity->id));
    rp_publication_header(publication, RP_HEADER_CAUSE, rp_bytes_text(identity->cause));
    rp_publication_header(publication, RP_HEADER_TRY, rp_bytes_text(identity->attempt));
    rp_publication_header(publication, RP_HEADER_BUILD, rp_bytes_text(env->build));
    rp_bytes trace = rp_message_header(context->message, RP_HEADER_TRACEPARENT);
    if (trace.len == TRACEPARENT_BYTES)
        rp_publication_header(publication, RP_HEADER_TRACEPARENT, trace);
}

/* -- single and shared outputs ----------------------------------------------------------------- */

uint64_t *rp__output_count(rp_context *context, rp_bytes key)
{
    uint64_t hash = rp_hash_xxh3_64(key);
    for (size_t i = 0; i < RP__SUBJECTS_MAX; i++) {
        if (context->subjects[i].count == 0)
            context->subjects[i].hash = hash;
        if (context->subjects[i].hash == hash)
            return &context->subjects[i].count;
    }
    return NULL;
}

static void on_stored(void *arg, const rp_published *published)
{
    rp__flight *flight = arg;
    rp_context *context = flight->context;
    rp_output_cb stored = flight->stored;
    rp_status status = published->status;
    bool single = flight->kind == RP_OUTPUT_SINGLE;
    flight->context = NULL;
    /* One that stands there already is as good: this input's, or the first under its name. */
    if (status == RP_DUPLICATE || (single && status == RP_CONFLICT))
        status = RP_OK;
    if (status == RP_OK || status == RP_FULL) {
        if (status == RP_FULL && !stored) {
            rp__context_put_back(context, "the stream of an output is full");
            return;
        }
        if (stored)
            stored(context, status, published->sequence);
        rp__context_look(context);
        return;
    }
    rp__context_put_back(context, published->why ? published->why : rp_status_text(status));
}

static rp__flight *unused_flight(rp_context *context)
{
    for (size_t i = 0; i < RP__OUTPUTS_IN_FLIGHT_MAX; i++) {
        if (!context->flights[i].context)
            return &context->flights[i];
    }
    return NULL;
}

static void add_journal(rp_context *context, rp_publication *publication)
{
    const char *journal = rp_journal_text(&context->journal);
    if (*journal)
        rp_publication_header(publication, RP_HEADER_JOURNAL, rp_bytes_text(journal));
}

void rp__output_journal_sent(rp_context *context)
{
    if (context->journal.left_out)
        rp_counter_add(context->worker->metrics.journal_cut, 1);
    rp_journal_clear(&context->journal);
}

rp_status rp__output_direct(rp_context *context, const rp_output *output)
{
    rp__identity identity;
    rp__flight *flight = unused_flight(context);
    bool single = output->kind == RP_OUTPUT_SINGLE;
    /* Shared outputs count together in their stream, since the subject may be chosen anew. */
    rp_bytes counted = single ? output->subject : rp_bytes_text(output->stream);
    uint64_t *count = rp__output_count(context, counted);
    if (!flight || !count)
        return rp__worker_limit_hit(context->worker, RP__LIMIT_OUTPUTS, RP_LIMIT);
    rp_publication publication = {
        .subject = output->subject, .body = output->body, .expect = single, .expected_sequence = 0};
    rp__identity_headers(context, output->subject, *count, output->kind, &identity, &publication);
    for (size_t i = 0; i < output->header_count; i++)
        rp_publication_header(&publication, output->headers[i].header, output->headers[i].value);
    add_journal(context, &publication);
    *flight = (rp__flight){context, output->kind, output->stored};
    rp_status status = rp_bus_publish(context->worker->env.bus, &publication, on_stored, flight);
    if (status != RP_OK) {
        flight->context = NULL;
        return status;
    }
    ++*count;
    rp__output_journal_sent(context);
    return RP_OK;
}

/* -- dead letters ------------------------------------------------------------------------------ */

/* A copy in printable ASCII: what is dead may be dead because of its bytes. */
static const char *plain_text(rp_context *context, rp_bytes value)
{
    char *text = rp_arena_text(&context->arena, value);
    for (char *c = text; text && c < text + value.len; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return text;
}

static const char *header_text(rp_context *context, rp_header header)
{
    rp_bytes value = rp_message_header(context->message, header);
    return value.len ? plain_text(context, value) : NULL;
}

rp_status rp__output_dead(rp_context *context)
{
    const rp_message *m = context->message;
    rp_worker *worker = context->worker;
    char subject[RP_WORKER_SUBJECT_BYTES];
    size_t head = m->body.len < BODY_HEAD_BYTES ? m->body.len : BODY_HEAD_BYTES;
    Rp__Error error = RP__ERROR__INIT;
    error.has_code = true;
    error.code = RP__ERROR__CODE__DEAD;
    error.message = plain_text(context, rp_bytes_text(context->why));
    Rp__Dead dead = RP__DEAD__INIT;
    dead.kind = worker->spec.kind;
    dead.stream = plain_text(context, m->stream);
    dead.has_sequence = true;
    dead.sequence = m->stream_sequence;
    dead.subject = plain_text(context, m->subject);
    dead.has_deliveries = true;
    dead.deliveries = m->deliveries;
    dead.error = &error;
    dead.tenant = header_text(context, RP_HEADER_TENANT);
    dead.request = header_text(context, RP_HEADER_REQUEST);
    dead.has_body_head = head > 0;
    dead.body_head = (ProtobufCBinaryData){head, (uint8_t *)(uintptr_t)m->body.data};
    rp_buffer_clear(&worker->scratch);
    rp_status status = dead.stream && dead.subject
                           ? rp_schema_encode(&dead.base, RP_ENCODING_JSON, &worker->scratch, NULL)
                           : RP_NO_MEMORY;
    if (status != RP_OK)
        return status;
    snprintf(subject, sizeof subject, "dead.%s", worker->spec.kind);
    rp_output output = {.kind = RP_OUTPUT_SHARED,
        .stream = "DEAD",
        .subject = rp_bytes_text(subject),
        .body = rp_buffer_bytes(&worker->scratch)};
    return rp__output_direct(context, &output);
}
