/* Rp-Body: any bytes.
 *
 * Held: what is taken is written down again as it was. */
#include "runtime/store/claims/reference.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_claim_reference reference;
    rp_error error = {0};
    char text[RP_CLAIM_TEXT_BYTES];
    rp_status status = rp_claim_reference_parse(rp_bytes_of(data, size), &reference, &error);
    if (status != RP_OK) {
        check(status == RP_INVALID && error.message[0] != '\0');
        return 0;
    }
    rp_claim_reference_text(&reference, text);
    check(rp_bytes_is(rp_bytes_of(data, size), text));
    return 0;
}
