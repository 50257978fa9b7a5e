/* Makes room in the streams that take nothing new when they are full.
 *
 * REQUEST and EXEC keep what is settled too, since replay reads it, and would refuse new work when
 * that fills them. So above three quarters of max_bytes, messages are purged from the start up to
 * the lowest acknowledgement floor of the stream's durables. One with nothing pending and nothing
 * unacknowledged counts as at the stream's end. Nothing undelivered or unsettled is lost; a stream
 * without durables is left alone.
 *
 * `reprise up` runs it every 10 s until there is a janitor for it.
 */
#ifndef RUNTIME_PROVISION_HOUSEKEEPING_H
#define RUNTIME_PROVISION_HOUSEKEEPING_H

#include "runtime/bus/client.h"

enum { RP_HOUSEKEEPING_PERCENT = 75 };

typedef struct rp_purge {
    const char *stream;
    uint64_t bytes; /* that it held */
    uint64_t bytes_max;
    uint64_t through_sequence; /* what was purged: everything up to here */
    uint64_t messages;         /* how many; 0 = it was below the mark, or nothing could go */
} rp_purge;

/* Looks at one stream and purges where needed. The statuses are those of rp_client_api. */
RP_MUST_USE rp_status rp_housekeeping_stream(
    rp_client *client, const char *stream, rp_arena *arena, rp_purge *ret_purge, rp_error *reterr);

/* The streams that are looked after. */
extern const char *const rp_housekeeping_streams[];
extern const size_t rp_housekeeping_streams_count;

/* Up to where everything is settled. */
typedef struct rp_floor {
    uint64_t sequence;
    size_t durables; /* that were looked at */
} rp_floor;

/* Lowers `floor` to that of a page of CONSUMER.LIST. The floor starts at the stream's last
 * sequence, read before the consumers are: what came in since is not taken for settled. */
void rp_floor_lower(rp_floor *floor, yyjson_val *consumers);

#endif
