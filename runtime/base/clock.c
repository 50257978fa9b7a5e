#include "runtime/base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * RP_NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t system_monotonic_ns(const rp_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t system_unix_ns(const rp_clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

const rp_clock *rp_clock_system(void)
{
    static const rp_clock clock = {system_monotonic_ns, system_unix_ns};
    return &clock;
}

void rp_clock_text(uint64_t unix_ns, char text[RP_CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(unix_ns / RP_NS_PER_S);
    unsigned ms = (unsigned)(unix_ns % RP_NS_PER_S / RP_NS_PER_MS);
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(text, RP_CLOCK_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
        (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_mon + 1, (unsigned)t.tm_mday,
        (unsigned)t.tm_hour, (unsigned)t.tm_min, (unsigned)t.tm_sec, ms);
}
