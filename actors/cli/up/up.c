#include "actors/cli/up/up.h"

#include "actors/cli/cli.h"
#include "actors/cli/shared/up/up_client.h"
#include "actors/cli/up/desk.h"
#include "actors/cli/up/notes.h"
#include "actors/cli/up/work/work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOOK_MS      UINT64_C(50)                /* while all are started */
#define TICK_MS      UINT64_C(200)               /* while it serves */
#define LOOK_NS      (UINT64_C(2) * RP_NS_PER_S) /* while it serves and nothing moves */
#define LEFTOVERS_NS (UINT64_C(10) * RP_NS_PER_S)

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
    uv_timer_t timer; /* looks, and what was left */
    rp_endpoint endpoint;
    char url[48], instance[32];
    rp_crew *crew;
    rp_desk *desk; /* while it serves */
    rp_work work;
    rp_notes notes;
    phase phase;
    bool closing; /* all handles are being closed */
    bool ask_interrupted;
    int exit_status;
    rp_error error; /* of what ended it; status RP_OK where nothing failed */
    uint64_t actors_since_ns, looked_ns, leftovers_ns;
} up;

static uint64_t now(void)
{
    return rp_clock_monotonic_ns(rp_clock_system());
}

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
    rp_desk_leave(u->desk);
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
    rp_desk_close(u->desk);
    rp_crew_close(u->crew);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    up *u = handle->data;
    rp_child *ask = &rp_crew_ask(u->crew)->child;
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

/* What it says of itself at its end. */
static void tell_given_up(up *u, const rp_child *child, const char *text)
{
    rp_buffer tail;
    rp_buffer_init(&tail, 4096);
    rp_child_log_tail(child, &tail);
    if (tail.len)
        rp_buffer_cut(&tail, tail.len - 1); /* the note ends its own line */
    rp_notes_say(&u->notes, child->name, "%s%s%s", text, tail.len ? "; its log ends:\n" : "",
        rp_buffer_string(&tail));
    rp_buffer_done(&tail);
}

static void on_given_up(up *u, const rp_member *member, const char *text)
{
    rp_error error = {0};
    const rp_child *child = &member->child;
    const char *log = child->spec.log ? child->spec.log : "above";
    tell_given_up(u, child, text);
    if (u->phase == PHASE_SERVING && !rp_crew_rests_on(u->crew, member)) {
        rp_notes_say(&u->notes, child->name,
            "given up; the rest goes on. Its whole log: %s. `reprise scale %s N%s%s` brings them "
            "back to N",
            log, member->kind, member->model ? " --model " : "",
            member->model ? member->model->name : "");
        return;
    }
    rp_error_set(&error, RP_UNAVAILABLE, child->name, "%s %s%s; its whole log: %.130s", child->name,
        text, u->phase == PHASE_SERVING ? ", and nothing can be answered without it" : "", log);
    fail(u, &error);
}

static void on_stopped(up *u, const rp_member *member, const char *text)
{
    const rp_child *child = &member->child;
    bool is_ask = member == rp_crew_ask(u->crew);
    if (member->draining && u->phase != PHASE_STOPPING && !child->given_up)
        rp_notes_say(&u->notes, child->name, "drained in %.2f s%s%s",
            (double)(now() - member->draining_ns) / 1e9, child->exit_status ? "; " : "",
            child->exit_status ? text : "");
    else if (child->exit_status != 0 && !is_ask && !child->given_up)
        rp_notes_say(&u->notes, child->name, "%s", text);
    if (u->phase == PHASE_STOPPING)
        advance_stop(u);
    else if (is_ask)
        stop(u, child->exit_status);
}

static void on_child(void *arg, rp_member *member, rp_child_event event, const char *text)
{
    up *u = arg;
    switch (event) {
    case RP_CHILD_STARTED:
        break;
    case RP_CHILD_RESTARTS:
        rp_notes_say(&u->notes, member->child.name, "%s", text);
        break;
    case RP_CHILD_FAILED:
        on_given_up(u, member, text);
        break;
    case RP_CHILD_STOPPED:
        on_stopped(u, member, text);
        break;
    }
}

