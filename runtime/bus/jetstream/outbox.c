/* What waits for an answer.
 *
 * A publish stays here until the stream says that it is stored, a question until it is answered.
 * Entries are sent again after ack_wait, after a "not now" with back-off, and all of them in their
 * order when a connection was lost. A publish carries its message id or its expected sequence, so
 * sending it twice stores it once. */
#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "runtime/bus/jetstream/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUSY_WAIT_MS = 20, BUSY_DOUBLINGS_MAX = 6, BUFFERED_BYTES_MAX = 64 << 20 };

rp_status rp__outbox_init(rp__jetstream *js)
{
    const rp_jetstream_limits *limits = &js->spec.limits;
    rp__outbox *o = &js->outbox;
    rp_status status =
        rp__slots_init(&o->slots, limits->outbox_messages_max, limits->outbox_bytes_max);
    if (status == RP_OK)
        o->entries = calloc(o->slots.capacity, sizeof *o->entries);
    return status == RP_OK && !o->entries ? RP_NO_MEMORY : status;
}

static uint32_t slot_of(const rp__outbox *o, const rp__entry *entry)
{
    return (uint32_t)(entry - o->entries);
}

static uint32_t next_of(const rp__outbox *o, uint32_t slot)
{
    return o->slots.slots[slot].next;
}

static void show(rp__jetstream *js)
{
    rp_gauge_set_count(js->metrics.outbox_messages, rp__slots_count(&js->outbox.slots));
    rp_gauge_set_count(js->metrics.outbox_bytes, js->outbox.slots.bytes);
}

static rp__entry *take(rp__jetstream *js, rp__entry_kind kind, size_t bytes)
{
    rp__outbox *o = &js->outbox;
    uint32_t slot;
    if (rp__link_buffered(js->link) > BUFFERED_BYTES_MAX ||
        !rp__slots_take(&o->slots, bytes, &slot)) {
        rp_counter_add(js->metrics.outbox_full, 1);
        return NULL;
    }
    o->entries[slot] = (rp__entry){.js = js, .kind = kind};
    o->questions += kind == RP__ENTRY_QUESTION;
    show(js);
    return &o->entries[slot];
}

static void close_inbox(rp__entry *entry)
{
    natsSubscription_Destroy(entry->inbox);
    entry->inbox = NULL;
}

static void drop(rp__jetstream *js, rp__entry *entry)
{
    close_inbox(entry);
    natsMsg_Destroy(entry->nats);
    entry->nats = NULL;
    js->outbox.questions -= entry->kind == RP__ENTRY_QUESTION;
    rp__slots_give_back(&js->outbox.slots, slot_of(&js->outbox, entry));
    show(js);
}

/* -- sending ----------------------------------------------------------------------------------- */

/* Whether nats.c refuses this message, not the connection. */
static bool is_of_the_message(natsStatus s)
{
    return s == NATS_MAX_PAYLOAD || s == NATS_INVALID_ARG || s == NATS_INVALID_SUBJECT ||
           s == NATS_NO_MEMORY;
}

/* Publishes share one, since two more lines for each to the server are too many. */
static bool open_inbox(rp__jetstream *js, rp__entry *entry)
{
    if (entry->kind != RP__ENTRY_QUESTION || entry->inbox)
        return true;
    natsStatus s =
        natsConnection_SubscribeSync(&entry->inbox, js->connection, natsMsg_GetReply(entry->nats));
    if (s != NATS_OK)
        rp__connection_failed(js, s, "subscribe");
    return s == NATS_OK;
}

static void send_entry(rp__jetstream *js, rp__entry *entry, uint64_t now_ns)
{
    if (!js->connection || !open_inbox(js, entry))
        return;
    if (entry->give_up_at_ns == 0)
        entry->give_up_at_ns = now_ns + entry->patience_ns;
    if (entry->tries++ > 0)
        rp_counter_add(js->metrics.published_again, 1);
    entry->sent = true;
    entry->resend_at_ns = now_ns + js->spec.limits.ack_wait_ns;
    natsStatus s = natsConnection_PublishMsg(js->connection, entry->nats);
    if (s == NATS_OK)
        return;
    if (is_of_the_message(s)) {
        entry->refused = true; /* the next tick says so to whoever asked */
        entry->give_up_at_ns = now_ns;
    } else {
        rp__connection_failed(js, s, "publish");
    }
}

static rp_status start(rp__jetstream *js, rp__entry *entry, natsMsg *nats, uint64_t patience_ns)
{
    entry->nats = nats;
    entry->patience_ns = patience_ns;
    send_entry(js, entry, rp__now(js));
    return RP_OK;
}

void rp__outbox_connected(rp__jetstream *js)
{
    rp__outbox *o = &js->outbox;
    uint64_t now_ns = rp__now(js);
    for (uint32_t i = o->slots.oldest; i != RP__SLOT_NONE && js->connection; i = next_of(o, i))
        send_entry(js, &o->entries[i], now_ns);
}

