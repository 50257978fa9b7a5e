/* The janitor on a bus in memory: what it purges, and what it leaves alone. The fake's EXEC is a
 * settled stream, its STEP serves as a fold's log. */
#include "actors/janitor/janitor_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/fold/archive.h"
#include "runtime/actor/fold/snapshot.h"
#include "runtime/base/base64.h"
#include "runtime/store/object/info.h"
#include "tests/unit/support/fake_bus.h"
#include "tests/unit/support/fake_host.h"

enum { LOG_CREATED_NS = 77, MESSAGES = 10, SNAPSHOT_BYTES_MAX = 4096 };

typedef struct bench {
    fake_bus *bus;
    fake_host *host;
    rp_metrics *metrics;
    rp_actor *actor;
    rp_store store;
    rp_objects *snapshots;
} bench;

static void ready(void *arg, const char *why)
{
    (void)arg, (void)why;
}

static void drained(void *arg, bool failed)
{
    (void)arg, (void)failed;
}

/* A janitor that looks every second, and streams whose every byte is above its mark. */
static bench *bench_open(void)
{
    bench *b = calloc(1, sizeof *b);
    rp_janitor_settings settings = {.every_ns = RP_NS_PER_S, .above_percent = 0};
    rp_error error = {0};
    cr_assert(b);
    b->bus = fake_bus_new();
    b->bus->stream = (rp_stream_state){.bytes_max = 1 << 20, .created_ns = LOG_CREATED_NS};
    b->host = fake_host_new(1);
    b->store = (rp_store){.bus = &b->bus->bus, .host = &b->host->host, .instance = "test.1"};
    cr_assert_eq(rp_metrics_new(NULL, 0, &b->metrics, NULL), RP_OK);
    cr_assert_eq(rp_objects_open(&b->store, RP_ARCHIVE_BUCKET, &b->snapshots), RP_OK);
    rp_actor_env env = {.worker = {.bus = &b->bus->bus,
                            .host = &b->host->host,
                            .metrics = b->metrics,
                            .instance = "me.1",
                            .build = "build-1",
                            .slots = 1},
        .name = "j1",
        .host_name = "here",
        .threads = 1,
        .ready = ready,
        .drained = drained};
    cr_assert_eq(
        rp_actor_new(&rp_janitor, &env, &settings, &b->actor, &error), RP_OK, "%s", error.message);
    return b;
}

static void bench_close(bench *b)
{
    rp_host_stop(&b->host->host);
    rp_actor_free(b->actor);
    rp_objects_close(b->snapshots);
    fake_host_free(b->host);
    fake_bus_free(b->bus);
    rp_metrics_free(b->metrics);
    free(b);
}

/* Ten messages, sequences 1 to 10. */
static void fill(bench *b, const char *subject)
{
    for (int i = 0; i < MESSAGES; i++)
        fake_bus_put(b->bus, subject, "x", NULL, NULL);
}

static void wait_ms(bench *b, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        fake_host_advance(b->host, 10 * RP_NS_PER_MS);
        fake_bus_run(b->bus);
    }
}

static bool tells(const bench *b, const char *line)
{
    rp_buffer text;
    rp_buffer_init(&text, 1 << 20);
    rp_metrics_expose(b->metrics, &text);
    bool found = strstr(rp_buffer_string(&text), line) != NULL;
    rp_buffer_done(&text);
    return found;
}

/* -- snapshots --------------------------------------------------------------------------------- */

typedef struct writer {
    rp_object_put *put;
    rp_bytes rest;
    rp_status status;
} writer;

static void on_room(void *arg)
{
    writer *w = arg;
    size_t taken = rp_object_put_write(w->put, w->rest);
    w->rest = rp_bytes_of(w->rest.data + taken, w->rest.len - taken);
    if (w->rest.len == 0)
        rp_object_put_finish(w->put);
}

static void on_put(void *arg, rp_status status, const rp_object_info *info, const char *why)
{
    (void)info, (void)why;
    ((writer *)arg)->status = status;
}

/* Puts a snapshot of a partition of "counter", whose name tells of the sequence `named`. */
static void put_named(bench *b, rp_snapshot_head head, uint64_t named)
{
    static const rp_pairs_limits limits = {16, 64, 64, SNAPSHOT_BYTES_MAX, 1};
    rp_pairs *pairs;
    rp_buffer bytes;
    uint8_t sha256[RP_SHA256_BYTES];
    char name[RP_SNAPSHOT_NAME_BYTES];
    head.kind = rp_bytes_text("counter");
    head.stream = rp_bytes_text("STEP");
    cr_assert_eq(rp_pairs_new(&limits, &pairs), RP_OK);
    rp_buffer_init(&bytes, SNAPSHOT_BYTES_MAX);
    cr_assert_eq(rp_snapshot_write(&head, pairs, &bytes), RP_OK);
    cr_assert_eq(rp_hash_sha256(rp_buffer_bytes(&bytes), sha256), RP_OK);
    cr_assert_eq(rp_snapshot_name("counter", head.partition, named, sha256, name), RP_OK);
    writer w = {.rest = rp_buffer_bytes(&bytes), .status = RP_INTERNAL};
    rp_object_put_spec spec = {.name = name, .on_room = on_room, .on_end = on_put, .arg = &w};
    cr_assert_eq(rp_object_put_start(b->snapshots, &spec, &w.put), RP_OK);
    wait_ms(b, 100);
    cr_assert_eq(w.status, RP_OK);
    rp_buffer_done(&bytes);
    rp_pairs_free(pairs);
}

