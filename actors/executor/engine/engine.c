#include "actors/executor/engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/executor/engine/digest.h"
#include "kernels/cpu/canon/thread.h"

/* A place for a sequence. tokens[0, length) are known, [0, computed) are in the kv. */
typedef struct place {
    bool taken;
    rp_engine_end end;
    uint64_t key;
    uint64_t age; /* when it was added, in additions */
    uint32_t length, computed;
    uint32_t generated, tokens_max;
    rp_hash128 digest;
    rp_kv *kv;
    uint32_t *tokens; /* limits.context */
    uint32_t *uses;   /* the vocabulary; for the sampler */
    uint32_t stop_tokens[RP_ENGINE_STOP_TOKENS_MAX];
    size_t stop_token_count;
    rp_sampling sampling;
    rp_sampling_bias bias[RP_SAMPLING_BIAS_MAX];
} place;

struct rp_engine {
    const rp_model *model;
    const rp_hyper *hyper;
    rp_engine_limits limits;
    rp_crew *crew;
    rp_pass *pass;
    rp_sampler *sampler;
    place *places; /* limits.sequences */
    uint32_t free_places;
    uint64_t additions, steps;
    rp_pass_row *rows;         /* of a pass */
    rp_engine_result *results; /* of a step */
    float *hidden;             /* width a place */
    float *logits;             /* the vocabulary a place */
    uint8_t *digest_scratch;
};

/* ---- construction ---- */

static uint32_t rows_max(const rp_engine_limits *limits)
{
    return limits->sequences + limits->prefill_chunk;
}

static rp_status check_limit(
    const char *field, uint64_t value, uint64_t min, uint64_t max, rp_error *reterr)
{
    if (value >= min && value <= max)
        return RP_OK;
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%" PRIu64 " to %" PRIu64, min, max);
    return rp_error_limit(
        reterr, field, limit, "%s is %" PRIu64 ", it must be %s", field, value, limit);
}

static rp_status check_limits(
    const rp_hyper *hyper, const rp_engine_limits *limits, rp_error *reterr)
{
    rp_status status =
        check_limit("sequences", limits->sequences, 1, RP_ENGINE_SEQUENCES_MAX, reterr);
    if (status == RP_OK)
        status = check_limit("context", limits->context, 2, hyper->context, reterr);
    if (status == RP_OK)
        status =
            check_limit("prefill_chunk", limits->prefill_chunk, 1, RP_ENGINE_CHUNK_MAX, reterr);
    if (status == RP_OK)
        status = check_limit("threads", limits->threads, 1, RP_CREW_THREADS_MAX, reterr);
    return status;
}

uint64_t rp_engine_bytes(const rp_hyper *hyper, const rp_engine_limits *limits)
{
    uint64_t vocabulary = hyper->vocabulary;
    uint64_t each = sizeof(place) + sizeof(rp_engine_result) +
                    rp_kv_bytes(hyper, limits->context, limits->prefill_chunk) +
                    (uint64_t)limits->context * sizeof(uint32_t) + vocabulary * sizeof(uint32_t) +
                    (hyper->width + vocabulary) * sizeof(float);
    return sizeof(rp_engine) + rp_sampler_bytes(hyper->vocabulary) +
           rp_pass_bytes(hyper, rows_max(limits), limits->threads) +
           rows_max(limits) * sizeof(rp_pass_row) + limits->sequences * each;
}

