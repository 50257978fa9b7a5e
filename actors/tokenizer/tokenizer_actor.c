/* The tokenizer: takes what users publish on infer.<tenant>.<model>, and publishes it, as tokens
 * and routed, on exec.<model>.<version>.<lane>.
 *
 * A worker: a request is read and checked on the loop, encoded on a compute thread, admitted by the
 * fleet's state, and published; then it is settled. Whatever cannot be served is answered here: one
 * last chunk that says why, and RESULT.
 */
#include "actors/tokenizer/tokenizer.h"

#include "actors/tokenizer/encoder.h"
#include "actors/tokenizer/fleet.h"
#include "actors/tokenizer/intake.h"
#include "runtime/actor/answer.h"
#include "runtime/actor/presence.h"
#include "schemas/reprise/v1/exec.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_BYTES_MAX = 64 << 20,
    SCRATCH_BYTES_MAX = 16 << 20,
    TEXT_BYTES_MAX = 16 << 20,
    RETRY_MS = 500
};

typedef struct tokenizer {
    rp_actor *actor;
    rp_tokenizer_settings settings;
    rp_tokenizer_models *models;
    rp_encoder *encoder;
    rp_fleet *fleet;
    rp_follower *actors;
    rp_arena record_arena; /* of one record of ACTORS */
    rp_buffer scratch;
    rp_metric_family *refused;
    rp_counter *admitted, *prompt_tokens, *cache_hits, *cache_misses;
    rp_gauge *cache_bytes;
} tokenizer;

/* What goes with a request on its way through. */
typedef struct work {
    tokenizer *self;
    rp_intake_address address;
    rp_intake intake;
    const rp_tokenizer_model *model;
    rp_tokens tokens;
    rp_status encoded;
    rp_refusal refusal;
    rp_fleet_lane *lane;
    bool placed;         /* holds a place in the lane */
    unsigned unfinished; /* of reading REPLY and encoding */
    bool answered;       /* under this name an answer stands already */
} work;

/* -- answers of our own ------------------------------------------------------------------------ */

static rp_answer address_of(tokenizer *self, const work *w)
{
    return (rp_answer){.tenant = w->address.tenant,
        .tenant_token = w->address.tenant_token,
        .request = w->address.request,
        .encoding = w->intake.encoding,
        .scratch = &self->scratch};
}

static void withdraw(work *w)
{
    if (w->placed)
        rp_fleet_withdrawn(w->lane);
    w->placed = false;
}

static void about(rp_context *context, const work *w, Rp__Result *result)
{
    rp__result__init(result);
    result->has_request_sequence = true;
    result->request_sequence = rp_context_message(context)->stream_sequence;
    if (w->intake.model[0])
        result->model = w->intake.model;
    if (w->model)
        result->version = w->model->version;
}

static void refuse(rp_context *context)
{
    work *w = rp_context_own(context);
    tokenizer *self = w->self;
    Rp__Result result;
    rp_answer to = address_of(self, w);
    withdraw(w);
    about(context, w, &result);
    rp_counter_add(
        rp_metric_family_counter(self->refused, rp_refusal_code_name(w->refusal.code)), 1);
    if (rp_answer_refuse(context, &to, &result, &w->refusal) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, "the refusal cannot be sent");
}

/* Past its deadline before anything began: an answer without tokens. */
static void expire(rp_context *context)
{
    work *w = rp_context_own(context);
    rp_answer to = address_of(w->self, w);
    Rp__Usage usage = RP__USAGE__INIT;
    usage.has_prompt_tokens = usage.has_completion_tokens = true;
    usage.prompt_tokens = (uint32_t)w->tokens.count;
    Rp__Chunk chunk = RP__CHUNK__INIT;
    chunk.has_text = true;
    chunk.text = rp_schema_text(rp_bytes_text(""));
    chunk.has_finish_reason = true;
    chunk.finish_reason = RP__CHUNK__FINISH_REASON__DEADLINE;
    chunk.usage = &usage;
    Rp__Result result;
    about(context, w, &result);
    result.has_text = true;
    result.text = chunk.text;
    result.has_finish_reason = true;
    result.finish_reason = chunk.finish_reason;
    result.has_ended_at_token = true;
    result.usage = &usage;
    if (rp_answer_chunk(context, &to, &chunk, NULL) == RP_OK &&
        rp_answer_result(context, &to, &result) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, "the answer cannot be sent");
}

