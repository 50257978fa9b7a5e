/* The pieces that are looked for in a text before anything else is done with it: user-defined ones
 * always, control and unknown ones where special parsing is asked for.
 *
 * They form a tree, one node a byte, children side by side and sorted. A text is searched from left
 * to right, and at each place the longest piece wins. Two bits for every pair of bytes say whether
 * anything starts so, which settles nearly all places with one look.
 *
 * Part of a vocabulary: built with it, then read by any thread.
 */
#ifndef KERNELS_TEXT_SPECIAL_H
#define KERNELS_TEXT_SPECIAL_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"

typedef struct rp__special_node {
    uint32_t child;       /* the first child's index */
    uint16_t child_count; /* up to 256 */
    uint8_t byte;         /* that leads here */
    uint8_t control;      /* the piece that ends here is one for special parsing only */
    int32_t id;           /* of the piece that ends here, or RP_TOKEN_NONE */
} rp__special_node;

/* Which first two bytes begin a piece; a piece of one byte begins with it and any other. */
typedef struct rp__special_starts {
    uint64_t bits[65536 / 64];
} rp__special_starts;

typedef struct rp__special {
    rp__special_node *nodes; /* nodes[0] is the root; NULL where there are no pieces */
    size_t node_count;
    rp__special_starts always;  /* of the user-defined pieces */
    rp__special_starts parsing; /* of all */
} rp__special;

typedef struct rp__special_piece {
    rp_bytes text;
    int32_t id;
    bool control;
} rp__special_piece;

/* Builds the tree of `count` different pieces, none of them empty; sorts `pieces`. RP_NO_MEMORY. */
RP_MUST_USE rp_status rp__special_init(
    rp__special *special, rp__special_piece *pieces, size_t count);

void rp__special_done(rp__special *special);

/* The first piece in `text` at or behind `from`: where it starts, its id and its length. Where
 * there is none, returns text.len. `parsing` looks for control pieces too. */
size_t rp__special_find(const rp__special *special, rp_bytes text, size_t from, bool parsing,
    int32_t *ret_id, size_t *ret_len);

#endif
