/* Metrics: counters, gauges and histograms, shown in Prometheus' text format.
 *
 * A process owns one registry. Registering gives a handle, which lives as long as the registry;
 * updating one is a relaxed atomic operation from any thread, without a lock and without an
 * allocation.
 *
 *     rp_metrics *metrics;
 *     const rp_metric_label constant[] = {{"kind", "executor"}, {"instance", id}};
 *     if (rp_metrics_new(constant, 2, &metrics) != RP_OK) ...
 *     rp_counter *tokens;
 *     if (rp_metrics_counter(metrics, "reprise_tokens_total", "Tokens sampled.", &tokens, reterr)
 *         != RP_OK) ...
 *     rp_counter_add(tokens, 1);
 *     rp_metrics_expose(metrics, &out);
 *     rp_metrics_free(metrics);
 *
 * A family splits a metric by labels whose values come up while the process runs:
 *
 *     rp_metric_family *answers;
 *     const rp_metric_split split = {.labels = {"model", "finish_reason"}, .children_max = 64};
 *     if (rp_metrics_counter_family(metrics, "reprise_answers_total", "Answers sent.", &split,
 *             &answers, reterr) != RP_OK) ...
 *     rp_counter_add(rp_metric_family_counter(answers, "gemma3", "stop"), 1);
 *
 * It keeps `children_max` sets of values; whatever comes later goes to one child whose values are
 * all "other", and reprise_metric_overflow_total{metric="..."} counts how often. So what a client
 * sends never grows the process.
 *
 * Names: the unit last, in base units (`_seconds`, `_bytes`), counters end in `_total`. A counter
 * whose name ends in `_seconds_total` is fed nanoseconds and shown in seconds, so that adding stays
 * a whole-number operation.
 */
#ifndef RUNTIME_OBSERVE_METRICS_H
#define RUNTIME_OBSERVE_METRICS_H

#include "runtime/base/buffer.h"
#include "runtime/base/status.h"

enum {
    RP_METRIC_LABELS_MAX = 4,      /* labels of a family */
    RP_METRIC_CHILDREN_MAX = 1024, /* children that a family may ask for */
    RP_METRIC_VALUE_MAX = 128,     /* bytes of a label's value; a longer one is cut */
    RP_METRIC_BOUNDS_MAX = 64,     /* buckets of a histogram, +Inf apart */
    RP_METRIC_CONSTANT_MAX = 8,    /* constant labels of a registry */
    RP_METRIC_COLLECTORS_MAX = 16
};

typedef struct rp_metrics rp_metrics;
typedef struct rp_counter rp_counter;
typedef struct rp_gauge rp_gauge;
typedef struct rp_histogram rp_histogram;
typedef struct rp_metric_family rp_metric_family;

typedef struct rp_metric_label {
    const char *name;
    const char *value;
} rp_metric_label;

/* Upper bounds of buckets, ascending and finite; +Inf comes by itself. */
typedef struct rp_metric_bounds {
    const double *bounds;
    size_t count;
} rp_metric_bounds;

/* OpenTelemetry's advice for generative AI: gen_ai.server.request.duration,
 * .time_to_first_token, .time_per_output_token (seconds) and gen_ai.client.token.usage (tokens). */
extern const rp_metric_bounds rp_metric_bounds_request_duration;
extern const rp_metric_bounds rp_metric_bounds_first_token;
extern const rp_metric_bounds rp_metric_bounds_output_token;
extern const rp_metric_bounds rp_metric_bounds_tokens;

/* What happens inside a process or on the bus: 10 us to 10 s, in seconds. */
extern const rp_metric_bounds rp_metric_bounds_latency;

/* Sizes of messages: 64 B to 64 MiB in powers of 4. */
extern const rp_metric_bounds rp_metric_bounds_bytes;

/* `constant` labels stand on every line; copied. RP_INVALID for a bad or repeated name, RP_LIMIT
 * above RP_METRIC_CONSTANT_MAX, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_metrics_new(
    const rp_metric_label *constant, size_t count, rp_metrics **ret_metrics, rp_error *reterr);

/* Frees the registry and makes all its handles invalid. Accepts NULL. */
void rp_metrics_free(rp_metrics *metrics);

