/* The folds of a process: one partition of a kind, or all of them side by side on one loop.
 *
 * They share nothing but the connection, the store's names and the metrics' registry. The process is
 * ready when all are, and drained when all are.
 */
#ifndef RUNTIME_ACTOR_FOLD_FOLDS_H
#define RUNTIME_ACTOR_FOLD_FOLDS_H

#include "runtime/actor/fold/fold.h"

#define RP_FOLDS_ALL UINT32_MAX

typedef struct rp_folds rp_folds;

typedef struct rp_folds_spec {
    const char *kind; /* borrowed for their life */
    const rp_fold_spec *fold;
    uint32_t partitions;     /* there are */
    uint32_t partition;      /* the one that is run; RP_FOLDS_ALL */
    uint64_t snapshot_every; /* 0 = the fold's own */
    void *state;
} rp_folds_spec;

/* Borrows the environment for their life. As rp_fold_new. */
RP_MUST_USE rp_status rp_folds_new(
    const rp_worker_env *env, const rp_folds_spec *spec, rp_folds **ret_folds, rp_error *reterr);

/* As rp_fold_troubled, of the first that is. */
bool rp_folds_troubled(const rp_folds *folds, const char **ret_why);

/* Outcomes that are computed and not seen stored. */
size_t rp_folds_waiting(const rp_folds *folds);

/* As rp_fold_drain; `drained` comes when the last is. */
void rp_folds_drain(rp_folds *folds, uint64_t limit_ns, void (*drained)(void *arg), void *arg);

/* NULL is fine. */
void rp_folds_free(rp_folds *folds);

#endif
