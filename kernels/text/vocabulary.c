#include "kernels/text/vocabulary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/text/vocabulary_internal.h"

/* Places looked at before a vocabulary is refused as one made to collide. */
enum { PROBES_MAX = 1024 };

enum { BYTE_PIECE_LEN = 6 /* <0x0A> */ };

/* ---- finding a piece ---- */

int32_t rp__vocabulary_lookup(
    const rp_vocabulary *vocabulary, uint64_t hash, const uint8_t *data, size_t len)
{
    uint64_t mixed = rp__hash_mix(hash);
    uint32_t mark = (uint32_t)(mixed >> 32);
    for (uint32_t at = (uint32_t)mixed & vocabulary->slot_mask;;
         at = (at + 1) & vocabulary->slot_mask) {
        rp__slot slot = vocabulary->slots[at];
        if (slot.id == RP_TOKEN_NONE)
            return RP_TOKEN_NONE;
        if (slot.mark != mark)
            continue;
        const rp__piece *piece = &vocabulary->pieces[slot.id];
        if (piece->len == len && memcmp(vocabulary->text + piece->offset, data, len) == 0)
            return slot.id;
    }
}

bool rp_vocabulary_find(const rp_vocabulary *vocabulary, rp_bytes piece, int32_t *ret_id)
{
    if (piece.len == 0 || piece.len > RP_VOCABULARY_PIECE_MAX)
        return false;
    int32_t id =
        rp__vocabulary_lookup(vocabulary, rp__hash(piece.data, piece.len), piece.data, piece.len);
    if (id == RP_TOKEN_NONE)
        return false;
    *ret_id = id;
    return true;
}

/* ---- building ---- */

static rp_status check_id(const char *name, int32_t id, size_t count, rp_error *reterr)
{
    if (id >= RP_TOKEN_NONE && id < (int64_t)count)
        return RP_OK;
    return rp_error_set(reterr, RP_INVALID, name, "%s is token %" PRId32 " of a vocabulary of %zu",
        name, id, count);
}

static rp_status check_source(const rp_vocabulary_source *source, rp_error *reterr)
{
    const struct {
        const char *name;
        int32_t id;
    } ids[] = {{"bos", source->bos}, {"eos", source->eos}, {"eot", source->eot},
        {"unk", source->unk}, {"pad", source->pad}};
    if (source->model != RP_VOCABULARY_SPM)
        return rp_error_set(reterr, RP_UNSUPPORTED, "model", "vocabulary model %d is not supported",
            (int)source->model);
    if (source->count == 0)
        return rp_error_set(reterr, RP_INVALID, "pieces", "the vocabulary has no pieces");
    if (source->count > RP_VOCABULARY_TOKENS_MAX)
        return rp_error_limit(reterr, "pieces", "1048576 tokens",
            "a vocabulary of %zu tokens, at most %d", source->count, RP_VOCABULARY_TOKENS_MAX);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        rp_status status = check_id(ids[i].name, ids[i].id, source->count, reterr);
        if (status != RP_OK)
            return status;
    }
    if ((source->add_bos && source->bos < 0) || (source->add_eos && source->eos < 0))
        return rp_error_set(reterr, RP_INVALID, source->add_eos ? "eos" : "bos",
            "the vocabulary asks for a token at the start or end that it does not name");
    return RP_OK;
}

/* Checks every piece and adds up their bytes. */
static rp_status check_pieces(
    const rp_vocabulary_source *source, size_t *ret_bytes, rp_error *reterr)
{
    size_t bytes = 0, special = 0;
    for (size_t i = 0; i < source->count; i++) {
        size_t len = source->pieces[i].len;
        uint8_t kind = source->kinds ? source->kinds[i] : RP_TOKEN_NORMAL;
        if (len > RP_VOCABULARY_PIECE_MAX)
            return rp_error_limit(reterr, "pieces", "1024 bytes",
                "the piece of token %zu has %zu bytes, at most %d", i, len,
                RP_VOCABULARY_PIECE_MAX);
        if (kind >= RP_TOKEN_KIND_COUNT)
            return rp_error_set(
                reterr, RP_INVALID, "kinds", "token %zu is of kind %d, at most 6", i, kind);
        if (source->scores && isnan(source->scores[i]))
            return rp_error_set(
                reterr, RP_INVALID, "scores", "the score of token %zu is no number", i);
        bytes += len;
        if (kind == RP_TOKEN_UNKNOWN || kind == RP_TOKEN_CONTROL || kind == RP_TOKEN_USER_DEFINED)
            special += len;
    }
    if (bytes > RP_VOCABULARY_BYTES_MAX)
        return rp_error_limit(reterr, "pieces", "64 MiB", "pieces of %zu bytes in all, at most %d",
            bytes, RP_VOCABULARY_BYTES_MAX);
    if (special > RP_VOCABULARY_SPECIAL_BYTES_MAX)
        return rp_error_limit(reterr, "pieces", "4 MiB",
            "special pieces of %zu bytes in all, at most %d", special,
            RP_VOCABULARY_SPECIAL_BYTES_MAX);
    *ret_bytes = bytes;
    return RP_OK;
}

