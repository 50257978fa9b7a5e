/* What Rp-Body says: where a body lies that is too large for its message.
 *
 *     BLOBS/<name>;<sha256>
 *
 * The bucket is always BLOBS; the digest is in lower-case hexadecimal. What Reprise puts there is
 * named by its own SHA-256; what clients put there may have any name without spaces.
 */
#ifndef RUNTIME_STORE_CLAIMS_REFERENCE_H
#define RUNTIME_STORE_CLAIMS_REFERENCE_H

#include "runtime/base/bytes.h"
#include "runtime/base/hash.h"
#include "runtime/base/status.h"

enum { RP_CLAIM_NAME_MAX = 128, RP_CLAIM_TEXT_BYTES = 288 };

#define RP_CLAIM_BUCKET "BLOBS"

typedef struct rp_claim_reference {
    char name[RP_CLAIM_NAME_MAX + 1];
    char digest[RP_SHA256_TEXT_BYTES];
} rp_claim_reference;

/* RP_INVALID where the text is no reference, or names another bucket; `reterr` says which. */
RP_MUST_USE rp_status rp_claim_reference_parse(
    rp_bytes text, rp_claim_reference *ret_reference, rp_error *reterr);

/* Writes it, and a NUL. */
void rp_claim_reference_text(const rp_claim_reference *reference, char text[RP_CLAIM_TEXT_BYTES]);

#endif
