#include "kernels/text/spm.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/text/spm_merge.h"
#include "kernels/text/vocabulary_internal.h"

enum {
    CACHE_BITS = 14,
    CACHE_ENTRIES = 1 << CACHE_BITS,
    CACHE_TEXT_MAX = 24, /* bytes of a part that is remembered */
    CACHE_TOKENS_MAX = 8,
    TEXT_PADDING = CACHE_TEXT_MAX /* a key is loaded whole, whatever the part's length */
};

/* What a short part of a text became, in one cache line. */
typedef struct cached {
    uint64_t key[3]; /* the part's bytes, zeros behind */
    int32_t ids[CACHE_TOKENS_MAX];
    uint8_t len; /* 0: free */
    uint8_t count;
    uint8_t unused[6];
} cached;

static_assert(sizeof(cached) == 64, "one cache line");

struct rp_spm {
    const rp_vocabulary *vocabulary;
    size_t bytes_max;
    cached *cache;
    uint8_t *text; /* a stretch with its spaces spelt out */
    size_t text_capacity;
    rp__merge merge;
};

rp_status rp_spm_new(
    const rp_vocabulary *vocabulary, size_t bytes_max, rp_spm **ret_spm, rp_error *reterr)
{
    if (rp_vocabulary_model_of(vocabulary) != RP_VOCABULARY_SPM)
        return rp_error_set(reterr, RP_UNSUPPORTED, "vocabulary", "this is no SPM vocabulary");
    if (bytes_max > RP_SPM_BYTES_MAX)
        return rp_error_limit(reterr, "bytes_max", "64 MiB",
            "an encoder for texts of %zu bytes, at most %d", bytes_max, RP_SPM_BYTES_MAX);
    rp_spm *spm = calloc(1, sizeof *spm);
    cached *cache = aligned_alloc(sizeof *cache, CACHE_ENTRIES * sizeof *cache);
    if (!spm || !cache) {
        free(spm);
        free(cache);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory for an encoder");
    }
    memset(cache, 0, CACHE_ENTRIES * sizeof *cache);
    spm->vocabulary = vocabulary;
    spm->bytes_max = bytes_max;
    spm->cache = cache;
    *ret_spm = spm;
    return RP_OK;
}

void rp_spm_free(rp_spm *spm)
{
    if (!spm)
        return;
    rp__merge_done(&spm->merge);
    free(spm->cache);
    free(spm->text);
    free(spm);
}

static rp_status append(rp_tokens *tokens, const int32_t *ids, size_t count)
{
    if (count > tokens->max - tokens->count)
        return RP_LIMIT;
    if (count == 1)
        tokens->ids[tokens->count] = ids[0];
    else
        memcpy(tokens->ids + tokens->count, ids, count * sizeof *ids);
    tokens->count += count;
    return RP_OK;
}

/* The first 8 bytes at `data` of which `len` count; the others become 0. */
static uint64_t load_key(const uint8_t *data, size_t len)
{
    uint64_t key = rp_load_u64(data);
    return len >= 8 ? key : key & ((UINT64_C(1) << (8 * len)) - 1);
}

/* Encodes the `len` bytes at `part`, behind which TEXT_PADDING bytes may be read. */
static rp_status encode_part(rp_spm *spm, const uint8_t *part, size_t len, rp_tokens *tokens)
{
    if (len > CACHE_TEXT_MAX)
        return rp__merge_run(&spm->merge, spm->vocabulary, part, len, tokens);
    const uint64_t a = load_key(part, len);
    const uint64_t b = len > 8 ? load_key(part + 8, len - 8) : 0;
    const uint64_t c = len > 16 ? load_key(part + 16, len - 16) : 0;
    const uint64_t hash =
        rp__hash_mix(a * RP__HASH_BASE ^ b * UINT64_C(0xC2B2AE3D27D4EB4F) ^ c ^ len);
    cached *entry = &spm->cache[hash >> (64 - CACHE_BITS)];
    if (entry->len == len && entry->key[0] == a && entry->key[1] == b && entry->key[2] == c)
        return append(tokens, entry->ids, entry->count);
    const size_t before = tokens->count;
    rp_status status = rp__merge_run(&spm->merge, spm->vocabulary, part, len, tokens);
    const size_t count = tokens->count - before;
    if (status != RP_OK || count > CACHE_TOKENS_MAX)
        return status;
    *entry = (cached){.key = {a, b, c}, .len = (uint8_t)len, .count = (uint8_t)count};
    memcpy(entry->ids, tokens->ids + before, count * sizeof entry->ids[0]);
    return RP_OK;
}

