/* A bounded first-in, first-out queue of equal-sized elements, in one allocation.
 *
 * A full ring refuses (rp_ring_push answers NULL): the caller tells whoever asked. Elements are
 * reached in place; a pointer stays valid until its element is popped.
 *
 *     rp_ring ring;
 *     if (rp_ring_init(&ring, sizeof(job), 1024) != RP_OK) ...
 *     job *slot = rp_ring_push(&ring);
 *     job *next = rp_ring_front(&ring);
 *     rp_ring_pop(&ring);
 *
 * A ring belongs to one thread at a time.
 */
#ifndef RUNTIME_BASE_RING_H
#define RUNTIME_BASE_RING_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* In the caller's storage; the fields are the ring's own, `count` and `capacity` may be read. */
typedef struct rp_ring {
    uint8_t *data;
    size_t element_bytes;
    size_t capacity;
    size_t head;
    size_t count;
} rp_ring;

/* RP_INVALID where a number is 0 or their product overflows; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_ring_init(rp_ring *ring, size_t element_bytes, size_t capacity);

/* Accepts NULL and a ring of zeros. */
void rp_ring_done(rp_ring *ring);

/* A cleared element at the end; NULL where the ring is full. */
void *rp_ring_push(rp_ring *ring);

/* The oldest element; NULL where there is none. */
void *rp_ring_front(const rp_ring *ring);

/* The element `index` places behind the oldest; NULL where there is none. */
void *rp_ring_at(const rp_ring *ring, size_t index);

/* Drops the oldest; there must be one. */
void rp_ring_pop(rp_ring *ring);

#endif
