/* The life of a `reprise up`, from the first process to the last.
 *
 *     server     our nats-server is started, or the given one is asked; it answers
 *     provision  streams and durables; what is left of versions that are gone is answered
 *     actors     all are started, and have said in ACTORS that they are ready
 *     serving    until a signal, or until the --ask is answered; it can be asked for more or fewer
 *                processes (desk.h)
 *     stopping   actors, then the server; a second signal ends them at once
 *
 * A failure in any phase goes to the last one, and is told at the end. A process that ends is started
 * again; one that is given up fails the phase before serving, and while serving only where nothing
 * could be answered any more: our server, the last tokenizer, the last executor. Else the rest goes
 * on without it, as without the janitor.
 */
#ifndef ACTORS_CLI_UP_UP_H
#define ACTORS_CLI_UP_UP_H

#include "runtime/bus/endpoint.h"
#include "runtime/provision/models.h"

/* All borrowed. */
typedef struct rp_up_spec {
    const rp_endpoint *endpoint; /* of the given server; of ours, what is not its address */
    const rp_model_args *models;
    const char *data;         /* locked by the caller */
    const char *nats_server;  /* to start; NULL = use the given server */
    const char *ask;          /* NULL = serve until a signal */
    char *const *ask_options; /* for the `reprise ask` that asks it, in front of its text */
    size_t ask_options_count;
    uint16_t port;
    uint64_t tokenizers, executors; /* of each model; 1 to RP_SCALING_COUNT_MAX */
    uint64_t ready_ns;
    bool json;
} rp_up_spec;

/* Returns when nothing runs any more. `ret_exit` is the exit status where nothing failed: that of
 * the answer, or 0 when it was stopped while serving and 130 before. */
RP_MUST_USE rp_status rp_up_run(const rp_up_spec *spec, int *ret_exit, rp_error *reterr);

#endif