/* -- EXEC -------------------------------------------------------------------------------------- */

static uint64_t default_seed(rp_context *context)
{
    char text[48];
    int n = snprintf(
        text, sizeof text, "REQUEST:%" PRIu64, rp_context_message(context)->stream_sequence);
    return rp_hash_xxh3_64(rp_bytes_of(text, (size_t)n));
}

static void fill_sampling(rp_context *context, const Rp__InferRequest *r, Rp__Sampling *s)
{
    s->has_temperature = s->has_top_p = s->has_top_k = s->has_min_p = s->has_seed = true;
    s->has_presence_penalty = s->has_frequency_penalty = s->has_repetition_penalty = true;
    s->temperature = r->temperature;
    s->top_p = r->has_top_p ? r->top_p : 1.0F;
    s->top_k = r->top_k;
    s->min_p = r->min_p;
    s->seed = r->has_seed ? r->seed : default_seed(context);
    s->presence_penalty = r->presence_penalty;
    s->frequency_penalty = r->frequency_penalty;
    s->repetition_penalty = r->has_repetition_penalty ? r->repetition_penalty : 1.0F;
}

static rp_status fill_bias(rp_context *context, const Rp__InferRequest *r, Rp__Sampling *s)
{
    rp_arena *arena = rp_context_arena(context);
    size_t n = r->n_logit_bias;
    if (n == 0)
        return RP_OK;
    Rp__Sampling__LogitBiasEntry *entries = rp_arena_array(arena, n, sizeof *entries);
    s->logit_bias = rp_arena_array(arena, n, sizeof *s->logit_bias);
    if (!entries || !s->logit_bias)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        rp__sampling__logit_bias_entry__init(&entries[i]);
        entries[i].has_key = entries[i].has_value = true;
        entries[i].key = r->logit_bias[i]->key;
        entries[i].value = r->logit_bias[i]->value;
        s->logit_bias[i] = &entries[i];
    }
    s->n_logit_bias = n;
    return RP_OK;
}

static void fill_exec(rp_context *context, const work *w, const char *lane, Rp__Exec *exec)
{
    const Rp__InferRequest *r = w->intake.request;
    exec->tenant = w->address.tenant;
    exec->request = w->address.request;
    exec->model = w->model->name;
    exec->version = w->model->version;
    exec->lane = lane;
    exec->has_request_sequence = true;
    exec->request_sequence = rp_context_message(context)->stream_sequence;
    exec->n_tokens = w->tokens.count;
    exec->tokens = (uint32_t *)w->tokens.ids; /* ids are never negative */
    exec->has_max_tokens = true;
    exec->max_tokens = r->max_tokens;
    exec->n_stop = r->n_stop;
    exec->stop = r->stop;
    exec->has_logprobs = r->has_logprobs;
    exec->logprobs = r->logprobs;
    exec->has_deadline_unix_ms = w->intake.deadline_unix_ms != 0;
    exec->deadline_unix_ms = w->intake.deadline_unix_ms;
    exec->has_chunk_tokens = true;
    exec->chunk_tokens = r->has_chunk_tokens ? r->chunk_tokens : w->model->chunk_tokens;
    exec->has_stream = true;
    exec->stream = r->stream;
    exec->has_encoding = true;
    exec->encoding = (Rp__Exec__Encoding)w->intake.encoding;
    exec->session = r->session;
    exec->user = r->user;
}

static void on_exec_stored(rp_context *context, rp_status status, uint64_t sequence)
{
    work *w = rp_context_own(context);
    if (status == RP_OK) {
        w->placed = false;
        rp_fleet_published(w->lane, sequence);
        rp_counter_add(w->self->admitted, 1);
        rp_counter_add(w->self->prompt_tokens, w->tokens.count);
        rp_context_done(context);
        return;
    }
    rp_refusal_set(&w->refusal, RP__ERROR__CODE__OVERLOADED, NULL, NULL,
        "the stream EXEC is full; try again later");
    refuse(context);
}

