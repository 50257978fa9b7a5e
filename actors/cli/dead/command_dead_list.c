/* reprise dead list: what actors could not handle, the newest first. */
#include "actors/cli/cli.h"
#include "actors/cli/dead/letter.h"
#include "runtime/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_CHUNK = 1 << 20, ARENA_MAX = 64 << 20, OUTPUT_MAX = 16 << 20, LIMIT_MAX = 10000 };

typedef struct settings {
    rp_cli_common common;
    const char *kind, *tenant;
    uint64_t since_ns, limit;
} settings;

static const rp_option options[] = {
    {"kind", 'k', RP_OPTION_TEXT, "KIND", NULL, NULL, "only what this kind of actor gave up",
        offsetof(settings, kind), 0, 0},
    {"tenant", 't', RP_OPTION_TEXT, "NAME", NULL, NULL, "only what belongs to this tenant",
        offsetof(settings, tenant), 0, 0},
    {"since", 0, RP_OPTION_DURATION, "TIME", NULL, NULL, "only what is younger: 10m, 2h",
        offsetof(settings, since_ns), 1, UINT64_MAX},
    {"limit", 'n', RP_OPTION_COUNT, "N", NULL, "20", "at most so many, 1 to 10000",
        offsetof(settings, limit), 1, LIMIT_MAX},
    {0}};

static const char help[] =
    "Lists dead letters, the newest first: messages that an actor gave up, because it was told to\n"
    "by what is in them, or because they failed 10 times without getting on. MESSAGE is where the\n"
    "message itself stands, TRIES how often it was delivered. DEAD keeps 7 days, or 64 MiB.\n"
    "\n"
    "  reprise dead list\n"
    "  reprise dead list --kind executor --since 1h\n"
    "  reprise dead list --tenant acme --limit 1000 --json | jq -r .error.message | sort | uniq "
    "-c\n"
    "\n"
    "With --json it is an object a line. `reprise dead show SEQUENCE` tells all of one, and\n"
    "`reprise dead retry SEQUENCE` tries it again.\n";

/* What was found so far, and what of the part that is read now. */
typedef struct search {
    const settings *settings;
    rp_arena arena;
    uint64_t until_ns;  /* Unix time; older ones are left out */
    uint64_t part_last; /* the sequence that the part ends with */
    bool too_old;       /* some of it are */
    rp_letter part[RP_CLIENT_READ_MAX];
    size_t part_count;
    rp_letter *found;
    size_t count;
    rp_status status;
    rp_error error;
} search;

static void take(void *arg, const rp_message *message)
{
    search *s = arg;
    rp_letter letter;
    if (s->status != RP_OK || message->stream_sequence > s->part_last)
        return;
    if (message->timestamp_ns < s->until_ns) {
        s->too_old = true;
        return;
    }
    s->status = rp_letter_read(message, &s->arena, &letter, &s->error);
    if (s->status != RP_OK ||
        (s->settings->tenant && strcmp(letter.tenant, s->settings->tenant) != 0))
        return;
    s->part[s->part_count++] = letter;
}

static rp_status stream_state(
    search *s, rp_client *client, uint64_t *ret_first, uint64_t *ret_last, rp_error *reterr)
{
    yyjson_val *info = NULL;
    rp_status status =
        rp_client_api(client, "STREAM.INFO.DEAD", rp_bytes_of(NULL, 0), &s->arena, &info, reterr);
    if (status == RP_NOT_FOUND)
        return rp_error_set(reterr, status, "DEAD",
            "the server has no stream DEAD: Reprise was never set up there; run reprise provision, "
            "or reprise up");
    if (status != RP_OK)
        return status;
    yyjson_val *state = yyjson_obj_get(info, "state");
    *ret_first = yyjson_get_uint(yyjson_obj_get(state, "first_seq"));
    *ret_last = yyjson_get_uint(yyjson_obj_get(state, "last_seq"));
    return RP_OK;
}

