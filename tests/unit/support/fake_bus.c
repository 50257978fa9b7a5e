#include "tests/unit/support/fake_bus.h"

#include <stdio.h>
#include <stdlib.h>

/* A message that was handed out: a mailbox's, or the view that an answer lends. */
typedef struct fake_message {
    rp_message message; /* first */
    fake_bus *bus;
    fake_stored *stored;
} fake_message;

static fake_bus *fake_of(rp_bus *bus)
{
    return (fake_bus *)bus;
}

static char *copy_of(rp_bytes text)
{
    char *copy = calloc(1, text.len + 1);
    RP_ASSERT(copy);
    if (text.len)
        memcpy(copy, text.data, text.len);
    return copy;
}

static void copy_text(char out[FAKE_TEXT_BYTES], rp_bytes text)
{
    RP_ASSERT(text.len < FAKE_TEXT_BYTES);
    if (text.len)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

static void stored_done(fake_stored *stored)
{
    free(stored->body);
    for (size_t i = 0; i < RP_HEADER_COUNT; i++)
        free(stored->headers[i]);
}

/* -- streams ----------------------------------------------------------------------------------- */

static void stream_of(const char *subject, char stream[FAKE_TEXT_BYTES])
{
    static const char *const names[][2] = {{"reply.", "REPLY"}, {"result.", "RESULT"},
        {"exec.", "EXEC"}, {"dead.", "DEAD"}, {"$KV.ACTORS.", "KV_ACTORS"}};
    strcpy(stream, "OTHER");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(subject, names[i][0], strlen(names[i][0])) == 0)
            strcpy(stream, names[i][1]);
    }
}