static rp_status publish_exec(rp_context *context, const char *lane)
{
    work *w = rp_context_own(context);
    tokenizer *self = w->self;
    char subject[RP_WORKER_SUBJECT_BYTES];
    Rp__Exec exec = RP__EXEC__INIT;
    Rp__Sampling sampling = RP__SAMPLING__INIT;
    rp_error error = {0};
    fill_sampling(context, w->intake.request, &sampling);
    rp_status status = fill_bias(context, w->intake.request, &sampling);
    if (status != RP_OK)
        return status;
    exec.sampling = &sampling;
    fill_exec(context, w, lane, &exec);
    rp_buffer_clear(&self->scratch);
    status = rp_schema_encode(&exec.base, RP_ENCODING_PROTOBUF, &self->scratch, &error);
    if (status != RP_OK)
        return status;
    snprintf(subject, sizeof subject, "exec.%.160s.%.160s.%s", w->model->name_token,
        w->model->version_token, lane);
    rp_output output = {.kind = RP_OUTPUT_SHARED,
        .stream = "EXEC",
        .subject = rp_bytes_text(subject),
        .body = rp_buffer_bytes(&self->scratch),
        .headers = {{RP_HEADER_CONTENT_TYPE,
                        rp_bytes_text(rp_encoding_content_type(RP_ENCODING_PROTOBUF))},
            {RP_HEADER_SCHEMA, rp_bytes_text(exec.base.descriptor->name)},
            {RP_HEADER_TENANT, rp_bytes_text(w->address.tenant_token)},
            {RP_HEADER_REQUEST, rp_bytes_text(w->address.request)},
            {RP_HEADER_ENCODING, rp_bytes_text(rp_encoding_content_type(w->intake.encoding))}},
        .header_count = 5,
        .stored = on_exec_stored};
    return rp_context_output(context, &output);
}

/* -- admission --------------------------------------------------------------------------------- */

static bool admit(rp_context *context, const char *lane)
{
    work *w = rp_context_own(context);
    tokenizer *self = w->self;
    char key[RP_WORKER_SUBJECT_BYTES], value[96], limit[RP_ERROR_LIMIT_MAX];
    const rp_host *host = rp_actor_worker_env(self->actor)->host;
    w->lane = rp_fleet_lane_of(self->fleet, w->model->name, w->model->version, lane);
    if (!w->lane) {
        rp_refusal_set(&w->refusal, RP__ERROR__CODE__OVERLOADED, NULL, NULL,
            "this tokenizer knows of %d lanes and takes no more", RP_FLEET_LANES_MAX);
        return false;
    }
    rp_fleet_verdict v = rp_fleet_admit(self->fleet, w->lane, rp_clock_unix_ns(host->clock));
    w->placed = v.admitted;
    snprintf(
        key, sizeof key, "%.160s.%.160s.%s", w->model->name_token, w->model->version_token, lane);
    snprintf(value, sizeof value, "ahead=%" PRIu32 " limit=%" PRIu32 " tokenizers=%" PRIu32,
        v.ahead, v.limit, v.tokenizers);
    rp_context_note_value(context, "ACTORS", key, value);
    if (v.admitted)
        return true;
    snprintf(limit, sizeof limit, "%" PRIu32 " requests", v.limit);
    rp_refusal_set(&w->refusal, RP__ERROR__CODE__OVERLOADED, NULL, limit,
        "%" PRIu32 " requests wait for %.64s already; try again later", v.ahead, w->model->name);
    return false;
}

static void route(rp_context *context)
{
    work *w = rp_context_own(context);
    const Rp__InferRequest *r = w->intake.request;
    char lane[RP_NAME_LANE_BYTES];
    const char *key = r->session && *r->session ? r->session : w->address.request;
    rp_name_lane(rp_name_lane_index(rp_bytes_text(key), (uint32_t)w->self->settings.lanes), lane);
    if (!admit(context, lane)) {
        refuse(context);
        return;
    }
    if (publish_exec(context, lane) != RP_OK) {
        withdraw(w);
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, "EXEC cannot be published");
    }
}

