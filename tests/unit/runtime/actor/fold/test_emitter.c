/* The emitter: exactly once and in order, whoever else emits, and whatever is lost. */
#include "runtime/actor/fold/emitter.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/runtime/actor/fold/fold_bench.h"

#define SUBJECT "outcome.tester.0"

enum { OUTCOMES_MAX = 12, DRAFTS_MAX = 3 };

typedef struct rig {
    fold_bench *bench;
    rp_emitter *emitter;
    size_t seen, rooms;
    bool overslept; /* the lease, without having been told */
} rig;

static void on_outcome(void *arg, const rp_message *outcome)
{
    rig *r = arg;
    cr_assert(rp_message_header(outcome, RP_HEADER_CAUSE).len > 0);
    r->seen++;
}

static void on_moved(void *arg)
{
    (void)arg;
}

static void on_room(void *arg)
{
    rig *r = arg;
    r->rooms++;
}

static bool holds(void *arg)
{
    const rig *r = arg;
    return !r->overslept;
}

static void emitter_open(rig *r)
{
    rp_emitter_spec spec = {.env = &r->bench->env,
        .log = "EXEC",
        .subject = SUBJECT,
        .outcomes_max = OUTCOMES_MAX,
        .drafts_max = DRAFTS_MAX,
        .on_outcome = on_outcome,
        .on_moved = on_moved,
        .on_room = on_room,
        .holds = holds,
        .arg = r};
    cr_assert_eq(rp_emitter_new(&spec, &r->emitter), RP_OK);
}

static rig rig_open(void)
{
    rig r = {.bench = fold_bench_open()};
    return r;
}

static void rig_close(rig *r)
{
    rp_emitter_free(r->emitter);
    fold_bench_close(r->bench);
}

/* So many outcomes of a cause. */
static void compute(rig *r, uint64_t sequence, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rp_emission *e = rp_emitter_draft(r->emitter);
        cr_assert(e);
        rp_buffer_printf(&e->body, "%d", (int)sequence);
    }
    rp_emitter_keep(r->emitter, sequence, 0);
}

static void compute_timer(rig *r, uint64_t sequence, const char *target)
{
    rp_emission *e = rp_emitter_draft(r->emitter);
    e->timed = true;
    e->at_ns = 1500 * RP_NS_PER_S;
    rp_buffer_text(&e->timer, "exec.timer.a");
    rp_buffer_text(&e->target, target);
    rp_buffer_text(&e->message, "wake");
    rp_emitter_keep(r->emitter, sequence, 0);
}

/* What another replica stores. */
static void store(rig *r, const char *cause)
{
    fake_bus_put(r->bench->bus, SUBJECT, "theirs", cause, "other:1");
}

static void stored_are(const rig *r, size_t count, const char *const *causes)
{
    cr_expect_eq(fake_bus_count(r->bench->bus, SUBJECT), count);
    for (size_t i = 0; i < count; i++) {
        const fake_stored *s = fake_bus_at(r->bench->bus, SUBJECT, i);
        cr_expect_str_eq(fake_stored_header(s, RP_HEADER_CAUSE), causes[i]);
    }
}

Test(emitter, stores_in_order_what_was_computed)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    compute(&r, 3, 2);
    compute(&r, 4, 0);
    compute(&r, 7, 1);
    cr_expect_eq(rp_emitter_unstored(r.emitter), 3);
    fake_bus_run(r.bench->bus);
    stored_are(&r, 3, (const char *const[]){"EXEC:3:0", "EXEC:3:1", "EXEC:7:0"});
    cr_expect_str_eq(
        fake_stored_header(fake_bus_at(r.bench->bus, SUBJECT, 0), RP_HEADER_BUILD), "build-1");
    cr_expect_eq(rp_emitter_unstored(r.emitter), UINT64_MAX);
    cr_expect_eq(r.seen, 3);
    rig_close(&r);
}

Test(emitter, begins_behind_what_stands_there)
{
    rp_outcome_place head;
    rig r = rig_open();
    store(&r, "EXEC:3:0");
    store(&r, "EXEC:3:1");
    emitter_open(&r);
    cr_expect(!rp_emitter_head(r.emitter, &head), "not read yet");
    rp_emitter_emit(r.emitter, true);
    compute(&r, 3, 3);
    cr_expect_eq(r.bench->bus->published_count, 0, "nothing before the chain is read");
    fake_bus_run(r.bench->bus);
    compute(&r, 4, 1);
    fake_bus_run(r.bench->bus);
    stored_are(&r, 4, (const char *const[]){"EXEC:3:0", "EXEC:3:1", "EXEC:3:2", "EXEC:4:0"});
    cr_expect(rp_emitter_head(r.emitter, &head) && head.sequence == 4 && head.index == 0);
    rig_close(&r);
}

