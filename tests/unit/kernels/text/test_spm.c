/* SPM: small cases by hand, and everything against the rule in its plainest form. */
#include "kernels/text/spm.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/text/detokenizer.h"
#include "runtime/base/rng.h"
#include "tests/unit/kernels/text/tiny_vocabulary.h"

#define SPACE "\xE2\x96\x81"

enum { TOKENS_MAX = 4096, TEXT_MAX = 1 << 20 };

static rp_spm *encoder(const rp_vocabulary *vocabulary)
{
    rp_spm *spm = NULL;
    rp_error error = {0};
    cr_assert_eq(rp_spm_new(vocabulary, TEXT_MAX, &spm, &error), RP_OK, "%s", error.message);
    return spm;
}

/* Encodes and compares with `wanted`: pieces with a bar between; a byte token is its piece. */
static void expect(
    const rp_vocabulary *vocabulary, const char *text, unsigned flags, const char *wanted)
{
    int32_t ids[TOKENS_MAX];
    rp_tokens tokens = {.ids = ids, .max = TOKENS_MAX};
    rp_spm *spm = encoder(vocabulary);
    rp_buffer got;
    rp_buffer_init(&got, TEXT_MAX);
    /* Twice: the second time from what is remembered. */
    for (int round = 0; round < 2; round++) {
        tokens.count = 0;
        rp_buffer_clear(&got);
        cr_assert_eq(rp_spm_encode(spm, rp_bytes_text(text), flags, &tokens, NULL), RP_OK);
        for (size_t i = 0; i < tokens.count; i++) {
            rp_bytes piece = rp_vocabulary_piece(vocabulary, ids[i]);
            if (i > 0)
                rp_buffer_byte(&got, '|');
            rp_buffer_append(&got, piece.data, piece.len);
        }
        cr_expect_str_eq(rp_buffer_string(&got), wanted, "\"%s\": %s, expected %s", text,
            rp_buffer_string(&got), wanted);
    }
    rp_buffer_done(&got);
    rp_spm_free(spm);
}

Test(spm, joins_the_highest_score_first)
{
    static const tiny_piece pieces[] = {PIECE("a", -9), PIECE("b", -9), PIECE("c", -9),
        PIECE("ab", -2), PIECE("bc", -1), PIECE("abc", -3), PIECE("aa", -1), PIECE("aaa", -5)};
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 8, false);
    expect(vocabulary, "", 0, "");
    expect(vocabulary, "a", 0, "a");
    expect(vocabulary, "ab", 0, "ab");
    expect(vocabulary, "abc", 0, "abc"); /* bc first, then a + bc */
    expect(vocabulary, "aabc", 0, "aa|bc");
    expect(vocabulary, "aaa", 0, "aaa"); /* the left two first */
    expect(vocabulary, "aaaa", 0, "aa|aa");
    expect(vocabulary, "aaaaa", 0, "aa|aaa");
    expect(vocabulary, "cab", RP_SPM_ADD_ENDS, "<bos>|c|ab");
    rp_vocabulary_free(vocabulary);
}

Test(spm, spells_spaces_and_falls_back_to_bytes)
{
    static const tiny_piece pieces[] = {PIECE(SPACE, -1), PIECE("a", -9), PIECE(SPACE "a", -2),
        PIECE("\xC3\xA9", -9), PIECE("<0x4", -9), PIECE("<0x41", -9), PIECE("<", -9)};
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 7, false);
    expect(vocabulary, "a a", 0, "a|" SPACE "a");
    expect(vocabulary, "  a", 0, SPACE "|" SPACE "a");
    expect(vocabulary, "a" SPACE "a", 0, "a|" SPACE "a");
    expect(vocabulary, "z", 0, "<0x7A>");
    expect(vocabulary, "\xC3\xA9\xC3\xA8", 0, "\xC3\xA9|<0xC3>|<0xA8>");
    expect(vocabulary, "\xE4\xBD\xA0", 0, "<0xE4>|<0xBD>|<0xA0>");
    rp_vocabulary_free(vocabulary);
    vocabulary = tiny_vocabulary(pieces, 7, true);
    expect(vocabulary, "a", 0, SPACE "a");
    expect(vocabulary, "", 0, "");
    rp_vocabulary_free(vocabulary);
}

