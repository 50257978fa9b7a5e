/* The numbers on the wire are for ever: what was once written must always be read as the same.
 *
 * numbers.txt lists every field and every enum value that there ever was, `OWNER NUMBER NAME TYPE`.
 * A new one gets a new line. One that is taken out keeps its line with `gone` for its type, and the
 * .proto a `reserved`. Any other change of a line is a mistake.
 */
#include "schemas/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "runtime/base/buffer.h"

static const char *type_name(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
        return "int32";
    case PROTOBUF_C_TYPE_INT64:
        return "int64";
    case PROTOBUF_C_TYPE_UINT32:
        return "uint32";
    case PROTOBUF_C_TYPE_UINT64:
        return "uint64";
    case PROTOBUF_C_TYPE_FLOAT:
        return "float";
    case PROTOBUF_C_TYPE_DOUBLE:
        return "double";
    case PROTOBUF_C_TYPE_BOOL:
        return "bool";
    case PROTOBUF_C_TYPE_ENUM:
        return "enum";
    case PROTOBUF_C_TYPE_STRING:
        return "string";
    case PROTOBUF_C_TYPE_BYTES:
        return "bytes";
    default:
        return "message";
    }
}

/* The lines of all schemas as they are, each between line ends. */
static void list(rp_buffer *out)
{
    rp_buffer_byte(out, '\n');
    for (size_t i = 0; i < rp_schema_messages_count; i++) {
        const rp_schema_message *schema = &rp_schema_messages[i];
        for (size_t j = 0; j < schema->fields_count; j++) {
            const ProtobufCFieldDescriptor *field = &schema->type->fields[j];
            rp_buffer_printf(out, "%s %u %s %s%s\n", schema->type->name, field->id, field->name,
                field->label == PROTOBUF_C_LABEL_REPEATED ? "repeated-" : "",
                schema->fields[j].text ? "string" : type_name(field->type));
        }
    }
    for (size_t i = 0; i < rp_schema_enums_count; i++) {
        const ProtobufCEnumDescriptor *type = rp_schema_enums[i].type;
        for (unsigned j = 0; j < type->n_values; j++)
            rp_buffer_printf(
                out, "%s %d %s value\n", type->name, type->values[j].value, type->values[j].name);
    }
}

/* Whether `text` has a line that starts with `start`, which begins with a line end. */
static bool has_line(const char *text, const char *start)
{
    return strstr(text, start) != NULL;
}

Test(numbers, are_those_of_the_list)
{
    rp_buffer now, kept;
    char line[256], start[260];
    rp_buffer_init(&now, 1 << 20);
    rp_buffer_init(&kept, 1 << 20);
    list(&now);
    FILE *file = fopen("tests/unit/schemas/numbers.txt", "r");
    cr_assert_not_null(file);
    rp_buffer_byte(&kept, '\n');
    while (fgets(line, sizeof line, file)) {
        char owner[128], name[64], type[64];
        unsigned number;
        if (line[0] == '#')
            continue;
        rp_buffer_text(&kept, line);
        cr_assert_eq(sscanf(line, "%127s %u %63s %63s", owner, &number, name, type), 4, "%s", line);
        bool gone = strcmp(type, "gone") == 0;
        snprintf(
            start, sizeof start, gone ? "\n%s %u " : "\n%s %u %s %s\n", owner, number, name, type);
        cr_expect_eq(has_line(rp_buffer_string(&now), start), !gone, "%s: %s",
            gone ? "the number is used again" : "changed or taken out", line);
    }
    fclose(file);
    char *rest = (char *)now.data + 1;
    for (char *end; (end = strchr(rest, '\n')); rest = end + 1) {
        snprintf(start, sizeof start, "\n%.*s\n", (int)(end - rest), rest);
        cr_expect(
            has_line(rp_buffer_string(&kept), start), "not in numbers.txt yet: %s", start + 1);
    }
    rp_buffer_done(&now);
    rp_buffer_done(&kept);
}
