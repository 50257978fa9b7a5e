#include "runtime/observe/metrics_internal.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/base/hash.h"
#include "runtime/base/utf8.h"

#define OTHER "other"

/* ---- names ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *name)
{
    if (!is_letter(name[0]) || strlen(name) > RP__METRIC_NAME_MAX)
        return false;
    for (const char *p = name; *p; p++) {
        if (!is_letter(*p) && !(*p >= '0' && *p <= '9'))
            return false;
    }
    return true;
}

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && strcmp(name + n - s, suffix) == 0;
}

/* `le` is the histograms' own; Prometheus keeps what starts with two underscores. */
static bool is_label_name(const char *name)
{
    return is_name(name) && strcmp(name, "le") != 0 && strncmp(name, "__", 2) != 0;
}

static rp_status check_name(rp__metric_kind kind, const char *name, rp_error *reterr)
{
    if (!is_name(name))
        return rp_error_set(reterr, RP_INVALID, name,
            "a metric's name is at most %d of [a-zA-Z0-9_], no digit first", RP__METRIC_NAME_MAX);
    if ((kind == RP__METRIC_COUNTER) != ends_in(name, "_total"))
        return rp_error_set(
            reterr, RP_INVALID, name, "counters end in _total, and nothing else does: %s", name);
    if (ends_in(name, "_bucket") || ends_in(name, "_sum") || ends_in(name, "_count"))
        return rp_error_set(reterr, RP_INVALID, name,
            "%s: _bucket, _sum and _count are what a histogram adds to its name", name);
    if (strcmp(name, RP__METRIC_OVERFLOW) == 0)
        return rp_error_set(reterr, RP_EXISTS, name, "%s is the registry's own", name);
    return RP_OK;
}

static rp_status check_labels(const rp_metrics *metrics, const char *name,
    const char *const *labels, size_t count, rp_error *reterr)
{
    for (size_t i = 0; i < count; i++) {
        bool taken = false;
        for (size_t j = 0; j < i; j++)
            taken = taken || strcmp(labels[i], labels[j]) == 0;
        for (size_t j = 0; j < metrics->constant_count; j++)
            taken = taken || strcmp(labels[i], metrics->constant_names[j]) == 0;
        if (taken || !is_label_name(labels[i]))
            return rp_error_set(reterr, RP_INVALID, name, "the label \"%s\" is %s", labels[i],
                taken ? "there already" : "no label's name");
    }
    return RP_OK;
}

static rp_status check_bounds(const char *name, rp_metric_bounds bounds, rp_error *reterr)
{
    if (bounds.count == 0 || bounds.count > RP_METRIC_BOUNDS_MAX)
        return rp_error_set(reterr, RP_LIMIT, name, "%s has %zu buckets, not 1 to %d", name,
            bounds.count, RP_METRIC_BOUNDS_MAX);
    for (size_t i = 0; i < bounds.count; i++) {
        if (!isfinite(bounds.bounds[i]) || (i > 0 && bounds.bounds[i] <= bounds.bounds[i - 1]))
            return rp_error_set(
                reterr, RP_INVALID, name, "%s: bounds are finite and ascend; %zu is not", name, i);
    }
    return RP_OK;
}

/* ---- the registry ---- */

static void family_free(rp_metric_family *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < RP_METRIC_LABELS_MAX; i++)
        free(f->labels[i]);
    free(f->name);
    free(f->help);
    free(f->bounds);
    free(f->block);
    free(f->hashes);
    free(f->values);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

void rp_metrics_free(rp_metrics *metrics)
{
    if (!metrics)
        return;
    for (rp_metric_family *f = metrics->first; f;) {
        rp_metric_family *next = f->next;
        family_free(f);
        f = next;
    }
    for (size_t i = 0; i < metrics->constant_count; i++)
        free(metrics->constant_names[i]);
    rp_buffer_done(&metrics->constant);
    pthread_mutex_destroy(&metrics->mutex);
    pthread_mutex_destroy(&metrics->collecting);
    free(metrics);
}