Test(spm, goes_by_the_first_byte_where_there_is_no_utf8)
{
    static const tiny_piece pieces[] = {
        PIECE("a", -9), PIECE("b", -9), PIECE("ab", -1), PIECE(SPACE, -2)};
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 4, false);
    expect(vocabulary, "\xFF", 0, "<0xFF>");
    expect(vocabulary,
        "\x80"
        "ab",
        0, "<0x80>|ab");
    expect(vocabulary,
        "\xC3"
        "ab",
        0, "<0xC3>|<0x61>|b"); /* takes one byte along */
    expect(vocabulary,
        "\xE4"
        "abab",
        0, "<0xE4>|<0x61>|<0x62>|ab");
    expect(vocabulary, "ab\xF0\x9F", 0, "ab|<0xF0>|<0x9F>"); /* the end cuts it */
    expect(vocabulary, "\xE4 ab", 0, "<0xE4>|<0xE2>|<0x96>|<0x81>|ab");
    rp_vocabulary_free(vocabulary);
}

Test(spm, cuts_special_pieces_out)
{
    static const tiny_piece pieces[] = {PIECE("a", -9), USER("\n"), USER("\n\n"), USER("\n\n\n\n"),
        USER("<b>"), PIECE("<", -9), PIECE(">", -9), PIECE("a<", -1), PIECE(SPACE, -1),
        PIECE(SPACE "a", -1), PIECE("<bos", -1), PIECE("<b", -1), PIECE("o", -9), PIECE("s", -9),
        PIECE("b", -9), PIECE("os", -1), PIECE("s>", -90), PIECE("as long", -90)};
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 18, false);
    expect(vocabulary, "\n\n\n", 0, "\n\n|\n");
    expect(vocabulary, "a\n\n\n\n\n", 0, "a|\n\n\n\n|\n");
    expect(vocabulary, "a<b>a", 0, "a|<b>|a"); /* before `a<` could be made */
    expect(vocabulary, "a<b", 0, "a<|b");
    /* Control pieces are text, and merging makes none, though `<bos` and `>` are there. */
    expect(vocabulary, "<bos>", 0, "<bos|>");
    expect(vocabulary, "<bos>a<unk>", RP_SPM_PARSE_SPECIAL, "<bos>|a|<unk>");
    expect(vocabulary, "a<bos", RP_SPM_PARSE_SPECIAL, "a<|b|os");
    expect(vocabulary, "<bos>", RP_SPM_PARSE_SPECIAL | RP_SPM_ADD_ENDS, "<bos>|<bos>");
    rp_vocabulary_free(vocabulary);
    vocabulary = tiny_vocabulary(pieces, 18, true);
    expect(vocabulary, "a\na", 0, SPACE "a|\n|" SPACE "a");
    expect(vocabulary, "\n", 0, "\n");
    rp_vocabulary_free(vocabulary);
}

Test(spm, keeps_to_its_limits)
{
    static const tiny_piece pieces[] = {PIECE("a", -9)};
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 1, false);
    int32_t ids[5] = {-5, -5, -5, -5, -5};
    rp_tokens tokens = {.ids = ids, .count = 1, .max = 4};
    rp_error error = {0};
    rp_spm *spm = NULL;
    cr_expect_eq(rp_spm_new(vocabulary, RP_SPM_BYTES_MAX + 1, &spm, &error), RP_LIMIT);
    cr_assert_eq(rp_spm_new(vocabulary, 100, &spm, NULL), RP_OK);
    cr_expect_eq(rp_spm_encode(spm, rp_bytes_text("zzz"), 0, &tokens, &error), RP_OK);
    cr_expect_eq(tokens.count, 4);
    tokens.count = 1;
    cr_expect_eq(
        rp_spm_encode(spm, rp_bytes_text("zzz"), RP_SPM_ADD_ENDS, &tokens, &error), RP_LIMIT);
    cr_expect_str_eq(error.field, "tokens");
    cr_expect_str_eq(error.limit, "4 tokens");
    cr_expect_eq(tokens.count, 1);
    cr_expect_eq(ids[0], -5);
    cr_expect_eq(ids[4], -5);
    uint8_t *text = malloc(101);
    memset(text, 'a', 101);
    cr_expect_eq(rp_spm_encode(spm, rp_bytes_of(text, 101), 0, &tokens, &error), RP_LIMIT);
    cr_expect_str_eq(error.field, "text");
    cr_expect_str_eq(error.limit, "100 bytes");
    free(text);
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
}

