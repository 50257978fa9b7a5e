/* Followers: order is kept, so a message whose body is on its way holds back those behind it. They
 * are copied and wait in a queue; what else the inner follower tells waits among them. Where the
 * queue is full the inner follower is given up, and made anew behind it when it is empty. */
#include "runtime/store/claims/internal.h"

#include <stdlib.h>

enum {
    AHEAD_MAX = 4, /* bodies of one follower on their way at once */
    RETRY_MS = 250
};

typedef enum item_kind { MESSAGE, CAUGHT_UP, LOST } item_kind;

typedef struct item {
    struct item *next;
    rp_follower *follower;
    item_kind kind;
    rp__claimed *claimed; /* of a message */
    bool bodiless;        /* its body is still to be fetched */
    rp__fetch *fetch;
    unsigned tries;
    uint64_t retry_at_ns;
    uint64_t expected, first; /* of a loss */
} item;

struct rp_follower {
    rp__claims *claims;
    rp_follower *inner; /* NULL while the queue is to drain */
    rp_follower *next;
    rp_follower_spec spec;
    item *oldest, *newest;
    size_t count;
    uint64_t behind; /* the stream sequence behind the last message that came */
    rp_timer *retry;
    bool handing; /* a callback runs */
    bool closed;  /* by that callback */
};

static void drain(rp_follower *follower);

static void item_free(item *i)
{
    if (!i)
        return;
    rp__fetch_stop(i->fetch);
    if (i->claimed)
        rp_message_free(&i->claimed->message);
    free(i);
}

/* -- bodies ------------------------------------------------------------------------------------ */

static void on_body(void *arg, rp_status status, uint8_t *body, size_t len, const char *why)
{
    item *i = arg;
    i->fetch = NULL;
    if (status == RP_UNAVAILABLE && ++i->tries < RP_CLAIM_TRIES_MAX) {
        uint64_t wait_ns = ((uint64_t)RETRY_MS << i->tries) * RP_NS_PER_MS;
        i->retry_at_ns = rp_clock_monotonic_ns(i->follower->claims->host->clock) + wait_ns;
        rp_timer_set(i->follower->retry, wait_ns, 0);
        return;
    }
    rp__claimed_fill(i->claimed, status, body, len, why);
    i->bodiless = false;
    drain(i->follower);
}

/* Fetches for the first few that need it. */
static void fetch(rp_follower *follower)
{
    uint64_t now_ns = rp_clock_monotonic_ns(follower->claims->host->clock);
    size_t ahead = 0;
    for (item *i = follower->oldest; i && ahead < AHEAD_MAX; i = i->next) {
        rp_error error = {0};
        if (!i->bodiless)
            continue;
        ahead++;
        if (i->fetch || now_ns < i->retry_at_ns)
            continue;
        rp_status status = rp__fetch_start(follower->claims,
            rp_message_header(&i->claimed->message, RP_HEADER_BODY), on_body, i, &i->fetch, &error);
        if (status == RP_INVALID) {
            rp__claimed_fill(i->claimed, status, NULL, 0, error.message);
            i->bodiless = false;
        } else if (status != RP_OK) {
            rp_timer_set(follower->retry, RETRY_MS * RP_NS_PER_MS, 0);
            return;
        }
    }
}

/* -- handing over ------------------------------------------------------------------------------ */

static void follower_free(rp_follower *follower)
{
    rp_follower **link = &follower->claims->followers;
    while (*link != follower)
        link = &(*link)->next;
    *link = follower->next;
    rp_bus_unfollow(follower->claims->inner, follower->inner);
    while (follower->oldest) {
        item *i = follower->oldest;
        follower->oldest = i->next;
        item_free(i);
    }
    rp_timer_free(follower->retry);
    free(follower);
}

static void hand_over(const rp_follower_spec *spec, const item *i)
{
    if (i->kind == MESSAGE)
        spec->on_message(spec->arg, &i->claimed->message);
    else if (i->kind == CAUGHT_UP && spec->on_caught_up)
        spec->on_caught_up(spec->arg);
    else if (i->kind == LOST && spec->on_lost)
        spec->on_lost(spec->arg, i->expected, i->first);
}

static rp_status follow(rp_follower *follower, rp_follow_from from, uint64_t sequence);

