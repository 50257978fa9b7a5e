#include "runtime/base/hash.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <xxhash.h>

uint32_t rp_hash_fnv1a32(rp_bytes bytes)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.data[i]) * UINT32_C(16777619);
    return hash;
}

uint64_t rp_hash_xxh3_64(rp_bytes bytes)
{
    return XXH3_64bits(bytes.data, bytes.len);
}

rp_hash128 rp_hash_xxh3_128(rp_bytes bytes, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data, bytes.len, seed);
    return (rp_hash128){.low = hash.low64, .high = hash.high64};
}

void rp_hash128_text(rp_hash128 hash, char text[RP_HASH128_TEXT_BYTES])
{
    snprintf(text, RP_HASH128_TEXT_BYTES, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

rp_status rp_sha256_init(rp_sha256 *sha)
{
    sha->context = EVP_MD_CTX_new();
    if (!sha->context)
        return RP_NO_MEMORY;
    return EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) == 1 ? RP_OK : RP_INTERNAL;
}

rp_status rp_sha256_update(rp_sha256 *sha, rp_bytes bytes)
{
    return EVP_DigestUpdate(sha->context, bytes.data, bytes.len) == 1 ? RP_OK : RP_INTERNAL;
}

rp_status rp_sha256_final(rp_sha256 *sha, uint8_t digest[RP_SHA256_BYTES])
{
    return EVP_DigestFinal_ex(sha->context, digest, NULL) == 1 ? RP_OK : RP_INTERNAL;
}

void rp_sha256_done(rp_sha256 *sha)
{
    if (!sha)
        return;
    EVP_MD_CTX_free(sha->context);
    sha->context = NULL;
}

rp_status rp_hash_sha256(rp_bytes bytes, uint8_t digest[RP_SHA256_BYTES])
{
    RP_CLEANUP(rp_sha256_done)
    rp_sha256 sha = {0};
    rp_status status = rp_sha256_init(&sha);
    if (status == RP_OK)
        status = rp_sha256_update(&sha, bytes);
    if (status == RP_OK)
        status = rp_sha256_final(&sha, digest);
    return status;
}

void rp_sha256_text(const uint8_t digest[RP_SHA256_BYTES], char text[RP_SHA256_TEXT_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < RP_SHA256_BYTES; i++) {
        text[2 * i] = hex[digest[i] >> 4];
        text[2 * i + 1] = hex[digest[i] & 15];
    }
    text[2 * RP_SHA256_BYTES] = '\0';
}
