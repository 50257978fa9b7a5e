#include "schemas/schema.h"

#include "runtime/base/attributes.h"

const rp_schema_message *rp_schema_of(const ProtobufCMessageDescriptor *type)
{
    const rp_schema_message *found = NULL;
    for (size_t i = 0; i < rp_schema_messages_count && !found; i++) {
        if (rp_schema_messages[i].type == type)
            found = &rp_schema_messages[i];
    }
    RP_ASSERT(found);
    return found;
}

const rp_schema_enum *rp_schema_enum_of(const ProtobufCEnumDescriptor *type)
{
    const rp_schema_enum *found = NULL;
    for (size_t i = 0; i < rp_schema_enums_count && !found; i++) {
        if (rp_schema_enums[i].type == type)
            found = &rp_schema_enums[i];
    }
    RP_ASSERT(found);
    return found;
}

const char *rp_schema_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
    return found ? rp_schema_enum_of(type)->names[found - type->values] : NULL;
}
