/* bench_store: how fast objects and key-value entries are written and read.
 *
 *     bench_store --server URL
 *
 * On a provisioned server, by one process with one connection: an object of 64 MiB put into BLOBS
 * and read back, five times, its SHA-256 verified on both sides; then 20,000 keys put into ACTORS,
 * five times, as many at once as a bucket lets be on their way. Prints the medians, one line a
 * figure, `name value unit`. What it wrote is left there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/actor/process/host_uv.h"
#include "runtime/base/options.h"
#include "runtime/base/rng.h"
#include "runtime/bus/jetstream/jetstream.h"
#include "runtime/store/kv.h"
#include "runtime/store/object/object.h"
#include "tests/bench/spine/samples.h"

enum { OBJECT_BYTES = 64 << 20, TIMES = 5, PUTS = 20000, SEED = 20261124 };

typedef struct settings {
    const char *server;
} settings;

typedef struct bench {
    uv_loop_t loop;
    rp_bus *bus;
    rp_host *host;
    rp_store store;
    rp_objects *objects;
    rp_kv *kv;
    uint8_t *bytes;
    size_t at; /* of the object that is put */
    rp_object_put *put;
    rp_object_get *get;
    char name[32];
    size_t time, puts_started, puts_ended; /* in this time */
    uint64_t began_ns;
    bench_samples put_rate, get_rate, kv_rate;
} bench;

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench_store: %s\n", what);
    exit(1);
}

static double seconds(const bench *b)
{
    return (double)(rp_clock_monotonic_ns(rp_clock_system()) - b->began_ns) / 1e9;
}

static void begin(bench *b)
{
    b->began_ns = rp_clock_monotonic_ns(rp_clock_system());
}

/* -- keys -------------------------------------------------------------------------------------- */

static void put_keys(bench *b);

static void on_written(void *arg, const rp_kv_written *written)
{
    bench *b = arg;
    need(written->status == RP_OK, written->why);
    if (++b->puts_ended < PUTS) {
        put_keys(b);
        return;
    }
    bench_samples_add(&b->kv_rate, PUTS / seconds(b));
    if (++b->time == TIMES) {
        uv_stop(&b->loop);
        return;
    }
    b->puts_started = b->puts_ended = 0;
    begin(b);
    put_keys(b);
}

/* As many as are taken. */
static void put_keys(bench *b)
{
    char key[32];
    while (b->puts_started < PUTS && b->puts_started - b->puts_ended < RP_KV_OPERATIONS_MAX) {
        snprintf(key, sizeof key, "bench.%zu", b->puts_started % 1000);
        need(rp_kv_put(b->kv, rp_bytes_text(key), rp_bytes_text("a value of some bytes"), 60,
                 on_written, b) == RP_OK,
            "a put is not taken");
        b->puts_started++;
    }
}

/* -- objects ----------------------------------------------------------------------------------- */

static void put_object(bench *b);

static void on_chunk(void *arg, rp_bytes chunk)
{
    (void)arg;
    (void)chunk; /* hashed by the reader itself */
}

static void on_got(void *arg, rp_status status, const char *why)
{
    bench *b = arg;
    need(status == RP_OK, why);
    bench_samples_add(&b->get_rate, OBJECT_BYTES / 1e6 / seconds(b));
    if (++b->time < TIMES) {
        put_object(b);
        return;
    }
    b->time = 0;
    begin(b);
    put_keys(b);
}

static void on_room(void *arg)
{
    bench *b = arg;
    b->at += rp_object_put_write(b->put, rp_bytes_of(b->bytes + b->at, OBJECT_BYTES - b->at));
    if (b->at == OBJECT_BYTES)
        rp_object_put_finish(b->put);
}

static void on_put(void *arg, rp_status status, const rp_object_info *info, const char *why)
{
    bench *b = arg;
    (void)info;
    need(status == RP_OK, why);
    bench_samples_add(&b->put_rate, OBJECT_BYTES / 1e6 / seconds(b));
    rp_object_get_spec spec = {.name = b->name, .on_chunk = on_chunk, .on_end = on_got, .arg = b};
    begin(b);
    need(rp_object_get_start(b->objects, &spec, &b->get) == RP_OK, "no object can be read");
}

