/* The server: nats-server with JetStream, as far as actors and their clients use it.
 *
 * It owns the streams and durables of the catalog, the readers and subscriptions that processes
 * opened, and their connections; it takes frames and sends frames. What it promises is what
 * nats-server 2.15 was seen to do (docs/simulator.md says where it is simpler).
 *
 *     sim_server *server = sim_server_new(world, &catalog);
 *     sim_server_begin(server);                  empty, at a run's start
 *     sim_server_attach(server, &connection);
 *     sim_server_crash(server, false);           and everything stored is there again after
 *     sim_server_start(server);
 *
 * A restart loses what nobody promised: readers, open pulls, and of each durable what happened in
 * its last 100 ms at most. With `power` the machine goes down as well: what the disk was not given
 * is lost too. `sync_always` is nats-server's sync_interval: always, under which nothing that was
 * acknowledged is ever lost; otherwise up to `sync_ns` of each stream may be (deploy/nats.conf has
 * two minutes).
 */
#ifndef SIM_SERVER_SERVER_H
#define SIM_SERVER_SERVER_H

#include "sim/server/connection.h"
#include "sim/server/durable.h"

enum {
    SIM_CONNECTIONS_MAX = 512, /* over a run; a process that starts again has a new one */
    SIM_READERS_MAX = 1024,
    SIM_SUBSCRIPTIONS_MAX = 1024
};

typedef enum sim_pull_end { SIM_PULL_TIMEOUT, SIM_PULL_REFUSED } sim_pull_end;

/* An ephemeral push consumer. */
typedef struct sim_reader {
    sim_connection *connection;
    uint64_t token;
    sim_stream *stream;
    const char *filters[SIM_FILTERS_MAX];
    uint64_t next, consumer;
    uint64_t *firsts; /* sequences to be sent first: the newest of each subject */
    size_t first_count, first_at;
} sim_reader;

typedef struct sim_subscriber {
    sim_connection *connection;
    uint64_t token;
    const char *filter, *queue; /* queue NULL = none */
} sim_subscriber;

typedef struct sim_server {
    sim_world *world;
    sim_owner *owner;
    const sim_catalog *catalog;
    sim_network network;
    bool up;
    uint64_t started_ns; /* world time */
    uint64_t skew_ns;    /* of its clock; it jumps */
    bool sync_always;
    uint64_t sync_ns, synced_ns;
    sim_stream streams[SIM_CATALOG_STREAMS_MAX];
    uint64_t synced[SIM_CATALOG_STREAMS_MAX]; /* last sequence that the disk has */
    sim_durable durables[SIM_CATALOG_DURABLES_MAX];
    sim_connection *connections[SIM_CONNECTIONS_MAX];
    size_t connection_count;
    sim_reader readers[SIM_READERS_MAX];
    size_t reader_count;
    sim_subscriber subscribers[SIM_SUBSCRIPTIONS_MAX];
    size_t subscriber_count;
    sim_frame *frames; /* put away */
    /* Told of each message that was stored; may be NULL. */
    void (*on_stored)(void *arg, const sim_stream *stream, const sim_stored *stored);
    void *arg;
} sim_server;

sim_server *sim_server_new(sim_world *world, const sim_catalog *catalog);
void sim_server_free(sim_server *server);

/* Empty and up, at the start of a run of its world. */
void sim_server_begin(sim_server *server);

void sim_server_attach(sim_server *server, sim_connection *connection);

/* -- what happens to it ------------------------------------------------------------------------ */

void sim_server_crash(sim_server *server, bool power);
void sim_server_start(sim_server *server);

/* -- what checks and scenarios look at --------------------------------------------------------- */

/* NULL where there is none. */
sim_stream *sim_server_stream(sim_server *server, const char *name);
sim_durable *sim_server_durable(sim_server *server, const char *stream, const char *name);

uint64_t sim_server_unix_ns(const sim_server *server);

/* A line of the trace. */
void sim_server_tell(sim_server *server, const char *who, const char *what, rp_bytes subject,
    uint64_t sequence, uint64_t number, const char *fate);

/* -- between the server's files ---------------------------------------------------------------- */

void sim_server_take(sim_server *server, sim_connection *connection, const sim_frame *frame);
void sim_server_disconnected(sim_server *server, sim_connection *connection);
bool sim_server_listens(const sim_server *server, const sim_connection *connection);
/* Stores a message, and tells all who wait for it; `stored` is valid until the next one. */
sim_put sim_server_put(sim_server *server, sim_stream *stream, const sim_message *message);
void sim_server_pull_ended(sim_server *server, const sim_pull *pull, sim_pull_end end);
void sim_server_deliver(sim_server *server, sim_durable *durable, const sim_pull *pull,
    const sim_stored *stored, uint64_t deliveries);

/* readers.c */
void sim_readers_follow(sim_server *server, sim_connection *connection, const sim_frame *frame);
void sim_readers_unfollow(sim_server *server, const sim_connection *connection, uint64_t token);
void sim_readers_stored(sim_server *server, sim_stream *stream);
void sim_readers_disconnected(sim_server *server, const sim_connection *connection);

/* router.c */
void sim_router_subscribe(sim_server *server, sim_connection *connection, const sim_frame *frame);
void sim_router_unsubscribe(sim_server *server, const sim_connection *connection, uint64_t token);
/* How many heard it. */
size_t sim_router_route(sim_server *server, const sim_message *message);
void sim_router_disconnected(sim_server *server, const sim_connection *connection);

#endif
