#include "actors/cli/up/desk.h"

#include "actors/cli/shared/text/json_member.h"
#include "actors/cli/shared/up/up_client.h"
#include "runtime/actor/presence.h"
#include "runtime/actor/process/host_uv.h"
#include "runtime/base/hash.h"
#include "runtime/bus/jetstream/jetstream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUBJECT_BYTES = 128, HOST_BYTES = 64 };

struct rp_desk {
    rp_desk_spec spec;
    int log_file;
    rp_log *log;
    rp_metrics *metrics; /* the bus wants them; nobody reads them */
    rp_host *host;
    rp_bus *bus;
    rp_worker_env env;
    rp_presence *presence;
    rp_subscription *questions;
    char host_name[HOST_BYTES], subject[SUBJECT_BYTES];
    Rp__ModelPresence models[RP_DECLARATION_MODELS_MAX];
    Rp__ModelPresence *model_list[RP_DECLARATION_MODELS_MAX];
    rp_buffer answer;
    bool serving, left;
};

/* -- what is said to an order ------------------------------------------------------------------ */

static void names(rp_buffer *out, const char *field, const rp_member *const *members, size_t count)
{
    rp_buffer_printf(out, ",\"%s\":[", field);
    for (size_t i = 0; i < count; i++) {
        rp_buffer_text(out, i ? "," : "");
        rp_json_string(out, rp_bytes_text(members[i]->child.name));
    }
    rp_buffer_text(out, "]");
}

/* What an operator has to know who asked for none. */
static void follows(const rp_scaling *scaling, const rp_scaled *scaled, rp_buffer *out)
{
    char text[RP_NAME_MAX + 300];
    if (scaling->count > 0)
        return;
    if (scaled->model)
        snprintf(text, sizeof text,
            "this reprise up runs no executor of %s any more: unless another does, up to 256 "
            "requests wait in EXEC, those beyond are answered `overloaded`, and what waits goes on "
            "when there is an executor again",
            scaled->model->name);
    else if (strcmp(scaling->kind, "janitor") == 0)
        snprintf(text, sizeof text,
            "this reprise up runs no janitor any more: unless another does, REQUEST and EXEC fill "
            "up and then refuse the new");
    else
        snprintf(text, sizeof text,
            "this reprise up runs no tokenizer any more: unless another does, requests wait in "
            "REQUEST, unanswered, until there is one again");
    rp_json_member(out, "follows", text);
}

static void write_scaled(
    const rp_desk *desk, const rp_scaling *scaling, const rp_scaled *scaled, rp_buffer *out)
{
    rp_buffer_text(out, "{");
    rp_json_member(out, "up", desk->spec.instance);
    rp_json_member(out, "kind", scaling->kind);
    if (scaled->model)
        rp_json_member(out, "model", scaled->model->name);
    rp_buffer_printf(out, ",\"from\":%zu,\"count\":%" PRIu64, scaled->from, scaling->count);
    names(out, "starts", scaled->starts, scaled->starts_count);
    names(out, "drains", scaled->drains, scaled->drains_count);
    follows(scaling, scaled, out);
    rp_buffer_text(out, "}");
}

static rp_status scale(rp_desk *desk, rp_bytes body, rp_buffer *out, rp_error *reterr)
{
    rp_scaling scaling;
    rp_scaled scaled = {0};
    if (!desk->serving)
        return rp_error_set(
            reterr, RP_BUSY, "up", "%s is still starting its first", desk->spec.instance);
    rp_status status = rp_scaling_read(body, &scaling, reterr);
    if (status == RP_OK)
        status = rp_crew_scale(desk->spec.crew, &scaling, &scaled, reterr);
    if (scaled.starts_count || scaled.drains_count)
        desk->spec.on_scaled(desk->spec.arg, &scaling, &scaled);
    if (status == RP_OK)
        write_scaled(desk, &scaling, &scaled, out);
    return status;
}

static rp_status processes(rp_desk *desk, rp_buffer *out)
{
    rp_buffer_text(out, "{");
    rp_json_member(out, "up", desk->spec.instance);
    rp_buffer_text(out, ",\"processes\":[");
    rp_crew_write(desk->spec.crew, out);
    rp_buffer_text(out, "]}");
    return RP_OK;
}

/* -- questions --------------------------------------------------------------------------------- */

static void on_question(void *arg, const rp_message *message)
{
    rp_desk *desk = arg;
    rp_error error = {0};
    rp_bytes operation = rp_name_token(message->subject, 3);
    rp_status status = RP_OK;
    if (desk->left || message->reply.len == 0)
        return;
    rp_buffer_clear(&desk->answer);
    if (rp_bytes_is(operation, RP_UP_SCALE))
        status = scale(desk, message->body, &desk->answer, &error);
    else if (rp_bytes_is(operation, RP_UP_PROCESSES))
        status = processes(desk, &desk->answer);
    else
        status = rp_error_set(&error, RP_UNSUPPORTED, "subject",
            "a reprise up is asked for " RP_UP_SCALE " and " RP_UP_PROCESSES ", not %.*s",
            (int)(operation.len < 60 ? operation.len : 60), (const char *)operation.data);
    if (status == RP_OK && desk->answer.truncated)
        status = rp_error_limit(&error, "answer", "524288 bytes", "the answer is too long");
    if (status != RP_OK) {
        rp_buffer_clear(&desk->answer);
        rp_json_error(
            &desk->answer, rp_status_name(status), error.message, error.field, error.limit);
    }
    rp_bus_send(desk->bus, message->reply, rp_buffer_bytes(&desk->answer));
}

