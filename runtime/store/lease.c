#include "runtime/store/lease.h"

#include "runtime/base/buffer.h"
#include "runtime/base/hash.h"
#include "runtime/base/json.h"
#include "runtime/base/rng.h"

#include <inttypes.h>
#include <stdlib.h>

enum { VALUE_BYTES_MAX = 1024, TROUBLE_DOUBLINGS_MAX = 5 };

/* What an event leads to is told last, when the lease's own state stands: whoever is told may call
 * back, or free it. */
typedef struct news {
    enum { NOTHING, TAKEN, LOST, RELEASED, TROUBLE } what;
    rp_status status;
    const char *why;
} news;

/* One write is on its way at most. Where the lease is not held, `revision` may still name a message
 * of ours that stands there: a renewal that was stored after the loss had been told, say. */
struct rp_lease {
    rp_lease_spec spec; /* its texts are the caller's: not used after the call */
    char key[RP_KV_KEY_MAX + 1];
    rp_kv *kv;
    rp_kv_watcher *watcher; /* while it waits */
    rp_timer *timer;
    bool wanted;
    bool writing;
    uint64_t sent_ns;       /* when that write was */
    uint64_t written_token; /* what it renews; 0 = it is a taking */
    uint64_t token;         /* 0 = not held */
    uint64_t revision;      /* of our message that stands there, as far as we know; 0 = none */
    uint64_t valid_until_ns, renew_at_ns; /* of what is held */
    uint64_t standing, standing_until_ns; /* another's, as the watcher told */
    uint64_t try_at_ns;                   /* to take it, or to delete what is not wanted */
    unsigned troubles;
    uint64_t draws;
    rp_buffer value;
    bool releasing;
    void (*released)(void *arg);
    void *released_arg;
};

/* -- time -------------------------------------------------------------------------------------- */

static uint64_t now(const rp_lease *lease)
{
    return rp_clock_monotonic_ns(lease->spec.store->host->clock);
}

static uint64_t ttl_ns(const rp_lease *lease)
{
    return lease->spec.ttl_s * RP_NS_PER_S;
}

static uint64_t jitter_ns(rp_lease *lease)
{
    uint64_t key = rp_hash_xxh3_64(rp_bytes_text(lease->spec.store->instance));
    uint32_t word = rp_rng_philox(key, ++lease->draws, 0).word[0];
    return word % RP_LEASE_JITTER_MS * RP_NS_PER_MS;
}

/* The timer stands at whatever comes next. */
static void set_timer(rp_lease *lease)
{
    uint64_t at_ns = UINT64_MAX, now_ns = now(lease);
    if (lease->token)
        at_ns = lease->valid_until_ns;
    if (lease->token && !lease->writing && lease->renew_at_ns < at_ns)
        at_ns = lease->renew_at_ns;
    if (!lease->token && !lease->writing && (lease->wanted || lease->releasing))
        at_ns = lease->try_at_ns;
    if (at_ns == UINT64_MAX)
        rp_timer_clear(lease->timer);
    else
        rp_timer_set(lease->timer, at_ns > now_ns ? at_ns - now_ns : 0, 0);
}

/* Sets the timer and tells. The lease may be gone afterwards. */
static void conclude(rp_lease *lease, news n)
{
    void (*released)(void *arg) = lease->released;
    set_timer(lease);
    if (n.what == TAKEN)
        lease->spec.on_taken(lease->spec.arg, lease->token);
    else if (n.what == LOST)
        lease->spec.on_lost(lease->spec.arg, n.why);
    else if (n.what == TROUBLE && lease->spec.on_trouble)
        lease->spec.on_trouble(lease->spec.arg, n.status, n.why);
    else if (n.what == RELEASED && released)
        released(lease->released_arg);
}

/* Later, and later still if it goes on. */
static news trouble(rp_lease *lease, rp_status status, const char *why)
{
    unsigned doublings =
        lease->troubles < TROUBLE_DOUBLINGS_MAX ? lease->troubles : TROUBLE_DOUBLINGS_MAX;
    uint64_t wait_ns = RP_LEASE_RETRY_MS * RP_NS_PER_MS;
    lease->troubles++;
    lease->renew_at_ns = now(lease) + wait_ns; /* a holder has no time for more */
    lease->try_at_ns = now(lease) + (wait_ns << doublings) + jitter_ns(lease);
    return (news){TROUBLE, status, why};
}

/* -- waiting for it ---------------------------------------------------------------------------- */

