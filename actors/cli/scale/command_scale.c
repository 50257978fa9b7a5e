/* reprise scale: more or fewer processes of a kind, of a `reprise up` that serves. */
#include "actors/cli/cli.h"
#include "actors/cli/scale/progress.h"
#include "actors/cli/shared/interrupt.h"
#include "actors/cli/shared/up/scaling.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CHUNK = 64 << 10, ARENA_MAX = 1 << 20, OUTPUT_MAX = 64 << 10 };

#define ANSWER_NS (5 * RP_NS_PER_S)

typedef struct settings {
    rp_cli_common common;
    const char *model, *up;
    bool no_wait;
    uint64_t timeout_ns;
} settings;

static const rp_option options[] = {
    {"model", 'm', RP_OPTION_TEXT, "NAME", NULL, NULL,
        "whose executors; may be left out where there is one model only", offsetof(settings, model),
        0, 0},
    {"up", 'u', RP_OPTION_TEXT, "NAME", NULL, NULL,
        "the reprise up to scale, as reprise status calls it; unset: the only one",
        offsetof(settings, up), 0, 0},
    {"no-wait", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "do not wait until all are ready or drained",
        offsetof(settings, no_wait), 0, 0},
    {"timeout", 't', RP_OPTION_DURATION, "TIME", NULL, "2m", "how long to wait, 1s to 1h",
        offsetof(settings, timeout_ns), RP_NS_PER_S, 3600 * RP_NS_PER_S},
    {0}};

static const char help[] =
    "Starts or drains processes of a reprise up that serves, until N of the kind run: tokenizer,\n"
    "executor (N for the model), or janitor. What is started gets work when it is ready; what\n"
    "is drained takes nothing more, finishes what it holds within 10 s and hands back the rest,\n"
    "so that no request is lost. The youngest go first. One that was given up is forgotten and\n"
    "counts for none. It waits until all are ready or gone; asking twice for the same N does no\n"
    "harm.\n"
    "\n"
    "N is 0 to 32, of janitors 0 or 1. With 0 requests wait until there is one again, or are\n"
    "answered `overloaded`. Processes that were started one by one are no business of this.\n"
    "\n"
    "  reprise scale executor 3\n"
    "  reprise scale executor 2 --model gemma3\n"
    "  reprise scale tokenizer 1 --up up-1f2e3d4c --no-wait\n"
    "  reprise scale executor 2 --json | jq .ready\n";

/* -- what is printed --------------------------------------------------------------------------- */

static const char *text_of(yyjson_val *object, const char *field)
{
    const char *value = yyjson_get_str(yyjson_obj_get(object, field));
    return value ? value : "";
}

static void on_step(void *arg, const char *name, const char *text)
{
    const settings *s = arg;
    if (!s->common.json)
        fprintf(stderr, "%s: %s\n", name, text);
}

static void tell_names(yyjson_val *answer, const char *field, const char *what)
{
    size_t index, count;
    yyjson_val *name, *names = yyjson_obj_get(answer, field);
    yyjson_arr_foreach(names, index, count, name)
    {
        const char *text = yyjson_get_str(name);
        fprintf(stderr, "%s%s", index ? ", " : what, text ? text : "?");
    }
}

static uint64_t number_of(yyjson_val *object, const char *field)
{
    return yyjson_get_uint(yyjson_obj_get(object, field));
}

static void tell_begin(yyjson_val *answer)
{
    const char *model = text_of(answer, "model"), *after = text_of(answer, "follows");
    fprintf(stderr, "%s: %s%s%s from %" PRIu64 " to %" PRIu64, text_of(answer, "up"),
        text_of(answer, "kind"), *model ? " of " : "", model, number_of(answer, "from"),
        number_of(answer, "count"));
    tell_names(answer, "starts", "; starting ");
    tell_names(answer, "drains", "; draining ");
    fputs("\n", stderr);
    if (*after)
        fprintf(stderr, "%s\n", after);
}

static void end_text(yyjson_val *answer, bool waited, rp_buffer *out)
{
    const char *model = text_of(answer, "model");
    uint64_t count = number_of(answer, "count");
    if (count == 0)
        rp_buffer_printf(out, "no %s%s%s %s\n", text_of(answer, "kind"), *model ? " of " : "",
            model, waited ? "runs any more" : "ordered");
    else
        rp_buffer_printf(out, "%" PRIu64 " %s%s%s%s %s\n", count, text_of(answer, "kind"),
            count == 1 ? "" : "s", *model ? " of " : "", model, waited ? "ready" : "ordered");
}

/* What the `up` answered, and how it ended. */
static void end_json(yyjson_val *answer, bool waited, uint64_t took_ns, rp_buffer *out)
{
    size_t len = 0;
    char *text = yyjson_val_write(answer, 0, &len);
    rp_buffer_append(out, text, text ? len - 1 : 0); /* without the closing brace */
    free(text);
    rp_buffer_printf(out, ",\"ready\":%s,\"took_ms\":%" PRIu64 "}\n", waited ? "true" : "false",
        took_ns / RP_NS_PER_MS);
}

/* -- the command ------------------------------------------------------------------------------- */

