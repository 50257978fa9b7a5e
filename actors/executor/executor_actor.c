/* The executor: takes tokenised work of one model's version, generates, and answers chunk by chunk.
 *
 * A worker: what it holds is in the streams. See executor_internal.h for its parts.
 */
#include "actors/executor/executor_internal.h"

#include "actors/executor/weights/weights.h"
#include "kernels/cpu/canon/thread.h"
#include "runtime/format/gguf_vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SCRATCH_BYTES_MAX = 32 << 20,
    CHUNK_ARENA_BYTES_MAX = 64 << 20,
    TRANSCRIPT_BYTES_MAX = 1 << 20, /* as JSON at its longest, RESULT takes 8 MiB */
    CHAIN_OUTPUTS_MAX = 64
};

/* -- cancels ----------------------------------------------------------------------------------- */

static void on_cancel(void *arg, const rp_message *message)
{
    executor *self = arg;
    rp_bytes tenant = rp_name_token(message->subject, 1);
    rp_bytes id = rp_name_token(message->subject, 2);
    for (size_t i = 0; i < self->places_of_worker; i++) {
        request *r = self->held[i];
        if (!r || !rp_bytes_is(tenant, r->tenant_token) || !rp_bytes_is(id, r->exec->request))
            continue;
        r->cancelled = true;
        /* In the middle of a step it takes effect when the step is done; who waits need not. */
        if (r->waiting)
            (void)executor_request_interrupted(r);
    }
    executor_steps_wake(self);
}

static rp_status opened(void *state, rp_worker *worker, rp_error *reterr)
{
    executor *self = state;
    self->worker = worker;
    rp_follower_spec spec = {.stream = "CONTROL",
        .filter = "control.*.*.cancel",
        .from = RP_FOLLOW_NEW,
        .on_message = on_cancel,
        .arg = self};
    rp_status status = rp_bus_follow(self->env->bus, &spec, &self->control);
    return status == RP_OK ? RP_OK
                           : rp_error_set(reterr, status, "CONTROL",
                                 "CONTROL cannot be followed: %s", rp_status_text(status));
}

/* -- the record in ACTORS ---------------------------------------------------------------------- */

static void describe(void *state, Rp__Actor *record)
{
    executor *self = state;
    Rp__ModelPresence *m = &self->model_presence;
    rp__model_presence__init(m);
    m->name = self->arg->name;
    m->version = self->arg->version;
    m->weights_digest = self->arg->digest;
    m->has_context_tokens = true;
    m->context_tokens = self->context_tokens;
    m->has_chat_template = true;
    m->chat_template = rp_gguf_chat_template(self->file).len > 0;
    for (size_t i = 0; i < self->settings.lanes; i++) {
        Rp__LanePresence *lane = &self->lane_presence[i];
        uint64_t delivered = rp_worker_delivered(self->worker, self->durables[i]);
        rp__lane_presence__init(lane);
        lane->lane = self->lanes[i];
        lane->has_delivered_sequence = delivered > 0;
        lane->delivered_sequence = delivered;
        self->lane_presences[i] = lane;
    }
    m->lanes = self->lane_presences;
    m->n_lanes = self->settings.lanes;
    self->model_presences[0] = m;
    record->models = self->model_presences;
    record->n_models = 1;
}

/* -- weights ----------------------------------------------------------------------------------- */

static void find_stop_tokens(executor *self)
{
    int32_t ends[] = {rp_vocabulary_eos(self->vocabulary), rp_vocabulary_eot(self->vocabulary)};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i] != RP_TOKEN_NONE && (i == 0 || ends[i] != ends[0]))
            self->stop_tokens[self->stop_token_count++] = (uint32_t)ends[i];
    }
}

/* Appends the names of what this machine can compute with, fastest first. */
static void list_kernels(rp_buffer *out)
{
    const rp_canon_kernels *kernels;
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++)
        rp_buffer_printf(out, "%s%s", i > 0 ? ", " : "", kernels->name);
}

