/* Bodies by reference, as a client has them: what Rp-Body names in the object store BLOBS.
 *
 * A client of the simulator's looks straight into the stream: a body is stored before the message
 * that refers to it, and how it is fetched is tested elsewhere.
 */
#ifndef SIM_CLIENT_BLOBS_H
#define SIM_CLIENT_BLOBS_H

#include "sim/server/server.h"

/* Stores an object of one chunk. */
void sim_blobs_put(sim_server *server, const char *name, rp_bytes body);

/* The body of a message: its own, or what it refers to, if that is there and has the SHA-256 that
 * it claims; else one without data. It lives as long as the run. */
rp_bytes sim_blobs_body(sim_server *server, rp_bytes reference, rp_bytes body);

#endif
