#include "runtime/bus/jetstream/internal.h"

#include "runtime/base/decimal.h"

#include <stdlib.h>

static rp_bytes header_of(const rp_message *message, rp_header header)
{
    const rp__delivery *delivery = (const rp__delivery *)message;
    const char *value = NULL;
    if (natsMsgHeader_Get(delivery->nats, rp_header_name(header), &value) != NATS_OK)
        return rp_bytes_of(NULL, 0);
    return rp_bytes_text(value);
}

static void give_back(rp_message *message)
{
    rp__delivery *delivery = (rp__delivery *)message;
    natsMsg_Destroy(delivery->nats);
    delivery->nats = NULL;
    delivery->next = delivery->js->pool;
    delivery->js->pool = delivery;
}

static void keep(rp_message *message)
{
    (void)message; /* only lent: its owner frees it */
}

void rp__delivery_view(rp__delivery *delivery, natsMsg *nats)
{
    rp_message *m = &delivery->message;
    rp__wire_delivery d;
    delivery->nats = nats;
    *m = (rp_message){.subject = rp_bytes_text(natsMsg_GetSubject(nats)),
        .reply = rp_bytes_text(natsMsg_GetReply(nats)),
        .body = rp_bytes_of(natsMsg_GetData(nats), (size_t)natsMsg_GetDataLength(nats)),
        .header = header_of,
        .free = keep};
    if (rp__wire_delivery_parse(m->reply, &d) != RP_OK)
        return;
    m->stream = d.stream;
    m->stream_sequence = d.stream_sequence;
    m->consumer_sequence = d.consumer_sequence;
    m->deliveries = d.deliveries;
    m->timestamp_ns = d.timestamp_ns;
    m->pending = d.pending;
}

rp_message *rp__delivery_new(rp__jetstream *js, natsMsg *nats)
{
    rp__delivery *delivery = js->pool;
    if (delivery) {
        js->pool = delivery->next;
    } else {
        delivery = calloc(1, sizeof *delivery);
        if (!delivery) {
            natsMsg_Destroy(nats);
            return NULL;
        }
        delivery->js = js;
    }
    rp__delivery_view(delivery, nats);
    delivery->message.free = give_back;
    return &delivery->message;
}

void rp__delivery_pool_done(rp__jetstream *js)
{
    while (js->pool) {
        rp__delivery *delivery = js->pool;
        js->pool = delivery->next;
        free(delivery);
    }
}

int rp__delivery_status(natsMsg *nats)
{
    const char *status = NULL;
    uint64_t number;
    if (natsMsg_GetDataLength(nats) != 0 || natsMsgHeader_Get(nats, "Status", &status) != NATS_OK ||
        rp_decimal_parse(rp_bytes_text(status), &number) != RP_OK || number > 999)
        return 0;
    return (int)number;
}

const char *rp__delivery_token(natsMsg *nats)
{
    const char *subject = natsMsg_GetSubject(nats);
    const char *dot = strrchr(subject, '.');
    return dot ? dot + 1 : subject;
}
