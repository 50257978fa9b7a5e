/* Small vocabularies for tests: the 256 byte tokens and a few special ones are there already. */
#ifndef TESTS_UNIT_KERNELS_TEXT_TINY_VOCABULARY_H
#define TESTS_UNIT_KERNELS_TEXT_TINY_VOCABULARY_H

#include "kernels/text/vocabulary.h"

typedef struct tiny_piece {
    const char *text;
    float score;
    rp_token_kind kind;
} tiny_piece;

#define PIECE(text, score)           \
    {                                \
        text, score, RP_TOKEN_NORMAL \
    }
#define USER(text)                        \
    {                                     \
        text, 0.0f, RP_TOKEN_USER_DEFINED \
    }

/* <pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn>, then the bytes, then the caller's. */
enum { TINY_PAD, TINY_EOS, TINY_BOS, TINY_UNK, TINY_START, TINY_END, TINY_BYTES, TINY_FIRST = 262 };

/* A vocabulary of `count` pieces, whose ids start at TINY_FIRST; frees with rp_vocabulary_free.
 * Adds BOS, no EOS. Fails the test where it cannot be made. */
rp_vocabulary *tiny_vocabulary(const tiny_piece *pieces, size_t count, bool add_space_prefix);

/* The id of a piece, which must be there. */
int32_t tiny_id(const rp_vocabulary *vocabulary, const char *piece);

#endif
