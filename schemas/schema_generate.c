/* schema_generate DESCRIPTORS OUTPUT: the table of schemas/schema.h.
 *
 * A program of the build. It reads the description that protoc-c writes of the .proto files (a
 * FileDescriptorSet), takes the options of schemas/reprise/v1/marks.proto from it, and writes them
 * as C. It also refuses what the codec does not do, so that a schema that builds is a schema that
 * works: types other than those below, repeated numbers that are not packed, map keys other than
 * integers, a message inside itself, messages of more than 64 fields.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "runtime/base/attributes.h"

typedef Google__Protobuf__FileDescriptorSet file_set;
typedef Google__Protobuf__FileDescriptorProto file_type;
typedef Google__Protobuf__DescriptorProto message_type;
typedef Google__Protobuf__FieldDescriptorProto field_type;
typedef Google__Protobuf__EnumDescriptorProto enum_type;
typedef Google__Protobuf__FieldDescriptorProto__Type value_type;

#define TYPE(name)  GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
#define LABEL(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name

enum {
    MARK = 50101,     /* the numbers of marks.proto */
    REQUIRED = 50102, /* of FieldOptions */
    ALWAYS = 50103,
    PB_C_FIELD = 1019,
    CLOSED = 50101, /* of MessageOptions */
    MESSAGES_MAX = 256,
    FIELDS_MAX = 64,
    NAME_MAX_BYTES = 256
};

/* A message or enum, with its name in the schemas and the stem of its names in C. */
typedef struct entry {
    const message_type *message; /* one of these two */
    const enum_type *enumeration;
    char name[NAME_MAX_BYTES];
    char stem[NAME_MAX_BYTES];
} entry;

typedef struct table {
    entry entries[MESSAGES_MAX];
    size_t count;
} table;

RP_NORETURN static void fail(const char *format, ...) RP_PRINTF(1, 2);

RP_NORETURN static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("schemas: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint8_t *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fail("cannot read %s", path);
    long len = ftell(file);
    rewind(file);
    uint8_t *data = len > 0 ? malloc((size_t)len) : NULL;
    if (!data || fread(data, 1, (size_t)len, file) != (size_t)len)
        fail("cannot read %s", path);
    fclose(file);
    *ret_len = (size_t)len;
    return data;
}

/* The field of options that protobuf-c does not know; NULL where it is not set. */
static const ProtobufCMessageUnknownField *option_find(
    const ProtobufCMessage *options, unsigned tag)
{
    for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
        if (options->unknown_fields[i].tag == tag)
            return &options->unknown_fields[i];
    }
    return NULL;
}

/* The value of a bool or enum option; all of them fit one byte. */
static unsigned option_value(const ProtobufCMessage *options, unsigned tag)
{
    const ProtobufCMessageUnknownField *option = option_find(options, tag);
    return option && option->len == 1 ? option->data[0] : 0;
}

/* (pb_c_field).string_as_bytes: inside its length prefix, field 1 as a varint. */
static bool is_text(const field_type *field)
{
    const ProtobufCMessageUnknownField *option =
        option_find((const ProtobufCMessage *)field->options, PB_C_FIELD);
    return option && option->len == 3 && option->data[1] == 8 && option->data[2] == 1;
}

/* InferRequest -> infer_request, as protoc-c does it. */
static void lower_words(const char *name, char *out)
{
    bool capital = true;
    for (; *name; name++) {
        bool was = capital;
        capital = isupper((unsigned char)*name) != 0;
        if (capital && !was)
            *out++ = '_';
        *out++ = (char)tolower((unsigned char)*name);
    }
    *out = '\0';
}

static entry *add(table *t, const char *parent_name, const char *parent_stem, const char *name)
{
    char words[NAME_MAX_BYTES];
    if (t->count == MESSAGES_MAX || strlen(name) >= NAME_MAX_BYTES / 2)
        fail("%s: too many messages, or a name too long", name);
    entry *e = &t->entries[t->count++];
    lower_words(name, words);
    int n = snprintf(e->name, sizeof e->name, "%s.%s", parent_name, name);
    int m = snprintf(e->stem, sizeof e->stem, "%s__%s", parent_stem, words);
    if (n < 0 || m < 0 || (size_t)n >= sizeof e->name || (size_t)m >= sizeof e->stem)
        fail("%s: the name is too long", name);
    return e;
}