static rp_status take_memory(rp_engine *engine, rp_error *reterr)
{
    const rp_engine_limits *limits = &engine->limits;
    size_t count = limits->sequences, vocabulary = engine->hyper->vocabulary;
    engine->places = calloc(count, sizeof *engine->places);
    engine->rows = calloc(rows_max(limits), sizeof *engine->rows);
    engine->results = calloc(count, sizeof *engine->results);
    engine->hidden = calloc(count * engine->hyper->width, sizeof *engine->hidden);
    engine->logits = calloc(count * vocabulary, sizeof *engine->logits);
    engine->digest_scratch = malloc(rp_answer_digest_bytes(engine->hyper->width));
    bool enough = engine->places && engine->rows && engine->results && engine->hidden &&
                  engine->logits && engine->digest_scratch;
    for (size_t i = 0; i < count && enough; i++) {
        place *s = &engine->places[i];
        s->tokens = calloc(limits->context, sizeof *s->tokens);
        s->uses = calloc(vocabulary, sizeof *s->uses);
        enough = s->tokens && s->uses;
        if (enough && rp_kv_new(engine->hyper, limits->context, limits->prefill_chunk, &s->kv,
                          reterr) != RP_OK)
            return RP_NO_MEMORY;
    }
    if (!enough)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL,
            "no memory for %zu sequences of %" PRIu32 " tokens (%" PRIu64 " bytes)", count,
            limits->context, rp_engine_bytes(engine->hyper, limits));
    return RP_OK;
}

rp_status rp_engine_new(
    const rp_model *model, const rp_engine_limits *limits, rp_engine **ret_engine, rp_error *reterr)
{
    rp_status status = check_limits(rp_model_hyper(model), limits, reterr);
    if (status != RP_OK)
        return status;
    if (!rp_canon_thread_check())
        return rp_error_set(reterr, RP_UNSUPPORTED, "threads",
            "the compute thread does not round as IEEE 754 does by default");
    rp_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the engine");
    engine->model = model;
    engine->hyper = rp_model_hyper(model);
    engine->limits = *limits;
    engine->limits.cpus = NULL; /* the crew's alone, and only while it is made */
    engine->free_places = limits->sequences;
    status = take_memory(engine, reterr);
    if (status == RP_OK)
        status = rp_crew_new(limits->threads, limits->cpus, &engine->crew, reterr);
    if (status == RP_OK)
        status = rp_pass_new(model, rows_max(limits), engine->crew, &engine->pass, reterr);
    if (status == RP_OK)
        status = rp_sampler_new(
            rp_model_kernels(model), engine->hyper->vocabulary, &engine->sampler, reterr);
    if (status != RP_OK) {
        rp_engine_free(engine);
        return status;
    }
    *ret_engine = engine;
    return RP_OK;
}

void rp_engine_free(rp_engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; engine->places && i < engine->limits.sequences; i++) {
        rp_kv_free(engine->places[i].kv);
        free(engine->places[i].tokens);
        free(engine->places[i].uses);
    }
    rp_sampler_free(engine->sampler);
    rp_pass_free(engine->pass);
    rp_crew_free(engine->crew);
    free(engine->places);
    free(engine->rows);
    free(engine->results);
    free(engine->hidden);
    free(engine->logits);
    free(engine->digest_scratch);
    free(engine);
}

uint32_t rp_engine_free_places(const rp_engine *engine)
{
    return engine->free_places;
}

/* ---- sequences ---- */

static rp_status check_tokens(
    const rp_engine *engine, const char *field, const uint32_t *tokens, size_t n, rp_error *reterr)
{
    for (size_t i = 0; i < n; i++) {
        if (tokens[i] >= engine->hyper->vocabulary)
            return rp_error_set(reterr, RP_INVALID, field,
                "token %zu of %s is %" PRIu32 ", the vocabulary has %" PRIu32, i, field, tokens[i],
                engine->hyper->vocabulary);
    }
    return RP_OK;
}