static rp_status add_constant(rp_metrics *metrics, const rp_metric_label *label, rp_error *reterr)
{
    rp_status status = check_labels(metrics, label->name, &label->name, 1, reterr);
    if (status != RP_OK)
        return status;
    char *name = strdup(label->name);
    if (!name)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the metrics");
    metrics->constant_names[metrics->constant_count++] = name;
    if (metrics->constant.len > 0)
        rp_buffer_byte(&metrics->constant, ',');
    rp__metric_label(&metrics->constant, label->name, label->value);
    if (metrics->constant.truncated)
        return rp_error_set(reterr, RP_LIMIT, label->name, "the constant labels are too long");
    return RP_OK;
}

rp_status rp_metrics_new(
    const rp_metric_label *constant, size_t count, rp_metrics **ret_metrics, rp_error *reterr)
{
    if (count > RP_METRIC_CONSTANT_MAX)
        return rp_error_set(reterr, RP_LIMIT, NULL, "%zu constant labels, at most %d", count,
            RP_METRIC_CONSTANT_MAX);
    rp_metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the metrics");
    pthread_mutex_init(&metrics->mutex, NULL);
    pthread_mutex_init(&metrics->collecting, NULL);
    rp_buffer_init(&metrics->constant, RP__METRIC_CONSTANT_BYTES);
    for (size_t i = 0; i < count; i++) {
        rp_status status = add_constant(metrics, &constant[i], reterr);
        if (status != RP_OK) {
            rp_metrics_free(metrics);
            return status;
        }
    }
    *ret_metrics = metrics;
    return RP_OK;
}

/* ---- registering ---- */

static bool takes(const rp_metric_family *f, const char *name)
{
    size_t len = strlen(f->name);
    if (strncmp(name, f->name, len) != 0)
        return false;
    const char *rest = name + len;
    return *rest == '\0' || (f->kind == RP__METRIC_HISTOGRAM &&
                                (strcmp(rest, "_bucket") == 0 || strcmp(rest, "_sum") == 0 ||
                                    strcmp(rest, "_count") == 0));
}

/* What one child takes, in whole cache lines. */
static size_t child_bytes(const rp_metric_family *f)
{
    size_t bytes = sizeof(rp_counter);
    if (f->kind == RP__METRIC_HISTOGRAM)
        bytes = sizeof(rp_histogram) + (f->bound_count + 1) * sizeof(atomic_uint_fast64_t);
    const size_t line = RP__METRIC_CACHE_LINE;
    return (bytes + line - 1) / line * line;
}

static bool make_children(rp_metric_family *f)
{
    size_t count = f->children_max + 1;
    f->child_bytes = child_bytes(f);
    f->block = aligned_alloc(RP__METRIC_CACHE_LINE, count * f->child_bytes);
    f->hashes = calloc(count, sizeof *f->hashes);
    f->values = calloc(count * (f->label_count ? f->label_count : 1), sizeof *f->values);
    if (!f->block || !f->hashes || !f->values)
        return false;
    memset(f->block, 0, count * f->child_bytes);
    for (size_t i = 0; i < count && f->kind == RP__METRIC_HISTOGRAM; i++) {
        rp_histogram *histogram = rp__metric_child(f, i);
        histogram->bounds = f->bounds;
        histogram->bound_count = f->bound_count;
    }
    for (size_t l = 0; l < f->label_count; l++)
        memcpy(f->values[f->children_max * f->label_count + l], OTHER, sizeof OTHER);
    return true;
}

