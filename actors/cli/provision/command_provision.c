/* reprise provision: brings the server's streams and durables in line with the declaration. */
#include "actors/cli/cli.h"
#include "runtime/provision/apply.h"
#include "runtime/provision/models.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { ARENA_CHUNK = 256 << 10, ARENA_MAX = 64 << 20, OUTPUT_MAX = 4 << 20 };

typedef struct settings {
    rp_cli_common common;
    rp_option_list model;
    uint64_t lanes, bytes_total, replicas;
    bool yes, dry_run, allow_destroy;
} settings;

static const rp_option options[] = {
    {"model", 0, RP_OPTION_LIST, "NAME=FILE", NULL, NULL,
        "a model to serve, by its file or as NAME@VERSION; several times",
        offsetof(settings, model), 0, 0},
    {"lanes", 0, RP_OPTION_COUNT, "N", NULL, "1", "queues a model, 1 to 16",
        offsetof(settings, lanes), 1, RP_DECLARATION_LANES_MAX},
    {"max-bytes", 0, RP_OPTION_BYTES, "SIZE", NULL, NULL,
        "of all streams together, shared out among them; unset: existing streams keep theirs, new "
        "ones get 3.4GB in all",
        offsetof(settings, bytes_total), RP_DECLARATION_BYTES_MIN, RP_DECLARATION_BYTES_MAX},
    {"replicas", 0, RP_OPTION_COUNT, "N", NULL, NULL,
        "copies of each stream in a cluster; unset: existing streams keep theirs, new ones have 1",
        offsetof(settings, replicas), 1, RP_DECLARATION_REPLICAS_MAX},
    {"yes", 'y', RP_OPTION_FLAG, NULL, NULL, NULL, "do not ask", offsetof(settings, yes), 0, 0},
    {"dry-run", 'n', RP_OPTION_FLAG, NULL, NULL, NULL, "show the diff and do nothing",
        offsetof(settings, dry_run), 0, 0},
    {"allow-destroy", 0, RP_OPTION_FLAG, NULL, NULL, NULL,
        "also do what loses data; the diff says what that is", offsetof(settings, allow_destroy), 0,
        0},
    {0}};

static const char help[] =
    "Creates the streams, buckets and durables that Reprise stands on, and corrects those that\n"
    "differ from the declaration. It shows the difference first and asks, unless --yes is given "
    "or\n"
    "there is no terminal to ask on. It may be run again at any time, and by several at once.\n"
    "Nothing is deleted, and no limit tightened over data, without --allow-destroy.\n"
    "\n"
    "Each model gets a durable of its own in EXEC, shared by its executors. Without a registry a\n"
    "model's version is the first 12 digits of its file's SHA-256.\n"
    "\n"
    "  reprise provision --model gemma3=gemma3.gguf       everything, and one model\n"
    "  reprise provision --dry-run --json                 only what would be done, for a program\n"
    "  reprise provision --max-bytes 200GiB --replicas 3  for a cluster\n"
    "  reprise provision --model gemma3@4b1c22d0a9ef --lanes 4\n";

