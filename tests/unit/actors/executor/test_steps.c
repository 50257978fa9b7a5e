/* The batch of an executor, its STEP records, and an engine that fails. */
#include <criterion/criterion.h>
#include <fenv.h>
#include <stdio.h>

#include "tests/unit/actors/executor/rig.h"

/* STEP takes nothing for so many seconds. */
static void step_is_down(rig *r, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        for (int more = 0; more < 4; more++)
            fake_bus_fate(r->bus, "step.", FAKE_FAIL, RP_UNAVAILABLE);
        rig_settle_down(r);
        fake_host_advance(r->host, RP_NS_PER_S);
        for (size_t f = 0; f < FAKE_FATES_MAX; f++)
            r->bus->fates[f] = (fake_fate){0};
    }
}

static size_t given_back(const rig *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->bus->settled_count; i++)
        count += r->bus->settled[i].settlement == RP_SETTLE_RETRY;
    return count;
}

Test(steps, record_that_is_not_stored_is_trouble_until_it_is)
{
    rig *r = rig_open(1);
    rig_settle_down(r);
    fake_host_advance(r->host, RP_NS_PER_S);
    cr_assert_str_empty(r->why);
    rig_deliver(r, &(rig_work){.max_tokens = 2});
    step_is_down(r, 3);
    rig_expect(r->why, "STEP records cannot be stored: ");
    cr_expect_eq(rig_chunks(r), 2, "the answer goes on");
    cr_expect_eq(fake_bus_count(r->bus, "result.t.q"), 1);
    cr_expect_eq(rp_actor_busy(r->actor), 1, "but it is not settled");
    rig_settle_down(r);
    fake_host_advance(r->host, RP_NS_PER_S);
    rig_settle_down(r);
    cr_expect_eq(fake_bus_count(r->bus, "step.me"), 2);
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    cr_expect_eq(given_back(r), 0);
    cr_expect_str_empty(r->why);
    rig_close(r);
}

Test(steps, who_waits_too_long_for_a_record_goes_back)
{
    rig *r = rig_open(1);
    rig_settle_down(r);
    rig_deliver(r, &(rig_work){.max_tokens = 1});
    step_is_down(r, 29);
    cr_expect_eq(given_back(r), 0);
    cr_expect_eq(rp_actor_busy(r->actor), 1);
    step_is_down(r, 3);
    cr_expect_eq(given_back(r), 1);
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    rig_expect(r->why, "STEP");
    rig_settle_down(r);
    fake_host_advance(r->host, RP_NS_PER_S);
    rig_settle_down(r);
    cr_expect_eq(fake_bus_count(r->bus, "step.me"), 1, "the record itself was kept");
    fake_host_advance(r->host, RP_NS_PER_S);
    cr_expect_str_empty(r->why);
    rig_close(r);
}

/* Refuses every STEP record until there is no place for another. */
static void fill_records(rig *r, const rig_work *work)
{
    rig_deliver(r, work);
    for (int steps = 0; steps < 100; steps++) {
        fake_bus_fate(r->bus, "step.", FAKE_REFUSE, RP_LIMIT);
        fake_bus_run(r->bus);
        if (r->host->job_count == 0)
            break;
        fake_host_run(r->host);
    }
    for (size_t f = 0; f < FAKE_FATES_MAX; f++)
        r->bus->fates[f] = (fake_fate){0};
}

Test(steps, no_step_without_a_place_for_its_record)
{
    rig *r = rig_open(2);
    rig_settle_down(r);
    fill_records(r, &(rig_work){.max_tokens = 30});
    fill_records(r, &(rig_work){.max_tokens = 60, .sequence = 8, .request = "w"});
    cr_expect_eq(fake_bus_count(r->bus, "reply.t.q"), 30);
    cr_expect_eq(fake_bus_count(r->bus, "reply.t.w"), 34, "64 in all");
    cr_expect_eq(r->host->job_count, 0);
    /* Now they are taken, and it goes on. */
    fake_host_advance(r->host, RP_NS_PER_S);
    rig_settle_down(r);
    cr_expect_eq(fake_bus_count(r->bus, "step.me"), 90);
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    cr_expect_eq(given_back(r), 0);
    rig_close(r);
}

