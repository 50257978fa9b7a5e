/* What `reprise up` says: a line a step on standard error, with the time since its start; with
 * --json an object a line on standard output.
 */
#ifndef ACTORS_CLI_UP_NOTES_H
#define ACTORS_CLI_UP_NOTES_H

#include "runtime/base/clock.h"
#include "runtime/provision/models.h"

typedef struct rp_notes {
    const rp_clock *clock;
    uint64_t since_ns;
    bool json;
} rp_notes;

void rp_notes_init(rp_notes *notes, const rp_clock *clock, bool json);

/* "[ 0.4 s] nats-server: answers on ..." or {"after_ms":400,"about":"nats-server","text":"..."}. */
void rp_notes_say(rp_notes *notes, const char *about, const char *format, ...) RP_PRINTF(3, 4);

/* What there is to tell when all is ready; all borrowed. */
typedef struct rp_ready {
    const char *server;
    const rp_model_args *models;
    const char *data;
    const char *self; /* our own binary */
    bool continues;   /* the first model goes on with a text rather than answering it */
} rp_ready;

/* Where the server is, how to ask it with our binary, how to publish without; or
 * {"ready":true,...}. What it says to type can be pasted. */
void rp_notes_ready(rp_notes *notes, const rp_ready *ready);

#endif
