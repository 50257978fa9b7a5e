/* The answer to a request: its chunks on reply.<tenant>.<request>, and its RESULT.
 *
 * Tokenizer and executor both end requests; here is the one way to do it. A chunk is an output of
 * the context's chain, in the encoding that the request came in; RESULT is written once.
 */
#ifndef RUNTIME_ACTOR_ANSWER_H
#define RUNTIME_ACTOR_ANSWER_H

#include "runtime/actor/worker.h"
#include "schemas/codec.h"
#include "schemas/refusal.h"
#include "schemas/reprise/v1/result.pb-c.h"

/* Whom the answer goes to; borrowed for the calls. */
typedef struct rp_answer {
    const char *tenant;       /* its name */
    const char *tenant_token; /* and as it stands in subjects */
    const char *request;
    rp_encoding encoding;
    rp_buffer *scratch; /* for encoding; cleared by every call */
} rp_answer;

/* The chain of a request's chunks. False where the subject would be too long. */
bool rp_answer_chain(const char *tenant_token, const char *request, rp_chain_name *ret_name);

/* The next chunk. `chunk->request` and `chunk->index` are filled in. Errors as rp_context_output,
 * and those of encoding. */
RP_MUST_USE rp_status rp_answer_chunk(
    rp_context *context, const rp_answer *to, Rp__Chunk *chunk, rp_output_cb stored);

/* RESULT. request, tenant and build are filled in. */
RP_MUST_USE rp_status rp_answer_result(
    rp_context *context, const rp_answer *to, Rp__Result *result);

/* The end of a request that is refused: one last chunk with the error, and a RESULT that says the
 * same; `result` has what is known of the request, and of what was sent before. */
RP_MUST_USE rp_status rp_answer_refuse(
    rp_context *context, const rp_answer *to, Rp__Result *result, const rp_refusal *refusal);

#endif
