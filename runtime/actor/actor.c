#include "runtime/actor/actor.h"

#include "runtime/actor/presence.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 500, WHY_BYTES = 256 };

struct rp_actor {
    const rp_actor_spec *spec;
    rp_actor_env env;
    void *state;
    rp_worker *worker; /* one of the two */
    rp_folds *folds;
    rp_presence *presence;
    rp_timer *look, *fall, *end;
    char trouble[WHY_BYTES]; /* "" = none */
    bool connected, draining, failed, ready;
};

const rp_worker_env *rp_actor_worker_env(const rp_actor *actor)
{
    return &actor->env.worker;
}

const char *rp_actor_name(const rp_actor *actor)
{
    return actor->env.name;
}

size_t rp_actor_threads(const rp_actor *actor)
{
    return actor->env.threads;
}

size_t rp_actor_busy(const rp_actor *actor)
{
    return actor->folds ? rp_folds_waiting(actor->folds) : rp_worker_busy(actor->worker);
}

void rp_actor_touch(rp_actor *actor)
{
    if (actor->presence)
        rp_presence_touch(actor->presence);
}

/* -- ready ------------------------------------------------------------------------------------- */

static const char *why_not_ready(const rp_actor *actor)
{
    const char *why = NULL;
    if (actor->draining)
        return "draining";
    if (!actor->connected)
        return "no connection to the server";
    if (actor->trouble[0])
        return actor->trouble;
    if (actor->worker)
        (void)rp_worker_troubled(actor->worker, &why);
    if (actor->folds)
        (void)rp_folds_troubled(actor->folds, &why);
    return why;
}

static void look_whether_ready(rp_actor *actor)
{
    const char *why = why_not_ready(actor);
    bool ready = why == NULL;
    actor->env.ready(actor->env.arg, why);
    if (ready == actor->ready)
        return;
    actor->ready = ready;
    if (ready)
        rp_log_info(actor->env.worker.log, "ready");
    else
        rp_log_warn(actor->env.worker.log, "not_ready", rp_log_text("why", why));
    if (actor->presence)
        rp_presence_publish(actor->presence);
}

static void on_look(void *arg)
{
    look_whether_ready(arg);
}

static void on_state(void *arg, bool connected)
{
    rp_actor *actor = arg;
    actor->connected = connected;
    if (connected && actor->worker)
        rp_worker_connected(actor->worker);
    look_whether_ready(actor);
}

void rp_actor_trouble(rp_actor *actor, const char *why)
{
    snprintf(actor->trouble, sizeof actor->trouble, "%s", why ? why : "");
    look_whether_ready(actor);
}

