/* The undisturbed answers: what each order is answered by when nothing is broken.
 *
 * An answer does not depend on company, time or trouble; so each order is asked once, alone and in
 * peace, and what came is what must come in every run. Found out when it is first needed.
 */
#ifndef SIM_CHECK_ANSWERS_H
#define SIM_CHECK_ANSWERS_H

#include "schemas/reprise/v1/reply.pb-c.h"
#include "schemas/reprise/v1/result.pb-c.h"
#include "sim/client/client.h"

typedef struct sim_answer {
    const sim_order *order;
    rp_bytes chunks[SIM_CHUNKS_MAX]; /* bodies */
    size_t chunk_count;
    const Rp__Chunk *last;
    const Rp__Result *result;
} sim_answer;

typedef struct sim_answers sim_answers;

sim_answers *sim_answers_new(void);
void sim_answers_free(sim_answers *answers);

/* NULL where it is not known yet. */
const sim_answer *sim_answers_find(const sim_answers *answers, const sim_order *order);

/* Keeps what an ask was answered with; `result` is RESULT's body. RP_INVALID where that is no
 * answer. */
RP_MUST_USE rp_status sim_answers_keep(
    sim_answers *answers, const sim_order *order, const sim_ask *ask, rp_bytes result);

#endif
