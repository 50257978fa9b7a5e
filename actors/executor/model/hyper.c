#include "actors/executor/model/hyper.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "kernels/cpu/canon/matrix.h"

enum { GLOBAL_PERIOD = 6, LAYERS_OF_27B = 62 };
static const double local_rope_base = 10000.0;

/* What a key may be. */
typedef struct count_rule {
    const char *key;
    size_t offset;
    uint64_t max;
    uint32_t multiple_of;
} count_rule;

static const count_rule counts[] = {
    {"gemma3.block_count", offsetof(rp_hyper, layers), RP_HYPER_LAYERS_MAX, 1},
    {"gemma3.embedding_length", offsetof(rp_hyper, width), RP_HYPER_WIDTH_MAX, RP_CANON_BLOCK},
    {"gemma3.attention.head_count", offsetof(rp_hyper, heads), RP_HYPER_HEADS_MAX, 1},
    {"gemma3.attention.head_count_kv", offsetof(rp_hyper, kv_heads), RP_HYPER_HEADS_MAX, 1},
    {"gemma3.attention.key_length", offsetof(rp_hyper, head_dim), RP_HYPER_HEAD_DIM_MAX, 2},
    {"gemma3.feed_forward_length", offsetof(rp_hyper, feed_forward), RP_HYPER_FEED_FORWARD_MAX,
        RP_CANON_BLOCK},
    {"gemma3.context_length", offsetof(rp_hyper, context), RP_HYPER_CONTEXT_MAX, 1},
    {"gemma3.attention.sliding_window", offsetof(rp_hyper, window), RP_HYPER_CONTEXT_MAX, 1},
};

static rp_status check_count(const count_rule *rule, uint64_t value, rp_error *reterr)
{
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%" PRIu64, rule->max);
    if (value > rule->max)
        return rp_error_limit(
            reterr, rule->key, limit, "%s is %" PRIu64 ", at most %s", rule->key, value, limit);
    if (value == 0 || value % rule->multiple_of != 0)
        return rp_error_set(reterr, RP_INVALID, rule->key,
            "%s is %" PRIu64 ", it must be a multiple of %" PRIu32 " above 0", rule->key, value,
            rule->multiple_of);
    return RP_OK;
}

static rp_status read_counts(const rp_gguf *file, rp_hyper *hyper, rp_error *reterr)
{
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint64_t value;
        rp_status status = rp_gguf_u64(file, counts[i].key, &value, reterr);
        if (status == RP_OK)
            status = check_count(&counts[i], value, reterr);
        if (status != RP_OK)
            return status;
        *(uint32_t *)((char *)hyper + counts[i].offset) = (uint32_t)value;
    }
    uint64_t value_length;
    rp_status status = rp_gguf_u64(file, "gemma3.attention.value_length", &value_length, reterr);
    if (status != RP_OK)
        return status;
    if (value_length != hyper->head_dim)
        return rp_error_set(reterr, RP_UNSUPPORTED, "gemma3.attention.value_length",
            "values of length %" PRIu64 " beside keys of %" PRIu32, value_length, hyper->head_dim);
    if (hyper->heads % hyper->kv_heads != 0 || hyper->heads * hyper->head_dim % RP_CANON_BLOCK != 0)
        return rp_error_set(reterr, RP_INVALID, "gemma3.attention.head_count",
            "%" PRIu32 " heads of %" PRIu32 " over %" PRIu32
            " KV heads: heads must be a multiple of KV heads, and all together of %d",
            hyper->heads, hyper->head_dim, hyper->kv_heads, RP_CANON_BLOCK);
    return RP_OK;
}

static bool has_key(const rp_gguf *file, const char *key)
{
    uint64_t any;
    return rp_gguf_u64(file, key, &any, NULL) != RP_NOT_FOUND;
}

/* A number that may be left out: `otherwise` then. It must lie in (0, max]. */
static rp_status read_number(const rp_gguf *file, const char *key, double otherwise, double max,
    float *ret_value, rp_error *reterr)
{
    double value = otherwise;
    if (!(otherwise > 0.0) || has_key(file, key)) {
        rp_status status = rp_gguf_f64(file, key, &value, reterr);
        if (status != RP_OK)
            return status;
    }
    if (!(value > 0.0 && value <= max))
        return rp_error_set(reterr, RP_INVALID, key, "%s is %g, it must be above 0 and at most %g",
            key, value, max);
    *ret_value = (float)value;
    return RP_OK;
}