static rp_status allocate(
    rp_vocabulary *vocabulary, const rp_vocabulary_source *source, size_t bytes, rp_error *reterr)
{
    size_t slots = 2;
    while (slots < 2 * source->count)
        slots *= 2;
    vocabulary->slot_mask = (uint32_t)(slots - 1);
    vocabulary->pieces = calloc(source->count, sizeof *vocabulary->pieces);
    vocabulary->scores = calloc(source->count, sizeof *vocabulary->scores);
    vocabulary->slots = malloc(slots * sizeof *vocabulary->slots);
    vocabulary->text = malloc(bytes ? bytes : 1);
    if (!vocabulary->pieces || !vocabulary->scores || !vocabulary->slots || !vocabulary->text)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL,
            "out of memory for a vocabulary of %zu tokens", source->count);
    for (size_t i = 0; i < slots; i++)
        vocabulary->slots[i] = (rp__slot){0, RP_TOKEN_NONE};
    return RP_OK;
}

static bool merges(rp_token_kind kind)
{
    return kind != RP_TOKEN_CONTROL && kind != RP_TOKEN_UNKNOWN && kind != RP_TOKEN_BYTE;
}

/* A number that sorts scores from high to low; never RP__NO_MERGE. */
static uint32_t score_order(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 and 0 are one score */
    memcpy(&bits, &score, sizeof bits);
    return bits & UINT32_C(0x80000000) ? bits : ~(bits | UINT32_C(0x80000000));
}

static rp_status insert(rp_vocabulary *vocabulary, int32_t id, rp_error *reterr)
{
    const rp__piece *piece = &vocabulary->pieces[id];
    const uint8_t *data = vocabulary->text + piece->offset;
    uint64_t mixed = rp__hash_mix(rp__hash(data, piece->len));
    uint32_t at = (uint32_t)mixed & vocabulary->slot_mask, mark = (uint32_t)(mixed >> 32);
    for (int probes = 0; vocabulary->slots[at].id != RP_TOKEN_NONE; probes++) {
        int32_t other_id = vocabulary->slots[at].id;
        const rp__piece *other = &vocabulary->pieces[other_id];
        if (vocabulary->slots[at].mark == mark && other->len == piece->len &&
            memcmp(vocabulary->text + other->offset, data, piece->len) == 0)
            return rp_error_set(reterr, RP_INVALID, "pieces",
                "tokens %" PRId32 " and %" PRId32 " have the same piece", other_id, id);
        if (probes == PROBES_MAX)
            return rp_error_set(
                reterr, RP_INVALID, "pieces", "the pieces collide; this is no honest vocabulary");
        at = (at + 1) & vocabulary->slot_mask;
    }
    vocabulary->slots[at] = (rp__slot){mark, id};
    return RP_OK;
}

/* Notes the neighbours in a piece, with the characters divided as the encoder divides a text. */
static void add_pairs(rp__pairs *pairs, const uint8_t *data, uint32_t len)
{
    uint32_t before = 0;
    for (uint32_t at = 0; at < len;) {
        uint32_t n = rp__character_len(data[at]);
        n = n <= len - at ? n : len - at;
        uint32_t code = rp__character_code(data + at, n);
        if (at > 0 && before < 128 && code < 128) {
            pairs->ascii[before][code >> 6] |= UINT64_C(1) << (code & 63);
        } else if (at > 0) {
            uint64_t hash = rp__hash_mix((uint64_t)before << 32 | code) >> (64 - RP__PAIR_BITS);
            pairs->hashed[hash >> 6] |= UINT64_C(1) << (hash & 63);
        }
        before = code;
        at += n;
    }
}