Test(emitter, a_lost_acknowledgement_stores_nothing_twice)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    fake_bus_fate(r.bench->bus, SUBJECT, FAKE_LOSE_ACK, RP_OK);
    compute(&r, 1, 3);
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 3, (const char *const[]){"EXEC:1:0", "EXEC:1:1", "EXEC:1:2"});
    rig_close(&r);
}

Test(emitter, another_one_was_faster)
{
    rig r = rig_open();
    emitter_open(&r);
    fake_bus_run(r.bench->bus);
    compute(&r, 1, 2);
    compute(&r, 2, 1);
    store(&r, "EXEC:1:0"); /* we do not know it yet when we begin */
    store(&r, "EXEC:1:1");
    rp_emitter_emit(r.emitter, true);
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 3, (const char *const[]){"EXEC:1:0", "EXEC:1:1", "EXEC:2:0"});
    rig_close(&r);
}

Test(emitter, one_that_slept_drops_what_others_stored)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    fake_bus_run(r.bench->bus);
    fake_bus_fate(r.bench->bus, SUBJECT, FAKE_DELAY, RP_OK); /* what it sends is late */
    compute(&r, 1, 1);
    compute(&r, 2, 2);
    store(&r, "EXEC:1:0");
    store(&r, "EXEC:2:0");
    fake_bus_let_go(r.bench->bus);
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 3, (const char *const[]){"EXEC:1:0", "EXEC:2:0", "EXEC:2:1"});
    rig_close(&r);
}

Test(emitter, who_does_not_emit_watches)
{
    rig r = rig_open();
    emitter_open(&r);
    compute(&r, 1, 1);
    compute(&r, 2, 1);
    fold_bench_wait(r.bench, 1000);
    cr_expect_eq(fake_bus_count(r.bench->bus, SUBJECT), 0);
    store(&r, "EXEC:1:0");
    fake_bus_run(r.bench->bus);
    cr_expect_eq(rp_emitter_unstored(r.emitter), 2);
    rp_emitter_emit(r.emitter, true);
    rp_emitter_emit(r.emitter, false); /* one is on its way */
    compute(&r, 3, 1);
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 2, (const char *const[]){"EXEC:1:0", "EXEC:2:0"});
    rig_close(&r);
}

Test(emitter, a_full_ring_says_so_and_says_when_there_is_room)
{
    rig r = rig_open();
    emitter_open(&r);
    fake_bus_run(r.bench->bus);
    uint64_t sequence = 0;
    while (!rp_emitter_full(r.emitter))
        compute(&r, ++sequence, 1);
    cr_expect_eq(rp_emitter_count(r.emitter), OUTCOMES_MAX - DRAFTS_MAX - 1);
    for (size_t i = 0; i < DRAFTS_MAX; i++)
        cr_expect(rp_emitter_draft(r.emitter));
    cr_expect(!rp_emitter_draft(r.emitter), "more than one message may");
    rp_emitter_discard(r.emitter);
    rp_emitter_emit(r.emitter, true);
    while (rp_emitter_count(r.emitter) > OUTCOMES_MAX / 2) {
        cr_expect_eq(r.rooms, 0);
        cr_assert(fake_bus_step(r.bench->bus));
    }
    cr_expect_eq(r.rooms, 1);
    fake_bus_run(r.bench->bus);
    cr_expect_eq(r.rooms, 1);
    rig_close(&r);
}

Test(emitter, what_is_no_outcome_of_ours_hides_how_far_we_are)
{
    rig r = rig_open();
    store(&r, "OTHERLOG:9:0");
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    compute(&r, 1, 1);
    fold_bench_wait(r.bench, 1000);
    cr_expect(rp_emitter_trouble(r.emitter) != NULL);
    cr_expect_eq(fake_bus_count(r.bench->bus, SUBJECT), 1);
    rig_close(&r);
    r = rig_open();
    store(&r, "EXEC:1:0");
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    fake_bus_run(r.bench->bus);
    store(&r, "nonsense"); /* behind one that we know, it is passed over */
    compute(&r, 1, 2);
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 3, (const char *const[]){"EXEC:1:0", "nonsense", "EXEC:1:1"});
    cr_expect(rp_emitter_trouble(r.emitter) == NULL);
    rig_close(&r);
}

Test(emitter, what_cannot_be_stored_is_tried_again)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    fake_bus_fate(r.bench->bus, SUBJECT, FAKE_REFUSE, RP_LIMIT);
    fake_bus_fate(r.bench->bus, SUBJECT, FAKE_FAIL, RP_FULL);
    compute(&r, 1, 1);
    fake_bus_run(r.bench->bus);
    fold_bench_wait(r.bench, 300);
    cr_expect(rp_emitter_trouble(r.emitter) && strstr(rp_emitter_trouble(r.emitter), "outcome"));
    cr_expect_eq(fake_bus_count(r.bench->bus, SUBJECT), 0);
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 1, (const char *const[]){"EXEC:1:0"});
    cr_expect(rp_emitter_trouble(r.emitter) == NULL);
    rig_close(&r);
}

