/* Two models for tests, read from files as a tokenizer reads them.
 *
 *     tiny   gemma's chat template, BOS in front, 32 tokens of context
 *     plain  no chat template, nothing in front, 8 tokens of context
 *
 * Both have the 256 bytes, gemma's control tokens, and the pieces a, b and ab.
 */
#ifndef TESTS_UNIT_ACTORS_TOKENIZER_TINY_MODELS_H
#define TESTS_UNIT_ACTORS_TOKENIZER_TINY_MODELS_H

#include "actors/tokenizer/models.h"
#include "tests/unit/support/temporary.h"

enum {
    TINY_PAD,
    TINY_EOS,
    TINY_BOS,
    TINY_UNK,
    TINY_START,
    TINY_END,
    TINY_BYTES,
    TINY_A = TINY_BYTES + 256,
    TINY_B,
    TINY_AB,
    TINY_COUNT
};

/* What a file says besides its vocabulary. */
typedef struct tiny_file {
    const char *architecture;
    uint32_t context_tokens; /* 0 = it does not say */
    bool add_bos;
} tiny_file;

/* Writes a file; the caller removes it. */
void tiny_model_write(const tiny_file *file, char path[TEMPORARY_BYTES]);

/* Frees with rp_tokenizer_models_free. */
rp_tokenizer_models *tiny_models(void);

#endif
