/* Time, as somebody gives it.
 *
 * Library code never asks the system: whoever needs time is given an rp_clock. The process hands
 * out the system's, the simulator its virtual one, a replay the recorded one. Monotonic time is for
 * intervals, Unix time for what people and other machines read.
 */
#ifndef RUNTIME_BASE_CLOCK_H
#define RUNTIME_BASE_CLOCK_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

#include <stdint.h>

#define RP_NS_PER_US UINT64_C(1000)
#define RP_NS_PER_MS UINT64_C(1000000)
#define RP_NS_PER_S  UINT64_C(1000000000)

/* Borrowed by those who use it; both functions may be called from any thread. */
typedef struct rp_clock {
    uint64_t (*monotonic_ns)(const struct rp_clock *clock);
    uint64_t (*unix_ns)(const struct rp_clock *clock);
} rp_clock;

/* The system's clock; a constant, never freed. */
const rp_clock *rp_clock_system(void);

static inline uint64_t rp_clock_monotonic_ns(const rp_clock *clock)
{
    return clock->monotonic_ns(clock);
}

static inline uint64_t rp_clock_unix_ns(const rp_clock *clock)
{
    return clock->unix_ns(clock);
}

enum { RP_CLOCK_TEXT_BYTES = 32 };

/* Writes `unix_ns` as RFC 3339 in UTC with milliseconds, "2026-11-24T07:00:00.000Z". */
void rp_clock_text(uint64_t unix_ns, char text[RP_CLOCK_TEXT_BYTES]);

/* The Unix time of an RFC 3339 text from 1970 on, in UTC or with an offset, with up to nine digits
 * of a second. RP_INVALID where it is none. */
RP_MUST_USE rp_status rp_clock_parse(rp_bytes text, uint64_t *ret_unix_ns);

#endif
