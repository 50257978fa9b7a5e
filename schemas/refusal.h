/* A refusal: the answer to whoever asked for what cannot be done.
 *
 * Programs act on its code, one of the closed list in reply.proto; people read its detail, which
 * names the field, the limit and the cure. Decoding and validation fill one; so do actors for their
 * own reasons. It ends up as the `error` of the last chunk and of RESULT.
 *
 *     rp_refusal refusal;
 *     status = rp_schema_decode(&rp__infer_request__descriptor, encoding, body, &arena, &decoded,
 *         &refusal);
 *     if (status != RP_OK) {
 *         Rp__Error error;
 *         rp_refusal_error(&refusal, &error);
 *         chunk.error = &error;
 *     }
 *
 * Everything lies in the caller's storage. Texts are valid UTF-8, also where they were cut.
 */
#ifndef SCHEMAS_REFUSAL_H
#define SCHEMAS_REFUSAL_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "schemas/reprise/v1/reply.pb-c.h"

typedef struct rp_refusal {
    Rp__Error__Code code;
    rp_error detail;
} rp_refusal;

/* Fills `retref` (may be NULL) and returns the status that goes with the code, so that it can stand
 * in a return statement. `field` and `limit` may be NULL. */
rp_status rp_refusal_set(rp_refusal *retref, Rp__Error__Code code, const char *field,
    const char *limit, const char *format, ...) RP_PRINTF(5, 6);

/* Makes `ret_error` say what `refusal` says. Its texts point into `refusal`. */
void rp_refusal_error(const rp_refusal *refusal, Rp__Error *ret_error);

/* The name of a code on the wire ("prompt_empty"); never NULL, also for a number that is no code.
 */
const char *rp_refusal_code_name(Rp__Error__Code code);

#endif
