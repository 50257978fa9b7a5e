#include "schemas/schema.h"

#include <criterion/criterion.h>
#include <strings.h>

#include "runtime/base/utf8.h"
#include "schemas/codec.h"
#include "schemas/reprise/v1/result.pb-c.h"
#include "schemas/reprise/v1/step.pb-c.h"

/* The entry of a field that must exist. */
static const rp_schema_field *field_of(const ProtobufCMessageDescriptor *type, const char *name)
{
    const rp_schema_message *schema = rp_schema_of(type);
    const rp_schema_field *found = NULL;
    for (size_t i = 0; i < schema->fields_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0)
            found = &schema->fields[i];
    }
    cr_assert_not_null(found, "%s has no field %s", type->name, name);
    return found;
}

Test(schema, the_table_goes_field_by_field_with_the_descriptors)
{
    cr_assert_geq(rp_schema_messages_count, 20);
    for (size_t i = 0; i < rp_schema_messages_count; i++) {
        const rp_schema_message *schema = &rp_schema_messages[i];
        cr_assert_eq(schema->fields_count, schema->type->n_fields, "%s", schema->type->name);
        for (size_t j = 0; j < schema->fields_count; j++)
            cr_expect_str_eq(schema->fields[j].name, schema->type->fields[j].name);
        if (i > 0)
            cr_expect_lt(strcmp(rp_schema_messages[i - 1].type->name, schema->type->name), 0);
    }
}

Test(schema, marks_are_those_of_the_schemas)
{
    cr_expect_eq(field_of(&rp__usage__descriptor, "cached_tokens")->mark, RP_MARK_OBSERVED);
    cr_expect_eq(field_of(&rp__usage__descriptor, "prompt_tokens")->mark, RP_MARK_DETERMINED);
    cr_expect_eq(field_of(&rp__result__descriptor, "exec_sequence")->mark, RP_MARK_MAPPED);
    cr_expect_eq(field_of(&rp__step__descriptor, "entries")->mark, RP_MARK_OBSERVED);
    cr_expect(field_of(&rp__chunk__descriptor, "request")->required);
    cr_expect_not(field_of(&rp__chunk__descriptor, "digest")->required);
    cr_expect(field_of(&rp__chunk__descriptor, "tokens")->always);
    cr_expect_not(field_of(&rp__chunk__descriptor, "logprobs")->always);
    cr_expect(field_of(&rp__chunk__descriptor, "text")->text);
    cr_expect_not(field_of(&rp__chunk__descriptor, "digest")->text);
}

Test(schema, enum_values_have_lower_case_names)
{
    for (size_t i = 0; i < rp_schema_enums_count; i++) {
        const rp_schema_enum *schema = &rp_schema_enums[i];
        for (unsigned j = 0; j < schema->type->n_values; j++)
            cr_expect_eq(strcasecmp(schema->names[j], schema->type->values[j].name), 0);
    }
    cr_expect_str_eq(rp_schema_enum_name(
                         &rp__chunk__finish_reason__descriptor, RP__CHUNK__FINISH_REASON__LENGTH),
        "length");
    cr_expect_null(rp_schema_enum_name(&rp__chunk__finish_reason__descriptor, 0));
    cr_expect_str_eq(rp_refusal_code_name(RP__ERROR__CODE__PROMPT_TOO_LONG), "prompt_too_long");
    cr_expect_str_eq(rp_refusal_code_name((Rp__Error__Code)0), "unknown");
}

Test(schema, a_refusal_stays_utf8_where_it_is_cut)
{
    rp_refusal refusal;
    Rp__Error error;
    char text[RP_ERROR_MESSAGE_MAX + 64];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text);
        for (size_t i = shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x98\x80", 4);
        text[sizeof text - 1] = '\0';
        cr_expect_eq(
            rp_refusal_set(&refusal, RP__ERROR__CODE__OVERLOADED, text, text, "%s", text), RP_BUSY);
        cr_expect(rp_utf8_valid(rp_bytes_text(refusal.detail.message)));
        cr_expect(rp_utf8_valid(rp_bytes_text(refusal.detail.field)));
        cr_expect(rp_utf8_valid(rp_bytes_text(refusal.detail.limit)));
        cr_expect_gt(strlen(refusal.detail.message), RP_ERROR_MESSAGE_MAX - 6);
    }
    cr_expect_eq(rp_refusal_set(&refusal, RP__ERROR__CODE__UNSUPPORTED, "f", NULL,
                     "a\xFF"
                     "b\xC3(c\xE4\xBD"),
        RP_UNSUPPORTED);
    cr_expect_str_eq(refusal.detail.message, "a?b?(c");
    rp_refusal_error(&refusal, &error);
    cr_expect_str_eq(error.field, "f");
    cr_expect_null(error.limit);
    cr_expect_eq(error.code, RP__ERROR__CODE__UNSUPPORTED);
    cr_expect_eq(rp_refusal_set(NULL, RP__ERROR__CODE__DEAD, NULL, NULL, "x"), RP_INTERNAL);
}

Test(schema, content_types)
{
    static const struct {
        const char *type;
        rp_status status;
        rp_encoding encoding;
    } cases[] = {
        {"", RP_OK, RP_ENCODING_JSON},
        {"application/json", RP_OK, RP_ENCODING_JSON},
        {" Application/JSON ; charset=utf-8", RP_OK, RP_ENCODING_JSON},
        {"application/protobuf", RP_OK, RP_ENCODING_PROTOBUF},
        {"application/x-protobuf", RP_OK, RP_ENCODING_PROTOBUF},
        {"application/jsonx", RP_UNSUPPORTED, 0},
        {"application/jso", RP_UNSUPPORTED, 0},
        {"text/plain", RP_UNSUPPORTED, 0},
        {";", RP_UNSUPPORTED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rp_encoding encoding = 0;
        rp_refusal refusal = {0};
        cr_expect_eq(rp_encoding_of(rp_bytes_text(cases[i].type), &encoding, &refusal),
            cases[i].status, "%s", cases[i].type);
        cr_expect_eq(encoding, cases[i].encoding, "%s", cases[i].type);
        if (cases[i].status != RP_OK)
            cr_expect_str_eq(refusal.detail.field, "Content-Type");
    }
    cr_expect_str_eq(rp_encoding_content_type(RP_ENCODING_PROTOBUF), "application/protobuf");
    cr_expect_str_eq(rp_encoding_content_type(RP_ENCODING_JSON), "application/json");
}
