#include "actors/executor/engine/engine.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/thread.h"
#include "tests/unit/actors/executor/tiny.h"

#if defined(__SANITIZE_THREAD__) /* fifty times slower */
enum { LONG_PROMPT = 100 };
#else
enum { LONG_PROMPT = 555 };
#endif
enum { ANSWER = 24, PROMPT_MAX = 600 };

static rp_gguf *file;
static rp_model *model;

static void set_up(void)
{
    rp_error error = {0};
    file = tiny_file(NULL, 0);
    cr_assert(rp_canon_thread_enter());
    cr_assert_eq(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, &error), RP_OK, "%s",
        error.message);
}

static void tear_down(void)
{
    rp_model_free(model);
    tiny_free(file);
}

TestSuite(engine, .init = set_up, .fini = tear_down);

static const rp_engine_limits usual = {
    .sequences = 4, .context = 1024, .prefill_chunk = 32, .threads = 1};

static rp_engine *engine_with(rp_engine_limits limits)
{
    rp_error error = {0};
    rp_engine *engine = NULL;
    cr_assert_eq(rp_engine_new(model, &limits, &engine, &error), RP_OK, "%s", error.message);
    return engine;
}

static uint32_t prompts[4][PROMPT_MAX];

static rp_engine_spec spec_of(uint64_t key, size_t length)
{
    uint32_t *tokens = prompts[key % 4];
    for (size_t i = 0; i < length; i++)
        tokens[i] = (uint32_t)((key * 31 + i * i * 11 + i) % TINY_VOCABULARY);
    return (rp_engine_spec){.key = key,
        .tokens = tokens,
        .token_count = length,
        .tokens_max = ANSWER,
        .sampling = {.temperature = 40.0F,
            .top_k = 50,
            .top_p = 0.95F,
            .seed = 1000 + key,
            .repetition_penalty = 1.1F,
            .frequency_penalty = 0.1F,
            .logprobs = 2}};
}

static uint32_t add(rp_engine *engine, const rp_engine_spec *spec)
{
    rp_error error = {0};
    uint32_t sequence;
    cr_assert_eq(rp_engine_add(engine, spec, &sequence, &error), RP_OK, "%s", error.message);
    return sequence;
}

typedef struct answer {
    size_t count;
    uint32_t tokens[ANSWER];
    float logprobs[ANSWER];
    rp_hash128 digests[ANSWER];
    rp_engine_end end;
} answer;

/* Runs until nothing is left to do; results of `key` go into `out`. */
static void finish(rp_engine *engine, uint64_t key, answer *out)
{
    rp_engine_step step;
    memset(out, 0, sizeof *out);
    for (;;) {
        cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
        if (step.count == 0)
            return;
        for (size_t i = 0; i < step.count; i++) {
            const rp_engine_result *r = &step.results[i];
            if (r->key == key && r->sampled) {
                out->tokens[out->count] = r->choice.token;
                out->logprobs[out->count] = r->choice.logprob;
                out->digests[out->count++] = r->digest;
                cr_assert_eq(r->position, r->first + r->count);
            }
            if (r->key == key)
                out->end = r->end;
            if (r->end != RP_ENGINE_GOES_ON)
                rp_engine_remove(engine, r->sequence);
        }
    }
}

static void expect_equal(const answer *a, const answer *b, const char *what)
{
    cr_assert_eq(memcmp(a, b, sizeof *a), 0, "%s: another answer", what);
}

/* The file's model as the `index`-th table of kernels computes it; NULL behind the last table. */
static const rp_canon_kernels *load_for(size_t index)
{
    const rp_canon_kernels *kernels = rp_canon_kernels_at(index);
    rp_model_free(model);
    model = NULL;
    if (kernels)
        cr_assert_eq(rp_model_load(file, kernels, NULL, &model, NULL), RP_OK);
    return kernels;
}

/* The answer of the norm, which is the last of the tables, alone and by one thread. */
static void answer_of_the_norm(const rp_engine_spec *spec, answer *out)
{
    size_t last = 0;
    while (rp_canon_kernels_at(last + 1))
        last++;
    load_for(last);
    rp_engine *engine = engine_with(usual);
    add(engine, spec);
    finish(engine, spec->key, out);
    cr_assert_eq(out->count, ANSWER);
    cr_assert_eq(out->end, RP_ENGINE_LENGTH);
    rp_engine_free(engine);
}

