#include "runtime/bus/jetstream/protocol/slots.h"

#include <stdlib.h>

rp_status rp__slots_init(rp__slots *slots, size_t capacity, size_t bytes_max)
{
    *slots = (rp__slots){.oldest = RP__SLOT_NONE, .newest = RP__SLOT_NONE};
    if (capacity == 0 || capacity >= RP__SLOT_NONE)
        return RP_INVALID;
    slots->slots = calloc(capacity, sizeof *slots->slots);
    slots->unused = calloc(capacity, sizeof *slots->unused);
    if (!slots->slots || !slots->unused) {
        rp__slots_done(slots);
        return RP_NO_MEMORY;
    }
    /* The lowest lies on top. */
    for (size_t i = 0; i < capacity; i++)
        slots->unused[i] = (uint32_t)(capacity - 1 - i);
    slots->capacity = slots->unused_count = capacity;
    slots->bytes_max = bytes_max;
    return RP_OK;
}

void rp__slots_done(rp__slots *slots)
{
    free(slots->slots);
    free(slots->unused);
    *slots = (rp__slots){.oldest = RP__SLOT_NONE, .newest = RP__SLOT_NONE};
}

bool rp__slots_take(rp__slots *slots, size_t bytes, uint32_t *ret_slot)
{
    if (slots->unused_count == 0 || bytes > slots->bytes_max - slots->bytes)
        return false;
    uint32_t slot = slots->unused[--slots->unused_count];
    slots->slots[slot] = (rp__slot){.taken = true,
        .generation = slots->slots[slot].generation + 1,
        .next = RP__SLOT_NONE,
        .previous = slots->newest,
        .bytes = bytes};
    if (slots->newest != RP__SLOT_NONE)
        slots->slots[slots->newest].next = slot;
    else
        slots->oldest = slot;
    slots->newest = slot;
    slots->bytes += bytes;
    *ret_slot = slot;
    return true;
}

void rp__slots_give_back(rp__slots *slots, uint32_t slot)
{
    RP_ASSERT(slot < slots->capacity && slots->slots[slot].taken);
    rp__slot *s = &slots->slots[slot];
    if (s->previous != RP__SLOT_NONE)
        slots->slots[s->previous].next = s->next;
    else
        slots->oldest = s->next;
    if (s->next != RP__SLOT_NONE)
        slots->slots[s->next].previous = s->previous;
    else
        slots->newest = s->previous;
    slots->bytes -= s->bytes;
    s->taken = false;
    slots->unused[slots->unused_count++] = slot;
}

bool rp__slots_holds(const rp__slots *slots, uint32_t slot, uint32_t generation)
{
    return slot < slots->capacity && slots->slots[slot].taken &&
           slots->slots[slot].generation == generation;
}

size_t rp__slots_count(const rp__slots *slots)
{
    return slots->capacity - slots->unused_count;
}
