#include "actors/executor/model/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/executor/model/model_internal.h"
#include "actors/executor/weights/weights.h"
#include "kernels/cpu/canon/math.h"

/* The tensors of a layer, "blk.N.<name>.weight"; shapes are told by what they connect. */
typedef enum side { WIDTH, QUERIES, KEYS, FEED_FORWARD, HEAD } side;

static const struct matrix_role {
    const char *name;
    size_t offset;
    side rows, cols;
} matrix_roles[] = {
    {"attn_q", offsetof(rp__model_layer, query), QUERIES, WIDTH},
    {"attn_k", offsetof(rp__model_layer, key), KEYS, WIDTH},
    {"attn_v", offsetof(rp__model_layer, value), KEYS, WIDTH},
    {"attn_output", offsetof(rp__model_layer, output), WIDTH, QUERIES},
    {"ffn_gate", offsetof(rp__model_layer, gate), FEED_FORWARD, WIDTH},
    {"ffn_up", offsetof(rp__model_layer, up), FEED_FORWARD, WIDTH},
    {"ffn_down", offsetof(rp__model_layer, down), WIDTH, FEED_FORWARD},
};

static const struct norm_role {
    const char *name;
    size_t offset;
    side size;
} norm_roles[] = {
    {"attn_norm", offsetof(rp__model_layer, attention_norm), WIDTH},
    {"attn_q_norm", offsetof(rp__model_layer, query_norm), HEAD},
    {"attn_k_norm", offsetof(rp__model_layer, key_norm), HEAD},
    {"post_attention_norm", offsetof(rp__model_layer, post_attention_norm), WIDTH},
    {"ffn_norm", offsetof(rp__model_layer, feed_forward_norm), WIDTH},
    {"post_ffw_norm", offsetof(rp__model_layer, post_feed_forward_norm), WIDTH},
};

enum {
    MATRIX_ROLES = sizeof matrix_roles / sizeof *matrix_roles,
    NORM_ROLES = sizeof norm_roles / sizeof *norm_roles
};

static uint32_t size_of(const rp_hyper *hyper, side which)
{
    switch (which) {
    case WIDTH:
        return hyper->width;
    case QUERIES:
        return rp_hyper_query_width(hyper);
    case KEYS:
        return rp_hyper_kv_width(hyper);
    case FEED_FORWARD:
        return hyper->feed_forward;
    case HEAD:
        return hyper->head_dim;
    }
    return 0;
}

static size_t norm_floats(const rp_hyper *hyper)
{
    size_t layer = 0;
    for (size_t i = 0; i < NORM_ROLES; i++)
        layer += size_of(hyper, norm_roles[i].size);
    return hyper->layers * layer + hyper->width;
}

static void tensor_name(char name[RP_GGUF_TENSOR_NAME_MAX + 1], uint32_t layer, const char *role)
{
    snprintf(name, RP_GGUF_TENSOR_NAME_MAX + 1, "blk.%" PRIu32 ".%s.weight", layer, role);
}

/* Fills layer `index`; its norms go to `*norms`, which moves on. */
static rp_status load_layer(
    const rp_gguf *file, rp_model *model, uint32_t index, float **norms, rp_error *reterr)
{
    const rp_hyper *hyper = &model->hyper;
    char *layer = (char *)&model->layers[index];
    char name[RP_GGUF_TENSOR_NAME_MAX + 1];
    for (size_t i = 0; i < MATRIX_ROLES; i++) {
        tensor_name(name, index, matrix_roles[i].name);
        rp_status status = rp_weights_matrix(file, name, size_of(hyper, matrix_roles[i].rows),
            size_of(hyper, matrix_roles[i].cols),
            (rp_canon_matrix *)(layer + matrix_roles[i].offset), reterr);
        if (status != RP_OK)
            return status;
    }
    for (size_t i = 0; i < NORM_ROLES; i++) {
        uint32_t size = size_of(hyper, norm_roles[i].size);
        tensor_name(name, index, norm_roles[i].name);
        rp_status status = rp_weights_vector(file, name, size, *norms, reterr);
        if (status != RP_OK)
            return status;
        *(float **)(layer + norm_roles[i].offset) = *norms;
        *norms += size;
    }
    return RP_OK;
}

