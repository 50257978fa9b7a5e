#include "sim/server/connection.h"

#include "sim/server/server.h"

enum { HANDSHAKE_US = 500, CUT_US = 3000, TAIL_CHOICES = 64, LONG_TAIL = 20 };

/* Mostly short, seldom long: a frame in 64 takes twenty times its share. */
static uint64_t delay_ns(sim_connection *connection)
{
    const sim_network *network = &connection->server->network;
    sim_world *world = connection->world;
    uint64_t tail_ns = sim_world_draw(world, SIM_CHANCE_NETWORK, network->tail_ns + 1);
    if (sim_world_draw(world, SIM_CHANCE_NETWORK, TAIL_CHOICES) == 0)
        tail_ns *= LONG_TAIL;
    if (network->clog_per_mille &&
        sim_world_happens(world, SIM_CHANCE_NETWORK, network->clog_per_mille))
        tail_ns += sim_world_spread(world, SIM_CHANCE_NETWORK, RP_NS_PER_MS, network->clog_ns);
    return network->base_ns + tail_ns;
}

static bool is_losable(sim_frame_kind kind)
{
    return kind == SIM_FRAME_PUT || kind == SIM_FRAME_SETTLE || kind == SIM_FRAME_FOUND;
}

static sim_frame *sent(sim_connection *connection, const sim_frame *frame)
{
    sim_server *server = connection->server;
    const sim_network *network = &server->network;
    if (network->lost_per_mille && is_losable(frame->kind) &&
        sim_world_happens(connection->world, SIM_CHANCE_NETWORK, network->lost_per_mille)) {
        sim_server_tell(server, connection->who, "lost",
            frame->message ? frame->message->subject : rp_bytes_of(NULL, 0), frame->sequence, 0,
            frame->kind == SIM_FRAME_SETTLE ? "a settlement" : "an answer");
        return NULL;
    }
    sim_frame *copy = server->frames;
    if (copy)
        server->frames = copy->next;
    else
        copy = sim_world_alloc(connection->world, sizeof *copy);
    *copy = *frame;
    copy->connection = connection;
    copy->serial = connection->serial;
    return copy;
}

static void put_away(sim_frame *frame)
{
    frame->next = frame->connection->server->frames;
    frame->connection->server->frames = frame;
}

/* -- from a process to the server -------------------------------------------------------------- */

static void on_arrived_at_server(void *arg)
{
    sim_frame *frame = arg;
    sim_connection *connection = frame->connection;
    bool of_now = connection->open && frame->serial == connection->serial;
    bool of_before = frame->serial + (connection->open ? 1 : 0) == connection->serial &&
                     sim_world_now_ns(connection->world) <= connection->read_until_ns;
    bool dies_with_it = frame->kind == SIM_FRAME_SUBSCRIBE; /* what else is asked for outlives it */
    sim_frame taken = *frame;
    put_away(frame);
    if (of_now || (of_before && !dies_with_it))
        sim_server_take(connection->server, connection, &taken);
}

static uint64_t arrival_ns(sim_connection *connection, sim_lane *lane)
{
    uint64_t now_ns = sim_world_now_ns(connection->world);
    uint64_t at_ns = now_ns + delay_ns(connection);
    if (at_ns < lane->free_ns)
        at_ns = lane->free_ns;
    lane->free_ns = at_ns;
    return at_ns - now_ns;
}

void sim_connection_to_server(sim_connection *connection, const sim_frame *frame)
{
    if (!connection->open)
        return;
    uint64_t after_ns = arrival_ns(connection, &connection->to_server);
    sim_frame *copy = sent(connection, frame);
    if (copy)
        sim_world_after(
            connection->world, connection->server->owner, after_ns, on_arrived_at_server, copy);
}

/* -- from the server to a process -------------------------------------------------------------- */

static void on_arrived_at_process(void *arg)
{
    sim_frame *frame = arg;
    sim_connection *connection = frame->connection;
    bool of_now = connection->open && frame->serial == connection->serial;
    bool of_before = !connection->open && frame->serial == connection->serial &&
                     sim_world_now_ns(connection->world) <= connection->heard_until_ns;
    sim_frame taken = *frame;
    put_away(frame);
    if (of_now || of_before)
        connection->on_frame(connection->arg, &taken);
}

void sim_connection_to_process(sim_connection *connection, const sim_frame *frame)
{
    if (!connection->open || sim_owner_dead(connection->owner))
        return;
    uint64_t after_ns = arrival_ns(connection, &connection->to_process);
    sim_frame *copy = sent(connection, frame);
    if (copy)
        sim_world_after(
            connection->world, connection->owner, after_ns, on_arrived_at_process, copy);
}

/* -- opening and breaking ---------------------------------------------------------------------- */

static void on_opened(void *arg)
{
    sim_connection *connection = arg;
    bool up = connection->server->up;
    if (up) {
        connection->serial++;
        connection->open = connection->heard = true;
        connection->to_server.free_ns = connection->to_process.free_ns = 0;
    }
    connection->on_open(connection->arg, up);
}

void sim_connection_open(sim_connection *connection)
{
    RP_ASSERT(!connection->open);
    sim_world_after(connection->world, connection->owner,
        HANDSHAKE_US * RP_NS_PER_US +
            sim_world_draw(connection->world, SIM_CHANCE_NETWORK, HANDSHAKE_US * RP_NS_PER_US),
        on_opened, connection);
}

static void on_noticed(void *arg)
{
    sim_connection *connection = arg;
    connection->on_broken(connection->arg);
}

void sim_connection_break(sim_connection *connection, bool server_died)
{
    sim_world *world = connection->world;
    uint64_t now_ns = sim_world_now_ns(world);
    if (!connection->open)
        return;
    uint64_t notices_ns = sim_world_draw(world, SIM_CHANCE_NETWORK, CUT_US * RP_NS_PER_US);
    connection->open = false;
    connection->heard_until_ns = now_ns + notices_ns;
    connection->read_until_ns =
        server_died ? 0 : now_ns + sim_world_draw(world, SIM_CHANCE_NETWORK, CUT_US * RP_NS_PER_US);
    sim_server_disconnected(connection->server, connection);
    sim_world_after(world, connection->owner, notices_ns, on_noticed, connection);
}
