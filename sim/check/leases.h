/* A lease is never held twice with one token: looked at with each message that KV_LEASES stores.
 *
 * A taking's token is its own sequence, and renewals carry it (runtime/store/lease.h). So the
 * tokens of a lease only rise, each has one holder, and nobody takes a lease that stands there as
 * another's.
 *
 *     stage->server->on_stored = sim_leases_stored;
 *     stage->server->arg = &leases;
 */
#ifndef SIM_CHECK_LEASES_H
#define SIM_CHECK_LEASES_H

#include "sim/check/verdict.h"
#include "sim/server/server.h"

enum { SIM_LEASES_MAX = 8 };

/* What was stored last of one that was ever held. */
typedef struct sim_lease {
    rp_bytes subject, holder;
    uint64_t token;
    bool given_back;
} sim_lease;

typedef struct sim_leases {
    sim_world *world;
    sim_verdict *verdict;
    sim_lease list[SIM_LEASES_MAX];
    size_t count;
} sim_leases;

/* `leases` is a sim_leases, as the server's on_stored takes it. */
void sim_leases_stored(void *leases, const sim_stream *stream, const sim_stored *stored);

#endif
