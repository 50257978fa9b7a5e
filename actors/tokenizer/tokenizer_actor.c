/* The tokenizer: takes what users publish on infer.<tenant>.<model>, and publishes it, as tokens
 * and routed, on exec.<model>.<version>.<lane>.
 *
 * A worker: what it holds is in the streams. See tokenizer_internal.h for its parts.
 */
#include "actors/tokenizer/tokenizer_internal.h"

#include "runtime/actor/presence.h"

#include <stdlib.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SCRATCH_BYTES_MAX = 16 << 20,
    PROMPT_BYTES_MAX = 16 << 20, /* what the arena has room for */
    CHAIN_OUTPUTS_MAX = 2        /* the last chunk and RESULT */
};

/* -- metrics ----------------------------------------------------------------------------------- */

static void collect(void *arg)
{
    tokenizer *self = arg;
    rp_token_cache_counts counts = rp_encoder_cache(self->encoder);
    rp_counter_raise(self->metrics.cache_hits, counts.hits);
    rp_counter_raise(self->metrics.cache_misses, counts.misses);
    rp_counter_raise(self->metrics.cache_evictions, counts.evictions);
    rp_gauge_set_count(self->metrics.cache_bytes, counts.bytes);
}

static rp_status register_families(tokenizer *self, rp_error *reterr)
{
    rp_metrics *m = self->env->metrics;
    const rp_metric_split codes = {.labels = {"code"}, .children_max = 32};
    const rp_metric_split reasons = {.labels = {"why"}, .children_max = 4};
    rp_status status = rp_metrics_counter_family(m, "reprise_requests_refused_total",
        "Requests answered with an error.", &codes, &self->metrics.refused, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter_family(m, "reprise_actors_records_ignored_total",
            "Records of ACTORS that could not be read, or for which there was no room.", &reasons,
            &self->metrics.records_ignored, reterr);
    return status;
}

static rp_status register_metrics(tokenizer *self, rp_error *reterr)
{
    rp_metrics *m = self->env->metrics;
    const struct {
        const char *name, *help;
        rp_counter **counter;
    } counters[] = {
        {"reprise_requests_admitted_total", "Requests handed on to executors.",
            &self->metrics.admitted},
        {"reprise_prompt_tokens_total", "Tokens of the prompts admitted.",
            &self->metrics.prompt_tokens},
        {"reprise_exec_lost_total", "Requests admitted that are gone from EXEC, unserved.",
            &self->metrics.exec_lost},
        {"reprise_token_cache_hits_total", "Texts whose tokens were known.",
            &self->metrics.cache_hits},
        {"reprise_token_cache_misses_total", "Texts that were encoded.",
            &self->metrics.cache_misses},
        {"reprise_token_cache_evictions_total", "Texts forgotten to make room for others.",
            &self->metrics.cache_evictions},
    };
    rp_status status = register_families(self, reterr);
    for (size_t i = 0; i < sizeof counters / sizeof *counters && status == RP_OK; i++)
        status =
            rp_metrics_counter(m, counters[i].name, counters[i].help, counters[i].counter, reterr);
    if (status == RP_OK)
        status = rp_metrics_gauge(m, "reprise_token_cache_bytes", "What the cache holds.",
            &self->metrics.cache_bytes, reterr);
    return status == RP_OK ? rp_metrics_collector(m, collect, self) : status;
}

/* -- the process ------------------------------------------------------------------------------- */

static void stop(void *state)
{
    tokenizer *self = state;
    if (!self)
        return;
    rp_bus_unfollow(self->env->bus, self->actors);
    rp_fleet_free(self->fleet);
    rp_encoder_free(self->encoder);
    rp_tokenizer_models_free(self->models);
    rp_arena_done(&self->record_arena);
    rp_buffer_done(&self->scratch);
    free(self);
}

static rp_status make(tokenizer *self, rp_error *reterr)
{
    const rp_tokenizer_settings *settings = &self->settings;
    const rp_fleet_spec fleet = {.queue_max = (uint32_t)settings->queue_max,
        .gone_ns = RP_PRESENCE_GONE_NS,
        .quiet_ns = RP_PRESENCE_GONE_NS};
    rp_status status = rp_arena_init(&self->record_arena, 64 << 10, 1 << 20);
    if (status == RP_OK)
        status = rp_tokenizer_models_load(&settings->models, &self->models, reterr);
    if (status == RP_OK)
        status = rp_encoder_new(self->models, 1 + rp_host_threads(self->env->host),
            settings->prompt_bytes_max ? settings->prompt_bytes_max : PROMPT_BYTES_MAX,
            settings->cache_bytes_max, &self->encoder, reterr);
    if (status == RP_OK)
        status = rp_fleet_new(&fleet, &self->fleet);
    return status == RP_OK ? register_metrics(self, reterr) : status;
}

static rp_status start(rp_actor *actor, const void *settings, void **ret_state, rp_error *reterr)
{
    tokenizer *self = calloc(1, sizeof *self);
    if (!self)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    self->env = rp_actor_worker_env(actor);
    self->settings = *(const rp_tokenizer_settings *)settings;
    rp_buffer_init(&self->scratch, SCRATCH_BYTES_MAX);
    rp_status status = make(self, reterr);
    if (status != RP_OK) {
        stop(self);
        return status;
    }
    *ret_state = self;
    return RP_OK;
}

static rp_status mailboxes(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)state;
    return rp_worker_mailbox(worker, "REQUEST", "tokenizer", reterr);
}

