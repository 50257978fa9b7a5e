/* Mailboxes: a message whose body lies elsewhere is handed over when that is there. Until then it is
 * extended, as one that is worked on; where the body cannot be had now, it is given back. */
#include "runtime/store/claims/internal.h"

#include <stdlib.h>

enum {
    EXTEND_MS = 1500,       /* the durables' ack_wait is 5 s */
    BACK_DOUBLINGS_MAX = 6, /* a message is given back for 2 s to 64 s */
};

/* A message that waits for its body. */
typedef struct waiting {
    struct waiting *next;
    rp_mailbox *mailbox;
    rp__claimed *claimed;
    rp__fetch *fetch;
} waiting;

struct rp_mailbox {
    rp__claims *claims;
    rp_mailbox *inner;
    rp_mailbox *next;
    rp_mailbox_spec spec;
    size_t credit; /* as the inner one counts it */
    waiting *waiting;
    rp_timer *extend;
};

static void take_out(waiting *w)
{
    waiting **link = &w->mailbox->waiting;
    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    if (!w->mailbox->waiting)
        rp_timer_clear(w->mailbox->extend);
    free(w);
}

/* Later each time: deliveries are counted. */
static void settle_back(rp_mailbox *mailbox, rp_message *message)
{
    uint64_t doublings =
        message->deliveries < BACK_DOUBLINGS_MAX ? message->deliveries : BACK_DOUBLINGS_MAX;
    rp_bus_settle(mailbox->claims->inner, rp__claimed_inner(message), RP_SETTLE_RETRY,
        RP_NS_PER_S << doublings, NULL);
    rp_message_free(message);
}

/* A message that its owner has not seen does not use up credit. */
static void give_back(rp_mailbox *mailbox, rp_message *message)
{
    settle_back(mailbox, message);
    mailbox->credit++;
    rp_mailbox_credit(mailbox->claims->inner, mailbox->inner, mailbox->credit);
}

static void on_body(void *arg, rp_status status, uint8_t *body, size_t len, const char *why)
{
    waiting *w = arg;
    rp_mailbox *mailbox = w->mailbox;
    rp__claimed *claimed = w->claimed;
    take_out(w);
    if (status == RP_UNAVAILABLE) {
        give_back(mailbox, &claimed->message);
        return;
    }
    rp__claimed_fill(claimed, status, body, len, why);
    mailbox->spec.on_message(mailbox->spec.arg, &claimed->message);
}

static void on_extend(void *arg)
{
    const rp_mailbox *mailbox = arg;
    for (const waiting *w = mailbox->waiting; w; w = w->next)
        rp_bus_settle(mailbox->claims->inner, w->claimed->inner, RP_SETTLE_PROGRESS, 0, NULL);
}

static void on_message(void *arg, rp_message *message)
{
    rp_mailbox *mailbox = arg;
    rp_bytes text = rp_message_header(message, RP_HEADER_BODY);
    rp_error error = {0};
    if (mailbox->credit > 0)
        mailbox->credit--;
    if (!text.data) {
        mailbox->spec.on_message(mailbox->spec.arg, message);
        return;
    }
    waiting *w = calloc(1, sizeof *w);
    rp__claimed *claimed = w ? rp__claimed_new(message) : NULL;
    if (!claimed) {
        free(w);
        give_back(mailbox, message);
        return;
    }
    *w = (waiting){.next = mailbox->waiting, .mailbox = mailbox, .claimed = claimed};
    mailbox->waiting = w;
    rp_status status = rp__fetch_start(mailbox->claims, text, on_body, w, &w->fetch, &error);
    if (status == RP_OK) {
        if (!w->next)
            rp_timer_set(mailbox->extend, EXTEND_MS * RP_NS_PER_MS, EXTEND_MS * RP_NS_PER_MS);
        return;
    }
    on_body(w, status == RP_INVALID ? RP_INVALID : RP_UNAVAILABLE, NULL, 0, error.message);
}

static void on_trouble(void *arg, rp_status status, const char *why)
{
    rp_mailbox *mailbox = arg;
    if (mailbox->spec.on_trouble)
        mailbox->spec.on_trouble(mailbox->spec.arg, status, why);
}

rp_status rp__claims_mailbox_open(
    rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox)
{
    rp__claims *claims = rp__claims_of(bus);
    rp_mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox)
        return RP_NO_MEMORY;
    *mailbox = (rp_mailbox){.claims = claims, .spec = *spec};
    rp_mailbox_spec inner = *spec;
    inner.on_message = on_message;
    inner.on_trouble = on_trouble;
    inner.arg = mailbox;
    rp_status status = rp_timer_new(claims->host, on_extend, mailbox, &mailbox->extend);
    if (status == RP_OK)
        status = rp_mailbox_open(claims->inner, &inner, &mailbox->inner);
    if (status != RP_OK) {
        rp_timer_free(mailbox->extend);
        free(mailbox);
        return status;
    }
    mailbox->next = claims->mailboxes;
    claims->mailboxes = mailbox;
    *ret_mailbox = mailbox;
    return RP_OK;
}

void rp__claims_mailbox_credit(rp_mailbox *mailbox, size_t credit)
{
    mailbox->credit = credit;
    rp_mailbox_credit(mailbox->claims->inner, mailbox->inner, credit);
}

/* First no more come, then what waits goes back. */
void rp__claims_mailbox_close(rp_mailbox *mailbox)
{
    rp_mailbox **link = &mailbox->claims->mailboxes;
    rp_mailbox_close(mailbox->claims->inner, mailbox->inner);
    while (mailbox->waiting) {
        waiting *w = mailbox->waiting;
        rp_message *message = &w->claimed->message;
        rp__fetch_stop(w->fetch);
        take_out(w);
        settle_back(mailbox, message);
    }
    while (*link != mailbox)
        link = &(*link)->next;
    *link = mailbox->next;
    rp_timer_free(mailbox->extend);
    free(mailbox);
}

void rp__claims_mailboxes_done(rp__claims *claims)
{
    while (claims->mailboxes)
        rp__claims_mailbox_close(claims->mailboxes);
}
