/* What the folds of a process count, split by partition. */
#ifndef RUNTIME_ACTOR_FOLD_METRICS_H
#define RUNTIME_ACTOR_FOLD_METRICS_H

#include "runtime/observe/metrics.h"

/* The families of a process; rp_metrics owns what they point to. */
typedef struct rp_fold_metrics {
    rp_metric_family *messages, *refused, *outcomes, *snapshots, *snapshots_corrupt, *mismatches,
        *asks, *limits;
    rp_metric_family *sequence, *lag, *waiting, *pairs, *pairs_bytes, *holder;
} rp_fold_metrics;

/* Those of one partition. */
typedef struct rp_fold_counts {
    rp_counter *messages, *refused, *outcomes, *snapshots, *snapshots_corrupt, *mismatches, *asks,
        *limits;
    rp_gauge *sequence, *lag, *waiting, *pairs, *pairs_bytes, *holder;
} rp_fold_counts;

/* Registers them for so many partitions; once a process. As rp_metrics_counter_family. */
RP_MUST_USE rp_status rp_fold_metrics_init(
    rp_fold_metrics *metrics, rp_metrics *registry, size_t partitions, rp_error *reterr);

void rp_fold_metrics_of(
    const rp_fold_metrics *metrics, uint32_t partition, rp_fold_counts *ret_counts);

#endif
