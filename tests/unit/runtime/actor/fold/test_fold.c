/* A whole fold on a fake bus: what one message does, what is taken back, where digests are due, what
 * a start finds, and how it ends. */
#include "runtime/actor/fold/fold_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "runtime/base/name.h"
#include "tests/unit/runtime/actor/fold/fold_bench.h"

#define SUBJECT "outcome.tester.0"

/* The body says what the message does: "put K V", "event", "both", "refuse", "large", "timer". */
static void fold(rp_fold *f, void *state, const rp_message *message)
{
    char key[32] = "", value[64] = "";
    (void)state;
    if (sscanf((const char *)message->body.data, "put %31s %63s", key, value) == 2) {
        rp_fold_put(f, rp_bytes_text(key), rp_bytes_text(value));
    } else if (rp_bytes_is(message->body, "event")) {
        rp_fold_event(f, "happened", rp_bytes_text("{\"a\":1}"));
    } else if (rp_bytes_is(message->body, "refuse")) {
        rp_fold_put(f, rp_bytes_text("a"), rp_bytes_text("wrong"));
        rp_fold_remove(f, rp_bytes_text("b"));
        rp_fold_event(f, "happened", rp_bytes_text("1"));
        rp_fold_refuse(f, RP__ERROR__CODE__INVALID_ARGUMENT, "field", NULL, "because %d", 7);
        rp_fold_refuse(f, RP__ERROR__CODE__INTERNAL, NULL, NULL, "the first one stands");
    } else if (rp_bytes_is(message->body, "large")) {
        cr_expect(!rp_fold_put(f, rp_bytes_text("a key above its bound"), rp_bytes_text("")));
    } else if (rp_bytes_is(message->body, "many")) {
        for (int i = 0; i < 5; i++)
            rp_fold_event(f, "happened", rp_bytes_text("1"));
    } else if (rp_bytes_is(message->body, "timer")) {
        rp_fold_timer(f, rp_bytes_text("exec.timer.a"), rp_bytes_text("exec.due.a"),
            rp_bytes_text("wake"), rp_fold_now_ns(f) + 1);
    } else if (!rp_fold_json(f, message)) {
        return;
    }
}

static bool ask(
    rp_fold *f, void *state, const rp_fold_ask *question, rp_buffer *answer, rp_refusal *retref)
{
    (void)state, (void)retref;
    rp_json_string(answer, rp_fold_get(f, question->name));
    return true;
}

static void restored(rp_fold *f, void *state)
{
    cr_expect(rp_fold_partition(f) == 0);
    ++*(int *)state;
}

static int restores;

static rp_fold_spec spec_of(void)
{
    rp_fold_spec spec = {.stream = "EXEC",
        .name_token = 1,
        .limits = RP_FOLD_LIMITS,
        .snapshot_every = 5,
        .fold = fold,
        .restored = restored,
        .ask = ask};
    spec.limits.key_bytes_max = 8;
    spec.limits.outcomes_message_max = 4;
    return spec;
}

static rp_fold *fold_open(fold_bench *b, uint32_t partitions)
{
    rp_fold *f;
    static rp_fold_spec spec;
    spec = spec_of();
    restores = 0;
    rp_fold_place place = {.kind = "tester",
        .partitions = partitions,
        .store = &b->store,
        .metrics = &b->fold_metrics};
    cr_assert_eq(rp_fold_new(&b->env, &spec, &place, &restores, &f, NULL), RP_OK);
    return f;
}

/* A fold that has caught up with an empty log. */
static rp_fold *fold_begun(fold_bench *b)
{
    rp_fold *f = fold_open(b, 1);
    fold_bench_wait(b, 500);
    cr_assert_eq(f->phase, RP__FOLD_FOLDING);
    return f;
}

static void take(rp_fold *f, uint64_t sequence, const char *body)
{
    fold_bench_message m;
    fold_bench_message_init(&m, sequence, "exec.a", body);
    cr_assert(rp__fold_message(f, &m.message));
}

static const char *outcome(const fold_bench *b, size_t index)
{
    const fake_stored *s = fake_bus_at(b->bus, SUBJECT, index);
    return s ? s->body : "";
}