void rp__outbox_disconnected(rp__jetstream *js)
{
    rp__outbox *o = &js->outbox;
    if (!o->entries)
        return;
    for (uint32_t i = o->slots.oldest; i != RP__SLOT_NONE; i = next_of(o, i)) {
        close_inbox(&o->entries[i]);
        o->entries[i].sent = false;
        o->entries[i].give_up_at_ns = 0;
    }
}

/* -- starting ---------------------------------------------------------------------------------- */

static bool put_header(natsMsg *nats, const char *name, const char *value)
{
    return natsMsgHeader_Set(nats, name, value) == NATS_OK;
}

/* nats.c writes headers as they are: what would end one early is refused. */
static bool is_header_value(rp_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < ' ' || value.data[i] > '~')
            return false;
    }
    return true;
}

static rp_status put_headers(rp__jetstream *js, natsMsg *nats, const rp_publication *publication)
{
    rp_buffer *scratch = &js->scratch;
    for (size_t i = 0; i < publication->header_count; i++) {
        const rp_header_value *h = &publication->headers[i];
        if (!is_header_value(h->value))
            return RP_INVALID;
        rp_buffer_clear(scratch);
        rp_buffer_append(scratch, h->value.data, h->value.len);
        if (scratch->truncated)
            return RP_LIMIT;
        if (!put_header(nats, rp_header_name(h->header), rp_buffer_string(scratch)))
            return RP_NO_MEMORY;
    }
    if (publication->expect) {
        char number[24];
        snprintf(number, sizeof number, "%" PRIu64, publication->expected_sequence);
        if (!put_header(nats, "Nats-Expected-Last-Subject-Sequence", number))
            return RP_NO_MEMORY;
    }
    return RP_OK;
}

static rp_status make_message(rp__jetstream *js, const rp__entry *entry, const char *subject,
    rp_bytes body, natsMsg **ret_nats)
{
    char reply[RP__INBOX_BYTES];
    uint32_t slot = slot_of(&js->outbox, entry);
    rp__inbox_subject(js, entry->kind == RP__ENTRY_QUESTION ? RP__INBOX_QUESTION : RP__INBOX_ANSWER,
        slot, js->outbox.slots.slots[slot].generation, reply);
    natsStatus s = natsMsg_Create(ret_nats, subject, reply, (const char *)body.data, (int)body.len);
    return s == NATS_OK ? RP_OK : RP_NO_MEMORY;
}

rp_status rp__outbox_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    char subject[RP__SUBJECT_BYTES];
    natsMsg *nats = NULL;
    if (!rp_name_is_subject(publication->subject) || publication->subject.len >= sizeof subject)
        return RP_INVALID;
    if (publication->body.len > js->payload_bytes_max)
        return RP_LIMIT;
    rp__entry *entry = take(js, RP__ENTRY_PUBLISH, publication->body.len);
    if (!entry)
        return RP_LIMIT;
    memcpy(subject, publication->subject.data, publication->subject.len);
    subject[publication->subject.len] = '\0';
    rp_status status = make_message(js, entry, subject, publication->body, &nats);
    if (status == RP_OK)
        status = put_headers(js, nats, publication);
    entry->nats = nats;
    if (status != RP_OK) {
        drop(js, entry);
        return status;
    }
    entry->callback.published = callback;
    entry->arg = arg;
    rp_counter_add(js->metrics.published, 1);
    return start(js, entry, nats, js->spec.limits.publish_give_up_ns);
}

static rp_status ask(rp__jetstream *js, rp__entry_kind kind, const char *subject, rp_bytes body,
    uint64_t patience_ns, rp_answer_cb callback, void *arg)
{
    natsMsg *nats = NULL;
    /* The filter of a consumer that is to be made stands in the API's subject. */
    if (!rp_name_is_filter(rp_bytes_text(subject)) || body.len > js->payload_bytes_max)
        return RP_INVALID;
    rp__entry *entry = take(js, kind, body.len);
    if (!entry)
        return RP_LIMIT;
    rp_status status = make_message(js, entry, subject, body, &nats);
    if (status != RP_OK) {
        drop(js, entry);
        return status;
    }
    entry->callback.answered = callback;
    entry->arg = arg;
    return start(js, entry, nats, patience_ns);
}

rp_status rp__outbox_last(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    char question[RP__SUBJECT_BYTES];
    if (!rp__wire_is_name(stream))
        return RP_INVALID;
    int n = snprintf(question, sizeof question, "$JS.API.DIRECT.GET.%s.%s", stream, subject);
    if (n < 0 || (size_t)n >= sizeof question)
        return RP_INVALID;
    return ask(js, RP__ENTRY_LAST, question, rp_bytes_of(NULL, 0), js->spec.limits.question_wait_ns,
        callback, arg);
}

