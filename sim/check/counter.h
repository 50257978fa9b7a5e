/* What is promised of the example fold, checked on the streams and by asking.
 *
 * A model of twenty lines folds the log once more. OUTCOME must hold what the model says, in the
 * order of the causes, each once; and whoever is asked must give the model's counts.
 */
#ifndef SIM_CHECK_COUNTER_H
#define SIM_CHECK_COUNTER_H

#include "sim/check/verdict.h"
#include "sim/server/server.h"

enum { SIM_COUNTER_KEYS = 4, SIM_COUNTER_OUTCOMES_MAX = 512 };

/* Names of the counters: "k0", "k1", ... */
typedef struct sim_counter_model {
    int64_t counts[SIM_COUNTER_KEYS];
    uint64_t last; /* sequence */
    struct {
        uint64_t cause;
        bool refused; /* else a milestone */
    } outcomes[SIM_COUNTER_OUTCOMES_MAX];
    size_t outcome_count;
} sim_counter_model;

/* Folds what COUNTER holds. */
void sim_counter_fold(sim_server *server, sim_counter_model *ret_model);

/* OUTCOME against the model. `arena` is for reading. */
void sim_counter_check_outcomes(
    sim_server *server, const sim_counter_model *model, rp_arena *arena, sim_verdict *verdict);

#endif
