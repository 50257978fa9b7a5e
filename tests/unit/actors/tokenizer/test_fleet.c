/* Who is alive, and how many requests they may leave waiting. */
#include "actors/tokenizer/fleet.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define GONE_NS UINT64_C(5000)

#define QUIET_NS UINT64_C(3000)

static rp_fleet *fleet;
static rp_fleet_lane *lane;

static void open_with(uint32_t queue_max)
{
    const rp_fleet_spec spec = {.queue_max = queue_max, .gone_ns = GONE_NS, .quiet_ns = QUIET_NS};
    cr_assert_eq(rp_fleet_new(&spec, &fleet), RP_OK);
    lane = rp_fleet_lane_of(fleet, "m", "v", "normal-0");
    cr_assert(lane);
}

static rp_status tell(const char *kind, const char *instance, bool ready, uint64_t now_ns)
{
    Rp__Actor record = RP__ACTOR__INIT;
    record.kind = kind;
    record.instance = instance;
    record.ready = ready;
    return rp_fleet_record(fleet, &record, now_ns);
}

static void forget(const char *kind, const char *instance)
{
    rp_fleet_forget(fleet, rp_bytes_text(kind), rp_bytes_text(instance));
}

/* An executor of a version of m, with free slots or without, that was handed the sequence in the
 * lane "normal-0". */
static rp_status tell_executor(const char *instance, const char *version, uint32_t slots_free,
    uint64_t sequence, uint64_t now_ns)
{
    Rp__LanePresence place = RP__LANE_PRESENCE__INIT, *places[] = {&place};
    Rp__ModelPresence model = RP__MODEL_PRESENCE__INIT, *models[] = {&model};
    Rp__Actor record = RP__ACTOR__INIT;
    place.lane = "normal-0";
    place.has_delivered_sequence = sequence > 0;
    place.delivered_sequence = sequence;
    model.name = "m";
    model.version = version;
    model.n_lanes = 1;
    model.lanes = places;
    record.kind = "executor";
    record.instance = instance;
    record.ready = true;
    record.has_slots_free = true;
    record.slots_free = slots_free;
    record.n_models = 1;
    record.models = models;
    return rp_fleet_record(fleet, &record, now_ns);
}

/* One that is busy. */
static rp_status tell_delivered(const char *instance, uint64_t sequence, uint64_t now_ns)
{
    return tell_executor(instance, "v", 0, sequence, now_ns);
}

static void tell_idle(const char *instance, uint64_t now_ns)
{
    cr_assert_eq(tell_executor(instance, "v", 1, 0, now_ns), RP_OK);
}

static bool admit(uint64_t now_ns)
{
    return rp_fleet_admit(fleet, lane, now_ns).admitted;
}

static size_t admit_all(uint64_t now_ns)
{
    size_t count = 0;
    while (admit(now_ns))
        count++;
    return count;
}

Test(fleet, queue_fills_up_while_nobody_is_there)
{
    open_with(3);
    for (uint32_t i = 0; i < 3; i++) {
        rp_fleet_verdict v = rp_fleet_admit(fleet, lane, 1);
        cr_expect(v.admitted);
        cr_expect_eq(v.ahead, i);
        cr_expect_eq(v.limit, 3);
        cr_expect_eq(v.tokenizers, 1, "this one");
    }
    cr_expect_not(admit(1));
    rp_fleet_withdrawn(lane);
    cr_expect(admit(1));
    cr_expect_not(admit(1));
    rp_fleet_lane *other = rp_fleet_lane_of(fleet, "n", "v", "normal-0");
    cr_expect(rp_fleet_admit(fleet, other, 1).admitted, "models are apart");
    rp_fleet_free(fleet);
}

Test(fleet, model_has_one_queue_over_all_its_lanes)
{
    open_with(3);
    rp_fleet_lane *second = rp_fleet_lane_of(fleet, "m", "v", "normal-1");
    rp_fleet_lane *version = rp_fleet_lane_of(fleet, "m", "w", "normal-0");
    cr_assert(second && version && second != lane && version != lane);
    cr_expect(rp_fleet_admit(fleet, lane, 1).admitted);
    cr_expect(rp_fleet_admit(fleet, second, 1).admitted);
    rp_fleet_published(second, 5, 1);
    cr_expect(rp_fleet_admit(fleet, version, 1).admitted);
    rp_fleet_verdict v = rp_fleet_admit(fleet, lane, 1);
    cr_expect_not(v.admitted);
    cr_expect_eq(v.ahead, 3);
    rp_fleet_withdrawn(version);
    cr_expect(rp_fleet_admit(fleet, second, 1).admitted);
    rp_fleet_free(fleet);
}

