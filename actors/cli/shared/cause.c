#include "actors/cli/shared/cause.h"

#include "runtime/base/decimal.h"

uint64_t rp_cause_sequence(const rp_message *message, const char *stream)
{
    rp_bytes rest = rp_message_header(message, RP_HEADER_CAUSE);
    size_t len = strlen(stream);
    uint64_t sequence = 0;
    if (rest.len <= len || memcmp(rest.data, stream, len) != 0 || rest.data[len] != ':')
        return 0;
    rest = rp_bytes_of(rest.data + len + 1, rest.len - len - 1);
    bool fine = rp_decimal_take(&rest, &sequence) == RP_OK && rest.len > 0 && rest.data[0] == ':';
    return fine ? sequence : 0;
}