static bool holds(const rp_fold *f, const char *key, const char *value)
{
    rp_bytes found = rp_fold_get(f, rp_bytes_text(key));
    return value ? found.data && rp_bytes_is(found, value) : !found.data;
}

Test(fold, a_refused_message_changes_nothing_but_the_outcome)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_begun(b);
    take(f, 1, "put a 1");
    take(f, 2, "put b 2");
    rp_hash128 before = rp_fold_digest(f);
    take(f, 3, "refuse");
    take(f, 4, "large");
    take(f, 5, "many");
    take(f, 6, "no json");
    rp_hash128 after = rp_fold_digest(f);
    cr_expect(before.low == after.low && before.high == after.high);
    cr_expect(holds(f, "a", "1") && holds(f, "b", "2") && rp_fold_sequence(f) == 6);
    cr_expect_eq(rp_fold_now_ns(f), 6 * RP_NS_PER_S);
    fake_bus_run(b->bus);
    cr_expect_eq(fake_bus_count(b->bus, SUBJECT), 4);
    cr_expect(
        strstr(outcome(b, 0), "\"sequence\":3,\"index\":0,\"subject\":\"exec.a\",\"refused\":{"));
    cr_expect(strstr(outcome(b, 0), "because 7") && !strstr(outcome(b, 0), "event"));
    cr_expect(strstr(outcome(b, 1), "\"limit\":\"8 bytes\""), "%s", outcome(b, 1));
    cr_expect(strstr(outcome(b, 2), "\"limit\":\"4 outcomes\""), "%s", outcome(b, 2));
    cr_expect(strstr(outcome(b, 3), "invalid_json"), "%s", outcome(b, 3));
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, events_and_timers_in_the_order_of_their_causes)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_begun(b);
    take(f, 1, "event");
    take(f, 2, "timer");
    take(f, 3, "event");
    fake_bus_run(b->bus);
    cr_expect_eq(fake_bus_count(b->bus, SUBJECT), 3);
    cr_expect(
        strstr(outcome(b, 0), "\"event\":{\"name\":\"happened\",\"body\":\"{\\\"a\\\":1}\"}"));
    cr_expect(
        strstr(outcome(b, 1), "\"timer\":{\"timer\":\"exec.timer.a\",\"target\":\"exec.due.a\","
                              "\"at_unix_ms\":2001}"),
        "%s", outcome(b, 1));
    cr_expect_eq(fake_bus_count(b->bus, "exec.timer.a"), 1);
    cr_expect_eq(rp_fold_waiting(f), 0);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, what_the_server_takes_away_is_not_folded)
{
    fold_bench_message m;
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_begun(b);
    take(f, 1, "put a 1");
    fold_bench_message_init(&m, 2, "exec.a", "put a 2");
    m.headers[RP_HEADER_SCHEDULE] = "@at 2026-11-24T07:00:00.000Z";
    cr_assert(rp__fold_message(f, &m.message));
    fold_bench_message_init(&m, 3, "exec.a", "put a 3");
    m.headers[RP_HEADER_ROLLUP] = "sub";
    cr_assert(rp__fold_message(f, &m.message));
    cr_expect(holds(f, "a", "1") && f->sequence == 3 && f->anchor == 1);
    cr_expect_eq(rp_fold_now_ns(f), RP_NS_PER_S, "nor is the clock moved");
    fold_bench_message_init(&m, 4, "exec.a", "put a 4");
    m.headers[RP_HEADER_BODY] = "BLOBS/x;y";
    cr_assert(rp__fold_message(f, &m.message));
    fake_bus_run(b->bus);
    cr_expect(holds(f, "a", "1") && strstr(outcome(b, 0), "Rp-Body"));
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, partitions_share_the_log_out)
{
    fold_bench_message m;
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_open(b, 3);
    fold_bench_wait(b, 500);
    size_t ours = 0;
    for (uint64_t i = 1; i <= 60; i++) {
        char subject[32], body[32];
        snprintf(subject, sizeof subject, "exec.n%d", (int)i);
        snprintf(body, sizeof body, "put n%d 1", (int)i);
        ours += rp_hash_fnv1a32(rp_name_token(rp_bytes_text(subject), 1)) % 3 == 0;
        fold_bench_message_init(&m, i, subject, body);
        cr_assert(rp__fold_message(f, &m.message));
    }
    cr_expect(ours > 10 && ours < 30 && rp_pairs_count(f->pairs) == ours && f->sequence == 60);
    rp_fold_free(f);
    fold_bench_close(b);
}

