/* Detokenising: what comes out after each token, and at the end. */
#include "kernels/text/detokenizer.h"

#include <criterion/criterion.h>

#include "runtime/base/rng.h"
#include "tests/unit/kernels/text/tiny_vocabulary.h"

#define SPACE       "\xE2\x96\x81"
#define REPLACEMENT "\xEF\xBF\xBD"

enum { TEXT_MAX = 65536 };

static const tiny_piece pieces[] = {PIECE("a", -1), PIECE("b", -1), PIECE(SPACE "the", -1),
    PIECE("\xF0\x9F\x98\x80", -1), PIECE("stop here", -1), PIECE("st", -1), PIECE("op", -1),
    USER("\n")};
enum { A = TINY_FIRST, B, THE, SMILE, STOP_HERE, ST, OP, NEWLINE, PIECE_END };

typedef struct step {
    int32_t id;
    const char *text; /* what it lets out */
} step;

static void expect(
    const rp_stop *stop, bool whole, const step *steps, size_t count, const char *at_end)
{
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 8, true);
    rp_detokenizer detokenizer;
    rp_buffer text;
    rp_buffer_init(&text, TEXT_MAX);
    rp_detokenizer_init(&detokenizer, vocabulary, stop, whole);
    for (size_t i = 0; i < count; i++) {
        rp_buffer_clear(&text);
        rp_detokenizer_push(&detokenizer, steps[i].id, &text);
        cr_expect_str_eq(rp_buffer_string(&text), steps[i].text, "step %zu", i);
    }
    rp_buffer_clear(&text);
    rp_detokenizer_finish(&detokenizer, &text);
    cr_expect_str_eq(rp_buffer_string(&text), at_end);
    rp_buffer_done(&text);
    rp_vocabulary_free(vocabulary);
}

Test(detokenizer, gives_whole_characters)
{
    static const step plain[] = {{THE, " the"}, {A, "a"}, {TINY_END, ""},
        {SMILE, "\xF0\x9F\x98\x80"}, {TINY_BYTES + 0xE4, ""}, {TINY_BYTES + 0xBD, ""},
        {TINY_BYTES + 0xA0, "\xE4\xBD\xA0"}, {-1, ""}, {1 << 29, ""}, {NEWLINE, "\n"}};
    static const step cut[] = {{TINY_BYTES + 0xF0, ""}, {TINY_BYTES + 0x9F, ""}};
    expect(NULL, false, plain, sizeof plain / sizeof plain[0], "");
    expect(NULL, false, cut, 2, REPLACEMENT);
    expect(NULL, false, NULL, 0, "");
}

Test(detokenizer, replaces_what_is_no_character_by_maximal_subparts)
{
    static const step steps[] = {{TINY_BYTES + 0xFF, REPLACEMENT}, {TINY_BYTES + 0x80, REPLACEMENT},
        {TINY_BYTES + 0xF0, ""}, {TINY_BYTES + 0x9F, ""}, {A, REPLACEMENT "a"},
        {TINY_BYTES + 0xE4, ""}, {TINY_BYTES + 0xE4, REPLACEMENT}, {TINY_BYTES + 0xBD, ""},
        {SMILE, REPLACEMENT "\xF0\x9F\x98\x80"}, {TINY_BYTES + 0xE0, ""},
        {TINY_BYTES + 0x80, REPLACEMENT REPLACEMENT}, {TINY_BYTES + 0xC0, REPLACEMENT}};
    expect(NULL, false, steps, sizeof steps / sizeof steps[0], "");
}

Test(detokenizer, drops_the_space_of_a_whole_text_only)
{
    static const step whole[] = {{TINY_BOS, ""}, {THE, "the"}, {THE, " the"}};
    static const step behind[] = {{THE, " the"}, {THE, " the"}};
    static const step none[] = {{A, "a"}, {THE, " the"}};
    expect(NULL, true, whole, 3, "");
    expect(NULL, false, behind, 2, "");
    expect(NULL, true, none, 2, "");
}

