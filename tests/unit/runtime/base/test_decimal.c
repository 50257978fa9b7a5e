#include "runtime/base/decimal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(decimal, whole_numbers)
{
    static const struct {
        const char *text;
        uint64_t number;
    } right[] = {{"0", 0}, {"007", 7}, {"18446744073709551615", UINT64_MAX},
        {"18446744073709551609", UINT64_MAX - 6}, {"000000000000000000000000000001", 1}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        uint64_t number = 11;
        cr_expect_eq(rp_decimal_parse(rp_bytes_text(right[i].text), &number), RP_OK);
        cr_expect_eq(number, right[i].number, "%s", right[i].text);
    }
    uint64_t number;
    cr_expect_eq(rp_decimal_parse(rp_bytes_of("12345", 3), &number), RP_OK);
    cr_expect_eq(number, 123);
}

Test(decimal, what_is_no_number)
{
    static const char *const wrong[] = {
        "", " ", "-1", "+1", " 1", "1 ", "0x1", "1.0", "1e3", "1:", "\xC2\xB2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t number = 11;
        cr_expect_eq(
            rp_decimal_parse(rp_bytes_text(wrong[i]), &number), RP_INVALID, "%s", wrong[i]);
        cr_expect_eq(number, 11);
    }
    uint64_t number = 11;
    cr_expect_eq(rp_decimal_parse(rp_bytes_of(NULL, 0), &number), RP_INVALID);
    cr_expect_eq(number, 11);
}

Test(decimal, above_64_bits)
{
    static const char *const above[] = {"18446744073709551616", "18446744073709551620",
        "28446744073709551615", "99999999999999999999", "184467440737095516150"};
    for (size_t i = 0; i < sizeof above / sizeof *above; i++) {
        uint64_t number = 11;
        cr_expect_eq(rp_decimal_parse(rp_bytes_text(above[i]), &number), RP_LIMIT, "%s", above[i]);
        cr_expect_eq(number, 11);
    }
}

Test(decimal, takes_what_it_read)
{
    rp_bytes text = rp_bytes_text("17.300:");
    uint64_t number = 0;
    cr_assert_eq(rp_decimal_take(&text, &number), RP_OK);
    cr_expect_eq(number, 17);
    cr_assert(rp_bytes_is(text, ".300:"));
    cr_expect_eq(rp_decimal_take(&text, &number), RP_INVALID);
    cr_expect(rp_bytes_is(text, ".300:"), "it stays as it was");
    cr_expect_eq(number, 17);
    text = rp_bytes_text("18446744073709551616.");
    cr_expect_eq(rp_decimal_take(&text, &number), RP_LIMIT);
    cr_expect_eq(text.len, 21);
    text = rp_bytes_text("9");
    cr_assert_eq(rp_decimal_take(&text, &number), RP_OK);
    cr_expect_eq(number, 9);
    cr_expect_eq(text.len, 0);
}

/* However long a text is, it is looked at and no further. */
Test(decimal, long_texts)
{
    size_t len = 1 << 20;
    char *text = malloc(len);
    uint64_t number;
    cr_assert(text);
    memset(text, '9', len);
    cr_expect_eq(rp_decimal_parse(rp_bytes_of(text, len), &number), RP_LIMIT);
    memset(text, '0', len);
    cr_expect_eq(rp_decimal_parse(rp_bytes_of(text, len), &number), RP_OK);
    cr_expect_eq(number, 0);
    free(text);
}
