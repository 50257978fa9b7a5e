/* Claim checks: bodies above the server's max_payload lie in the object store, and messages name
 * them.
 *
 * The header Rp-Body says where: `BLOBS/<name>;<sha256>`. What we put there is named by its own
 * SHA-256, so that the same body of a redelivery is the same object. Whoever reads one checks its
 * size before and its digest behind; what is not what it claims to be is refused.
 *
 * The object store is nats.c's, whose calls block: they run on worker threads over a connection of
 * their own, one after the other, opened when the first body needs it. Bodies are bounded in size
 * and number.
 */
#ifndef RUNTIME_BUS_CLAIM_H
#define RUNTIME_BUS_CLAIM_H

#include "runtime/base/hash.h"
#include "runtime/bus/endpoint.h"

#include <uv.h>

enum {
    RP__CLAIM_BYTES_MAX = 64 << 20,
    RP__CLAIMS_MAX = 16, /* on their way at once */
    RP__CLAIM_NAME_MAX = 128,
    RP__CLAIM_TEXT_BYTES = 288
};

#define RP__CLAIM_BUCKET "BLOBS"

/* What Rp-Body says. */
typedef struct rp__claim_reference {
    char name[RP__CLAIM_NAME_MAX + 1];
    char digest[RP_SHA256_TEXT_BYTES]; /* lower-case hexadecimal */
} rp__claim_reference;

/* RP_INVALID where the text is no reference, or names another bucket; `reterr` says which. */
RP_MUST_USE rp_status rp__claim_parse(
    rp_bytes text, rp__claim_reference *ret_reference, rp_error *reterr);

/* Writes `BLOBS/<name>;<sha256>`. */
void rp__claim_text(const rp__claim_reference *reference, char text[RP__CLAIM_TEXT_BYTES]);

typedef struct rp__claims rp__claims;

/* Borrows both; connects to nobody yet. RP_NO_MEMORY. */
RP_MUST_USE rp_status rp__claims_new(
    uv_loop_t *loop, const rp_endpoint *endpoint, rp__claims **ret_claims);

/* No callback comes any more; the memory goes when the last worker thread is through. NULL is fine.
 */
void rp__claims_free(rp__claims *claims);

/* On the loop's thread. `body` is the callee's (free), and lives on its own; empty for a put. Of a
 * failure the status tells whether it is the body's (RP_NOT_FOUND, RP_CORRUPT, RP_LIMIT) or the
 * moment's (RP_UNAVAILABLE). */
typedef void (*rp__claim_cb)(void *arg, rp_status status, const rp__claim_reference *reference,
    rp_bytes body, const char *why);

/* Stores a copy of `body`. RP_BUSY where RP__CLAIMS_MAX are on their way, RP_LIMIT above
 * RP__CLAIM_BYTES_MAX, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp__claim_put(
    rp__claims *claims, rp_bytes body, rp__claim_cb callback, void *arg);

/* Fetches a body and checks it. RP_BUSY, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp__claim_get(
    rp__claims *claims, const rp__claim_reference *reference, rp__claim_cb callback, void *arg);

#endif
