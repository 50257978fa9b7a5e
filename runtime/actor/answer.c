#include "runtime/actor/answer.h"

#include <stdio.h>

bool rp_answer_chain(const char *tenant_token, const char *request, rp_chain_name *ret_name)
{
    ret_name->stream = "REPLY";
    int n = snprintf(
        ret_name->publish, sizeof ret_name->publish, "put.reply.%s.%s", tenant_token, request);
    int m =
        snprintf(ret_name->stored, sizeof ret_name->stored, "reply.%s.%s", tenant_token, request);
    return n > 0 && m > 0 && (size_t)n < sizeof ret_name->publish;
}

static void add_header(rp_output *output, rp_header header, const char *value)
{
    output->headers[output->header_count++] = (rp_header_value){header, rp_bytes_text(value)};
}

static rp_status encode(
    const rp_answer *to, const ProtobufCMessage *message, rp_output *output, rp_log *log)
{
    rp_error error = {0};
    rp_buffer_clear(to->scratch);
    rp_status status = rp_schema_encode(message, to->encoding, to->scratch, &error);
    if (status != RP_OK) {
        rp_log_error(
            log, "answer_not_encoded", rp_log_text("request", to->request), rp_log_failure(&error));
        return status;
    }
    output->body = rp_buffer_bytes(to->scratch);
    add_header(output, RP_HEADER_CONTENT_TYPE, rp_encoding_content_type(to->encoding));
    add_header(output, RP_HEADER_SCHEMA, message->descriptor->name);
    add_header(output, RP_HEADER_REQUEST, to->request);
    return RP_OK;
}

static rp_log *log_of(const rp_context *context)
{
    return rp_worker_env_of(rp_context_worker(context))->log;
}

rp_status rp_answer_chunk(
    rp_context *context, const rp_answer *to, Rp__Chunk *chunk, rp_output_cb stored)
{
    rp_output output = {.kind = RP_OUTPUT_CHAIN, .stored = stored};
    chunk->request = to->request;
    chunk->has_index = true;
    chunk->index = rp_context_chain_next(context);
    rp_status status = encode(to, &chunk->base, &output, log_of(context));
    return status == RP_OK ? rp_context_output(context, &output) : status;
}

rp_status rp_answer_result(rp_context *context, const rp_answer *to, Rp__Result *result)
{
    char subject[RP_WORKER_SUBJECT_BYTES];
    rp_output output = {.kind = RP_OUTPUT_SINGLE, .stream = "RESULT"};
    int n = snprintf(subject, sizeof subject, "result.%s.%s", to->tenant_token, to->request);
    if (n < 0 || (size_t)n >= sizeof subject)
        return RP_LIMIT;
    result->request = to->request;
    result->tenant = to->tenant;
    result->build = rp_worker_env_of(rp_context_worker(context))->build;
    output.subject = rp_bytes_text(subject);
    rp_status status = encode(to, &result->base, &output, log_of(context));
    return status == RP_OK ? rp_context_output(context, &output) : status;
}

rp_status rp_answer_refuse(
    rp_context *context, const rp_answer *to, Rp__Result *result, const rp_refusal *refusal)
{
    Rp__Error error;
    Rp__Chunk chunk = RP__CHUNK__INIT;
    rp_refusal_error(refusal, &error);
    chunk.has_finish_reason = true;
    chunk.finish_reason = RP__CHUNK__FINISH_REASON__ERROR;
    chunk.error = &error;
    chunk.usage = result->usage;
    chunk.text = rp_schema_text(rp_bytes_text(""));
    chunk.has_text = true;
    result->has_finish_reason = true;
    result->finish_reason = RP__CHUNK__FINISH_REASON__ERROR;
    result->error = &error;
    if (!result->has_text)
        result->text = chunk.text;
    result->has_text = true;
    rp_status status = rp_answer_chunk(context, to, &chunk, NULL);
    return status == RP_OK ? rp_answer_result(context, to, result) : status;
}
