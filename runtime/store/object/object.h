/* Objects: files of any size in a stream, cut into chunks, under a name, with their SHA-256.
 *
 * A bucket is the stream OBJ_<bucket>. An object's chunks lie on $O.<bucket>.C.<nuid>, in order,
 * and what it is (name, nuid, size, number of chunks, digest) on $O.<bucket>.M.<base64url of the
 * name>, as one JSON message that takes the place of the one before. It is written last: an object
 * is there when it is whole, and a name always stands for a whole one. Every NATS client reads and
 * writes this layout.
 *
 * Reading. Chunks are handed over one by one, in order; nothing is kept, and whoever cannot take
 * more pauses. Number, sizes and SHA-256 are compared with what the object says of itself, and
 * on_end says RP_OK only where all hold: what came before must not be used until then.
 *
 *     rp_object_get_spec spec = {.name = "vector.0.81920.ab12...", .on_chunk = on_chunk,
 *         .on_end = on_end, .arg = self};
 *     rp_object_get_start(objects, &spec, &get);
 *
 * Writing. The caller supplies bytes as it has them, as much as there is room for:
 *
 *     rp_object_put_start(objects, &spec, &put);
 *     on_room:  taken = rp_object_put_write(put, rest);     and again at the next on_room
 *               rp_object_put_finish(put);                  when all is written
 *     on_end:   RP_OK: it is stored
 *
 * Each chunk is stored on condition that the one before is the last on its subject, so that one
 * that is sent again after a lost connection or a lost acknowledgement is never there twice.
 *
 * Content addressing. A caller that knows the SHA-256 beforehand says so. Then an object of this
 * name and content that is there already is not written again, and the chunks lie on a subject that
 * follows from the content: a writer that died is gone on from by the next, and two that write the
 * same at once share the work. The caller supplies all bytes in either case; chunks that are stored
 * are passed over.
 *
 * Bounded: a put holds one chunk and has one on its way; silence of RP_OBJECT_SILENCE_MS ends a get
 * or a listing; names, sizes and what an object says of itself have limits below. Callbacks never
 * come inside the call that started them. on_end is the last; the handle is gone then.
 */
#ifndef RUNTIME_STORE_OBJECT_OBJECT_H
#define RUNTIME_STORE_OBJECT_OBJECT_H

#include "runtime/store/object/info.h"
#include "runtime/store/store.h"

enum {
    RP_OBJECT_CHUNK_BYTES = 256 << 10, /* of what we write; less where the bus takes less */
    RP_OBJECT_SILENCE_MS = 30 * 1000,
    RP_OBJECT_TRIES_MAX = 4 /* to take the place of what another writer put there meanwhile */
};

typedef struct rp_objects rp_objects;

/* Opens a bucket; borrows the store. RP_INVALID for a name that is none, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_objects_open(
    rp_store *store, const char *bucket, rp_objects **ret_objects);

/* Ends all that is on its way; no callback comes any more. NULL is fine. */
void rp_objects_close(rp_objects *objects);

/* -- what is there ----------------------------------------------------------------------------- */

/* `info` is borrowed, NULL unless RP_OK. RP_NOT_FOUND, also for what was deleted; RP_CORRUPT where
 * it does not say what it must; RP_TIMEOUT, RP_UNAVAILABLE, RP_DENIED. */
typedef void (*rp_object_info_cb)(void *arg, rp_status status, const rp_object_info *info);

/* RP_INVALID for a name that is none, RP_LIMIT, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_object_stat(
    rp_objects *objects, const char *name, rp_object_info_cb callback, void *arg);

/* Tells every object that is there, in the order in which they were written, then ends with RP_OK,
 * or RP_TIMEOUT. What is no object is left out. RP_LIMIT where the bus has no follower left. */
RP_MUST_USE rp_status rp_object_list(rp_objects *objects,
    void (*on_info)(void *arg, const rp_object_info *info),
    void (*on_end)(void *arg, rp_status status), void *arg);

/* Deletes an object and its chunks. RP_NOT_FOUND where there is none; RP_CONFLICT where others write
 * it all the time. The callback may be NULL. */
RP_MUST_USE rp_status rp_object_delete(rp_objects *objects, const char *name,
    void (*callback)(void *arg, rp_status status), void *arg);

/* -- reading ----------------------------------------------------------------------------------- */

typedef struct rp_object_get rp_object_get;

typedef struct rp_object_get_spec {
    const char *name; /* for the call */
    void (*on_info)(
        void *arg, const rp_object_info *info); /* before the first chunk; may be NULL */
    void (*on_chunk)(void *arg, rp_bytes chunk);
    void (*on_end)(void *arg, rp_status status, const char *why); /* `why` is never NULL */
    void *arg;
} rp_object_get_spec;

/* Ends in RP_OK, RP_NOT_FOUND, RP_CORRUPT (it is not what it says it is), RP_UNSUPPORTED (a link),
 * RP_LIMIT (no follower left), RP_TIMEOUT, RP_UNAVAILABLE, RP_DENIED. */
RP_MUST_USE rp_status rp_object_get_start(
    rp_objects *objects, const rp_object_get_spec *spec, rp_object_get **ret_get);

/* No chunk comes until resumed. Both may be called from on_info and on_chunk. */
void rp_object_get_pause(rp_object_get *get);
void rp_object_get_resume(rp_object_get *get);

/* No callback comes any more. May be called from on_info and on_chunk. NULL is fine. */
void rp_object_get_stop(rp_object_get *get);

/* -- writing ----------------------------------------------------------------------------------- */

typedef struct rp_object_put rp_object_put;

typedef struct rp_object_put_spec {
    const char *name;           /* for the call */
    const char *digest;         /* for the call: the content's SHA-256, 64 lower-case hexadecimal
                                    digits; NULL = not known yet */
    uint64_t fresh_ns;          /* with a digest: one that is older than this is written again,
                                    since its stream lets go of what is old; 0 = any age will do */
    void (*on_room)(void *arg); /* write now; the first time, and after each write that was not
                                    taken whole */
    void (*on_end)(void *arg, rp_status status, const rp_object_info *info, const char *why);
    void *arg;
} rp_object_put_spec;

/* Ends in RP_OK with the info (else NULL), with nothing asked for where it is there already;
 * RP_CORRUPT (the bytes are not what `digest` says), RP_CONFLICT (its chunks were deleted meanwhile,
 * or others write this name all the time), RP_FULL, RP_DENIED, RP_UNAVAILABLE, RP_INVALID. Of one
 * that failed nothing is left; but what can be gone on from. RP_INVALID for a name or digest that is
 * none, RP_LIMIT, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_object_put_start(
    rp_objects *objects, const rp_object_put_spec *spec, rp_object_put **ret_put);

/* Takes as many of the bytes as there is room for, and answers how many. Only once on_room came. */
size_t rp_object_put_write(rp_object_put *put, rp_bytes bytes);

/* There is no more. */
void rp_object_put_finish(rp_object_put *put);

/* Gives it up; no callback comes any more. NULL is fine. */
void rp_object_put_stop(rp_object_put *put);

#endif
