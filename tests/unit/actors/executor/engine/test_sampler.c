#include "actors/executor/engine/sampler.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/math.h"
#include "runtime/base/rng.h"

enum { N = 1000 };

static const rp_sampling greedy = {.top_p = 1.0F, .repetition_penalty = 1.0F};
static const rp_sampling plain = {.temperature = 1.0F, .top_p = 1.0F, .repetition_penalty = 1.0F};

static rp_sampler *sampler;
static float logits[N];
static uint32_t uses[N];

static void prepare(size_t n)
{
    cr_assert_eq(rp_sampler_new(rp_canon_kernels_best(), (uint32_t)n, &sampler, NULL), RP_OK);
    for (size_t i = 0; i < N; i++) {
        logits[i] = rp_rng_uniform(41, i) * 8.0F - 4.0F;
        uses[i] = 0;
    }
    for (size_t i = 3; i + 1 < N; i += 10)
        logits[i + 1] = logits[i]; /* equals */
}

static uint32_t pick(const rp_sampling *sampling, uint64_t position)
{
    rp_sampler_choice choice;
    cr_assert(rp_sampler_choose(sampler, logits, uses, sampling, position, &choice));
    return choice.token;
}

Test(sampler, greedy_takes_the_highest_and_of_equals_the_first)
{
    prepare(N);
    logits[700] = 9.0F;
    cr_assert_eq(pick(&greedy, 1), 700);
    logits[701] = 9.0F;
    logits[77] = 9.0F;
    cr_assert_eq(pick(&greedy, 1), 77);
    logits[999] = 9.5F;
    cr_assert_eq(pick(&greedy, 1), 999);
    rp_sampling nearly = greedy;
    nearly.temperature = 0.0009F;
    cr_assert_eq(pick(&nearly, 1), 999);
    rp_sampler_free(sampler);
}

Test(sampler, frequencies_follow_the_softmax)
{
    enum { DRAWS = 40000, SMALL = 7 };
    unsigned seen[SMALL] = {0};
    prepare(SMALL);
    double total = 0, chi = 0;
    rp_sampling warm = plain;
    warm.temperature = 2.0F;
    warm.seed = 77;
    for (uint64_t i = 0; i < DRAWS; i++)
        seen[pick(&warm, i)]++;
    for (size_t i = 0; i < SMALL; i++)
        total += exp((double)logits[i] / 2);
    for (size_t i = 0; i < SMALL; i++) {
        double expected = DRAWS * exp((double)logits[i] / 2) / total;
        chi += pow(seen[i] - expected, 2) / expected;
    }
    cr_assert(chi < 22.5, "chi squared %g with 6 degrees of freedom", chi); /* 0.1% */
    rp_sampler_free(sampler);
}

/* ---- the words of sampler.h, with a full sort ---- */

static const float *sort_key;

static int by_rank(const void *a, const void *b)
{
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (sort_key[i] != sort_key[j])
        return sort_key[i] > sort_key[j] ? -1 : 1;
    return i < j ? -1 : 1;
}

static float lanes(const float *x, size_t n)
{
    float lane[16] = {0};
    for (size_t i = 0; i < n; i++)
        lane[i % 16] += x[i];
    for (size_t step = 8; step >= 1; step /= 2) {
        for (size_t i = 0; i < step; i++)
            lane[i] += lane[i + step];
    }
    return lane[0];
}

