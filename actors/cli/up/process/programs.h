/* What the processes of a `reprise up` are called with: where their programs lie, their arguments,
 * and their environment.
 *
 * The server is named to them by the variables that our own options have, so that no secret shows
 * in a command line.
 */
#ifndef ACTORS_CLI_UP_PROCESS_PROGRAMS_H
#define ACTORS_CLI_UP_PROCESS_PROGRAMS_H

#include "actors/cli/up/process/broker.h"
#include "actors/cli/up/process/child.h"
#include "runtime/bus/endpoint.h"
#include "runtime/provision/models.h"

enum { RP_PROGRAMS_ASK_OPTIONS_MAX = 64, RP_PROGRAMS_ACTOR_ARGUMENTS = 8 };

/* All borrowed. */
typedef struct rp_programs_spec {
    const rp_endpoint *endpoint; /* of the server, ours or theirs */
    const rp_model_args *models;
    const char *data;
    const char *nats_server; /* NULL: the server is not ours */
    uint16_t port;
} rp_programs_spec;

/* In the caller's storage, which stays where it is; lists of arguments end in NULL. */
typedef struct rp_programs {
    rp_programs_spec spec;
    char self[RP_BROKER_PATH_BYTES];
    char tokenizer[RP_BROKER_PATH_BYTES], executor[RP_BROKER_PATH_BYTES];
    char janitor[RP_BROKER_PATH_BYTES];
    char **environment;
    const char *server_arguments[16];
    const char *tokenizer_arguments[RP_CHILD_ARGUMENTS_MAX];
    const char *executor_arguments[RP_DECLARATION_MODELS_MAX][RP_PROGRAMS_ACTOR_ARGUMENTS];
    const char *janitor_arguments[RP_PROGRAMS_ACTOR_ARGUMENTS];
    const char *ask_arguments[RP_PROGRAMS_ASK_OPTIONS_MAX + 8];
    char config[RP_BROKER_PATH_BYTES], store[RP_BROKER_PATH_BYTES], port[8];
    char models[RP_DECLARATION_MODELS_MAX][RP_NAME_MAX + RP_BROKER_PATH_BYTES + 2];
    char *own_variables[16]; /* of the environment, those that we made */
    size_t own_count;
} rp_programs;

/* Looks for everything that will be started, and writes the server's configuration. RP_NOT_FOUND
 * naming a binary that is missing. */
RP_MUST_USE rp_status rp_programs_init(
    rp_programs *programs, const rp_programs_spec *spec, rp_error *reterr);

/* Accepts programs of zeros. */
void rp_programs_done(rp_programs *programs);

/* Fills `ask_arguments` for `reprise ask OPTIONS TEXT`; all is borrowed. RP_LIMIT beyond
 * RP_PROGRAMS_ASK_OPTIONS_MAX options. */
RP_MUST_USE rp_status rp_programs_ask(rp_programs *programs, const char *text, char *const *options,
    size_t options_count, bool json, rp_error *reterr);

#endif
