/* The stage: what all runs of a program share, and what one run has.
 *
 * Made once: the model, the catalog, the settings of the actors, the undisturbed answers. Begun
 * anew for each seed: the world, the server, the processes, the verdict.
 *
 *     sim_stage *stage;
 *     if (sim_stage_new(&options, &stage, &error) != RP_OK) ...
 *     for (each seed)
 *         sim_stage_run(stage, scenario, seed, &outcome);
 *     sim_stage_free(stage);
 */
#ifndef SIM_SCENARIO_STAGE_H
#define SIM_SCENARIO_STAGE_H

#include "actors/executor/executor.h"
#include "actors/janitor/janitor.h"
#include "actors/tokenizer/tokenizer.h"
#include "sim/check/answers.h"
#include "sim/check/verdict.h"
#include "sim/client/client.h"
#include "sim/faults/plan.h"
#include "sim/model/model.h"
#include "sim/plant/plant.h"
#include "sim/process/process.h"

enum { SIM_PROCESSES_MAX = 16, SIM_CLIENTS_MAX = 8 };

typedef struct sim_stage {
    sim_world *world;
    sim_server *server;
    sim_catalog catalog;
    rp_arena arena; /* of the catalog */
    sim_model model;
    rp_tokenizer_settings tokenizer;
    rp_executor_settings executor;
    sim_answers *answers;   /* the undisturbed ones */
    const sim_plant *plant; /* NULL = none */
    rp_log *log;
    /* of a run */
    sim_process *processes[SIM_PROCESSES_MAX];
    size_t process_count;
    sim_client *clients[SIM_CLIENTS_MAX];
    size_t client_count;
    sim_plan plan;
    void *arg; /* the scenario's own */
    sim_verdict verdict;
} sim_stage;

typedef struct sim_stage_options {
    const sim_plant *plant;
    FILE *trace; /* NULL = none */
} sim_stage_options;

typedef struct sim_scenario {
    const char *name, *summary;
    /* Sets the stage, lets it play, and checks; what broke goes into the verdict. */
    void (*run)(sim_stage *stage);
} sim_scenario;

/* Ended by a row of NULLs; the first is the usual one. */
extern const sim_scenario sim_scenarios[];

/* NULL where there is none of that name. */
const sim_scenario *sim_scenario_find(const char *name);

typedef struct sim_outcome {
    uint64_t digest, steps, ended_ns;
    sim_verdict verdict;
} sim_outcome;

RP_MUST_USE rp_status sim_stage_new(
    const sim_stage_options *options, sim_stage **ret_stage, rp_error *reterr);
void sim_stage_free(sim_stage *stage);

void sim_stage_run(
    sim_stage *stage, const sim_scenario *scenario, uint64_t seed, sim_outcome *ret_outcome);

/* -- for scenarios ----------------------------------------------------------------------------- */

/* An instance of an actor, up; with the stage's plant, and started again by the plan where it goes
 * down. What does not start is a broken invariant. */
sim_process *sim_stage_process(sim_stage *stage, const sim_process_spec *spec);

/* What every process has; the actor and its slots are to be filled in. */
sim_process_spec sim_stage_spec(sim_stage *stage, const char *name);

/* The specs of the two, with the stage's settings. `name` lives as long as the run. */
sim_process_spec sim_stage_tokenizer(sim_stage *stage, const char *name);
sim_process_spec sim_stage_executor(sim_stage *stage, const char *name);

/* A janitor that makes room wherever it may, at a pause that is drawn. */
sim_process_spec sim_stage_janitor(sim_stage *stage, const char *name);

sim_client *sim_stage_client(sim_stage *stage, const char *name, const char *tenant);

/* Carries out the plan on all that is on the stage. */
void sim_stage_start_plan(sim_stage *stage);

/* Lets it play until `is_over` says so, an invariant is broken, or for `for_ns` behind the plan's
 * end; true where it was over. */
bool sim_stage_play(sim_stage *stage, uint64_t for_ns, bool (*is_over)(sim_stage *stage));

/* The plan is carried out, every client has its answers, and nothing is left to do in the streams.
 */
bool sim_stage_is_settled(sim_stage *stage);

#endif