Test(engine, an_answer_does_not_depend_on_chunks_threads_company_or_kernels)
{
    static const rp_engine_limits ways[] = {{1, 1024, 1, 1, NULL}, {1, 1024, 7, 2, NULL},
        {1, 1024, 600, 1, NULL}, {4, 700, 16, 3, NULL}, {2, 2048, 128, 2, NULL}};
    answer norm, other;
    const rp_canon_kernels *kernels;
    rp_engine_spec spec = spec_of(7, LONG_PROMPT);
    answer_of_the_norm(&spec, &norm);
    for (size_t table = 0; (kernels = load_for(table)); table++) {
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            rp_engine *engine = engine_with(ways[i]);
            for (uint64_t key = 0; key < 3 && key + 1 < ways[i].sequences; key++) {
                rp_engine_spec company = spec_of(key, 10 + 90 * key);
                add(engine, &company);
            }
            add(engine, &spec);
            finish(engine, 7, &other);
            expect_equal(&norm, &other, kernels->name);
            cr_assert_eq(rp_engine_free_places(engine), ways[i].sequences);
            rp_engine_free(engine);
        }
    }
}

/* Taken up again after any number of tokens: the rest is the same, and so is the digest. */
Test(engine, an_answer_can_be_taken_up_again)
{
    answer whole, rest;
    rp_engine_spec spec = spec_of(3, 70);
    rp_engine *engine = engine_with(usual);
    add(engine, &spec);
    finish(engine, 3, &whole);
    for (size_t before = 1; before < ANSWER; before += 5) {
        uint32_t tokens[70 + ANSWER];
        memcpy(tokens, spec.tokens, 70 * sizeof *tokens);
        memcpy(tokens + 70, whole.tokens, before * sizeof *tokens);
        rp_engine_spec again = spec;
        again.tokens = tokens;
        again.token_count = 70 + before;
        again.generated_count = before;
        again.digest = whole.digests[before - 1];
        add(engine, &again);
        finish(engine, 3, &rest);
        cr_assert_eq(rest.count, ANSWER - before);
        cr_assert_eq(rest.end, RP_ENGINE_LENGTH);
        cr_assert_arr_eq(rest.tokens, whole.tokens + before, rest.count * sizeof(uint32_t));
        cr_assert_arr_eq(rest.logprobs, whole.logprobs + before, rest.count * sizeof(float));
        cr_assert_arr_eq(rest.digests, whole.digests + before, rest.count * sizeof(rp_hash128));
    }
    rp_engine_free(engine);
}

/* While it answers, another leaves and a third, in a place before it, begins to read. */
Test(engine, company_may_come_and_go)
{
    answer alone, rest;
    rp_engine_spec spec = spec_of(7, 20), short_one = spec_of(1, 5), long_one = spec_of(2, 300);
    rp_engine *engine = engine_with(usual);
    rp_engine_step step;
    add(engine, &spec);
    finish(engine, 7, &alone);
    uint32_t place = add(engine, &short_one);
    add(engine, &spec);
    size_t sampled = 0;
    while (sampled < 3) {
        cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
        for (size_t i = 0; i < step.count; i++)
            sampled += step.results[i].key == 7 && step.results[i].sampled;
    }
    rp_engine_remove(engine, place);
    cr_assert_eq(add(engine, &long_one), place);
    finish(engine, 7, &rest);
    cr_assert_eq(rest.count, ANSWER - sampled);
    cr_assert_arr_eq(rest.tokens, alone.tokens + sampled, rest.count * sizeof(uint32_t));
    cr_assert_arr_eq(rest.digests, alone.digests + sampled, rest.count * sizeof(rp_hash128));
    rp_engine_free(engine);
}

/* The digest of a whole answer holds every bit on the way to it: it may change only with the
 * canon's number. */
