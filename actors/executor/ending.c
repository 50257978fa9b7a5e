#include "actors/executor/executor_internal.h"

#include "runtime/base/hash.h"
#include "schemas/schema.h"

#include <inttypes.h>

/* How an answer ends, as its last chunk and its RESULT say alike. */
typedef struct ending {
    Rp__Chunk__FinishReason reason;
    bool interrupted; /* by a cancel or a deadline */
    const rp_refusal *refusal;
    Rp__Error error;
    Rp__Usage usage;
    char digest[RP_HASH128_TEXT_BYTES];
} ending;

/* -- the last chunk and RESULT ----------------------------------------------------------------- */

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
    rp_answer to = executor_request_to(r);
    Rp__Chunk chunk = RP__CHUNK__INIT;
    rp_status status = executor_chunk_fill(r, &chunk);
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
    rp_answer to = executor_request_to(r);
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

/* The last chunk, RESULT, and the request is done. RP_LIMIT where the last chunk is above what a
 * chunk may hold: then nothing was sent, and it has not ended. */
static rp_status end(request *r, ending *e)
{
    rp_context *context = r->context;
    RP_ASSERT(r->unread == 0);
    fill_ending(r, e);
    /* An end is never passed over: an error's may come before all that was sent is back. */
    if (!r->end_recorded)
        rp_context_chain_skip(context);
    rp_status status = send_last_chunk(r, e);
    if (status == RP_LIMIT)
        return status;
    if (status != RP_OK || send_result(r, e) != RP_OK) {
        executor_request_retry(r, "the end of the answer cannot be sent");
        return RP_OK;
    }
    rp_transcript_chunk_sent(r->transcript);
    count_end(r, e);
    executor_request_leave(r);
    rp_context_done(context);
    return RP_OK;
}

static void end_cut(request *r, Rp__Chunk__FinishReason reason, const rp_refusal *refusal)
{
    ending e = {.reason = reason,
        .interrupted = reason == RP__CHUNK__FINISH_REASON__CANCELLED ||
                       reason == RP__CHUNK__FINISH_REASON__DEADLINE,
        .refusal = refusal};
    rp_transcript_cut(r->transcript);
    if (end(r, &e) != RP_OK)
        executor_request_retry(r, "the end of the answer cannot be sent");
}

void executor_request_fail(request *r, Rp__Error__Code code, const rp_error *error)
{
    rp_refusal refusal;
    if (r->end_recorded) { /* the answer has its end; what is missing is RESULT */
        executor_request_retry(r, error->message);
        return;
    }
    rp_refusal_set(&refusal, code, error->field, error->limit, "%s", error->message);
    rp_counter_add(
        rp_metric_family_counter(r->self->metrics.refused, rp_refusal_code_name(code)), 1);
    end_cut(r, RP__CHUNK__FINISH_REASON__ERROR, &refusal);
}

/* -- an answer that outgrows its bounds -------------------------------------------------------- */

static void fail_too_large(request *r, const char *field, const char *limit, const char *cure)
{
    rp_error error = {0};
    rp_error_limit(&error, field, limit, "the answer has outgrown %s; ask for %s", limit, cure);
    executor_request_fail(r, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, &error);
}

/* Text and ids alone stay below it (executor_actor.c). */
static void fail_chunk_too_large(request *r)
{
    fail_too_large(r, "logprobs", "8 MiB a chunk",
        "fewer log-probabilities, fewer tokens, or to have it streamed");
}

static void end_by_itself(request *r, Rp__Chunk__FinishReason reason)
{
    ending e = {.reason = reason};
    rp_transcript_finish(r->transcript);
    if (end(r, &e) != RP_OK)
        fail_chunk_too_large(r);
}

static void send_chunk(request *r)
{
    rp_status status = executor_chunk_send(r);
    if (status == RP_LIMIT)
        fail_chunk_too_large(r);
    else if (status != RP_OK)
        executor_request_retry(r, "a chunk cannot be sent");
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

bool executor_past_deadline(const request *r)
{
    const rp_clock *clock = r->self->env->host->clock;
    return r->exec->has_deadline_unix_ms &&
           rp_clock_unix_ns(clock) / RP_NS_PER_MS >= r->exec->deadline_unix_ms;
}

bool executor_request_interrupted(request *r)
{
    if (r->unread > 0)
        return false;
    if (r->end_recorded)
        return repeat_recorded_end(r);
    if (!everything_sent_is_back(r))
        return false;
    if (r->cancelled)
        end_cut(r, RP__CHUNK__FINISH_REASON__CANCELLED, NULL);
    else if (executor_past_deadline(r))
        end_cut(r, RP__CHUNK__FINISH_REASON__DEADLINE, NULL);
    else
        return false;
    return true;
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
    if (rp_transcript_push(r->transcript, &result->choice, result->digest, &stopped) != RP_OK)
        fail_too_large(r, "max_tokens", "1 MiB of text", "fewer tokens");
    else if (stopped || result->end == RP_ENGINE_STOP)
        end_by_itself(r, RP__CHUNK__FINISH_REASON__STOP);
    else if (result->end == RP_ENGINE_LENGTH)
        end_by_itself(r, RP__CHUNK__FINISH_REASON__LENGTH);
    else if (rp_transcript_chunk_due(r->transcript))
        send_chunk(r);
}

static void take_result(request *r, const rp_engine_result *result)
{
    /* One that was cancelled while this was computed does without it, and so does one of which it
     * turned out meanwhile that an earlier delivery had ended it there. */
    if ((r->cancelled || r->end_recorded) && executor_request_interrupted(r))
        return;
    if (result->end == RP_ENGINE_NOT_FINITE) {
        rp_error error = {0};
        rp_error_set(&error, RP_CORRUPT, NULL,
            "the model's arithmetic left the range of float32 at position %" PRIu32,
            result->first + result->count);
        executor_request_fail(r, RP__ERROR__CODE__MODEL_FAULT, &error);
    } else if (result->sampled) {
        take_token(r, result);
    }
}

void executor_request_result(request *r, const rp_engine_result *result)
{
    if (r->unread == 0) {
        take_result(r, result);
    } else if (result->sampled || result->end != RP_ENGINE_GOES_ON) {
        r->early = true;
        r->result = *result;
    }
}