static void on_scaled(void *arg, const rp_scaling *scaling, const rp_scaled *scaled)
{
    up *u = arg;
    rp_buffer text;
    rp_buffer_init(&text, 4096);
    rp_buffer_printf(&text, "from %zu to %llu", scaled->from, (unsigned long long)scaling->count);
    if (scaled->model)
        rp_buffer_printf(&text, " of %s", scaled->model->name);
    for (size_t i = 0; i < scaled->starts_count; i++)
        rp_buffer_printf(&text, "%s%s", i ? ", " : "; starting ", scaled->starts[i]->child.name);
    for (size_t i = 0; i < scaled->drains_count; i++)
        rp_buffer_printf(&text, "%s%s", i ? ", " : "; draining ", scaled->drains[i]->child.name);
    rp_notes_say(&u->notes, scaling->kind, "%s", rp_buffer_string(&text));
    rp_buffer_done(&text);
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

/* What is due. While something is started or drained it looks at every tick. */
static void on_timer(uv_timer_t *timer)
{
    up *u = timer->data;
    if (u->work.busy)
        return;
    if (u->phase == PHASE_SERVING && rp_work_has_leftovers(&u->work) &&
        now() - u->leftovers_ns >= LEFTOVERS_NS) {
        u->leftovers_ns = now();
        begin(u, RP_WORK_LEFTOVERS);
    } else if (u->phase == PHASE_ACTORS || rp_crew_moves(u->crew) ||
               now() - u->looked_ns >= LOOK_NS) {
        u->looked_ns = now();
        begin(u, RP_WORK_LOOK);
    }
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

/* An `up` that asks one thing and ends is not to be asked. */
static rp_status open_desk(up *u, rp_error *reterr)
{
    rp_desk_spec spec = {.loop = &u->loop,
        .clock = rp_clock_system(),
        .endpoint = &u->endpoint,
        .models = u->spec.models,
        .data = u->spec.data,
        .instance = u->instance,
        .crew = u->crew,
        .on_scaled = on_scaled,
        .arg = u};
    return u->spec.ask ? RP_OK : rp_desk_open(&spec, &u->desk, reterr);
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
    u->actors_since_ns = now();
    if (open_desk(u, &error) != RP_OK || rp_crew_start_actors(u->crew, &error) != RP_OK)
        fail(u, &error);
    else
        uv_timer_start(&u->timer, on_timer, LOOK_MS, LOOK_MS);
}

static void on_ready(void *arg, const rp_member *member)
{
    up *u = arg;
    const char *name = member->child.name;
    if (member->readied > 1)
        rp_notes_say(&u->notes, name, "ready again");
    else if (member->model && u->spec.models->count > 1)
        rp_notes_say(&u->notes, name, "ready %.2f s after its start, with %s",
            (double)member->ready_ns / 1e9, member->model->name);
    else
        rp_notes_say(
            &u->notes, name, "ready %.2f s after its start", (double)member->ready_ns / 1e9);
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

static void tell_ready(up *u)
{
    char server[RP_ENDPOINT_NAME_BYTES];
    rp_client_server(u->work.client, server);
    rp_ready ready = {.server = server,
        .models = u->spec.models,
        .data = u->spec.data,
        .self = rp_crew_self(u->crew),
        .continues = rp_roster_continues(&u->work.roster, u->spec.models->models[0].name)};
    rp_notes_ready(&u->notes, &ready);
}

static void serve(up *u)
{
    rp_error error = {0};
    u->phase = PHASE_SERVING;
    u->looked_ns = u->leftovers_ns = now();
    uv_timer_start(&u->timer, on_timer, TICK_MS, TICK_MS);
    if (!u->spec.ask) {
        rp_desk_serve(u->desk);
        tell_ready(u);
    } else if (rp_crew_start_ask(u->crew, u->spec.ask, u->spec.ask_options,
                   u->spec.ask_options_count, u->spec.json, &error) != RP_OK) {
        fail(u, &error);
    }
}

static void looked(up *u)
{
    bool all = rp_crew_look(u->crew, &u->work.roster, on_ready, u);
    /* Whoever hears that all is ready may ask us at once. */
    all = all && (!u->desk || rp_roster_find(&u->work.roster, RP_UP_KIND, u->instance));
    if (u->phase != PHASE_ACTORS)
        return;
    if (all)
        serve(u);
    else if (now() - u->actors_since_ns > u->spec.ready_ns)
        too_late(u);
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
        if (kind == RP_WORK_LEFTOVERS)
            rp_notes_say(&u->notes, "provision", "%s", error->message);
    } else if (status != RP_OK) {
        fail(u, error);
    } else if (kind == RP_WORK_CONNECT) {
        connected(u);
    } else if (kind == RP_WORK_PROVISION) {
        provisioned(u);
    } else if (kind == RP_WORK_LOOK) {
        looked(u);
    }
}

/* -- the beginning ----------------------------------------------------------------------------- */

/* Other machines have processes of our number, too. */
static rp_status name_instance(up *u, rp_error *reterr)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return rp_error_set(reterr, RP_IO, NULL, "the system gives no random number");
    snprintf(u->instance, sizeof u->instance, "up-%08x", random);
    return RP_OK;
}

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
        .programs = {.endpoint = &u->endpoint,
            .models = u->spec.models,
            .data = u->spec.data,
            .nats_server = u->spec.nats_server,
            .port = u->spec.port},
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
    rp_status status = name_instance(u, reterr);
    if (status == RP_OK)
        status = own_endpoint(u, reterr);
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
    rp_desk_free(u->desk);
    rp_crew_free(u->crew);
    free(u);
    return status;
}
