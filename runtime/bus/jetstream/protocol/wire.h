/* JetStream's wire: the few texts of the protocol that we read ourselves.
 *
 * A delivered message says where it lies in its reply subject, a stored one says so in a small JSON
 * body, what is no message says why in a status header, and the API answers in JSON. All of it
 * comes from outside: what does not parse gives RP_INVALID, and nothing is taken from it.
 *
 * Answers on a message's path are small and are read without asking the heap; those about a whole
 * stream may be large, and are read within RP__WIRE_ANSWER_BYTES_MAX.
 */
#ifndef RUNTIME_BUS_JETSTREAM_PROTOCOL_WIRE_H
#define RUNTIME_BUS_JETSTREAM_PROTOCOL_WIRE_H

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

enum {
    RP__WIRE_ANSWER_BYTES_MAX = 4 << 20,
    RP__WIRE_DESCRIPTION_BYTES = 160,
    RP__WIRE_NAME_BYTES = 256 /* of a stream or a consumer */
};

/* Whether this can be the name of a stream or a consumer, which is one token. */
bool rp__wire_is_name(const char *text);

/* Why an API request failed. */
typedef struct rp__wire_error {
    bool is_error;
    uint32_t code;       /* as in HTTP */
    uint32_t error_code; /* the server's own, 10071 = wrong last sequence */
    char description[RP__WIRE_DESCRIPTION_BYTES];
} rp__wire_error;

/* RP_OK where it is none; RP_NOT_FOUND, RP_DENIED, RP_UNAVAILABLE, else RP_INVALID. */
rp_status rp__wire_error_status(const rp__wire_error *error);

/* The answer to a publish. */
typedef struct rp__wire_ack {
    rp__wire_error error;
    uint64_t sequence;
    bool duplicate;
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
    rp__wire_error error;
} rp__wire_consumer;

/* RP_INVALID where the body is no such JSON. */
RP_MUST_USE rp_status rp__wire_consumer_parse(rp_bytes body, rp__wire_consumer *ret_consumer);

/* The status of a publish's answer, as bus.h names them. */
rp_status rp__wire_ack_status(const rp__wire_ack *ack);

/* What STREAM.INFO says. */
typedef struct rp__wire_stream {
    uint64_t first_sequence; /* last + 1 where the stream holds nothing */
    uint64_t last_sequence;
    uint64_t messages;
    uint64_t bytes, bytes_max; /* bytes_max 0 = no limit */
    uint64_t created_ns;
    rp__wire_error error;
} rp__wire_stream;

/* RP_INVALID where the body is no such JSON, or its sequences contradict each other. */
RP_MUST_USE rp_status rp__wire_stream_parse(rp_bytes body, rp__wire_stream *ret_stream);

/* A page of CONSUMER.LIST, which is in the order of the names. */
typedef struct rp__wire_consumers {
    uint64_t total; /* on all pages */
    uint64_t count; /* on this one */
    char first_name[RP__WIRE_NAME_BYTES], last_name[RP__WIRE_NAME_BYTES];
    uint64_t floor; /* the lowest acknowledgement floor of its durables that acknowledge explicitly
                       and have something pending or unacknowledged; UINT64_MAX = no such */
    bool settled_by_durables; /* there is a durable that acknowledges explicitly */
    rp__wire_error error;
} rp__wire_consumers;

/* RP_INVALID where the body is no such JSON. */
RP_MUST_USE rp_status rp__wire_consumers_parse(rp_bytes body, rp__wire_consumers *ret_consumers);

/* The answer to a purge. */
typedef struct rp__wire_purge {
    uint64_t purged;
    rp__wire_error error;
} rp__wire_purge;

/* RP_INVALID where the body is no such JSON. */
RP_MUST_USE rp_status rp__wire_purge_parse(rp_bytes body, rp__wire_purge *ret_purge);

#endif
