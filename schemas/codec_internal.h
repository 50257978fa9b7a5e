/* What the two halves of the codec share: places in a message, access to fields by reflection, and
 * the rules that hold in both encodings.
 */
#ifndef SCHEMAS_CODEC_INTERNAL_H
#define SCHEMAS_CODEC_INTERNAL_H

#include "schemas/codec.h"
#include "schemas/schema.h"

/* A place in a message, as a list of steps from the innermost to the root, each on the stack of the
 * function that took it. The root is NULL. */
typedef struct rp__place {
    const struct rp__place *parent;
    const char *name; /* of a field */
    size_t index;     /* in a list; RP__NO_INDEX where the field is none */
    const char *key;  /* in a map of JSON; NULL where the field is none */
} rp__place;

#define RP__NO_INDEX SIZE_MAX

static inline rp__place rp__place_of(const rp__place *parent, const char *field)
{
    return (rp__place){parent, field, RP__NO_INDEX, NULL};
}

/* Refuses with the place as the field ("messages[2].content") and before the message. */
RP_MUST_USE rp_status rp__refuse(rp_refusal *retref, Rp__Error__Code code, const rp__place *place,
    const char *limit, const char *format, ...) RP_PRINTF(5, 6);

/* Checks that a message keeps the rules of both encodings (schemas/codec.h). */
RP_MUST_USE rp_status rp__schema_check(
    const ProtobufCMessage *message, const rp__place *place, rp_refusal *retref);

/* The encodings. Decoding leaves rp__schema_check to the caller; encoding expects a checked message
 * and only appends: the caller looks at out->truncated. */
RP_MUST_USE rp_status rp__json_decode(const ProtobufCMessageDescriptor *type, rp_bytes body,
    rp_arena *arena, ProtobufCMessage **ret_message, rp_refusal *retref);
void rp__json_encode(const ProtobufCMessage *message, rp_buffer *out);
RP_MUST_USE rp_status rp__protobuf_decode(const ProtobufCMessageDescriptor *type, rp_bytes body,
    rp_arena *arena, ProtobufCMessage **ret_message, rp_refusal *retref);
void rp__protobuf_encode(const ProtobufCMessage *message, rp_buffer *out);

/* The arena is used up. */
RP_MUST_USE rp_status rp__refuse_memory(rp_refusal *retref, const rp_arena *arena);

/* The integers that a type can hold, both ends counted as distances from 0. */
typedef struct rp__range {
    uint64_t below; /* of the least, which is 0 or negative */
    uint64_t above; /* of the greatest */
} rp__range;

rp__range rp__integer_range(ProtobufCType type);

/* Bytes of one value of a type in a C struct or array. */
size_t rp__value_bytes(ProtobufCType type);

/* Where a field's value, or its array, lies in its message. */
static inline const void *rp__member(
    const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (const char *)message + field->offset;
}

/* The number of values of a repeated field. */
static inline size_t rp__count(
    const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t n;
    memcpy(&n, (const char *)message + field->quantifier_offset, sizeof n);
    return n;
}

/* The value at `index` of a repeated field. */
const void *rp__element(
    const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t index);

/* Whether an optional field is there. */
bool rp__present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* A string, name or text, as a view; `value` is the place of its C value. */
rp_bytes rp__string(const rp_schema_field *schema, const void *value);

/* The message, or the name, that the pointer at `value` points to. */
static inline const void *rp__pointer(const void *value)
{
    const void *p;
    memcpy(&p, value, sizeof p);
    return p;
}

#endif