static rp_status fill(
    rp_vocabulary *vocabulary, const rp_vocabulary_source *source, rp_error *reterr)
{
    uint32_t offset = 0;
    for (size_t i = 0; i < source->count; i++) {
        rp_bytes text = source->pieces[i];
        rp_token_kind kind = source->kinds ? (rp_token_kind)source->kinds[i] : RP_TOKEN_NORMAL;
        vocabulary->scores[i] = source->scores ? source->scores[i] : 0.0f;
        vocabulary->pieces[i] = (rp__piece){
            .offset = offset,
            .order = merges(kind) ? score_order(vocabulary->scores[i]) : RP__NO_MERGE,
            .len = (uint16_t)text.len,
            .kind = (uint8_t)kind,
        };
        if (text.len == 0)
            continue;
        memcpy(vocabulary->text + offset, text.data, text.len);
        if (merges(kind)) {
            add_pairs(&vocabulary->pairs, vocabulary->text + offset, (uint32_t)text.len);
            if (text.len > vocabulary->longest_merge)
                vocabulary->longest_merge = (uint32_t)text.len;
        }
        rp_status status = insert(vocabulary, (int32_t)i, reterr);
        if (status != RP_OK)
            return status;
        offset += (uint32_t)text.len;
    }
    return RP_OK;
}

/* Finds the token of every byte; nothing else of the kind may exist. */
static rp_status fill_bytes(rp_vocabulary *vocabulary, rp_error *reterr)
{
    static const char digits[] = "0123456789ABCDEF";
    char name[BYTE_PIECE_LEN + 1] = "<0x00>";
    size_t found = 0;
    for (int byte = 0; byte < 256; byte++) {
        int32_t id;
        name[3] = digits[byte >> 4];
        name[4] = digits[byte & 15];
        if (!rp_vocabulary_find(vocabulary, rp_bytes_text(name), &id) ||
            vocabulary->pieces[id].kind != RP_TOKEN_BYTE)
            return rp_error_set(
                reterr, RP_INVALID, "pieces", "the vocabulary has no byte token %s", name);
        vocabulary->bytes[byte] = id;
    }
    for (uint32_t i = 0; i < vocabulary->count; i++)
        found += vocabulary->pieces[i].kind == RP_TOKEN_BYTE;
    return found == 256 ? RP_OK
                        : rp_error_set(reterr, RP_INVALID, "kinds",
                              "%zu byte tokens, expected <0x00> to <0xFF>", found);
}

static rp_status fill_special(rp_vocabulary *vocabulary, rp_error *reterr)
{
    size_t count = 0;
    rp__special_piece *list = calloc(vocabulary->count, sizeof *list);
    if (!list)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    for (uint32_t i = 0; i < vocabulary->count; i++) {
        const rp__piece *piece = &vocabulary->pieces[i];
        bool control = piece->kind == RP_TOKEN_CONTROL || piece->kind == RP_TOKEN_UNKNOWN;
        if (piece->len > 0 && (control || piece->kind == RP_TOKEN_USER_DEFINED))
            list[count++] = (rp__special_piece){
                rp_bytes_of(vocabulary->text + piece->offset, piece->len), (int32_t)i, control};
    }
    rp_status status = rp__special_init(&vocabulary->special, list, count);
    free(list);
    return status == RP_OK ? RP_OK : rp_error_set(reterr, status, NULL, "out of memory");
}

rp_status rp_vocabulary_new(
    const rp_vocabulary_source *source, rp_vocabulary **ret_vocabulary, rp_error *reterr)
{
    size_t bytes = 0;
    rp_status status = check_source(source, reterr);
    if (status == RP_OK)
        status = check_pieces(source, &bytes, reterr);
    if (status != RP_OK)
        return status;
    rp_vocabulary *vocabulary = calloc(1, sizeof *vocabulary);
    if (!vocabulary)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    vocabulary->model = source->model;
    vocabulary->count = (uint32_t)source->count;
    vocabulary->bos = source->bos;
    vocabulary->eos = source->eos;
    vocabulary->eot = source->eot;
    vocabulary->unk = source->unk;
    vocabulary->pad = source->pad;
    vocabulary->add_bos = source->add_bos;
    vocabulary->add_eos = source->add_eos;
    vocabulary->add_space_prefix = source->add_space_prefix;
    vocabulary->power[0] = 1;
    for (size_t i = 1; i <= RP_VOCABULARY_PIECE_MAX; i++)
        vocabulary->power[i] = vocabulary->power[i - 1] * RP__HASH_BASE;
    status = allocate(vocabulary, source, bytes, reterr);
    if (status == RP_OK)
        status = fill(vocabulary, source, reterr);
    if (status == RP_OK)
        status = fill_bytes(vocabulary, reterr);
    if (status == RP_OK)
        status = fill_special(vocabulary, reterr);
    if (status != RP_OK) {
        rp_vocabulary_free(vocabulary);
        return status;
    }
    *ret_vocabulary = vocabulary;
    return RP_OK;
}

