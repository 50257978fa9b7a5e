/* Where a `reprise up` can be asked, from when its actors are started until it stops.
 *
 * It has a record in ACTORS as every actor has, of the kind `up`, under a name that no other has,
 * with the models that it serves; and it answers on
 *
 *     ask.up.<instance>.scale       brings the processes of a kind to a number (shared/up/scaling.h)
 *     ask.up.<instance>.processes   those that it looks after, and how they are (shared/up/processes.h)
 *
 * A request is at most RP_SCALING_BYTES_MAX bytes, and gets one answer of at most
 * RP_PROCESSES_BYTES_MAX; both are JSON. What is not understood is answered with {"error":{...}}.
 * Orders are taken once all are ready. What the connection has to tell goes to DATA/logs/up.log.
 */
#ifndef ACTORS_CLI_UP_DESK_H
#define ACTORS_CLI_UP_DESK_H

#include "actors/cli/up/process/crew.h"

typedef struct rp_desk rp_desk;

/* All borrowed. */
typedef struct rp_desk_spec {
    uv_loop_t *loop;
    const rp_clock *clock;
    const rp_endpoint *endpoint;
    const rp_model_args *models;
    const char *data;
    const char *instance;
    rp_crew *crew;
    /* An order was carried out. */
    void (*on_scaled)(void *arg, const rp_scaling *scaling, const rp_scaled *scaled);
    void *arg;
} rp_desk_spec;

/* RP_IO, RP_NO_MEMORY; also then there is a desk, to be closed and freed. The record in ACTORS stands
 * within a second. */
RP_MUST_USE rp_status rp_desk_open(const rp_desk_spec *spec, rp_desk **ret_desk, rp_error *reterr);

/* From now on it takes orders, and its record says so. */
void rp_desk_serve(rp_desk *desk);

/* Answers nothing any more; the record goes. NULL is fine. */
void rp_desk_leave(rp_desk *desk);

/* Gives its handles back to the loop, which must run once more before rp_desk_free. NULL is fine. */
void rp_desk_close(rp_desk *desk);
void rp_desk_free(rp_desk *desk);

#endif
