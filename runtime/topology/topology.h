/* Where compute threads run.
 *
 * A decode step is as fast as its slowest thread, and threads that share weights are fastest where
 * they share a last-level cache and the memory beside it. So compute threads take physical cores,
 * one thread a core, all in the smallest part of the machine that holds them: one L3, else one NUMA
 * node, else one package, else all. Second hardware threads come last. What the process may not
 * use, by affinity or cpuset, does not exist here.
 *
 *     rp_topology *topology;
 *     if (rp_topology_new(&topology, reterr) != RP_OK) ...
 *     size_t threads = rp_topology_threads(topology);
 *     uint32_t cpus[RP_TOPOLOGY_CPUS_MAX];
 *     if (rp_topology_plan(topology, threads, cpus, reterr) != RP_OK) ...
 *     on thread i: rp_topology_bind(topology, &cpus[i], 1, reterr);
 *     rp_topology_free(topology);
 *
 * It is read once, before the first thread is bound, and takes about a millisecond; after that it
 * does not change, and any thread may ask. Two processes that may use the same CPUs get the same
 * plan: give each its own (taskset, cpuset), or bind neither.
 */
#ifndef RUNTIME_TOPOLOGY_TOPOLOGY_H
#define RUNTIME_TOPOLOGY_TOPOLOGY_H

#include "runtime/base/buffer.h"
#include "runtime/base/status.h"

enum { RP_TOPOLOGY_CPUS_MAX = 1024 };

typedef struct rp_topology rp_topology;

/* What the calling thread may use of this machine: its cpuset and its affinity. RP_IO where it
 * cannot be found out, RP_LIMIT above RP_TOPOLOGY_CPUS_MAX, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_topology_new(rp_topology **ret_topology, rp_error *reterr);

/* A machine that is only described, in hwloc's synthetic notation ("pack:2 [numa] l3:2 core:4
 * pu:2"), for tests and simulation; binding to it does nothing. `allowed` lists the CPUs that may
 * be used ("0-5,8"), NULL = all; `millicpus` as in cgroup.h. RP_INVALID for what is no description
 * or leaves no CPU. */
RP_MUST_USE rp_status rp_topology_new_described(const char *description, const char *allowed,
    uint64_t millicpus, rp_topology **ret_topology, rp_error *reterr);

/* Accepts NULL. */
void rp_topology_free(rp_topology *topology);

/* How many compute threads this process should run: the physical cores that it may use, or fewer
 * where its control group grants less processor time. At least 1. */
size_t rp_topology_threads(const rp_topology *topology);

/* Hardware threads that it may use; the most that can be planned. */
size_t rp_topology_cpus(const rp_topology *topology);

/* CPUs (as the system numbers them) for `threads` threads, one each, best first, as told above.
 * `ret_cpus` has place for that many. RP_INVALID for 0, RP_LIMIT above rp_topology_cpus. */
RP_MUST_USE rp_status rp_topology_plan(
    const rp_topology *topology, size_t threads, uint32_t *ret_cpus, rp_error *reterr);

/* Binds the calling thread to these CPUs. RP_INVALID for none, or one that it may not use; RP_IO
 * where the system refuses. */
RP_MUST_USE rp_status rp_topology_bind(
    const rp_topology *topology, const uint32_t *cpus, size_t count, rp_error *reterr);

/* Appends one line for people, without a line feed: "1 package, 1 NUMA node, 2 cores, 4 hardware
 * threads, L2 2 x 1 MiB, L3 1 x 32 MiB, limited to 1.5 CPUs". */
void rp_topology_describe(const rp_topology *topology, rp_buffer *out);

#endif
