#include "actors/executor/model/model.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/actors/executor/tiny.h"

static rp_status load_with(tiny_change change, rp_error *error)
{
    rp_gguf *file = tiny_file(&change, 1);
    rp_model *model = NULL;
    rp_status status = rp_model_load(file, rp_canon_kernels_best(), NULL, &model, error);
    rp_model_free(model);
    tiny_free(file);
    return status;
}

Test(model, every_tensor_is_asked_for_by_name_and_shape)
{
    rp_gguf *file = tiny_file(NULL, 0);
    for (size_t i = 0; i < rp_gguf_tensor_count(file); i++) {
        const rp_gguf_tensor *tensor = rp_gguf_tensor_at(file, i);
        char name[65] = {0};
        memcpy(name, tensor->name.data, tensor->name.len);
        rp_error error = {0};
        cr_assert_eq(load_with((tiny_change){TINY_NO_TENSOR, name, 0, NULL}, &error), RP_NOT_FOUND,
            "%s", name);
        cr_assert(strstr(error.message, name), "%s: %s", name, error.message);
        uint64_t size = tensor->dims[tensor->ndim - 1];
        if (strcmp(name, "token_embd.weight") == 0)
            continue; /* its rows are what makes the vocabulary */
        cr_assert_eq(load_with((tiny_change){TINY_TENSOR_ROWS, name, size + 256, NULL}, &error),
            RP_INVALID, "%s", name);
        cr_assert_str_eq(error.field, name);
    }
    tiny_free(file);
}

/* Whatever is multiplied is packed where the kernels want that: all matrices, the embedding as the
 * head. */
Test(model, weights_are_packed_for_kernels_that_want_it)
{
    rp_gguf *file = tiny_file(NULL, 0);
    const rp_canon_kernels *kernels;
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++) {
        rp_model *model;
        cr_assert_eq(rp_model_load(file, kernels, NULL, &model, NULL), RP_OK);
        cr_assert_eq(rp_model_kernels(model), kernels);
        uint64_t packed = rp_model_packed_bytes(model), weights = 0;
        for (size_t t = 0; t < rp_gguf_tensor_count(file); t++) {
            const rp_gguf_tensor *tensor = rp_gguf_tensor_at(file, t);
            weights += tensor->ndim == 2 ? tensor->bytes : 0;
        }
        if (kernels->arrangement == RP_CANON_PLAIN)
            cr_expect_eq(packed, 0);
        else
            cr_expect(packed >= weights && packed < weights + weights / 10);
        rp_model_free(model);
    }
    tiny_free(file);
}

/* What is packed is bounded by the file; the norm only looks at it. */
Test(model, matrices_that_overlap_are_not_packed)
{
    rp_gguf *file = tiny_file(&(tiny_change){TINY_OVERLAP, "layers", 0, NULL}, 1);
    const rp_canon_kernels *kernels;
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++) {
        rp_model *model = NULL;
        rp_error error = {0};
        rp_status status = rp_model_load(file, kernels, NULL, &model, &error);
        if (kernels->arrangement == RP_CANON_PLAIN) {
            cr_expect_eq(status, RP_OK);
        } else {
            char whole[64];
            snprintf(whole, sizeof whole, "the whole file %zu", rp_gguf_bytes(file).len);
            cr_expect_eq(status, RP_INVALID);
            cr_expect_str_eq(error.field, "tensors");
            cr_expect(strstr(error.message, whole), "%s", error.message);
        }
        rp_model_free(model);
    }
    tiny_free(file);
}

Test(model, quantised_norms_are_refused)
{
    rp_error error = {0};
    cr_assert_eq(
        load_with(
            (tiny_change){TINY_TENSOR_TYPE, "output_norm.weight", RP_GGUF_TYPE_Q8_0, NULL}, &error),
        RP_UNSUPPORTED);
    cr_assert_str_eq(error.field, "output_norm.weight");
}

Test(model, a_file_that_is_no_model_is_refused)
{
    rp_error error = {0};
    cr_assert_eq(
        load_with((tiny_change){TINY_KEY, "gemma3.block_count", 8, NULL}, &error), RP_NOT_FOUND);
    cr_assert(strstr(error.message, "blk.7."));
    cr_assert_eq(load_with((tiny_change){TINY_KEY, "gemma3.embedding_length", 96, NULL}, &error),
        RP_INVALID);
}
