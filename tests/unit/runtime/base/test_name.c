#include "runtime/base/name.h"

#include <criterion/criterion.h>

static void assert_token(rp_bytes name, const char *wanted)
{
    char token[RP_NAME_TOKEN_BYTES], back[RP_NAME_MAX + 1];
    size_t len;
    cr_assert(rp_name_encode(name, token, sizeof token) == RP_OK);
    cr_assert_str_eq(token, wanted);
    cr_assert(rp_name_decode(rp_bytes_text(token), back, sizeof back, &len) == RP_OK);
    cr_assert(rp_bytes_equal(rp_bytes_of(back, len), name) && back[len] == '\0');
}

Test(name, tokens)
{
    assert_token(rp_bytes_text("gemma3"), "gemma3");
    assert_token(rp_bytes_text("v1.2.0"), "v1=2E2=2E0");
    assert_token(rp_bytes_text("A_z-09"), "A_z-09");
    assert_token(rp_bytes_text("="), "=3D");
    assert_token(rp_bytes_text("a b*>"), "a=20b=2A=3E");
    assert_token(rp_bytes_text("\xC3\xA9"), "=C3=A9");
    assert_token(rp_bytes_of("\0\xFF", 2), "=00=FF");
}

Test(name, every_byte_goes_there_and_back)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;
        char token[4], back[2];
        size_t len;
        cr_assert(rp_name_encode(rp_bytes_of(&byte, 1), token, sizeof token) == RP_OK);
        cr_assert(rp_name_decode(rp_bytes_text(token), back, sizeof back, &len) == RP_OK);
        cr_assert(len == 1 && (uint8_t)back[0] == byte);
        cr_assert(rp_name_is_subject(rp_bytes_text(token)) && !strchr(token, '.'));
    }
}

Test(name, other_spellings_are_refused)
{
    static const char *const bad[] = {"", "=", "=4", "a=", "a=2", "=41", "=5F", "=2e", "=zz", "=G0",
        "a.b", "a b", "a*", "a>", "\xC3\xA9", "=2E=", "==3D"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char name[64];
        size_t len = 7;
        cr_assert(rp_name_decode(rp_bytes_text(bad[i]), name, sizeof name, &len) == RP_INVALID,
            "%s", bad[i]);
        cr_assert(len == 7);
    }
    /* the escape must not be read past the end of the view */
    char name[8];
    size_t len;
    cr_assert(rp_name_decode(rp_bytes_of("=2E", 2), name, sizeof name, &len) == RP_INVALID);
}

Test(name, limits)
{
    char wide[RP_NAME_MAX + 2], token[RP_NAME_TOKEN_BYTES], name[RP_NAME_MAX + 1], big[1024];
    size_t len;
    memset(wide, '.', sizeof wide);
    cr_assert(rp_name_encode(rp_bytes_of(wide, 0), token, sizeof token) == RP_INVALID);
    cr_assert(rp_name_encode(rp_bytes_of(wide, RP_NAME_MAX), token, sizeof token) == RP_OK);
    cr_assert(strlen(token) == RP_NAME_TOKEN_BYTES - 1);
    cr_assert(rp_name_encode(rp_bytes_of(wide, RP_NAME_MAX), token, sizeof token - 1) == RP_LIMIT);
    cr_assert(rp_name_encode(rp_bytes_of(wide, RP_NAME_MAX + 1), big, sizeof big) == RP_LIMIT);
    cr_assert(rp_name_decode(rp_bytes_text(token), name, sizeof name, &len) == RP_OK);
    cr_assert(rp_name_decode(rp_bytes_text(token), name, sizeof name - 1, &len) == RP_LIMIT);
    /* plain characters need one byte each, and a NUL */
    cr_assert(rp_name_encode(rp_bytes_text("abc"), token, 4) == RP_OK);
    cr_assert(rp_name_encode(rp_bytes_text("abc"), token, 3) == RP_LIMIT);
    cr_assert(rp_name_encode(rp_bytes_text("a."), token, 5) == RP_OK);
    cr_assert(rp_name_encode(rp_bytes_text("a."), token, 4) == RP_LIMIT);
    /* what decodes can be encoded again, so nothing longer decodes */
    memset(wide, 'w', sizeof wide);
    cr_assert(rp_name_decode(rp_bytes_of(wide, RP_NAME_MAX), big, sizeof big, &len) == RP_OK);
    cr_assert(
        rp_name_decode(rp_bytes_of(wide, RP_NAME_MAX + 1), big, sizeof big, &len) == RP_LIMIT);
}

Test(name, requests)
{
    char wide[RP_REQUEST_ID_MAX + 1];
    memset(wide, 'r', sizeof wide);
    cr_assert(rp_name_is_request(rp_bytes_text("r-1_A")));
    cr_assert(rp_name_is_request(rp_bytes_text("1a")) && rp_name_is_request(rp_bytes_text("-")));
    cr_assert(rp_name_is_request(rp_bytes_of(wide, RP_REQUEST_ID_MAX)));
    cr_assert(!rp_name_is_request(rp_bytes_of(wide, RP_REQUEST_ID_MAX + 1)));
    static const char *const bad[] = {"", "123", "a.b", "a b", "a=2E", "\xC3\xA9", "a*"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!rp_name_is_request(rp_bytes_text(bad[i])), "%s", bad[i]);
}

Test(name, subjects)
{
    cr_assert(rp_name_is_subject(rp_bytes_text("infer.acme.gemma3")));
    cr_assert(
        rp_name_is_subject(rp_bytes_text("a")) && rp_name_is_subject(rp_bytes_text("$JS.=!")));
    static const char *const bad[] = {
        "", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "a>b", "a\n", "a\x7F", "\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert(!rp_name_is_subject(rp_bytes_text(bad[i])), "%s", bad[i]);
    cr_assert(!rp_name_is_subject(rp_bytes_of("a\0b", 3)));
}

Test(name, tokens_of_a_subject)
{
    rp_bytes subject = rp_bytes_text("infer.acme.gemma3");
    cr_assert(rp_bytes_is(rp_name_token(subject, 0), "infer"));
    cr_assert(rp_bytes_is(rp_name_token(subject, 2), "gemma3"));
    cr_assert(rp_name_token(subject, 3).len == 0 && rp_name_token(subject, SIZE_MAX).len == 0);
    cr_assert(rp_bytes_is(rp_name_token(rp_bytes_text("a..b"), 1), ""));
    cr_assert(rp_bytes_is(rp_name_token(rp_bytes_text("a..b"), 2), "b"));
    cr_assert(rp_name_token(rp_bytes_of(NULL, 0), 0).len == 0);
}

Test(name, lanes)
{
    char lane[RP_NAME_LANE_BYTES];
    cr_assert(rp_name_lane_index(rp_bytes_text("foobar"), 1) == 0);
    cr_assert(rp_name_lane_index(rp_bytes_text("foobar"), 16) == 0xBF9CF968 % 16);
    rp_name_lane(UINT32_MAX, lane);
    cr_assert_str_eq(lane, "normal-4294967295");
}
