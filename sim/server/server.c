#include "sim/server/server.h"

#include "sim/server/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

sim_server *sim_server_new(sim_world *world, const sim_catalog *catalog)
{
    sim_server *server = calloc(1, sizeof *server);
    RP_ASSERT(server);
    server->world = world;
    server->catalog = catalog;
    return server;
}

void sim_server_free(sim_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < server->catalog->stream_count; i++)
        sim_stream_done(&server->streams[i]);
    for (size_t i = 0; i < server->catalog->durable_count; i++)
        sim_durable_done(&server->durables[i]);
    free(server);
}

void sim_server_begin(sim_server *server)
{
    const sim_catalog *catalog = server->catalog;
    server->owner = sim_owner_new(server->world);
    server->up = true;
    server->started_ns = server->skew_ns = 0;
    server->sync_always = true;
    server->sync_ns = server->synced_ns = 0;
    server->connection_count = server->reader_count = server->subscriber_count = 0;
    server->frames = NULL;
    server->on_stored = NULL;
    server->network = (sim_network){.base_ns = 50 * RP_NS_PER_US, .tail_ns = 50 * RP_NS_PER_US};
    for (size_t i = 0; i < catalog->stream_count; i++) {
        sim_stream_init(&server->streams[i], server->world, &catalog->streams[i]);
        server->synced[i] = 0;
    }
    for (size_t i = 0; i < catalog->durable_count; i++)
        sim_durable_init(&server->durables[i], server,
            sim_server_stream(server, catalog->durables[i].stream), &catalog->durables[i]);
}

sim_stream *sim_server_stream(sim_server *server, const char *name)
{
    for (size_t i = 0; i < server->catalog->stream_count; i++) {
        if (strcmp(server->streams[i].config.name, name) == 0)
            return &server->streams[i];
    }
    return NULL;
}

sim_durable *sim_server_durable(sim_server *server, const char *stream, const char *name)
{
    for (size_t i = 0; i < server->catalog->durable_count; i++) {
        sim_durable *d = &server->durables[i];
        if (strcmp(d->config->stream, stream) == 0 && strcmp(d->config->name, name) == 0)
            return d->missing ? NULL : d;
    }
    return NULL;
}

uint64_t sim_server_unix_ns(const sim_server *server)
{
    return SIM_EPOCH_NS + sim_world_now_ns(server->world) + server->skew_ns;
}

void sim_server_tell(sim_server *server, const char *who, const char *what, rp_bytes subject,
    uint64_t sequence, uint64_t number, const char *fate)
{
    sim_happening h = {.at_ns = sim_world_now_ns(server->world),
        .who = who,
        .what = what,
        .subject = subject,
        .sequence = sequence,
        .number = number,
        .fate = fate};
    sim_trace_add(sim_world_trace(server->world), &h);
}

/* -- connections ------------------------------------------------------------------------------- */

void sim_server_attach(sim_server *server, sim_connection *connection)
{
    RP_ASSERT(server->connection_count < SIM_CONNECTIONS_MAX);
    connection->number = (uint32_t)server->connection_count;
    server->connections[server->connection_count++] = connection;
}

bool sim_server_listens(const sim_server *server, const sim_connection *connection)
{
    (void)server;
    return connection->open && connection->heard;
}

void sim_server_disconnected(sim_server *server, sim_connection *connection)
{
    sim_readers_disconnected(server, connection);
    sim_router_disconnected(server, connection);
}

/* -- storing ----------------------------------------------------------------------------------- */

/* What subscribers see of a message that was stored under a mapping. */
static void republish(sim_server *server, const sim_stream *stream, const sim_stored *stored)
{
    char sequence[24], previous[24];
    if (!stream->config.mapped_to)
        return;
    snprintf(sequence, sizeof sequence, "%" PRIu64, stored->sequence);
    snprintf(previous, sizeof previous, "%" PRIu64, stored->previous);
    const rp_header_value added[] = {{RP_HEADER_SEQUENCE, rp_bytes_text(sequence)},
        {RP_HEADER_LAST_SEQUENCE, rp_bytes_text(previous)}};
    sim_message *again =
        sim_message_again(server->world, stored->message, stored->message->subject, added, 2);
    again->reply = rp_bytes_of(NULL, 0);
    sim_router_route(server, again);
}

static void serve_durables(sim_server *server, const sim_stream *stream)
{
    for (size_t i = 0; i < server->catalog->durable_count; i++) {
        if (server->durables[i].stream == stream)
            sim_durable_serve(&server->durables[i]);
    }
}

