/* The survey as tables and as JSON. */
#include "actors/cli/status/survey.h"

#include "actors/cli/shared/text/json_member.h"
#include "actors/cli/shared/text/table.h"
#include "actors/cli/shared/text/units.h"

#include <inttypes.h>
#include <stdio.h>

/* -- for people -------------------------------------------------------------------------------- */

static void models_text(const Rp__Actor *actor, char *out, size_t out_bytes)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < actor->n_models && n < out_bytes; i++) {
        int wrote = snprintf(out + n, out_bytes - n, "%s%s@%s", i ? ", " : "",
            actor->models[i]->name, actor->models[i]->version);
        n += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* A `reprise up` takes no messages. */
static void slots_cells(const Rp__Actor *actor, rp_table *table)
{
    if (actor->slots_total) {
        rp_table_cell(table, "%" PRIu32 "/%" PRIu32, actor->slots_free, actor->slots_total);
        rp_table_cell(table, "%" PRIu64, actor->pending);
    } else {
        rp_table_cell(table, "%s", "");
        rp_table_cell(table, "%s", "");
    }
}

static void actors_text(const rp_survey *survey, rp_buffer *out)
{
    rp_table table;
    rp_table_init(
        &table, out, 8, "ACTOR\0INSTANCE\0READY\0>SLOTS FREE\0>PENDING\0>UP\0>SEEN\0MODELS\0");
    for (size_t i = 0; i < survey->roster.count; i++) {
        const rp_roster_record *r = &survey->roster.records[i];
        const Rp__Actor *actor = r->actor;
        char models[200], age[RP_UNITS_TEXT_BYTES], up[RP_UNITS_TEXT_BYTES] = "";
        uint64_t started_ns = actor->started_unix_ms * RP_NS_PER_MS;
        models_text(actor, models, sizeof models);
        rp_units_duration(r->age_ns, age);
        if (actor->has_started_unix_ms && started_ns < survey->roster.now_unix_ns)
            rp_units_duration(survey->roster.now_unix_ns - started_ns, up);
        rp_table_cell(&table, "%s", actor->kind);
        rp_table_cell(&table, "%s", actor->instance);
        rp_table_cell(&table, "%s", !r->alive ? "gone" : actor->ready ? "yes" : "no");
        slots_cells(actor, &table);
        rp_table_cell(&table, "%s", up);
        rp_table_cell(&table, "%s ago", age);
        rp_table_cell(&table, "%s", models);
    }
    rp_table_done(&table);
}

/* Those that are not simply there: the others stand among the actors. */
static void processes_text(const rp_survey *survey, rp_buffer *out)
{
    rp_table table;
    size_t before = out->len;
    rp_table_init(&table, out, 6, "PROCESS\0OF\0STATE\0>FOR\0>RESTARTS\0MODEL\0");
    for (size_t i = 0; i < survey->ups_count; i++) {
        const rp_survey_up *up = &survey->ups[i];
        for (size_t p = 0; p < up->processes_count; p++) {
            const rp_process_view *process = &up->processes[p];
            char since[RP_UNITS_TEXT_BYTES];
            if (process->state == RP_PROCESS_READY)
                continue;
            rp_units_duration(process->since_ms * RP_NS_PER_MS, since);
            rp_table_cell(&table, "%s", process->name);
            rp_table_cell(&table, "%s", up->instance);
            rp_table_cell(&table, "%s", rp_process_state_text(process->state));
            rp_table_cell(&table, "%s", since);
            rp_table_cell(&table, "%" PRIu64, process->restarts);
            rp_table_cell(&table, "%s", process->model);
        }
    }
    rp_table_done(&table);
    for (size_t i = 0; i < survey->ups_count; i++) {
        if (!survey->ups[i].answered)
            rp_buffer_printf(out, "%s does not answer\n", survey->ups[i].instance);
    }
    rp_buffer_text(out, out->len > before ? "\n" : "");
}

static void streams_text(const rp_survey *survey, rp_buffer *out)
{
    rp_table table;
    rp_table_init(&table, out, 5, "STREAM\0>MESSAGES\0>BYTES\0>LIMIT\0>FULL\0");
    for (size_t i = 0; i < survey->streams_count; i++) {
        const rp_survey_stream *s = &survey->streams[i];
        char bytes[RP_UNITS_TEXT_BYTES], limit[RP_UNITS_TEXT_BYTES] = "none";
        if (!s->declared)
            continue;
        rp_units_bytes(s->bytes, bytes);
        if (s->bytes_max)
            rp_units_bytes(s->bytes_max, limit);
        rp_table_cell(&table, "%s", s->name);
        rp_table_cell(&table, "%" PRIu64, s->messages);
        rp_table_cell(&table, "%s", bytes);
        rp_table_cell(&table, "%s", limit);
        rp_table_cell(
            &table, "%.1f%%", s->bytes_max ? 100.0 * (double)s->bytes / (double)s->bytes_max : 0.0);
    }
    rp_table_done(&table);
}

static void durables_text(const rp_survey *survey, rp_buffer *out)
{
    rp_table table;
    rp_table_init(
        &table, out, 6, "STREAM\0DURABLE\0>PENDING\0>IN WORK\0>REDELIVERED\0>PULLS WAITING\0");
    for (size_t i = 0; i < survey->durables_count; i++) {
        const rp_survey_durable *d = &survey->durables[i];
        rp_table_cell(&table, "%s", d->stream);
        rp_table_cell(&table, "%s", d->name);
        rp_table_cell(&table, "%" PRIu64, d->pending);
        rp_table_cell(&table, "%" PRIu64, d->unacknowledged);
        rp_table_cell(&table, "%" PRIu64, d->redelivered);
        rp_table_cell(&table, "%" PRIu64, d->waiting);
    }
    rp_table_done(&table);
}

static void verdict_text(const rp_survey *survey, rp_buffer *out)
{
    size_t tokenizers = rp_roster_ready(&survey->roster, "tokenizer", NULL, NULL);
    size_t executors = rp_roster_ready(&survey->roster, "executor", NULL, NULL);
    if (survey->missing)
        rp_buffer_printf(out,
            "not ready: %zu of the declared streams %s missing; run reprise provision\n",
            survey->missing, survey->missing == 1 ? "is" : "are");
    else if (!tokenizers || !executors)
        rp_buffer_printf(out, "not ready: no %s%s%s is alive and ready; reprise up starts %s\n",
            tokenizers ? "" : "tokenizer", !tokenizers && !executors ? " and no " : "",
            executors ? "" : "executor", !tokenizers && !executors ? "both" : "one");
    else
        rp_buffer_printf(out, "ready: %zu tokenizer%s, %zu executor%s\n", tokenizers,
            tokenizers == 1 ? "" : "s", executors, executors == 1 ? "" : "s");
    if (survey->roster.unreadable)
        rp_buffer_printf(out, "%zu record%s in ACTORS cannot be read\n", survey->roster.unreadable,
            survey->roster.unreadable == 1 ? "" : "s");
}

void rp_survey_text(const rp_survey *survey, rp_buffer *out)
{
    rp_buffer_printf(out, "server %s\n\n", survey->server);
    actors_text(survey, out);
    rp_buffer_text(out, survey->roster.count ? "\n" : "");
    processes_text(survey, out);
    streams_text(survey, out);
    rp_buffer_text(out, survey->streams_count ? "\n" : "");
    durables_text(survey, out);
    rp_buffer_text(out, survey->durables_count ? "\n" : "");
    verdict_text(survey, out);
}

/* -- for programs ------------------------------------------------------------------------------ */

static void models_json(const Rp__Actor *actor, rp_buffer *out)
{
    rp_buffer_text(out, ",\"models\":[");
    for (size_t i = 0; i < actor->n_models; i++) {
        const Rp__ModelPresence *m = actor->models[i];
        rp_buffer_text(out, i ? ",{" : "{");
        rp_json_member(out, "name", m->name);
        rp_json_member(out, "version", m->version);
        rp_buffer_text(out, ",\"lanes\":[");
        for (size_t l = 0; l < m->n_lanes; l++) {
            rp_buffer_text(out, l ? ",{" : "{");
            rp_json_member(out, "lane", m->lanes[l]->lane);
            rp_buffer_printf(
                out, ",\"delivered_sequence\":%" PRIu64 "}", m->lanes[l]->delivered_sequence);
        }
        rp_buffer_text(out, "]}");
    }
    rp_buffer_text(out, "]");
}

static void actors_json(const rp_survey *survey, rp_buffer *out)
{
    rp_buffer_text(out, ",\"actors\":[");
    for (size_t i = 0; i < survey->roster.count; i++) {
        const rp_roster_record *r = &survey->roster.records[i];
        const Rp__Actor *actor = r->actor;
        rp_buffer_text(out, i ? ",{" : "{");
        rp_json_member(out, "kind", actor->kind);
        rp_json_member(out, "instance", actor->instance);
        rp_json_member(out, "build", actor->build);
        rp_buffer_printf(out,
            ",\"alive\":%s,\"ready\":%s,\"age_ms\":%" PRIu64 ",\"started_unix_ms\":%" PRIu64
            ",\"pid\":%" PRIu32 ",\"slots_total\":%" PRIu32 ",\"slots_free\":%" PRIu32
            ",\"pending\":%" PRIu64,
            r->alive ? "true" : "false", actor->ready ? "true" : "false", r->age_ns / RP_NS_PER_MS,
            actor->started_unix_ms, actor->pid, actor->slots_total, actor->slots_free,
            actor->pending);
        rp_json_member(out, "host", actor->host ? actor->host : "");
        rp_json_member(out, "admin", actor->admin ? actor->admin : "");
        models_json(actor, out);
        rp_buffer_text(out, "}");
    }
    rp_buffer_text(out, "]");
}

static void ups_json(const rp_survey *survey, rp_buffer *out)
{
    rp_buffer_text(out, ",\"ups\":[");
    for (size_t i = 0; i < survey->ups_count; i++) {
        const rp_survey_up *up = &survey->ups[i];
        rp_buffer_text(out, i ? ",{" : "{");
        rp_json_member(out, "up", up->instance);
        rp_buffer_printf(out, ",\"answered\":%s,\"processes\":[", up->answered ? "true" : "false");
        for (size_t p = 0; p < up->processes_count; p++)
            rp_process_write(&up->processes[p], out);
        rp_buffer_text(out, "]}");
    }
    rp_buffer_text(out, "]");
}

void rp_survey_json(const rp_survey *survey, rp_buffer *out)
{
    size_t tokenizers = rp_roster_ready(&survey->roster, "tokenizer", NULL, NULL);
    size_t executors = rp_roster_ready(&survey->roster, "executor", NULL, NULL);
    bool ready = tokenizers && executors && !survey->missing;
    rp_buffer_text(out, "{");
    rp_json_member(out, "server", survey->server);
    rp_buffer_printf(
        out, ",\"ready\":%s,\"streams_missing\":%zu", ready ? "true" : "false", survey->missing);
    actors_json(survey, out);
    ups_json(survey, out);
    rp_buffer_text(out, ",\"streams\":[");
    for (size_t i = 0; i < survey->streams_count; i++) {
        const rp_survey_stream *s = &survey->streams[i];
        rp_buffer_text(out, i ? ",{" : "{");
        rp_json_member(out, "name", s->name);
        rp_buffer_printf(out,
            ",\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"max_bytes\":%" PRIu64
            ",\"first_sequence\":%" PRIu64 ",\"last_sequence\":%" PRIu64 ",\"declared\":%s}",
            s->messages, s->bytes, s->bytes_max, s->first_sequence, s->last_sequence,
            s->declared ? "true" : "false");
    }
    rp_buffer_text(out, "],\"durables\":[");
    for (size_t i = 0; i < survey->durables_count; i++) {
        const rp_survey_durable *d = &survey->durables[i];
        rp_buffer_text(out, i ? ",{" : "{");
        rp_json_member(out, "stream", d->stream);
        rp_json_member(out, "name", d->name);
        rp_buffer_printf(out,
            ",\"pending\":%" PRIu64 ",\"unacknowledged\":%" PRIu64 ",\"redelivered\":%" PRIu64
            ",\"pulls_waiting\":%" PRIu64 ",\"floor_sequence\":%" PRIu64 "}",
            d->pending, d->unacknowledged, d->redelivered, d->waiting, d->floor_sequence);
    }
    rp_buffer_text(out, "]}\n");
}
