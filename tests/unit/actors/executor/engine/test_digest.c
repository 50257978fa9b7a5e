#include "actors/executor/engine/digest.h"

#include <criterion/criterion.h>

static const float hidden[3] = {1.0F, -2.5F, 0.0F};

/* Put together by hand, byte by byte. */
Test(digest, a_link_is_its_definition)
{
    uint8_t bytes[40] = {0};
    static const uint8_t tail[24] = {0x07, 0, 0, 0, 0x39, 0x30, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0x20,
        0xC0, 0, 0, 0, 0, 0, 0, 0x40, 0x41}; /* 7, 12345, 1.0, -2.5, 0.0, 12.0 */
    memcpy(bytes + 16, tail, sizeof tail);
    rp_hash128 expected = rp_hash_xxh3_128(rp_bytes_of(bytes, sizeof bytes), 0);
    uint8_t scratch[40];
    cr_assert_eq(rp_answer_digest_bytes(3), sizeof scratch);
    rp_hash128 link = rp_answer_digest((rp_hash128){0}, 7, 12345, hidden, 3, 12.0F, scratch);
    cr_assert(link.low == expected.low && link.high == expected.high);
}

Test(digest, known_answers)
{
    uint8_t scratch[40];
    char text[RP_HASH128_TEXT_BYTES];
    rp_hash128 first = rp_answer_digest((rp_hash128){0}, 7, 12345, hidden, 3, 12.0F, scratch);
    rp_hash128_text(first, text);
    cr_assert_str_eq(text, "5e171fe8e5c6bc90de37fb56d3555873");
    rp_hash128_text(rp_answer_digest(first, 8, 1, hidden, 3, -0.5F, scratch), text);
    cr_assert_str_eq(text, "ed2705ad63ed36ce5bbeb7cb5d8f11b7");
}

Test(digest, every_part_counts)
{
    uint8_t scratch[40];
    float other[3] = {1.0F, -2.5F, -0.0F}; /* equal in value, not in bits */
    rp_hash128 zero = {0}, one = {.low = 1};
    rp_hash128 links[] = {rp_answer_digest(zero, 7, 12345, hidden, 3, 12.0F, scratch),
        rp_answer_digest(one, 7, 12345, hidden, 3, 12.0F, scratch),
        rp_answer_digest(zero, 8, 12345, hidden, 3, 12.0F, scratch),
        rp_answer_digest(zero, 7, 12346, hidden, 3, 12.0F, scratch),
        rp_answer_digest(zero, 7, 12345, other, 3, 12.0F, scratch),
        rp_answer_digest(zero, 7, 12345, hidden, 3, 12.000001F, scratch)};
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(links[i].low, links[j].low);
    }
}
