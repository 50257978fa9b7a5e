#include "runtime/observe/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "runtime/observe/log_metrics.h"

/* A clock that stands still unless the test moves it. */
typedef struct hand_clock {
    rp_clock clock;
    uint64_t ns;
} hand_clock;

static uint64_t hand_ns(const rp_clock *clock)
{
    return ((const hand_clock *)(const void *)clock)->ns;
}

static hand_clock clock_at(uint64_t ns)
{
    return (hand_clock){{hand_ns, hand_ns}, ns};
}

/* A log into a pipe, and what comes out at its other end. */
typedef struct bench {
    hand_clock time;
    int read_fd, write_fd;
    rp_log *log;
    char text[1 << 18];
} bench;

static const char *no_environment(const char *name)
{
    return strcmp(name, "TERM") == 0 ? "xterm" : NULL;
}

static const char *environment_without_color(const char *name)
{
    return strcmp(name, "NO_COLOR") == 0 ? "1" : no_environment(name);
}

static bench *bench_open(rp_log_format format, rp_log_level level)
{
    bench *b = calloc(1, sizeof *b);
    int ends[2];
    cr_assert(b && pipe2(ends, O_CLOEXEC) == 0);
    b->time = clock_at(UINT64_C(1795503600123000000)); /* 2026-11-24T07:00:00.123Z */
    b->read_fd = ends[0];
    b->write_fd = ends[1];
    cr_assert(fcntl(b->read_fd, F_SETFL, O_NONBLOCK) == 0);
    rp_log_options options = {&b->time.clock, b->write_fd, level, format, no_environment};
    cr_assert(rp_log_new(&options, &b->log, NULL) == RP_OK);
    return b;
}

static void bench_close(bench *b)
{
    rp_log_free(b->log);
    close(b->read_fd);
    close(b->write_fd);
    free(b);
}

/* All that was written since the last call. */
static const char *written(bench *b)
{
    size_t len = 0;
    ssize_t n;
    while ((n = read(b->read_fd, b->text + len, sizeof b->text - 1 - len)) > 0)
        len += (size_t)n;
    b->text[len] = '\0';
    return b->text;
}

static size_t lines_in(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

Test(log, a_line_is_one_json_object)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    rp_error error = {0};
    rp_status status = rp_error_limit(&error, "block_count", "96 layers", "%d layers", 100);
    rp_log_warn(b->log, "model_refused", rp_log_text("path", "a \"b\"\n"),
        rp_log_count("bytes", UINT64_MAX), rp_log_number("delta", -3), rp_log_float("share", 0.1),
        rp_log_duration("waited", 1530211), rp_log_flag("retry", false),
        rp_log_status("status_before", RP_NOT_FOUND), rp_log_text("nothing", NULL),
        rp_log_failure(&error));
    cr_assert(status == RP_LIMIT);
    cr_assert_str_eq(written(b),
        "{\"time\":\"2026-11-24T07:00:00.123Z\",\"level\":\"warn\",\"event\":\"model_refused\","
        "\"path\":\"a \\\"b\\\"\\n\",\"bytes\":18446744073709551615,\"delta\":-3,\"share\":0.1,"
        "\"waited_ns\":1530211,\"retry\":false,\"status_before\":\"not_found\",\"nothing\":null,"
        "\"status\":\"limit\",\"field\":\"block_count\",\"limit\":\"96 layers\","
        "\"error\":\"100 layers\"}\n");
    bench_close(b);
}

Test(log, text_is_aligned_and_quotes_where_needed)
{
    bench *b = bench_open(RP_LOG_FORMAT_TEXT, RP_LOG_INFO);
    rp_log_info(b->log, "ready");
    rp_log_error(b->log, "lost", rp_log_text("bare", "exec.gemma3"), rp_log_text("quoted", "a b"),
        rp_log_text("empty", ""), rp_log_duration("a", 999), rp_log_duration("b", 1530211),
        rp_log_duration("c", 45000000), rp_log_duration("d", 300 * RP_NS_PER_S));
    cr_assert_str_eq(written(b), "07:00:00.123 INFO  ready                   \n"
                                 "07:00:00.123 ERROR lost                     bare=exec.gemma3 "
                                 "quoted=\"a b\" empty=\"\" a=999ns b=1.53ms c=45.0ms d=300s\n");
    bench_close(b);
}

