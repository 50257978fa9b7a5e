#include "runtime/store/claims/internal.h"

#include <stdio.h>
#include <stdlib.h>

static void claimed_free(rp_message *message)
{
    rp__claimed *claimed = (rp__claimed *)message;
    rp_message_free(claimed->inner);
    free(claimed->body);
    free(claimed);
}

static rp_bytes inner_header(const rp_message *message, rp_header header)
{
    return rp_message_header(((const rp__claimed *)message)->inner, header);
}

static rp_bytes own_header(const rp_message *message, rp_header header)
{
    return ((const rp__claimed *)message)->headers[header];
}

rp__claimed *rp__claimed_new(rp_message *inner)
{
    rp__claimed *claimed = calloc(1, sizeof *claimed);
    if (!claimed)
        return NULL;
    claimed->message = *inner;
    claimed->message.header = inner_header;
    claimed->message.free = claimed_free;
    claimed->inner = inner;
    return claimed;
}

static rp_bytes keep(uint8_t **end, rp_bytes bytes)
{
    rp_bytes kept = rp_bytes_of(bytes.data ? *end : NULL, bytes.len);
    if (bytes.len)
        memcpy(*end, bytes.data, bytes.len);
    *end += bytes.len;
    return kept;
}

rp__claimed *rp__claimed_copy(const rp_message *message)
{
    size_t bytes =
        message->subject.len + message->reply.len + message->body.len + message->stream.len;
    for (size_t i = 0; i < RP_HEADER_COUNT; i++)
        bytes += rp_message_header(message, (rp_header)i).len;
    rp__claimed *claimed = calloc(1, sizeof *claimed + bytes);
    if (!claimed)
        return NULL;
    uint8_t *end = (uint8_t *)(claimed + 1);
    claimed->message = *message;
    claimed->message.subject = keep(&end, message->subject);
    claimed->message.reply = keep(&end, message->reply);
    claimed->message.body = keep(&end, message->body);
    claimed->message.stream = keep(&end, message->stream);
    for (size_t i = 0; i < RP_HEADER_COUNT; i++)
        claimed->headers[i] = keep(&end, rp_message_header(message, (rp_header)i));
    claimed->message.header = own_header;
    claimed->message.free = claimed_free;
    return claimed;
}

void rp__claimed_fill(
    rp__claimed *claimed, rp_status status, uint8_t *body, size_t len, const char *why)
{
    claimed->message.body_status = status;
    if (status == RP_OK) {
        claimed->body = body;
        claimed->message.body = rp_bytes_of(body, len);
        return;
    }
    snprintf(claimed->why, sizeof claimed->why, "%s", why);
    claimed->message.body_why = claimed->why;
}

const rp_message *rp__claimed_inner(const rp_message *message)
{
    return message->free == claimed_free ? ((const rp__claimed *)message)->inner : message;
}
