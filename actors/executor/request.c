#include "actors/executor/executor_internal.h"

#include <stdio.h>

enum { RETRY_MS = 500 };

rp_answer executor_request_to(const request *r)
{
    return (rp_answer){.tenant = r->exec->tenant,
        .tenant_token = r->tenant_token,
        .request = r->exec->request,
        .encoding = (rp_encoding)r->exec->encoding,
        .scratch = &r->self->scratch};
}

void executor_request_leave(request *r)
{
    executor *self = r->self;
    executor_steps_leave(r);
    self->held[rp_context_slot(r->context)] = NULL;
    rp_actor_touch(self->actor);
}

void executor_request_retry(request *r, const char *why)
{
    rp_context *context = r->context;
    executor_request_leave(r);
    executor_records_forget(r->self, context);
    rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, why);
}

/* -- reading it -------------------------------------------------------------------------------- */

bool executor_address(const rp_message *message, char tenant_token[RP_NAME_TOKEN_BYTES],
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

rp_status executor_read_exec(rp_context *context, const Rp__Exec **ret_exec, rp_error *reterr)
{
    const rp_message *message = rp_context_message(context);
    void *decoded = NULL;
    rp_encoding encoding;
    rp_refusal why;
    if (message->body_status != RP_OK)
        return rp_error_set(reterr, message->body_status, "EXEC", "%s", message->body_why);
    rp_status status =
        rp_encoding_of(rp_message_header(message, RP_HEADER_CONTENT_TYPE), &encoding, &why);
    if (status == RP_OK)
        status = rp_schema_decode(&rp__exec__descriptor, encoding, rp_context_body(context),
            rp_context_arena(context), &decoded, &why);
    if (status != RP_OK)
        return rp_error_set(
            reterr, status, "EXEC", "the work cannot be read: %.250s", why.detail.message);
    *ret_exec = decoded;
    return RP_OK;
}

static rp_status read_work(request *r, rp_error *reterr)
{
    const rp_message *message = rp_context_message(r->context);
    char tenant_token[RP_NAME_TOKEN_BYTES], id[RP_REQUEST_ID_MAX + 1];
    if (!executor_address(message, tenant_token, id))
        return rp_error_set(
            reterr, RP_INVALID, "EXEC", "the work does not say in its headers whose it is");
    rp_status status = executor_read_exec(r->context, &r->exec, reterr);
    if (status != RP_OK)
        return status;
    if (rp_name_encode(rp_bytes_text(r->exec->tenant), r->tenant_token, sizeof r->tenant_token) !=
        RP_OK)
        return rp_error_set(reterr, RP_INVALID, "tenant", "the work's tenant is no name");
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

/* -- asking about it --------------------------------------------------------------------------- */

/* Whether an earlier delivery has ended the answer, and how. */
static rp_status read_recorded_end(request *r, rp_error *reterr)
{
    const Rp__Chunk *chunk;
    rp_status status = executor_chunk_stored(r->context, &chunk, reterr);
    if (status != RP_OK || !chunk || !chunk->has_finish_reason)
        return status;
    r->end_recorded = true;
    r->recorded_reason = chunk->finish_reason;
    r->recorded_tokens = chunk->usage ? chunk->usage->completion_tokens : 0;
    if (chunk->error)
        rp_refusal_set(&r->recorded_error, chunk->error->code, chunk->error->field,
            chunk->error->limit, "%s", chunk->error->message);
    return RP_OK;
}

/* All questions are answered: the request takes its place in the queue, where it has none yet. */
static void go_on(request *r)
{
    rp_error error = {0};
    if (r->result_stands) {
        rp_context *context = r->context;
        executor_request_leave(r);
        rp_context_done(context);
        return;
    }
    if (read_recorded_end(r, &error) != RP_OK) {
        executor_request_retry(r, error.message);
        return;
    }
    r->sent_before = rp_transcript_tokens_of(
        r->exec->stream, r->exec->chunk_tokens, rp_context_chain_stored(r->context));
    if (r->early) {
        r->early = false;
        executor_request_result(r, &r->result);
    } else if (!r->seated && !executor_request_interrupted(r) && !r->waiting) {
        executor_steps_enqueue(r);
    }
}

static void answered(request *r, rp_status status)
{
    executor *self = r->self;
    if (status != RP_OK && status != RP_NOT_FOUND) /* no answer is not a no */
        executor_request_retry(r, "no answer on whether it was cancelled or answered");
    else if (--r->unread == 0)
        go_on(r);
    executor_steps_wake(self);
}

static void on_control(rp_context *context, rp_status status, const rp_message *message)
{
    request *r = rp_context_own(context);
    r->cancelled = r->cancelled || message;
    answered(r, status);
}

static void on_result(rp_context *context, rp_status status, const rp_message *message)
{
    request *r = rp_context_own(context);
    r->result_stands = message != NULL;
    answered(r, status);
}

static rp_status ask(
    request *r, const char *stream, const char *subject, rp_context_last_cb callback)
{
    rp_status status = rp_context_last(r->context, stream, subject, callback);
    if (status == RP_OK)
        r->unread++;
    return status;
}

/* Was it cancelled before? And where it was delivered before: was it answered to the end, and only
 * the settlement lost? */
static rp_status ask_questions(request *r, bool again)
{
    char subject[RP_WORKER_SUBJECT_BYTES];
    const char *tenant = r->tenant_token, *id = r->exec->request;
    int n = snprintf(subject, sizeof subject, "control.%s.%s.cancel", tenant, id);
    if (n < 0 || (size_t)n >= sizeof subject)
        return RP_LIMIT;
    rp_status status = ask(r, "CONTROL", subject, on_control);
    if (status != RP_OK || !again)
        return status;
    snprintf(subject, sizeof subject, "result.%s.%s", tenant, id); /* shorter */
    return ask(r, "RESULT", subject, on_result);
}

/* -- the worker's callbacks -------------------------------------------------------------------- */

static bool begin(rp_context *context, executor *self)
{
    request *r = rp_context_own(context);
    rp_error error = {0};
    r->self = self;
    r->context = context;
    r->began_ns = rp_clock_monotonic_ns(self->env->host->clock);
    rp_status status = read_work(r, &error);
    if (status == RP_OK)
        status = begin_transcript(r, &error);
    if (status == RP_OK) {
        self->held[rp_context_slot(context)] = r;
        rp_actor_touch(self->actor);
        return true;
    }
    executor_answer_dead(self, context, r->exec, RP__ERROR__CODE__INTERNAL, error.message);
    return false;
}

void executor_handle(rp_context *context, void *state)
{
    request *r = rp_context_own(context);
    bool again = rp_context_message(context)->deliveries > 1;
    if (!begin(context, state))
        return;
    if (ask_questions(r, again) != RP_OK)
        executor_request_retry(r, "the outbox is full");
    else if (!again && !executor_past_deadline(r))
        executor_steps_enqueue(r); /* the answer comes while it is computed */
}

void executor_abandon(rp_context *context, void *state)
{
    executor *self = state;
    request *r = rp_context_own(context);
    executor_records_forget(self, context);
    if (self->held[rp_context_slot(context)] == r)
        executor_request_leave(r);
}

void executor_chain_room(rp_context *context, void *state)
{
    (void)context;
    executor_steps_wake(state);
}

bool executor_chain(const rp_message *message, rp_chain_name *ret_name)
{
    char tenant_token[RP_NAME_TOKEN_BYTES], id[RP_REQUEST_ID_MAX + 1];
    return executor_address(message, tenant_token, id) &&
           rp_answer_chain(tenant_token, id, ret_name);
}