/* -- digests ----------------------------------------------------------------------------------- */

static bool is_digest(const fold_bench *b, size_t index, const char *cause)
{
    const fake_stored *s = fake_bus_at(b->bus, SUBJECT, index);
    return s && strcmp(fake_stored_header(s, RP_HEADER_CAUSE), cause) == 0 &&
           strstr(s->body, "\"digest\"");
}

Test(fold, a_digest_stands_behind_the_outcomes_of_its_sequence)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_begun(b);
    take(f, 4095, "put a 1");
    take(f, 4096, "event");
    take(f, 4097, "event");
    fake_bus_run(b->bus);
    cr_expect(is_digest(b, 1, "EXEC:4096:1"), "%s", outcome(b, 1));
    cr_expect(
        strstr(outcome(b, 1), "\"index\":1,\"digest\":{") && strstr(outcome(b, 1), "\"pairs\":1"));
    cr_expect_eq(fake_bus_count(b->bus, SUBJECT), 3);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, a_digest_in_a_hole_comes_before_the_message_behind_it)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_begun(b);
    take(f, 4000, "put a 1");
    take(f, 12300, "put b 1"); /* 4096, 8192 and 12288 are gone: the last counts */
    take(f, 12301, "event");
    fake_bus_run(b->bus);
    cr_expect(is_digest(b, 0, "EXEC:12288:0"), "%s", outcome(b, 0));
    cr_expect(strstr(outcome(b, 0), "\"pairs\":1"), "before the message");
    cr_expect_eq(fake_bus_count(b->bus, SUBJECT), 2);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, another_digest_is_an_alarm_whoever_was_first)
{
    const char *why;
    for (int stored_first = 0; stored_first < 2; stored_first++) {
        fold_bench *b = fold_bench_open();
        rp_fold *f = fold_begun(b);
        rp_emitter_emit(f->emitter, false);
        const char *theirs = "{\"stream\":\"EXEC\",\"sequence\":4096,\"index\":0,\"digest\":"
                             "{\"digest\":\"000102030405060708090a0b0c0d0e0f\",\"pairs\":1}}";
        if (stored_first)
            fake_bus_put(b->bus, SUBJECT, theirs, "EXEC:4096:0", "other:1");
        fake_bus_run(b->bus);
        take(f, 4095, "put a 1");
        take(f, 4096, "put b 1");
        if (!stored_first)
            fake_bus_put(b->bus, SUBJECT, theirs, "EXEC:4096:0", "other:1");
        fake_bus_run(b->bus);
        cr_expect_eq(f->phase, RP__FOLD_BROKEN);
        cr_expect(rp_fold_troubled(f, &why) && strstr(why, "digest") && strstr(why, "4096"));
        cr_expect_eq(rp_counter_value(f->counts.mismatches), 1);
        cr_expect(b->on_plain == NULL, "others answer");
        rp_fold_free(f);
        fold_bench_close(b);
    }
}

/* -- its life ---------------------------------------------------------------------------------- */

static void publish(fold_bench *b, const char *body)
{
    fake_bus_put(b->bus, "exec.a", body, "REQUEST:1:0", "client:1");
}

