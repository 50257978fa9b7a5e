/* Base64 for subjects: RFC 4648's own examples, both ways, and what is refused. */
#include "runtime/base/base64.h"

#include <criterion/criterion.h>

static const struct {
    const char *bytes, *text;
} examples[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"}};

Test(base64, writes_and_reads_the_examples)
{
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        char text[16];
        uint8_t bytes[8];
        size_t len = 99;
        rp_bytes in = rp_bytes_text(examples[i].bytes);
        cr_assert_eq(rp_base64_url(in, text, sizeof text), RP_OK);
        cr_expect_str_eq(text, examples[i].text);
        cr_expect_eq(strlen(text) + 1, RP_BASE64_BYTES(in.len));
        cr_assert_eq(rp_base64_url_parse(rp_bytes_text(text), bytes, sizeof bytes, &len), RP_OK);
        cr_expect(rp_bytes_equal(rp_bytes_of(bytes, len), in));
        rp_bytes bare = rp_bytes_of(text, strcspn(text, "="));
        cr_assert_eq(rp_base64_url_parse(bare, bytes, sizeof bytes, &len), RP_OK);
        cr_expect(rp_bytes_equal(rp_bytes_of(bytes, len), in));
    }
}

Test(base64, what_is_none_is_refused)
{
    static const char *const wrong[] = {
        "Z", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v=", "Zm9vY", "Zm+v", "Zm/v", "Z g=", "=", "=Zg="};
    uint8_t bytes[8];
    size_t len = 99;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(rp_base64_url_parse(rp_bytes_text(wrong[i]), bytes, sizeof bytes, &len),
            RP_INVALID, "%s", wrong[i]);
    cr_expect_eq(len, 99);
}

Test(base64, bounds_are_kept)
{
    char text[8];
    uint8_t bytes[2];
    size_t len;
    cr_expect_eq(rp_base64_url(rp_bytes_text("foob"), text, sizeof text), RP_LIMIT);
    cr_expect_eq(rp_base64_url(rp_bytes_text("foo"), text, 4), RP_LIMIT);
    cr_expect_eq(rp_base64_url(rp_bytes_text("foo"), text, 5), RP_OK);
    cr_expect_eq(rp_base64_url_parse(rp_bytes_text("Zm9v"), bytes, sizeof bytes, &len), RP_LIMIT);
    cr_expect_eq(rp_base64_url_parse(rp_bytes_text("Zm8="), bytes, sizeof bytes, &len), RP_OK);
}
