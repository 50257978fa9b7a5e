/* Reads: which are whose, what waits, and what every wrong question is told. */
#include "runtime/actor/fold/ask.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/runtime/actor/fold/fold_bench.h"

typedef struct rig {
    fold_bench *bench;
    rp_asks *asks;
    rp_fold_counts counts;
    uint64_t folded;
    size_t asked;
} rig;

static uint64_t folded(void *arg)
{
    const rig *r = arg;
    return r->folded;
}

static bool answer(void *arg, const rp_fold_ask *ask, rp_buffer *result, rp_refusal *retref)
{
    rig *r = arg;
    r->asked++;
    if (rp_bytes_is(ask->op, "no")) {
        rp_refusal_set(retref, RP__ERROR__CODE__UNSUPPORTED, "op", NULL, "no");
        return false;
    }
    if (rp_bytes_is(ask->op, "long")) {
        while (!result->truncated)
            rp_buffer_text(result, "0123456789");
        return true;
    }
    rp_json_string(result, ask->name);
    return true;
}

static void rig_open(rig *r, uint32_t partition, uint32_t partitions)
{
    *r = (rig){.bench = fold_bench_open(), .folded = 10};
    rp_fold_metrics_of(&r->bench->fold_metrics, 0, &r->counts);
    rp_asks_spec spec = {.env = &r->bench->env,
        .kind = "tester",
        .partition = partition,
        .partitions = partitions,
        .waiting_max = 2,
        .wait_ns = RP_NS_PER_S,
        .folded = folded,
        .answer = answer,
        .arg = r,
        .answered = r->counts.asks,
        .limits = r->counts.limits};
    cr_assert_eq(rp_asks_new(&spec, &r->asks), RP_OK);
    cr_assert_eq(rp_asks_open(r->asks), RP_OK);
    cr_assert_eq(rp_asks_open(r->asks), RP_OK, "once is enough");
}

static void rig_close(rig *r)
{
    rp_asks_free(r->asks);
    fold_bench_close(r->bench);
}

static void says(rig *r, const char *subject, const char *body, const char *wanted)
{
    size_t before = r->bench->answer_count;
    fold_bench_ask(r->bench, subject, body);
    cr_assert_eq(r->bench->answer_count, before + 1, "%s", body);
    cr_expect(
        strstr(fold_bench_answer(r->bench), wanted), "%s: %s", wanted, fold_bench_answer(r->bench));
}

Test(ask, an_answer_names_the_sequence_that_it_reflects)
{
    rig r;
    rig_open(&r, 0, 1);
    cr_expect_str_eq(r.bench->group, "tester.0");
    says(&r, "ask.tester.a.get", "", "{\"sequence\":10,\"result\":\"a\"}");
    says(&r, "ask.tester.a=2Eb.get", "{}", "{\"sequence\":10,\"result\":\"a.b\"}");
    says(&r, "ask.tester.a.no", "{}", "{\"sequence\":10,\"error\":{\"code\":\"unsupported\"");
    cr_expect_eq(rp_counter_value(r.counts.asks), 3);
    rig_close(&r);
}

Test(ask, what_is_wrong_is_said)
{
    rig r;
    rig_open(&r, 0, 1);
    says(&r, "ask.tester.a.get", "{", "invalid_json");
    says(&r, "ask.tester.a.get", "7", "invalid_argument");
    says(&r, "ask.tester.a.get", "{\"at_least\":\"7\"}", "\"field\":\"at_least\"");
    says(&r, "ask.tester.a.get", "{\"at_least\":-7}", "\"field\":\"at_least\"");
    says(&r, "ask.tester.=.get", "", "\"field\":\"name\"");
    says(&r, "ask.tester.a.long", "", "payload_too_large");
    cr_expect_eq(r.asked, 1);
    char large[RP_ASKS_BODY_BYTES_MAX + 2];
    memset(large, ' ', sizeof large);
    large[sizeof large - 1] = '\0';
    uint64_t before = rp_counter_value(r.counts.limits);
    says(&r, "ask.tester.a.get", large, "payload_too_large");
    cr_expect_eq(rp_counter_value(r.counts.limits), before + 1);
    rig_close(&r);
}

Test(ask, a_name_of_another_partition_is_not_answered)
{
    rig r;
    size_t answered = 0;
    for (uint32_t partition = 0; partition < 3; partition++) {
        rig_open(&r, partition, 3);
        fold_bench_ask(r.bench, "ask.tester.apples.get", "");
        fold_bench_ask(r.bench, "ask.tester.apples.get", "{");
        cr_expect_eq(r.bench->answer_count,
            partition == rp_fold_partition_of(rp_bytes_text("apples"), 3) ? 2 : 0);
        answered += r.bench->answer_count;
        rig_close(&r);
    }
    cr_expect_eq(answered, 2);
}

Test(ask, read_your_writes)
{
    rig r;
    rig_open(&r, 0, 1);
    says(&r, "ask.tester.a.get", "{\"at_least\":10}", "{\"sequence\":10,\"result\":\"a\"}");
    fold_bench_ask(r.bench, "ask.tester.b.get", "{\"at_least\":12}");
    fold_bench_ask(r.bench, "ask.tester.c.get", "{\"at_least\":11}");
    cr_expect_eq(r.bench->answer_count, 1, "they wait");
    says(&r, "ask.tester.d.get", "{\"at_least\":11}", "overloaded");
    cr_expect_eq(rp_counter_value(r.counts.limits), 1);
    r.folded = 11;
    rp_asks_folded(r.asks);
    cr_expect_str_eq(fold_bench_answer(r.bench), "{\"sequence\":11,\"result\":\"c\"}");
    r.folded = 13;
    rp_asks_folded(r.asks);
    cr_expect_str_eq(fold_bench_answer(r.bench), "{\"sequence\":13,\"result\":\"b\"}");
    cr_expect_eq(r.bench->answer_count, 4);
    rig_close(&r);
}

Test(ask, none_waits_for_ever)
{
    rig r;
    rig_open(&r, 0, 1);
    fold_bench_ask(r.bench, "ask.tester.b.get", "{\"at_least\":12}");
    fold_bench_wait(r.bench, 900);
    cr_expect_eq(r.bench->answer_count, 0);
    fold_bench_wait(r.bench, 200);
    cr_expect(strstr(fold_bench_answer(r.bench), "unavailable") &&
              strstr(fold_bench_answer(r.bench), "12") &&
              strstr(fold_bench_answer(r.bench), "only 10"));
    cr_expect_eq(rp_counter_value(r.counts.limits), 1);
    fold_bench_ask(r.bench, "ask.tester.b.get", "{\"at_least\":12}");
    rp_asks_close(r.asks);
    cr_expect_eq(r.bench->answer_count, 2, "who leaves says so");
    cr_expect_eq(rp_counter_value(r.counts.limits), 1, "which is no limit");
    cr_expect_eq(fake_host_timers_set(r.bench->host), 0);
    rig_close(&r);
}