rp_status rp__outbox_request(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg)
{
    return ask(rp__jetstream_of(bus), RP__ENTRY_QUESTION, subject, body, timeout_ns, callback, arg);
}

void rp__outbox_forget(rp_bus *bus, void *arg)
{
    rp__outbox *o = &rp__jetstream_of(bus)->outbox;
    for (uint32_t i = o->slots.oldest; i != RP__SLOT_NONE; i = next_of(o, i)) {
        if (o->entries[i].arg != arg)
            continue;
        o->entries[i].callback.published = NULL;
        o->entries[i].callback.answered = NULL;
    }
}

/* -- answers ----------------------------------------------------------------------------------- */

/* The entry is dropped before its callback runs, so that the callback finds room. */
static void finish_publish(
    rp__jetstream *js, rp__entry *entry, rp_status status, uint64_t sequence, const char *why)
{
    rp_published_cb callback = entry->callback.published;
    void *arg = entry->arg;
    rp_published published = {.status = status, .sequence = sequence, .why = why};
    if (status == RP_CONFLICT)
        rp_counter_add(js->metrics.conflicts, 1);
    else if (status == RP_FULL)
        rp_counter_add(js->metrics.stream_full, 1);
    drop(js, entry);
    if (callback)
        callback(arg, &published);
}

static void finish_question(
    rp__jetstream *js, rp__entry *entry, rp_status status, const rp_message *message)
{
    rp_answer_cb callback = entry->callback.answered;
    void *arg = entry->arg;
    drop(js, entry);
    if (callback)
        callback(arg, status, status == RP_OK ? message : NULL);
}

static void finish(rp__jetstream *js, rp__entry *entry, rp_status status, const char *why)
{
    if (entry->kind == RP__ENTRY_PUBLISH)
        finish_publish(js, entry, status, 0, why);
    else
        finish_question(js, entry, status, NULL);
}

static uint64_t later(const rp__entry *entry, uint64_t now_ns)
{
    uint32_t doublings = entry->tries < BUSY_DOUBLINGS_MAX ? entry->tries : BUSY_DOUBLINGS_MAX;
    return now_ns + ((uint64_t)BUSY_WAIT_MS << doublings) * RP_NS_PER_MS;
}

/* "Not now": the stream's queue is full. */
static void try_later(rp__jetstream *js, rp__entry *entry)
{
    entry->resend_at_ns = later(entry, rp__now(js));
}

/* No stream listens (yet: a server that starts up). To whom, nats.c does not say: whatever is not
 * answered until then is sent again, which is harmless. */
static void try_all_later(rp__jetstream *js)
{
    rp__outbox *o = &js->outbox;
    uint64_t now_ns = rp__now(js);
    for (uint32_t i = o->slots.oldest; i != RP__SLOT_NONE; i = next_of(o, i)) {
        rp__entry *entry = &o->entries[i];
        uint64_t again_ns = later(entry, now_ns);
        if (again_ns < entry->resend_at_ns)
            entry->resend_at_ns = again_ns;
    }
}

static void answer_publish(rp__jetstream *js, rp__entry *entry, natsMsg *nats)
{
    rp__wire_ack ack;
    rp_bytes body = rp_bytes_of(natsMsg_GetData(nats), (size_t)natsMsg_GetDataLength(nats));
    if (rp__wire_ack_parse(body, &ack) != RP_OK) {
        rp_log_warn(js->spec.log, "publish_ack_unreadable", rp_log_bytes("body", body));
        return; /* it is sent again when its time is up */
    }
    rp_status status = rp__wire_ack_status(&ack);
    if (status == RP_BUSY || status == RP_UNAVAILABLE) {
        rp_log_warn(js->spec.log, "publish_put_off",
            rp_log_text("subject", natsMsg_GetSubject(entry->nats)),
            rp_log_text("why", ack.error.description));
        try_later(js, entry);
        return;
    }
    finish_publish(js, entry, status, ack.sequence, ack.error.description);
}

static void answer_last(rp__jetstream *js, rp__entry *entry, natsMsg *nats)
{
    rp__delivery view;
    const char *sequence = NULL, *stream = NULL;
    int code = rp__delivery_status(nats);
    if (code == 404) {
        finish_question(js, entry, RP_NOT_FOUND, NULL);
        return;
    }
    rp__delivery_view(&view, nats);
    if (code != 0 || natsMsgHeader_Get(nats, "Nats-Sequence", &sequence) != NATS_OK ||
        rp_decimal_parse(rp_bytes_text(sequence), &view.message.stream_sequence) != RP_OK) {
        finish_question(js, entry, RP_INVALID, NULL);
        return;
    }
    if (natsMsgHeader_Get(nats, "Nats-Stream", &stream) == NATS_OK)
        view.message.stream = rp_bytes_text(stream);
    const char *subject = NULL;
    if (natsMsgHeader_Get(nats, "Nats-Subject", &subject) == NATS_OK)
        view.message.subject = rp_bytes_text(subject);
    finish_question(js, entry, RP_OK, &view.message);
}

