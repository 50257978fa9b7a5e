#include "schemas/codec_internal.h"

#include <stdio.h>
#include <strings.h>

#include "schemas/reprise/v1/exec.pb-c.h"

_Static_assert((int)RP_ENCODING_JSON == (int)RP__EXEC__ENCODING__JSON &&
                   (int)RP_ENCODING_PROTOBUF == (int)RP__EXEC__ENCODING__PROTOBUF,
    "EXEC carries these numbers");

static const struct {
    const char *type;
    rp_encoding encoding;
} content_types[] = {
    {"application/json", RP_ENCODING_JSON},
    {"application/protobuf", RP_ENCODING_PROTOBUF},
    {"application/x-protobuf", RP_ENCODING_PROTOBUF},
};

static rp_bytes trim(rp_bytes text)
{
    while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = rp_bytes_of(text.data + 1, text.len - 1);
    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

rp_status rp_encoding_of(rp_bytes content_type, rp_encoding *ret_encoding, rp_refusal *retref)
{
    const uint8_t *parameters =
        content_type.len ? memchr(content_type.data, ';', content_type.len) : NULL;
    rp_bytes type = content_type;
    if (parameters)
        type.len = (size_t)(parameters - content_type.data);
    type = trim(type);
    if (type.len == 0 && !parameters) {
        *ret_encoding = RP_ENCODING_JSON;
        return RP_OK;
    }
    for (size_t i = 0; i < sizeof content_types / sizeof content_types[0]; i++) {
        const char *name = content_types[i].type;
        if (type.len == strlen(name) && strncasecmp((const char *)type.data, name, type.len) == 0) {
            *ret_encoding = content_types[i].encoding;
            return RP_OK;
        }
    }
    return rp_refusal_set(retref, RP__ERROR__CODE__UNSUPPORTED, "Content-Type", NULL,
        "Content-Type: \"%.*s\" is not read here; send application/json (or no such header) or "
        "application/protobuf",
        (int)(type.len < 64 ? type.len : 64), type.len ? (const char *)type.data : "");
}

const char *rp_encoding_content_type(rp_encoding encoding)
{
    return encoding == RP_ENCODING_PROTOBUF ? "application/protobuf" : "application/json";
}

rp_status rp_schema_decode(const ProtobufCMessageDescriptor *type, rp_encoding encoding,
    rp_bytes body, rp_arena *arena, void **ret_message, rp_refusal *retref)
{
    ProtobufCMessage *message;
    rp_status status = encoding == RP_ENCODING_PROTOBUF
                           ? rp__protobuf_decode(type, body, arena, &message, retref)
                           : rp__json_decode(type, body, arena, &message, retref);
    if (status == RP_OK)
        status = rp__schema_check(message, NULL, retref);
    if (status == RP_OK)
        *ret_message = message;
    return status;
}

rp_status rp_schema_encode(
    const ProtobufCMessage *message, rp_encoding encoding, rp_buffer *out, rp_error *reterr)
{
    rp_refusal refusal;
    rp_status status = rp__schema_check(message, NULL, &refusal);
    if (status != RP_OK) {
        if (reterr)
            *reterr = refusal.detail;
        rp_error_prefix(reterr, "%s", message->descriptor->name);
        return status;
    }
    size_t before = out->len;
    if (encoding == RP_ENCODING_PROTOBUF)
        rp__protobuf_encode(message, out);
    else
        rp__json_encode(message, out);
    if (!out->truncated)
        return RP_OK;
    out->len = before;
    if (out->data)
        out->data[before] = '\0';
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%zu bytes", out->bytes_max);
    return rp_error_limit(reterr, NULL, limit, "%s: longer than the %s there are room for",
        message->descriptor->name, limit);
}
