#include "tests/unit/support/fake_bus_internal.h"

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
    if (bus->cut || (fated && fate.kind == FAKE_DELAY)) {
        w->held = true;
        w->delayed = fake__made(publication);
        w->expect = publication->expect;
        w->expected_sequence = publication->expected_sequence;
        return RP_OK;
    }
    w->published = fake__store_now(bus, publication);
    if (fated && fate.kind == FAKE_LOSE_ACK)
        w->published = fake__store_now(bus, publication);
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
    w->held = bus->cut;
    fake__copy_text(w->stream, rp_bytes_text(stream));
    fake__copy_text(w->subject, rp_bytes_text(subject));
    return RP_OK;
}

static rp_status stream_state(rp_bus *b, const char *stream, rp_stream_cb callback, void *arg)
{
    fake_bus *bus = fake_of(b);
    fake_waiting *w = wait_for(bus, arg);
    w->stream_cb = callback;
    w->held = bus->cut;
    fake__copy_text(w->stream, rp_bytes_text(stream));
    return RP_OK;
}

static rp_status purge(rp_bus *b, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg)
{
    fake_bus *bus = fake_of(b);
    fake_waiting *w = wait_for(bus, arg);
    w->purged_cb = callback;
    for (size_t i = 0; i < bus->stored_count; i++) {
        fake_stored *s = &bus->stored[i];
        if (fake__is_gone(bus, s) || strcmp(s->stream, stream) != 0 || s->sequence >= keep_from ||
            (filter && !fake__takes(filter, s->subject)))
            continue;
        s->gone = true;
        w->purged++;
    }
    return RP_OK;
}

