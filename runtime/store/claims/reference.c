#include "runtime/store/claims/reference.h"

#include <stdio.h>

static bool is_digest(rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text.len == RP_SHA256_TEXT_BYTES - 1;
}

static bool is_name(rp_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return text.len > 0 && text.len <= RP_CLAIM_NAME_MAX;
}

rp_status rp_claim_reference_parse(
    rp_bytes text, rp_claim_reference *ret_reference, rp_error *reterr)
{
    static const char prefix[] = RP_CLAIM_BUCKET "/";
    const size_t start = sizeof prefix - 1;
    const uint8_t *semicolon = text.len ? memchr(text.data, ';', text.len) : NULL;
    if (text.len < start || memcmp(text.data, prefix, start) != 0 || !semicolon)
        return rp_error_set(reterr, RP_INVALID, "Rp-Body",
            "Rp-Body takes %s/<name>;<SHA-256 in lower-case hexadecimal>", RP_CLAIM_BUCKET);
    size_t end = (size_t)(semicolon - text.data);
    rp_bytes name = rp_bytes_of(text.data + start, end - start);
    rp_bytes digest = rp_bytes_of(semicolon + 1, text.len - end - 1);
    if (!is_name(name) || !is_digest(digest))
        return rp_error_set(reterr, RP_INVALID, "Rp-Body",
            "Rp-Body's name has 1 to %d printable characters, its SHA-256 64 hexadecimal digits",
            RP_CLAIM_NAME_MAX);
    *ret_reference = (rp_claim_reference){0};
    memcpy(ret_reference->name, name.data, name.len);
    memcpy(ret_reference->digest, digest.data, digest.len);
    return RP_OK;
}

void rp_claim_reference_text(const rp_claim_reference *reference, char text[RP_CLAIM_TEXT_BYTES])
{
    snprintf(
        text, RP_CLAIM_TEXT_BYTES, "%s/%s;%s", RP_CLAIM_BUCKET, reference->name, reference->digest);
}
