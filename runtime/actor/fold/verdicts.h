/* Verdicts: what became of recent messages of the log.
 *
 * Two things are remembered: which of the latest RP_VERDICTS_SEQUENCES sequences held a message that
 * this partition folded, a bit each, and the latest `max` refusals. What was folded and not refused
 * was accepted. A sequence that was not folded here is another partition's, a timer's, or holds
 * nothing: nothing can be said of it. What is further back than either is too old to tell: OUTCOME
 * has it.
 *
 *     rp_verdicts_reset(&verdicts, 4100);              begins behind a snapshot
 *     rp_verdicts_folded(&verdicts, 4711);
 *     rp_verdicts_refused(&verdicts, 4711, &refusal);
 *     switch (rp_verdicts_of(&verdicts, 4712, folded, &refusal)) ...
 */
#ifndef RUNTIME_ACTOR_FOLD_VERDICTS_H
#define RUNTIME_ACTOR_FOLD_VERDICTS_H

#include "runtime/base/ring.h"
#include "schemas/refusal.h"

enum { RP_VERDICTS_SEQUENCES = 1 << 20 };

typedef enum rp_verdict {
    RP_VERDICT_ACCEPTED,
    RP_VERDICT_REFUSED,
    RP_VERDICT_NOT_YET,
    RP_VERDICT_TOO_OLD,
    RP_VERDICT_NOT_OURS /* no message of this partition */
} rp_verdict;

/* In the caller's storage; the fields are its own. */
typedef struct rp_verdicts {
    rp_ring refusals; /* in the order of their sequences */
    uint64_t *ours;   /* bit (sequence modulo RP_VERDICTS_SEQUENCES): it was folded */
    uint64_t last;    /* the bits reach up to here */
    uint64_t floor;   /* up to here nothing is known */
} rp_verdicts;

/* RP_INVALID for max 0, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_verdicts_init(rp_verdicts *verdicts, size_t max);

/* Accepts zeros. */
void rp_verdicts_done(rp_verdicts *verdicts);

/* Forgets all; nothing up to `floor` is known. */
void rp_verdicts_reset(rp_verdicts *verdicts, uint64_t floor);

/* The message at this sequence was folded. Sequences rise from call to call; those between are not
 * ours. */
void rp_verdicts_folded(rp_verdicts *verdicts, uint64_t sequence);

/* It was refused; after rp_verdicts_folded. */
void rp_verdicts_refused(rp_verdicts *verdicts, uint64_t sequence, const rp_refusal *refusal);

/* The verdict of a sequence where all up to `folded` is. `ret_refusal` is lent until the next change
 * where it was refused. */
rp_verdict rp_verdicts_of(const rp_verdicts *verdicts, uint64_t sequence, uint64_t folded,
    const rp_refusal **ret_refusal);

#endif
