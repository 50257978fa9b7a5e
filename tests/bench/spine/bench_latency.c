/* bench_latency: what the bus adds to the first token and to each chunk.
 *
 *     bench_latency --server URL --model NAME=FILE.gguf --name FIGURES [--tokens N] [--rounds N]
 *
 * Every prompt is answered twice in turn, greedily: once by the engine called directly in this
 * process (encode, engine, transcript: the work that the actors do, without a message), once
 * through the subjects, by a tokenizer and an executor that somebody has started, with as many
 * compute threads. Both answers must have one digest, so both did the same work to the bit.
 *
 * Times are compared index by index: of a chunk, the time since the chunk before it (since the
 * start for the first), through the bus minus the median of the same chunk of the same prompt
 * called directly. So `added` has all that is not the engine's own work: the client, the server,
 * two actors, what is stored, and, on a machine with few cores, what they take from one another. It
 * has the engine's own scatter too, and that is printed beside it: `scatter` is what the direct
 * runs' 99th percentile has over their median, compared in the same way.
 *
 * Two yardsticks: `echo` is a message of this client to itself, once through the server, `mailbox`
 * one to itself through a stream and a consumer that it pulls from, as an actor does. On its way to
 * the first token a short streamed request goes through the server three times, one after the
 * other: through REQUEST into the tokenizer's mailbox, through EXEC into the executor's, and back
 * as a chunk. So two mailboxes and an echo are what no actor can be quicker than. The executor's
 * question to CONTROL is on its way while it reads the prompt.
 *
 * Before each answer it pauses, until what the one before has left to do (settling, threads that
 * look for more work before they sleep) is done.
 *
 * Prints one line a figure, `name value unit`. The first round warms up and does not count.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "actors/executor/transcript.h"
#include "kernels/cpu/canon/thread.h"
#include "kernels/text/spm.h"
#include "runtime/base/clock.h"
#include "runtime/base/options.h"
#include "runtime/format/gguf_vocabulary.h"
#include "tests/bench/spine/client.h"
#include "tests/bench/spine/samples.h"

enum {
    TOKENS_MAX = 256,
    PROMPT_TOKENS_MAX = 256,
    PROMPT_BYTES_MAX = 1024,
    ANSWER_BYTES_MAX = 1 << 20,
    PAUSE_MS = 1,
    ECHO_TIMEOUT_MS = 5000,
    CHUNK_TIMEOUT_MS = 20000
};

#define MAILBOX_SUBJECT "example.text.mailbox"

static const char *const prompts[] = {"The sky is blue because", "What is the capital of France?",
    "A message is written onto a stream and stays there;", "1 2 3 4 5 6 7 8 9",
    "Write a short story about a lighthouse keeper.", "def add(a, b): return",
    "She asked why the answer was different this time,", "Once upon a time"};
enum { PROMPTS = sizeof prompts / sizeof *prompts };

typedef struct settings {
    const char *server, *model, *name;
    uint64_t tokens, rounds, threads;
} settings;

/* When each chunk of an answer was there, from its start. */
typedef struct timeline {
    uint64_t at_ns[TOKENS_MAX];
    size_t count;
    char digest[RP_HASH128_TEXT_BYTES];
} timeline;

/* What was measured of one chunk of one prompt, in microseconds. */
typedef struct cell {
    bench_samples direct, bus;
} cell;

typedef struct bench {
    settings settings;
    char subject[128];
    rp_gguf *file;
    rp_model *model;
    rp_vocabulary *vocabulary;
    rp_spm *spm;
    rp_engine *engine;
    rp_transcript *transcript;
    bench_client *client;
    uint64_t requests;
    bench_samples echo, mailbox;
    cell cells[PROMPTS][TOKENS_MAX];
    size_t chunks[PROMPTS]; /* of the answer to each */
} bench;

