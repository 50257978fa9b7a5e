#include "actors/cli/up/up.h"

#include "actors/cli/cli.h"
#include "actors/cli/up/crew.h"
#include "actors/cli/up/notes.h"
#include "actors/cli/up/work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_MS UINT64_C(50)
#define KEEP_MS UINT64_C(10000)

/* Our own server may still be going down after an `up` that was killed. */
enum { PORT_TRIES = 20, PORT_PAUSE_MS = 100 };

typedef enum phase {
    PHASE_SERVER,
    PHASE_PROVISION,
    PHASE_ACTORS,
    PHASE_SERVING,
    PHASE_STOPPING
} phase;

enum { SIGNALS = 3 };

typedef struct up {
    rp_up_spec spec;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t timer; /* the next look, or the next housekeeping */
    rp_endpoint endpoint;
    char url[48], instance[32];
    rp_crew *crew;
    rp_work work;
    rp_notes notes;
    phase phase;
    bool closing; /* all handles are being closed */
    bool ask_interrupted;
    int exit_status;
    rp_error error; /* of what ended it; status RP_OK where nothing failed */
    uint64_t actors_since_ns;
} up;

static void advance_stop(up *u);

static void stop(up *u, int exit_status)
{
    if (u->phase == PHASE_STOPPING)
        return;
    u->exit_status = exit_status;
    u->phase = PHASE_STOPPING;
    rp_notes_say(&u->notes, "stopping", "%s", "");
    atomic_store(&u->work.give_up, true);
    uv_timer_stop(&u->timer);
    advance_stop(u);
}

static void fail(up *u, const rp_error *error)
{
    if (u->error.status == RP_OK && u->phase != PHASE_STOPPING)
        u->error = *error;
    stop(u, RP_EXIT_FAILED);
}

/* -- stopping ---------------------------------------------------------------------------------- */

static void advance_stop(up *u)
{
    if (u->closing || !rp_crew_stop(u->crew) || u->work.busy)
        return;
    if (u->closing) /* rp_crew_stop may have come back here and finished */
        return;
    u->closing = true;
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&u->signals[i], NULL);
    uv_close((uv_handle_t *)&u->timer, NULL);
    rp_crew_close(u->crew);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    up *u = handle->data;
    rp_child *ask = rp_crew_ask(u->crew);
    if (u->phase == PHASE_STOPPING) {
        rp_notes_say(&u->notes, "stopping", "at once");
        rp_crew_kill(u->crew);
    } else if (ask->running && signal == SIGINT && !u->ask_interrupted) {
        /* The request is cancelled, and its end stops us. */
        u->ask_interrupted = true;
        rp_child_signal(ask, SIGINT);
    } else {
        stop(u, u->phase == PHASE_SERVING && !u->spec.ask ? RP_EXIT_OK : RP_EXIT_INTERRUPTED);
    }
}

/* -- processes --------------------------------------------------------------------------------- */

static void child_failed(up *u, const rp_child *child, const char *text)
{
    rp_buffer tail;
    rp_error error = {0};
    rp_buffer_init(&tail, 4096);
    rp_child_log_tail(child, &tail);
    rp_notes_say(&u->notes, child->name, "%s%s%s", text, tail.len ? "; its log ends:\n" : "",
        rp_buffer_string(&tail));
    rp_buffer_done(&tail);
    rp_error_set(&error, RP_UNAVAILABLE, child->name, "%s %s; its whole log: %.160s", child->name,
        text, child->spec.log ? child->spec.log : "above");
    fail(u, &error);
}

static void on_child(void *arg, rp_child *child, rp_child_event event, const char *text)
{
    up *u = arg;
    switch (event) {
    case RP_CHILD_STARTED:
        break;
    case RP_CHILD_RESTARTS:
        rp_notes_say(&u->notes, child->name, "%s", text);
        break;
    case RP_CHILD_FAILED:
        child_failed(u, child, text);
        break;
    case RP_CHILD_STOPPED:
        if (child->exit_status != 0 && child != rp_crew_ask(u->crew))
            rp_notes_say(&u->notes, child->name, "%s", text);
        if (u->phase == PHASE_STOPPING)
            advance_stop(u);
        else if (child == rp_crew_ask(u->crew))
            stop(u, child->exit_status);
        break;
    }
}

/* -- from phase to phase ----------------------------------------------------------------------- */

