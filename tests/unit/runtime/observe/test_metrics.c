#include "runtime/observe/metrics.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/observe/process_metrics.h"

/* ---- a strict reader of the text format, to check what is shown ---- */

enum { NAMES_MAX = 64 };

typedef struct reader {
    const char *p;
    char family[160], type[160]; /* of the block that is being read */
    char names[NAMES_MAX][160];  /* blocks that are over */
    size_t name_count;
    double bucket_last, le_last; /* of the series that is being read */
    size_t samples;
} reader;

static void fail_at(const reader *r, const char *why)
{
    cr_assert(false, "%s at: %.120s", why, r->p);
}

static void expect(reader *r, const char *text)
{
    if (strncmp(r->p, text, strlen(text)) != 0)
        fail_at(r, text);
    r->p += strlen(text);
}

static void read_name(reader *r, char name[160])
{
    size_t n = 0;
    if (!isalpha((unsigned char)*r->p) && *r->p != '_')
        fail_at(r, "a name was expected");
    while (isalnum((unsigned char)*r->p) || *r->p == '_') {
        if (n == 159)
            fail_at(r, "a shorter name was expected");
        name[n++] = *r->p++;
    }
    name[n] = '\0';
}

static double read_number(reader *r)
{
    char *end;
    if (*r->p == ' ' || *r->p == '\n')
        fail_at(r, "a number was expected");
    double value = strtod(r->p, &end);
    if (end == r->p)
        fail_at(r, "a number was expected");
    r->p = end;
    return value;
}

/* A label's value in quotes; the only escapes are the three of the format. */
static void read_value(reader *r, char value[640])
{
    size_t n = 0;
    expect(r, "\"");
    while (*r->p != '"') {
        char c = *r->p++;
        if (c == '\n' || c == '\0' || n == 639)
            fail_at(r, "a closed value was expected");
        if (c == '\\') {
            c = *r->p++;
            if (c != '\\' && c != '"' && c != 'n')
                fail_at(r, "a known escape was expected");
            c = c == 'n' ? '\n' : c;
        }
        value[n++] = c;
    }
    value[n] = '\0';
    r->p++;
}

static void read_head(reader *r)
{
    char name[160];
    expect(r, "# HELP ");
    read_name(r, r->family);
    for (size_t i = 0; i < r->name_count; i++)
        cr_assert_str_neq(r->names[i], r->family, "a second block of %s", r->family);
    cr_assert(r->name_count < NAMES_MAX);
    memcpy(r->names[r->name_count++], r->family, sizeof r->family);
    expect(r, " ");
    r->p = strchr(r->p, '\n');
    cr_assert(r->p);
    expect(r, "\n# TYPE ");
    read_name(r, name);
    cr_assert_str_eq(name, r->family);
    expect(r, " ");
    read_name(r, r->type);
    expect(r, "\n");
}

/* Buckets ascend, end in +Inf, and _count repeats the last. */
static void check_histogram(reader *r, const char *suffix, const char *le, double value)
{
    if (strcmp(suffix, "_bucket") == 0) {
        double bound = strcmp(le, "+Inf") == 0 ? (double)INFINITY : strtod(le, NULL);
        cr_assert(*le && bound > r->le_last, "%s: le=%s after %g", r->family, le, r->le_last);
        cr_assert(value >= r->bucket_last, "%s: %g after %g", r->family, value, r->bucket_last);
        r->le_last = bound;
        r->bucket_last = value;
        return;
    }
    cr_assert(isinf(r->le_last), "%s has no +Inf bucket", r->family);
    if (strcmp(suffix, "_sum") == 0)
        return;
    cr_assert_str_eq(suffix, "_count");
    cr_assert(
        value == r->bucket_last, "%s: %g counted, %g in buckets", r->family, value, r->bucket_last);
    r->le_last = -(double)INFINITY;
    r->bucket_last = 0;
}

