#include "runtime/format/gguf_vocabulary.h"

#include <inttypes.h>
#include <stdlib.h>

#define TOKENS "tokenizer.ggml.tokens"
#define SCORES "tokenizer.ggml.scores"
#define KINDS  "tokenizer.ggml.token_type"

/* The arrays of a source, which rp_vocabulary_new copies. */
typedef struct arrays {
    rp_bytes *pieces;
    float *scores;
    uint8_t *kinds;
} arrays;

static void arrays_done(arrays *a)
{
    free(a->pieces);
    free(a->scores);
    free(a->kinds);
}

/* An optional array of one element a token. */
static rp_status find_parallel(const rp_gguf *file, const char *key, rp_gguf_kind kind,
    size_t count, bool *ret_found, rp_gguf_array *ret_array, rp_error *reterr)
{
    rp_gguf_array array;
    rp_status status = rp_gguf_array_of(file, key, kind, &array, NULL);
    *ret_found = status != RP_NOT_FOUND;
    if (status == RP_NOT_FOUND)
        return RP_OK;
    if (status != RP_OK)
        return rp_gguf_array_of(file, key, kind, &array, reterr);
    if (array.count != count)
        return rp_error_set(reterr, RP_INVALID, key, "key %s has %zu elements for %zu tokens", key,
            array.count, count);
    *ret_array = array;
    return RP_OK;
}

static rp_status read_pieces(const rp_gguf *file, arrays *a, size_t *ret_count, rp_error *reterr)
{
    rp_gguf_array tokens;
    rp_status status = rp_gguf_array_of(file, TOKENS, RP_GGUF_TEXT, &tokens, reterr);
    if (status != RP_OK)
        return status;
    if (tokens.count > RP_VOCABULARY_TOKENS_MAX)
        return rp_error_limit(reterr, TOKENS, "1048576 tokens",
            "a vocabulary of %zu tokens, at most %d", tokens.count, RP_VOCABULARY_TOKENS_MAX);
    const size_t count = tokens.count;
    a->pieces = calloc(count ? count : 1, sizeof *a->pieces);
    a->scores = calloc(count ? count : 1, sizeof *a->scores);
    a->kinds = calloc(count ? count : 1, sizeof *a->kinds);
    if (!a->pieces || !a->scores || !a->kinds)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory for %zu tokens", count);
    for (size_t i = 0; rp_gguf_array_next_text(&tokens, &a->pieces[i]);)
        i++;
    *ret_count = count;
    return RP_OK;
}

static rp_status read_scores_and_kinds(
    const rp_gguf *file, arrays *a, size_t count, rp_error *reterr)
{
    rp_gguf_array array;
    bool found;
    rp_status status = find_parallel(file, SCORES, RP_GGUF_F32, count, &found, &array, reterr);
    if (status != RP_OK)
        return status;
    for (size_t i = 0; found && i < count; i++) {
        double score = 0;
        rp_gguf_array_float(&array, i, &score);
        a->scores[i] = (float)score;
    }
    status = find_parallel(file, KINDS, RP_GGUF_I32, count, &found, &array, reterr);
    for (size_t i = 0; i < count && status == RP_OK; i++) {
        int64_t kind = RP_TOKEN_NORMAL;
        if (found)
            rp_gguf_array_integer(&array, i, &kind);
        if (kind < 0 || kind >= RP_TOKEN_KIND_COUNT)
            status = rp_error_set(reterr, RP_INVALID, KINDS,
                "key " KINDS " gives token %zu kind %" PRId64 ", expected 0 to 6", i, kind);
        else
            a->kinds[i] = (uint8_t)kind;
    }
    return status;
}

/* An optional token id; `*id` keeps its value where the file has none. */
static rp_status read_id(
    const rp_gguf *file, const char *key, size_t count, int32_t *id, rp_error *reterr)
{
    uint64_t value;
    rp_status status = rp_gguf_u64(file, key, &value, NULL);
    if (status == RP_NOT_FOUND)
        return RP_OK;
    if (status != RP_OK)
        return rp_gguf_u64(file, key, &value, reterr);
    if (value >= count)
        return rp_error_set(reterr, RP_INVALID, key,
            "key %s is token %" PRIu64 " of a vocabulary of %zu", key, value, count);
    *id = (int32_t)value;
    return RP_OK;
}