/* A family that is not in the list yet; NULL out of memory. */
static rp_metric_family *family_new(rp__metric_kind kind, const char *name, const char *help,
    const rp_metric_split *split, size_t label_count, rp_metric_bounds bounds)
{
    rp_metric_family *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_mutex_init(&f->mutex, NULL);
    f->kind = kind;
    f->is_time = kind == RP__METRIC_COUNTER && ends_in(name, "_seconds_total");
    f->name = strdup(name);
    f->help = strdup(help);
    bool whole = f->name && f->help;
    for (size_t i = 0; i < label_count; i++) {
        f->labels[i] = strdup(split->labels[i]);
        whole = whole && f->labels[i];
    }
    f->label_count = label_count;
    f->children_max = split ? split->children_max : 0;
    f->bound_count = bounds.count;
    if (bounds.count > 0) {
        f->bounds = malloc(bounds.count * sizeof *f->bounds);
        whole = whole && f->bounds;
        if (f->bounds)
            memcpy(f->bounds, bounds.bounds, bounds.count * sizeof *f->bounds);
    }
    if (whole && make_children(f))
        return f;
    family_free(f);
    return NULL;
}

/* Puts a family into the list, unless another has its name. */
static rp_status enlist(rp_metrics *metrics, rp_metric_family *family)
{
    rp_status status = RP_OK;
    pthread_mutex_lock(&metrics->mutex);
    for (rp_metric_family *f = metrics->first; f && status == RP_OK; f = f->next) {
        if (takes(f, family->name) || takes(family, f->name))
            status = RP_EXISTS;
    }
    if (status == RP_OK) {
        *(metrics->last ? &metrics->last->next : &metrics->first) = family;
        metrics->last = family;
    }
    pthread_mutex_unlock(&metrics->mutex);
    return status;
}

/* Registers a family; `split` is NULL for a metric of one value, whose only child is the one that
 * is "other" elsewhere. */
static rp_status add(rp_metrics *metrics, rp__metric_kind kind, const char *name, const char *help,
    const rp_metric_split *split, rp_metric_bounds bounds, rp_metric_family **ret_family,
    rp_error *reterr)
{
    size_t label_count = 0;
    while (split && label_count < RP_METRIC_LABELS_MAX && split->labels[label_count])
        label_count++;
    rp_status status = check_name(kind, name, reterr);
    if (status == RP_OK && kind == RP__METRIC_HISTOGRAM)
        status = check_bounds(name, bounds, reterr);
    if (status == RP_OK && split && label_count == 0)
        status = rp_error_set(reterr, RP_INVALID, name, "the family %s has no labels", name);
    if (status == RP_OK && split)
        status = check_labels(metrics, name, split->labels, label_count, reterr);
    if (status != RP_OK)
        return status;
    if (split && (split->children_max == 0 || split->children_max > RP_METRIC_CHILDREN_MAX))
        return rp_error_set(reterr, RP_LIMIT, name, "%s keeps %zu children, not 1 to %d", name,
            split->children_max, RP_METRIC_CHILDREN_MAX);
    rp_metric_family *family = family_new(kind, name, help, split, label_count, bounds);
    if (!family)
        return rp_error_set(reterr, RP_NO_MEMORY, name, "no memory for the metric %s", name);
    family->other = !split;
    status = enlist(metrics, family);
    if (status != RP_OK) {
        family_free(family);
        return rp_error_set(reterr, status, name, "the metric %s is registered already", name);
    }
    *ret_family = family;
    return RP_OK;
}

static const rp_metric_bounds no_bounds = {NULL, 0};

rp_status rp_metrics_counter(rp_metrics *metrics, const char *name, const char *help,
    rp_counter **ret_counter, rp_error *reterr)
{
    rp_metric_family *family;
    rp_status status =
        add(metrics, RP__METRIC_COUNTER, name, help, NULL, no_bounds, &family, reterr);
    if (status == RP_OK)
        *ret_counter = rp__metric_child(family, 0);
    return status;
}

rp_status rp_metrics_gauge(
    rp_metrics *metrics, const char *name, const char *help, rp_gauge **ret_gauge, rp_error *reterr)
{
    rp_metric_family *family;
    rp_status status = add(metrics, RP__METRIC_GAUGE, name, help, NULL, no_bounds, &family, reterr);
    if (status == RP_OK)
        *ret_gauge = rp__metric_child(family, 0);
    return status;
}

