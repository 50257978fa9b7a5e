/* Command-line options: one table says what there is, and parsing, environment, help and errors
 * follow from it.
 *
 *     static const rp_option options[] = {
 *         {"server", 's', RP_OPTION_TEXT, "URL", "NATS_URL", "nats://127.0.0.1:4222",
 *             "where the NATS server listens", offsetof(settings, server)},
 *         {"slots", 0, RP_OPTION_COUNT, "N", "REPRISE_SLOTS", "1",
 *             "requests taken at once, 1 to 256", offsetof(settings, slots), 1, 256},
 *         {0}};
 *
 * A value comes from the command line, else from the environment variable named in the table, else
 * from the default. --name=value, --name value and -n value are taken; `--` ends the options; what
 * is left over are arguments. Errors name the option, the limit and what would be right.
 *
 * Nothing is printed and nothing global is kept: help goes into a buffer, texts point into argv,
 * the environment or the table.
 */
#ifndef RUNTIME_BASE_OPTIONS_H
#define RUNTIME_BASE_OPTIONS_H

#include "runtime/base/buffer.h"

typedef enum rp_option_kind {
    RP_OPTION_FLAG,     /* bool; takes no value; --no-name clears it */
    RP_OPTION_TEXT,     /* const char * */
    RP_OPTION_COUNT,    /* uint64_t between min and max */
    RP_OPTION_BYTES,    /* uint64_t between min and max; 64MiB, 1GB, 4096 */
    RP_OPTION_DURATION, /* uint64_t nanoseconds between min and max; 10s, 250ms, 5m, 1h */
    RP_OPTION_LIST      /* rp_option_list: may be given several times; the environment's and the
                           default's value is split at commas */
} rp_option_kind;

enum { RP_OPTION_LIST_MAX = 64 };

typedef struct rp_option_list {
    const char *values[RP_OPTION_LIST_MAX];
    size_t count;
    char *storage; /* of values split from one text; freed by rp_options_done */
} rp_option_list;

/* A row of the table; a row without a name ends it. */
typedef struct rp_option {
    const char *name;
    char letter; /* 0 = none */
    rp_option_kind kind;
    const char *value_name;    /* in help, "URL" */
    const char *environment;   /* variable that stands in; NULL = none */
    const char *default_value; /* as it would be written; NULL = unset: NULL, 0, false */
    const char *help;
    size_t offset;     /* of the value in the settings */
    uint64_t min, max; /* inclusive; max 0 = no bound but the type's */
} rp_option;

/* How the environment is read; NULL for none (tests, replays). */
typedef const char *(*rp_environment)(const char *name);

/* The process's environment. */
const char *rp_environment_system(const char *name);

/* Fills `settings` (which starts cleared) from arguments `argv[1..argc)`, environment and defaults.
 * Several tables may be given, `count` of them; they share one settings struct. Arguments that are
 * no options are moved to the front of `argv[1..]` in their order and `ret_arguments` counts them.
 * With `stop_at_argument` parsing ends at the first of those (for subcommands).
 * RP_INVALID or RP_LIMIT with the option's name in reterr->field. */
RP_MUST_USE rp_status rp_options_parse(const rp_option *const *tables, size_t count, int argc,
    char **argv, rp_environment environment, bool stop_at_argument, void *settings,
    int *ret_arguments, rp_error *reterr);

/* Frees what lists hold. */
void rp_options_done(const rp_option *const *tables, size_t count, void *settings);

/* Appends a line or two an option, aligned, with environment variable and default. */
void rp_options_help(const rp_option *table, rp_buffer *out);

/* A number in decimal, with a unit: RP_INVALID where `text` is none, RP_LIMIT on overflow. */
RP_MUST_USE rp_status rp_parse_count(const char *text, uint64_t *ret_value);
RP_MUST_USE rp_status rp_parse_bytes(const char *text, uint64_t *ret_bytes);
RP_MUST_USE rp_status rp_parse_duration(const char *text, uint64_t *ret_ns);

#endif