Test(log, text_carries_no_control_characters)
{
    bench *b = bench_open(RP_LOG_FORMAT_TEXT, RP_LOG_INFO);
    rp_log_info(b->log, "input",
        rp_log_text("text", "\033[2J\x7F\xC2\x9B"
                            "31m\xFF\x07 ok"));
    const char *text = written(b);
    for (const unsigned char *p = (const unsigned char *)text; p[1]; p++)
        cr_assert(*p >= ' ' && *p != 0x7F, "control character %02x in %s", *p, text);
    cr_assert(strstr(text, "\xC2\x9B") == NULL);
    cr_assert(strstr(text, "text=\"\\u001b[2J?"
                           "?"
                           "?31m\xEF\xBF\xBD\\u0007 ok\"") != NULL,
        "%s", text);
    bench_close(b);
}

Test(log, children_carry_bound_fields)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    rp_log *kind, *both;
    cr_assert(rp_log_child(b->log, &kind, rp_log_text("kind", "tokenizer")) == RP_OK);
    cr_assert(rp_log_child(kind, &both, rp_log_text("instance", "7f3a")) == RP_OK);
    rp_log_free(kind); /* children do not need their parents */
    rp_log_info(both, "started", rp_log_count("slots", 4));
    cr_assert(strstr(written(b),
        "\"event\":\"started\",\"kind\":\"tokenizer\",\"instance\":\"7f3a\",\"slots\":4}\n"));
    rp_log_free(both);

    char wide[RP_LOG_VALUE_MAX];
    memset(wide, 'x', sizeof wide);
    rp_log_field field = rp_log_bytes("wide", rp_bytes_of(wide, sizeof wide));
    rp_log_field fields[] = {field, field, field};
    cr_assert(rp_log_child_of(b->log, fields, 3, &both) == RP_LIMIT);
    bench_close(b);
}

Test(log, levels_hold_back_and_fields_are_not_evaluated)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_WARN);
    uint64_t evaluated = 0;
    rp_log_info(b->log, "quiet", rp_log_count("n", ++evaluated));
    cr_assert_str_eq(written(b), "");
    cr_assert(evaluated == 0);
    rp_log_set_level(b->log, RP_LOG_DEBUG);
    rp_log_debug(b->log, "loud", rp_log_count("n", ++evaluated));
    cr_assert(lines_in(written(b)) == 1 && evaluated == 1);
    rp_log_set_level(b->log, RP_LOG_OFF);
    rp_log_error(b->log, "silent");
    cr_assert_str_eq(written(b), "");
    bench_close(b);
}

Test(log, null_logs_nothing)
{
    rp_log *child = (rp_log *)&child;
    rp_log *none = NULL;
    rp_log_error(none, "nobody", rp_log_count("n", 1));
    cr_assert(rp_log_child(none, &child, rp_log_count("n", 1)) == RP_OK && child == NULL);
    cr_assert(!rp_log_enabled(none, RP_LOG_ERROR) && rp_log_dropped(none) == 0);
    rp_log_free(none);
}

/* Every line of `text` must parse; returns how many there are. */
static size_t parse_lines(const char *text)
{
    size_t lines = 0;
    rp_arena arena;
    cr_assert(rp_arena_init(&arena, 64 << 10, 1 << 20) == RP_OK);
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1, lines++) {
        yyjson_doc *doc;
        rp_error error = {0};
        rp_bytes line = rp_bytes_of(text, (size_t)(end - text));
        cr_assert(line.len < RP_LOG_LINE_MAX);
        cr_assert(rp_json_parse(line, &arena, &doc, &error) == RP_OK, "%s in %.*s", error.message,
            (int)line.len, text);
        rp_arena_reset(&arena);
    }
    rp_arena_done(&arena);
    return lines;
}

Test(log, a_long_value_is_cut_at_a_character)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    char text[3 * RP_LOG_VALUE_MAX];
    for (size_t i = 0; i + 3 <= sizeof text; i += 3)
        memcpy(text + i, "\xE4\xB8\xAD", 3);
    rp_log_info(b->log, "long", rp_log_bytes("text", rp_bytes_of(text, sizeof text)));
    const char *line = written(b);
    cr_assert(parse_lines(line) == 1);
    cr_assert(strstr(line, "\xE4\xB8\xAD\xE2\x80\xA6\"}\n"), "%s", line);
    cr_assert(!strstr(line, "\xEF\xBF\xBD"), "a character was cut in two: %s", line);
    bench_close(b);
}

