/* What the files of a bucket share: kv.c reads and writes, kv_watch.c watches and lists. */
#ifndef RUNTIME_STORE_KV_INTERNAL_H
#define RUNTIME_STORE_KV_INTERNAL_H

#include "runtime/base/buffer.h"
#include "runtime/store/kv.h"

enum {
    RP__KV_STREAM_BYTES = RP_STORE_BUCKET_MAX + 4,
    RP__KV_SUBJECT_BYTES = RP_STORE_BUCKET_MAX + RP_KV_KEY_MAX + 8
};

typedef struct rp__kv_operation rp__kv_operation;

struct rp_kv {
    rp_store *store;
    char stream[RP__KV_STREAM_BYTES];
    char prefix[RP__KV_STREAM_BYTES + 4]; /* $KV.<bucket>. */
    rp__kv_operation *operations;         /* RP_KV_OPERATIONS_MAX slots */
    rp_kv_watcher *watchers;
};

/* Writes $KV.<bucket>.<key or filter>, which were looked at before. */
void rp__kv_subject(const rp_kv *kv, rp_bytes key, char subject[RP__KV_SUBJECT_BYTES]);

/* What a message of the bucket says; borrows it. False where its subject is not the bucket's. */
bool rp__kv_entry(const rp_kv *kv, const rp_message *message, rp_kv_entry *ret_entry);

/* Ends all watchers and listings. */
void rp__kv_watchers_done(rp_kv *kv);

#endif