/* No terminal, no question: scripts run it as they are told. */
static bool agreed(const settings *s, const rp_diff *diff)
{
    char answer[16] = "";
    if (s->yes || s->common.json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return true;
    fprintf(stderr, "Apply %zu change%s? [y/N] ", diff->count - diff->actions[RP_CHANGE_NONE],
        diff->count - diff->actions[RP_CHANGE_NONE] == 1 ? "" : "s");
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

typedef struct progress {
    const settings *settings;
    size_t done, total;
} progress;

static void on_change(void *arg, const rp_change *change)
{
    progress *p = arg;
    rp_buffer title;
    p->done++;
    if (p->settings->common.json)
        return;
    rp_buffer_init(&title, 1024);
    rp_item_title(change->item, &title);
    fprintf(stderr, "  %zu/%zu %s: %s\n", p->done, p->done > p->total ? p->done : p->total,
        rp_change_action_name(change->action), rp_buffer_string(&title));
    rp_buffer_done(&title);
}

static rp_status show(const settings *s, const rp_diff *diff, bool applied, int *ret_done)
{
    rp_buffer out;
    rp_buffer_init(&out, OUTPUT_MAX);
    if (s->common.json) {
        rp_diff_json(diff, &out);
        out.len--; /* the closing brace */
        rp_buffer_printf(&out, ",\"applied\":%s}\n", applied ? "true" : "false");
    } else {
        rp_diff_text(diff, &out);
    }
    *ret_done = rp_cli_print(&s->common, &out);
    rp_buffer_done(&out);
    return RP_OK;
}

static rp_status apply(const settings *s, rp_client *client, const rp_item *items,
    const rp_diff *diff, rp_arena *arena, rp_error *reterr)
{
    progress p = {.settings = s, .total = diff->count - diff->actions[RP_CHANGE_NONE]};
    rp_apply_options how = {.allow_destroy = s->allow_destroy, .on_change = on_change, .arg = &p};
    return rp_provision_apply(client, items, diff->count, &how, arena, reterr);
}

/* Shows, asks, applies. */
static rp_status provision(const settings *s, const rp_declaration_spec *spec, rp_client *client,
    rp_arena *arena, int *ret_done, rp_error *reterr)
{
    rp_item *items;
    rp_diff diff;
    size_t count;
    rp_status status = rp_declaration_build(spec, arena, &items, &count, reterr);
    if (status == RP_OK)
        status = rp_diff_take(client, items, count, arena, &diff, reterr);
    if (status != RP_OK)
        return status;
    if (s->dry_run || rp_diff_is_empty(&diff))
        return show(s, &diff, false, ret_done);
    if (!s->common.json)
        status = show(s, &diff, false, ret_done);
    if (status == RP_OK && *ret_done == RP_EXIT_OK && !agreed(s, &diff))
        return rp_error_set(reterr, RP_CANCELLED, NULL, "nothing was changed");
    if (status == RP_OK && *ret_done == RP_EXIT_OK)
        status = apply(s, client, items, &diff, arena, reterr);
    if (status == RP_OK && s->common.json)
        status = show(s, &diff, true, ret_done);
    return status;
}

static int run(const rp_command *command, int argc, char **argv)
{
    static const rp_option *const tables[] = {options};
    settings s = {0};
    rp_error error = {0};
    rp_arena arena = {0};
    rp_model_args models;
    rp_model_version versions[RP_DECLARATION_MODELS_MAX];
    rp_client *client = NULL;
    int done = RP_EXIT_OK;
    if (rp_cli_parse(command, argc, argv, &s, NULL, &done))
        return done;
    if (rp_model_args_read(&s.model, &models, &error) != RP_OK)
        return rp_cli_usage(command, &s.common, &error);
    rp_model_args_versions(&models, (uint32_t)s.lanes, versions);
    rp_declaration_spec spec = {versions, models.count, s.bytes_total, (uint32_t)s.replicas};
    if (rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX) != RP_OK) {
        rp_error_set(&error, RP_NO_MEMORY, NULL, "out of memory");
        done = rp_cli_fail(&s.common, &error);
    } else if (rp_cli_open(command, &s.common, &client, &done)) {
        if (provision(&s, &spec, client, &arena, &done, &error) != RP_OK)
            done = rp_cli_fail(&s.common, &error);
    }
    rp_client_free(client);
    rp_arena_done(&arena);
    rp_options_done(tables, 1, &s);
    return done;
}

const rp_command rp_command_provision = {
    .name = "provision",
    .summary = "make the server's streams and durables as they should be",
    .usage = "[--model NAME=FILE.gguf]... [OPTIONS]",
    .help = help,
    .options = options,
    .run = run,
};
