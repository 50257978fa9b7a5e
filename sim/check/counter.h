/* What is promised of the example fold, checked on the streams and by asking.
 *
 * A model of twenty lines folds the log once more. OUTCOME must hold what the model says, in the
 * order of the causes, each once; and whoever is asked must give the model's counts. The commands
 * are noted as COUNTER stores them, since a janitor may take them away.
 *
 *     sim_counter_stored(&log, stream, stored)      from the server's on_stored
 *     sim_counter_fold(&log, last, &model)          when the last command is there
 */
#ifndef SIM_CHECK_COUNTER_H
#define SIM_CHECK_COUNTER_H

#include "sim/check/verdict.h"
#include "sim/server/server.h"

enum { SIM_COUNTER_KEYS = 4, SIM_COUNTER_COMMANDS_MAX = 512 };

/* What COUNTER was given: the command of sequence i + 1. One that a power cut took is replaced by
 * the next that has its sequence. */
typedef struct sim_counter_log {
    struct {
        size_t key;
        int64_t by;
    } commands[SIM_COUNTER_COMMANDS_MAX];
} sim_counter_log;

/* Notes what COUNTER stores, of all that is stored. */
void sim_counter_stored(sim_counter_log *log, const sim_stream *stream, const sim_stored *stored);

/* Names of the counters: "k0", "k1", ... */
typedef struct sim_counter_model {
    int64_t counts[SIM_COUNTER_KEYS];
    uint64_t last; /* sequence */
    struct {
        uint64_t cause;
        bool refused; /* else a milestone */
    } outcomes[SIM_COUNTER_COMMANDS_MAX];
    size_t outcome_count;
} sim_counter_model;

/* Folds all commands up to the sequence `last`. */
void sim_counter_fold(const sim_counter_log *log, uint64_t last, sim_counter_model *ret_model);

/* OUTCOME against the model. `arena` is for reading. */
void sim_counter_check_outcomes(
    sim_server *server, const sim_counter_model *model, rp_arena *arena, sim_verdict *verdict);

#endif
