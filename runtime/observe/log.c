#include "runtime/observe/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/observe/log_internal.h"

/* How often one event name came in its current window. */
typedef struct event_window {
    char event[64]; /* longer names are told apart by their start; "" = free */
    uint64_t start_ns;
    uint64_t lines;      /* that passed in it */
    uint64_t suppressed; /* since a line last told of them */
} event_window;

/* What a family of loggers shares. */
typedef struct sink {
    atomic_size_t loggers;
    atomic_int level;
    atomic_uint_fast64_t dropped, suppressed;
    const rp_clock *clock;
    int fd;
    rp__log_style style;

    pthread_mutex_t mutex; /* guards what follows, and the order of lines */
    rp_buffer line;
    bool torn;               /* the last write ended within a line */
    uint64_t dropped_untold; /* since a line last told of them */
    event_window windows[RP_LOG_EVENTS_MAX];
} sink;

struct rp_log {
    sink *sink;
    size_t bound_len;
    char bound[]; /* the bound fields, in the sink's style */
};

static const char *const level_names[] = {[RP_LOG_DEBUG] = "debug",
    [RP_LOG_INFO] = "info",
    [RP_LOG_WARN] = "warn",
    [RP_LOG_ERROR] = "error",
    [RP_LOG_OFF] = "off"};

static const char *const format_names[] = {
    [RP_LOG_FORMAT_AUTO] = "auto", [RP_LOG_FORMAT_TEXT] = "text", [RP_LOG_FORMAT_JSON] = "json"};

enum {
    LEVELS = sizeof level_names / sizeof level_names[0],
    FORMATS = sizeof format_names / sizeof format_names[0]
};

rp_status rp_log_level_parse(const char *text, rp_log_level *ret_level, rp_error *reterr)
{
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (rp_log_level)i;
            return RP_OK;
        }
    }
    return rp_error_set(reterr, RP_INVALID, "log-level",
        "a log level is debug, info, warn, error or off, not \"%s\"", text);
}

rp_status rp_log_format_parse(const char *text, rp_log_format *ret_format, rp_error *reterr)
{
    for (int i = 0; i < FORMATS; i++) {
        if (strcmp(text, format_names[i]) == 0) {
            *ret_format = (rp_log_format)i;
            return RP_OK;
        }
    }
    return rp_error_set(
        reterr, RP_INVALID, "log-format", "a log format is auto, text or json, not \"%s\"", text);
}

static rp__log_style choose_style(const rp_log_options *options)
{
    bool terminal = isatty(options->fd) == 1;
    bool text = options->format == RP_LOG_FORMAT_TEXT ||
                (options->format == RP_LOG_FORMAT_AUTO && terminal);
    if (!text || !terminal || !options->environment)
        return (rp__log_style){.json = !text};
    const char *no_color = options->environment("NO_COLOR");
    const char *term = options->environment("TERM");
    bool plain = (no_color && *no_color) || !term || strcmp(term, "dumb") == 0;
    return (rp__log_style){.colour = !plain};
}

rp_status rp_log_new(const rp_log_options *options, rp_log **ret_log, rp_error *reterr)
{
    if (!options->clock)
        return rp_error_set(reterr, RP_INVALID, "clock", "a log needs a clock");
    sink *s = calloc(1, sizeof *s);
    rp_log *log = calloc(1, sizeof *log);
    if (!s || !log || pthread_mutex_init(&s->mutex, NULL) != 0) {
        free(s);
        free(log);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the log");
    }
    atomic_init(&s->loggers, 1);
    atomic_init(&s->level, options->level);
    s->clock = options->clock;
    s->fd = options->fd;
    s->style = choose_style(options);
    rp_buffer_init(&s->line, RP__LOG_BUFFER_MAX);
    log->sink = s;
    *ret_log = log;
    return RP_OK;
}

/* Whether the descriptor takes a line at once. A pipe that polls writable takes PIPE_BUF bytes. */
static bool is_writable(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    return poll(&poller, 1, 0) == 1 && (poller.revents & POLLOUT);
}

/* Puts the finished line out, or counts it as dropped. */
static bool emit(sink *s)
{
    const uint8_t *data = s->line.data;
    size_t len = s->line.len;
    ssize_t written = -1;
    if (!s->line.truncated && is_writable(s->fd)) {
        do {
            written = write(s->fd, data, len);
        } while (written < 0 && errno == EINTR);
    }
    if (written == (ssize_t)len) {
        s->torn = false;
        return true;
    }
    s->torn = s->torn || written > 0;
    s->dropped_untold++;
    atomic_fetch_add_explicit(&s->dropped, 1, memory_order_relaxed);
    return false;
}

static void begin(sink *s, rp_log_level level, const char *event)
{
    rp_buffer_clear(&s->line);
    if (s->torn)
        rp_buffer_byte(&s->line, '\n');
    rp__log_line_begin(&s->line, s->style, rp_clock_unix_ns(s->clock), level, event);
}

/* Writes one line; `suppressed` and what was dropped before stand ahead of the event's own fields,
 * so that a cut never takes them. */