static rp_status check_spec(const rp_engine *engine, const rp_engine_spec *spec, rp_error *reterr)
{
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%" PRIu32 " tokens", engine->limits.context - 1);
    if (spec->generated_count >= spec->token_count)
        return rp_error_set(reterr, RP_INVALID, "tokens", "the prompt has no tokens");
    if (spec->token_count >= engine->limits.context)
        return rp_error_limit(reterr, "tokens", limit, "the prompt has %zu tokens, at most %s",
            spec->token_count, limit);
    if (spec->tokens_max == 0 || spec->generated_count >= spec->tokens_max)
        return rp_error_set(reterr, RP_INVALID, "max_tokens",
            "max_tokens is %" PRIu32 ", %zu are there already: nothing is left to generate",
            spec->tokens_max, spec->generated_count);
    if (spec->stop_token_count > RP_ENGINE_STOP_TOKENS_MAX)
        return rp_error_limit(reterr, "stop", "16 tokens", "%zu stop tokens, at most %d",
            spec->stop_token_count, RP_ENGINE_STOP_TOKENS_MAX);
    rp_status status = check_tokens(engine, "tokens", spec->tokens, spec->token_count, reterr);
    if (status == RP_OK)
        status = check_tokens(engine, "stop", spec->stop_tokens, spec->stop_token_count, reterr);
    if (status == RP_OK)
        status = rp_sampling_check(&spec->sampling, engine->hyper->vocabulary, reterr);
    return status;
}

static void fill(const rp_engine *engine, const rp_engine_spec *spec, place *s)
{
    size_t prompt = spec->token_count - spec->generated_count;
    s->end = RP_ENGINE_GOES_ON;
    s->key = spec->key;
    s->length = (uint32_t)spec->token_count;
    s->computed = 0;
    s->generated = (uint32_t)spec->generated_count;
    s->tokens_max = spec->tokens_max;
    s->digest = spec->digest;
    memcpy(s->tokens, spec->tokens, spec->token_count * sizeof *s->tokens);
    memset(s->uses, 0, engine->hyper->vocabulary * sizeof *s->uses);
    for (size_t i = 0; i < prompt; i++)
        s->uses[s->tokens[i]] = RP_SAMPLER_IN_PROMPT;
    for (size_t i = prompt; i < spec->token_count; i++)
        s->uses[s->tokens[i]]++;
    s->stop_token_count = spec->stop_token_count;
    for (size_t i = 0; i < spec->stop_token_count; i++)
        s->stop_tokens[i] = spec->stop_tokens[i];
    s->sampling = spec->sampling;
    for (size_t i = 0; i < spec->sampling.bias_count; i++)
        s->bias[i] = spec->sampling.bias[i];
    s->sampling.bias = s->bias;
}

rp_status rp_engine_add(
    rp_engine *engine, const rp_engine_spec *spec, uint32_t *ret_sequence, rp_error *reterr)
{
    rp_status status = check_spec(engine, spec, reterr);
    if (status != RP_OK)
        return status;
    if (engine->free_places == 0)
        return rp_error_set(reterr, RP_BUSY, NULL, "all %" PRIu32 " places of the engine are taken",
            engine->limits.sequences);
    uint32_t free_one = 0;
    while (engine->places[free_one].taken)
        free_one++;
    fill(engine, spec, &engine->places[free_one]);
    engine->places[free_one].taken = true;
    engine->places[free_one].age = engine->additions++;
    engine->free_places--;
    *ret_sequence = free_one;
    return RP_OK;
}

void rp_engine_remove(rp_engine *engine, uint32_t sequence)
{
    RP_ASSERT(sequence < engine->limits.sequences && engine->places[sequence].taken);
    engine->places[sequence].taken = false;
    engine->free_places++;
}

/* ---- a step ---- */

static bool runs(const place *s)
{
    return s->taken && s->end == RP_ENGINE_GOES_ON;
}

/* The oldest that has more than one token to read. */
static const place *next_reader(const rp_engine *engine)
{
    const place *oldest = NULL;
    for (size_t i = 0; i < engine->limits.sequences; i++) {
        const place *s = &engine->places[i];
        if (runs(s) && s->length - s->computed > 1 && (!oldest || s->age < oldest->age))
            oldest = s;
    }
    return oldest;
}

