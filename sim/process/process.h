/* A process: instances of an actor, one after the other, and what can befall them.
 *
 *     sim_process *process = sim_process_new(&spec);
 *     sim_process_start(process)            a new instance, with a bus and a host of its own
 *     sim_process_crash(process)            kill -9: between two events, nothing is said
 *     sim_process_pause / _continue         SIGSTOP, SIGCONT
 *     sim_process_drain                     SIGTERM; it ends by itself
 *     sim_process_leave                     kill -9, and nobody starts it again
 *     sim_process_jump                      its clock is set
 *
 * The actor is production's own (rp_actor_new), settings and all. An instance that gives up by
 * itself (rp_actor_fail) is down; whoever supervises it may start another.
 */
#ifndef SIM_PROCESS_PROCESS_H
#define SIM_PROCESS_PROCESS_H

#include "runtime/actor/actor.h"
#include "sim/bus/bus.h"
#include "sim/process/host.h"

typedef enum sim_process_state {
    SIM_PROCESS_DOWN,
    SIM_PROCESS_UP,
    SIM_PROCESS_PAUSED,
    SIM_PROCESS_DRAINING
} sim_process_state;

typedef struct sim_process sim_process;

typedef struct sim_process_spec {
    sim_world *world;
    sim_server *server;
    const rp_actor_spec *actor;
    const void *settings; /* borrowed */
    const char *name;     /* likewise; of the instance, unlike every other's */
    size_t slots;
    uint32_t partitions;     /* of a fold, all of which it runs; else 0 */
    uint64_t snapshot_every; /* messages; 0 = the fold's own */
    sim_bus_limits limits;
    uint64_t job_min_ns, job_max_ns;
    void (*plant)(rp_bus_ops *ops);                   /* as in sim_bus_spec */
    rp_log *log;                                      /* may be NULL */
    void (*on_down)(void *arg, sim_process *process); /* the instance is gone; may be NULL */
    void *arg;
} sim_process_spec;

/* Down. Lives as long as the run; sim_process_end comes before that. */
sim_process *sim_process_new(const sim_process_spec *spec);

/* What rp_actor_new says. */
RP_MUST_USE rp_status sim_process_start(sim_process *process, rp_error *reterr);

void sim_process_crash(sim_process *process);
void sim_process_pause(sim_process *process);
void sim_process_continue(sim_process *process);
void sim_process_drain(sim_process *process, uint64_t limit_ns);
void sim_process_jump(sim_process *process, int64_t ns);

/* Its connection breaks. */
void sim_process_disconnect(sim_process *process);

/* It crashes before the `count`-th event from now that is its own; 0 = after all it does not. */
void sim_process_crash_at(sim_process *process, uint64_t count);

/* Killed, and not told to on_down: nobody starts it again. */
void sim_process_leave(sim_process *process);

/* Gives up what the present instance holds, at a run's end. */
void sim_process_end(sim_process *process);

sim_process_state sim_process_state_of(const sim_process *process);
const sim_process_spec *sim_process_spec_of(const sim_process *process);

/* The peaks are those of all its instances. */
sim_bus_counts sim_process_counts(const sim_process *process);
size_t sim_process_starts(const sim_process *process);

#endif
