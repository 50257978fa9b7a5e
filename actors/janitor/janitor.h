/* The janitor as an actor: what it is to whoever runs one (main.c, the simulator).
 *
 * A worker without a mailbox: it looks at streams from time to time and makes room in those that
 * are filling up. See janitor_internal.h for what it may purge.
 */
#ifndef ACTORS_JANITOR_JANITOR_H
#define ACTORS_JANITOR_JANITOR_H

#include "runtime/actor/actor.h"

/* What its options fill. */
typedef struct rp_janitor_settings {
    uint64_t every_ns;
    uint64_t above_percent; /* of max_bytes; a stream that holds less is left alone */
} rp_janitor_settings;

extern const rp_actor_spec rp_janitor;

#endif
