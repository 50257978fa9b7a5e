/* The counter, the example of a fold, as an actor: what it is to whoever runs one (main.c, the
 * simulator). */
#ifndef ACTORS_COUNTER_COUNTER_H
#define ACTORS_COUNTER_COUNTER_H

#include "runtime/actor/actor.h"

extern const rp_actor_spec rp_counter_actor;

#endif