static rp_status choose_kernels(executor *self, rp_error *reterr)
{
    const char *name = self->settings.canon;
    bool any = !name || strcmp(name, "auto") == 0;
    self->kernels = any ? rp_canon_kernels_best() : rp_canon_kernels_named(name);
    if (self->kernels)
        return RP_OK;
    rp_buffer names;
    rp_buffer_init(&names, 256);
    list_kernels(&names);
    rp_status status = rp_error_set(reterr, RP_UNSUPPORTED, "canon",
        "--canon %.32s is not what this machine can do; it has %s, and auto takes the first", name,
        rp_buffer_string(&names));
    rp_buffer_done(&names);
    return status;
}

/* All threads pack the weights; then the file's pages are needed no more, but for the embeddings of
 * the tokens that come. */
static rp_status load_model(executor *self, rp_error *reterr)
{
    rp_crew *crew;
    rp_status status = rp_crew_new((unsigned)rp_actor_threads(self->actor), NULL, &crew, reterr);
    if (status != RP_OK)
        return status;
    status = rp_model_load(self->file, self->kernels, crew, &self->model, reterr);
    rp_crew_free(crew);
    if (status == RP_OK && rp_model_packed_bytes(self->model) > 0)
        rp_gguf_drop_pages(self->file);
    return status;
}

static rp_status make_engine(executor *self, rp_error *reterr)
{
    const rp_hyper *hyper = rp_model_hyper(self->model);
    uint64_t wanted = self->settings.context_tokens;
    self->context_tokens = wanted && wanted < hyper->context ? (uint32_t)wanted : hyper->context;
    rp_engine_limits limits = {.sequences = (uint32_t)self->env->slots,
        .context = self->context_tokens,
        .prefill_chunk = (uint32_t)self->settings.prefill_chunk,
        .threads = (unsigned)rp_actor_threads(self->actor)};
    if (self->env->slots > RP_ENGINE_SEQUENCES_MAX)
        return rp_error_set(
            reterr, RP_LIMIT, "slots", "an executor has %d slots at most", RP_ENGINE_SEQUENCES_MAX);
    return rp_engine_new(self->model, &limits, &self->engine, reterr);
}

static void tell_weights(executor *self, uint64_t took_ns)
{
    rp_buffer mix;
    rp_buffer_init(&mix, 4096);
    rp_weights_mix(self->file, &mix);
    rp_log_info(self->env->log, "weights_loaded", rp_log_text("model", self->arg->name),
        rp_log_text("version", self->arg->version), rp_log_bytes("types", rp_buffer_bytes(&mix)),
        rp_log_text("canon", self->kernels->name),
        rp_log_count("packed_bytes", rp_model_packed_bytes(self->model)),
        rp_log_count("context_tokens", self->context_tokens), rp_log_duration("took", took_ns));
    rp_buffer_done(&mix);
}

static rp_status load(executor *self, rp_error *reterr)
{
    const rp_clock *clock = self->env->host->clock;
    uint64_t began_ns = rp_clock_monotonic_ns(clock);
    if (self->settings.models.count != 1)
        return rp_error_set(reterr, RP_INVALID, "model",
            "an executor serves one model: give --model NAME=FILE.gguf once");
    if (!rp_canon_thread_enter())
        return rp_error_set(reterr, RP_UNSUPPORTED, NULL,
            "this thread's float environment is not IEEE as it comes, and cannot be made so");
    rp_status status = choose_kernels(self, reterr);
    if (status == RP_OK)
        status = rp_model_args_read(&self->settings.models, &self->args, reterr);
    if (status != RP_OK)
        return status;
    self->arg = &self->args.models[0];
    if (!self->arg->file)
        return rp_error_set(reterr, RP_INVALID, "model",
            "--model names a version, but the executor needs the file: NAME=FILE.gguf");
    status = rp_gguf_open(self->arg->file, &self->file, reterr);
    if (status == RP_OK)
        status = rp_gguf_vocabulary(self->file, &self->vocabulary, reterr);
    if (status == RP_OK)
        status = load_model(self, reterr);
    if (status == RP_OK)
        status = make_engine(self, reterr);
    if (status != RP_OK) {
        rp_error_prefix(reterr, "model %.64s", self->arg->name);
        return status;
    }
    find_stop_tokens(self);
    tell_weights(self, rp_clock_monotonic_ns(clock) - began_ns);
    return RP_OK;
}

