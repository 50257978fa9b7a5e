/* An executor on a fake bus and a fake host, with the tiny model of tests/reference.
 *
 *     rig *r = rig_open(1);
 *     rig_deliver(r, &(rig_work){.max_tokens = 3});
 *     rig_settle_down(r);
 *     cr_expect_str_eq(rig_chunk(r, 0), ...);
 *     rig_close(r);
 *
 * Work is that of tenant t, request q, in JSON; its chain is reply.t.q. Where the model was not
 * made (no Python environment), the test is skipped.
 */
#ifndef TESTS_UNIT_ACTORS_EXECUTOR_RIG_H
#define TESTS_UNIT_ACTORS_EXECUTOR_RIG_H

#include "actors/executor/executor.h"
#include "tests/unit/support/fake_bus.h"
#include "tests/unit/support/fake_host.h"

enum { RIG_SEQUENCE = 7, RIG_CONTEXT = 64 };

typedef struct rig {
    fake_bus *bus;
    fake_host *host;
    rp_metrics *metrics;
    rp_executor_settings settings;
    rp_actor *actor;
    const char *durable;
    char why[256]; /* of not being ready; "" = ready */
    size_t drained;
    bool failed;
} rig;

/* A message of EXEC. What is 0 has a value that works. */
typedef struct rig_work {
    uint64_t sequence, deliveries;
    uint32_t prompt_tokens; /* 0 = 4 */
    uint32_t max_tokens;    /* 0 = 1 */
    uint32_t chunk_tokens;  /* 0 = 1 */
    bool whole;             /* not streamed */
    int logprobs;           /* 0 = none */
    uint64_t deadline_unix_ms;
    const char *request; /* NULL = "q" */
    const char *body;    /* NULL = what the above says */
} rig_work;

rig *rig_open(size_t slots);

/* The same with --canon; NULL, and why, where the executor refuses to start. */
rig *rig_open_with(size_t slots, const char *canon, rp_error *reterr);
void rig_close(rig *r);

void rig_deliver(rig *r, const rig_work *work);

/* A cancel of request q, as a client stores it. */
void rig_cancel(rig *r);

/* Runs jobs and callbacks until there are none. */
void rig_settle_down(rig *r);

/* Outputs so far on reply.t.q, and their bodies; "" where there is none. */
size_t rig_chunks(const rig *r);
const char *rig_chunk(const rig *r, size_t index);
const char *rig_result(const rig *r);

/* Fails where `text` does not stand in `body`. */
void rig_expect(const char *body, const char *text);

#endif
