#include "kernels/text/spm_merge.h"

#include <stdlib.h>

#include "kernels/text/vocabulary_internal.h"

enum {
    SHORT_MAX = 32,     /* characters of a part that is merged in arrays */
    CAPACITY_MIN = 1024 /* of the list, once one is needed: ordinary texts never need more */
};

void rp__merge_done(rp__merge *merge)
{
    free(merge->symbols);
    free(merge->heap);
    *merge = (rp__merge){0};
}

/* The token that two texts side by side are, if merging may make it. */
static int32_t join(const rp_vocabulary *v, uint64_t left_hash, uint64_t right_hash,
    const uint8_t *data, size_t left_len, size_t right_len)
{
    if (left_len + right_len > v->longest_merge)
        return RP_TOKEN_NONE;
    uint64_t hash = left_hash * v->power[right_len] + right_hash;
    int32_t id = rp__vocabulary_lookup(v, hash, data, left_len + right_len);
    return id != RP_TOKEN_NONE && v->pieces[id].order != RP__NO_MERGE ? id : RP_TOKEN_NONE;
}

/* Appends a symbol: the token that it has become, the one that its character is, or its bytes'. */
static rp_status emit(const rp_vocabulary *v, int32_t id, uint64_t hash, const uint8_t *data,
    size_t len, rp_tokens *tokens)
{
    if (id == RP_TOKEN_NONE) {
        id = rp__vocabulary_lookup(v, hash, data, len);
        if (id != RP_TOKEN_NONE && v->pieces[id].order == RP__NO_MERGE)
            id = RP_TOKEN_NONE;
    }
    if (id != RP_TOKEN_NONE) {
        if (tokens->count == tokens->max)
            return RP_LIMIT;
        tokens->ids[tokens->count++] = id;
        return RP_OK;
    }
    if (len > tokens->max - tokens->count)
        return RP_LIMIT;
    for (size_t i = 0; i < len; i++)
        tokens->ids[tokens->count++] = v->bytes[data[i]];
    return RP_OK;
}

/* ---- short parts ---- */

/* The symbols of a short part side by side; start[count] is the part's end. Pair i is that of
 * symbols i and i + 1. */
typedef struct short_part {
    uint64_t hash[SHORT_MAX];
    uint32_t order[SHORT_MAX]; /* of the pair's score, or RP__NO_MERGE */
    int32_t pair[SHORT_MAX];
    int32_t id[SHORT_MAX];
    uint16_t start[SHORT_MAX + 1];
    size_t count;
} short_part;

/* Divides into characters; false where there are too many. */
static bool short_divide(short_part *part, const uint8_t *data, size_t len)
{
    size_t at = 0;
    for (part->count = 0; at < len; part->count++) {
        if (part->count == SHORT_MAX)
            return false;
        size_t n = rp__character_len(data[at]);
        n = n <= len - at ? n : len - at;
        part->start[part->count] = (uint16_t)at;
        part->hash[part->count] = rp__hash(data + at, n);
        part->id[part->count] = RP_TOKEN_NONE;
        at += n;
    }
    part->start[part->count] = (uint16_t)len;
    return true;
}

static void short_pair(short_part *part, const rp_vocabulary *v, const uint8_t *data, size_t i)
{
    size_t start = part->start[i], middle = part->start[i + 1], end = part->start[i + 2];
    int32_t id =
        join(v, part->hash[i], part->hash[i + 1], data + start, middle - start, end - middle);
    part->pair[i] = id;
    part->order[i] = id != RP_TOKEN_NONE ? v->pieces[id].order : RP__NO_MERGE;
}

/* The pair to join next; the count of pairs where there is none. */
static size_t short_best(const short_part *part)
{
    uint32_t best = RP__NO_MERGE;
    size_t place = part->count - 1;
    for (size_t i = 0; i + 1 < part->count; i++) {
        if (part->order[i] < best) {
            best = part->order[i];
            place = i;
        }
    }
    return place;
}

static void short_join(short_part *part, const rp_vocabulary *v, const uint8_t *data, size_t i)
{
    size_t right_len = (size_t)(part->start[i + 2] - part->start[i + 1]);
    part->hash[i] = part->hash[i] * v->power[right_len] + part->hash[i + 1];
    part->id[i] = part->pair[i];
    part->count--;
    for (size_t k = i + 1; k < part->count; k++) {
        part->hash[k] = part->hash[k + 1];
        part->id[k] = part->id[k + 1];
        part->order[k] = part->order[k + 1];
        part->pair[k] = part->pair[k + 1];
    }
    for (size_t k = i + 1; k <= part->count; k++)
        part->start[k] = part->start[k + 1];
    if (i > 0)
        short_pair(part, v, data, i - 1);
    if (i + 1 < part->count)
        short_pair(part, v, data, i);
}

static rp_status run_short(
    short_part *part, const rp_vocabulary *v, const uint8_t *data, rp_tokens *tokens)
{
    for (size_t i = 0; i + 1 < part->count; i++)
        short_pair(part, v, data, i);
    for (size_t i = short_best(part); i + 1 < part->count; i = short_best(part))
        short_join(part, v, data, i);
    rp_status status = RP_OK;
    for (size_t i = 0; i < part->count && status == RP_OK; i++)
        status = emit(v, part->id[i], part->hash[i], data + part->start[i],
            (size_t)(part->start[i + 1] - part->start[i]), tokens);
    return status;
}

/* ---- long parts ---- */