/* Part by part, from the end; a part is what one question answers. */
static rp_status look(search *s, rp_client *client, rp_error *reterr)
{
    char filter[RP_NAME_TOKEN_BYTES + 8] = "dead.*";
    uint64_t first = 0, last = 0;
    if (s->settings->kind)
        snprintf(filter, sizeof filter, "dead.%s", s->settings->kind);
    rp_status status = stream_state(s, client, &first, &last, reterr);
    while (status == RP_OK && last > 0 && last >= first && s->count < s->settings->limit &&
           !s->too_old) {
        uint64_t size = last - first < RP_CLIENT_READ_MAX ? last - first + 1 : RP_CLIENT_READ_MAX;
        s->part_last = last;
        s->part_count = 0;
        status =
            rp_client_read(client, "DEAD", filter, last - size + 1, (size_t)size, take, s, reterr);
        if (status == RP_OK && s->status != RP_OK)
            status = rp_error_limit(reterr, "limit", s->error.limit,
                "%s; give a smaller --limit, or --since", s->error.message);
        while (s->part_count > 0 && s->count < s->settings->limit)
            s->found[s->count++] = s->part[--s->part_count];
        last -= size;
    }
    return status;
}

static void as_json(const search *s, rp_buffer *out)
{
    for (size_t i = 0; i < s->count; i++) {
        rp_buffer_text(out, "{");
        rp_letter_json(&s->found[i], out);
        rp_buffer_text(out, "}\n");
    }
}

static void as_text(const search *s, rp_buffer *out)
{
    rp_table table;
    uint64_t now_ns = rp_clock_unix_ns(rp_clock_system());
    const settings *given = s->settings;
    bool narrowed = given->kind || given->tenant || given->since_ns;
    if (s->count == 0) {
        rp_buffer_printf(out, "no dead letters%s\n", narrowed ? " that match" : "");
        return;
    }
    rp_table_init(&table, out, RP_LETTER_COLUMNS, RP_LETTER_HEADERS);
    for (size_t i = 0; i < s->count; i++)
        rp_letter_row(&s->found[i], now_ns, &table);
    rp_table_done(&table);
    if (s->count == given->limit)
        rp_buffer_printf(out,
            "\nthe newest %zu; --limit shows more, --kind, --tenant and --since fewer\n", s->count);
}

static rp_status prepare(const settings *s, search *found, rp_error *reterr)
{
    uint64_t now_ns = rp_clock_unix_ns(rp_clock_system());
    *found = (search){.settings = s};
    if (s->since_ns)
        found->until_ns = s->since_ns < now_ns ? now_ns - s->since_ns : 1;
    if (rp_arena_init(&found->arena, ARENA_CHUNK, ARENA_MAX) == RP_OK)
        found->found = rp_arena_array(&found->arena, (size_t)s->limit, sizeof *found->found);
    return found->found ? RP_OK : rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
}

static int list(const settings *s, rp_client *client)
{
    rp_error error = {0};
    rp_buffer out;
    search *found = calloc(1, sizeof *found);
    rp_status status = found ? prepare(s, found, &error)
                             : rp_error_set(&error, RP_NO_MEMORY, NULL, "out of memory");
    int done = RP_EXIT_OK;
    rp_buffer_init(&out, OUTPUT_MAX);
    if (status == RP_OK)
        status = look(found, client, &error);
    if (status == RP_OK) {
        (s->common.json ? as_json : as_text)(found, &out);
        done = rp_cli_print(&s->common, &out);
    } else {
        done = rp_cli_fail(&s->common, &error);
    }
    rp_buffer_done(&out);
    if (found)
        rp_arena_done(&found->arena);
    free(found);
    return done;
}

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    rp_error error = {0};
    rp_client *client = NULL;
    int done = 0;
    if (rp_cli_parse(command, argc, argv, &s, NULL, &done))
        return done;
    if (s.kind && (!rp_name_is_subject(rp_bytes_text(s.kind)) || strchr(s.kind, '.') ||
                      strlen(s.kind) > RP_NAME_MAX)) {
        rp_error_set(&error, RP_INVALID, "kind",
            "--kind is one word: tokenizer, executor, example; not \"%.60s\"", s.kind);
        return rp_cli_usage(command, &s.common, &error);
    }
    if (rp_cli_open(command, &s.common, &client, &done))
        done = list(&s, client);
    rp_client_free(client);
    return done;
}

const rp_command rp_command_dead_list = {
    .name = "dead list",
    .summary = "what could not be handled, the newest first",
    .usage = "[OPTIONS]",
    .help = help,
    .options = options,
    .run = run,
};
