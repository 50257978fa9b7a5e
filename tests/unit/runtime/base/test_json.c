#include "runtime/base/json.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/base/rng.h"

/* ---- reading ---- */

static rp_status parse(const char *text, size_t arena_bytes, rp_error *reterr)
{
    rp_arena arena;
    yyjson_doc *doc = NULL;
    cr_assert(rp_arena_init(&arena, 256, arena_bytes) == RP_OK);
    rp_status status = rp_json_parse(rp_bytes_text(text), &arena, &doc, reterr);
    cr_assert((status == RP_OK) == (doc != NULL));
    rp_arena_done(&arena);
    return status;
}

Test(json, what_is_read_lives_in_the_arena)
{
    rp_arena arena;
    yyjson_doc *doc;
    char text[] = "{\"a\":[1,2.5,\"x\\u00e9\"],\"b\":null}";
    cr_assert(rp_arena_init(&arena, 4096, 64 << 10) == RP_OK);
    cr_assert(rp_json_parse(rp_bytes_of(text, strlen(text)), &arena, &doc, NULL) == RP_OK);
    memset(text, 'z', strlen(text)); /* the text is not needed any more */
    yyjson_val *a = yyjson_obj_get(yyjson_doc_get_root(doc), "a");
    cr_assert(yyjson_get_uint(yyjson_arr_get(a, 0)) == 1);
    cr_assert(yyjson_get_real(yyjson_arr_get(a, 1)) == 2.5);
    cr_assert_str_eq(yyjson_get_str(yyjson_arr_get(a, 2)), "x\xC3\xA9");
    rp_arena_done(&arena);
}

Test(json, reading_is_strict)
{
    static const char *const bad[] = {"", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "{a:1}", "NaN",
        "[Infinity]", "[-inf]", "/* c */1", "// c\n1", "1 2", "01", "+1", ".5", "1.", "1e", "0x10",
        "\"\n\"", "\"\t\"", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\"\xFF\"", "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "tru", "nul", "\xEF\xBB\xBF{}", "[1e999]", "]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rp_error error = {0};
        cr_assert(parse(bad[i], 64 << 10, &error) == RP_INVALID, "%s", bad[i]);
        cr_assert(error.message[0] != '\0');
    }
    static const char *const good[] = {"1", "-0", "\"\"", "null", " [ ] ", "{\"a\":{\"a\":1}}",
        "18446744073709551615", "1e308", "\"\\ud83d\\ude00\"", "\"\x7F\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_assert(parse(good[i], 64 << 10, NULL) == RP_OK, "%s", good[i]);
}

Test(json, errors_name_the_place)
{
    rp_error error = {0};
    cr_assert(parse("{\n  \"a\": 1,\n  \"b\": oops\n}", 64 << 10, &error) == RP_INVALID);
    cr_assert(strstr(error.message, "line 3, column 8"), "%s", error.message);
    cr_assert(parse("", 64 << 10, &error) == RP_INVALID);
    cr_assert(strstr(error.message, "empty"), "%s", error.message);
}

Test(json, a_full_arena_is_a_limit)
{
    char *text = malloc(100001);
    rp_error error = {0};
    cr_assert(text != NULL);
    memset(text, '[', 50000);
    memset(text + 50000, ']', 50000);
    text[100000] = '\0';
    cr_assert(parse(text, 8 << 10, &error) == RP_LIMIT, "%s", error.message);
    cr_assert(strstr(error.message, "8192 bytes"), "%s", error.message);
    cr_assert(
        parse(text, 16 << 20, &error) == RP_OK, "depth alone is no matter: %s", error.message);
    free(text);
}

/* ---- writing strings ---- */

static void assert_string(rp_bytes text, const char *wanted)
{
    rp_buffer out;
    rp_buffer_init(&out, 4096);
    rp_json_string(&out, text);
    cr_assert_str_eq(rp_buffer_string(&out), wanted);
    rp_buffer_done(&out);
}

Test(json, strings_are_escaped_only_where_needed)
{
    assert_string(rp_bytes_of(NULL, 0), "\"\"");
    assert_string(
        rp_bytes_text("a/\"\\\n\r\t\b\x1F\x7F"), "\"a/\\\"\\\\\\n\\r\\t\\u0008\\u001f\x7F\"");
    assert_string(rp_bytes_of("a\0b", 3), "\"a\\u0000b\"");
    assert_string(rp_bytes_text("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"),
        "\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\"");
}

#define FFFD "\xEF\xBF\xBD"

