#include "runtime/topology/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <inttypes.h>
#include <stdlib.h>

#include "runtime/topology/cgroup.h"

struct rp_topology {
    hwloc_topology_t machine;
    size_t cpus, cores; /* no cores: each CPU counts as one */
    uint64_t millicpus; /* of processor time; 0 = no limit */
};

/* Parts of the machine whose cores are near each other; which of two is the smaller is found out,
 * since an L3 may span NUMA nodes and the other way round. */
static const hwloc_obj_type_t parts[] = {
    HWLOC_OBJ_L3CACHE, HWLOC_OBJ_NUMANODE, HWLOC_OBJ_PACKAGE, HWLOC_OBJ_MACHINE};

/* ---- reading the machine ---- */

/* An empty machine that keeps only what is asked for; NULL out of memory. */
static rp_topology *topology_begin(void)
{
    static const hwloc_obj_type_t kept[] = {
        HWLOC_OBJ_PACKAGE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_CORE};
    rp_topology *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    if (hwloc_topology_init(&t->machine) != 0) {
        free(t);
        return NULL;
    }
    int failed = hwloc_topology_set_all_types_filter(t->machine, HWLOC_TYPE_FILTER_KEEP_NONE);
    /* A NUMA node that matches no other part hangs below a group of its own. */
    failed |= hwloc_topology_set_type_filter(
        t->machine, HWLOC_OBJ_GROUP, HWLOC_TYPE_FILTER_KEEP_STRUCTURE);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        failed |= hwloc_topology_set_type_filter(t->machine, kept[i], HWLOC_TYPE_FILTER_KEEP_ALL);
    RP_ASSERT(failed == 0); /* they are constants */
    return t;
}

static size_t count_of(const rp_topology *t, hwloc_obj_type_t type)
{
    int count = hwloc_get_nbobjs_by_type(t->machine, type);
    return count > 0 ? (size_t)count : 0;
}

/* The cores, if they are told of for every CPU: some virtual machines tell of none. */
static size_t count_cores(const rp_topology *t)
{
    size_t held = 0;
    for (hwloc_obj_t core = NULL;
         (core = hwloc_get_next_obj_by_type(t->machine, HWLOC_OBJ_CORE, core)) != NULL;) {
        int weight = hwloc_bitmap_weight(core->cpuset);
        held += weight > 0 ? (size_t)weight : 0;
    }
    return held == t->cpus ? count_of(t, HWLOC_OBJ_CORE) : 0;
}

/* Hands the loaded machine out, or frees it. */
static rp_status topology_end(rp_topology *t, rp_topology **ret_topology, rp_error *reterr)
{
    t->cpus = count_of(t, HWLOC_OBJ_PU);
    t->cores = count_cores(t);
    rp_status status = RP_OK;
    if (t->cpus == 0)
        status = rp_error_set(reterr, RP_IO, NULL, "the system tells of no CPU");
    else if (t->cpus > RP_TOPOLOGY_CPUS_MAX)
        status = rp_error_set(reterr, RP_LIMIT, NULL, "%zu CPUs, at most %d; bind to fewer",
            t->cpus, RP_TOPOLOGY_CPUS_MAX);
    if (status != RP_OK) {
        rp_topology_free(t);
        return status;
    }
    *ret_topology = t;
    return RP_OK;
}

/* Takes away what `allowed` does not list; false where that is no list or nothing is left. */
static bool restrict_to_list(rp_topology *t, const char *allowed)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    bool done = set && hwloc_bitmap_list_sscanf(set, allowed) == 0 &&
                hwloc_topology_restrict(t->machine, set, HWLOC_RESTRICT_FLAG_REMOVE_CPULESS) == 0;
    hwloc_bitmap_free(set);
    return done;
}

/* Takes away what the calling thread's affinity leaves out. */
static bool restrict_to_affinity(rp_topology *t)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    bool done = set && hwloc_get_cpubind(t->machine, set, HWLOC_CPUBIND_THREAD) == 0 &&
                hwloc_topology_restrict(t->machine, set, HWLOC_RESTRICT_FLAG_REMOVE_CPULESS) == 0;
    hwloc_bitmap_free(set);
    return done;
}

