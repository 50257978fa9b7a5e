/* Claim checks: a bus on which bodies may be larger than a message of the server's.
 *
 * It stands before any other bus and is one itself. A publish whose body the inner bus does not
 * take puts the body into the object bucket BLOBS first, and then publishes the message with the
 * header Rp-Body in its place, which says where the body lies and its SHA-256. Whoever takes a
 * message with such a header, from a mailbox, as the last of its subject, or following, is handed
 * it with the body in it, fetched and checked. All else goes through as it is: without Rp-Body no
 * message is copied or delayed.
 *
 * What is published. A body is named by its own SHA-256, so that the same body of an input that is
 * delivered again is the same object. One that is there already is used, unless it is older than
 * RP_CLAIM_FRESH_S: the bucket lets go of what is old, and a body must outlive its message. Later
 * publishes on the same subject wait for those before them, so that a subject's order stands.
 *
 * What is handed over. rp_message's body_status says RP_OK, or why the body cannot be had: it is
 * not there, not what it claims to be, too large, or Rp-Body says nonsense. What only the moment
 * refuses (no answer, too much on its way) is tried again:
 *   mailbox    the message is settled for a retry, a little later each time; while its body is on
 *              its way it is extended, as one that is worked on
 *   last       the answer is RP_UNAVAILABLE
 *   follower   its messages keep their order and wait; after RP_CLAIM_TRIES_MAX tries the message
 *              is handed over with body_status RP_UNAVAILABLE
 *
 *     rp_claims_spec spec = {.inner = bus, .host = host, .instance = "executor.a.5f3c0001"};
 *     if (rp_claims_new(&spec, &bus, reterr) != RP_OK) ...      takes the inner bus
 *     rp_bus_free(bus);                                         and frees it
 *
 * Bounds. Bodies of RP_CLAIM_BYTES_MAX; RP_CLAIMS_MAX of them on their way in, as many out, and no
 * more bytes than RP_CLAIMS_BYTES_MAX in each direction; RP_CLAIMS_HELD_MAX messages that wait
 * behind a body, out or for one follower, which then stops reading. A publish above them answers
 * RP_LIMIT.
 *
 * SHA-256 is computed on the loop, in slices between which others have their turn.
 */
#ifndef RUNTIME_STORE_CLAIMS_CLAIMS_H
#define RUNTIME_STORE_CLAIMS_CLAIMS_H

#include "runtime/base/host.h"
#include "runtime/bus/bus.h"
#include "runtime/observe/metrics.h"
#include "runtime/store/claims/reference.h"

enum {
    RP_CLAIM_BYTES_MAX = 64 << 20,
    RP_CLAIMS_MAX = 16,
    RP_CLAIMS_BYTES_MAX = 128 << 20,
    RP_CLAIMS_HELD_MAX = 256,
    RP_CLAIM_TRIES_MAX = 6,
    RP_CLAIM_FRESH_S = 24 * 3600 /* BLOBS keeps for 7 days */
};

typedef struct rp_claims_spec {
    rp_bus *inner;        /* taken where rp_claims_new succeeds */
    rp_host *host;        /* borrowed; outlives the bus */
    const char *instance; /* borrowed; unlike every other's, over all time */
    rp_metrics *metrics;  /* borrowed; NULL = none */
} rp_claims_spec;

/* RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_claims_new(const rp_claims_spec *spec, rp_bus **ret_bus, rp_error *reterr);

#endif
