/* reprise model list: which models are alive, and who serves them. */
#include "actors/cli/cli.h"
#include "actors/cli/shared/roster.h"
#include "actors/cli/shared/text/json_member.h"
#include "actors/cli/shared/text/table.h"

#include <inttypes.h>
#include <stdlib.h>

enum { OUTPUT_MAX = 4 << 20, ROWS_MAX = 1024 };

typedef struct settings {
    rp_cli_common common;
} settings;

/* A model version and all that serve it. */
typedef struct row {
    const Rp__ModelPresence *model; /* of the first executor that has it */
    size_t executors, ready;
    uint64_t slots_total, slots_free;
} row;

static row *row_of(row *rows, size_t *count, const Rp__ModelPresence *model)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(rows[i].model->name, model->name) == 0 &&
            strcmp(rows[i].model->version, model->version) == 0)
            return &rows[i];
    }
    if (*count == ROWS_MAX)
        return NULL;
    rows[*count] = (row){.model = model};
    return &rows[(*count)++];
}

static size_t collect(const rp_roster *roster, row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < roster->count; i++) {
        const rp_roster_record *r = &roster->records[i];
        if (!r->alive || strcmp(r->actor->kind, "executor") != 0)
            continue;
        for (size_t m = 0; m < r->actor->n_models; m++) {
            row *of = row_of(rows, &count, r->actor->models[m]);
            if (!of)
                return count;
            of->executors++;
            of->ready += r->actor->ready ? 1 : 0;
            of->slots_total += r->actor->slots_total;
            of->slots_free += r->actor->slots_free;
        }
    }
    return count;
}

static void as_json(const row *rows, size_t count, rp_buffer *out)
{
    rp_buffer_text(out, "{\"models\":[");
    for (size_t i = 0; i < count; i++) {
        const Rp__ModelPresence *m = rows[i].model;
        rp_buffer_text(out, i ? ",{" : "{");
        rp_json_member(out, "name", m->name);
        rp_json_member(out, "version", m->version);
        if (m->weights_digest)
            rp_json_member(out, "weights_digest", m->weights_digest);
        if (m->has_chat_template)
            rp_buffer_printf(out, ",\"chat_template\":%s", m->chat_template ? "true" : "false");
        rp_buffer_printf(out,
            ",\"context_tokens\":%" PRIu32 ",\"lanes\":%zu,\"executors\":%zu,\"ready\":%zu"
            ",\"slots_total\":%" PRIu64 ",\"slots_free\":%" PRIu64 "}",
            m->context_tokens, m->n_lanes, rows[i].executors, rows[i].ready, rows[i].slots_total,
            rows[i].slots_free);
    }
    rp_buffer_text(out, "]}\n");
}

static void as_text(const row *rows, size_t count, rp_buffer *out)
{
    rp_table table;
    if (count == 0) {
        rp_buffer_text(out, "no model is alive; reprise up --model NAME=FILE.gguf starts one\n");
        return;
    }
    rp_table_init(
        &table, out, 7, "MODEL\0VERSION\0CHAT\0>CONTEXT\0>LANES\0>EXECUTORS READY\0>SLOTS FREE\0");
    for (size_t i = 0; i < count; i++) {
        const Rp__ModelPresence *m = rows[i].model;
        rp_table_cell(&table, "%s", m->name);
        rp_table_cell(&table, "%s", m->version);
        rp_table_cell(&table, "%s", !m->has_chat_template ? "?" : m->chat_template ? "yes" : "no");
        rp_table_cell(&table, "%" PRIu32, m->context_tokens);
        rp_table_cell(&table, "%zu", m->n_lanes);
        rp_table_cell(&table, "%zu/%zu", rows[i].ready, rows[i].executors);
        rp_table_cell(&table, "%" PRIu64 "/%" PRIu64, rows[i].slots_free, rows[i].slots_total);
    }
    rp_table_done(&table);
}

static int list(const settings *s, rp_client *client)
{
    rp_error error = {0};
    rp_buffer out;
    rp_roster roster;
    row *rows = calloc(ROWS_MAX, sizeof *rows);
    rp_status status = rp_roster_init(&roster, &error);
    rp_buffer_init(&out, OUTPUT_MAX);
    if (!rows)
        status = rp_error_set(&error, RP_NO_MEMORY, NULL, "out of memory");
    if (status == RP_OK)
        status = rp_roster_read(client, rp_clock_system(), &roster, &error);
    int done = RP_EXIT_OK;
    if (status == RP_OK) {
        (s->common.json ? as_json : as_text)(rows, collect(&roster, rows), &out);
        done = rp_cli_print(&s->common, &out);
    } else {
        done = rp_cli_fail(&s->common, &error);
    }
    rp_buffer_done(&out);
    rp_roster_done(&roster);
    free(rows);
    return done;
}

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    rp_client *client = NULL;
    int done = 0;
    if (rp_cli_parse(command, argc, argv, &s, NULL, &done))
        return done;
    if (rp_cli_open(command, &s.common, &client, &done))
        done = list(&s, client);
    rp_client_free(client);
    return done;
}

const rp_command rp_command_model_list = {
    .name = "model list",
    .summary = "which models are alive, and who serves them",
    .usage = "[OPTIONS]",
    .help =
        "Lists the models and versions that executors serve now, as they say in ACTORS. Requests\n"
        "use the name: infer.<tenant>.<name>. CHAT says whether the model's file brings a chat\n"
        "template; a model without one goes on with a text rather than answering it.\n"
        "\n"
        "  reprise model list\n"
        "  reprise model list --json | jq -r '.models[].name'\n",
    .run = run,
};
