/* bench_rate: how many messages a second are answered.
 *
 *     bench_rate --server URL --publish SUBJECT --replies SUBJECT.> --body TEXT --name FIGURE
 *                [--requests N] [--window N] [--rounds N]
 *
 * A closed loop: `window` requests are on their way, and the end of an answer lets the next one
 * go, so the rate is what the system takes and not what it is pushed to. An answer ends with the
 * message on `replies` that has the text of --last in it ("finish_reason", for those of a model);
 * without --last every message is one. Answers that carry an error are counted apart, those that
 * say `overloaded` by themselves.
 *
 * Prints one line a figure, `name value unit`: the median of the rounds, and the errors of all of
 * them. The first round warms up and counts for nothing but its errors. With --quiet it prints
 * nothing, for whoever only wants messages to flow.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/options.h"
#include "tests/bench/spine/client.h"
#include "tests/bench/spine/samples.h"

enum { ANSWER_TIMEOUT_MS = 10000 };

typedef struct settings {
    const char *server, *publish, *replies, *last, *body, *name;
    uint64_t requests, window, rounds;
    bool quiet;
} settings;

typedef struct bench {
    settings settings;
    bench_client *client;
    uint64_t published; /* over all rounds, so that no request id comes twice */
    uint64_t overloaded, errors;
} bench;

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench_rate: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Why is asked only after the client has done what it was told to. */
static void client_did(const bench *b, bool done)
{
    need(done, bench_client_why(b->client));
}

static void publish(bench *b)
{
    char request[48];
    snprintf(request, sizeof request, "bench-%ld-%" PRIu64, (long)getpid(), b->published++);
    client_did(b, bench_client_publish(
                      b->client, b->settings.publish, request, rp_bytes_text(b->settings.body)));
}

static bool says(rp_bytes body, const char *text)
{
    return memmem(body.data, body.len, text, strlen(text)) != NULL;
}

static void take_answer(bench *b)
{
    bench_message message;
    do {
        client_did(b, bench_client_next(b->client, ANSWER_TIMEOUT_MS, &message));
    } while (!says(message.body, b->settings.last));
    if (says(message.body, "\"code\":\"overloaded\""))
        b->overloaded++;
    else if (says(message.body, "\"error\":{"))
        b->errors++;
}

/* Answers a second. */
static double run_round(bench *b)
{
    const settings *s = &b->settings;
    const uint64_t start_ns = rp_clock_monotonic_ns(rp_clock_system());
    uint64_t sent = 0;
    for (uint64_t answered = 0; answered < s->requests; answered++) {
        while (sent < s->requests && sent - answered < s->window) {
            publish(b);
            sent++;
        }
        take_answer(b);
    }
    const uint64_t took_ns = rp_clock_monotonic_ns(rp_clock_system()) - start_ns;
    return (double)s->requests * (double)RP_NS_PER_S / (double)took_ns;
}

/* clang-format off */
static const rp_option options[] = {
    {"server", 's', RP_OPTION_TEXT, "URL", "NATS_URL", "nats://127.0.0.1:4222",
        "where the NATS server listens", offsetof(settings, server), 0, 0},
    {"publish", 0, RP_OPTION_TEXT, "SUBJECT", NULL, NULL,
        "that the requests go to", offsetof(settings, publish), 0, 0},
    {"replies", 0, RP_OPTION_TEXT, "SUBJECT", NULL, NULL,
        "that the answers come on", offsetof(settings, replies), 0, 0},
    {"last", 0, RP_OPTION_TEXT, "TEXT", NULL, "",
        "in the message that ends an answer", offsetof(settings, last), 0, 0},
    {"body", 0, RP_OPTION_TEXT, "TEXT", NULL, "",
        "of each request", offsetof(settings, body), 0, 0},
    {"name", 0, RP_OPTION_TEXT, "TEXT", NULL, "rate",
        "that the figures begin with", offsetof(settings, name), 0, 0},
    {"requests", 0, RP_OPTION_COUNT, "N", NULL, "1000",
        "a round", offsetof(settings, requests), 1, 10000000},
    {"window", 0, RP_OPTION_COUNT, "N", NULL, "16",
        "requests on their way at once", offsetof(settings, window), 1, 100000},
    {"rounds", 0, RP_OPTION_COUNT, "N", NULL, "5",
        "that count, behind one that does not", offsetof(settings, rounds), 0, 1000},
    {"quiet", 0, RP_OPTION_FLAG, NULL, NULL, NULL,
        "print nothing", offsetof(settings, quiet), 0, 0},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    bench b = {0};
    const rp_option *tables[] = {options};
    bench_samples rates = {0};
    rp_error error = {0};
    int arguments;
    need(rp_options_parse(tables, 1, argc, argv, rp_environment_system, false, &b.settings,
             &arguments, &error) == RP_OK,
        error.message);
    need(b.settings.publish && b.settings.replies, "--publish and --replies are missing");
    client_did(&b, bench_client_open(b.settings.server, b.settings.replies, &b.client));
    for (uint64_t i = 0; i <= b.settings.rounds; i++) {
        const double rate = run_round(&b);
        if (i > 0)
            bench_samples_add(&rates, rate);
    }
    if (!b.settings.quiet) {
        printf("%s %.0f requests/s\n", b.settings.name, bench_samples_quantile(&rates, 0.5));
        printf("%s_overloaded %" PRIu64 " requests\n", b.settings.name, b.overloaded);
        printf("%s_errors %" PRIu64 " requests\n", b.settings.name, b.errors);
    }
    bench_samples_done(&rates);
    bench_client_close(b.client);
    return 0;
}
