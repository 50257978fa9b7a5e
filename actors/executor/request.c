#include "actors/executor/executor_internal.h"

#include "runtime/base/hash.h"
#include "schemas/schema.h"

#include <inttypes.h>
#include <stdio.h>

enum { RETRY_MS = 500, UNREAD_START = 1 };

static rp_answer address_of(const request *r)
{
    return (rp_answer){.tenant = r->exec->tenant,
        .tenant_token = r->tenant_token,
        .request = r->exec->request,
        .encoding = r->encoding,
        .scratch = &r->self->scratch};
}

/* The request is over for this process. */
static void leave(request *r)
{
    executor *self = r->self;
    executor_steps_leave(r);
    self->held[rp_context_slot(r->context)] = NULL;
    rp_actor_touch(self->actor);
}

static void retry(request *r, const char *why)
{
    rp_context *context = r->context;
    leave(r);
    executor_steps_forget(r->self, context);
    rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, why);
}

/* -- chunks ------------------------------------------------------------------------------------ */

static rp_status fill_tops(
    executor *self, const rp_sampler_choice *choice, Rp__TokenLogprob *logprob)
{
    size_t n = choice->alternative_count;
    Rp__TopLogprob *tops = rp_arena_array(&self->chunk_arena, n, sizeof *tops);
    logprob->top = rp_arena_array(&self->chunk_arena, n, sizeof *logprob->top);
    if (!tops || !logprob->top)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        rp__top_logprob__init(&tops[i]);
        tops[i].has_token = tops[i].has_logprob = true;
        tops[i].token = choice->alternatives[i].token;
        tops[i].logprob = choice->alternatives[i].logprob;
        logprob->top[i] = &tops[i];
    }
    logprob->n_top = n;
    return RP_OK;
}

static rp_status fill_logprobs(executor *self, const rp_transcript_part *part, Rp__Chunk *chunk)
{
    if (!part->choices || part->count == 0)
        return RP_OK;
    Rp__TokenLogprob *all = rp_arena_array(&self->chunk_arena, part->count, sizeof *all);
    chunk->logprobs = rp_arena_array(&self->chunk_arena, part->count, sizeof *chunk->logprobs);
    if (!all || !chunk->logprobs)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < part->count; i++) {
        rp__token_logprob__init(&all[i]);
        all[i].has_token = all[i].has_logprob = true;
        all[i].token = part->choices[i].token;
        all[i].logprob = part->choices[i].logprob;
        chunk->logprobs[i] = &all[i];
        rp_status status = fill_tops(self, &part->choices[i], &all[i]);
        if (status != RP_OK)
            return status;
    }
    chunk->n_logprobs = part->count;
    return RP_OK;
}

/* What was generated and not sent, as a chunk. */
static rp_status fill_chunk(request *r, Rp__Chunk *chunk)
{
    rp_transcript_part part = rp_transcript_unsent(r->transcript);
    rp_arena_reset(&r->self->chunk_arena);
    chunk->n_tokens = part.count;
    chunk->tokens = (uint32_t *)(uintptr_t)part.tokens; /* only read */
    chunk->has_text = true;
    chunk->text = rp_schema_text(part.text);
    return fill_logprobs(r->self, &part, chunk);
}

static void send_chunk(request *r)
{
    rp_answer to = address_of(r);
    Rp__Chunk chunk = RP__CHUNK__INIT;
    rp_status status = fill_chunk(r, &chunk);
    if (status == RP_OK)
        status = rp_answer_chunk(r->context, &to, &chunk, NULL);
    if (status == RP_OK)
        rp_transcript_chunk_sent(r->transcript);
    else
        retry(r, "a chunk cannot be sent");
}

/* -- the end ----------------------------------------------------------------------------------- */