rp_status rp_topology_new(rp_topology **ret_topology, rp_error *reterr)
{
    /* No measured distances, memory attributes or core kinds: they take time and are not used. */
    const unsigned long flags = HWLOC_TOPOLOGY_FLAG_IS_THISSYSTEM |
                                HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING |
                                HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
                                HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
    rp_topology *t = topology_begin();
    if (!t)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the topology");
    if (hwloc_topology_set_flags(t->machine, flags) != 0 || hwloc_topology_load(t->machine) != 0 ||
        !restrict_to_affinity(t)) {
        int error = errno;
        rp_topology_free(t);
        return rp_error_set(
            reterr, RP_IO, NULL, "cannot read the machine's topology: %s", strerror(error));
    }
    t->millicpus = rp_cgroup_millicpus("");
    return topology_end(t, ret_topology, reterr);
}

rp_status rp_topology_new_described(const char *description, const char *allowed,
    uint64_t millicpus, rp_topology **ret_topology, rp_error *reterr)
{
    rp_topology *t = topology_begin();
    if (!t)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the topology");
    t->millicpus = millicpus;
    if (hwloc_topology_set_synthetic(t->machine, description) == 0 &&
        hwloc_topology_load(t->machine) == 0 && (!allowed || restrict_to_list(t, allowed)))
        return topology_end(t, ret_topology, reterr);
    rp_topology_free(t);
    return rp_error_set(reterr, RP_INVALID, NULL, "no machine: \"%s\" with CPUs %s", description,
        allowed ? allowed : "all");
}

void rp_topology_free(rp_topology *topology)
{
    if (!topology)
        return;
    hwloc_topology_destroy(topology->machine);
    free(topology);
}

/* ---- planning ---- */

size_t rp_topology_threads(const rp_topology *topology)
{
    size_t threads = topology->cores ? topology->cores : topology->cpus;
    uint64_t granted = topology->millicpus / 1000 + (topology->millicpus % 1000 != 0);
    return granted && granted < threads ? (size_t)granted : threads;
}

size_t rp_topology_cpus(const rp_topology *topology)
{
    return topology->cpus;
}

static hwloc_obj_type_t core_type(const rp_topology *t)
{
    return t->cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
}

/* The smallest part of the machine with at least `cores` cores, or all of it. */
static hwloc_const_cpuset_t smallest_part(const rp_topology *t, size_t cores)
{
    hwloc_const_cpuset_t best = hwloc_get_root_obj(t->machine)->cpuset;
    size_t best_cores = SIZE_MAX;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (hwloc_obj_t part = NULL;
             (part = hwloc_get_next_obj_by_type(t->machine, parts[i], part)) != NULL;) {
            int held =
                hwloc_get_nbobjs_inside_cpuset_by_type(t->machine, part->cpuset, core_type(t));
            if (held > 0 && (size_t)held >= cores && (size_t)held < best_cores) {
                best = part->cpuset;
                best_cores = (size_t)held;
            }
        }
    }
    return best;
}

/* The CPU that is the `rank`-th hardware thread of a core; false where it has fewer. */
static bool hardware_thread(hwloc_obj_t core, unsigned rank, uint32_t *ret_cpu)
{
    int cpu = hwloc_bitmap_first(core->cpuset);
    while (rank-- > 0 && cpu >= 0)
        cpu = hwloc_bitmap_next(core->cpuset, cpu);
    if (cpu < 0)
        return false;
    *ret_cpu = (uint32_t)cpu;
    return true;
}

