/* All processes of a `reprise up`: the server where it is ours, the tokenizers, the executors,
 * a janitor.
 *
 * The crew knows who is there, who has said that it is ready, and in which order they are stopped:
 * actors first, the server when all of them have ended. While it serves it can be scaled: more of a
 * kind are started, or some are drained, the youngest first. A name (executor-2) is unique while its
 * process lives and free again afterwards.
 */
#ifndef ACTORS_CLI_UP_PROCESS_CREW_H
#define ACTORS_CLI_UP_PROCESS_CREW_H

#include "actors/cli/shared/roster.h"
#include "actors/cli/shared/up/processes.h"
#include "actors/cli/shared/up/scaling.h"
#include "actors/cli/up/process/programs.h"

enum { RP_CREW_ACTORS_MAX = RP_PROCESSES_MAX, RP_CREW_JANITORS_MAX = 1 };

typedef struct rp_crew rp_crew;

typedef struct rp_member {
    rp_child child;
    rp_crew *crew;
    const char *kind;          /* as in ACTORS; NULL for the server */
    const rp_model_arg *model; /* an executor's; else NULL */
    char log[RP_BROKER_PATH_BYTES];
    bool started;
    bool draining; /* told to end while the rest goes on */
    bool ready;
    unsigned readied;     /* how often it has become so */
    uint64_t ready_ns;    /* from its last start to that */
    uint64_t draining_ns; /* when it was told to */
} rp_member;

/* All borrowed. */
typedef struct rp_crew_spec {
    uv_loop_t *loop;
    const rp_clock *clock;
    rp_programs_spec programs;
    uint64_t tokenizers, executors; /* of each model */
    void (*on_event)(void *arg, rp_member *member, rp_child_event event, const char *text);
    void *arg;
} rp_crew_spec;

/* What an order to scale has come to. Members may be read until the loop goes on. */
typedef struct rp_scaled {
    const rp_model_arg *model; /* NULL: they serve all */
    size_t from;               /* that ran before */
    const rp_member *starts[RP_SCALING_COUNT_MAX], *drains[RP_SCALING_COUNT_MAX];
    size_t starts_count, drains_count;
} rp_scaled;

/* Looks for everything that will be started, and starts nothing. RP_NOT_FOUND naming a binary that
 * is missing, RP_LIMIT for more than RP_CREW_ACTORS_MAX processes. */
RP_MUST_USE rp_status rp_crew_new(const rp_crew_spec *spec, rp_crew **ret_crew, rp_error *reterr);

RP_MUST_USE rp_status rp_crew_start_server(rp_crew *crew, rp_error *reterr);
RP_MUST_USE rp_status rp_crew_start_actors(rp_crew *crew, rp_error *reterr);

/* Our own binary. */
const char *rp_crew_self(const rp_crew *crew);

/* Starts `reprise ask OPTIONS TEXT` with our output as its own. RP_LIMIT for too many options. */
RP_MUST_USE rp_status rp_crew_start_ask(rp_crew *crew, const char *text, char *const *options,
    size_t options_count, bool json, rp_error *reterr);
rp_member *rp_crew_ask(rp_crew *crew);

/* Brings the processes of a kind (and model) to a number. Those that were given up are forgotten;
 * what is drained finishes what it holds or hands it back. RP_NOT_FOUND for a kind or a model that
 * is not ours, naming those that are, RP_INVALID for a model that is missing or too much, RP_LIMIT
 * for a second janitor or while too many drain; RP_IO where the system starts no more, `ret_scaled`
 * then tells how far it came. */
RP_MUST_USE rp_status rp_crew_scale(
    rp_crew *crew, const rp_scaling *scaling, rp_scaled *ret_scaled, rp_error *reterr);

/* Notes who is ready; `on_ready` for each that was not before. True when all actors are. */
bool rp_crew_look(rp_crew *crew, const rp_roster *roster,
    void (*on_ready)(void *arg, const rp_member *member), void *arg);

/* Whether some are on their way to be ready or to be gone. */
bool rp_crew_moves(const rp_crew *crew);

/* Whether without this member, which was given up, nothing could be answered: it is the server, or
 * a tokenizer or an executor and there is no other of its kind. */
bool rp_crew_rests_on(const rp_crew *crew, const rp_member *member);

/* Appends the actors as JSON objects (processes.h). */
void rp_crew_write(const rp_crew *crew, rp_buffer *out);

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
