/* Merging: the characters of one part of a text become pieces.
 *
 * Short parts, nearly all of them, are arrays that are searched for their best pair and closed up
 * after each join. Long ones are a linked list with a heap of pairs. Both join in the same order:
 * the highest score first, of equals the leftmost.
 */
#ifndef KERNELS_TEXT_SPM_MERGE_H
#define KERNELS_TEXT_SPM_MERGE_H

#include "kernels/text/spm.h"

/* What is being joined, in a long part. */
typedef struct rp__symbol {
    uint64_t hash;
    uint32_t start;
    uint32_t before, next; /* neighbours, or RP__NO_SYMBOL */
    int32_t id;            /* the token that it is, once it has been joined */
    int32_t pair;          /* the token that it is together with the next, or RP_TOKEN_NONE */
    uint16_t len;          /* bytes; 0 once it has become part of the one before */
} rp__symbol;

#define RP__NO_SYMBOL UINT32_MAX

/* Memory for long parts, which grows to the longest seen. Starts cleared. */
typedef struct rp__merge {
    rp__symbol *symbols;
    uint64_t *heap;  /* order of the score << 32 | index of the left symbol; the least first */
    size_t capacity; /* of symbols; the heap has twice as many */
    size_t heap_count;
} rp__merge;

void rp__merge_done(rp__merge *merge);

/* Appends the tokens of `len` bytes (at least one) in which spaces are spelt out. RP_LIMIT where
 * `tokens` has no room; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp__merge_run(rp__merge *merge, const rp_vocabulary *vocabulary,
    const uint8_t *part, size_t len, rp_tokens *tokens);

#endif
