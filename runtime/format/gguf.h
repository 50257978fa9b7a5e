/* GGUF: the file that holds a model's weights, vocabulary and parameters, read as hostile input.
 *
 * A file is a header, `key: value` metadata, a list of tensors and, aligned, their data, all little
 * endian. rp_gguf_open maps it; nothing is copied but a table of where each key and each tensor
 * lies. All counts, lengths, products and offsets are checked in 64-bit arithmetic before they are
 * used, and each has a named limit below, so that an opened file can be trusted: every text, array
 * and tensor that it hands out lies inside the file. Versions 2 and 3 are read (their layout is the
 * same). A tensor of a type that is not in RP_GGUF_TYPE_MAP is listed, and refused when its data is
 * asked for.
 *
 *     rp_gguf *file;
 *     if (rp_gguf_open(path, &file, reterr) != RP_OK) ...
 *     uint64_t layers;
 *     if (rp_gguf_u64(file, "gemma3.block_count", &layers, reterr) != RP_OK) ...
 *     const rp_gguf_tensor *norm;
 *     if (rp_gguf_tensor_find(file, "output_norm.weight", &norm, reterr) != RP_OK) ...
 *     rp_bytes weights;
 *     if (rp_gguf_tensor_data(file, norm, &weights, reterr) != RP_OK) ...
 *     rp_gguf_free(file);
 *
 * A file that is open never changes, so any number of threads may read it. All views are borrowed
 * and live until rp_gguf_free. The file on disk must not be cut while it is mapped (the system ends
 * a process that reads beyond the end); whoever replaces it writes another and renames it.
 */
#ifndef RUNTIME_FORMAT_GGUF_H
#define RUNTIME_FORMAT_GGUF_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

enum {
    RP_GGUF_KEYS_MAX = 65536,
    RP_GGUF_KEY_BYTES_MAX = 65535,
    RP_GGUF_TEXT_BYTES_MAX = 16 << 20,
    RP_GGUF_ARRAY_COUNT_MAX = 16 << 20, /* elements, those of nested arrays not counted */
    RP_GGUF_NESTING_MAX = 4,            /* arrays in arrays */
    RP_GGUF_TENSORS_MAX = 65536,
    RP_GGUF_TENSOR_NAME_MAX = 64, /* bytes */
    RP_GGUF_DIMS_MAX = 4,
    RP_GGUF_ALIGNMENT_MIN = 8,
    RP_GGUF_ALIGNMENT_DEFAULT = 32,
    RP_GGUF_ALIGNMENT_MAX = 65536
};

/* number in the file, kind, name for people, bytes of a value (0: it has a length) */
#define RP_GGUF_KIND_MAP(X) \
    X(0, U8, "u8", 1)       \
    X(1, I8, "i8", 1)       \
    X(2, U16, "u16", 2)     \
    X(3, I16, "i16", 2)     \
    X(4, U32, "u32", 4)     \
    X(5, I32, "i32", 4)     \
    X(6, F32, "f32", 4)     \
    X(7, BOOL, "bool", 1)   \
    X(8, TEXT, "text", 0)   \
    X(9, ARRAY, "array", 0) \
    X(10, U64, "u64", 8)    \
    X(11, I64, "i64", 8)    \
    X(12, F64, "f64", 8)

/* What a metadata value is. */
typedef enum rp_gguf_kind {
#define X(number, kind, name, bytes) RP_GGUF_##kind = number,
    RP_GGUF_KIND_MAP(X)
#undef X
        RP_GGUF_KIND_COUNT
} rp_gguf_kind;

/* ggml's number, type, name for people, weights of a block, bytes of a block */
#define RP_GGUF_TYPE_MAP(X)       \
    X(0, F32, "F32", 1, 4)        \
    X(1, F16, "F16", 1, 2)        \
    X(2, Q4_0, "Q4_0", 32, 18)    \
    X(3, Q4_1, "Q4_1", 32, 20)    \
    X(6, Q5_0, "Q5_0", 32, 22)    \
    X(7, Q5_1, "Q5_1", 32, 24)    \
    X(8, Q8_0, "Q8_0", 32, 34)    \
    X(12, Q4_K, "Q4_K", 256, 144) \
    X(13, Q5_K, "Q5_K", 256, 176) \
    X(14, Q6_K, "Q6_K", 256, 210) \
    X(30, BF16, "BF16", 1, 2)

/* What a tensor's weights are; a file may hold numbers that are none of these. */
typedef enum rp_gguf_type {
#define X(number, type, name, weights, bytes) RP_GGUF_TYPE_##type = number,
    RP_GGUF_TYPE_MAP(X)
#undef X
} rp_gguf_type;

typedef struct rp_gguf rp_gguf;

/* A tensor as the file lists it. dims[0] is contiguous in memory; dimensions beyond ndim are 1. */
typedef struct rp_gguf_tensor {
    rp_bytes name;
    uint32_t type; /* an rp_gguf_type, or a number that we do not know */
    uint32_t ndim; /* 1 to RP_GGUF_DIMS_MAX */
    uint64_t dims[RP_GGUF_DIMS_MAX];
    uint64_t offset; /* of the data, from the start of the file */
    uint64_t bytes;  /* of the data; 0 where the type is unknown */
} rp_gguf_tensor;

/* An array of metadata. `bytes` are the elements as they lie in the file. */
typedef struct rp_gguf_array {
    rp_gguf_kind kind; /* of the elements */
    size_t count;
    rp_bytes bytes;
} rp_gguf_array;