static void add_message(
    table *t, const char *parent_name, const char *parent_stem, const message_type *message)
{
    entry *e = add(t, parent_name, parent_stem, message->name);
    e->message = message;
    for (size_t i = 0; i < message->n_enum_type; i++)
        add(t, e->name, e->stem, message->enum_type[i]->name)->enumeration = message->enum_type[i];
    for (size_t i = 0; i < message->n_nested_type; i++)
        add_message(t, e->name, e->stem, message->nested_type[i]);
}

static const entry *find(const table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->entries[i].name, name + (name[0] == '.')) == 0)
            return &t->entries[i];
    }
    fail("%s is not a message of these schemas", name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static int by_number(const void *a, const void *b)
{
    const field_type *const *x = a, *const *y = b;
    return (*x)->number < (*y)->number ? -1 : (*x)->number > (*y)->number;
}

static bool is_integer(value_type type)
{
    return type == TYPE(INT32) || type == TYPE(UINT32) || type == TYPE(INT64) ||
           type == TYPE(UINT64);
}

static bool is_number(value_type type)
{
    return is_integer(type) || type == TYPE(FLOAT) || type == TYPE(DOUBLE) || type == TYPE(BOOL) ||
           type == TYPE(ENUM);
}

static bool is_map(const table *t, const field_type *field)
{
    if (field->type != TYPE(MESSAGE) || field->label != LABEL(REPEATED))
        return false;
    const message_type *message = find(t, field->type_name)->message;
    return message->options && message->options->map_entry;
}

static void check_field(const table *t, const entry *e, const field_type *field)
{
    const char *name = field->name;
    bool repeated = field->label == LABEL(REPEATED);
    if (!is_number(field->type) && field->type != TYPE(STRING) && field->type != TYPE(BYTES) &&
        field->type != TYPE(MESSAGE))
        fail("%s.%s: the codec does not do this type", e->name, name);
    if (field->label == LABEL(REQUIRED))
        fail("%s.%s: write optional with (required) = true", e->name, name);
    if (field->has_oneof_index)
        fail("%s.%s: the codec does not do oneof", e->name, name);
    if (field->default_value && !is_number(field->type))
        fail("%s.%s: only numbers have defaults", e->name, name);
    if (option_value((const ProtobufCMessage *)field->options, repeated ? REQUIRED : ALWAYS))
        fail("%s.%s: required is for single fields, always for repeated ones", e->name, name);
    if (repeated && is_number(field->type) && !(field->options && field->options->packed))
        fail("%s.%s: repeated numbers are packed", e->name, name);
    if (is_map(t, field)) {
        const message_type *map = find(t, field->type_name)->message;
        if (!is_integer(map->field[0]->type) || !is_number(map->field[1]->type))
            fail("%s.%s: maps are from integers to numbers", e->name, name);
    }
}

/* A message inside itself would have no greatest depth. */
static void check_depth(const table *t, const entry *e, int depth)
{
    if (depth > 8)
        fail("%s: messages lie more than 8 deep, or inside themselves", e->name);
    for (size_t i = 0; i < e->message->n_field; i++) {
        if (e->message->field[i]->type == TYPE(MESSAGE))
            check_depth(t, find(t, e->message->field[i]->type_name), depth + 1);
    }
}

static void write_fields(FILE *out, const table *t, const entry *e)
{
    static const char *const marks[] = {"DETERMINED", "OBSERVED", "MAPPED"};
    const message_type *message = e->message;
    if (message->n_field == 0 || message->n_field > FIELDS_MAX)
        fail("%s: a message has 1 to %d fields", e->name, FIELDS_MAX);
    const field_type *fields[FIELDS_MAX];
    memcpy(fields, message->field, message->n_field * sizeof fields[0]);
    qsort(fields, message->n_field, sizeof fields[0], by_number);
    fprintf(out, "\nstatic const rp_schema_field %s_fields[] = {\n", e->stem);
    for (size_t i = 0; i < message->n_field; i++) {
        const ProtobufCMessage *options = (const ProtobufCMessage *)fields[i]->options;
        unsigned mark = option_value(options, MARK);
        check_field(t, e, fields[i]);
        if (mark >= sizeof marks / sizeof marks[0])
            fail("%s.%s: no such mark", e->name, fields[i]->name);
        fprintf(out, "    {\"%s\", RP_MARK_%s, %d, %d, %d, %d},\n", fields[i]->name, marks[mark],
            option_value(options, REQUIRED) != 0, option_value(options, ALWAYS) != 0,
            is_text(fields[i]), is_map(t, fields[i]));
    }
    fputs("};\n", out);
}

/* Names in the order of the values, in lower case. protobuf-c sorts values by number. */
static void write_names(FILE *out, const entry *e)
{
    fprintf(out, "\nstatic const char *const %s_names[] = {\n", e->stem);
    for (size_t i = 0; i < e->enumeration->n_value; i++) {
        if (i > 0 && e->enumeration->value[i]->number <= e->enumeration->value[i - 1]->number)
            fail("%s: write the values in rising order, each once", e->name);
        fputs("    \"", out);
        for (const char *c = e->enumeration->value[i]->name; *c; c++)
            fputc(tolower((unsigned char)*c), out);
        fputs("\",\n", out);
    }
    fputs("};\n", out);
}

static void write_table(FILE *out, const table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const entry *e = &t->entries[i];
        if (e->enumeration) {
            write_names(out, e);
            continue;
        }
        check_depth(t, e, 1);
        write_fields(out, t, e);
    }
    fputs("\nconst rp_schema_message rp_schema_messages[] = {\n", out);
    for (size_t i = 0; i < t->count; i++) {
        const entry *e = &t->entries[i];
        if (e->message)
            fprintf(out, "    {&%s__descriptor, %d, %s_fields, %zu},\n", e->stem,
                option_value((const ProtobufCMessage *)e->message->options, CLOSED) != 0, e->stem,
                e->message->n_field);
    }
    fputs("};\nconst size_t rp_schema_messages_count = sizeof rp_schema_messages / "
          "sizeof rp_schema_messages[0];\n"
          "\nconst rp_schema_enum rp_schema_enums[] = {\n",
        out);
    for (size_t i = 0; i < t->count; i++) {
        if (t->entries[i].enumeration)
            fprintf(
                out, "    {&%s__descriptor, %s_names},\n", t->entries[i].stem, t->entries[i].stem);
    }
    fputs("};\nconst size_t rp_schema_enums_count = sizeof rp_schema_enums / "
          "sizeof rp_schema_enums[0];\n",
        out);
}