static void read_sample(reader *r)
{
    char name[160], label[160], value[640], le[640] = "";
    read_name(r, name);
    cr_assert(
        strncmp(name, r->family, strlen(r->family)) == 0, "%s in the block of %s", name, r->family);
    if (*r->p == '{') {
        do {
            r->p++;
            read_name(r, label);
            expect(r, "=");
            read_value(r, value);
            if (strcmp(label, "le") == 0)
                memcpy(le, value, sizeof le);
        } while (*r->p == ',');
        expect(r, "}");
    }
    expect(r, " ");
    double number = read_number(r);
    expect(r, "\n");
    r->samples++;
    if (strcmp(r->type, "histogram") == 0)
        check_histogram(r, name + strlen(r->family), le, number);
    else
        cr_assert_str_eq(name, r->family);
    if (strcmp(r->type, "counter") == 0)
        cr_assert(number >= 0 && strstr(name, "_total"));
}

/* Reads all of it; returns how many samples there are. */
static size_t check_text(const char *text)
{
    reader r = {.p = text, .le_last = -(double)INFINITY};
    while (*r.p) {
        if (*r.p == '#')
            read_head(&r);
        else
            read_sample(&r);
    }
    return r.samples;
}

/* ---- helpers ---- */

static rp_metrics *registry(void)
{
    rp_metrics *metrics;
    cr_assert(rp_metrics_new(NULL, 0, &metrics, NULL) == RP_OK);
    return metrics;
}

static rp_buffer expose(rp_metrics *metrics)
{
    rp_buffer out;
    rp_buffer_init(&out, 4 << 20);
    rp_metrics_expose(metrics, &out);
    cr_assert(!out.truncated);
    check_text(rp_buffer_string(&out));
    return out;
}

static void assert_exposes(rp_metrics *metrics, const char *wanted)
{
    rp_buffer out = expose(metrics);
    cr_assert_str_eq(rp_buffer_string(&out), wanted);
    rp_buffer_done(&out);
}

static void assert_has(rp_metrics *metrics, const char *wanted)
{
    rp_buffer out = expose(metrics);
    cr_assert(strstr(rp_buffer_string(&out), wanted) != NULL, "no %s in:\n%s", wanted,
        rp_buffer_string(&out));
    rp_buffer_done(&out);
}

/* ---- tests ---- */

Test(metrics, each_kind_in_the_text_format)
{
    const rp_metric_label constant[] = {{"kind", "exec\"utor"}, {"instance", "7f\\3a\n"}};
    const double bounds[] = {0.1, 1, 2.5};
    rp_metrics *metrics;
    rp_counter *tokens, *busy;
    rp_gauge *free_slots;
    rp_histogram *wait;
    cr_assert(rp_metrics_new(constant, 2, &metrics, NULL) == RP_OK);
    cr_assert(rp_metrics_counter(metrics, "tokens_total", "A \\ and\na line.", &tokens, NULL) == 0);
    cr_assert(rp_metrics_gauge(metrics, "free_slots", "Free.", &free_slots, NULL) == 0);
    cr_assert(rp_metrics_counter(metrics, "busy_seconds_total", "Busy.", &busy, NULL) == 0);
    cr_assert(rp_metrics_histogram(metrics, "wait_seconds", "Waited.",
                  (rp_metric_bounds){bounds, 3}, &wait, NULL) == 0);
    rp_counter_add(tokens, 41);
    rp_counter_add(tokens, 1);
    rp_gauge_set(free_slots, 3.5);
    rp_gauge_add(free_slots, -1);
    rp_counter_add(busy, 1500000000);
    rp_histogram_observe(wait, 0.1); /* a bound belongs to its bucket */
    rp_histogram_observe_ns(wait, 150000000);
    rp_histogram_observe(wait, 7);
    rp_histogram_observe(wait, (double)NAN);
    cr_assert(rp_histogram_count(wait) == 3 && rp_counter_value(tokens) == 42);
#define CONSTANT "kind=\"exec\\\"utor\",instance=\"7f\\\\3a\\n\""
    assert_exposes(metrics, "# HELP tokens_total A \\\\ and\\na line.\n"
                            "# TYPE tokens_total counter\n"
                            "tokens_total{" CONSTANT "} 42\n"
                            "# HELP free_slots Free.\n"
                            "# TYPE free_slots gauge\n"
                            "free_slots{" CONSTANT "} 2.5\n"
                            "# HELP busy_seconds_total Busy.\n"
                            "# TYPE busy_seconds_total counter\n"
                            "busy_seconds_total{" CONSTANT "} 1.5\n"
                            "# HELP wait_seconds Waited.\n"
                            "# TYPE wait_seconds histogram\n"
                            "wait_seconds_bucket{" CONSTANT ",le=\"0.1\"} 1\n"
                            "wait_seconds_bucket{" CONSTANT ",le=\"1\"} 2\n"
                            "wait_seconds_bucket{" CONSTANT ",le=\"2.5\"} 2\n"
                            "wait_seconds_bucket{" CONSTANT ",le=\"+Inf\"} 3\n"
                            "wait_seconds_sum{" CONSTANT "} 7.25\n"
                            "wait_seconds_count{" CONSTANT "} 3\n");
    rp_metrics_free(metrics);
}