/* Registering: from any thread, at any time. Name and help are copied. RP_INVALID for a name that
 * Prometheus would refuse or that breaks the rules above, RP_EXISTS for one that is taken (a
 * histogram takes its _bucket, _sum and _count too), RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_metrics_counter(rp_metrics *metrics, const char *name, const char *help,
    rp_counter **ret_counter, rp_error *reterr);
RP_MUST_USE rp_status rp_metrics_gauge(rp_metrics *metrics, const char *name, const char *help,
    rp_gauge **ret_gauge, rp_error *reterr);
RP_MUST_USE rp_status rp_metrics_histogram(rp_metrics *metrics, const char *name, const char *help,
    rp_metric_bounds bounds, rp_histogram **ret_histogram, rp_error *reterr);

/* A gauge that is always 1 and tells by its labels what this is: reprise_build_info. At most
 * RP_METRIC_LABELS_MAX labels. */
RP_MUST_USE rp_status rp_metrics_info(rp_metrics *metrics, const char *name, const char *help,
    const rp_metric_label *labels, size_t count, rp_error *reterr);

/* By what a family is split. */
typedef struct rp_metric_split {
    const char *labels[RP_METRIC_LABELS_MAX]; /* names; fewer end in NULL */
    size_t children_max;                      /* sets of values kept, "other" apart */
} rp_metric_split;

/* Memory for all children is taken here. RP_LIMIT where children_max is 0 or above
 * RP_METRIC_CHILDREN_MAX; else as above. */
RP_MUST_USE rp_status rp_metrics_counter_family(rp_metrics *metrics, const char *name,
    const char *help, const rp_metric_split *split, rp_metric_family **ret_family,
    rp_error *reterr);
RP_MUST_USE rp_status rp_metrics_gauge_family(rp_metrics *metrics, const char *name,
    const char *help, const rp_metric_split *split, rp_metric_family **ret_family,
    rp_error *reterr);
RP_MUST_USE rp_status rp_metrics_histogram_family(rp_metrics *metrics, const char *name,
    const char *help, const rp_metric_split *split, rp_metric_bounds bounds,
    rp_metric_family **ret_family, rp_error *reterr);

/* The child with these values (const char *, one a label), made where it is new; never NULL. Takes
 * a short lock, allocates nothing; a handle may be kept. The family must be of that kind. Invalid
 * UTF-8 in a value shows as U+FFFD. */
#define rp_metric_family_counter(family, ...) \
    rp_metric_family_counter_of(family, (const char *const[RP_METRIC_LABELS_MAX]){__VA_ARGS__})
#define rp_metric_family_gauge(family, ...) \
    rp_metric_family_gauge_of(family, (const char *const[RP_METRIC_LABELS_MAX]){__VA_ARGS__})
#define rp_metric_family_histogram(family, ...) \
    rp_metric_family_histogram_of(family, (const char *const[RP_METRIC_LABELS_MAX]){__VA_ARGS__})

rp_counter *rp_metric_family_counter_of(
    rp_metric_family *family, const char *const values[RP_METRIC_LABELS_MAX]);
rp_gauge *rp_metric_family_gauge_of(
    rp_metric_family *family, const char *const values[RP_METRIC_LABELS_MAX]);
rp_histogram *rp_metric_family_histogram_of(
    rp_metric_family *family, const char *const values[RP_METRIC_LABELS_MAX]);

/* Updates: any thread, lock-free. */
void rp_counter_add(rp_counter *counter, uint64_t n);

/* Raises a counter to a total that is kept elsewhere; it never falls. For collectors. */
void rp_counter_raise(rp_counter *counter, uint64_t total);

void rp_gauge_set(rp_gauge *gauge, double value);
void rp_gauge_set_count(rp_gauge *gauge, uint64_t count);
void rp_gauge_add(rp_gauge *gauge, double delta);

/* In the unit of the histogram's name; NaN is not counted. */
void rp_histogram_observe(rp_histogram *histogram, double value);

/* A duration, into a histogram of seconds. */
void rp_histogram_observe_ns(rp_histogram *histogram, uint64_t ns);

/* For tests and for those who act on what they counted. */
uint64_t rp_counter_value(const rp_counter *counter);
double rp_gauge_value(const rp_gauge *gauge);
uint64_t rp_histogram_count(const rp_histogram *histogram);

/* Runs at the start of each exposition, on the thread that asks for it, one at a time: the place to
 * find out what costs too much to keep up to date. It may update and register. */
typedef void (*rp_metrics_collect)(void *context);

/* `context` is borrowed for the registry's life. RP_LIMIT above RP_METRIC_COLLECTORS_MAX. */
RP_MUST_USE rp_status rp_metrics_collector(
    rp_metrics *metrics, rp_metrics_collect collect, void *context);

/* Appends all metrics in the text format, version 0.0.4, in the order of registration. The caller
 * checks `out->truncated`. Any thread. */
void rp_metrics_expose(rp_metrics *metrics, rp_buffer *out);

#endif
