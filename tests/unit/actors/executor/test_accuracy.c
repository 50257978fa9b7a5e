/* How near canon 1 is to float32: the engine against tests/reference/data, which float32.py made.
 *
 *     test_accuracy MODEL.gguf REFERENCE.json
 *
 * First-token top-10 log-probabilities of every prompt within 0.005 on average and 0.02 at most,
 * perplexity within 0.05%, and greedy answers equal up to the first step whose margin is too small
 * to tell (the first 8 steps, all 32 with RP_LONG=1). Where the model is not there it says so and
 * passes, as exit status 77 (skipped).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/executor/engine/engine.h"
#include "actors/executor/weights/weights.h"
#include "kernels/cpu/canon/thread.h"
#include "runtime/base/json.h"

static const double average_max = 0.005, distance_max = 0.02, perplexity_percent_max = 0.05;
enum { SKIPPED = 77, TOKENS_MAX = 4096, CHUNK = 128, REFERENCE_BYTES_MAX = 16 << 20 };
enum { GREEDY_STEPS = 8 }; /* of each answer, unless RP_LONG=1 asks for all */

typedef struct run {
    const rp_model *model;
    rp_engine *engine;
    unsigned threads;
    uint32_t vocabulary;
    double sum, most;
    size_t values, greedy_steps;
    int complaints;
    bool all_steps;
} run;

static void check(rp_status status, const rp_error *error)
{
    if (status == RP_OK)
        return;
    fprintf(stderr, "%s: %s\n", rp_status_name(status), error->message);
    exit(1);
}

static size_t tokens_of(yyjson_val *array, uint32_t *tokens)
{
    size_t n = yyjson_arr_size(array);
    if (n == 0 || n > TOKENS_MAX) {
        fprintf(stderr, "the reference has a prompt of %zu tokens\n", n);
        exit(1);
    }
    for (size_t i = 0; i < n; i++)
        tokens[i] = (uint32_t)yyjson_get_uint(yyjson_arr_get(array, i));
    return n;
}

/* The likeliest first tokens against the reference's. */
static void compare_top(run *r, const char *name, yyjson_val *top, const rp_sampler_choice *choice)
{
    for (size_t i = 0; i < yyjson_arr_size(top); i++) {
        yyjson_val *pair = yyjson_arr_get(top, i);
        uint32_t token = (uint32_t)yyjson_get_uint(yyjson_arr_get(pair, 0));
        double wanted = yyjson_get_num(yyjson_arr_get(pair, 1)), distance = INFINITY;
        for (uint32_t j = 0; j < choice->alternative_count; j++) {
            if (choice->alternatives[j].token == token)
                distance = fabs((double)choice->alternatives[j].logprob - wanted);
        }
        r->values++;
        r->sum += distance;
        r->most = fmax(r->most, distance);
        if (distance > distance_max) {
            printf("%s: token %" PRIu32 " is %g off\n", name, token, distance);
            r->complaints++;
        }
    }
}

static void run_prompt(run *r, yyjson_val *prompt)
{
    static uint32_t tokens[TOKENS_MAX];
    const char *name = yyjson_get_str(yyjson_obj_get(prompt, "name"));
    yyjson_val *greedy = yyjson_obj_get(prompt, "greedy");
    yyjson_val *wanted = yyjson_obj_get(greedy, "tokens"),
               *margins = yyjson_obj_get(greedy, "margins");
    size_t answer = yyjson_arr_size(wanted), step_of_answer = 0;
    if (!r->all_steps && answer > GREEDY_STEPS)
        answer = GREEDY_STEPS;
    bool certain = true;
    rp_engine_spec spec = {.tokens = tokens,
        .token_count = tokens_of(yyjson_obj_get(prompt, "tokens"), tokens),
        .tokens_max = (uint32_t)answer,
        .sampling = {.top_p = 1.0F, .repetition_penalty = 1.0F, .logprobs = 20}};
    rp_engine_step step;
    rp_error error = {0};
    uint32_t sequence;
    check(rp_engine_add(r->engine, &spec, &sequence, &error), &error);
    do {
        check(rp_engine_run(r->engine, &step, &error), &error);
        const rp_engine_result *result = &step.results[0];
        if (!result->sampled)
            continue;
        if (step_of_answer == 0)
            compare_top(r, name, yyjson_obj_get(prompt, "top"), &result->choice);
        double margin = yyjson_get_num(yyjson_arr_get(margins, step_of_answer));
        uint64_t token = yyjson_get_uint(yyjson_arr_get(wanted, step_of_answer++));
        certain = certain && margin >= 2 * distance_max;
        if (certain && result->choice.token != token) {
            printf("%s: greedy step %zu is %" PRIu32 ", not %" PRIu64 "\n", name,
                step_of_answer - 1, result->choice.token, token);
            r->complaints++;
            certain = false;
        }
        r->greedy_steps += certain;
    } while (step.results[0].end == RP_ENGINE_GOES_ON);
    rp_engine_remove(r->engine, sequence);
}