Test(metrics, special_values)
{
    rp_metrics *metrics = registry();
    rp_gauge *gauge;
    cr_assert(rp_metrics_gauge(metrics, "g", "G.", &gauge, NULL) == RP_OK);
    assert_has(metrics, "\ng 0\n");
    rp_gauge_set(gauge, (double)INFINITY);
    assert_has(metrics, "\ng +Inf\n");
    rp_gauge_set(gauge, -(double)INFINITY);
    assert_has(metrics, "\ng -Inf\n");
    rp_gauge_set(gauge, (double)NAN);
    assert_has(metrics, "\ng NaN\n");
    rp_gauge_set_count(gauge, UINT64_C(1) << 40);
    assert_has(metrics, "\ng 1099511627776\n");
    rp_metrics_free(metrics);
}

Test(metrics, names_are_refused_with_a_status)
{
    static const char *const bad[] = {"", "1x_total", "a-b_total", "a.b_total", "x", "ü_total"};
    rp_metrics *metrics = registry();
    rp_counter *counter = NULL;
    rp_gauge *gauge = NULL;
    rp_error error;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error = (rp_error){0};
        rp_status status = rp_metrics_counter(metrics, bad[i], "X.", &counter, &error);
        cr_assert(status == RP_INVALID && counter == NULL && error.message[0], "%s", bad[i]);
    }
    cr_assert(rp_metrics_gauge(metrics, "x_total", "X.", &gauge, &error) == RP_INVALID);
    cr_assert(rp_metrics_gauge(metrics, "x_sum", "X.", &gauge, &error) == RP_INVALID);
    cr_assert(rp_metrics_counter(
                  metrics, "reprise_metric_overflow_total", "X.", &counter, &error) == RP_EXISTS);
    cr_assert(rp_metrics_counter(metrics, "x_total", "X.", &counter, NULL) == RP_OK);
    cr_assert(rp_metrics_counter(metrics, "x_total", "X.", &counter, &error) == RP_EXISTS);
    cr_assert(strstr(error.message, "x_total"));
    assert_exposes(metrics, "# HELP x_total X.\n# TYPE x_total counter\nx_total 0\n");
    rp_metrics_free(metrics);
}

Test(metrics, labels_and_bounds_are_refused_with_a_status)
{
    const rp_metric_label constant[] = {{"kind", "x"}, {"kind", "y"}};
    const rp_metric_label le[] = {{"le", "x"}};
    const double falling[] = {1, 1}, endless[] = {1, (double)INFINITY};
    rp_metrics *metrics = NULL;
    rp_metric_family *family;
    rp_histogram *histogram;
    rp_error error;
    cr_assert(rp_metrics_new(constant, 2, &metrics, &error) == RP_INVALID && !metrics);
    cr_assert(rp_metrics_new(le, 1, &metrics, &error) == RP_INVALID);
    cr_assert(rp_metrics_new(constant, 100, &metrics, &error) == RP_LIMIT);
    cr_assert(rp_metrics_new(constant, 1, &metrics, NULL) == RP_OK);
    const rp_metric_split splits[] = {
        {{"kind"}, 4}, {{"a", "a"}, 4}, {{"__a"}, 4}, {{"le"}, 4}, {{"a-b"}, 4}, {{NULL}, 4}};
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++)
        cr_assert(
            rp_metrics_gauge_family(metrics, "g", "G.", &splits[i], &family, &error) == RP_INVALID,
            "split %zu", i);
    rp_metric_split split = {{"a"}, 0};
    cr_assert(rp_metrics_gauge_family(metrics, "g", "G.", &split, &family, &error) == RP_LIMIT);
    split.children_max = RP_METRIC_CHILDREN_MAX + 1;
    cr_assert(rp_metrics_gauge_family(metrics, "g", "G.", &split, &family, &error) == RP_LIMIT);
    cr_assert(rp_metrics_histogram(metrics, "h", "H.", (rp_metric_bounds){falling, 2}, &histogram,
                  &error) == RP_INVALID);
    cr_assert(rp_metrics_histogram(metrics, "h", "H.", (rp_metric_bounds){endless, 2}, &histogram,
                  &error) == RP_INVALID);
    cr_assert(rp_metrics_histogram(metrics, "h", "H.", (rp_metric_bounds){endless, 0}, &histogram,
                  NULL) == RP_LIMIT);
    rp_metrics_free(metrics);
}