sim_put sim_server_put(sim_server *server, sim_stream *stream, const sim_message *message)
{
    sim_put put = sim_stream_put(stream, message, sim_server_unix_ns(server));
    sim_happening h = {.at_ns = sim_world_now_ns(server->world),
        .who = stream->config.name,
        .what = put.status == RP_OK ? "stored" : "not stored",
        .subject = put.status == RP_OK ? put.stored->message->subject : message->subject,
        .sequence = put.sequence,
        .fate = put.status == RP_OK ? NULL : rp_status_name(put.status),
        .body = message->body};
    sim_trace_add(sim_world_trace(server->world), &h);
    if (put.status != RP_OK)
        return put;
    if (server->on_stored)
        server->on_stored(server->arg, stream, put.stored);
    if (stream->config.schedules)
        sim_schedule_stored(server, stream, put.stored);
    republish(server, stream, put.stored);
    sim_readers_stored(server, stream);
    serve_durables(server, stream);
    return put;
}

static sim_stream *stream_of(sim_server *server, rp_bytes subject)
{
    for (size_t i = 0; i < server->catalog->stream_count; i++) {
        if (sim_stream_takes(&server->streams[i], subject))
            return &server->streams[i];
    }
    return NULL;
}

static void take_publish(
    sim_server *server, sim_connection *connection, const sim_frame *frame, bool acknowledged)
{
    sim_stream *stream = stream_of(server, frame->message->subject);
    sim_router_route(server, frame->message);
    sim_frame answer = {.kind = SIM_FRAME_NOBODY, .token = frame->token};
    if (stream) {
        sim_put done = sim_server_put(server, stream, frame->message);
        answer = (sim_frame){.kind = SIM_FRAME_PUT,
            .token = frame->token,
            .message = frame->message,
            .status = done.status,
            .sequence = done.sequence,
            .why = done.why};
    }
    if (acknowledged)
        sim_connection_to_process(connection, &answer);
}

/* -- questions --------------------------------------------------------------------------------- */

static void take_request(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    sim_frame nobody = {.kind = SIM_FRAME_NOBODY, .token = frame->token};
    if (sim_router_route(server, frame->message) == 0)
        sim_connection_to_process(connection, &nobody);
}

static void answer_last(
    sim_server *server, const sim_stream *stream, const sim_frame *frame, sim_frame *answer)
{
    (void)server;
    const sim_stored *stored = sim_stream_last(stream, rp_bytes_text(frame->name));
    answer->kind = SIM_FRAME_FOUND;
    answer->status = stored ? RP_OK : RP_NOT_FOUND;
    if (!stored)
        return;
    answer->stream = stream->config.name;
    answer->message = stored->message;
    answer->sequence = stored->sequence;
    answer->stored_ns = stored->stored_ns;
}

static void answer_state(sim_server *server, const sim_stream *stream, sim_frame *answer)
{
    answer->kind = SIM_FRAME_FOUND;
    answer->state = (rp_stream_state){.first_sequence = stream->first,
        .last_sequence = stream->last,
        .messages = stream->messages,
        .bytes = stream->bytes,
        .bytes_max = stream->config.max_bytes,
        .settled_sequence = stream->last,
        .created_ns = stream->created_ns};
    for (size_t i = 0; i < server->catalog->durable_count; i++) {
        const sim_durable *d = &server->durables[i];
        if (d->stream != stream || d->missing)
            continue;
        answer->state.settled_by_durables = true;
        uint64_t floor = sim_durable_floor(d);
        if (floor < answer->state.settled_sequence)
            answer->state.settled_sequence = floor;
    }
}

static uint64_t purge(sim_server *server, sim_stream *stream, const sim_frame *frame)
{
    uint64_t purged = sim_stream_purge(stream, frame->name, frame->sequence);
    sim_server_tell(server, stream->config.name, "purged",
        rp_bytes_text(frame->name ? frame->name : ">"), frame->sequence, purged, NULL);
    return purged;
}

static void take_question(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    sim_stream *stream = sim_server_stream(server, frame->stream);
    sim_frame answer = {.kind = SIM_FRAME_NOBODY, .token = frame->token};
    if (stream) {
        sim_stream_age(stream, sim_server_unix_ns(server));
        if (frame->kind == SIM_FRAME_LAST)
            answer_last(server, stream, frame, &answer);
        else if (frame->kind == SIM_FRAME_STATE)
            answer_state(server, stream, &answer);
        else
            answer = (sim_frame){.kind = SIM_FRAME_FOUND,
                .token = frame->token,
                .count = purge(server, stream, frame)};
    }
    sim_connection_to_process(connection, &answer);
}

/* -- durables ---------------------------------------------------------------------------------- */

void sim_server_pull_ended(sim_server *server, const sim_pull *pull, sim_pull_end end)
{
    (void)server;
    sim_frame frame = {.kind = SIM_FRAME_PULL_ENDED,
        .token = pull->token,
        .status = end == SIM_PULL_TIMEOUT ? RP_TIMEOUT : RP_BUSY};
    sim_connection_to_process(pull->connection, &frame);
}

