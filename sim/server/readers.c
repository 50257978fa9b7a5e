/* Ephemeral push consumers: what followers read by. */
#include "sim/server/server.h"

static void send(sim_server *server, sim_reader *reader, const sim_stored *stored)
{
    (void)server;
    uint64_t behind = reader->first_count - reader->first_at +
                      sim_stream_pending(reader->stream, reader->next, reader->filters);
    sim_frame frame = {.kind = SIM_FRAME_FOLLOWED,
        .token = reader->token,
        .message = stored->message,
        .stream = reader->stream->config.name,
        .sequence = stored->sequence,
        .consumer_sequence = ++reader->consumer,
        .deliveries = 1,
        .stored_ns = stored->stored_ns,
        .pending = behind};
    sim_connection_to_process(reader->connection, &frame);
}

static void pump(sim_server *server, sim_reader *reader)
{
    const sim_stored *stored;
    while (reader->first_at < reader->first_count) {
        stored = sim_stream_at(reader->stream, reader->firsts[reader->first_at++]);
        if (stored)
            send(server, reader, stored);
    }
    while ((stored = sim_stream_next(reader->stream, reader->next, reader->filters)) != NULL) {
        reader->next = stored->sequence + 1;
        send(server, reader, stored);
    }
}

/* The newest message of each subject, in stream order. */
static void gather_newest(sim_server *server, sim_reader *reader)
{
    const sim_stream *stream = reader->stream;
    const sim_stored *stored;
    reader->firsts = sim_world_alloc(server->world, (size_t)stream->messages * sizeof(uint64_t));
    for (uint64_t s = stream->first; (stored = sim_stream_next(stream, s, reader->filters)) != NULL;
         s = stored->sequence + 1) {
        if (sim_stream_last(stream, stored->message->subject) == stored)
            reader->firsts[reader->first_count++] = stored->sequence;
    }
    reader->next = stream->last + 1;
}

void sim_readers_follow(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    sim_stream *stream = sim_server_stream(server, frame->stream);
    sim_frame answer = {.kind = SIM_FRAME_FOLLOWING, .token = frame->token, .status = RP_NOT_FOUND};
    if (!stream) {
        sim_connection_to_process(connection, &answer);
        return;
    }
    RP_ASSERT(server->reader_count < SIM_READERS_MAX);
    sim_stream_age(stream, sim_server_unix_ns(server));
    sim_reader *reader = &server->readers[server->reader_count++];
    *reader = (sim_reader){.connection = connection,
        .token = frame->token,
        .stream = stream,
        .filters = {frame->name}};
    reader->next = stream->last + 1;
    if (frame->from == RP_FOLLOW_SEQUENCE)
        reader->next = frame->sequence > stream->first ? frame->sequence : stream->first;
    else if (frame->from == RP_FOLLOW_LAST_PER_SUBJECT)
        gather_newest(server, reader);
    answer.status = RP_OK;
    answer.sequence = reader->next - 1;
    answer.count = reader->first_count + sim_stream_pending(stream, reader->next, reader->filters);
    sim_connection_to_process(connection, &answer);
    pump(server, reader);
}

void sim_readers_unfollow(sim_server *server, const sim_connection *connection, uint64_t token)
{
    for (size_t i = 0; i < server->reader_count; i++) {
        if (server->readers[i].connection == connection && server->readers[i].token == token) {
            server->readers[i] = server->readers[--server->reader_count];
            return;
        }
    }
}

void sim_readers_stored(sim_server *server, sim_stream *stream)
{
    for (size_t i = 0; i < server->reader_count; i++) {
        if (server->readers[i].stream == stream)
            pump(server, &server->readers[i]);
    }
}

void sim_readers_disconnected(sim_server *server, const sim_connection *connection)
{
    for (size_t i = 0; i < server->reader_count;) {
        if (server->readers[i].connection == connection)
            server->readers[i] = server->readers[--server->reader_count];
        else
            i++;
    }
}
