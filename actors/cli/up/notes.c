#include "actors/cli/up/notes.h"

#include "runtime/base/buffer.h"
#include "runtime/base/json.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_BYTES = 4096, OUTPUT_MAX = 64 << 10 };

static const char how_to_ask[] =
    "ask, in another terminal:\n"
    "  NATS_URL=%s reprise ask \"Why is the sky blue?\"\n"
    "\n"
    "or with any NATS client; the answer comes on reply.<tenant>.<Rp-Request>:\n"
    "  nats -s %s sub 'reply.me.>' &\n"
    "  nats -s %s pub infer.me.%s -H Rp-Request:first '{\"messages\":"
    "[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}]}'\n"
    "\n"
    "or with nats-py:\n"
    "  connection = await nats.connect(\"%s\")\n"
    "  answer = await connection.subscribe(\"reply.me.second\")\n"
    "  await connection.jetstream().publish(\"infer.me.%s\", b'{\"prompt\":\"The sky is\"}',\n"
    "                                       headers={\"Rp-Request\": \"second\"})\n"
    "  async for chunk in answer.messages: print(chunk.data)\n"
    "\n"
    "Ctrl-C stops everything.\n";

void rp_notes_init(rp_notes *notes, const rp_clock *clock, bool json)
{
    *notes = (rp_notes){clock, rp_clock_monotonic_ns(clock), json};
}

static uint64_t since(const rp_notes *notes)
{
    return rp_clock_monotonic_ns(notes->clock) - notes->since_ns;
}

static void member(rp_buffer *out, const char *name, const char *value)
{
    rp_buffer_printf(out, ",\"%s\":", name);
    rp_json_string(out, rp_bytes_text(value));
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
        member(&out, "about", about);
        member(&out, "text", text);
        write_json(&out);
        return;
    }
    fprintf(
        stderr, "[%5.1f s] %s%s%s\n", (double)since(notes) / 1e9, about, *text ? ": " : "", text);
}

void rp_notes_ready(
    rp_notes *notes, const char *server, const rp_model_args *models, const char *data)
{
    const char *first = models->models[0].name;
    if (notes->json) {
        rp_buffer out;
        begin_json(notes, &out);
        rp_buffer_text(&out, ",\"ready\":true");
        member(&out, "server", server);
        member(&out, "data", data);
        for (size_t i = 0; i < models->count; i++) {
            rp_buffer_text(&out, i ? ",{\"name\":" : ",\"models\":[{\"name\":");
            rp_json_string(&out, rp_bytes_text(models->models[i].name));
            member(&out, "version", models->models[i].version);
            rp_buffer_text(&out, "}");
        }
        rp_buffer_text(&out, "]");
        write_json(&out);
        return;
    }
    fprintf(stdout, "\nReprise is ready after %.1f s.\n\n  server  %s\n",
        (double)since(notes) / 1e9, server);
    for (size_t i = 0; i < models->count; i++)
        fprintf(stdout, "  model   %s, version %s\n", models->models[i].name,
            models->models[i].version);
    fprintf(stdout, "  data    %s\n\n", data);
    fprintf(stdout, how_to_ask, server, server, server, first, server, first);
    fflush(stdout);
}