/* Hands over what is whole, in order. */
static void drain(rp_follower *follower)
{
    if (follower->handing)
        return; /* the loop below goes on */
    follower->handing = true;
    while (!follower->closed) {
        fetch(follower);
        item *i = follower->oldest;
        if (!i || i->bodiless)
            break;
        follower->oldest = i->next;
        if (!i->next)
            follower->newest = NULL;
        follower->count--;
        hand_over(&follower->spec, i);
        item_free(i);
    }
    follower->handing = false;
    if (follower->closed)
        follower_free(follower);
    else if (!follower->inner && !follower->oldest &&
             follow(follower, RP_FOLLOW_SEQUENCE, follower->behind) != RP_OK)
        rp_timer_set(follower->retry, RETRY_MS * RP_NS_PER_MS, 0);
}

static void on_retry(void *arg)
{
    drain(arg);
}

/* -- what comes -------------------------------------------------------------------------------- */

static item *append(rp_follower *follower, item_kind kind)
{
    item *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->follower = follower;
    i->kind = kind;
    if (follower->newest)
        follower->newest->next = i;
    else
        follower->oldest = i;
    follower->newest = i;
    follower->count++;
    return i;
}

static void drop_newest(rp_follower *follower)
{
    item **link = &follower->oldest, *before = NULL;
    while (*link != follower->newest) {
        before = *link;
        link = &before->next;
    }
    item_free(*link);
    *link = NULL;
    follower->newest = before;
    follower->count--;
}

/* Reads no more until the queue is empty, and then from `sequence` on. */
static void hold(rp_follower *follower, uint64_t sequence)
{
    rp_bus_unfollow(follower->claims->inner, follower->inner);
    follower->inner = NULL;
    follower->behind = sequence;
    rp__claims_count(follower->claims->metrics.full);
    if (!follower->oldest)
        rp_timer_set(follower->retry, RETRY_MS * RP_NS_PER_MS, 0);
}

static void on_message(void *arg, const rp_message *message)
{
    rp_follower *follower = arg;
    bool bodiless = rp_message_header(message, RP_HEADER_BODY).data != NULL;
    if (!bodiless && !follower->oldest) {
        follower->handing = true;
        follower->spec.on_message(follower->spec.arg, message);
        follower->handing = false;
        if (follower->closed)
            follower_free(follower);
        return;
    }
    item *i = append(follower, MESSAGE);
    if (i)
        i->claimed = rp__claimed_copy(message);
    if (!i || !i->claimed) { /* out of memory: it is read again */
        if (i)
            drop_newest(follower);
        hold(follower, message->stream_sequence);
        return;
    }
    i->bodiless = bodiless;
    if (follower->count >= RP_CLAIMS_HELD_MAX)
        hold(follower, message->stream_sequence + 1);
    drain(follower);
}

static void on_caught_up(void *arg)
{
    rp_follower *follower = arg;
    if (append(follower, CAUGHT_UP))
        drain(follower);
    else if (follower->spec.on_caught_up)
        follower->spec.on_caught_up(follower->spec.arg);
}

static void on_lost(void *arg, uint64_t expected, uint64_t first)
{
    rp_follower *follower = arg;
    item *i = append(follower, LOST);
    if (i) {
        i->expected = expected;
        i->first = first;
        drain(follower);
    } else if (follower->spec.on_lost) {
        follower->spec.on_lost(follower->spec.arg, expected, first);
    }
}

static rp_status follow(rp_follower *follower, rp_follow_from from, uint64_t sequence)
{
    rp_follower_spec inner = follower->spec;
    inner.from = from;
    inner.sequence = sequence;
    inner.on_message = on_message;
    inner.on_caught_up = on_caught_up;
    inner.on_lost = on_lost;
    inner.arg = follower;
    return rp_bus_follow(follower->claims->inner, &inner, &follower->inner);
}

rp_status rp__claims_follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    rp__claims *claims = rp__claims_of(bus);
    rp_follower *follower = calloc(1, sizeof *follower);
    if (!follower)
        return RP_NO_MEMORY;
    *follower = (rp_follower){.claims = claims, .spec = *spec, .next = claims->followers};
    claims->followers = follower;
    rp_status status = rp_timer_new(claims->host, on_retry, follower, &follower->retry);
    if (status == RP_OK)
        status = follow(follower, spec->from, spec->sequence);
    if (status != RP_OK) {
        follower_free(follower);
        return status;
    }
    *ret_follower = follower;
    return RP_OK;
}

void rp__claims_unfollow(rp_follower *follower)
{
    if (follower->handing)
        follower->closed = true;
    else
        follower_free(follower);
}

void rp__claims_followers_done(rp__claims *claims)
{
    while (claims->followers)
        follower_free(claims->followers);
}
