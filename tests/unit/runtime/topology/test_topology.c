#include "runtime/topology/topology.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/clock.h"

/* Two packages; each a NUMA node with two L3, each of four cores with two hardware threads. The
 * threads of core c are 2c and 2c + 1. */
#define SERVER "pack:2 [numa] l3:2 core:4 pu:2"

static rp_topology *described(const char *description, const char *allowed, uint64_t millicpus)
{
    rp_topology *topology;
    rp_error error = {0};
    cr_assert(
        rp_topology_new_described(description, allowed, millicpus, &topology, &error) == RP_OK,
        "%s", error.message);
    return topology;
}

/* The plan as text, "0 2 4"; the topology is freed. */
static const char *plan(rp_topology *topology, size_t threads, char text[4096])
{
    uint32_t cpus[RP_TOPOLOGY_CPUS_MAX];
    size_t len = 0;
    rp_error error = {0};
    cr_assert(rp_topology_plan(topology, threads, cpus, &error) == RP_OK, "%s", error.message);
    for (size_t i = 0; i < threads; i++)
        len += (size_t)snprintf(text + len, 4096 - len, "%s%u", i ? " " : "", cpus[i]);
    rp_topology_free(topology);
    return text;
}

static void assert_plan(
    const char *description, const char *allowed, size_t threads, const char *wanted)
{
    char text[4096];
    cr_assert_str_eq(plan(described(description, allowed, 0), threads, text), wanted, "%s, %s: %s",
        description, allowed ? allowed : "all", text);
}

Test(topology, threads_share_the_smallest_part_that_holds_them)
{
    assert_plan(SERVER, NULL, 1, "0");
    assert_plan(SERVER, NULL, 4, "0 2 4 6");               /* one L3 */
    assert_plan(SERVER, NULL, 5, "0 2 4 6 8");             /* one NUMA node */
    assert_plan(SERVER, NULL, 9, "0 2 4 6 8 10 12 14 16"); /* both */
}

Test(topology, second_hardware_threads_come_last)
{
    assert_plan("pack:1 [numa] l3:1 core:2 pu:2", NULL, 3, "0 2 1");
    assert_plan("pack:1 [numa] l3:1 core:2 pu:2", NULL, 4, "0 2 1 3");
    assert_plan("core:2 pu:4", NULL, 8, "0 4 1 5 2 6 3 7");
}

Test(topology, what_is_not_allowed_does_not_exist)
{
    /* one core left of the first L3, two of the second: two threads go to the second */
    assert_plan(SERVER, "6-7,8-11,16-31", 2, "8 10");
    /* four cores fit only the second package's L3 */
    assert_plan(SERVER, "6-7,8-11,16-31", 4, "16 18 20 22");
    /* the tightest fit wins over the first */
    assert_plan(SERVER, "0-7,8-11", 2, "8 10");
    /* a core whose first hardware thread is taken away still counts */
    assert_plan(SERVER, "1,3,5,7", 4, "1 3 5 7");
}

Test(topology, parts_may_nest_either_way)
{
    /* two NUMA nodes below one L3: the node is the smaller part */
    assert_plan("pack:1 l3:1 group:2 [numa] core:4 pu:1", "2-7", 4, "4 5 6 7");
    /* no L3 and no package at all */
    assert_plan("core:4 pu:1", NULL, 2, "0 1");
}

