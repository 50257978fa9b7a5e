#include "actors/tokenizer/tokenizer_internal.h"

#include "schemas/reprise/v1/exec.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

/* -- what the request left open ---------------------------------------------------------------- */

static uint64_t default_seed(rp_context *context)
{
    char text[48];
    int n = snprintf(
        text, sizeof text, "REQUEST:%" PRIu64, rp_context_message(context)->stream_sequence);
    return rp_hash_xxh3_64(rp_bytes_of(text, (size_t)n));
}

static void fill_sampling(rp_context *context, const Rp__InferRequest *r, Rp__Sampling *s)
{
    s->has_temperature = s->has_top_p = s->has_top_k = s->has_min_p = s->has_seed = true;
    s->has_presence_penalty = s->has_frequency_penalty = s->has_repetition_penalty = true;
    s->temperature = r->temperature;
    s->top_p = r->has_top_p ? r->top_p : 1.0F;
    s->top_k = r->top_k;
    s->min_p = r->min_p;
    s->seed = r->has_seed ? r->seed : default_seed(context);
    s->presence_penalty = r->presence_penalty;
    s->frequency_penalty = r->frequency_penalty;
    s->repetition_penalty = r->has_repetition_penalty ? r->repetition_penalty : 1.0F;
}

static rp_status fill_bias(rp_context *context, const Rp__InferRequest *r, Rp__Sampling *s)
{
    rp_arena *arena = rp_context_arena(context);
    size_t n = r->n_logit_bias;
    if (n == 0)
        return RP_OK;
    Rp__Sampling__LogitBiasEntry *entries = rp_arena_array(arena, n, sizeof *entries);
    s->logit_bias = rp_arena_array(arena, n, sizeof *s->logit_bias);
    if (!entries || !s->logit_bias)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        rp__sampling__logit_bias_entry__init(&entries[i]);
        entries[i].has_key = entries[i].has_value = true;
        entries[i].key = r->logit_bias[i]->key;
        entries[i].value = r->logit_bias[i]->value;
        s->logit_bias[i] = &entries[i];
    }
    s->n_logit_bias = n;
    return RP_OK;
}

static void fill_exec(rp_context *context, const work *w, const char *lane, Rp__Exec *exec)
{
    const Rp__InferRequest *r = w->intake.request;
    exec->tenant = w->address.tenant;
    exec->request = w->address.request;
    exec->model = w->model->name;
    exec->version = w->model->version;
    exec->lane = lane;
    exec->has_request_sequence = true;
    exec->request_sequence = rp_context_message(context)->stream_sequence;
    exec->n_tokens = w->task.tokens.count;
    exec->tokens = (uint32_t *)w->task.tokens.ids; /* ids are never negative */
    exec->has_max_tokens = true;
    exec->max_tokens = r->max_tokens;
    exec->n_stop = r->n_stop;
    exec->stop = r->stop;
    exec->has_logprobs = r->has_logprobs;
    exec->logprobs = r->logprobs;
    exec->has_deadline_unix_ms = w->intake.deadline_unix_ms != 0;
    exec->deadline_unix_ms = w->intake.deadline_unix_ms;
    exec->has_chunk_tokens = true;
    exec->chunk_tokens = r->has_chunk_tokens ? r->chunk_tokens : w->model->chunk_tokens;
    exec->has_stream = true;
    exec->stream = r->stream;
    exec->has_encoding = true;
    exec->encoding = (Rp__Exec__Encoding)w->intake.encoding;
    exec->session = r->session;
    exec->user = r->user;
}

static void on_stored(rp_context *context, rp_status status, uint64_t sequence)
{
    work *w = rp_context_own(context);
    if (status == RP_OK) {
        tokenizer_admitted(w, sequence);
        rp_context_done(context);
        return;
    }
    rp_refusal_set(&w->refusal, RP__ERROR__CODE__OVERLOADED, NULL, NULL,
        "the stream EXEC is full; try again later");
    tokenizer_refuse(context);
}

rp_status tokenizer_publish(rp_context *context, const char *lane)
{
    work *w = rp_context_own(context);
    tokenizer *self = w->self;
    char subject[RP_WORKER_SUBJECT_BYTES];
    Rp__Exec exec = RP__EXEC__INIT;
    Rp__Sampling sampling = RP__SAMPLING__INIT;
    rp_error error = {0};
    fill_sampling(context, w->intake.request, &sampling);
    rp_status status = fill_bias(context, w->intake.request, &sampling);
    if (status != RP_OK)
        return status;
    exec.sampling = &sampling;
    fill_exec(context, w, lane, &exec);
    rp_buffer_clear(&self->scratch);
    status = rp_schema_encode(&exec.base, RP_ENCODING_PROTOBUF, &self->scratch, &error);
    if (status != RP_OK)
        return status;
    int n = snprintf(subject, sizeof subject, "exec.%s.%s.%s", w->model->name_token,
        w->model->version_token, lane);
    if (n < 0 || (size_t)n >= sizeof subject)
        return RP_LIMIT;
    rp_output output = {.kind = RP_OUTPUT_SHARED,
        .stream = "EXEC",
        .subject = rp_bytes_text(subject),
        .body = rp_buffer_bytes(&self->scratch),
        .headers = {{RP_HEADER_CONTENT_TYPE,
                        rp_bytes_text(rp_encoding_content_type(RP_ENCODING_PROTOBUF))},
            {RP_HEADER_SCHEMA, rp_bytes_text(exec.base.descriptor->name)},
            {RP_HEADER_TENANT, rp_bytes_text(w->address.tenant_token)},
            {RP_HEADER_REQUEST, rp_bytes_text(w->address.request)},
            {RP_HEADER_ENCODING, rp_bytes_text(rp_encoding_content_type(w->intake.encoding))}},
        .header_count = 5,
        .stored = on_stored};
    return rp_context_output(context, &output);
}
