#include "actors/cli/shared/text/json_member.h"

#include "runtime/base/json.h"

void rp_json_member(rp_buffer *out, const char *name, const char *value)
{
    bool first = out->len == 0 || out->data[out->len - 1] == '{';
    rp_buffer_printf(out, "%s\"%s\":", first ? "" : ",", name);
    rp_json_string(out, rp_bytes_text(value));
}

void rp_json_error(
    rp_buffer *out, const char *code, const char *message, const char *field, const char *limit)
{
    rp_buffer_text(out, "{\"error\":{");
    rp_json_member(out, "code", code);
    rp_json_member(out, "message", message);
    if (field && *field)
        rp_json_member(out, "field", field);
    if (limit && *limit)
        rp_json_member(out, "limit", limit);
    rp_buffer_text(out, "}}");
}
