/* A process of one actor kind: everything around the actor, so that the actor is only itself.
 *
 * rp_process_main reads the options, sets up log, metrics, admin endpoint, loop, compute threads
 * and the connection, starts the actor, keeps its record in ACTORS, drains it on SIGTERM or SIGINT,
 * and returns the exit code. A whole actor is then a spec and a handler:
 *
 *     static const rp_actor_spec actor = {.kind = "example", .summary = "counts words",
 *         .worker = {.handle = handle, .arena_bytes_max = 1 << 20},
 *         .mailboxes = mailboxes, .slots_default = "16"};
 *
 *     int main(int argc, char **argv)
 *     {
 *         return rp_process_main(&actor, argc, argv);
 *     }
 *
 * Every actor takes the same options beside its own (--help shows them): where the server is, the
 * instance's name, slots, threads, the admin port, how to log, how long a drain may take.
 */
#ifndef RUNTIME_ACTOR_PROCESS_H
#define RUNTIME_ACTOR_PROCESS_H

#include "runtime/actor/worker.h"
#include "runtime/base/options.h"
#include "schemas/reprise/v1/actors.pb-c.h"

typedef struct rp_process rp_process;

typedef struct rp_actor_spec {
    const char *kind;         /* also the binary's name behind "reprise-" */
    const char *summary;      /* one line, for --help */
    const char *example;      /* a command line, for --help; may be NULL */
    const rp_option *options; /* of its own; NULL = none */
    size_t settings_bytes;    /* what they fill */
    const char *slots_default;
    const char *threads_default; /* compute threads; "0" = one a core that the process may use */
    bool one_job;                /* compute jobs run one at a time, on one thread; the actor shares
                                    them out among --threads itself (rp_process_threads) */
    rp_worker_spec worker;       /* .kind may be left out */

    /* Makes the actor's state: loads, checks. May take its time; nothing is taken meanwhile. NULL
     * where there is no state. */
    rp_status (*start)(
        rp_process *process, const void *settings, void **ret_state, rp_error *reterr);
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

/* Runs the process to its end. 0 after a drain, 1 where it could not start or go on, 2 for wrong
 * options. Prints help, version and errors. */
int rp_process_main(const rp_actor_spec *spec, int argc, char **argv);

/* For the actor's `start`. The bus may not be connected yet; publishes wait for it. */
const rp_worker_env *rp_process_env(const rp_process *process);

/* The name of this instance: one token, told apart from every other process that lives. */
const char *rp_process_name(const rp_process *process);

/* What --threads says, or what the machine has. */
size_t rp_process_threads(const rp_process *process);

/* The record in ACTORS changed; it is published soon, at most ten times a second. */
void rp_process_touch(rp_process *process);

#endif