/* The head is the embedding unless the file has one of its own. */
static rp_status load_ends(const rp_gguf *file, rp_model *model, rp_error *reterr)
{
    const rp_hyper *hyper = &model->hyper;
    const rp_gguf_tensor *tensor;
    rp_status status = rp_weights_matrix(
        file, "token_embd.weight", hyper->vocabulary, hyper->width, &model->embedding, reterr);
    if (status != RP_OK)
        return status;
    model->head = model->embedding;
    if (rp_gguf_tensor_find(file, "output.weight", &tensor, NULL) != RP_OK)
        return RP_OK;
    return rp_weights_matrix(
        file, "output.weight", hyper->vocabulary, hyper->width, &model->head, reterr);
}

static rp_status load_all(const rp_gguf *file, rp_model *model, rp_error *reterr)
{
    const rp_hyper *hyper = &model->hyper;
    model->layers = calloc(hyper->layers, sizeof *model->layers);
    model->norms = calloc(norm_floats(hyper), sizeof *model->norms);
    model->rope_frequencies = calloc(hyper->head_dim, sizeof *model->rope_frequencies);
    if (!model->layers || !model->norms || !model->rope_frequencies)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the model's norms");
    rp_canon_rope_frequencies(
        hyper->rope_base_local, 1.0F, hyper->head_dim, model->rope_frequencies);
    rp_canon_rope_frequencies(hyper->rope_base_global, hyper->rope_scale_global, hyper->head_dim,
        model->rope_frequencies + hyper->head_dim / 2);
    rp_status status = load_ends(file, model, reterr);
    float *norms = model->norms;
    for (uint32_t i = 0; i < hyper->layers && status == RP_OK; i++)
        status = load_layer(file, model, i, &norms, reterr);
    if (status != RP_OK)
        return status;
    model->output_norm = norms;
    return rp_weights_vector(file, "output_norm.weight", hyper->width, model->output_norm, reterr);
}

/* Each tensor lies in the file, but hostile ones may lie upon each other, and every one is packed:
 * all of them together may not have more bytes than the file. No sum overflows: packed.c. */
static rp_status check_bytes(
    const rp_gguf *file, rp_canon_matrix *const *all, size_t count, rp_error *reterr)
{
    uint64_t bytes = 0, most = rp_gguf_bytes(file).len;
    for (size_t i = 0; i < count; i++)
        bytes += (uint64_t)all[i]->rows * all[i]->row_bytes;
    if (bytes <= most)
        return RP_OK;
    return rp_error_set(reterr, RP_INVALID, "tensors",
        "tensors overlap: the model's matrices have %" PRIu64 " bytes, the whole file %" PRIu64,
        bytes, most);
}

/* Packs whatever is multiplied; an embedding that is not the head too is only looked up. */
static rp_status pack_all(const rp_gguf *file, rp_model *model, rp_crew *crew, rp_error *reterr)
{
    size_t count = 0;
    rp_canon_matrix **all =
        calloc(model->hyper.layers * MATRIX_ROLES + 1, sizeof(rp_canon_matrix *));
    if (!all)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the model");
    for (uint32_t layer = 0; layer < model->hyper.layers; layer++) {
        for (size_t i = 0; i < MATRIX_ROLES; i++)
            all[count++] =
                (rp_canon_matrix *)((char *)&model->layers[layer] + matrix_roles[i].offset);
    }
    all[count++] = &model->head;
    rp_status status = check_bytes(file, all, count, reterr);
    if (status == RP_OK)
        status = rp_packed_new(all, count, crew, &model->packed, reterr);
    free(all);
    return status;
}

rp_status rp_model_load(const rp_gguf *file, const rp_canon_kernels *kernels, rp_crew *crew,
    rp_model **ret_model, rp_error *reterr)
{
    rp_model *model = calloc(1, sizeof *model);
    if (!model)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the model");
    model->kernels = kernels;
    rp_status status = rp_hyper_read(file, &model->hyper, reterr);
    if (status == RP_OK)
        status = load_all(file, model, reterr);
    if (status == RP_OK && kernels->arrangement != RP_CANON_PLAIN)
        status = pack_all(file, model, crew, reterr);
    if (status != RP_OK) {
        rp_model_free(model);
        return status;
    }
    *ret_model = model;
    return RP_OK;
}

void rp_model_free(rp_model *model)
{
    if (!model)
        return;
    free(model->layers);
    free(model->norms);
    free(model->rope_frequencies);
    rp_packed_free(model->packed);
    free(model);
}

const rp_hyper *rp_model_hyper(const rp_model *model)
{
    return &model->hyper;
}

const rp_canon_kernels *rp_model_kernels(const rp_model *model)
{
    return model->kernels;
}

uint64_t rp_model_packed_bytes(const rp_model *model)
{
    return model->packed ? rp_packed_bytes(model->packed) : 0;
}
