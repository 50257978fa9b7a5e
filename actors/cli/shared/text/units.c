#include "actors/cli/shared/text/units.h"

#include <inttypes.h>
#include <stdio.h>

void rp_units_bytes(uint64_t bytes, char text[RP_UNITS_TEXT_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;
    for (; value >= 1023.95; unit++) /* what rounds to 1024.0 is one of the next */
        value /= 1024;
    snprintf(text, RP_UNITS_TEXT_BYTES, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void rp_units_duration(uint64_t ns, char text[RP_UNITS_TEXT_BYTES])
{
    uint64_t s = ns / 1000000000;
    if (s < 10)
        snprintf(text, RP_UNITS_TEXT_BYTES, "%.1fs", (double)ns / 1e9);
    else if (s < 60)
        snprintf(text, RP_UNITS_TEXT_BYTES, "%" PRIu64 "s", s);
    else if (s < 3600)
        snprintf(text, RP_UNITS_TEXT_BYTES, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, RP_UNITS_TEXT_BYTES, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(text, RP_UNITS_TEXT_BYTES, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}
