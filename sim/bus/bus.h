/* The bus in memory: an rp_bus on the simulated server, one for each process.
 *
 * It behaves as the JetStream bus (runtime/bus/jetstream) does, by its rules and its limits: the
 * outbox keeps a publish until the answer and sends it again, pulls ask for what there is credit
 * for, readers are made again behind what was handed over, a lost connection comes back with
 * back-off and everything with it. tests/conformance holds the two to the same behaviour.
 *
 *     sim_bus *bus = sim_bus_new(&spec);
 *     rp_actor_env env = {.worker = {.bus = sim_bus_interface(bus), ...
 *
 * Its memory is the run's; a bus whose owner is dead does nothing any more. Bodies travel as they
 * are up to payload_bytes_max.
 */
#ifndef SIM_BUS_BUS_H
#define SIM_BUS_BUS_H

#include "sim/server/server.h"

/* As rp_jetstream_limits, whose names and defaults these have. */
typedef struct sim_bus_limits {
    size_t outbox_messages_max, outbox_bytes_max;
    size_t payload_bytes_max; /* below SIM_PAYLOAD_BYTES_MAX: the rest goes by reference */
    uint64_t ack_wait_ns, publish_give_up_ns, question_wait_ns, pull_expires_ns;
    uint64_t reconnect_min_ns, reconnect_max_ns;
} sim_bus_limits;

enum { SIM_PAYLOAD_BYTES_MAX = 64 << 20 };

#define SIM_BUS_LIMITS                              \
    ((sim_bus_limits){.outbox_messages_max = 4096,  \
        .outbox_bytes_max = (size_t)64 << 20,       \
        .payload_bytes_max = SIM_PAYLOAD_BYTES_MAX, \
        .ack_wait_ns = 5 * RP_NS_PER_S,             \
        .publish_give_up_ns = 30 * RP_NS_PER_S,     \
        .question_wait_ns = 5 * RP_NS_PER_S,        \
        .pull_expires_ns = 1500 * RP_NS_PER_MS,     \
        .reconnect_min_ns = 50 * RP_NS_PER_MS,      \
        .reconnect_max_ns = 2 * RP_NS_PER_S})

typedef struct sim_bus_spec {
    sim_world *world;
    sim_server *server;
    sim_owner *owner;
    const char *who; /* in the trace; lives as long as the run */
    sim_bus_limits limits;
    void (*plant)(
        rp_bus_ops *ops); /* changes what the bus does: a bug (plant/plant.h); may be NULL */
} sim_bus_spec;

typedef struct sim_bus sim_bus;

/* Begins to connect. */
sim_bus *sim_bus_new(const sim_bus_spec *spec);

rp_bus *sim_bus_interface(sim_bus *bus);

/* The connection breaks in the middle of whatever is on its way. */
void sim_bus_break(sim_bus *bus);

bool sim_bus_connected(const sim_bus *bus);

/* What checks look at: now, and the most there ever was. */
typedef struct sim_bus_counts {
    size_t outbox, outbox_peak;
    size_t messages, messages_peak; /* handed over by mailboxes and not freed */
    size_t asked, asked_peak;       /* by pulls that are open */
} sim_bus_counts;

const sim_bus_counts *sim_bus_counts_of(const sim_bus *bus);

#endif
