#include "schemas/codec_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "runtime/base/decimal.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"

enum {
    HINT_DISTANCE_MAX = 2, /* edits between an unknown name and the one it may have meant */
    HINT_NAME_MAX = 32,
    SHOWN_BYTES = 40 /* of a text from outside, in a message */
};

typedef struct decoder {
    rp_arena *arena;
    rp_refusal *retref;
} decoder;

static const char *kind_of(yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL:
        return "null";
    case YYJSON_TYPE_BOOL:
        return yyjson_is_true(value) ? "true" : "false";
    case YYJSON_TYPE_NUM:
        return "a number";
    case YYJSON_TYPE_STR:
        return "a string";
    case YYJSON_TYPE_ARR:
        return "a list";
    default:
        return "an object";
    }
}

static rp_status expected(decoder *d, const rp__place *place, const char *what, yyjson_val *value)
{
    return rp__refuse(d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
        "expected %s, got %s", what, kind_of(value));
}

static rp_bytes string_of(yyjson_val *value)
{
    return rp_bytes_of(yyjson_get_str(value), yyjson_get_len(value));
}

/* --- integers --- */

typedef struct integer {
    bool negative;
    uint64_t distance; /* from 0 */
} integer;

static bool parse_decimal(rp_bytes text, integer *ret_value)
{
    integer value = {.negative = text.len > 0 && text.data[0] == '-'};
    rp_bytes digits = rp_bytes_of(text.data + value.negative, text.len - value.negative);
    if (text.len > 21 || rp_decimal_parse(digits, &value.distance) != RP_OK)
        return false;
    *ret_value = value;
    return true;
}

/* False where the value is no whole number. One beyond 64 bits saturates, and so is in no range. */
static bool integer_of(yyjson_val *json, integer *ret_value, bool *ret_beyond)
{
    *ret_beyond = false;
    if (yyjson_is_uint(json)) {
        *ret_value = (integer){false, yyjson_get_uint(json)};
        return true;
    }
    if (yyjson_is_sint(json)) {
        int64_t value = yyjson_get_sint(json);
        *ret_value = (integer){value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value};
        return true;
    }
    if (yyjson_is_str(json))
        return parse_decimal(string_of(json), ret_value);
    double value = yyjson_get_real(json), distance = fabs(value);
    *ret_beyond = distance >= 0x1p64;
    *ret_value = (integer){value < 0, *ret_beyond ? 0 : (uint64_t)distance};
    return *ret_beyond || (double)ret_value->distance == distance;
}

static void store_integer(ProtobufCType type, integer value, void *member)
{
    uint64_t wide = value.negative ? 0 - value.distance : value.distance;
    uint32_t narrow = (uint32_t)wide;
    if (rp__value_bytes(type) == sizeof narrow)
        memcpy(member, &narrow, sizeof narrow);
    else
        memcpy(member, &wide, sizeof wide);
}

static rp_status decode_integer(
    decoder *d, ProtobufCType type, const rp__place *place, yyjson_val *json, void *member)
{
    integer value;
    bool beyond;
    if (!yyjson_is_num(json) && !yyjson_is_str(json))
        return expected(d, place, "a whole number", json);
    if (!integer_of(json, &value, &beyond))
        return rp__refuse(d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
            "expected a whole number%s", yyjson_is_str(json) ? ", got another text" : "");
    rp__range range = rp__integer_range(type);
    if (!beyond && value.distance <= (value.negative ? range.below : range.above)) {
        store_integer(type, value, member);
        return RP_OK;
    }
    char limit[RP_ERROR_LIMIT_MAX];
    snprintf(limit, sizeof limit, "%s%" PRIu64 " to %" PRIu64, range.below ? "-" : "", range.below,
        range.above);
    return rp__refuse(d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, limit,
        "out of range; it goes from %s", limit);
}

/* --- other single values --- */

static rp_status decode_float(
    decoder *d, ProtobufCType type, const rp__place *place, yyjson_val *json, void *member)
{
    if (!yyjson_is_num(json))
        return expected(d, place, "a number", json);
    double twofold = yyjson_get_num(json);
    float single = (float)twofold;
    if (type == PROTOBUF_C_TYPE_DOUBLE) {
        memcpy(member, &twofold, sizeof twofold);
        return RP_OK;
    }
    if (!isfinite(single))
        return rp__refuse(d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
            "out of range of a 32-bit float");
    memcpy(member, &single, sizeof single);
    return RP_OK;
}

