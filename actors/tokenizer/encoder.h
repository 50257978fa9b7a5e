/* What a request asks, as tokens.
 *
 * A prompt is encoded as the vocabulary says (BOS, special text parsed); messages go through the
 * chat template, where text is never parsed for special tokens; tokens are taken as they are and
 * checked. Each stretch of text is looked up in the cache first, so that the turns of a
 * conversation that came before cost a copy.
 *
 * Encoding takes its time, a copy does not. So whoever may not wait says how many bytes of text
 * that is not known yet he is ready to encode; where there is more, the encoder stops in front of
 * it, and another thread goes on from there:
 *
 *     rp_encoder_task task = {.model = model, .request = request, .tokens = {.ids = ids, .max = max}};
 *     status = rp_encoder_encode(encoder, 0, &task, 1024, &refusal);
 *     if (status == RP_BUSY)
 *         ... on thread t: rp_encoder_encode(encoder, t, &task, SIZE_MAX, &refusal)
 *
 * An encoder has a workspace a thread; each belongs to one thread at a time. The first one's is
 * ready from the start, for the thread that may not wait; the others' grow when they are needed.
 */
#ifndef ACTORS_TOKENIZER_ENCODER_H
#define ACTORS_TOKENIZER_ENCODER_H

#include "actors/tokenizer/cache.h"
#include "actors/tokenizer/models.h"
#include "schemas/refusal.h"
#include "schemas/reprise/v1/request.pb-c.h"

typedef struct rp_encoder rp_encoder;

/* `threads` workspaces, for texts of up to `bytes_max` bytes; a cache of up to `cache_bytes_max`.
 * Models are borrowed. */
RP_MUST_USE rp_status rp_encoder_new(const rp_tokenizer_models *models, size_t threads,
    size_t bytes_max, size_t cache_bytes_max, rp_encoder **ret_encoder, rp_error *reterr);

/* Accepts NULL. */
void rp_encoder_free(rp_encoder *encoder);

/* A request on its way to tokens. The caller fills in the first three, and borrows them for its
 * life; the rest is the encoder's and begins as zeros. */
typedef struct rp_encoder_task {
    const rp_tokenizer_model *model;
    const Rp__InferRequest *request; /* checked by rp_infer_request_check */
    rp_tokens tokens;
    size_t done; /* stretches of messages that are in `tokens` */
    bool missed; /* what comes next is not in the cache */
} rp_encoder_task;

/* Appends the tokens of the request's prompt. RP_BUSY where text that is not in the cache would be
 * more than `unknown_bytes_max`, all of it together: nothing is lost, and another call goes on.
 * RP_INVALID, RP_UNSUPPORTED or RP_LIMIT with the refusal that the client gets: an empty prompt, one
 * too long for `tokens.max`, a token that the model does not have, messages without a chat template
 * or in an order that it does not know. */
RP_MUST_USE rp_status rp_encoder_encode(rp_encoder *encoder, size_t thread, rp_encoder_task *task,
    size_t unknown_bytes_max, rp_refusal *retref);

rp_token_cache_counts rp_encoder_cache(const rp_encoder *encoder);

#endif