/* -- the record in ACTORS ---------------------------------------------------------------------- */

static void describe(void *arg, Rp__Actor *record)
{
    rp_desk *desk = arg;
    record->ready = desk->serving && !desk->left;
    record->models = desk->model_list;
    record->n_models = desk->spec.models->count;
}

static void list_models(rp_desk *desk)
{
    for (size_t i = 0; i < desk->spec.models->count; i++) {
        const rp_model_arg *model = &desk->spec.models->models[i];
        rp__model_presence__init(&desk->models[i]);
        desk->models[i].name = (char *)(uintptr_t)model->name;
        desk->models[i].version = (char *)(uintptr_t)model->version;
        desk->model_list[i] = &desk->models[i];
    }
}

/* -- opening and closing ----------------------------------------------------------------------- */

static rp_status open_log(rp_desk *desk, rp_error *reterr)
{
    char path[RP_BROKER_PATH_BYTES];
    snprintf(path, sizeof path, "%s/logs/up.log", desk->spec.data);
    desk->log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (desk->log_file < 0)
        return rp_error_set(reterr, RP_IO, "data", "cannot open %.200s: %s", path, strerror(errno));
    rp_log_options options = {.clock = desk->spec.clock,
        .fd = desk->log_file,
        .level = RP_LOG_INFO,
        .format = RP_LOG_FORMAT_JSON};
    return rp_log_new(&options, &desk->log, reterr);
}

static rp_status open_bus(rp_desk *desk, rp_error *reterr)
{
    rp_host_uv_spec host = {
        .loop = desk->spec.loop, .clock = desk->spec.clock, .threads = 1, .jobs_max = 1};
    rp_jetstream_spec bus = {.loop = desk->spec.loop,
        .endpoint = desk->spec.endpoint,
        .clock = desk->spec.clock,
        .name = desk->spec.instance,
        .seed = rp_hash_fnv1a32(rp_bytes_text(desk->spec.instance)),
        .limits = RP_JETSTREAM_LIMITS};
    rp_status status = rp_metrics_new(NULL, 0, &desk->metrics, reterr);
    if (status == RP_OK && rp_host_uv_new(&host, &desk->host) != RP_OK)
        status = rp_error_set(reterr, RP_IO, NULL, "the system gives no thread");
    bus.log = desk->log;
    bus.metrics = desk->metrics;
    return status == RP_OK ? rp_jetstream_new(&bus, &desk->bus, reterr) : status;
}

static rp_status be_present(rp_desk *desk, rp_error *reterr)
{
    desk->env = (rp_worker_env){.bus = desk->bus,
        .host = desk->host,
        .log = desk->log,
        .metrics = desk->metrics,
        .instance = desk->spec.instance,
        .build = RP_BUILD};
    rp_presence_spec presence = {.env = &desk->env,
        .kind = RP_UP_KIND,
        .name = desk->spec.instance,
        .pid = (uint32_t)getpid(),
        .host = desk->host_name,
        .describe = describe,
        .arg = desk};
    if (gethostname(desk->host_name, sizeof desk->host_name - 1) != 0)
        snprintf(desk->host_name, sizeof desk->host_name, "host");
    snprintf(desk->subject, sizeof desk->subject, "ask." RP_UP_KIND ".%s.*", desk->spec.instance);
    list_models(desk);
    rp_status status =
        rp_bus_subscribe(desk->bus, desk->subject, NULL, on_question, desk, &desk->questions);
    if (status == RP_OK)
        status = rp_presence_new(&presence, &desk->presence);
    if (status != RP_OK)
        return rp_error_set(
            reterr, status, "up", "no record in ACTORS: %s", rp_status_text(status));
    rp_presence_publish(desk->presence);
    return RP_OK;
}

rp_status rp_desk_open(const rp_desk_spec *spec, rp_desk **ret_desk, rp_error *reterr)
{
    rp_desk *desk = calloc(1, sizeof *desk);
    if (!desk)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    desk->spec = *spec;
    rp_buffer_init(&desk->answer, RP_PROCESSES_BYTES_MAX);
    rp_status status = open_log(desk, reterr);
    if (status == RP_OK)
        status = open_bus(desk, reterr);
    if (status == RP_OK)
        status = be_present(desk, reterr);
    *ret_desk = desk; /* half open where it failed: its handles are on the loop */
    return status;
}

void rp_desk_serve(rp_desk *desk)
{
    desk->serving = true;
    rp_presence_publish(desk->presence);
}

void rp_desk_leave(rp_desk *desk)
{
    if (!desk || desk->left)
        return;
    desk->left = true;
    if (desk->presence)
        rp_presence_leave(desk->presence);
}

void rp_desk_close(rp_desk *desk)
{
    if (!desk)
        return;
    rp_host_stop(desk->host);
    rp_presence_free(desk->presence);
    if (desk->questions)
        rp_bus_unsubscribe(desk->bus, desk->questions);
    rp_host_free(desk->host);
    rp_bus_free(desk->bus);
}

void rp_desk_free(rp_desk *desk)
{
    if (!desk)
        return;
    rp_metrics_free(desk->metrics);
    rp_log_free(desk->log);
    if (desk->log_file >= 0)
        close(desk->log_file);
    rp_buffer_done(&desk->answer);
    free(desk);
}