static rp_status decode_enum(decoder *d, const ProtobufCFieldDescriptor *field,
    const rp__place *place, yyjson_val *json, void *member)
{
    const rp_schema_enum *schema = rp_schema_enum_of(field->descriptor);
    char names[RP_ERROR_MESSAGE_MAX / 2];
    size_t len = 0;
    if (!yyjson_is_str(json))
        return expected(d, place, "a string", json);
    for (unsigned i = 0; i < schema->type->n_values; i++) {
        if (rp_bytes_is(string_of(json), schema->names[i])) {
            memcpy(member, &schema->type->values[i].value, sizeof(int));
            return RP_OK;
        }
        int n = snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "", schema->names[i]);
        len += (size_t)n < sizeof names - len ? (size_t)n : sizeof names - len - 1;
    }
    return rp__refuse(
        d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL, "expected one of %s", names);
}

/* yyjson ends its strings in NUL, so a name is used where it lies. */
static rp_status decode_name(decoder *d, const rp__place *place, yyjson_val *json, void *member)
{
    const char *name = yyjson_get_str(json);
    if (strlen(name) != yyjson_get_len(json))
        return rp__refuse(
            d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL, "a name cannot hold U+0000");
    memcpy(member, &name, sizeof name);
    return RP_OK;
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits to three bytes at `out`; the `padding` last of them are not there. */
static bool base64_group(const uint8_t *digits, unsigned padding, uint8_t *out)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < 4; i++) {
        int digit = i < 4 - padding ? base64_digit(digits[i]) : 0;
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
    }
    if (bits & ((1u << (8 * padding)) - 1))
        return false; /* bits that no byte holds: not the one spelling */
    for (unsigned i = 0; i < 3 - padding; i++)
        out[i] = (uint8_t)(bits >> (16 - 8 * i));
    return true;
}

static rp_status decode_base64(decoder *d, const rp__place *place, rp_bytes text, void *member)
{
    unsigned padding = 0;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
        padding++;
    ProtobufCBinaryData bytes = {.len = text.len / 4 * 3 - padding};
    bool valid = text.len % 4 == 0;
    bytes.data = valid ? rp_arena_alloc(d->arena, bytes.len + padding) : NULL;
    if (valid && !bytes.data)
        return rp__refuse_memory(d->retref, d->arena);
    for (size_t i = 0; i < text.len && valid; i += 4)
        valid =
            base64_group(text.data + i, i + 4 == text.len ? padding : 0, bytes.data + i / 4 * 3);
    if (!valid)
        return rp__refuse(d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
            "not base64 (RFC 4648, padded)");
    memcpy(member, &bytes, sizeof bytes);
    return RP_OK;
}

static rp_status decode_string(decoder *d, const ProtobufCFieldDescriptor *field,
    const rp_schema_field *schema, const rp__place *place, yyjson_val *json, void *member)
{
    if (!yyjson_is_str(json))
        return expected(d, place, "a string", json);
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return decode_name(d, place, json, member);
    if (!schema->text)
        return decode_base64(d, place, string_of(json), member);
    ProtobufCBinaryData text = rp_schema_text(string_of(json));
    memcpy(member, &text, sizeof text);
    return RP_OK;
}

static rp_status decode_message(decoder *d, const ProtobufCMessageDescriptor *type,
    const rp__place *place, yyjson_val *json, ProtobufCMessage **ret_message);

static rp_status decode_value(decoder *d, const ProtobufCFieldDescriptor *field,
    const rp_schema_field *schema, const rp__place *place, yyjson_val *json, void *member)
{
    ProtobufCMessage *message;
    protobuf_c_boolean truth;
    rp_status status;
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return decode_float(d, field->type, place, json, member);
    case PROTOBUF_C_TYPE_BOOL:
        if (!yyjson_is_bool(json))
            return expected(d, place, "true or false", json);
        truth = yyjson_is_true(json);
        memcpy(member, &truth, sizeof truth);
        return RP_OK;
    case PROTOBUF_C_TYPE_ENUM:
        return decode_enum(d, field, place, json, member);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
        return decode_string(d, field, schema, place, json, member);
    case PROTOBUF_C_TYPE_MESSAGE:
        status = decode_message(d, field->descriptor, place, json, &message);
        if (status == RP_OK)
            memcpy(member, &message, sizeof message);
        return status;
    default:
        return decode_integer(d, field->type, place, json, member);
    }
}

