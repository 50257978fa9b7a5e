/* Names in subjects and keys.
 *
 * In a subject token or a key, [A-Za-z0-9_-] stand for themselves and any other byte is written
 * =XX, upper-case hexadecimal: the version v1.2.0 is `v1=2E2=2E0`. The encoding is one to one, so
 * that a decoded token encodes to itself again; a token in another spelling (`=41` for A,
 * lower-case digits) is refused.
 */
#ifndef RUNTIME_BASE_NAME_H
#define RUNTIME_BASE_NAME_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

enum {
    RP_NAME_MAX = 128,         /* bytes of a name before encoding */
    RP_NAME_TOKEN_BYTES = 385, /* an encoded name at its longest, and a NUL */
    RP_REQUEST_ID_MAX = 64,    /* bytes of an Rp-Request */
    RP_NAME_LANE_BYTES = 24    /* a lane's name, and a NUL */
};

/* Writes the token of `name` and a NUL into `token`. RP_INVALID where the name is empty, RP_LIMIT
 * above RP_NAME_MAX or where `token_bytes` is too small. */
RP_MUST_USE rp_status rp_name_encode(rp_bytes name, char *token, size_t token_bytes);

/* Writes the name of `token` and a NUL into `name`; the name may hold NULs, `ret_len` counts them.
 * RP_INVALID where the token is no encoding, RP_LIMIT where it does not fit or is above
 * RP_NAME_MAX. */
RP_MUST_USE rp_status rp_name_decode(
    rp_bytes token, char *name, size_t name_bytes, size_t *ret_len);

/* Whether `text` is 1 to RP_REQUEST_ID_MAX of [A-Za-z0-9_-] and not digits alone (those stand for
 * stream sequences). */
bool rp_name_is_request(rp_bytes text);

/* Whether `subject` can be published to: tokens of printable ASCII without `*`, `>` or space, none
 * of them empty. */
bool rp_name_is_subject(rp_bytes subject);

/* Likewise, but tokens may be `*`, and the last one `>`: what can be subscribed to. */
bool rp_name_is_filter(rp_bytes subject);

/* The `index`-th token of a subject, counted from 0; empty where there is none. Borrows `subject`.
 */
rp_bytes rp_name_token(rp_bytes subject, size_t index);

/* Which of a model's lanes takes a session, or a request without one: FNV-1a-32 modulo `lanes`,
 * which is above 0. */
uint32_t rp_name_lane_index(rp_bytes key, uint32_t lanes);

/* Writes the name of a lane of the only priority there is so far, "normal-<index>". */
void rp_name_lane(uint32_t index, char lane[RP_NAME_LANE_BYTES]);

#endif
