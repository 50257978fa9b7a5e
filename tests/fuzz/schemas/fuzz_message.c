/* Any message in either encoding: the first byte chooses which, the rest is the body. */
#include "schemas/schema.h"
#include "tests/fuzz/schemas/stable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const rp_schema_message *schema =
        &rp_schema_messages[(data[0] >> 1) % rp_schema_messages_count];
    stable_body(schema->type, data[0] & 1 ? RP_ENCODING_JSON : RP_ENCODING_PROTOBUF,
        rp_bytes_of(data + 1, size - 1), NULL);
    return 0;
}
