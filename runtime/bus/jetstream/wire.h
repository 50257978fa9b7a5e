/* JetStream's wire: the few texts of the protocol that we read ourselves.
 *
 * A delivered message says where it lies in its reply subject, a stored one says so in a small JSON
 * body, and what is no message says why in a status header. All of it comes from outside: what does
 * not parse gives RP_INVALID, and nothing is taken from it.
 */
#ifndef RUNTIME_BUS_JETSTREAM_WIRE_H
#define RUNTIME_BUS_JETSTREAM_WIRE_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* Where a delivered message lies, from its reply subject. The views point into that subject. */
typedef struct rp__wire_delivery {
    rp_bytes stream;
    rp_bytes consumer;
    uint64_t deliveries;
    uint64_t stream_sequence;
    uint64_t consumer_sequence;
    uint64_t timestamp_ns;
    uint64_t pending;
} rp__wire_delivery;

/* Takes both forms: $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer
 * sequence>.<time>.<pending>, and the one with <domain>.<account> before the stream and a token
 * behind. RP_INVALID where it is neither. */
RP_MUST_USE rp_status rp__wire_delivery_parse(rp_bytes reply, rp__wire_delivery *ret_delivery);

/* The answer to a publish, or to an API request that failed. */
typedef struct rp__wire_ack {
    uint64_t sequence;
    bool duplicate;
    bool is_error;
    uint32_t code;       /* as in HTTP */
    uint32_t error_code; /* the server's own, 10071 = wrong last sequence */
    char description[160];
} rp__wire_ack;

enum {
    RP__WIRE_WRONG_LAST_SEQUENCE = 10071,
    RP__WIRE_STORE_FAILED = 10077, /* a discard-new limit */
    RP__WIRE_TOO_MANY_REQUESTS = 10167,
    RP__WIRE_CONSUMER_NOT_FOUND = 10014,
    RP__WIRE_STREAM_NOT_FOUND = 10059
};

/* RP_INVALID where the body is no such JSON. */
RP_MUST_USE rp_status rp__wire_ack_parse(rp_bytes body, rp__wire_ack *ret_ack);

/* The answer to the making of a consumer. */
typedef struct rp__wire_consumer {
    uint64_t pending;            /* messages stored that it will be sent */
    uint64_t delivered_sequence; /* of the stream: what lies before is not sent */
    bool is_error;
    uint32_t error_code;
    char description[160];
} rp__wire_consumer;

/* RP_INVALID where the body is no such JSON. */
RP_MUST_USE rp_status rp__wire_consumer_parse(rp_bytes body, rp__wire_consumer *ret_consumer);

/* The status of a publish's answer, as bus.h names them. */
rp_status rp__wire_ack_status(const rp__wire_ack *ack);

#endif
