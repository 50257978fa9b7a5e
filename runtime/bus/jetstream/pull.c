/* Mailboxes: pulling from a durable consumer that all replicas share.
 *
 * A mailbox asks for exactly as many messages as it has credit, in requests that expire after a
 * second or two: a process that is stopped with an open request swallows what it is sent, so
 * requests are short and never ask for more than there is room for. requests.h counts what is asked
 * for and has not come.
 */
#include "runtime/bus/jetstream/internal.h"
#include "runtime/bus/jetstream/protocol/requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GRACE_MS = 1000, TROUBLE_MS = 250, TROUBLE_DOUBLINGS_MAX = 4 };

struct rp_mailbox {
    rp__jetstream *js;
    rp_mailbox_spec spec;
    uint32_t slot;           /* in js->mailboxes */
    uint32_t serial;         /* unlike that of every other mailbox of the bus; names its inbox */
    natsSubscription *inbox; /* NULL while there is no connection */
    size_t credit;
    rp__requests requests;
    uint32_t troubles;       /* in a row */
    uint64_t quiet_until_ns; /* no requests before */
};

static void open_inbox(rp_mailbox *mailbox)
{
    rp__jetstream *js = mailbox->js;
    char subject[RP__INBOX_BYTES];
    if (mailbox->inbox)
        return;
    snprintf(
        subject, sizeof subject, "%s.%c.%" PRIx32 ".*", js->inbox, RP__INBOX_PULL, mailbox->serial);
    natsStatus s = natsConnection_SubscribeSync(&mailbox->inbox, js->connection, subject);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "subscribe");
}

static void pull(rp_mailbox *mailbox)
{
    rp__jetstream *js = mailbox->js;
    char subject[RP__SUBJECT_BYTES], reply[RP__INBOX_BYTES], body[96];
    size_t index;
    uint64_t now_ns = rp__now(js), expires_ns = js->spec.limits.pull_expires_ns;
    if (!js->connection || now_ns < mailbox->quiet_until_ns)
        return;
    const rp__request *r = rp__requests_open(
        &mailbox->requests, mailbox->credit, now_ns + expires_ns + GRACE_MS * RP_NS_PER_MS, &index);
    if (!r)
        return;
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", mailbox->spec.stream,
        mailbox->spec.durable);
    snprintf(reply, sizeof reply, "%s.%c.%" PRIx32 ".%zx-%" PRIx32, js->inbox, RP__INBOX_PULL,
        mailbox->serial, index, r->generation);
    int n = snprintf(
        body, sizeof body, "{\"batch\":%zu,\"expires\":%" PRIu64 "}", r->missing, expires_ns);
    natsStatus s = natsConnection_PublishRequest(js->connection, subject, reply, body, n);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "pull");
}

rp_status rp__mailbox_open(rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    if (!rp__wire_is_name(spec->stream) || !rp__wire_is_name(spec->durable))
        return RP_INVALID;
    for (uint32_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        if (js->mailboxes[i])
            continue;
        rp_mailbox *mailbox = calloc(1, sizeof *mailbox);
        if (!mailbox)
            return RP_NO_MEMORY;
        mailbox->js = js;
        mailbox->spec = *spec;
        mailbox->slot = i;
        mailbox->serial = ++js->mailbox_serials;
        js->mailboxes[i] = mailbox;
        *ret_mailbox = mailbox;
        if (js->connection)
            open_inbox(mailbox);
        return RP_OK;
    }
    return RP_LIMIT;
}

void rp__mailbox_credit(rp_mailbox *mailbox, size_t credit)
{
    mailbox->credit = credit;
    pull(mailbox);
}

static void close_inbox(rp_mailbox *mailbox)
{
    natsSubscription_Destroy(mailbox->inbox);
    mailbox->inbox = NULL;
}

/* A message that no mailbox wants any more goes to whoever has room; a little later, when no open
 * request of ours takes it again. */
static void refuse(rp__jetstream *js, natsMsg *nats)
{
    if (natsMsg_GetReply(nats) && js->connection)
        (void)natsConnection_PublishString(
            js->connection, natsMsg_GetReply(nats), "-NAK {\"delay\":2000000000}");
    natsMsg_Destroy(nats);
}

/* The inbox goes with it: else what is handed back would come here again through a request that is
 * still open. */
void rp__mailbox_close(rp_mailbox *mailbox)
{
    rp__jetstream *js = mailbox->js;
    natsMsg *nats = NULL;
    js->mailboxes[mailbox->slot] = NULL;
    while (mailbox->inbox && natsSubscription_NextMsg(&nats, mailbox->inbox, 0) == NATS_OK)
        refuse(js, nats);
    close_inbox(mailbox);
    free(mailbox);
}

void rp__mailboxes_connected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__MAILBOXES_MAX && js->connection; i++) {
        if (js->mailboxes[i]) {
            js->mailboxes[i]->quiet_until_ns = 0;
            open_inbox(js->mailboxes[i]);
            pull(js->mailboxes[i]);
        }
    }
}

void rp__mailboxes_disconnected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        if (js->mailboxes[i]) {
            close_inbox(js->mailboxes[i]);
            rp__requests_expire(&js->mailboxes[i]->requests, UINT64_MAX);
        }
    }
}

/* -- what comes -------------------------------------------------------------------------------- */

