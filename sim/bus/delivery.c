#include "sim/bus/internal.h"

#include <stdlib.h>

static rp_bytes header_of(const rp_message *message, rp_header header)
{
    return sim_message_header(((const sim_delivery *)message)->stored, header);
}

static void keep(rp_message *message)
{
    (void)message; /* only lent */
}

static void give_back(rp_message *message)
{
    sim_delivery *delivery = (sim_delivery *)message;
    delivery->bus->counts.messages--;
    free(delivery);
}

sim_delivery sim_delivery_lent(const sim_frame *frame)
{
    return (sim_delivery){.stored = frame->message,
        .durable = frame->name,
        .message = {.subject = frame->message->subject,
            .reply = frame->message->reply,
            .body = frame->message->body,
            .stream = rp_bytes_text(frame->stream),
            .stream_sequence = frame->sequence,
            .consumer_sequence = frame->consumer_sequence,
            .deliveries = frame->deliveries,
            .timestamp_ns = frame->stored_ns,
            .pending = frame->pending,
            .header = header_of,
            .free = keep}};
}

rp_message *sim_delivery_taken(sim_bus *bus, const sim_frame *frame)
{
    sim_delivery *delivery = malloc(sizeof *delivery);
    RP_ASSERT(delivery);
    *delivery = sim_delivery_lent(frame);
    delivery->bus = bus;
    delivery->message.free = give_back;
    if (++bus->counts.messages > bus->counts.messages_peak)
        bus->counts.messages_peak = bus->counts.messages;
    return &delivery->message;
}
