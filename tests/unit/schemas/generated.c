#include "tests/unit/schemas/generated.h"

#include <float.h>

#include "runtime/base/rng.h"

typedef struct source {
    rp_arena *arena;
    uint64_t seed, position;
} source;

static uint64_t draw(source *s)
{
    rp_rng_words words = rp_rng_philox(s->seed, s->position++, 0);
    return (uint64_t)words.word[0] << 32 | words.word[1];
}

static void *take(source *s, size_t count, size_t bytes)
{
    void *piece = rp_arena_array(s->arena, count, bytes);
    RP_ASSERT(piece);
    return piece;
}

/* One of the ends of 64 bits or a few near 0, else any; a narrower type takes the low half. */
static uint64_t draw_integer(source *s)
{
    static const uint64_t favoured[] = {
        0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, INT32_MAX, (uint64_t)INT32_MAX + 1};
    uint64_t which = draw(s) % 12;
    return which < sizeof favoured / sizeof favoured[0] ? favoured[which] : draw(s);
}

static float draw_float(source *s)
{
    static const float favoured[] = {
        0.0f, -0.0f, 0.1f, 1.0f, FLT_MAX, -FLT_MIN, FLT_TRUE_MIN, 16777217.0f};
    uint64_t which = draw(s) % 16;
    uint32_t bits = (uint32_t)draw(s);
    float value;
    if (which < sizeof favoured / sizeof favoured[0])
        return favoured[which];
    memcpy(&value, &bits, sizeof value);
    return value - value == 0.0f ? value : 0.5f; /* NaN and infinities are not allowed */
}

/* `first` is 0 where the text may hold U+0000. */
static ProtobufCBinaryData draw_text(source *s, size_t first)
{
    static const rp_bytes pieces[] = {{(const uint8_t *)"\0", 1}, {(const uint8_t *)"\"\\/", 3},
        {(const uint8_t *)"\n\t\x01\x7F", 4}, {(const uint8_t *)"plain", 5},
        {(const uint8_t *)"\xC3\xA9", 2}, {(const uint8_t *)"\xE4\xBD\xA0", 3},
        {(const uint8_t *)"\xF0\x9F\x98\x80", 4}, {(const uint8_t *)"\xEF\xBF\xBD", 3}};
    size_t pieces_count = sizeof pieces / sizeof pieces[0] - first;
    ProtobufCBinaryData text = {0, take(s, 64, 1)};
    for (uint64_t n = draw(s) % 8; n > 0; n--) {
        rp_bytes piece = pieces[first + draw(s) % pieces_count];
        memcpy(text.data + text.len, piece.data, piece.len);
        text.len += piece.len;
    }
    return text;
}

static ProtobufCMessage *draw_message(source *s, const ProtobufCMessageDescriptor *type);

static void draw_value(
    source *s, const ProtobufCFieldDescriptor *field, const rp_schema_field *schema, void *value)
{
    uint64_t integer = draw_integer(s);
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
        memcpy(value, &(uint32_t){(uint32_t)integer}, 4);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        memcpy(value, &integer, 8);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(value, &(float){draw_float(s)}, 4);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        memcpy(value, &(protobuf_c_boolean){integer & 1}, sizeof(protobuf_c_boolean));
        break;
    case PROTOBUF_C_TYPE_ENUM: {
        const ProtobufCEnumDescriptor *type = field->descriptor;
        memcpy(value, &type->values[integer % type->n_values].value, sizeof(int));
        break;
    }
    case PROTOBUF_C_TYPE_STRING:
        memcpy(value, &(void *){draw_text(s, 1).data}, sizeof(void *));
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        memcpy(value, &(void *){draw_message(s, field->descriptor)}, sizeof(void *));
        break;
    default: {
        RP_ASSERT(field->type == PROTOBUF_C_TYPE_BYTES); /* no schema has another */
        ProtobufCBinaryData bytes = draw_text(s, 0);
        if (!schema->text && bytes.len)
            bytes.data[0] ^= 0xFF;
        memcpy(value, &bytes, sizeof bytes);
    }
    }
}

static size_t value_bytes(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FLOAT:
        return 4;
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 8;
    }
}

static void draw_list(source *s, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
    const rp_schema_field *schema)
{
    size_t n = draw(s) % 4, bytes = value_bytes(field->type);
    char *array = take(s, 4, bytes);
    for (size_t i = 0; i < n; i++) {
        draw_value(s, field, schema, array + i * bytes);
        if (schema->map) { /* keys differ: the first field of an entry lies behind its `has` */
            const ProtobufCMessageDescriptor *entry = field->descriptor;
            void *made;
            memcpy(&made, array + i * bytes, sizeof made);
            memcpy((char *)made + entry->fields[0].offset, &(int32_t){(int32_t)i - 1}, 4);
            for (unsigned j = 0; j < 2; j++)
                memcpy((char *)made + entry->fields[j].quantifier_offset, &(int){1}, sizeof(int));
        }
    }
    memcpy((char *)message + field->offset, &array, sizeof array);
    memcpy((char *)message + field->quantifier_offset, &n, sizeof n);
}

static ProtobufCMessage *draw_message(source *s, const ProtobufCMessageDescriptor *type)
{
    const rp_schema_message *schema = rp_schema_of(type);
    ProtobufCMessage *message = take(s, 1, type->sizeof_message);
    type->message_init(message);
    for (size_t i = 0; i < schema->fields_count; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        bool pointer =
            field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
        if (!schema->fields[i].required && draw(s) % 4 == 0)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            draw_list(s, message, field, &schema->fields[i]);
            continue;
        }
        draw_value(s, field, &schema->fields[i], (char *)message + field->offset);
        if (!pointer)
            memcpy((char *)message + field->quantifier_offset, &(protobuf_c_boolean){1},
                sizeof(protobuf_c_boolean));
    }
    return message;
}

ProtobufCMessage *generated_message(
    const ProtobufCMessageDescriptor *type, uint64_t seed, rp_arena *arena)
{
    source s = {arena, seed, 0};
    return draw_message(&s, type);
}
