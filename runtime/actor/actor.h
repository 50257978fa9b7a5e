/* An actor: what a kind is (rp_actor_spec), and one instance of it in an environment.
 *
 * A kind is a worker (worker.h), which keeps nothing between messages, or a fold (fold/fold.h), which
 * is what its log made of it. The spec is all that an actor's folder gives to the world. It says how the actor is started, what
 * it takes, what it tells about itself, and which options it has. Whoever runs it gives it an
 * environment: a process of its own does (process.h), with a libuv loop and a NATS server; so does
 * the simulator, where many instances share one thread and one virtual time; so does a replay. The
 * actor cannot tell.
 *
 *     const rp_actor_spec rp_example = {.kind = "example", .summary = "counts words",
 *         .worker = {.handle = handle, .arena_bytes_max = 1 << 20},
 *         .mailboxes = mailboxes, .slots_default = "16"};
 *
 *     rp_actor_new(&rp_example, &env, settings, &actor, reterr)    it begins to take messages
 *     rp_actor_drain(actor, limit_ns)                              env.drained comes once
 *     rp_actor_free(actor)
 *
 * An instance has a record in ACTORS for as long as it lives (presence.h), and is ready while it is
 * connected, not draining and not in trouble. All functions are called on the loop's thread.
 */
#ifndef RUNTIME_ACTOR_ACTOR_H
#define RUNTIME_ACTOR_ACTOR_H

#include "runtime/actor/fold/folds.h"
#include "runtime/actor/worker.h"
#include "runtime/base/options.h"
#include "schemas/reprise/v1/actors.pb-c.h"

typedef struct rp_actor rp_actor;

typedef struct rp_actor_spec {
    const char *kind;         /* also the binary's name behind "reprise-" */
    const char *summary;      /* one line, for --help */
    const char *example;      /* a command line, for --help; may be NULL */
    const rp_option *options; /* of its own; NULL = none */
    size_t settings_bytes;    /* what they fill */
    const char *slots_default;
    const char *threads_default; /* compute threads; "0" = one a core that the process may use */
    bool one_job;                /* compute jobs run one at a time, on one thread; the actor shares
                                    them out among --threads itself (rp_actor_threads) */
    const rp_fold_spec *fold; /* a fold; NULL = a worker. A fold has no slots, no mailboxes and no
                                    `opened` */
    rp_worker_spec worker;    /* .kind may be left out */

    /* Makes the actor's state: loads, checks. May take its time; nothing is taken meanwhile. NULL
     * where there is no state. */
    rp_status (*start)(rp_actor *actor, const void *settings, void **ret_state, rp_error *reterr);
    void (*stop)(void *state);

    /* Adds the worker's mailboxes. */
    rp_status (*mailboxes)(void *state, rp_worker *worker, rp_error *reterr);

    /* The worker is open. May be NULL. */
    rp_status (*opened)(void *state, rp_worker *worker, rp_error *reterr);

    /* Adds what the actor has to say to its record in ACTORS; what it points to must live until the
     * next call. May be NULL. */
    void (*describe)(void *state, Rp__Actor *record);

    /* Called on each compute thread as it starts. May be NULL. */
    void (*thread_start)(size_t thread);
} rp_actor_spec;

/* What an instance runs in; borrowed for its life, but for the struct itself. */
typedef struct rp_actor_env {
    rp_worker_env worker;
    const char *name;      /* of the instance: one token, no other that lives has it */
    const char *host_name; /* for its record in ACTORS, like the two below */
    const char *admin;     /* NULL = none */
    uint32_t pid;
    size_t threads;                     /* that the actor may compute on */
    struct {                            /* of a fold, else zeros */
        uint32_t partitions, partition; /* RP_FOLDS_ALL runs all of them */
        uint64_t snapshot_every;        /* 0 = the spec's */
    } fold;

    /* Told when the instance becomes ready (`why` is NULL), or no longer is. */
    void (*ready)(void *arg, const char *why);

    /* Comes once, never inside a call of the actor's: nothing is held any more. `failed` where the
     * actor gave up by itself (rp_actor_fail). */
    void (*drained)(void *arg, bool failed);
    void *arg;
} rp_actor_env;

/* Starts an instance: its state, then its worker, then its record. What the actor's `start`
 * answers, RP_INVALID, RP_NO_MEMORY. `settings` is borrowed for the actor's life. */
RP_MUST_USE rp_status rp_actor_new(const rp_actor_spec *spec, const rp_actor_env *env,
    const void *settings, rp_actor **ret_actor, rp_error *reterr);

/* Takes nothing more, finishes what it can within `limit_ns`, hands back the rest, and leaves
 * ACTORS. Then `drained` comes. */
void rp_actor_drain(rp_actor *actor, uint64_t limit_ns);

/* How many messages it holds; of a fold, outcomes that are not seen stored yet. */
size_t rp_actor_busy(const rp_actor *actor);

/* Ends it without settling anything. The host must have been stopped. NULL is fine. */
void rp_actor_free(rp_actor *actor);

/* -- for the actor ----------------------------------------------------------------------------- */

/* What its worker runs in. The bus may not be connected yet; publishes wait for it. */
const rp_worker_env *rp_actor_worker_env(const rp_actor *actor);

/* The name of this instance. */
const char *rp_actor_name(const rp_actor *actor);

/* How many threads it may compute on. */
size_t rp_actor_threads(const rp_actor *actor);

/* The record in ACTORS changed; it is published soon, at most ten times a second. */
void rp_actor_touch(rp_actor *actor);

/* Something outside keeps the actor from its work: it is not ready, and says why, until the same is
 * said with NULL. It goes on trying. `why` is copied. */
void rp_actor_trouble(rp_actor *actor, const char *why);

/* The actor cannot go on. It hands back what it holds and ends; whoever runs it may start another.
 */
void rp_actor_fail(rp_actor *actor, const char *why);

#endif
