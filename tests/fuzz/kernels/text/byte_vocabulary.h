/* A vocabulary of the bytes, a few control pieces and what the caller adds, for fuzz targets. */
#ifndef TESTS_FUZZ_KERNELS_TEXT_BYTE_VOCABULARY_H
#define TESTS_FUZZ_KERNELS_TEXT_BYTE_VOCABULARY_H

#include "kernels/text/vocabulary.h"

/* <bos> <eos> <start_of_turn> <end_of_turn>, the bytes, then the caller's. */
enum {
    BYTE_VOCABULARY_BYTES = 4,
    BYTE_VOCABULARY_FIRST = BYTE_VOCABULARY_BYTES + 256,
    BYTE_VOCABULARY_MORE_MAX = 64
};

typedef struct byte_piece {
    rp_bytes text;
    float score;
    rp_token_kind kind;
} byte_piece;

/* NULL where the pieces are refused (two are equal). Frees with rp_vocabulary_free. */
rp_vocabulary *byte_vocabulary(const byte_piece *more, size_t count);

/* Ends the process where `condition` does not hold, which a fuzzer takes for a finding. */
void check(bool condition);

#endif
