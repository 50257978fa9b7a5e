/* Who is alive, and how many requests they may leave waiting. */
#include "actors/tokenizer/fleet.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define GONE_NS UINT64_C(5000)

static rp_fleet *fleet;
static rp_fleet_lane *lane;

static void open_with(uint32_t queue_max)
{
    cr_assert_eq(rp_fleet_new(queue_max, GONE_NS, &fleet), RP_OK);
    lane = rp_fleet_lane_of(fleet, "m", "v", "normal-0");
    cr_assert(lane);
}

static rp_status tell(const char *kind, const char *instance, bool ready, uint64_t stored_ns)
{
    Rp__Actor record = RP__ACTOR__INIT;
    record.kind = kind;
    record.instance = instance;
    record.ready = ready;
    return rp_fleet_record(fleet, &record, stored_ns);
}

/* An executor that was handed the sequence in the lane "normal-0" of m, v. */
static rp_status tell_delivered(const char *instance, uint64_t sequence, uint64_t stored_ns)
{
    Rp__LanePresence place = RP__LANE_PRESENCE__INIT, *places[] = {&place};
    Rp__ModelPresence model = RP__MODEL_PRESENCE__INIT, *models[] = {&model};
    Rp__Actor record = RP__ACTOR__INIT;
    place.lane = "normal-0";
    place.has_delivered_sequence = sequence > 0;
    place.delivered_sequence = sequence;
    model.name = "m";
    model.version = "v";
    model.n_lanes = 1;
    model.lanes = places;
    record.kind = "executor";
    record.instance = instance;
    record.ready = true;
    record.n_models = 1;
    record.models = models;
    return rp_fleet_record(fleet, &record, stored_ns);
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
    rp_fleet_lane *other = rp_fleet_lane_of(fleet, "m", "v", "normal-1");
    cr_expect(rp_fleet_admit(fleet, other, 1).admitted, "lanes are apart");
    rp_fleet_free(fleet);
}

Test(fleet, place_is_free_when_an_executor_was_handed_it)
{
    open_with(3);
    cr_assert_eq(admit_all(1), 3);
    for (uint64_t sequence = 10; sequence <= 12; sequence++)
        rp_fleet_published(lane, sequence);
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
    rp_fleet_published(lane, 15);
    rp_fleet_published(lane, 21);
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
    rp_fleet_forget(fleet, "tokenizer", "t3");
    rp_fleet_forget(fleet, "executor", "t2"); /* of another kind: nobody */
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

Test(fleet, processes_are_bounded)
{
    char name[16];
    open_with(1);
    for (uint64_t i = 0; i < RP_FLEET_PROCESSES_MAX; i++) {
        snprintf(name, sizeof name, "t%zu", (size_t)i);
        cr_assert_eq(tell("tokenizer", name, true, 10000 + i), RP_OK);
    }
    cr_expect_eq(tell("tokenizer", "new", true, 10000 + GONE_NS), RP_LIMIT);
    cr_expect_eq(tell("tokenizer", "old", true, 1), RP_LIMIT, "older than all of them");
    cr_expect_eq(tell("tokenizer", "t5", true, 11100), RP_OK, "one that is known");
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 10000), RP_FLEET_PROCESSES_MAX);
    cr_expect_eq(tell("tokenizer", "new", true, 10001 + GONE_NS), RP_OK, "in the place of t0");
    rp_fleet_forget(fleet, "tokenizer", "t0");
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 10000), RP_FLEET_PROCESSES_MAX);
    rp_fleet_free(fleet);
}

Test(fleet, lanes_and_names_are_bounded)
{
    char name[200];
    open_with(1);
    for (size_t i = 1; i < RP_FLEET_LANES_MAX; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        cr_assert(rp_fleet_lane_of(fleet, "m", "v", name));
    }
    cr_expect_null(rp_fleet_lane_of(fleet, "m", "v", "one-more"));
    cr_expect_eq(rp_fleet_lane_of(fleet, "m", "v", "normal-0"), lane);
    rp_fleet_free(fleet);
    open_with(1);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_expect_null(rp_fleet_lane_of(fleet, name, "v", "l"));
    cr_expect_null(rp_fleet_lane_of(fleet, "m", name, "l"));
    cr_expect_null(rp_fleet_lane_of(fleet, "m", "v", name));
    cr_expect_eq(tell(name, "t1", true, 1), RP_LIMIT);
    cr_expect_eq(tell("tokenizer", name, true, 1), RP_LIMIT);
    cr_expect_eq(rp_fleet_alive(fleet, "tokenizer", 1), 0);
    rp_fleet_free(fleet);
    rp_fleet_free(NULL);
    rp_fleet *none = NULL;
    cr_expect_eq(rp_fleet_new(0, GONE_NS, &none), RP_INVALID);
    cr_expect_eq(rp_fleet_new(RP_FLEET_QUEUE_MAX + 1, GONE_NS, &none), RP_INVALID);
    cr_expect_null(none);
}
