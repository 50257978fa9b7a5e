/* The models that a tokenizer speaks: vocabulary, chat template, context, and which version.
 *
 * They are read from their GGUF files at the start and never change; any thread may read them. Only
 * the vocabulary is kept of a file, its weights are not touched beyond the digest that names the
 * version.
 */
#ifndef ACTORS_TOKENIZER_MODELS_H
#define ACTORS_TOKENIZER_MODELS_H

#include "kernels/text/chat.h"
#include "kernels/text/vocabulary.h"
#include "runtime/base/name.h"
#include "runtime/base/options.h"

enum { RP_TOKENIZER_MODELS_MAX = 64 };

typedef struct rp_tokenizer_model {
    const char *name;
    const char *version;
    char name_token[RP_NAME_TOKEN_BYTES]; /* as they stand in subjects */
    char version_token[RP_NAME_TOKEN_BYTES];
    rp_vocabulary *vocabulary;
    rp_chat chat;
    bool has_chat; /* else messages are refused */
    uint32_t context_tokens;
    uint32_t chunk_tokens; /* where a request does not say */
} rp_tokenizer_model;

typedef struct rp_tokenizer_models rp_tokenizer_models;

/* Reads the files of `list` (NAME=FILE.gguf). Errors name the model and the file. */
RP_MUST_USE rp_status rp_tokenizer_models_load(
    const rp_option_list *list, rp_tokenizer_models **ret_models, rp_error *reterr);

/* Accepts NULL. */
void rp_tokenizer_models_free(rp_tokenizer_models *models);

size_t rp_tokenizer_models_count(const rp_tokenizer_models *models);
const rp_tokenizer_model *rp_tokenizer_models_at(const rp_tokenizer_models *models, size_t index);

/* The model of a name; NULL where there is none. */
const rp_tokenizer_model *rp_tokenizer_models_find(
    const rp_tokenizer_models *models, rp_bytes name);

#endif
