/* Mailboxes, on the JetStream bus's own account of what was asked for. */
#include "runtime/bus/jetstream/protocol/requests.h"
#include "runtime/bus/jetstream/protocol/wire.h"
#include "sim/bus/internal.h"

enum { GRACE_MS = 1000, TROUBLE_MS = 250, TROUBLE_DOUBLINGS_MAX = 4, REFUSED_DELAY_S = 2 };

struct rp_mailbox {
    sim_bus *bus;
    rp_mailbox_spec spec;
    const char *stream, *durable; /* copies that frames may carry */
    size_t slot, credit;
    rp__requests requests;
    uint64_t tokens[RP__REQUESTS_MAX]; /* of the requests, by their places */
    uint32_t troubles;
    uint64_t quiet_until_ns;
    sim_event *wake;
    uint64_t wake_at_ns;
};

static void set_wake(rp_mailbox *mailbox);

/* What the process has asked for in all, for the checks. */
static void count_asked(sim_bus *bus)
{
    bus->counts.asked = 0;
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++)
        bus->counts.asked +=
            bus->mailboxes[i] ? rp__requests_missing(&bus->mailboxes[i]->requests) : 0;
    if (bus->counts.asked > bus->counts.asked_peak)
        bus->counts.asked_peak = bus->counts.asked;
}

static void send_pull(rp_mailbox *mailbox, uint64_t now_ns)
{
    sim_bus *bus = mailbox->bus;
    uint64_t expires_ns = bus->spec.limits.pull_expires_ns;
    size_t index;
    const rp__request *r = rp__requests_open(
        &mailbox->requests, mailbox->credit, now_ns + expires_ns + GRACE_MS * RP_NS_PER_MS, &index);
    if (!r)
        return;
    mailbox->tokens[index] = ++bus->tokens;
    sim_frame frame = {.kind = SIM_FRAME_PULL,
        .stream = mailbox->stream,
        .name = mailbox->durable,
        .count = r->missing,
        .delay_ns = expires_ns,
        .token = mailbox->tokens[index]};
    sim_connection_to_server(&bus->connection, &frame);
    count_asked(bus);
}

static void pull(rp_mailbox *mailbox)
{
    uint64_t now_ns = sim_bus_now_ns(mailbox->bus);
    if (mailbox->bus->connected && now_ns >= mailbox->quiet_until_ns)
        send_pull(mailbox, now_ns);
    set_wake(mailbox);
}

/* -- time -------------------------------------------------------------------------------------- */

static void on_wake(void *arg)
{
    rp_mailbox *mailbox = arg;
    uint64_t now_ns = sim_bus_now_ns(mailbox->bus);
    mailbox->wake = NULL;
    rp__requests_expire(&mailbox->requests, now_ns);
    pull(mailbox);
}

static void set_wake(rp_mailbox *mailbox)
{
    sim_bus *bus = mailbox->bus;
    uint64_t next_ns = UINT64_MAX, now_ns = sim_bus_now_ns(bus);
    for (size_t i = 0; i < RP__REQUESTS_MAX; i++) {
        const rp__request *r = &mailbox->requests.requests[i];
        if (r->open && r->ends_at_ns < next_ns)
            next_ns = r->ends_at_ns;
    }
    if (mailbox->quiet_until_ns > now_ns && mailbox->quiet_until_ns < next_ns)
        next_ns = mailbox->quiet_until_ns;
    if (mailbox->wake && mailbox->wake_at_ns <= next_ns)
        return; /* it comes early enough, and looks again then */
    sim_world_cancel(bus->spec.world, mailbox->wake);
    mailbox->wake = NULL;
    mailbox->wake_at_ns = next_ns;
    if (next_ns != UINT64_MAX)
        mailbox->wake =
            sim_world_after(bus->spec.world, bus->spec.owner, next_ns - now_ns, on_wake, mailbox);
}

/* -- opening, credit, closing ------------------------------------------------------------------ */

static size_t open_mailboxes(const sim_bus *bus)
{
    size_t count = 0;
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++)
        count += bus->mailboxes[i] != NULL;
    return count;
}

/* The inbox of pulls is listened to while there is a mailbox. */
static void listen(sim_bus *bus)
{
    sim_frame frame = {.kind = SIM_FRAME_MUTE, .count = open_mailboxes(bus) > 0};
    if (bus->connected)
        sim_connection_to_server(&bus->connection, &frame);
}

rp_status sim_mailbox_open(rp_bus *b, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    sim_bus *bus = sim_bus_of(b);
    if (!rp__wire_is_name(spec->stream) || !rp__wire_is_name(spec->durable))
        return RP_INVALID;
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++) {
        if (bus->mailboxes[i])
            continue;
        rp_mailbox *mailbox = sim_world_alloc(bus->spec.world, sizeof *mailbox);
        mailbox->bus = bus;
        mailbox->spec = *spec;
        mailbox->stream = sim_bus_text(bus, spec->stream);
        mailbox->durable = sim_bus_text(bus, spec->durable);
        mailbox->slot = i;
        bus->mailboxes[i] = mailbox;
        listen(bus);
        *ret_mailbox = mailbox;
        return RP_OK;
    }
    return RP_LIMIT;
}

