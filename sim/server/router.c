/* Plain subjects: who is subscribed, and who hears a message. */
#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "sim/server/server.h"

void sim_router_subscribe(sim_server *server, sim_connection *connection, const sim_frame *frame)
{
    RP_ASSERT(server->subscriber_count < SIM_SUBSCRIPTIONS_MAX);
    server->subscribers[server->subscriber_count++] = (sim_subscriber){.connection = connection,
        .token = frame->token,
        .filter = frame->stream,
        .queue = frame->name};
}

static void remove_at(sim_server *server, size_t index)
{
    server->subscriber_count--;
    memmove(&server->subscribers[index], &server->subscribers[index + 1],
        (server->subscriber_count - index) * sizeof *server->subscribers);
}

void sim_router_unsubscribe(sim_server *server, const sim_connection *connection, uint64_t token)
{
    for (size_t i = 0; i < server->subscriber_count; i++) {
        const sim_subscriber *s = &server->subscribers[i];
        if (s->connection == connection && s->token == token) {
            remove_at(server, i);
            return;
        }
    }
}

void sim_router_disconnected(sim_server *server, const sim_connection *connection)
{
    for (size_t i = server->subscriber_count; i > 0; i--) {
        if (server->subscribers[i - 1].connection == connection)
            remove_at(server, i - 1);
    }
}

static bool same_queue(const sim_subscriber *a, const sim_subscriber *b)
{
    return a->queue && b->queue && strcmp(a->queue, b->queue) == 0 &&
           strcmp(a->filter, b->filter) == 0;
}

/* The member of a queue that hears a message: the one that chance picks. */
static const sim_subscriber *pick(sim_server *server, size_t first)
{
    const sim_subscriber *s = &server->subscribers[first];
    size_t members = 0;
    for (size_t i = first; i < server->subscriber_count; i++)
        members += same_queue(s, &server->subscribers[i]);
    size_t picked = (size_t)sim_world_draw(server->world, SIM_CHANCE_SERVER, members);
    for (size_t i = first;; i++) {
        if (same_queue(s, &server->subscribers[i]) && picked-- == 0)
            return &server->subscribers[i];
    }
}

static bool is_first_of_queue(const sim_server *server, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (same_queue(&server->subscribers[i], &server->subscribers[index]))
            return false;
    }
    return true;
}

/* An answer goes to the inbox of the connection that asked: _INBOX.<connection>.<token>. */
static size_t route_answer(sim_server *server, const sim_message *message)
{
    uint64_t number, token;
    if (rp_decimal_parse(rp_name_token(message->subject, 1), &number) != RP_OK ||
        rp_decimal_parse(rp_name_token(message->subject, 2), &token) != RP_OK ||
        number >= server->connection_count)
        return 0;
    sim_frame frame = {.kind = SIM_FRAME_ANSWER, .token = token, .message = message};
    sim_connection_to_process(server->connections[number], &frame);
    return 1;
}

size_t sim_router_route(sim_server *server, const sim_message *message)
{
    size_t heard = 0;
    if (message->subject.len > 7 && memcmp(message->subject.data, "_INBOX.", 7) == 0)
        return route_answer(server, message);
    for (size_t i = 0; i < server->subscriber_count; i++) {
        const sim_subscriber *s = &server->subscribers[i];
        if (!sim_subject_matches(message->subject, s->filter) || !is_first_of_queue(server, i))
            continue;
        if (s->queue)
            s = pick(server, i);
        sim_frame frame = {.kind = SIM_FRAME_PLAIN, .token = s->token, .message = message};
        sim_connection_to_process(s->connection, &frame);
        heard++;
    }
    return heard;
}