static void on_entry(void *arg, const rp_kv_entry *entry)
{
    rp_lease *lease = arg;
    if (entry->operation != RP_KV_PUT) {
        lease->standing = 0;
        lease->try_at_ns = now(lease) + jitter_ns(lease);
    } else if (entry->revision == lease->revision) {
        lease->try_at_ns = now(lease);
    } else {
        lease->troubles = 0; /* somebody can hold it */
        lease->standing = entry->revision;
        lease->standing_until_ns =
            now(lease) + (entry->ttl_s ? entry->ttl_s * RP_NS_PER_S : ttl_ns(lease));
        lease->try_at_ns = lease->standing_until_ns + jitter_ns(lease);
    }
    set_timer(lease);
}

static void on_caught_up(void *arg)
{
    rp_lease *lease = arg;
    if (lease->standing == 0)
        lease->try_at_ns = now(lease);
    set_timer(lease);
}

/* The watcher tells when it goes; should it tell nothing, or not be had, we look ourselves. */
static void wait_for_it(rp_lease *lease)
{
    rp_kv_watch_spec spec = {.filter = rp_bytes_text(lease->key),
        .from = RP_KV_LAST,
        .on_entry = on_entry,
        .on_caught_up = on_caught_up,
        .arg = lease};
    lease->standing = 0;
    lease->try_at_ns = now(lease) + ttl_ns(lease) + jitter_ns(lease);
    if (!lease->watcher && rp_kv_watch(lease->kv, &spec, &lease->watcher) != RP_OK)
        lease->watcher = NULL;
}

static void wait_no_more(rp_lease *lease)
{
    rp_kv_unwatch(lease->watcher);
    lease->watcher = NULL;
}

static news lose(rp_lease *lease, const char *why)
{
    lease->token = 0;
    wait_for_it(lease);
    return (news){LOST, RP_OK, why};
}

/* -- writing ----------------------------------------------------------------------------------- */

static news act(rp_lease *lease);

/* It is stored: a renewal, or a taking. One whose answer took too long is no lease any more, but it
 * stands there, and is what the next write goes on from. */
static news stored(rp_lease *lease, uint64_t revision)
{
    uint64_t valid_until_ns =
        lease->sent_ns + ttl_ns(lease) - ttl_ns(lease) / RP_LEASE_MARGIN_PARTS;
    bool in_time = now(lease) < valid_until_ns;
    lease->revision = revision;
    lease->troubles = 0;
    lease->try_at_ns = now(lease);
    if (lease->token != lease->written_token || (!lease->token && !(lease->wanted && in_time)))
        return act(lease);
    lease->valid_until_ns = valid_until_ns;
    lease->renew_at_ns = lease->sent_ns + ttl_ns(lease) / RP_LEASE_RENEWALS;
    if (lease->token)
        return act(lease);
    wait_no_more(lease);
    lease->token = revision;
    return (news){TAKEN, RP_OK, NULL};
}

/* Another one's stands there at `revision`, or nothing does. */
static news refused(rp_lease *lease, uint64_t revision)
{
    uint64_t now_ns = now(lease), soon_ns = now_ns + RP_LEASE_RETRY_MS * RP_NS_PER_MS;
    lease->revision = 0;
    lease->troubles = 0;
    if (lease->token)
        return lose(lease, "it expired, or another holder stands there");
    if (revision == 0)
        lease->try_at_ns = now_ns;
    else if (revision == lease->standing) /* it should have gone by now, or will soon */
        lease->try_at_ns = lease->standing_until_ns > soon_ns ? lease->standing_until_ns : soon_ns;
    else /* the watcher has not told of it yet */
        lease->try_at_ns = now_ns + ttl_ns(lease);
    lease->try_at_ns += jitter_ns(lease);
    return act(lease);
}

static void on_written(void *arg, const rp_kv_written *written)
{
    rp_lease *lease = arg;
    lease->writing = false;
    if (written->status == RP_OK)
        conclude(lease, stored(lease, written->revision));
    else if (written->status == RP_CONFLICT || written->status == RP_EXISTS)
        conclude(lease, refused(lease, written->revision));
    else
        conclude(lease, trouble(lease, written->status, written->why));
}

static void on_removed(void *arg, const rp_kv_written *written)
{
    rp_lease *lease = arg;
    (void)written; /* what could not be deleted expires */
    lease->writing = false;
    lease->revision = 0;
    conclude(lease, act(lease));
}