/* --- lists, maps, messages --- */

/* Gives a repeated field its array, of `n` cleared values; NULL where the arena is used up. */
static char *make_array(
    decoder *d, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t n)
{
    char *array = rp_arena_array(d->arena, n, rp__value_bytes(field->type));
    if (array) {
        memcpy((char *)message + field->offset, &array, sizeof array);
        memcpy((char *)message + field->quantifier_offset, &n, sizeof n);
    }
    return array;
}

/* A list, or one value for a list of one. */
static rp_status decode_list(decoder *d, ProtobufCMessage *message,
    const ProtobufCFieldDescriptor *field, const rp_schema_field *schema, const rp__place *place,
    yyjson_val *json)
{
    bool is_list = yyjson_is_arr(json);
    size_t n = is_list ? yyjson_arr_size(json) : 1;
    if (n == 0)
        return RP_OK;
    char *array = make_array(d, message, field, n);
    if (!array)
        return rp__refuse_memory(d->retref, d->arena);
    if (!is_list)
        return decode_value(d, field, schema, place, json, array);
    rp_status status = RP_OK;
    rp__place at = *place;
    at.index = 0;
    yyjson_arr_iter items = yyjson_arr_iter_with(json);
    for (; at.index < n && status == RP_OK; at.index++)
        status = decode_value(d, field, schema, &at, yyjson_arr_iter_next(&items),
            array + at.index * rp__value_bytes(field->type));
    return status;
}

/* Sets the `has` of an optional field that is no pointer. */
static void mark_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const protobuf_c_boolean yes = 1;
    if (field->label != PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_STRING &&
        field->type != PROTOBUF_C_TYPE_MESSAGE)
        memcpy((char *)message + field->quantifier_offset, &yes, sizeof yes);
}

static ProtobufCMessage *make_message(decoder *d, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = rp_arena_alloc(d->arena, type->sizeof_message);
    if (message)
        type->message_init(message);
    return message;
}

static rp_status decode_entry(decoder *d, const rp_schema_message *schema, const rp__place *place,
    yyjson_val *key, ProtobufCMessage **ret_entry)
{
    yyjson_val *const parts[2] = {key, yyjson_obj_iter_get_val(key)};
    ProtobufCMessage *entry = make_message(d, schema->type);
    if (!entry)
        return rp__refuse_memory(d->retref, d->arena);
    for (size_t i = 0; i < 2; i++) {
        const ProtobufCFieldDescriptor *field = &schema->type->fields[i];
        rp_status status = decode_value(
            d, field, &schema->fields[i], place, parts[i], (char *)entry + field->offset);
        if (status != RP_OK)
            return status;
        mark_present(entry, field);
    }
    *ret_entry = entry;
    return RP_OK;
}

static rp_status decode_map(decoder *d, ProtobufCMessage *message,
    const ProtobufCFieldDescriptor *field, const rp__place *place, yyjson_val *json)
{
    if (!yyjson_is_obj(json))
        return expected(d, place, "an object", json);
    size_t n = yyjson_obj_size(json);
    if (n == 0)
        return RP_OK;
    char *array = make_array(d, message, field, n);
    if (!array)
        return rp__refuse_memory(d->retref, d->arena);
    rp_status status = RP_OK;
    rp__place at = *place;
    yyjson_obj_iter items = yyjson_obj_iter_with(json);
    for (size_t i = 0; i < n && status == RP_OK; i++) {
        yyjson_val *key = yyjson_obj_iter_next(&items);
        ProtobufCMessage *entry = NULL;
        at.key = yyjson_get_str(key);
        status = decode_entry(d, rp_schema_of(field->descriptor), &at, key, &entry);
        memcpy(array + i * sizeof entry, &entry, sizeof entry);
    }
    return status;
}

/* How many single-letter edits make `a` of `b`; HINT_NAME_MAX bounds both. */
static size_t edits(rp_bytes a, rp_bytes b)
{
    size_t row[HINT_NAME_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t swap = diagonal + (a.data[i] != b.data[j]);
            size_t step = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);
            diagonal = row[j + 1];
            row[j + 1] = swap < step ? swap : step;
        }
    }
    return row[b.len];
}

