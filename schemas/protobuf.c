#include "schemas/codec_internal.h"

/* protobuf-c reads the bytes; but it takes numbers modulo their width, keeps a name only up to its
 * first NUL, merges fields given twice and says of a fault no more than that there is one. So the
 * bytes are walked before, by the same descriptors, and what it would bend is refused by name. */

enum { TAG_BITS = 3, TAG_WIRE_MASK = 7, VARINT_BYTES_MAX = 10 };

/* A part of the body that is still to be read. */
typedef struct reader {
    const uint8_t *at;
    const uint8_t *end;
    rp_refusal *retref;
} reader;

static size_t left(const reader *r)
{
    return (size_t)(r->end - r->at);
}

static rp_status refuse(reader *r, const rp__place *place, const char *what)
{
    return rp__refuse(r->retref, RP__ERROR__CODE__INVALID_PROTOBUF, place, NULL, "%s", what);
}

static rp_status read_varint(reader *r, const rp__place *place, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (r->at == r->end)
            return refuse(r, place, "the body ends inside a number");
        uint8_t byte = *r->at++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *ret_value = value;
            return RP_OK;
        }
    }
    return refuse(r, place, "a number of more than 64 bits");
}

/* A length, and the part of the body that it measures. */
static rp_status read_part(reader *r, const rp__place *place, reader *ret_part)
{
    uint64_t len;
    rp_status status = read_varint(r, place, &len);
    if (status != RP_OK)
        return status;
    if (len > left(r))
        return refuse(r, place, "longer than the body that holds it");
    *ret_part = (reader){r->at, r->at + len, r->retref};
    r->at += len;
    return RP_OK;
}

static rp_status read_fixed(reader *r, const rp__place *place, size_t bytes)
{
    if (left(r) < bytes)
        return refuse(r, place, "the body ends inside a number");
    r->at += bytes;
    return RP_OK;
}

static rp_status skip_unknown(reader *r, const rp__place *place, unsigned wire)
{
    uint64_t value;
    reader part;
    switch (wire) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(r, place, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return read_fixed(r, place, 8);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        return read_part(r, place, &part);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return read_fixed(r, place, 4);
    default:
        return refuse(r, place, "a wire type that is not in use");
    }
}

/* Integers, bools and enum numbers. Negative ones are written as 64 bits, sign extended; a bool is
 * true for any number but 0. */
static rp_status scan_integer(
    reader *r, const ProtobufCFieldDescriptor *field, const rp__place *place)
{
    uint64_t value;
    rp_status status = read_varint(r, place, &value);
    if (status != RP_OK || field->type == PROTOBUF_C_TYPE_BOOL)
        return status;
    rp__range range = rp__integer_range(
        field->type == PROTOBUF_C_TYPE_ENUM ? PROTOBUF_C_TYPE_INT32 : field->type);
    bool negative = range.below > 0 && value > (uint64_t)INT64_MAX;
    if (negative ? 0 - value <= range.below : value <= range.above)
        return RP_OK;
    return rp__refuse(r->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
        "the number does not fit the field's type");
}

static unsigned wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

static rp_status scan_message(reader *r, const rp_schema_message *schema, const rp__place *place);

static rp_status scan_value(
    reader *r, const ProtobufCFieldDescriptor *field, const rp__place *place)
{
    reader part;
    rp_status status;
    switch (field->type) {
    case PROTOBUF_C_TYPE_FLOAT:
        return read_fixed(r, place, 4);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_fixed(r, place, 8);
    case PROTOBUF_C_TYPE_BYTES:
        return read_part(r, place, &part);
    case PROTOBUF_C_TYPE_STRING:
        status = read_part(r, place, &part);
        if (status == RP_OK && left(&part) && memchr(part.at, 0, left(&part)))
            return rp__refuse(r->retref, RP__ERROR__CODE__INVALID_ARGUMENT, place, NULL,
                "a name cannot hold U+0000");
        return status;
    case PROTOBUF_C_TYPE_MESSAGE:
        status = read_part(r, place, &part);
        return status == RP_OK ? scan_message(&part, rp_schema_of(field->descriptor), place)
                               : status;
    default:
        return scan_integer(r, field, place);
    }
}