static bool is_ours(const file_type *file)
{
    return strcmp(file->package, "reprise.v1") == 0 && !strstr(file->name, "marks.proto");
}

int main(int argc, char **argv)
{
    static table t;
    if (argc != 3)
        fail("usage: schema_generate DESCRIPTORS OUTPUT");
    size_t len;
    uint8_t *data = read_file(argv[1], &len);
    file_set *set = (file_set *)protobuf_c_message_unpack(
        &google__protobuf__file_descriptor_set__descriptor, NULL, len, data);
    FILE *out = fopen(argv[2], "w");
    if (!set || !out)
        fail("%s is no description, or %s cannot be written", argv[1], argv[2]);
    fputs("/* Made by schema_generate from the .proto files. */\n#include \"schemas/schema.h\"\n\n",
        out);
    for (size_t i = 0; i < set->n_file; i++) {
        const file_type *file = set->file[i];
        if (!is_ours(file))
            continue;
        fprintf(out, "#include \"schemas/%.*s.pb-c.h\"\n",
            (int)(strlen(file->name) - strlen(".proto")), file->name);
        for (size_t j = 0; j < file->n_enum_type; j++)
            add(&t, file->package, "rp", file->enum_type[j]->name)->enumeration =
                file->enum_type[j];
        for (size_t j = 0; j < file->n_message_type; j++)
            add_message(&t, file->package, "rp", file->message_type[j]);
    }
    qsort(t.entries, t.count, sizeof t.entries[0], by_name);
    write_table(out, &t);
    if (fclose(out) != 0)
        fail("cannot write %s", argv[2]);
    protobuf_c_message_free_unpacked((ProtobufCMessage *)set, NULL);
    free(data);
    return 0;
}
