/* A model's parts, for model.c, which loads them, and pass.c, which computes with them. */
#ifndef ACTORS_EXECUTOR_MODEL_MODEL_INTERNAL_H
#define ACTORS_EXECUTOR_MODEL_MODEL_INTERNAL_H

#include "actors/executor/model/model.h"
#include "actors/executor/model/packed.h"

/* Norms are `width` floats, those of queries and keys `head_dim`. */
typedef struct rp__model_layer {
    rp_canon_matrix query, key, value, output;
    rp_canon_matrix gate, up, down;
    float *attention_norm, *query_norm, *key_norm, *post_attention_norm;
    float *feed_forward_norm, *post_feed_forward_norm;
} rp__model_layer;

struct rp_model {
    rp_hyper hyper;
    const rp_canon_kernels *kernels;
    rp_packed *packed; /* NULL where the kernels read the file as it is */
    rp_canon_matrix embedding, head;
    float *output_norm;
    float *norms;            /* all of them, one allocation */
    float *rope_frequencies; /* head_dim / 2 of the sliding layers, then of the global ones */
    rp__model_layer *layers;
};

#endif