/* ---- against the rule in its plainest form ---- */

typedef struct plain_symbol {
    size_t start, len;
} plain_symbol;

/* The token of some bytes, if merging may make it. */
static int32_t plain_token(const rp_vocabulary *vocabulary, rp_bytes bytes)
{
    int32_t id;
    if (!rp_vocabulary_find(vocabulary, bytes, &id))
        return RP_TOKEN_NONE;
    rp_token_kind kind = rp_vocabulary_kind(vocabulary, id);
    bool merges = kind != RP_TOKEN_CONTROL && kind != RP_TOKEN_UNKNOWN && kind != RP_TOKEN_BYTE;
    return merges ? id : RP_TOKEN_NONE;
}

/* Encodes a text without special pieces: look at all pairs, join the best, and so on. */
static size_t plain_encode(const rp_vocabulary *vocabulary, rp_bytes text, int32_t *ids)
{
    static uint8_t spelt[3 * TOKENS_MAX];
    static plain_symbol symbols[3 * TOKENS_MAX];
    size_t len = 0, count = 0, made = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *bytes = text.data[i] == ' ' ? SPACE : NULL;
        memcpy(spelt + len, bytes ? (const uint8_t *)bytes : text.data + i, bytes ? 3 : 1);
        len += bytes ? 3 : 1;
    }
    for (size_t at = 0; at < len;) {
        static const uint8_t lens[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
        size_t n = lens[spelt[at] >> 4];
        n = n < len - at ? n : len - at;
        symbols[count++] = (plain_symbol){at, n};
        at += n;
    }
    for (;;) {
        size_t best = count;
        float best_score = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            rp_bytes both =
                rp_bytes_of(spelt + symbols[i].start, symbols[i].len + symbols[i + 1].len);
            int32_t id = plain_token(vocabulary, both);
            if (id == RP_TOKEN_NONE)
                continue;
            float score = rp_vocabulary_score(vocabulary, id);
            if (best == count || score > best_score) {
                best = i;
                best_score = score;
            }
        }
        if (best == count)
            break;
        symbols[best].len += symbols[best + 1].len;
        memmove(symbols + best + 1, symbols + best + 2, (count - best - 2) * sizeof *symbols);
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t id = plain_token(vocabulary, rp_bytes_of(spelt + symbols[i].start, symbols[i].len));
        for (size_t k = 0; k < symbols[i].len; k++) {
            ids[made++] = id != RP_TOKEN_NONE
                              ? id
                              : rp_vocabulary_byte(vocabulary, spelt[symbols[i].start + k]);
            if (id != RP_TOKEN_NONE)
                break;
        }
    }
    return made;
}

/* Numbers for a test, one after the other. */
static uint32_t draw(uint64_t *at, uint32_t below)
{
    return rp_rng_philox(42, (*at)++, 0).word[0] % below;
}

