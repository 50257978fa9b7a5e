/* Any bytes: a token that decodes encodes to itself again, and a name that encodes decodes to
 * itself; buffers of any size are kept to. */
#include "runtime/base/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(rp_bytes token, size_t name_bytes)
{
    char name[RP_NAME_MAX + 2], again[RP_NAME_TOKEN_BYTES];
    size_t len = SIZE_MAX;
    memset(name, '#', sizeof name);
    rp_status status = rp_name_decode(token, name, name_bytes, &len);
    RP_ASSERT(name[name_bytes] == '#');
    if (status != RP_OK) {
        RP_ASSERT(len == SIZE_MAX);
        return;
    }
    RP_ASSERT(len < name_bytes && name[len] == '\0');
    RP_ASSERT(rp_name_encode(rp_bytes_of(name, len), again, sizeof again) == RP_OK);
    RP_ASSERT(rp_bytes_is(token, again));
}

static void check_name(rp_bytes name)
{
    char token[RP_NAME_TOKEN_BYTES], again[RP_NAME_MAX + 1];
    size_t len;
    rp_status status = rp_name_encode(name, token, sizeof token);
    RP_ASSERT((status == RP_OK) == (name.len > 0 && name.len <= RP_NAME_MAX));
    if (status != RP_OK)
        return;
    RP_ASSERT(rp_name_is_subject(rp_bytes_text(token)) && !strchr(token, '.'));
    RP_ASSERT(rp_name_decode(rp_bytes_text(token), again, sizeof again, &len) == RP_OK);
    RP_ASSERT(rp_bytes_equal(rp_bytes_of(again, len), name));
}

/* The tokens of a subject, with a point between, are the subject. */
static void check_subject(rp_bytes subject)
{
    size_t at = 0;
    if (!rp_name_is_subject(subject))
        return;
    for (size_t i = 0; at < subject.len; i++) {
        rp_bytes token = rp_name_token(subject, i);
        RP_ASSERT(token.len > 0 && token.data == subject.data + at);
        at += token.len + 1;
    }
    RP_ASSERT(at == subject.len + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rp_bytes bytes = rp_bytes_of(data, size);
    check_token(bytes, size > 0 ? data[0] % (RP_NAME_MAX + 2) : 0);
    check_token(bytes, RP_NAME_MAX + 1);
    check_name(bytes);
    check_subject(bytes);
    (void)rp_name_is_request(bytes);
    return 0;
}
