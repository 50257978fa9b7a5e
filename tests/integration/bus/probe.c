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
#include "runtime/bus/jetstream/jetstream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/decimal.h"
#include "runtime/base/json.h"

enum { NAMES_MAX = 64, WORDS_MAX = 6, LINE_BYTES = 4096 };

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
    uv_loop_t loop;
    uv_pipe_t input;
    rp_endpoint endpoint;
    rp_log *log;
    rp_metrics *metrics;
    rp_bus *bus;
    uint64_t slow_ms;
    name names[NAMES_MAX];
    size_t name_count;
    char line[LINE_BYTES];
    size_t line_len;
    char read[LINE_BYTES];
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
    rp_buffer_init(&subject, LINE_BYTES);
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

static uint64_t number_of(const char *word)
{
    uint64_t number = 0;
    return word && rp_decimal_parse(rp_bytes_text(word), &number) == RP_OK ? number : 0;
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
        .sequence = number_of(words[4]),
        .created_ns = number_of(words[5]),
        .on_message = on_message,
        .on_caught_up = on_caught_up,
        .on_lost = on_lost,
        .arg = n};
    return rp_bus_follow(p->bus, &n->spec, &n->follower);
}

static void say_metric(probe *p, const name *n, const char *metric)
{
    rp_buffer text;
    rp_buffer_init(&text, 1 << 20);
    rp_metrics_expose(p->metrics, &text);
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

static void obey(probe *p, char **words, size_t count)
{
    const char *verb = words[0];
    name *n = named(p, count > 1 ? words[1] : "");
    rp_status status = RP_OK;
    if (strcmp(verb, "follow") == 0 && count >= 5) {
        status = follow(p, n, words);
    } else if (strcmp(verb, "unfollow") == 0) {
        rp_bus_unfollow(p->bus, n->follower);
    } else if (strcmp(verb, "state") == 0 && count == 3) {
        status = rp_bus_stream_state(p->bus, words[2], on_state, n);
    } else if (strcmp(verb, "purge") == 0 && count == 5) {
        const char *filter = strcmp(words[3], "-") == 0 ? NULL : words[3];
        status = rp_bus_purge(p->bus, words[2], filter, number_of(words[4]), on_purged, n);
    } else if (strcmp(verb, "subscribe") == 0 && count == 3) {
        status = rp_bus_subscribe(p->bus, words[2], NULL, on_message, n, &n->subscription);
    } else if (strcmp(verb, "publish") == 0 && count == 4) {
        rp_publication publication = {
            .subject = rp_bytes_text(words[2]), .body = rp_bytes_text(words[3])};
        status = rp_bus_publish(p->bus, &publication, on_published, n);
    } else if (strcmp(verb, "slow") == 0 && count == 2) {
        p->slow_ms = number_of(words[1]);
    } else if (strcmp(verb, "block") == 0 && count == 3) {
        usleep((useconds_t)(number_of(words[2]) * 1000));
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

static void take_line(probe *p)
{
    char *words[WORDS_MAX] = {0}, *rest = p->line;
    size_t count = 0;
    while (count < WORDS_MAX) {
        char *word = strsep(&rest, " ");
        if (!word)
            break;
        words[count++] = word;
    }
    if (*words[0])
        obey(p, words, count);
}

static void take_byte(probe *p, char c)
{
    if (c != '\n') {
        RP_ASSERT(p->line_len + 1 < sizeof p->line);
        p->line[p->line_len++] = c;
        return;
    }
    p->line[p->line_len] = '\0';
    p->line_len = 0;
    take_line(p);
}

static void give_buffer(uv_handle_t *input, size_t bytes, uv_buf_t *buffer)
{
    probe *p = input->data;
    (void)bytes;
    *buffer = uv_buf_init(p->read, sizeof p->read);
}

static void on_input(uv_stream_t *input, ssize_t bytes, const uv_buf_t *buffer)
{
    probe *p = input->data;
    for (ssize_t i = 0; i < bytes; i++)
        take_byte(p, buffer->base[i]);
    if (bytes < 0) {
        rp_bus_free(p->bus);
        uv_close((uv_handle_t *)input, NULL);
    }
}

static void on_bus_state(void *arg, bool connected)
{
    say_numbers(named(arg, "bus"), connected ? "connected" : "disconnected", NULL, NULL, 0);
}

static rp_status start(probe *p, const char *server, rp_error *reterr)
{
    rp_log_options options = {.clock = rp_clock_system(), .fd = STDERR_FILENO};
    rp_status status = rp_log_new(&options, &p->log, reterr);
    if (status == RP_OK)
        status = rp_metrics_new(NULL, 0, &p->metrics, reterr);
    if (status != RP_OK)
        return status;
    p->endpoint = (rp_endpoint){.server = server};
    rp_jetstream_spec spec = {.loop = &p->loop,
        .endpoint = &p->endpoint,
        .clock = rp_clock_system(),
        .log = p->log,
        .metrics = p->metrics,
        .name = "bus_probe",
        .limits = RP_JETSTREAM_LIMITS};
    return rp_jetstream_new(&spec, &p->bus, reterr);
}

int main(int argc, char **argv)
{
    static probe p;
    rp_error error = {0};
    uv_loop_init(&p.loop);
    uv_pipe_init(&p.loop, &p.input, 0);
    p.input.data = &p;
    if (argc != 2 || uv_pipe_open(&p.input, STDIN_FILENO) != 0 ||
        start(&p, argv[1], &error) != RP_OK) {
        fprintf(stderr, "bus_probe URL: %s\n", error.message);
        return 1;
    }
    rp_bus_watch_state(p.bus, on_bus_state, &p);
    uv_read_start((uv_stream_t *)&p.input, give_buffer, on_input);
    uv_run(&p.loop, UV_RUN_DEFAULT);
    uv_loop_close(&p.loop);
    rp_metrics_free(p.metrics);
    rp_log_free(p.log);
    return 0;
}