/* One value, or many numbers packed into one part. `count` is how many of the field came before. */
static rp_status scan_field(reader *r, const ProtobufCFieldDescriptor *field, unsigned wire,
    size_t *count, const rp__place *parent)
{
    rp__place place = rp__place_of(parent, field->name);
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (repeated)
        place.index = *count;
    else if (*count > 0)
        return refuse(r, &place, "given twice");
    if (wire == wire_of(field->type)) {
        *count += 1;
        return scan_value(r, field, &place);
    }
    if (!repeated || wire != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return refuse(r, &place, "the wire type is not that of the field");
    reader part;
    rp_status status = read_part(r, &place, &part);
    while (status == RP_OK && left(&part) > 0) {
        status = scan_value(&part, field, &place);
        *count += 1;
        place.index = *count;
    }
    return status;
}

static rp_status scan_unknown(
    reader *r, const rp_schema_message *schema, uint64_t tag, const rp__place *place)
{
    if (schema->closed)
        return rp__refuse(r->retref, RP__ERROR__CODE__UNKNOWN_FIELD, place, NULL,
            "%s has no field of number %llu", schema->type->name,
            (unsigned long long)(tag >> TAG_BITS));
    return skip_unknown(r, place, tag & TAG_WIRE_MASK);
}

static rp_status scan_message(reader *r, const rp_schema_message *schema, const rp__place *place)
{
    size_t counts[RP_SCHEMA_FIELDS_MAX] = {0};
    while (left(r) > 0) {
        uint64_t tag;
        rp_status status = read_varint(r, place, &tag);
        if (status != RP_OK)
            return status;
        if (tag > UINT32_MAX || tag >> TAG_BITS == 0)
            return refuse(r, place, "a field number out of range");
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(schema->type, (unsigned)(tag >> TAG_BITS));
        if (field)
            status = scan_field(r, field, (unsigned)(tag & TAG_WIRE_MASK),
                &counts[field - schema->type->fields], place);
        else
            status = scan_unknown(r, schema, tag, place);
        if (status != RP_OK)
            return status;
    }
    return RP_OK;
}

/* What protobuf-c takes its memory from. */
typedef struct source {
    rp_arena *arena;
    bool used_up;
} source;

static void *source_alloc(void *context, size_t size)
{
    source *s = context;
    void *piece = rp_arena_alloc(s->arena, size);
    if (!piece)
        s->used_up = true;
    return piece;
}

static void source_free(void *context, void *piece)
{
    (void)context;
    (void)piece;
}

/* JSON under the wrong header is the likeliest mistake, and its first byte, read as protobuf,
 * starts a group, which none of our messages has. */
static rp_status scan(reader *r, const ProtobufCMessageDescriptor *type)
{
    if (left(r) > 0 && *r->at == '{')
        return rp_refusal_set(r->retref, RP__ERROR__CODE__INVALID_PROTOBUF, "Content-Type", NULL,
            "the body looks like JSON; send it with Content-Type: application/json or without the "
            "header");
    return scan_message(r, rp_schema_of(type), NULL);
}

rp_status rp__protobuf_decode(const ProtobufCMessageDescriptor *type, rp_bytes body,
    rp_arena *arena, ProtobufCMessage **ret_message, rp_refusal *retref)
{
    /* An empty body is an empty message; it may have no address. */
    static const uint8_t nothing[1] = {0};
    const uint8_t *data = body.len ? body.data : nothing;
    reader r = {data, data + body.len, retref};
    rp_status status = scan(&r, type);
    if (status != RP_OK)
        return status;
    source s = {arena, false};
    ProtobufCAllocator allocator = {source_alloc, source_free, &s};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, body.len, data);
    if (message) {
        *ret_message = message;
        return RP_OK;
    }
    if (s.used_up)
        return rp__refuse_memory(retref, arena);
    return rp_refusal_set(retref, RP__ERROR__CODE__INVALID_PROTOBUF, NULL, NULL,
        "the body is not a %s in protobuf", type->name);
}

void rp__protobuf_encode(const ProtobufCMessage *message, rp_buffer *out)
{
    size_t bytes = protobuf_c_message_get_packed_size(message);
    if (!rp_buffer_reserve(out, bytes))
        return;
    out->len += protobuf_c_message_pack(message, out->data + out->len);
    out->data[out->len] = '\0';
}
