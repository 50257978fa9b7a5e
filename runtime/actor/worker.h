/* A worker: an actor that keeps nothing that matters between messages.
 *
 * All replicas of a worker share its mailboxes. Starting a process adds capacity, killing one loses
 * nothing: what it held is delivered to another, which goes on behind what was stored.
 *
 * The runtime keeps these promises for every worker:
 *  - As many messages as there are slots, no more; each is extended while it is worked on.
 *  - A message that was delivered again first reads how far its chain has come. If another delivery
 *    has overtaken this one, its work is dropped and the message is left alone; if the chain
 *    belongs to another cause, this message is a duplicate and is settled.
 *  - A message that keeps failing is given up after `tries_max` deliveries without a new output:
 *    the worker writes a last answer, the message goes to DEAD.
 *  - A drain takes nothing more, finishes what it can within its time, and hands back the rest.
 *
 *     static const rp_worker_spec spec = {.kind = "example", .handle = handle, ...};
 *     rp_worker *worker;
 *     if (rp_worker_new(&env, &spec, state, &worker, reterr) != RP_OK) ...
 *     rp_worker_mailbox(worker, "EXAMPLE", "example");
 *     rp_worker_open(worker);
 *
 * Most workers are part of an actor (actor.h), which does all this.
 */
#ifndef RUNTIME_ACTOR_WORKER_H
#define RUNTIME_ACTOR_WORKER_H

#include "runtime/actor/context.h"
#include "runtime/observe/log.h"
#include "runtime/observe/metrics.h"

typedef struct rp_worker rp_worker;

/* Contexts of a worker with so many slots: some more than slots, where it has several mailboxes. */
size_t rp_worker_places(size_t slots);

enum { RP_WORKER_SUBJECT_BYTES = 512, RP_WORKER_SLOTS_MAX = 4096, RP_WORKER_TRIES_MAX = 10 };

/* The chain of an input: where its numbered outputs are published, and where they then lie. */
typedef struct rp_chain_name {
    const char *stream; /* a constant: "REPLY" */
    char publish[RP_WORKER_SUBJECT_BYTES];
    char stored[RP_WORKER_SUBJECT_BYTES];
} rp_chain_name;

typedef struct rp_worker_spec {
    const char *kind;
    size_t context_bytes;     /* of the actor's own memory in each context */
    size_t arena_bytes_max;   /* of each context's arena */
    size_t chain_outputs_max; /* that wait in a context; 0 = the worker has no chains */

    /* Takes a message. Ends in rp_context_done, _retry or _reject, now or later. */
    void (*handle)(rp_context *context, void *state);

    /* Names the chain of a message, from its headers and subject alone; false where it has none.
     * May be NULL. */
    bool (*chain)(const rp_message *message, rp_chain_name *ret_name);

    /* An output of the chain was stored, so that its queue has more room. May be NULL. */
    void (*chain_room)(rp_context *context, void *state);

    /* Another delivery has the message, or it goes back: stop working on it. The context ends when
     * this returns (or, while a compute job runs, when that is done). May be NULL. */
    void (*abandon)(rp_context *context, void *state);

    /* The message was delivered too often. Writes what its waiting client has to be told, and calls
     * rp_context_reject. May be NULL: then it is rejected. */
    void (*give_up)(rp_context *context, void *state);
} rp_worker_spec;

/* What a worker runs in; all borrowed for its life. */
typedef struct rp_worker_env {
    rp_bus *bus;
    rp_host *host;
    rp_log *log;
    rp_metrics *metrics;
    const char *instance; /* of this process, unique over all time */
    const char *build;
    size_t slots;
    uint64_t tries_max; /* deliveries without a new output; 0 = RP_WORKER_TRIES_MAX */
} rp_worker_env;

/* RP_INVALID for numbers out of range, RP_NO_MEMORY. The state is handed to every callback. */
RP_MUST_USE rp_status rp_worker_new(const rp_worker_env *env, const rp_worker_spec *spec,
    void *state, rp_worker **ret_worker, rp_error *reterr);

/* Adds a mailbox before rp_worker_open. The texts are borrowed. All mailboxes share the slots. */
RP_MUST_USE rp_status rp_worker_mailbox(
    rp_worker *worker, const char *stream, const char *durable, rp_error *reterr);

/* Starts to take messages, from as many mailboxes as there are; none is fine for a worker that only
 * follows streams. */
RP_MUST_USE rp_status rp_worker_open(rp_worker *worker, rp_error *reterr);

/* The bus is connected, for the first time or again. */
void rp_worker_connected(rp_worker *worker);

/* Takes nothing more. `drained` comes once: when the last context has ended, or after `limit_ns`,
 * when what is left has been handed back. */
void rp_worker_drain(rp_worker *worker, uint64_t limit_ns, void (*drained)(void *arg), void *arg);

/* Contexts that live, and slots that are free. */
size_t rp_worker_busy(const rp_worker *worker);
size_t rp_worker_slots_free(const rp_worker *worker);

/* Whether any mailbox is in trouble (its durable is missing), and which. */
bool rp_worker_troubled(const rp_worker *worker, const char **ret_why);

/* The highest stream sequence that the mailbox of this durable has handed over; 0 = none. */
uint64_t rp_worker_delivered(const rp_worker *worker, const char *durable);

/* How often a message is tried before it is given up. */
uint64_t rp_worker_tries_max(const rp_worker *worker);

/* What the worker runs in, for the actor. */
const rp_worker_env *rp_worker_env_of(const rp_worker *worker);
rp_worker *rp_context_worker(const rp_context *context);

/* Gives up everything. Contexts end without being settled. NULL is fine. */
void rp_worker_free(rp_worker *worker);

#endif
