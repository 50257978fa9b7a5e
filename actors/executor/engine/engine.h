/* The engine: sequences that share a model, one forward pass at a time.
 *
 * It knows nothing of messages, time or text. Whoever owns it (the executor's compute thread) adds
 * sequences, calls rp_engine_step until none is left, and reads after every step what each
 * sequence that took part has done:
 *
 *     rp_engine *engine;
 *     if (rp_engine_new(model, &limits, &engine, reterr) != RP_OK) ...
 *     uint32_t sequence;
 *     if (rp_engine_add(engine, &spec, &sequence, reterr) != RP_OK) ...
 *     rp_engine_step step;
 *     while (rp_engine_run(engine, &step, reterr) == RP_OK && step.count > 0)
 *         for (size_t i = 0; i < step.count; i++)
 *             if (step.results[i].end != RP_ENGINE_GOES_ON)
 *                 rp_engine_remove(engine, step.results[i].sequence);
 *
 * A step takes every sequence that waits for its next token (one row each) and a chunk of the
 * prompt of the oldest that is still reading it. A sequence's tokens, log-probabilities and digest
 * depend on its spec and the model's file alone: not on company, chunk size, threads, or whether it
 * was taken up again with the tokens that it had generated before.
 *
 * A sequence has ended when its result says so; it keeps its place until it is removed, which may
 * be done between any two steps (that is a cancel). All memory is taken by rp_engine_new; adding
 * and stepping allocate nothing.
 *
 * An engine belongs to one thread at a time, which has entered (kernels/cpu/canon/thread.h); the
 * threads that share its passes are its own.
 */
#ifndef ACTORS_EXECUTOR_ENGINE_ENGINE_H
#define ACTORS_EXECUTOR_ENGINE_ENGINE_H

#include "actors/executor/engine/sampler.h"
#include "actors/executor/model/model.h"
#include "runtime/base/hash.h"

enum { RP_ENGINE_SEQUENCES_MAX = 256, RP_ENGINE_CHUNK_MAX = 4096, RP_ENGINE_STOP_TOKENS_MAX = 16 };

typedef struct rp_engine_limits {
    uint32_t sequences;     /* held at once, 1 to RP_ENGINE_SEQUENCES_MAX */
    uint32_t context;       /* tokens of a sequence, prompt and answer; 2 to the model's */
    uint32_t prefill_chunk; /* prompt tokens a step, 1 to RP_ENGINE_CHUNK_MAX; 128 is a good size */
    unsigned threads;       /* that share a pass, the caller's included */
    const int *cpus;        /* of the threads - 1 others, or NULL (crew.h) */
} rp_engine_limits;

/* A sequence to be. Everything is copied. */
typedef struct rp_engine_spec {
    uint64_t key;           /* the caller's, handed back in every result */
    const uint32_t *tokens; /* the prompt, at least one; then what was generated before, if any */
    size_t token_count;
    size_t generated_count;      /* of `tokens`, the last ones that were generated before; below
                                    tokens_max */
    rp_hash128 digest;           /* after those; zeros where there are none */
    uint32_t tokens_max;         /* to generate in all, those before included; at least 1 */
    const uint32_t *stop_tokens; /* each ends the answer, and belongs to it */
    size_t stop_token_count;
    rp_sampling sampling;
} rp_engine_spec;

typedef enum rp_engine_end {
    RP_ENGINE_GOES_ON,
    RP_ENGINE_STOP,      /* a stop token was generated */
    RP_ENGINE_LENGTH,    /* tokens_max, or the context is full */
    RP_ENGINE_NOT_FINITE /* the arithmetic left the range of float32; no token of this step counts
                          */
} rp_engine_end;

/* What a step did for one sequence. */
typedef struct rp_engine_result {
    uint64_t key;
    uint32_t sequence;
    uint32_t first, count; /* positions [first, first + count) were computed */
    rp_engine_end end;
    bool sampled;       /* a token was generated; the rest is valid only then */
    uint32_t position;  /* of the token: first + count */
    uint32_t generated; /* tokens of the answer so far, this one included */
    rp_hash128 digest;  /* of the answer up to this token (digest.h) */
    rp_sampler_choice choice;
} rp_engine_result;

typedef struct rp_engine_step {
    uint64_t number;                 /* of the step, from 1 */
    size_t count;                    /* 0: there was nothing to do, and no step was made */
    const rp_engine_result *results; /* by sequence; the engine's, valid until the next call */
} rp_engine_step;

typedef struct rp_engine rp_engine;

/* Bytes that an engine takes beside the file, before it is made. Keys and values of positions that
 * are never reached are counted but not touched. */
uint64_t rp_engine_bytes(const rp_hyper *hyper, const rp_engine_limits *limits);

/* Borrows the model. RP_LIMIT with the field's name; RP_NO_MEMORY; errors of rp_crew_new; and
 * RP_UNSUPPORTED where the calling thread has not the canon's float environment. */
RP_MUST_USE rp_status rp_engine_new(const rp_model *model, const rp_engine_limits *limits,
    rp_engine **ret_engine, rp_error *reterr);

/* Accepts NULL. */
void rp_engine_free(rp_engine *engine);

/* Checks the spec and takes it in. RP_BUSY where all places are taken; RP_INVALID and RP_LIMIT with
 * the request's field ("tokens", "max_tokens", "top_p", ...) in reterr->field. */
RP_MUST_USE rp_status rp_engine_add(
    rp_engine *engine, const rp_engine_spec *spec, uint32_t *ret_sequence, rp_error *reterr);

/* Ends a sequence, whatever it is doing, and frees its place. */
void rp_engine_remove(rp_engine *engine, uint32_t sequence);

/* One forward pass. RP_UNSUPPORTED where the thread's float environment has been changed: then
 * nothing was computed that counts, and the engine is of no further use. */
RP_MUST_USE rp_status rp_engine_run(rp_engine *engine, rp_engine_step *ret_step, rp_error *reterr);

/* Places that are free. */
uint32_t rp_engine_free_places(const rp_engine *engine);

#endif
