/* What clients ask for in the simulation: each kind of request that takes another way.
 *
 * An order's answer is the same whoever asks for it, whenever and in whichever company, so it is
 * found out once (check/answers.h) and then known.
 */
#ifndef SIM_SCENARIO_ORDERS_H
#define SIM_SCENARIO_ORDERS_H

#include "sim/client/client.h"

extern const sim_order sim_orders[];
extern const size_t sim_orders_count;

#endif