rp_status rp_topology_plan(
    const rp_topology *topology, size_t threads, uint32_t *ret_cpus, rp_error *reterr)
{
    if (threads == 0)
        return rp_error_set(reterr, RP_INVALID, "threads", "no threads to plan for");
    if (threads > topology->cpus)
        return rp_error_set(reterr, RP_LIMIT, "threads",
            "%zu threads, but this process may use %zu CPUs", threads, topology->cpus);
    hwloc_const_cpuset_t part = smallest_part(topology, threads);
    size_t planned = 0;
    /* A pass takes one more hardware thread of each core; logical order keeps neighbours together.
     * All CPUs are taken in as many passes as a core has, so `threads` are found. */
    for (unsigned rank = 0; planned < threads; rank++) {
        size_t before = planned;
        for (hwloc_obj_t core = NULL;
             planned < threads &&
             (core = hwloc_get_next_obj_inside_cpuset_by_type(
                  topology->machine, part, core_type(topology), core)) != NULL;)
            planned += hardware_thread(core, rank, &ret_cpus[planned]);
        RP_ASSERT(planned > before);
    }
    return RP_OK;
}

rp_status rp_topology_bind(
    const rp_topology *topology, const uint32_t *cpus, size_t count, rp_error *reterr)
{
    hwloc_const_cpuset_t usable = hwloc_get_root_obj(topology->machine)->cpuset;
    if (count == 0)
        return rp_error_set(reterr, RP_INVALID, "cpus", "no CPU to bind to");
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    if (!set)
        return rp_error_set(reterr, RP_NO_MEMORY, "cpus", "no memory to bind a thread");
    rp_status status = RP_OK;
    for (size_t i = 0; i < count && status == RP_OK; i++) {
        if (!hwloc_bitmap_isset(usable, cpus[i]))
            status = rp_error_set(reterr, RP_INVALID, "cpus",
                "CPU %" PRIu32 " is not among those that this process may use", cpus[i]);
        else if (hwloc_bitmap_set(set, cpus[i]) != 0)
            status = rp_error_set(reterr, RP_NO_MEMORY, "cpus", "no memory to bind a thread");
    }
    if (status == RP_OK && hwloc_set_cpubind(topology->machine, set, HWLOC_CPUBIND_THREAD) != 0)
        status = rp_error_set(
            reterr, RP_IO, "cpus", "the system refuses to bind a thread: %s", strerror(errno));
    hwloc_bitmap_free(set);
    return status;
}

/* ---- describing ---- */

static void put_count(rp_buffer *out, size_t count, const char *what)
{
    rp_buffer_printf(out, "%zu %s%s", count, what, count == 1 ? "" : "s");
}

/* ", L3 2 x 32 MiB"; nothing where there is none. Caches of different sizes show the largest. */
static void put_cache(rp_buffer *out, const rp_topology *t, hwloc_obj_type_t type, const char *name)
{
    uint64_t bytes = 0;
    for (hwloc_obj_t cache = NULL;
         (cache = hwloc_get_next_obj_by_type(t->machine, type, cache)) != NULL;)
        bytes = cache->attr->cache.size > bytes ? cache->attr->cache.size : bytes;
    if (bytes >= UINT64_C(1) << 20)
        rp_buffer_printf(
            out, ", %s %zu x %g MiB", name, count_of(t, type), (double)bytes / (1 << 20));
    else if (bytes > 0)
        rp_buffer_printf(
            out, ", %s %zu x %g KiB", name, count_of(t, type), (double)bytes / (1 << 10));
}

void rp_topology_describe(const rp_topology *topology, rp_buffer *out)
{
    put_count(out, count_of(topology, HWLOC_OBJ_PACKAGE), "package");
    rp_buffer_text(out, ", ");
    put_count(out, count_of(topology, HWLOC_OBJ_NUMANODE), "NUMA node");
    rp_buffer_text(out, ", ");
    put_count(out, topology->cores, "core");
    rp_buffer_text(out, ", ");
    put_count(out, topology->cpus, "hardware thread");
    put_cache(out, topology, HWLOC_OBJ_L2CACHE, "L2");
    put_cache(out, topology, HWLOC_OBJ_L3CACHE, "L3");
    if (topology->millicpus)
        rp_buffer_printf(out, ", limited to %g CPUs", (double)topology->millicpus / 1000);
}
