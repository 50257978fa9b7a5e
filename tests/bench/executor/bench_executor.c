/* What the engine does in a second: one line a figure, `name value unit`.
 *
 *     bench_executor MODEL.gguf [TABLE...]
 *     bench_executor --list
 *
 * The engine called directly, greedy, one sequence, for each table of kernels that this machine has
 * but "portable" (or for the tables named; --list tells which), on 1 and 2 threads: a prompt of 512
 * tokens, then an answer of 48. Each round first reads as many bytes as a decoded token reads, with
 * as many threads: the limit of any decode that reads all weights. Best and median are told, and how
 * near the best decode comes to the best reading. The fastest table also decodes at a depth of
 * 2,048, and beside a process that does nothing but run.
 *
 * Decode is told by the step, so that a machine which is quiet now and then is enough: `best` is
 * what one step in ten exceeds.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/executor/engine/engine.h"
#include "actors/executor/weights/weights.h"
#include "kernels/cpu/canon/thread.h"
#include "runtime/base/clock.h"
#include "tests/bench/canon/read_memory.h"

enum {
    ROUNDS = 15,
    ROUNDS_SCALAR = 3, /* seconds each */
    LOADS = 5,
    READS = 10, /* a round */
    PROMPT = 512,
    DEEP_PROMPT = 2048,
    ANSWER = 48,
    THREADS = 2,
    CHUNK = 128,
    PIECE_BYTES = 1 << 18, /* of memory that a thread reads at once */
    PAGE_BYTES = 2 << 20
};

typedef struct bench {
    const rp_gguf *file;
    uint64_t token_bytes; /* weights that a decoded token reads */
    uint8_t *memory;      /* as many, to be read for comparison */
} bench;

/* Of the rounds, each counted; rates, tokens a second. */
typedef struct rates {
    double at[ROUNDS * ANSWER];
    size_t count;
} rates;

typedef struct figures {
    rates reading; /* times that all weights can be read */
    rates prefill, decode;
} figures;

static double now_s(void)
{
    return (double)rp_clock_monotonic_ns(rp_clock_system()) / (double)RP_NS_PER_S;
}

