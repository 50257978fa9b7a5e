/* The order to scale and what is said to it, as they lie on ask.up.<instance>.scale.
 *
 *     {"kind":"executor","model":"gemma3","count":3}
 *     {"up":"up-1f2e3d4c","kind":"executor","model":"gemma3","from":1,"count":3,
 *         "starts":["executor-2","executor-3"],"drains":[],"follows":"..."}
 *     {"error":{"code":"not_found","message":"...","field":"model","limit":"..."}}
 *
 * An `up` carries out an order by starting or draining as many processes as it takes; an order that
 * asks for what there is changes nothing, so it may be sent twice.
 */
#ifndef ACTORS_CLI_SHARED_UP_SCALING_H
#define ACTORS_CLI_SHARED_UP_SCALING_H

#include "runtime/base/json.h"
#include "runtime/base/name.h"

enum {
    RP_SCALING_COUNT_MAX = 32, /* processes of a kind, executors of a model */
    RP_SCALING_BYTES_MAX = 4096,
    RP_SCALING_KIND_BYTES = 32
};

typedef struct rp_scaling {
    char kind[RP_SCALING_KIND_BYTES];
    char model[RP_NAME_MAX + 1]; /* "" = none named */
    uint64_t count;
} rp_scaling;

/* Appends the order. */
void rp_scaling_write(const rp_scaling *scaling, rp_buffer *out);

/* Reads one; it comes from anybody. RP_INVALID or RP_LIMIT, naming the field. */
RP_MUST_USE rp_status rp_scaling_read(rp_bytes body, rp_scaling *ret_scaling, rp_error *reterr);

#endif
