/* Key-value buckets: the newest value of a key, with its history where that is kept.
 *
 * A bucket is the stream KV_<bucket>; a key lies on the subject $KV.<bucket>.<key>, and the revision
 * of a value is its stream sequence. A deletion is a message, too: it has a revision, and a header
 * that says what it is. So everything is told in one order, and a write can name the revision that
 * it goes on from (compare and set).
 *
 *     put      whatever stands there
 *     create   only where nothing does: no value ever, or a deletion since
 *     update   only where this very revision does
 *     remove   leaves a deletion; rp_kv_purge takes the history away, too
 *
 * With a time to live the value goes by itself. Whether that leaves a deletion for watchers to see
 * is the bucket's choice (subject_delete_marker_ttl); ours do without.
 *
 *     rp_kv *kv;
 *     if (rp_kv_open(&store, "ROUTES", &kv) != RP_OK) ...
 *     rp_kv_get(kv, rp_bytes_text("acme.gemma3"), on_route, self);
 *     rp_kv_close(kv);
 *
 * Keys have 1 to RP_KV_KEY_MAX of [A-Za-z0-9_=/.-], their tokens between dots not empty; names that
 * may hold other bytes are encoded by the caller (runtime/base/name.h).
 *
 * A write whose acknowledgement is lost is sent again by the bus and recognised by its identity:
 * RP_OK means that it is stored, RP_CONFLICT and RP_EXISTS that another one's stands there now.
 * Bounded: operations on their way at once; a listing that hears nothing for RP_KV_SILENCE_MS ends.
 */
#ifndef RUNTIME_STORE_KV_H
#define RUNTIME_STORE_KV_H

#include "runtime/store/store.h"

enum {
    RP_KV_KEY_MAX = 255,
    RP_KV_OPERATIONS_MAX = 64, /* of one rp_kv, on their way at once */
    RP_KV_TTL_MAX_S = 366 * 86400,
    RP_KV_CREATE_TRIES_MAX = 4,  /* deletions that others put before us */
    RP_KV_SILENCE_MS = 10 * 1000 /* then a listing ends in RP_TIMEOUT */
};

typedef struct rp_kv rp_kv;

typedef enum rp_kv_operation {
    RP_KV_PUT,
    RP_KV_DELETE,
    RP_KV_PURGE /* also what expired, where the bucket leaves deletions */
} rp_kv_operation;

/* Borrowed for the callback. */
typedef struct rp_kv_entry {
    rp_bytes key;
    rp_bytes value; /* empty for a deletion */
    uint64_t revision;
    rp_kv_operation operation;
    uint32_t ttl_s;        /* that it was written with; 0 = none, or in words that are not ours */
    uint64_t timestamp_ns; /* when it was stored, where the bus tells (watch, list); else 0 */
} rp_kv_entry;

/* Opens a bucket; borrows the store. Does not ask whether the bucket is there: the first operation
 * tells. RP_INVALID for a name that is none, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_kv_open(rp_store *store, const char *bucket, rp_kv **ret_kv);

/* No callback comes any more; writes that were taken are still stored. Ends its watchers and
 * listings. NULL is fine. */
void rp_kv_close(rp_kv *kv);

bool rp_kv_is_key(rp_bytes key);

/* A key, or one with `*` for a token or `>` for the rest. */
bool rp_kv_is_filter(rp_bytes filter);

/* -- reading ----------------------------------------------------------------------------------- */

/* RP_OK with the value; RP_NOT_FOUND with the deletion that stands there, or NULL where nothing
 * does; RP_TIMEOUT, RP_UNAVAILABLE, RP_DENIED with NULL. */
typedef void (*rp_kv_entry_cb)(void *arg, rp_status status, const rp_kv_entry *entry);

/* RP_INVALID for a key that is none, RP_LIMIT where too much is on its way. */
RP_MUST_USE rp_status rp_kv_get(rp_kv *kv, rp_bytes key, rp_kv_entry_cb callback, void *arg);