static rp_status refuse_unknown(
    decoder *d, const rp_schema_message *schema, const rp__place *parent, rp_bytes name)
{
    const char *nearest = NULL;
    size_t least = HINT_DISTANCE_MAX + 1;
    for (size_t i = 0; i < schema->fields_count && name.len <= HINT_NAME_MAX; i++) {
        rp_bytes known = rp_bytes_text(schema->fields[i].name);
        size_t distance = known.len <= HINT_NAME_MAX ? edits(name, known) : least;
        if (distance < least) {
            least = distance;
            nearest = schema->fields[i].name;
        }
    }
    char shown[SHOWN_BYTES + 1];
    rp_bytes cut = rp_utf8_cut(name, SHOWN_BYTES);
    snprintf(shown, sizeof shown, "%.*s", (int)cut.len, (const char *)cut.data);
    rp__place place = rp__place_of(parent, shown);
    return rp__refuse(d->retref, RP__ERROR__CODE__UNKNOWN_FIELD, &place, NULL,
        "no such field in %s%s%s%s", schema->type->short_name, nearest ? "; did you mean " : "",
        nearest ? nearest : "", nearest ? "?" : "");
}

static rp_status decode_field(decoder *d, ProtobufCMessage *message,
    const ProtobufCFieldDescriptor *field, const rp_schema_field *schema, const rp__place *place,
    yyjson_val *json)
{
    if (yyjson_is_null(json))
        return RP_OK;
    if (schema->map)
        return decode_map(d, message, field, place, json);
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return decode_list(d, message, field, schema, place, json);
    mark_present(message, field);
    return decode_value(d, field, schema, place, json, (char *)message + field->offset);
}

/* The field of a JSON name, which may hold a NUL; NULL where there is none. */
static const ProtobufCFieldDescriptor *field_of(
    const ProtobufCMessageDescriptor *type, yyjson_val *key)
{
    const char *name = yyjson_get_str(key);
    if (strlen(name) != yyjson_get_len(key))
        return NULL;
    return protobuf_c_message_descriptor_get_field_by_name(type, name);
}

static rp_status decode_message(decoder *d, const ProtobufCMessageDescriptor *type,
    const rp__place *place, yyjson_val *json, ProtobufCMessage **ret_message)
{
    if (!yyjson_is_obj(json))
        return expected(d, place, "an object", json);
    const rp_schema_message *schema = rp_schema_of(type);
    ProtobufCMessage *message = make_message(d, type);
    if (!message)
        return rp__refuse_memory(d->retref, d->arena);
    uint64_t seen = 0; /* a bit a field */
    yyjson_val *key;
    yyjson_obj_iter items = yyjson_obj_iter_with(json);
    while ((key = yyjson_obj_iter_next(&items))) {
        const ProtobufCFieldDescriptor *field = field_of(type, key);
        if (!field && schema->closed)
            return refuse_unknown(d, schema, place, string_of(key));
        if (!field)
            continue;
        size_t index = (size_t)(field - type->fields);
        rp__place at = rp__place_of(place, field->name);
        if (seen >> index & 1)
            return rp__refuse(
                d->retref, RP__ERROR__CODE__INVALID_ARGUMENT, &at, NULL, "given twice");
        seen |= UINT64_C(1) << index;
        rp_status status = decode_field(
            d, message, field, &schema->fields[index], &at, yyjson_obj_iter_get_val(key));
        if (status != RP_OK)
            return status;
    }
    *ret_message = message;
    return RP_OK;
}

/* --- bodies --- */

static rp_status refuse_text(decoder *d, rp_bytes body, rp_status status, const rp_error *failure)
{
    if (status == RP_LIMIT)
        return rp__refuse_memory(d->retref, d->arena);
    if (!rp_utf8_valid(body))
        return rp_refusal_set(d->retref, RP__ERROR__CODE__INVALID_UTF8, NULL, NULL,
            "%s; encode the body as UTF-8", failure->message);
    return rp_refusal_set(
        d->retref, RP__ERROR__CODE__INVALID_JSON, NULL, NULL, "%s", failure->message);
}

rp_status rp__json_decode(const ProtobufCMessageDescriptor *type, rp_bytes body, rp_arena *arena,
    ProtobufCMessage **ret_message, rp_refusal *retref)
{
    decoder d = {arena, retref};
    yyjson_doc *doc;
    rp_error failure;
    rp_status status = rp_json_parse(body, arena, &doc, &failure);
    if (status != RP_OK)
        return refuse_text(&d, body, status, &failure);
    return decode_message(&d, type, NULL, yyjson_doc_get_root(doc), ret_message);
}
