#include "actors/cli/up/crew.h"

#include "actors/cli/cli.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACTOR_GRACE_NS  (UINT64_C(20) * RP_NS_PER_S) /* a drain has its own, shorter limit */
#define SERVER_GRACE_NS (UINT64_C(10) * RP_NS_PER_S)

enum { ENVIRONMENT_MAX = 1024, VARIABLE_BYTES = 4096 };

struct rp_crew {
    rp_crew_spec spec;
    char self[RP_BROKER_PATH_BYTES];
    char tokenizer[RP_BROKER_PATH_BYTES], executor[RP_BROKER_PATH_BYTES];
    char config[RP_BROKER_PATH_BYTES], store[RP_BROKER_PATH_BYTES], port[8];
    char **environment; /* of our own making where a variable is ours */
    char *own_variables[16];
    size_t own_count;
    const char *server_arguments[16];
    const char *actor_arguments[RP_CHILD_ARGUMENTS_MAX];
    char model_arguments[RP_DECLARATION_MODELS_MAX][RP_NAME_MAX + RP_BROKER_PATH_BYTES + 2];
    const char *ask_arguments[RP_CREW_ASK_OPTIONS_MAX + 8];
    rp_member server, ask;
    rp_member actors[RP_CREW_ACTORS_MAX];
    size_t actors_count;
};

/* -- what is started --------------------------------------------------------------------------- */

