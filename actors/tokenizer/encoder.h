/* What a request asks, as tokens.
 *
 * A prompt is encoded as the vocabulary says (BOS, special text parsed); messages go through the
 * chat template, where text is never parsed for special tokens; tokens are taken as they are and
 * checked. Each stretch of text is looked up in the cache first, so that the turns of a
 * conversation that came before cost a copy.
 *
 * An encoder has a workspace a compute thread; rp_encoder_encode is called on that thread. The
 * request is only read.
 */
#ifndef ACTORS_TOKENIZER_ENCODER_H
#define ACTORS_TOKENIZER_ENCODER_H

#include "actors/tokenizer/cache.h"
#include "actors/tokenizer/models.h"
#include "schemas/refusal.h"
#include "schemas/reprise/v1/request.pb-c.h"

typedef struct rp_encoder rp_encoder;

/* Texts of up to `bytes_max` bytes; a cache of up to `cache_bytes_max`. Models are borrowed. */
RP_MUST_USE rp_status rp_encoder_new(const rp_tokenizer_models *models, size_t threads,
    size_t bytes_max, size_t cache_bytes_max, rp_encoder **ret_encoder, rp_error *reterr);

/* Accepts NULL. */
void rp_encoder_free(rp_encoder *encoder);

/* Appends the tokens of the request's prompt. RP_INVALID or RP_LIMIT with the refusal that the
 * client gets: an empty prompt, one too long for `tokens->max`, a token that the model does not
 * have, messages without a chat template or in an order it does not know. */
RP_MUST_USE rp_status rp_encoder_encode(rp_encoder *encoder, size_t thread,
    const rp_tokenizer_model *model, const Rp__InferRequest *request, rp_tokens *tokens,
    rp_refusal *retref);

rp_token_cache_counts rp_encoder_cache(const rp_encoder *encoder);

#endif