/* How an answer ends, as its last chunk and its RESULT say alike. */
typedef struct ending {
    Rp__Chunk__FinishReason reason;
    bool interrupted; /* by a cancel or a deadline */
    const rp_refusal *refusal;
    Rp__Error error;
    Rp__Usage usage;
    char digest[RP_HASH128_TEXT_BYTES];
} ending;

static void fill_ending(const request *r, ending *e)
{
    rp_transcript_part whole = rp_transcript_whole(r->transcript);
    rp__usage__init(&e->usage);
    e->usage.has_prompt_tokens = e->usage.has_completion_tokens = true;
    e->usage.prompt_tokens = (uint32_t)r->exec->n_tokens;
    e->usage.completion_tokens = (uint32_t)whole.count;
    e->usage.has_cached_tokens = true;
    rp_hash128_text(rp_transcript_digest(r->transcript), e->digest);
    if (e->refusal)
        rp_refusal_error(e->refusal, &e->error);
}

static rp_status send_last_chunk(request *r, ending *e)
{
    rp_answer to = address_of(r);
    Rp__Chunk chunk = RP__CHUNK__INIT;
    rp_status status = fill_chunk(r, &chunk);
    chunk.has_finish_reason = true;
    chunk.finish_reason = e->reason;
    chunk.usage = &e->usage;
    chunk.digest = e->digest;
    chunk.error = e->refusal ? &e->error : NULL;
    return status == RP_OK ? rp_answer_chunk(r->context, &to, &chunk, NULL) : status;
}

static rp_status send_result(request *r, ending *e)
{
    executor *self = r->self;
    rp_answer to = address_of(r);
    Rp__Result result = RP__RESULT__INIT;
    rp_transcript_part whole = rp_transcript_whole(r->transcript);
    result.model = r->exec->model;
    result.version = r->exec->version;
    result.has_request_sequence = result.has_exec_sequence = true;
    result.request_sequence = r->exec->request_sequence;
    result.exec_sequence = rp_context_message(r->context)->stream_sequence;
    result.n_tokens = whole.count;
    result.tokens = (uint32_t *)(uintptr_t)whole.tokens;
    result.has_text = true;
    result.text = rp_schema_text(whole.text);
    result.has_finish_reason = true;
    result.finish_reason = e->reason;
    result.has_ended_at_token = e->interrupted;
    result.ended_at_token = (uint32_t)whole.count;
    result.usage = &e->usage;
    result.digest = e->digest;
    result.has_canon = true;
    result.canon = RP_CANON_NUMBER;
    result.weights_digest = self->arg->digest[0] ? self->arg->digest : NULL;
    result.error = e->refusal ? &e->error : NULL;
    return rp_answer_result(r->context, &to, &result);
}

static void count_end(const request *r, const ending *e)
{
    const executor *self = r->self;
    const char *reason = rp_schema_enum_name(&rp__chunk__finish_reason__descriptor, (int)e->reason);
    rp_counter_add(rp_metric_family_counter(self->metrics.answers, reason), 1);
    rp_counter_add(self->metrics.tokens, e->usage.completion_tokens);
    rp_counter_add(self->metrics.prompt_tokens, e->usage.prompt_tokens);
}

/* The last chunk, RESULT, and the request is done. */
static void end(request *r, ending *e)
{
    rp_context *context = r->context;
    fill_ending(r, e);
    if (!r->end_recorded)
        rp_context_chain_skip(
            context); /* an end is never passed over, an error's before all was back */
    if (send_last_chunk(r, e) != RP_OK || send_result(r, e) != RP_OK) {
        retry(r, "the end of the answer cannot be sent");
        return;
    }
    rp_transcript_chunk_sent(r->transcript);
    count_end(r, e);
    leave(r);
    rp_context_done(context);
}

static void end_by_itself(request *r, Rp__Chunk__FinishReason reason)
{
    ending e = {.reason = reason};
    rp_transcript_finish(r->transcript);
    end(r, &e);
}

