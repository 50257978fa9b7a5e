/* Arenas: memory that is taken in small pieces and given back all at once.
 *
 * There is one arena a process, one an actor and one a message. A piece lives until the arena is
 * reset or done; pieces are never freed one by one. Memory comes in chunks of `chunk_bytes` (a
 * larger piece gets a chunk of its own). A reset keeps the chunks, so that after warm-up a
 * message's path takes nothing from malloc.
 *
 * All pieces since the last reset take `bytes_max` at most, each rounded up to the alignment of any
 * type; then rp_arena_alloc answers NULL. Whether a piece fits follows from the pieces before it
 * and never from what the arena held before a reset: a message is not refused because of those that
 * came earlier. The chunks may take up to twice as much, since what is left at their ends is lost.
 *
 *     rp_arena arena;
 *     if (rp_arena_init(&arena, 16 << 10, 4 << 20) != RP_OK) ...
 *     char *name = rp_arena_text(&arena, view);
 *     rp_arena_reset(&arena);
 *     rp_arena_done(&arena);
 *
 * An arena belongs to one thread at a time.
 */
#ifndef RUNTIME_BASE_ARENA_H
#define RUNTIME_BASE_ARENA_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

struct rp__arena_chunk;

/* In the caller's storage; the fields are the arena's own. */
typedef struct rp_arena {
    struct rp__arena_chunk *first;
    struct rp__arena_chunk *current;
    size_t chunk_bytes;
    size_t bytes_max;
    size_t bytes_used; /* by the pieces since the last reset */
    size_t bytes_held; /* what the chunks take from malloc */
} rp_arena;

/* Takes the first chunk. RP_INVALID where chunk_bytes is 0 or above bytes_max, or bytes_max above a
 * quarter of what can be addressed; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_arena_init(rp_arena *arena, size_t chunk_bytes, size_t bytes_max);

/* Frees every chunk. Accepts NULL and an arena of zeros. */
void rp_arena_done(rp_arena *arena);

/* Makes all pieces invalid and keeps the chunks. */
void rp_arena_reset(rp_arena *arena);

/* `size` bytes aligned for any type, not cleared; size 0 gives a valid pointer. NULL at bytes_max
 * or out of memory. */
void *rp_arena_alloc(rp_arena *arena, size_t size);

/* `count` elements of `size` bytes, cleared; NULL also where the product overflows. */
void *rp_arena_array(rp_arena *arena, size_t count, size_t size);

/* A copy with a NUL behind it; NULL as above. */
char *rp_arena_text(rp_arena *arena, rp_bytes text);

/* A copy; on failure the view's data is NULL and its length 0. */
rp_bytes rp_arena_copy(rp_arena *arena, rp_bytes bytes);

/* A formatted string; NULL as above. */
char *rp_arena_printf(rp_arena *arena, const char *format, ...) RP_PRINTF(2, 3);

#endif