/* Puts the rows of the step together, and a result for each sequence that takes part. */
static uint32_t compose(rp_engine *engine, size_t *ret_results)
{
    const place *reader = next_reader(engine);
    uint32_t rows = 0;
    size_t results = 0;
    for (uint32_t i = 0; i < engine->limits.sequences; i++) {
        place *s = &engine->places[i];
        uint32_t left = s->length - s->computed;
        if (!runs(s) || (left > 1 && s != reader))
            continue;
        uint32_t count = left < engine->limits.prefill_chunk ? left : engine->limits.prefill_chunk;
        engine->results[results++] =
            (rp_engine_result){.key = s->key, .sequence = i, .first = s->computed, .count = count};
        for (uint32_t j = 0; j < count; j++) {
            uint32_t position = s->computed + j;
            engine->rows[rows++] = (rp_pass_row){.kv = s->kv,
                .position = position,
                .token = s->tokens[position],
                .wanted = position + 1 == s->length};
        }
    }
    *ret_results = results;
    return rows;
}

static rp_engine_end end_of(const rp_engine *engine, const place *s, uint32_t token)
{
    for (size_t i = 0; i < s->stop_token_count; i++) {
        if (s->stop_tokens[i] == token)
            return RP_ENGINE_STOP;
    }
    bool full = s->generated == s->tokens_max || s->length == engine->limits.context;
    return full ? RP_ENGINE_LENGTH : RP_ENGINE_GOES_ON;
}

/* Chooses the next token of a sequence that has read all of its tokens. */
static void sample(
    rp_engine *engine, place *s, const float *hidden, const float *logits, rp_engine_result *result)
{
    uint32_t position = s->length;
    if (!rp_sampler_choose(
            engine->sampler, logits, s->uses, &s->sampling, position, &result->choice)) {
        result->end = RP_ENGINE_NOT_FINITE;
        return;
    }
    uint32_t token = result->choice.token;
    s->tokens[s->length++] = token;
    s->uses[token]++;
    s->generated++;
    s->digest = rp_answer_digest(s->digest, position, token, hidden, engine->hyper->width,
        result->choice.logit, engine->digest_scratch);
    result->sampled = true;
    result->position = position;
    result->generated = s->generated;
    result->digest = s->digest;
    result->end = end_of(engine, s, token);
}

/* After the pass: takes what it computed into the sequences. */
static void settle(rp_engine *engine, size_t results)
{
    const rp_hyper *hyper = engine->hyper;
    uint32_t wanted = 0, row = 0;
    for (size_t i = 0; i < results; i++) {
        const rp_engine_result *result = &engine->results[i];
        const place *s = &engine->places[result->sequence];
        wanted += result->first + result->count == s->length;
    }
    if (wanted > 0)
        rp_pass_logits(engine->pass, engine->hidden, wanted, engine->logits);
    wanted = 0;
    for (size_t i = 0; i < results; i++) {
        rp_engine_result *result = &engine->results[i];
        place *s = &engine->places[result->sequence];
        bool finite = true;
        for (uint32_t j = 0; j < result->count; j++)
            finite = finite && engine->rows[row++].finite;
        s->computed += result->count;
        bool complete = s->computed == s->length;
        if (!finite)
            result->end = RP_ENGINE_NOT_FINITE;
        else if (complete)
            sample(engine, s, engine->hidden + wanted * (size_t)hyper->width,
                engine->logits + wanted * (size_t)hyper->vocabulary, result);
        wanted += complete;
        s->end = result->end;
    }
}

rp_status rp_engine_run(rp_engine *engine, rp_engine_step *ret_step, rp_error *reterr)
{
    size_t results;
    uint32_t rows = compose(engine, &results);
    if (rows > 0) {
        rp_pass_forward(engine->pass, engine->rows, rows, engine->hidden);
        settle(engine, results);
        engine->steps++;
    }
    if (!rp_canon_thread_check())
        return rp_error_set(reterr, RP_UNSUPPORTED, "threads",
            "the compute thread's float environment was changed: it no longer rounds as IEEE 754 "
            "does "
            "by default");
    *ret_step =
        (rp_engine_step){.number = engine->steps, .count = results, .results = engine->results};
    return RP_OK;
}