/* Long-context files stretch the global layers' positions by a linear factor. */
static rp_status read_rope(const rp_gguf *file, rp_hyper *hyper, rp_error *reterr)
{
    rp_bytes type;
    rp_status status =
        read_number(file, "gemma3.rope.freq_base", 0.0, 1e12, &hyper->rope_base_global, reterr);
    if (status == RP_OK)
        status = read_number(file, "gemma3.rope.freq_base_swa", local_rope_base, 1e12,
            &hyper->rope_base_local, reterr);
    if (status != RP_OK)
        return status;
    hyper->rope_scale_global = 1.0F;
    if (!has_key(file, "gemma3.rope.scaling.type"))
        return RP_OK;
    status = rp_gguf_text(file, "gemma3.rope.scaling.type", &type, reterr);
    if (status != RP_OK || rp_bytes_is(type, "none"))
        return status;
    if (!rp_bytes_is(type, "linear"))
        return rp_error_set(reterr, RP_UNSUPPORTED, "gemma3.rope.scaling.type",
            "scaling of type %.*s; linear is known", (int)(type.len < 32 ? type.len : 32),
            (const char *)type.data);
    return read_number(
        file, "gemma3.rope.scaling.factor", 0.0, 1024.0, &hyper->rope_scale_global, reterr);
}

/* What other models of the family have and this graph has not. */
static rp_status refuse_soft_caps(const rp_gguf *file, rp_error *reterr)
{
    static const char *const keys[] = {
        "gemma3.attn_logit_softcapping", "gemma3.final_logit_softcapping"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        double value;
        if (!has_key(file, keys[i]) ||
            (rp_gguf_f64(file, keys[i], &value, NULL) == RP_OK && value == 0.0))
            continue;
        return rp_error_set(
            reterr, RP_UNSUPPORTED, keys[i], "%s: soft caps are not known", keys[i]);
    }
    return RP_OK;
}

static rp_status read_vocabulary(const rp_gguf *file, rp_hyper *hyper, rp_error *reterr)
{
    const rp_gguf_tensor *embedding;
    rp_status status = rp_gguf_tensor_find(file, "token_embd.weight", &embedding, reterr);
    if (status != RP_OK)
        return status;
    const count_rule rule = {"token_embd.weight", 0, RP_HYPER_VOCABULARY_MAX, 1};
    status = check_count(&rule, embedding->dims[1], reterr);
    if (status == RP_OK)
        hyper->vocabulary = (uint32_t)embedding->dims[1];
    return status;
}

static rp_status read_period(const rp_gguf *file, rp_hyper *hyper, rp_error *reterr)
{
    const count_rule rule = {"gemma3.attention.sliding_window_pattern", 0, RP_HYPER_LAYERS_MAX, 1};
    uint64_t period = GLOBAL_PERIOD;
    rp_status status = RP_OK;
    if (has_key(file, rule.key))
        status = rp_gguf_u64(file, rule.key, &period, reterr);
    if (status == RP_OK)
        status = check_count(&rule, period, reterr);
    if (status == RP_OK)
        hyper->global_period = (uint32_t)period;
    return status;
}

rp_status rp_hyper_read(const rp_gguf *file, rp_hyper *ret_hyper, rp_error *reterr)
{
    rp_hyper hyper = {0};
    rp_bytes architecture;
    rp_status status = rp_gguf_text(file, "general.architecture", &architecture, reterr);
    if (status != RP_OK)
        return status;
    if (!rp_bytes_is(architecture, "gemma3"))
        return rp_error_set(reterr, RP_UNSUPPORTED, "general.architecture",
            "the architecture is %.*s; gemma3 is known",
            (int)(architecture.len < 32 ? architecture.len : 32), (const char *)architecture.data);
    status = read_counts(file, &hyper, reterr);
    if (status == RP_OK)
        status = read_number(
            file, "gemma3.attention.layer_norm_rms_epsilon", 0.0, 1.0, &hyper.epsilon, reterr);
    if (status == RP_OK)
        status = read_rope(file, &hyper, reterr);
    if (status == RP_OK)
        status = refuse_soft_caps(file, reterr);
    if (status == RP_OK)
        status = read_vocabulary(file, &hyper, reterr);
    if (status == RP_OK)
        status = read_period(file, &hyper, reterr);
    if (status != RP_OK)
        return status;
    float spread = hyper.layers == LAYERS_OF_27B ? (float)hyper.width / (float)hyper.heads
                                                 : (float)hyper.head_dim;
    hyper.query_scale = 1.0F / sqrtf(spread);
    *ret_hyper = hyper;
    return RP_OK;
}
