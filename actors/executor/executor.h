/* The executor as an actor: what it is to whoever runs one (main.c, the simulator, a replay).
 *
 * A worker: takes tokenised work of one model's version, generates, and answers chunk by chunk.
 */
#ifndef ACTORS_EXECUTOR_EXECUTOR_H
#define ACTORS_EXECUTOR_EXECUTOR_H

#include "runtime/actor/actor.h"

/* What its options fill. */
typedef struct rp_executor_settings {
    rp_option_list models; /* one NAME=FILE */
    uint64_t lanes;
    uint64_t context_tokens; /* 0 = what the model was trained for */
    uint64_t prefill_chunk;
    const char *canon; /* a table of kernels by name; NULL or "auto": the fastest */
} rp_executor_settings;

extern const rp_actor_spec rp_executor;

#endif
