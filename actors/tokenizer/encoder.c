#include "actors/tokenizer/encoder.h"

#include "schemas/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPMS_MAX = RP_TOKENIZER_MODELS_MAX, PROMPT_FRAME_BYTES = 64 << 10 };

/* One compute thread's own. An SPM workspace is made when its model first comes. */
typedef struct workspace {
    rp_spm *spms[SPMS_MAX];
    rp_chat_prompt prompt;
    rp_chat_message messages[RP_CHAT_MESSAGES_MAX];
} workspace;

struct rp_encoder {
    const rp_tokenizer_models *models;
    size_t threads;
    size_t bytes_max;
    rp_token_cache *cache;
    workspace *workspaces;
};

rp_status rp_encoder_new(const rp_tokenizer_models *models, size_t threads, size_t bytes_max,
    size_t cache_bytes_max, rp_encoder **ret_encoder, rp_error *reterr)
{
    rp_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    encoder->models = models;
    encoder->threads = threads;
    encoder->bytes_max = bytes_max;
    encoder->workspaces = calloc(threads, sizeof *encoder->workspaces);
    rp_status status = encoder->workspaces
                           ? rp_token_cache_new(cache_bytes_max, threads, &encoder->cache)
                           : RP_NO_MEMORY;
    if (status != RP_OK) {
        rp_encoder_free(encoder);
        return rp_error_set(
            reterr, status, "cache", "the encoder cannot be made: %s", rp_status_text(status));
    }
    for (size_t i = 0; i < threads; i++)
        rp_chat_prompt_init(&encoder->workspaces[i].prompt, bytes_max + PROMPT_FRAME_BYTES);
    *ret_encoder = encoder;
    return RP_OK;
}

void rp_encoder_free(rp_encoder *encoder)
{
    if (!encoder)
        return;
    for (size_t i = 0; encoder->workspaces && i < encoder->threads; i++) {
        workspace *w = &encoder->workspaces[i];
        for (size_t m = 0; m < SPMS_MAX; m++)
            rp_spm_free(w->spms[m]);
        rp_chat_prompt_done(&w->prompt);
    }
    free(encoder->workspaces);
    rp_token_cache_free(encoder->cache);
    free(encoder);
}

rp_token_cache_counts rp_encoder_cache(const rp_encoder *encoder)
{
    return rp_token_cache_count(encoder->cache);
}

static rp_status too_long(const rp_tokenizer_model *model, const char *field, rp_refusal *retref)
{
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%" PRIu32 " tokens", model->context_tokens - 1);
    return rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_TOO_LONG, field, limit,
        "a prompt for %.64s has at most %" PRIu32 " tokens, so that one is left for the answer; "
        "shorten it",
        model->name, model->context_tokens - 1);
}

static rp_status internal(const rp_error *error, rp_refusal *retref)
{
    return rp_refusal_set(retref, RP__ERROR__CODE__INTERNAL, NULL, NULL, "%s", error->message);
}

/* A stretch of text, from the cache or encoded and then kept there. */
static rp_status encode_text(rp_encoder *encoder, size_t thread, const rp_tokenizer_model *model,
    rp_bytes text, unsigned flags, const char *field, rp_tokens *tokens, rp_refusal *retref)
{
    workspace *w = &encoder->workspaces[thread];
    size_t index = (size_t)(model - rp_tokenizer_models_at(encoder->models, 0));
    rp_hash128 key = rp_hash_xxh3_128(text, (uint64_t)index << 8 | flags);
    size_t start = tokens->count;
    rp_error error = {0};
    if (rp_token_cache_get(encoder->cache, thread, key, tokens))
        return RP_OK;
    rp_status status =
        w->spms[index] ? RP_OK
                       : rp_spm_new(model->vocabulary, encoder->bytes_max, &w->spms[index], &error);
    if (status == RP_OK)
        status = rp_spm_encode(w->spms[index], text, flags, tokens, &error);
    if (status == RP_LIMIT)
        return too_long(model, field, retref);
    if (status != RP_OK)
        return internal(&error, retref);
    rp_token_cache_put(encoder->cache, key, tokens->ids + start, tokens->count - start);
    return RP_OK;
}

