/* The request scenario: clients ask, tokenizers and executors answer, and things break.
 *
 * One or two of each, with few slots; each client asks for a few of the orders within some tens of
 * milliseconds, now and then the same one twice. Then everything must settle, and what is promised
 * to whoever asked is checked (check/requests.h).
 */
#ifndef SIM_SCENARIO_REQUEST_H
#define SIM_SCENARIO_REQUEST_H

#include "sim/scenario/stage.h"

void sim_scenario_request(sim_stage *stage);

/* The same with a max_payload of some hundred bytes, and requests whose body is an object. */
void sim_scenario_claims(sim_stage *stage);

#endif
