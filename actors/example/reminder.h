/* The reminder, the example of a durable timer, as an actor: what it is to whoever runs one
 * (reminder_main.c, the simulator). */
#ifndef ACTORS_EXAMPLE_REMINDER_H
#define ACTORS_EXAMPLE_REMINDER_H

#include "runtime/actor/actor.h"

extern const rp_actor_spec rp_reminder;

#endif
