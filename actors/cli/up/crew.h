/* All processes of a `reprise up`: the server where it is ours, the tokenizers, the executors.
 *
 * The crew knows how each is called and where it lies, who has said that it is ready, and in which
 * order they are stopped: actors first, the server when all of them have ended.
 */
#ifndef ACTORS_CLI_UP_CREW_H
#define ACTORS_CLI_UP_CREW_H

#include "actors/cli/shared/roster.h"
#include "actors/cli/up/broker.h"
#include "actors/cli/up/child.h"
#include "runtime/provision/models.h"

enum { RP_CREW_ACTORS_MAX = 64, RP_CREW_KIND_MAX = 32, RP_CREW_ASK_OPTIONS_MAX = 64 };

/* All borrowed. */
typedef struct rp_crew_spec {
    uv_loop_t *loop;
    const rp_clock *clock;
    const rp_endpoint *endpoint; /* of the server, ours or theirs */
    const rp_model_args *models;
    const char *data;
    const char *nats_server; /* NULL: the server is not ours */
    uint16_t port;
    uint64_t tokenizers, executors;
    void (*on_event)(void *arg, rp_child *child, rp_child_event event, const char *text);
    void *arg;
} rp_crew_spec;

typedef struct rp_member {
    rp_child child;
    const char *kind; /* as in ACTORS; NULL for the server */
    char log[RP_BROKER_PATH_BYTES];
    bool started;
    bool ready;
    uint64_t ready_ns; /* from its first start to its first being ready */
} rp_member;

typedef struct rp_crew rp_crew;

/* Looks for everything that will be started, and starts nothing. RP_NOT_FOUND naming a binary that
 * is missing. */
RP_MUST_USE rp_status rp_crew_new(const rp_crew_spec *spec, rp_crew **ret_crew, rp_error *reterr);

RP_MUST_USE rp_status rp_crew_start_server(rp_crew *crew, rp_error *reterr);
RP_MUST_USE rp_status rp_crew_start_actors(rp_crew *crew, rp_error *reterr);

/* Our own binary. */
const char *rp_crew_self(const rp_crew *crew);

/* Starts `reprise ask OPTIONS TEXT` with our output as its own. RP_LIMIT beyond
 * RP_CREW_ASK_OPTIONS_MAX options. */
RP_MUST_USE rp_status rp_crew_start_ask(rp_crew *crew, const char *text, char *const *options,
    size_t options_count, bool json, rp_error *reterr);
rp_child *rp_crew_ask(rp_crew *crew);

/* Notes who is ready; `on_ready` for each that was not before. True when all actors are. */
bool rp_crew_look(rp_crew *crew, const rp_roster *roster,
    void (*on_ready)(void *arg, const rp_member *member), void *arg);

/* Appends the names of those that are not ready. */
void rp_crew_missing(const rp_crew *crew, rp_buffer *out);

/* Stops all, in order; called again for each that has stopped, it goes on. True when nothing runs.
 */
bool rp_crew_stop(rp_crew *crew);

/* Ends all at once. */
void rp_crew_kill(rp_crew *crew);

/* Closes the handles and, once the loop has run, frees. NULL is fine. */
void rp_crew_close(rp_crew *crew);
void rp_crew_free(rp_crew *crew);

#endif
