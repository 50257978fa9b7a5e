#include "runtime/base/status.h"

#include <criterion/criterion.h>
#include <string.h>

Test(status, names_and_texts_are_whole_and_distinct)
{
    for (int i = 0; i < RP_STATUS_COUNT; i++) {
        cr_assert(rp_status_name((rp_status)i)[0] && rp_status_text((rp_status)i)[0]);
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(rp_status_name((rp_status)i), rp_status_name((rp_status)j));
    }
    cr_assert(RP_OK == 0);
    cr_assert_str_eq(rp_status_name(RP_NOT_FOUND), "not_found");
    cr_assert_str_eq(rp_status_name((rp_status)RP_STATUS_COUNT), "unknown");
    cr_assert_str_eq(rp_status_name((rp_status)-1), "unknown");
    cr_assert_str_eq(rp_status_text((rp_status)1000), "unknown status");
}

Test(status, an_error_is_filled_and_its_status_returned)
{
    rp_error error;
    memset(&error, 'x', sizeof error);
    cr_assert(rp_error_set(&error, RP_IO, "path", "cannot read %s", "it") == RP_IO);
    cr_assert(error.status == RP_IO);
    cr_assert_str_eq(error.field, "path");
    cr_assert_str_eq(error.limit, "");
    cr_assert_str_eq(error.message, "cannot read it");
    cr_assert(rp_error_set(&error, RP_INVALID, NULL, "%d", 7) == RP_INVALID);
    cr_assert_str_eq(error.field, "");
    cr_assert(rp_error_limit(&error, "prompt", "32768 tokens", "%d", 9) == RP_LIMIT);
    cr_assert_str_eq(error.limit, "32768 tokens");
    cr_assert(rp_error_set(NULL, RP_BUSY, "x", "%s", "y") == RP_BUSY);
    cr_assert(rp_error_limit(NULL, "x", "y", "z") == RP_LIMIT);
}

Test(status, texts_are_cut_to_fit)
{
    rp_error error;
    char wide[1000];
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    cr_assert(rp_error_limit(&error, wide, wide, "%s", wide) == RP_LIMIT);
    cr_assert(strlen(error.field) == RP_ERROR_FIELD_MAX - 1);
    cr_assert(strlen(error.limit) == RP_ERROR_LIMIT_MAX - 1);
    cr_assert(strlen(error.message) == RP_ERROR_MESSAGE_MAX - 1);
    rp_error_prefix(&error, "%s", "model.gguf");
    cr_assert(strlen(error.message) == RP_ERROR_MESSAGE_MAX - 1);
    cr_assert(strncmp(error.message, "model.gguf: www", 15) == 0);
}

Test(status, a_prefix_stands_before_the_message)
{
    rp_error error = {0};
    cr_assert(rp_error_set(&error, RP_CORRUPT, "magic", "not %s", "GGUF") == RP_CORRUPT);
    rp_error_prefix(&error, "%s:%d", "file", 3);
    cr_assert_str_eq(error.message, "file:3: not GGUF");
    cr_assert_str_eq(error.field, "magic");
    rp_error_prefix(NULL, "nobody");
}
