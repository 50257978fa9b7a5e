/* Asking a `reprise up` that serves: which one, and the exchange (up/desk.h answers).
 *
 *     const rp_roster_record *up;
 *     if (rp_up_find(&roster, settings.up, &up, &error) != RP_OK) ...
 *     if (rp_up_ask(client, up->actor->instance, RP_UP_PROCESSES, nothing, wait_ns, &arena,
 *             &answer, &error) != RP_OK) ...
 */
#ifndef ACTORS_CLI_SHARED_UP_UP_CLIENT_H
#define ACTORS_CLI_SHARED_UP_UP_CLIENT_H

#include "actors/cli/shared/roster.h"

#define RP_UP_KIND      "up" /* in ACTORS */
#define RP_UP_SCALE     "scale"
#define RP_UP_PROCESSES "processes"

/* The `up` of that name, or with NULL the only one that lives. RP_NOT_FOUND where there is none,
 * RP_INVALID where there are several, naming them. */
RP_MUST_USE rp_status rp_up_find(
    const rp_roster *roster, const char *name, const rp_roster_record **ret_up, rp_error *reterr);

/* Asks it; `ret_answer` lives in `arena`. A refusal comes back as it was given: its status, field
 * and limit. RP_UNAVAILABLE where it has gone, RP_TIMEOUT where it does not answer, RP_CORRUPT where
 * its answer is none. */
RP_MUST_USE rp_status rp_up_ask(rp_client *client, const char *instance, const char *operation,
    rp_bytes body, uint64_t timeout_ns, rp_arena *arena, yyjson_val **ret_answer, rp_error *reterr);

#endif
