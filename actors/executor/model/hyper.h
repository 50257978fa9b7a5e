/* Hyperparameters: what a model's file says about its shape, read and bounded.
 *
 * Everything comes from the file's metadata. What gemma3 files leave out belongs to the
 * architecture: every sixth layer sees all positions and the others slide over a window; sliding
 * layers rotate with base 10,000; queries are scaled by 1/sqrt(head_dim), in the 62-layer model by
 * 1/sqrt(width/heads).
 *
 * All products of the numbers below, within their bounds, fit 64 bits.
 */
#ifndef ACTORS_EXECUTOR_MODEL_HYPER_H
#define ACTORS_EXECUTOR_MODEL_HYPER_H

#include "runtime/format/gguf.h"

enum {
    RP_HYPER_LAYERS_MAX = 256,
    RP_HYPER_WIDTH_MAX = 32768,
    RP_HYPER_HEADS_MAX = 256,
    RP_HYPER_HEAD_DIM_MAX = 1024,
    RP_HYPER_FEED_FORWARD_MAX = 262144,
    RP_HYPER_VOCABULARY_MAX = 1 << 20,
    RP_HYPER_CONTEXT_MAX = 1 << 20
};

typedef struct rp_hyper {
    uint32_t layers;
    uint32_t width;         /* of the residual stream, a multiple of 32 */
    uint32_t heads;         /* of queries, a multiple of kv_heads */
    uint32_t kv_heads;      /* of keys and values */
    uint32_t head_dim;      /* even; heads * head_dim is a multiple of 32 */
    uint32_t feed_forward;  /* a multiple of 32 */
    uint32_t vocabulary;    /* tokens, as many as the embedding has rows */
    uint32_t context;       /* positions that the model was trained for */
    uint32_t window;        /* a sliding layer's query at p sees (p - window, p] */
    uint32_t global_period; /* layers period-1, 2*period-1, ... see [0, p] */
    float epsilon;
    float query_scale;
    float rope_base_global, rope_base_local;
    float rope_scale_global; /* global layers rotate by position / this */
} rp_hyper;

/* RP_UNSUPPORTED where the architecture is not gemma3 or the file asks for what we do not do;
 * RP_NOT_FOUND, RP_INVALID or RP_LIMIT with the key in reterr->field. */
RP_MUST_USE rp_status rp_hyper_read(const rp_gguf *file, rp_hyper *ret_hyper, rp_error *reterr);

static inline bool rp_hyper_is_global(const rp_hyper *hyper, uint32_t layer)
{
    return layer % hyper->global_period == hyper->global_period - 1;
}

static inline uint32_t rp_hyper_query_width(const rp_hyper *hyper)
{
    return hyper->heads * hyper->head_dim;
}

static inline uint32_t rp_hyper_kv_width(const rp_hyper *hyper)
{
    return hyper->kv_heads * hyper->head_dim;
}

#endif