Test(fleet, place_is_free_when_an_executor_was_handed_it)
{
    open_with(3);
    cr_assert_eq(admit_all(1), 3);
    for (uint64_t sequence = 10; sequence <= 12; sequence++)
        rp_fleet_published(lane, sequence, 1);
    cr_expect_not(admit(1), "stored is not handed over");
    cr_assert_eq(tell_delivered("e1", 9, 1), RP_OK);
    cr_expect_not(admit(1));
    cr_assert_eq(tell_delivered("e1", 11, 2), RP_OK);
    cr_expect_eq(rp_fleet_admit(fleet, lane, 2).ahead, 1);
    cr_assert_eq(tell_delivered("e2", 5, 3), RP_OK); /* another, who is behind */
    cr_assert_eq(tell_delivered("e3", 0, 3), RP_OK); /* and one that was handed nothing yet */
    cr_expect_eq(admit_all(3), 1);
    /* Handed over before the acknowledgement came: it takes no place. */
    cr_assert_eq(tell_delivered("e1", 20, 4), RP_OK);
    cr_assert_eq(tell_delivered("e2", 6, 4), RP_OK);
    rp_fleet_published(lane, 15, 4);
    rp_fleet_published(lane, 21, 4);
    cr_expect_eq(rp_fleet_admit(fleet, lane, 4).ahead, 1);
    rp_fleet_free(fleet);
}

Test(fleet, queue_is_shared_by_the_tokenizers_that_are_alive)
{
    open_with(12);
    cr_assert_eq(tell("tokenizer", "t1", true, 1000), RP_OK);
    cr_assert_eq(tell("tokenizer", "t2", true, 2000), RP_OK);
    cr_assert_eq(tell("tokenizer", "t3", true, 3000), RP_OK);
    cr_assert_eq(tell("executor", "e1", true, 3000), RP_OK);
    cr_assert_eq(tell("tokenizer", "t2", true, 2500), RP_OK); /* again */
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 3000), 3);
    cr_expect_eq(rp_fleet_alive(fleet, "executor", 3000), 1);
    rp_fleet_verdict v = rp_fleet_admit(fleet, lane, 3000);
    cr_expect_eq(v.limit, 4);
    cr_expect_eq(v.tokenizers, 3);
    cr_expect_eq(admit_all(3000), 3);
    /* One after the other is gone. */
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 1000 + GONE_NS), 3);
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 1001 + GONE_NS), 2);
    cr_expect_eq(admit_all(1001 + GONE_NS), 2);
    forget("tokenizer", "t3");
    forget("executor", "t2"); /* of another kind: nobody */
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 3000), 2);
    cr_assert_eq(tell("tokenizer", "t1", false, 3000), RP_OK);
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 3000), 1, "not ready does not count");
    cr_expect_eq(admit_all(3000), 6);
    rp_fleet_free(fleet);
}

Test(fleet, everybody_has_one_place_at_least)
{
    char name[16];
    open_with(2);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "t%d", i);
        cr_assert_eq(tell("tokenizer", name, true, 1), RP_OK);
    }
    cr_expect_eq(admit_all(1), 1);
    rp_fleet_free(fleet);
}

/* -- what is ahead and will never be handed over ----------------------------------------------- */

static void fill(uint64_t first_sequence, uint64_t now_ns)
{
    size_t count = admit_all(now_ns);
    for (uint64_t i = 0; i < count; i++)
        rp_fleet_published(lane, first_sequence + i, now_ns);
}

Test(fleet, what_an_idle_executor_is_not_handed_is_gone)
{
    open_with(3);
    fill(10, 1000);
    tell_idle("e1", 1500);
    tell_idle("e1", 3000);
    tell_idle("e1", 1500 + QUIET_NS - 1);
    cr_expect_not(admit(4000));
    cr_expect_eq(rp_fleet_lost(fleet), 0);
    tell_idle("e1", 1500 + QUIET_NS);
    cr_expect_eq(rp_fleet_lost(fleet), 3);
    cr_expect_eq(admit_all(5000), 3);
    rp_fleet_free(fleet);
}