static uint32_t expected(const rp_sampling *s, uint64_t position)
{
    static float a[N], w[N];
    static uint32_t order[N];
    for (size_t i = 0; i < N; i++) {
        a[i] = logits[i];
        if (uses[i]) {
            a[i] = a[i] > 0 ? a[i] / s->repetition_penalty : a[i] * s->repetition_penalty;
            uint32_t n = uses[i] & ~RP_SAMPLER_IN_PROMPT;
            if (n > 0) {
                a[i] -= (float)n * s->frequency_penalty;
                a[i] -= s->presence_penalty;
            }
        }
        order[i] = (uint32_t)i;
    }
    for (size_t i = 0; i < s->bias_count; i++)
        a[s->bias[i].token] += s->bias[i].bias;
    for (size_t i = 0; i < N; i++)
        a[i] /= s->temperature;
    sort_key = a;
    qsort(order, N, sizeof *order, by_rank);
    for (size_t i = 0; i < N; i++)
        w[i] = a[i] - a[order[0]];
    rp_canon_kernels_best()->exp(w, N, w);
    for (size_t i = s->top_k; i < N && s->top_k > 0; i++)
        w[order[i]] = 0;
    float total = lanes(w, N), sum = 0;
    for (size_t i = 0; i < N && s->top_p < 1; i++) {
        if (i > 0 && sum >= s->top_p * total)
            w[order[i]] = 0;
        sum += w[order[i]];
    }
    for (size_t i = 0; i < N; i++)
        w[i] = w[i] < s->min_p ? 0 : w[i];
    total = 0;
    for (size_t i = 0; i < N; i += 256)
        total += lanes(w + i, N - i < 256 ? N - i : 256);
    float goal = rp_rng_uniform(s->seed, position) * total, before = 0;
    for (size_t i = 0; i < N; i += 256) {
        size_t n = N - i < 256 ? N - i : 256;
        float after = before + lanes(w + i, n);
        for (size_t j = i; j < i + n && after > goal; j++) {
            before += w[j];
            if (before > goal)
                return (uint32_t)j;
        }
        before = after;
    }
    return UINT32_MAX;
}

Test(sampler, every_combination_is_its_definition)
{
    static const float temperatures[] = {0.05F, 0.8F, 1.0F, 3.0F};
    static const uint32_t ks[] = {0, 1, 2, 40, 999, 1000, 5000};
    static const float ps[] = {0.0F, 0.1F, 0.5F, 0.95F, 0.9999F, 1.0F};
    static const float mins[] = {0.0F, 0.05F, 1.0F};
    static const rp_sampling_bias bias[] = {{5, 3.5F}, {6, -100.0F}, {5, 0.25F}};
    prepare(N);
    for (size_t i = 0; i < N; i += 7)
        uses[i] = i % 3 == 0 ? RP_SAMPLER_IN_PROMPT : i % 3 == 1 ? 2 : RP_SAMPLER_IN_PROMPT | 1;
    for (uint64_t i = 0; i < 4 * 7 * 6 * 3; i++) {
        rp_sampling s = {.temperature = temperatures[i % 4],
            .top_k = ks[i / 4 % 7],
            .top_p = ps[i / 28 % 6],
            .min_p = mins[i / 168],
            .seed = i * i,
            .repetition_penalty = i % 5 ? 1.0F : 1.3F,
            .presence_penalty = i % 3 ? 0.0F : 0.5F,
            .frequency_penalty = i % 7 ? 0.0F : -0.25F,
            .bias = bias,
            .bias_count = i % 4};
        for (uint64_t position = 0; position < 5; position++) {
            uint32_t want = expected(&s, position);
            cr_assert_eq(pick(&s, position), want, "%zu", (size_t)i);
        }
    }
    rp_sampler_free(sampler);
}

/* Equal logits everywhere: which ones stay is the order of ids alone. */
Test(sampler, ties_go_to_the_lower_id)
{
    prepare(N);
    for (size_t i = 0; i < N; i++)
        logits[i] = 1.0F;
    rp_sampling s = plain;
    for (uint64_t i = 0; i < 300; i++) {
        s.top_k = 3;
        s.top_p = 1.0F;
        cr_assert(pick(&s, i) < 3);
        s.top_k = 0;
        s.top_p = 0.004F;
        cr_assert(pick(&s, i) < 4);
    }
    rp_sampler_free(sampler);
}