static void end_cut(request *r, Rp__Chunk__FinishReason reason, const rp_refusal *refusal)
{
    ending e = {.reason = reason,
        .interrupted = reason == RP__CHUNK__FINISH_REASON__CANCELLED ||
                       reason == RP__CHUNK__FINISH_REASON__DEADLINE,
        .refusal = refusal};
    rp_transcript_cut(r->transcript);
    end(r, &e);
}

void executor_request_fail(request *r, Rp__Error__Code code, const rp_error *error)
{
    rp_refusal refusal;
    if (r->end_recorded) { /* the answer has its end; what is missing is RESULT */
        retry(r, error->message);
        return;
    }
    rp_refusal_set(&refusal, code, error->field, error->limit, "%s", error->message);
    end_cut(r, RP__CHUNK__FINISH_REASON__ERROR, &refusal);
}

/* -- interruptions ----------------------------------------------------------------------------- */

/* Tokens that were sent, by this delivery or by an earlier one. */
static bool everything_sent_is_back(const request *r)
{
    return rp_transcript_whole(r->transcript).count >= r->sent_before;
}

/* The end that an earlier delivery sent, once its tokens are there again. */
static bool repeat_recorded_end(request *r)
{
    size_t count = rp_transcript_whole(r->transcript).count;
    if (!r->end_recorded || count < r->recorded_tokens)
        return false;
    bool error = r->recorded_reason == RP__CHUNK__FINISH_REASON__ERROR;
    end_cut(r, r->recorded_reason, error ? &r->recorded_error : NULL);
    return true;
}

bool executor_request_interrupted(request *r)
{
    const rp_clock *clock = r->self->env->host->clock;
    if (r->end_recorded)
        return repeat_recorded_end(r);
    if (!everything_sent_is_back(r))
        return false;
    if (r->cancelled) {
        end_cut(r, RP__CHUNK__FINISH_REASON__CANCELLED, NULL);
        return true;
    }
    if (r->exec->has_deadline_unix_ms &&
        rp_clock_unix_ns(clock) / RP_NS_PER_MS >= r->exec->deadline_unix_ms) {
        end_cut(r, RP__CHUNK__FINISH_REASON__DEADLINE, NULL);
        return true;
    }
    return false;
}

/* -- tokens ------------------------------------------------------------------------------------ */

static void measure(request *r)
{
    executor *self = r->self;
    uint64_t now_ns = rp_clock_monotonic_ns(self->env->host->clock);
    if (r->last_token_ns == 0)
        rp_histogram_observe_ns(self->metrics.first_token, now_ns - r->began_ns);
    else
        rp_histogram_observe_ns(self->metrics.output_token, now_ns - r->last_token_ns);
    r->last_token_ns = now_ns;
}

static void take_token(request *r, const rp_engine_result *result)
{
    bool stopped = false;
    measure(r);
    if (rp_transcript_push(r->transcript, &result->choice, result->digest, &stopped) != RP_OK) {
        rp_error error = {0};
        rp_error_set(&error, RP_LIMIT, "max_tokens",
            "the answer has outgrown the memory for its text; ask for fewer tokens");
        executor_request_fail(r, RP__ERROR__CODE__INTERNAL, &error);
        return;
    }
    if (stopped || result->end == RP_ENGINE_STOP) {
        end_by_itself(r, RP__CHUNK__FINISH_REASON__STOP);
    } else if (result->end == RP_ENGINE_LENGTH) {
        end_by_itself(r, RP__CHUNK__FINISH_REASON__LENGTH);
    } else {
        if (rp_transcript_chunk_due(r->transcript))
            send_chunk(r);
        if (r->self->held[rp_context_slot(r->context)] == r)
            (void)executor_request_interrupted(r);
    }
}