static rp_status opened(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)worker;
    return tokenizer_watch(state, reterr);
}

/* clang-format off */
static const rp_option options[] = {
    {"model", 'm', RP_OPTION_LIST, "NAME=FILE", "REPRISE_MODELS", NULL,
        "a model and its GGUF file; once for each", offsetof(rp_tokenizer_settings, models), 0, 0},
    {"lanes", 0, RP_OPTION_COUNT, "N", "REPRISE_LANES", "1",
        "that a model's work is spread over", offsetof(rp_tokenizer_settings, lanes), 1, 16},
    {"exec-queue-max", 0, RP_OPTION_COUNT, "N", "REPRISE_EXEC_QUEUE_MAX", "256",
        "requests that may wait for a model, all tokenizers together; above: overloaded",
        offsetof(rp_tokenizer_settings, queue_max), 1, RP_FLEET_QUEUE_MAX},
    {"prompt-bytes", 0, RP_OPTION_BYTES, "SIZE", "REPRISE_PROMPT_BYTES", "16MiB",
        "of text in a prompt; above: prompt_too_long",
        offsetof(rp_tokenizer_settings, prompt_bytes_max), 1 << 10, PROMPT_BYTES_MAX},
    {"token-cache", 0, RP_OPTION_BYTES, "SIZE", "REPRISE_TOKEN_CACHE", "32MiB",
        "for texts that were encoded before",
        offsetof(rp_tokenizer_settings, cache_bytes_max), 64 << 10, UINT64_C(1) << 36},
    {0}};
/* clang-format on */

const rp_actor_spec rp_tokenizer = {.kind = "tokenizer",
    .summary = "turns requests into tokens and routes them to executors",
    .example = "reprise-tokenizer --model gemma3=gemma-3-270m-q4_k_m.gguf",
    .options = options,
    .settings_bytes = sizeof(rp_tokenizer_settings),
    .slots_default = "64",
    .threads_default = "0",
    .worker = {.context_bytes = sizeof(work),
        .arena_bytes_max = ARENA_BYTES_MAX,
        .chain_outputs_max = CHAIN_OUTPUTS_MAX,
        .handle = tokenizer_handle,
        .chain = tokenizer_chain,
        .abandon = tokenizer_abandon,
        .give_up = tokenizer_give_up},
    .start = start,
    .stop = stop,
    .mailboxes = mailboxes,
    .opened = opened};
