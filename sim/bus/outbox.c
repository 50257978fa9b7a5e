#include "runtime/base/name.h"
#include "sim/bus/internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUSY_WAIT_MS = 20, BUSY_DOUBLINGS_MAX = 6 };

static void set_tick(sim_bus *bus);

static sim_entry *take(sim_bus *bus, sim_frame_kind kind, size_t bytes)
{
    sim_outbox *o = &bus->outbox;
    const sim_bus_limits *limits = &bus->spec.limits;
    if (o->count == limits->outbox_messages_max || bytes > limits->outbox_bytes_max - o->bytes)
        return NULL;
    sim_entry *entry = o->spare;
    if (entry)
        o->spare = entry->next;
    else
        entry = sim_world_alloc(bus->spec.world, sizeof *entry);
    *entry = (sim_entry){.used = true, .bytes = bytes, .previous = o->newest};
    entry->frame.kind = kind;
    entry->frame.token = ++bus->tokens;
    *(o->newest ? &o->newest->next : &o->oldest) = entry;
    o->newest = entry;
    o->bytes += bytes;
    o->count++;
    bus->counts.outbox = o->count;
    if (o->count > bus->counts.outbox_peak)
        bus->counts.outbox_peak = o->count;
    return entry;
}

static void drop(sim_bus *bus, sim_entry *entry)
{
    sim_outbox *o = &bus->outbox;
    *(entry->previous ? &entry->previous->next : &o->oldest) = entry->next;
    *(entry->next ? &entry->next->previous : &o->newest) = entry->previous;
    o->bytes -= entry->bytes;
    bus->counts.outbox = --o->count;
    entry->used = false;
    entry->next = o->spare;
    o->spare = entry;
}

/* -- sending ----------------------------------------------------------------------------------- */

static void send_entry(sim_bus *bus, sim_entry *entry)
{
    uint64_t now_ns = sim_bus_now_ns(bus);
    if (!bus->connected)
        return;
    if (entry->give_up_at_ns == 0)
        entry->give_up_at_ns = now_ns + entry->patience_ns;
    entry->tries++;
    entry->sent = true;
    entry->resend_at_ns = now_ns + bus->spec.limits.ack_wait_ns;
    if (entry->frame.kind == SIM_FRAME_PUBLISH)
        sim_server_tell(bus->spec.server, bus->spec.who, entry->tries > 1 ? "publish+" : "publish",
            entry->frame.message->subject, entry->frame.message->expected_sequence, 0, NULL);
    sim_connection_to_server(&bus->connection, &entry->frame);
}

static void start(sim_bus *bus, sim_entry *entry, uint64_t patience_ns)
{
    entry->patience_ns = patience_ns;
    send_entry(bus, entry);
    set_tick(bus);
}

void sim_outbox_connected(sim_bus *bus)
{
    for (sim_entry *e = bus->outbox.oldest; e; e = e->next)
        send_entry(bus, e);
    set_tick(bus);
}

void sim_outbox_disconnected(sim_bus *bus)
{
    for (sim_entry *e = bus->outbox.oldest; e; e = e->next) {
        e->sent = false;
        e->give_up_at_ns = 0;
    }
    set_tick(bus);
}

/* -- starting ---------------------------------------------------------------------------------- */

static bool is_header_value(rp_bytes value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < ' ' || value.data[i] > '~')
            return false;
    }
    return true;
}

rp_status sim_outbox_publish(
    rp_bus *b, const rp_publication *publication, rp_published_cb callback, void *arg)
{
    sim_bus *bus = sim_bus_of(b);
    if (!rp_name_is_subject(publication->subject) || publication->subject.len >= SIM_SUBJECT_BYTES)
        return RP_INVALID;
    if (publication->body.len > rp_bus_payload_bytes_max(b))
        return RP_LIMIT;
    for (size_t i = 0; i < publication->header_count; i++) {
        if (!is_header_value(publication->headers[i].value))
            return RP_INVALID;
    }
    sim_entry *entry = take(bus, SIM_FRAME_PUBLISH, publication->body.len);
    if (!entry)
        return RP_LIMIT;
    entry->frame.message = sim_message_new(bus->spec.world, publication, rp_bytes_of(NULL, 0));
    entry->callback.published = callback;
    entry->arg = arg;
    start(bus, entry, bus->spec.limits.publish_give_up_ns);
    return RP_OK;
}