static rp_status find_actor(
    const char *folder, const char *name, char path[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    int n = snprintf(path, RP_BROKER_PATH_BYTES, "%s/%s", folder, name);
    if (n < 0 || n >= RP_BROKER_PATH_BYTES || access(path, X_OK) != 0)
        return rp_error_set(reterr, RP_NOT_FOUND, name,
            "there is no %s beside this binary (%.160s): build the whole project", name, folder);
    return RP_OK;
}

static rp_status find_all(rp_crew *crew, rp_error *reterr)
{
    char folder[RP_BROKER_PATH_BYTES];
    rp_status status = rp_own_folder(folder, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise", crew->self, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise-tokenizer", crew->tokenizer, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise-executor", crew->executor, reterr);
    return status;
}

/* Names the server to children by the variables that our own options have, so that no secret shows
 * in a command line. */
static bool is_server_variable(const char *variable)
{
    for (const rp_option *o = rp_cli_endpoint_options; o->name; o++) {
        size_t len = strlen(o->environment);
        if (strncmp(variable, o->environment, len) == 0 && variable[len] == '=')
            return true;
    }
    return false;
}

static rp_status add_variable(rp_crew *crew, const char *name, const char *value, rp_error *reterr)
{
    char text[VARIABLE_BYTES];
    int n = snprintf(text, sizeof text, "%s=%s", name, value);
    if (n < 0 || (size_t)n >= sizeof text)
        return rp_error_limit(reterr, name, "4095 bytes", "%s is too long", name);
    char *copy = strdup(text);
    if (!copy)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    crew->own_variables[crew->own_count++] = copy;
    return RP_OK;
}

static rp_status make_environment(rp_crew *crew, rp_error *reterr)
{
    size_t count = 0;
    rp_status status = RP_OK;
    const rp_cli_common common = {.endpoint = *crew->spec.endpoint};
    static_assert(sizeof crew->own_variables / sizeof crew->own_variables[0] >=
                      sizeof(rp_endpoint) / sizeof(char *),
        "room for every option of the server");
    for (const rp_option *o = rp_cli_endpoint_options; o->name && status == RP_OK; o++) {
        const char *text = o->kind == RP_OPTION_TEXT
                               ? *(const char *const *)((const char *)&common + o->offset)
                               : NULL;
        if (o->kind == RP_OPTION_FLAG && *(const bool *)((const char *)&common + o->offset))
            text = "1";
        if (text)
            status = add_variable(crew, o->environment, text, reterr);
    }
    crew->environment = calloc(ENVIRONMENT_MAX + 1, sizeof *crew->environment);
    if (!crew->environment)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    for (char **v = environ; *v && count < ENVIRONMENT_MAX - crew->own_count; v++) {
        if (!is_server_variable(*v))
            crew->environment[count++] = *v;
    }
    for (size_t i = 0; i < crew->own_count; i++)
        crew->environment[count++] = crew->own_variables[i];
    return status;
}

static rp_status server_arguments(rp_crew *crew, rp_error *reterr)
{
    const char **a = crew->server_arguments;
    rp_status status = rp_broker_configure(crew->spec.data, crew->config, reterr);
    if (status != RP_OK)
        return status;
    snprintf(crew->store, sizeof crew->store, "%s/jetstream", crew->spec.data);
    snprintf(crew->port, sizeof crew->port, "%u", crew->spec.port);
    *a++ = "-c";
    *a++ = crew->config;
    *a++ = "-sd";
    *a++ = crew->store;
    *a++ = "-a";
    *a++ = "127.0.0.1";
    *a++ = "-p";
    *a++ = crew->port;
    return RP_OK;
}

static void actor_arguments(rp_crew *crew)
{
    const char **a = crew->actor_arguments;
    *a++ = "--instance";
    *a++ = rp_child_instance;
    *a++ = "--admin-port";
    *a++ = "0";
    for (size_t i = 0; i < crew->spec.models->count; i++) {
        const rp_model_arg *model = &crew->spec.models->models[i];
        snprintf(crew->model_arguments[i], sizeof crew->model_arguments[i], "%s=%s", model->name,
            model->file);
        *a++ = "--model";
        *a++ = crew->model_arguments[i];
    }
}

/* -- members ----------------------------------------------------------------------------------- */

static void add_member(rp_crew *crew, rp_member *member, const char *name, const char *kind,
    const char *program, const char *const *arguments)
{
    bool is_server = member == &crew->server, is_ask = member == &crew->ask;
    snprintf(member->log, sizeof member->log, "%s/logs/%s.log", crew->spec.data, name);
    member->kind = kind;
    rp_child_spec spec = {.loop = crew->spec.loop,
        .clock = crew->spec.clock,
        .name = name,
        .self = crew->self,
        .program = program,
        .arguments = arguments,
        .environment = crew->environment,
        .log = is_ask ? NULL : member->log,
        /* The server closes its files; actors lose nothing by being killed. */
        .death_signal = is_server ? SIGTERM : SIGKILL,
        .grace_ns = is_server ? SERVER_GRACE_NS : ACTOR_GRACE_NS,
        .restarts = !is_ask,
        .on_event = crew->spec.on_event,
        .arg = crew->spec.arg};
    rp_child_init(&member->child, &spec);
    member->started = true;
}

static rp_status start(rp_member *member, rp_error *reterr)
{
    return rp_child_start(&member->child, reterr);
}

rp_status rp_crew_new(const rp_crew_spec *spec, rp_crew **ret_crew, rp_error *reterr)
{
    rp_crew *crew = calloc(1, sizeof *crew);
    if (!crew)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    crew->spec = *spec;
    rp_status status = find_all(crew, reterr);
    if (status == RP_OK)
        status = make_environment(crew, reterr);
    if (status == RP_OK && spec->nats_server)
        status = server_arguments(crew, reterr);
    if (status != RP_OK) {
        rp_crew_free(crew);
        return status;
    }
    actor_arguments(crew);
    *ret_crew = crew;
    return RP_OK;
}

rp_status rp_crew_start_server(rp_crew *crew, rp_error *reterr)
{
    add_member(
        crew, &crew->server, "nats-server", NULL, crew->spec.nats_server, crew->server_arguments);
    return start(&crew->server, reterr);
}

static rp_status start_kind(
    rp_crew *crew, const char *kind, const char *program, uint64_t count, rp_error *reterr)
{
    rp_status status = RP_OK;
    for (uint64_t i = 1; i <= count && status == RP_OK; i++) {
        char name[RP_CHILD_NAME_BYTES];
        RP_ASSERT(crew->actors_count < RP_CREW_ACTORS_MAX);
        rp_member *member = &crew->actors[crew->actors_count++];
        snprintf(name, sizeof name, "%s-%" PRIu64, kind, i);
        add_member(crew, member, name, kind, program, crew->actor_arguments);
        status = start(member, reterr);
    }
    return status;
}

rp_status rp_crew_start_actors(rp_crew *crew, rp_error *reterr)
{
    /* Executors first: their weights take longest, and a tokenizer may then find them. */
    rp_status status = start_kind(crew, "executor", crew->executor, crew->spec.executors, reterr);
    if (status == RP_OK)
        status = start_kind(crew, "tokenizer", crew->tokenizer, crew->spec.tokenizers, reterr);
    return status;
}

const char *rp_crew_self(const rp_crew *crew)
{
    return crew->self;
}

rp_status rp_crew_start_ask(rp_crew *crew, const char *text, char *const *options,
    size_t options_count, bool json, rp_error *reterr)
{
    const char **a = crew->ask_arguments;
    if (options_count > RP_CREW_ASK_OPTIONS_MAX)
        return rp_error_limit(reterr, "ask", "64 words", "too many options for reprise ask");
    *a++ = "ask";
    *a++ = "--model";
    *a++ = crew->spec.models->models[0].name;
    if (json)
        *a++ = "--json";
    for (size_t i = 0; i < options_count; i++)
        *a++ = options[i];
    *a++ = "--";
    *a++ = text;
    add_member(crew, &crew->ask, "ask", NULL, crew->self, crew->ask_arguments);
    return start(&crew->ask, reterr);
}

rp_child *rp_crew_ask(rp_crew *crew)
{
    return &crew->ask.child;
}

/* -- who is ready ------------------------------------------------------------------------------ */

static bool says_ready(const rp_member *member, const rp_roster *roster)
{
    const rp_child *child = &member->child;
    const rp_roster_record *r =
        child->running ? rp_roster_find(roster, member->kind, child->instance) : NULL;
    return r && r->alive && r->actor->ready;
}

bool rp_crew_look(rp_crew *crew, const rp_roster *roster,
    void (*on_ready)(void *arg, const rp_member *member), void *arg)
{
    bool all = crew->actors_count > 0;
    for (size_t i = 0; i < crew->actors_count; i++) {
        rp_member *member = &crew->actors[i];
        bool before = member->ready;
        member->ready = says_ready(member, roster);
        all = all && member->ready;
        if (before || !member->ready)
            continue;
        member->ready_ns = rp_clock_monotonic_ns(crew->spec.clock) - member->child.started_ns;
        on_ready(arg, member);
    }
    return all;
}

void rp_crew_missing(const rp_crew *crew, rp_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < crew->actors_count; i++) {
        if (!crew->actors[i].ready)
            rp_buffer_printf(out, "%s%s", count++ ? ", " : "", crew->actors[i].child.name);
    }
}

/* -- the end ----------------------------------------------------------------------------------- */

static bool has_stopped(const rp_member *member)
{
    return !member->started || member->child.stopped;
}

bool rp_crew_stop(rp_crew *crew)
{
    bool actors_stopped = true;
    if (crew->ask.started)
        rp_child_stop(&crew->ask.child);
    for (size_t i = 0; i < crew->actors_count; i++)
        rp_child_stop(&crew->actors[i].child);
    for (size_t i = 0; i < crew->actors_count; i++)
        actors_stopped = actors_stopped && has_stopped(&crew->actors[i]);
    if (!actors_stopped || !has_stopped(&crew->ask))
        return false;
    if (crew->server.started)
        rp_child_stop(&crew->server.child);
    return has_stopped(&crew->server);
}

static void kill_member(rp_member *member)
{
    if (!member->started)
        return;
    rp_child_stop(&member->child); /* or it would be started again */
    rp_child_kill(&member->child);
}

void rp_crew_kill(rp_crew *crew)
{
    for (size_t i = 0; i < crew->actors_count; i++)
        kill_member(&crew->actors[i]);
    kill_member(&crew->ask);
    kill_member(&crew->server);
}

void rp_crew_close(rp_crew *crew)
{
    if (!crew)
        return;
    for (size_t i = 0; i < crew->actors_count; i++)
        rp_child_done(&crew->actors[i].child);
    if (crew->ask.started)
        rp_child_done(&crew->ask.child);
    if (crew->server.started)
        rp_child_done(&crew->server.child);
}

void rp_crew_free(rp_crew *crew)
{
    if (!crew)
        return;
    for (size_t i = 0; i < crew->own_count; i++)
        free(crew->own_variables[i]);
    free(crew->environment);
    free(crew);
}
