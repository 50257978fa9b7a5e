/* The sampler: from a row of logits to the next token, in the order of canon 1.
 *
 *  1. penalties   for a token of the prompt or the answer: the repetition penalty r, logit / r
 * where the logit is above 0, else logit * r. For a token used n > 0 times in the answer: logit - n
 * * frequency_penalty, then - presence_penalty. (Repetition counts the prompt and the others do
 * not, as vLLM and OpenAI have it.)
 *  2. logit_bias  added, in the order given
 *  3. temperature 0: the highest logit wins, and that is all; else logits are divided by it, and
 *                 weight = exp(logit - highest)
 *  4. top_k       the k highest logits stay
 *  5. top_p       of what stays, by falling logit, the shortest run whose weights sum to at least
 *                 top_p of their total
 *  6. min_p       of what stays, weights of at least min_p (the highest weight is 1)
 *  7. the draw    one uniform number u from Philox at (seed, position of the new token); the first
 *                 token by rising id at which the running sum exceeds u times the total
 *
 * Where two logits are equal, the lower id ranks higher. Sums: a total is by lanes (canon.h) over
 * the whole vocabulary, what was dropped counting +0; the run of top_p is added up one by one; the
 * draw adds blocks of 256 ids, each by lanes, then goes through one block one by one.
 *
 * Log-probabilities are of the model's own distribution: raw logits, before any of the above, at
 * temperature 1: (logit - highest) - log(sum of exp(logit - highest) by lanes), in float32.
 *
 * A sampler is the workspace for one vocabulary, and belongs to one thread at a time. Choosing
 * allocates nothing.
 */
#ifndef ACTORS_EXECUTOR_ENGINE_SAMPLER_H
#define ACTORS_EXECUTOR_ENGINE_SAMPLER_H

#include "kernels/cpu/canon/canon.h"
#include "runtime/base/status.h"

enum {
    RP_SAMPLING_BIAS_MAX = 1024,  /* entries of logit_bias */
    RP_SAMPLING_LOGPROBS_MAX = 20 /* alternatives a token is told with */
};

typedef struct rp_sampling_bias {
    uint32_t token;
    float bias; /* -100 to 100 */
} rp_sampling_bias;

#define RP_SAMPLING_TEMPERATURE_MIN 0.001F

/* What a request asks for. A struct of zeros with repetition_penalty and top_p 1 is greedy. */
typedef struct rp_sampling {
    float temperature;        /* 0 to 100; below RP_SAMPLING_TEMPERATURE_MIN = greedy */
    uint32_t top_k;           /* 0 = all */
    float top_p;              /* 0 to 1; 0 = the highest alone, 1 = all */
    float min_p;              /* 0 to 1; 0 = all */
    float presence_penalty;   /* -100 to 100 */
    float frequency_penalty;  /* -100 to 100 */
    float repetition_penalty; /* 0.01 to 10; 1 = none */
    uint64_t seed;
    uint32_t logprobs;            /* alternatives to tell, up to RP_SAMPLING_LOGPROBS_MAX */
    const rp_sampling_bias *bias; /* may be NULL */
    size_t bias_count;
} rp_sampling;

/* RP_INVALID or RP_LIMIT with the request's field in reterr->field; tokens must be below
 * `vocabulary`. */
RP_MUST_USE rp_status rp_sampling_check(
    const rp_sampling *sampling, uint32_t vocabulary, rp_error *reterr);

/* Of one token: how often the answer has used it, and whether the prompt has. */
#define RP_SAMPLER_IN_PROMPT (UINT32_C(1) << 31)

typedef struct rp_sampler_alternative {
    uint32_t token;
    float logprob;
} rp_sampler_alternative;

typedef struct rp_sampler_choice {
    uint32_t token;
    float logit; /* raw */
    float logprob;
    uint32_t alternative_count;
    rp_sampler_alternative alternatives[RP_SAMPLING_LOGPROBS_MAX]; /* likeliest first */
} rp_sampler_choice;

typedef struct rp_sampler rp_sampler;

/* Exponentials are computed with `kernels`. RP_NO_MEMORY. The caller frees. */
RP_MUST_USE rp_status rp_sampler_new(const rp_canon_kernels *kernels, uint32_t vocabulary,
    rp_sampler **ret_sampler, rp_error *reterr);
void rp_sampler_free(rp_sampler *sampler);
uint64_t rp_sampler_bytes(uint32_t vocabulary);

/* Chooses the token at `position`. `logits` and `uses` (count of uses, with RP_SAMPLER_IN_PROMPT)
 * have one element a token; `sampling` has been checked. False where a logit is NaN or infinite,
 * and nothing is chosen then. */
bool rp_sampler_choose(rp_sampler *sampler, const float *logits, const uint32_t *uses,
    const rp_sampling *sampling, uint64_t position, rp_sampler_choice *ret_choice);

#endif
