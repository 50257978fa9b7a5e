#include "runtime/base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct rp__arena_chunk {
    struct rp__arena_chunk *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) uint8_t data[];
} chunk;

static size_t round_up(size_t size)
{
    const size_t align = alignof(max_align_t);
    return (size + align - 1) & ~(align - 1);
}

static chunk *chunk_new(rp_arena *arena, size_t size)
{
    chunk *c = malloc(sizeof *c + size);
    if (!c)
        return NULL;
    *c = (chunk){.size = size};
    arena->bytes_held += size;
    return c;
}

rp_status rp_arena_init(rp_arena *arena, size_t chunk_bytes, size_t bytes_max)
{
    *arena = (rp_arena){0};
    if (chunk_bytes == 0 || chunk_bytes > bytes_max || bytes_max > SIZE_MAX / 4)
        return RP_INVALID;
    arena->chunk_bytes = round_up(chunk_bytes);
    arena->bytes_max = bytes_max;
    arena->first = chunk_new(arena, arena->chunk_bytes);
    arena->current = arena->first;
    return arena->first ? RP_OK : RP_NO_MEMORY;
}

void rp_arena_done(rp_arena *arena)
{
    if (!arena)
        return;
    for (chunk *c = arena->first; c;) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
    *arena = (rp_arena){0};
}

void rp_arena_reset(rp_arena *arena)
{
    for (chunk *c = arena->first; c; c = c->next)
        c->used = 0;
    arena->current = arena->first;
    arena->bytes_used = 0;
}

/* Frees the chunks that hold no piece: those behind the current. */
static void drop_unused(rp_arena *arena)
{
    for (chunk *c = arena->current->next; c;) {
        chunk *next = c->next;
        arena->bytes_held -= c->size;
        free(c);
        c = next;
    }
    arena->current->next = NULL;
}

/* Makes a chunk that has place for `size` the current one: a kept one, moved to the front of those
 * that hold nothing yet, else a new one. Kept ones that are too small make way where all together
 * would take too much. */
static bool advance(rp_arena *arena, size_t size)
{
    chunk *fitting = NULL;
    for (chunk **link = &arena->current->next; *link; link = &(*link)->next) {
        if ((*link)->size >= size) {
            fitting = *link;
            *link = fitting->next;
            break;
        }
    }
    if (!fitting) {
        size_t chunk_bytes = size > arena->chunk_bytes ? size : arena->chunk_bytes;
        if (arena->bytes_held + chunk_bytes > arena->bytes_max)
            drop_unused(arena);
        fitting = chunk_new(arena, chunk_bytes);
        if (!fitting)
            return false;
    }
    fitting->next = arena->current->next;
    arena->current->next = fitting;
    arena->current = fitting;
    return true;
}

void *rp_arena_alloc(rp_arena *arena, size_t size)
{
    if (size > arena->bytes_max)
        return NULL;
    size = round_up(size ? size : 1);
    if (size > arena->bytes_max - arena->bytes_used)
        return NULL;
    if (size > arena->current->size - arena->current->used && !advance(arena, size))
        return NULL;
    chunk *c = arena->current;
    void *piece = c->data + c->used;
    c->used += size;
    arena->bytes_used += size;
    return piece;
}

void *rp_arena_array(rp_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    void *piece = rp_arena_alloc(arena, count * size);
    if (piece)
        memset(piece, 0, count * size);
    return piece;
}

char *rp_arena_text(rp_arena *arena, rp_bytes text)
{
    if (text.len == SIZE_MAX)
        return NULL;
    char *copy = rp_arena_alloc(arena, text.len + 1);
    if (!copy)
        return NULL;
    if (text.len)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

rp_bytes rp_arena_copy(rp_arena *arena, rp_bytes bytes)
{
    uint8_t *copy = rp_arena_alloc(arena, bytes.len);
    if (!copy)
        return rp_bytes_of(NULL, 0);
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    return rp_bytes_of(copy, bytes.len);
}

char *rp_arena_printf(rp_arena *arena, const char *format, ...)
{
    va_list measure, write;
    va_start(measure, format);
    va_copy(write, measure);
    int n = vsnprintf(NULL, 0, format, measure);
    va_end(measure);
    char *text = n < 0 ? NULL : rp_arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, write);
    va_end(write);
    return text;
}