Test(fold, reads_and_verdicts)
{
    const char *why;
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_open(b, 1);
    cr_expect(rp_fold_troubled(f, &why), "not caught up yet");
    publish(b, "put a 1");
    publish(b, "refuse");
    fold_bench_wait(b, 500);
    cr_expect(!rp_fold_troubled(f, &why), "%s", why);
    fold_bench_ask(b, "ask.tester.a.get", "");
    cr_expect_str_eq(fold_bench_answer(b), "{\"sequence\":2,\"result\":\"1\"}");
    fold_bench_ask(b, "ask.tester.a.verdict", "{\"of\":1}");
    cr_expect_str_eq(
        fold_bench_answer(b), "{\"sequence\":2,\"result\":{\"verdict\":\"accepted\"}}");
    fold_bench_ask(b, "ask.tester.a.verdict", "{\"of\":2}");
    cr_expect(strstr(
        fold_bench_answer(b), "{\"verdict\":\"refused\",\"error\":{\"code\":\"invalid_argument\""));
    fold_bench_ask(b, "ask.tester.a.verdict", "{\"of\":3}");
    cr_expect(strstr(fold_bench_answer(b), "not_yet"));
    fold_bench_ask(b, "ask.tester.a.verdict", "{}");
    cr_expect(strstr(fold_bench_answer(b), "\"field\":\"of\""));
    fold_bench_ask(b, "ask.tester.a.state", "");
    cr_expect(strstr(fold_bench_answer(b), "\"pairs\":1,\"bytes\":2"), "%s", fold_bench_answer(b));
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, the_verdict_of_what_is_another_partitions_is_an_error)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_open(b, 2);
    cr_assert_eq(rp_fold_partition_of(rp_bytes_text("a"), 2), 0);
    cr_assert_eq(rp_fold_partition_of(rp_bytes_text("b"), 2), 1);
    publish(b, "event");
    fake_bus_put(b->bus, "exec.b", "refuse", "REQUEST:2:0", "client:2");
    fold_bench_wait(b, 500);
    fold_bench_ask(b, "ask.tester.a.verdict", "{\"of\":1}");
    cr_expect(strstr(fold_bench_answer(b), "\"accepted\""), "%s", fold_bench_answer(b));
    fold_bench_ask(b, "ask.tester.a.verdict", "{\"of\":2}");
    cr_expect(strstr(fold_bench_answer(b), "\"error\":{\"code\":\"invalid_argument\"") &&
                  strstr(fold_bench_answer(b), "no message of partition 0 of 2"),
        "%s", fold_bench_answer(b));
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, it_says_why_nobody_emits)
{
    const char *why = "";
    fold_bench *b = fold_bench_open();
    for (size_t i = 0; i < 3; i++)
        fake_bus_fate(b->bus, "$KV.LEASES", FAKE_FAIL, RP_NOT_FOUND);
    rp_fold *f = fold_open(b, 1);
    publish(b, "event");
    fold_bench_wait(b, 500);
    cr_expect(rp_fold_troubled(f, &why));
    cr_expect(strstr(why, "the lease tester.0 cannot be had"), "%s", why);
    cr_expect_eq(rp_fold_waiting(f), 1);
    fold_bench_wait(b, 5000);
    cr_expect(!rp_fold_troubled(f, &why), "%s", why);
    cr_expect_eq(rp_fold_waiting(f), 0);
    rp_fold_free(f);
    fold_bench_close(b);
}

static void on_drained(void *arg)
{
    ++*(int *)arg;
}

static size_t snapshots(const fold_bench *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->bus->stored_count; i++) {
        const fake_stored *s = &b->bus->stored[i];
        count += !s->gone && strncmp(s->subject, "$O.SNAPSHOTS.M.", 15) == 0 &&
                 !strstr(s->body, "\"deleted\":true");
    }
    return count;
}

