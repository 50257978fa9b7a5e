/* The simulator can fail: each planted bug is found. And it is a function of the seed. */
#include "sim/scenario/stage.h"

#include <criterion/criterion.h>

enum { SEEDS_MAX = 10000, SAME_SEEDS = 60, SCENARIOS = 4 };

static sim_stage *stage_with(const char *plant)
{
    sim_stage *stage = NULL;
    rp_error error = {0};
    sim_stage_options options = {.plant = plant ? sim_plant_find(plant) : NULL};
    cr_assert_eq(sim_stage_new(&options, &stage, &error), RP_OK, "%s", error.message);
    return stage;
}

static void expect_found(const char *plant, const char *scenario)
{
    sim_stage *stage = stage_with(plant);
    sim_outcome outcome = {0};
    uint64_t seed = 0;
    while (!outcome.verdict.broken && seed < SEEDS_MAX)
        sim_stage_run(stage, sim_scenario_find(scenario), ++seed, &outcome);
    cr_assert(outcome.verdict.broken, "%s is not found in %d seeds", plant, SEEDS_MAX);
    sim_stage_free(stage);
}

Test(sim_plants, settle_early)
{
    expect_found("settle-early", "request");
}

Test(sim_plants, id_without_index)
{
    expect_found("id-without-index", "request");
}

Test(sim_plants, no_expected_sequence)
{
    expect_found("no-expected-sequence", "request");
}

Test(sim_plants, chunk_by_time)
{
    expect_found("chunk-by-time", "request");
}

Test(sim_plants, unbounded_mailbox)
{
    expect_found("unbounded-mailbox", "request");
}

Test(sim_plants, lease_without_fencing)
{
    expect_found("lease-without-fencing", "fold");
}

Test(sim_plants, lease_without_condition)
{
    expect_found("lease-without-condition", "fold");
}

Test(sim_plants, snapshot_without_sequence)
{
    expect_found("snapshot-without-sequence", "fold");
}

Test(sim_plants, purge_one_more)
{
    expect_found("purge-one-more", "request");
}

Test(sim_plants, timer_without_id)
{
    expect_found("timer-without-id", "reminder");
}

/* In another order, too: nothing of a run is left for the next one. */
Test(sim_seeds, a_seed_is_always_the_same_run)
{
    uint64_t digests[SAME_SEEDS];
    sim_stage *stage = stage_with(NULL);
    sim_outcome outcome;
    for (uint64_t seed = 0; seed < SAME_SEEDS; seed++) {
        sim_stage_run(stage, &sim_scenarios[seed % SCENARIOS], seed, &outcome);
        digests[seed] = outcome.digest;
        cr_assert_neq(outcome.digest, seed ? digests[seed - 1] : 0);
    }
    sim_stage_free(stage);
    stage = stage_with(NULL);
    for (uint64_t seed = SAME_SEEDS; seed-- > 0;) {
        sim_stage_run(stage, &sim_scenarios[seed % SCENARIOS], seed, &outcome);
        cr_assert_eq(outcome.digest, digests[seed], "seed %llu", (unsigned long long)seed);
    }
    sim_stage_free(stage);
}
