/* What Rp-Body says, both ways, and what it must not say. */
#include "runtime/store/claims/reference.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define DIGEST "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static rp_status parse(const char *text, rp_claim_reference *reference)
{
    rp_error error = {0};
    rp_status status = rp_claim_reference_parse(rp_bytes_text(text), reference, &error);
    cr_expect_eq(status == RP_OK, error.message[0] == '\0');
    if (status != RP_OK)
        cr_expect_str_eq(error.field, "Rp-Body");
    return status;
}

Test(store_claim_reference, both_ways)
{
    rp_claim_reference r;
    char text[RP_CLAIM_TEXT_BYTES];
    cr_assert_eq(parse("BLOBS/a/b.c;" DIGEST, &r), RP_OK);
    cr_expect_str_eq(r.name, "a/b.c");
    cr_expect_str_eq(r.digest, DIGEST);
    rp_claim_reference_text(&r, text);
    cr_expect_str_eq(text, "BLOBS/a/b.c;" DIGEST);
}

Test(store_claim_reference, what_is_none_is_refused)
{
    static const char *const wrong[] = {"", "BLOBS", "BLOBS/x", "BLOBS/x;", "blobs/x;" DIGEST,
        "OTHER/x;" DIGEST, "BLOBS/;" DIGEST, "BLOBS/a b;" DIGEST, "BLOBS/x;" DIGEST "0",
        "BLOBS/x;2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
        "BLOBS/x;y;" DIGEST, "BLOBS/\xc3\xa4;" DIGEST, ";BLOBS/x" DIGEST};
    rp_claim_reference r = {.name = "before"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(parse(wrong[i], &r), RP_INVALID, "%s", wrong[i]);
    cr_expect_str_eq(r.name, "before");
}

Test(store_claim_reference, the_longest_name)
{
    rp_claim_reference r;
    char text[RP_CLAIM_TEXT_BYTES], again[RP_CLAIM_TEXT_BYTES];
    snprintf(text, sizeof text, "BLOBS/%0*d;%s", RP_CLAIM_NAME_MAX, 7, DIGEST);
    cr_assert_eq(parse(text, &r), RP_OK);
    rp_claim_reference_text(&r, again);
    cr_expect_str_eq(text, again);
    snprintf(text, sizeof text, "BLOBS/%0*d;%s", RP_CLAIM_NAME_MAX + 1, 7, DIGEST);
    cr_expect_eq(parse(text, &r), RP_INVALID);
}
