/* Weights: the tensors of a model's file as typed matrices.
 *
 * A model asks for each tensor by name with the shape that its architecture gives it; what comes
 * back is a matrix over the mapped file, or an error that names the tensor, what was expected and
 * what the file has. Nothing is copied but vectors (norms), which are small.
 *
 *     rp_canon_matrix query;
 *     if (rp_weights_matrix(file, "blk.0.attn_q.weight", 1024, 640, &query, reterr) != RP_OK) ...
 *
 * GGUF's dims[0] is contiguous, so a matrix of `rows` outputs and `cols` inputs has the dims
 * {cols, rows}. Every function reads the file only, which never changes: any thread may call.
 * Matrices borrow the file's bytes and end with it.
 */
#ifndef ACTORS_EXECUTOR_WEIGHTS_WEIGHTS_H
#define ACTORS_EXECUTOR_WEIGHTS_WEIGHTS_H

#include "kernels/cpu/canon/matrix.h"
#include "runtime/base/buffer.h"
#include "runtime/base/hash.h"
#include "runtime/format/gguf.h"

enum { RP_WEIGHTS_VERSION_BYTES = 13 }; /* 12 hex digits and a NUL */

/* The tensor `name` as a matrix of exactly this shape. RP_NOT_FOUND; RP_INVALID for another shape;
 * RP_UNSUPPORTED for a type that the canon does not know. */
RP_MUST_USE rp_status rp_weights_matrix(const rp_gguf *file, const char *name, uint64_t rows,
    uint64_t cols, rp_canon_matrix *ret_matrix, rp_error *reterr);

/* The tensor `name`, of one dimension, F32, F16 or BF16, as `n` floats into `out`. Errors as above.
 */
RP_MUST_USE rp_status rp_weights_vector(
    const rp_gguf *file, const char *name, uint64_t n, float *out, rp_error *reterr);

/* SHA-256 of the whole file (1.6 GB/s and more with the processor's instructions for it; reading
 * the file is what it costs), as text; and the version that a file has without a registry: its
 * first 12. */
RP_MUST_USE rp_status rp_weights_digest(
    const rp_gguf *file, char text[RP_SHA256_TEXT_BYTES], rp_error *reterr);
void rp_weights_version(
    const char digest[RP_SHA256_TEXT_BYTES], char version[RP_WEIGHTS_VERSION_BYTES]);

/* Appends what the file's tensors really are, most bytes first, which a name like Q4_K_M does not
 * tell: "Q8_0 10 tensors 179.0 MB, Q5_0 81 42.8 MB, ...". */
void rp_weights_mix(const rp_gguf *file, rp_buffer *out);

#endif
