#include "runtime/base/ring.h"

#include <stdlib.h>

rp_status rp_ring_init(rp_ring *ring, size_t element_bytes, size_t capacity)
{
    *ring = (rp_ring){.element_bytes = element_bytes, .capacity = capacity};
    if (element_bytes == 0 || capacity == 0 || capacity > SIZE_MAX / element_bytes)
        return RP_INVALID;
    ring->data = malloc(element_bytes * capacity);
    return ring->data ? RP_OK : RP_NO_MEMORY;
}

void rp_ring_done(rp_ring *ring)
{
    if (!ring)
        return;
    free(ring->data);
    *ring = (rp_ring){0};
}

static void *slot(const rp_ring *ring, size_t index)
{
    return ring->data + (ring->head + index) % ring->capacity * ring->element_bytes;
}

void *rp_ring_push(rp_ring *ring)
{
    if (ring->count == ring->capacity)
        return NULL;
    void *element = slot(ring, ring->count++);
    memset(element, 0, ring->element_bytes);
    return element;
}

void *rp_ring_front(const rp_ring *ring)
{
    return rp_ring_at(ring, 0);
}

void *rp_ring_at(const rp_ring *ring, size_t index)
{
    return index < ring->count ? slot(ring, index) : NULL;
}

void rp_ring_pop(rp_ring *ring)
{
    RP_ASSERT(ring->count > 0);
    ring->head = (ring->head + 1) % ring->capacity;
    ring->count--;
}
