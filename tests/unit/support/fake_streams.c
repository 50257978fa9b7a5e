#include "tests/unit/support/fake_bus_internal.h"

#include "runtime/base/name.h"

#include <stdio.h>
#include <stdlib.h>

char *fake__copy(rp_bytes text)
{
    char *copy = calloc(1, text.len + 1);
    RP_ASSERT(copy);
    if (text.len)
        memcpy(copy, text.data, text.len);
    return copy;
}

void fake__copy_text(char out[FAKE_TEXT_BYTES], rp_bytes text)
{
    RP_ASSERT(text.len < FAKE_TEXT_BYTES);
    if (text.len)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

void fake__stored_done(fake_stored *stored)
{
    free(stored->body);
    for (size_t i = 0; i < RP_HEADER_COUNT; i++)
        free(stored->headers[i]);
}

void fake__stored_free(fake_stored *stored)
{
    if (stored)
        fake__stored_done(stored);
    free(stored);
}

/* -- streams ----------------------------------------------------------------------------------- */

static void stream_of(const char *subject, char stream[FAKE_TEXT_BYTES])
{
    static const char *const names[][2] = {{"reply.", "REPLY"}, {"result.", "RESULT"},
        {"exec.", "EXEC"}, {"dead.", "DEAD"}, {"control.", "CONTROL"}, {"step.", "STEP"}};
    strcpy(stream, "OTHER");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(subject, names[i][0], strlen(names[i][0])) == 0)
            strcpy(stream, names[i][1]);
    }
    rp_bytes bucket = rp_name_token(rp_bytes_text(subject), 1);
    if (strncmp(subject, "$KV.", 4) == 0)
        snprintf(stream, FAKE_TEXT_BYTES, "KV_%.*s", (int)bucket.len, (const char *)bucket.data);
    if (strncmp(subject, "$O.", 3) == 0)
        snprintf(stream, FAKE_TEXT_BYTES, "OBJ_%.*s", (int)bucket.len, (const char *)bucket.data);
}

bool fake__is_gone(const fake_bus *bus, const fake_stored *s)
{
    return s->gone ||
           (bus->clock && s->expires_ns && rp_clock_monotonic_ns(bus->clock) >= s->expires_ns);
}

bool fake__takes(const char *filter, const char *subject)
{
    rp_bytes f = rp_bytes_text(filter), s = rp_bytes_text(subject);
    for (size_t i = 0;; i++) {
        rp_bytes a = rp_name_token(f, i), b = rp_name_token(s, i);
        if (rp_bytes_is(a, ">"))
            return b.len > 0;
        if (a.len == 0 || b.len == 0)
            return a.len == b.len;
        if (!rp_bytes_is(a, "*") && !rp_bytes_equal(a, b))
            return false;
    }
}

const fake_stored *fake__last_of(const fake_bus *bus, const char *stream, const char *subject)
{
    for (size_t i = bus->stored_count; i > 0; i--) {
        const fake_stored *s = &bus->stored[i - 1];
        if (!fake__is_gone(bus, s) && strcmp(s->stream, stream) == 0 &&
            strcmp(s->subject, subject) == 0)
            return s;
    }
    return NULL;
}

uint64_t fake__last_sequence(const fake_bus *bus, const char *stream)
{
    uint64_t last = 0;
    for (size_t i = 0; i < bus->stored_count; i++)
        last += strcmp(bus->stored[i].stream, stream) == 0;
    return last;
}

static const fake_stored *with_id(const fake_bus *bus, const char *stream, rp_bytes id)
{
    for (size_t i = 0; i < bus->stored_count && id.data; i++) {
        const fake_stored *s = &bus->stored[i];
        if (strcmp(s->stream, stream) == 0 && s->headers[RP_HEADER_MESSAGE_ID] &&
            rp_bytes_is(id, s->headers[RP_HEADER_MESSAGE_ID]))
            return s;
    }
    return NULL;
}