Test(engine, a_known_answer)
{
    answer out;
    char text[RP_HASH128_TEXT_BYTES];
    rp_engine_spec spec = spec_of(7, 100);
    for (size_t table = 0; load_for(table); table++) {
        rp_engine *engine = engine_with(usual);
        add(engine, &spec);
        finish(engine, 7, &out);
        rp_hash128_text(out.digests[ANSWER - 1], text);
        cr_assert_eq(RP_CANON_NUMBER, 1);
        cr_assert_str_eq(text, "6379ceabf4332617ef1c27b87db9783d");
        rp_engine_free(engine);
    }
}

/* A place that was used before, and left in mid prompt, holds nothing over. */
Test(engine, places_are_used_again)
{
    answer first, second;
    rp_engine_spec spec = spec_of(5, 100), other = spec_of(6, 300);
    rp_engine *engine = engine_with((rp_engine_limits){1, 1024, 32, 1, NULL});
    rp_engine_step step;
    add(engine, &spec);
    finish(engine, 5, &first);
    uint32_t sequence = add(engine, &other);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert_eq(step.count, 1);
    rp_engine_remove(engine, sequence);
    cr_assert_eq(rp_engine_free_places(engine), 1);
    add(engine, &spec);
    finish(engine, 5, &second);
    expect_equal(&first, &second, "the place");
    rp_engine_free(engine);
}

Test(engine, a_step_tells_what_it_did)
{
    rp_engine *engine = engine_with(usual);
    rp_engine_spec one = spec_of(1, 40), two = spec_of(2, 1);
    rp_engine_step step;
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert_eq(step.count, 0);
    uint32_t a = add(engine, &one), b = add(engine, &two);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert_eq(step.number, 1);
    cr_assert_eq(step.count, 2);
    cr_assert(step.results[0].key == 1 && step.results[0].sequence == a);
    cr_assert(step.results[0].first == 0 && step.results[0].count == 32);
    cr_assert_not(step.results[0].sampled);
    cr_assert(step.results[1].key == 2 && step.results[1].sequence == b);
    cr_assert(step.results[1].sampled && step.results[1].position == 1);
    cr_assert_eq(step.results[1].generated, 1);
    cr_assert_eq(step.results[1].choice.alternative_count, 2);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert(step.results[0].first == 32 && step.results[0].count == 8);
    cr_assert(step.results[0].sampled && step.results[0].position == 40);
    cr_assert(step.results[1].first == 1 && step.results[1].count == 1);
    cr_assert_eq(step.number, 2);
    rp_engine_free(engine);
}

/* The oldest prompt is read first; those that answer are never held up. */
Test(engine, prompts_are_read_in_turn)
{
    rp_engine *engine = engine_with(usual);
    rp_engine_spec specs[] = {spec_of(1, 100), spec_of(2, 60)};
    rp_engine_step step;
    add(engine, &specs[1]);
    add(engine, &specs[0]);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
        cr_assert_eq(step.count, 1);
        cr_assert_eq(step.results[0].key, 2);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
        cr_assert_eq(step.count, 2);
        cr_assert(step.results[0].sampled);
    }
    cr_assert(step.results[1].sampled);
    rp_engine_free(engine);
}

Test(engine, stop_tokens_end_an_answer_and_belong_to_it)
{
    answer whole, stopped;
    rp_engine_spec spec = spec_of(9, 20);
    rp_engine *engine = engine_with(usual);
    add(engine, &spec);
    finish(engine, 9, &whole);
    size_t at = 4; /* a token that the answer has not used before */
    for (size_t i = 0; i < at; i++) {
        if (whole.tokens[i] == whole.tokens[at]) {
            at++;
            i = (size_t)-1;
        }
    }
    uint32_t stops[] = {TINY_VOCABULARY - 1, whole.tokens[at]};
    spec.stop_tokens = stops;
    spec.stop_token_count = whole.tokens[at] == stops[0] ? 1 : 2;
    add(engine, &spec);
    finish(engine, 9, &stopped);
    cr_assert_eq(stopped.end, RP_ENGINE_STOP);
    cr_assert(stopped.count <= at + 1);
    cr_assert_arr_eq(stopped.tokens, whole.tokens, stopped.count * sizeof(uint32_t));
    rp_engine_free(engine);
}

