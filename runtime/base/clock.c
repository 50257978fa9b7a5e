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

/* `count` digits at *at, moved past; false where there are fewer. */
static bool digits(rp_bytes text, size_t *at, size_t count, uint32_t *ret_value)
{
    uint32_t value = 0;
    if (text.len - *at < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint8_t c = text.data[(*at)++];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (uint32_t)(c - '0');
    }
    *ret_value = value;
    return true;
}

static bool literal(rp_bytes text, size_t *at, char expected)
{
    return *at < text.len && text.data[(*at)++] == (uint8_t)expected;
}

/* Days from 1970-01-01 in the Gregorian calendar; years are counted from March, so that a leap day
 * is the last of its year. */
static int64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static uint32_t days_in(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool fraction(rp_bytes text, size_t *at, uint64_t *ret_ns)
{
    uint64_t ns = 0, unit = RP_NS_PER_S / 10;
    size_t start = ++*at;
    for (; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at, unit /= 10)
        ns += unit * (uint64_t)(text.data[*at] - '0');
    *ret_ns = ns;
    return *at > start && *at - start <= 9;
}

/* Z, or +hh:mm, which local time is ahead by. */
static bool offset(rp_bytes text, size_t *at, int64_t *ret_seconds)
{
    uint32_t hours = 0, minutes = 0;
    if (*at >= text.len)
        return false;
    uint8_t sign = text.data[(*at)++];
    *ret_seconds = 0;
    if (sign == 'Z')
        return true;
    if ((sign != '+' && sign != '-') || !digits(text, at, 2, &hours) || !literal(text, at, ':') ||
        !digits(text, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (int64_t)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

rp_status rp_clock_parse(rp_bytes text, uint64_t *ret_unix_ns)
{
    uint32_t year, month, day, hour, minute, second;
    uint64_t ns = 0;
    int64_t ahead = 0;
    size_t at = 0;
    if (!digits(text, &at, 4, &year) || !literal(text, &at, '-') || !digits(text, &at, 2, &month) ||
        !literal(text, &at, '-') || !digits(text, &at, 2, &day) || !literal(text, &at, 'T') ||
        !digits(text, &at, 2, &hour) || !literal(text, &at, ':') ||
        !digits(text, &at, 2, &minute) || !literal(text, &at, ':') ||
        !digits(text, &at, 2, &second))
        return RP_INVALID;
    if (year < 1970 || year > 2500 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month) || hour > 23 || minute > 59 || second > 60)
        return RP_INVALID;
    if (at < text.len && text.data[at] == '.' && !fraction(text, &at, &ns))
        return RP_INVALID;
    if (!offset(text, &at, &ahead) || at != text.len)
        return RP_INVALID;
    int64_t seconds =
        days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - ahead;
    if (seconds < 0)
        return RP_INVALID;
    *ret_unix_ns = (uint64_t)seconds * RP_NS_PER_S + ns;
    return RP_OK;
}
