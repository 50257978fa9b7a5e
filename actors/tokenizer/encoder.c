#include "actors/tokenizer/encoder.h"

#include "schemas/codec.h"
#include "schemas/validate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPMS_MAX = RP_TOKENIZER_MODELS_MAX, PROMPT_FRAME_BYTES = 64 << 10 };

static_assert((int)RP_REQUEST_MESSAGES_MAX <= (int)RP_CHAT_MESSAGES_MAX,
    "the template takes what a request may have");

/* One thread's own. */
typedef struct workspace {
    rp_spm *spms[SPMS_MAX];
    rp_chat_prompt prompt;
    rp_chat_message messages[RP_REQUEST_MESSAGES_MAX];
} workspace;

struct rp_encoder {
    const rp_tokenizer_models *models;
    size_t threads;
    size_t bytes_max;
    rp_token_cache *cache;
    workspace *workspaces;
};

/* The workspace for a model's texts; made where it is new. */
static rp_status need_spm(rp_encoder *encoder, size_t thread, size_t model, rp_error *reterr)
{
    rp_spm **spm = &encoder->workspaces[thread].spms[model];
    const rp_tokenizer_model *m = rp_tokenizer_models_at(encoder->models, model);
    return *spm ? RP_OK : rp_spm_new(m->vocabulary, encoder->bytes_max, spm, reterr);
}

static rp_status make(rp_encoder *encoder, size_t cache_bytes_max, rp_error *reterr)
{
    rp_status status = RP_NO_MEMORY;
    encoder->workspaces = calloc(encoder->threads, sizeof *encoder->workspaces);
    if (encoder->workspaces)
        status = rp_token_cache_new(cache_bytes_max, encoder->threads, &encoder->cache);
    if (status != RP_OK)
        return rp_error_set(
            reterr, status, "cache", "the encoder cannot be made: %s", rp_status_text(status));
    for (size_t i = 0; i < encoder->threads; i++)
        rp_chat_prompt_init(
            &encoder->workspaces[i].prompt, encoder->bytes_max + PROMPT_FRAME_BYTES);
    for (size_t i = 0; i < rp_tokenizer_models_count(encoder->models) && status == RP_OK; i++)
        status = need_spm(encoder, 0, i, reterr);
    return status;
}

rp_status rp_encoder_new(const rp_tokenizer_models *models, size_t threads, size_t bytes_max,
    size_t cache_bytes_max, rp_encoder **ret_encoder, rp_error *reterr)
{
    rp_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    encoder->models = models;
    encoder->threads = threads;
    encoder->bytes_max = bytes_max;
    rp_status status = make(encoder, cache_bytes_max, reterr);
    if (status != RP_OK) {
        rp_encoder_free(encoder);
        return status;
    }
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

static rp_status too_much_text(const rp_encoder *encoder, const char *field, rp_refusal *retref)
{
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%zu bytes", encoder->bytes_max);
    return rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_TOO_LONG, field, limit,
        "a prompt has at most %zu bytes of text; shorten it", encoder->bytes_max);
}

static rp_status internal(const rp_error *error, rp_refusal *retref)
{
    return rp_refusal_set(retref, RP__ERROR__CODE__INTERNAL, NULL, NULL, "%s", error->message);
}

/* One call of rp_encoder_encode. */
typedef struct run {
    rp_encoder *encoder;
    size_t thread;
    rp_encoder_task *task;
    size_t unknown_bytes; /* that may still be encoded */
    const char *field;    /* that the text stands in */
    rp_refusal *retref;
} run;

/* A stretch of text, from the cache or encoded and then kept there. */
static rp_status encode_text(run *r, rp_bytes text, unsigned flags)
{
    rp_encoder *encoder = r->encoder;
    rp_encoder_task *task = r->task;
    size_t index = (size_t)(task->model - rp_tokenizer_models_at(encoder->models, 0));
    rp_hash128 key = rp_hash_xxh3_128(text, (uint64_t)index << 8 | flags);
    size_t start = task->tokens.count;
    rp_error error = {0};
    if (!task->missed && rp_token_cache_get(encoder->cache, r->thread, key, &task->tokens))
        return RP_OK;
    if (text.len > encoder->bytes_max)
        return too_much_text(encoder, r->field, r->retref);
    task->missed = text.len > r->unknown_bytes;
    if (task->missed)
        return RP_BUSY;
    r->unknown_bytes -= text.len;
    rp_status status = need_spm(encoder, r->thread, index, &error);
    if (status == RP_OK)
        status = rp_spm_encode(
            encoder->workspaces[r->thread].spms[index], text, flags, &task->tokens, &error);
    if (status == RP_LIMIT)
        return too_long(task->model, r->field, r->retref);
    if (status != RP_OK)
        return internal(&error, r->retref);
    rp_token_cache_put(encoder->cache, key, task->tokens.ids + start, task->tokens.count - start);
    return RP_OK;
}

