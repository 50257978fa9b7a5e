/* What a fold and its modules run in: the fake bus and host, with plain subjects added.
 *
 *     fold_bench *b = fold_bench_open();
 *     ... b->env, b->store ...
 *     fold_bench_ask(b, "ask.tester.a.get", "{}");       its answer is the last of b->answers
 *     fold_bench_wait(b, 500);
 *     fold_bench_close(b);
 *
 * The log is EXEC, so that its messages lie on exec.<name>; OUTCOME's messages lie in the fake bus's
 * stream OTHER.
 */
#ifndef TESTS_UNIT_RUNTIME_ACTOR_FOLD_FOLD_BENCH_H
#define TESTS_UNIT_RUNTIME_ACTOR_FOLD_FOLD_BENCH_H

#include "runtime/actor/fold/metrics.h"
#include "runtime/actor/worker.h"
#include "runtime/store/store.h"
#include "tests/unit/support/fake_bus.h"
#include "tests/unit/support/fake_host.h"

enum { FOLD_BENCH_ANSWERS_MAX = 64, FOLD_BENCH_ANSWER_BYTES = 1024 };

typedef struct fold_bench {
    fake_host *host;
    fake_bus *bus;
    const rp_bus_ops *fake_ops;
    rp_bus_ops ops;
    rp_metrics *metrics;
    rp_fold_metrics fold_metrics;
    rp_store store;
    rp_worker_env env;
    rp_plain_cb on_plain; /* of the one subscription; NULL = none */
    void *on_plain_arg;
    char group[FAKE_TEXT_BYTES];
    char answers[FOLD_BENCH_ANSWERS_MAX][FOLD_BENCH_ANSWER_BYTES];
    size_t answer_count;
} fold_bench;

fold_bench *fold_bench_open(void);
void fold_bench_close(fold_bench *b);

/* Time passes in steps of 10 ms, with all that comes of each. */
void fold_bench_wait(fold_bench *b, uint64_t ms);

/* Asks whoever has subscribed; somebody must. */
void fold_bench_ask(fold_bench *b, const char *subject, const char *body);

/* The last answer; "" before the first. */
const char *fold_bench_answer(const fold_bench *b);

/* A message of the log that lies nowhere, to be folded at once. In the caller's storage. */
typedef struct fold_bench_message {
    rp_message message; /* first */
    const char *headers[RP_HEADER_COUNT];
} fold_bench_message;

void fold_bench_message_init(
    fold_bench_message *m, uint64_t sequence, const char *subject, const char *body);

#endif
