#include "sim/client/client.h"

#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "sim/client/blobs.h"

#include <stdio.h>

#define PATIENCE_NS (3 * RP_NS_PER_S)

struct sim_client {
    sim_world *world;
    sim_server *server;
    const char *name, *tenant;
    sim_owner *owner;
    sim_bus *bus;
    rp_subscription *replies;
    sim_ask *asks[SIM_ASKS_MAX];
    size_t ask_count;
};

static void tell(
    const sim_ask *ask, const char *what, rp_bytes subject, uint64_t sequence, const char *fate)
{
    sim_server_tell(
        ask->client->server, ask->client->name, what, subject, sequence, ask->chunk_count, fate);
}

/* -- the answer -------------------------------------------------------------------------------- */

static bool is_end(rp_bytes body)
{
    static const char field[] = "\"finish_reason\"";
    for (size_t i = 0; i + sizeof field - 1 <= body.len; i++) {
        if (memcmp(body.data + i, field, sizeof field - 1) == 0)
            return true;
    }
    return false;
}

static void stop_waiting(sim_ask *ask)
{
    sim_world_cancel(ask->client->world, ask->patience);
    ask->patience = NULL;
}

static void on_patience(void *arg);

static void be_patient(sim_ask *ask)
{
    stop_waiting(ask);
    ask->patience =
        sim_world_after(ask->client->world, ask->client->owner, PATIENCE_NS, on_patience, ask);
}

/* The next chunk, whichever way it came. */
static void take(sim_ask *ask, const rp_message *message, uint64_t sequence)
{
    if (ask->ended || ask->chunk_count == SIM_CHUNKS_MAX)
        return;
    rp_bytes body = sim_blobs_body(
        ask->client->server, rp_message_header(message, RP_HEADER_BODY), message->body);
    ask->chunks[ask->chunk_count++] = sim_world_copy(ask->client->world, body);
    ask->last_sequence = sequence;
    ask->ended = is_end(body);
    tell(ask, "chunk", rp_bytes_text(ask->reply), sequence, ask->ended ? "the last" : NULL);
    if (ask->ended)
        stop_waiting(ask);
    else
        be_patient(ask);
}

static void on_fetched(void *arg, const rp_message *message)
{
    sim_ask *ask = arg;
    if (message->stream_sequence > ask->last_sequence)
        take(ask, message, message->stream_sequence);
}

static void fetch(sim_ask *ask)
{
    rp_follower_spec spec = {.stream = "REPLY",
        .filter = ask->reply,
        .from = RP_FOLLOW_SEQUENCE,
        .sequence = 1,
        .on_message = on_fetched,
        .arg = ask};
    if (ask->fetching || ask->ended)
        return;
    tell(ask, "fetches", rp_bytes_text(ask->reply), ask->last_sequence, NULL);
    RP_ASSERT(rp_bus_follow(sim_bus_interface(ask->client->bus), &spec, &ask->fetching) == RP_OK);
}

static void stop_fetching(sim_ask *ask)
{
    if (ask->fetching)
        rp_bus_unfollow(sim_bus_interface(ask->client->bus), ask->fetching);
    ask->fetching = NULL;
}

static void on_patience(void *arg)
{
    sim_ask *ask = arg;
    ask->patience = NULL;
    if (ask->published && ask->status == RP_OK)
        fetch(ask);
    be_patient(ask);
}

static void on_reply(void *arg, const rp_message *message)
{
    sim_client *client = arg;
    uint64_t sequence, previous;
    if (rp_decimal_parse(rp_message_header(message, RP_HEADER_SEQUENCE), &sequence) != RP_OK ||
        rp_decimal_parse(rp_message_header(message, RP_HEADER_LAST_SEQUENCE), &previous) != RP_OK)
        return;
    for (size_t i = 0; i < client->ask_count; i++) {
        sim_ask *ask = client->asks[i];
        if (!rp_bytes_is(message->subject, ask->reply) || sequence <= ask->last_sequence)
            continue;
        if (previous == ask->last_sequence)
            take(ask, message, sequence);
        else
            fetch(ask);
    }
}

static void on_state(void *arg, bool connected)
{
    sim_client *client = arg;
    for (size_t i = 0; connected && i < client->ask_count; i++) {
        if (client->asks[i]->published && client->asks[i]->status == RP_OK)
            fetch(client->asks[i]);
    }
}

