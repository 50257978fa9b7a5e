#include "schemas/codec_internal.h"

#include "runtime/base/json.h"

/* Far faster than a format, and an answer is mostly numbers. */
static void write_unsigned(rp_buffer *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    rp_buffer_append(out, digits + at, sizeof digits - at);
}

static void write_signed(rp_buffer *out, int64_t value)
{
    if (value < 0)
        rp_buffer_byte(out, '-');
    write_unsigned(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void write_base64(rp_buffer *out, rp_bytes bytes)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    rp_buffer_byte(out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;
        bits |= n > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        bits |= n > 2 ? bytes.data[i + 2] : 0;
        const char four[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
            n > 1 ? alphabet[bits >> 6 & 63] : '=', n > 2 ? alphabet[bits & 63] : '='};
        rp_buffer_append(out, four, sizeof four);
    }
    rp_buffer_byte(out, '"');
}

static void write_integer(rp_buffer *out, ProtobufCType type, const void *value)
{
    int32_t narrow;
    int64_t wide;
    uint32_t unsigned_narrow;
    uint64_t unsigned_wide;
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
        memcpy(&narrow, value, sizeof narrow);
        write_signed(out, narrow);
        break;
    case PROTOBUF_C_TYPE_INT64:
        memcpy(&wide, value, sizeof wide);
        write_signed(out, wide);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        memcpy(&unsigned_narrow, value, sizeof unsigned_narrow);
        write_unsigned(out, unsigned_narrow);
        break;
    default:
        memcpy(&unsigned_wide, value, sizeof unsigned_wide);
        write_unsigned(out, unsigned_wide);
    }
}

static void write_name(rp_buffer *out, const ProtobufCEnumDescriptor *type, const void *value)
{
    int number;
    memcpy(&number, value, sizeof number);
    rp_buffer_byte(out, '"');
    rp_buffer_text(out, rp_schema_enum_name(type, number));
    rp_buffer_byte(out, '"');
}

static void write_value(rp_buffer *out, const ProtobufCFieldDescriptor *field,
    const rp_schema_field *schema, const void *value)
{
    float single;
    double twofold;
    protobuf_c_boolean truth;
    ProtobufCBinaryData bytes;
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(&single, value, sizeof single);
        rp_json_float(out, single);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&twofold, value, sizeof twofold);
        rp_json_double(out, twofold);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        memcpy(&truth, value, sizeof truth);
        rp_buffer_text(out, truth ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        write_name(out, field->descriptor, value);
        break;
    case PROTOBUF_C_TYPE_STRING:
        rp_json_string(out, rp__string(schema, value));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        memcpy(&bytes, value, sizeof bytes);
        if (schema->text)
            rp_json_string(out, rp_schema_bytes(bytes));
        else
            write_base64(out, rp_schema_bytes(bytes));
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        rp__json_encode(rp__pointer(value), out);
        break;
    default:
        write_integer(out, field->type, value);
    }
}

static void write_list(rp_buffer *out, const ProtobufCMessage *message,
    const ProtobufCFieldDescriptor *field, const rp_schema_field *schema)
{
    size_t n = rp__count(message, field);
    rp_buffer_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            rp_buffer_byte(out, ',');
        write_value(out, field, schema, rp__element(message, field, i));
    }
    rp_buffer_byte(out, ']');
}

/* {"key":value,...}; the keys are integers. */
static void write_map(
    rp_buffer *out, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const rp_schema_message *entries = rp_schema_of(field->descriptor);
    const ProtobufCFieldDescriptor *key = &entries->type->fields[0];
    const ProtobufCFieldDescriptor *value = &entries->type->fields[1];
    size_t n = rp__count(message, field);
    rp_buffer_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        const ProtobufCMessage *entry = rp__pointer(rp__element(message, field, i));
        rp_buffer_text(out, i > 0 ? ",\"" : "\"");
        write_integer(out, key->type, rp__member(entry, key));
        rp_buffer_text(out, "\":");
        write_value(out, value, &entries->fields[1], rp__member(entry, value));
    }
    rp_buffer_byte(out, '}');
}

static bool is_shown(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
    const rp_schema_field *schema)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return schema->always || rp__count(message, field) > 0;
    return rp__present(message, field);
}

void rp__json_encode(const ProtobufCMessage *message, rp_buffer *out)
{
    const rp_schema_message *schema = rp_schema_of(message->descriptor);
    const char *before = "{\"";
    for (size_t i = 0; i < schema->fields_count; i++) {
        const ProtobufCFieldDescriptor *field = &schema->type->fields[i];
        if (!is_shown(message, field, &schema->fields[i]))
            continue;
        rp_buffer_text(out, before);
        rp_buffer_text(out, field->name);
        rp_buffer_text(out, "\":");
        if (schema->fields[i].map)
            write_map(out, message, field);
        else if (field->label == PROTOBUF_C_LABEL_REPEATED)
            write_list(out, message, field, &schema->fields[i]);
        else
            write_value(out, field, &schema->fields[i], rp__member(message, field));
        before = ",\"";
    }
    rp_buffer_text(out, before[0] == '{' ? "{}" : "}");
}
