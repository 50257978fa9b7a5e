#include "actors/executor/model/hyper.h"

#include <criterion/criterion.h>

#include "tests/unit/actors/executor/tiny.h"

static rp_status read_with(tiny_change change, rp_hyper *hyper, rp_error *error)
{
    rp_gguf *file = tiny_file(&change, 1);
    rp_status status = rp_hyper_read(file, hyper, error);
    tiny_free(file);
    return status;
}

Test(hyper, everything_comes_from_the_file)
{
    rp_gguf *file = tiny_file(NULL, 0);
    rp_hyper hyper;
    rp_error error = {0};
    cr_assert_eq(rp_hyper_read(file, &hyper, &error), RP_OK);
    cr_assert_str_eq(error.message, "", "what may be left out is no error");
    cr_assert_eq(hyper.layers, TINY_LAYERS);
    cr_assert_eq(hyper.width, TINY_WIDTH);
    cr_assert_eq(hyper.heads, TINY_HEADS);
    cr_assert_eq(hyper.kv_heads, TINY_KV_HEADS);
    cr_assert_eq(hyper.head_dim, TINY_HEAD_DIM);
    cr_assert_eq(hyper.feed_forward, TINY_FEED_FORWARD);
    cr_assert_eq(hyper.vocabulary, TINY_VOCABULARY);
    cr_assert_eq(hyper.context, TINY_CONTEXT);
    cr_assert_eq(hyper.window, TINY_WINDOW);
    cr_assert_eq(hyper.epsilon, 1e-6F);
    cr_assert_eq(hyper.query_scale, 0.125F);
    cr_assert_eq(hyper.rope_base_global, 1e6F);
    cr_assert_eq(hyper.rope_base_local, 1e4F);
    cr_assert_eq(hyper.rope_scale_global, 1.0F);
    for (uint32_t i = 0; i < 18; i++)
        cr_assert_eq(rp_hyper_is_global(&hyper, i), i == 5 || i == 11 || i == 17);
    tiny_free(file);
}

Test(hyper, what_is_missing_is_named)
{
    static const char *const keys[] = {"general.architecture", "gemma3.block_count",
        "gemma3.embedding_length", "gemma3.attention.head_count", "gemma3.attention.head_count_kv",
        "gemma3.attention.key_length", "gemma3.attention.value_length",
        "gemma3.feed_forward_length", "gemma3.context_length", "gemma3.attention.sliding_window",
        "gemma3.attention.layer_norm_rms_epsilon", "gemma3.rope.freq_base"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        rp_hyper hyper;
        rp_error error = {0};
        cr_assert_eq(read_with((tiny_change){TINY_NO_KEY, keys[i], 0, NULL}, &hyper, &error),
            RP_NOT_FOUND, "%s", keys[i]);
        cr_assert(strstr(error.message, keys[i]), "%s: %s", keys[i], error.message);
    }
    rp_hyper hyper;
    cr_assert_eq(
        read_with((tiny_change){TINY_NO_TENSOR, "token_embd.weight", 0, NULL}, &hyper, NULL),
        RP_NOT_FOUND);
}

Test(hyper, what_is_out_of_bounds_is_refused)
{
    static const struct {
        const char *key;
        uint64_t value;
        rp_status status;
    } wrong[] = {{"gemma3.block_count", 0, RP_INVALID}, {"gemma3.block_count", 257, RP_LIMIT},
        {"gemma3.block_count", UINT64_MAX, RP_LIMIT}, {"gemma3.embedding_length", 48, RP_INVALID},
        {"gemma3.embedding_length", UINT64_C(1) << 32, RP_LIMIT},
        {"gemma3.attention.head_count", 3, RP_INVALID},
        {"gemma3.attention.head_count", UINT64_C(1) << 40, RP_LIMIT},
        {"gemma3.attention.head_count_kv", 0, RP_INVALID},
        {"gemma3.attention.key_length", 63, RP_INVALID},
        {"gemma3.attention.key_length", 2048, RP_LIMIT},
        {"gemma3.attention.value_length", 32, RP_UNSUPPORTED},
        {"gemma3.feed_forward_length", 100, RP_INVALID},
        {"gemma3.context_length", UINT64_C(1) << 21, RP_LIMIT},
        {"gemma3.attention.sliding_window", 0, RP_INVALID},
        {"gemma3.attention.sliding_window_pattern", 0, RP_INVALID},
        {"gemma3.attention.layer_norm_rms_epsilon", 0, RP_INVALID},
        {"gemma3.attention.layer_norm_rms_epsilon", 2, RP_INVALID},
        {"gemma3.rope.freq_base", 0, RP_INVALID}, {"gemma3.rope.freq_base_swa", 0, RP_INVALID},
        {"gemma3.final_logit_softcapping", 30, RP_UNSUPPORTED},
        {"gemma3.attn_logit_softcapping", 50, RP_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp_hyper hyper;
        rp_error error = {0};
        cr_assert_eq(
            read_with((tiny_change){TINY_KEY, wrong[i].key, wrong[i].value, NULL}, &hyper, &error),
            wrong[i].status, "%s %zu: %s", wrong[i].key, i, error.message);
        cr_assert(error.field[0] != '\0');
        cr_assert(wrong[i].status != RP_LIMIT || error.limit[0] != '\0');
    }
}

Test(hyper, another_architecture_is_refused)
{
    rp_hyper hyper;
    rp_error error = {0};
    cr_assert_eq(
        read_with((tiny_change){TINY_TEXT, "general.architecture", 0, "llama"}, &hyper, &error),
        RP_UNSUPPORTED);
    cr_assert(strstr(error.message, "llama"));
}

Test(hyper, long_context_scaling)
{
    rp_hyper hyper;
    tiny_change linear[] = {{TINY_TEXT, "gemma3.rope.scaling.type", 0, "linear"},
        {TINY_KEY, "gemma3.rope.scaling.factor", 8, NULL},
        {TINY_KEY, "gemma3.attention.sliding_window_pattern", 3, NULL},
        {TINY_KEY, "gemma3.rope.freq_base_swa", 5000, NULL}};
    rp_gguf *file = tiny_file(linear, 4);
    cr_assert_eq(rp_hyper_read(file, &hyper, NULL), RP_OK);
    cr_assert_eq(hyper.rope_scale_global, 8.0F);
    cr_assert_eq(hyper.rope_base_local, 5000.0F);
    cr_assert_eq(hyper.global_period, 3);
    tiny_free(file);
    cr_assert_eq(read_with(linear[0], &hyper, NULL), RP_NOT_FOUND); /* a factor is missing */
    cr_assert_eq(read_with((tiny_change){TINY_TEXT, linear[0].name, 0, "yarn"}, &hyper, NULL),
        RP_UNSUPPORTED);
    cr_assert_eq(
        read_with((tiny_change){TINY_TEXT, linear[0].name, 0, "none"}, &hyper, NULL), RP_OK);
}
