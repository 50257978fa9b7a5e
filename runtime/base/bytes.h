/* A view of bytes that somebody else owns.
 *
 * rp_bytes borrows; it never frees, and does not end in NUL. Whoever hands one out says how long it
 * lives. An empty view may have a NULL pointer.
 */
#ifndef RUNTIME_BASE_BYTES_H
#define RUNTIME_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct rp_bytes {
    const uint8_t *data;
    size_t len;
} rp_bytes;

static inline rp_bytes rp_bytes_of(const void *data, size_t len)
{
    return (rp_bytes){.data = data, .len = len};
}

/* A view of a string, without its NUL; NULL gives an empty view. */
static inline rp_bytes rp_bytes_text(const char *text)
{
    return rp_bytes_of(text, text ? strlen(text) : 0);
}

static inline bool rp_bytes_equal(rp_bytes a, rp_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool rp_bytes_is(rp_bytes a, const char *text)
{
    return rp_bytes_equal(a, rp_bytes_text(text));
}

/* Little-endian loads from memory that need not be aligned. */
static inline uint16_t rp_load_u16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t rp_load_u32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t rp_load_u64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#endif