/* -- reading and encoding ---------------------------------------------------------------------- */

/* Goes on when both the look at REPLY and the encoding are through. */
static void go_on(rp_context *context)
{
    work *w = rp_context_own(context);
    if (--w->unfinished > 0)
        return;
    if (w->answered)
        rp_context_done(context);
    else if (w->encoded != RP_OK)
        refuse(context);
    else if (w->intake.deadline_unix_ms != 0 &&
             w->intake.deadline_unix_ms * RP_NS_PER_MS <= rp_context_now_ns(context))
        expire(context);
    else
        route(context);
}

static void encode(void *own, size_t thread)
{
    work *w = own;
    w->encoded = rp_encoder_encode(
        w->self->encoder, thread, w->model, w->intake.request, &w->tokens, &w->refusal);
}

static void on_encoded(rp_context *context)
{
    if (!rp_context_abandoned(context))
        go_on(context);
}

/* While its REPLY is kept, a second request under one name is settled, and the stored answer
 * stands. */
static void on_reply(rp_context *context, rp_status status, const rp_message *last)
{
    work *w = rp_context_own(context);
    if (last && rp_context_chain_stored(context) == 0)
        w->answered = true;
    if (status != RP_OK && status != RP_NOT_FOUND)
        rp_log_warn(rp_actor_worker_env(w->self->actor)->log, "reply_not_read",
            rp_log_status("status", status)); /* the executor finds a duplicate too */
    go_on(context);
}

static rp_status make_room(rp_context *context, work *w)
{
    /* No text has more tokens than three a byte, and none more than the model reads. One place is
     * kept for the first token of the answer. */
    size_t most = 3 * rp_context_body(context).len + 16 * w->intake.request->n_messages + 16;
    size_t limit = w->model->context_tokens - 1;
    w->tokens.max = most < limit ? most : limit;
    w->tokens.ids =
        rp_arena_alloc(rp_context_arena(context), w->tokens.max * sizeof *w->tokens.ids);
    return w->tokens.ids ? RP_OK : RP_NO_MEMORY;
}

static void start_work(rp_context *context)
{
    work *w = rp_context_own(context);
    char subject[RP_WORKER_SUBJECT_BYTES];
    rp_status status = make_room(context, w);
    w->unfinished = 1;
    if (status == RP_OK && w->address.named) {
        snprintf(
            subject, sizeof subject, "reply.%s.%s", w->address.tenant_token, w->address.request);
        status = rp_context_last(context, "REPLY", subject, on_reply);
        w->unfinished += status == RP_OK;
    }
    if (status == RP_OK)
        status = rp_context_compute(context, encode, on_encoded);
    if (status != RP_OK)
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, rp_status_text(status));
}

static rp_status find_model(work *w)
{
    char known[160] = "";
    size_t at = 0;
    tokenizer *self = w->self;
    w->model = rp_tokenizer_models_find(self->models, rp_bytes_text(w->intake.model));
    if (w->model)
        return RP_OK;
    for (size_t i = 0; i < rp_tokenizer_models_count(self->models) && at < sizeof known - 1; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "",
            rp_tokenizer_models_at(self->models, i)->name);
    return rp_refusal_set(&w->refusal, RP__ERROR__CODE__MODEL_NOT_FOUND, "model", NULL,
        "there is no model %.64s; there is %.140s", w->intake.model, known);
}

static rp_status read_request(rp_context *context, work *w)
{
    const rp_message *message = rp_context_message(context);
    if (rp_bytes_is(rp_name_token(message->subject, 0), "embed"))
        return rp_refusal_set(&w->refusal, RP__ERROR__CODE__UNSUPPORTED, NULL, NULL,
            "no embedding model is served here; publish on infer.<tenant>.<model>");
    rp_status status = rp_intake_read(message, rp_context_body(context), &w->address,
        rp_context_arena(context), &w->intake, &w->refusal);
    return status == RP_OK ? find_model(w) : status;
}

/* An earlier delivery sent the refusal and did not come to RESULT. What was decided stands,
 * whatever would be decided now. True where the context has ended. */