/* A vocabulary of random pieces over few characters, so that they overlap in every way. */
static rp_vocabulary *random_vocabulary(uint64_t *at)
{
    static const char *const alphabet[] = {"a", "b", "c", SPACE, "\xC3\xA9", "\xE4\xBD\xA0"};
    static char texts[60][64];
    tiny_piece pieces[60];
    size_t count = 0;
    for (size_t tries = 0; tries < 60; tries++) {
        texts[count][0] = '\0';
        for (uint32_t k = 1 + draw(at, 5); k > 0; k--)
            strcat(texts[count], alphabet[draw(at, 6)]);
        bool again = false;
        for (size_t i = 0; i < count; i++)
            again = again || strcmp(texts[i], texts[count]) == 0;
        pieces[count].text = texts[count];
        pieces[count].score = -(float)draw(at, 12); /* with ties */
        pieces[count].kind = RP_TOKEN_NORMAL;
        count += !again;
    }
    return tiny_vocabulary(pieces, count, false);
}

static void compare(const rp_vocabulary *vocabulary, rp_spm *spm, rp_bytes text)
{
    static int32_t ids[3 * TOKENS_MAX], wanted[3 * TOKENS_MAX];
    rp_tokens tokens = {.ids = ids, .max = 3 * TOKENS_MAX};
    cr_assert_eq(rp_spm_encode(spm, text, 0, &tokens, NULL), RP_OK);
    size_t count = plain_encode(vocabulary, text, wanted);
    cr_assert_eq(tokens.count, count, "%zu tokens, expected %zu", tokens.count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(ids[i], wanted[i], "token %zu is %d, expected %d", i, ids[i], wanted[i]);
}

Test(spm, equals_the_plain_rule_on_random_texts)
{
    static const char *const bits[] = {"a", "b", "c", " ", "\xC3\xA9", "\xE4\xBD\xA0", "aa", "ab ",
        SPACE, "z", "\xF0\x9F\x98\x80", "\xE4", "\xC3", "\x80"};
    uint64_t at = 0;
    rp_buffer text;
    rp_buffer_init(&text, TOKENS_MAX);
    for (int round = 0; round < 60; round++) {
        rp_vocabulary *vocabulary = random_vocabulary(&at);
        rp_spm *spm = encoder(vocabulary);
        for (int i = 0; i < 60; i++) {
            const bool valid = draw(&at, 4) > 0;
            const uint32_t pieces = draw(&at, i == 0 ? 500 : 40);
            rp_buffer_clear(&text);
            for (uint32_t k = 0; k < pieces; k++)
                rp_buffer_text(&text, bits[draw(&at, valid ? 11 : 14)]);
            compare(vocabulary, spm, rp_buffer_bytes(&text));
        }
        rp_spm_free(spm);
        rp_vocabulary_free(vocabulary);
    }
    rp_buffer_done(&text);
}

Test(spm, gives_back_what_it_was_given)
{
    uint64_t at = 1 << 20;
    static int32_t ids[TOKENS_MAX];
    rp_buffer text, back;
    rp_buffer_init(&text, TOKENS_MAX);
    rp_buffer_init(&back, TOKENS_MAX);
    rp_vocabulary *vocabulary = random_vocabulary(&at);
    rp_spm *spm = encoder(vocabulary);
    for (int round = 0; round < 300; round++) {
        static const char *const bits[] = {
            "a", "b ", "\n", "\xC3\xA9", "\xE4\xBD\xA0", "\xF0\x9F\x91\xA9\xE2\x80\x8D"};
        rp_tokens tokens = {.ids = ids, .max = TOKENS_MAX};
        rp_detokenizer detokenizer;
        rp_buffer_clear(&text);
        rp_buffer_clear(&back);
        for (uint32_t k = draw(&at, 60); k > 0; k--)
            rp_buffer_text(&text, bits[draw(&at, 6)]);
        cr_assert_eq(rp_spm_encode(spm, rp_buffer_bytes(&text), 0, &tokens, NULL), RP_OK);
        rp_detokenizer_init(&detokenizer, vocabulary, NULL, true);
        for (size_t i = 0; i < tokens.count; i++)
            rp_detokenizer_push(&detokenizer, ids[i], &back);
        rp_detokenizer_finish(&detokenizer, &back);
        cr_assert_str_eq(rp_buffer_string(&back), rp_buffer_string(&text));
    }
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
    rp_buffer_done(&text);
    rp_buffer_done(&back);
}

/* More different words than are remembered, of every length, many with the same beginning: what one
 * became is never given for another. */
Test(spm, remembers_the_right_words)
{
    enum { PAIRS = 26 * 26, WORDS = 60000 };
    static tiny_piece pairs[PAIRS + 2] = {
        [PAIRS] = PIECE("qqqq", 2), [PAIRS + 1] = PIECE("qqqqqqqq", 3)};
    static char texts[PAIRS][3];
    uint64_t at = UINT64_C(1) << 30;
    for (size_t i = 0; i < PAIRS; i++) {
        texts[i][0] = (char)('a' + i / 26);
        texts[i][1] = (char)('a' + i % 26);
        pairs[i] = (tiny_piece)PIECE(texts[i], -(float)draw(&at, 99));
    }
    pairs[('q' - 'a') * 27].score = 1; /* qq: the same beginnings are few tokens */
    rp_vocabulary *vocabulary = tiny_vocabulary(pairs, PAIRS + 2, false);
    rp_spm *spm = encoder(vocabulary);
    for (size_t i = 0; i < WORDS; i++) {
        uint8_t word[26];
        const size_t same = draw(&at, 3) * 8, len = same + 1 + draw(&at, 8);
        memset(word, 'q', same);
        for (size_t k = same; k < len; k++)
            word[k] = (uint8_t)('a' + draw(&at, 26));
        compare(vocabulary, spm, rp_bytes_of(word, len));
    }
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
}

/* ---- memory ---- */

/* The linker puts these in the place of the encoder's calls (CMakeLists.txt). */
static size_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *piece, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *piece, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *piece, size_t size)
{
    allocations++;
    return __real_realloc(piece, size);
}