static void forget(rp_bus *b, void *arg)
{
    fake_bus *bus = fake_of(b);
    size_t kept = 0;
    for (size_t i = 0; i < bus->waiting_count; i++) {
        fake_waiting *w = &bus->waiting[i];
        if (w->arg == arg && w->delayed)
            w->published_cb = NULL; /* is stored all the same */
        if (w->arg != arg || w->delayed)
            bus->waiting[kept++] = *w;
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
    fake__stored_free(m->stored);
    free(m);
}

static fake_message view(fake_bus *bus, fake_stored *s)
{
    return (fake_message){.message = {.subject = rp_bytes_text(s->subject),
                              .body = rp_bytes_of(s->body, s->body_len),
                              .stream = rp_bytes_text(s->stream),
                              .stream_sequence = s->sequence,
                              .header = header_of,
                              .free = lent},
        .bus = bus,
        .stored = s};
}

static void answer(fake_bus *bus, const fake_waiting *w)
{
    const fake_stored *found = fake__last_of(bus, w->stream, w->subject);
    rp_status status = bus->read_status != RP_OK ? bus->read_status : found ? RP_OK : RP_NOT_FOUND;
    fake_message lend = {0};
    if (status == RP_OK)
        lend = view(bus, (fake_stored *)(uintptr_t)found);
    w->answer_cb(w->arg, status, status == RP_OK ? &lend.message : NULL);
}

static void answer_stream(const fake_bus *bus, const fake_waiting *w)
{
    uint64_t last = fake__last_sequence(bus, w->stream);
    rp_stream_state state = bus->stream;
    if (bus->no_stream && strcmp(bus->no_stream, w->stream) == 0) {
        w->stream_cb(w->arg, RP_NOT_FOUND, NULL);
        return;
    }
    state.first_sequence = last + 1;
    state.last_sequence = last;
    for (size_t i = bus->stored_count; i > 0; i--) {
        const fake_stored *s = &bus->stored[i - 1];
        if (fake__is_gone(bus, s) || strcmp(s->stream, w->stream) != 0)
            continue;
        state.first_sequence = s->sequence;
        state.messages++;
        state.bytes += s->body_len;
    }
    w->stream_cb(w->arg, RP_OK, &state);
}

/* -- followers --------------------------------------------------------------------------------- */

static rp_status follow(rp_bus *b, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    fake_bus *bus = fake_of(b);
    uint64_t last = fake__last_sequence(bus, spec->stream);
    for (size_t i = 0; i < FAKE_FOLLOWERS_MAX; i++) {
        rp_follower *f = &bus->followers[i];
        if (f->open)
            continue;
        *f = (rp_follower){.bus = bus, .spec = *spec, .open = true, .last_at_start = last};
        f->next = spec->from == RP_FOLLOW_NEW        ? last + 1
                  : spec->from == RP_FOLLOW_SEQUENCE ? spec->sequence
                                                     : 1;
        *ret_follower = f;
        return RP_OK;
    }
    return RP_LIMIT;
}

static void unfollow(rp_follower *follower)
{
    RP_ASSERT(follower->open);
    follower->open = false;
}

size_t fake_bus_followers(const fake_bus *bus)
{
    size_t count = 0;
    for (size_t i = 0; i < FAKE_FOLLOWERS_MAX; i++)
        count += bus->followers[i].open;
    return count;
}

static bool wants(const rp_follower *f, const fake_stored *s)
{
    if (s->sequence < f->next || fake__is_gone(f->bus, s) ||
        strcmp(s->stream, f->spec.stream) != 0 || !fake__takes(f->spec.filter, s->subject))
        return false;
    return f->spec.from != RP_FOLLOW_LAST_PER_SUBJECT || s->sequence > f->last_at_start ||
           fake__last_of(f->bus, s->stream, s->subject) == s;
}

/* One message, or that it has caught up; false where it has nothing to hear. */
static bool follower_step(rp_follower *f)
{
    fake_stored *first = NULL;
    uint64_t behind = 0;
    for (size_t i = 0; i < f->bus->stored_count; i++) {
        if (!wants(f, &f->bus->stored[i]))
            continue;
        behind += first != NULL;
        first = first ? first : &f->bus->stored[i];
    }
    if (!f->caught_up && (!first || first->sequence > f->last_at_start)) {
        f->caught_up = true;
        if (f->spec.on_caught_up)
            f->spec.on_caught_up(f->spec.arg);
        return true;
    }
    if (!first)
        return false;
    fake_message lend = view(f->bus, first);
    lend.message.pending = behind;
    f->next = first->sequence + 1;
    f->spec.on_message(f->spec.arg, &lend.message);
    return true;
}

static bool followers_step(fake_bus *bus)
{
    for (size_t i = 0; i < FAKE_FOLLOWERS_MAX && !bus->cut; i++) {
        if (bus->followers[i].open && follower_step(&bus->followers[i]))
            return true;
    }
    return false;
}

/* -- turning it -------------------------------------------------------------------------------- */

bool fake_bus_step(fake_bus *bus)
{
    size_t i = 0;
    while (i < bus->waiting_count && bus->waiting[i].held)
        i++;
    if (i == bus->waiting_count)
        return followers_step(bus);
    fake_waiting w = bus->waiting[i];
    bus->waiting_count--;
    memmove(&bus->waiting[i], &bus->waiting[i + 1], (bus->waiting_count - i) * sizeof w);
    if (w.answer_cb)
        answer(bus, &w);
    else if (w.stream_cb)
        answer_stream(bus, &w);
    else if (w.purged_cb)
        w.purged_cb(w.arg, RP_OK, w.purged);
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
    for (size_t i = 0; i < bus->waiting_count; i++) {
        fake_waiting *w = &bus->waiting[i];
        w->held = false;
        if (w->delayed)
            w->published = fake__store(bus, w->delayed, w->expect, w->expected_sequence);
        fake__stored_free(w->delayed);
        w->delayed = NULL;
    }
}

static void tell_state(fake_bus *bus, bool connected)
{
    bus->cut = !connected;
    if (bus->on_state)
        bus->on_state(bus->on_state_arg, connected);
}

void fake_bus_cut(fake_bus *bus)
{
    tell_state(bus, false);
}

void fake_bus_mend(fake_bus *bus)
{
    tell_state(bus, true);
    fake_bus_let_go(bus);
}

static void watch_state(rp_bus *b, rp_bus_state_cb callback, void *arg)
{
    fake_bus *bus = fake_of(b);
    bus->on_state = callback;
    bus->on_state_arg = arg;
    callback(arg, !bus->cut);
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
    fake__copy_text(s->stream, rp_bytes_text(mailbox->spec.stream));
    fake__copy_text(
        s->subject, rp_bytes_text(delivery->subject ? delivery->subject : "exec.m.v.lane"));
    s->sequence = delivery->sequence;
    s->body = fake__copy(rp_bytes_text(delivery->body));
    s->body_len = strlen(s->body);
    for (size_t i = 0; i < FAKE_DELIVERY_HEADERS_MAX && delivery->headers[i].value; i++)
        s->headers[delivery->headers[i].header] =
            fake__copy(rp_bytes_text(delivery->headers[i].value));
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
        .follow = follow,
        .unfollow = unfollow,
        .watch_state = watch_state,
        .stream_state = stream_state,
        .purge = purge,
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
        fake__stored_done(&bus->stored[i]);
    for (size_t i = 0; i < bus->waiting_count; i++)
        fake__stored_free(bus->waiting[i].delayed);
    free(bus);
}