static bool repeat_refusal(rp_context *context)
{
    work *w = rp_context_own(context);
    const rp_message *last = rp_context_chain_last(context);
    void *decoded = NULL;
    Rp__Result result;
    rp_refusal why;
    if (!last)
        return false;
    rp_bytes type = rp_message_header(last, RP_HEADER_CONTENT_TYPE);
    if (rp_encoding_of(type, &w->intake.encoding, &why) != RP_OK ||
        rp_schema_decode(&rp__chunk__descriptor, w->intake.encoding, last->body,
            rp_context_arena(context), &decoded, &why) != RP_OK) {
        rp_context_reject(context, "the refusal that is stored cannot be read");
        return true;
    }
    const Rp__Chunk *chunk = decoded;
    rp_answer to = address_of(w->self, w);
    about(context, w, &result);
    result.has_text = true;
    result.text = rp_schema_text(rp_bytes_text(""));
    result.has_finish_reason = true;
    result.finish_reason = chunk->finish_reason;
    result.has_ended_at_token = chunk->finish_reason == RP__CHUNK__FINISH_REASON__DEADLINE;
    result.usage = chunk->usage;
    result.error = chunk->error;
    if (rp_answer_result(context, &to, &result) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, "RESULT cannot be sent");
    return true;
}

static bool begin(rp_context *context, void *state)
{
    work *w = rp_context_own(context);
    w->self = state;
    w->intake.encoding = RP_ENCODING_JSON;
    if (rp_intake_address_read(rp_context_message(context), &w->address) == RP_OK)
        return true;
    rp_context_reject(
        context, "the subject's tenant is no name, so that there is no reply subject");
    return false;
}

static void handle(rp_context *context, void *state)
{
    work *w = rp_context_own(context);
    if (!begin(context, state) || repeat_refusal(context))
        return;
    if (read_request(context, w) == RP_OK)
        start_work(context);
    else
        refuse(context);
}

static void give_up(rp_context *context, void *state)
{
    work *w = rp_context_own(context);
    if (!begin(context, state) || repeat_refusal(context))
        return;
    rp_refusal_set(&w->refusal, RP__ERROR__CODE__DEAD, NULL, NULL,
        "the request was tried %d times and not once to the end; it lies in DEAD",
        RP_WORKER_TRIES_MAX);
    Rp__Result result;
    rp_answer to = address_of(w->self, w);
    about(context, w, &result);
    /* Where even that cannot be said, it is dead all the same. */
    if (rp_answer_refuse(context, &to, &result, &w->refusal) != RP_OK)
        rp_log_error(rp_actor_worker_env(w->self->actor)->log, "last_answer_lost",
            rp_log_text("request", w->address.request));
    rp_context_reject(context, w->refusal.detail.message);
}

static void abandon(rp_context *context, void *state)
{
    (void)state;
    withdraw(rp_context_own(context));
}

static bool chain(const rp_message *message, rp_chain_name *ret_name)
{
    rp_intake_address address;
    return rp_intake_address_read(message, &address) == RP_OK &&
           rp_answer_chain(address.tenant_token, address.request, ret_name);
}

/* -- ACTORS ------------------------------------------------------------------------------------ */

static void on_record(void *arg, const rp_message *message)
{
    tokenizer *self = arg;
    void *record = NULL;
    rp_arena_reset(&self->record_arena);
    if (message->body.len == 0 || rp_schema_decode(&rp__actor__descriptor, RP_ENCODING_JSON,
                                      message->body, &self->record_arena, &record, NULL) != RP_OK)
        return; /* a deletion, or of another build */
    if (rp_fleet_record(self->fleet, record, message->timestamp_ns) != RP_OK)
        rp_log_warn(rp_actor_worker_env(self->actor)->log, "fleet_full",
            rp_log_bytes("key", message->subject));
}

static rp_status opened(void *state, rp_worker *worker, rp_error *reterr)
{
    tokenizer *self = state;
    rp_follower_spec spec = {.stream = "KV_ACTORS",
        .filter = "$KV.ACTORS.>",
        .from = RP_FOLLOW_LAST_PER_SUBJECT,
        .on_message = on_record,
        .arg = self};
    rp_status status = rp_bus_follow(rp_worker_env_of(worker)->bus, &spec, &self->actors);
    return status == RP_OK ? RP_OK
                           : rp_error_set(reterr, status, "ACTORS", "ACTORS cannot be followed: %s",
                                 rp_status_text(status));
}

