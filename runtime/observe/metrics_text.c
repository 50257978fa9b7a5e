#include "runtime/observe/metrics_internal.h"

#include <inttypes.h>
#include <math.h>

#include "runtime/base/clock.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"

enum {
    /* all labels of a child, with each byte escaped or replaced */
    LABELS_BYTES = RP__METRIC_CONSTANT_BYTES +
                   RP_METRIC_LABELS_MAX * (RP__METRIC_NAME_MAX + 3 * RP_METRIC_VALUE_MAX + 8),
    SCRATCH_BYTES = 64
};

/* Appends `text` with backslash and line feed escaped, and the quote too in a label's value; what
 * is no UTF-8 becomes U+FFFD. */
static void put_escaped(rp_buffer *out, const char *text, bool in_quotes)
{
    rp_bytes rest = rp_bytes_text(text);
    while (rest.len > 0) {
        size_t n;
        if (rp_utf8_next(rest, &n) != RP_UTF8_WHOLE)
            rp_buffer_text(out, RP_UTF8_REPLACEMENT);
        else if (*rest.data == '\n')
            rp_buffer_text(out, "\\n");
        else if (*rest.data == '\\')
            rp_buffer_text(out, "\\\\");
        else if (*rest.data == '"' && in_quotes)
            rp_buffer_text(out, "\\\"");
        else
            rp_buffer_append(out, rest.data, n);
        rest = rp_bytes_of(rest.data + n, rest.len - n);
    }
}

void rp__metric_label(rp_buffer *out, const char *name, const char *value)
{
    rp_buffer_text(out, name);
    rp_buffer_text(out, "=\"");
    put_escaped(out, value, true);
    rp_buffer_byte(out, '"');
}

static void put_double(rp_buffer *out, double value)
{
    if (isnan(value))
        rp_buffer_text(out, "NaN");
    else if (isinf(value))
        rp_buffer_text(out, value > 0 ? "+Inf" : "-Inf");
    else
        rp_json_double(out, value);
}

/* One sample: name, suffix, the child's labels, `le` for a bucket, and the value behind them. */
static void put_sample(rp_buffer *out, const rp_metric_family *f, const char *suffix,
    const rp_buffer *labels, const char *le)
{
    rp_buffer_text(out, f->name);
    rp_buffer_text(out, suffix);
    if (labels->len > 0 || le) {
        rp_buffer_byte(out, '{');
        rp_buffer_append(out, labels->data, labels->len);
        if (le)
            rp_buffer_printf(out, "%sle=\"%s\"", labels->len > 0 ? "," : "", le);
        rp_buffer_byte(out, '}');
    }
    rp_buffer_byte(out, ' ');
}

static void put_count(rp_buffer *out, uint64_t count)
{
    rp_buffer_printf(out, "%" PRIu64 "\n", count);
}

/* _count is the last bucket by construction, so that a scrape is consistent in itself while others
 * observe. */
static void put_histogram(rp_buffer *out, const rp_metric_family *f, const rp_buffer *labels,
    const rp_histogram *histogram, rp_buffer *scratch)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= f->bound_count; i++) {
        count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        rp_buffer_clear(scratch);
        put_double(scratch, i < f->bound_count ? f->bounds[i] : (double)INFINITY);
        put_sample(out, f, "_bucket", labels, rp_buffer_string(scratch));
        put_count(out, count);
    }
    put_sample(out, f, "_sum", labels, NULL);
    put_double(out, rp__metric_double(&histogram->sum_bits));
    rp_buffer_byte(out, '\n');
    put_sample(out, f, "_count", labels, NULL);
    put_count(out, count);
}

