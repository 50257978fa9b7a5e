#include "actors/cli/up/notes.h"

#include "actors/cli/cli.h"
#include "actors/cli/shared/text/json_member.h"
#include "actors/cli/shared/text/paste.h"
#include "runtime/base/name.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_BYTES = 4096, OUTPUT_MAX = 64 << 10 };

/* Examples: for a model that answers, and for one that goes on with a text. */
static const char question[] = "Why is the sky blue?";
static const char beginning[] = "Once upon a time";

void rp_notes_init(rp_notes *notes, const rp_clock *clock, bool json)
{
    *notes = (rp_notes){clock, rp_clock_monotonic_ns(clock), json};
}

static uint64_t since(const rp_notes *notes)
{
    return rp_clock_monotonic_ns(notes->clock) - notes->since_ns;
}

static void write_json(rp_buffer *out)
{
    rp_buffer_text(out, "}\n");
    fputs(rp_buffer_string(out), stdout);
    fflush(stdout);
    rp_buffer_done(out);
}

static void begin_json(const rp_notes *notes, rp_buffer *out)
{
    rp_buffer_init(out, OUTPUT_MAX);
    rp_buffer_printf(out, "{\"after_ms\":%" PRIu64, since(notes) / RP_NS_PER_MS);
}

void rp_notes_say(rp_notes *notes, const char *about, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (notes->json) {
        rp_buffer out;
        begin_json(notes, &out);
        rp_json_member(&out, "about", about);
        rp_json_member(&out, "text", text);
        write_json(&out);
        return;
    }
    fprintf(
        stderr, "[%5.1f s] %s%s%s\n", (double)since(notes) / 1e9, about, *text ? ": " : "", text);
}

static void ready_json(const rp_notes *notes, const rp_ready *ready)
{
    rp_buffer out;
    begin_json(notes, &out);
    rp_buffer_text(&out, ",\"ready\":true");
    rp_json_member(&out, "server", ready->server);
    rp_json_member(&out, "data", ready->data);
    rp_json_member(&out, "reprise", ready->self);
    rp_buffer_text(&out, ",\"models\":[");
    for (size_t i = 0; i < ready->models->count; i++) {
        rp_buffer_text(&out, i ? ",{" : "{");
        rp_json_member(&out, "name", ready->models->models[i].name);
        rp_json_member(&out, "version", ready->models->models[i].version);
        rp_buffer_text(&out, "}");
    }
    rp_buffer_text(&out, "]");
    write_json(&out);
}

/* A line that runs a command of this binary on this server. */
static void call_text(const rp_ready *ready, const char *command, rp_buffer *out)
{
    rp_buffer_text(out, "  ");
    rp_paste_word(out, ready->self);
    rp_buffer_printf(out, " %s", command);
    if (strcmp(ready->server, rp_cli_endpoint_options[0].default_value) != 0) {
        rp_buffer_text(out, " --server ");
        rp_paste_word(out, ready->server);
    }
}

static void ask_text(const rp_ready *ready, rp_buffer *out)
{
    const char *first = ready->models->models[0].name;
    if (ready->continues)
        rp_buffer_printf(out,
            "There is no chat template in the file of %s, as with base models: it goes on with a\n"
            "text rather than answering it.\n\n",
            first);
    rp_buffer_text(out, "In another terminal, ask it, and see what runs:\n");
    call_text(ready, "ask", out);
    if (ready->models->count > 1) {
        rp_buffer_text(out, " --model ");
        rp_paste_word(out, first);
    }
    rp_buffer_printf(out, " \"%s\"\n", ready->continues ? beginning : question);
    call_text(ready, "status", out);
    rp_buffer_text(out, "\n");
}

static void publish_text(const rp_ready *ready, rp_buffer *out)
{
    const char *server = ready->server;
    char model[RP_NAME_TOKEN_BYTES];
    if (rp_name_encode(rp_bytes_text(ready->models->models[0].name), model, sizeof model) != RP_OK)
        return;
    rp_buffer_printf(out,
        "\nOr publish with any NATS client; the answer comes on reply.<tenant>.<Rp-Request>:\n"
        "  nats -s %s sub 'reply.me.>' &\n"
        "  nats -s %s pub infer.me.%s -H Rp-Request:first ",
        server, server, model);
    if (ready->continues)
        rp_buffer_printf(out, "'{\"prompt\":\"%s\"}'\n", beginning);
    else
        rp_buffer_printf(
            out, "'{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}'\n", question);
    rp_buffer_printf(out,
        "\nOr with nats-py:\n"
        "  connection = await nats.connect(\"%s\")\n"
        "  answer = await connection.subscribe(\"reply.me.second\")\n"
        "  await connection.jetstream().publish(\"infer.me.%s\", b'{\"prompt\":\"%s\"}',\n"
        "                                       headers={\"Rp-Request\": \"second\"})\n"
        "  async for chunk in answer.messages: print(chunk.data)\n"
        "\nCtrl-C stops everything.\n",
        server, model, beginning);
}

void rp_notes_ready(rp_notes *notes, const rp_ready *ready)
{
    rp_buffer out;
    if (notes->json) {
        ready_json(notes, ready);
        return;
    }
    rp_buffer_init(&out, OUTPUT_MAX);
    rp_buffer_printf(&out, "\nReprise is ready after %.1f s.\n\n  server  %s\n",
        (double)since(notes) / 1e9, ready->server);
    for (size_t i = 0; i < ready->models->count; i++)
        rp_buffer_printf(&out, "  model   %s, version %s\n", ready->models->models[i].name,
            ready->models->models[i].version);
    rp_buffer_printf(&out, "  data    %s\n\n", ready->data);
    ask_text(ready, &out);
    publish_text(ready, &out);
    fputs(rp_buffer_string(&out), stdout);
    fflush(stdout);
    rp_buffer_done(&out);
}