static void need(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench_latency: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Why is asked only after the client has done what it was told to. */
static void client_did(const bench *b, bool done)
{
    need(done, bench_client_why(b->client));
}

static uint64_t now_ns(void)
{
    return rp_clock_monotonic_ns(rp_clock_system());
}

static void pause_between(void)
{
    const struct timespec time = {.tv_nsec = PAUSE_MS * RP_NS_PER_MS};
    nanosleep(&time, NULL);
}

/* ---- directly ---- */

static uint32_t add_prompt(bench *b, const char *prompt)
{
    int32_t ids[PROMPT_TOKENS_MAX];
    uint32_t sequence, stops[2] = {0};
    const int32_t ends[] = {rp_vocabulary_eos(b->vocabulary), rp_vocabulary_eot(b->vocabulary)};
    rp_tokens tokens = {.ids = ids, .max = PROMPT_TOKENS_MAX};
    rp_error error = {0};
    rp_engine_spec spec = {.tokens_max = (uint32_t)b->settings.tokens,
        .stop_tokens = stops,
        .sampling = {.top_p = 1.0F, .repetition_penalty = 1.0F}};
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] != RP_TOKEN_NONE && (i == 0 || ends[i] != ends[0]))
            stops[spec.stop_token_count++] = (uint32_t)ends[i];
    }
    need(rp_spm_encode(b->spm, rp_bytes_text(prompt), RP_SPM_ADD_ENDS | RP_SPM_PARSE_SPECIAL,
             &tokens, &error) == RP_OK,
        error.message);
    spec.tokens = (const uint32_t *)ids; /* ids are never negative */
    spec.token_count = tokens.count;
    need(rp_engine_add(b->engine, &spec, &sequence, &error) == RP_OK, error.message);
    return sequence;
}

static void answer_directly(bench *b, const char *prompt, timeline *line)
{
    const rp_transcript_spec spec = {
        .vocabulary = b->vocabulary, .chunk_tokens = 1, .stream = true};
    rp_engine_step step;
    rp_engine_end end = RP_ENGINE_GOES_ON;
    rp_error error = {0};
    const uint64_t start_ns = now_ns();
    line->count = 0;
    const uint32_t sequence = add_prompt(b, prompt);
    need(rp_transcript_begin(b->transcript, &spec, &error) == RP_OK, error.message);
    while (end == RP_ENGINE_GOES_ON) {
        need(rp_engine_run(b->engine, &step, &error) == RP_OK, error.message);
        const rp_engine_result *result = &step.results[0];
        bool stopped;
        end = result->end;
        if (!result->sampled)
            continue;
        need(rp_transcript_push(b->transcript, &result->choice, result->digest, &stopped) == RP_OK,
            "the answer is too long");
        if (end != RP_ENGINE_GOES_ON)
            rp_transcript_finish(b->transcript);
        need(rp_transcript_unsent(b->transcript).count == 1, "a chunk is not one token");
        rp_transcript_chunk_sent(b->transcript);
        line->at_ns[line->count++] = now_ns() - start_ns;
    }
    rp_hash128_text(rp_transcript_digest(b->transcript), line->digest);
    rp_engine_remove(b->engine, sequence);
}

/* ---- through the bus ---- */

/* The text behind `"key":"` in a JSON body, of `len` bytes; false where the key is not there. */
static bool read_text(rp_bytes body, const char *key, char *text, size_t len)
{
    char pattern[32];
    const int n = snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const uint8_t *at = memmem(body.data, body.len, pattern, (size_t)n);
    if (!at || (size_t)(body.data + body.len - at) < (size_t)n + len)
        return false;
    memcpy(text, at + n, len);
    text[len] = '\0';
    return true;
}

static void answer_on_bus(bench *b, const char *prompt, timeline *line)
{
    char body[PROMPT_BYTES_MAX + 128], request[48];
    bench_message message;
    const int n = snprintf(body, sizeof body,
        "{\"prompt\":\"%s\",\"max_tokens\":%" PRIu64 ",\"temperature\":0}", prompt,
        b->settings.tokens);
    snprintf(request, sizeof request, "bench-%ld-%" PRIu64, (long)getpid(), b->requests++);
    line->count = 0;
    const uint64_t start_ns = now_ns();
    client_did(
        b, bench_client_publish(b->client, b->subject, request, rp_bytes_of(body, (size_t)n)));
    do {
        client_did(b, bench_client_next(b->client, CHUNK_TIMEOUT_MS, &message));
        need(line->count < TOKENS_MAX, "more chunks than tokens");
        line->at_ns[line->count++] = message.at_ns - start_ns;
    } while (!memmem(message.body.data, message.body.len, "\"finish_reason\"", 15));
    need(read_text(message.body, "digest", line->digest, RP_HASH128_TEXT_BYTES - 1),
        (const char *)message.body.data);
}

