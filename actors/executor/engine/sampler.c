#include "actors/executor/engine/sampler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/canon/half.h"
#include "kernels/cpu/canon/math.h"
#include "runtime/base/rng.h"

struct rp_sampler {
    const rp_canon_kernels *kernels;
    size_t vocabulary;
    float *adjusted; /* logits after penalties, bias and temperature */
    float *weights;  /* their exponentials; +0 for what was dropped */
    uint32_t *order; /* a heap of ids */
};

/* ---- limits ---- */

static rp_status check_range(const char *field, float value, float min, float max, rp_error *reterr)
{
    if (value >= min && value <= max)
        return RP_OK;
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%g to %g", (double)min, (double)max);
    return rp_error_limit(
        reterr, field, limit, "%s is %g, it must be %s", field, (double)value, limit);
}

rp_status rp_sampling_check(const rp_sampling *sampling, uint32_t vocabulary, rp_error *reterr)
{
    const struct {
        const char *field;
        float value, min, max;
    } ranges[] = {
        {"temperature", sampling->temperature, 0.0F, 100.0F},
        {"top_p", sampling->top_p, 0.0F, 1.0F},
        {"min_p", sampling->min_p, 0.0F, 1.0F},
        {"presence_penalty", sampling->presence_penalty, -100.0F, 100.0F},
        {"frequency_penalty", sampling->frequency_penalty, -100.0F, 100.0F},
        {"repetition_penalty", sampling->repetition_penalty, 0.01F, 10.0F},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        rp_status status =
            check_range(ranges[i].field, ranges[i].value, ranges[i].min, ranges[i].max, reterr);
        if (status != RP_OK)
            return status;
    }
    if (sampling->logprobs > RP_SAMPLING_LOGPROBS_MAX)
        return rp_error_limit(reterr, "logprobs", "20", "logprobs is %" PRIu32 ", at most %d",
            sampling->logprobs, RP_SAMPLING_LOGPROBS_MAX);
    if (sampling->bias_count > RP_SAMPLING_BIAS_MAX)
        return rp_error_limit(reterr, "logit_bias", "1024 entries",
            "logit_bias has %zu entries, at most %d", sampling->bias_count, RP_SAMPLING_BIAS_MAX);
    for (size_t i = 0; i < sampling->bias_count; i++) {
        if (sampling->bias[i].token >= vocabulary)
            return rp_error_set(reterr, RP_INVALID, "logit_bias",
                "logit_bias names token %" PRIu32 ", the vocabulary has %" PRIu32,
                sampling->bias[i].token, vocabulary);
        rp_status status =
            check_range("logit_bias", sampling->bias[i].bias, -100.0F, 100.0F, reterr);
        if (status != RP_OK)
            return status;
    }
    return RP_OK;
}

/* ---- workspace ---- */

uint64_t rp_sampler_bytes(uint32_t vocabulary)
{
    return sizeof(rp_sampler) + (uint64_t)vocabulary * (2 * sizeof(float) + sizeof(uint32_t));
}

rp_status rp_sampler_new(const rp_canon_kernels *kernels, uint32_t vocabulary,
    rp_sampler **ret_sampler, rp_error *reterr)
{
    rp_sampler *sampler = calloc(1, sizeof *sampler);
    if (sampler) {
        sampler->adjusted = calloc(vocabulary, sizeof *sampler->adjusted);
        sampler->weights = calloc(vocabulary, sizeof *sampler->weights);
        sampler->order = calloc(vocabulary, sizeof *sampler->order);
    }
    if (!sampler || !sampler->adjusted || !sampler->weights || !sampler->order) {
        rp_sampler_free(sampler);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "no memory for the sampler");
    }
    sampler->vocabulary = vocabulary;
    sampler->kernels = kernels;
    *ret_sampler = sampler;
    return RP_OK;
}

void rp_sampler_free(rp_sampler *sampler)
{
    if (!sampler)
        return;
    free(sampler->adjusted);
    free(sampler->weights);
    free(sampler->order);
    free(sampler);
}

/* ---- rank: by falling logit, then by rising id ---- */

static bool ranks_below(const float *logits, uint32_t a, uint32_t b)
{
    return logits[a] < logits[b] || (logits[a] == logits[b] && a > b);
}

/* Restores a heap whose root is out of place. In a heap of the best, the root is the worst; with
 * `best_first` it is the best. */
static void sift(const float *logits, uint32_t *heap, size_t count, size_t at, bool best_first)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && ranks_below(logits, heap[child + 1], heap[child]) != best_first)
            child++;
        if (ranks_below(logits, heap[child], heap[at]) == best_first)
            return;
        uint32_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
        at = child;
    }
}

static void make_heap(const float *logits, uint32_t *heap, size_t count, bool best_first)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(logits, heap, count, i, best_first);
}

