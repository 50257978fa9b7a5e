/* Whether what a user asks for makes sense.
 *
 * The codec has seen to the types; here are the values: their ranges, the lengths and counts of
 * texts, and what excludes what. All limits stand in the two tables below, under their names, and a
 * refusal names the field, the limit and the cure. What depends on a model (its context, its
 * vocabulary) is the tokenizer's to check.
 *
 *     status = rp_infer_request_check(request, model, &refusal);
 *
 * Nothing is kept or changed. Any thread.
 */
#ifndef SCHEMAS_VALIDATE_H
#define SCHEMAS_VALIDATE_H

#include "runtime/base/bytes.h"
#include "schemas/refusal.h"
#include "schemas/reprise/v1/request.pb-c.h"

/* Numbers of InferRequest: field, least, greatest. */
#define RP_REQUEST_INTEGERS(X)                    \
    X(max_tokens, 1, UINT32_MAX)                  \
    X(logprobs, 0, 20)                            \
    X(deadline_ms, 1, RP_REQUEST_DEADLINE_MS_MAX) \
    X(chunk_tokens, 1, 1024)

/* The same with a fraction: field, least, greatest, whether the least itself is excluded. */
#define RP_REQUEST_FLOATS(X)           \
    X(temperature, 0, 2, false)        \
    X(top_p, 0, 1, true)               \
    X(min_p, 0, 1, false)              \
    X(presence_penalty, -2, 2, false)  \
    X(frequency_penalty, -2, 2, false) \
    X(repetition_penalty, 0.01F, 10, false)

/* Lengths and counts. A map has at most RP_SCHEMA_MAP_MAX entries, which the codec sees to. */
enum {
    RP_REQUEST_MESSAGES_MAX = 1024,
    RP_REQUEST_STOP_MAX = 16,
    RP_REQUEST_STOP_BYTES_MAX = 256,
    RP_REQUEST_SESSION_BYTES_MAX = 128,
    RP_REQUEST_USER_BYTES_MAX = 128,
    RP_REQUEST_BIAS_MAX = 100, /* a logit bias goes from -100 to 100 */
    RP_REQUEST_INPUTS_MAX = 256,
    RP_REQUEST_DEADLINE_MS_MAX = 604800000 /* 7 days: as long as REQUEST is kept */
};

/* `model` is the name that the subject has. RP_INVALID or RP_LIMIT; `retref` may be NULL. */
RP_MUST_USE rp_status rp_infer_request_check(
    const Rp__InferRequest *request, rp_bytes model, rp_refusal *retref);
RP_MUST_USE rp_status rp_embed_request_check(
    const Rp__EmbedRequest *request, rp_bytes model, rp_refusal *retref);

#endif