static rp_status order(const settings *s, const rp_scaling *scaling, rp_client *client,
    const char **ret_up, rp_roster *roster, rp_arena *arena, yyjson_val **ret_answer,
    rp_error *reterr)
{
    rp_buffer body;
    const rp_roster_record *up = NULL;
    rp_status status = rp_roster_read(client, rp_clock_system(), roster, reterr);
    if (status == RP_OK)
        status = rp_up_find(roster, s->up, &up, reterr);
    if (status != RP_OK)
        return status;
    rp_buffer_init(&body, RP_SCALING_BYTES_MAX);
    rp_scaling_write(scaling, &body);
    *ret_up = up->actor->instance;
    status = rp_up_ask(
        client, *ret_up, RP_UP_SCALE, rp_buffer_bytes(&body), ANSWER_NS, arena, ret_answer, reterr);
    rp_buffer_done(&body);
    return status;
}

static rp_status wait_for(
    const settings *s, rp_client *client, const char *up, yyjson_val *answer, rp_error *reterr)
{
    rp_progress_spec spec = {.client = client,
        .clock = rp_clock_system(),
        .instance = up,
        .answer = answer,
        .timeout_ns = s->timeout_ns,
        .on_step = on_step,
        .arg = (void *)(uintptr_t)s};
    return s->no_wait ? RP_OK : rp_progress_wait(&spec, reterr);
}

static int scale(const settings *s, const rp_scaling *scaling, rp_client *client)
{
    rp_error error = {0};
    rp_buffer out;
    rp_roster roster;
    rp_arena arena = {0};
    const char *up = NULL;
    yyjson_val *answer = NULL;
    int done = RP_EXIT_OK;
    uint64_t began_ns = rp_clock_monotonic_ns(rp_clock_system());
    rp_status status = rp_roster_init(&roster, &error);
    if (status == RP_OK && rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX) != RP_OK)
        status = rp_error_set(&error, RP_NO_MEMORY, NULL, "out of memory");
    if (status == RP_OK)
        status = order(s, scaling, client, &up, &roster, &arena, &answer, &error);
    if (status == RP_OK && !s->common.json)
        tell_begin(answer);
    if (status == RP_OK)
        status = wait_for(s, client, up, answer, &error);
    rp_buffer_init(&out, OUTPUT_MAX);
    if (status != RP_OK) {
        int failed = rp_cli_fail(&s->common, &error);
        done = status == RP_CANCELLED ? RP_EXIT_INTERRUPTED : failed;
    } else {
        uint64_t took_ns = rp_clock_monotonic_ns(rp_clock_system()) - began_ns;
        if (s->common.json)
            end_json(answer, !s->no_wait, took_ns, &out);
        else
            end_text(answer, !s->no_wait, &out);
        done = rp_cli_print(&s->common, &out);
    }
    rp_buffer_done(&out);
    rp_arena_done(&arena);
    rp_roster_done(&roster);
    return done;
}

static rp_status read_order(
    const settings *s, int arguments, char **argv, rp_scaling *scaling, rp_error *reterr)
{
    if (arguments != 2)
        return rp_error_set(reterr, RP_INVALID, NULL,
            "what to scale, and to how many, are two words: reprise scale executor 2");
    if (strlen(argv[1]) >= sizeof scaling->kind)
        return rp_error_set(reterr, RP_INVALID, "kind",
            "reprise up starts tokenizer, executor and janitor, not %.60s", argv[1]);
    if (s->model && strlen(s->model) >= sizeof scaling->model)
        return rp_error_limit(reterr, "model", "128 bytes", "a model's name has 1 to 128 bytes");
    snprintf(scaling->kind, sizeof scaling->kind, "%s", argv[1]);
    snprintf(scaling->model, sizeof scaling->model, "%s", s->model ? s->model : "");
    if (rp_parse_count(argv[2], &scaling->count) != RP_OK)
        return rp_error_set(reterr, RP_INVALID, "count",
            "\"%.60s\" is no number: how many shall run is 0 to 32", argv[2]);
    if (scaling->count > RP_SCALING_COUNT_MAX)
        return rp_error_limit(reterr, "count", "32 processes",
            "%" PRIu64 " are too many: one reprise up runs 32 tokenizers, and 32 executors of a "
            "model, at most",
            scaling->count);
    return RP_OK;
}

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    rp_scaling scaling;
    rp_error error = {0};
    rp_client *client = NULL;
    int arguments = 0, done = 0;
    if (rp_cli_parse(command, argc, argv, &s, &arguments, &done))
        return done;
    if (read_order(&s, arguments, argv, &scaling, &error) != RP_OK)
        return rp_cli_usage(command, &s.common, &error);
    rp_interrupt_hold();
    if (rp_cli_open(command, &s.common, &client, &done))
        done = scale(&s, &scaling, client);
    rp_client_free(client);
    return done;
}

const rp_command rp_command_scale = {
    .name = "scale",
    .summary = "start or drain processes of a running `reprise up`",
    .usage = "KIND N [OPTIONS]",
    .help = help,
    .options = options,
    .run = run,
};