void executor_request_result(request *r, const rp_engine_result *result)
{
    if (result->end == RP_ENGINE_NOT_FINITE) {
        rp_error error = {0};
        rp_error_set(&error, RP_CORRUPT, NULL,
            "the model's arithmetic left the range of float32 at position %" PRIu32,
            result->first + result->count);
        executor_request_fail(r, RP__ERROR__CODE__MODEL_FAULT, &error);
    } else if (result->sampled) {
        take_token(r, result);
    } else {
        (void)executor_request_interrupted(r);
    }
}

void executor_chain_room(rp_context *context, void *state)
{
    (void)context;
    executor_steps_wake(state);
}

/* -- taking a request -------------------------------------------------------------------------- */

/* The last chunk that is stored, where it ends the answer; else NULL. */
static rp_status read_stored_end(rp_context *context, const Rp__Chunk **ret_chunk, rp_error *reterr)
{
    const rp_message *last = rp_context_chain_last(context);
    void *decoded = NULL;
    rp_encoding encoding;
    rp_refusal why;
    *ret_chunk = NULL;
    if (!last)
        return RP_OK;
    rp_status status =
        rp_encoding_of(rp_message_header(last, RP_HEADER_CONTENT_TYPE), &encoding, &why);
    if (status == RP_OK)
        status = rp_schema_decode(&rp__chunk__descriptor, encoding, last->body,
            rp_context_arena(context), &decoded, &why);
    if (status != RP_OK)
        return rp_error_set(
            reterr, status, "reply", "the stored chunk cannot be read: %.200s", why.detail.message);
    const Rp__Chunk *chunk = decoded;
    if (chunk->has_finish_reason)
        *ret_chunk = chunk;
    return RP_OK;
}

/* Whether an earlier delivery has ended the answer, and how. */
static rp_status read_recorded_end(request *r, rp_error *reterr)
{
    const Rp__Chunk *chunk;
    rp_status status = read_stored_end(r->context, &chunk, reterr);
    if (status != RP_OK || !chunk)
        return status;
    r->end_recorded = true;
    r->recorded_reason = chunk->finish_reason;
    r->recorded_tokens = chunk->usage ? chunk->usage->completion_tokens : 0;
    if (chunk->error)
        rp_refusal_set(&r->recorded_error, chunk->error->code, chunk->error->field,
            chunk->error->limit, "%s", chunk->error->message);
    return RP_OK;
}

static rp_status begin_transcript(request *r, rp_error *reterr)
{
    executor *self = r->self;
    const Rp__Exec *exec = r->exec;
    rp_bytes stops[RP_STOP_STRINGS_MAX];
    if (exec->n_stop > RP_STOP_STRINGS_MAX || exec->chunk_tokens == 0)
        return rp_error_set(reterr, RP_INVALID, "stop", "stop or chunk_tokens is out of range");
    for (size_t i = 0; i < exec->n_stop; i++)
        stops[i] = rp_schema_bytes(exec->stop[i]);
    rp_transcript_spec spec = {.vocabulary = self->vocabulary,
        .stops = stops,
        .stop_count = exec->n_stop,
        .chunk_tokens = exec->chunk_tokens,
        .stream = exec->stream,
        .logprobs = exec->has_logprobs};
    r->transcript = self->transcripts[rp_context_slot(r->context)];
    return rp_transcript_begin(r->transcript, &spec, reterr);
}

/* All questions are answered: the request joins the queue, unless it is over already. */
static void go_on(request *r)
{
    rp_error error = {0};
    if (--r->unread > 0)
        return;
    if (r->result_stands) {
        rp_context *context = r->context;
        leave(r);
        rp_context_done(context);
        return;
    }
    if (read_recorded_end(r, &error) != RP_OK) {
        executor_request_fail(r, RP__ERROR__CODE__INTERNAL, &error);
        return;
    }
    r->sent_before = rp_transcript_tokens_of(r->transcript, rp_context_chain_stored(r->context));
    if (!executor_request_interrupted(r))
        executor_steps_enqueue(r);
}

