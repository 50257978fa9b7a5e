/* The fold scenario: three replicas of the counter, a writer, and whoever asks.
 *
 * Snapshots are taken often, so that replicas that start again begin with one. When all is written
 * and quiet, OUTCOME must be what a model of the fold says, and every replica that is asked must
 * give the model's counts and one digest (check/counter.h).
 */
#ifndef SIM_SCENARIO_FOLD_H
#define SIM_SCENARIO_FOLD_H

#include "sim/scenario/stage.h"

void sim_scenario_fold(sim_stage *stage);

#endif
