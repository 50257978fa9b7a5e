/* How many log lines did not get out, as metrics: reprise_log_dropped_total, where the descriptor
 * took no more, and reprise_log_suppressed_total, repetitions that were held back.
 *
 *     rp_log_metrics logged;
 *     if (rp_log_metrics_init(&logged, metrics, log, reterr) != RP_OK) ...
 *
 * There is nothing to give back.
 */
#ifndef RUNTIME_OBSERVE_LOG_METRICS_H
#define RUNTIME_OBSERVE_LOG_METRICS_H

#include "runtime/observe/log.h"
#include "runtime/observe/metrics.h"

/* In the caller's storage, which must last as long as the registry; the fields are its own. */
typedef struct rp_log_metrics {
    const rp_log *log;
    rp_counter *dropped, *suppressed;
} rp_log_metrics;

/* Registers them, once a registry. `log` is borrowed for the registry's life. Errors are those of
 * rp_metrics_counter and rp_metrics_collector. */
RP_MUST_USE rp_status rp_log_metrics_init(
    rp_log_metrics *self, rp_metrics *metrics, const rp_log *log, rp_error *reterr);

#endif
