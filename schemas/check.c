#include "schemas/codec_internal.h"

#include <math.h>
#include <stdio.h>

#include "runtime/base/utf8.h"

enum { KEY_SHOWN = 16 /* bytes of a map's key, which may be any text */ };

/* Writes the steps from the root to `place`; returns the length, cut to fit. */
static size_t place_text(const rp__place *place, char *text, size_t bytes)
{
    if (!place) {
        text[0] = '\0';
        return 0;
    }
    size_t len = place_text(place->parent, text, bytes);
    const char *dot = len ? "." : "";
    int n;
    if (place->key)
        n = snprintf(text + len, bytes - len, "%s%s[\"%.*s\"]", dot, place->name,
            (int)rp_utf8_cut(rp_bytes_text(place->key), KEY_SHOWN).len, place->key);
    else if (place->index != RP__NO_INDEX)
        n = snprintf(text + len, bytes - len, "%s%s[%zu]", dot, place->name, place->index);
    else
        n = snprintf(text + len, bytes - len, "%s%s", dot, place->name);
    size_t more = n > 0 ? (size_t)n : 0;
    return more < bytes - len ? len + more : bytes - 1;
}

rp_status rp__refuse(rp_refusal *retref, Rp__Error__Code code, const rp__place *place,
    const char *limit, const char *format, ...)
{
    char field[RP_ERROR_FIELD_MAX], message[RP_ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t len = place_text(place, field, sizeof field);
    return rp_refusal_set(retref, code, field, limit, "%s%s%s", field, len ? ": " : "", message);
}

rp_status rp__refuse_memory(rp_refusal *retref, const rp_arena *arena)
{
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%zu bytes", arena->bytes_max);
    return rp_refusal_set(retref, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, NULL, limit,
        "reading the body takes more than the %s that a message may use; send less", limit);
}

rp__range rp__integer_range(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
        return (rp__range){(uint64_t)INT32_MAX + 1, INT32_MAX};
    case PROTOBUF_C_TYPE_UINT32:
        return (rp__range){0, UINT32_MAX};
    case PROTOBUF_C_TYPE_INT64:
        return (rp__range){(uint64_t)INT64_MAX + 1, INT64_MAX};
    default:
        return (rp__range){0, UINT64_MAX};
    }
}

size_t rp__value_bytes(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FLOAT:
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return sizeof(void *);
    }
}

const void *rp__element(
    const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t index)
{
    const char *array = rp__pointer(rp__member(message, field));
    return array + index * rp__value_bytes(field->type);
}

bool rp__present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING)
        return rp__pointer(rp__member(message, field)) != NULL;
    protobuf_c_boolean has;
    memcpy(&has, (const char *)message + field->quantifier_offset, sizeof has);
    return has != 0;
}

rp_bytes rp__string(const rp_schema_field *schema, const void *value)
{
    if (!schema->text)
        return rp_bytes_text(rp__pointer(value));
    ProtobufCBinaryData text;
    memcpy(&text, value, sizeof text);
    return rp_schema_bytes(text);
}

static rp_status check_float(double value, const rp__place *place, rp_refusal *retref)
{
    if (isfinite(value))
        return RP_OK;
    return rp__refuse(retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
        "NaN and infinities are not allowed");
}

static rp_status check_text(rp_bytes text, const rp__place *place, rp_refusal *retref)
{
    if (rp_utf8_valid(text))
        return RP_OK;
    return rp__refuse(
        retref, RP__ERROR__CODE__INVALID_UTF8, place, NULL, "not UTF-8; encode the text as UTF-8");
}

static rp_status check_enum(const ProtobufCFieldDescriptor *field, const void *value,
    const rp__place *place, rp_refusal *retref)
{
    int number;
    memcpy(&number, value, sizeof number);
    if (rp_schema_enum_name(field->descriptor, number))
        return RP_OK;
    return rp__refuse(retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
        "%d is no value of %s", number, ((const ProtobufCEnumDescriptor *)field->descriptor)->name);
}

static rp_status check_value(const ProtobufCFieldDescriptor *field, const rp_schema_field *schema,
    const void *value, const rp__place *place, rp_refusal *retref)
{
    float single;
    double twofold;
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(&single, value, sizeof single);
        return check_float((double)single, place, retref);
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&twofold, value, sizeof twofold);
        return check_float(twofold, place, retref);
    case PROTOBUF_C_TYPE_ENUM:
        return check_enum(field, value, place, retref);
    case PROTOBUF_C_TYPE_STRING:
        return check_text(rp__string(schema, value), place, retref);
    case PROTOBUF_C_TYPE_BYTES:
        return schema->text ? check_text(rp__string(schema, value), place, retref) : RP_OK;
    case PROTOBUF_C_TYPE_MESSAGE:
        return rp__schema_check(rp__pointer(value), place, retref);
    default:
        return RP_OK;
    }
}

/* Keys are integers; RP_SCHEMA_MAP_MAX bounds the comparisons. */
static rp_status check_keys(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
    const rp__place *place, rp_refusal *retref)
{
    size_t n = rp__count(message, field);
    if (n > RP_SCHEMA_MAP_MAX) {
        char limit[RP_ERROR_LIMIT_MAX];
        snprintf(limit, sizeof limit, "%d entries", RP_SCHEMA_MAP_MAX);
        return rp__refuse(retref, RP__ERROR__CODE__PAYLOAD_TOO_LARGE, place, limit,
            "%zu entries, at most %d", n, RP_SCHEMA_MAP_MAX);
    }
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t bytes = rp__value_bytes(entry->fields[0].type);
    for (size_t i = 1; i < n; i++) {
        const void *key = rp__member(rp__pointer(rp__element(message, field, i)), entry->fields);
        for (size_t j = 0; j < i; j++) {
            const void *other =
                rp__member(rp__pointer(rp__element(message, field, j)), entry->fields);
            if (memcmp(key, other, bytes) == 0)
                return rp__refuse(retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
                    "entries %zu and %zu have the same key", j, i);
        }
    }
    return RP_OK;
}

static rp_status check_list(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
    const rp_schema_field *schema, const rp__place *place, rp_refusal *retref)
{
    rp_status status = schema->map ? check_keys(message, field, place, retref) : RP_OK;
    size_t n = rp__count(message, field);
    rp__place at = *place;
    for (size_t i = 0; i < n && status == RP_OK; i++) {
        at.index = i;
        status = check_value(field, schema, rp__element(message, field, i), &at, retref);
    }
    return status;
}

rp_status rp__schema_check(
    const ProtobufCMessage *message, const rp__place *place, rp_refusal *retref)
{
    const rp_schema_message *schema = rp_schema_of(message->descriptor);
    rp_status status = RP_OK;
    for (size_t i = 0; i < schema->fields_count && status == RP_OK; i++) {
        const ProtobufCFieldDescriptor *field = &schema->type->fields[i];
        rp__place at = rp__place_of(place, field->name);
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            status = check_list(message, field, &schema->fields[i], &at, retref);
        else if (rp__present(message, field))
            status =
                check_value(field, &schema->fields[i], rp__member(message, field), &at, retref);
        else if (schema->fields[i].required)
            status = rp__refuse(
                retref, RP__ERROR__CODE__INVALID_ARGUMENT, &at, NULL, "missing; it is required");
    }
    return status;
}
