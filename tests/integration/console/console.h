/* A connection to a real server on a command line: what the probes of the folders beside this one
 * share.
 *
 * It reads commands from standard input, one a line, words with a space between them, and hands each
 * to `obey`. What comes of them the probe writes to standard output itself. It ends with standard
 * input: `end` lets go of what hangs on the bus, then the bus is freed.
 *
 *     static probe p;
 *     if (console_open(&p.console, argv[1], "store_probe", &error) == RP_OK)
 *         console_run(&p.console, obey, end, &p);
 *
 * One thread. A line that is too long is the test's mistake, and ends the process.
 */
#ifndef TESTS_INTEGRATION_CONSOLE_CONSOLE_H
#define TESTS_INTEGRATION_CONSOLE_CONSOLE_H

#include "runtime/bus/jetstream/jetstream.h"

enum { CONSOLE_WORDS_MAX = 8, CONSOLE_LINE_BYTES = 8192 };

/* In the caller's storage; zeros before it is opened. */
typedef struct console {
    uv_loop_t loop;
    rp_log *log;
    rp_metrics *metrics;
    rp_bus *bus;

    /* Its own. */
    uv_pipe_t input;
    rp_endpoint endpoint;
    void (*obey)(void *arg, char **words, size_t count);
    void (*end)(void *arg);
    void *arg;
    char line[CONSOLE_LINE_BYTES];
    size_t line_len;
    char read[CONSOLE_LINE_BYTES];
} console;

/* Connects to a server, a URL that is borrowed for the console's life. `name` is what the server
 * lists. RP_UNAVAILABLE where standard input cannot be read; else as the bus says. */
RP_MUST_USE rp_status console_open(
    console *c, const char *server, const char *name, rp_error *reterr);

/* Obeys until standard input ends. Words that a command does not have are NULL; `end` may be NULL. */
void console_run(console *c, void (*obey)(void *arg, char **words, size_t count),
    void (*end)(void *arg), void *arg);

/* A word as a number; 0 where it is none. */
uint64_t console_number(const char *word);

#endif