static rp_status read_flag(const rp_gguf *file, const char *key, bool *flag, rp_error *reterr)
{
    rp_status status = rp_gguf_bool(file, key, flag, NULL);
    if (status == RP_OK || status == RP_NOT_FOUND)
        return RP_OK;
    return rp_gguf_bool(file, key, flag, reterr);
}

static rp_status read_settings(const rp_gguf *file, rp_vocabulary_source *source, rp_error *reterr)
{
    const struct {
        const char *key;
        int32_t *id;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", &source->bos},
        {"tokenizer.ggml.eos_token_id", &source->eos},
        {"tokenizer.ggml.eot_token_id", &source->eot},
        {"tokenizer.ggml.unknown_token_id", &source->unk},
        {"tokenizer.ggml.padding_token_id", &source->pad},
    };
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"tokenizer.ggml.add_bos_token", &source->add_bos},
        {"tokenizer.ggml.add_eos_token", &source->add_eos},
        {"tokenizer.ggml.add_space_prefix", &source->add_space_prefix},
    };
    rp_status status = RP_OK;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0] && status == RP_OK; i++)
        status = read_id(file, ids[i].key, source->count, ids[i].id, reterr);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0] && status == RP_OK; i++)
        status = read_flag(file, flags[i].key, flags[i].flag, reterr);
    return status;
}

/* The usual spellings of the token that ends a turn; the first that is there counts. */
static int32_t usual_eot(const rp_vocabulary_source *source)
{
    static const char *const usual[] = {"<end_of_turn>", "<|eot_id|>", "<|im_end|>", "<|end|>"};
    for (size_t k = 0; k < sizeof usual / sizeof usual[0]; k++) {
        for (size_t i = 0; i < source->count; i++) {
            if (source->kinds[i] == RP_TOKEN_CONTROL && rp_bytes_is(source->pieces[i], usual[k]))
                return (int32_t)i;
        }
    }
    return RP_TOKEN_NONE;
}

static rp_status check_model(const rp_gguf *file, rp_error *reterr)
{
    rp_bytes model;
    rp_status status = rp_gguf_text(file, "tokenizer.ggml.model", &model, reterr);
    if (status != RP_OK || rp_bytes_is(model, "llama"))
        return status;
    bool plain = model.len <= 16;
    for (size_t i = 0; i < model.len && plain; i++)
        plain = model.data[i] > 0x20 && model.data[i] < 0x7F;
    return rp_error_set(reterr, RP_UNSUPPORTED, "tokenizer.ggml.model",
        "tokenizer \"%.*s\" is not supported; \"llama\" is", plain ? (int)model.len : 1,
        plain ? (const char *)model.data : "?");
}

rp_status rp_gguf_vocabulary(const rp_gguf *file, rp_vocabulary **ret_vocabulary, rp_error *reterr)
{
    arrays a = {0};
    rp_vocabulary_source source = {.model = RP_VOCABULARY_SPM,
        .bos = 1,
        .eos = 2,
        .eot = RP_TOKEN_NONE,
        .unk = 0,
        .pad = RP_TOKEN_NONE,
        .add_bos = true,
        .add_space_prefix = true};
    rp_status status = check_model(file, reterr);
    if (status == RP_OK)
        status = read_pieces(file, &a, &source.count, reterr);
    if (status == RP_OK)
        status = read_scores_and_kinds(file, &a, source.count, reterr);
    if (status == RP_OK)
        status = read_settings(file, &source, reterr);
    if (status == RP_OK) {
        source.pieces = a.pieces;
        source.scores = a.scores;
        source.kinds = a.kinds;
        if (source.eot == RP_TOKEN_NONE)
            source.eot = usual_eot(&source);
        status = rp_vocabulary_new(&source, ret_vocabulary, reterr);
    }
    arrays_done(&a);
    return status;
}

static rp_bytes optional_text(const rp_gguf *file, const char *key)
{
    rp_bytes text;
    return rp_gguf_text(file, key, &text, NULL) == RP_OK ? text : rp_bytes_of(NULL, 0);
}

rp_bytes rp_gguf_chat_template(const rp_gguf *file)
{
    return optional_text(file, "tokenizer.chat_template");
}

rp_bytes rp_gguf_architecture(const rp_gguf *file)
{
    return optional_text(file, "general.architecture");
}
