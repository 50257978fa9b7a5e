/* The archive: a partition's snapshots in the object store SNAPSHOTS.
 *
 * They are named by their content (snapshot.h). Reading goes from the newest to older ones: one that
 * is damaged is left out with a line in the log and a count, and the one before has its turn.
 * Writing puts a new one there and then deletes all but the newest RP_ARCHIVE_KEPT.
 *
 *     rp_archive_restore(archive, on_snapshot, on_end, self);
 *     rp_archive_put(archive, sequence, &bytes, on_put, self);
 *
 * One of each at a time. All on the loop's thread, but for the SHA-256 of what is written, which is
 * a job for a compute thread.
 */
#ifndef RUNTIME_ACTOR_FOLD_ARCHIVE_H
#define RUNTIME_ACTOR_FOLD_ARCHIVE_H

#include "runtime/actor/worker.h"
#include "runtime/store/object/object.h"

#define RP_ARCHIVE_BUCKET "SNAPSHOTS"

enum {
    RP_ARCHIVE_KEPT = 3,
    RP_ARCHIVE_LISTED_MAX = 32 /* of a partition; older ones are looked at when these are gone */
};

typedef struct rp_archive rp_archive;

/* Borrowed for the archive's life. */
typedef struct rp_archive_spec {
    const rp_worker_env *env;
    rp_store *store;
    const char *kind;
    uint32_t partition;
    size_t bytes_max;    /* of a snapshot that is read */
    rp_counter *corrupt; /* counts those that were left out */
} rp_archive_spec;

/* RP_INVALID, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_archive_new(const rp_archive_spec *spec, rp_archive **ret_archive);

/* No callback comes any more. NULL is fine. */
void rp_archive_free(rp_archive *archive);

/* Reads snapshots, the newest first, until `on_snapshot` takes one (RP_OK; another status: it is not
 * what it should be, and `reterr` says why). Then `on_end` comes: RP_OK, one was taken; RP_NOT_FOUND,
 * there is none that could be; else SNAPSHOTS could not be read. RP_BUSY, RP_LIMIT,
 * RP_NO_MEMORY: try again. */
RP_MUST_USE rp_status rp_archive_restore(rp_archive *archive,
    rp_status (*on_snapshot)(void *arg, rp_bytes bytes, rp_error *reterr),
    void (*on_end)(void *arg, rp_status status, const char *why), void *arg);

/* Stores the snapshot of a sequence. The archive takes what is in `bytes`, which is empty
 * afterwards. RP_BUSY while it writes one. */
RP_MUST_USE rp_status rp_archive_put(rp_archive *archive, uint64_t sequence, rp_buffer *bytes,
    void (*on_end)(void *arg, rp_status status, uint64_t sequence, const char *why), void *arg);

/* Looks what there is, for rp_archive_newest; others may have written. */
void rp_archive_look(rp_archive *archive);

/* The newest sequence that it has seen or written a snapshot of; 0 = none. */
uint64_t rp_archive_newest(const rp_archive *archive);

/* Whether it writes. */
bool rp_archive_is_busy(const rp_archive *archive);

#endif