/* Encodes `len` bytes, spaces spelt out, part by part: a part ends where two characters meet that
 * are neighbours in no piece. */
static rp_status encode_parts(rp_spm *spm, const uint8_t *text, size_t len, rp_tokens *tokens)
{
    const rp__pairs *pairs = &spm->vocabulary->pairs;
    size_t start = 0;
    uint32_t before = 0;
    for (size_t at = 0; at < len;) {
        uint32_t n = 1, code = text[at];
        if (code >= 0x80) {
            n = rp__character_len(text[at]);
            n = n <= len - at ? n : (uint32_t)(len - at);
            code = rp__character_code(text + at, n);
        }
        if (at > start && !rp__pairs_has(pairs, before, code)) {
            rp_status status = encode_part(spm, text + start, at - start, tokens);
            if (status != RP_OK)
                return status;
            start = at;
        }
        before = code;
        at += n;
    }
    return len > start ? encode_part(spm, text + start, len - start, tokens) : RP_OK;
}

/* Spells out the spaces of a stretch into the encoder's text; `prefix` puts one before. */
static rp_status spell(rp_spm *spm, rp_bytes stretch, bool prefix, size_t *ret_len)
{
    const size_t wanted = (stretch.len + 1) * RP__SPACE_BYTES + TEXT_PADDING;
    if (wanted > spm->text_capacity) {
        /* At least twice as much as before, so that growing texts soon stop allocating. */
        const size_t twice = 2 * spm->text_capacity;
        const size_t capacity = wanted > twice ? wanted : twice;
        uint8_t *text = malloc(capacity);
        if (!text)
            return RP_NO_MEMORY;
        free(spm->text);
        spm->text = text;
        spm->text_capacity = capacity;
    }
    uint8_t *out = spm->text;
    if (prefix) {
        memcpy(out, RP__SPACE, RP__SPACE_BYTES);
        out += RP__SPACE_BYTES;
    }
    for (size_t i = 0; i < stretch.len; i++) {
        if (stretch.data[i] == ' ') {
            memcpy(out, RP__SPACE, RP__SPACE_BYTES);
            out += RP__SPACE_BYTES;
        } else {
            *out++ = stretch.data[i];
        }
    }
    *ret_len = (size_t)(out - spm->text);
    memset(out, 0, TEXT_PADDING);
    return RP_OK;
}

static rp_status encode(rp_spm *spm, rp_bytes text, unsigned flags, rp_tokens *tokens)
{
    const rp_vocabulary *v = spm->vocabulary;
    const bool parsing = flags & RP_SPM_PARSE_SPECIAL, ends = flags & RP_SPM_ADD_ENDS;
    rp_status status = RP_OK;
    if (ends && v->add_bos)
        status = append(tokens, &v->bos, 1);
    bool prefix = v->add_space_prefix; /* at the start, and behind each special piece */
    for (size_t at = 0; at < text.len && status == RP_OK;) {
        int32_t id = RP_TOKEN_NONE;
        size_t special_len = 0, len;
        size_t found = rp__special_find(&v->special, text, at, parsing, &id, &special_len);
        if (found > at) {
            status = spell(spm, rp_bytes_of(text.data + at, found - at), prefix, &len);
            if (status == RP_OK)
                status = encode_parts(spm, spm->text, len, tokens);
        }
        if (found < text.len && status == RP_OK)
            status = append(tokens, &id, 1);
        at = found + special_len;
    }
    if (ends && v->add_eos && status == RP_OK)
        status = append(tokens, &v->eos, 1);
    return status;
}

rp_status rp_spm_encode(
    rp_spm *spm, rp_bytes text, unsigned flags, rp_tokens *tokens, rp_error *reterr)
{
    char limit[RP_ERROR_LIMIT_MAX];
    if (text.len > spm->bytes_max) {
        snprintf(limit, sizeof limit, "%zu bytes", spm->bytes_max);
        return rp_error_limit(
            reterr, "text", limit, "a text of %zu bytes, at most %zu", text.len, spm->bytes_max);
    }
    const size_t before = tokens->count;
    rp_status status = encode(spm, text, flags, tokens);
    if (status == RP_OK)
        return RP_OK;
    tokens->count = before;
    if (status == RP_NO_MEMORY)
        return rp_error_set(
            reterr, RP_NO_MEMORY, "text", "out of memory for a text of %zu bytes", text.len);
    snprintf(limit, sizeof limit, "%zu tokens", tokens->max);
    return rp_error_limit(
        reterr, "tokens", limit, "the text has more tokens than the %zu there may be", tokens->max);
}
