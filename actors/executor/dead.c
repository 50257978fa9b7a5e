#include "actors/executor/executor_internal.h"

/* What stands in REPLY from earlier deliveries, as far as it says how much was generated. */
static void tell_stored(rp_context *context, const Rp__Exec *exec, const Rp__Chunk *last,
    Rp__Usage *usage, Rp__Result *result)
{
    uint64_t chunks = rp_context_chain_stored(context);
    if (last && chunks == 1) { /* it is all of the answer */
        result->n_tokens = last->n_tokens;
        result->tokens = last->tokens;
        result->has_text = last->has_text;
        result->text = last->text;
    }
    if (!exec)
        return;
    rp__usage__init(usage);
    usage->has_prompt_tokens = usage->has_completion_tokens = true;
    usage->prompt_tokens = (uint32_t)exec->n_tokens;
    usage->completion_tokens =
        (uint32_t)rp_transcript_tokens_of(exec->stream, exec->chunk_tokens, chunks);
    result->usage = usage;
}

/* The end that an earlier delivery has sent, so that RESULT and REPLY agree. */
static void tell_end(const Rp__Chunk *end, Rp__Result *result)
{
    result->has_finish_reason = true;
    result->finish_reason = end->finish_reason;
    if (end->usage)
        result->usage = end->usage;
    result->digest = end->digest;
    result->error = end->error;
    result->has_ended_at_token =
        end->usage && (end->finish_reason == RP__CHUNK__FINISH_REASON__CANCELLED ||
                          end->finish_reason == RP__CHUNK__FINISH_REASON__DEADLINE);
    result->ended_at_token = end->usage ? end->usage->completion_tokens : 0;
    if (!result->has_text) {
        result->has_text = true;
        result->text = rp_schema_text(rp_bytes_text(""));
    }
}

static rp_status send_last_words(executor *self, rp_context *context, const rp_answer *to,
    const Rp__Exec *exec, const rp_refusal *refusal)
{
    Rp__Result result = RP__RESULT__INIT;
    Rp__Usage usage;
    const Rp__Chunk *last = NULL;
    rp_error error = {0};
    result.model = self->arg->name;
    result.version = self->arg->version;
    result.has_exec_sequence = true;
    result.exec_sequence = rp_context_message(context)->stream_sequence;
    result.has_request_sequence = exec != NULL;
    result.request_sequence = exec ? exec->request_sequence : 0;
    if (executor_chunk_stored(context, &last, &error) != RP_OK)
        rp_log_warn(self->env->log, "stored_chunk_unreadable", rp_log_text("request", to->request),
            rp_log_failure(&error));
    tell_stored(context, exec, last, &usage, &result);
    if (last && last->has_finish_reason) {
        tell_end(last, &result);
        return rp_answer_result(context, to, &result);
    }
    rp_context_chain_skip(context);
    return rp_answer_refuse(context, to, &result, refusal);
}

void executor_answer_dead(executor *self, rp_context *context, const Rp__Exec *exec,
    Rp__Error__Code code, const char *why)
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
    if (executor_address(message, tenant_token, id) &&
        rp_name_decode(rp_bytes_text(tenant_token), tenant, sizeof tenant, &len) == RP_OK) {
        if (rp_encoding_of(
                rp_message_header(message, RP_HEADER_ENCODING), &to.encoding, &unknown) != RP_OK)
            to.encoding = RP_ENCODING_JSON;
        if (send_last_words(self, context, &to, exec, &refusal) != RP_OK)
            rp_log_error(self->env->log, "last_answer_lost", rp_log_text("request", id));
    }
    rp_context_reject(context, why);
}

/* Whom to answer stands in the headers, which the tokenizer writes for this: the body may be what
 * kills. It is read for what else RESULT can say, but once only: whoever dies of it leaves the next
 * delivery to do without. */
void executor_give_up(rp_context *context, void *state)
{
    const Rp__Exec *exec = NULL;
    rp_error error = {0};
    if (rp_context_tries(context) == rp_worker_tries_max(rp_context_worker(context)) + 1 &&
        executor_read_exec(context, &exec, &error) != RP_OK)
        exec = NULL;
    executor_answer_dead(state, context, exec, RP__ERROR__CODE__DEAD,
        "the request was tried again and again without getting on; it lies in DEAD");
}
