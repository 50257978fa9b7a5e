/* Weights rearranged for vector kernels: sixteen rows side by side.
 *
 * A vector kernel computes sixteen outputs at once, one a lane, so it wants the weights of sixteen
 * rows next to each other. Packing moves bits and changes none: a packed matrix has as many bytes
 * as its rows have (a few more for Q4_K, Q5_K, whose factors become bytes: 148 for 144, 180 for
 * 176), and stays packed in memory, 4 bits as 4 bits.
 *
 * There is one layout, the same for every table of kernels, so that what is packed once may be kept
 * (on disk under the digest of the weights and RP_CANON_PACKING). The scalar norm does not read it;
 * a vector table uses it where matrix.packed is set, and else packs a few columns at a time on its
 * stack, which is slow for a single row of activations.
 *
 *     uint64_t bytes = rp_canon_packed_bytes(&matrix);
 *     uint8_t *packed = aligned_alloc(RP_CANON_PACKED_ALIGNMENT, bytes);
 *     rp_canon_pack(&matrix, 0, rp_canon_groups(&matrix), packed);
 *     matrix.packed = packed;
 *
 * The original stays what single rows (an embedding) and chosen rows are read from.
 *
 * The layout. Rows are cut into groups of 16, the last one filled up with zeros. "Sixteen" below are
 * one entry a row, in row order. A group holds, column block after column block, what is read
 * together next to each other, so that a kernel reads memory in one straight line, which is what
 * makes a processor fetch ahead; then zeros up to a multiple of 64 bytes.
 *
 *   Q4_0, Q5_0, Q8_0    per 32 columns: sixteen f16 d, the codes
 *   Q4_1, Q5_1          per 32 columns: sixteen f16 d, sixteen f16 m, the codes
 *   Q4_K, Q5_K          per 256: sixteen f16 d, sixteen f16 dmin, and then per 32: sixteen bytes
 *                       sc, sixteen bytes m, the codes
 *   Q6_K                per 256: sixteen f16 d, and then per 32: sixteen signed bytes sc of the
 *                       lower 16 columns, sixteen of the upper 16, the codes
 *   F32, F16, BF16      per column: sixteen numbers
 *
 * Codes are unsigned: the weight is code - zero, with zero = 8, 0, 16, 0, 128, 0, 0, 32 from Q4_0 to
 * Q6_K. 32 columns are eight steps of four; in a step, a row's four codes are adjacent bytes, and
 * sixteen such quadruples are one vector of 64 bytes.
 *
 *   8 bits    eight vectors
 *   4 bits    four vectors: step 2i in the low nibbles of vector i, step 2i+1 in the high ones
 *   5 bits    the same, then one vector whose bit k is the fifth bit of step k
 *   6 bits    the same, then two vectors: bits 2j and 2j+1 of vector i are bits 4 and 5 of step
 *             4i + j
 *
 * Any thread may pack; threads may share a matrix by groups.
 */
#ifndef KERNELS_CPU_CANON_PACK_H
#define KERNELS_CPU_CANON_PACK_H

#include "kernels/cpu/canon/matrix.h"

enum {
    RP_CANON_PACKING = 1,           /* the layout's number: a change of it is a new one */
    RP_CANON_GROUP = 16,            /* rows side by side */
    RP_CANON_PACKED_ALIGNMENT = 64, /* of a packed matrix; less costs speed, nothing else */
    RP_CANON_VECTOR = 64            /* bytes of a vector of codes */
};

/* Groups of a matrix, the last one perhaps partly filled. */
static inline size_t rp_canon_groups(const rp_canon_matrix *matrix)
{
    return (matrix->rows + RP_CANON_GROUP - 1) / RP_CANON_GROUP;
}

/* Bytes that 16 rows have for `cols` columns, a whole number of the type's blocks. */
size_t rp_canon_packed_panel(rp_canon_type type, size_t cols);

/* Bytes of a group, a multiple of 64; and of the whole matrix. A valid matrix has less than 2^47,
 * so nothing overflows where size_t has 64 bits. */
size_t rp_canon_packed_group(const rp_canon_matrix *matrix);
uint64_t rp_canon_packed_bytes(const rp_canon_matrix *matrix);

/* Writes groups [first, first + count) to their places in `packed`, which has room for
 * rp_canon_packed_bytes. */
void rp_canon_pack(const rp_canon_matrix *matrix, size_t first, size_t count, uint8_t *packed);

/* Columns [first, first + cols) of 16 rows, each given by where it begins, NULL for a row of zeros,
 * without the zeros behind. `first` and `cols` are whole numbers of the
 * type's blocks. */
void rp_canon_pack_panel(rp_canon_type type, const uint8_t *const rows[RP_CANON_GROUP],
    size_t first, size_t cols, uint8_t *out);

#endif