static void describe(void *arg, Rp__Actor *record)
{
    rp_actor *actor = arg;
    size_t slots = actor->env.worker.slots;
    record->ready = actor->ready;
    record->has_pending = true;
    record->pending = rp_actor_busy(actor);
    if (actor->worker) {
        record->has_slots_total = true;
        record->slots_total = (uint32_t)slots;
        record->has_slots_free = true;
        record->slots_free = actor->draining ? 0 : (uint32_t)rp_worker_slots_free(actor->worker);
    }
    if (actor->spec->describe)
        actor->spec->describe(actor->state, record);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void on_end(void *arg)
{
    rp_actor *actor = arg;
    actor->env.drained(actor->env.arg, actor->failed);
}

static void on_drained(void *arg)
{
    rp_actor *actor = arg;
    rp_log_info(actor->env.worker.log, "drained");
    rp_presence_leave(actor->presence);
    rp_timer_set(actor->end, 0, 0); /* not within the worker's own call */
}

void rp_actor_drain(rp_actor *actor, uint64_t limit_ns)
{
    if (actor->draining)
        return;
    actor->draining = true;
    look_whether_ready(actor);
    if (actor->folds)
        rp_folds_drain(actor->folds, limit_ns, on_drained, actor);
    else
        rp_worker_drain(actor->worker, limit_ns, on_drained, actor);
}

static void on_fall(void *arg)
{
    rp_actor_drain(arg, 0);
}

void rp_actor_fail(rp_actor *actor, const char *why)
{
    if (actor->failed)
        return;
    rp_log_error(actor->env.worker.log, "failed", rp_log_text("why", why));
    actor->failed = true;
    rp_timer_set(actor->fall, 0, 0); /* not within the actor's own call */
}

void rp_actor_free(rp_actor *actor)
{
    if (!actor)
        return;
    rp_presence_free(actor->presence);
    rp_worker_free(actor->worker);
    rp_folds_free(actor->folds);
    if (actor->spec->stop)
        actor->spec->stop(actor->state);
    rp_timer_free(actor->look);
    rp_timer_free(actor->fall);
    rp_timer_free(actor->end);
    free(actor);
}

/* -- the start --------------------------------------------------------------------------------- */

static rp_status start_worker(rp_actor *actor, rp_error *reterr)
{
    const rp_actor_spec *spec = actor->spec;
    rp_worker_spec worker = spec->worker;
    worker.kind = spec->kind;
    rp_status status =
        rp_worker_new(&actor->env.worker, &worker, actor->state, &actor->worker, reterr);
    if (status == RP_OK)
        status = spec->mailboxes(actor->state, actor->worker, reterr);
    if (status == RP_OK)
        status = rp_worker_open(actor->worker, reterr);
    if (status == RP_OK && spec->opened)
        status = spec->opened(actor->state, actor->worker, reterr);
    return status;
}

static rp_status start_folds(rp_actor *actor, rp_error *reterr)
{
    rp_folds_spec spec = {.kind = actor->spec->kind,
        .fold = actor->spec->fold,
        .partitions = actor->env.fold.partitions,
        .partition = actor->env.fold.partition,
        .snapshot_every = actor->env.fold.snapshot_every,
        .state = actor->state};
    return rp_folds_new(&actor->env.worker, &spec, &actor->folds, reterr);
}

static rp_status start_presence(rp_actor *actor, rp_error *reterr)
{
    rp_presence_spec spec = {.env = &actor->env.worker,
        .kind = actor->spec->kind,
        .name = actor->env.name,
        .admin = actor->env.admin,
        .pid = actor->env.pid,
        .host = actor->env.host_name,
        .describe = describe,
        .arg = actor};
    rp_status status = rp_presence_new(&spec, &actor->presence);
    return status == RP_OK ? RP_OK
                           : rp_error_set(reterr, status, "instance", "no record in ACTORS: %s",
                                 rp_status_text(status));
}

static rp_status start(rp_actor *actor, const void *settings, rp_error *reterr)
{
    rp_host *host = actor->env.worker.host;
    rp_status status = rp_timer_new(host, on_look, actor, &actor->look);
    if (status == RP_OK)
        status = rp_timer_new(host, on_fall, actor, &actor->fall);
    if (status == RP_OK)
        status = rp_timer_new(host, on_end, actor, &actor->end);
    if (status == RP_OK && actor->spec->start)
        status = actor->spec->start(actor, settings, &actor->state, reterr);
    if (status == RP_OK)
        status = actor->spec->fold ? start_folds(actor, reterr) : start_worker(actor, reterr);
    if (status == RP_OK)
        status = start_presence(actor, reterr);
    return status;
}

rp_status rp_actor_new(const rp_actor_spec *spec, const rp_actor_env *env, const void *settings,
    rp_actor **ret_actor, rp_error *reterr)
{
    rp_actor *actor = calloc(1, sizeof *actor);
    if (!actor)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    actor->spec = spec;
    actor->env = *env;
    rp_status status = start(actor, settings, reterr);
    if (status != RP_OK) {
        rp_host_stop(env->worker.host);
        rp_actor_free(actor);
        return status;
    }
    rp_timer_set(actor->look, LOOK_MS * RP_NS_PER_MS, LOOK_MS * RP_NS_PER_MS);
    rp_bus_watch_state(env->worker.bus, on_state, actor);
    *ret_actor = actor;
    return RP_OK;
}