void rp_vocabulary_free(rp_vocabulary *vocabulary)
{
    if (!vocabulary)
        return;
    rp__special_done(&vocabulary->special);
    free(vocabulary->pieces);
    free(vocabulary->scores);
    free(vocabulary->slots);
    free(vocabulary->text);
    free(vocabulary);
}

/* ---- tokens ---- */

static const rp__piece *piece_of(const rp_vocabulary *vocabulary, int32_t id)
{
    return id >= 0 && (uint32_t)id < vocabulary->count ? &vocabulary->pieces[id] : NULL;
}

rp_bytes rp_vocabulary_piece(const rp_vocabulary *vocabulary, int32_t id)
{
    const rp__piece *piece = piece_of(vocabulary, id);
    return piece ? rp_bytes_of(vocabulary->text + piece->offset, piece->len) : rp_bytes_of(NULL, 0);
}

rp_token_kind rp_vocabulary_kind(const rp_vocabulary *vocabulary, int32_t id)
{
    const rp__piece *piece = piece_of(vocabulary, id);
    return piece ? (rp_token_kind)piece->kind : RP_TOKEN_UNDEFINED;
}

float rp_vocabulary_score(const rp_vocabulary *vocabulary, int32_t id)
{
    return piece_of(vocabulary, id) ? vocabulary->scores[id] : 0.0f;
}

static uint8_t hex_digit(uint8_t c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

size_t rp_vocabulary_text(
    const rp_vocabulary *vocabulary, int32_t id, uint8_t text[RP_VOCABULARY_PIECE_MAX])
{
    const rp_bytes piece = rp_vocabulary_piece(vocabulary, id);
    size_t len = 0;
    switch (rp_vocabulary_kind(vocabulary, id)) {
    case RP_TOKEN_NORMAL:
        for (size_t i = 0; i < piece.len;) {
            bool space = piece.len - i >= RP__SPACE_BYTES &&
                         memcmp(piece.data + i, RP__SPACE, RP__SPACE_BYTES) == 0;
            text[len++] = space ? ' ' : piece.data[i];
            i += space ? RP__SPACE_BYTES : 1;
        }
        return len;
    case RP_TOKEN_USER_DEFINED:
        if (piece.len > 0)
            memcpy(text, piece.data, piece.len);
        return piece.len;
    case RP_TOKEN_BYTE:
        text[0] = (uint8_t)(hex_digit(piece.data[3]) << 4 | hex_digit(piece.data[4]));
        return 1;
    default:
        return 0;
    }
}

/* ---- what the vocabulary says ---- */

size_t rp_vocabulary_count(const rp_vocabulary *vocabulary)
{
    return vocabulary->count;
}

rp_vocabulary_model rp_vocabulary_model_of(const rp_vocabulary *vocabulary)
{
    return vocabulary->model;
}

int32_t rp_vocabulary_bos(const rp_vocabulary *vocabulary)
{
    return vocabulary->bos;
}

int32_t rp_vocabulary_eos(const rp_vocabulary *vocabulary)
{
    return vocabulary->eos;
}

int32_t rp_vocabulary_eot(const rp_vocabulary *vocabulary)
{
    return vocabulary->eot;
}

int32_t rp_vocabulary_unk(const rp_vocabulary *vocabulary)
{
    return vocabulary->unk;
}

int32_t rp_vocabulary_pad(const rp_vocabulary *vocabulary)
{
    return vocabulary->pad;
}

bool rp_vocabulary_add_bos(const rp_vocabulary *vocabulary)
{
    return vocabulary->add_bos;
}

bool rp_vocabulary_add_eos(const rp_vocabulary *vocabulary)
{
    return vocabulary->add_eos;
}

bool rp_vocabulary_add_space_prefix(const rp_vocabulary *vocabulary)
{
    return vocabulary->add_space_prefix;
}

bool rp_vocabulary_is_end(const rp_vocabulary *vocabulary, int32_t id)
{
    return id >= 0 && (id == vocabulary->eos || id == vocabulary->eot);
}

int32_t rp_vocabulary_byte(const rp_vocabulary *vocabulary, uint8_t byte)
{
    return vocabulary->bytes[byte];
}
