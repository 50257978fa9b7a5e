/* The answer digest: what an answer was computed from, in 128 bits.
 *
 * It is a chain over the generated tokens. Each link is XXH3-128 (seed 0) of these bytes,
 * little-endian:
 *
 *     16       the link before: low 64 bits, then high; zeros before the first token
 *     4        position of the token in its sequence, the prompt's first token being 0
 *     4        token id
 *     4*width  float32 bits of the final normalised hidden row that the token was chosen from
 *     4        float32 bits of the token's raw logit
 *
 * So two answers with equal digests had the same hidden rows to the bit, not only the same text;
 * and an answer that is taken up again goes on from the link of its last token.
 */
#ifndef ACTORS_EXECUTOR_ENGINE_DIGEST_H
#define ACTORS_EXECUTOR_ENGINE_DIGEST_H

#include "runtime/base/hash.h"

/* Bytes that rp_answer_digest puts together for a model of `width`. */
static inline size_t rp_answer_digest_bytes(size_t width)
{
    return 16 + 4 + 4 + 4 * width + 4;
}

/* The link that follows `before`. `scratch` has rp_answer_digest_bytes(width) bytes. */
rp_hash128 rp_answer_digest(rp_hash128 before, uint32_t position, uint32_t token,
    const float *hidden, size_t width, float logit, uint8_t *scratch);

#endif
