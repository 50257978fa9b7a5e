#include "actors/tokenizer/tokenizer_internal.h"

#include <inttypes.h>

static rp_answer address_of(tokenizer *self, const work *w)
{
    return (rp_answer){.tenant = w->address.tenant,
        .tenant_token = w->address.tenant_token,
        .request = w->address.request,
        .encoding = w->intake.encoding,
        .scratch = &self->scratch};
}

static void about(rp_context *context, const work *w, Rp__Result *result)
{
    rp__result__init(result);
    result->has_request_sequence = true;
    result->request_sequence = rp_context_message(context)->stream_sequence;
    if (w->intake.model[0])
        result->model = w->intake.model;
    if (w->model)
        result->version = w->model->version;
}

void tokenizer_refuse(rp_context *context)
{
    work *w = rp_context_own(context);
    tokenizer *self = w->self;
    Rp__Result result;
    rp_answer to = address_of(self, w);
    tokenizer_withdraw(w);
    about(context, w, &result);
    rp_counter_add(
        rp_metric_family_counter(self->metrics.refused, rp_refusal_code_name(w->refusal.code)), 1);
    if (rp_answer_refuse(context, &to, &result, &w->refusal) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, TOKENIZER_RETRY_MS * RP_NS_PER_MS, "the refusal cannot be sent");
}

void tokenizer_expire(rp_context *context)
{
    work *w = rp_context_own(context);
    rp_answer to = address_of(w->self, w);
    Rp__Usage usage = RP__USAGE__INIT;
    char digest[RP_HASH128_TEXT_BYTES];
    rp_hash128_text((rp_hash128){0}, digest); /* of no tokens, as an executor has it */
    usage.has_prompt_tokens = usage.has_completion_tokens = usage.has_cached_tokens = true;
    usage.prompt_tokens = (uint32_t)w->task.tokens.count;
    Rp__Chunk chunk = RP__CHUNK__INIT;
    chunk.has_text = true;
    chunk.text = rp_schema_text(rp_bytes_text(""));
    chunk.has_finish_reason = true;
    chunk.finish_reason = RP__CHUNK__FINISH_REASON__DEADLINE;
    chunk.usage = &usage;
    chunk.digest = digest;
    Rp__Result result;
    about(context, w, &result);
    result.has_text = true;
    result.text = chunk.text;
    result.has_finish_reason = true;
    result.finish_reason = chunk.finish_reason;
    result.has_ended_at_token = true;
    result.usage = &usage;
    result.digest = digest;
    if (rp_answer_chunk(context, &to, &chunk, NULL) == RP_OK &&
        rp_answer_result(context, &to, &result) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, TOKENIZER_RETRY_MS * RP_NS_PER_MS, "the answer cannot be sent");
}

void tokenizer_bury(rp_context *context)
{
    work *w = rp_context_own(context);
    Rp__Result result;
    rp_answer to = address_of(w->self, w);
    rp_refusal_set(&w->refusal, RP__ERROR__CODE__DEAD, NULL, NULL,
        "the request was tried %" PRIu64 " times and not once to the end; it lies in DEAD",
        rp_worker_tries_max(rp_context_worker(context)));
    about(context, w, &result);
    /* Where even that cannot be said, it is dead all the same. */
    if (rp_answer_refuse(context, &to, &result, &w->refusal) != RP_OK)
        rp_log_error(
            w->self->env->log, "last_answer_lost", rp_log_text("request", w->address.request));
    rp_context_reject(context, w->refusal.detail.message);
}

bool tokenizer_repeat(rp_context *context)
{
    work *w = rp_context_own(context);
    const rp_message *last = rp_context_chain_last(context);
    void *decoded = NULL;
    Rp__Result result;
    rp_refusal why;
    if (!last)
        return false;
    rp_bytes type = rp_message_header(last, RP_HEADER_CONTENT_TYPE);
    if (rp_encoding_of(type, &w->intake.encoding, &why) != RP_OK ||
        rp_schema_decode(&rp__chunk__descriptor, w->intake.encoding, last->body,
            rp_context_arena(context), &decoded, &why) != RP_OK) {
        rp_context_reject(context, "the refusal that is stored cannot be read");
        return true;
    }
    const Rp__Chunk *chunk = decoded;
    rp_answer to = address_of(w->self, w);
    about(context, w, &result);
    result.has_text = true;
    result.text = rp_schema_text(rp_bytes_text(""));
    result.has_finish_reason = true;
    result.finish_reason = chunk->finish_reason;
    result.has_ended_at_token = chunk->finish_reason == RP__CHUNK__FINISH_REASON__DEADLINE;
    result.usage = chunk->usage;
    result.digest = chunk->digest;
    result.error = chunk->error;
    if (rp_answer_result(context, &to, &result) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, TOKENIZER_RETRY_MS * RP_NS_PER_MS, "RESULT cannot be sent");
    return true;
}