/* -- the process ------------------------------------------------------------------------------- */

static void collect(void *arg)
{
    tokenizer *self = arg;
    rp_token_cache_counts counts = rp_encoder_cache(self->encoder);
    rp_counter_raise(self->cache_hits, counts.hits);
    rp_counter_raise(self->cache_misses, counts.misses);
    rp_gauge_set_count(self->cache_bytes, counts.bytes);
}

static rp_status register_metrics(tokenizer *self, rp_metrics *m, rp_error *reterr)
{
    const rp_metric_split codes = {.labels = {"code"}, .children_max = 32};
    rp_status status = rp_metrics_counter_family(m, "reprise_requests_refused_total",
        "Requests answered with an error.", &codes, &self->refused, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_requests_admitted_total",
            "Requests handed on to executors.", &self->admitted, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_prompt_tokens_total",
            "Tokens of the prompts admitted.", &self->prompt_tokens, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_token_cache_hits_total",
            "Texts whose tokens were known.", &self->cache_hits, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_token_cache_misses_total",
            "Texts that were encoded.", &self->cache_misses, reterr);
    if (status == RP_OK)
        status = rp_metrics_gauge(
            m, "reprise_token_cache_bytes", "What the cache holds.", &self->cache_bytes, reterr);
    return status == RP_OK ? rp_metrics_collector(m, collect, self) : status;
}

static void stop(void *state)
{
    tokenizer *self = state;
    if (!self)
        return;
    rp_bus_unfollow(rp_actor_worker_env(self->actor)->bus, self->actors);
    rp_fleet_free(self->fleet);
    rp_encoder_free(self->encoder);
    rp_tokenizer_models_free(self->models);
    rp_arena_done(&self->record_arena);
    rp_buffer_done(&self->scratch);
    free(self);
}

static rp_status start(rp_actor *actor, const void *given, void **ret_state, rp_error *reterr)
{
    const rp_worker_env *env = rp_actor_worker_env(actor);
    tokenizer *self = calloc(1, sizeof *self);
    if (!self)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    self->actor = actor;
    self->settings = *(const rp_tokenizer_settings *)given;
    rp_buffer_init(&self->scratch, SCRATCH_BYTES_MAX);
    rp_status status = rp_arena_init(&self->record_arena, 64 << 10, 1 << 20);
    if (status == RP_OK)
        status = rp_tokenizer_models_load(&self->settings.models, &self->models, reterr);
    if (status == RP_OK)
        status = rp_encoder_new(self->models, rp_host_threads(env->host), TEXT_BYTES_MAX,
            self->settings.cache_bytes_max, &self->encoder, reterr);
    if (status == RP_OK)
        status =
            rp_fleet_new((uint32_t)self->settings.queue_max, RP_PRESENCE_GONE_NS, &self->fleet);
    if (status == RP_OK)
        status = register_metrics(self, env->metrics, reterr);
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

/* clang-format off */
static const rp_option options[] = {
    {"model", 'm', RP_OPTION_LIST, "NAME=FILE", "REPRISE_MODELS", NULL,
        "a model and its GGUF file; once for each", offsetof(rp_tokenizer_settings, models), 0, 0},
    {"lanes", 0, RP_OPTION_COUNT, "N", "REPRISE_LANES", "1",
        "that a model's work is spread over", offsetof(rp_tokenizer_settings, lanes), 1, 16},
    {"exec-queue-max", 0, RP_OPTION_COUNT, "N", "REPRISE_EXEC_QUEUE_MAX", "256",
        "requests that may wait for a model's lane, all tokenizers together; above: overloaded",
        offsetof(rp_tokenizer_settings, queue_max), 1, RP_FLEET_QUEUE_MAX},
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
        .chain_outputs_max = 2,
        .handle = handle,
        .chain = chain,
        .abandon = abandon,
        .give_up = give_up},
    .start = start,
    .stop = stop,
    .mailboxes = mailboxes,
    .opened = opened};
