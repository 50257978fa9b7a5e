#include "runtime/base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

/* The known answers that come with Random123 for philox4x32 with ten rounds: counter, key, words.
 */
Test(rng, known_answers)
{
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
        {{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, {0xFFFFFFFF, 0xFFFFFFFF},
            {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
        {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}, {0xA4093822, 0x299F31D0},
            {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key;
        rp_rng_words words = rp_rng_philox(
            (uint64_t)k[1] << 32 | k[0], (uint64_t)c[1] << 32 | c[0], (uint64_t)c[3] << 32 | c[2]);
        for (int w = 0; w < 4; w++)
            cr_assert(words.word[w] == known[i].words[w], "case %zu, word %d", i, w);
    }
}

Test(rng, uniform_is_the_top_of_the_first_word)
{
    cr_assert(rp_rng_uniform(0, 0) == (float)(0x6627E8D5 >> 8) / 16777216.0F);
    double sum = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        float draw = rp_rng_uniform(7, i);
        cr_assert(draw >= 0 && draw < 1 && draw == rp_rng_uniform(7, i));
        sum += (double)draw;
    }
    cr_assert(fabs(sum / 100000 - 0.5) < 0.005, "mean %g", sum / 100000);
    cr_assert(rp_rng_uniform(7, 1) != rp_rng_uniform(8, 1));
    cr_assert(
        rp_rng_uniform(UINT64_C(1) << 32, 1) != rp_rng_uniform(0, 1), "all of the seed counts");
    cr_assert(rp_rng_uniform(0, UINT64_C(1) << 32) != rp_rng_uniform(0, 0), "and of the position");
}
