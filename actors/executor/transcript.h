/* An answer as it grows: tokens in, chunks out.
 *
 * A transcript takes the tokens of one answer one by one and says when a chunk is complete. Where
 * chunks end depends on the index of the token alone: the first token is a chunk, then every
 * `chunk_tokens`; without streaming all is one chunk at the end. So a run that begins again makes
 * the same chunks, and the number of chunks that stand in REPLY tells how many tokens were sent.
 *
 * Text is what has become certain (kernels/text/detokenizer.h). Where a cancel or a deadline ends
 * an answer, it ends behind the last token that was sent: what came after is as if it had never
 * been.
 *
 *     rp_transcript_begin(t, &spec, reterr);
 *     if (rp_transcript_push(t, token, &result, ...) says STOPPED) ...
 *     if (rp_transcript_chunk_due(t)) { send; rp_transcript_chunk_sent(t); }
 *     rp_transcript_finish(t);  release what was held
 *
 * It knows no messages. Memory is kept from answer to answer. One thread.
 */
#ifndef ACTORS_EXECUTOR_TRANSCRIPT_H
#define ACTORS_EXECUTOR_TRANSCRIPT_H

#include "actors/executor/engine/engine.h"
#include "kernels/text/detokenizer.h"

typedef struct rp_transcript_spec {
    const rp_vocabulary *vocabulary; /* shared */
    const rp_bytes *stops;           /* copied */
    size_t stop_count;
    uint32_t chunk_tokens; /* at least 1 */
    bool stream;
    bool logprobs; /* keep them */
} rp_transcript_spec;

/* The part of a transcript that is sent as one. Borrowed until it is sent or more is pushed. */
typedef struct rp_transcript_part {
    const uint32_t *tokens;
    const rp_sampler_choice *choices; /* one a token, where logprobs are kept; else NULL */
    size_t count;
    rp_bytes text;
} rp_transcript_part;

typedef struct rp_transcript rp_transcript;

/* `bytes_max` bounds the text of an answer, that of its tokens, and eight times it the choices that
 * are kept for a chunk. RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_transcript_new(size_t bytes_max, rp_transcript **ret_transcript);

/* Accepts NULL. */
void rp_transcript_free(rp_transcript *transcript);

/* Starts an answer. Errors as rp_stop_init. */
RP_MUST_USE rp_status rp_transcript_begin(
    rp_transcript *transcript, const rp_transcript_spec *spec, rp_error *reterr);

/* Takes the answer's next token. `ret_stopped` says that a stop string is complete: the answer ends
 * with this token. RP_LIMIT where the answer outgrows its bound. */
RP_MUST_USE rp_status rp_transcript_push(rp_transcript *transcript, const rp_sampler_choice *choice,
    rp_hash128 digest, bool *ret_stopped);

/* Whether a chunk ends with the last token pushed (if the answer does not end with it). */
bool rp_transcript_chunk_due(const rp_transcript *transcript);

/* What was pushed and not sent. */
rp_transcript_part rp_transcript_unsent(const rp_transcript *transcript);

/* It is sent now. */
void rp_transcript_chunk_sent(rp_transcript *transcript);

/* The answer ends by itself: what was held of the text is released into the unsent part. */
void rp_transcript_finish(rp_transcript *transcript);

/* The answer is cut behind the last token that was sent; text that was held for it is released. */
void rp_transcript_cut(rp_transcript *transcript);

/* The whole answer so far: all tokens and all certain text. */
rp_transcript_part rp_transcript_whole(const rp_transcript *transcript);

/* The digest behind the last token pushed, or after a cut behind the last one sent. Zeros where
 * there is none. */
rp_hash128 rp_transcript_digest(const rp_transcript *transcript);

/* How many tokens so many chunks hold, none of which is the last of its answer. */
uint64_t rp_transcript_tokens_of(bool stream, uint32_t chunk_tokens, uint64_t chunks);

#endif