static void put_object(bench *b)
{
    rp_object_put_spec spec = {.name = b->name, .on_room = on_room, .on_end = on_put, .arg = b};
    snprintf(b->name, sizeof b->name, "bench-%zu", b->time);
    b->at = 0;
    begin(b);
    need(rp_object_put_start(b->objects, &spec, &b->put) == RP_OK, "no object can be put");
}

/* -- the whole --------------------------------------------------------------------------------- */

static void on_state(void *arg, bool connected)
{
    if (connected && ((bench *)arg)->at == 0)
        put_object(arg);
}

static void fill(bench *b)
{
    b->bytes = malloc(OBJECT_BYTES);
    need(b->bytes, "out of memory");
    for (size_t i = 0; i < OBJECT_BYTES; i += sizeof(rp_rng_words)) {
        rp_rng_words words = rp_rng_philox(SEED, i, 0);
        memcpy(b->bytes + i, &words, sizeof words);
    }
}

static void report(bench *b)
{
    printf("store.object_put %.0f MB/s\n", bench_samples_quantile(&b->put_rate, 0.5));
    printf("store.object_get %.0f MB/s\n", bench_samples_quantile(&b->get_rate, 0.5));
    printf("store.kv_put %.0f puts/s\n", bench_samples_quantile(&b->kv_rate, 0.5));
    bench_samples_done(&b->put_rate);
    bench_samples_done(&b->get_rate);
    bench_samples_done(&b->kv_rate);
}

/* clang-format off */
static const rp_option options[] = {
    {"server", 's', RP_OPTION_TEXT, "URL", "NATS_URL", "nats://127.0.0.1:4222",
        "where the NATS server listens", offsetof(settings, server), 0, 0},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static bench b;
    const rp_option *tables[] = {options};
    settings s;
    rp_error error = {0};
    rp_log *log = NULL;
    rp_metrics *metrics = NULL;
    int arguments;
    need(rp_options_parse(
             tables, 1, argc, argv, rp_environment_system, false, &s, &arguments, &error) == RP_OK,
        error.message);
    rp_endpoint endpoint = {.server = s.server};
    rp_log_options logging = {
        .clock = rp_clock_system(), .fd = STDERR_FILENO, .level = RP_LOG_WARN};
    need(rp_log_new(&logging, &log, &error) == RP_OK, error.message);
    need(rp_metrics_new(NULL, 0, &metrics, &error) == RP_OK, error.message);
    uv_loop_init(&b.loop);
    rp_host_uv_spec host = {
        .loop = &b.loop, .clock = rp_clock_system(), .threads = 1, .jobs_max = 16};
    need(rp_host_uv_new(&host, &b.host) == RP_OK, "no thread");
    rp_jetstream_spec bus = {.loop = &b.loop,
        .endpoint = &endpoint,
        .clock = rp_clock_system(),
        .log = log,
        .metrics = metrics,
        .name = "bench_store",
        .limits = RP_JETSTREAM_LIMITS};
    need(rp_jetstream_new(&bus, &b.bus, &error) == RP_OK, error.message);
    b.store = (rp_store){.bus = b.bus, .host = b.host, .instance = "bench"};
    need(rp_objects_open(&b.store, "BLOBS", &b.objects) == RP_OK &&
             rp_kv_open(&b.store, "ACTORS", &b.kv) == RP_OK,
        "the buckets cannot be opened");
    fill(&b);
    rp_bus_watch_state(b.bus, on_state, &b);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    report(&b);
    rp_kv_close(b.kv);
    rp_objects_close(b.objects);
    rp_bus_free(b.bus);
    rp_host_free(b.host);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    uv_loop_close(&b.loop);
    rp_metrics_free(metrics);
    rp_log_free(log);
    free(b.bytes);
    return 0;
}