Test(fold, a_drain_stores_what_is_left_and_the_next_one_goes_on_from_there)
{
    int drained = 0;
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_open(b, 1);
    publish(b, "put a 1");
    publish(b, "refuse");
    publish(b, "put b 2");
    fold_bench_wait(b, 300);
    rp_hash128 digest = rp_fold_digest(f);
    rp_fold_drain(f, RP_NS_PER_S, on_drained, &drained);
    cr_expect_eq(drained, 0, "not inside the call");
    fold_bench_wait(b, 500);
    cr_expect_eq(drained, 1);
    cr_expect_eq(fake_bus_count(b->bus, SUBJECT), 1);
    cr_expect_eq(snapshots(b), 1);
    rp_fold_free(f);
    f = fold_open(b, 1);
    publish(b, "event");
    fold_bench_wait(b, 1000);
    cr_expect_eq(restores, 1);
    cr_expect(f->verdicts.floor == 3 && f->sequence == 4, "behind the snapshot");
    cr_expect(rp_fold_digest(f).low == digest.low && holds(f, "a", "1") && holds(f, "b", "2"));
    cr_expect_eq(fake_bus_count(b->bus, SUBJECT), 2, "nothing is stored twice");
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, snapshots_are_written_every_so_often_and_three_are_kept)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_open(b, 1);
    for (int i = 0; i < 24; i++) {
        publish(b, "put a 1");
        fold_bench_wait(b, 100);
    }
    fold_bench_wait(b, 500);
    cr_expect_eq(rp_counter_value(f->counts.snapshots), 4);
    cr_expect_eq(snapshots(b), 3);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, no_snapshot_before_the_outcomes_up_to_it_are_stored)
{
    fold_bench *b = fold_bench_open();
    rp_fold *f = fold_begun(b);
    fake_bus_fate(b->bus, SUBJECT, FAKE_DELAY, RP_OK);
    for (int i = 0; i < 8; i++)
        publish(b, i == 2 ? "refuse" : "put a 1");
    fold_bench_wait(b, 500);
    cr_expect(f->sequence == 8 && f->snapshot_sequence == 5);
    cr_expect_eq(snapshots(b), 0);
    fake_bus_let_go(b->bus);
    fold_bench_wait(b, 500);
    cr_expect_eq(snapshots(b), 1);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, a_log_that_begins_behind_what_is_known_is_told)
{
    const char *why;
    fold_bench *b = fold_bench_open();
    for (int i = 0; i < 6; i++)
        publish(b, "put a 1");
    for (size_t i = 0; i < 4; i++)
        b->bus->stored[i].gone = true;
    rp_fold *f = fold_open(b, 1);
    fold_bench_wait(b, 300);
    cr_expect(rp_fold_troubled(f, &why) &&
                  strstr(why, "messages 1 to 4 of the stream EXEC are missing") &&
                  strstr(why, "there is no snapshot"),
        "%s", why);
    cr_expect(b->on_plain == NULL);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, outcomes_of_a_longer_log_are_those_of_another_one)
{
    const char *why;
    fold_bench *b = fold_bench_open();
    publish(b, "put a 1");
    fake_bus_put(b->bus, SUBJECT, "{}", "EXEC:70:0", "other:1");
    rp_fold *f = fold_open(b, 1);
    fold_bench_wait(b, 300);
    cr_expect(
        rp_fold_troubled(f, &why) && strstr(why, "another stream") && strstr(why, "70"), "%s", why);
    rp_fold_free(f);
    fold_bench_close(b);
}

Test(fold, a_full_ring_stops_it_until_there_is_room)
{
    fold_bench *b = fold_bench_open();
    static rp_fold_spec spec;
    rp_fold *f;
    spec = spec_of();
    spec.limits.outcomes_ahead_max = 16;
    rp_fold_place place = {
        .kind = "tester", .partitions = 1, .store = &b->store, .metrics = &b->fold_metrics};
    fake_bus_fate(b->bus, SUBJECT, FAKE_DELAY, RP_OK);
    for (int i = 0; i < 40; i++)
        publish(b, "refuse");
    cr_assert_eq(rp_fold_new(&b->env, &spec, &place, &restores, &f, NULL), RP_OK);
    fold_bench_wait(b, 300);
    cr_expect(f->sequence < 16 && f->sequence > 8 && !f->follower);
    cr_expect(rp_counter_value(f->counts.limits) > 0);
    for (int i = 0; i < 10; i++) {
        fake_bus_let_go(b->bus);
        fold_bench_wait(b, 500);
    }
    cr_expect(f->sequence == 40 && fake_bus_count(b->bus, SUBJECT) == 40, "%d folded, %zu stored",
        (int)f->sequence, fake_bus_count(b->bus, SUBJECT));
    rp_fold_free(f);
    fold_bench_close(b);
}
