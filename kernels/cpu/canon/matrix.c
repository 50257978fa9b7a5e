#include "kernels/cpu/canon/matrix.h"

const char *rp_canon_type_name(uint32_t type)
{
    switch (type) {
#define X(name, number, weights, bytes) \
    case number:                        \
        return #name;
        RP_CANON_TYPE_MAP(X)
#undef X
    default:
        return NULL;
    }
}

uint64_t rp_canon_row_bytes(uint32_t type, uint64_t cols)
{
    uint64_t block_weights, block_bytes;
    switch (type) {
#define X(name, number, weights, bytes) \
    case number:                        \
        block_weights = weights;        \
        block_bytes = bytes;            \
        break;
        RP_CANON_TYPE_MAP(X)
#undef X
    default:
        return 0;
    }
    if (cols > RP_CANON_COLS_MAX || cols % block_weights != 0)
        return 0;
    return cols / block_weights * block_bytes;
}

bool rp_canon_matrix_init(uint32_t type, uint64_t rows, uint64_t cols, const void *data,
    uint64_t data_bytes, rp_canon_matrix *ret_matrix)
{
    uint64_t row_bytes = rp_canon_row_bytes(type, cols);
    if (row_bytes == 0 || rows == 0 || rows > RP_CANON_ROWS_MAX || data_bytes / row_bytes != rows ||
        data_bytes % row_bytes != 0)
        return false;
    *ret_matrix = (rp_canon_matrix){.data = data,
        .type = (rp_canon_type)type,
        .rows = (size_t)rows,
        .cols = (size_t)cols,
        .row_bytes = (size_t)row_bytes};
    return true;
}