/* The sum of -log p of each token but the first. */
static double negative_log_likelihood(run *r, const uint32_t *tokens, size_t n)
{
    static rp_pass_row rows[CHUNK];
    const rp_hyper *hyper = rp_model_hyper(r->model);
    rp_error error = {0};
    rp_crew *crew;
    rp_pass *pass;
    rp_kv *kv;
    check(rp_crew_new(r->threads, NULL, &crew, &error), &error);
    check(rp_pass_new(r->model, CHUNK, crew, &pass, &error), &error);
    check(rp_kv_new(hyper, TOKENS_MAX, CHUNK, &kv, &error), &error);
    float *hidden = malloc(CHUNK * hyper->width * sizeof *hidden);
    float *logits = malloc((size_t)CHUNK * hyper->vocabulary * sizeof *logits);
    double sum = 0;
    for (size_t p = 0; p + 1 < n; p += CHUNK) {
        uint32_t count = n - 1 - p < CHUNK ? (uint32_t)(n - 1 - p) : CHUNK;
        for (uint32_t i = 0; i < count; i++)
            rows[i] = (rp_pass_row){
                .kv = kv, .position = (uint32_t)p + i, .token = tokens[p + i], .wanted = true};
        rp_pass_forward(pass, rows, count, hidden);
        rp_pass_logits(pass, hidden, count, logits);
        for (uint32_t i = 0; i < count; i++) {
            const float *row = logits + (size_t)i * hyper->vocabulary;
            double total = 0, top = -INFINITY;
            for (uint32_t j = 0; j < hyper->vocabulary; j++)
                top = fmax(top, (double)row[j]);
            for (uint32_t j = 0; j < hyper->vocabulary; j++)
                total += exp((double)row[j] - top);
            sum -= (double)row[tokens[p + i + 1]] - top - log(total);
        }
    }
    free(hidden);
    free(logits);
    rp_kv_free(kv);
    rp_pass_free(pass);
    rp_crew_free(crew);
    return sum;
}

static void run_perplexity(run *r, yyjson_val *text)
{
    static uint32_t tokens[TOKENS_MAX];
    size_t n = tokens_of(yyjson_obj_get(text, "tokens"), tokens);
    double mean = negative_log_likelihood(r, tokens, n) / (double)(n - 1);
    double wanted = yyjson_get_num(yyjson_obj_get(text, "perplexity"));
    double percent = (exp(mean) / wanted - 1) * 100;
    printf("perplexity %.5f, the reference %.5f: %+.4f%% (at most %g%%)\n", exp(mean), wanted,
        percent, perplexity_percent_max);
    r->complaints += fabs(percent) > perplexity_percent_max;
}

static yyjson_doc *read_reference(const char *path, rp_arena *arena)
{
    static char text[REFERENCE_BYTES_MAX];
    rp_error error = {0};
    yyjson_doc *doc;
    FILE *stream = fopen(path, "r");
    if (!stream) {
        perror(path);
        exit(1);
    }
    size_t bytes = fread(text, 1, sizeof text, stream);
    fclose(stream);
    check(rp_arena_init(arena, 1 << 20, 256 << 20), &error);
    check(rp_json_parse(rp_bytes_of(text, bytes), arena, &doc, &error), &error);
    return doc;
}

static void check_file(const rp_gguf *file, yyjson_val *reference)
{
    char digest[RP_SHA256_TEXT_BYTES];
    rp_error error = {0};
    const char *wanted = yyjson_get_str(yyjson_obj_get(reference, "sha256"));
    check(rp_weights_digest(file, digest, &error), &error);
    if (!wanted || strcmp(digest, wanted) != 0) {
        fprintf(stderr, "the model's file is not the reference's: SHA-256 %s\n", digest);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    rp_error error = {0};
    rp_gguf *file;
    rp_model *model;
    rp_arena arena;
    if (argc != 3)
        return 2;
    rp_status status = rp_gguf_open(argv[1], &file, &error);
    if (status == RP_NOT_FOUND) {
        printf("skipped: %s is not there (cmake/fetch run)\n", argv[1]);
        return SKIPPED;
    }
    check(status, &error);
    yyjson_val *reference = yyjson_doc_get_root(read_reference(argv[2], &arena));
    check_file(file, reference);
    check(rp_canon_thread_enter() ? RP_OK : RP_UNSUPPORTED, &error);
    check(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, &error), &error);
    const char *thorough = getenv("RP_LONG");
    run r = {.model = model, .threads = 2, .all_steps = thorough && strcmp(thorough, "1") == 0};
    uint32_t context = rp_model_hyper(model)->context;
    rp_engine_limits limits = {.sequences = 1,
        .context = context < TOKENS_MAX ? context : TOKENS_MAX,
        .prefill_chunk = CHUNK,
        .threads = r.threads};
    check(rp_engine_new(model, &limits, &r.engine, &error), &error);
    yyjson_val *prompts = yyjson_obj_get(reference, "prompts");
    for (size_t i = 0; i < yyjson_arr_size(prompts); i++)
        run_prompt(&r, yyjson_arr_get(prompts, i));
    double average = r.sum / (double)r.values;
    printf("first token, top 10: average %.6f (at most %g), max %.6f (at most %g), %zu values\n",
        average, average_max, r.most, distance_max, r.values);
    printf("greedy: %zu steps equal\n", r.greedy_steps);
    r.complaints += r.values == 0 || !(average <= average_max);
    run_perplexity(&r, yyjson_obj_get(reference, "perplexity"));
    rp_engine_free(r.engine);
    rp_model_free(model);
    rp_gguf_free(file);
    rp_arena_done(&arena);
    return r.complaints > 0;
}
