#include "tests/conformance/bus/conform.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

uint64_t conform_end_ns(const conform *c, uint64_t ms)
{
    return rp_clock_monotonic_ns(c->host->clock) + ms * RP_NS_PER_MS;
}

void conform_pass(conform *c, uint64_t ms)
{
    uint64_t until_ns = conform_end_ns(c, ms);
    while (c->turn(c, until_ns)) {
    }
}

void say(conform *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("  ", c->out);
    vfprintf(c->out, format, arguments);
    fputc('\n', c->out);
    va_end(arguments);
}

/* -- publishing and asking --------------------------------------------------------------------- */

typedef struct answer {
    bool came;
    rp_published published;
    conform *c;
    const char *subject;
    rp_stream_state state;
    rp_status status;
} answer;

static void on_published(void *arg, const rp_published *published)
{
    answer *a = arg;
    a->came = true;
    a->published = *published;
}

rp_published put(conform *c, const rp_publication *publication)
{
    answer a = {0};
    rp_status status = rp_bus_publish(c->bus, publication, on_published, &a);
    if (status != RP_OK) {
        say(c, "put %.*s: not taken, %s", (int)publication->subject.len,
            (const char *)publication->subject.data, rp_status_name(status));
        return a.published;
    }
    UNTIL(c, a.came);
    say(c, "put %.*s: %s %" PRIu64, (int)publication->subject.len,
        (const char *)publication->subject.data,
        a.came ? rp_status_name(a.published.status) : "no answer", a.published.sequence);
    rp_bus_forget(c->bus, &a);
    return a.published;
}

rp_published put_text(conform *c, const char *subject, const char *body)
{
    rp_publication publication = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(body)};
    return put(c, &publication);
}

void note(conform_heard *h, const char *format, ...)
{
    size_t at = strlen(h->lines);
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(h->lines + at, sizeof h->lines - at, format, arguments);
    va_end(arguments);
    RP_ASSERT(n >= 0 && at + (size_t)n + 2 < sizeof h->lines);
    memcpy(h->lines + at + n, "\n", 2);
}

void conform_tell(conform_heard *h)
{
    for (char *line = h->lines, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        say(h->c, "%.*s", (int)(end - line), line);
    }
    h->lines[0] = '\0';
}

/* Headers that cases give, and that a message may come with. */
static void note_message(conform_heard *h, const rp_message *m)
{
    static const rp_header shown[] = {RP_HEADER_MESSAGE_ID, RP_HEADER_REQUEST, RP_HEADER_SEQUENCE,
        RP_HEADER_LAST_SEQUENCE, RP_HEADER_TTL, RP_HEADER_ROLLUP};
    char headers[CONFORM_TEXT_BYTES] = "";
    size_t at = 0;
    for (size_t i = 0; i < sizeof shown / sizeof *shown && at < sizeof headers; i++) {
        rp_bytes value = rp_message_header(m, shown[i]);
        if (value.data)
            at += (size_t)snprintf(headers + at, sizeof headers - at, " %s=%.*s",
                rp_header_name(shown[i]), (int)value.len, (const char *)value.data);
    }
    note(h, "%s %.*s \"%.*s\" %.*s #%" PRIu64 " try %" PRIu64 "%s", h->who, (int)m->subject.len,
        (const char *)m->subject.data, (int)(m->body.len < 32 ? m->body.len : 32),
        (const char *)m->body.data, (int)m->stream.len, (const char *)m->stream.data,
        m->stream_sequence, m->deliveries, headers);
}

static void on_last(void *arg, rp_status status, const rp_message *message)
{
    answer *a = arg;
    a->came = true;
    if (!message) {
        say(a->c, "last of %s: %s", a->subject, rp_status_name(status));
        return;
    }
    rp_bytes id = rp_message_header(message, RP_HEADER_MESSAGE_ID);
    say(a->c, "last of %s: \"%.*s\" #%" PRIu64 " %.*s", a->subject,
        (int)(message->body.len < 32 ? message->body.len : 32), (const char *)message->body.data,
        message->stream_sequence, (int)id.len, id.data ? (const char *)id.data : "");
}

void say_last(conform *c, const char *stream, const char *subject)
{
    answer a = {.c = c, .subject = subject};
    rp_status status = rp_bus_last(c->bus, stream, subject, on_last, &a);
    if (status != RP_OK)
        say(c, "last of %s: not taken, %s", subject, rp_status_name(status));
    else
        UNTIL(c, a.came);
    rp_bus_forget(c->bus, &a);
}

static void on_state(void *arg, rp_status status, const rp_stream_state *state)
{
    answer *a = arg;
    a->came = true;
    a->status = status;
    if (state)
        a->state = *state;
}

rp_stream_state say_state(conform *c, const char *stream)
{
    answer a = {.c = c};
    rp_status status = rp_bus_stream_state(c->bus, stream, on_state, &a);
    if (status == RP_OK) {
        UNTIL(c, a.came);
        status = a.status;
    }
    if (status != RP_OK)
        say(c, "%s: %s", stream, rp_status_name(status));
    else
        say(c,
            "%s: %" PRIu64 " to %" PRIu64 ", %" PRIu64 " messages, settled up to %" PRIu64
            ", %s, %s",
            stream, a.state.first_sequence, a.state.last_sequence, a.state.messages,
            a.state.settled_sequence, a.state.bytes > 0 ? "some bytes" : "no bytes",
            a.state.bytes_max > 0 ? "bounded" : "no bound");
    rp_bus_forget(c->bus, &a);
    return a.state;
}

/* -- hearing ----------------------------------------------------------------------------------- */

void conform_on_plain(void *arg, const rp_message *message)
{
    conform_heard *h = arg;
    h->count++;
    note_message(h, message);
}

void conform_on_followed(void *arg, const rp_message *message)
{
    conform_on_plain(arg, message);
}

void conform_on_message(void *arg, rp_message *message)
{
    conform_heard *h = arg;
    note_message(h, message);
    RP_ASSERT(h->count < CONFORM_HEARD_MAX);
    h->messages[h->count++] = message;
}

void conform_on_caught_up(void *arg)
{
    conform_heard *h = arg;
    h->caught_up++;
    note(h, "%s caught up after %zu", h->who, h->count);
}

void conform_on_lost(void *arg, uint64_t expected, uint64_t first)
{
    conform_heard *h = arg;
    h->lost++;
    note(h, "%s lost from %" PRIu64 ", the first is %" PRIu64, h->who, expected, first);
}

void conform_on_trouble(void *arg, rp_status status, const char *why)
{
    conform_heard *h = arg;
    (void)why;
    if (status == RP_OK)
        h->fine++;
    else if (h->troubles++ == 0)
        note(h, "%s has trouble: %s", h->who, rp_status_name(status));
}

/* -- all cases --------------------------------------------------------------------------------- */

void conform_run(conform *c)
{
    const conform_case *const tables[] = {
        conform_publish, conform_streams, conform_plain, conform_follow, conform_mailbox};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const conform_case *one = tables[t]; one->name; one++) {
            fprintf(c->out, "== %s\n", one->name);
            fflush(c->out);
            one->run(c);
        }
    }
}