/* The `k` best of `n` as a heap whose root is the worst of them. */
static void keep_best(const float *logits, size_t n, size_t k, uint32_t *heap)
{
    for (size_t i = 0; i < k; i++)
        heap[i] = (uint32_t)i;
    make_heap(logits, heap, k, false);
    for (size_t i = k; i < n; i++) {
        if (!ranks_below(logits, heap[0], (uint32_t)i))
            continue;
        heap[0] = (uint32_t)i;
        sift(logits, heap, k, 0, false);
    }
}

/* ---- rows ---- */

static bool all_finite(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (rp_canon_bits(x[i]) & UINT32_C(0x7FFFFFFF)) >= UINT32_C(0x7F800000);
    return bad == 0;
}

/* The highest; the first of equals. No NaN among them. */
static uint32_t highest(const float *x, size_t n)
{
    float lane[RP_CANON_LANES];
    size_t whole = n - n % RP_CANON_LANES;
    for (size_t j = 0; j < RP_CANON_LANES; j++)
        lane[j] = x[0];
    for (size_t i = 0; i < whole; i += RP_CANON_LANES) {
        for (size_t j = 0; j < RP_CANON_LANES; j++)
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    }
    float top = lane[0];
    for (size_t j = 0; j < RP_CANON_LANES; j++)
        top = lane[j] > top ? lane[j] : top;
    for (size_t i = whole; i < n; i++)
        top = x[i] > top ? x[i] : top;
    uint32_t at = 0;
    while (x[at] != top)
        at++;
    return at;
}

/* The sum of weights[0, n) by lanes. */
static float sum_by_lanes(const float *weights, size_t n)
{
    float lane[RP_CANON_LANES] = {0.0F};
    size_t whole = n - n % RP_CANON_LANES;
    for (size_t i = 0; i < whole; i += RP_CANON_LANES) {
        for (size_t j = 0; j < RP_CANON_LANES; j++)
            lane[j] += weights[i + j];
    }
    for (size_t j = 0; whole + j < n; j++)
        lane[j] += weights[whole + j];
    for (size_t step = RP_CANON_LANES / 2; step > 0; step /= 2) {
        for (size_t j = 0; j < step; j++)
            lane[j] += lane[j + step];
    }
    return lane[0];
}

/* ---- the steps ---- */

static void penalise(float *adjusted, const uint32_t *uses, size_t n, const rp_sampling *sampling)
{
    for (size_t i = 0; i < n; i++) {
        if (uses[i] == 0)
            continue;
        float logit = adjusted[i];
        logit = logit > 0.0F ? logit / sampling->repetition_penalty
                             : logit * sampling->repetition_penalty;
        uint32_t count = uses[i] & ~RP_SAMPLER_IN_PROMPT;
        if (count > 0) {
            logit = logit - (float)count * sampling->frequency_penalty;
            logit = logit - sampling->presence_penalty;
        }
        adjusted[i] = logit;
    }
}

/* Drops all that rank below `last`. */
static void drop_below(rp_sampler *sampler, uint32_t last)
{
    float limit = sampler->adjusted[last];
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        float logit = sampler->adjusted[i];
        if (logit < limit || (logit == limit && i > last))
            sampler->weights[i] = 0.0F;
    }
}

static void apply_top_k(rp_sampler *sampler, size_t k)
{
    if (k == 0 || k >= sampler->vocabulary)
        return;
    keep_best(sampler->adjusted, sampler->vocabulary, k, sampler->order);
    drop_below(sampler, sampler->order[0]);
}

/* The last token of top_p's run among those of at least `weight_min`, or UINT32_MAX where they do
 * not sum up to `goal`. */
static uint32_t run_end(rp_sampler *sampler, float weight_min, float goal)
{
    size_t count = 0;
    for (size_t i = 0; i < sampler->vocabulary; i++) {
        if (sampler->weights[i] > 0.0F && sampler->weights[i] >= weight_min)
            sampler->order[count++] = (uint32_t)i;
    }
    make_heap(sampler->adjusted, sampler->order, count, true);
    float sum = 0.0F;
    while (count > 0) {
        uint32_t best = sampler->order[0];
        sum += sampler->weights[best];
        if (sum >= goal)
            return best;
        sampler->order[0] = sampler->order[--count];
        sift(sampler->adjusted, sampler->order, count, 0, true);
    }
    return UINT32_MAX;
}

static void apply_top_p(rp_sampler *sampler, float top_p)
{
    if (top_p >= 1.0F)
        return;
    float total = sum_by_lanes(sampler->weights, sampler->vocabulary);
    /* Weights below this are together no more than what top_p leaves out, so the run ends before
     * them but for rounding; then all are looked at. The result is the same, only sooner there. */
    float small = total * (1.0F - top_p) / (float)sampler->vocabulary;
    uint32_t last = run_end(sampler, small, top_p * total);
    if (last == UINT32_MAX)
        last = run_end(sampler, 0.0F, top_p * total);
    if (last != UINT32_MAX)
        drop_below(sampler, last);
}

