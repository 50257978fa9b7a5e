/* SPM: text to tokens by merging, as sentencepiece's BPE models and llama.cpp's "llama"
 * vocabularies do it.
 *
 * How a text becomes tokens, in this order:
 *
 * 1. Special pieces are cut out, left to right, the longest first: user-defined ones always,
 * control and unknown ones only with RP_SPM_PARSE_SPECIAL. Without it no text becomes a control
 * token.
 * 2. In what lies between them, each space becomes U+2581. Where the vocabulary says so, a space is
 *    put before a stretch that starts the text or follows a special piece.
 * 3. A stretch is divided into characters. Of all neighbours whose bytes together are a piece,
 * those with the highest score are joined, of equals the leftmost; and again, until none are left.
 * 4. A character that is no piece becomes its bytes' tokens.
 *
 * Characters are told by their first byte alone, 1 to 4 bytes, and the last one by the end. So what
 * is no UTF-8 becomes tokens too, with these two marks: a byte of 0xC0 or more takes the bytes
 * behind it along, and a space among those is spelt out as U+2581's bytes. That is llama.cpp's
 * rule, and the ids are the same. Valid UTF-8 comes back from the tokens byte for byte, but for a
 * U+2581 outside of special pieces, which comes back as the space that it stands for.
 *
 * Two things differ from llama.cpp, none of which any text shows with the vocabularies seen so far:
 * merging never makes a control, unknown or byte token (sentencepiece's rule; llama.cpp would, if
 * pieces led there), and step 1 goes by place first and length second (sentencepiece's too) where
 * llama.cpp takes the longest piece in the whole text first, which matters only where two special
 * pieces overlap in part.
 *
 * An encoder is one thread's workspace for one vocabulary. It divides stretches where two
 * characters stand side by side in no piece (nothing can be joined there, so the ids stay the
 * same), and remembers what the short parts between became. It keeps its memory: a text allocates
 * only where a stretch or a part is longer than all before. The time is O(n log n) in the bytes of
 * the longest part, and the memory at worst about 100 bytes a byte of it.
 *
 *     rp_spm *spm;
 *     if (rp_spm_new(vocabulary, 1 << 20, &spm, reterr) != RP_OK) ...
 *     rp_tokens tokens = {.ids = ids, .max = 32768};
 *     if (rp_spm_encode(spm, text, RP_SPM_ADD_ENDS, &tokens, reterr) != RP_OK) ...
 *     rp_spm_free(spm);
 */
#ifndef KERNELS_TEXT_SPM_H
#define KERNELS_TEXT_SPM_H

#include "kernels/text/vocabulary.h"

/* A list of tokens in the caller's storage. Encoders append and never go beyond `max`. */
typedef struct rp_tokens {
    int32_t *ids;
    size_t count;
    size_t max;
} rp_tokens;

enum {
    RP_SPM_ADD_ENDS = 1,     /* BOS before and EOS behind, as the vocabulary says */
    RP_SPM_PARSE_SPECIAL = 2 /* control and unknown pieces in the text become their tokens */
};

enum { RP_SPM_BYTES_MAX = 64 << 20 /* the most that an encoder's bytes_max may be */ };

typedef struct rp_spm rp_spm;

/* An encoder for texts of up to `bytes_max` bytes. Shares the vocabulary, which must be an SPM one
 * and outlive it. RP_LIMIT where `bytes_max` is above RP_SPM_BYTES_MAX; RP_UNSUPPORTED;
 * RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_spm_new(
    const rp_vocabulary *vocabulary, size_t bytes_max, rp_spm **ret_spm, rp_error *reterr);

/* Accepts NULL. */
void rp_spm_free(rp_spm *spm);

/* Appends the tokens of `text`, any bytes at all; `flags` are of RP_SPM_*. RP_LIMIT where the text
 * is longer than bytes_max (field "text") or has more tokens than there is room for ("tokens");
 * RP_NO_MEMORY. On failure `tokens` is as before. */
RP_MUST_USE rp_status rp_spm_encode(
    rp_spm *spm, rp_bytes text, unsigned flags, rp_tokens *tokens, rp_error *reterr);

#endif
