/* The tokenizer as an actor: what it is to whoever runs one (main.c, the simulator, a replay).
 *
 * A worker: takes what users publish, checks and encodes it, and routes it to executors.
 */
#ifndef ACTORS_TOKENIZER_TOKENIZER_H
#define ACTORS_TOKENIZER_TOKENIZER_H

#include "runtime/actor/actor.h"

/* What its options fill. */
typedef struct rp_tokenizer_settings {
    rp_option_list models; /* NAME=FILE, one or more */
    uint64_t lanes;
    uint64_t queue_max;        /* of what waits for a model, all tokenizers together */
    uint64_t prompt_bytes_max; /* 0 = the default */
    uint64_t cache_bytes_max;
} rp_tokenizer_settings;

extern const rp_actor_spec rp_tokenizer;

#endif
