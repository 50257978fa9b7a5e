/* Structured logs: an event has a name, a level and typed fields, and becomes one line.
 *
 * A line says what happened (`publish_retried`, snake_case, fixed in the source, so that it can be
 * counted and searched) and with what (`attempt`, `subject`); there are no sentences to parse. On a
 * terminal lines are coloured and aligned for people; elsewhere each is one JSON object:
 *
 *     {"time":"2026-11-24T07:00:00.000Z","level":"warn","event":"publish_retried",
 *      "kind":"tokenizer","instance":"7f3a","subject":"exec.gemma3","attempt":3}
 *
 * A logger is passed to whoever logs; nothing is global. A child carries bound fields, which stand
 * in each of its lines:
 *
 *     rp_log *root, *log;
 *     rp_log_options options = {.clock = rp_clock_system(), .fd = STDERR_FILENO};
 *     if (rp_log_new(&options, &root, &error) != RP_OK) ...
 *     if (rp_log_child(root, &log, rp_log_text("kind", "tokenizer")) != RP_OK) ...
 *     rp_log_info(log, "started");
 *     rp_log_warn(log, "publish_retried", rp_log_text("subject", subject),
 *         rp_log_count("attempt", attempt), rp_log_duration("waited", waited_ns));
 *     rp_log_free(log);
 *     rp_log_free(root);
 *
 * What holds:
 * - A line is one write(2) of at most RP_LOG_LINE_MAX bytes. A text above RP_LOG_VALUE_MAX bytes is
 *   cut and ends in "…"; fields that do not fit any more are left out and the line says `cut`. It
 *   stays valid JSON and valid UTF-8 whatever is logged, and control characters never reach a
 *   terminal.
 * - Logging does not wait: where the descriptor takes no more, the line is dropped and counted, and
 *   the next one that gets through says `dropped`. This rests on poll(2), so the descriptor's
 * flags, which other processes share, stay as they are. A process that logs to a pipe ignores
 * SIGPIPE.
 * - Of warnings and errors, RP_LOG_BURST lines an event name pass in each RP_LOG_WINDOW_S seconds;
 *   the next one after that says how many were `suppressed`.
 * - After the first lines nothing is allocated.
 *
 * Any thread may log. A logger that is NULL logs nothing, so that code may run without one.
 */
#ifndef RUNTIME_OBSERVE_LOG_H
#define RUNTIME_OBSERVE_LOG_H

#include "runtime/base/bytes.h"
#include "runtime/base/clock.h"
#include "runtime/base/options.h"
#include "runtime/base/status.h"

enum {
    RP_LOG_LINE_MAX = 4096,  /* bytes with the line feed: what a pipe takes as one (PIPE_BUF) */
    RP_LOG_VALUE_MAX = 1024, /* bytes of a text before escaping */
    RP_LOG_FIELDS_MAX = 15,  /* fields of one event */
    RP_LOG_BURST = 10,       /* warnings of one name that pass in a window */
    RP_LOG_WINDOW_S = 10,
    RP_LOG_EVENTS_MAX = 64 /* event names whose warnings are counted at once */
};

typedef struct rp_log rp_log;

/* In the order of weight; each level shows itself and what is above. */
typedef enum rp_log_level {
    RP_LOG_DEBUG, /* for whoever works on the code */
    RP_LOG_INFO,  /* what an operator wants to see of a healthy process */
    RP_LOG_WARN,  /* went wrong and was cured, or will be refused next time */
    RP_LOG_ERROR, /* somebody has to look */
    RP_LOG_OFF
} rp_log_level;

typedef enum rp_log_format {
    RP_LOG_FORMAT_AUTO, /* text on a terminal, else JSON */
    RP_LOG_FORMAT_TEXT,
    RP_LOG_FORMAT_JSON
} rp_log_format;

/* "debug", "info", "warn", "error", "off". RP_INVALID names what is right. */
RP_MUST_USE rp_status rp_log_level_parse(
    const char *text, rp_log_level *ret_level, rp_error *reterr);

/* "auto", "text", "json". */
RP_MUST_USE rp_status rp_log_format_parse(
    const char *text, rp_log_format *ret_format, rp_error *reterr);

typedef struct rp_log_options {
    const rp_clock *clock; /* borrowed for the logger's life */
    int fd;                /* borrowed; never closed */
    rp_log_level level;    /* 0 = debug */
    rp_log_format format;
    rp_environment environment; /* asked for NO_COLOR and TERM; NULL = no colours */
} rp_log_options;

typedef enum rp_log_kind {
    RP_LOG_KIND_TEXT,
    RP_LOG_KIND_COUNT,
    RP_LOG_KIND_NUMBER,
    RP_LOG_KIND_FLOAT,
    RP_LOG_KIND_DURATION,
    RP_LOG_KIND_FLAG,
    RP_LOG_KIND_STATUS,
    RP_LOG_KIND_FAILURE
} rp_log_kind;

/* Made by the functions below; borrows its name and its text until the call returns. */
typedef struct rp_log_field {
    const char *name; /* snake_case, the unit last */
    rp_log_kind kind;
    union {
        rp_bytes text;
        uint64_t count;
        int64_t number;
        double real;
        bool flag;
        rp_status status;
        const rp_error *failure;
    } value;
} rp_log_field;