/* Anything but the ordinary end of a request: pull again later, and later still if it goes on. */
static void trouble(rp_mailbox *mailbox, rp_status status, const char *why)
{
    uint32_t doublings =
        mailbox->troubles < TROUBLE_DOUBLINGS_MAX ? mailbox->troubles : TROUBLE_DOUBLINGS_MAX;
    mailbox->troubles++;
    mailbox->quiet_until_ns =
        rp__now(mailbox->js) + ((uint64_t)TROUBLE_MS << doublings) * RP_NS_PER_MS;
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

static void end_request(rp_mailbox *mailbox, int code, natsMsg *nats)
{
    const char *why = NULL;
    if (natsMsgHeader_Get(nats, "Description", &why) != NATS_OK)
        why = "";
    if (code == 404 || code == 408) {
        fine(mailbox);
        pull(mailbox);
    } else if (strstr(why, "Consumer Deleted")) {
        trouble(mailbox, RP_NOT_FOUND, "the durable consumer was deleted");
    } else {
        trouble(mailbox, RP_BUSY, why);
    }
}

/* Nobody takes a pull of this mailbox: then none of its requests is open at the server. */
static void end_all(rp_mailbox *mailbox)
{
    if (rp__requests_missing(&mailbox->requests) == 0)
        return;
    rp__requests_expire(&mailbox->requests, UINT64_MAX);
    trouble(mailbox, RP_NOT_FOUND, "the server has no such stream or durable consumer");
}

/* A status comes on the inbox of the request it is about. */
static void take_status(rp_mailbox *mailbox, natsMsg *nats, int code)
{
    uint32_t index, generation;
    if (code != 100 && rp__inbox_token(rp__delivery_token(nats), &index, &generation) &&
        rp__requests_end(&mailbox->requests, index, generation))
        end_request(mailbox, code, nats);
}

/* A message comes under its own subject; its reply names stream and consumer. */
static bool is_of(const rp_mailbox *mailbox, natsMsg *nats)
{
    rp__wire_delivery d;
    return rp__wire_delivery_parse(rp_bytes_text(natsMsg_GetReply(nats)), &d) == RP_OK &&
           rp_bytes_is(d.consumer, mailbox->spec.durable) &&
           rp_bytes_is(d.stream, mailbox->spec.stream);
}

/* Takes `nats`. */
static void deliver(rp_mailbox *mailbox, natsMsg *nats)
{
    rp__jetstream *js = mailbox->js;
    int code = rp__delivery_status(nats);
    if (code != 0) {
        take_status(mailbox, nats, code);
        natsMsg_Destroy(nats);
        return;
    }
    if (!is_of(mailbox, nats)) {
        refuse(js, nats);
        return;
    }
    rp_message *message = rp__delivery_new(js, nats);
    if (!message)
        return; /* delivered again when its ack_wait is over */
    rp__requests_count_off(&mailbox->requests);
    fine(mailbox);
    /* The credit may have fallen since this was asked for: its owner has room, or hands it back. */
    if (mailbox->credit > 0)
        mailbox->credit--;
    rp_counter_add(js->metrics.received, 1);
    mailbox->spec.on_message(mailbox->spec.arg, message);
}

size_t rp__mailboxes_drain(rp__jetstream *js, size_t budget)
{
    size_t count = 0;
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        /* A callback may close the mailbox, and open another in its place. */
        while (count < budget && js->mailboxes[i] && js->mailboxes[i]->inbox) {
            natsMsg *nats = NULL;
            natsStatus s = natsSubscription_NextMsg(&nats, js->mailboxes[i]->inbox, 0);
            if (s == NATS_OK)
                deliver(js->mailboxes[i], nats);
            else if (s == NATS_NO_RESPONDERS)
                end_all(js->mailboxes[i]);
            else
                break;
            count++;
        }
    }
    return count;
}

void rp__mailboxes_tick(rp__jetstream *js, uint64_t now_ns)
{
    for (size_t i = 0; i < RP__MAILBOXES_MAX && js->connection; i++) {
        rp_mailbox *mailbox = js->mailboxes[i];
        if (!mailbox)
            continue;
        rp__requests_expire(&mailbox->requests, now_ns);
        pull(mailbox);
    }
}

void rp__mailboxes_done(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        if (js->mailboxes[i])
            close_inbox(js->mailboxes[i]);
        free(js->mailboxes[i]);
    }
}

/* -- settling ---------------------------------------------------------------------------------- */

void rp__settle(rp_bus *bus, const rp_message *message, rp_settlement settlement, uint64_t delay_ns,
    const char *reason)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    const rp__delivery *delivery = (const rp__delivery *)message;
    const char *reply = natsMsg_GetReply(delivery->nats);
    char body[320];
    if (!js->connection || !reply)
        return; /* delivered again, and its outputs are found stored */
    switch (settlement) {
    case RP_SETTLE_DONE:
        snprintf(body, sizeof body, "+ACK");
        break;
    case RP_SETTLE_RETRY:
        snprintf(body, sizeof body, "-NAK {\"delay\":%" PRIu64 "}", delay_ns);
        break;
    case RP_SETTLE_PROGRESS:
        snprintf(body, sizeof body, "+WPI");
        break;
    case RP_SETTLE_REJECT:
        snprintf(body, sizeof body, "+TERM %s", reason ? reason : "");
        break;
    }
    natsStatus s = natsConnection_PublishString(js->connection, reply, body);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "settle");
}
