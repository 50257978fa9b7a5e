/* A message of REQUEST, read and checked: what its headers, its subject and its body ask for.
 *
 * Everything is hostile. What is wrong becomes a refusal that the client gets, with the field, the
 * limit and the cure. The one thing that cannot be answered is a subject whose tokens are no names,
 * since the reply's subject is made of them.
 */
#ifndef ACTORS_TOKENIZER_INTAKE_H
#define ACTORS_TOKENIZER_INTAKE_H

#include "runtime/base/arena.h"
#include "runtime/base/name.h"
#include "runtime/bus/bus.h"
#include "schemas/codec.h"
#include "schemas/refusal.h"
#include "schemas/reprise/v1/request.pb-c.h"

enum { RP_INTAKE_KEY_BYTES = 72 };

/* Whom the answer goes to; known before anything else is. */
typedef struct rp_intake_address {
    char tenant_token[RP_NAME_TOKEN_BYTES];
    char tenant[RP_NAME_MAX + 1];
    char request[RP_INTAKE_KEY_BYTES]; /* Rp-Request, else the REQUEST sequence */
    bool named;                        /* by Rp-Request */
} rp_intake_address;

typedef struct rp_intake {
    rp_encoding encoding; /* of the body, and of the replies */
    char model[RP_NAME_MAX + 1];
    const Rp__InferRequest *request; /* in the arena */
    uint64_t deadline_unix_ms;       /* 0 = none */
} rp_intake;

/* RP_INVALID where the subject's tenant is no name: then there is nobody to answer. */
RP_MUST_USE rp_status rp_intake_address_read(
    const rp_message *message, rp_intake_address *ret_address);

/* Reads the rest. On failure the encoding is set all the same, for the answer. */
RP_MUST_USE rp_status rp_intake_read(const rp_message *message, rp_bytes body,
    const rp_intake_address *address, rp_arena *arena, rp_intake *intake, rp_refusal *retref);

#endif
