/* What the files of the blocking client share. */
#ifndef RUNTIME_BUS_CLIENT_INTERNAL_H
#define RUNTIME_BUS_CLIENT_INTERNAL_H

#include "runtime/bus/client.h"

#include <nats/nats.h>

/* An rp_message that holds nats.c's. */
typedef struct rp__held {
    rp_message message;
    natsMsg *nats;
} rp__held;

/* The publication as nats.c has it; the statuses are those of rp_client_publish. */
RP_MUST_USE rp_status rp__client_compose(
    const rp_publication *publication, natsMsg **ret_nats, rp_error *reterr);

/* Publishes it and waits until it is stored. Takes `nats`, also when it fails. */
RP_MUST_USE rp_status rp__client_store(rp_client *client, const rp_publication *publication,
    natsMsg *nats, uint64_t *ret_sequence, rp_error *reterr);

#endif
