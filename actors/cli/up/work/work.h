/* What `reprise up` asks the server, off the loop.
 *
 * Calls to the server block, so each runs on one of libuv's worker threads; its end is told on the
 * loop. There is one piece of work at a time, and the client and what was read belong to it
 * meanwhile.
 */
#ifndef ACTORS_CLI_UP_WORK_WORK_H
#define ACTORS_CLI_UP_WORK_WORK_H

#include "actors/cli/up/work/leftovers.h"

#include <stdatomic.h>
#include <uv.h>

typedef enum rp_work_kind {
    RP_WORK_CONNECT,   /* until the server answers, or for RP_WORK_CONNECT_NS */
    RP_WORK_PROVISION, /* streams and durables, then what is left of versions that are gone */
    RP_WORK_LOOK,      /* reads ACTORS */
    RP_WORK_LEFTOVERS  /* goes on with what was left */
} rp_work_kind;

#define RP_WORK_CONNECT_NS (UINT64_C(20) * RP_NS_PER_S)

typedef struct rp_work rp_work;

/* On the loop's thread; `work` may be used again at once. */
typedef void (*rp_work_cb)(void *arg, rp_work_kind kind, rp_status status, const rp_error *error);

/* In the caller's storage. Between pieces of work, `roster`, `changes` and `leftovers` may be
 * read. */
struct rp_work {
    uv_work_t request;
    const rp_clock *clock;
    const rp_endpoint *endpoint;
    const rp_model_args *models;
    const char *instance; /* of this `up` */
    rp_work_cb done;
    void *arg;
    atomic_bool give_up; /* ends a connect early */
    bool once;           /* a connect is tried once */
    bool busy;
    rp_work_kind kind;
    rp_client *client;
    rp_roster roster;
    size_t changes; /* that provisioning made */
    rp_leftovers leftovers;
    unsigned leftover_rounds; /* that it goes on with them; durables that others make later for
                                 what they are about to start are none of our business */
    rp_status status;
    rp_error error;
};

/* RP_NO_MEMORY. All borrowed. */
RP_MUST_USE rp_status rp_work_init(rp_work *work, const rp_clock *clock,
    const rp_endpoint *endpoint, const rp_model_args *models, const char *instance, rp_work_cb done,
    void *arg, rp_error *reterr);

/* Starts a piece of work; there must be none under way. RP_IO. */
RP_MUST_USE rp_status rp_work_start(rp_work *work, uv_loop_t *loop, rp_work_kind kind);

/* Whether RP_WORK_LEFTOVERS has something to do. */
bool rp_work_has_leftovers(const rp_work *work);

/* Closes the connection; there must be no work under way. Accepts a work of zeros. */
void rp_work_done(rp_work *work);

#endif
