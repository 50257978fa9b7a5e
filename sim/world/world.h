/* The world of one run: virtual time, what is to happen in it, and chance.
 *
 * A run is a heap of events, ordered by (time, serial). Nothing else moves: no thread, no system
 * clock, no system randomness. So a run is a function of its seed and of the build.
 *
 *     sim_world *world = sim_world_new(seed);
 *     sim_event *event = sim_world_after(world, owner, 5 * RP_NS_PER_MS, on_due, self);
 *     while (sim_world_step(world)) ...
 *     sim_world_free(world);
 *
 * An event belongs to an owner, the incarnation of a process. An owner that is stopped (SIGSTOP)
 * keeps its events until it goes on; one that is dead never sees them. The server and the scenario
 * own theirs through owners of their own that neither stop nor die; NULL is such an owner.
 *
 * Chance is drawn per purpose: each purpose has a counter of its own, so that a new fault or one
 * more draw of the network leaves all the other draws of a seed as they were.
 *
 * Memory of a run comes from its arena and goes with it: a run is short, and what has happened in
 * it may be looked at until its end. One thread.
 */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include "runtime/base/arena.h"
#include "runtime/base/clock.h"
#include "sim/world/trace.h"

/* Unix time at the start of each run: 2026-01-01T00:00:00Z. */
#define SIM_EPOCH_NS (UINT64_C(1767225600) * RP_NS_PER_S)

typedef struct sim_world sim_world;
typedef struct sim_event sim_event;
typedef struct sim_owner sim_owner;

typedef void (*sim_event_cb)(void *arg);

/* What chance is drawn for. */
typedef enum sim_chance {
    SIM_CHANCE_SCENARIO, /* who is there and what is asked */
    SIM_CHANCE_FAULTS,   /* the plan of what breaks */
    SIM_CHANCE_NETWORK,  /* delays, losses */
    SIM_CHANCE_SERVER,   /* what the server is free to choose */
    SIM_CHANCE_BUS,      /* back-off */
    SIM_CHANCE_COMPUTE,  /* how long jobs take */
    SIM_CHANCE_COUNT
} sim_chance;

/* A world at time 0. Ends the program where there is no memory, like every function here. */
sim_world *sim_world_new(void);
void sim_world_free(sim_world *world);

/* Back to time 0 with another seed; everything of the run before is gone. */
void sim_world_begin(sim_world *world, uint64_t seed);

uint64_t sim_world_seed(const sim_world *world);
uint64_t sim_world_now_ns(const sim_world *world);
rp_arena *sim_world_arena(sim_world *world);
sim_trace *sim_world_trace(sim_world *world);

/* `size` cleared bytes that live until the run's end. */
void *sim_world_alloc(sim_world *world, size_t size);
rp_bytes sim_world_copy(sim_world *world, rp_bytes bytes);

/* -- chance ------------------------------------------------------------------------------------ */

/* A number below `below`, which is above 0. */
uint64_t sim_world_draw(sim_world *world, sim_chance chance, uint64_t below);

/* Whether something happens that happens `per_mille` of 1000 times. */
bool sim_world_happens(sim_world *world, sim_chance chance, uint32_t per_mille);

/* From `low` to `high`, small ones as likely as large ones on a scale of powers of two. */
uint64_t sim_world_spread(sim_world *world, sim_chance chance, uint64_t low, uint64_t high);

/* -- events ------------------------------------------------------------------------------------ */

/* Lets `callback` happen after `delay_ns`. The handle is valid until then. */
sim_event *sim_world_after(
    sim_world *world, sim_owner *owner, uint64_t delay_ns, sim_event_cb callback, void *arg);

/* It will not happen. */
void sim_world_cancel(sim_world *world, sim_event *event);

/* The next event happens; false where none is left. */
bool sim_world_step(sim_world *world);

/* When the next one is due; UINT64_MAX where none is left. */
uint64_t sim_world_next_ns(const sim_world *world);

/* Events that have happened, and those that wait. */
uint64_t sim_world_steps(const sim_world *world);
size_t sim_world_waiting(const sim_world *world);

/* -- owners ------------------------------------------------------------------------------------ */

sim_owner *sim_owner_new(sim_world *world);
void sim_owner_pause(sim_owner *owner);
void sim_owner_continue(sim_world *world, sim_owner *owner);
void sim_owner_kill(sim_owner *owner);
bool sim_owner_paused(const sim_owner *owner);
bool sim_owner_dead(const sim_owner *owner);

/* Calls `callback` before the `count`-th event from now that is the owner's: for a crash at any
 * step. */
void sim_owner_at_step(sim_owner *owner, uint64_t count, sim_event_cb callback, void *arg);

#endif
