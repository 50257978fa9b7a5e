#include "tests/unit/actors/tokenizer/bench.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schemas/codec.h"
#include "tests/unit/actors/tokenizer/tiny_models.h"

static void watch_state(rp_bus *bus, rp_bus_state_cb callback, void *arg)
{
    (void)bus;
    callback(arg, true);
}

static void ready(void *arg, const char *why)
{
    (void)arg, (void)why;
}

static void drained(void *arg, bool failed)
{
    (void)arg, (void)failed;
}

bench *bench_open(const bench_spec *spec)
{
    static const tiny_file file = {"gemma3", 4096, true};
    char path[TEMPORARY_BYTES];
    rp_error error = {0};
    bench *b = calloc(1, sizeof *b);
    cr_assert(b && rp_arena_init(&b->arena, 64 << 10, 16 << 20) == RP_OK);
    b->bus = fake_bus_new();
    b->ops = *b->bus->bus.ops;
    b->ops.watch_state = watch_state;
    b->bus->bus.ops = &b->ops;
    b->host = fake_host_new(FAKE_HOST_JOBS_MAX);
    cr_assert_eq(rp_metrics_new(NULL, 0, &b->metrics, NULL), RP_OK);
    tiny_model_write(&file, path);
    const char *model = spec->model ? spec->model : "wide";
    cr_assert_eq(rp_name_encode(rp_bytes_text(model), b->model, sizeof b->model), RP_OK);
    snprintf(b->argument, sizeof b->argument, "%s=%s", model, path);
    b->settings = (rp_tokenizer_settings){.models = {.values = {b->argument}, .count = 1},
        .lanes = spec->lanes ? spec->lanes : 1,
        .queue_max = spec->queue_max ? spec->queue_max : 4,
        .cache_bytes_max = 1 << 20};
    rp_actor_env env = {.worker = {.bus = &b->bus->bus,
                            .host = &b->host->host,
                            .metrics = b->metrics,
                            .instance = "me",
                            .build = "build-1",
                            .slots = 16},
        .name = "t1",
        .host_name = "here",
        .threads = 1,
        .ready = ready,
        .drained = drained};
    rp_status status = rp_actor_new(&rp_tokenizer, &env, &b->settings, &b->actor, &error);
    unlink(path);
    cr_assert_eq(status, RP_OK, "%s", error.message);
    fake_bus_run(b->bus);
    return b;
}

void bench_close(bench *b)
{
    rp_host_stop(&b->host->host);
    rp_actor_free(b->actor);
    fake_host_free(b->host);
    fake_bus_free(b->bus);
    rp_metrics_free(b->metrics);
    rp_arena_done(&b->arena);
    free(b);
}

void bench_ask(bench *b, const bench_request *request)
{
    char subject[FAKE_TEXT_BYTES];
    snprintf(subject, sizeof subject, "infer.t.%.200s", b->model);
    fake_delivery delivery = {.sequence = request->sequence ? request->sequence : b->sequence + 1,
        .deliveries = request->deliveries ? request->deliveries : 1,
        .timestamp_ns = BENCH_STORED_MS * RP_NS_PER_MS,
        .subject = subject,
        .body = request->body ? request->body : "{\"prompt\":\"ab\"}"};
    size_t headers = 0;
    b->sequence = delivery.sequence;
    if (request->id) {
        delivery.headers[headers].header = RP_HEADER_REQUEST;
        delivery.headers[headers++].value = request->id;
    }
    if (request->deadline) {
        delivery.headers[headers].header = RP_HEADER_DEADLINE;
        delivery.headers[headers++].value = request->deadline;
    }
    fake_bus_deliver(b->bus, "tokenizer", &delivery);
}

const char *bench_prompt(bench *b, size_t bytes, const char *options)
{
    size_t len = bytes + strlen(options) + 16;
    char *body = rp_arena_alloc(&b->arena, len);
    cr_assert(body);
    memcpy(body, "{\"prompt\":\"", 11);
    memset(body + 11, 'a', bytes);
    snprintf(body + 11 + bytes, len - 11 - bytes, "\"%s}", options);
    return body;
}

const char *bench_exec_subject(bench *b, unsigned lane)
{
    const size_t len = FAKE_TEXT_BYTES;
    if (!b->version[0]) {
        for (size_t i = 0; i < b->bus->stored_count; i++) {
            if (strcmp(b->bus->stored[i].stream, "EXEC") == 0)
                snprintf(b->version, sizeof b->version, "%.12s",
                    b->bus->stored[i].subject + strlen("exec..") + strlen(b->model));
        }
    }
    char *subject = rp_arena_alloc(&b->arena, len);
    cr_assert(subject);
    snprintf(subject, len, "exec.%.200s.%.12s.normal-%u", b->model, b->version, lane);
    return subject;
}

const Rp__Exec *bench_exec(bench *b, size_t index)
{
    const fake_stored *stored = fake_bus_at(b->bus, bench_exec_subject(b, 0), index);
    void *exec = NULL;
    cr_assert(stored, "there is no work %zu", index);
    cr_assert_eq(rp_schema_decode(&rp__exec__descriptor, RP_ENCODING_PROTOBUF,
                     rp_bytes_of(stored->body, stored->body_len), &b->arena, &exec, NULL),
        RP_OK);
    return exec;
}

bool bench_nothing_sent(const bench *b)
{
    for (size_t i = 0; i < b->bus->stored_count; i++) {
        if (strcmp(b->bus->stored[i].stream, "EXEC") == 0)
            return false;
    }
    return true;
}

void bench_executor(bench *b, uint32_t slots_free, uint64_t delivered)
{
    char record[512];
    (void)bench_exec_subject(b, 0); /* finds the version */
    snprintf(record, sizeof record,
        "{\"kind\":\"executor\",\"instance\":\"e1\",\"build\":\"b\",\"ready\":true,"
        "\"models\":[{\"name\":\"wide\",\"version\":\"%s\",\"lanes\":[{\"lane\":\"normal-0\","
        "\"delivered_sequence\":\"%" PRIu64 "\"}]}],\"slots_total\":4,\"slots_free\":%" PRIu32 "}",
        b->version, delivered, slots_free);
    fake_bus_put(b->bus, "$KV.ACTORS.executor.e1", record, "x:1:0", "x:1");
    fake_bus_run(b->bus);
}

int bench_settled(const bench *b, uint64_t sequence)
{
    int settlement = -1;
    for (size_t i = 0; i < b->bus->settled_count; i++) {
        if (b->bus->settled[i].sequence == sequence)
            settlement = (int)b->bus->settled[i].settlement;
    }
    return settlement;
}

double bench_metric(const bench *b, const char *name)
{
    rp_buffer text;
    rp_buffer_init(&text, 1 << 20);
    rp_metrics_expose(b->metrics, &text);
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(rp_buffer_string(&text), line);
    cr_assert(found, "no metric %s", name);
    double value = strtod(found + strlen(line), NULL);
    rp_buffer_done(&text);
    return value;
}
