/* Reads of a fold: plain requests on `ask.<kind>.<name>.<op>`, answered and not stored.
 *
 * All replicas of a partition form the queue group `<kind>.<partition>`, so each group gets one copy
 * of each request, and the group to which the name belongs answers. A request is a JSON object, or
 * empty; the answer is one:
 *
 *     {"sequence":4711,"result":...}
 *     {"sequence":4711,"error":{"code":"invalid_argument","message":"...","field":"..."}}
 *
 * `sequence` is the last message of the log that the answer reflects. A request with
 * `"at_least":S` waits until S is folded, so that whoever got S as the acknowledgement of its own
 * publish reads what it wrote. So many wait at most, each so long at most; then the answer is an
 * error that says how far the fold is.
 *
 * One thread, the loop's.
 */
#ifndef RUNTIME_ACTOR_FOLD_ASK_H
#define RUNTIME_ACTOR_FOLD_ASK_H

#include "runtime/actor/fold/fold.h"

enum {
    RP_ASKS_BODY_BYTES_MAX = 64 << 10,
    RP_ASKS_ANSWER_BYTES_MAX = 512 << 10 /* less where the server's max_payload is less */
};

typedef struct rp_asks rp_asks;

/* Borrowed for the life of it. */
typedef struct rp_asks_spec {
    const rp_worker_env *env;
    const char *kind;
    uint32_t partition, partitions;
    size_t waiting_max;
    uint64_t wait_ns;
    uint64_t (*folded)(void *arg); /* the last sequence */
    /* Appends the result, one JSON value; false with a refusal. */
    bool (*answer)(void *arg, const rp_fold_ask *ask, rp_buffer *result, rp_refusal *retref);
    void *arg;
    rp_counter *answered, *limits;
} rp_asks_spec;

/* RP_INVALID, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_asks_new(const rp_asks_spec *spec, rp_asks **ret_asks);

/* NULL is fine. Those that wait are not answered. */
void rp_asks_free(rp_asks *asks);

/* Joins the group. RP_LIMIT where the bus has no subscription left. */
RP_MUST_USE rp_status rp_asks_open(rp_asks *asks);

/* Leaves it, so that others get the requests; those that wait are told so. */
void rp_asks_close(rp_asks *asks);

/* The fold has come further: who waited for that is answered. */
void rp_asks_folded(rp_asks *asks);

#endif
