/* Vocabularies: finding pieces, what tokens stand for, and what is refused. */
#include "kernels/text/vocabulary.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/kernels/text/tiny_vocabulary.h"

static const tiny_piece pieces[] = {
    PIECE("\xE2\x96\x81the", -1.0f),
    PIECE("\xE2\x96\x81\xE2\x96\x81", -2.0f),
    USER("\n"),
    USER("\xE2\x96\x81user"),
    {"spare", 0.0f, RP_TOKEN_UNUSED},
    PIECE("", 0.0f),
    PIECE("", 0.0f),
};
enum { PIECE_COUNT = sizeof pieces / sizeof pieces[0] };

static void expect_text(const rp_vocabulary *vocabulary, int32_t id, const char *text)
{
    uint8_t bytes[RP_VOCABULARY_PIECE_MAX];
    size_t len = rp_vocabulary_text(vocabulary, id, bytes);
    cr_expect(rp_bytes_is(rp_bytes_of(bytes, len), text), "token %d is \"%.*s\"", id, (int)len,
        (const char *)bytes);
}

Test(vocabulary, finds_pieces_and_tells_about_them)
{
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, PIECE_COUNT, false);
    int32_t id = 12345;
    cr_expect_eq(rp_vocabulary_count(vocabulary), TINY_FIRST + PIECE_COUNT);
    for (int32_t i = 0; i < TINY_FIRST + PIECE_COUNT - 2; i++) {
        cr_assert(rp_vocabulary_find(vocabulary, rp_vocabulary_piece(vocabulary, i), &id));
        cr_assert_eq(id, i);
    }
    id = 12345;
    cr_expect_not(rp_vocabulary_find(vocabulary, rp_bytes_text("absent"), &id));
    cr_expect_not(rp_vocabulary_find(vocabulary, rp_bytes_text(""), &id));
    cr_expect_eq(id, 12345);
    cr_expect_eq(rp_vocabulary_kind(vocabulary, TINY_BOS), RP_TOKEN_CONTROL);
    cr_expect_eq(rp_vocabulary_kind(vocabulary, -1), RP_TOKEN_UNDEFINED);
    cr_expect_eq(rp_vocabulary_kind(vocabulary, INT32_MAX), RP_TOKEN_UNDEFINED);
    cr_expect_eq(rp_vocabulary_score(vocabulary, TINY_FIRST), -1.0f);
    cr_expect_eq(rp_vocabulary_byte(vocabulary, 0xAB), TINY_BYTES + 0xAB);
    cr_expect(rp_vocabulary_is_end(vocabulary, TINY_EOS));
    cr_expect(rp_vocabulary_is_end(vocabulary, TINY_END));
    cr_expect_not(rp_vocabulary_is_end(vocabulary, TINY_START));
    cr_expect(rp_vocabulary_add_bos(vocabulary) && !rp_vocabulary_add_eos(vocabulary));
    rp_vocabulary_free(vocabulary);
}

Test(vocabulary, says_what_tokens_stand_for)
{
    rp_vocabulary *vocabulary = tiny_vocabulary(pieces, PIECE_COUNT, false);
    expect_text(vocabulary, TINY_FIRST, " the");
    expect_text(vocabulary, TINY_FIRST + 1, "  ");
    expect_text(vocabulary, TINY_FIRST + 2, "\n");
    expect_text(vocabulary, TINY_FIRST + 3, "\xE2\x96\x81user"); /* as it is spelt */
    expect_text(vocabulary, TINY_FIRST + 4, "");
    expect_text(vocabulary, TINY_FIRST + 5, "");
    expect_text(vocabulary, TINY_BYTES + 0xC3, "\xC3");
    expect_text(vocabulary, TINY_BYTES + 'z', "z");
    expect_text(vocabulary, TINY_BOS, "");
    expect_text(vocabulary, TINY_UNK, "");
    expect_text(vocabulary, -7, "");
    expect_text(vocabulary, 1 << 30, "");
    rp_vocabulary_free(vocabulary);
}

/* A right source, whose arrays a test then spoils. */
typedef struct draft {
    rp_vocabulary_source source;
    rp_bytes pieces[257];
    float scores[257];
    uint8_t kinds[257];
    char names[256][7];
} draft;

static void draft_init(draft *d)
{
    *d = (draft){.source = {.count = 257, .bos = 0, .eos = 1, .eot = -1, .unk = -1, .pad = -1}};
    d->source.pieces = d->pieces;
    d->source.scores = d->scores;
    d->source.kinds = d->kinds;
    for (size_t i = 0; i < 256; i++) {
        snprintf(d->names[i], sizeof d->names[i], "<0x%02zX>", i);
        d->pieces[i] = rp_bytes_text(d->names[i]);
        d->kinds[i] = RP_TOKEN_BYTE;
    }
    d->pieces[256] = rp_bytes_text("a");
    d->kinds[256] = RP_TOKEN_NORMAL;
}

static void expect_refused(const draft *d, rp_status wanted, const char *says)
{
    rp_vocabulary *vocabulary = NULL;
    rp_error error = {0};
    rp_status status = rp_vocabulary_new(&d->source, &vocabulary, &error);
    cr_expect_eq(status, wanted, "%s: %s", rp_status_name(status), error.message);
    cr_expect(strstr(error.message, says), "\"%s\" does not say \"%s\"", error.message, says);
    cr_expect_null(vocabulary);
    rp_vocabulary_free(vocabulary);
}

Test(vocabulary, refuses_what_is_wrong)
{
    static draft d;
    uint8_t *long_piece = calloc(1, RP_VOCABULARY_PIECE_MAX + 1);
    rp_vocabulary *vocabulary;
    draft_init(&d);
    cr_expect_eq(rp_vocabulary_new(&d.source, &vocabulary, NULL), RP_OK);
    rp_vocabulary_free(vocabulary);
    d.source.count = 0;
    expect_refused(&d, RP_INVALID, "no pieces");
    d.source.count = RP_VOCABULARY_TOKENS_MAX + 1;
    expect_refused(&d, RP_LIMIT, "1048577 tokens");
    draft_init(&d);
    d.source.bos = 257;
    expect_refused(&d, RP_INVALID, "bos is token 257");
    d.source.bos = -2;
    expect_refused(&d, RP_INVALID, "bos is token -2");
    d.source.bos = RP_TOKEN_NONE;
    d.source.add_bos = true;
    expect_refused(&d, RP_INVALID, "does not name");
    draft_init(&d);
    d.kinds[256] = 7;
    expect_refused(&d, RP_INVALID, "token 256 is of kind 7");
    draft_init(&d);
    d.scores[256] = NAN;
    expect_refused(&d, RP_INVALID, "score of token 256");
    draft_init(&d);
    d.pieces[256] = d.pieces[65];
    expect_refused(&d, RP_INVALID, "same piece");
    draft_init(&d);
    d.pieces[256] = rp_bytes_of(long_piece, RP_VOCABULARY_PIECE_MAX + 1);
    expect_refused(&d, RP_LIMIT, "has 1025 bytes");
    d.pieces[256].len--;
    cr_expect_eq(rp_vocabulary_new(&d.source, &vocabulary, NULL), RP_OK);
    rp_vocabulary_free(vocabulary);
    draft_init(&d);
    d.kinds[10] = RP_TOKEN_NORMAL;
    expect_refused(&d, RP_INVALID, "no byte token <0x0A>");
    draft_init(&d);
    d.kinds[256] = RP_TOKEN_BYTE;
    expect_refused(&d, RP_INVALID, "257 byte tokens");
    free(long_piece);
}