fake_stored *fake__made(const rp_publication *publication)
{
    fake_stored *s = calloc(1, sizeof *s);
    const bool put = publication->subject.len > 4 && !memcmp(publication->subject.data, "put.", 4);
    RP_ASSERT(s);
    fake__copy_text(s->subject, rp_bytes_of(publication->subject.data + (put ? 4 : 0),
                                    publication->subject.len - (put ? 4 : 0)));
    stream_of(s->subject, s->stream);
    s->body = fake__copy(publication->body);
    s->body_len = publication->body.len;
    for (size_t i = 0; i < publication->header_count; i++) {
        const rp_header_value *h = &publication->headers[i];
        RP_ASSERT(!s->headers[h->header]);
        s->headers[h->header] = fake__copy(h->value);
    }
    return s;
}

/* What follows from the headers of a message that is stored. */
static void heed(fake_bus *bus, fake_stored *s)
{
    if (strcmp(fake_stored_header(s, RP_HEADER_ROLLUP), "sub") == 0) {
        for (fake_stored *p = bus->stored; p < s; p++)
            p->gone |= strcmp(p->stream, s->stream) == 0 && strcmp(p->subject, s->subject) == 0;
    }
    if (bus->clock && s->headers[RP_HEADER_TTL])
        s->expires_ns = rp_clock_monotonic_ns(bus->clock) +
                        strtoull(s->headers[RP_HEADER_TTL], NULL, 10) * RP_NS_PER_S;
}

rp_published fake__store(fake_bus *bus, fake_stored *message, bool expect, uint64_t expected)
{
    const fake_stored *last = fake__last_of(bus, message->stream, message->subject);
    const char *id = message->headers[RP_HEADER_MESSAGE_ID];
    if (expect && (last ? last->sequence : 0) != expected)
        return (rp_published){.status = RP_CONFLICT, .why = "wrong last sequence"};
    const fake_stored *same = with_id(bus, message->stream, rp_bytes_text(id));
    if (same)
        return (rp_published){.status = RP_DUPLICATE, .sequence = same->sequence};
    RP_ASSERT(bus->stored_count < FAKE_STORED_MAX);
    fake_stored *s = &bus->stored[bus->stored_count++];
    message->sequence = fake__last_sequence(bus, message->stream) + 1;
    *s = *message;
    *message = (fake_stored){0};
    heed(bus, s);
    return (rp_published){.sequence = s->sequence};
}

rp_published fake__store_now(fake_bus *bus, const rp_publication *publication)
{
    fake_stored *message = fake__made(publication);
    rp_published published =
        fake__store(bus, message, publication->expect, publication->expected_sequence);
    fake__stored_free(message);
    return published;
}

void fake_bus_put(
    fake_bus *bus, const char *subject, const char *body, const char *cause, const char *attempt)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(body)};
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text(cause));
    rp_publication_header(&p, RP_HEADER_TRY, rp_bytes_text(attempt));
    RP_ASSERT(fake__store_now(bus, &p).status == RP_OK);
}

void fake_bus_drop(fake_bus *bus, const char *subject)
{
    for (size_t i = 0; i < bus->stored_count; i++)
        bus->stored[i].gone |= strcmp(bus->stored[i].subject, subject) == 0;
}

const fake_stored *fake_bus_at(const fake_bus *bus, const char *subject, size_t index)
{
    for (size_t i = 0; i < bus->stored_count; i++) {
        if (!fake__is_gone(bus, &bus->stored[i]) && strcmp(bus->stored[i].subject, subject) == 0 &&
            index-- == 0)
            return &bus->stored[i];
    }
    return NULL;
}

size_t fake_bus_count(const fake_bus *bus, const char *subject)
{
    size_t count = 0;
    while (fake_bus_at(bus, subject, count))
        count++;
    return count;
}

const char *fake_stored_header(const fake_stored *stored, rp_header header)
{
    return stored && stored->headers[header] ? stored->headers[header] : "";
}