Test(metrics, a_family_is_bounded_and_counts_what_overflows)
{
    rp_metrics *metrics = registry();
    rp_metric_family *answers;
    const rp_metric_split split = {{"model", "reason"}, 2};
    cr_assert(rp_metrics_counter_family(
                  metrics, "answers_total", "Answers.", &split, &answers, NULL) == RP_OK);
    rp_counter *a = rp_metric_family_counter(answers, "gemma3", "stop");
    rp_counter *b = rp_metric_family_counter(answers, "gemma3", "length");
    cr_assert(a != b && a == rp_metric_family_counter(answers, "gemma3", "stop"));
    assert_has(metrics, "\nreprise_metric_overflow_total{metric=\"answers_total\"} 0\n");
    rp_counter *c = rp_metric_family_counter(answers, "third", "stop");
    rp_counter *d = rp_metric_family_counter(answers, "fourth", "stop");
    cr_assert(c == d && c != a && c != b);
    rp_counter_add(a, 1);
    rp_counter_add(b, 2);
    rp_counter_add(c, 3);
    assert_exposes(metrics,
        "# HELP answers_total Answers.\n"
        "# TYPE answers_total counter\n"
        "answers_total{model=\"gemma3\",reason=\"stop\"} 1\n"
        "answers_total{model=\"gemma3\",reason=\"length\"} 2\n"
        "answers_total{model=\"other\",reason=\"other\"} 3\n"
        "# HELP reprise_metric_overflow_total Times that a metric had no place for a new set of "
        "label values.\n"
        "# TYPE reprise_metric_overflow_total counter\n"
        "reprise_metric_overflow_total{metric=\"answers_total\"} 2\n");
    rp_metrics_free(metrics);
}

Test(metrics, label_values_may_be_anything)
{
    rp_metrics *metrics = registry();
    rp_metric_family *family;
    const rp_metric_split split = {{"tenant"}, 8};
    char wide[1000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    cr_assert(rp_metrics_gauge_family(metrics, "g", "G.", &split, &family, NULL) == RP_OK);
    rp_gauge_set(rp_metric_family_gauge(family, ""), 1);
    rp_gauge_set(rp_metric_family_gauge(family, "a\"b\\c\nd\xFF"), 2);
    rp_gauge_set(rp_metric_family_gauge(family, wide), 3);
    rp_gauge_set(rp_metric_family_gauge(family, NULL), 4); /* the same as "" */
    assert_has(metrics, "\ng{tenant=\"\"} 4\n");
    assert_has(metrics, "\ng{tenant=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 2\n");
    char line[RP_METRIC_VALUE_MAX + 32];
    snprintf(line, sizeof line, "\ng{tenant=\"%.*s\"} 3\n", RP_METRIC_VALUE_MAX, wide);
    assert_has(metrics, line);
    rp_metrics_free(metrics);
}

Test(metrics, a_family_of_histograms)
{
    rp_metrics *metrics = registry();
    rp_metric_family *family;
    const rp_metric_split split = {{"model"}, 2};
    cr_assert(rp_metrics_histogram_family(metrics, "gen_ai_server_time_to_first_token_seconds",
                  "Until the first token.", &split, rp_metric_bounds_first_token, &family,
                  NULL) == RP_OK);
    for (int i = 0; i < 100; i++)
        rp_histogram_observe(rp_metric_family_histogram(family, "a"), i * 0.001);
    rp_histogram_observe(rp_metric_family_histogram(family, "b"), 99);
    assert_has(metrics, "_bucket{model=\"a\",le=\"0.04\"} 41\n");
    assert_has(metrics, "_bucket{model=\"b\",le=\"10\"} 0\n");
    assert_has(metrics, "_count{model=\"b\"} 1\n");
    rp_metrics_free(metrics);
}

Test(metrics, the_named_bounds_are_open_telemetry_s)
{
    const rp_metric_bounds d = rp_metric_bounds_request_duration;
    cr_assert(d.count == 14 && d.bounds[0] == 0.01 && d.bounds[13] == 81.92);
    for (size_t i = 1; i < d.count; i++)
        cr_assert(fabs(d.bounds[i] / d.bounds[i - 1] - 2) < 1e-12);
    const rp_metric_bounds t = rp_metric_bounds_tokens;
    cr_assert(t.count == 14);
    for (size_t i = 0; i < t.count; i++)
        cr_assert(t.bounds[i] == pow(4, (double)i));
    const rp_metric_bounds f = rp_metric_bounds_first_token, o = rp_metric_bounds_output_token;
    cr_assert(f.count == 16 && f.bounds[0] == 0.001 && f.bounds[15] == 10);
    cr_assert(o.count == 13 && o.bounds[0] == 0.01 && o.bounds[12] == 2.5);
    rp_metrics *metrics = registry();
    rp_histogram *h;
    const rp_metric_bounds all[] = {d, t, f, o, rp_metric_bounds_latency, rp_metric_bounds_bytes};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char name[8] = {'h', (char)('0' + i)};
        cr_assert(rp_metrics_histogram(metrics, name, "H.", all[i], &h, NULL) == RP_OK);
    }
    rp_metrics_free(metrics);
}

