/* Keys and values of one sequence, in f16.
 *
 * A layer holds, for a position p, the keys of all KV heads and the values of all KV heads, at row
 * p modulo the layer's capacity. A global layer has room for the whole context. A sliding layer is
 * a ring: room for its window and for one pass's new positions beside it, since those are stored
 * before the first of them looks back. Capacities are multiples of 256, so that a split of the
 * attention (kernels/cpu/canon/canon.h) never wraps.
 *
 * Memory is taken once, cleared, and touched only as positions are stored. One thread at a time
 * stores; during a pass several read.
 */
#ifndef ACTORS_EXECUTOR_MODEL_KV_H
#define ACTORS_EXECUTOR_MODEL_KV_H

#include "actors/executor/model/hyper.h"

typedef struct rp_kv rp_kv;

/* `capacity` rows of kv_heads * head_dim f16. */
typedef struct rp_kv_layer {
    uint16_t *keys, *values;
    uint32_t capacity;
} rp_kv_layer;

/* What rp_kv_new would take, in bytes, for `context` positions stored at most `chunk` a pass. */
uint64_t rp_kv_bytes(const rp_hyper *hyper, uint32_t context, uint32_t chunk);

/* RP_NO_MEMORY. The caller frees; `hyper` is not kept. */
RP_MUST_USE rp_status rp_kv_new(
    const rp_hyper *hyper, uint32_t context, uint32_t chunk, rp_kv **ret_kv, rp_error *reterr);

/* Accepts NULL. */
void rp_kv_free(rp_kv *kv);

rp_kv_layer rp_kv_at(const rp_kv *kv, uint32_t layer);

#endif
