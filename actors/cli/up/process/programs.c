#include "actors/cli/up/process/programs.h"

#include "actors/cli/cli.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 1024, VARIABLE_BYTES = 4096 };

/* -- where they lie ---------------------------------------------------------------------------- */

static rp_status find_actor(
    const char *folder, const char *name, char path[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    int n = snprintf(path, RP_BROKER_PATH_BYTES, "%s/%s", folder, name);
    if (n < 0 || n >= RP_BROKER_PATH_BYTES || access(path, X_OK) != 0)
        return rp_error_set(reterr, RP_NOT_FOUND, name,
            "there is no %s beside this binary (%.160s): build the whole project", name, folder);
    return RP_OK;
}

static rp_status find_all(rp_programs *programs, rp_error *reterr)
{
    char folder[RP_BROKER_PATH_BYTES];
    rp_status status = rp_own_folder(folder, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise", programs->self, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise-tokenizer", programs->tokenizer, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise-executor", programs->executor, reterr);
    if (status == RP_OK)
        status = find_actor(folder, "reprise-janitor", programs->janitor, reterr);
    return status;
}

/* -- environment ------------------------------------------------------------------------------- */

static bool is_server_variable(const char *variable)
{
    for (const rp_option *o = rp_cli_endpoint_options; o->name; o++) {
        size_t len = strlen(o->environment);
        if (strncmp(variable, o->environment, len) == 0 && variable[len] == '=')
            return true;
    }
    return false;
}

static rp_status add_variable(
    rp_programs *programs, const char *name, const char *value, rp_error *reterr)
{
    char text[VARIABLE_BYTES];
    int n = snprintf(text, sizeof text, "%s=%s", name, value);
    if (n < 0 || (size_t)n >= sizeof text)
        return rp_error_limit(reterr, name, "4095 bytes", "%s is too long", name);
    char *copy = strdup(text);
    if (!copy)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    programs->own_variables[programs->own_count++] = copy;
    return RP_OK;
}

static rp_status make_environment(rp_programs *programs, rp_error *reterr)
{
    size_t count = 0;
    rp_status status = RP_OK;
    const rp_cli_common common = {.endpoint = *programs->spec.endpoint};
    static_assert(sizeof programs->own_variables / sizeof programs->own_variables[0] >=
                      sizeof(rp_endpoint) / sizeof(char *),
        "room for every option of the server");
    for (const rp_option *o = rp_cli_endpoint_options; o->name && status == RP_OK; o++) {
        const char *text = o->kind == RP_OPTION_TEXT
                               ? *(const char *const *)((const char *)&common + o->offset)
                               : NULL;
        if (o->kind == RP_OPTION_FLAG && *(const bool *)((const char *)&common + o->offset))
            text = "1";
        if (text)
            status = add_variable(programs, o->environment, text, reterr);
    }
    programs->environment = calloc(ENVIRONMENT_MAX + 1, sizeof *programs->environment);
    if (!programs->environment)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    for (char **v = environ; *v && count < ENVIRONMENT_MAX - programs->own_count; v++) {
        if (!is_server_variable(*v))
            programs->environment[count++] = *v;
    }
    for (size_t i = 0; i < programs->own_count; i++)
        programs->environment[count++] = programs->own_variables[i];
    return status;
}

/* -- arguments --------------------------------------------------------------------------------- */

static rp_status server_arguments(rp_programs *programs, rp_error *reterr)
{
    const char **a = programs->server_arguments;
    rp_status status = rp_broker_configure(programs->spec.data, programs->config, reterr);
    if (status != RP_OK)
        return status;
    snprintf(programs->store, sizeof programs->store, "%s/jetstream", programs->spec.data);
    snprintf(programs->port, sizeof programs->port, "%u", programs->spec.port);
    *a++ = "-c";
    *a++ = programs->config;
    *a++ = "-sd";
    *a++ = programs->store;
    *a++ = "-a";
    *a++ = "127.0.0.1";
    *a++ = "-p";
    *a++ = programs->port;
    return RP_OK;
}

static const char **common_arguments(const char **a)
{
    *a++ = "--instance";
    *a++ = rp_child_instance;
    *a++ = "--admin-port";
    *a++ = "0";
    return a;
}

/* A tokenizer serves all models, an executor one; a janitor knows none. */
static void actor_arguments(rp_programs *programs)
{
    const char **a = common_arguments(programs->tokenizer_arguments);
    common_arguments(programs->janitor_arguments);
    static_assert(
        RP_CHILD_ARGUMENTS_MAX > 4 + 2 * RP_DECLARATION_MODELS_MAX, "room for all models");
    for (size_t i = 0; i < programs->spec.models->count; i++) {
        const rp_model_arg *model = &programs->spec.models->models[i];
        const char **e = common_arguments(programs->executor_arguments[i]);
        snprintf(
            programs->models[i], sizeof programs->models[i], "%s=%s", model->name, model->file);
        *e++ = *a++ = "--model";
        *e++ = *a++ = programs->models[i];
    }
}

rp_status rp_programs_ask(rp_programs *programs, const char *text, char *const *options,
    size_t options_count, bool json, rp_error *reterr)
{
    const char **a = programs->ask_arguments;
    if (options_count > RP_PROGRAMS_ASK_OPTIONS_MAX)
        return rp_error_limit(reterr, "ask", "64 words", "too many options for reprise ask");
    *a++ = "ask";
    *a++ = "--model";
    *a++ = programs->spec.models->models[0].name;
    if (json)
        *a++ = "--json";
    for (size_t i = 0; i < options_count; i++)
        *a++ = options[i];
    *a++ = "--";
    *a++ = text;
    return RP_OK;
}

rp_status rp_programs_init(rp_programs *programs, const rp_programs_spec *spec, rp_error *reterr)
{
    programs->spec = *spec;
    rp_status status = find_all(programs, reterr);
    if (status == RP_OK)
        status = make_environment(programs, reterr);
    if (status == RP_OK && spec->nats_server)
        status = server_arguments(programs, reterr);
    actor_arguments(programs);
    return status;
}

void rp_programs_done(rp_programs *programs)
{
    for (size_t i = 0; i < programs->own_count; i++)
        free(programs->own_variables[i]);
    free(programs->environment);
}
