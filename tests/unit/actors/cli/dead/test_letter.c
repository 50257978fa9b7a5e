/* Dead letters: what is read out of them, and how bodies are shown. */
#include "actors/cli/dead/letter.h"

#include "tests/unit/actors/cli/fake_message.h"

#include <criterion/criterion.h>

static rp_arena arena;
static rp_buffer out;

static void setup(void)
{
    cr_assert_eq(rp_arena_init(&arena, 16 << 10, 1 << 20), RP_OK);
    rp_buffer_init(&out, 1 << 20);
}

static void teardown(void)
{
    rp_arena_done(&arena);
    rp_buffer_done(&out);
}

TestSuite(letter, .init = setup, .fini = teardown);

static rp_letter read_body(const char *body)
{
    rp_letter letter;
    fake_message fake = fake_message_of("dead.some", body);
    cr_assert_eq(rp_letter_read(&fake.message, &arena, &letter, NULL), RP_OK);
    cr_assert_eq(letter.sequence, 12);
    cr_assert_str_eq(letter.kind, "some");
    return letter;
}

#define LETTER(stream, subject, more)                                                      \
    "{\"kind\":\"k\",\"stream\":\"" stream "\",\"sequence\":7,\"subject\":\"" subject "\"" \
    ",\"error\":{\"code\":\"dead\",\"message\":\"why\"}" more "}"

Test(letter, names_come_from_its_fields)
{
    rp_letter letter =
        read_body(LETTER("EXEC", "exec.a.b.c", ",\"tenant\":\"a=20b\",\"request\":\"r-1\""));
    cr_assert_not_null(letter.dead);
    cr_assert_str_eq(letter.tenant, "a b");
    cr_assert_str_eq(letter.request, "r-1");
}

Test(letter, names_of_a_request_come_from_its_place)
{
    rp_letter letter = read_body(LETTER("REQUEST", "infer.a=20b.m", ""));
    cr_assert_str_eq(letter.tenant, "a b");
    cr_assert_str_eq(letter.request, "7");
}

Test(letter, what_is_no_name_is_left_out)
{
    rp_letter letter = read_body(LETTER("REQUEST", "infer.=zz.m", ",\"request\":\"no name\""));
    cr_assert_str_eq(letter.tenant, "");
    cr_assert_str_eq(letter.request, "7");
    letter = read_body(LETTER("EXAMPLE", "example.text.x", ",\"tenant\":\"a=00b\""));
    cr_assert_str_eq(letter.tenant, "");
    cr_assert_str_eq(letter.request, "");
}

Test(letter, what_is_none_is_said_to_be_none)
{
    static const char *const bodies[] = {"", "x", "{}", "{\"kind\":\"k\"}", "\xFF"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        rp_letter letter = read_body(bodies[i]);
        cr_assert_null(letter.dead);
        rp_buffer_clear(&out);
        rp_letter_text(&letter, &out);
        cr_assert(strstr(rp_buffer_string(&out), "cannot be read"));
        rp_buffer_clear(&out);
        rp_letter_json(&letter, &out);
        cr_assert(strstr(rp_buffer_string(&out), "\"readable\":false"));
    }
}

Test(letter, control_characters_do_not_reach_the_terminal)
{
    rp_letter letter = read_body(LETTER("A\\u001b[2J", "b\\u0007", ""));
    rp_letter_text(&letter, &out);
    cr_assert(strstr(rp_buffer_string(&out), "A?[2J"));
    cr_assert_null(strchr(rp_buffer_string(&out), '\033'));
    cr_assert_null(strchr(rp_buffer_string(&out), '\a'));
}

/* -- bodies ------------------------------------------------------------------------------------ */

static const char *body_text(const char *body, size_t len, size_t max)
{
    rp_buffer_clear(&out);
    rp_letter_body_text(rp_bytes_of(body, len), max, &out);
    return rp_buffer_string(&out);
}

static const char *body_json(const char *body, size_t len, size_t max)
{
    rp_buffer_clear(&out);
    rp_letter_body_json(rp_bytes_of(body, len), max, &out);
    return rp_buffer_string(&out);
}

Test(letter, text_is_shown_as_text)
{
    cr_assert_str_eq(body_text("a\r\nb\tc", 6, 100), "  a\n  b\tc\n");
    cr_assert_str_eq(body_text("a\n", 2, 100), "  a\n");
    cr_assert_str_eq(body_text("", 0, 100), "  (empty)\n");
    cr_assert_str_eq(
        body_json("a\"b", 3, 100), ",\"body_bytes\":3,\"body_cut\":false,\"body\":\"a\\\"b\"");
}

Test(letter, it_is_cut_between_characters)
{
    cr_assert_str_eq(body_text("a\xC3\xA9z", 4, 2), "  a\n  ... and 3 bytes more\n");
    cr_assert_str_eq(body_json("a\xC3\xA9z", 4, 3),
        ",\"body_bytes\":4,\"body_cut\":true,\"body\":\"a\xC3\xA9\"");
}

Test(letter, what_a_terminal_may_not_have_is_shown_as_bytes)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"a\0b", 3}, {"\033[2J", 4}, {"\x7F", 1}, {"\xFF", 1}, {"\xC2\x9B", 2}, {"\xC3", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert(strstr(body_text(rows[i].bytes, rows[i].len, 100), "00000000 "), "row %zu", i);
    cr_assert_str_eq(
        body_json("a\0b", 3, 2), ",\"body_bytes\":3,\"body_cut\":true,\"body_hex\":\"6100\"");
}

Test(letter, bytes_have_lines_of_sixteen)
{
    cr_assert_str_eq(body_text("\0abcdefghijklmnopqr", 19, 18),
        "  00000000  00 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f  |.abcdefghijklmno|\n"
        "  00000010  70 71                                            |pq|\n"
        "  ... and 1 bytes more\n");
}
