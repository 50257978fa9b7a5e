/* What the files of the janitor share.
 *
 *     janitor_actor.c  the actor: options, metrics, one sweep after the other
 *     purge.c          one stream: what it holds, and purging it up to a sequence
 *     covered.c        snapshots: which are whole, and up to where they cover their log
 *
 * Streams keep what is settled, since the log is what a replay reads. Some of them take nothing new
 * when they are full, so above a part of max_bytes (75%) room is made from the start:
 *
 *  - In REQUEST and EXEC up to the lowest sequence that every durable has settled. A stream that no
 *    durable reads is left alone: nobody says what is settled there.
 *  - In a fold's log up to the sequence of its newest snapshot, of all partitions the lowest. A
 *    snapshot counts only when the janitor has read it from end to end and found it to be what its
 *    name says, and where a partition has none the log is left alone. The message at that sequence
 *    itself is kept (fold.h says why), and so is what a durable of the log has not settled.
 *
 * Nothing undelivered, unsettled or not yet in a snapshot is ever lost, whatever dies meanwhile, and
 * two janitors do no harm.
 */
#ifndef ACTORS_JANITOR_JANITOR_INTERNAL_H
#define ACTORS_JANITOR_JANITOR_INTERNAL_H

#include "actors/janitor/janitor.h"
#include "runtime/actor/fold/archive.h"
#include "runtime/actor/fold/snapshot.h"

enum { JANITOR_PARTITIONS_MAX = 1024 };

/* The newest snapshot of a partition. */
typedef struct covered {
    char kind[RP_SNAPSHOT_KIND_MAX + 1];
    uint32_t partition;
    uint64_t sequence;
    char object[RP_OBJECT_NAME_MAX + 1];
    char sha256[RP_SHA256_TEXT_BYTES]; /* that its name tells */
    bool named_right;                  /* and that its object has */
    bool read;                         /* from end to end, under this name */
    bool whole;                        /* and found to be what it should; the rest is then known */
    char stream[RP_SNAPSHOT_STREAM_MAX + 1];
    uint32_t partitions;
    uint64_t created_ns; /* of the log */
} covered;

/* The parts of a sweep, in their order. */
typedef enum janitor_part { JANITOR_SETTLED, JANITOR_SNAPSHOTS, JANITOR_LOGS } janitor_part;

typedef struct janitor {
    const rp_worker_env *env;
    rp_janitor_settings settings;
    rp_timer *sweep;
    bool sweeping;
    janitor_part part;
    size_t at; /* in the present part */

    rp_store store;
    rp_objects *snapshots;
    rp_object_get *get;
    covered partitions[JANITOR_PARTITIONS_MAX], before[JANITOR_PARTITIONS_MAX];
    size_t partition_count, before_count; /* of this listing, and of the one before */
    bool left_out;                        /* there are more partitions than that */
    rp_buffer head;                       /* of the snapshot that is read */
    const char *log;                      /* that is purged, and up to where: */
    uint64_t keep_from, log_created_ns;

    struct {
        rp_metric_family *purged;
        rp_counter *sweeps, *corrupt, *left_out;
    } metrics;
} janitor;

/* -- janitor_actor.c --------------------------------------------------------------------------- */

/* The present part of the sweep is done; the next one begins. */
void janitor_next(janitor *self);

/* -- purge.c ----------------------------------------------------------------------------------- */

/* Purges a settled stream, or the log up to self->keep_from, where it is above the mark. Then
 * janitor_next. */
void janitor_purge_settled(janitor *self, const char *stream);
void janitor_purge_log(janitor *self);

/* -- covered.c --------------------------------------------------------------------------------- */

/* Lists the snapshots, reads those that are new, then janitor_next. */
void janitor_read_snapshots(janitor *self);

/* Finds the next fold from self->at on whose log is covered; moves `at` behind it. False where there
 * is no more. Sets log, keep_from, log_created_ns. */
bool janitor_covered_next(janitor *self);

#endif
