#include "tests/unit/kernels/text/tiny_vocabulary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTE_TEXT = 7 };

rp_vocabulary *tiny_vocabulary(const tiny_piece *pieces, size_t count, bool add_space_prefix)
{
    static const char *const special[] = {
        "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"};
    const size_t total = TINY_FIRST + count;
    char(*names)[BYTE_TEXT] = calloc(256, sizeof *names);
    rp_bytes *texts = calloc(total, sizeof *texts);
    float *scores = calloc(total, sizeof *scores);
    uint8_t *kinds = calloc(total, sizeof *kinds);
    rp_vocabulary *vocabulary = NULL;
    rp_error error = {0};
    for (size_t i = 0; i < TINY_BYTES; i++) {
        texts[i] = rp_bytes_text(special[i]);
        kinds[i] = i == TINY_UNK ? RP_TOKEN_UNKNOWN : RP_TOKEN_CONTROL;
    }
    for (size_t i = 0; i < 256; i++) {
        snprintf(names[i], sizeof names[i], "<0x%02zX>", i);
        texts[TINY_BYTES + i] = rp_bytes_text(names[i]);
        kinds[TINY_BYTES + i] = RP_TOKEN_BYTE;
    }
    for (size_t i = 0; i < count; i++) {
        texts[TINY_FIRST + i] = rp_bytes_text(pieces[i].text);
        scores[TINY_FIRST + i] = pieces[i].score;
        kinds[TINY_FIRST + i] = (uint8_t)pieces[i].kind;
    }
    rp_vocabulary_source source = {.pieces = texts,
        .scores = scores,
        .kinds = kinds,
        .count = total,
        .pad = TINY_PAD,
        .eos = TINY_EOS,
        .bos = TINY_BOS,
        .unk = TINY_UNK,
        .eot = TINY_END,
        .add_bos = true,
        .add_space_prefix = add_space_prefix};
    rp_status status = rp_vocabulary_new(&source, &vocabulary, &error);
    cr_assert_eq(status, RP_OK, "%s", error.message);
    free(names);
    free(texts);
    free(scores);
    free(kinds);
    return vocabulary;
}

int32_t tiny_id(const rp_vocabulary *vocabulary, const char *piece)
{
    int32_t id = RP_TOKEN_NONE;
    cr_assert(rp_vocabulary_find(vocabulary, rp_bytes_text(piece), &id), "no piece %s", piece);
    return id;
}
