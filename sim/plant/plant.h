/* Planted bugs: what the simulator must find, or it finds nothing.
 *
 * A plant makes every actor's bus do something wrong, at the seam between the actor and the bus:
 * what the actor then does is what it would do if it had that bug itself. Production's code is not
 * touched and knows of none of this.
 */
#ifndef SIM_PLANT_PLANT_H
#define SIM_PLANT_PLANT_H

#include "runtime/bus/bus.h"

typedef struct sim_plant {
    const char *name, *summary;
    void (*change)(rp_bus_ops *ops);
} sim_plant;

/* Ended by a row of NULLs. */
extern const sim_plant sim_plants[];

/* NULL where there is none of that name. */
const sim_plant *sim_plant_find(const char *name);

#endif
