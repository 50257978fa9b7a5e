/* The bus on a command line, for tests that have a real server and Python on the other side.
 *
 * Reads commands from standard input, one a line, and writes what comes of them to standard output,
 * one JSON object a line. Every answer carries the id that its command gave.
 *
 *     follow ID STREAM FILTER new|last|SEQUENCE [CREATED_NS]
 *     unfollow ID
 *     state ID STREAM
 *     purge ID STREAM FILTER|- KEEP_FROM
 *     subscribe ID SUBJECT
 *     publish ID SUBJECT BODY
 *     slow MILLISECONDS      so long each message takes from now on
 *     block ID MILLISECONDS  so long the loop does nothing
 *     metric ID NAME
 *
 * It ends with standard input.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "tests/integration/console/console.h"

enum { NAMES_MAX = 64 };

typedef struct probe probe;

/* What an id stands for. Its place is the callbacks' argument. */
typedef struct name {
    probe *probe;
    char id[32];
    rp_follower *follower;
    rp_subscription *subscription;
    rp_follower_spec spec;
    char stream[128], filter[256];
} name;

struct probe {
    console console;
    uint64_t slow_ms;
    name names[NAMES_MAX];
    size_t name_count;
};

/* -- what is said ------------------------------------------------------------------------------ */

static void say_numbers(
    const name *n, const char *event, const char *const *keys, const uint64_t *values, size_t count)
{
    printf("{\"id\":\"%s\",\"event\":\"%s\"", n->id, event);
    for (size_t i = 0; i < count; i++)
        printf(",\"%s\":%" PRIu64, keys[i], values[i]);
    printf("}\n");
    fflush(stdout);
}

static void say_status(const name *n, const char *event, rp_status status, uint64_t number)
{
    printf("{\"id\":\"%s\",\"event\":\"%s\",\"status\":\"%s\",\"number\":%" PRIu64 "}\n", n->id,
        event, rp_status_name(status), number);
    fflush(stdout);
}

static void on_message(void *arg, const rp_message *m)
{
    const name *n = arg;
    rp_buffer subject;
    rp_buffer_init(&subject, CONSOLE_LINE_BYTES);
    rp_json_string(&subject, m->subject);
    printf("{\"id\":\"%s\",\"event\":\"message\",\"sequence\":%" PRIu64 ",\"subject\":%s}\n", n->id,
        m->stream_sequence, rp_buffer_string(&subject));
    fflush(stdout);
    rp_buffer_done(&subject);
    if (n->probe->slow_ms)
        usleep((useconds_t)(n->probe->slow_ms * 1000));
}

static void on_caught_up(void *arg)
{
    say_numbers(arg, "caught_up", NULL, NULL, 0);
}

static void on_lost(void *arg, uint64_t expected, uint64_t first)
{
    say_numbers(arg, "lost", (const char *const[]){"expected", "first"},
        (const uint64_t[]){expected, first}, 2);
}

static void on_state(void *arg, rp_status status, const rp_stream_state *s)
{
    if (!s) {
        say_status(arg, "state", status, 0);
        return;
    }
    say_numbers(arg, "state",
        (const char *const[]){
            "first", "last", "messages", "bytes", "bytes_max", "settled", "created_ns"},
        (const uint64_t[]){s->first_sequence, s->last_sequence, s->messages, s->bytes, s->bytes_max,
            s->settled_sequence, s->created_ns},
        7);
}

static void on_purged(void *arg, rp_status status, uint64_t purged)
{
    say_status(arg, "purged", status, purged);
}

static void on_published(void *arg, const rp_published *published)
{
    say_status(arg, "published", published->status, published->sequence);
}

/* -- what is asked ----------------------------------------------------------------------------- */

static name *named(probe *p, const char *id)
{
    for (size_t i = 0; i < p->name_count; i++) {
        if (strcmp(p->names[i].id, id) == 0)
            return &p->names[i];
    }
    RP_ASSERT(p->name_count < NAMES_MAX);
    name *n = &p->names[p->name_count++];
    n->probe = p;
    snprintf(n->id, sizeof n->id, "%s", id);
    return n;
}