static void put_child(rp_buffer *out, const rp_metrics *metrics, const rp_metric_family *f,
    size_t index, rp_buffer *labels, rp_buffer *scratch)
{
    const void *child = rp__metric_child(f, index);
    rp_buffer_clear(labels);
    rp_buffer_append(labels, metrics->constant.data, metrics->constant.len);
    for (size_t l = 0; l < f->label_count; l++) {
        if (labels->len > 0)
            rp_buffer_byte(labels, ',');
        rp__metric_label(labels, f->labels[l], rp__metric_child_value(f, index, l));
    }
    if (f->kind == RP__METRIC_HISTOGRAM) {
        put_histogram(out, f, labels, child, scratch);
        return;
    }
    put_sample(out, f, "", labels, NULL);
    if (f->kind == RP__METRIC_GAUGE) {
        put_double(out, rp_gauge_value(child));
        rp_buffer_byte(out, '\n');
    } else if (f->is_time) {
        put_double(out, (double)rp_counter_value(child) / (double)RP_NS_PER_S);
        rp_buffer_byte(out, '\n');
    } else {
        put_count(out, rp_counter_value(child));
    }
}

static void put_head(rp_buffer *out, const char *name, const char *help, const char *type)
{
    rp_buffer_printf(out, "# HELP %s ", name);
    put_escaped(out, help, false);
    rp_buffer_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void put_family(rp_buffer *out, const rp_metrics *metrics, rp_metric_family *f,
    rp_buffer *labels, rp_buffer *scratch)
{
    static const char *const types[] = {[RP__METRIC_COUNTER] = "counter",
        [RP__METRIC_GAUGE] = "gauge",
        [RP__METRIC_HISTOGRAM] = "histogram"};
    pthread_mutex_lock(&f->mutex);
    size_t children = f->children;
    bool other = f->other;
    pthread_mutex_unlock(&f->mutex);
    put_head(out, f->name, f->help, types[f->kind]);
    for (size_t i = 0; i < children; i++)
        put_child(out, metrics, f, i, labels, scratch);
    if (other)
        put_child(out, metrics, f, f->children_max, labels, scratch);
}

/* How often each family's bound was hit; nothing where there are no families. */
static void put_overflow(rp_buffer *out, const rp_metrics *metrics)
{
    bool headed = false;
    for (rp_metric_family *f = metrics->first; f; f = f->next) {
        if (f->label_count == 0)
            continue;
        if (!headed)
            put_head(out, RP__METRIC_OVERFLOW,
                "Times that a metric had no place for a new set of label values.", "counter");
        headed = true;
        pthread_mutex_lock(&f->mutex);
        uint64_t overflow = f->overflow;
        pthread_mutex_unlock(&f->mutex);
        rp_buffer_printf(out, "%s{%s%s", RP__METRIC_OVERFLOW, rp_buffer_string(&metrics->constant),
            metrics->constant.len > 0 ? "," : "");
        rp__metric_label(out, "metric", f->name);
        rp_buffer_printf(out, "} %" PRIu64 "\n", overflow);
    }
}

static void run_collectors(rp_metrics *metrics)
{
    pthread_mutex_lock(&metrics->mutex);
    size_t count = metrics->collector_count;
    pthread_mutex_unlock(&metrics->mutex);
    pthread_mutex_lock(&metrics->collecting);
    for (size_t i = 0; i < count; i++)
        metrics->collectors[i].collect(metrics->collectors[i].context);
    pthread_mutex_unlock(&metrics->collecting);
}

void rp_metrics_expose(rp_metrics *metrics, rp_buffer *out)
{
    RP_CLEANUP(rp_buffer_done)
    rp_buffer labels, scratch;
    rp_buffer_init(&labels, LABELS_BYTES);
    rp_buffer_init(&scratch, SCRATCH_BYTES);
    run_collectors(metrics);
    pthread_mutex_lock(&metrics->mutex);
    for (rp_metric_family *f = metrics->first; f; f = f->next)
        put_family(out, metrics, f, &labels, &scratch);
    put_overflow(out, metrics);
    pthread_mutex_unlock(&metrics->mutex);
}
