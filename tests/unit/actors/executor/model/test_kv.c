#include "actors/executor/model/kv.h"

#include <criterion/criterion.h>

static const rp_hyper hyper = {.layers = 13,
    .kv_heads = 2,
    .head_dim = 8,
    .window = 512,
    .global_period = 6,
    .context = 32768};

Test(kv, a_global_layer_holds_the_context_and_a_sliding_one_its_window)
{
    rp_kv *kv;
    cr_assert_eq(rp_kv_new(&hyper, 5000, 100, &kv, NULL), RP_OK);
    for (uint32_t i = 0; i < hyper.layers; i++) {
        rp_kv_layer layer = rp_kv_at(kv, i);
        cr_assert_eq(layer.capacity, i % 6 == 5 ? 5120 : 768, "%u", i);
    }
    rp_kv_free(kv);
}

Test(kv, a_short_context_needs_no_more_than_itself)
{
    rp_kv *kv;
    cr_assert_eq(rp_kv_new(&hyper, 300, 100, &kv, NULL), RP_OK);
    for (uint32_t i = 0; i < hyper.layers; i++)
        cr_assert_eq(rp_kv_at(kv, i).capacity, 512);
    rp_kv_free(kv);
    rp_kv_free(NULL);
}

/* Layers lie one behind the other: filling each with its number overwrites no other. */
Test(kv, layers_do_not_overlap_and_fill_what_is_told)
{
    rp_kv *kv;
    cr_assert_eq(rp_kv_new(&hyper, 1000, 7, &kv, NULL), RP_OK);
    uint64_t numbers = 0;
    for (uint32_t i = 0; i < hyper.layers; i++) {
        rp_kv_layer layer = rp_kv_at(kv, i);
        size_t count = (size_t)layer.capacity * 16;
        for (size_t j = 0; j < count; j++) {
            layer.keys[j] = (uint16_t)(2 * i + 1);
            layer.values[j] = (uint16_t)(2 * i + 2);
        }
        numbers += 2 * count;
    }
    for (uint32_t i = 0; i < hyper.layers; i++) {
        rp_kv_layer layer = rp_kv_at(kv, i);
        for (size_t j = 0; j < (size_t)layer.capacity * 16; j++)
            cr_assert(layer.keys[j] == 2 * i + 1 && layer.values[j] == 2 * i + 2);
    }
    uint64_t bytes = rp_kv_bytes(&hyper, 1000, 7);
    cr_assert(bytes >= 2 * numbers && bytes < 2 * numbers + 256);
    rp_kv_free(kv);
}

Test(kv, the_largest_shape_does_not_overflow)
{
    rp_hyper large = {.layers = RP_HYPER_LAYERS_MAX,
        .kv_heads = RP_HYPER_HEADS_MAX,
        .head_dim = RP_HYPER_HEAD_DIM_MAX,
        .window = RP_HYPER_CONTEXT_MAX,
        .global_period = 1};
    cr_assert_eq(rp_kv_bytes(&large, RP_HYPER_CONTEXT_MAX, 4096) >> 40, UINT64_C(256));
}