Test(metrics, info_tells_by_its_labels)
{
    rp_metrics *metrics = registry();
    const rp_metric_label labels[] = {{"version", "0.1.0"}, {"build", "abc+"}};
    cr_assert(
        rp_metrics_info(metrics, "reprise_build_info", "What runs.", labels, 2, NULL) == RP_OK);
    assert_has(metrics, "\nreprise_build_info{version=\"0.1.0\",build=\"abc+\"} 1\n");
    cr_assert(rp_metrics_info(metrics, "more", "M.", labels, 5, NULL) == RP_LIMIT);
    rp_metrics_free(metrics);
}

static void collect_once_more(void *context)
{
    rp_counter_raise(context, rp_counter_value(context) + 1);
}

Test(metrics, collectors_run_at_each_exposition)
{
    rp_metrics *metrics = registry();
    rp_counter *counter;
    cr_assert(rp_metrics_counter(metrics, "seen_total", "Seen.", &counter, NULL) == RP_OK);
    for (int i = 0; i < RP_METRIC_COLLECTORS_MAX; i++)
        cr_assert(rp_metrics_collector(metrics, collect_once_more, counter) == RP_OK);
    cr_assert(rp_metrics_collector(metrics, collect_once_more, counter) == RP_LIMIT);
    assert_has(metrics, "\nseen_total 16\n");
    assert_has(metrics, "\nseen_total 32\n");
    rp_counter_raise(counter, 5); /* never falls */
    cr_assert(rp_counter_value(counter) == 32);
    rp_metrics_free(metrics);
}

/* The value of a sample without labels. */
static double value_of(const char *text, const char *name)
{
    char line[160];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(text, line);
    cr_assert(at != NULL, "no %s in %s", name, text);
    return strtod(at + strlen(line), NULL);
}

/* What the system says, read in another place. */
static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert(file && fscanf(file, "%*u %lu", &pages) == 1);
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

