#include "actors/cli/up/process/crew_internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define ACTOR_GRACE_NS  (UINT64_C(20) * RP_NS_PER_S) /* a drain has its own, shorter limit */
#define SERVER_GRACE_NS (UINT64_C(10) * RP_NS_PER_S)

const char rp__crew_tokenizer[] = "tokenizer", rp__crew_executor[] = "executor",
           rp__crew_janitor[] = "janitor";

/* -- members ----------------------------------------------------------------------------------- */

static void on_event(void *arg, rp_child *child, rp_child_event event, const char *text)
{
    rp_member *member = arg;
    rp_crew *crew = member->crew;
    (void)child;
    member->ready = false;
    crew->spec.on_event(crew->spec.arg, member, event, text);
    if (event == RP_CHILD_STOPPED && member->draining && !crew->stopping)
        rp__crew_remove(member);
}

static void init_member(rp_crew *crew, rp_member *member, const char *name, const char *kind,
    const char *program, const char *const *arguments)
{
    bool is_server = member == &crew->server, is_ask = member == &crew->ask;
    snprintf(member->log, sizeof member->log, "%s/logs/%s.log", crew->spec.programs.data, name);
    member->crew = crew;
    member->kind = kind;
    rp_child_spec spec = {.loop = crew->spec.loop,
        .clock = crew->spec.clock,
        .name = name,
        .self = crew->programs.self,
        .program = program,
        .arguments = arguments,
        .environment = crew->programs.environment,
        .log = is_ask ? NULL : member->log,
        /* The server closes its files; actors lose nothing by being killed. */
        .death_signal = is_server ? SIGTERM : SIGKILL,
        .grace_ns = is_server ? SERVER_GRACE_NS : ACTOR_GRACE_NS,
        .restarts = !is_ask,
        .on_event = on_event,
        .arg = member};
    rp_child_init(&member->child, &spec);
    member->started = true;
}

/* The least that is free. */
static unsigned free_number(const rp_crew *crew, const char *kind)
{
    char name[RP_CHILD_NAME_BYTES];
    for (unsigned number = 1;; number++) {
        size_t i = 0;
        snprintf(name, sizeof name, "%s-%u", kind, number);
        while (i < crew->actors_count && strcmp(crew->actors[i]->child.name, name) != 0)
            i++;
        if (i == crew->actors_count)
            return number;
    }
}

rp_status rp__crew_add(rp_crew *crew, const char *kind, const rp_model_arg *model,
    const rp_member **ret_member, rp_error *reterr)
{
    char name[RP_CHILD_NAME_BYTES];
    const rp_programs *p = &crew->programs;
    if (crew->actors_count == RP_CREW_ACTORS_MAX)
        return rp_error_limit(reterr, "count", "256 processes",
            "one reprise up looks after 256 processes at most, those that are drained included");
    rp_member *member = calloc(1, sizeof *member);
    if (!member)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    snprintf(name, sizeof name, "%s-%u", kind, free_number(crew, kind));
    member->model = model;
    if (model)
        init_member(crew, member, name, kind, p->executor,
            p->executor_arguments[model - crew->spec.programs.models->models]);
    else if (kind == rp__crew_janitor)
        init_member(crew, member, name, kind, p->janitor, p->janitor_arguments);
    else
        init_member(crew, member, name, kind, p->tokenizer, p->tokenizer_arguments);
    crew->actors[crew->actors_count++] = member;
    *ret_member = member;
    return rp_child_start(&member->child, reterr);
}

static void on_closed(rp_child *child)
{
    free(child->spec.arg);
}

void rp__crew_remove(rp_member *member)
{
    rp_crew *crew = member->crew;
    size_t i = 0;
    while (crew->actors[i] != member)
        i++;
    for (crew->actors_count--; i < crew->actors_count; i++)
        crew->actors[i] = crew->actors[i + 1];
    rp_child_close(&member->child, on_closed);
}

/* -- starting ---------------------------------------------------------------------------------- */

rp_status rp_crew_new(const rp_crew_spec *spec, rp_crew **ret_crew, rp_error *reterr)
{
    if (spec->tokenizers + spec->executors * spec->programs.models->count + RP_CREW_JANITORS_MAX >
        RP_CREW_ACTORS_MAX)
        return rp_error_limit(reterr, "executors", "256 processes",
            "%" PRIu64 " executors for each of %zu models are too many: one reprise up looks after "
            "256 processes at most",
            spec->executors, spec->programs.models->count);
    rp_crew *crew = calloc(1, sizeof *crew);
    if (!crew)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    crew->spec = *spec;
    rp_status status = rp_programs_init(&crew->programs, &spec->programs, reterr);
    if (status != RP_OK) {
        rp_crew_free(crew);
        return status;
    }
    *ret_crew = crew;
    return RP_OK;
}

rp_status rp_crew_start_server(rp_crew *crew, rp_error *reterr)
{
    init_member(crew, &crew->server, "nats-server", NULL, crew->spec.programs.nats_server,
        crew->programs.server_arguments);
    return rp_child_start(&crew->server.child, reterr);
}