static double echo_us(bench *b)
{
    bench_message message;
    const uint64_t start_ns = now_ns();
    client_did(b, bench_client_publish(b->client, "reply.bench.echo", NULL, rp_bytes_text("")));
    client_did(b, bench_client_next(b->client, ECHO_TIMEOUT_MS, &message));
    return (double)(message.at_ns - start_ns) / 1e3;
}

static double mailbox_us(bench *b)
{
    uint64_t at_ns;
    client_did(b, bench_client_pull(b->client));
    pause_between();
    const uint64_t start_ns = now_ns();
    client_did(b, bench_client_publish(b->client, MAILBOX_SUBJECT, NULL, rp_bytes_text("")));
    client_did(b, bench_client_pulled(b->client, ECHO_TIMEOUT_MS, &at_ns));
    return (double)(at_ns - start_ns) / 1e3;
}

/* ---- comparing ---- */

static double gap_us(const timeline *line, size_t i)
{
    return (double)(line->at_ns[i] - (i ? line->at_ns[i - 1] : 0)) / 1e3;
}

static void run_round(bench *b, bool counts)
{
    timeline direct, bus;
    for (size_t p = 0; p < PROMPTS; p++) {
        pause_between();
        answer_directly(b, prompts[p], &direct);
        pause_between();
        const double echo = echo_us(b);
        pause_between();
        const double mailbox = mailbox_us(b);
        pause_between();
        answer_on_bus(b, prompts[p], &bus);
        need(strcmp(direct.digest, bus.digest) == 0, "the two answers are not the same");
        need(direct.count == bus.count, "the two answers have not as many chunks");
        b->chunks[p] = direct.count;
        if (counts) {
            bench_samples_add(&b->echo, echo);
            bench_samples_add(&b->mailbox, mailbox);
        }
        for (size_t i = 0; counts && i < direct.count; i++) {
            bench_samples_add(&b->cells[p][i].direct, gap_us(&direct, i));
            bench_samples_add(&b->cells[p][i].bus, gap_us(&bus, i));
        }
    }
}

static void report_yardstick(const bench *b, const char *what, bench_samples *samples)
{
    const char *name = b->settings.name;
    printf("%s_%s_p50 %.3f ms\n", name, what, bench_samples_quantile(samples, 0.5) / 1e3);
    printf("%s_%s_p99 %.3f ms\n", name, what, bench_samples_quantile(samples, 0.99) / 1e3);
}

static void report(const bench *b, const char *what, bench_samples *direct, bench_samples *added,
    bench_samples *scatter)
{
    const char *name = b->settings.name;
    printf("%s_%s_direct_p50 %.3f ms\n", name, what, bench_samples_quantile(direct, 0.5) / 1e3);
    printf("%s_%s_added_p50 %.3f ms\n", name, what, bench_samples_quantile(added, 0.5) / 1e3);
    printf("%s_%s_added_p99 %.3f ms\n", name, what, bench_samples_quantile(added, 0.99) / 1e3);
    printf("%s_%s_scatter_p99 %.3f ms\n", name, what, bench_samples_quantile(scatter, 0.99) / 1e3);
    printf("%s_%s_samples %zu chunks\n", name, what, added->count);
}

/* Of the chunks [first, last) of every answer. */
static void compare(bench *b, const char *what, size_t first, size_t last)
{
    bench_samples direct = {0}, added = {0}, scatter = {0};
    for (size_t p = 0; p < PROMPTS; p++) {
        for (size_t i = first; i < last && i < b->chunks[p]; i++) {
            cell *c = &b->cells[p][i];
            const double median = bench_samples_quantile(&c->direct, 0.5);
            for (size_t k = 0; k < c->bus.count; k++) {
                bench_samples_add(&direct, c->direct.values[k]);
                bench_samples_add(&scatter, c->direct.values[k] - median);
                bench_samples_add(&added, c->bus.values[k] - median);
            }
        }
    }
    report(b, what, &direct, &added, &scatter);
    bench_samples_done(&direct);
    bench_samples_done(&added);
    bench_samples_done(&scatter);
}

