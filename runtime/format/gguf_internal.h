/* What gguf.c, which parses, and gguf_metadata.c, which reads values, share. */
#ifndef RUNTIME_FORMAT_GGUF_INTERNAL_H
#define RUNTIME_FORMAT_GGUF_INTERNAL_H

#include "runtime/format/gguf.h"

/* A place in bytes that are read from front to back. */
typedef struct rp__gguf_cursor {
    const uint8_t *data;
    size_t len;
    size_t at; /* <= len */
} rp__gguf_cursor;

/* One metadata entry. `value` starts at the value itself, behind its kind; for a text it is the
 * text, for an array its elements. */
typedef struct rp__gguf_entry {
    rp_bytes key;
    rp_bytes value;
    rp_gguf_kind kind;
    rp_gguf_kind element; /* of an array */
    size_t count;         /* of an array */
} rp__gguf_entry;

struct rp_gguf {
    rp_bytes bytes;
    void *mapping; /* NULL where the bytes are borrowed */
    uint32_t version;
    uint32_t alignment;
    size_t key_count;
    size_t tensor_count;
    rp__gguf_entry *entries;
    rp_gguf_tensor *tensors;
    uint32_t *entry_order;  /* indices of entries, sorted by key */
    uint32_t *tensor_order; /* indices of tensors, sorted by name */
};

/* Bytes of a value of that kind, 0 where it has a length of its own or the kind is unknown. */
size_t rp__gguf_kind_bytes(uint32_t kind);

/* Takes a little-endian number off the front; false where the bytes end before. */
bool rp__gguf_take_u32(rp__gguf_cursor *cursor, uint32_t *ret_value);
bool rp__gguf_take_u64(rp__gguf_cursor *cursor, uint64_t *ret_value);

/* Takes `len` bytes off the front. */
bool rp__gguf_take(rp__gguf_cursor *cursor, uint64_t len, rp_bytes *ret_bytes);

enum { RP__GGUF_NAME_TEXT = 72 };

/* A name from the file as a text that can be printed: other bytes become `?`, a long one is cut. */
const char *rp__gguf_printable(rp_bytes name, char text[RP__GGUF_NAME_TEXT]);

/* Steps over a value of `kind`, checking every count and length in it, and describes it in `entry`.
 * `entry->key` is set already and names it in errors. */
RP_MUST_USE rp_status rp__gguf_take_value(
    rp__gguf_cursor *cursor, uint32_t kind, rp__gguf_entry *entry, rp_error *reterr);

/* The place of `name` in `order`, which sorts what `name_at` gives; false where it is not there. */
bool rp__gguf_search(const rp_gguf *file, const uint32_t *order, size_t count,
    rp_bytes (*name_at)(const rp_gguf *file, uint32_t index), rp_bytes name, uint32_t *ret_index);

/* The name of an entry, for rp__gguf_search. */
rp_bytes rp__gguf_entry_name(const rp_gguf *file, uint32_t index);

#endif