/* In each pair the other order would choose another token. */
Test(sampler, the_order_of_the_steps)
{
    prepare(4);
    memcpy(logits, (float[]){2.0F, 1.9F, 1.0F, -1.0F}, 16);
    rp_sampling s = greedy;
    /* penalties divide before the bias is added: 2 / 2 + 0.5 < 1.9 */
    rp_sampling_bias bias[] = {{0, 0.5F}};
    uses[0] = RP_SAMPLER_IN_PROMPT;
    s.repetition_penalty = 2.0F;
    s.bias = bias;
    s.bias_count = 1;
    cr_assert_eq(pick(&s, 0), 1);
    /* the bias counts for top_k */
    s = plain;
    rp_sampling_bias lift[] = {{3, 10.0F}};
    s.top_k = 1;
    s.bias = lift;
    s.bias_count = 1;
    cr_assert_eq(pick(&s, 0), 3);
    /* top_p counts after the temperature: cold, the first alone holds 90% */
    s = plain;
    s.temperature = 0.02F;
    s.top_p = 0.9F;
    for (uint64_t i = 0; i < 50; i++)
        cr_assert_eq(pick(&s, i), 0);
    /* and after top_k: of two, the first holds 52% */
    s = plain;
    s.top_k = 2;
    s.top_p = 0.5F;
    for (uint64_t i = 0; i < 50; i++)
        cr_assert_eq(pick(&s, i), 0);
    rp_sampler_free(sampler);
}

Test(sampler, penalties_count_what_they_say)
{
    prepare(4);
    memcpy(logits, (float[]){3.0F, 2.2F, -1.0F, -5.0F}, 16);
    rp_sampling s = greedy;
    s.presence_penalty = 1.0F;
    uses[0] = RP_SAMPLER_IN_PROMPT; /* the prompt does not count */
    cr_assert_eq(pick(&s, 0), 0);
    uses[0] = 1;
    cr_assert_eq(pick(&s, 0), 1);
    s.presence_penalty = 0.0F;
    s.frequency_penalty = 0.3F;
    uses[0] = 2;
    cr_assert_eq(pick(&s, 0), 0); /* 3 - 0.6 */
    uses[0] = RP_SAMPLER_IN_PROMPT | 3;
    cr_assert_eq(pick(&s, 0), 1); /* 3 - 0.9 */
    s.frequency_penalty = 0.0F;
    s.repetition_penalty = 1.5F;
    uses[0] = RP_SAMPLER_IN_PROMPT;
    cr_assert_eq(pick(&s, 0), 1); /* 3 / 1.5 */
    memcpy(logits, (float[]){-1.0F, -1.2F, -9.0F, -9.0F}, 16);
    cr_assert_eq(pick(&s, 0), 1); /* -1 * 1.5 */
    rp_sampler_free(sampler);
}

Test(sampler, the_draw_depends_on_seed_and_position_alone)
{
    prepare(N);
    rp_sampling s = plain;
    s.seed = 5;
    uint32_t first = pick(&s, 100);
    unsigned different = 0;
    for (uint64_t i = 0; i < 20; i++)
        different += pick(&s, i) != first;
    cr_assert(different > 10);
    cr_assert_eq(pick(&s, 100), first);
    s.seed = 6;
    different = 0;
    for (uint64_t i = 0; i < 5; i++) {
        s.seed = 6 + i;
        different += pick(&s, 100) != first;
    }
    cr_assert(different > 2);
    rp_sampler_free(sampler);
}

Test(sampler, log_probabilities_are_of_the_raw_logits)
{
    prepare(N);
    rp_sampling s = greedy;
    rp_sampling_bias bias[] = {{500, 50.0F}};
    s.bias = bias;
    s.bias_count = 1;
    s.logprobs = 20;
    rp_sampler_choice choice;
    cr_assert(rp_sampler_choose(sampler, logits, uses, &s, 0, &choice));
    double total = 0;
    for (size_t i = 0; i < N; i++)
        total += exp((double)logits[i]);
    cr_assert_eq(choice.token, 500);
    cr_assert_eq(choice.logit, logits[500]);
    cr_assert(fabs((double)choice.logprob - ((double)logits[500] - log(total))) < 1e-5);
    cr_assert_eq(choice.alternative_count, 20);
    static uint32_t order[N];
    for (size_t i = 0; i < N; i++)
        order[i] = (uint32_t)i;
    sort_key = logits;
    qsort(order, N, sizeof *order, by_rank);
    for (size_t i = 0; i < 20; i++) {
        cr_assert_eq(choice.alternatives[i].token, order[i]);
        cr_assert(fabs((double)choice.alternatives[i].logprob -
                       ((double)logits[order[i]] - log(total))) < 1e-5);
    }
    rp_sampler_free(sampler);
}