static rp_status follow(probe *p, name *n, char **words)
{
    snprintf(n->stream, sizeof n->stream, "%s", words[2]);
    snprintf(n->filter, sizeof n->filter, "%s", words[3]);
    n->spec = (rp_follower_spec){.stream = n->stream,
        .filter = n->filter,
        .from = strcmp(words[4], "new") == 0    ? RP_FOLLOW_NEW
                : strcmp(words[4], "last") == 0 ? RP_FOLLOW_LAST_PER_SUBJECT
                                                : RP_FOLLOW_SEQUENCE,
        .sequence = console_number(words[4]),
        .created_ns = console_number(words[5]),
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .on_lost = on_lost,
        .arg = n};
    return rp_bus_follow(p->console.bus, &n->spec, &n->follower);
}

static void say_metric(probe *p, const name *n, const char *metric)
{
    rp_buffer text;
    rp_buffer_init(&text, 1 << 20);
    rp_metrics_expose(p->console.metrics, &text);
    const char *at = rp_buffer_string(&text);
    size_t len = strlen(metric);
    while (at && !(strncmp(at, metric, len) == 0 && (at[len] == ' ' || at[len] == '{')))
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    const char *end = at ? strchr(at, '\n') : NULL;
    const char *value = end ? memrchr(at, ' ', (size_t)(end - at)) : NULL;
    say_numbers(n, "metric", (const char *const[]){"value"},
        (const uint64_t[]){value ? strtoull(value, NULL, 10) : 0}, 1);
    rp_buffer_done(&text);
}

static void obey(void *arg, char **words, size_t count)
{
    probe *p = arg;
    rp_bus *bus = p->console.bus;
    const char *verb = words[0];
    name *n = named(p, count > 1 ? words[1] : "");
    rp_status status = RP_OK;
    if (strcmp(verb, "follow") == 0 && count >= 5) {
        status = follow(p, n, words);
    } else if (strcmp(verb, "unfollow") == 0) {
        rp_bus_unfollow(bus, n->follower);
    } else if (strcmp(verb, "state") == 0 && count == 3) {
        status = rp_bus_stream_state(bus, words[2], on_state, n);
    } else if (strcmp(verb, "purge") == 0 && count == 5) {
        const char *filter = strcmp(words[3], "-") == 0 ? NULL : words[3];
        status = rp_bus_purge(bus, words[2], filter, console_number(words[4]), on_purged, n);
    } else if (strcmp(verb, "subscribe") == 0 && count == 3) {
        status = rp_bus_subscribe(bus, words[2], NULL, on_message, n, &n->subscription);
    } else if (strcmp(verb, "publish") == 0 && count == 4) {
        rp_publication publication = {
            .subject = rp_bytes_text(words[2]), .body = rp_bytes_text(words[3])};
        status = rp_bus_publish(bus, &publication, on_published, n);
    } else if (strcmp(verb, "slow") == 0 && count == 2) {
        p->slow_ms = console_number(words[1]);
    } else if (strcmp(verb, "block") == 0 && count == 3) {
        usleep((useconds_t)(console_number(words[2]) * 1000));
        say_status(n, "blocked", RP_OK, 0);
    } else if (strcmp(verb, "metric") == 0 && count == 3) {
        say_metric(p, n, words[2]);
    } else {
        status = RP_UNSUPPORTED;
    }
    if (status != RP_OK)
        say_status(n, "refused", status, 0);
}

/* -- the process ------------------------------------------------------------------------------- */

static void on_bus_state(void *arg, bool connected)
{
    say_numbers(named(arg, "bus"), connected ? "connected" : "disconnected", NULL, NULL, 0);
}

int main(int argc, char **argv)
{
    static probe p;
    rp_error error = {0};
    if (argc != 2 || console_open(&p.console, argv[1], "bus_probe", &error) != RP_OK) {
        fprintf(stderr, "bus_probe URL: %s\n", error.message);
        return 1;
    }
    rp_bus_watch_state(p.console.bus, on_bus_state, &p);
    console_run(&p.console, obey, NULL, &p);
    return 0;
}
