/* Random numbers that are a function of where they are drawn.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011):
 * four 32-bit words from a 64-bit key and a 128-bit counter. There is no state to lose: a message
 * that is delivered again draws the same numbers, and so does its replay.
 */
#ifndef RUNTIME_BASE_RNG_H
#define RUNTIME_BASE_RNG_H

#include <stdint.h>

typedef struct rp_rng_words {
    uint32_t word[4];
} rp_rng_words;

/* The words at (key, counter); `counter` holds the low 64 bits first, then the high ones. */
rp_rng_words rp_rng_philox(uint64_t key, uint64_t counter_low, uint64_t counter_high);

/* A float in [0, 1) from the top 24 bits of the first word at (seed, position): the sampler's draw
 * of canon 1. */
float rp_rng_uniform(uint64_t seed, uint64_t position);

#endif
