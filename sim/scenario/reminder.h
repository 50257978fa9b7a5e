/* The scenario `reminder`: durable timers are set, replaced and taken back, and come. */
#ifndef SIM_SCENARIO_REMINDER_H
#define SIM_SCENARIO_REMINDER_H

#include "sim/scenario/stage.h"

void sim_scenario_reminder(sim_stage *stage);

#endif
