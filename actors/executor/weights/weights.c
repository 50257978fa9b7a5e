#include "actors/executor/weights/weights.h"

#include <inttypes.h>

#include "kernels/cpu/canon/half.h"

rp_status rp_weights_matrix(const rp_gguf *file, const char *name, uint64_t rows, uint64_t cols,
    rp_canon_matrix *ret_matrix, rp_error *reterr)
{
    const rp_gguf_tensor *tensor;
    rp_bytes data;
    rp_status status = rp_gguf_tensor_find(file, name, &tensor, reterr);
    if (status == RP_OK)
        status = rp_gguf_tensor_data(file, tensor, &data, reterr);
    if (status != RP_OK)
        return status;
    if (!rp_canon_type_name(tensor->type))
        return rp_error_set(reterr, RP_UNSUPPORTED, name,
            "%s: no arithmetic for weights of type %s", name, rp_gguf_type_name(tensor->type));
    uint64_t outer = tensor->dims[2] * tensor->dims[3];
    if (tensor->ndim > 2 || outer != 1 || tensor->dims[0] != cols || tensor->dims[1] != rows)
        return rp_error_set(reterr, RP_INVALID, name,
            "%s has the shape %" PRIu64 " x %" PRIu64
            ", but the model's parameters make it %" PRIu64 " x %" PRIu64,
            name, tensor->dims[0], tensor->dims[1], cols, rows);
    if (!rp_canon_matrix_init(tensor->type, rows, cols, data.data, data.len, ret_matrix))
        return rp_error_set(reterr, RP_INVALID, name,
            "%s: %" PRIu64 " x %" PRIu64 " weights of type %s do not fit %zu bytes", name, cols,
            rows, rp_gguf_type_name(tensor->type), data.len);
    return RP_OK;
}

rp_status rp_weights_vector(
    const rp_gguf *file, const char *name, uint64_t n, float *out, rp_error *reterr)
{
    rp_canon_matrix row;
    rp_status status = rp_weights_matrix(file, name, 1, n, &row, reterr);
    if (status != RP_OK)
        return status;
    switch (row.type) {
    case RP_CANON_F32:
        memcpy(out, row.data, row.row_bytes);
        return RP_OK;
    case RP_CANON_F16:
        for (size_t i = 0; i < row.cols; i++)
            out[i] = rp_canon_from_f16(rp_load_u16(row.data + 2 * i));
        return RP_OK;
    case RP_CANON_BF16:
        for (size_t i = 0; i < row.cols; i++)
            out[i] = rp_canon_from_bf16(rp_load_u16(row.data + 2 * i));
        return RP_OK;
    default:
        return rp_error_set(reterr, RP_UNSUPPORTED, name,
            "%s is %s; a norm must be F32, F16 or BF16", name, rp_canon_type_name(row.type));
    }
}

rp_status rp_weights_digest(const rp_gguf *file, char text[RP_SHA256_TEXT_BYTES], rp_error *reterr)
{
    uint8_t digest[RP_SHA256_BYTES];
    rp_status status = rp_hash_sha256(rp_gguf_bytes(file), digest);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "SHA-256 of the model's file failed");
    rp_sha256_text(digest, text);
    return RP_OK;
}

void rp_weights_version(
    const char digest[RP_SHA256_TEXT_BYTES], char version[RP_WEIGHTS_VERSION_BYTES])
{
    memcpy(version, digest, RP_WEIGHTS_VERSION_BYTES - 1);
    version[RP_WEIGHTS_VERSION_BYTES - 1] = '\0';
}

/* How many tensors are of a type, and their bytes. */
typedef struct share {
    uint32_t type;
    uint64_t tensors, bytes;
} share;

void rp_weights_mix(const rp_gguf *file, rp_buffer *out)
{
    share shares[] = {
#define X(name, number, weights, bytes) {number, 0, 0},
        RP_CANON_TYPE_MAP(X)
#undef X
            {UINT32_MAX, 0, 0}};
    enum {
        COUNT = sizeof shares / sizeof *shares
    }; /* the last stands for types that we do not know */
    for (size_t i = 0; i < rp_gguf_tensor_count(file); i++) {
        const rp_gguf_tensor *tensor = rp_gguf_tensor_at(file, i);
        size_t j = 0;
        while (j < COUNT - 1 && shares[j].type != tensor->type)
            j++;
        shares[j].tensors++;
        shares[j].bytes += tensor->bytes;
    }
    for (size_t told = 0; told < COUNT; told++) {
        size_t most = 0;
        for (size_t j = 1; j < COUNT; j++) {
            bool more = shares[j].bytes > shares[most].bytes;
            if (shares[j].tensors > 0 && (more || shares[most].tensors == 0))
                most = j;
        }
        if (shares[most].tensors == 0)
            return;
        const char *name = rp_canon_type_name(shares[most].type);
        rp_buffer_printf(out, "%s%s %" PRIu64 " tensors %.1f MB", told > 0 ? ", " : "",
            name ? name : "unknown", shares[most].tensors, (double)shares[most].bytes / 1e6);
        shares[most] = (share){0};
    }
}
