#include "runtime/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

void rp_buffer_init(rp_buffer *buffer, size_t bytes_max)
{
    *buffer = (rp_buffer){.bytes_max = bytes_max};
}

void rp_buffer_done(rp_buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->data);
    *buffer = (rp_buffer){0};
}

void rp_buffer_clear(rp_buffer *buffer)
{
    buffer->len = 0;
    buffer->truncated = false;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void rp_buffer_cut(rp_buffer *buffer, size_t len)
{
    RP_ASSERT(len <= buffer->len);
    buffer->len = len;
    buffer->truncated = false;
    if (buffer->data)
        buffer->data[len] = '\0';
}

bool rp_buffer_reserve(rp_buffer *buffer, size_t more)
{
    if (buffer->truncated)
        return false;
    if (more > buffer->bytes_max - buffer->len) {
        buffer->truncated = true;
        return false;
    }
    size_t filled = buffer->len + more;
    if (filled < buffer->capacity) /* the NUL behind it has place too */
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;
    while (capacity <= filled && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    uint8_t *data = capacity > filled ? realloc(buffer->data, capacity) : NULL;
    if (!data) {
        buffer->truncated = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void rp_buffer_append(rp_buffer *buffer, const void *data, size_t len)
{
    if (!rp_buffer_reserve(buffer, len))
        return;
    if (len)
        memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    buffer->data[buffer->len] = '\0';
}

void rp_buffer_byte(rp_buffer *buffer, uint8_t byte)
{
    rp_buffer_append(buffer, &byte, 1);
}

void rp_buffer_text(rp_buffer *buffer, const char *text)
{
    rp_buffer_append(buffer, text, strlen(text));
}

void rp_buffer_printf(rp_buffer *buffer, const char *format, ...)
{
    va_list measure, write;
    va_start(measure, format);
    va_copy(write, measure);
    int n = vsnprintf(NULL, 0, format, measure);
    va_end(measure);
    if (n >= 0 && rp_buffer_reserve(buffer, (size_t)n)) {
        vsnprintf((char *)buffer->data + buffer->len, (size_t)n + 1, format, write);
        buffer->len += (size_t)n;
    }
    va_end(write);
}

const char *rp_buffer_string(const rp_buffer *buffer)
{
    return buffer->data ? (const char *)buffer->data : "";
}