/* -- the process ------------------------------------------------------------------------------- */

static rp_status register_metrics(executor *self, rp_error *reterr)
{
    rp_metrics *m = self->env->metrics;
    const rp_metric_split reasons = {.labels = {"finish_reason"}, .children_max = 8};
    rp_status status = rp_metrics_counter_family(m, "reprise_answers_total",
        "Answers ended, by how.", &reasons, &self->metrics.answers, reterr);
    const rp_metric_split codes = {.labels = {"code"}, .children_max = 32};
    if (status == RP_OK)
        status = rp_metrics_counter_family(m, "reprise_requests_refused_total",
            "Requests answered with an error.", &codes, &self->metrics.refused, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_completion_tokens_total", "Tokens generated.",
            &self->metrics.tokens, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_prompt_tokens_total",
            "Tokens of the prompts answered.", &self->metrics.prompt_tokens, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(
            m, "reprise_steps_total", "Forward passes.", &self->metrics.steps, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_step_records_refused_total",
            "Times that a STEP record was not stored.", &self->metrics.records_refused, reterr);
    if (status == RP_OK)
        status = rp_metrics_histogram(m, "reprise_step_seconds", "One forward pass.",
            rp_metric_bounds_output_token, &self->metrics.step, reterr);
    if (status == RP_OK)
        status = rp_metrics_histogram(m, "reprise_time_to_first_token_seconds",
            "From taking a request to its first token.", rp_metric_bounds_first_token,
            &self->metrics.first_token, reterr);
    if (status == RP_OK)
        status = rp_metrics_histogram(m, "reprise_time_per_output_token_seconds",
            "Between two tokens of a request.", rp_metric_bounds_output_token,
            &self->metrics.output_token, reterr);
    if (status == RP_OK)
        status = rp_metrics_gauge(m, "reprise_requests_waiting",
            "Requests held that have no place in the engine.", &self->metrics.waiting, reterr);
    const rp_metric_label canon[] = {{"kernels", self->kernels->name}};
    if (status == RP_OK)
        status = rp_metrics_info(
            m, "reprise_canon_info", "What the model is computed with.", canon, 1, reterr);
    return status;
}

static rp_status make_places(executor *self, rp_error *reterr)
{
    size_t n = rp_worker_places(self->env->slots);
    self->places_of_worker = n;
    self->held = calloc(n, sizeof *self->held);
    self->transcripts = calloc(n, sizeof *self->transcripts);
    rp_status status = self->held && self->transcripts
                           ? rp_arena_init(&self->chunk_arena, 64 << 10, CHUNK_ARENA_BYTES_MAX)
                           : RP_NO_MEMORY;
    for (size_t i = 0; i < n && status == RP_OK; i++)
        status = rp_transcript_new(TRANSCRIPT_BYTES_MAX, &self->transcripts[i]);
    if (status != RP_OK)
        return rp_error_set(reterr, status, "slots", "no memory for so many slots");
    status = executor_steps_init(self, reterr);
    return status == RP_OK ? executor_records_init(self, reterr) : status;
}

static rp_status name_lanes(executor *self, rp_error *reterr)
{
    rp_status status = RP_OK;
    for (size_t i = 0; i < self->settings.lanes && status == RP_OK; i++) {
        rp_name_lane((uint32_t)i, self->lanes[i]);
        status = rp_declaration_executor(
            self->arg->name, self->arg->version, self->lanes[i], self->durables[i], reterr);
    }
    return status;
}

static void stop(void *state)
{
    executor *self = state;
    if (!self)
        return;
    rp_bus_unfollow(self->env->bus, self->control);
    executor_records_done(self);
    executor_steps_done(self);
    for (size_t i = 0; self->transcripts && i < self->places_of_worker; i++)
        rp_transcript_free(self->transcripts[i]);
    free(self->transcripts);
    free(self->held);
    rp_engine_free(self->engine);
    rp_model_free(self->model);
    rp_vocabulary_free(self->vocabulary);
    rp_gguf_free(self->file);
    rp_arena_done(&self->chunk_arena);
    rp_buffer_done(&self->scratch);
    free(self);
}

static rp_status start(rp_actor *actor, const void *given, void **ret_state, rp_error *reterr)
{
    executor *self = calloc(1, sizeof *self);
    if (!self)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    self->actor = actor;
    self->env = rp_actor_worker_env(actor);
    self->settings = *(const rp_executor_settings *)given;
    rp_buffer_init(&self->scratch, SCRATCH_BYTES_MAX);
    rp_status status = load(self, reterr);
    if (status == RP_OK)
        status = name_lanes(self, reterr);
    if (status == RP_OK)
        status = make_places(self, reterr);
    if (status == RP_OK)
        status = register_metrics(self, reterr);
    if (status != RP_OK) {
        stop(self);
        return status;
    }
    *ret_state = self;
    return RP_OK;
}

static rp_status mailboxes(void *state, rp_worker *worker, rp_error *reterr)
{
    executor *self = state;
    rp_status status = RP_OK;
    for (size_t i = 0; i < self->settings.lanes && status == RP_OK; i++)
        status = rp_worker_mailbox(worker, "EXEC", self->durables[i], reterr);
    return status;
}

static void thread_start(size_t thread)
{
    (void)thread;
    (void)rp_canon_thread_enter(); /* the engine checks before it computes */
}

/* clang-format off */
static const rp_option options[] = {
    {"model", 'm', RP_OPTION_LIST, "NAME=FILE", "REPRISE_MODELS", NULL,
        "the model and its GGUF file", offsetof(rp_executor_settings, models), 0, 0},
    {"lanes", 0, RP_OPTION_COUNT, "N", "REPRISE_LANES", "1",
        "that the model's work is spread over; all are served",
        offsetof(rp_executor_settings, lanes), 1, RP_DECLARATION_LANES_MAX},
    {"context", 0, RP_OPTION_COUNT, "TOKENS", "REPRISE_CONTEXT", "0",
        "of prompt and answer together; 0 = what the model was trained for",
        offsetof(rp_executor_settings, context_tokens), 0, 1 << 20},
    {"prefill-chunk", 0, RP_OPTION_COUNT, "TOKENS", "REPRISE_PREFILL_CHUNK", "64",
        "of a prompt that one step reads",
        offsetof(rp_executor_settings, prefill_chunk), 1, RP_ENGINE_CHUNK_MAX},
    {"canon", 0, RP_OPTION_TEXT, "KERNELS", "REPRISE_CANON", "auto",
        "avx512, avx2, neon, scalar: all give the same bits; auto = the fastest here",
        offsetof(rp_executor_settings, canon), 0, 0},
    {0}};
/* clang-format on */

const rp_actor_spec rp_executor = {.kind = "executor",
    .summary = "generates the answers of one model",
    .example = "reprise-executor --model gemma3=gemma-3-270m-q4_k_m.gguf",
    .options = options,
    .settings_bytes = sizeof(rp_executor_settings),
    .slots_default = "1",
    .threads_default = "0",
    .one_job = true,
    .worker = {.context_bytes = sizeof(request),
        .arena_bytes_max = ARENA_BYTES_MAX,
        .chain_outputs_max = CHAIN_OUTPUTS_MAX,
        .handle = executor_handle,
        .chain = executor_chain,
        .chain_room = executor_chain_room,
        .abandon = executor_abandon,
        .give_up = executor_give_up},
    .start = start,
    .stop = stop,
    .mailboxes = mailboxes,
    .opened = opened,
    .describe = describe,
    .thread_start = thread_start};