/* ---- */

static void make_engine(bench *b, const char *path)
{
    rp_error error = {0};
    const rp_engine_limits limits = {.sequences = 1,
        .context = PROMPT_TOKENS_MAX + TOKENS_MAX,
        .prefill_chunk = 64, /* the executor's */
        .threads = (unsigned)b->settings.threads};
    need(rp_canon_thread_enter(), "this thread does not round as IEEE 754 does by default");
    need(rp_gguf_open(path, &b->file, &error) == RP_OK, error.message);
    need(rp_model_load(b->file, rp_canon_kernels_best(), NULL, &b->model, &error) == RP_OK,
        error.message);
    need(rp_gguf_vocabulary(b->file, &b->vocabulary, &error) == RP_OK, error.message);
    need(rp_spm_new(b->vocabulary, PROMPT_BYTES_MAX, &b->spm, &error) == RP_OK, error.message);
    need(rp_engine_new(b->model, &limits, &b->engine, &error) == RP_OK, error.message);
    need(rp_transcript_new(ANSWER_BYTES_MAX, &b->transcript) == RP_OK, "out of memory");
}

static void done(bench *b)
{
    for (size_t p = 0; p < PROMPTS; p++) {
        for (size_t i = 0; i < TOKENS_MAX; i++) {
            bench_samples_done(&b->cells[p][i].direct);
            bench_samples_done(&b->cells[p][i].bus);
        }
    }
    bench_samples_done(&b->echo);
    bench_samples_done(&b->mailbox);
    bench_client_close(b->client);
    rp_transcript_free(b->transcript);
    rp_engine_free(b->engine);
    rp_spm_free(b->spm);
    rp_vocabulary_free(b->vocabulary);
    rp_model_free(b->model);
    rp_gguf_free(b->file);
}

/* clang-format off */
static const rp_option options[] = {
    {"server", 's', RP_OPTION_TEXT, "URL", "NATS_URL", "nats://127.0.0.1:4222",
        "where the NATS server listens", offsetof(settings, server), 0, 0},
    {"model", 'm', RP_OPTION_TEXT, "NAME=FILE", NULL, NULL,
        "as the actors were given it", offsetof(settings, model), 0, 0},
    {"name", 0, RP_OPTION_TEXT, "TEXT", NULL, "bus",
        "that the figures begin with", offsetof(settings, name), 0, 0},
    {"tokens", 0, RP_OPTION_COUNT, "N", NULL, "32",
        "of each answer", offsetof(settings, tokens), 1, TOKENS_MAX},
    {"rounds", 0, RP_OPTION_COUNT, "N", NULL, "100",
        "that every prompt is answered in both ways", offsetof(settings, rounds), 5, 100000},
    {"threads", 0, RP_OPTION_COUNT, "N", NULL, "1",
        "of the engine, as many as the executor has", offsetof(settings, threads), 1, 256},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    static bench b;
    const rp_option *tables[] = {options};
    rp_error error = {0};
    char name[64];
    int arguments;
    need(rp_options_parse(tables, 1, argc, argv, rp_environment_system, false, &b.settings,
             &arguments, &error) == RP_OK,
        error.message);
    const char *path = b.settings.model ? strchr(b.settings.model, '=') : NULL;
    need(path && (size_t)(path - b.settings.model) < sizeof name, "--model NAME=FILE is missing");
    snprintf(name, sizeof name, "%.*s", (int)(path - b.settings.model), b.settings.model);
    snprintf(b.subject, sizeof b.subject, "infer.bench.%s", name);
    make_engine(&b, path + 1);
    client_did(&b, bench_client_open(b.settings.server, "reply.bench.>", &b.client));
    client_did(&b, bench_client_mailbox(b.client, "EXAMPLE", MAILBOX_SUBJECT));
    for (uint64_t i = 0; i <= b.settings.rounds; i++)
        run_round(&b, i > 0);
    report_yardstick(&b, "echo", &b.echo);
    report_yardstick(&b, "mailbox", &b.mailbox);
    compare(&b, "first_token", 0, 1);
    compare(&b, "chunk", 1, TOKENS_MAX);
    done(&b);
    return 0;
}
