/* A client: publishes requests, reads the answers, and fetches from the stream what it missed.
 *
 * It does what docs/examples/client.py does. It subscribes to its tenant's replies, then publishes
 * with an acknowledgement and under a name of its own. Each chunk tells the one before it
 * (Nats-Last-Sequence); where that is not the last one seen, after a lost connection, and when
 * nothing came for a while, it reads the answer from the stream.
 *
 *     sim_client *client = sim_client_new(world, server, "client-1", "acme");
 *     sim_client_ask(client, &order, delay_ns);
 *     ... sim_client_asks(client) tells what came of it
 */
#ifndef SIM_CLIENT_CLIENT_H
#define SIM_CLIENT_CLIENT_H

#include "sim/bus/bus.h"

enum { SIM_ASKS_MAX = 64, SIM_CHUNKS_MAX = 128 };

/* What is asked for. */
typedef struct sim_order {
    const char *name; /* also its Rp-Request */
    const char *model, *body;
    const char *in_peace;  /* the body that the whole answer comes to, where its own has a deadline;
                             NULL = that one */
    const char *reference; /* Rp-Body; NULL = none */
} sim_order;

typedef struct sim_ask {
    struct sim_client *client;
    const sim_order *order;
    char subject[96], reply[96], result[96];
    bool published;        /* the publish has ended */
    rp_status status;      /* how */
    uint64_t sequence;     /* of REQUEST, where it was stored */
    uint64_t stored_at_ns; /* world time of the acknowledgement */
    rp_bytes chunks[SIM_CHUNKS_MAX];
    size_t chunk_count;
    uint64_t last_sequence; /* of the last chunk */
    bool ended;
    bool cancelled; /* a cancel was published */
    rp_follower *fetching;
    sim_event *patience;
} sim_ask;

typedef struct sim_client sim_client;

/* Lives as long as the run. */
sim_client *sim_client_new(
    sim_world *world, sim_server *server, const char *name, const char *tenant);

/* Asks after a delay; the order is borrowed for the run. */
void sim_client_ask(sim_client *client, const sim_order *order, uint64_t delay_ns);

/* Asks for the end of the client's `index`-th request, after a delay. */
void sim_client_cancel(sim_client *client, size_t index, uint64_t delay_ns);

/* Its connection breaks. */
void sim_client_disconnect(sim_client *client);

size_t sim_client_ask_count(const sim_client *client);
const sim_ask *sim_client_ask_at(const sim_client *client, size_t index);
const sim_bus *sim_client_bus(const sim_client *client);

/* Whether every request has come to its end: answered, or not taken by the stream. */
bool sim_client_done(const sim_client *client);

#endif