Test(log, a_full_line_says_that_it_is_cut)
{
    const rp_log_format formats[] = {RP_LOG_FORMAT_JSON, RP_LOG_FORMAT_TEXT};
    char worst[RP_LOG_VALUE_MAX]; /* six bytes each in JSON */
    memset(worst, 1, sizeof worst);
    for (size_t f = 0; f < 2; f++) {
        for (size_t n = 0; n <= sizeof worst; n += 31) {
            bench *b = bench_open(formats[f], RP_LOG_INFO);
            rp_log_field wide = rp_log_bytes("wide", rp_bytes_of(worst, n));
            rp_log_info(b->log, "big", wide, wide, wide, wide, wide, rp_log_count("last", 1));
            const char *line = written(b);
            cr_assert(lines_in(line) == 1 && strlen(line) <= RP_LOG_LINE_MAX);
            if (formats[f] == RP_LOG_FORMAT_JSON)
                cr_assert(parse_lines(line) == 1);
            const char *mark =
                formats[f] == RP_LOG_FORMAT_JSON ? ",\"cut\":true}\n" : " cut=true\n";
            bool fits = n * 6 * 5 < RP_LOG_LINE_MAX - 300;
            bool too_much = n * 6 * 5 > RP_LOG_LINE_MAX;
            cr_assert(!fits || !strstr(line, mark));
            cr_assert(!too_much || strstr(line, mark), "%zu: %s", n, line);
            bench_close(b);
        }
    }
}

Test(log, repeated_warnings_are_held_back_and_told_of)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    for (int i = 0; i < 100; i++) {
        rp_log_warn(b->log, "publish_retried");
        rp_log_info(b->log, "published"); /* is never held back */
    }
    rp_log_warn(b->log, "another");
    cr_assert(lines_in(written(b)) == RP_LOG_BURST + 100 + 1);
    cr_assert(rp_log_suppressed(b->log) == 100 - RP_LOG_BURST);

    b->time.ns += RP_LOG_WINDOW_S * RP_NS_PER_S;
    rp_log_warn(b->log, "publish_retried", rp_log_count("attempt", 7));
    cr_assert(strstr(written(b), "\"suppressed\":90,\"attempt\":7}\n"));
    rp_log_warn(b->log, "publish_retried");
    cr_assert(!strstr(written(b), "suppressed"));
    bench_close(b);
}

Test(log, the_last_logger_tells_what_was_held_back)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    for (int i = 0; i < RP_LOG_BURST + 3; i++)
        rp_log_error(b->log, "broken");
    written(b);
    rp_log_free(b->log);
    b->log = NULL;
    cr_assert(
        strstr(written(b), "\"event\":\"log_suppressed\",\"suppressed\":3,\"of\":\"broken\"}"));
    bench_close(b);
}

Test(log, more_names_than_places_still_pass)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    char name[32];
    for (int i = 0; i < 3 * RP_LOG_EVENTS_MAX; i++) {
        snprintf(name, sizeof name, "event_%d", i);
        rp_log_warn(b->log, name);
        b->time.ns++;
    }
    cr_assert(parse_lines(written(b)) == 3 * RP_LOG_EVENTS_MAX);
    bench_close(b);
}

Test(log, a_full_pipe_drops_and_counts_without_waiting, .timeout = 20)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    uint64_t lines = 0;
    while (rp_log_dropped(b->log) < 5) {
        rp_log_info(b->log, "filling", rp_log_count("line", lines++));
        cr_assert(lines < 1000000);
    }
    const char *text = written(b);
    cr_assert(lines_in(text) == lines - 5);
    cr_assert(parse_lines(text) == lines - 5, "no line is torn");
    rp_log_info(b->log, "after");
    rp_log_info(b->log, "later");
    text = written(b);
    cr_assert(strstr(text, "\"event\":\"after\",\"dropped\":5}\n"), "%s", text);
    cr_assert(strstr(text, "\"event\":\"later\"}\n"), "it is told once: %s", text);
    bench_close(b);
}

/* A file that may not grow takes a part of a line; what comes later stands on lines of its own. */
Test(log, a_torn_line_ends_before_the_next)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    FILE *file = tmpfile();
    rp_log *log;
    struct rlimit limit;
    cr_assert(file && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    rp_log_options options = {&b->time.clock, fileno(file), RP_LOG_INFO, RP_LOG_FORMAT_AUTO, NULL};
    cr_assert(rp_log_new(&options, &log, NULL) == RP_OK);
    rp_log_info(log, "whole");
    rlim_t all = limit.rlim_cur;
    limit.rlim_cur = 100;
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    rp_log_info(log, "torn");
    rp_log_info(log, "refused");
    limit.rlim_cur = all;
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    cr_assert(rp_log_dropped(log) == 2);
    rp_log_info(log, "after");
    rp_log_info(log, "later");
    rewind(file);
    b->text[fread(b->text, 1, sizeof b->text - 1, file)] = '\0';
    cr_assert(lines_in(b->text) == 4, "%s", b->text);
    const char *after =
        strstr(b->text, "\n{\"time\":\"2026-11-24T07:00:00.123Z\",\"level\":\"info\","
                        "\"event\":\"after\",\"dropped\":2}\n");
    cr_assert(after && parse_lines(after + 1) == 2, "%s", b->text);
    rp_log_free(log);
    fclose(file);
    bench_close(b);
}