/* No answer is not a no. */
static bool is_answer(request *r, rp_status status)
{
    if (status == RP_OK || status == RP_NOT_FOUND)
        return true;
    retry(r, "no answer on whether it was cancelled or answered");
    return false;
}

static void on_control(rp_context *context, rp_status status, const rp_message *message)
{
    request *r = rp_context_own(context);
    if (!is_answer(r, status))
        return;
    r->cancelled = r->cancelled || message;
    go_on(r);
}

static void on_result(rp_context *context, rp_status status, const rp_message *message)
{
    request *r = rp_context_own(context);
    if (!is_answer(r, status))
        return;
    r->result_stands = message != NULL;
    go_on(r);
}

static rp_status ask(
    request *r, const char *stream, const char *format, rp_context_last_cb callback)
{
    char subject[RP_WORKER_SUBJECT_BYTES];
    int n = snprintf(
        subject, sizeof subject, "%s.%s.%s%s", stream, r->tenant_token, r->exec->request, format);
    if (n < 0 || (size_t)n >= sizeof subject)
        return RP_LIMIT;
    rp_status status = rp_context_last(
        r->context, strcmp(stream, "control") == 0 ? "CONTROL" : "RESULT", subject, callback);
    if (status == RP_OK)
        r->unread++;
    return status;
}

/* Was it cancelled before? And where it was delivered before: was it answered to the end, and only
 * the settlement lost? */
static rp_status ask_questions(request *r)
{
    bool again = rp_context_message(r->context)->deliveries > 1;
    rp_status status = ask(r, "control", ".cancel", on_control);
    if (status == RP_OK && again)
        status = ask(r, "result", "", on_result);
    return status;
}

/* Whose answer it is, from the headers. */
static bool read_address(const rp_message *message, char tenant_token[RP_NAME_TOKEN_BYTES],
    char id[RP_REQUEST_ID_MAX + 1])
{
    rp_bytes tenant = rp_message_header(message, RP_HEADER_TENANT);
    rp_bytes name = rp_message_header(message, RP_HEADER_REQUEST);
    if (tenant.len == 0 || tenant.len >= RP_NAME_TOKEN_BYTES || name.len == 0 ||
        name.len > RP_REQUEST_ID_MAX)
        return false;
    memcpy(tenant_token, tenant.data, tenant.len);
    tenant_token[tenant.len] = '\0';
    memcpy(id, name.data, name.len);
    id[name.len] = '\0';
    return true;
}

static rp_status read_exec(rp_context *context, request *r, rp_error *reterr)
{
    const rp_message *message = rp_context_message(context);
    void *decoded = NULL;
    rp_encoding encoding;
    rp_refusal why;
    if (message->body_status != RP_OK)
        return rp_error_set(reterr, message->body_status, "EXEC", "%s", message->body_why);
    char tenant_token[RP_NAME_TOKEN_BYTES], id[RP_REQUEST_ID_MAX + 1];
    if (!read_address(message, tenant_token, id))
        return rp_error_set(
            reterr, RP_INVALID, "EXEC", "the work does not say in its headers whose it is");
    rp_status status =
        rp_encoding_of(rp_message_header(message, RP_HEADER_CONTENT_TYPE), &encoding, &why);
    if (status == RP_OK)
        status = rp_schema_decode(&rp__exec__descriptor, encoding, rp_context_body(context),
            rp_context_arena(context), &decoded, &why);
    if (status != RP_OK)
        return rp_error_set(
            reterr, status, "EXEC", "the work cannot be read: %.250s", why.detail.message);
    r->exec = decoded;
    r->encoding = (rp_encoding)r->exec->encoding;
    if (rp_name_encode(rp_bytes_text(r->exec->tenant), r->tenant_token, sizeof r->tenant_token) !=
        RP_OK)
        return rp_error_set(reterr, RP_INVALID, "tenant", "the work's tenant is no name");
    return RP_OK;
}

