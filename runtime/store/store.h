/* What the stores stand on: a bus, a host, and a name of one's own.
 *
 * Key-value buckets (kv.h), leases (lease.h) and objects (object/object.h) lie in streams, in the
 * layout that every NATS client knows. They are built on rp_bus alone: the same code runs on
 * JetStream, in the simulator and in a replay.
 *
 * What a store writes carries an identity, the instance's name and a number, so that a write whose
 * acknowledgement was lost is recognised when the answer says that something stands there already.
 *
 *     rp_store store = {.bus = bus, .host = host, .instance = "tokenizer.a.5f3c0001"};
 *     rp_kv_open(&store, "ROUTES", &kv);
 *
 * On a bus with claims (claims/claims.h) a store works, too: a value above the server's limit then travels
 * by reference, and only Reprise reads it. For objects the server must take their chunks as they
 * are: its max_payload is 288 KiB at least, or they stand on the inner bus.
 *
 * One rp_store a process, in the caller's storage, outliving every store opened on it. All calls
 * are made on the loop's thread; callbacks come there, never inside the call that started them, and
 * exactly once, unless the store was closed first.
 */
#ifndef RUNTIME_STORE_STORE_H
#define RUNTIME_STORE_STORE_H

#include "runtime/base/host.h"
#include "runtime/bus/bus.h"

typedef struct rp_store {
    rp_bus *bus;          /* borrowed */
    rp_host *host;        /* borrowed */
    const char *instance; /* borrowed; unlike every other's, over all time */
    uint64_t identities;  /* given out so far; begins at 0 */
} rp_store;

enum { RP_STORE_BUCKET_MAX = 64, RP_STORE_IDENTITY_BYTES = 160 };

/* Whether a bucket can have this name: 1 to RP_STORE_BUCKET_MAX of [A-Za-z0-9_-]. */
bool rp_store_is_bucket(const char *bucket);

/* Writes the identity of the next write, and a NUL. */
void rp_store_identity(rp_store *store, char identity[RP_STORE_IDENTITY_BYTES]);

#endif