/* NULL shows as null. */
static inline rp_log_field rp_log_text(const char *name, const char *text)
{
    return (rp_log_field){name, RP_LOG_KIND_TEXT, {.text = rp_bytes_text(text)}};
}

/* Text that does not end in NUL; it may be any bytes. */
static inline rp_log_field rp_log_bytes(const char *name, rp_bytes text)
{
    return (rp_log_field){name, RP_LOG_KIND_TEXT, {.text = text}};
}

static inline rp_log_field rp_log_count(const char *name, uint64_t count)
{
    return (rp_log_field){name, RP_LOG_KIND_COUNT, {.count = count}};
}

static inline rp_log_field rp_log_number(const char *name, int64_t number)
{
    return (rp_log_field){name, RP_LOG_KIND_NUMBER, {.number = number}};
}

static inline rp_log_field rp_log_float(const char *name, double real)
{
    return (rp_log_field){name, RP_LOG_KIND_FLOAT, {.real = real}};
}

/* Shown to people in the unit that fits ("took=1.53ms"), in JSON as whole nanoseconds with `_ns`
 * behind the name ("took_ns":1530211). */
static inline rp_log_field rp_log_duration(const char *name, uint64_t ns)
{
    return (rp_log_field){name, RP_LOG_KIND_DURATION, {.count = ns}};
}

static inline rp_log_field rp_log_flag(const char *name, bool flag)
{
    return (rp_log_field){name, RP_LOG_KIND_FLAG, {.flag = flag}};
}

static inline rp_log_field rp_log_status(const char *name, rp_status status)
{
    return (rp_log_field){name, RP_LOG_KIND_STATUS, {.status = status}};
}

/* What an rp_error tells, as up to four fields: `status`, `field`, `limit` and `error`, the
 * sentence; those that are empty are left out. */
static inline rp_log_field rp_log_failure(const rp_error *failure)
{
    return (rp_log_field){NULL, RP_LOG_KIND_FAILURE, {.failure = failure}};
}

/* RP_INVALID without a clock; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_log_new(const rp_log_options *options, rp_log **ret_log, rp_error *reterr);

/* Frees one logger. Children share what they need, so parents and children end in any order. The
 * last one reports what is still counted as dropped or suppressed. Accepts NULL. */
void rp_log_free(rp_log *log);

/* Whether a line of this level would be written; for fields that cost something to find out. */
bool rp_log_enabled(const rp_log *log, rp_log_level level);

/* Takes effect for the whole family, from any thread. */
void rp_log_set_level(rp_log *log, rp_log_level level);

/* Lines that did not get through, and those held back as repetitions, since the start. */
uint64_t rp_log_dropped(const rp_log *log);
uint64_t rp_log_suppressed(const rp_log *log);

/* rp_log_write(log, level, "event_name", fields...), with none to RP_LOG_FIELDS_MAX fields. The
 * fields are evaluated only where the level is enabled. */
#define rp_log_write(log, level, ...)                                           \
    (rp_log_enabled(log, level)                                                 \
            ? RP__LOG_FORM(__VA_ARGS__, RP__LOG_FORMS)(log, level, __VA_ARGS__) \
            : (void)0)

#define rp_log_debug(log, ...) rp_log_write(log, RP_LOG_DEBUG, __VA_ARGS__)
#define rp_log_info(log, ...)  rp_log_write(log, RP_LOG_INFO, __VA_ARGS__)
#define rp_log_warn(log, ...)  rp_log_write(log, RP_LOG_WARN, __VA_ARGS__)
#define rp_log_error(log, ...) rp_log_write(log, RP_LOG_ERROR, __VA_ARGS__)

/* rp_log_child(parent, &ret_child, fields...): a logger with these fields bound behind its
 * parent's. A child of NULL is NULL. RP_NO_MEMORY; RP_LIMIT where the bound fields would fill more
 * than half a line. */
#define rp_log_child(parent, ret_child, ...) \
    rp_log_child_of(parent, RP__LOG_ARRAY(__VA_ARGS__), ret_child)

/* What the macros call; for fields that are already in an array. */
void rp_log_event(
    rp_log *log, rp_log_level level, const char *event, const rp_log_field *fields, size_t count);
RP_MUST_USE rp_status rp_log_child_of(
    rp_log *parent, const rp_log_field *fields, size_t count, rp_log **ret_child);

/* Standard C17 gives no way to drop a comma, so an event alone and one with fields take two forms;
 * counting the arguments tells which. */
#define RP__LOG_ARRAY(...)               \
    (const rp_log_field[]){__VA_ARGS__}, \
        sizeof((const rp_log_field[]){__VA_ARGS__}) / sizeof(rp_log_field)

#define RP__LOG_FIELDS(log, level, event, ...) \
    rp_log_event(log, level, event, RP__LOG_ARRAY(__VA_ARGS__))

#define RP__LOG_ALONE(log, level, event) rp_log_event(log, level, event, NULL, 0)

#define RP__LOG_FORM(...) RP__LOG_SEVENTEENTH(__VA_ARGS__)

#define RP__LOG_SEVENTEENTH(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, form, ...) form

#define RP__LOG_FORMS                                                                   \
    RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS,     \
        RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, \
        RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, RP__LOG_FIELDS, \
        RP__LOG_ALONE, 0

#endif
