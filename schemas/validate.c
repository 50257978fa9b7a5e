#include "schemas/validate.h"

#include <inttypes.h>
#include <stdio.h>

static rp_status check_integer(
    const char *field, uint64_t value, uint64_t least, uint64_t greatest, rp_refusal *retref)
{
    if (value >= least && value <= greatest)
        return RP_OK;
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%" PRIu64 " to %" PRIu64, least, greatest);
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, limit,
        "%s: %" PRIu64 " is out of range; it goes from %s", field, value, limit);
}

static rp_status check_float(const char *field, double value, double least, double greatest,
    bool excluded, rp_refusal *retref)
{
    if ((excluded ? value > least : value >= least) && value <= greatest)
        return RP_OK;
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%s%g to %g", excluded ? "above " : "", least, greatest);
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, limit,
        "%s: %g is out of range; it goes from %s", field, value, limit);
}

static rp_status check_numbers(const Rp__InferRequest *request, rp_refusal *retref)
{
    rp_status status = RP_OK;
#define X(field, least, greatest)                \
    if (status == RP_OK && request->has_##field) \
        status = check_integer(#field, request->field, least, greatest, retref);
    RP_REQUEST_INTEGERS(X)
#undef X
#define X(field, least, greatest, excluded)      \
    if (status == RP_OK && request->has_##field) \
        status = check_float(#field, (double)request->field, least, greatest, excluded, retref);
    RP_REQUEST_FLOATS(X)
#undef X
    return status;
}

static rp_status check_count(const char *field, size_t count, size_t count_max, rp_refusal *retref)
{
    if (count <= count_max)
        return RP_OK;
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%zu entries", count_max);
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, limit,
        "%s: %zu entries, at most %zu", field, count, count_max);
}

static rp_status check_length(const char *field, size_t bytes, size_t bytes_max, rp_refusal *retref)
{
    if (bytes >= 1 && bytes <= bytes_max)
        return RP_OK;
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "1 to %zu bytes", bytes_max);
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, limit,
        "%s: %zu bytes; it takes %s", field, bytes, limit);
}

static rp_status check_name(
    const char *field, const char *name, size_t bytes_max, rp_refusal *retref)
{
    return name ? check_length(field, strlen(name), bytes_max, retref) : RP_OK;
}

static rp_status check_model(const char *given, rp_bytes model, rp_refusal *retref)
{
    if (!given || rp_bytes_is(model, given))
        return RP_OK;
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, "model", NULL,
        "model: the subject names \"%.*s\"; leave the field out, or publish on the subject of the "
        "model that is meant",
        (int)(model.len < 128 ? model.len : 128), model.len ? (const char *)model.data : "");
}

static rp_status check_stop(const Rp__InferRequest *request, rp_refusal *retref)
{
    rp_status status = check_count("stop", request->n_stop, RP_REQUEST_STOP_MAX, retref);
    for (size_t i = 0; i < request->n_stop && status == RP_OK; i++) {
        char field[RP_ERROR_FIELD_MAX];
        snprintf(field, sizeof field, "stop[%zu]", i);
        status = check_length(field, request->stop[i].len, RP_REQUEST_STOP_BYTES_MAX, retref);
    }
    return status;
}

static rp_status check_bias(const Rp__InferRequest *request, rp_refusal *retref)
{
    rp_status status = RP_OK;
    for (size_t i = 0; i < request->n_logit_bias && status == RP_OK; i++) {
        char field[RP_ERROR_FIELD_MAX];
        int32_t token = request->logit_bias[i]->key;
        snprintf(field, sizeof field, "logit_bias[\"%" PRId32 "\"]", token);
        status = check_float(field, (double)request->logit_bias[i]->value, -RP_REQUEST_BIAS_MAX,
            RP_REQUEST_BIAS_MAX, false, retref);
        if (status == RP_OK && token < 0)
            status = rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, NULL,
                "%s: a token id is not negative", field);
    }
    return status;
}

static rp_status check_messages(const Rp__InferRequest *request, rp_refusal *retref)
{
    rp_status status =
        check_count("messages", request->n_messages, RP_REQUEST_MESSAGES_MAX, retref);
    for (size_t i = 0; i < request->n_messages && status == RP_OK; i++) {
        const char *role = request->messages[i]->role;
        char field[RP_ERROR_FIELD_MAX];
        if (strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0 ||
            strcmp(role, "system") == 0)
            continue;
        snprintf(field, sizeof field, "messages[%zu].role", i);
        status = rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT, field, NULL,
            "%s: expected one of system, user, assistant", field);
    }
    return status;
}

/* Exactly one of the three ways to say what to go on from. */
static rp_status check_prompt(const Rp__InferRequest *request, rp_refusal *retref)
{
    bool messages = request->n_messages > 0, tokens = request->n_tokens > 0;
    bool prompt = request->has_prompt;
    if (messages + prompt + tokens > 1)
        return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_ARGUMENT,
            messages ? "messages" : "prompt", NULL,
            "messages, prompt and tokens exclude each other; give one of them");
    if (messages)
        return check_messages(request, retref);
    if (tokens || (prompt && request->prompt.len > 0))
        return RP_OK;
    return rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_EMPTY, prompt ? "prompt" : "messages",
        NULL, "there is nothing to go on from; give messages, prompt or tokens a content");
}

rp_status rp_infer_request_check(
    const Rp__InferRequest *request, rp_bytes model, rp_refusal *retref)
{
    rp_status status = check_model(request->model, model, retref);
    if (status == RP_OK)
        status = check_prompt(request, retref);
    if (status == RP_OK)
        status = check_numbers(request, retref);
    if (status == RP_OK)
        status = check_stop(request, retref);
    if (status == RP_OK)
        status = check_bias(request, retref);
    if (status == RP_OK)
        status = check_name("session", request->session, RP_REQUEST_SESSION_BYTES_MAX, retref);
    if (status == RP_OK)
        status = check_name("user", request->user, RP_REQUEST_USER_BYTES_MAX, retref);
    return status;
}

static rp_status check_inputs(const Rp__EmbedRequest *request, rp_refusal *retref)
{
    if (request->n_input == 0)
        return rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_EMPTY, "input", NULL,
            "input: there is nothing to embed; give a text or a list of texts");
    rp_status status = check_count("input", request->n_input, RP_REQUEST_INPUTS_MAX, retref);
    for (size_t i = 0; i < request->n_input && status == RP_OK; i++) {
        char field[RP_ERROR_FIELD_MAX];
        snprintf(field, sizeof field, "input[%zu]", i);
        if (request->input[i].len == 0)
            status = rp_refusal_set(retref, RP__ERROR__CODE__PROMPT_EMPTY, field, NULL,
                "%s: an empty text has no embedding; leave it out", field);
    }
    return status;
}

rp_status rp_embed_request_check(
    const Rp__EmbedRequest *request, rp_bytes model, rp_refusal *retref)
{
    rp_status status = check_model(request->model, model, retref);
    if (status == RP_OK)
        status = check_inputs(request, retref);
    if (status == RP_OK && request->has_deadline_ms)
        status = check_integer(
            "deadline_ms", request->deadline_ms, 1, RP_REQUEST_DEADLINE_MS_MAX, retref);
    if (status == RP_OK)
        status = check_name("user", request->user, RP_REQUEST_USER_BYTES_MAX, retref);
    return status;
}
