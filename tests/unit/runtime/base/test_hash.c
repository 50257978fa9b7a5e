#include "runtime/base/hash.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(hash, fnv1a32_known_answers)
{
    static const struct {
        const char *text;
        uint32_t hash;
    } known[] = {{"", 0x811C9DC5}, {"a", 0xE40C292C}, {"b", 0xE70C2DE5}, {"foobar", 0xBF9CF968}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        cr_assert(
            rp_hash_fnv1a32(rp_bytes_text(known[i].text)) == known[i].hash, "%s", known[i].text);
    cr_assert(rp_hash_fnv1a32(rp_bytes_of("\0", 1)) == 0x050C5D1F);
}

/* From FIPS 180-4's examples. */
Test(hash, sha256_known_answers)
{
    static const struct {
        const char *text, *digest;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t digest[RP_SHA256_BYTES];
    char text[RP_SHA256_TEXT_BYTES];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cr_assert(rp_hash_sha256(rp_bytes_text(known[i].text), digest) == RP_OK);
        rp_sha256_text(digest, text);
        cr_assert_str_eq(text, known[i].digest);
    }
}

Test(hash, sha256_in_parts)
{
    rp_sha256 sha = {0};
    uint8_t digest[RP_SHA256_BYTES], block[1000];
    char text[RP_SHA256_TEXT_BYTES];
    memset(block, 'a', sizeof block);
    cr_assert(rp_sha256_init(&sha) == RP_OK);
    for (int i = 0; i < 1000; i++) /* a million times "a" */
        cr_assert(rp_sha256_update(&sha, rp_bytes_of(block, sizeof block)) == RP_OK);
    cr_assert(rp_sha256_update(&sha, rp_bytes_of(NULL, 0)) == RP_OK);
    cr_assert(rp_sha256_final(&sha, digest) == RP_OK);
    rp_sha256_text(digest, text);
    cr_assert_str_eq(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    rp_sha256_done(&sha);
    rp_sha256_done(&sha);
    rp_sha256_done(NULL);
}

/* xxhsum's own values: `printf x | xxhsum -H2`, and -H3 for 64 bits. */
Test(hash, xxh3_known_answers)
{
    char text[RP_HASH128_TEXT_BYTES];
    cr_assert(rp_hash_xxh3_64(rp_bytes_of("", 0)) == UINT64_C(0x2D06800538D394C2));
    rp_hash128_text(rp_hash_xxh3_128(rp_bytes_of("", 0), 0), text);
    cr_assert_str_eq(text, "99aa06d3014798d86001c324468d497f");
    rp_hash128_text(rp_hash_xxh3_128(rp_bytes_text("a"), 0), text);
    cr_assert_str_eq(text, "a96faf705af16834e6c632b61e964e1f");
    rp_hash128 seeded = rp_hash_xxh3_128(rp_bytes_text("a"), 1);
    rp_hash128 plain = rp_hash_xxh3_128(rp_bytes_text("a"), 0);
    cr_assert(seeded.low != plain.low && seeded.high != plain.high);
    rp_hash128_text((rp_hash128){.low = 1, .high = 2}, text);
    cr_assert_str_eq(text, "00000000000000020000000000000001");
}