Test(sampler, more_alternatives_than_tokens)
{
    prepare(4);
    rp_sampling s = greedy;
    rp_sampler_choice choice;
    s.logprobs = 20;
    cr_assert(rp_sampler_choose(sampler, logits, uses, &s, 0, &choice));
    cr_assert_eq(choice.alternative_count, 4);
    rp_sampler_free(sampler);
}

Test(sampler, what_is_not_finite_chooses_nothing)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    rp_sampler_choice choice;
    for (size_t i = 0; i < 3; i++) {
        prepare(N);
        logits[N - 1] = bad[i];
        cr_assert_not(rp_sampler_choose(sampler, logits, uses, &plain, 0, &choice));
        rp_sampler_free(sampler);
    }
    prepare(N);
    logits[0] = 3e38F;
    rp_sampling cold = plain;
    cold.temperature = 0.001F;
    cr_assert_not(rp_sampler_choose(sampler, logits, uses, &cold, 0, &choice));
    rp_sampler_free(sampler);
}

Test(sampler, limits_are_named)
{
    const struct {
        rp_sampling sampling;
        const char *field;
    } wrong[] = {{{.temperature = -1.0F, .top_p = 1, .repetition_penalty = 1}, "temperature"},
        {{.temperature = NAN, .top_p = 1, .repetition_penalty = 1}, "temperature"},
        {{.temperature = INFINITY, .top_p = 1, .repetition_penalty = 1}, "temperature"},
        {{.top_p = 1.5F, .repetition_penalty = 1}, "top_p"},
        {{.top_p = NAN, .repetition_penalty = 1}, "top_p"},
        {{.min_p = -0.1F, .top_p = 1, .repetition_penalty = 1}, "min_p"},
        {{.presence_penalty = 101, .top_p = 1, .repetition_penalty = 1}, "presence_penalty"},
        {{.frequency_penalty = -101, .top_p = 1, .repetition_penalty = 1}, "frequency_penalty"},
        {{.top_p = 1, .repetition_penalty = 0.0099F}, "repetition_penalty"},
        {{.top_p = 1, .repetition_penalty = 10.1F}, "repetition_penalty"},
        {{.top_p = 1, .repetition_penalty = 1, .logprobs = 21}, "logprobs"},
        {{.top_p = 1, .repetition_penalty = 1, .bias_count = 1025}, "logit_bias"},
        {{.top_p = 1,
             .repetition_penalty = 1,
             .bias_count = 1,
             .bias = &(rp_sampling_bias){1000, 1}},
            "logit_bias"},
        {{.top_p = 1,
             .repetition_penalty = 1,
             .bias_count = 1,
             .bias = &(rp_sampling_bias){999, NAN}},
            "logit_bias"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rp_error error = {0};
        cr_assert_neq(rp_sampling_check(&wrong[i].sampling, 1000, &error), RP_OK, "%zu", i);
        cr_assert_str_eq(error.field, wrong[i].field);
    }
    cr_assert_eq(rp_sampling_check(&greedy, 1000, NULL), RP_OK);
    static const float ends[] = {0.01F, 10.0F}; /* what schemas/validate.h lets through */
    for (size_t i = 0; i < 2; i++) {
        rp_sampling s = greedy;
        s.repetition_penalty = ends[i];
        cr_assert_eq(rp_sampling_check(&s, 1000, NULL), RP_OK);
    }
}