static void answer(rp__jetstream *js, natsMsg *nats)
{
    uint32_t slot, generation;
    if (!rp__inbox_token(rp__delivery_token(nats), &slot, &generation) ||
        !rp__slots_holds(&js->outbox.slots, slot, generation))
        return; /* the second answer to something sent twice */
    rp__entry *entry = &js->outbox.entries[slot];
    if (entry->kind == RP__ENTRY_PUBLISH)
        answer_publish(js, entry, nats);
    else
        answer_last(js, entry, nats);
}

static size_t drain_answers(rp__jetstream *js, size_t budget)
{
    size_t count = 0;
    bool no_responders = false;
    for (; count < budget && js->answers; count++) {
        natsMsg *nats = NULL;
        natsStatus s = natsSubscription_NextMsg(&nats, js->answers, 0);
        if (s == NATS_OK)
            answer(js, nats);
        else if (s == NATS_NO_RESPONDERS)
            no_responders = true;
        else
            break;
        natsMsg_Destroy(nats);
    }
    if (no_responders)
        try_all_later(js);
    return count;
}

/* True where the question had an answer; it is gone then. */
static bool take_answer(rp__jetstream *js, rp__entry *entry)
{
    rp__delivery view;
    natsMsg *nats = NULL;
    natsStatus s = natsSubscription_NextMsg(&nats, entry->inbox, 0);
    if (s == NATS_NO_RESPONDERS) {
        finish_question(js, entry, RP_UNAVAILABLE, NULL);
        return true;
    }
    if (s != NATS_OK)
        return false;
    rp__delivery_view(&view, nats);
    finish_question(js, entry, RP_OK, &view.message);
    natsMsg_Destroy(nats);
    return true;
}

static size_t drain_questions(rp__jetstream *js, size_t budget)
{
    rp__outbox *o = &js->outbox;
    size_t count = 0;
    uint32_t i = o->slots.oldest;
    while (count < budget && o->questions > 0 && i != RP__SLOT_NONE) {
        bool answered = o->entries[i].inbox && take_answer(js, &o->entries[i]);
        count += answered;
        /* The callback may have changed the list behind us. */
        i = answered ? o->slots.oldest : next_of(o, i);
    }
    return count;
}

size_t rp__outbox_drain(rp__jetstream *js, size_t budget)
{
    size_t count = drain_answers(js, budget);
    return count + drain_questions(js, budget - count);
}

/* Time is up for what was over its limit at the tick before: a turn of the loop lies in between, so
 * that where the process slept, the answers that came meanwhile are read first. A publish that is
 * stored would else be sent again, and its expected sequence may hold once more by now, where its
 * subject has been emptied. */
void rp__outbox_tick(rp__jetstream *js, uint64_t now_ns)
{
    rp__outbox *o = &js->outbox;
    uint64_t before_ns = o->ticked_ns;
    uint32_t next;
    o->ticked_ns = now_ns;
    for (uint32_t i = o->slots.oldest; i != RP__SLOT_NONE && js->connection; i = next) {
        rp__entry *entry = &o->entries[i];
        next = next_of(o, i);
        if (entry->give_up_at_ns && before_ns >= entry->give_up_at_ns) {
            rp_log_warn(js->spec.log, entry->refused ? "message_refused" : "answer_missing",
                rp_log_text("subject", natsMsg_GetSubject(entry->nats)),
                rp_log_count("tries", entry->tries));
            if (entry->refused) {
                finish(js, entry, RP_INVALID, "nats.c does not send this message");
            } else {
                rp_counter_add(js->metrics.given_up, 1);
                finish(js, entry, entry->kind == RP__ENTRY_PUBLISH ? RP_UNAVAILABLE : RP_TIMEOUT,
                    "no acknowledgement in time");
            }
            next = o->slots.oldest; /* the callback may have changed the list behind us */
            continue;
        }
        /* A question that somebody may still answer is asked once; asking the store twice is free.
         */
        if (entry->sent && before_ns >= entry->resend_at_ns && entry->kind != RP__ENTRY_QUESTION)
            send_entry(js, entry, now_ns);
    }
}

void rp__outbox_done(rp__jetstream *js)
{
    rp__outbox *o = &js->outbox;
    if (o->entries) {
        for (uint32_t i = o->slots.oldest; i != RP__SLOT_NONE; i = next_of(o, i))
            natsMsg_Destroy(o->entries[i].nats);
    }
    free(o->entries);
    o->entries = NULL;
    rp__slots_done(&o->slots);
}
