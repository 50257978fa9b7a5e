#include "sim/world/world.h"

#include <criterion/criterion.h>

static sim_world *world;
static char happened[16];
static size_t count;

static void begin(void)
{
    world = sim_world_new();
    sim_world_begin(world, 7);
    memset(happened, 0, sizeof happened);
    count = 0;
}

static void end(void)
{
    sim_world_free(world);
}

TestSuite(sim_world, .init = begin, .fini = end);

static void note(void *arg)
{
    happened[count++] = *(const char *)arg;
}

static void run(void)
{
    while (sim_world_step(world)) {
    }
}

Test(sim_world, events_come_in_the_order_of_time_then_of_making)
{
    sim_world_after(world, NULL, 20, note, "c");
    sim_world_after(world, NULL, 10, note, "a");
    sim_world_after(world, NULL, 10, note, "b");
    sim_world_after(world, NULL, 0, note, "0");
    run();
    cr_assert_str_eq(happened, "0abc");
    cr_assert_eq(sim_world_now_ns(world), 20);
}

Test(sim_world, what_is_cancelled_does_not_happen)
{
    sim_event *event = sim_world_after(world, NULL, 10, note, "x");
    sim_world_after(world, NULL, 20, note, "y");
    sim_world_cancel(world, event);
    run();
    cr_assert_str_eq(happened, "y");
}

Test(sim_world, one_that_is_stopped_keeps_its_events_in_order)
{
    sim_owner *owner = sim_owner_new(world);
    sim_world_after(world, owner, 10, note, "1");
    sim_world_after(world, owner, 20, note, "2");
    sim_world_after(world, NULL, 30, note, "-");
    sim_owner_pause(owner);
    run();
    cr_assert_str_eq(happened, "-");
    sim_owner_continue(world, owner);
    run();
    cr_assert_str_eq(happened, "-12");
}

Test(sim_world, one_that_is_dead_sees_nothing)
{
    sim_owner *owner = sim_owner_new(world);
    sim_world_after(world, owner, 10, note, "x");
    sim_owner_kill(owner);
    run();
    cr_assert_eq(count, 0);
}

static void kill(void *arg)
{
    sim_owner_kill(arg);
}

Test(sim_world, a_crash_comes_before_the_step_that_was_named)
{
    sim_owner *owner = sim_owner_new(world);
    for (uint64_t i = 1; i <= 4; i++)
        sim_world_after(world, owner, i, note, "s");
    sim_owner_at_step(owner, 3, kill, owner);
    run();
    cr_assert_str_eq(happened, "ss");
}

Test(sim_world, chance_is_drawn_by_purpose)
{
    uint64_t first = sim_world_draw(world, SIM_CHANCE_FAULTS, UINT64_MAX);
    sim_world_begin(world, 7);
    for (int i = 0; i < 5; i++)
        (void)sim_world_draw(world, SIM_CHANCE_NETWORK, 10);
    cr_assert_eq(sim_world_draw(world, SIM_CHANCE_FAULTS, UINT64_MAX), first);
    sim_world_begin(world, 8);
    cr_assert_neq(sim_world_draw(world, SIM_CHANCE_FAULTS, UINT64_MAX), first);
}

Test(sim_world, a_spread_keeps_to_its_bounds)
{
    for (int i = 0; i < 1000; i++) {
        uint64_t value = sim_world_spread(world, SIM_CHANCE_FAULTS, 3, 50);
        cr_assert(value >= 3 && value <= 50);
    }
}