static void check(rp_status status, const rp_error *error)
{
    if (status == RP_OK)
        return;
    fprintf(stderr, "bench_executor: %s: %s\n", rp_status_name(status), error->message);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static void take(rates *r, double rate)
{
    r->at[r->count++] = rate;
}

static double middle(rates *r)
{
    return median(r->at, r->count);
}

static double best(rates *r)
{
    (void)median(r->at, r->count);
    return r->at[r->count - 1 - r->count / 10];
}

/* -- reading ----------------------------------------------------------------------------------- */

static void read_pieces(void *arg, unsigned thread, size_t first, size_t count)
{
    const bench *b = arg;
    (void)thread;
    volatile uint64_t sink = bench_read(b->memory + first * PIECE_BYTES, count * PIECE_BYTES);
    (void)sink;
}

static void read_weights(bench *b, unsigned threads, rates *out)
{
    rp_error error = {0};
    rp_crew *crew;
    size_t pieces = (size_t)(b->token_bytes / PIECE_BYTES);
    check(rp_crew_new(threads, NULL, &crew, &error), &error);
    for (int i = 0; i < READS; i++) {
        double start = now_s();
        rp_crew_run(crew, pieces, 1, read_pieces, b);
        take(out, (double)(pieces * PIECE_BYTES) / (double)b->token_bytes / (now_s() - start));
    }
    rp_crew_free(crew);
}

/* Bytes of every matrix that is multiplied; the embedding counts once, as the head. */
static uint64_t token_bytes(const rp_gguf *file)
{
    const rp_gguf_tensor *embedding, *head;
    uint64_t bytes = 0;
    for (size_t i = 0; i < rp_gguf_tensor_count(file); i++)
        bytes += rp_gguf_tensor_at(file, i)->bytes;
    if (rp_gguf_tensor_find(file, "output.weight", &head, NULL) == RP_OK &&
        rp_gguf_tensor_find(file, "token_embd.weight", &embedding, NULL) == RP_OK)
        bytes -= embedding->bytes;
    return bytes;
}

static void make_memory(bench *b)
{
    b->token_bytes = token_bytes(b->file);
    size_t bytes = (size_t)((b->token_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
    b->memory = aligned_alloc(PAGE_BYTES, bytes);
    if (!b->memory)
        exit(1);
    (void)madvise(b->memory, bytes, MADV_HUGEPAGE);
    memset(b->memory, 1, bytes);
}

/* -- the engine -------------------------------------------------------------------------------- */

static rp_engine *make_engine(const rp_model *model, unsigned threads)
{
    rp_error error = {0};
    rp_engine *engine;
    rp_engine_limits limits = {.sequences = 1,
        .context = DEEP_PROMPT + ANSWER,
        .prefill_chunk = CHUNK,
        .threads = threads};
    check(rp_engine_new(model, &limits, &engine, &error), &error);
    return engine;
}

static void answer(rp_engine *engine, uint32_t vocabulary, size_t prompt, figures *out)
{
    static uint32_t tokens[DEEP_PROMPT];
    rp_error error = {0};
    for (uint32_t i = 0; i < prompt; i++)
        tokens[i] = (i * 7919 + 11) % vocabulary;
    rp_engine_spec spec = {.tokens = tokens,
        .token_count = prompt,
        .tokens_max = ANSWER,
        .sampling = {.top_p = 1.0F, .repetition_penalty = 1.0F}};
    rp_engine_step step;
    uint32_t sequence;
    check(rp_engine_add(engine, &spec, &sequence, &error), &error);
    double start = now_s();
    do {
        check(rp_engine_run(engine, &step, &error), &error);
        if (!step.results[0].sampled)
            continue;
        double end = now_s();
        if (step.results[0].generated == 1)
            take(&out->prefill, (double)prompt / (end - start));
        else
            take(&out->decode, 1.0 / (end - start));
        start = end;
    } while (step.results[0].end == RP_ENGINE_GOES_ON);
    rp_engine_remove(engine, sequence);
}

static void run_rounds(
    bench *b, const rp_model *model, unsigned threads, size_t prompt, size_t rounds, figures *out)
{
    rp_engine *engine = make_engine(model, threads);
    out->reading.count = out->prefill.count = out->decode.count = 0;
    for (size_t i = 0; i < rounds; i++) {
        read_weights(b, threads, &out->reading);
        answer(engine, rp_model_hyper(model)->vocabulary, prompt, out);
    }
    rp_engine_free(engine);
}

static void tell(const char *name, const char *what, unsigned threads, rates *r)
{
    printf("executor_%s_%s_threads%u %.1f tokens/s\n", name, what, threads, middle(r));
    printf("executor_%s_%s_threads%u_best %.1f tokens/s\n", name, what, threads, best(r));
}

static void tell_decode(const char *name, const char *what, unsigned threads, figures *f)
{
    tell(name, what, threads, &f->decode);
    tell(name, "reading_limit", threads, &f->reading);
    printf("executor_%s_%s_threads%u_of_reading %.0f %%\n", name, what, threads,
        100.0 * best(&f->decode) / best(&f->reading));
    fflush(stdout);
}

/* -- beside another process -------------------------------------------------------------------- */

/* A process that is always ready to run, until this one ends it or ends. */
static pid_t start_busy(void)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        volatile uint64_t count = 0;
        while (getppid() == parent) {
            for (int i = 0; i < 1000000; i++)
                count = count + 1;
        }
        _exit(0);
    }
    return child;
}

static void bench_beside_busy(bench *b, const rp_model *model, const char *name)
{
    static figures alone, beside;
    const size_t rounds = ROUNDS / 2;
    for (unsigned threads = 1; threads <= THREADS; threads++) {
        run_rounds(b, model, threads, PROMPT, rounds, &alone);
        pid_t busy = start_busy();
        if (busy < 0)
            return;
        run_rounds(b, model, threads, PROMPT, rounds, &beside);
        kill(busy, SIGKILL);
        waitpid(busy, NULL, 0);
        printf("executor_%s_decode_threads%u_beside_busy %.0f %%\n", name, threads,
            100.0 * middle(&beside.decode) / middle(&alone.decode));
        printf("executor_%s_prefill_threads%u_beside_busy %.0f %%\n", name, threads,
            100.0 * middle(&beside.prefill) / middle(&alone.prefill));
    }
}

/* -- a table ----------------------------------------------------------------------------------- */

static rp_model *load(bench *b, const rp_canon_kernels *kernels, double took_ms[LOADS])
{
    rp_error error = {0};
    rp_model *model = NULL;
    rp_crew *crew;
    check(rp_crew_new(THREADS, NULL, &crew, &error), &error);
    for (size_t i = 0; i < LOADS; i++) {
        rp_model_free(model);
        double start = now_s();
        check(rp_model_load(b->file, kernels, crew, &model, &error), &error);
        took_ms[i] = (now_s() - start) * 1e3;
    }
    rp_crew_free(crew);
    return model;
}

static void bench_table(bench *b, const rp_canon_kernels *kernels)
{
    static figures f;
    double took_ms[LOADS];
    bool fastest = kernels == rp_canon_kernels_best();
    size_t rounds = kernels->arrangement == RP_CANON_PLAIN ? ROUNDS_SCALAR : ROUNDS;
    rp_model *model = load(b, kernels, took_ms);
    printf("executor_%s_load %.1f ms\n", kernels->name, median(took_ms, LOADS));
    printf(
        "executor_%s_packed %.1f MB\n", kernels->name, (double)rp_model_packed_bytes(model) / 1e6);
    for (unsigned threads = 1; threads <= THREADS; threads++) {
        run_rounds(b, model, threads, PROMPT, rounds, &f);
        tell(kernels->name, "prefill512", threads, &f.prefill);
        tell_decode(kernels->name, "decode", threads, &f);
        if (!fastest)
            continue;
        run_rounds(b, model, threads, DEEP_PROMPT, rounds / 3, &f);
        tell_decode(kernels->name, "decode_depth2048", threads, &f);
    }
    if (fastest)
        bench_beside_busy(b, model, kernels->name);
    rp_model_free(model);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc == 2 && strcmp(name, "portable") != 0;
}

int main(int argc, char **argv)
{
    const rp_canon_kernels *kernels;
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    for (size_t i = 0; list && (kernels = rp_canon_kernels_at(i)); i++) {
        if (is_wanted(kernels->name, argc, argv))
            puts(kernels->name);
    }
    if (list || argc < 2 || !rp_canon_thread_enter())
        return list ? 0 : 2;
    rp_error error = {0};
    rp_gguf *file;
    bench b = {0};
    check(rp_gguf_open(argv[1], &file, &error), &error);
    b.file = file;
    make_memory(&b);
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++) {
        if (is_wanted(kernels->name, argc, argv))
            bench_table(&b, kernels);
    }
    free(b.memory);
    rp_gguf_free(file);
    return 0;
}
