#include "runtime/base/utf8.h"

#include <criterion/criterion.h>

/* All of the bytes, divided: W, C and B with the length of each, "W1B2". */
static const char *divide(const char *bytes, char text[64])
{
    static const char letters[] = {
        [RP_UTF8_WHOLE] = 'W', [RP_UTF8_CUT] = 'C', [RP_UTF8_BROKEN] = 'B'};
    rp_bytes rest = rp_bytes_text(bytes);
    size_t n = 0, len;
    while (rest.len > 0) {
        text[n++] = letters[rp_utf8_next(rest, &len)];
        text[n++] = (char)('0' + len);
        cr_assert(len >= 1 && len <= rest.len);
        rest = rp_bytes_of(rest.data + len, rest.len - len);
    }
    text[n] = '\0';
    return text;
}

/* Among them table 3-8 of the Unicode standard. */
Test(utf8, maximal_subparts)
{
    static const struct {
        const char *bytes, *parts;
    } cases[] = {
        {"a", "W1"},
        {"\xC3\xA9", "W2"},
        {"\xE4\xB8\xAD", "W3"},
        {"\xF0\x9F\x98\x80", "W4"},
        {"\xF4\x8F\xBF\xBF", "W4"},
        {"\xEE\x80\x80", "W3"},
        {"\xED\x9F\xBF", "W3"},
        {"\xC3", "C1"},
        {"\xE4\xB8", "C2"},
        {"\xF0\x9F\x98", "C3"},
        {"\xF0", "C1"},
        {"\x80", "B1"},
        {"\xFF", "B1"},
        {"\xC0\xAF", "B1B1"},
        {"\xE0\x80\xBF", "B1B1B1"},
        {"\xF0\x81\x82\x41", "B1B1B1W1"},
        {"\xED\xA0\x80", "B1B1B1"},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "B1B1B1B1B1W1B1B1W1"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "B2B1B3B2W1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        cr_assert_str_eq(divide(cases[i].bytes, text), cases[i].parts, "case %zu: %s", i, text);
    }
}

static size_t encode(uint32_t c, uint8_t bytes[4])
{
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        bytes[i] = (uint8_t)(0x80 | (c & 0x3F));
    bytes[0] = (uint8_t)(lead[n] | c);
    return n;
}

Test(utf8, every_character_and_no_surrogate)
{
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t bytes[4];
        size_t n = encode(c, bytes);
        bool valid = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        cr_assert(rp_utf8_length(bytes, n) == (valid ? n : 0), "U+%04X", c);
        cr_assert(rp_utf8_valid(rp_bytes_of(bytes, n)) == valid, "U+%04X", c);
    }
}

Test(utf8, cuts_lie_between_characters)
{
    static const char text[] = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80z";
    static const size_t wanted[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < sizeof wanted / sizeof wanted[0]; max++) {
        rp_bytes cut = rp_utf8_cut(rp_bytes_text(text), max);
        cr_assert(cut.len == wanted[max], "%zu bytes of at most %zu", cut.len, max);
        cr_assert(rp_utf8_valid(cut));
    }
    cr_assert(rp_utf8_cut(rp_bytes_of(NULL, 0), 5).len == 0);
    cr_assert(rp_utf8_valid(rp_bytes_of(NULL, 0)));
    /* hostile bytes may be cut anywhere, but never to more than was asked for */
    cr_assert(rp_utf8_cut(rp_bytes_text("\x80\x80\x80\x80\x80\x80"), 5).len <= 5);
}
