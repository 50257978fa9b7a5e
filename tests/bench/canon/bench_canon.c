/* What the engine does in a second: one line a figure, `name value unit`, medians of five. (What
 * its kernels do: bench_kernels.)
 *
 *     bench_canon [MODEL.gguf]
 *
 * Decode and prefill are the engine's, with the real model, greedy, one sequence, the context
 * holding some 200 to 600 tokens.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/executor/engine/engine.h"
#include "actors/executor/weights/weights.h"
#include "kernels/cpu/canon/thread.h"
#include "runtime/base/clock.h"

enum { TIMES = 5, PROMPT = 512, ANSWER = 48 };

static double now_s(void)
{
    return (double)rp_clock_monotonic_ns(rp_clock_system()) / (double)RP_NS_PER_S;
}

static void check(rp_status status, const rp_error *error)
{
    if (status == RP_OK)
        return;
    fprintf(stderr, "bench_canon: %s: %s\n", rp_status_name(status), error->message);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double values[TIMES])
{
    qsort(values, TIMES, sizeof *values, by_value);
    return values[TIMES / 2];
}

static void bench_engine(const rp_model *model, unsigned threads)
{
    static uint32_t tokens[PROMPT];
    double prefill[TIMES], decode[TIMES];
    rp_error error = {0};
    rp_engine *engine;
    rp_engine_limits limits = {
        .sequences = 1, .context = 1024, .prefill_chunk = 128, .threads = threads};
    check(rp_engine_new(model, &limits, &engine, &error), &error);
    for (uint32_t i = 0; i < PROMPT; i++)
        tokens[i] = (i * 7919 + 11) % rp_model_hyper(model)->vocabulary;
    for (size_t i = 0; i < TIMES; i++) {
        rp_engine_spec spec = {.tokens = tokens,
            .token_count = PROMPT,
            .tokens_max = ANSWER,
            .sampling = {.top_p = 1.0F, .repetition_penalty = 1.0F}};
        rp_engine_step step;
        uint32_t sequence;
        check(rp_engine_add(engine, &spec, &sequence, &error), &error);
        double start = now_s(), first = 0.0;
        do {
            check(rp_engine_run(engine, &step, &error), &error);
            if (step.results[0].sampled && step.results[0].generated == 1)
                first = now_s();
        } while (step.results[0].end == RP_ENGINE_GOES_ON);
        prefill[i] = PROMPT / (first - start);
        decode[i] = (ANSWER - 1) / (now_s() - first);
        rp_engine_remove(engine, sequence);
    }
    printf("canon_decode_threads%u %.1f tokens/s\n", threads, median(decode));
    printf("canon_prefill_threads%u %.1f tokens/s\n", threads, median(prefill));
    rp_engine_free(engine);
}

static void bench_model(const char *path)
{
    double digest[TIMES], load[TIMES];
    rp_error error = {0};
    rp_gguf *file;
    rp_model *model;
    for (size_t i = 0; i < TIMES; i++) {
        char text[RP_SHA256_TEXT_BYTES];
        double start = now_s();
        check(rp_gguf_open(path, &file, &error), &error);
        check(rp_model_load(file, &model, &error), &error);
        load[i] = (now_s() - start) * 1e3;
        start = now_s();
        check(rp_weights_digest(file, text, &error), &error);
        digest[i] = (double)rp_gguf_bytes(file).len / (now_s() - start) / 1e9;
        rp_model_free(model);
        rp_gguf_free(file);
    }
    printf("weights_load_without_digest %.2f ms\n", median(load));
    printf("weights_sha256 %.2f GB/s\n", median(digest));
    check(rp_gguf_open(path, &file, &error), &error);
    check(rp_model_load(file, &model, &error), &error);
    rp_engine_limits limits = {.sequences = 1, .context = 4096, .prefill_chunk = 128, .threads = 2};
    printf("engine_memory_context4096 %.1f MB\n",
        (double)rp_engine_bytes(rp_model_hyper(model), &limits) / 1e6);
    for (unsigned threads = 1; threads <= 2; threads++)
        bench_engine(model, threads);
    rp_model_free(model);
    rp_gguf_free(file);
}

int main(int argc, char **argv)
{
    if (!rp_canon_thread_enter())
        return 1;
    const rp_canon_kernels *kernels = rp_canon_kernels_best();
    fprintf(stderr, "kernels: %s\n", kernels->name);
    bench_model(argc > 1 ? argv[1] : ".deps/models/gemma-3-270m-q4_k_m.gguf");
    return 0;
}
