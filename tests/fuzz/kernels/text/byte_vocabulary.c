#include "tests/fuzz/kernels/text/byte_vocabulary.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOTAL_MAX = BYTE_VOCABULARY_FIRST + BYTE_VOCABULARY_MORE_MAX };

rp_vocabulary *byte_vocabulary(const byte_piece *more, size_t count)
{
    static const char *const controls[] = {"<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"};
    char names[256][7];
    rp_bytes pieces[TOTAL_MAX];
    float scores[TOTAL_MAX] = {0};
    uint8_t kinds[TOTAL_MAX];
    rp_vocabulary *vocabulary = NULL;
    for (size_t i = 0; i < BYTE_VOCABULARY_BYTES; i++) {
        pieces[i] = rp_bytes_text(controls[i]);
        kinds[i] = RP_TOKEN_CONTROL;
    }
    for (size_t i = 0; i < 256; i++) {
        snprintf(names[i], sizeof names[i], "<0x%02zX>", i);
        pieces[BYTE_VOCABULARY_BYTES + i] = rp_bytes_text(names[i]);
        kinds[BYTE_VOCABULARY_BYTES + i] = RP_TOKEN_BYTE;
    }
    for (size_t i = 0; i < count; i++) {
        pieces[BYTE_VOCABULARY_FIRST + i] = more[i].text;
        scores[BYTE_VOCABULARY_FIRST + i] = more[i].score;
        kinds[BYTE_VOCABULARY_FIRST + i] = (uint8_t)more[i].kind;
    }
    rp_vocabulary_source source = {.count = BYTE_VOCABULARY_FIRST + count,
        .pieces = pieces,
        .scores = scores,
        .kinds = kinds,
        .bos = 0,
        .eos = 1,
        .eot = 3,
        .unk = RP_TOKEN_NONE,
        .pad = RP_TOKEN_NONE,
        .add_bos = true};
    return rp_vocabulary_new(&source, &vocabulary, NULL) == RP_OK ? vocabulary : NULL;
}

void check(bool condition)
{
    if (!condition)
        abort();
}