Test(detokenizer, holds_and_cuts_stop_strings)
{
    static const step across[] = {{A, "a"}, {ST, ""}, {OP, ""}, {A, ""}};
    static const step missed[] = {{A, "a"}, {ST, ""}, {ST, "st"}, {A, "sta"}};
    static const step inside[] = {{B, "b"}, {STOP_HERE, ""}, {B, ""}};
    static const step held[] = {{A, "a"}, {ST, ""}};
    rp_stop stop;
    cr_assert_eq(rp_stop_init(&stop, (rp_bytes[]){rp_bytes_text("stop")}, 1, NULL), RP_OK);
    expect(&stop, false, across, 4, "");
    expect(&stop, false, missed, 4, "");
    expect(&stop, false, inside, 3, "");
    expect(&stop, false, held, 2, "st");
    cr_assert_eq(rp_stop_init(&stop, (rp_bytes[]){rp_bytes_text("\xE4\xBD\xA0")}, 1, NULL), RP_OK);
    static const step bytes[] = {{A, "a"}, {TINY_BYTES + 0xE4, ""}, {TINY_BYTES + 0xBD, ""},
        {TINY_BYTES + 0xA0, ""}, {B, ""}};
    expect(&stop, false, bytes, 5, "");
    /* An unfinished character behind held text. */
    cr_assert_eq(rp_stop_init(&stop, (rp_bytes[]){rp_bytes_text("ab")}, 1, NULL), RP_OK);
    static const step unfinished[] = {{A, ""}, {TINY_BYTES + 0xE4, ""}};
    expect(&stop, false, unfinished, 2, "a" REPLACEMENT);
}

/* Whatever the tokens: what comes out bit by bit is the whole text, cut before the first stop
 * string, and nothing that came out is ever taken back. */
Test(detokenizer, is_a_function_of_the_tokens)
{
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 8, false);
    uint64_t at = 0;
    rp_buffer whole, parts;
    rp_buffer_init(&whole, TEXT_MAX);
    rp_buffer_init(&parts, TEXT_MAX);
    rp_stop stop;
    rp_bytes strings[] = {
        rp_bytes_text("op\n"), rp_bytes_text("aab"), rp_bytes_text("\xF0\x9F\x98\x80st")};
    cr_assert_eq(rp_stop_init(&stop, strings, 3, NULL), RP_OK);
    for (int round = 0; round < 3000; round++) {
        rp_detokenizer plain, stopping;
        rp_buffer_clear(&whole);
        rp_buffer_clear(&parts);
        rp_detokenizer_init(&plain, vocabulary, NULL, false);
        rp_detokenizer_init(&stopping, vocabulary, &stop, false);
        bool stopped = false;
        for (int i = 0; i < 30; i++) {
            uint32_t draw = rp_rng_philox(7, at++, 0).word[0];
            int32_t id = draw & 3 ? (int32_t)(TINY_FIRST + (draw >> 2) % (PIECE_END - TINY_FIRST))
                                  : (int32_t)(TINY_BYTES + 0x80 + (draw >> 2) % 128);
            rp_detokenizer_push(&plain, id, &whole);
            stopped = rp_detokenizer_push(&stopping, id, &parts);
        }
        rp_detokenizer_finish(&plain, &whole);
        rp_detokenizer_finish(&stopping, &parts);
        cr_assert(rp_utf8_valid(rp_buffer_bytes(&whole)));
        size_t end = whole.len;
        size_t first_end = SIZE_MAX;
        for (size_t s = 0; s < 3; s++) {
            const uint8_t *found = memmem(whole.data, whole.len, strings[s].data, strings[s].len);
            if (!found)
                continue;
            size_t start = (size_t)(found - whole.data);
            if (start + strings[s].len < first_end) {
                first_end = start + strings[s].len;
                end = start;
            }
        }
        cr_assert_eq(stopped, end < whole.len);
        cr_assert_eq(parts.len, end);
        cr_assert_eq(memcmp(parts.data, whole.data, end), 0);
    }
    rp_buffer_done(&whole);
    rp_buffer_done(&parts);
    rp_vocabulary_free(vocabulary);
}
