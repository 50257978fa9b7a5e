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
    uint32_t slot; /* in js->mailboxes */
    size_t credit;
    rp__requests requests;
    uint32_t troubles;       /* in a row */
    uint64_t quiet_until_ns; /* no requests before */
};

/* A token holds one number for the mailbox and the request's place in it. */
static uint32_t token_slot(const rp_mailbox *mailbox, size_t index)
{
    return mailbox->slot * RP__REQUESTS_MAX + (uint32_t)index;
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
    rp__inbox_subject(js, RP__INBOX_PULL, token_slot(mailbox, index), r->generation, reply);
    int n = snprintf(
        body, sizeof body, "{\"batch\":%zu,\"expires\":%" PRIu64 "}", r->missing, expires_ns);
    natsStatus s = natsConnection_PublishRequest(js->connection, subject, reply, body, n);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "pull");
}

rp_status rp__mailbox_open(rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    if (!rp__is_name(spec->stream) || !rp__is_name(spec->durable))
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
        js->mailboxes[i] = mailbox;
        *ret_mailbox = mailbox;
        if (js->connection)
            rp__inbox_open(js, RP__INBOX_PULL);
        return RP_OK;
    }
    return RP_LIMIT;
}

void rp__mailbox_credit(rp_mailbox *mailbox, size_t credit)
{
    mailbox->credit = credit;
    pull(mailbox);
}

/* Once no mailbox is left, the inbox goes too: else what is handed back would come here again
 * through a request that is still open. */
void rp__mailbox_close(rp_mailbox *mailbox)
{
    rp__jetstream *js = mailbox->js;
    js->mailboxes[mailbox->slot] = NULL;
    free(mailbox);
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        if (js->mailboxes[i])
            return;
    }
    rp__inbox_close(js, RP__INBOX_PULL);
}

void rp__mailboxes_connected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__MAILBOXES_MAX && js->connection; i++) {
        if (js->mailboxes[i]) {
            js->mailboxes[i]->quiet_until_ns = 0;
            pull(js->mailboxes[i]);
        }
    }
}

void rp__mailboxes_disconnected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        if (js->mailboxes[i])
            rp__requests_expire(&js->mailboxes[i]->requests, UINT64_MAX);
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
    } else if (code == 503) {
        trouble(mailbox, RP_NOT_FOUND, "the server has no such stream or durable consumer");
    } else if (strstr(why, "Consumer Deleted")) {
        trouble(mailbox, RP_NOT_FOUND, "the durable consumer was deleted");
    } else {
        trouble(mailbox, RP_BUSY, why);
    }
}

/* A message of a mailbox that is closed goes to whoever has room; a little later, so that an open
 * request of ours does not take it again. */
static void refuse(rp__jetstream *js, natsMsg *nats)
{
    if (natsMsg_GetReply(nats) && js->connection)
        (void)natsConnection_PublishString(
            js->connection, natsMsg_GetReply(nats), "-NAK {\"delay\":2000000000}");
    natsMsg_Destroy(nats);
}

/* A status comes on the inbox of the request it is about. */
static void take_status(rp__jetstream *js, natsMsg *nats, int code)
{
    uint32_t slot, generation;
    if (!rp__inbox_token(rp__delivery_token(nats), &slot, &generation) ||
        slot / RP__REQUESTS_MAX >= RP__MAILBOXES_MAX || code == 100)
        return;
    rp_mailbox *mailbox = js->mailboxes[slot / RP__REQUESTS_MAX];
    if (mailbox && rp__requests_end(&mailbox->requests, slot % RP__REQUESTS_MAX, generation))
        end_request(mailbox, code, nats);
}

/* A message comes under its own subject; its reply names stream and consumer. */
static rp_mailbox *owner(rp__jetstream *js, natsMsg *nats)
{
    rp__wire_delivery d;
    if (rp__wire_delivery_parse(rp_bytes_text(natsMsg_GetReply(nats)), &d) != RP_OK)
        return NULL;
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++) {
        rp_mailbox *mailbox = js->mailboxes[i];
        if (mailbox && rp_bytes_is(d.consumer, mailbox->spec.durable) &&
            rp_bytes_is(d.stream, mailbox->spec.stream))
            return mailbox;
    }
    return NULL;
}

void rp__mailboxes_deliver(rp__jetstream *js, natsMsg *nats)
{
    int code = rp__delivery_status(nats);
    if (code != 0) {
        take_status(js, nats, code);
        natsMsg_Destroy(nats);
        return;
    }
    rp_mailbox *mailbox = owner(js, nats);
    if (!mailbox) {
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
    for (size_t i = 0; i < RP__MAILBOXES_MAX; i++)
        free(js->mailboxes[i]);
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