Test(emitter, a_purged_subject_is_no_empty_chain)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    compute(&r, 1, 1);
    fake_bus_run(r.bench->bus);
    fake_bus_drop(r.bench->bus, SUBJECT);
    compute(&r, 1, 2); /* as after a restart: the first was stored */
    fold_bench_wait(r.bench, 1000);
    stored_are(&r, 1, (const char *const[]){"EXEC:1:1"});
    rig_close(&r);
}

/* -- timers ------------------------------------------------------------------------------------ */

static const char *timer_cause(const rig *r)
{
    size_t count = fake_bus_count(r->bench->bus, "exec.timer.a");
    return fake_stored_header(
        fake_bus_at(r->bench->bus, "exec.timer.a", count - 1), RP_HEADER_CAUSE);
}

Test(emitter, a_timer_lies_in_the_log_before_its_outcome_is_stored)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    fake_bus_fate(r.bench->bus, SUBJECT, FAKE_DELAY, RP_OK);
    compute_timer(&r, 5, "exec.due.a");
    fake_bus_run(r.bench->bus);
    const fake_stored *timer = fake_bus_at(r.bench->bus, "exec.timer.a", 0);
    cr_assert(timer);
    cr_expect_str_eq(fake_stored_header(timer, RP_HEADER_SCHEDULE), "@at 1970-01-01T00:25:00.000Z");
    cr_expect_str_eq(fake_stored_header(timer, RP_HEADER_TARGET), "exec.due.a");
    cr_expect_str_eq(timer->body, "wake");
    cr_expect_eq(fake_bus_count(r.bench->bus, SUBJECT), 0);
    fake_bus_let_go(r.bench->bus);
    fake_bus_run(r.bench->bus);
    stored_are(&r, 1, (const char *const[]){"EXEC:5:0"});
    cr_expect_eq(fake_bus_count(r.bench->bus, "exec.timer.a"), 1);
    compute_timer(&r, 6, "");
    fake_bus_run(r.bench->bus);
    cr_expect_str_eq(timer_cause(&r), "EXEC:6:0");
    const fake_stored *taken_back = fake_bus_at(r.bench->bus, "exec.timer.a", 0);
    cr_expect_str_eq(fake_stored_header(taken_back, RP_HEADER_ROLLUP), "sub", "in its place");
    rig_close(&r);
}

Test(emitter, a_timer_is_not_put_over_a_later_one)
{
    rig r = rig_open();
    emitter_open(&r);
    fake_bus_put(r.bench->bus, "exec.timer.a", "later", "EXEC:9:0", "other:1");
    compute_timer(&r, 5, "exec.due.a"); /* it slept, and does not know what was stored since */
    rp_emitter_emit(r.emitter, true);
    fold_bench_wait(r.bench, 1000);
    cr_expect_str_eq(timer_cause(&r), "EXEC:9:0");
    stored_are(&r, 1, (const char *const[]){"EXEC:5:0"});
    rig_close(&r);
}

Test(emitter, no_timer_is_put_by_who_slept_over_its_lease)
{
    rig r = rig_open();
    emitter_open(&r);
    rp_emitter_emit(r.emitter, true);
    compute_timer(&r, 5, "exec.due.a"); /* it asks what lies there, and sleeps: */
    r.overslept = true;
    fold_bench_wait(r.bench, 1000); /* another one has put it by now, and it has fired */
    cr_expect_eq(fake_bus_count(r.bench->bus, "exec.timer.a"), 0);
    r.overslept = false;
    fold_bench_wait(r.bench, 1000);
    cr_expect_eq(fake_bus_count(r.bench->bus, "exec.timer.a"), 1);
    stored_are(&r, 1, (const char *const[]){"EXEC:5:0"});
    rig_close(&r);
}

Test(emitter, a_timer_that_changed_under_its_hands)
{
    rig r = rig_open();
    emitter_open(&r);
    fake_bus_put(r.bench->bus, "exec.timer.a", "earlier", "EXEC:2:0", "other:1");
    fake_bus_fate(r.bench->bus, "exec.timer.a", FAKE_DELAY, RP_OK);
    compute_timer(&r, 5, "exec.due.a");
    rp_emitter_emit(r.emitter, true);
    fake_bus_run(r.bench->bus);
    fake_bus_put(r.bench->bus, "exec.timer.a", "later", "EXEC:9:0", "other:1");
    fake_bus_let_go(r.bench->bus);
    fold_bench_wait(r.bench, 1000);
    cr_expect_str_eq(timer_cause(&r), "EXEC:9:0", "its expected sequence did not hold any more");
    stored_are(&r, 1, (const char *const[]){"EXEC:5:0"});
    rig_close(&r);
}