/* A question about a stream, and about a subject or a filter in it. */
static rp_status ask(sim_bus *bus, sim_frame_kind kind, const char *stream, const char *name,
    void *arg, sim_entry **ret_entry)
{
    sim_entry *entry = take(bus, kind, 0);
    if (!entry)
        return RP_LIMIT;
    entry->frame.stream = sim_bus_text(bus, stream);
    entry->frame.name = sim_bus_text(bus, name);
    entry->arg = arg;
    *ret_entry = entry;
    return RP_OK;
}

rp_status sim_outbox_last(
    rp_bus *b, const char *stream, const char *subject, rp_answer_cb callback, void *arg)
{
    sim_bus *bus = sim_bus_of(b);
    sim_entry *entry;
    if (!rp_name_is_filter(rp_bytes_text(subject)) || strlen(subject) >= SIM_SUBJECT_BYTES)
        return RP_INVALID;
    rp_status status = ask(bus, SIM_FRAME_LAST, stream, subject, arg, &entry);
    if (status != RP_OK)
        return status;
    entry->callback.answered = callback;
    start(bus, entry, bus->spec.limits.question_wait_ns);
    return RP_OK;
}

rp_status sim_outbox_request(rp_bus *b, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg)
{
    sim_bus *bus = sim_bus_of(b);
    char inbox[SIM_INBOX_BYTES];
    rp_publication publication = {.subject = rp_bytes_text(subject), .body = body};
    if (!rp_name_is_subject(publication.subject))
        return RP_INVALID;
    sim_entry *entry = take(bus, SIM_FRAME_REQUEST, body.len);
    if (!entry)
        return RP_LIMIT;
    snprintf(inbox, sizeof inbox, "_INBOX.%" PRIu32 ".%" PRIu64, bus->connection.number,
        entry->frame.token);
    entry->frame.message = sim_message_new(bus->spec.world, &publication, rp_bytes_text(inbox));
    entry->callback.answered = callback;
    entry->arg = arg;
    start(bus, entry, timeout_ns);
    return RP_OK;
}

rp_status sim_outbox_state(rp_bus *b, const char *stream, rp_stream_cb callback, void *arg)
{
    sim_bus *bus = sim_bus_of(b);
    sim_entry *entry;
    rp_status status = ask(bus, SIM_FRAME_STATE, stream, NULL, arg, &entry);
    if (status != RP_OK)
        return status;
    entry->callback.state = callback;
    start(bus, entry, bus->spec.limits.question_wait_ns);
    return RP_OK;
}

rp_status sim_outbox_purge(rp_bus *b, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg)
{
    sim_bus *bus = sim_bus_of(b);
    sim_entry *entry;
    if (keep_from == 0 || (filter && !rp_name_is_filter(rp_bytes_text(filter))))
        return RP_INVALID;
    rp_status status = ask(bus, SIM_FRAME_PURGE, stream, filter, arg, &entry);
    if (status != RP_OK)
        return status;
    entry->frame.sequence = keep_from;
    entry->callback.purged = callback;
    start(bus, entry, bus->spec.limits.question_wait_ns);
    return RP_OK;
}

void sim_outbox_forget(rp_bus *b, void *arg)
{
    for (sim_entry *e = sim_bus_of(b)->outbox.oldest; e; e = e->next) {
        if (e->arg == arg)
            e->callback.published = NULL; /* one of a union: none of them is left */
    }
}

/* -- answers ----------------------------------------------------------------------------------- */

static void finish_publish(sim_bus *bus, sim_entry *entry, const rp_published *published)
{
    rp_published_cb callback = entry->callback.published;
    void *arg = entry->arg;
    sim_server_tell(bus->spec.server, bus->spec.who, "published", entry->frame.message->subject,
        published->sequence, 0, rp_status_name(published->status));
    drop(bus, entry);
    if (callback)
        callback(arg, published);
}

