/* Waiting for what an order to scale has set going: the processes that are started become ready,
 * those that are drained go.
 */
#ifndef ACTORS_CLI_SCALE_PROGRESS_H
#define ACTORS_CLI_SCALE_PROGRESS_H

#include "actors/cli/shared/up/processes.h"
#include "actors/cli/shared/up/up_client.h"

/* All borrowed. */
typedef struct rp_progress_spec {
    rp_client *client;
    const rp_clock *clock;
    const char *instance; /* of the `up` */
    yyjson_val *answer;   /* to the order: "starts" and "drains" */
    uint64_t timeout_ns;
    /* Something happened to one of them, in words. */
    void (*on_step)(void *arg, const char *name, const char *text);
    void *arg;
} rp_progress_spec;

/* Returns when all are where they shall be. RP_TIMEOUT naming those that are not, RP_CANCELLED on an
 * interrupt (the order stands), RP_UNAVAILABLE where one was given up, or the `up` itself has gone;
 * RP_CORRUPT where the answer is none. */
RP_MUST_USE rp_status rp_progress_wait(const rp_progress_spec *spec, rp_error *reterr);

#endif
