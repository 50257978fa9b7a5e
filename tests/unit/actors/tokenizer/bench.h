/* A whole tokenizer on a fake bus and a fake host.
 *
 *     bench *b = bench_open(&(bench_spec){.queue_max = 2});
 *     bench_ask(b, &(bench_request){.id = "r", .body = "{\"prompt\":\"ab\"}"});
 *     ... what a call alone has done; then fake_bus_run(b->bus) and fake_host_run(b->host)
 *     bench_close(b);
 *
 * It speaks "wide" (or so as the spec says), a model of 4,096 tokens of context with the tiny models' vocabulary. Its tenant
 * is "t". Messages of REQUEST are numbered from 1.
 */
#ifndef TESTS_UNIT_ACTORS_TOKENIZER_BENCH_H
#define TESTS_UNIT_ACTORS_TOKENIZER_BENCH_H

#include "actors/tokenizer/tokenizer.h"
#include "runtime/base/name.h"
#include "schemas/reprise/v1/exec.pb-c.h"
#include "tests/unit/support/fake_bus.h"
#include "tests/unit/support/fake_host.h"
#include "tests/unit/support/temporary.h"

enum { BENCH_STORED_MS = 1000000 }; /* when the stream stored what is asked */

typedef struct bench_spec {
    const char *model;  /* its name; NULL = "wide" */
    uint64_t queue_max; /* 0 = 4 */
    uint64_t lanes;     /* 0 = 1 */
} bench_spec;

typedef struct bench {
    fake_bus *bus;
    rp_bus_ops ops;
    fake_host *host;
    rp_metrics *metrics;
    rp_tokenizer_settings settings;
    rp_actor *actor;
    char argument[TEMPORARY_BYTES + RP_NAME_MAX]; /* NAME=FILE */
    char model[RP_NAME_TOKEN_BYTES];              /* as in subjects */
    char version[64];
    rp_arena arena;
    uint64_t sequence; /* of the last request */
} bench;

bench *bench_open(const bench_spec *spec);
void bench_close(bench *b);

/* Delivers a request; what is left out has a default. */
typedef struct bench_request {
    const char *id;   /* Rp-Request; NULL = none */
    const char *body; /* NULL = {"prompt":"ab"} */
    const char *deadline;
    uint64_t sequence;   /* 0 = the next one */
    uint64_t deliveries; /* 0 = 1 */
} bench_request;
void bench_ask(bench *b, const bench_request *request);

/* A prompt of so many characters "a", as a body; `options` are further members, each with a comma
 * in front. The arena's. */
const char *bench_prompt(bench *b, size_t bytes, const char *options);

/* The lane's subject in EXEC. The arena's. */
const char *bench_exec_subject(bench *b, unsigned lane);

/* Work that was published in lane 0; fails where there is not so much. The arena's. */
const Rp__Exec *bench_exec(bench *b, size_t index);

/* Whether that is all that was published. */
bool bench_nothing_sent(const bench *b);

/* An executor's record in ACTORS comes. `delivered` 0 = nothing yet. */
void bench_executor(bench *b, uint32_t slots_free, uint64_t delivered);

/* How the request `sequence` was settled last; -1 = not at all. */
int bench_settled(const bench *b, uint64_t sequence);

/* The value of a metric as exposed, with its labels. */
double bench_metric(const bench *b, const char *name);

#endif
