/* Work that nobody will do: what waits in EXEC for versions that no executor serves.
 *
 * A version is gone when the operator starts `up` with another file under the same name. Its
 * requests would wait for seven days. Each is answered instead: its answer ends with the error
 * `unavailable`, behind what it had already, and its RESULT says so; then the message is settled,
 * and an emptied durable is deleted. Both are written under the same rules as an executor's
 * (expected sequences), so nothing is answered twice, not even when an executor of that version
 * comes up meanwhile.
 */
#ifndef ACTORS_CLI_UP_WORK_LEFTOVERS_H
#define ACTORS_CLI_UP_WORK_LEFTOVERS_H

#include "actors/cli/shared/roster.h"
#include "runtime/provision/models.h"

typedef struct rp_leftovers {
    uint64_t answered;  /* requests, so far */
    uint64_t durables;  /* deleted, so far */
    uint64_t remaining; /* durables to look at again: something is in work there, or their executors
                           said a moment ago that they live */
} rp_leftovers;

/* Adds to the counts. `configured` are the models that we are about to serve; those that `roster`
 * shows alive are left alone too. The statuses are those of the client's calls. */
RP_MUST_USE rp_status rp_leftovers_answer(rp_client *client, const rp_model_args *configured,
    const rp_roster *roster, const char *instance, rp_leftovers *leftovers, rp_error *reterr);

#endif
