#include "actors/tokenizer/models.h"

#include "runtime/format/gguf_vocabulary.h"
#include "runtime/provision/models.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONTEXT_TOKENS_MAX = 1 << 20, CHUNK_TOKENS_DEFAULT = 1 };

struct rp_tokenizer_models {
    rp_model_args args;
    rp_tokenizer_model models[RP_TOKENIZER_MODELS_MAX];
    size_t count;
};

static rp_status read_context(const rp_gguf *file, uint32_t *ret_tokens, rp_error *reterr)
{
    char key[128];
    uint64_t tokens;
    rp_bytes architecture = rp_gguf_architecture(file);
    snprintf(key, sizeof key, "%.*s.context_length", (int)architecture.len,
        (const char *)architecture.data);
    rp_status status = rp_gguf_u64(file, key, &tokens, reterr);
    if (status != RP_OK)
        return status;
    if (tokens < 2 || tokens > CONTEXT_TOKENS_MAX)
        return rp_error_set(reterr, RP_LIMIT, key, "%s is %llu; from 2 to %d is possible", key,
            (unsigned long long)tokens, CONTEXT_TOKENS_MAX);
    *ret_tokens = (uint32_t)tokens;
    return RP_OK;
}

static rp_status read_file(const char *path, rp_tokenizer_model *model, rp_error *reterr)
{
    rp_gguf *file = NULL;
    rp_status status = rp_gguf_open(path, &file, reterr);
    if (status == RP_OK)
        status = read_context(file, &model->context_tokens, reterr);
    if (status == RP_OK)
        status = rp_gguf_vocabulary(file, &model->vocabulary, reterr);
    if (status == RP_OK) {
        rp_error why;
        model->has_chat = rp_chat_init(&model->chat, model->vocabulary, rp_gguf_chat_template(file),
                              rp_gguf_architecture(file), &why) == RP_OK;
    }
    rp_gguf_free(file);
    return status;
}

static rp_status load_one(const rp_model_arg *arg, rp_tokenizer_model *model, rp_error *reterr)
{
    model->name = arg->name;
    model->version = arg->version;
    model->chunk_tokens = CHUNK_TOKENS_DEFAULT;
    if (!arg->file)
        return rp_error_set(reterr, RP_INVALID, "model",
            "--model %.100s names a version, but the tokenizer needs the file: NAME=FILE.gguf",
            arg->name);
    if (rp_name_encode(rp_bytes_text(arg->name), model->name_token, sizeof model->name_token) !=
            RP_OK ||
        rp_name_encode(rp_bytes_text(arg->version), model->version_token,
            sizeof model->version_token) != RP_OK)
        return rp_error_set(reterr, RP_INVALID, "model", "%.100s is no name", arg->name);
    rp_status status = read_file(arg->file, model, reterr);
    if (status != RP_OK)
        rp_error_prefix(reterr, "model %.64s", arg->name);
    return status;
}

rp_status rp_tokenizer_models_load(
    const rp_option_list *list, rp_tokenizer_models **ret_models, rp_error *reterr)
{
    if (list->count == 0)
        return rp_error_set(
            reterr, RP_INVALID, "model", "no model; give --model NAME=FILE.gguf, once for each");
    rp_tokenizer_models *models = calloc(1, sizeof *models);
    if (!models)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    rp_status status = rp_model_args_read(list, &models->args, reterr);
    for (size_t i = 0; status == RP_OK && i < models->args.count; i++) {
        models->count++;
        status = load_one(&models->args.models[i], &models->models[i], reterr);
    }
    if (status != RP_OK) {
        rp_tokenizer_models_free(models);
        return status;
    }
    *ret_models = models;
    return RP_OK;
}

void rp_tokenizer_models_free(rp_tokenizer_models *models)
{
    if (!models)
        return;
    for (size_t i = 0; i < models->count; i++)
        rp_vocabulary_free(models->models[i].vocabulary);
    free(models);
}

size_t rp_tokenizer_models_count(const rp_tokenizer_models *models)
{
    return models->count;
}

const rp_tokenizer_model *rp_tokenizer_models_at(const rp_tokenizer_models *models, size_t index)
{
    RP_ASSERT(index < models->count);
    return &models->models[index];
}

const rp_tokenizer_model *rp_tokenizer_models_find(const rp_tokenizer_models *models, rp_bytes name)
{
    for (size_t i = 0; i < models->count; i++) {
        if (rp_bytes_is(name, models->models[i].name))
            return &models->models[i];
    }
    return NULL;
}
