/* Under which name a request is tried again, and with which headers. */
#include "actors/cli/dead/retrial.h"

#include <criterion/criterion.h>

static void name_is(const char *old, const char *wanted)
{
    char name[RP_REQUEST_ID_MAX + 1];
    rp_retrial_name(old, 0x1A2B3C, name);
    cr_assert_str_eq(name, wanted);
    cr_assert(rp_name_is_request(rp_bytes_text(name)));
}

Test(retrial, names_begin_with_the_old_one_and_are_names)
{
    name_is("poison", "poison-retry-001a2b3c");
    name_is("17", "17-retry-001a2b3c");
    name_is("", "request-retry-001a2b3c");
    name_is("1234567890123456789012345678901234567890123456789012345678901234",
        "1234567890123456789012345678901234567890123456789-retry-001a2b3c");
}

static bool keeps(const char *name)
{
    return rp_retrial_keeps(rp_bytes_text(name));
}

static bool keeps_of_request(const char *name)
{
    return rp_retrial_keeps_of_request(rp_bytes_text(name));
}

Test(retrial, what_the_original_was_is_left_behind)
{
    static const char *const left[] = {"Nats-Msg-Id", "nats-msg-id", "Nats-TTL", "Nats-Schedule",
        "Nats-Expected-Last-Subject-Sequence", "Rp-Cause", "rp-cause", "Rp-Try", "Rp-Build",
        "Rp-Journal"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        cr_assert(!keeps(left[i]) && !keeps_of_request(left[i]), "%s", left[i]);
}

Test(retrial, a_request_has_its_own_to_leave)
{
    static const char *const left[] = {"Rp-Request", "Rp-Reply-To", "Rp-Deadline", "Rp-Epoch"};
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        cr_assert(keeps(left[i]) && !keeps_of_request(left[i]), "%s", left[i]);
}

Test(retrial, the_rest_goes_along)
{
    static const char *const kept[] = {"Content-Type", "traceparent", "Rp-Tenant", "Rp-Body",
        "X-Mine", "Nat", "Natsy", "Rp-Causes", ""};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        cr_assert(keeps(kept[i]) && keeps_of_request(kept[i]), "%s", kept[i]);
}
