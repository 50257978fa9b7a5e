#include "runtime/base/clock.h"

#include <criterion/criterion.h>
#include <time.h>

static const struct {
    uint64_t unix_ns;
    const char *text;
} known[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {999999, "1970-01-01T00:00:00.000Z"}, /* cut, not rounded */
    {UINT64_C(951782399999000000), "2000-02-28T23:59:59.999Z"},
    {UINT64_C(951782400000000000), "2000-02-29T00:00:00.000Z"},
    {UINT64_C(1234567890123000000), "2009-02-13T23:31:30.123Z"},
    {UINT64_C(4107542400000000000), "2100-03-01T00:00:00.000Z"}, /* no leap year */
    {UINT64_C(1795503600123000000), "2026-11-24T07:00:00.123Z"},
};

Test(clock, known_texts)
{
    char text[RP_CLOCK_TEXT_BYTES];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        rp_clock_text(known[i].unix_ns, text);
        cr_assert_str_eq(text, known[i].text);
    }
    rp_clock_text(UINT64_MAX, text);
    cr_assert_str_eq(text, "2554-07-21T23:34:33.709Z");
}

Test(clock, what_is_written_is_read)
{
    char text[RP_CLOCK_TEXT_BYTES];
    uint64_t read_ns;
    for (uint64_t ms = 1; ms < UINT64_C(16000000000000); ms += UINT64_C(9876543211)) {
        rp_clock_text(ms * RP_NS_PER_MS, text);
        cr_assert(rp_clock_parse(rp_bytes_text(text), &read_ns) == RP_OK, "%s", text);
        cr_assert(read_ns == ms * RP_NS_PER_MS, "%s", text);
    }
}

Test(clock, forms_of_rfc_3339)
{
    static const struct {
        const char *text;
        uint64_t unix_ns;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000000001Z", 1},
        {"1970-01-01T00:00:00.5Z", 500000000},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1970-01-01T00:00:00-01:30", UINT64_C(5400) * RP_NS_PER_S},
        {"2016-12-31T23:59:60Z", UINT64_C(1483228800) * RP_NS_PER_S},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ns = UINT64_MAX;
        cr_assert(rp_clock_parse(rp_bytes_text(good[i].text), &ns) == RP_OK, "%s", good[i].text);
        cr_assert(ns == good[i].unix_ns, "%s", good[i].text);
    }
}

Test(clock, what_is_no_time_is_refused)
{
    static const char *const bad[] = {"", "1970", "1970-01-01", "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z", "1970-1-01T00:00:00Z", "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z", "1970-01-32T00:00:00Z", "1970-01-00T00:00:00Z",
        "1971-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z", "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.0000000001Z", "1970-01-01T00:00:00z0", "1970-01-01T00:00:00Zx",
        "1970-01-01T00:00:00+0100", "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+01:60",
        "1970-01-01T00:00:00+01:00", "1969-12-31T23:30:00Z", "9999-01-01T00:00:00Z",
        "-970-01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ns = 7;
        cr_assert(
            rp_clock_parse(rp_bytes_text(bad[i]), &ns) == RP_INVALID && ns == 7, "%s", bad[i]);
    }
}

Test(clock, the_systems_clock_moves)
{
    const rp_clock *clock = rp_clock_system();
    struct timespec pause = {.tv_nsec = 2000000};
    uint64_t start_ns = rp_clock_monotonic_ns(clock);
    nanosleep(&pause, NULL);
    uint64_t took_ns = rp_clock_monotonic_ns(clock) - start_ns;
    cr_assert(took_ns >= 2000000 && took_ns < 60 * RP_NS_PER_S);
    uint64_t unix_s = rp_clock_unix_ns(clock) / RP_NS_PER_S;
    uint64_t wanted_s = (uint64_t)time(NULL);
    cr_assert(unix_s <= wanted_s + 1 && unix_s + 2 >= wanted_s);
}