/* Of a question; `frame` is the answer where there is one. */
static void finish_question(
    sim_bus *bus, sim_entry *entry, rp_status status, const sim_frame *frame)
{
    sim_entry done = *entry;
    drop(bus, entry);
    if (!done.callback.answered)
        return;
    if (done.frame.kind == SIM_FRAME_STATE) {
        done.callback.state(done.arg, status, frame ? &frame->state : NULL);
    } else if (done.frame.kind == SIM_FRAME_PURGE) {
        done.callback.purged(done.arg, status, frame ? frame->count : 0);
    } else if (status == RP_OK) {
        sim_delivery view = sim_delivery_lent(frame);
        done.callback.answered(done.arg, RP_OK, &view.message);
    } else {
        done.callback.answered(done.arg, status, NULL);
    }
}

static void try_later(sim_bus *bus, sim_entry *entry)
{
    uint32_t doublings = entry->tries < BUSY_DOUBLINGS_MAX ? entry->tries : BUSY_DOUBLINGS_MAX;
    entry->resend_at_ns =
        sim_bus_now_ns(bus) + ((uint64_t)BUSY_WAIT_MS << doublings) * RP_NS_PER_MS;
    set_tick(bus);
}

/* No stream listens to it (yet: a server that starts up). */
static void nobody(sim_bus *bus, sim_entry *entry)
{
    bool ends = entry->frame.kind == SIM_FRAME_REQUEST;
    if (entry->frame.kind == SIM_FRAME_STATE || entry->frame.kind == SIM_FRAME_PURGE)
        finish_question(bus, entry, RP_NOT_FOUND, NULL);
    else if (ends)
        finish_question(bus, entry, RP_UNAVAILABLE, NULL);
    else
        try_later(bus, entry);
}

void sim_outbox_take(sim_bus *bus, const sim_frame *frame)
{
    sim_entry *entry = bus->outbox.oldest;
    while (entry && entry->frame.token != frame->token)
        entry = entry->next;
    if (!entry)
        return; /* the second answer to something sent twice */
    if (frame->kind == SIM_FRAME_NOBODY) {
        nobody(bus, entry);
    } else if (frame->kind == SIM_FRAME_PUT) {
        rp_published published = {frame->status, frame->sequence, frame->why};
        finish_publish(bus, entry, &published);
    } else {
        finish_question(bus, entry, frame->status, frame);
    }
}

/* -- time -------------------------------------------------------------------------------------- */

static void give_up(sim_bus *bus, sim_entry *entry)
{
    if (entry->frame.kind == SIM_FRAME_PUBLISH) {
        rp_published published = {RP_UNAVAILABLE, 0, "no acknowledgement in time"};
        finish_publish(bus, entry, &published);
    } else {
        finish_question(bus, entry, RP_TIMEOUT, NULL);
    }
}

static void on_tick(void *arg)
{
    sim_bus *bus = arg;
    uint64_t now_ns = sim_bus_now_ns(bus);
    bus->outbox.tick = NULL;
    for (sim_entry *e = bus->outbox.oldest, *next; e && bus->connected; e = next) {
        next = e->next;
        if (!e->sent)
            continue;
        if (now_ns >= e->give_up_at_ns) {
            give_up(bus, e);
            next = bus->outbox.oldest; /* the callback may have changed the list behind us */
        } else if (now_ns >= e->resend_at_ns && e->frame.kind != SIM_FRAME_REQUEST) {
            send_entry(bus, e);
        }
    }
    set_tick(bus);
}

static void set_tick(sim_bus *bus)
{
    sim_outbox *o = &bus->outbox;
    uint64_t next_ns = UINT64_MAX, now_ns = sim_bus_now_ns(bus);
    for (const sim_entry *e = o->oldest; e && bus->connected; e = e->next) {
        uint64_t at_ns = e->frame.kind == SIM_FRAME_REQUEST || e->give_up_at_ns < e->resend_at_ns
                             ? e->give_up_at_ns
                             : e->resend_at_ns;
        if (e->sent && at_ns < next_ns)
            next_ns = at_ns;
    }
    if (o->tick && o->tick_at_ns <= next_ns)
        return; /* it comes early enough, and looks again then */
    sim_world_cancel(bus->spec.world, o->tick);
    o->tick = NULL;
    o->tick_at_ns = next_ns;
    if (next_ns != UINT64_MAX)
        o->tick = sim_world_after(bus->spec.world, bus->spec.owner,
            next_ns > now_ns ? next_ns - now_ns : 0, on_tick, bus);
}