rp_status rp_metrics_histogram(rp_metrics *metrics, const char *name, const char *help,
    rp_metric_bounds bounds, rp_histogram **ret_histogram, rp_error *reterr)
{
    rp_metric_family *family;
    rp_status status =
        add(metrics, RP__METRIC_HISTOGRAM, name, help, NULL, bounds, &family, reterr);
    if (status == RP_OK)
        *ret_histogram = rp__metric_child(family, 0);
    return status;
}

rp_status rp_metrics_counter_family(rp_metrics *metrics, const char *name, const char *help,
    const rp_metric_split *split, rp_metric_family **ret_family, rp_error *reterr)
{
    return add(metrics, RP__METRIC_COUNTER, name, help, split, no_bounds, ret_family, reterr);
}

rp_status rp_metrics_gauge_family(rp_metrics *metrics, const char *name, const char *help,
    const rp_metric_split *split, rp_metric_family **ret_family, rp_error *reterr)
{
    return add(metrics, RP__METRIC_GAUGE, name, help, split, no_bounds, ret_family, reterr);
}

rp_status rp_metrics_histogram_family(rp_metrics *metrics, const char *name, const char *help,
    const rp_metric_split *split, rp_metric_bounds bounds, rp_metric_family **ret_family,
    rp_error *reterr)
{
    return add(metrics, RP__METRIC_HISTOGRAM, name, help, split, bounds, ret_family, reterr);
}

rp_status rp_metrics_info(rp_metrics *metrics, const char *name, const char *help,
    const rp_metric_label *labels, size_t count, rp_error *reterr)
{
    if (count > RP_METRIC_LABELS_MAX)
        return rp_error_set(reterr, RP_LIMIT, name, "%s has %zu labels, at most %d", name, count,
            RP_METRIC_LABELS_MAX);
    rp_metric_split split = {.children_max = 1};
    const char *values[RP_METRIC_LABELS_MAX] = {NULL};
    for (size_t i = 0; i < count; i++) {
        split.labels[i] = labels[i].name;
        values[i] = labels[i].value;
    }
    rp_metric_family *family;
    rp_status status = rp_metrics_gauge_family(metrics, name, help, &split, &family, reterr);
    if (status == RP_OK)
        rp_gauge_set(rp_metric_family_gauge_of(family, values), 1);
    return status;
}

rp_status rp_metrics_collector(rp_metrics *metrics, rp_metrics_collect collect, void *context)
{
    rp_status status = RP_LIMIT;
    pthread_mutex_lock(&metrics->mutex);
    if (metrics->collector_count < RP_METRIC_COLLECTORS_MAX) {
        metrics->collectors[metrics->collector_count].collect = collect;
        metrics->collectors[metrics->collector_count].context = context;
        metrics->collector_count++;
        status = RP_OK;
    }
    pthread_mutex_unlock(&metrics->mutex);
    return status;
}

/* ---- children ---- */

/* Copies what is kept of the values and hashes it, each with its NUL. */
static uint64_t keep_values(const rp_metric_family *f,
    const char *const values[RP_METRIC_LABELS_MAX], rp__metric_value kept[RP_METRIC_LABELS_MAX])
{
    memset(kept, 0, RP_METRIC_LABELS_MAX * sizeof kept[0]);
    for (size_t l = 0; l < f->label_count; l++) {
        rp_bytes value = rp_utf8_cut(rp_bytes_text(values[l]), RP_METRIC_VALUE_MAX);
        if (value.len > 0)
            memcpy(kept[l], value.data, value.len);
    }
    return rp_hash_xxh3_64(rp_bytes_of(kept, f->label_count * sizeof kept[0]));
}