static void put(bench *b, uint32_t partition, uint32_t partitions, uint64_t sequence)
{
    rp_snapshot_head head = {.partition = partition,
        .partitions = partitions,
        .created_ns = LOG_CREATED_NS,
        .sequence = sequence};
    put_named(b, head, sequence);
}

/* -- what goes --------------------------------------------------------------------------------- */

Test(janitor, what_every_durable_has_settled_goes)
{
    bench *b = bench_open();
    fill(b, "exec.m");
    b->bus->stream.settled_sequence = 6;
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "exec.m"), MESSAGES, "no durable reads it");
    b->bus->stream.settled_by_durables = true;
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "exec.m"), 4);
    cr_expect(tells(b, "reprise_janitor_purged_total{stream=\"EXEC\"} 6\n"));
    bench_close(b);
}

Test(janitor, a_stream_below_its_mark_is_left_alone)
{
    bench *b = bench_open();
    b->bus->stream.settled_by_durables = true;
    b->bus->stream.settled_sequence = 6;
    b->bus->stream.bytes_max = 0; /* no limit, so no mark */
    fill(b, "exec.m");
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "exec.m"), MESSAGES);
    bench_close(b);
}

Test(janitor, a_log_goes_up_to_the_lowest_of_its_partitions)
{
    bench *b = bench_open();
    fill(b, "step.a");
    put(b, 0, 2, 7);
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), MESSAGES, "one partition has none yet");
    put(b, 1, 2, 4);
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), 7, "the message at 4 itself stays");
    put(b, 1, 2, 9);
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), 4);
    bench_close(b);
}

Test(janitor, a_log_keeps_what_a_durable_has_not_settled)
{
    bench *b = bench_open();
    fill(b, "step.a");
    b->bus->stream.settled_by_durables = true;
    b->bus->stream.settled_sequence = 2;
    put(b, 0, 1, 8);
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), 8);
    b->bus->stream.settled_sequence = MESSAGES;
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), 3, "and what is in no snapshot");
    bench_close(b);
}

/* -- what does not count ----------------------------------------------------------------------- */

Test(janitor, a_snapshot_that_is_not_what_its_name_says_covers_nothing)
{
    bench *b = bench_open();
    fill(b, "step.a");
    put_named(
        b, (rp_snapshot_head){.partitions = 1, .created_ns = LOG_CREATED_NS, .sequence = 5}, 8);
    wait_ms(b, 3000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), MESSAGES);
    cr_expect(tells(b, "reprise_janitor_snapshots_corrupt_total 1\n"), "once, not each time");
    bench_close(b);
}

Test(janitor, a_log_that_was_made_anew_is_left_alone)
{
    bench *b = bench_open();
    fill(b, "step.a");
    b->bus->stream.created_ns = LOG_CREATED_NS + 1;
    put(b, 0, 1, 8);
    wait_ms(b, 2000);
    cr_expect_eq(fake_bus_count(b->bus, "step.a"), MESSAGES);
    bench_close(b);
}

/* Says that there is a snapshot, of which no byte is. */
static void put_info(bench *b, uint32_t partition)
{
    static const uint8_t sha256[RP_SHA256_BYTES] = {0};
    rp_object_info info = {.size = 1, .chunks = 1};
    char token[512], subject[600];
    rp_buffer json;
    cr_assert_eq(rp_snapshot_name("counter", partition, 8, sha256, info.name), RP_OK);
    rp_sha256_text(sha256, info.digest);
    snprintf(info.nuid, sizeof info.nuid, "n%u", (unsigned)partition);
    cr_assert_eq(rp_base64_url(rp_bytes_text(info.name), token, sizeof token), RP_OK);
    snprintf(subject, sizeof subject, "$O." RP_ARCHIVE_BUCKET ".M.%s", token);
    rp_buffer_init(&json, 4096);
    rp_object_info_write(&info, RP_ARCHIVE_BUCKET, 0, &json);
    fake_bus_put(b->bus, subject, rp_buffer_string(&json), NULL, NULL);
    rp_buffer_done(&json);
}

Test(janitor, more_partitions_than_it_can_keep_are_told)
{
    bench *b = bench_open();
    for (uint32_t i = 0; i <= JANITOR_PARTITIONS_MAX; i++)
        put_info(b, i);
    cr_expect(tells(b, "reprise_janitor_partitions_left_out_total 0\n"));
    wait_ms(b, 500);
    cr_expect(tells(b, "reprise_janitor_partitions_left_out_total 1\n"));
    bench_close(b);
}

/* -- sweeps end -------------------------------------------------------------------------------- */

Test(janitor, a_missing_bucket_holds_up_no_sweep)
{
    bench *b = bench_open();
    b->bus->no_stream = "OBJ_" RP_ARCHIVE_BUCKET;
    wait_ms(b, 2500);
    cr_expect(tells(b, "reprise_janitor_sweeps_total 3\n"), "at 0, 1 and 2 s");
    cr_expect_eq(fake_bus_followers(b->bus), 0);
    bench_close(b);
}

Test(janitor, stops_in_the_middle_of_a_sweep)
{
    for (int steps = 0; steps < 40; steps++) {
        bench *b = bench_open();
        fill(b, "step.a");
        put(b, 0, 1, 8);
        fake_host_advance(b->host, RP_NS_PER_S);
        for (int i = 0; i < steps; i++)
            (void)fake_bus_step(b->bus);
        bench_close(b);
    }
}
