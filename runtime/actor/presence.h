/* A process's record in ACTORS: who is alive, with what, and how busy.
 *
 * The record is published when it changed, ten times a second, and every second in any case. Where
 * it has changed 64 times, it is published at once: those who decide by it what more may come would
 * else fall behind a process that is fast. One that is older than RP_PRESENCE_GONE_NS is of a
 * process that is gone. It expires by itself a little later. Its key is <kind>.<instance>.
 */
#ifndef RUNTIME_ACTOR_PRESENCE_H
#define RUNTIME_ACTOR_PRESENCE_H

#include "runtime/actor/worker.h"
#include "schemas/reprise/v1/actors.pb-c.h"

#define RP_PRESENCE_GONE_NS (5 * RP_NS_PER_S)

typedef struct rp_presence rp_presence;

typedef struct rp_presence_spec {
    const rp_worker_env *env; /* borrowed, like all below */
    const char *kind;
    const char *name;
    const char *admin; /* "127.0.0.1:9464"; NULL = none */
    uint32_t pid;
    const char *host;
    /* Fills the rest of the record. */
    void (*describe)(void *arg, Rp__Actor *record);
    void *arg;
} rp_presence_spec;

/* RP_INVALID where the name is no token, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_presence_new(const rp_presence_spec *spec, rp_presence **ret_presence);

/* Something in the record changed. */
void rp_presence_touch(rp_presence *presence);

/* Publishes now, whatever the clock says. */
void rp_presence_publish(rp_presence *presence);

/* Publishes for the last time: the record goes within a second or two. The process says in it that
 * it is not ready. */
void rp_presence_leave(rp_presence *presence);

/* NULL is fine. The last record stays until it expires. */
void rp_presence_free(rp_presence *presence);

#endif
