#include "sim/server/message.h"

enum { RECORD_BYTES = 30, HEADER_BLOCK_BYTES = 16, HEADER_LINE_BYTES = 4 };

sim_message *sim_message_new(sim_world *world, const rp_publication *publication, rp_bytes reply)
{
    sim_message *message = sim_world_alloc(world, sizeof *message);
    RP_ASSERT(publication->header_count <= SIM_MESSAGE_HEADERS_MAX);
    message->subject = sim_world_copy(world, publication->subject);
    message->reply = sim_world_copy(world, reply);
    message->body = sim_world_copy(world, publication->body);
    message->header_count = publication->header_count;
    for (size_t i = 0; i < publication->header_count; i++)
        message->headers[i] = (rp_header_value){
            publication->headers[i].header, sim_world_copy(world, publication->headers[i].value)};
    message->expects = publication->expect;
    message->expected_sequence = publication->expected_sequence;
    return message;
}

static void put_header(sim_message *message, rp_header_value value)
{
    for (size_t i = 0; i < message->header_count; i++) {
        if (message->headers[i].header == value.header) {
            message->headers[i] = value;
            return;
        }
    }
    RP_ASSERT(message->header_count < SIM_MESSAGE_HEADERS_MAX);
    message->headers[message->header_count++] = value;
}

sim_message *sim_message_again(sim_world *world, const sim_message *message, rp_bytes subject,
    const rp_header_value *added, size_t added_count)
{
    sim_message *again = sim_world_alloc(world, sizeof *again);
    *again = *message;
    again->subject = subject;
    for (size_t i = 0; i < added_count; i++)
        put_header(
            again, (rp_header_value){added[i].header, sim_world_copy(world, added[i].value)});
    return again;
}

static bool is_among(rp_header header, const rp_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (headers[i] == header)
            return true;
    }
    return false;
}

sim_message *sim_message_without(sim_world *world, const sim_message *message, rp_bytes subject,
    const rp_header *dropped, size_t dropped_count)
{
    sim_message *rest = sim_message_again(world, message, subject, NULL, 0);
    rest->header_count = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        if (!is_among(message->headers[i].header, dropped, dropped_count))
            rest->headers[rest->header_count++] = message->headers[i];
    }
    return rest;
}

rp_bytes sim_message_header(const sim_message *message, rp_header header)
{
    for (size_t i = 0; i < message->header_count; i++) {
        if (message->headers[i].header == header)
            return message->headers[i].value;
    }
    return rp_bytes_of(NULL, 0);
}

size_t sim_message_bytes(const sim_message *message)
{
    size_t bytes = RECORD_BYTES + message->subject.len + message->body.len;
    if (message->header_count > 0)
        bytes += HEADER_BLOCK_BYTES;
    for (size_t i = 0; i < message->header_count; i++)
        bytes += HEADER_LINE_BYTES + strlen(rp_header_name(message->headers[i].header)) +
                 message->headers[i].value.len;
    return bytes;
}

bool sim_subject_matches(rp_bytes subject, const char *filter)
{
    size_t at = 0;
    for (;;) {
        if (filter[0] == '>' && filter[1] == '\0')
            return at < subject.len;
        bool any = filter[0] == '*' && (filter[1] == '.' || filter[1] == '\0');
        if (any)
            filter++;
        while (at < subject.len && subject.data[at] != '.') {
            if (!any && *filter++ != (char)subject.data[at])
                return false;
            at++;
        }
        if (*filter == '\0' || at == subject.len)
            return *filter == '\0' && at == subject.len;
        if (*filter != '.')
            return false;
        filter++;
        at++;
    }
}