/* ---- open and close ---- */

/* Maps the file at `path`. RP_NOT_FOUND, RP_DENIED or RP_IO where the system refuses; RP_CORRUPT
 * where it is no GGUF or cut short; RP_UNSUPPORTED for another version or byte order; RP_INVALID
 * where it contradicts itself; RP_LIMIT; RP_NO_MEMORY. The error names the key or tensor. The
 * caller frees. */
RP_MUST_USE rp_status rp_gguf_open(const char *path, rp_gguf **ret_file, rp_error *reterr);

/* The same over bytes in memory, which are borrowed until rp_gguf_free. */
RP_MUST_USE rp_status rp_gguf_parse(rp_bytes bytes, rp_gguf **ret_file, rp_error *reterr);

/* Takes the file's pages, as far as they were read, out of this process's memory: views stay valid,
 * and what is looked at again comes back from the system's cache or the disk. For when most of a
 * file was copied elsewhere. Does nothing to bytes of rp_gguf_parse. */
void rp_gguf_drop_pages(const rp_gguf *file);

/* Unmaps; all views end. Accepts NULL. */
void rp_gguf_free(rp_gguf *file);

/* 2 or 3. */
uint32_t rp_gguf_version(const rp_gguf *file);

/* The whole file. */
rp_bytes rp_gguf_bytes(const rp_gguf *file);

/* ---- metadata ---- */

size_t rp_gguf_key_count(const rp_gguf *file);

/* The `index`-th key in the file's order, and what its value is; index < rp_gguf_key_count. */
rp_bytes rp_gguf_key(const rp_gguf *file, size_t index, rp_gguf_kind *ret_kind);

/* Each of these answers RP_NOT_FOUND where there is no such key and RP_INVALID where its value is
 * of another kind or out of the type's range; reterr names the key. An integer of any width and
 * sign is taken where its value fits; f64 takes f32 and f64. O(log keys). */
RP_MUST_USE rp_status rp_gguf_u64(
    const rp_gguf *file, const char *key, uint64_t *ret_value, rp_error *reterr);
RP_MUST_USE rp_status rp_gguf_i64(
    const rp_gguf *file, const char *key, int64_t *ret_value, rp_error *reterr);
RP_MUST_USE rp_status rp_gguf_f64(
    const rp_gguf *file, const char *key, double *ret_value, rp_error *reterr);
RP_MUST_USE rp_status rp_gguf_bool(
    const rp_gguf *file, const char *key, bool *ret_value, rp_error *reterr);

/* The text as it stands: any bytes, no NUL behind it. */
RP_MUST_USE rp_status rp_gguf_text(
    const rp_gguf *file, const char *key, rp_bytes *ret_text, rp_error *reterr);

/* An array of any kind; rp_gguf_array_of refuses one whose elements are of another kind. */
RP_MUST_USE rp_status rp_gguf_array_any(
    const rp_gguf *file, const char *key, rp_gguf_array *ret_array, rp_error *reterr);
RP_MUST_USE rp_status rp_gguf_array_of(const rp_gguf *file, const char *key, rp_gguf_kind kind,
    rp_gguf_array *ret_array, rp_error *reterr);

/* The `index`-th element of an array of numbers, O(1); index < count and the kind must be the
 * function's own (integer: any integer that fits int64_t, else false; float: f32 and f64). */
bool rp_gguf_array_integer(const rp_gguf_array *array, size_t index, int64_t *ret_value);
bool rp_gguf_array_float(const rp_gguf_array *array, size_t index, double *ret_value);

/* Takes the first text, or the first array, off the front of an array of such, O(1) for a text and
 * O(its bytes) for an array; false where none is left. Iterate over a copy:
 *
 *     for (rp_gguf_array rest = pieces; rp_gguf_array_next_text(&rest, &piece);) ...
 */
bool rp_gguf_array_next_text(rp_gguf_array *array, rp_bytes *ret_text);
bool rp_gguf_array_next_array(rp_gguf_array *array, rp_gguf_array *ret_element);

/* "u32"; "unknown" for a number that is no kind. */
const char *rp_gguf_kind_name(uint32_t kind);

/* ---- tensors ---- */

size_t rp_gguf_tensor_count(const rp_gguf *file);

/* The `index`-th tensor in the file's order; index < rp_gguf_tensor_count. */
const rp_gguf_tensor *rp_gguf_tensor_at(const rp_gguf *file, size_t index);

/* RP_NOT_FOUND where there is none of that name. O(log tensors). */
RP_MUST_USE rp_status rp_gguf_tensor_find(
    const rp_gguf *file, const char *name, const rp_gguf_tensor **ret_tensor, rp_error *reterr);

/* The tensor's bytes, aligned as the file says (rp_gguf_open; of rp_gguf_parse's bytes, relative to
 * their start). RP_UNSUPPORTED where the type is unknown. */
RP_MUST_USE rp_status rp_gguf_tensor_data(
    const rp_gguf *file, const rp_gguf_tensor *tensor, rp_bytes *ret_data, rp_error *reterr);

/* "Q4_K"; "unknown" for a number that is no type. */
const char *rp_gguf_type_name(uint32_t type);

/* Weights and bytes of a block; false for an unknown type. */
bool rp_gguf_type_block(uint32_t type, uint32_t *ret_weights, uint32_t *ret_bytes);

#endif