static void *find_child(rp_metric_family *f, const char *const values[RP_METRIC_LABELS_MAX])
{
    rp__metric_value kept[RP_METRIC_LABELS_MAX];
    uint64_t hash = keep_values(f, values, kept);
    size_t bytes = f->label_count * sizeof kept[0];
    size_t index;
    pthread_mutex_lock(&f->mutex);
    for (index = 0; index < f->children; index++) {
        if (f->hashes[index] == hash && memcmp(f->values[index * f->label_count], kept, bytes) == 0)
            break;
    }
    if (index == f->children_max) {
        f->other = true;
        f->overflow++;
    } else if (index == f->children) {
        memcpy(f->values[index * f->label_count], kept, bytes);
        f->hashes[index] = hash;
        f->children++;
    }
    pthread_mutex_unlock(&f->mutex);
    return rp__metric_child(f, index);
}

rp_counter *rp_metric_family_counter_of(
    rp_metric_family *family, const char *const values[RP_METRIC_LABELS_MAX])
{
    RP_ASSERT(family->kind == RP__METRIC_COUNTER);
    return find_child(family, values);
}

rp_gauge *rp_metric_family_gauge_of(
    rp_metric_family *family, const char *const values[RP_METRIC_LABELS_MAX])
{
    RP_ASSERT(family->kind == RP__METRIC_GAUGE);
    return find_child(family, values);
}

rp_histogram *rp_metric_family_histogram_of(
    rp_metric_family *family, const char *const values[RP_METRIC_LABELS_MAX])
{
    RP_ASSERT(family->kind == RP__METRIC_HISTOGRAM);
    return find_child(family, values);
}

/* ---- updates ---- */

static void add_double(atomic_uint_fast64_t *bits, double delta)
{
    uint_fast64_t before = atomic_load_explicit(bits, memory_order_relaxed), after;
    do {
        double value;
        memcpy(&value, &before, sizeof value);
        value += delta;
        memcpy(&after, &value, sizeof after);
    } while (!atomic_compare_exchange_weak_explicit(
        bits, &before, after, memory_order_relaxed, memory_order_relaxed));
}

void rp_counter_add(rp_counter *counter, uint64_t n)
{
    atomic_fetch_add_explicit(&counter->count, n, memory_order_relaxed);
}

void rp_counter_raise(rp_counter *counter, uint64_t total)
{
    uint_fast64_t before = atomic_load_explicit(&counter->count, memory_order_relaxed);
    while (before < total && !atomic_compare_exchange_weak_explicit(&counter->count, &before, total,
                                 memory_order_relaxed, memory_order_relaxed))
        continue;
}

void rp_gauge_set(rp_gauge *gauge, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&gauge->bits, bits, memory_order_relaxed);
}

void rp_gauge_set_count(rp_gauge *gauge, uint64_t count)
{
    rp_gauge_set(gauge, (double)count);
}

void rp_gauge_add(rp_gauge *gauge, double delta)
{
    add_double(&gauge->bits, delta);
}

void rp_histogram_observe(rp_histogram *histogram, double value)
{
    if (isnan(value))
        return;
    size_t low = 0, high = histogram->bound_count; /* the first bound that value is not above */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value <= histogram->bounds[middle])
            high = middle;
        else
            low = middle + 1;
    }
    atomic_fetch_add_explicit(&histogram->buckets[low], 1, memory_order_relaxed);
    add_double(&histogram->sum_bits, value);
}

void rp_histogram_observe_ns(rp_histogram *histogram, uint64_t ns)
{
    rp_histogram_observe(histogram, (double)ns / (double)RP_NS_PER_S);
}

uint64_t rp_counter_value(const rp_counter *counter)
{
    return atomic_load_explicit(&counter->count, memory_order_relaxed);
}

double rp_gauge_value(const rp_gauge *gauge)
{
    return rp__metric_double(&gauge->bits);
}

uint64_t rp_histogram_count(const rp_histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++)
        count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    return count;
}