static rp_bytes value(rp_lease *lease)
{
    rp_buffer *out = &lease->value;
    rp_bytes holder = rp_bytes_text(lease->spec.store->instance);
    if (holder.len > RP_LEASE_HOLDER_MAX)
        holder.len = RP_LEASE_HOLDER_MAX;
    rp_buffer_clear(out);
    rp_buffer_text(out, "{\"holder\":");
    rp_json_string(out, holder);
    if (lease->token) /* the taking's own sequence is not known before it is stored */
        rp_buffer_printf(out, ",\"token\":%" PRIu64, lease->token);
    rp_buffer_printf(out, ",\"ttl_s\":%" PRIu32 "}", lease->spec.ttl_s);
    return rp_buffer_bytes(out);
}

/* Creates the key, or goes on from our own message that stands there: to renew it, or to take the
 * lease anew after a loss that came in between. */
static news write_it(rp_lease *lease)
{
    rp_bytes key = rp_bytes_text(lease->key), v = value(lease);
    uint32_t ttl_s = lease->spec.ttl_s;
    rp_status status =
        lease->revision ? rp_kv_update(lease->kv, key, lease->revision, v, ttl_s, on_written, lease)
                        : rp_kv_create(lease->kv, key, v, ttl_s, on_written, lease);
    if (status != RP_OK)
        return trouble(lease, status, "nothing more can be published now");
    lease->writing = true;
    lease->sent_ns = now(lease);
    lease->written_token = lease->token;
    return (news){0};
}

static news delete_it(rp_lease *lease)
{
    rp_status status =
        rp_kv_remove(lease->kv, rp_bytes_text(lease->key), lease->revision, on_removed, lease);
    if (status != RP_OK)
        return trouble(lease, status, "nothing more can be published now");
    lease->writing = true;
    return (news){0};
}

/* Does what it is time for. */
static news act(rp_lease *lease)
{
    uint64_t now_ns = now(lease);
    if (lease->token && now_ns >= lease->valid_until_ns)
        return lose(lease, "it could not be renewed in time");
    if (lease->writing || now_ns < (lease->token ? lease->renew_at_ns : lease->try_at_ns))
        return (news){0};
    if (lease->token || lease->wanted)
        return write_it(lease);
    if (lease->revision)
        return delete_it(lease);
    if (!lease->releasing)
        return (news){0};
    lease->releasing = false;
    return (news){RELEASED, RP_OK, NULL};
}

static void on_timer(void *arg)
{
    conclude(arg, act(arg));
}

/* -- the lease --------------------------------------------------------------------------------- */

rp_status rp_lease_new(const rp_lease_spec *spec, rp_lease **ret_lease)
{
    if (!rp_kv_is_key(spec->key) || spec->ttl_s < RP_LEASE_TTL_MIN_S ||
        spec->ttl_s > RP_LEASE_TTL_MAX_S)
        return RP_INVALID;
    rp_lease *lease = calloc(1, sizeof *lease);
    if (!lease)
        return RP_NO_MEMORY;
    lease->spec = *spec;
    memcpy(lease->key, spec->key.data, spec->key.len);
    rp_buffer_init(&lease->value, VALUE_BYTES_MAX);
    lease->wanted = true;
    rp_status status = rp_kv_open(spec->store, spec->bucket, &lease->kv);
    if (status == RP_OK)
        status = rp_timer_new(spec->store->host, on_timer, lease, &lease->timer);
    if (status != RP_OK) {
        rp_lease_free(lease);
        return status;
    }
    wait_for_it(lease);
    set_timer(lease);
    *ret_lease = lease;
    return RP_OK;
}

uint64_t rp_lease_token(const rp_lease *lease)
{
    return now(lease) < lease->valid_until_ns ? lease->token : 0;
}

bool rp_lease_troubled(const rp_lease *lease)
{
    bool unanswered = lease->writing && now(lease) - lease->sent_ns >= ttl_ns(lease);
    return unanswered || lease->troubles > 0;
}

void rp_lease_release(rp_lease *lease, void (*released)(void *arg), void *arg)
{
    RP_ASSERT(lease->wanted);
    lease->wanted = false;
    lease->releasing = true;
    lease->released = released;
    lease->released_arg = arg;
    lease->token = 0;
    lease->try_at_ns = now(lease);
    wait_no_more(lease);
    set_timer(lease); /* the rest comes from the loop */
}

void rp_lease_free(rp_lease *lease)
{
    if (!lease)
        return;
    rp_kv_close(lease->kv); /* and with it the watcher */
    rp_timer_free(lease->timer);
    rp_buffer_done(&lease->value);
    free(lease);
}
