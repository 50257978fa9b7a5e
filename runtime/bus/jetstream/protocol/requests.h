/* The open pull requests of a mailbox: how many messages were asked for and have not come.
 *
 * A mailbox asks for as many messages as it has credit and not more, in requests that expire. The
 * server fills requests in the order in which they came, so a message that arrives counts for the
 * oldest one. A request ends when it is filled, when the server says so, or when its time is past;
 * what it still lacked may then be asked for again.
 *
 * Index and generation together name a request on the wire, so that a status which comes late ends
 * nothing else.
 */
#ifndef RUNTIME_BUS_JETSTREAM_PROTOCOL_REQUESTS_H
#define RUNTIME_BUS_JETSTREAM_PROTOCOL_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RP__REQUESTS_MAX = 8 };

typedef struct rp__request {
    bool open;
    uint32_t generation;
    size_t missing;
    uint64_t ends_at_ns;
} rp__request;

/* In the caller's storage; a struct of zeros has none open. */
typedef struct rp__requests {
    rp__request requests[RP__REQUESTS_MAX];
    uint32_t generation; /* of the newest */
} rp__requests;

/* Messages that were asked for and have not come, all requests together. */
size_t rp__requests_missing(const rp__requests *r);

/* Opens a request for what `credit` allows beyond what was asked for already; NULL where that is
 * nothing, or RP__REQUESTS_MAX are open (the next one that ends makes room). `ret_index` is its
 * place. */
const rp__request *rp__requests_open(
    rp__requests *r, size_t credit, uint64_t ends_at_ns, size_t *ret_index);

/* A message came. */
void rp__requests_count_off(rp__requests *r);

/* The server says that a request is over; false where it is not open any more, or is another. */
bool rp__requests_end(rp__requests *r, size_t index, uint32_t generation);

/* Ends those whose time is past; UINT64_MAX ends all. */
void rp__requests_expire(rp__requests *r, uint64_t now_ns);

#endif