static rp_status reserve(rp__merge *merge, size_t count)
{
    if (count <= merge->capacity)
        return RP_OK;
    const size_t twice = merge->capacity ? 2 * merge->capacity : CAPACITY_MIN;
    const size_t capacity = count > twice ? count : twice;
    rp__merge_done(merge);
    merge->symbols = malloc(capacity * sizeof *merge->symbols);
    merge->heap = malloc(2 * capacity * sizeof *merge->heap);
    if (!merge->symbols || !merge->heap) {
        rp__merge_done(merge);
        return RP_NO_MEMORY;
    }
    merge->capacity = capacity;
    return RP_OK;
}

static void sift_down(uint64_t *heap, size_t count, size_t at)
{
    const uint64_t entry = heap[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (entry <= heap[child])
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

/* Every join takes at least one entry out before it puts two in, so twice the symbols is enough. */
static void push(rp__merge *merge, uint64_t entry)
{
    RP_ASSERT(merge->heap_count < 2 * merge->capacity);
    size_t at = merge->heap_count++;
    while (at > 0 && entry < merge->heap[(at - 1) / 2]) {
        merge->heap[at] = merge->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    merge->heap[at] = entry;
}

static uint64_t pop(rp__merge *merge)
{
    const uint64_t entry = merge->heap[0];
    merge->heap[0] = merge->heap[--merge->heap_count];
    if (merge->heap_count > 0)
        sift_down(merge->heap, merge->heap_count, 0);
    return entry;
}

/* Finds out what a symbol is together with the next; true where that is a token. */
static bool find_pair(rp__merge *merge, const rp_vocabulary *v, const uint8_t *data, uint32_t left)
{
    rp__symbol *symbol = &merge->symbols[left];
    symbol->pair = RP_TOKEN_NONE;
    if (symbol->next == RP__NO_SYMBOL)
        return false;
    const rp__symbol *next = &merge->symbols[symbol->next];
    symbol->pair = join(v, symbol->hash, next->hash, data + symbol->start, symbol->len, next->len);
    return symbol->pair != RP_TOKEN_NONE;
}

static uint64_t entry_of(const rp__merge *merge, const rp_vocabulary *v, uint32_t left)
{
    return (uint64_t)v->pieces[merge->symbols[left].pair].order << 32 | left;
}

static uint32_t divide(rp__merge *merge, const uint8_t *data, size_t len)
{
    uint32_t count = 0;
    for (size_t at = 0; at < len; count++) {
        size_t n = rp__character_len(data[at]);
        n = n <= len - at ? n : len - at;
        merge->symbols[count] = (rp__symbol){
            .hash = rp__hash(data + at, n),
            .start = (uint32_t)at,
            .before = count > 0 ? count - 1 : RP__NO_SYMBOL,
            .next = at + n < len ? count + 1 : RP__NO_SYMBOL,
            .id = RP_TOKEN_NONE,
            .pair = RP_TOKEN_NONE,
            .len = (uint16_t)n,
        };
        at += n;
    }
    return count;
}

/* An entry is out of date where its symbol is gone or makes another pair now. One that has the same
 * score by chance does no harm: the new pair has an entry like it, and the order is the same. */
static bool current(const rp__merge *merge, const rp_vocabulary *v, uint64_t entry)
{
    const rp__symbol *symbol = &merge->symbols[(uint32_t)entry];
    return symbol->len > 0 && symbol->pair != RP_TOKEN_NONE &&
           v->pieces[symbol->pair].order == (uint32_t)(entry >> 32);
}

static void join_next(rp__merge *merge, const rp_vocabulary *v, const uint8_t *data, uint32_t left)
{
    rp__symbol *symbol = &merge->symbols[left];
    rp__symbol *next = &merge->symbols[symbol->next];
    symbol->hash = symbol->hash * v->power[next->len] + next->hash;
    symbol->id = symbol->pair;
    symbol->len = (uint16_t)(symbol->len + next->len);
    symbol->next = next->next;
    next->len = 0;
    if (symbol->next != RP__NO_SYMBOL)
        merge->symbols[symbol->next].before = left;
    if (symbol->before != RP__NO_SYMBOL && find_pair(merge, v, data, symbol->before))
        push(merge, entry_of(merge, v, symbol->before));
    if (find_pair(merge, v, data, left))
        push(merge, entry_of(merge, v, left));
}

static rp_status run_long(
    rp__merge *merge, const rp_vocabulary *v, const uint8_t *data, size_t len, rp_tokens *tokens)
{
    rp_status status = reserve(merge, len);
    if (status != RP_OK)
        return status;
    const uint32_t count = divide(merge, data, len);
    merge->heap_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (find_pair(merge, v, data, i))
            merge->heap[merge->heap_count++] = entry_of(merge, v, i);
    }
    for (size_t i = merge->heap_count / 2; i-- > 0;)
        sift_down(merge->heap, merge->heap_count, i);
    while (merge->heap_count > 0) {
        uint64_t entry = pop(merge);
        if (current(merge, v, entry))
            join_next(merge, v, data, (uint32_t)entry);
    }
    for (uint32_t i = 0; i != RP__NO_SYMBOL && status == RP_OK; i = merge->symbols[i].next) {
        const rp__symbol *symbol = &merge->symbols[i];
        status = emit(v, symbol->id, symbol->hash, data + symbol->start, symbol->len, tokens);
    }
    return status;
}

rp_status rp__merge_run(rp__merge *merge, const rp_vocabulary *vocabulary, const uint8_t *part,
    size_t len, rp_tokens *tokens)
{
    short_part symbols;
    if (len <= SHORT_MAX * RP__SPACE_BYTES && short_divide(&symbols, part, len))
        return run_short(&symbols, vocabulary, part, tokens);
    return run_long(merge, vocabulary, part, len, tokens);
}