static bool write_line(const rp_log *log, rp_log_level level, const char *event,
    uint64_t suppressed, const rp_log_field *fields, size_t count)
{
    sink *s = log->sink;
    const rp_log_field told[] = {
        rp_log_count("suppressed", suppressed), rp_log_count("dropped", s->dropped_untold)};
    uint64_t dropped = s->dropped_untold;
    bool cut = false;
    begin(s, level, event);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        if (told[i].value.count > 0)
            cut |= !rp__log_line_field(&s->line, s->style, &told[i]);
    }
    cut |= !rp__log_line_bound(&s->line, rp_bytes_of(log->bound, log->bound_len));
    for (size_t i = 0; i < count; i++)
        cut |= !rp__log_line_field(&s->line, s->style, &fields[i]);
    rp__log_line_end(&s->line, s->style, cut);
    if (!emit(s))
        return false;
    s->dropped_untold -= dropped;
    return true;
}

/* The window of an event; where the table is full, that of the one that began longest ago. */
static event_window *find_window(sink *s, const char *event, uint64_t now_ns)
{
    event_window *place = &s->windows[0];
    for (size_t i = 0; i < RP_LOG_EVENTS_MAX; i++) {
        event_window *w = &s->windows[i];
        if (strncmp(w->event, event, sizeof w->event - 1) == 0)
            return w;
        if (w->event[0] == '\0') {
            place = w;
            break;
        }
        if (w->start_ns < place->start_ns)
            place = w;
    }
    *place = (event_window){.start_ns = now_ns};
    memcpy(place->event, event, strnlen(event, sizeof place->event - 1));
    return place;
}

/* Whether a warning may pass; `ret_window` is where it is counted. */
static bool admit(sink *s, const char *event, event_window **ret_window)
{
    uint64_t now_ns = rp_clock_monotonic_ns(s->clock);
    event_window *w = find_window(s, event, now_ns);
    if (now_ns - w->start_ns >= RP_LOG_WINDOW_S * RP_NS_PER_S) {
        w->start_ns = now_ns;
        w->lines = 0;
    }
    *ret_window = w;
    if (w->lines == RP_LOG_BURST) {
        w->suppressed++;
        atomic_fetch_add_explicit(&s->suppressed, 1, memory_order_relaxed);
        return false;
    }
    w->lines++;
    return true;
}

void rp_log_event(
    rp_log *log, rp_log_level level, const char *event, const rp_log_field *fields, size_t count)
{
    if (!rp_log_enabled(log, level))
        return;
    sink *s = log->sink;
    event_window *window = NULL;
    pthread_mutex_lock(&s->mutex);
    if (level < RP_LOG_WARN) {
        write_line(log, level, event, 0, fields, count);
    } else if (admit(s, event, &window)) {
        if (write_line(log, level, event, window->suppressed, fields, count))
            window->suppressed = 0;
    }
    pthread_mutex_unlock(&s->mutex);
}

rp_status rp_log_child_of(
    rp_log *parent, const rp_log_field *fields, size_t count, rp_log **ret_child)
{
    if (!parent) {
        *ret_child = NULL;
        return RP_OK;
    }
    sink *s = parent->sink;
    RP_CLEANUP(rp_buffer_done)
    rp_buffer bound;
    rp_buffer_init(&bound, RP__LOG_BUFFER_MAX);
    rp_buffer_append(&bound, parent->bound, parent->bound_len);
    bool fits = true;
    for (size_t i = 0; i < count; i++)
        fits = fits && rp__log_line_field(&bound, s->style, &fields[i]);
    if (!fits || bound.len > RP_LOG_LINE_MAX / 2)
        return RP_LIMIT;
    rp_log *child = calloc(1, sizeof *child + bound.len);
    if (!child)
        return RP_NO_MEMORY;
    child->sink = s;
    child->bound_len = bound.len;
    if (bound.len)
        memcpy(child->bound, bound.data, bound.len);
    atomic_fetch_add_explicit(&s->loggers, 1, memory_order_relaxed);
    *ret_child = child;
    return RP_OK;
}

/* What was held back and never told of. */
static void report_rest(const rp_log *log)
{
    sink *s = log->sink;
    for (size_t i = 0; i < RP_LOG_EVENTS_MAX; i++) {
        const event_window *w = &s->windows[i];
        const rp_log_field name = rp_log_text("of", w->event);
        if (w->suppressed > 0)
            write_line(log, RP_LOG_WARN, "log_suppressed", w->suppressed, &name, 1);
    }
    if (s->dropped_untold > 0)
        write_line(log, RP_LOG_WARN, "log_dropped", 0, NULL, 0);
}

void rp_log_free(rp_log *log)
{
    if (!log)
        return;
    sink *s = log->sink;
    if (atomic_fetch_sub_explicit(&s->loggers, 1, memory_order_acq_rel) == 1) {
        report_rest(log);
        pthread_mutex_destroy(&s->mutex);
        rp_buffer_done(&s->line);
        free(s);
    }
    free(log);
}

bool rp_log_enabled(const rp_log *log, rp_log_level level)
{
    return log && level < RP_LOG_OFF &&
           (int)level >= atomic_load_explicit(&log->sink->level, memory_order_relaxed);
}

void rp_log_set_level(rp_log *log, rp_log_level level)
{
    if (log)
        atomic_store_explicit(&log->sink->level, (int)level, memory_order_relaxed);
}

uint64_t rp_log_dropped(const rp_log *log)
{
    return log ? atomic_load_explicit(&log->sink->dropped, memory_order_relaxed) : 0;
}

uint64_t rp_log_suppressed(const rp_log *log)
{
    return log ? atomic_load_explicit(&log->sink->suppressed, memory_order_relaxed) : 0;
}
