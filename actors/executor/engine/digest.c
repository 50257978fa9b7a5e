#include "actors/executor/engine/digest.h"

#include <string.h>

static uint8_t *put(uint8_t *at, const void *value, size_t bytes)
{
    memcpy(at, value, bytes);
    return at + bytes;
}

/* The machine is little-endian, as runtime/base/bytes.h takes for granted too. */
rp_hash128 rp_answer_digest(rp_hash128 before, uint32_t position, uint32_t token,
    const float *hidden, size_t width, float logit, uint8_t *scratch)
{
    uint8_t *at = scratch;
    at = put(at, &before.low, sizeof before.low);
    at = put(at, &before.high, sizeof before.high);
    at = put(at, &position, sizeof position);
    at = put(at, &token, sizeof token);
    at = put(at, hidden, width * sizeof *hidden);
    at = put(at, &logit, sizeof logit);
    return rp_hash_xxh3_128(rp_bytes_of(scratch, (size_t)(at - scratch)), 0);
}