/* -- writing ----------------------------------------------------------------------------------- */

/* RP_OK           stored, at `revision`
 * RP_CONFLICT     update, remove: another revision stands there (0 = nothing)
 * RP_EXISTS       create: a value stands there, at `revision`
 * RP_UNAVAILABLE, RP_TIMEOUT   no answer; it may have been stored all the same
 * RP_FULL, RP_DENIED, RP_INVALID   the server refused it
 * RP_LIMIT        a second try found the outbox full */
typedef struct rp_kv_written {
    rp_status status;
    uint64_t revision;
    const char *why; /* borrowed for the callback; never NULL */
} rp_kv_written;

typedef void (*rp_kv_written_cb)(void *arg, const rp_kv_written *written);

/* Each copies the value. `ttl_s` 0 = for ever. RP_INVALID for a key or a ttl that is none, RP_LIMIT
 * where too much is on its way or the value is too large, RP_NO_MEMORY. The callback may be NULL. */
RP_MUST_USE rp_status rp_kv_put(
    rp_kv *kv, rp_bytes key, rp_bytes value, uint32_t ttl_s, rp_kv_written_cb callback, void *arg);
RP_MUST_USE rp_status rp_kv_create(
    rp_kv *kv, rp_bytes key, rp_bytes value, uint32_t ttl_s, rp_kv_written_cb callback, void *arg);
RP_MUST_USE rp_status rp_kv_update(rp_kv *kv, rp_bytes key, uint64_t revision, rp_bytes value,
    uint32_t ttl_s, rp_kv_written_cb callback, void *arg);

/* Leaves a deletion; of this very revision, unless 0. */
RP_MUST_USE rp_status rp_kv_remove(
    rp_kv *kv, rp_bytes key, uint64_t revision, rp_kv_written_cb callback, void *arg);

/* The same, and nothing of what was before it is kept. With a ttl the deletion goes, too. */
RP_MUST_USE rp_status rp_kv_purge(rp_kv *kv, rp_bytes key, uint64_t revision, uint32_t ttl_s,
    rp_kv_written_cb callback, void *arg);

/* -- watching and listing ---------------------------------------------------------------------- */

typedef struct rp_kv_watcher rp_kv_watcher;

typedef enum rp_kv_from {
    RP_KV_LAST,    /* what stands there, then what comes */
    RP_KV_HISTORY, /* all that is kept, then what comes */
    RP_KV_NEW      /* what comes */
} rp_kv_from;

typedef struct rp_kv_watch_spec {
    rp_bytes filter; /* copied */
    rp_kv_from from;
    void (*on_entry)(void *arg, const rp_kv_entry *entry); /* deletions, too */
    void (*on_caught_up)(void *arg); /* once: all that stood there has been told; may be NULL */
    void *arg;
} rp_kv_watch_spec;

/* Tells every change of the keys that the filter takes, in order, over lost connections. RP_INVALID,
 * RP_NO_MEMORY, RP_LIMIT where the bus has no follower left. */
RP_MUST_USE rp_status rp_kv_watch(
    rp_kv *kv, const rp_kv_watch_spec *spec, rp_kv_watcher **ret_watcher);

/* May be called from its own callbacks. NULL is fine. */
void rp_kv_unwatch(rp_kv_watcher *watcher);

/* Tells the values that stand there (RP_KV_LAST), or all that is kept with its deletions
 * (RP_KV_HISTORY), then ends with RP_OK, or RP_TIMEOUT. A key that changes meanwhile is told again.
 * As rp_kv_watch. */
RP_MUST_USE rp_status rp_kv_list(rp_kv *kv, rp_bytes filter, rp_kv_from from,
    void (*on_entry)(void *arg, const rp_kv_entry *entry),
    void (*on_end)(void *arg, rp_status status), void *arg);

#endif
