#include "tests/unit/runtime/actor/fold/fold_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct rp_subscription {
    fold_bench *bench;
};

static fold_bench *current; /* a test has one */
static rp_subscription subscription;

static rp_status subscribe(rp_bus *bus, const char *subject, const char *queue,
    rp_plain_cb callback, void *arg, rp_subscription **ret_subscription)
{
    (void)bus, (void)subject;
    cr_assert(current->on_plain == NULL);
    current->on_plain = callback;
    current->on_plain_arg = arg;
    snprintf(current->group, sizeof current->group, "%s", queue);
    subscription.bench = current;
    *ret_subscription = &subscription;
    return RP_OK;
}

static void unsubscribe(rp_subscription *s)
{
    cr_assert(s->bench->on_plain != NULL);
    s->bench->on_plain = NULL;
}

static void send_plain(rp_bus *bus, rp_bytes subject, rp_bytes body)
{
    (void)bus;
    cr_assert(rp_bytes_is(subject, "_INBOX.me") && current->answer_count < FOLD_BENCH_ANSWERS_MAX);
    snprintf(current->answers[current->answer_count++], FOLD_BENCH_ANSWER_BYTES, "%.*s",
        (int)body.len, (const char *)body.data);
}

static const char *fake_stream(const char *stream)
{
    return strcmp(stream, "OUTCOME") == 0 ? "OTHER" : stream;
}

static rp_status last(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg)
{
    return current->fake_ops->last(bus, fake_stream(stream), subject, callback, arg);
}

static rp_status follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    rp_follower_spec renamed = *spec;
    renamed.stream = fake_stream(spec->stream);
    return current->fake_ops->follow(bus, &renamed, ret_follower);
}

fold_bench *fold_bench_open(void)
{
    fold_bench *b = calloc(1, sizeof *b);
    cr_assert(b);
    current = b;
    b->host = fake_host_new(4);
    b->bus = fake_bus_new();
    b->bus->clock = b->host->host.clock;
    b->fake_ops = b->bus->bus.ops;
    b->ops = *b->fake_ops;
    b->ops.subscribe = subscribe;
    b->ops.unsubscribe = unsubscribe;
    b->ops.send = send_plain;
    b->ops.last = last;
    b->ops.follow = follow;
    b->bus->bus.ops = &b->ops;
    b->store = (rp_store){.bus = &b->bus->bus, .host = &b->host->host, .instance = "me.1"};
    cr_assert_eq(rp_metrics_new(NULL, 0, &b->metrics, NULL), RP_OK);
    cr_assert_eq(rp_fold_metrics_init(&b->fold_metrics, b->metrics, 4, NULL), RP_OK);
    b->env = (rp_worker_env){.bus = &b->bus->bus,
        .host = &b->host->host,
        .metrics = b->metrics,
        .instance = "me.1",
        .build = "build-1",
        .slots = 1};
    return b;
}

void fold_bench_close(fold_bench *b)
{
    cr_expect_eq(fake_bus_followers(b->bus), 0);
    cr_expect(b->on_plain == NULL);
    fake_bus_run(b->bus); /* what still comes must find nobody */
    b->bus->bus.ops = b->fake_ops;
    fake_bus_free(b->bus);
    fake_host_free(b->host);
    rp_metrics_free(b->metrics);
    free(b);
}

void fold_bench_wait(fold_bench *b, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        fake_bus_run(b->bus);
        fake_host_run(b->host);
        fake_host_advance(b->host, 10 * RP_NS_PER_MS);
    }
    fake_bus_run(b->bus);
}

static rp_bytes header_of(const rp_message *message, rp_header header)
{
    const char *value = ((const fold_bench_message *)message)->headers[header];
    return value ? rp_bytes_text(value) : rp_bytes_of(NULL, 0);
}

void fold_bench_message_init(
    fold_bench_message *m, uint64_t sequence, const char *subject, const char *body)
{
    *m = (fold_bench_message){.message = {.subject = rp_bytes_text(subject),
                                  .body = rp_bytes_text(body),
                                  .stream = rp_bytes_text("EXEC"),
                                  .stream_sequence = sequence,
                                  .timestamp_ns = sequence * RP_NS_PER_S,
                                  .header = header_of}};
}

void fold_bench_ask(fold_bench *b, const char *subject, const char *body)
{
    fold_bench_message m;
    fold_bench_message_init(&m, 0, subject, body);
    m.message.reply = rp_bytes_text("_INBOX.me");
    cr_assert(b->on_plain);
    b->on_plain(b->on_plain_arg, &m.message);
}

const char *fold_bench_answer(const fold_bench *b)
{
    return b->answer_count ? b->answers[b->answer_count - 1] : "";
}