Test(log, what_did_not_get_out_is_a_metric)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    rp_metrics *metrics;
    rp_log_metrics logged;
    rp_buffer out;
    rp_buffer_init(&out, 4096);
    cr_assert(rp_metrics_new(NULL, 0, &metrics, NULL) == RP_OK);
    cr_assert(rp_log_metrics_init(&logged, metrics, b->log, NULL) == RP_OK);
    for (int i = 0; i < RP_LOG_BURST + 3; i++)
        rp_log_warn(b->log, "repeated");
    while (rp_log_dropped(b->log) < 2)
        rp_log_info(b->log, "filling");
    rp_metrics_expose(metrics, &out);
    cr_assert(strstr(rp_buffer_string(&out), "\nreprise_log_dropped_total 2\n"));
    cr_assert(strstr(rp_buffer_string(&out), "\nreprise_log_suppressed_total 3\n"));
    rp_buffer_done(&out);
    rp_metrics_free(metrics);
    bench_close(b);
}

Test(log, a_dead_descriptor_only_counts)
{
    hand_clock time = clock_at(0);
    rp_log *log;
    rp_log_options options = {&time.clock, 1 << 20, RP_LOG_INFO, RP_LOG_FORMAT_AUTO, NULL};
    cr_assert(rp_log_new(&options, &log, NULL) == RP_OK);
    rp_log_info(log, "into_nothing");
    cr_assert(rp_log_dropped(log) == 1);
    rp_log_free(log);
}

/* What a log with these options writes to a terminal. */
static void to_terminal(rp_environment environment, rp_log_format format, char text[512])
{
    int master, slave;
    rp_log *log;
    hand_clock time = clock_at(0);
    cr_assert(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    rp_log_options options = {&time.clock, slave, RP_LOG_INFO, format, environment};
    cr_assert(rp_log_new(&options, &log, NULL) == RP_OK);
    rp_log_info(log, "started", rp_log_count("slots", 4));
    size_t len = 0;
    do { /* a terminal hands on what is written in pieces */
        ssize_t n = read(master, text + len, 511 - len);
        cr_assert(n > 0);
        len += (size_t)n;
        text[len] = '\0';
    } while (!strchr(text, '\n'));
    rp_log_free(log);
    close(master);
    close(slave);
}

Test(log, a_terminal_gets_coloured_text_unless_told_otherwise)
{
    char text[512];
    to_terminal(no_environment, RP_LOG_FORMAT_AUTO, text);
    cr_assert(strstr(text, "\033[32mINFO \033[0m \033[1mstarted\033[0m"), "%s", text);
    cr_assert(strstr(text, "\033[2mslots=\033[0m4\r\n"), "%s", text);
    to_terminal(environment_without_color, RP_LOG_FORMAT_AUTO, text);
    cr_assert(strchr(text, '\033') == NULL && strstr(text, "INFO  started"), "%s", text);
    to_terminal(no_environment, RP_LOG_FORMAT_JSON, text);
    cr_assert(text[0] == '{');
}

Test(log, levels_and_formats_parse)
{
    rp_log_level level;
    rp_log_format format;
    rp_error error = {0};
    cr_assert(rp_log_level_parse("warn", &level, &error) == RP_OK && level == RP_LOG_WARN);
    cr_assert(rp_log_level_parse("off", &level, &error) == RP_OK && level == RP_LOG_OFF);
    cr_assert(rp_log_level_parse("WARN", &level, &error) == RP_INVALID);
    cr_assert(strstr(error.message, "not \"WARN\""));
    cr_assert(rp_log_format_parse("json", &format, NULL) == RP_OK && format == RP_LOG_FORMAT_JSON);
    cr_assert(rp_log_format_parse("xml", &format, &error) == RP_INVALID);
    rp_log_options options = {0};
    rp_log *log;
    cr_assert(rp_log_new(&options, &log, &error) == RP_INVALID);
}

enum { THREADS = 4, LINES_EACH = 200 };

static void *log_lines(void *log)
{
    for (int i = 0; i < LINES_EACH; i++)
        rp_log_info(log, "from_thread", rp_log_count("line", (uint64_t)i));
    return NULL;
}

Test(log, threads_never_mix_their_lines)
{
    bench *b = bench_open(RP_LOG_FORMAT_JSON, RP_LOG_INFO);
    pthread_t threads[THREADS];
    cr_assert(fcntl(b->write_fd, F_SETPIPE_SZ, 1 << 18) > 0);
    for (size_t i = 0; i < THREADS; i++)
        cr_assert(pthread_create(&threads[i], NULL, log_lines, b->log) == 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert(rp_log_dropped(b->log) == 0);
    cr_assert(parse_lines(written(b)) == THREADS * LINES_EACH);
    bench_close(b);
}
