#include "runtime/base/name.h"
#include "runtime/store/kv_internal.h"

#include <stdlib.h>

/* A follower of the bucket's stream; of a listing, with a timer that ends it. */
struct rp_kv_watcher {
    rp_kv *kv;
    rp_kv_watcher *next, *previous;
    rp_follower *follower;
    rp_kv_from from;
    char subject[RP__KV_SUBJECT_BYTES];
    bool caught_up;
    void (*on_entry)(void *arg, const rp_kv_entry *entry);
    void (*on_caught_up)(void *arg);
    void (*on_end)(void *arg, rp_status status); /* of a listing, else NULL */
    void *arg;
    rp_timer *silence;
};

static void listen_longer(rp_kv_watcher *watcher)
{
    rp_timer_set(watcher->silence, RP_KV_SILENCE_MS * RP_NS_PER_MS, 0);
}

static void on_message(void *arg, const rp_message *message)
{
    rp_kv_watcher *watcher = arg;
    rp_kv_entry entry;
    if (!rp__kv_entry(watcher->kv, message, &entry))
        return;
    if (watcher->on_end) {
        listen_longer(watcher);
        if (watcher->from == RP_KV_LAST && entry.operation != RP_KV_PUT)
            return;
    }
    watcher->on_entry(watcher->arg, &entry); /* may end the watcher */
}

static void end(rp_kv_watcher *watcher, rp_status status)
{
    void (*on_end)(void *arg, rp_status status) = watcher->on_end;
    void *arg = watcher->arg;
    rp_kv_unwatch(watcher);
    on_end(arg, status);
}

static void on_caught_up(void *arg)
{
    rp_kv_watcher *watcher = arg;
    if (watcher->on_end) {
        end(watcher, RP_OK);
        return;
    }
    if (watcher->caught_up)
        return;
    watcher->caught_up = true;
    if (watcher->on_caught_up)
        watcher->on_caught_up(watcher->arg);
}

static void on_silence(void *arg)
{
    end(arg, RP_TIMEOUT);
}

static rp_status follow(rp_kv_watcher *watcher)
{
    static const rp_follow_from from[] = {[RP_KV_LAST] = RP_FOLLOW_LAST_PER_SUBJECT,
        [RP_KV_HISTORY] = RP_FOLLOW_SEQUENCE,
        [RP_KV_NEW] = RP_FOLLOW_NEW};
    rp_follower_spec spec = {.stream = watcher->kv->stream,
        .filter = watcher->subject,
        .from = from[watcher->from],
        .sequence = 0,
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .arg = watcher};
    return rp_bus_follow(watcher->kv->store->bus, &spec, &watcher->follower);
}

/* A watcher in the bucket's list that follows nothing yet. */
static rp_kv_watcher *watcher_new(rp_kv *kv, rp_bytes filter, rp_kv_from from)
{
    rp_kv_watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return NULL;
    watcher->kv = kv;
    watcher->from = from;
    watcher->next = kv->watchers;
    if (kv->watchers)
        kv->watchers->previous = watcher;
    kv->watchers = watcher;
    rp__kv_subject(kv, filter, watcher->subject);
    return watcher;
}

rp_status rp_kv_watch(rp_kv *kv, const rp_kv_watch_spec *spec, rp_kv_watcher **ret_watcher)
{
    if (!rp_kv_is_filter(spec->filter))
        return RP_INVALID;
    rp_kv_watcher *watcher = watcher_new(kv, spec->filter, spec->from);
    if (!watcher)
        return RP_NO_MEMORY;
    watcher->on_entry = spec->on_entry;
    watcher->on_caught_up = spec->on_caught_up;
    watcher->arg = spec->arg;
    rp_status status = follow(watcher);
    if (status != RP_OK) {
        rp_kv_unwatch(watcher);
        return status;
    }
    *ret_watcher = watcher;
    return RP_OK;
}

void rp_kv_unwatch(rp_kv_watcher *watcher)
{
    if (!watcher)
        return;
    rp_bus_unfollow(watcher->kv->store->bus, watcher->follower);
    rp_timer_free(watcher->silence);
    if (watcher->next)
        watcher->next->previous = watcher->previous;
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        watcher->kv->watchers = watcher->next;
    free(watcher);
}

rp_status rp_kv_list(rp_kv *kv, rp_bytes filter, rp_kv_from from,
    void (*on_entry)(void *arg, const rp_kv_entry *entry),
    void (*on_end)(void *arg, rp_status status), void *arg)
{
    if (!rp_kv_is_filter(filter) || from == RP_KV_NEW)
        return RP_INVALID;
    rp_kv_watcher *watcher = watcher_new(kv, filter, from);
    if (!watcher)
        return RP_NO_MEMORY;
    watcher->on_entry = on_entry;
    watcher->on_end = on_end;
    watcher->arg = arg;
    rp_status status = rp_timer_new(kv->store->host, on_silence, watcher, &watcher->silence);
    if (status == RP_OK)
        status = follow(watcher);
    if (status != RP_OK) {
        rp_kv_unwatch(watcher);
        return status;
    }
    listen_longer(watcher);
    return RP_OK;
}

void rp__kv_watchers_done(rp_kv *kv)
{
    while (kv->watchers)
        rp_kv_unwatch(kv->watchers);
}
