/* The conformance cases on the simulated bus. */
#include "sim/bus/bus.h"
#include "sim/process/host.h"
#include "tests/conformance/bus/conform.h"

typedef struct sim_driver {
    conform conform; /* first */
    sim_world *world;
} sim_driver;

static void on_time(void *arg)
{
    (void)arg;
}

static bool turn(conform *c, uint64_t until_ns)
{
    sim_world *world = ((sim_driver *)c)->world;
    uint64_t now_ns = rp_clock_monotonic_ns(c->host->clock);
    if (now_ns >= until_ns)
        return false;
    uint64_t left_ns = until_ns - now_ns;
    if (sim_world_next_ns(world) > sim_world_now_ns(world) + left_ns)
        sim_world_after(world, NULL, left_ns, on_time, NULL); /* so that time passes */
    return sim_world_step(world);
}

static rp_bus *open_bus(sim_world *world, sim_server *server, const char *who)
{
    sim_bus_spec spec = {.world = world,
        .server = server,
        .owner = sim_owner_new(world),
        .who = who,
        .limits = SIM_BUS_LIMITS};
    return sim_bus_interface(sim_bus_new(&spec));
}

int main(void)
{
    rp_arena arena;
    rp_error error = {0};
    sim_catalog catalog;
    rp_declaration_spec declaration = {0};
    if (rp_arena_init(&arena, 64 << 10, 8 << 20) != RP_OK ||
        sim_catalog_build(&declaration, &arena, &catalog, &error) != RP_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    sim_world *world = sim_world_new();
    sim_world_begin(world, 1);
    sim_server *server = sim_server_new(world, &catalog);
    sim_server_begin(server);
    sim_host_spec host_spec = {.world = world,
        .owner = sim_owner_new(world),
        .threads = 1,
        .jobs_max = 1,
        .job_min_ns = 1,
        .job_max_ns = 1};
    sim_host *host = sim_host_new(&host_spec);
    sim_driver driver = {.conform = {.bus = open_bus(world, server, "one"),
                             .other = open_bus(world, server, "two"),
                             .host = sim_host_interface(host),
                             .out = stdout,
                             .turn = turn},
        .world = world};
    conform_pass(&driver.conform, 100);
    conform_run(&driver.conform);
    sim_host_free(host);
    sim_server_free(server);
    sim_world_free(world);
    rp_arena_done(&arena);
    return 0;
}
