/* An inference request as users publish it, in JSON. */
#include "schemas/validate.h"
#include "tests/fuzz/schemas/stable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rp_status check(const void *message, rp_refusal *retref)
{
    return rp_infer_request_check(message, rp_bytes_text("gemma3"), retref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stable_body(&rp__infer_request__descriptor, RP_ENCODING_JSON, rp_bytes_of(data, size), check);
    return 0;
}
