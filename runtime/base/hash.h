/* Hashes: FNV-1a-32 for partitions and lanes, XXH3 for digests, SHA-256 for content.
 *
 * XXH3 is xxHash's, SHA-256 is OpenSSL's. FNV-1a (Fowler, Noll, Vo) is written here, since clients
 * in every language compute it.
 */
#ifndef RUNTIME_BASE_HASH_H
#define RUNTIME_BASE_HASH_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

uint32_t rp_hash_fnv1a32(rp_bytes bytes);

uint64_t rp_hash_xxh3_64(rp_bytes bytes);

typedef struct rp_hash128 {
    uint64_t low, high;
} rp_hash128;

/* XXH3-128 with a seed (0 where there is none). */
rp_hash128 rp_hash_xxh3_128(rp_bytes bytes, uint64_t seed);

enum { RP_HASH128_TEXT_BYTES = 33, RP_SHA256_BYTES = 32, RP_SHA256_TEXT_BYTES = 65 };

/* 32 lower-case hex digits, high half first (the order in which xxhsum prints), and a NUL. */
void rp_hash128_text(rp_hash128 hash, char text[RP_HASH128_TEXT_BYTES]);

/* A running SHA-256. init, update..., final; done frees and accepts NULL and zeros. */
typedef struct rp_sha256 {
    void *context;
} rp_sha256;

RP_MUST_USE rp_status rp_sha256_init(rp_sha256 *sha);
RP_MUST_USE rp_status rp_sha256_update(rp_sha256 *sha, rp_bytes bytes);
RP_MUST_USE rp_status rp_sha256_final(rp_sha256 *sha, uint8_t digest[RP_SHA256_BYTES]);
void rp_sha256_done(rp_sha256 *sha);

/* The whole at once. */
RP_MUST_USE rp_status rp_hash_sha256(rp_bytes bytes, uint8_t digest[RP_SHA256_BYTES]);

/* 64 lower-case hex digits and a NUL. */
void rp_sha256_text(const uint8_t digest[RP_SHA256_BYTES], char text[RP_SHA256_TEXT_BYTES]);

#endif