/* What is told of a dead request: its stored end where it has one, so that RESULT and REPLY agree.
 */
static rp_status send_dead(rp_context *context, const rp_answer *to, const rp_refusal *refusal)
{
    Rp__Result result = RP__RESULT__INIT;
    const Rp__Chunk *stored = NULL;
    rp_error error = {0};
    result.has_exec_sequence = true;
    result.exec_sequence = rp_context_message(context)->stream_sequence;
    if (read_stored_end(context, &stored, &error) != RP_OK || !stored) {
        rp_context_chain_skip(context);
        return rp_answer_refuse(context, to, &result, refusal);
    }
    result.has_text = true;
    result.text = rp_schema_text(rp_bytes_text(""));
    result.has_finish_reason = true;
    result.finish_reason = stored->finish_reason;
    result.usage = stored->usage;
    result.digest = stored->digest;
    result.error = stored->error;
    return rp_answer_result(context, to, &result);
}

/* An answer from the headers alone, which the tokenizer writes for this: the body may be what
 * kills. */
static void answer_dead(rp_context *context, executor *self, Rp__Error__Code code, const char *why)
{
    const rp_message *message = rp_context_message(context);
    char tenant[RP_NAME_MAX + 1], tenant_token[RP_NAME_TOKEN_BYTES], id[RP_REQUEST_ID_MAX + 1];
    size_t len;
    rp_refusal refusal, unknown;
    rp_answer to = {.tenant = tenant,
        .tenant_token = tenant_token,
        .request = id,
        .encoding = RP_ENCODING_JSON,
        .scratch = &self->scratch};
    rp_refusal_set(&refusal, code, NULL, NULL, "%s", why);
    if (read_address(message, tenant_token, id) &&
        rp_name_decode(rp_bytes_text(tenant_token), tenant, sizeof tenant, &len) == RP_OK) {
        if (rp_encoding_of(
                rp_message_header(message, RP_HEADER_ENCODING), &to.encoding, &unknown) != RP_OK)
            to.encoding = RP_ENCODING_JSON;
        if (send_dead(context, &to, &refusal) != RP_OK)
            rp_log_error(self->env->log, "last_answer_lost", rp_log_text("request", id));
    }
    rp_context_reject(context, why);
}

static bool begin(rp_context *context, executor *self)
{
    request *r = rp_context_own(context);
    rp_error error = {0};
    r->self = self;
    r->context = context;
    r->unread = UNREAD_START;
    r->began_ns = rp_clock_monotonic_ns(self->env->host->clock);
    rp_status status = read_exec(context, r, &error);
    if (status == RP_OK)
        status = begin_transcript(r, &error);
    if (status == RP_OK) {
        self->held[rp_context_slot(context)] = r;
        rp_actor_touch(self->actor);
        return true;
    }
    answer_dead(context, self, RP__ERROR__CODE__INTERNAL, error.message);
    return false;
}

void executor_handle(rp_context *context, void *state)
{
    request *r = rp_context_own(context);
    if (!begin(context, state))
        return;
    if (ask_questions(r) == RP_OK)
        go_on(r);
    else
        retry(r, "the outbox is full");
}

void executor_give_up(rp_context *context, void *state)
{
    answer_dead(context, state, RP__ERROR__CODE__DEAD,
        "the request was tried again and again without getting on; it lies in DEAD");
}

void executor_abandon(rp_context *context, void *state)
{
    executor *self = state;
    request *r = rp_context_own(context);
    executor_steps_forget(self, context);
    if (self->held[rp_context_slot(context)] == r)
        leave(r);
}

bool executor_chain(const rp_message *message, rp_chain_name *ret_name)
{
    char tenant_token[RP_NAME_TOKEN_BYTES], id[RP_REQUEST_ID_MAX + 1];
    return read_address(message, tenant_token, id) && rp_answer_chain(tenant_token, id, ret_name);
}
