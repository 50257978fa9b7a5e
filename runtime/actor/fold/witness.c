#include "runtime/actor/fold/witness.h"

static bool agrees(const rp_testimony *kept, uint64_t sequence, rp_hash128 digest)
{
    for (size_t i = 0; i < RP_WITNESS_KEPT; i++) {
        if (kept[i].sequence == sequence)
            return kept[i].digest.low == digest.low && kept[i].digest.high == digest.high;
    }
    return true;
}

static void keep(rp_testimony *kept, size_t *next, uint64_t sequence, rp_hash128 digest)
{
    kept[*next] = (rp_testimony){sequence, digest};
    *next = (*next + 1) % RP_WITNESS_KEPT;
}

bool rp_witness_own(rp_witness *witness, uint64_t sequence, rp_hash128 digest)
{
    keep(witness->own, &witness->own_next, sequence, digest);
    return agrees(witness->stored, sequence, digest);
}

bool rp_witness_stored(rp_witness *witness, uint64_t sequence, rp_hash128 digest)
{
    keep(witness->stored, &witness->stored_next, sequence, digest);
    return agrees(witness->own, sequence, digest);
}