void sim_server_deliver(sim_server *server, sim_durable *durable, const sim_pull *pull,
    const sim_stored *stored, uint64_t deliveries)
{
    sim_frame frame = {.kind = SIM_FRAME_DELIVERY,
        .token = pull->token,
        .message = stored->message,
        .stream = durable->config->stream,
        .name = durable->config->name,
        .sequence = stored->sequence,
        .consumer_sequence = durable->now.consumer,
        .deliveries = deliveries,
        .stored_ns = stored->stored_ns,
        .pending =
            sim_stream_pending(durable->stream, durable->now.next, durable->config->filters)};
    sim_server_tell(server, pull->connection->who, "sent", stored->message->subject,
        stored->sequence, deliveries, durable->config->stream);
    sim_connection_to_process(pull->connection, &frame);
}

static void take_pull(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    sim_durable *durable = sim_server_durable(server, frame->stream, frame->name);
    sim_pull pull = {.connection = connection,
        .token = frame->token,
        .missing = frame->count,
        .ends_ns = sim_world_now_ns(server->world) + frame->delay_ns};
    if (durable) {
        sim_durable_pull(durable, &pull);
        return;
    }
    sim_frame answer = {
        .kind = SIM_FRAME_PULL_ENDED, .token = frame->token, .status = RP_NOT_FOUND};
    sim_connection_to_process(connection, &answer);
}

static void take_settlement(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    static const char *const names[] = {[RP_SETTLE_DONE] = "+ACK",
        [RP_SETTLE_RETRY] = "-NAK",
        [RP_SETTLE_PROGRESS] = "+WPI",
        [RP_SETTLE_REJECT] = "+TERM"};
    sim_durable *durable = sim_server_durable(server, frame->stream, frame->name);
    sim_server_tell(server, connection->who, names[frame->settlement], rp_bytes_text(frame->stream),
        frame->sequence, frame->deliveries, NULL);
    if (durable)
        sim_durable_settle(durable, frame->sequence, frame->settlement, frame->delay_ns);
}

/* -- what comes -------------------------------------------------------------------------------- */

void sim_server_take(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    switch (frame->kind) {
    case SIM_FRAME_PUBLISH:
        take_publish(server, connection, frame, true);
        break;
    case SIM_FRAME_SEND:
        take_publish(server, connection, frame, false);
        break;
    case SIM_FRAME_REQUEST:
        take_request(server, connection, frame);
        break;
    case SIM_FRAME_LAST:
    case SIM_FRAME_STATE:
    case SIM_FRAME_PURGE:
        take_question(server, connection, frame);
        break;
    case SIM_FRAME_PULL:
        take_pull(server, connection, frame);
        break;
    case SIM_FRAME_SETTLE:
        take_settlement(server, connection, frame);
        break;
    case SIM_FRAME_MUTE:
        connection->heard = frame->count > 0;
        break;
    case SIM_FRAME_FOLLOW:
        sim_readers_follow(server, connection, frame);
        break;
    case SIM_FRAME_UNFOLLOW:
        sim_readers_unfollow(server, connection, frame->token);
        break;
    case SIM_FRAME_SUBSCRIBE:
        sim_router_subscribe(server, connection, frame);
        break;
    case SIM_FRAME_UNSUBSCRIBE:
        sim_router_unsubscribe(server, connection, frame->token);
        break;
    default:
        RP_ASSERT(false && "a frame that only the server sends");
    }
}

/* -- the end and the beginning ----------------------------------------------------------------- */

void sim_server_crash(sim_server *server, bool power)
{
    RP_ASSERT(server->up);
    server->up = false;
    sim_server_tell(
        server, "server", power ? "power cut" : "killed", rp_bytes_of(NULL, 0), 0, 0, NULL);
    for (size_t i = 0; i < server->connection_count; i++)
        sim_connection_break(server->connections[i], true);
    sim_owner_kill(server->owner);
    for (size_t i = 0; power && !server->sync_always && i < server->catalog->stream_count; i++)
        sim_stream_cut(&server->streams[i], server->synced[i]);
}

void sim_server_start(sim_server *server)
{
    RP_ASSERT(!server->up);
    server->owner = sim_owner_new(server->world);
    server->up = true;
    server->started_ns = sim_world_now_ns(server->world);
    server->reader_count = server->subscriber_count = 0;
    sim_server_tell(server, "server", "started", rp_bytes_of(NULL, 0), 0, 0, NULL);
    for (size_t i = 0; i < server->catalog->stream_count; i++)
        sim_stream_restarted(&server->streams[i]);
    for (size_t i = 0; i < server->catalog->durable_count; i++)
        sim_durable_crashed(&server->durables[i]);
    sim_schedule_restarted(server);
}
