/* reprise dead show: all of one dead letter, and the message that it tells of. */
#include "actors/cli/cli.h"
#include "actors/cli/dead/letter.h"
#include "actors/cli/shared/text/json_member.h"
#include "runtime/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { ARENA_CHUNK = 64 << 10, ARENA_MAX = 8 << 20, OUTPUT_MAX = 64 << 20 };

typedef struct settings {
    rp_cli_common common;
    uint64_t bytes_max;
} settings;

static const rp_option options[] = {
    {"bytes", 'b', RP_OPTION_BYTES, "SIZE", NULL, "4KiB", "of the body at most, up to 8MiB",
        offsetof(settings, bytes_max), 1, UINT64_C(8) << 20},
    {0}};

static const char help[] =
    "Shows a dead letter by its sequence in DEAD (`reprise dead list` lists them): why it was "
    "given\n"
    "up, and the message itself with its headers and its body, where its stream still has it. A\n"
    "body is shown as text where all of it is printable, else in hexadecimal.\n"
    "\n"
    "  reprise dead show 17\n"
    "  reprise dead show 17 --bytes 64KiB\n"
    "  reprise dead show 17 --json | jq .original.headers\n";

typedef struct shown {
    const settings *settings;
    rp_letter letter;
    rp_message *original; /* NULL where it has aged out */
    rp_error missing;     /* why */
    rp_buffer out;
} shown;

/* -- for people -------------------------------------------------------------------------------- */

static void printable(rp_buffer *out, rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        rp_buffer_byte(out, text.data[i] < ' ' || text.data[i] == 0x7F ? '?' : text.data[i]);
}

static void header_text(void *arg, rp_bytes name, rp_bytes value)
{
    rp_buffer *out = arg;
    rp_buffer_text(out, "  ");
    printable(out, name);
    rp_buffer_text(out, ": ");
    printable(out, value);
    rp_buffer_text(out, "\n");
}

static rp_status as_text(shown *s, rp_error *reterr)
{
    char time[RP_CLOCK_TEXT_BYTES];
    rp_buffer *out = &s->out;
    const Rp__Dead *dead = s->letter.dead;
    rp_letter_text(&s->letter, out);
    if (!s->original) {
        rp_buffer_text(out, "\n");
        printable(out, rp_bytes_text(s->missing.message));
        rp_buffer_text(out, "\n");
        if (dead && dead->has_body_head) {
            rp_buffer_text(out, "its body began:\n");
            rp_letter_body_text(
                rp_bytes_of(dead->body_head.data, dead->body_head.len), dead->body_head.len, out);
        }
        return RP_OK;
    }
    rp_clock_text(s->original->timestamp_ns, time);
    rp_buffer_printf(out, "%-11s%s\n\nheaders\n", "stored", time);
    size_t before = out->len;
    rp_status status = rp_client_headers(s->original, header_text, out, reterr);
    if (out->len == before)
        rp_buffer_text(out, "  (none)\n");
    rp_buffer_printf(out, "\nbody, %zu bytes\n", s->original->body.len);
    rp_letter_body_text(s->original->body, (size_t)s->settings->bytes_max, out);
    return status;
}

/* -- for programs ------------------------------------------------------------------------------ */

static void header_json(void *arg, rp_bytes name, rp_bytes value)
{
    rp_buffer *out = arg;
    rp_buffer_text(out, out->data[out->len - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    rp_json_string(out, name);
    rp_buffer_text(out, ",\"value\":");
    rp_json_string(out, value);
    rp_buffer_text(out, "}");
}

static rp_status as_json(shown *s, rp_error *reterr)
{
    char time[RP_CLOCK_TEXT_BYTES];
    rp_buffer *out = &s->out;
    rp_status status = RP_OK;
    const Rp__Dead *dead = s->letter.dead;
    rp_buffer_text(out, "{");
    rp_letter_json(&s->letter, out);
    rp_buffer_printf(out, ",\"original\":{\"kept\":%s", s->original ? "true" : "false");
    if (s->original) {
        rp_clock_text(s->original->timestamp_ns, time);
        rp_json_member(out, "time", time);
        rp_buffer_text(out, ",\"headers\":[");
        status = rp_client_headers(s->original, header_json, out, reterr);
        rp_buffer_text(out, "]");
        rp_letter_body_json(s->original->body, (size_t)s->settings->bytes_max, out);
    } else {
        rp_json_member(out, "why", s->missing.message);
        if (dead && dead->has_body_head)
            rp_letter_body_json(
                rp_bytes_of(dead->body_head.data, dead->body_head.len), SIZE_MAX, out);
    }
    rp_buffer_text(out, "}}\n");
    return status;
}

/* -- the command ------------------------------------------------------------------------------- */

static rp_status collect(
    rp_client *client, uint64_t sequence, rp_arena *arena, shown *s, rp_error *reterr)
{
    rp_status status = rp_letter_get(client, sequence, arena, &s->letter, reterr);
    if (status != RP_OK)
        return status;
    if (!s->letter.dead) /* then it is all that there is to show */
        return rp_letter_message(client, "DEAD", sequence, &s->original, reterr);
    status = rp_letter_message(
        client, s->letter.dead->stream, s->letter.dead->sequence, &s->original, &s->missing);
    if (status == RP_OK || status == RP_NOT_FOUND || status == RP_INVALID)
        return RP_OK;
    return rp_error_set(reterr, status, s->missing.field, "%s", s->missing.message);
}

static int show(const settings *given, rp_client *client, uint64_t sequence)
{
    rp_error error = {0};
    rp_arena arena = {0};
    shown s = {.settings = given};
    int done = RP_EXIT_OK;
    rp_buffer_init(&s.out, OUTPUT_MAX);
    rp_status status = rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
    if (status != RP_OK)
        rp_error_set(&error, status, NULL, "out of memory");
    else
        status = collect(client, sequence, &arena, &s, &error);
    if (status == RP_OK)
        status = (given->common.json ? as_json : as_text)(&s, &error);
    if (status == RP_OK)
        done = rp_cli_print(&given->common, &s.out);
    else
        done = rp_cli_fail(&given->common, &error);
    rp_message_free(s.original);
    rp_arena_done(&arena);
    rp_buffer_done(&s.out);
    return done;
}

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    rp_error error = {0};
    rp_client *client = NULL;
    uint64_t sequence = 0;
    int arguments = 0, done = 0;
    if (rp_cli_parse(command, argc, argv, &s, &arguments, &done))
        return done;
    if (arguments != 1 || rp_parse_count(argv[1], &sequence) != RP_OK) {
        rp_error_set(&error, RP_INVALID, "sequence",
            "which one is shown is one number, its sequence in DEAD; reprise dead list lists them");
        return rp_cli_usage(command, &s.common, &error);
    }
    if (rp_cli_open(command, &s.common, &client, &done))
        done = show(&s, client, sequence);
    rp_client_free(client);
    return done;
}

const rp_command rp_command_dead_show = {
    .name = "dead show",
    .summary = "all of one dead letter, and its message",
    .usage = "SEQUENCE [OPTIONS]",
    .help = help,
    .options = options,
    .run = run,
};