Test(steps, who_cannot_begin_for_too_long_goes_back)
{
    rig *r = rig_open(3);
    rig_settle_down(r);
    fill_records(r, &(rig_work){.max_tokens = 50});
    fill_records(r, &(rig_work){.max_tokens = 50, .sequence = 8, .request = "w"});
    rig_deliver(r, &(rig_work){.sequence = 9, .request = "x"});
    for (int seconds = 0; seconds < 30; seconds++) {
        cr_expect_eq(given_back(r), 0);
        fake_bus_cut(r->bus); /* what is offered again is not stored */
        fake_host_advance(r->host, RP_NS_PER_S);
    }
    cr_expect_eq(given_back(r), 3);
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    fake_bus_mend(r->bus);
    rig_settle_down(r);
    cr_expect_eq(fake_bus_count(r->bus, "step.me"), 64, "the records were kept");
    cr_expect_eq(fake_bus_count(r->bus, "reply.t.x"), 0);
    rig_close(r);
}

/* -- who held the engine up, and left ---------------------------------------------------------- */

/* Outputs that are not stored fill q's queue, and no step is made, until another process has gone
 * on with its answer. */
Test(steps, engine_goes_on_when_who_held_it_up_was_overtaken)
{
    rig *r = rig_open(2);
    rig_settle_down(r);
    rig_deliver(r, &(rig_work){.prompt_tokens = 1, .max_tokens = RIG_CONTEXT - 1});
    fake_bus_fate(r->bus, "put.reply.t.q", FAKE_DELAY, RP_OK);
    for (int steps = 0; steps < RIG_CONTEXT && r->host->job_count > 0; steps++) {
        fake_host_run(r->host);
        fake_bus_run(r->bus);
    }
    cr_assert_eq(r->host->job_count, 0, "its queue is full");
    cr_expect_eq(rig_chunks(r), 0);
    rig_deliver(r, &(rig_work){.sequence = 8, .request = "w", .max_tokens = 2});
    fake_bus_run(r->bus);
    cr_assert_eq(r->host->job_count, 0, "nobody else gets on either");
    fake_bus_put(r->bus, "reply.t.q", "", "EXEC:7:0", "other.1.1:2");
    fake_bus_let_go(r->bus);
    fake_bus_run(r->bus);
    cr_expect_eq(rp_actor_busy(r->actor), 1, "it has left");
    fake_host_advance(r->host, 0);
    rig_settle_down(r);
    cr_expect_eq(fake_bus_count(r->bus, "reply.t.w"), 2);
    cr_expect_eq(fake_bus_count(r->bus, "result.t.w"), 1);
    cr_expect_eq(rig_chunks(r), 1, "the other's");
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    cr_expect_eq(given_back(r), 0);
    rig_close(r);
}

/* -- an engine that fails ---------------------------------------------------------------------- */

Test(steps, broken_engine_gives_everything_back_and_ends_the_actor)
{
    rig *r = rig_open(2);
    rig_settle_down(r);
    rig_deliver(r, &(rig_work){.max_tokens = 3});
    rig_deliver(r, &(rig_work){.max_tokens = 3, .sequence = 8, .request = "w"});
    fesetround(FE_UPWARD); /* as somebody's library might */
    fake_host_begin(r->host);
    fesetround(FE_TONEAREST);
    fake_host_finish(r->host);
    fake_bus_run(r->bus);
    cr_expect_eq(r->host->job_count, 0, "no more steps");
    fake_host_advance(r->host, RP_NS_PER_S);
    rig_settle_down(r);
    cr_expect_eq(r->drained, 1);
    cr_expect(r->failed);
    cr_expect_eq(given_back(r), 2);
    cr_expect_eq(rig_chunks(r), 0);
    cr_expect_str_empty(rig_result(r));
    cr_expect_eq(rp_actor_busy(r->actor), 0);
    rig_close(r);
}

Test(steps, one_slot_is_free_again_after_a_cancel_in_mid_step)
{
    rig *r = rig_open(1);
    rig_settle_down(r);
    rig_deliver(r, &(rig_work){.max_tokens = 50});
    fake_host_begin(r->host);
    rig_cancel(r);
    fake_bus_run(r->bus);
    fake_host_finish(r->host);
    rig_settle_down(r);
    rig_expect(rig_result(r), "\"ended_at_token\":0");
    rig_deliver(r, &(rig_work){.sequence = 8, .request = "w", .max_tokens = 2});
    rig_settle_down(r);
    cr_expect_eq(fake_bus_count(r->bus, "reply.t.w"), 2);
    rig_close(r);
}
