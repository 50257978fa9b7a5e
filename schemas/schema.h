/* What the schemas say of their fields beyond what protobuf-c keeps of them.
 *
 * The .proto files mark each field (schemas/reprise/v1/marks.proto): how a replay compares it,
 * whether a message may be without it, whether JSON shows it when it is empty. protobuf-c drops
 * such options, so the build reads them once more from the schemas' own description and makes this
 * table of them (schemas/schema_generate.c).
 *
 *     const rp_schema_message *schema = rp_schema_of(&rp__chunk__descriptor);
 *     for (size_t i = 0; i < schema->fields_count; i++)
 *         if (schema->fields[i].mark == RP_MARK_DETERMINED)
 *             compare(&schema->type->fields[i], ...);
 *
 * The table is constant; any thread may read it.
 */
#ifndef SCHEMAS_SCHEMA_H
#define SCHEMAS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* How a replay compares a field. */
typedef enum rp_mark {
    RP_MARK_DETERMINED, /* must be equal */
    RP_MARK_OBSERVED,   /* may differ */
    RP_MARK_MAPPED      /* names a message: compared by what caused it */
} rp_mark;

typedef struct rp_schema_field {
    const char *name; /* as in the .proto and in JSON */
    rp_mark mark;
    bool required; /* a message without it is refused */
    bool always;   /* repeated: JSON shows it when it is empty */
    bool text;     /* a string whose C field is a pointer and a length (string_as_bytes) */
    bool map;      /* repeated entries of key and value; a JSON object */
} rp_schema_field;

typedef struct rp_schema_message {
    const ProtobufCMessageDescriptor *type;
    bool closed;                   /* an unknown field is refused, not skipped */
    const rp_schema_field *fields; /* in the order of type->fields */
    size_t fields_count;
} rp_schema_message;

typedef struct rp_schema_enum {
    const ProtobufCEnumDescriptor *type;
    const char *const *names; /* on the wire, in the order of type->values */
} rp_schema_enum;

/* Every message and enum of reprise.v1, nested ones included, ordered by name. */
extern const rp_schema_message rp_schema_messages[];
extern const size_t rp_schema_messages_count;
extern const rp_schema_enum rp_schema_enums[];
extern const size_t rp_schema_enums_count;

/* The entry of a message type, which must be one of reprise.v1. */
const rp_schema_message *rp_schema_of(const ProtobufCMessageDescriptor *type);

/* The entry of an enum type, which must be one of reprise.v1. */
const rp_schema_enum *rp_schema_enum_of(const ProtobufCEnumDescriptor *type);

/* The name of an enum value on the wire ("prompt_empty"); NULL where the number is none of its
 * values. */
const char *rp_schema_enum_name(const ProtobufCEnumDescriptor *type, int value);

#endif
