#include "actors/executor/transcript.h"

#include <stdlib.h>

enum { CHOICES_FACTOR = 8 };

struct rp_transcript {
    rp_transcript_spec spec;
    rp_stop stop;
    rp_detokenizer text_state; /* behind the last token */
    rp_detokenizer sent_state; /* behind the last token that was sent */
    rp_hash128 digest, sent_digest;
    rp_buffer tokens;  /* uint32_t, all of the answer */
    rp_buffer choices; /* rp_sampler_choice, of the unsent tokens */
    rp_buffer text;    /* all that is certain */
    size_t count, sent_count;
    size_t sent_text;
};

rp_status rp_transcript_new(size_t bytes_max, rp_transcript **ret_transcript)
{
    rp_transcript *t = calloc(1, sizeof *t);
    if (!t)
        return RP_NO_MEMORY;
    rp_buffer_init(&t->tokens, bytes_max);
    rp_buffer_init(&t->choices, CHOICES_FACTOR * bytes_max);
    rp_buffer_init(&t->text, bytes_max);
    *ret_transcript = t;
    return RP_OK;
}

void rp_transcript_free(rp_transcript *t)
{
    if (!t)
        return;
    rp_buffer_done(&t->tokens);
    rp_buffer_done(&t->choices);
    rp_buffer_done(&t->text);
    free(t);
}

rp_status rp_transcript_begin(rp_transcript *t, const rp_transcript_spec *spec, rp_error *reterr)
{
    rp_status status = rp_stop_init(&t->stop, spec->stops, spec->stop_count, reterr);
    if (status != RP_OK)
        return status;
    RP_ASSERT(spec->chunk_tokens > 0);
    t->spec = *spec;
    t->spec.stops = NULL;
    rp_detokenizer_init(&t->text_state, spec->vocabulary, &t->stop, false);
    t->sent_state = t->text_state;
    t->digest = t->sent_digest = (rp_hash128){0};
    rp_buffer_clear(&t->tokens);
    rp_buffer_clear(&t->choices);
    rp_buffer_clear(&t->text);
    t->count = t->sent_count = t->sent_text = 0;
    return RP_OK;
}

rp_status rp_transcript_push(
    rp_transcript *t, const rp_sampler_choice *choice, rp_hash128 digest, bool *ret_stopped)
{
    rp_buffer_append(&t->tokens, &choice->token, sizeof choice->token);
    if (t->spec.logprobs)
        rp_buffer_append(&t->choices, choice, sizeof *choice);
    bool stopped = rp_detokenizer_push(&t->text_state, (int32_t)choice->token, &t->text);
    if (t->tokens.truncated || t->choices.truncated || t->text.truncated)
        return RP_LIMIT;
    t->count++;
    t->digest = digest;
    *ret_stopped = stopped;
    return RP_OK;
}

bool rp_transcript_chunk_due(const rp_transcript *t)
{
    return t->spec.stream && t->count > t->sent_count &&
           (t->count == 1 || (t->count - 1) % t->spec.chunk_tokens == 0);
}

static rp_transcript_part part(const rp_transcript *t, size_t first, size_t text)
{
    const uint32_t *tokens = (const uint32_t *)(const void *)t->tokens.data;
    return (rp_transcript_part){.tokens = tokens ? tokens + first : NULL,
        .choices = t->spec.logprobs && first == t->sent_count
                       ? (const rp_sampler_choice *)(const void *)t->choices.data
                       : NULL,
        .count = t->count - first,
        .text = rp_bytes_of(t->text.data ? t->text.data + text : NULL, t->text.len - text)};
}

rp_transcript_part rp_transcript_unsent(const rp_transcript *t)
{
    return part(t, t->sent_count, t->sent_text);
}

rp_transcript_part rp_transcript_whole(const rp_transcript *t)
{
    rp_transcript_part whole = part(t, 0, 0);
    whole.choices = NULL;
    return whole;
}

void rp_transcript_chunk_sent(rp_transcript *t)
{
    t->sent_count = t->count;
    t->sent_text = t->text.len;
    t->sent_state = t->text_state;
    t->sent_digest = t->digest;
    rp_buffer_clear(&t->choices);
}

void rp_transcript_finish(rp_transcript *t)
{
    rp_detokenizer_finish(&t->text_state, &t->text);
}

void rp_transcript_cut(rp_transcript *t)
{
    rp_buffer_cut(&t->tokens, t->sent_count * sizeof(uint32_t));
    rp_buffer_cut(&t->text, t->sent_text);
    rp_buffer_clear(&t->choices);
    t->count = t->sent_count;
    t->digest = t->sent_digest;
    t->text_state = t->sent_state;
    rp_transcript_finish(t);
}

rp_hash128 rp_transcript_digest(const rp_transcript *t)
{
    return t->digest;
}

uint64_t rp_transcript_tokens_of(bool stream, uint32_t chunk_tokens, uint64_t chunks)
{
    return !stream || chunks == 0 ? 0 : 1 + (chunks - 1) * chunk_tokens;
}
