/* Who is alive: the records of the bucket ACTORS.
 *
 * Each process keeps one record, under <kind>.<instance>, and renews it while it lives. A record
 * that the stream has not seen renewed for RP_PRESENCE_GONE_NS counts as gone, whatever it says.
 *
 *     rp_presence presence;
 *     rp_presence_init(&presence);
 *     if (rp_presence_read(client, clock, &presence, &error) != RP_OK) ...
 *     if (rp_presence_serves(&presence, "gemma3")) ...
 *     rp_presence_done(&presence);
 */
#ifndef ACTORS_CLI_PRESENCE_H
#define ACTORS_CLI_PRESENCE_H

#include "runtime/base/clock.h"
#include "runtime/bus/client.h"
#include "schemas/reprise/v1/actors.pb-c.h"

#define RP_PRESENCE_GONE_NS (UINT64_C(5) * RP_NS_PER_S)

enum { RP_PRESENCE_MAX = 1024 };

typedef struct rp_presence_record {
    const Rp__Actor *actor;
    uint64_t age_ns; /* since the stream stored it */
    bool alive;
} rp_presence_record;

/* In the caller's storage; the records live until the next read or rp_presence_done. */
typedef struct rp_presence {
    rp_arena arena;
    rp_presence_record *records; /* by kind and instance */
    size_t count;
    size_t unreadable; /* records that do not parse */
    uint64_t now_unix_ns;
} rp_presence;

RP_MUST_USE rp_status rp_presence_init(rp_presence *presence, rp_error *reterr);

/* Accepts NULL and a presence of zeros. */
void rp_presence_done(rp_presence *presence);

/* Reads all records anew. The statuses are those of rp_client_list; RP_NOT_FOUND where the bucket
 * was never provisioned. */
RP_MUST_USE rp_status rp_presence_read(
    rp_client *client, const rp_clock *clock, rp_presence *presence, rp_error *reterr);

/* How many of a kind are alive and ready; with a model, only those that serve it, and with a
 * version, only those that serve that one. Both may be NULL. */
size_t rp_presence_ready(
    const rp_presence *presence, const char *kind, const char *model, const char *version);

/* Whether any process that is alive serves this version, ready or not. */
bool rp_presence_serves(const rp_presence *presence, const char *model, const char *version);

/* A record by kind and instance; NULL where there is none. */
const rp_presence_record *rp_presence_find(
    const rp_presence *presence, const char *kind, const char *instance);

#endif
