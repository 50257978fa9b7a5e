/* A vocabulary: the pieces of text that a model knows as tokens, by id and by text.
 *
 * It is built once from plain arrays (whoever reads a file fills them: runtime/format/
 * gguf_vocabulary.h), copies what it needs, and never changes afterwards, so that any number of
 * threads may share it without a lock. The arrays are hostile input: counts, lengths, scores and
 * ids are checked.
 *
 *     rp_vocabulary_source source = {.pieces = pieces, .scores = scores, .kinds = kinds,
 *         .count = n, .bos = 2, .eos = 1, .eot = 106, .unk = 3, .pad = 0, .add_bos = true};
 *     rp_vocabulary *vocabulary;
 *     if (rp_vocabulary_new(&source, &vocabulary, reterr) != RP_OK) ...
 *     int32_t id;
 *     if (rp_vocabulary_find(vocabulary, rp_bytes_text("<end_of_turn>"), &id)) ...
 *     rp_vocabulary_free(vocabulary);
 *
 * In an SPM vocabulary a piece spells the space as U+2581 and a byte as <0x0A>; all 256 of those
 * must be there, so that every text has tokens.
 */
#ifndef KERNELS_TEXT_VOCABULARY_H
#define KERNELS_TEXT_VOCABULARY_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

enum {
    RP_VOCABULARY_TOKENS_MAX = 1 << 20,
    RP_VOCABULARY_PIECE_MAX = 1024,           /* bytes of a piece */
    RP_VOCABULARY_BYTES_MAX = 64 << 20,       /* of all pieces */
    RP_VOCABULARY_SPECIAL_BYTES_MAX = 4 << 20 /* of all user-defined, control and unknown pieces */
};

/* No token. */
#define RP_TOKEN_NONE (-1)

/* How text becomes tokens. */
typedef enum rp_vocabulary_model {
    RP_VOCABULARY_SPM /* kernels/text/spm.h */
} rp_vocabulary_model;

/* What a piece is; the numbers are sentencepiece's and GGUF's. */
typedef enum rp_token_kind {
    RP_TOKEN_UNDEFINED = 0,
    RP_TOKEN_NORMAL = 1,
    RP_TOKEN_UNKNOWN = 2,
    RP_TOKEN_CONTROL = 3,      /* never made from text unless special parsing is asked for */
    RP_TOKEN_USER_DEFINED = 4, /* found in text before anything else */
    RP_TOKEN_UNUSED = 5,
    RP_TOKEN_BYTE = 6,
    RP_TOKEN_KIND_COUNT
} rp_token_kind;

/* What a vocabulary is made from; borrowed during rp_vocabulary_new only. The ids are those of
 * tokens, or RP_TOKEN_NONE. */
typedef struct rp_vocabulary_source {
    rp_vocabulary_model model;
    size_t count;
    const rp_bytes *pieces; /* [count]; an empty one is never found */
    const float *scores;    /* [count], higher merges first; NULL: all 0 */
    const uint8_t *kinds;   /* [count] of rp_token_kind; NULL: all RP_TOKEN_NORMAL */
    int32_t bos, eos, eot, unk, pad;
    bool add_bos, add_eos; /* where the caller of an encoder asks for what the vocabulary says */
    bool add_space_prefix; /* a text starts as if a space stood before it */
} rp_vocabulary_source;

typedef struct rp_vocabulary rp_vocabulary;

/* RP_LIMIT beyond the limits above; RP_INVALID where there are no pieces, two are equal, a score is
 * no number, a kind or id does not exist, or an SPM vocabulary lacks a byte; RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_vocabulary_new(
    const rp_vocabulary_source *source, rp_vocabulary **ret_vocabulary, rp_error *reterr);

/* Accepts NULL. Nobody may be using it. */
void rp_vocabulary_free(rp_vocabulary *vocabulary);

size_t rp_vocabulary_count(const rp_vocabulary *vocabulary);
rp_vocabulary_model rp_vocabulary_model_of(const rp_vocabulary *vocabulary);

/* The token whose piece is `piece`, of any kind; false where there is none. O(bytes of the piece).
 */
bool rp_vocabulary_find(const rp_vocabulary *vocabulary, rp_bytes piece, int32_t *ret_id);

/* The piece of a token as the vocabulary spells it; empty for an id that is no token. Borrowed. */
rp_bytes rp_vocabulary_piece(const rp_vocabulary *vocabulary, int32_t id);

/* What a token is; RP_TOKEN_UNDEFINED for an id that is no token. */
rp_token_kind rp_vocabulary_kind(const rp_vocabulary *vocabulary, int32_t id);
float rp_vocabulary_score(const rp_vocabulary *vocabulary, int32_t id);

/* Writes the bytes that a token stands for in a text, at most RP_VOCABULARY_PIECE_MAX, and returns
 * their number: spaces instead of U+2581, a byte token's byte, nothing for control, unknown,
 * undefined and unused tokens and for ids that are no token. The bytes of one token need not be
 * whole characters. */
size_t rp_vocabulary_text(
    const rp_vocabulary *vocabulary, int32_t id, uint8_t text[RP_VOCABULARY_PIECE_MAX]);

/* RP_TOKEN_NONE where the vocabulary has none. */
int32_t rp_vocabulary_bos(const rp_vocabulary *vocabulary);
int32_t rp_vocabulary_eos(const rp_vocabulary *vocabulary);
int32_t rp_vocabulary_eot(const rp_vocabulary *vocabulary);
int32_t rp_vocabulary_unk(const rp_vocabulary *vocabulary);
int32_t rp_vocabulary_pad(const rp_vocabulary *vocabulary);

bool rp_vocabulary_add_bos(const rp_vocabulary *vocabulary);
bool rp_vocabulary_add_eos(const rp_vocabulary *vocabulary);
bool rp_vocabulary_add_space_prefix(const rp_vocabulary *vocabulary);

/* Whether a token ends an answer: the end of the text or of a turn. */
bool rp_vocabulary_is_end(const rp_vocabulary *vocabulary, int32_t id);

/* The token of a byte of text. */
int32_t rp_vocabulary_byte(const rp_vocabulary *vocabulary, uint8_t byte);

#endif
