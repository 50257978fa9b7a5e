/* Weight matrices as they lie in a model's file, and what canon 1 knows of their types.
 *
 * A matrix is `rows` outputs by `cols` inputs. A row is contiguous: `cols` numbers for the float
 * types, blocks of 32 or 256 weights for the quantised ones. Nothing is converted at load: a matrix
 * borrows the bytes of the mapped file, so a model is ready as soon as its file is.
 *
 * The numbers of the types are those of GGUF, so that neither side needs a table.
 */
#ifndef KERNELS_CPU_CANON_MATRIX_H
#define KERNELS_CPU_CANON_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, number, weights a block, bytes a block */
#define RP_CANON_TYPE_MAP(X) \
    X(F32, 0, 1, 4)          \
    X(F16, 1, 1, 2)          \
    X(Q4_0, 2, 32, 18)       \
    X(Q4_1, 3, 32, 20)       \
    X(Q5_0, 6, 32, 22)       \
    X(Q5_1, 7, 32, 24)       \
    X(Q8_0, 8, 32, 34)       \
    X(Q4_K, 12, 256, 144)    \
    X(Q5_K, 13, 256, 176)    \
    X(Q6_K, 14, 256, 210)    \
    X(BF16, 30, 1, 2)

typedef enum rp_canon_type {
#define X(name, number, weights, bytes) RP_CANON_##name = number,
    RP_CANON_TYPE_MAP(X)
#undef X
} rp_canon_type;

enum {
    RP_CANON_BLOCK = 32,         /* activations that share a scale */
    RP_CANON_COLS_MAX = 1 << 20, /* a row's inputs */
    RP_CANON_ROWS_MAX = 1 << 24  /* a matrix's outputs */
};

/* Whether a product with this type takes quantised activations (else float32 ones). */
static inline bool rp_canon_type_is_quantised(rp_canon_type type)
{
    return type != RP_CANON_F32 && type != RP_CANON_F16 && type != RP_CANON_BF16;
}

/* "Q4_K"; NULL for a number that is no type of the canon. */
const char *rp_canon_type_name(uint32_t type);

/* Bytes of a row of `cols` weights; 0 where `type` is none of the canon's, `cols` is no whole
 * number of blocks, or 0, or above RP_CANON_COLS_MAX. */
uint64_t rp_canon_row_bytes(uint32_t type, uint64_t cols);

/* Borrows `data`, of any alignment, and `packed`, the same weights for vector kernels, or NULL
 * (pack.h; whoever packs sets it). */
typedef struct rp_canon_matrix {
    const uint8_t *data, *packed;
    rp_canon_type type;
    size_t rows, cols;
    size_t row_bytes;
} rp_canon_matrix;

/* Fills `ret_matrix` over `data`; false where shape, type or `data_bytes` contradict each other. */
bool rp_canon_matrix_init(uint32_t type, uint64_t rows, uint64_t cols, const void *data,
    uint64_t data_bytes, rp_canon_matrix *ret_matrix);

#endif
