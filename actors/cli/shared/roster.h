/* Who is alive: the records of the bucket ACTORS.
 *
 * Each process keeps one record, under <kind>.<instance>, and renews it while it lives. A record
 * that the stream has not seen renewed for RP_ROSTER_GONE_NS counts as gone, whatever it says.
 *
 *     rp_roster roster;
 *     if (rp_roster_init(&roster, &error) != RP_OK) ...
 *     if (rp_roster_read(client, clock, &roster, &error) != RP_OK) ...
 *     if (rp_roster_ready(&roster, "executor", "gemma3", NULL) > 0) ...
 *     rp_roster_done(&roster);
 */
#ifndef ACTORS_CLI_SHARED_ROSTER_H
#define ACTORS_CLI_SHARED_ROSTER_H

#include "runtime/base/clock.h"
#include "runtime/bus/client.h"
#include "schemas/reprise/v1/actors.pb-c.h"

#define RP_ROSTER_GONE_NS (UINT64_C(5) * RP_NS_PER_S)

enum { RP_ROSTER_MAX = 1024 };

typedef struct rp_roster_record {
    const Rp__Actor *actor;
    uint64_t age_ns; /* since the stream stored it */
    bool alive;
} rp_roster_record;

/* In the caller's storage; the records live until the next read or rp_roster_done. */
typedef struct rp_roster {
    rp_arena arena;
    rp_roster_record *records; /* by kind and instance */
    size_t count;
    size_t unreadable; /* records that do not parse */
    uint64_t now_unix_ns;
} rp_roster;

RP_MUST_USE rp_status rp_roster_init(rp_roster *roster, rp_error *reterr);

/* Accepts NULL and a roster of zeros. */
void rp_roster_done(rp_roster *roster);

/* Reads all records anew. The statuses are those of rp_client_list; RP_NOT_FOUND where the bucket
 * was never provisioned. */
RP_MUST_USE rp_status rp_roster_read(
    rp_client *client, const rp_clock *clock, rp_roster *roster, rp_error *reterr);

/* How many of a kind are alive and ready; with a model, only those that serve it, and with a
 * version, only those that serve that one. Both may be NULL. */
size_t rp_roster_ready(
    const rp_roster *roster, const char *kind, const char *model, const char *version);

/* Whether any executor that is alive serves this version, ready or not, or a `reprise up` that
 * serves may start one. */
bool rp_roster_serves(const rp_roster *roster, const char *model, const char *version);

/* Whether a model is known to go on with a text rather than to answer it: its file brings no chat
 * template. */
bool rp_roster_continues(const rp_roster *roster, const char *model);

/* A record by kind and instance; NULL where there is none. */
const rp_roster_record *rp_roster_find(
    const rp_roster *roster, const char *kind, const char *instance);

#endif