Test(spm, stops_allocating)
{
    static const tiny_piece pieces[] = {PIECE("a", -9), PIECE("b", -9), PIECE("ab", -2),
        PIECE("ba", -3), PIECE("aa", -1), PIECE(SPACE, -4), PIECE(SPACE "b", -5)};
    static int32_t ids[3 * TOKENS_MAX];
    static uint8_t text[TOKENS_MAX];
    uint64_t at = 1 << 22;
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 7, false);
    rp_spm *spm = encoder(vocabulary);
    for (int round = 0; round < 200; round++) {
        rp_tokens tokens = {.ids = ids, .max = 3 * TOKENS_MAX};
        /* The first is one part of the greatest length, the others are of all kinds. */
        const size_t len = round == 0 ? TOKENS_MAX : draw(&at, TOKENS_MAX);
        for (size_t i = 0; i < len; i++)
            text[i] = (uint8_t)(draw(&at, 50) == 0 && round > 0 ? ' ' : 'a' + draw(&at, 2));
        allocations = 0;
        cr_assert_eq(rp_spm_encode(spm, rp_bytes_of(text, len), 0, &tokens, NULL), RP_OK);
        cr_assert(round == 0 ? allocations == 3 : allocations == 0, "round %d: %zu allocations",
            round, allocations);
    }
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
}

/* A megabyte in which nothing can be divided: quadratic time would take an hour. */
Test(spm, is_not_quadratic, .timeout = 60)
{
    static const tiny_piece pieces[] = {
        PIECE("a", -9), PIECE("aa", -1), PIECE("aaaa", -2), PIECE("aaaaaaaa", -3)};
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, 4, false);
    rp_spm *spm = encoder(vocabulary);
    uint8_t *text = malloc(TEXT_MAX);
    int32_t *ids = malloc(TEXT_MAX * sizeof *ids);
    rp_tokens tokens = {.ids = ids, .max = TEXT_MAX};
    memset(text, 'a', TEXT_MAX);
    cr_assert_eq(rp_spm_encode(spm, rp_bytes_of(text, TEXT_MAX), 0, &tokens, NULL), RP_OK);
    cr_expect_eq(tokens.count, TEXT_MAX / 8);
    for (size_t i = 0; i < tokens.count; i++)
        cr_assert_eq(ids[i], TINY_FIRST + 3);
    free(text);
    free(ids);
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
}
