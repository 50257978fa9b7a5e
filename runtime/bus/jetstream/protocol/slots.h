/* The places of an outbox: bounded in number and bytes, in the order in which they were taken.
 *
 * What waits for an answer has a slot. Slot and generation together are its name on the wire: a
 * slot that is taken again has another generation, so an answer that comes too late, or twice,
 * finds nobody. What lies in a slot is the owner's, in an array of its own with the same index.
 *
 *     for (uint32_t i = slots->oldest; i != RP__SLOT_NONE; i = slots->slots[i].next) ...
 *
 * Taking and giving back cost the same however many there are; nothing is allocated after init.
 */
#ifndef RUNTIME_BUS_JETSTREAM_PROTOCOL_SLOTS_H
#define RUNTIME_BUS_JETSTREAM_PROTOCOL_SLOTS_H

#include "runtime/base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define RP__SLOT_NONE UINT32_MAX

typedef struct rp__slot {
    bool taken;
    uint32_t generation;     /* how often it was taken, modulo 2^32 */
    uint32_t next, previous; /* in the order of their taking; RP__SLOT_NONE ends */
    size_t bytes;
} rp__slot;

/* In the caller's storage; a struct of zeros is empty and done. */
typedef struct rp__slots {
    rp__slot *slots;
    uint32_t *unused; /* a stack */
    size_t capacity, unused_count;
    uint32_t oldest, newest;
    size_t bytes, bytes_max;
} rp__slots;

/* RP_INVALID for a capacity of 0 or one that does not fit into a token, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp__slots_init(rp__slots *slots, size_t capacity, size_t bytes_max);
void rp__slots_done(rp__slots *slots);

/* Takes a slot behind all others; false where number or bytes are used up. */
RP_MUST_USE bool rp__slots_take(rp__slots *slots, size_t bytes, uint32_t *ret_slot);
void rp__slots_give_back(rp__slots *slots, uint32_t slot);

/* Whether slot and generation, which come from outside, name what lies there now. */
bool rp__slots_holds(const rp__slots *slots, uint32_t slot, uint32_t generation);

size_t rp__slots_count(const rp__slots *slots);

#endif
