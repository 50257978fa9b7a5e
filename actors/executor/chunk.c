#include "actors/executor/executor_internal.h"

/* -- writing ----------------------------------------------------------------------------------- */

static rp_status fill_tops(
    executor *self, const rp_sampler_choice *choice, Rp__TokenLogprob *logprob)
{
    size_t n = choice->alternative_count;
    Rp__TopLogprob *tops = rp_arena_array(&self->chunk_arena, n, sizeof *tops);
    logprob->top = rp_arena_array(&self->chunk_arena, n, sizeof *logprob->top);
    if (!tops || !logprob->top)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        rp__top_logprob__init(&tops[i]);
        tops[i].has_token = tops[i].has_logprob = true;
        tops[i].token = choice->alternatives[i].token;
        tops[i].logprob = choice->alternatives[i].logprob;
        logprob->top[i] = &tops[i];
    }
    logprob->n_top = n;
    return RP_OK;
}

static rp_status fill_logprobs(executor *self, const rp_transcript_part *part, Rp__Chunk *chunk)
{
    if (!part->choices || part->count == 0)
        return RP_OK;
    Rp__TokenLogprob *all = rp_arena_array(&self->chunk_arena, part->count, sizeof *all);
    chunk->logprobs = rp_arena_array(&self->chunk_arena, part->count, sizeof *chunk->logprobs);
    if (!all || !chunk->logprobs)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < part->count; i++) {
        rp__token_logprob__init(&all[i]);
        all[i].has_token = all[i].has_logprob = true;
        all[i].token = part->choices[i].token;
        all[i].logprob = part->choices[i].logprob;
        chunk->logprobs[i] = &all[i];
        rp_status status = fill_tops(self, &part->choices[i], &all[i]);
        if (status != RP_OK)
            return status;
    }
    chunk->n_logprobs = part->count;
    return RP_OK;
}

rp_status executor_chunk_fill(request *r, Rp__Chunk *chunk)
{
    rp_transcript_part part = rp_transcript_unsent(r->transcript);
    rp_arena_reset(&r->self->chunk_arena);
    chunk->n_tokens = part.count;
    chunk->tokens = (uint32_t *)(uintptr_t)part.tokens; /* only read */
    chunk->has_text = true;
    chunk->text = rp_schema_text(part.text);
    return fill_logprobs(r->self, &part, chunk);
}

rp_status executor_chunk_send(request *r)
{
    rp_answer to = executor_request_to(r);
    Rp__Chunk chunk = RP__CHUNK__INIT;
    RP_ASSERT(r->unread == 0);
    rp_status status = executor_chunk_fill(r, &chunk);
    if (status == RP_OK)
        status = rp_answer_chunk(r->context, &to, &chunk, NULL);
    if (status == RP_OK)
        rp_transcript_chunk_sent(r->transcript);
    return status;
}

/* -- reading ----------------------------------------------------------------------------------- */

static rp_status unreadable(rp_error *reterr, const char *why)
{
    return rp_error_set(
        reterr, RP_CORRUPT, "reply", "the stored chunk cannot be read: %.200s", why);
}

rp_status executor_chunk_stored(rp_context *context, const Rp__Chunk **ret_chunk, rp_error *reterr)
{
    const rp_message *last = rp_context_chain_last(context);
    void *decoded = NULL;
    rp_encoding encoding;
    rp_refusal why;
    if (!last) {
        *ret_chunk = NULL;
        return RP_OK;
    }
    if (last->body_status != RP_OK)
        return unreadable(reterr, last->body_why ? last->body_why : "its body is not there");
    rp_status status =
        rp_encoding_of(rp_message_header(last, RP_HEADER_CONTENT_TYPE), &encoding, &why);
    if (status == RP_OK)
        status = rp_schema_decode(&rp__chunk__descriptor, encoding, last->body,
            rp_context_arena(context), &decoded, &why);
    if (status != RP_OK)
        return unreadable(reterr, why.detail.message);
    *ret_chunk = decoded;
    return RP_OK;
}
