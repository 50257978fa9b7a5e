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

/* How many of them, from the first on, are everybody's. The others are for where bodies go by
 * reference: a large answer, and requests whose body is an object, which the scenario stores. */
extern const size_t sim_orders_plain_count;

#define SIM_BLOB_NAME "by-hand"
#define SIM_BLOB_BODY "{\"prompt\":\"by reference\",\"max_tokens\":5}"

#endif