static void begin(up *u, rp_work_kind kind)
{
    rp_error error = {0};
    if (rp_work_start(&u->work, &u->loop, kind) == RP_OK)
        return;
    rp_error_set(&error, RP_IO, NULL, "libuv takes no more work");
    fail(u, &error);
}

static void on_timer(uv_timer_t *timer)
{
    up *u = timer->data;
    if (!u->work.busy)
        begin(u, u->phase == PHASE_ACTORS ? RP_WORK_LOOK : RP_WORK_KEEP);
}

static void connected(up *u)
{
    char server[RP_ENDPOINT_NAME_BYTES];
    rp_client_server(u->work.client, server);
    rp_notes_say(
        &u->notes, u->spec.nats_server ? "nats-server" : "server", "answers on %s", server);
    u->phase = PHASE_PROVISION;
    begin(u, RP_WORK_PROVISION);
}

static void provisioned(up *u)
{
    const rp_leftovers *l = &u->work.leftovers;
    rp_error error = {0};
    rp_notes_say(&u->notes, "provision", "%zu stream%s or durable%s created or changed",
        u->work.changes, u->work.changes == 1 ? "" : "s", u->work.changes == 1 ? "" : "s");
    if (l->answered || l->durables)
        rp_notes_say(&u->notes, "provision",
            "%llu requests of versions that are gone answered `unavailable`, %llu durables removed",
            (unsigned long long)l->answered, (unsigned long long)l->durables);
    u->phase = PHASE_ACTORS;
    u->actors_since_ns = rp_clock_monotonic_ns(rp_clock_system());
    if (rp_crew_start_actors(u->crew, &error) != RP_OK)
        fail(u, &error);
    else
        uv_timer_start(&u->timer, on_timer, LOOK_MS, LOOK_MS);
}

static void on_ready(void *arg, const rp_member *member)
{
    up *u = arg;
    if (u->phase == PHASE_ACTORS)
        rp_notes_say(&u->notes, member->child.name, "ready %.2f s after its start",
            (double)member->ready_ns / 1e9);
    else
        rp_notes_say(&u->notes, member->child.name, "ready again");
}

static void too_late(up *u)
{
    rp_buffer names;
    rp_error error = {0};
    rp_buffer_init(&names, 1024);
    rp_crew_missing(u->crew, &names);
    rp_error_set(&error, RP_UNAVAILABLE, "ready-timeout",
        "not ready in time: %.120s; see the logs in %.120s/logs, or give a longer --ready-timeout",
        rp_buffer_string(&names), u->spec.data);
    rp_buffer_done(&names);
    fail(u, &error);
}

static void serve(up *u)
{
    rp_error error = {0};
    u->phase = PHASE_SERVING;
    uv_timer_start(&u->timer, on_timer, KEEP_MS, KEEP_MS);
    if (!u->spec.ask) {
        char server[RP_ENDPOINT_NAME_BYTES];
        rp_client_server(u->work.client, server);
        rp_ready ready = {.server = server,
            .models = u->spec.models,
            .data = u->spec.data,
            .self = rp_crew_self(u->crew),
            .continues = rp_roster_continues(&u->work.roster, u->spec.models->models[0].name)};
        rp_notes_ready(&u->notes, &ready);
    } else if (rp_crew_start_ask(u->crew, u->spec.ask, u->spec.ask_options,
                   u->spec.ask_options_count, u->spec.json, &error) != RP_OK) {
        fail(u, &error);
    }
}

static void looked(up *u)
{
    uint64_t since_ns = rp_clock_monotonic_ns(rp_clock_system()) - u->actors_since_ns;
    if (rp_crew_look(u->crew, &u->work.roster, on_ready, u))
        serve(u);
    else if (since_ns > u->spec.ready_ns)
        too_late(u);
}

static void kept(up *u)
{
    for (size_t i = 0; i < sizeof u->work.purged / sizeof u->work.purged[0]; i++) {
        const rp_purge *p = &u->work.purged[i];
        if (p->messages)
            rp_notes_say(&u->notes, p->stream,
                "was above %d%% of its limit; %llu settled messages removed",
                RP_HOUSEKEEPING_PERCENT, (unsigned long long)p->messages);
    }
}

