/* A byte buffer that grows up to a bound.
 *
 * Appending never fails at the call: past the bound (or out of memory) the buffer is marked
 * `truncated`, takes nothing more, and whoever built it checks once at the end. The content always
 * has a NUL behind it. Clearing keeps the memory, so a buffer that is used again and again stops
 * allocating.
 *
 *     rp_buffer out;
 *     rp_buffer_init(&out, 64 << 10);
 *     rp_buffer_printf(&out, "%zu actors\n", n);
 *     if (out.truncated) ...
 *     rp_buffer_done(&out);
 *
 * A buffer belongs to one thread at a time.
 */
#ifndef RUNTIME_BASE_BUFFER_H
#define RUNTIME_BASE_BUFFER_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* In the caller's storage. `data` and `len` may be read; `data` is NULL until the first append. */
typedef struct rp_buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t bytes_max;
    bool truncated;
} rp_buffer;

/* An empty buffer that will hold at most `bytes_max` bytes. Allocates nothing. */
void rp_buffer_init(rp_buffer *buffer, size_t bytes_max);

/* Frees the memory. Accepts NULL and a buffer of zeros. */
void rp_buffer_done(rp_buffer *buffer);

/* Empties the buffer and takes back `truncated`; the memory stays. */
void rp_buffer_clear(rp_buffer *buffer);

/* Shortens the content to its first `len` bytes and takes back `truncated`: what was added since
 * goes away again, where it did not fit. `len` is at most the content's. */
void rp_buffer_cut(rp_buffer *buffer, size_t len);

/* Makes room for `more` bytes ahead of use; false at the bound (and then marks `truncated`). */
bool rp_buffer_reserve(rp_buffer *buffer, size_t more);

void rp_buffer_append(rp_buffer *buffer, const void *data, size_t len);
void rp_buffer_byte(rp_buffer *buffer, uint8_t byte);
void rp_buffer_text(rp_buffer *buffer, const char *text);
void rp_buffer_printf(rp_buffer *buffer, const char *format, ...) RP_PRINTF(2, 3);

/* The content as a string; "" where nothing was appended. Valid until the next append. */
const char *rp_buffer_string(const rp_buffer *buffer);

static inline rp_bytes rp_buffer_bytes(const rp_buffer *buffer)
{
    return rp_bytes_of(buffer->data, buffer->len);
}

#endif