Test(metrics, the_process_tells_of_itself)
{
    rp_metrics *metrics = registry();
    rp_process_metrics self;
    cr_assert(rp_process_metrics_init(&self, metrics, rp_clock_system(), NULL) == RP_OK);
    rp_buffer before = expose(metrics);
    int fd = dup(0);
    char *memory = malloc(32 << 20);
    cr_assert(fd >= 0 && memory);
    memset(memory, fd, 32 << 20);
    rp_buffer after = expose(metrics);
    const char *a = rp_buffer_string(&before), *b = rp_buffer_string(&after);
    cr_assert(memory[12345] == (char)fd);
    cr_assert(value_of(b, "process_open_fds") == value_of(a, "process_open_fds") + 1);
    double grown =
        value_of(b, "process_resident_memory_bytes") - value_of(a, "process_resident_memory_bytes");
    cr_assert(grown > 30 << 20, "grew by %g", grown);
    double off = value_of(b, "process_resident_memory_bytes") - resident_bytes();
    cr_assert(fabs(off) < 8 << 20, "off by %g", off);
    cr_assert(value_of(b, "process_cpu_seconds_total") > value_of(a, "process_cpu_seconds_total"));
    double now = (double)rp_clock_unix_ns(rp_clock_system()) / 1e9;
    double age = now - value_of(b, "process_start_time_seconds");
    cr_assert(age > -0.1 && age < 300, "began %g s ago", age);
    cr_assert(value_of(b, "process_threads") >= 1);
    free(memory);
    close(fd);
    rp_buffer_done(&before);
    rp_buffer_done(&after);
    rp_metrics_free(metrics);
}

enum { THREADS = 4, ROUNDS = 20000 };

typedef struct shared {
    rp_counter *counter;
    rp_gauge *gauge;
    rp_histogram *histogram;
    rp_metric_family *family;
} shared;

static void *update(void *context)
{
    static const char *const models[] = {"a", "b", "c", "d"};
    shared *s = context;
    for (int i = 0; i < ROUNDS; i++) {
        rp_counter_add(s->counter, 1);
        rp_gauge_add(s->gauge, 1);
        rp_histogram_observe(s->histogram, 0.5);
        rp_counter_add(rp_metric_family_counter(s->family, models[i % 4]), 1);
    }
    return NULL;
}

Test(metrics, threads_lose_nothing_while_others_read)
{
    rp_metrics *metrics = registry();
    shared s;
    pthread_t threads[THREADS];
    const rp_metric_split split = {{"model"}, 3};
    cr_assert(rp_metrics_counter(metrics, "c_total", "C.", &s.counter, NULL) == RP_OK);
    cr_assert(rp_metrics_gauge(metrics, "g", "G.", &s.gauge, NULL) == RP_OK);
    cr_assert(rp_metrics_histogram(
                  metrics, "h", "H.", rp_metric_bounds_latency, &s.histogram, NULL) == RP_OK);
    cr_assert(rp_metrics_counter_family(metrics, "f_total", "F.", &split, &s.family, NULL) == 0);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert(pthread_create(&threads[i], NULL, update, &s) == 0);
    for (int i = 0; i < 50; i++) {
        rp_buffer out = expose(metrics); /* consistent in itself at any time */
        rp_buffer_done(&out);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_has(metrics, "\nc_total 80000\n");
    assert_has(metrics, "\ng 80000\n");
    assert_has(metrics, "\nh_sum 40000\n");
    assert_has(metrics, "\nf_total{model=\"a\"} 20000\n");
    assert_has(metrics, "\nf_total{model=\"other\"} 20000\n");
    assert_has(metrics, "\nreprise_metric_overflow_total{metric=\"f_total\"} 20000\n");
    rp_metrics_free(metrics);
}

/* Prometheus' own judge, where it is installed. */
Test(metrics, promtool_agrees)
{
    if (system("command -v promtool >/dev/null 2>&1") != 0)
        cr_skip("promtool is not installed");
    rp_metrics *metrics = registry();
    rp_process_metrics self;
    rp_metric_family *family;
    rp_histogram *h;
    const rp_metric_split split = {{"model"}, 2};
    cr_assert(rp_process_metrics_init(&self, metrics, rp_clock_system(), NULL) == RP_OK);
    cr_assert(rp_metrics_histogram(
                  metrics, "wait_seconds", "W.", rp_metric_bounds_latency, &h, NULL) == RP_OK);
    cr_assert(rp_metrics_counter_family(metrics, "f_total", "F.", &split, &family, NULL) == RP_OK);
    rp_counter_add(rp_metric_family_counter(family, "a\"\n\\"), 1);
    rp_buffer out = expose(metrics);
    FILE *judge = popen("promtool check metrics", "w");
    cr_assert(judge && fwrite(out.data, 1, out.len, judge) == out.len);
    cr_assert(pclose(judge) == 0);
    rp_buffer_done(&out);
    rp_metrics_free(metrics);
}