static const fake_stored *last_of(const fake_bus *bus, const char *stream, const char *subject)
{
    for (size_t i = bus->stored_count; i > 0; i--) {
        const fake_stored *s = &bus->stored[i - 1];
        if (!s->gone && strcmp(s->stream, stream) == 0 && strcmp(s->subject, subject) == 0)
            return s;
    }
    return NULL;
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

static rp_bytes header_in(const rp_publication *publication, rp_header header)
{
    for (size_t i = 0; i < publication->header_count; i++) {
        if (publication->headers[i].header == header)
            return publication->headers[i].value;
    }
    return rp_bytes_of(NULL, 0);
}

/* What the server does with a publish: the expected sequence is looked at before the id. */
static rp_published store(fake_bus *bus, const rp_publication *publication)
{
    char stream[FAKE_TEXT_BYTES], subject[FAKE_TEXT_BYTES];
    const bool put = publication->subject.len > 4 && !memcmp(publication->subject.data, "put.", 4);
    copy_text(subject, rp_bytes_of(publication->subject.data + (put ? 4 : 0),
                           publication->subject.len - (put ? 4 : 0)));
    stream_of(subject, stream);
    const fake_stored *last = last_of(bus, stream, subject);
    if (publication->expect && (last ? last->sequence : 0) != publication->expected_sequence)
        return (rp_published){.status = RP_CONFLICT, .why = "wrong last sequence"};
    const fake_stored *same = with_id(bus, stream, header_in(publication, RP_HEADER_MESSAGE_ID));
    if (same)
        return (rp_published){.status = RP_DUPLICATE, .sequence = same->sequence};
    RP_ASSERT(bus->stored_count < FAKE_STORED_MAX);
    fake_stored *s = &bus->stored[bus->stored_count++];
    uint64_t before = 0;
    for (const fake_stored *p = bus->stored; p < s; p++)
        before += strcmp(p->stream, stream) == 0;
    strcpy(s->stream, stream);
    strcpy(s->subject, subject);
    s->sequence = before + 1;
    s->body = copy_of(publication->body);
    for (size_t i = 0; i < publication->header_count; i++) {
        const rp_header_value *h = &publication->headers[i];
        RP_ASSERT(!s->headers[h->header]);
        s->headers[h->header] = copy_of(h->value);
    }
    return (rp_published){.sequence = s->sequence};
}

void fake_bus_put(
    fake_bus *bus, const char *subject, const char *body, const char *cause, const char *attempt)
{
    rp_publication p = {.subject = rp_bytes_text(subject), .body = rp_bytes_text(body)};
    rp_publication_header(&p, RP_HEADER_CAUSE, rp_bytes_text(cause));
    rp_publication_header(&p, RP_HEADER_TRY, rp_bytes_text(attempt));
    RP_ASSERT(store(bus, &p).status == RP_OK);
}

void fake_bus_drop(fake_bus *bus, const char *subject)
{
    for (size_t i = 0; i < bus->stored_count; i++)
        bus->stored[i].gone |= strcmp(bus->stored[i].subject, subject) == 0;
}

const fake_stored *fake_bus_at(const fake_bus *bus, const char *subject, size_t index)
{
    for (size_t i = 0; i < bus->stored_count; i++) {
        if (!bus->stored[i].gone && strcmp(bus->stored[i].subject, subject) == 0 && index-- == 0)
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

/* -- publishing and reading -------------------------------------------------------------------- */

void fake_bus_fate(fake_bus *bus, const char *prefix, fake_fate_kind kind, rp_status status)
{
    size_t i = 0;
    while (bus->fates[i].prefix)
        RP_ASSERT(++i < FAKE_FATES_MAX);
    bus->fates[i] = (fake_fate){prefix, kind, status};
}

/* The first fate that fits, which is used up. */
static bool take_fate(fake_bus *bus, rp_bytes subject, fake_fate *ret_fate)
{
    for (size_t i = 0; i < FAKE_FATES_MAX && bus->fates[i].prefix; i++) {
        size_t len = strlen(bus->fates[i].prefix);
        if (subject.len < len || memcmp(subject.data, bus->fates[i].prefix, len) != 0)
            continue;
        *ret_fate = bus->fates[i];
        memmove(&bus->fates[i], &bus->fates[i + 1], (FAKE_FATES_MAX - 1 - i) * sizeof *bus->fates);
        bus->fates[FAKE_FATES_MAX - 1] = (fake_fate){0};
        return true;
    }
    return false;
}

static fake_waiting *wait_for(fake_bus *bus, void *arg)
{
    RP_ASSERT(bus->waiting_count < FAKE_WAITING_MAX);
    fake_waiting *w = &bus->waiting[bus->waiting_count++];
    *w = (fake_waiting){.arg = arg};
    return w;
}

static rp_status publish(
    rp_bus *b, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    fake_bus *bus = fake_of(b);
    fake_fate fate = {0};
    bool fated = take_fate(bus, publication->subject, &fate);
    if (fated && fate.kind == FAKE_REFUSE)
        return fate.status;
    bus->published_count++;
    fake_waiting *w = wait_for(bus, arg);
    w->published_cb = callback;
    w->held = fated && fate.kind == FAKE_HOLD;
    if (fated && fate.kind == FAKE_FAIL) {
        w->published = (rp_published){.status = fate.status, .why = "as the test says"};
        return RP_OK;
    }
    w->published = store(bus, publication);
    if (fated && fate.kind == FAKE_LOSE_ACK)
        w->published = store(bus, publication);
    return RP_OK;
}

static rp_status last(
    rp_bus *b, const char *stream, const char *subject, rp_answer_cb callback, void *arg)
{
    fake_bus *bus = fake_of(b);
    if (bus->read_refused != RP_OK)
        return bus->read_refused;
    bus->read_count++;
    fake_waiting *w = wait_for(bus, arg);
    w->answer_cb = callback;
    copy_text(w->stream, rp_bytes_text(stream));
    copy_text(w->subject, rp_bytes_text(subject));
    return RP_OK;
}

static void forget(rp_bus *b, void *arg)
{
    fake_bus *bus = fake_of(b);
    size_t kept = 0;
    for (size_t i = 0; i < bus->waiting_count; i++) {
        if (bus->waiting[i].arg != arg)
            bus->waiting[kept++] = bus->waiting[i];
    }
    bus->waiting_count = kept;
}

/* -- messages ---------------------------------------------------------------------------------- */

static rp_bytes header_of(const rp_message *message, rp_header header)
{
    return rp_bytes_text(((const fake_message *)message)->stored->headers[header]);
}

static void lent(rp_message *message)
{
    (void)message;
}

static void give_back(rp_message *message)
{
    fake_message *m = (fake_message *)message;
    m->bus->messages_alive--;
    stored_done(m->stored);
    free(m->stored);
    free(m);
}

static fake_message view(fake_bus *bus, fake_stored *s)
{
    return (fake_message){.message = {.subject = rp_bytes_text(s->subject),
                              .body = rp_bytes_text(s->body),
                              .stream = rp_bytes_text(s->stream),
                              .stream_sequence = s->sequence,
                              .header = header_of,
                              .free = lent},
        .bus = bus,
        .stored = s};
}

static void answer(fake_bus *bus, const fake_waiting *w)
{
    const fake_stored *found = last_of(bus, w->stream, w->subject);
    rp_status status = bus->read_status != RP_OK ? bus->read_status : found ? RP_OK : RP_NOT_FOUND;
    fake_message lend = {0};
    if (status == RP_OK)
        lend = view(bus, (fake_stored *)(uintptr_t)found);
    w->answer_cb(w->arg, status, status == RP_OK ? &lend.message : NULL);
}

bool fake_bus_step(fake_bus *bus)
{
    size_t i = 0;
    while (i < bus->waiting_count && bus->waiting[i].held)
        i++;
    if (i == bus->waiting_count)
        return false;
    fake_waiting w = bus->waiting[i];
    bus->waiting_count--;
    memmove(&bus->waiting[i], &bus->waiting[i + 1], (bus->waiting_count - i) * sizeof w);
    if (w.answer_cb)
        answer(bus, &w);
    else if (w.published_cb)
        w.published_cb(w.arg, &w.published);
    return true;
}

void fake_bus_run(fake_bus *bus)
{
    while (fake_bus_step(bus))
        continue;
}

void fake_bus_let_go(fake_bus *bus)
{
    for (size_t i = 0; i < bus->waiting_count; i++)
        bus->waiting[i].held = false;
}

/* -- mailboxes --------------------------------------------------------------------------------- */

static rp_status mailbox_open(rp_bus *b, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    fake_bus *bus = fake_of(b);
    if (bus->mailbox_count == FAKE_MAILBOXES_MAX)
        return RP_LIMIT;
    rp_mailbox *mailbox = &bus->mailboxes[bus->mailbox_count++];
    *mailbox = (rp_mailbox){.bus = bus, .spec = *spec, .open = true};
    *ret_mailbox = mailbox;
    return RP_OK;
}

static void mailbox_credit(rp_mailbox *mailbox, size_t credit)
{
    mailbox->credit = credit;
}

static void mailbox_close(rp_mailbox *mailbox)
{
    RP_ASSERT(mailbox->open);
    mailbox->open = false;
    mailbox->credit = 0;
}

rp_mailbox *fake_bus_mailbox(fake_bus *bus, const char *durable)
{
    size_t i = 0;
    while (i < bus->mailbox_count && strcmp(bus->mailboxes[i].spec.durable, durable) != 0)
        i++;
    RP_ASSERT(i < bus->mailbox_count);
    return &bus->mailboxes[i];
}

void fake_bus_deliver(fake_bus *bus, const char *durable, const fake_delivery *delivery)
{
    rp_mailbox *mailbox = fake_bus_mailbox(bus, durable);
    fake_message *m = calloc(1, sizeof *m);
    fake_stored *s = calloc(1, sizeof *s);
    RP_ASSERT(m && s && mailbox->open && mailbox->credit > 0);
    copy_text(s->stream, rp_bytes_text(mailbox->spec.stream));
    copy_text(s->subject, rp_bytes_text(delivery->subject ? delivery->subject : "exec.m.v.lane"));
    s->sequence = delivery->sequence;
    s->body = copy_of(rp_bytes_text(delivery->body));
    for (size_t i = 0; i < FAKE_DELIVERY_HEADERS_MAX && delivery->headers[i].value; i++)
        s->headers[delivery->headers[i].header] =
            copy_of(rp_bytes_text(delivery->headers[i].value));
    *m = view(bus, s);
    m->message.deliveries = delivery->deliveries;
    m->message.timestamp_ns = delivery->timestamp_ns;
    m->message.free = give_back;
    bus->messages_alive++;
    mailbox->credit--;
    mailbox->spec.on_message(mailbox->spec.arg, &m->message);
}

static void settle(rp_bus *b, const rp_message *message, rp_settlement settlement,
    uint64_t delay_ns, const char *reason)
{
    fake_bus *bus = fake_of(b);
    RP_ASSERT(bus->settled_count < FAKE_SETTLED_MAX);
    fake_settled *s = &bus->settled[bus->settled_count++];
    *s = (fake_settled){.sequence = message->stream_sequence,
        .deliveries = message->deliveries,
        .settlement = settlement,
        .delay_ns = delay_ns,
        .stored_before = bus->stored_count};
    snprintf(s->reason, sizeof s->reason, "%s", reason ? reason : "");
}

/* -- the rest, which no test of a worker needs ------------------------------------------------- */

static rp_status no_request(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg)
{
    (void)bus, (void)subject, (void)body, (void)timeout_ns, (void)callback, (void)arg;
    return RP_UNSUPPORTED;
}

static void no_send(rp_bus *bus, rp_bytes subject, rp_bytes body)
{
    (void)bus, (void)subject, (void)body;
}

static rp_status no_subscribe(rp_bus *bus, const char *subject, const char *queue,
    rp_plain_cb callback, void *arg, rp_subscription **ret_subscription)
{
    (void)bus, (void)subject, (void)queue, (void)callback, (void)arg, (void)ret_subscription;
    return RP_UNSUPPORTED;
}

static rp_status no_follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    (void)bus, (void)spec, (void)ret_follower;
    return RP_UNSUPPORTED;
}

static size_t payload_bytes_max(const rp_bus *bus)
{
    return ((const fake_bus *)bus)->payload_bytes_max;
}

static void bus_free(rp_bus *bus)
{
    fake_bus_free(fake_of(bus));
}

fake_bus *fake_bus_new(void)
{
    static const rp_bus_ops ops = {.mailbox_open = mailbox_open,
        .mailbox_credit = mailbox_credit,
        .mailbox_close = mailbox_close,
        .settle = settle,
        .publish = publish,
        .last = last,
        .request = no_request,
        .forget = forget,
        .send = no_send,
        .subscribe = no_subscribe,
        .follow = no_follow,
        .payload_bytes_max = payload_bytes_max,
        .free = bus_free};
    fake_bus *bus = calloc(1, sizeof *bus);
    RP_ASSERT(bus);
    bus->bus.ops = &ops;
    bus->payload_bytes_max = 1 << 20;
    return bus;
}

void fake_bus_free(fake_bus *bus)
{
    RP_ASSERT(bus->messages_alive == 0);
    for (size_t i = 0; i < bus->stored_count; i++)
        stored_done(&bus->stored[i]);
    free(bus);
}