static void apply_min_p(rp_sampler *sampler, float min_p)
{
    for (size_t i = 0; i < sampler->vocabulary; i++)
        sampler->weights[i] = sampler->weights[i] < min_p ? 0.0F : sampler->weights[i];
}

static uint32_t last_with_weight(const float *weights, size_t n)
{
    while (n > 1 && !(weights[n - 1] > 0.0F))
        n--;
    return (uint32_t)(n - 1);
}

/* Goes through the block in which the running sum passes the goal. Added one by one it may, by
 * rounding, just not get there: then it is the block's last. */
static uint32_t draw_in_block(const float *weights, size_t n, float sum, float goal)
{
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        if (sum > goal)
            return (uint32_t)i;
    }
    return last_with_weight(weights, n);
}

static uint32_t draw(const float *weights, size_t n, float u)
{
    float total = 0.0F, before = 0.0F;
    for (size_t i = 0; i < n; i += RP_CANON_SPLIT)
        total += sum_by_lanes(weights + i, n - i < RP_CANON_SPLIT ? n - i : RP_CANON_SPLIT);
    float goal = u * total;
    for (size_t i = 0; i < n; i += RP_CANON_SPLIT) {
        size_t size = n - i < RP_CANON_SPLIT ? n - i : RP_CANON_SPLIT;
        float after = before + sum_by_lanes(weights + i, size);
        if (after > goal)
            return (uint32_t)i + draw_in_block(weights + i, size, before, goal);
        before = after;
    }
    return last_with_weight(weights, n); /* u times the total rounded up to it */
}

/* `best` is the highest of the raw logits. False where penalties, bias or temperature leave the
 * range of float32. */
static bool choose(rp_sampler *sampler, const float *logits, uint32_t best, const uint32_t *uses,
    const rp_sampling *sampling, uint64_t position, uint32_t *ret_token)
{
    size_t n = sampler->vocabulary;
    float *adjusted = sampler->adjusted;
    bool greedy = sampling->temperature < RP_SAMPLING_TEMPERATURE_MIN;
    bool penalties = sampling->repetition_penalty != 1.0F || sampling->frequency_penalty != 0.0F ||
                     sampling->presence_penalty != 0.0F;
    if (greedy && !penalties && sampling->bias_count == 0) {
        *ret_token = best;
        return true;
    }
    memcpy(adjusted, logits, n * sizeof *adjusted);
    if (penalties)
        penalise(adjusted, uses, n, sampling);
    for (size_t i = 0; i < sampling->bias_count; i++)
        adjusted[sampling->bias[i].token] += sampling->bias[i].bias;
    for (size_t i = 0; i < n && !greedy; i++)
        adjusted[i] = adjusted[i] / sampling->temperature;
    if (!all_finite(adjusted, n))
        return false;
    uint32_t top = highest(adjusted, n);
    if (greedy) {
        *ret_token = top;
        return true;
    }
    (void)sampler->kernels->exp_sum(adjusted, n, adjusted[top], sampler->weights);
    apply_top_k(sampler, sampling->top_k);
    apply_top_p(sampler, sampling->top_p);
    apply_min_p(sampler, sampling->min_p);
    *ret_token = draw(sampler->weights, n, rp_rng_uniform(sampling->seed, position));
    return true;
}

/* Log-probabilities of the raw logits, of which `top` is the highest. */
static void tell(
    rp_sampler *sampler, const float *logits, float top, uint32_t wanted, rp_sampler_choice *choice)
{
    size_t n = sampler->vocabulary, count = wanted < n ? wanted : n;
    float log_sum = rp_canon_log(sampler->kernels->exp_sum(logits, n, top, sampler->weights));
    choice->logit = logits[choice->token];
    choice->logprob = (choice->logit - top) - log_sum;
    choice->alternative_count = (uint32_t)count;
    if (count == 0)
        return;
    uint32_t *best = sampler->order;
    keep_best(logits, n, count, best);
    for (size_t left = count; left > 0; left--) { /* the worst is the root: fill from the end */
        choice->alternatives[left - 1] = (rp_sampler_alternative){
            .token = best[0], .logprob = (logits[best[0]] - top) - log_sum};
        best[0] = best[left - 1];
        sift(logits, best, left - 1, 0, false);
    }
}

bool rp_sampler_choose(rp_sampler *sampler, const float *logits, const uint32_t *uses,
    const rp_sampling *sampling, uint64_t position, rp_sampler_choice *ret_choice)
{
    rp_sampler_choice choice = {0};
    if (!all_finite(logits, sampler->vocabulary))
        return false;
    uint32_t best = highest(logits, sampler->vocabulary);
    if (!choose(sampler, logits, best, uses, sampling, position, &choice.token))
        return false;
    tell(sampler, logits, logits[best], sampling->logprobs, &choice);
    *ret_choice = choice;
    return true;
}
