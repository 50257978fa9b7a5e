#include "actors/cli/ask/request.h"

#include "actors/cli/shared/text/json_member.h"
#include "runtime/base/clock.h"
#include "runtime/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static rp_status number(
    rp_buffer *out, const char *name, const char *option, const char *value, rp_error *reterr)
{
    char *end = NULL;
    if (!value)
        return RP_OK;
    double parsed = strtod(value, &end);
    if (end == value || *end || !isfinite(parsed))
        return rp_error_set(
            reterr, RP_INVALID, option, "--%s takes a number, not \"%.60s\"", option, value);
    rp_buffer_printf(out, ",\"%s\":", name);
    rp_json_double(out, parsed);
    return RP_OK;
}

static rp_status fractions(const rp_ask *ask, rp_buffer *out, rp_error *reterr)
{
    const struct {
        const char *name, *option, *value;
    } rows[] = {
        {"temperature", "temperature", ask->temperature},
        {"top_p", "top-p", ask->top_p},
        {"min_p", "min-p", ask->min_p},
        {"presence_penalty", "presence-penalty", ask->presence_penalty},
        {"frequency_penalty", "frequency-penalty", ask->frequency_penalty},
        {"repetition_penalty", "repetition-penalty", ask->repetition_penalty},
    };
    rp_status status = RP_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && status == RP_OK; i++)
        status = number(out, rows[i].name, rows[i].option, rows[i].value, reterr);
    return status;
}

static void stop_strings(const rp_option_list *stop, rp_buffer *out)
{
    for (size_t i = 0; i < stop->count; i++) {
        rp_buffer_text(out, i ? "," : ",\"stop\":[");
        rp_json_string(out, rp_bytes_text(stop->values[i]));
    }
    rp_buffer_text(out, stop->count ? "]" : "");
}

rp_status rp_ask_parameters(const rp_ask *ask, rp_buffer *out, rp_error *reterr)
{
    uint64_t seed = 0;
    if (ask->raw && (ask->system || ask->chat))
        return rp_error_set(reterr, RP_INVALID, ask->system ? "system" : "chat",
            "%s goes into the chat template, which --raw leaves out; give one of them",
            ask->system ? "what --system says" : "with --chat the text");
    rp_buffer_printf(out, ",\"max_tokens\":%" PRIu64, ask->max_tokens);
    rp_status status = fractions(ask, out, reterr);
    if (status != RP_OK)
        return status;
    if (ask->top_k)
        rp_buffer_printf(out, ",\"top_k\":%" PRIu64, ask->top_k);
    if (ask->seed && rp_parse_count(ask->seed, &seed) != RP_OK)
        return rp_error_set(
            reterr, RP_INVALID, "seed", "--seed takes a whole number, not \"%.60s\"", ask->seed);
    if (ask->seed)
        rp_buffer_printf(out, ",\"seed\":%" PRIu64, seed);
    if (ask->deadline_ns)
        rp_buffer_printf(out, ",\"deadline_ms\":%" PRIu64, ask->deadline_ns / RP_NS_PER_MS);
    stop_strings(&ask->stop, out);
    if (ask->session)
        rp_json_member(out, "session", ask->session);
    rp_buffer_text(out, ask->no_stream ? ",\"stream\":false" : "");
    return RP_OK;
}

static void message(rp_buffer *out, const char *role, rp_bytes content)
{
    rp_buffer_printf(out, "{\"role\":\"%s\",\"content\":", role);
    rp_json_string(out, content);
    rp_buffer_text(out, "}");
}

rp_status rp_ask_request(const rp_ask *ask, bool raw, rp_bytes text, rp_bytes parameters,
    rp_buffer *out, rp_error *reterr)
{
    if (raw) {
        rp_buffer_text(out, "{\"prompt\":");
        rp_json_string(out, text);
    } else {
        rp_buffer_text(out, "{\"messages\":[");
        if (ask->system) {
            message(out, "system", rp_bytes_text(ask->system));
            rp_buffer_text(out, ",");
        }
        message(out, "user", text);
        rp_buffer_text(out, "]");
    }
    rp_buffer_append(out, parameters.data, parameters.len);
    rp_buffer_text(out, "}");
    if (out->truncated)
        return rp_error_limit(reterr, "text", "64 MiB", "the text is too long");
    return RP_OK;
}