Test(engine, a_full_context_ends_an_answer)
{
    answer out;
    rp_engine_spec spec = spec_of(9, 20);
    rp_engine *engine = engine_with((rp_engine_limits){1, 25, 32, 1, NULL});
    add(engine, &spec);
    finish(engine, 9, &out);
    cr_assert_eq(out.end, RP_ENGINE_LENGTH);
    cr_assert_eq(out.count, 5);
    rp_engine_free(engine);
}

Test(engine, what_is_not_finite_ends_its_sequence_alone)
{
    tear_down();
    tiny_change bad = {TINY_BAD_TOKEN, "token_embd.weight", 299, NULL};
    file = tiny_file(&bad, 1);
    cr_assert_eq(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, NULL), RP_OK);
    rp_engine *engine = engine_with(usual);
    rp_engine_spec good = spec_of(1, 40), broken = spec_of(2, 40);
    for (size_t i = 0; i < 40; i++) {
        prompts[1][i] %= 299;
        prompts[2][i] = i == 35 ? 299 : prompts[2][i] % 299;
    }
    rp_engine_step step;
    add(engine, &broken);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert_eq(step.results[0].end, RP_ENGINE_GOES_ON);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert_eq(step.results[0].end, RP_ENGINE_NOT_FINITE);
    cr_assert_not(step.results[0].sampled);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert_eq(step.count, 0, "it has ended");
    add(engine, &good);
    cr_assert_eq(rp_engine_run(engine, &step, NULL), RP_OK);
    cr_assert(step.count == 1 && step.results[0].key == 1);
    rp_engine_free(engine);
}

Test(engine, specs_are_checked)
{
    rp_engine *engine = engine_with((rp_engine_limits){1, 64, 32, 1, NULL});
    uint32_t bad_token[] = {5, TINY_VOCABULARY}, many[RP_ENGINE_STOP_TOKENS_MAX + 1] = {0};
    rp_engine_spec right = spec_of(1, 10);
    rp_engine_spec wrong[8];
    static const char *const fields[8] = {
        "tokens", "tokens", "tokens", "max_tokens", "max_tokens", "stop", "stop", "top_p"};
    for (size_t i = 0; i < 8; i++)
        wrong[i] = right;
    wrong[0].token_count = 0;
    wrong[1].token_count = 64;
    wrong[2].tokens = bad_token;
    wrong[2].token_count = 2;
    wrong[3].tokens_max = 0;
    wrong[4].tokens_max = 3;
    wrong[4].generated_count = 3;
    wrong[5].stop_tokens = many;
    wrong[5].stop_token_count = RP_ENGINE_STOP_TOKENS_MAX + 1;
    wrong[6].stop_tokens = bad_token;
    wrong[6].stop_token_count = 2;
    wrong[7].sampling.top_p = 2.0F;
    uint32_t sequence;
    rp_error error;
    for (size_t i = 0; i < 8; i++) {
        error = (rp_error){0};
        cr_assert_neq(rp_engine_add(engine, &wrong[i], &sequence, &error), RP_OK, "%zu", i);
        cr_assert_str_eq(error.field, fields[i], "%zu: %s", i, error.message);
    }
    add(engine, &right);
    cr_assert_eq(rp_engine_add(engine, &right, &sequence, &error), RP_BUSY);
    rp_engine_free(engine);
}

Test(engine, limits_are_checked)
{
    const rp_engine_limits wrong[] = {{0, 64, 32, 1, NULL}, {257, 64, 32, 1, NULL},
        {1, 1, 32, 1, NULL}, {1, TINY_CONTEXT + 1, 32, 1, NULL}, {1, 64, 0, 1, NULL},
        {1, 64, 4097, 1, NULL}, {1, 64, 32, 0, NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp_engine *engine;
        rp_error error = {0};
        cr_assert_eq(rp_engine_new(model, &wrong[i], &engine, &error), RP_LIMIT);
        cr_assert(error.field[0] && error.limit[0]);
    }
    cr_assert(rp_engine_bytes(rp_model_hyper(model), &usual) > 4 * 7 * 256 * 128 * 4);
    rp_engine_free(NULL);
}
