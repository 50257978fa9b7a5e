/* Base64 in the alphabet that fits into subjects and URLs (RFC 4648, section 5), with padding.
 *
 * What other NATS clients write into an object's subject and digest.
 */
#ifndef RUNTIME_BASE_BASE64_H
#define RUNTIME_BASE_BASE64_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

/* The characters of `len` bytes, padding included, and a NUL. */
#define RP_BASE64_BYTES(len) (((len) + 2) / 3 * 4 + 1)

/* Writes the text and a NUL. RP_LIMIT where `text_bytes` is too small. */
RP_MUST_USE rp_status rp_base64_url(rp_bytes bytes, char *text, size_t text_bytes);

/* Reads such a text, padded or not. RP_INVALID where it is none: another alphabet, a length that
 * cannot be, bits left over; RP_LIMIT where it does not fit. */
RP_MUST_USE rp_status rp_base64_url_parse(
    rp_bytes text, void *bytes, size_t bytes_max, size_t *ret_len);

#endif