void sim_mailbox_credit(rp_mailbox *mailbox, size_t credit)
{
    mailbox->credit = credit;
    pull(mailbox);
}

void sim_mailbox_close(rp_mailbox *mailbox)
{
    sim_bus *bus = mailbox->bus;
    sim_world_cancel(bus->spec.world, mailbox->wake);
    bus->mailboxes[mailbox->slot] = NULL;
    count_asked(bus);
    listen(bus);
}

void sim_mailboxes_connected(sim_bus *bus)
{
    listen(bus);
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++) {
        if (bus->mailboxes[i]) {
            bus->mailboxes[i]->quiet_until_ns = 0;
            pull(bus->mailboxes[i]);
        }
    }
}

void sim_mailboxes_disconnected(sim_bus *bus)
{
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++) {
        if (bus->mailboxes[i])
            rp__requests_expire(&bus->mailboxes[i]->requests, UINT64_MAX);
    }
    count_asked(bus);
}

/* -- what comes -------------------------------------------------------------------------------- */

static void trouble(rp_mailbox *mailbox, rp_status status, const char *why)
{
    uint32_t doublings =
        mailbox->troubles < TROUBLE_DOUBLINGS_MAX ? mailbox->troubles : TROUBLE_DOUBLINGS_MAX;
    mailbox->troubles++;
    mailbox->quiet_until_ns =
        sim_bus_now_ns(mailbox->bus) + ((uint64_t)TROUBLE_MS << doublings) * RP_NS_PER_MS;
    set_wake(mailbox);
    if (mailbox->spec.on_trouble)
        mailbox->spec.on_trouble(mailbox->spec.arg, status, why);
}

static void fine(rp_mailbox *mailbox)
{
    bool troubled = mailbox->troubles > 0;
    mailbox->troubles = 0;
    if (troubled && mailbox->spec.on_trouble)
        mailbox->spec.on_trouble(mailbox->spec.arg, RP_OK, "");
}

static void end_request(rp_mailbox *mailbox, rp_status status)
{
    if (status == RP_TIMEOUT) {
        fine(mailbox);
        pull(mailbox);
    } else if (status == RP_NOT_FOUND) {
        trouble(mailbox, RP_NOT_FOUND, "the server has no such stream or durable consumer");
    } else {
        trouble(mailbox, RP_BUSY, "Exceeded MaxWaiting");
    }
}

void sim_mailboxes_ended(sim_bus *bus, const sim_frame *frame)
{
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++) {
        rp_mailbox *mailbox = bus->mailboxes[i];
        for (size_t r = 0; mailbox && r < RP__REQUESTS_MAX; r++) {
            if (mailbox->tokens[r] != frame->token)
                continue;
            if (rp__requests_end(&mailbox->requests, r, mailbox->requests.requests[r].generation))
                end_request(mailbox, frame->status);
            return;
        }
    }
}

static rp_mailbox *owner_of(sim_bus *bus, const sim_frame *frame)
{
    for (size_t i = 0; i < SIM_MAILBOXES_MAX; i++) {
        rp_mailbox *mailbox = bus->mailboxes[i];
        if (mailbox && strcmp(mailbox->durable, frame->name) == 0 &&
            strcmp(mailbox->stream, frame->stream) == 0)
            return mailbox;
    }
    return NULL;
}

static void send_settlement(
    sim_bus *bus, const sim_frame *of, rp_settlement settlement, uint64_t delay_ns)
{
    sim_frame frame = {.kind = SIM_FRAME_SETTLE,
        .stream = of->stream,
        .name = of->name,
        .sequence = of->sequence,
        .deliveries = of->deliveries,
        .settlement = settlement,
        .delay_ns = delay_ns};
    if (bus->connected)
        sim_connection_to_server(&bus->connection, &frame);
}

void sim_mailboxes_deliver(sim_bus *bus, const sim_frame *frame)
{
    rp_mailbox *mailbox = owner_of(bus, frame);
    sim_server_tell(bus->spec.server, bus->spec.who, "taken", frame->message->subject,
        frame->sequence, frame->deliveries, mailbox ? NULL : "by nobody");
    if (!mailbox) { /* to whoever has room; not at once, since a pull of ours may be open */
        send_settlement(bus, frame, RP_SETTLE_RETRY, REFUSED_DELAY_S * RP_NS_PER_S);
        return;
    }
    rp_message *message = sim_delivery_taken(bus, frame);
    rp__requests_count_off(&mailbox->requests);
    count_asked(bus);
    fine(mailbox);
    if (mailbox->credit > 0)
        mailbox->credit--;
    mailbox->spec.on_message(mailbox->spec.arg, message);
}

void sim_mailbox_settle(rp_bus *b, const rp_message *message, rp_settlement settlement,
    uint64_t delay_ns, const char *reason)
{
    const sim_delivery *delivery = (const sim_delivery *)message;
    (void)reason;
    sim_frame of = {.stream = (const char *)message->stream.data,
        .name = delivery->durable,
        .sequence = message->stream_sequence,
        .deliveries = message->deliveries};
    send_settlement(sim_bus_of(b), &of, settlement, delay_ns);
}
