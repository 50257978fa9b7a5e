#include "runtime/base/name.h"
#include "runtime/bus/jetstream/internal.h"

#include <stdlib.h>

/* Plain messages are at most once, and nobody upstream waits for us to take them: past the bound
 * nats.c drops the newest. */
static void open_on_server(rp_subscription *subscription)
{
    rp__jetstream *js = subscription->js;
    natsStatus s = subscription->queue
                       ? natsConnection_QueueSubscribeSync(&subscription->nats, js->connection,
                             subscription->subject, subscription->queue)
                       : natsConnection_SubscribeSync(
                             &subscription->nats, js->connection, subscription->subject);
    subscription->dropped = 0;
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(
            subscription->nats, RP__PLAIN_MESSAGES_MAX, RP__PLAIN_BYTES_MAX);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "subscribe");
}

static void tell_dropped(rp_subscription *subscription)
{
    rp__jetstream *js = subscription->js;
    int64_t dropped = 0;
    if (!subscription->nats ||
        natsSubscription_GetDropped(subscription->nats, &dropped) != NATS_OK ||
        dropped <= subscription->dropped)
        return;
    uint64_t more = (uint64_t)(dropped - subscription->dropped);
    subscription->dropped = dropped;
    rp_counter_add(js->metrics.plain_dropped, more);
    rp_log_warn(js->spec.log, "plain_messages_dropped",
        rp_log_text("subject", subscription->subject), rp_log_count("messages", more),
        rp_log_count("messages_max", RP__PLAIN_MESSAGES_MAX),
        rp_log_count("bytes_max", RP__PLAIN_BYTES_MAX));
}

rp_status rp__subscribe(rp_bus *bus, const char *subject, const char *queue, rp_plain_cb callback,
    void *arg, rp_subscription **ret_subscription)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    if (!rp_name_is_filter(rp_bytes_text(subject)))
        return RP_INVALID;
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX; i++) {
        if (js->subscriptions[i])
            continue;
        rp_subscription *s = calloc(1, sizeof *s);
        if (s)
            *s = (rp_subscription){.js = js,
                .subject = strdup(subject),
                .queue = queue ? strdup(queue) : NULL,
                .callback = callback,
                .arg = arg};
        if (!s || !s->subject || (queue && !s->queue)) {
            if (s)
                rp__unsubscribe(s);
            return RP_NO_MEMORY;
        }
        js->subscriptions[i] = s;
        *ret_subscription = s;
        if (js->connection)
            open_on_server(s);
        return RP_OK;
    }
    return RP_LIMIT;
}

void rp__unsubscribe(rp_subscription *subscription)
{
    rp__jetstream *js = subscription->js;
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX; i++) {
        if (js->subscriptions[i] == subscription)
            js->subscriptions[i] = NULL;
    }
    tell_dropped(subscription);
    natsSubscription_Destroy(subscription->nats); /* unsubscribes */
    free(subscription->subject);
    free(subscription->queue);
    free(subscription);
}

void rp__subscriptions_connected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX && js->connection; i++) {
        if (js->subscriptions[i])
            open_on_server(js->subscriptions[i]);
    }
}

void rp__subscriptions_disconnected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX; i++) {
        if (js->subscriptions[i]) {
            tell_dropped(js->subscriptions[i]);
            natsSubscription_Destroy(js->subscriptions[i]->nats);
            js->subscriptions[i]->nats = NULL;
        }
    }
}

size_t rp__subscriptions_drain(rp__jetstream *js, size_t budget)
{
    size_t count = 0;
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX; i++) {
        natsMsg *nats = NULL;
        while (count < budget && js->subscriptions[i] && js->subscriptions[i]->nats &&
               natsSubscription_NextMsg(&nats, js->subscriptions[i]->nats, 0) == NATS_OK) {
            rp__delivery view;
            rp__delivery_view(&view, nats);
            count++;
            js->subscriptions[i]->callback(js->subscriptions[i]->arg, &view.message);
            natsMsg_Destroy(nats);
        }
    }
    return count;
}

void rp__subscriptions_tick(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX; i++) {
        if (js->subscriptions[i])
            tell_dropped(js->subscriptions[i]);
    }
}

void rp__subscriptions_done(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__SUBSCRIPTIONS_MAX; i++) {
        if (js->subscriptions[i])
            rp__unsubscribe(js->subscriptions[i]);
    }
}

void rp__send(rp_bus *bus, rp_bytes subject, rp_bytes body)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    char name[RP__SUBJECT_BYTES];
    if (!js->connection || !rp_name_is_subject(subject) || subject.len >= sizeof name ||
        body.len > js->payload_bytes_max) {
        rp_counter_add(js->metrics.dropped, 1);
        return;
    }
    memcpy(name, subject.data, subject.len);
    name[subject.len] = '\0';
    natsStatus s = natsConnection_Publish(js->connection, name, body.data, (int)body.len);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "send");
}