Test(topology, the_number_of_threads)
{
    static const struct {
        const char *allowed;
        uint64_t millicpus;
        size_t threads;
    } cases[] = {{NULL, 0, 16}, {"0-7", 0, 4}, {NULL, 2000, 2}, {NULL, 2001, 3}, {NULL, 100, 1},
        {NULL, 64000, 16}, {"0", 0, 1}, {"0-3", 1500, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rp_topology *topology = described(SERVER, cases[i].allowed, cases[i].millicpus);
        cr_assert(rp_topology_threads(topology) == cases[i].threads, "case %zu: %zu", i,
            rp_topology_threads(topology));
        rp_topology_free(topology);
    }
}

Test(topology, refusals)
{
    rp_topology *topology = NULL;
    rp_error error = {0};
    uint32_t cpus[64];
    cr_assert(rp_topology_new_described("nonsense", NULL, 0, &topology, &error) == RP_INVALID);
    cr_assert(rp_topology_new_described(SERVER, "99", 0, &topology, &error) == RP_INVALID);
    cr_assert(rp_topology_new_described("core:2048 pu:1", NULL, 0, &topology, &error) == RP_LIMIT);
    cr_assert(topology == NULL && error.message[0]);
    topology = described(SERVER, NULL, 0);
    cr_assert(rp_topology_cpus(topology) == 32);
    cr_assert(rp_topology_plan(topology, 0, cpus, &error) == RP_INVALID);
    cr_assert(rp_topology_plan(topology, 33, cpus, &error) == RP_LIMIT);
    cr_assert(strstr(error.message, "may use 32 CPUs"), "%s", error.message);
    cr_assert(rp_topology_plan(topology, 32, cpus, &error) == RP_OK);
    uint32_t absent = 32;
    cr_assert(rp_topology_bind(topology, &absent, 1, &error) == RP_INVALID);
    cr_assert(rp_topology_bind(topology, &absent, 0, &error) == RP_INVALID);
    rp_topology_free(topology);
    rp_topology_free(NULL);
}

Test(topology, the_line_for_the_log)
{
    rp_buffer out;
    rp_buffer_init(&out, 4096);
    rp_topology *topology =
        described("pack:1 [numa] l3:1(size=33554432) l2:2(size=524288) core:1 pu:2", NULL, 1500);
    rp_topology_describe(topology, &out);
    cr_assert_str_eq(rp_buffer_string(&out), "1 package, 1 NUMA node, 2 cores, 4 hardware threads, "
                                             "L2 2 x 512 KiB, L3 1 x 32 MiB, limited to 1.5 CPUs");
    rp_topology_free(topology);
    rp_buffer_done(&out);
}

static void *bind_and_look(void *context)
{
    const rp_topology *topology = context;
    uint32_t cpus[RP_TOPOLOGY_CPUS_MAX];
    size_t threads = rp_topology_threads(topology);
    cpu_set_t set;
    cr_assert(rp_topology_plan(topology, threads, cpus, NULL) == RP_OK);
    cr_assert(rp_topology_bind(topology, cpus, threads, NULL) == RP_OK);
    cr_assert(sched_getaffinity(0, sizeof set, &set) == 0);
    cr_assert((size_t)CPU_COUNT(&set) == threads);
    cr_assert(rp_topology_bind(topology, &cpus[threads - 1], 1, NULL) == RP_OK);
    cr_assert(sched_getaffinity(0, sizeof set, &set) == 0);
    cr_assert(CPU_COUNT(&set) == 1 && CPU_ISSET(cpus[threads - 1], &set));
    cr_assert((uint32_t)sched_getcpu() == cpus[threads - 1]);
    return NULL;
}

Test(topology, a_thread_is_bound_on_this_machine_and_others_are_not)
{
    rp_topology *topology;
    cpu_set_t before, after;
    pthread_t thread;
    cr_assert(sched_getaffinity(0, sizeof before, &before) == 0);
    cr_assert(rp_topology_new(&topology, NULL) == RP_OK);
    cr_assert(rp_topology_cpus(topology) <= (size_t)CPU_COUNT(&before));
    cr_assert(pthread_create(&thread, NULL, bind_and_look, topology) == 0);
    pthread_join(thread, NULL);
    cr_assert(sched_getaffinity(0, sizeof after, &after) == 0);
    cr_assert(CPU_EQUAL(&before, &after));
    rp_topology_free(topology);
}

Test(topology, affinity_is_respected)
{
    cpu_set_t all, one;
    rp_topology *topology;
    uint32_t cpu;
    size_t last = 0;
    cr_assert(sched_getaffinity(0, sizeof all, &all) == 0);
    for (size_t i = 0; i < CPU_SETSIZE; i++)
        last = CPU_ISSET(i, &all) ? i : last;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    cr_assert(sched_setaffinity(0, sizeof one, &one) == 0);
    cr_assert(rp_topology_new(&topology, NULL) == RP_OK);
    cr_assert(rp_topology_cpus(topology) == 1 && rp_topology_threads(topology) == 1);
    cr_assert(rp_topology_plan(topology, 1, &cpu, NULL) == RP_OK && cpu == (uint32_t)last);
    rp_topology_free(topology);
}

Test(topology, it_is_read_quickly)
{
    uint64_t least_ns = UINT64_MAX;
    for (int i = 0; i < 10; i++) {
        rp_topology *topology;
        uint64_t start_ns = rp_clock_monotonic_ns(rp_clock_system());
        cr_assert(rp_topology_new(&topology, NULL) == RP_OK);
        uint64_t took_ns = rp_clock_monotonic_ns(rp_clock_system()) - start_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
        rp_topology_free(topology);
    }
    cr_log_info("read in %lu us", (unsigned long)(least_ns / 1000));
    cr_assert(least_ns < 15 * RP_NS_PER_MS);
}
