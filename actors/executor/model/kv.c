#include "actors/executor/model/kv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "kernels/cpu/canon/canon.h"

struct rp_kv {
    uint16_t *data;
    uint32_t width, global_period;
    uint32_t capacity_global, capacity_sliding;
};

static uint32_t round_up(uint64_t positions)
{
    uint64_t splits = (positions + RP_CANON_SPLIT - 1) / RP_CANON_SPLIT;
    return (uint32_t)(splits * RP_CANON_SPLIT);
}

static rp_kv measure(const rp_hyper *hyper, uint32_t context, uint32_t chunk)
{
    uint64_t sliding = (uint64_t)hyper->window + chunk;
    return (rp_kv){.width = rp_hyper_kv_width(hyper),
        .global_period = hyper->global_period,
        .capacity_global = round_up(context),
        .capacity_sliding = round_up(sliding < context ? sliding : context)};
}

/* Numbers before the keys of `layer`; layers lie one after the other, keys before values. */
static uint64_t offset_of(const rp_kv *kv, uint32_t layer)
{
    uint64_t global = layer / kv->global_period, sliding = layer - global;
    return 2 * (uint64_t)kv->width *
           (global * kv->capacity_global + sliding * kv->capacity_sliding);
}

uint64_t rp_kv_bytes(const rp_hyper *hyper, uint32_t context, uint32_t chunk)
{
    rp_kv kv = measure(hyper, context, chunk);
    return offset_of(&kv, hyper->layers) * sizeof(uint16_t) + sizeof kv;
}

rp_status rp_kv_new(
    const rp_hyper *hyper, uint32_t context, uint32_t chunk, rp_kv **ret_kv, rp_error *reterr)
{
    rp_kv *kv = malloc(sizeof *kv);
    if (kv) {
        *kv = measure(hyper, context, chunk);
        kv->data = calloc(offset_of(kv, hyper->layers), sizeof *kv->data);
    }
    if (!kv || !kv->data) {
        free(kv);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL,
            "no memory for the keys and values of %" PRIu32 " positions (%" PRIu64 " bytes)",
            context, rp_kv_bytes(hyper, context, chunk));
    }
    *ret_kv = kv;
    return RP_OK;
}

void rp_kv_free(rp_kv *kv)
{
    if (!kv)
        return;
    free(kv->data);
    free(kv);
}

rp_kv_layer rp_kv_at(const rp_kv *kv, uint32_t layer)
{
    bool global = layer % kv->global_period == kv->global_period - 1;
    uint32_t capacity = global ? kv->capacity_global : kv->capacity_sliding;
    uint16_t *keys = kv->data + offset_of(kv, layer);
    return (rp_kv_layer){
        .keys = keys, .values = keys + (uint64_t)capacity * kv->width, .capacity = capacity};
}
