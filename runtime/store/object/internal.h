/* What the files of an object bucket share.
 *
 *     object.c   the bucket: what is there, listing, deleting
 *     get.c      reading one
 *     put.c      writing one
 *     info.c     what an object says of itself
 *
 * Whatever is on its way is a task in the bucket's list, so that closing the bucket ends it.
 */
#ifndef RUNTIME_STORE_OBJECT_INTERNAL_H
#define RUNTIME_STORE_OBJECT_INTERNAL_H

#include "runtime/base/base64.h"
#include "runtime/store/object/object.h"

enum {
    RP__OBJECT_STREAM_BYTES = RP_STORE_BUCKET_MAX + 8,
    RP__OBJECT_META_BYTES = RP_STORE_BUCKET_MAX + 8 + RP_BASE64_BYTES(RP_OBJECT_NAME_MAX),
    RP__OBJECT_CHUNKS_BYTES = RP_STORE_BUCKET_MAX + 8 + RP_OBJECT_NUID_MAX + 1
};

typedef struct rp__object_task rp__object_task;

/* The head of everything that is on its way. */
struct rp__object_task {
    rp_objects *objects;
    rp__object_task *next, *previous;
    void (*stop)(rp__object_task *task); /* takes it from the list and frees it, silently */
};

struct rp_objects {
    rp_store *store;
    char bucket[RP_STORE_BUCKET_MAX + 1];
    char stream[RP__OBJECT_STREAM_BYTES];
    rp__object_task *tasks;
};

void rp__object_task_add(
    rp_objects *objects, rp__object_task *task, void (*stop)(rp__object_task *task));

/* Takes it from the list; the bus calls nobody with it any more. */
void rp__object_task_remove(rp__object_task *task);

/* The subject of what an object says of itself; the name has been looked at. */
void rp__object_meta(
    const rp_objects *objects, const char *name, char subject[RP__OBJECT_META_BYTES]);

/* The subject of its chunks. */
void rp__object_chunks(
    const rp_objects *objects, const char *nuid, char subject[RP__OBJECT_CHUNKS_BYTES]);

/* Reads what a message says of the object `name`. RP_CORRUPT, RP_NO_MEMORY. */
rp_status rp__object_info_of(
    const rp_message *message, const char *name, rp_object_info *ret_info, rp_error *reterr);

/* Publishes what an object says of itself, in the place of what stands there at `revision`. */
rp_status rp__object_publish_info(const rp_objects *objects, const rp_object_info *info,
    uint32_t chunk_bytes, uint64_t revision, rp_published_cb callback, void *arg);

/* Deletes chunks that nobody names; nobody waits for it. */
void rp__object_sweep(const rp_objects *objects, const char *nuid, uint64_t keep_from);

#endif
