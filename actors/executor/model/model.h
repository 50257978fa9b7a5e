/* A model: gemma3's weights by their roles, and its forward pass in the arithmetic of canon 1.
 *
 * rp_model_load reads the hyperparameters, finds every tensor, checks its shape, copies the norms
 * and, where the kernels want that, packs the matrices of the products (packed.h), which takes as
 * long as memory needs for it; with the scalar norm there is nothing to pack, and it takes
 * microseconds. A token's embedding is read from the file, which must outlive the model.
 *
 * A pass (rp_pass) is the forward pass's workspace: buffers for up to `rows_max` rows and the crew
 * of threads. A row is one position of one sequence; a pass takes any rows of any sequences:
 *
 *     x = E[token] * sqrt(width)
 *     each layer:  h = norm(x); q, k, v = products of h; every head of q and k: norm, then rotate;
 *                  q * query_scale; k and v are stored as f16; x += norm(product of attention)
 *                  h = norm(x); x += norm(down(gelu(gate(h)) * up(h)))
 *     hidden = norm(x); logits = head * hidden
 *
 * A row's result depends on its token, its position and what its sequence's rp_kv holds for the
 * positions before it, and on nothing else: not on the other rows, on how the positions before were
 * cut into passes, on the number of threads, or on which table of kernels it is computed with. Every
 * row runs the same kernels in the same order.
 *
 *     rp_model *model;
 *     if (rp_model_load(file, rp_canon_kernels_best(), crew, &model, reterr) != RP_OK) ...
 *     rp_pass *pass;
 *     if (rp_pass_new(model, 64, crew, &pass, reterr) != RP_OK) ...
 *     rp_pass_forward(pass, rows, count, hidden);
 *     rp_pass_logits(pass, hidden, 1, logits);
 *
 * A model never changes and may be shared by passes of several threads; a pass belongs to one
 * thread at a time, which has entered (kernels/cpu/canon/thread.h).
 */
#ifndef ACTORS_EXECUTOR_MODEL_MODEL_H
#define ACTORS_EXECUTOR_MODEL_MODEL_H

#include "actors/executor/model/crew.h"
#include "actors/executor/model/hyper.h"
#include "actors/executor/model/kv.h"
#include "kernels/cpu/canon/canon.h"

typedef struct rp_model rp_model;
typedef struct rp_pass rp_pass;

/* Borrows `file` until rp_model_free, and `crew` for the call: its threads pack; NULL: the caller
 * does it alone. Everything of the model is computed with `kernels`. Errors as rp_hyper_read and
 * rp_weights_matrix, the tensor's name in reterr->field; RP_INVALID where what is to be packed is
 * more than the file, so that tensors overlap; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_model_load(const rp_gguf *file, const rp_canon_kernels *kernels,
    rp_crew *crew, rp_model **ret_model, rp_error *reterr);

/* Accepts NULL. */
void rp_model_free(rp_model *model);

const rp_hyper *rp_model_hyper(const rp_model *model);
const rp_canon_kernels *rp_model_kernels(const rp_model *model);

/* Bytes of packed weights that it holds beside the file; 0 where nothing had to be packed. */
uint64_t rp_model_packed_bytes(const rp_model *model);

enum { RP_PASS_ROWS_MAX = 8192 };

/* One position of one sequence. Rows of one sequence stand in a pass in ascending order without a
 * gap, and follow what its kv holds. */
typedef struct rp_pass_row {
    rp_kv *kv; /* borrowed; made for this model, with a chunk of at least the sequence's rows */
    uint32_t position; /* below the kv's context */
    uint32_t token;    /* below the vocabulary */
    bool wanted;       /* its hidden row is asked for */
    bool finite; /* set by rp_pass_forward: no NaN and no infinity on the way; where false, the
                    hidden row and what was stored have no meaning */
} rp_pass_row;

/* Bytes that rp_pass_new takes for `rows_max` rows and `threads`. */
uint64_t rp_pass_bytes(const rp_hyper *hyper, uint32_t rows_max, unsigned threads);

/* Borrows model and crew. rows_max is 1 to RP_PASS_ROWS_MAX. RP_LIMIT, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_pass_new(
    const rp_model *model, uint32_t rows_max, rp_crew *crew, rp_pass **ret_pass, rp_error *reterr);

/* Accepts NULL. */
void rp_pass_free(rp_pass *pass);

/* Computes `count` (1 to rows_max) rows, stores their keys and values, and writes the normalised
 * final rows of those that are wanted, `width` floats each, one after the other into `hidden`. */
void rp_pass_forward(rp_pass *pass, rp_pass_row *rows, uint32_t count, float *hidden);

/* The logits, `vocabulary` floats each, of `count` (1 to rows_max) hidden rows. */
void rp_pass_logits(rp_pass *pass, const float *hidden, uint32_t count, float *logits);

#endif