Test(json, broken_utf8_becomes_one_replacement_a_fault)
{
    assert_string(rp_bytes_text("\xFF"), "\"" FFFD "\"");
    assert_string(rp_bytes_text("a\x80z"), "\"a" FFFD "z\"");
    assert_string(rp_bytes_text("\xE4\xB8"), "\"" FFFD "\"");
    assert_string(rp_bytes_text("\xF0\x9F\x98x"), "\"" FFFD "x\"");
    assert_string(rp_bytes_text("\xC0\x80"), "\"" FFFD FFFD "\"");
    assert_string(rp_bytes_text("\xED\xA0\x80"), "\"" FFFD FFFD FFFD "\"");
    assert_string(rp_bytes_text("\xE4\"\xB8\n"), "\"" FFFD "\\\"" FFFD "\\n\"");
}

Test(json, any_bytes_make_a_string_that_reads_back)
{
    for (uint64_t round = 0; round < 2000; round++) {
        uint8_t bytes[64];
        for (uint64_t i = 0; i < sizeof bytes; i++) {
            uint32_t word = rp_rng_philox(round, i, 0).word[0];
            bytes[i] = (uint8_t)(word % 3 ? word >> 8 : 0xE0 | (word >> 8 & 0x1F));
        }
        rp_buffer out;
        rp_arena arena;
        yyjson_doc *doc;
        rp_error error = {0};
        rp_buffer_init(&out, 4096);
        cr_assert(rp_arena_init(&arena, 4096, 64 << 10) == RP_OK);
        rp_json_string(&out, rp_bytes_of(bytes, round % sizeof bytes));
        cr_assert(rp_json_parse(rp_buffer_bytes(&out), &arena, &doc, &error) == RP_OK, "%s",
            error.message);
        rp_arena_done(&arena);
        rp_buffer_done(&out);
    }
}

/* ---- writing numbers ---- */

static const char *double_text(double value, char text[64])
{
    rp_buffer out;
    rp_buffer_init(&out, 63);
    rp_json_double(&out, value);
    memcpy(text, rp_buffer_string(&out), out.len + 1);
    rp_buffer_done(&out);
    return text;
}

static const char *float_text(float value, char text[64])
{
    rp_buffer out;
    rp_buffer_init(&out, 63);
    rp_json_float(&out, value);
    memcpy(text, rp_buffer_string(&out), out.len + 1);
    rp_buffer_done(&out);
    return text;
}

Test(json, numbers_are_as_short_as_they_can_be)
{
    char text[64];
    cr_assert_str_eq(double_text(0, text), "0");
    cr_assert_str_eq(double_text(-0.0, text), "-0.0");
    cr_assert_str_eq(double_text(0.1, text), "0.1");
    cr_assert_str_eq(double_text(0.1 + 0.2, text), "0.30000000000000004");
    cr_assert_str_eq(double_text(1e22, text), "1e+22");
    cr_assert_str_eq(double_text(4294967296.0, text), "4294967296");
    cr_assert_str_eq(double_text(5e-324, text), "5e-324");
    cr_assert_str_eq(double_text((double)NAN, text), "null");
    cr_assert_str_eq(double_text(-(double)INFINITY, text), "null");
    cr_assert_str_eq(float_text(0.1F, text), "0.1");
    cr_assert_str_eq(float_text(16777216.0F, text), "16777216");
    cr_assert_str_eq(float_text(1e-45F, text), "1e-45");
    cr_assert_str_eq(float_text(-0.0F, text), "-0.0");
    cr_assert_str_eq(float_text(NAN, text), "null");
}

Test(json, every_number_reads_back)
{
    char text[64];
    const double edges[] = {DBL_MAX, -DBL_MAX, DBL_MIN, DBL_EPSILON, 0x1p-1074,
        0x1.fffffffffffffp-1, 0x1p-44, 9007199254740993.0};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        cr_assert(strtod(double_text(edges[i], text), NULL) == edges[i], "%s", text);
    for (uint64_t i = 0; i < 20000; i++) {
        rp_rng_words words = rp_rng_philox(1, i, 0);
        double d;
        float f;
        memcpy(&d, &words.word[0], sizeof d);
        memcpy(&f, &words.word[2], sizeof f);
        if (isfinite(d))
            cr_assert(strtod(double_text(d, text), NULL) == d, "%s", text);
        if (isfinite(f))
            cr_assert(strtof(float_text(f, text), NULL) == f, "%s", text);
        cr_assert(parse(text, 4096, NULL) == RP_OK, "%s is no JSON", text);
    }
}
