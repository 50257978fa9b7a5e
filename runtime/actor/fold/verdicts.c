#include "runtime/actor/fold/verdicts.h"

#include <stdlib.h>

enum { WORD_BITS = 64 };

typedef struct entry {
    uint64_t sequence;
    rp_refusal refusal;
} entry;

rp_status rp_verdicts_init(rp_verdicts *verdicts, size_t max)
{
    *verdicts = (rp_verdicts){0};
    rp_status status = rp_ring_init(&verdicts->refusals, sizeof(entry), max);
    if (status != RP_OK)
        return status;
    verdicts->ours = calloc(RP_VERDICTS_SEQUENCES / WORD_BITS, sizeof *verdicts->ours);
    return verdicts->ours ? RP_OK : RP_NO_MEMORY;
}

void rp_verdicts_done(rp_verdicts *verdicts)
{
    rp_ring_done(&verdicts->refusals);
    free(verdicts->ours);
    verdicts->ours = NULL;
}

void rp_verdicts_reset(rp_verdicts *verdicts, uint64_t floor)
{
    while (verdicts->refusals.count > 0)
        rp_ring_pop(&verdicts->refusals);
    verdicts->floor = verdicts->last = floor;
}

static uint64_t *word_of(const rp_verdicts *verdicts, uint64_t sequence)
{
    return &verdicts->ours[sequence % RP_VERDICTS_SEQUENCES / WORD_BITS];
}

static uint64_t bit_of(uint64_t sequence)
{
    return UINT64_C(1) << sequence % WORD_BITS;
}

void rp_verdicts_folded(rp_verdicts *verdicts, uint64_t sequence)
{
    RP_ASSERT(sequence > verdicts->last);
    uint64_t hole = verdicts->last + 1;
    if (sequence - hole > RP_VERDICTS_SEQUENCES)
        hole = sequence - RP_VERDICTS_SEQUENCES;
    for (; hole < sequence; hole++)
        *word_of(verdicts, hole) &= ~bit_of(hole);
    *word_of(verdicts, sequence) |= bit_of(sequence);
    verdicts->last = sequence;
}

static bool is_ours(const rp_verdicts *verdicts, uint64_t sequence)
{
    return sequence <= verdicts->last && (*word_of(verdicts, sequence) & bit_of(sequence));
}

void rp_verdicts_refused(rp_verdicts *verdicts, uint64_t sequence, const rp_refusal *refusal)
{
    rp_ring *ring = &verdicts->refusals;
    if (ring->count == ring->capacity) {
        const entry *oldest = rp_ring_front(ring);
        verdicts->floor = oldest->sequence;
        rp_ring_pop(ring);
    }
    entry *e = rp_ring_push(ring);
    *e = (entry){sequence, *refusal};
}

rp_verdict rp_verdicts_of(
    const rp_verdicts *verdicts, uint64_t sequence, uint64_t folded, const rp_refusal **ret_refusal)
{
    const rp_ring *ring = &verdicts->refusals;
    if (sequence > folded)
        return RP_VERDICT_NOT_YET;
    if (sequence <= verdicts->floor || folded - sequence >= RP_VERDICTS_SEQUENCES)
        return RP_VERDICT_TOO_OLD;
    if (!is_ours(verdicts, sequence))
        return RP_VERDICT_NOT_OURS;
    size_t low = 0, high = ring->count; /* the first that is not below `sequence` lies in between */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const entry *e = rp_ring_at(ring, middle);
        if (e->sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    const entry *found = rp_ring_at(ring, low);
    if (!found || found->sequence != sequence)
        return RP_VERDICT_ACCEPTED;
    *ret_refusal = &found->refusal;
    return RP_VERDICT_REFUSED;
}