static rp_status add_token(const rp_tokenizer_model *model, int32_t id, const char *field,
    rp_tokens *tokens, rp_refusal *retref)
{
    if (tokens->count == tokens->max)
        return too_long(model, field, retref);
    tokens->ids[tokens->count++] = id;
    return RP_OK;
}

static rp_status encode_messages(rp_encoder *encoder, size_t thread,
    const rp_tokenizer_model *model, const Rp__InferRequest *request, rp_tokens *tokens,
    rp_refusal *retref)
{
    workspace *w = &encoder->workspaces[thread];
    rp_error error = {0};
    if (!model->has_chat)
        return rp_refusal_set(retref, RP__ERROR__CODE__UNSUPPORTED, "messages", NULL,
            "%.64s has no chat template that is known here; send `prompt` instead", model->name);
    for (size_t i = 0; i < request->n_messages; i++)
        w->messages[i] = (rp_chat_message){.role = rp_bytes_text(request->messages[i]->role),
            .content = rp_schema_bytes(request->messages[i]->content)};
    rp_status status =
        rp_chat_render(&model->chat, w->messages, request->n_messages, &w->prompt, &error);
    if (status == RP_NO_MEMORY)
        return internal(&error, retref);
    if (status != RP_OK)
        return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, error.field, error.limit,
            "%s", error.message);
    for (size_t i = 0; i < w->prompt.count && status == RP_OK; i++) {
        const rp_chat_segment *s = &w->prompt.segments[i];
        status = s->token == RP_TOKEN_NONE
                     ? encode_text(encoder, thread, model, rp_chat_prompt_text(&w->prompt, s), 0,
                           "messages", tokens, retref)
                     : add_token(model, s->token, "messages", tokens, retref);
    }
    return status;
}

static rp_status take_tokens(const rp_tokenizer_model *model, const Rp__InferRequest *request,
    rp_tokens *tokens, rp_refusal *retref)
{
    size_t vocabulary = rp_vocabulary_count(model->vocabulary);
    rp_status status = RP_OK;
    for (size_t i = 0; i < request->n_tokens && status == RP_OK; i++) {
        char field[40], limit[RP_ERROR_LIMIT_MAX];
        if (request->tokens[i] >= vocabulary) {
            snprintf(field, sizeof field, "tokens[%zu]", i);
            snprintf(limit, sizeof limit, "0 to %zu", vocabulary - 1);
            return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, limit,
                "%" PRIu32 " is no token of %.64s", request->tokens[i], model->name);
        }
        status = add_token(model, (int32_t)request->tokens[i], "tokens", tokens, retref);
    }
    return status;
}

static rp_status check_bias(
    const rp_tokenizer_model *model, const Rp__InferRequest *request, rp_refusal *retref)
{
    size_t vocabulary = rp_vocabulary_count(model->vocabulary);
    for (size_t i = 0; i < request->n_logit_bias; i++) {
        char limit[RP_ERROR_LIMIT_MAX];
        int32_t token = request->logit_bias[i]->key;
        if (token >= 0 && (size_t)token < vocabulary)
            continue;
        snprintf(limit, sizeof limit, "0 to %zu", vocabulary - 1);
        return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "logit_bias", limit,
            "logit_bias names token %" PRId32 ", and %.64s has the tokens 0 to %zu", token,
            model->name, vocabulary - 1);
    }
    return RP_OK;
}

rp_status rp_encoder_encode(rp_encoder *encoder, size_t thread, const rp_tokenizer_model *model,
    const Rp__InferRequest *request, rp_tokens *tokens, rp_refusal *retref)
{
    rp_status status = check_bias(model, request, retref);
    const char *field = request->n_messages ? "messages" : request->n_tokens ? "tokens" : "prompt";
    if (status != RP_OK)
        return status;
    if (request->n_messages)
        status = encode_messages(encoder, thread, model, request, tokens, retref);
    else if (request->n_tokens)
        status = take_tokens(model, request, tokens, retref);
    else
        status = encode_text(encoder, thread, model, rp_schema_bytes(request->prompt),
            RP_SPM_ADD_ENDS | RP_SPM_PARSE_SPECIAL, field, tokens, retref);
    if (status == RP_OK && tokens->count == 0)
        return rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_EMPTY, field, NULL,
            "the prompt is empty; there is nothing to go on from");
    return status;
}
