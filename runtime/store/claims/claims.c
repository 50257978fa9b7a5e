#include "runtime/store/claims/claims.h"

#include "runtime/store/claims/internal.h"

#include <stdlib.h>

struct rp_subscription {
    rp__claims *claims;
    rp_subscription *inner;
    rp_subscription *next;
};

/* -- what goes through as it is ---------------------------------------------------------------- */

static void settle(rp_bus *bus, const rp_message *message, rp_settlement settlement,
    uint64_t delay_ns, const char *reason)
{
    rp_bus_settle(
        rp__claims_of(bus)->inner, rp__claimed_inner(message), settlement, delay_ns, reason);
}

static rp_status request(rp_bus *bus, const char *subject, rp_bytes body, uint64_t timeout_ns,
    rp_answer_cb callback, void *arg)
{
    return rp_bus_request(rp__claims_of(bus)->inner, subject, body, timeout_ns, callback, arg);
}

static void forget(rp_bus *bus, void *arg)
{
    rp__claims *claims = rp__claims_of(bus);
    rp__claims_publish_forget(claims, arg);
    rp__claims_lasts_forget(claims, arg);
    rp_bus_forget(claims->inner, arg);
}

static void send(rp_bus *bus, rp_bytes subject, rp_bytes body)
{
    rp_bus_send(rp__claims_of(bus)->inner, subject, body);
}

static rp_status subscribe(rp_bus *bus, const char *subject, const char *queue,
    rp_plain_cb callback, void *arg, rp_subscription **ret_subscription)
{
    rp__claims *claims = rp__claims_of(bus);
    rp_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return RP_NO_MEMORY;
    rp_status status =
        rp_bus_subscribe(claims->inner, subject, queue, callback, arg, &subscription->inner);
    if (status != RP_OK) {
        free(subscription);
        return status;
    }
    subscription->claims = claims;
    subscription->next = claims->subscriptions;
    claims->subscriptions = subscription;
    *ret_subscription = subscription;
    return RP_OK;
}

static void unsubscribe(rp_subscription *subscription)
{
    rp_subscription **link = &subscription->claims->subscriptions;
    while (*link != subscription)
        link = &(*link)->next;
    *link = subscription->next;
    rp_bus_unsubscribe(subscription->claims->inner, subscription->inner);
    free(subscription);
}

static void watch_state(rp_bus *bus, rp_bus_state_cb callback, void *arg)
{
    rp_bus_watch_state(rp__claims_of(bus)->inner, callback, arg);
}

static rp_status stream_state(rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg)
{
    return rp_bus_stream_state(rp__claims_of(bus)->inner, stream, callback, arg);
}

static rp_status purge(rp_bus *bus, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg)
{
    return rp_bus_purge(rp__claims_of(bus)->inner, stream, filter, keep_from, callback, arg);
}

static size_t payload_bytes_max(const rp_bus *bus)
{
    (void)bus;
    return RP_CLAIM_BYTES_MAX;
}

/* -- the bus ----------------------------------------------------------------------------------- */

static void claims_free(rp__claims *claims)
{
    rp__claims_publish_done(claims);
    rp__claims_followers_done(claims);
    rp__claims_lasts_done(claims);
    rp__claims_mailboxes_done(claims);
    while (claims->subscriptions)
        unsubscribe(claims->subscriptions);
    rp_objects_close(claims->blobs);
    rp_timer_free(claims->publish_timer);
    free(claims);
}

static void bus_free(rp_bus *bus)
{
    rp_bus *inner = rp__claims_of(bus)->inner;
    claims_free(rp__claims_of(bus));
    rp_bus_free(inner);
}

static rp_status register_metrics(rp__claims *claims, rp_metrics *metrics, rp_error *reterr)
{
    const struct {
        const char *name, *help;
        rp_counter **counter;
    } counters[] = {
        {"reprise_claims_stored_total", "Bodies put into the object store.",
            &claims->metrics.stored},
        {"reprise_claims_fetched_total", "Bodies fetched from the object store.",
            &claims->metrics.fetched},
        {"reprise_claims_missing_total", "Bodies that could not be had, each try.",
            &claims->metrics.missing},
        {"reprise_claims_full_total",
            "Publishes refused, messages put off and followers held, for want of room.",
            &claims->metrics.full},
    };
    rp_status status = RP_OK;
    for (size_t i = 0; i < sizeof counters / sizeof *counters && status == RP_OK; i++)
        status = rp_metrics_counter(
            metrics, counters[i].name, counters[i].help, counters[i].counter, reterr);
    return status;
}

rp_status rp_claims_new(const rp_claims_spec *spec, rp_bus **ret_bus, rp_error *reterr)
{
    static const rp_bus_ops ops = {.mailbox_open = rp__claims_mailbox_open,
        .mailbox_credit = rp__claims_mailbox_credit,
        .mailbox_close = rp__claims_mailbox_close,
        .settle = settle,
        .publish = rp__claims_publish,
        .last = rp__claims_last_ask,
        .request = request,
        .forget = forget,
        .send = send,
        .subscribe = subscribe,
        .unsubscribe = unsubscribe,
        .follow = rp__claims_follow,
        .unfollow = rp__claims_unfollow,
        .watch_state = watch_state,
        .stream_state = stream_state,
        .purge = purge,
        .payload_bytes_max = payload_bytes_max,
        .free = bus_free};
    rp__claims *claims = calloc(1, sizeof *claims);
    if (!claims)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    claims->bus.ops = &ops;
    claims->inner = spec->inner;
    claims->host = spec->host;
    claims->store = (rp_store){.bus = spec->inner, .host = spec->host, .instance = spec->instance};
    rp_status status = rp_objects_open(&claims->store, RP_CLAIM_BUCKET, &claims->blobs);
    if (status == RP_OK)
        status = rp_timer_new(spec->host, rp__claims_publish_work, claims, &claims->publish_timer);
    if (status != RP_OK)
        (void)rp_error_set(reterr, status, NULL, "%s", rp_status_text(status));
    else if (spec->metrics)
        status = register_metrics(claims, spec->metrics, reterr);
    if (status != RP_OK) {
        claims_free(claims);
        return status;
    }
    *ret_bus = &claims->bus;
    return RP_OK;
}