Test(fleet, places_that_are_not_published_are_not_gone)
{
    open_with(2);
    cr_expect_eq(admit_all(1000), 2);
    rp_fleet_published(lane, 10, 1000);
    tell_idle("e1", 1000);
    tell_idle("e1", 1000 + QUIET_NS);
    cr_expect_eq(rp_fleet_lost(fleet), 1);
    cr_expect_eq(admit_all(4000), 1);
    rp_fleet_free(fleet);
}

/* Each way in which an executor may still be handed what is ahead. */
Test(fleet, what_may_still_come_counts)
{
    open_with(2);
    fill(10, 1000);
    for (uint64_t now_ns = 1000; now_ns < 20000; now_ns += 1000)
        cr_assert_eq(tell_executor("busy", "v", 0, 0, now_ns), RP_OK);
    cr_expect_not(admit(20000), "busy");
    tell_idle("e1", 20000);
    cr_assert_eq(tell_executor("e1", "v", 0, 0, 22000), RP_OK);
    tell_idle("e1", 23000);
    tell_idle("e1", 23000 + QUIET_NS - 1);
    cr_expect_not(admit(26000), "it was busy meanwhile");
    for (uint64_t now_ns = 30000; now_ns <= 36000; now_ns += 1000)
        cr_assert_eq(tell_executor("other", "w", 1, 0, now_ns), RP_OK);
    cr_expect_not(admit(36000), "it serves another version");
    tell_idle("e1", 36000); /* who was gone meanwhile begins anew */
    cr_expect_not(admit(36000));
    cr_assert_eq(tell_executor("e2", "v", 0, 9, 36000), RP_OK);
    tell_idle("e1", 36000 + QUIET_NS - 1);
    cr_assert_eq(tell_executor("e2", "v", 0, 10, 36000 + QUIET_NS - 1), RP_OK);
    cr_expect_eq(admit_all(39000), 1);
    tell_idle("e1", 36000 + QUIET_NS);
    cr_expect_not(admit(39000), "the lane moves");
    rp_fleet_withdrawn(lane);
    cr_expect(admit(40000));
    rp_fleet_published(lane, 30, 40000);
    tell_idle("e1", 40000 + QUIET_NS - 1);
    cr_expect_not(admit(43000), "it has just been published");
    cr_expect_eq(rp_fleet_lost(fleet), 0);
    tell_idle("e1", 40000 + QUIET_NS);
    cr_expect_eq(rp_fleet_lost(fleet), 2);
    rp_fleet_free(fleet);
}

Test(fleet, executors_that_do_not_tell_of_slots_or_are_not_ready_prove_nothing)
{
    Rp__LanePresence place = RP__LANE_PRESENCE__INIT, *places[] = {&place};
    Rp__ModelPresence model = RP__MODEL_PRESENCE__INIT, *models[] = {&model};
    Rp__Actor record = RP__ACTOR__INIT;
    open_with(1);
    fill(10, 1000);
    place.lane = "normal-0";
    model.name = "m";
    model.version = "v";
    model.n_lanes = record.n_models = 1;
    model.lanes = places;
    record.models = models;
    record.kind = "executor";
    record.instance = "e1";
    record.ready = true;
    record.slots_free = 4;
    for (uint64_t now_ns = 1000; now_ns < 9000; now_ns += 1000)
        cr_assert_eq(rp_fleet_record(fleet, &record, now_ns), RP_OK);
    record.has_slots_free = true;
    record.ready = false;
    for (uint64_t now_ns = 9000; now_ns < 20000; now_ns += 1000)
        cr_assert_eq(rp_fleet_record(fleet, &record, now_ns), RP_OK);
    cr_expect_not(admit(20000));
    rp_fleet_free(fleet);
}

/* -- bounds ------------------------------------------------------------------------------------ */

