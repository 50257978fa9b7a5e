/* A worker on a fake bus and a fake host, and an actor whose every move the test writes.
 *
 *     bench *b = bench_open(&(bench_spec){.handle = handle});
 *     bench_deliver(b, 7, 1);
 *     fake_bus_run(b->bus);
 *     ...
 *     bench_close(b);
 *
 * A message with Rp-Request has the chain reply.t.<request>. The instance is "me", the build
 * "build-1", the mailbox "work" of EXEC. Where a spec names no handler, the message is done at
 * once.
 */
#ifndef TESTS_UNIT_RUNTIME_ACTOR_BENCH_H
#define TESTS_UNIT_RUNTIME_ACTOR_BENCH_H

#include "runtime/actor/worker.h"
#include "tests/unit/support/fake_bus.h"
#include "tests/unit/support/fake_host.h"

typedef struct bench bench;

typedef struct bench_spec {
    void (*handle)(rp_context *context, bench *b);
    void (*give_up)(rp_context *context, bench *b); /* NULL = the worker has none */
    void (*chain_room)(rp_context *context, bench *b);
    size_t slots;             /* 0 = 4 */
    uint64_t tries_max;       /* 0 = RP_WORKER_TRIES_MAX */
    size_t chain_outputs_max; /* 0 = 4 */
    size_t mailboxes;         /* 0 = 1; "work", then "work-1", ... */
} bench_spec;

struct bench {
    bench_spec spec;
    fake_bus *bus;
    fake_host *host;
    rp_metrics *metrics;
    rp_worker_env env;
    rp_worker *worker;
    rp_context *context; /* that was handled last */
    size_t handled, given_up, abandoned, roomed, drained;
    size_t stored; /* calls of bench_stored, and what the last one said */
    rp_status stored_status;
    uint64_t stored_sequence;
    char durables[8][16];
};

/* What the tests' actors keep in a context. */
typedef struct bench_own {
    size_t runs;
} bench_own;

bench *bench_open(const bench_spec *spec);

/* Frees the worker, whatever it holds, and then all else. */
void bench_close(bench *b);

/* The bench that a context is on. */
bench *bench_of(const rp_context *context);

/* Message `sequence` of EXEC for the `deliveries`-th time, with Rp-Request "r" or without. */
void bench_deliver(bench *b, uint64_t sequence, uint64_t deliveries);
void bench_deliver_plain(bench *b, uint64_t sequence, uint64_t deliveries);

/* An output with a body; `bench_stored` is its callback. */
rp_output bench_chunk(const char *body);
rp_output bench_result(const char *body);                      /* single, on result.t.r */
rp_output bench_shared(const char *subject, const char *body); /* of the stream EXEC */
void bench_stored(rp_context *context, rp_status status, uint64_t sequence);

/* Outputs that must be taken. */
void bench_say(rp_context *context, rp_output output);

void bench_drained(void *arg);

/* The one settlement there was; fails where there are more or none. */
const fake_settled *bench_settled(const bench *b);

/* Nothing is held any more. */
void bench_expect_free(const bench *b);

/* The value of a metric of the worker, as exposed; how often it has hit a limit. */
double bench_metric(const bench *b, const char *name);
double bench_limit(const bench *b, const char *limit);

#endif