/* -- asking ------------------------------------------------------------------------------------ */

static void on_published(void *arg, const rp_published *published)
{
    sim_ask *ask = arg;
    ask->published = true;
    ask->status = published->status == RP_DUPLICATE ? RP_OK : published->status;
    ask->sequence = published->sequence;
    ask->stored_at_ns = sim_world_now_ns(ask->client->world);
    if (ask->status == RP_OK && !ask->ended)
        be_patient(ask);
}

static void on_ask(void *arg)
{
    sim_ask *ask = arg;
    rp_bytes name = rp_bytes_text(ask->order->name);
    rp_publication publication = {
        .subject = rp_bytes_text(ask->subject), .body = rp_bytes_text(ask->order->body)};
    rp_publication_header(&publication, RP_HEADER_REQUEST, name);
    rp_publication_header(&publication, RP_HEADER_MESSAGE_ID, rp_bytes_text(ask->reply));
    if (ask->order->reference)
        rp_publication_header(&publication, RP_HEADER_BODY, rp_bytes_text(ask->order->reference));
    RP_ASSERT(rp_bus_publish(
                  sim_bus_interface(ask->client->bus), &publication, on_published, ask) == RP_OK);
}

void sim_client_ask(sim_client *client, const sim_order *order, uint64_t delay_ns)
{
    RP_ASSERT(client->ask_count < SIM_ASKS_MAX);
    sim_ask *ask = sim_world_alloc(client->world, sizeof *ask);
    ask->client = client;
    ask->order = order;
    snprintf(ask->subject, sizeof ask->subject, "infer.%s.%s", client->tenant, order->model);
    snprintf(ask->reply, sizeof ask->reply, "reply.%s.%s", client->tenant, order->name);
    snprintf(ask->result, sizeof ask->result, "result.%s.%s", client->tenant, order->name);
    client->asks[client->ask_count++] = ask;
    sim_world_after(client->world, client->owner, delay_ns, on_ask, ask);
}

static void on_cancel(void *arg)
{
    sim_ask *ask = arg;
    char subject[128];
    rp_publication publication = {.body = rp_bytes_text("{}")};
    snprintf(
        subject, sizeof subject, "control.%s.%s.cancel", ask->client->tenant, ask->order->name);
    publication.subject = rp_bytes_text(subject);
    ask->cancelled = true;
    RP_ASSERT(
        rp_bus_publish(sim_bus_interface(ask->client->bus), &publication, NULL, NULL) == RP_OK);
}

void sim_client_cancel(sim_client *client, size_t index, uint64_t delay_ns)
{
    RP_ASSERT(index < client->ask_count);
    sim_world_after(client->world, client->owner, delay_ns, on_cancel, client->asks[index]);
}

void sim_client_disconnect(sim_client *client)
{
    sim_bus_break(client->bus);
}

sim_client *sim_client_new(
    sim_world *world, sim_server *server, const char *name, const char *tenant)
{
    char filter[64];
    sim_client *client = sim_world_alloc(world, sizeof *client);
    client->world = world;
    client->server = server;
    client->name = name;
    client->tenant = tenant;
    client->owner = sim_owner_new(world);
    sim_bus_spec spec = {.world = world,
        .server = server,
        .owner = client->owner,
        .who = name,
        .limits = SIM_BUS_LIMITS};
    client->bus = sim_bus_new(&spec);
    snprintf(filter, sizeof filter, "reply.%s.>", tenant);
    RP_ASSERT(rp_bus_subscribe(sim_bus_interface(client->bus), filter, NULL, on_reply, client,
                  &client->replies) == RP_OK);
    rp_bus_watch_state(sim_bus_interface(client->bus), on_state, client);
    return client;
}

size_t sim_client_ask_count(const sim_client *client)
{
    return client->ask_count;
}

const sim_ask *sim_client_ask_at(const sim_client *client, size_t index)
{
    RP_ASSERT(index < client->ask_count);
    return client->asks[index];
}

const sim_bus *sim_client_bus(const sim_client *client)
{
    return client->bus;
}

bool sim_client_done(const sim_client *client)
{
    for (size_t i = 0; i < client->ask_count; i++) {
        sim_ask *ask = client->asks[i];
        if (!ask->published || (ask->status == RP_OK && !ask->ended))
            return false;
        stop_fetching(ask);
    }
    return true;
}
