/* What the encoders see of a vocabulary: pieces, the table that finds them by hash, the tree of
 * special pieces, and which characters stand side by side in no piece.
 *
 * A text's hash is the polynomial with its bytes (each plus one) as coefficients, modulo 2^64. The
 * hash of two texts joined follows from theirs without looking at the bytes, which is what merging
 * needs: hash(ab) = hash(a) * power[len(b)] + hash(b).
 */
#ifndef KERNELS_TEXT_VOCABULARY_INTERNAL_H
#define KERNELS_TEXT_VOCABULARY_INTERNAL_H

#include "kernels/text/special.h"
#include "kernels/text/vocabulary.h"

#define RP__HASH_BASE UINT64_C(0x9E3779B97F4A7C15)

/* The space as an SPM vocabulary spells it: U+2581. */
#define RP__SPACE "\xE2\x96\x81"
enum { RP__SPACE_BYTES = 3 };

/* Characters that may be neighbours inside a piece: an exact table for ASCII, and for the others a
 * set of hashed bits, in which a pair may be found that is not there (then a text is divided less
 * often than it could be, never wrongly). */
enum { RP__PAIR_BITS = 20 };
typedef struct rp__pairs {
    uint64_t ascii[128][2];
    uint64_t hashed[(1 << RP__PAIR_BITS) / 64];
} rp__pairs;

typedef struct rp__piece {
    uint32_t offset; /* in `text` */
    uint32_t order; /* of the score: a higher score has a lower order; RP__NO_MERGE: never merged */
    uint16_t len;
    uint8_t kind; /* rp_token_kind */
} rp__piece;

/* The order of what is no merge: after every score's. */
#define RP__NO_MERGE UINT32_MAX

/* A place of the hash table; `id` is RP_TOKEN_NONE where it is free. */
typedef struct rp__slot {
    uint32_t mark; /* the upper half of the mixed hash */
    int32_t id;
} rp__slot;

struct rp_vocabulary {
    rp_vocabulary_model model;
    uint32_t count;
    uint32_t longest_merge; /* bytes of the longest piece that merging can make */
    int32_t bos, eos, eot, unk, pad;
    bool add_bos, add_eos, add_space_prefix;
    rp__piece *pieces;
    uint8_t *text;
    float *scores;
    rp__slot *slots;
    uint32_t slot_mask;
    int32_t bytes[256];
    uint64_t power[RP_VOCABULARY_PIECE_MAX + 1];
    rp__special special;
    rp__pairs pairs;
};

static inline uint64_t rp__hash(const uint8_t *data, size_t len)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < len; i++)
        hash = hash * RP__HASH_BASE + data[i] + 1;
    return hash;
}

static inline uint64_t rp__hash_mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0xD6E8FEB86659FD93);
    return hash ^ (hash >> 32);
}

/* The token whose piece is these bytes, by their hash; RP_TOKEN_NONE where there is none. */
int32_t rp__vocabulary_lookup(
    const rp_vocabulary *vocabulary, uint64_t hash, const uint8_t *data, size_t len);

/* Bytes that the character starting with `lead` claims to have: the reference goes by the first
 * byte alone, valid or not. The caller cuts it to what is there. */
static inline uint32_t rp__character_len(uint8_t lead)
{
    return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* A character as a number: its bytes, little endian, and the ASCII space for U+2581. */
static inline uint32_t rp__character_code(const uint8_t *data, uint32_t len)
{
    uint32_t code = data[0];
    for (uint32_t i = 1; i < len; i++)
        code |= (uint32_t)data[i] << (8 * i);
    return code == 0x8196E2 ? 0x20 : code;
}

/* Whether some piece that merging can make has character `b` right after `a`. */
static inline bool rp__pairs_has(const rp__pairs *pairs, uint32_t a, uint32_t b)
{
    if (a < 128 && b < 128)
        return pairs->ascii[a][b >> 6] >> (b & 63) & 1;
    uint64_t hash = rp__hash_mix((uint64_t)a << 32 | b) >> (64 - RP__PAIR_BITS);
    return pairs->hashed[hash >> 6] >> (hash & 63) & 1;
}

#endif
