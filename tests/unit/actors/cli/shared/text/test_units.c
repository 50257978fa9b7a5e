/* Numbers with units. */
#include "actors/cli/shared/text/units.h"

#include <criterion/criterion.h>

#define SECONDS(n) ((uint64_t)((n)*1e9))

Test(units, bytes)
{
    const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"},
        {1048575, "1.0 MiB"}, {UINT64_C(256) << 20, "256.0 MiB"}, {UINT64_MAX, "16.0 EiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[RP_UNITS_TEXT_BYTES];
        rp_units_bytes(cases[i].bytes, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

Test(units, duration)
{
    const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "0.0s"}, {SECONDS(0.44), "0.4s"}, {SECONDS(9.5), "9.5s"}, {SECONDS(10), "10s"},
        {SECONDS(61), "1m01s"}, {SECONDS(3599), "59m59s"}, {SECONDS(3660), "1h01m"},
        {SECONDS(90000), "1d01h"}, {UINT64_MAX, "213503d23h"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[RP_UNITS_TEXT_BYTES];
        rp_units_duration(cases[i].ns, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}