/* A server that is away for a moment while serving is no reason to stop: the actors wait, too. */
static bool is_passing(const up *u, rp_status status)
{
    return u->phase >= PHASE_ACTORS && u->phase < PHASE_STOPPING &&
           (status == RP_UNAVAILABLE || status == RP_TIMEOUT || status == RP_BUSY ||
               status == RP_CONFLICT);
}

static void on_work(void *arg, rp_work_kind kind, rp_status status, const rp_error *error)
{
    up *u = arg;
    if (u->phase == PHASE_STOPPING) {
        advance_stop(u);
    } else if (status != RP_OK && is_passing(u, status)) {
        if (kind == RP_WORK_KEEP)
            rp_notes_say(&u->notes, "housekeeping", "%s", error->message);
    } else if (status != RP_OK) {
        fail(u, error);
    } else if (kind == RP_WORK_CONNECT) {
        connected(u);
    } else if (kind == RP_WORK_PROVISION) {
        provisioned(u);
    } else if (kind == RP_WORK_LOOK) {
        looked(u);
    } else {
        kept(u);
    }
}

/* -- the beginning ----------------------------------------------------------------------------- */

static rp_status own_endpoint(up *u, rp_error *reterr)
{
    uint16_t port = 0;
    rp_status status = RP_BUSY;
    u->endpoint = *u->spec.endpoint;
    if (!u->spec.nats_server)
        return RP_OK;
    for (int i = 0; i < PORT_TRIES && status == RP_BUSY; i++) {
        if (i > 0)
            uv_sleep(PORT_PAUSE_MS);
        status = rp_broker_port(u->spec.port, &port, reterr);
    }
    if (status != RP_OK)
        return status;
    u->spec.port = port;
    snprintf(u->url, sizeof u->url, "nats://127.0.0.1:%u", port);
    /* Nobody has to say who he is to our own server; what the environment says is for another. */
    u->endpoint = (rp_endpoint){.server = u->url,
        .inbox_prefix = u->spec.endpoint->inbox_prefix,
        .connect_timeout_ns = u->spec.endpoint->connect_timeout_ns};
    return RP_OK;
}

static rp_status start(up *u, rp_error *reterr)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    rp_crew_spec crew = {.loop = &u->loop,
        .clock = rp_clock_system(),
        .endpoint = &u->endpoint,
        .models = u->spec.models,
        .data = u->spec.data,
        .nats_server = u->spec.nats_server,
        .port = u->spec.port,
        .tokenizers = u->spec.tokenizers,
        .executors = u->spec.executors,
        .on_event = on_child,
        .arg = u};
    rp_status status = rp_crew_new(&crew, &u->crew, reterr);
    if (status != RP_OK)
        return status;
    uv_timer_init(&u->loop, &u->timer);
    u->timer.data = u;
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&u->loop, &u->signals[i]);
        u->signals[i].data = u;
        uv_signal_start(&u->signals[i], on_signal, numbers[i]);
    }
    u->work.once = u->spec.nats_server == NULL;
    if (u->spec.nats_server && rp_crew_start_server(u->crew, reterr) != RP_OK)
        fail(u, reterr);
    else
        begin(u, RP_WORK_CONNECT);
    return RP_OK;
}

rp_status rp_up_run(const rp_up_spec *spec, int *ret_exit, rp_error *reterr)
{
    up *u = calloc(1, sizeof *u);
    if (!u)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    u->spec = *spec;
    rp_notes_init(&u->notes, rp_clock_system(), spec->json);
    snprintf(u->instance, sizeof u->instance, "up-%ld", (long)getpid());
    rp_status status = own_endpoint(u, reterr);
    if (status == RP_OK)
        status = rp_work_init(&u->work, rp_clock_system(), &u->endpoint, spec->models, u->instance,
            on_work, u, reterr);
    if (status == RP_OK) {
        uv_loop_init(&u->loop);
        status = start(u, reterr);
        uv_run(&u->loop, UV_RUN_DEFAULT);
        uv_loop_close(&u->loop);
        rp_work_done(&u->work);
    }
    if (status == RP_OK && u->error.status != RP_OK) {
        if (reterr)
            *reterr = u->error;
        status = u->error.status;
    }
    *ret_exit = u->exit_status;
    if (status == RP_OK)
        rp_notes_say(&u->notes, "stopped", "%s", "");
    rp_crew_free(u->crew);
    free(u);
    return status;
}
