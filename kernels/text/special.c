#include "kernels/text/special.h"

#include <stdlib.h>

#include "kernels/text/vocabulary.h"

static int compare(const void *a, const void *b)
{
    rp_bytes x = ((const rp__special_piece *)a)->text, y = ((const rp__special_piece *)b)->text;
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static void mark_start(rp__special_starts *starts, rp_bytes text)
{
    size_t first = (size_t)text.data[0] << 8;
    if (text.len == 1) {
        for (size_t next = 0; next < 256; next++)
            starts->bits[(first | next) >> 6] |= UINT64_C(1) << (next & 63);
        return;
    }
    size_t pair = first | text.data[1];
    starts->bits[pair >> 6] |= UINT64_C(1) << (pair & 63);
}

static bool starts_here(const rp__special_starts *starts, rp_bytes text, size_t at)
{
    size_t pair = (size_t)text.data[at] << 8 | (at + 1 < text.len ? text.data[at + 1] : 0);
    return starts->bits[pair >> 6] >> (pair & 63) & 1;
}

/* The sorted pieces that share a node's path. */
typedef struct range {
    size_t low, high;
    size_t depth;
} range;

/* Gives a node its children: one for each byte that follows its path in the range's pieces. */
static void grow(rp__special *special, range *ranges, size_t node, const rp__special_piece *pieces)
{
    range r = ranges[node];
    rp__special_node *n = &special->nodes[node];
    if (r.low < r.high && pieces[r.low].text.len == r.depth) {
        n->id = pieces[r.low].id;
        n->control = pieces[r.low].control;
        r.low++;
    }
    n->child = (uint32_t)special->node_count;
    while (r.low < r.high) {
        uint8_t byte = pieces[r.low].text.data[r.depth];
        size_t end = r.low + 1;
        while (end < r.high && pieces[end].text.data[r.depth] == byte)
            end++;
        ranges[special->node_count] = (range){r.low, end, r.depth + 1};
        special->nodes[special->node_count++] =
            (rp__special_node){.byte = byte, .id = RP_TOKEN_NONE};
        n->child_count++;
        r.low = end;
    }
}

rp_status rp__special_init(rp__special *special, rp__special_piece *pieces, size_t count)
{
    *special = (rp__special){0};
    if (count == 0)
        return RP_OK;
    size_t nodes_max = 1;
    for (size_t i = 0; i < count; i++) {
        nodes_max += pieces[i].text.len;
        mark_start(&special->parsing, pieces[i].text);
        if (!pieces[i].control)
            mark_start(&special->always, pieces[i].text);
    }
    qsort(pieces, count, sizeof *pieces, compare);
    range *ranges = calloc(nodes_max, sizeof *ranges);
    special->nodes = calloc(nodes_max, sizeof *special->nodes);
    if (!ranges || !special->nodes) {
        free(ranges);
        rp__special_done(special);
        return RP_NO_MEMORY;
    }
    special->nodes[0].id = RP_TOKEN_NONE;
    ranges[0] = (range){0, count, 0};
    special->node_count = 1;
    for (size_t node = 0; node < special->node_count; node++)
        grow(special, ranges, node, pieces);
    free(ranges);
    rp__special_node *fitted =
        realloc(special->nodes, special->node_count * sizeof *special->nodes);
    special->nodes = fitted ? fitted : special->nodes;
    return RP_OK;
}

void rp__special_done(rp__special *special)
{
    free(special->nodes);
    special->nodes = NULL;
}

static const rp__special_node *child(
    const rp__special *special, const rp__special_node *node, uint8_t byte)
{
    size_t low = node->child, high = low + node->child_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (special->nodes[middle].byte == byte)
            return &special->nodes[middle];
        if (special->nodes[middle].byte < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The longest piece at `at`; 0 where there is none. */
static size_t match(
    const rp__special *special, rp_bytes text, size_t at, bool parsing, int32_t *ret_id)
{
    const rp__special_node *node = special->nodes;
    size_t longest = 0;
    for (size_t i = at; i < text.len; i++) {
        node = child(special, node, text.data[i]);
        if (!node)
            break;
        if (node->id != RP_TOKEN_NONE && (parsing || !node->control)) {
            *ret_id = node->id;
            longest = i + 1 - at;
        }
    }
    return longest;
}

size_t rp__special_find(const rp__special *special, rp_bytes text, size_t from, bool parsing,
    int32_t *ret_id, size_t *ret_len)
{
    const rp__special_starts *starts = parsing ? &special->parsing : &special->always;
    if (!special->nodes)
        return text.len;
    for (size_t at = from; at < text.len; at++) {
        if (!starts_here(starts, text, at))
            continue;
        size_t len = match(special, text, at, parsing, ret_id);
        if (len > 0) {
            *ret_len = len;
            return at;
        }
    }
    return text.len;
}
