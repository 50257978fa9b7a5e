/* Leases: one holder at a time, who knows in time that it is none any more.
 *
 * A lease is a key of a bucket. Whoever creates it holds it, for as long as its time to live; the
 * holder renews it at a third of that, each time on condition that its own renewal before is what
 * stands there. A holder that dies stops renewing, the key goes, and one of those that wait creates
 * it anew.
 *
 * The token. It is the stream sequence of the taking: every taking has a higher one, over expiry,
 * deletion and restarts of the server, and renewals keep it (they carry it in their value). Whoever
 * is written to under a lease compares tokens: what comes under a lower one is of a holder that has
 * been replaced and does not know it (fencing).
 *
 * The loss. The server counts the time to live from when it stored a renewal; the holder counts it
 * from before it sent that renewal, on its own monotonic clock, and less a margin of one part in
 * RP_LEASE_MARGIN_PARTS for clocks that do not run alike. So `on_lost` comes, and rp_lease_token
 * answers 0, before the key can have gone: without a connection, too, and without an answer.
 * rp_lease_token looks at the clock itself; a process that was stopped and goes on learns there
 * that its time is over, even before its timers fire. What cannot be helped by any clock, a stop
 * between that look and the write that follows it, is what the token is for.
 *
 *     rp_lease_spec spec = {.store = &store, .bucket = "LEASES", .key = rp_bytes_text("vector.0"),
 *         .ttl_s = 10, .on_taken = on_taken, .on_lost = on_lost, .arg = self};
 *     rp_lease_new(&spec, &lease);           wants it from now on: takes it, or waits for it
 *     if (rp_lease_token(lease) != 0) ...    holds it
 *     rp_lease_release(lease, on_released, self);   gives it up, so that others need not wait
 *     rp_lease_free(lease);
 *
 * A lease that was lost is wanted again by itself, and may be taken again under a new token.
 */
#ifndef RUNTIME_STORE_LEASE_H
#define RUNTIME_STORE_LEASE_H

#include "runtime/store/kv.h"

enum {
    RP_LEASE_TTL_MIN_S = 2,
    RP_LEASE_TTL_MAX_S = 3600,
    RP_LEASE_RENEWALS = 3,     /* in a time to live, if each is answered */
    RP_LEASE_MARGIN_PARTS = 8, /* the loss comes so large a part of the ttl early */
    RP_LEASE_JITTER_MS = 250,  /* those that wait do not all try at once */
    RP_LEASE_RETRY_MS = 250,   /* to take what should be gone, or was refused */
    RP_LEASE_HOLDER_MAX = 128  /* bytes of a holder's name in the value */
};

typedef struct rp_lease rp_lease;

typedef struct rp_lease_spec {
    rp_store *store;    /* borrowed for the lease's life */
    const char *bucket; /* for the call */
    rp_bytes key;       /* for the call */
    uint32_t ttl_s;     /* RP_LEASE_TTL_MIN_S to _MAX_S */
    void (*on_taken)(void *arg, uint64_t token);
    void (*on_lost)(void *arg, const char *why);
    void (*on_trouble)(void *arg, rp_status status, const char *why); /* the bucket is missing, no
                             right to write, ...: it goes on trying. May be NULL */
    void *arg;
} rp_lease_spec;

/* Wants the lease. The instance's name stands in the value as the holder, for people. RP_INVALID,
 * RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_lease_new(const rp_lease_spec *spec, rp_lease **ret_lease);

/* The token under which it is held at this moment, else 0. */
uint64_t rp_lease_token(const rp_lease *lease);

/* Whether it can neither be taken nor renewed, nor is seen to be another's: a write was refused, as
 * on_trouble told, or has had no answer for a whole time to live, as where the bucket is missing. */
bool rp_lease_troubled(const rp_lease *lease);

/* Wants it no more; from here on the token is 0, and neither on_taken nor on_lost comes. `released`
 * (may be NULL) comes once, when the key is deleted or not ours; without a connection when there is
 * one again. Only once. */
void rp_lease_release(rp_lease *lease, void (*released)(void *arg), void *arg);

/* No callback comes any more. What is held expires by itself. NULL is fine. */
void rp_lease_free(rp_lease *lease);

#endif
