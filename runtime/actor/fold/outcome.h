/* An outcome: what a message of the log gave rise to, as a record on outcome.<kind>.<partition>.
 *
 * Outcomes have one order, that of (sequence of the cause, index), and the chain on the subject has
 * it too. Rp-Cause says it in the header, `<log>:<sequence>:<index>`; the body says it again, with
 * what it is: a refusal, an event, a timer or a digest (schemas/reprise/v1/outcome.proto).
 *
 * The record follows from the message and the pairs alone, so every replica writes the same bytes.
 */
#ifndef RUNTIME_ACTOR_FOLD_OUTCOME_H
#define RUNTIME_ACTOR_FOLD_OUTCOME_H

#include "runtime/base/buffer.h"
#include "schemas/reprise/v1/outcome.pb-c.h"

#define RP_OUTCOME_STREAM "OUTCOME"

enum {
    RP_OUTCOME_BYTES_MAX = 64 << 10, /* of a record */
    RP_OUTCOME_SUBJECT_BYTES = 256,  /* of outcome.<kind>.<partition>, and a NUL */
    RP_OUTCOME_CAUSE_BYTES = 128
};

/* Where in its chain. (0, 0) is before all of them. */
typedef struct rp_outcome_place {
    uint64_t sequence;
    uint32_t index;
} rp_outcome_place;

static inline bool rp_outcome_is_before(rp_outcome_place a, rp_outcome_place b)
{
    return a.sequence < b.sequence || (a.sequence == b.sequence && a.index < b.index);
}

/* Writes Rp-Cause. */
void rp_outcome_cause(const char *log, rp_outcome_place place, char text[RP_OUTCOME_CAUSE_BYTES]);

/* Reads it. RP_INVALID where it is none, or not one of this log. */
RP_MUST_USE rp_status rp_outcome_cause_parse(
    rp_bytes text, const char *log, rp_outcome_place *ret_place);

/* Fills `buffer` with the record as JSON. `log` and `place` fill the fields that every outcome has;
 * `subject` (empty = none) is the cause's. RP_LIMIT above RP_OUTCOME_BYTES_MAX, RP_INVALID where a
 * text is no UTF-8. */
RP_MUST_USE rp_status rp_outcome_encode(Rp__Outcome *outcome, const char *log,
    rp_outcome_place place, rp_bytes subject, rp_buffer *buffer);

#endif