Test(fleet, processes_are_bounded)
{
    char name[16];
    open_with(1);
    for (uint64_t i = 0; i < RP_FLEET_PROCESSES_MAX; i++) {
        snprintf(name, sizeof name, "t%zu", (size_t)i);
        cr_assert_eq(tell("tokenizer", name, true, 10000 + i), RP_OK);
    }
    cr_expect_eq(tell("tokenizer", "new", true, 10000 + GONE_NS), RP_LIMIT);
    cr_expect_eq(tell("tokenizer", "t5", true, 11100), RP_OK, "one that is known");
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 11100), RP_FLEET_PROCESSES_MAX);
    cr_expect_eq(tell("tokenizer", "new", true, 10001 + GONE_NS), RP_OK, "in the place of t0");
    forget("tokenizer", "t0");
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 10001 + GONE_NS), RP_FLEET_PROCESSES_MAX);
    forget("tokenizer", "t7");
    cr_expect_eq(tell("tokenizer", "another", true, 11100), RP_OK, "in the place of t7");
    rp_fleet_free(fleet);
}

Test(fleet, lane_that_nothing_is_ahead_in_makes_room_for_a_new_one)
{
    char name[16];
    open_with(2);
    for (size_t i = 1; i < RP_FLEET_LANES_MAX; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        rp_fleet_lane *l = rp_fleet_lane_of(fleet, name, "v", "normal-0");
        cr_assert(l);
        cr_assert(rp_fleet_admit(fleet, l, 1000 + i).admitted);
    }
    cr_assert(admit(5000)); /* all hold a place */
    cr_expect_null(rp_fleet_lane_of(fleet, "x", "v", "normal-0"));
    rp_fleet_lane *old = rp_fleet_lane_of(fleet, "n7", "v", "normal-0");
    rp_fleet_lane *older = rp_fleet_lane_of(fleet, "n5", "v", "normal-0");
    cr_assert(old && older);
    rp_fleet_withdrawn(old);
    rp_fleet_published(older, 9, 5000); /* still ahead */
    rp_fleet_lane *fresh = rp_fleet_lane_of(fleet, "x", "v", "normal-0");
    cr_assert(fresh, "in the place of n7");
    cr_expect_eq(rp_fleet_lane_of(fleet, "x", "v", "normal-0"), fresh);
    cr_expect(rp_fleet_admit(fleet, fresh, 5000).admitted);
    cr_expect_null(rp_fleet_lane_of(fleet, "n7", "v", "normal-0"), "and has to wait for one");
    cr_expect_eq(rp_fleet_lane_of(fleet, "m", "v", "normal-0"), lane);
    cr_expect_eq(rp_fleet_lane_of(fleet, "n5", "v", "normal-0"), older);
    rp_fleet_withdrawn(lane);
    rp_fleet_withdrawn(fresh);
    (void)rp_fleet_admit(fleet, lane, 6000); /* used later */
    rp_fleet_withdrawn(lane);
    cr_assert(rp_fleet_lane_of(fleet, "y", "v", "normal-0"));
    cr_expect_eq(rp_fleet_lane_of(fleet, "m", "v", "normal-0"), lane, "x was used longer ago");
    rp_fleet_free(fleet);
}

Test(fleet, records_make_no_lanes)
{
    open_with(1);
    for (size_t i = 0; i < 2 * RP_FLEET_LANES_MAX; i++) {
        char version[16];
        snprintf(version, sizeof version, "v%zu", i);
        cr_assert_eq(tell_executor("e1", version, 1, 7, 1), RP_OK);
    }
    cr_expect(admit(1));
    rp_fleet_free(fleet);
}

Test(fleet, names_are_bounded)
{
    char name[200];
    open_with(1);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_expect_null(rp_fleet_lane_of(fleet, name, "v", "l"));
    cr_expect_null(rp_fleet_lane_of(fleet, "m", name, "l"));
    cr_expect_null(rp_fleet_lane_of(fleet, "m", "v", name));
    cr_expect_eq(tell(name, "t1", true, 1), RP_LIMIT);
    cr_expect_eq(tell("tokenizer", name, true, 1), RP_LIMIT);
    cr_expect_eq(tell("", "t1", true, 1), RP_LIMIT);
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 1), 0);
    rp_fleet_free(fleet);
    rp_fleet_free(NULL);
    rp_fleet *none = NULL;
    cr_expect_eq(rp_fleet_new(&(rp_fleet_spec){.queue_max = 0}, &none), RP_INVALID);
    cr_expect_eq(
        rp_fleet_new(&(rp_fleet_spec){.queue_max = RP_FLEET_QUEUE_MAX + 1}, &none), RP_INVALID);
    cr_expect_null(none);
}
