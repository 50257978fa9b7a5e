/* What every fuzz target of the schemas holds a body to: it is refused with a reason that can be
 * sent on, or it is a message that comes back from both encodings as it went in.
 */
#ifndef TESTS_FUZZ_SCHEMAS_STABLE_H
#define TESTS_FUZZ_SCHEMAS_STABLE_H

#include "schemas/codec.h"

/* Ends the process where the body is neither. `check` (may be NULL) looks at the decoded message
 * too; what it answers does not matter, its refusal does. */
void stable_body(const ProtobufCMessageDescriptor *type, rp_encoding encoding, rp_bytes body,
    rp_status (*check)(const void *message, rp_refusal *retref));

#endif