rp_status rp_crew_start_actors(rp_crew *crew, rp_error *reterr)
{
    const rp_member *member = NULL;
    const rp_model_args *models = crew->spec.programs.models;
    rp_status status = RP_OK;
    /* Executors first: their weights take longest, and a tokenizer may then find them. */
    for (size_t m = 0; m < models->count; m++) {
        for (uint64_t i = 0; i < crew->spec.executors && status == RP_OK; i++)
            status = rp__crew_add(crew, rp__crew_executor, &models->models[m], &member, reterr);
    }
    for (uint64_t i = 0; i < crew->spec.tokenizers && status == RP_OK; i++)
        status = rp__crew_add(crew, rp__crew_tokenizer, NULL, &member, reterr);
    if (status == RP_OK)
        status = rp__crew_add(crew, rp__crew_janitor, NULL, &member, reterr);
    return status;
}

const char *rp_crew_self(const rp_crew *crew)
{
    return crew->programs.self;
}

rp_status rp_crew_start_ask(rp_crew *crew, const char *text, char *const *options,
    size_t options_count, bool json, rp_error *reterr)
{
    rp_status status = rp_programs_ask(&crew->programs, text, options, options_count, json, reterr);
    if (status != RP_OK)
        return status;
    init_member(crew, &crew->ask, "ask", NULL, crew->programs.self, crew->programs.ask_arguments);
    return rp_child_start(&crew->ask.child, reterr);
}

rp_member *rp_crew_ask(rp_crew *crew)
{
    return &crew->ask;
}

/* -- how they are ------------------------------------------------------------------------------ */

static bool says_ready(const rp_member *member, const rp_roster *roster)
{
    const rp_child *child = &member->child;
    const rp_roster_record *r = child->running && !child->stopping
                                    ? rp_roster_find(roster, member->kind, child->instance)
                                    : NULL;
    return r && r->alive && r->actor->ready;
}

bool rp_crew_look(rp_crew *crew, const rp_roster *roster,
    void (*on_ready)(void *arg, const rp_member *member), void *arg)
{
    bool all = crew->actors_count > 0;
    for (size_t i = 0; i < crew->actors_count; i++) {
        rp_member *member = crew->actors[i];
        bool before = member->ready;
        member->ready = says_ready(member, roster);
        all = all && member->ready;
        if (before || !member->ready)
            continue;
        member->readied++;
        member->ready_ns = rp_clock_monotonic_ns(crew->spec.clock) - member->child.started_ns;
        on_ready(arg, member);
    }
    return all;
}

static rp_process_state state_of(const rp_member *member)
{
    const rp_child *child = &member->child;
    return child->stopping   ? RP_PROCESS_DRAINING
           : child->given_up ? RP_PROCESS_GIVEN_UP
           : !child->running ? RP_PROCESS_RESTARTING
           : member->ready   ? RP_PROCESS_READY
                             : RP_PROCESS_STARTING;
}

bool rp_crew_moves(const rp_crew *crew)
{
    bool moves = false;
    for (size_t i = 0; i < crew->actors_count; i++) {
        rp_process_state state = state_of(crew->actors[i]);
        moves = moves || (state != RP_PROCESS_READY && state != RP_PROCESS_GIVEN_UP);
    }
    return moves;
}

bool rp_crew_rests_on(const rp_crew *crew, const rp_member *member)
{
    if (!member->kind)
        return true;
    if (member->kind == rp__crew_janitor)
        return false;
    for (size_t i = 0; i < crew->actors_count; i++) {
        const rp_member *other = crew->actors[i];
        rp_process_state state = state_of(other);
        if (other != member && other->kind == member->kind && state != RP_PROCESS_GIVEN_UP &&
            state != RP_PROCESS_DRAINING)
            return false;
    }
    return true;
}

void rp_crew_write(const rp_crew *crew, rp_buffer *out)
{
    uint64_t now_ns = rp_clock_monotonic_ns(crew->spec.clock);
    for (size_t i = 0; i < crew->actors_count; i++) {
        const rp_member *member = crew->actors[i];
        const rp_child *child = &member->child;
        uint64_t since_ns = member->draining ? member->draining_ns : child->started_ns;
        rp_process_view view = {.name = child->name,
            .kind = member->kind,
            .model = member->model ? member->model->name : "",
            .instance = child->instance,
            .log = member->log,
            .state = state_of(member),
            .pid = child->pid > 0 ? (uint64_t)child->pid : 0,
            .restarts = child->restarts.count,
            .since_ms = (now_ns - since_ns) / RP_NS_PER_MS};
        rp_process_write(&view, out);
    }
}

void rp_crew_missing(const rp_crew *crew, rp_buffer *out)
{
    size_t count = 0;
    for (size_t i = 0; i < crew->actors_count; i++) {
        if (!crew->actors[i]->ready)
            rp_buffer_printf(out, "%s%s", count++ ? ", " : "", crew->actors[i]->child.name);
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
    crew->stopping = true;
    if (crew->ask.started)
        rp_child_stop(&crew->ask.child);
    for (size_t i = 0; i < crew->actors_count; i++)
        rp_child_stop(&crew->actors[i]->child);
    for (size_t i = 0; i < crew->actors_count; i++)
        actors_stopped = actors_stopped && has_stopped(crew->actors[i]);
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
        kill_member(crew->actors[i]);
    kill_member(&crew->ask);
    kill_member(&crew->server);
}

void rp_crew_close(rp_crew *crew)
{
    if (!crew)
        return;
    while (crew->actors_count > 0)
        rp__crew_remove(crew->actors[crew->actors_count - 1]);
    if (crew->ask.started)
        rp_child_close(&crew->ask.child, NULL);
    if (crew->server.started)
        rp_child_close(&crew->server.child, NULL);
}

void rp_crew_free(rp_crew *crew)
{
    if (!crew)
        return;
    rp_programs_done(&crew->programs);
    free(crew);
}
