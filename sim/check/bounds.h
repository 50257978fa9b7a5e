/* Nothing grows without a bound: what a process held, asked for and kept, at its most. */
#ifndef SIM_CHECK_BOUNDS_H
#define SIM_CHECK_BOUNDS_H

#include "sim/check/verdict.h"
#include "sim/process/process.h"

void sim_bounds_check_process(sim_verdict *verdict, const sim_process *process);

/* Events that wait: what a run of this size needs, and far more. */
void sim_bounds_check_world(sim_verdict *verdict, const sim_world *world);

#endif
