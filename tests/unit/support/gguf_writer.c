#include "tests/unit/support/gguf_writer.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static void u32(rp_buffer *out, uint32_t value)
{
    rp_buffer_append(out, &value, sizeof value);
}

static void u64(rp_buffer *out, uint64_t value)
{
    rp_buffer_append(out, &value, sizeof value);
}

static void text(rp_buffer *out, const char *value)
{
    u64(out, strlen(value));
    rp_buffer_text(out, value);
}

static void pad(rp_buffer *out, uint64_t alignment)
{
    while (out->len % alignment != 0)
        rp_buffer_byte(out, 0);
}

static void key(gguf_writer *writer, const char *name, uint32_t kind)
{
    text(&writer->metadata, name);
    u32(&writer->metadata, kind);
    writer->key_count++;
}

void gguf_writer_init(gguf_writer *writer)
{
    *writer = (gguf_writer){.alignment = RP_GGUF_ALIGNMENT_DEFAULT, .version = 3};
    rp_buffer_init(&writer->metadata, FILE_BYTES_MAX);
    rp_buffer_init(&writer->tensors, FILE_BYTES_MAX);
    rp_buffer_init(&writer->data, FILE_BYTES_MAX);
    rp_buffer_init(&writer->file, FILE_BYTES_MAX);
}

void gguf_writer_done(gguf_writer *writer)
{
    rp_buffer_done(&writer->metadata);
    rp_buffer_done(&writer->tensors);
    rp_buffer_done(&writer->data);
    rp_buffer_done(&writer->file);
}

void gguf_writer_raw(
    gguf_writer *writer, const char *name, uint32_t kind, const void *value, size_t bytes)
{
    key(writer, name, kind);
    rp_buffer_append(&writer->metadata, value, bytes);
}

void gguf_writer_u32(gguf_writer *writer, const char *name, uint32_t value)
{
    gguf_writer_raw(writer, name, RP_GGUF_U32, &value, sizeof value);
}

void gguf_writer_f32(gguf_writer *writer, const char *name, float value)
{
    gguf_writer_raw(writer, name, RP_GGUF_F32, &value, sizeof value);
}

void gguf_writer_bool(gguf_writer *writer, const char *name, bool value)
{
    uint8_t byte = value;
    gguf_writer_raw(writer, name, RP_GGUF_BOOL, &byte, sizeof byte);
}

void gguf_writer_text(gguf_writer *writer, const char *name, const char *value)
{
    key(writer, name, RP_GGUF_TEXT);
    text(&writer->metadata, value);
}

void gguf_writer_numbers(gguf_writer *writer, const char *name, rp_gguf_kind kind,
    const void *values, size_t element_bytes, size_t count)
{
    key(writer, name, RP_GGUF_ARRAY);
    u32(&writer->metadata, kind);
    u64(&writer->metadata, count);
    if (count > 0)
        rp_buffer_append(&writer->metadata, values, element_bytes * count);
}

void gguf_writer_texts(
    gguf_writer *writer, const char *name, const char *const *values, size_t count)
{
    key(writer, name, RP_GGUF_ARRAY);
    u32(&writer->metadata, RP_GGUF_TEXT);
    u64(&writer->metadata, count);
    for (size_t i = 0; i < count; i++)
        text(&writer->metadata, values[i]);
}

void gguf_writer_tensor(gguf_writer *writer, const char *name, uint32_t type, uint32_t ndim,
    const uint64_t *dims, const void *data, size_t bytes)
{
    text(&writer->tensors, name);
    u32(&writer->tensors, ndim);
    for (uint32_t i = 0; i < ndim; i++)
        u64(&writer->tensors, dims[i]);
    u32(&writer->tensors, type);
    u64(&writer->tensors, writer->data.len);
    if (bytes > 0)
        rp_buffer_append(&writer->data, data, bytes);
    pad(&writer->data, writer->alignment);
    writer->tensor_count++;
}

rp_bytes gguf_writer_finish(gguf_writer *writer)
{
    rp_buffer *file = &writer->file;
    rp_buffer_clear(file);
    rp_buffer_text(file, "GGUF");
    u32(file, writer->version);
    u64(file, writer->tensor_count);
    u64(file, writer->key_count);
    rp_buffer_append(file, writer->metadata.data, writer->metadata.len);
    rp_buffer_append(file, writer->tensors.data, writer->tensors.len);
    if (writer->tensor_count > 0)
        pad(file, writer->alignment);
    rp_buffer_append(file, writer->data.data, writer->data.len);
    RP_ASSERT(!file->truncated);
    return rp_buffer_bytes(file);
}
