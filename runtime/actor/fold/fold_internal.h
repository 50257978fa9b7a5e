/* What the files of a fold share.
 *
 *     fold.c       its life: following the log, emitting, snapshots, drained
 *     restore.c    its beginning: the newest snapshot, and whether the log goes on behind it
 *     message.c    one message of the log: folded, refused, what it gave rise to
 *     read.c       one read: the fold's own ops, and verdict
 *
 * and the modules below them, which know no rp_fold: emitter.h, archive.h, ask.h, verdicts.h,
 * witness.h, snapshot.h, outcome.h.
 */
#ifndef RUNTIME_ACTOR_FOLD_FOLD_INTERNAL_H
#define RUNTIME_ACTOR_FOLD_FOLD_INTERNAL_H

#include "runtime/actor/fold/archive.h"
#include "runtime/actor/fold/ask.h"
#include "runtime/actor/fold/emitter.h"
#include "runtime/actor/fold/fold.h"
#include "runtime/actor/fold/metrics.h"
#include "runtime/actor/fold/verdicts.h"
#include "runtime/actor/fold/witness.h"
#include "runtime/store/lease.h"
#include "runtime/store/pairs.h"

typedef enum rp__fold_phase {
    RP__FOLD_OPENING,   /* how far has the chain of outcomes come? */
    RP__FOLD_RESTORING, /* the newest snapshot that can be read */
    RP__FOLD_CHECKING,  /* does the log go on behind it? */
    RP__FOLD_FOLDING,
    RP__FOLD_WAITING, /* something is missing; it begins again soon */
    RP__FOLD_BROKEN,  /* it cannot go on */
    RP__FOLD_DRAINING
} rp__fold_phase;

enum { RP__FOLD_WHY_BYTES = 512, RP__FOLD_AGAIN_MS = 500 /* until something is tried again */ };

struct rp_fold {
    rp_worker_env env; /* its log names the partition */
    rp_fold_spec spec;
    rp_fold_place place;
    void *state;
    rp_log *log;
    rp_fold_counts counts;
    char subject[RP_OUTCOME_SUBJECT_BYTES]; /* of its outcomes */

    /* The machine. */
    rp_pairs *pairs;
    uint64_t sequence;   /* folded last */
    uint64_t clock_ns;   /* the highest timestamp folded */
    uint64_t created_ns; /* of the log */
    uint64_t anchor;     /* the last sequence that was folded and no timer */

    /* The message in hand. */
    bool folding;
    bool refused;
    rp_refusal refusal;
    rp_bytes message_subject;
    rp_arena arena;

    /* Its life. */
    rp__fold_phase phase;
    char why[RP__FOLD_WHY_BYTES]; /* it is not ready; "" = it is */
    bool caught_up;
    rp_follower *follower;
    rp_timer *again; /* begins, or begins anew */
    rp_emitter *emitter;
    rp_archive *archive;
    rp_asks *asks;
    rp_lease *lease;
    char lease_why[RP__FOLD_WHY_BYTES]; /* where rp_lease_troubled */
    rp_witness witness;
    uint64_t witnessed_ns; /* the log that it is of, by its creation; 0 = none yet */
    uint64_t head_before;  /* how far its outcomes had come when the log was asked what it holds */
    rp_verdicts verdicts;

    /* A snapshot that waits until all outcomes up to its sequence are stored. */
    rp_buffer snapshot;
    uint64_t snapshot_sequence; /* 0 = none waits */

    /* The end. */
    rp_timer *limit, *end;
    bool last_snapshot; /* was written, or need not be */
    bool ended;
    void (*drained)(void *arg);
    void *drained_arg;
};

/* -- message.c --------------------------------------------------------------------------------- */

/* Folds the next message of the log, or passes over it; with the digests that are due. False where
 * memory ran out: nothing was folded. */
RP_MUST_USE bool rp__fold_message(rp_fold *fold, const rp_message *message);

/* Compares what is stored as the digest of a sequence with what this replica has there. */
void rp__fold_compare(rp_fold *fold, const rp_message *outcome);

/* -- read.c ------------------------------------------------------------------------------------ */

bool rp__fold_answer(void *arg, const rp_fold_ask *ask, rp_buffer *result, rp_refusal *retref);

/* -- restore.c --------------------------------------------------------------------------------- */

/* Begins, from the newest snapshot there is. */
void rp__fold_begin(rp_fold *fold);

/* -- fold.c ------------------------------------------------------------------------------------ */

/* Follows the log behind what is folded. */
void rp__fold_follow(rp_fold *fold);

/* Leaves everything and begins anew in a moment. */
void rp__fold_begin_again(rp_fold *fold, uint64_t wait_ms);

/* Why it is not ready; "" = it is. */
RP_PRINTF(2, 3)
void rp__fold_tell(rp_fold *fold, const char *format, ...);

/* Brings the gauges up to date. */
void rp__fold_show(rp_fold *fold);

/* It cannot go on, and says why; somebody has to look. */
RP_PRINTF(2, 3)
void rp__fold_break(rp_fold *fold, const char *format, ...);

#endif
