/* The host of a simulated process: its clock, its timers and its compute, in virtual time.
 *
 * A job runs at once, on the same thread, and its `done` comes later, as if a thread had worked on
 * it meanwhile. Chance decides whether it ran at the start of that time or at its end, so that who
 * leaves memory alone that a job uses is found out, too.
 */
#ifndef SIM_PROCESS_HOST_H
#define SIM_PROCESS_HOST_H

#include "runtime/base/host.h"
#include "sim/world/world.h"

typedef struct sim_host sim_host;

typedef struct sim_host_spec {
    sim_world *world;
    sim_owner *owner;
    size_t threads, jobs_max;
    uint64_t job_min_ns, job_max_ns; /* how long one takes */
} sim_host_spec;

sim_host *sim_host_new(const sim_host_spec *spec);
void sim_host_free(sim_host *host);

rp_host *sim_host_interface(sim_host *host);

/* Its Unix time jumps, forward or back. */
void sim_host_jump(sim_host *host, int64_t ns);

/* Timers that exist, for the checks. */
size_t sim_host_timers(const sim_host *host);

#endif