static rp_status add_token(run *r, int32_t id)
{
    rp_tokens *tokens = &r->task->tokens;
    if (tokens->count == tokens->max)
        return too_long(r->task->model, r->field, r->retref);
    tokens->ids[tokens->count++] = id;
    return RP_OK;
}

/* The messages as one prompt, in the thread's workspace. */
static rp_status render(run *r)
{
    workspace *w = &r->encoder->workspaces[r->thread];
    const rp_tokenizer_model *model = r->task->model;
    const Rp__InferRequest *request = r->task->request;
    size_t text_bytes = 0;
    rp_error error = {0};
    RP_ASSERT(request->n_messages <= RP_REQUEST_MESSAGES_MAX);
    if (!model->has_chat)
        return rp_refusal_set(r->retref, RP__ERROR__CODE__UNSUPPORTED, r->field, NULL,
            "%.64s has no chat template that is known here; send `prompt` instead", model->name);
    for (size_t i = 0; i < request->n_messages; i++) {
        w->messages[i] = (rp_chat_message){.role = rp_bytes_text(request->messages[i]->role),
            .content = rp_schema_bytes(request->messages[i]->content)};
        text_bytes += w->messages[i].content.len; /* all of one body: no overflow */
    }
    if (text_bytes > r->encoder->bytes_max)
        return too_much_text(r->encoder, r->field, r->retref);
    rp_status status =
        rp_chat_render(&model->chat, w->messages, request->n_messages, &w->prompt, &error);
    if (status == RP_NO_MEMORY)
        return internal(&error, r->retref);
    return status == RP_OK ? RP_OK
                           : rp_refusal_set(r->retref, RP__ERROR__CODE__INVALID_ARGUMENT,
                                 error.field, error.limit, "%s", error.message);
}

static rp_status encode_messages(run *r)
{
    const rp_chat_prompt *prompt = &r->encoder->workspaces[r->thread].prompt;
    rp_status status = render(r);
    while (status == RP_OK && r->task->done < prompt->count) {
        const rp_chat_segment *s = &prompt->segments[r->task->done];
        status = s->token == RP_TOKEN_NONE ? encode_text(r, rp_chat_prompt_text(prompt, s), 0)
                                           : add_token(r, s->token);
        r->task->done += status == RP_OK;
    }
    return status;
}

static rp_status take_tokens(run *r)
{
    const rp_tokenizer_model *model = r->task->model;
    const Rp__InferRequest *request = r->task->request;
    size_t vocabulary = rp_vocabulary_count(model->vocabulary);
    rp_status status = RP_OK;
    for (size_t i = 0; i < request->n_tokens && status == RP_OK; i++) {
        char field[40], limit[RP_ERROR_LIMIT_MAX];
        if (request->tokens[i] >= vocabulary) {
            snprintf(field, sizeof field, "tokens[%zu]", i);
            snprintf(limit, sizeof limit, "0 to %zu", vocabulary - 1);
            return rp_refusal_set(r->retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, limit,
                "%" PRIu32 " is no token of %.64s", request->tokens[i], model->name);
        }
        status = add_token(r, (int32_t)request->tokens[i]);
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

rp_status rp_encoder_encode(rp_encoder *encoder, size_t thread, rp_encoder_task *task,
    size_t unknown_bytes_max, rp_refusal *retref)
{
    const Rp__InferRequest *request = task->request;
    run r = {.encoder = encoder,
        .thread = thread,
        .task = task,
        .unknown_bytes = unknown_bytes_max,
        .field = request->n_messages ? "messages"
                 : request->n_tokens ? "tokens"
                                     : "prompt",
        .retref = retref};
    rp_status status = check_bias(task->model, request, retref);
    if (status != RP_OK)
        return status;
    if (request->n_messages)
        status = encode_messages(&r);
    else if (request->n_tokens)
        status = take_tokens(&r);
    else
        status = encode_text(
            &r, rp_schema_bytes(request->prompt), RP_SPM_ADD_ENDS | RP_SPM_PARSE_SPECIAL);
    if (status == RP_OK && task->tokens.count == 0)
        return rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_EMPTY, r.field, NULL,
            "the prompt is empty; there is nothing to go on from");
    return status;
}
