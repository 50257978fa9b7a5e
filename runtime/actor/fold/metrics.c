#include "runtime/actor/fold/metrics.h"

#include <inttypes.h>
#include <stdio.h>

rp_status rp_fold_metrics_init(
    rp_fold_metrics *metrics, rp_metrics *registry, size_t partitions, rp_error *reterr)
{
    const rp_metric_split split = {.labels = {"partition"}, .children_max = partitions};
    const struct {
        const char *name, *help;
        rp_metric_family **family;
    } counters[] = {{"reprise_fold_messages_total", "Messages folded.", &metrics->messages},
        {"reprise_fold_refused_total", "Messages refused.", &metrics->refused},
        {"reprise_fold_outcomes_total", "Outcomes seen stored.", &metrics->outcomes},
        {"reprise_fold_snapshots_total", "Snapshots written.", &metrics->snapshots},
        {"reprise_fold_snapshots_corrupt_total", "Snapshots left out as damaged.",
            &metrics->snapshots_corrupt},
        {"reprise_fold_digest_mismatches_total", "Digests that were not another replica's.",
            &metrics->mismatches},
        {"reprise_fold_asks_total", "Reads answered.", &metrics->asks},
        {"reprise_fold_limits_total", "Times that a bound held the fold up or refused a read.",
            &metrics->limits}};
    const struct {
        const char *name, *help;
        rp_metric_family **family;
    } gauges[] = {{"reprise_fold_sequence", "The log's sequence folded last.", &metrics->sequence},
        {"reprise_fold_lag_messages", "Messages of the log still to be folded.", &metrics->lag},
        {"reprise_fold_outcomes_waiting", "Outcomes computed and not seen stored.",
            &metrics->waiting},
        {"reprise_fold_pairs", "Pairs.", &metrics->pairs},
        {"reprise_fold_pairs_bytes", "Bytes of all keys and values.", &metrics->pairs_bytes},
        {"reprise_fold_holder", "Whether this replica emits the outcomes.", &metrics->holder}};
    rp_status status = RP_OK;
    for (size_t i = 0; status == RP_OK && i < sizeof counters / sizeof *counters; i++)
        status = rp_metrics_counter_family(
            registry, counters[i].name, counters[i].help, &split, counters[i].family, reterr);
    for (size_t i = 0; status == RP_OK && i < sizeof gauges / sizeof *gauges; i++)
        status = rp_metrics_gauge_family(
            registry, gauges[i].name, gauges[i].help, &split, gauges[i].family, reterr);
    return status;
}

void rp_fold_metrics_of(
    const rp_fold_metrics *metrics, uint32_t partition, rp_fold_counts *ret_counts)
{
    char label[16];
    snprintf(label, sizeof label, "%" PRIu32, partition);
    *ret_counts = (rp_fold_counts){.messages = rp_metric_family_counter(metrics->messages, label),
        .refused = rp_metric_family_counter(metrics->refused, label),
        .outcomes = rp_metric_family_counter(metrics->outcomes, label),
        .snapshots = rp_metric_family_counter(metrics->snapshots, label),
        .snapshots_corrupt = rp_metric_family_counter(metrics->snapshots_corrupt, label),
        .mismatches = rp_metric_family_counter(metrics->mismatches, label),
        .asks = rp_metric_family_counter(metrics->asks, label),
        .limits = rp_metric_family_counter(metrics->limits, label),
        .sequence = rp_metric_family_gauge(metrics->sequence, label),
        .lag = rp_metric_family_gauge(metrics->lag, label),
        .waiting = rp_metric_family_gauge(metrics->waiting, label),
        .pairs = rp_metric_family_gauge(metrics->pairs, label),
        .pairs_bytes = rp_metric_family_gauge(metrics->pairs_bytes, label),
        .holder = rp_metric_family_gauge(metrics->holder, label)};
}
