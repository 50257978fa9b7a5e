/* What a registry is made of: shared by metrics.c, which registers and updates, and
 * metrics_text.c, which shows.
 *
 * Every metric is a family; one without labels has a single child. All children of a family lie in
 * one block, each on cache lines of its own, so that threads which count do not slow each other. A
 * child is taken by writing its values and then raising `children`; it never goes away. */
#ifndef RUNTIME_OBSERVE_METRICS_INTERNAL_H
#define RUNTIME_OBSERVE_METRICS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "runtime/observe/metrics.h"

enum {
    RP__METRIC_CACHE_LINE = 64,
    RP__METRIC_NAME_MAX = 128,
    RP__METRIC_CONSTANT_BYTES = RP_METRIC_CONSTANT_MAX * 512 /* constant labels as they are shown */
};

/* Counts how often a family's bound was hit; made up by the exposition, so no family may take it.
 */
#define RP__METRIC_OVERFLOW "reprise_metric_overflow_total"

typedef enum rp__metric_kind {
    RP__METRIC_COUNTER,
    RP__METRIC_GAUGE,
    RP__METRIC_HISTOGRAM
} rp__metric_kind;

struct rp_counter {
    atomic_uint_fast64_t count;
};

struct rp_gauge {
    atomic_uint_fast64_t bits; /* of a double */
};

struct rp_histogram {
    const double *bounds;
    size_t bound_count;
    atomic_uint_fast64_t sum_bits;  /* of a double */
    atomic_uint_fast64_t buckets[]; /* bound_count + 1, each without those below it */
};

typedef char rp__metric_value[RP_METRIC_VALUE_MAX + 1];

struct rp_metric_family {
    rp_metric_family *next;
    rp__metric_kind kind;
    bool is_time; /* a counter of nanoseconds, shown in seconds */
    char *name;
    char *help;
    char *labels[RP_METRIC_LABELS_MAX];
    size_t label_count;
    double *bounds;
    size_t bound_count;

    pthread_mutex_t mutex; /* held while a child is sought or made */
    uint8_t *block;        /* children_max + 1 children; the last is "other" */
    size_t child_bytes;
    size_t children_max;
    size_t children;          /* taken, "other" apart */
    bool other;               /* taken too */
    uint64_t *hashes;         /* of each child's values */
    rp__metric_value *values; /* label_count a child */
    uint64_t overflow;        /* look-ups that ended at "other" */
};

struct rp_metrics {
    pthread_mutex_t mutex;      /* guards the list of families and the collectors */
    pthread_mutex_t collecting; /* one exposition's collectors at a time */
    rp_metric_family *first, *last;
    struct {
        rp_metrics_collect collect;
        void *context;
    } collectors[RP_METRIC_COLLECTORS_MAX];
    size_t collector_count;
    char *constant_names[RP_METRIC_CONSTANT_MAX];
    size_t constant_count;
    rp_buffer constant; /* `kind="executor",instance="7f3a"` */
};

static inline void *rp__metric_child(const rp_metric_family *family, size_t index)
{
    return family->block + index * family->child_bytes;
}

static inline const char *rp__metric_child_value(
    const rp_metric_family *family, size_t child, size_t label)
{
    return family->values[child * family->label_count + label];
}

/* A gauge's and a sum's double in its atomic bits. */
static inline double rp__metric_double(const atomic_uint_fast64_t *bits)
{
    uint64_t raw = atomic_load_explicit(bits, memory_order_relaxed);
    double value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

/* Appends name="value" with what the format escapes. */
void rp__metric_label(rp_buffer *out, const char *name, const char *value);

#endif
