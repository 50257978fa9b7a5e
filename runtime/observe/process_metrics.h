/* What a process says about itself, under the names that every Prometheus client uses: memory,
 * processor time, threads, open descriptors and their limit, start time.
 *
 *     rp_process_metrics self;
 *     if (rp_process_metrics_init(&self, metrics, rp_clock_system(), reterr) != RP_OK) ...
 *
 * The values come from the system at each exposition, on the thread that asks for it, and nowhere
 * else. There is nothing to give back.
 */
#ifndef RUNTIME_OBSERVE_PROCESS_METRICS_H
#define RUNTIME_OBSERVE_PROCESS_METRICS_H

#include "runtime/base/clock.h"
#include "runtime/observe/metrics.h"

/* In the caller's storage, which must last as long as the registry; the fields are its own. */
typedef struct rp_process_metrics {
    rp_counter *cpu;
    rp_gauge *resident, *virtual_size, *threads, *open_fds, *max_fds;
} rp_process_metrics;

/* Registers them, once a registry. The clock is asked once, for when the process began. Errors are
 * those of rp_metrics_gauge and rp_metrics_collector. */
RP_MUST_USE rp_status rp_process_metrics_init(
    rp_process_metrics *self, rp_metrics *metrics, const rp_clock *clock, rp_error *reterr);

#endif
