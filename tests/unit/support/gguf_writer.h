/* Writes small GGUF files for tests, right ones and wrong ones.
 *
 * Metadata and tensors are collected in buffers of their own and put together by finish, so calls
 * may come in any order. Fields that are wrong on purpose are made by changing the result, or with
 * gguf_writer_raw, which appends a value that nobody checks.
 *
 *     gguf_writer writer;
 *     gguf_writer_init(&writer);
 *     gguf_writer_u32(&writer, "gemma3.block_count", 2);
 *     gguf_writer_tensor(&writer, "norm", RP_GGUF_TYPE_F32, 1, (uint64_t[]){64}, data, sizeof
 * data); rp_bytes file = gguf_writer_finish(&writer); gguf_writer_done(&writer);
 */
#ifndef TESTS_UNIT_SUPPORT_GGUF_WRITER_H
#define TESTS_UNIT_SUPPORT_GGUF_WRITER_H

#include "runtime/base/buffer.h"
#include "runtime/format/gguf.h"

typedef struct gguf_writer {
    rp_buffer metadata, tensors, data, file;
    uint64_t key_count, tensor_count;
    uint64_t alignment; /* RP_GGUF_ALIGNMENT_DEFAULT; change it before the first tensor */
    uint32_t version;   /* 3 */
} gguf_writer;

void gguf_writer_init(gguf_writer *writer);
void gguf_writer_done(gguf_writer *writer);

/* A key with a value of `kind` whose bytes are taken as they are. */
void gguf_writer_raw(
    gguf_writer *writer, const char *key, uint32_t kind, const void *value, size_t bytes);

void gguf_writer_u32(gguf_writer *writer, const char *key, uint32_t value);
void gguf_writer_f32(gguf_writer *writer, const char *key, float value);
void gguf_writer_bool(gguf_writer *writer, const char *key, bool value);
void gguf_writer_text(gguf_writer *writer, const char *key, const char *value);

/* Arrays: of numbers (`element_bytes` each), and of texts. */
void gguf_writer_numbers(gguf_writer *writer, const char *key, rp_gguf_kind kind,
    const void *values, size_t element_bytes, size_t count);
void gguf_writer_texts(
    gguf_writer *writer, const char *key, const char *const *values, size_t count);

/* A tensor; its data is padded to the alignment. */
void gguf_writer_tensor(gguf_writer *writer, const char *name, uint32_t type, uint32_t ndim,
    const uint64_t *dims, const void *data, size_t bytes);

/* The file, valid until done or the next finish. */
rp_bytes gguf_writer_finish(gguf_writer *writer);

#endif
