#include "tests/unit/runtime/actor/bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/worker_internal.h"

bench *bench_of(const rp_context *context)
{
    return rp_context_worker(context)->state;
}

static void handle(rp_context *context, void *state)
{
    bench *b = state;
    b->handled++;
    b->context = context;
    if (b->spec.handle)
        b->spec.handle(context, b);
    else
        rp_context_done(context);
}

static void give_up(rp_context *context, void *state)
{
    bench *b = state;
    b->given_up++;
    b->spec.give_up(context, b);
}

static void abandon(rp_context *context, void *state)
{
    bench *b = state;
    cr_assert(rp_context_abandoned(context));
    b->abandoned++;
}

static void chain_room(rp_context *context, void *state)
{
    bench *b = state;
    b->roomed++;
    if (b->spec.chain_room)
        b->spec.chain_room(context, b);
}

static bool chain(const rp_message *message, rp_chain_name *ret_name)
{
    rp_bytes id = rp_message_header(message, RP_HEADER_REQUEST);
    ret_name->stream = "REPLY";
    snprintf(ret_name->publish, sizeof ret_name->publish, "put.reply.t.%.*s", (int)id.len,
        (const char *)id.data);
    snprintf(ret_name->stored, sizeof ret_name->stored, "%s", ret_name->publish + 4);
    return id.len > 0;
}

bench *bench_open(const bench_spec *spec)
{
    bench *b = calloc(1, sizeof *b);
    cr_assert(b);
    b->spec = *spec;
    b->bus = fake_bus_new();
    b->host = fake_host_new(FAKE_HOST_JOBS_MAX);
    cr_assert_eq(rp_metrics_new(NULL, 0, &b->metrics, NULL), RP_OK);
    b->env = (rp_worker_env){.bus = &b->bus->bus,
        .host = &b->host->host,
        .metrics = b->metrics,
        .instance = "me",
        .build = "build-1",
        .slots = spec->slots ? spec->slots : 4,
        .tries_max = spec->tries_max};
    rp_worker_spec worker = {.kind = "tester",
        .context_bytes = sizeof(bench_own),
        .arena_bytes_max = 1 << 20,
        .chain_outputs_max = spec->chain_outputs_max ? spec->chain_outputs_max : 4,
        .handle = handle,
        .chain = chain,
        .chain_room = chain_room,
        .abandon = abandon,
        .give_up = spec->give_up ? give_up : NULL};
    cr_assert_eq(rp_worker_new(&b->env, &worker, b, &b->worker, NULL), RP_OK);
    for (size_t i = 0; i < (spec->mailboxes ? spec->mailboxes : 1); i++) {
        snprintf(b->durables[i], sizeof b->durables[i], i ? "work-%zu" : "work", i);
        cr_assert_eq(rp_worker_mailbox(b->worker, "EXEC", b->durables[i], NULL), RP_OK);
    }
    cr_assert_eq(rp_worker_open(b->worker, NULL), RP_OK);
    return b;
}

void bench_close(bench *b)
{
    rp_worker_free(b->worker);
    fake_host_free(b->host);
    fake_bus_free(b->bus);
    rp_metrics_free(b->metrics);
    free(b);
}

static void deliver(bench *b, uint64_t sequence, uint64_t deliveries, const char *request)
{
    fake_bus_deliver(b->bus, "work",
        &(fake_delivery){.sequence = sequence,
            .deliveries = deliveries,
            .timestamp_ns = 1000 + sequence,
            .body = "work",
            .headers = {{RP_HEADER_REQUEST, request}}});
}

void bench_deliver(bench *b, uint64_t sequence, uint64_t deliveries)
{
    deliver(b, sequence, deliveries, "r");
}

void bench_deliver_plain(bench *b, uint64_t sequence, uint64_t deliveries)
{
    deliver(b, sequence, deliveries, NULL);
}

void bench_stored(rp_context *context, rp_status status, uint64_t sequence)
{
    bench *b = bench_of(context);
    b->stored++;
    b->stored_status = status;
    b->stored_sequence = sequence;
}

rp_output bench_chunk(const char *body)
{
    return (rp_output){
        .kind = RP_OUTPUT_CHAIN, .body = rp_bytes_text(body), .stored = bench_stored};
}

rp_output bench_result(const char *body)
{
    return (rp_output){.kind = RP_OUTPUT_SINGLE,
        .stream = "RESULT",
        .subject = rp_bytes_text("result.t.r"),
        .body = rp_bytes_text(body),
        .stored = bench_stored};
}

rp_output bench_shared(const char *subject, const char *body)
{
    return (rp_output){.kind = RP_OUTPUT_SHARED,
        .stream = "EXEC",
        .subject = rp_bytes_text(subject),
        .body = rp_bytes_text(body),
        .stored = bench_stored};
}

void bench_say(rp_context *context, rp_output output)
{
    cr_assert_eq(rp_context_output(context, &output), RP_OK);
}

void bench_drained(void *arg)
{
    ((bench *)arg)->drained++;
}

const fake_settled *bench_settled(const bench *b)
{
    cr_assert_eq(b->bus->settled_count, 1, "%zu settled", b->bus->settled_count);
    return &b->bus->settled[0];
}

void bench_expect_free(const bench *b)
{
    cr_expect_eq(rp_worker_busy(b->worker), 0);
    cr_expect_eq(b->bus->messages_alive, 0);
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

double bench_limit(const bench *b, const char *limit)
{
    char name[96];
    snprintf(name, sizeof name, "reprise_worker_limits_total{limit=\"%s\"}", limit);
    return bench_metric(b, name);
}
