#include "kernels/cpu/canon/pack.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/unit/kernels/cpu/canon/blocks.h"

/* Reads packed weights by the words of pack.h, which shares nothing with the code that writes. */
enum { ROWS = 37, COLS = 512 };

static uint8_t data[ROWS * COLS * 4];

static size_t bits_of(uint32_t type)
{
    switch (type) {
    case RP_CANON_Q8_0:
        return 8;
    case RP_CANON_Q6_K:
        return 6;
    case RP_CANON_Q5_0:
    case RP_CANON_Q5_1:
    case RP_CANON_Q5_K:
        return 5;
    default:
        return 4;
    }
}

static int zero_of(uint32_t type)
{
    return type == RP_CANON_Q4_0   ? 8
           : type == RP_CANON_Q5_0 ? 16
           : type == RP_CANON_Q8_0 ? 128
           : type == RP_CANON_Q6_K ? 32
                                   : 0;
}

/* Weight (row, col) of a packed matrix: w, s and m. */
static weight read_packed(
    uint32_t type, const uint8_t *packed, size_t group, size_t row, size_t col)
{
    bool k_type = type >= RP_CANON_Q4_K;
    bool has_m = type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1;
    size_t bits = bits_of(type), head = !k_type ? 0 : type == RP_CANON_Q6_K ? 32 : 64;
    size_t block = (has_m ? 64 : 32) + 64 * bits, r = row % 16, c = col % 32;
    const uint8_t *p = packed + row / 16 * group, *top = p;
    if (k_type) {
        top = p + col / 256 * (head + 8 * block);
        p = top + head + col % 256 / 32 * block;
    } else {
        p += col / 32 * block;
    }
    const uint8_t *vectors = p + (has_m ? 64 : 32), *more = vectors + 4 * 64;
    size_t step = c / 4, at = 4 * r + c % 4;
    int code = bits == 8 ? vectors[64 * step + at]
                         : vectors[64 * (step / 2) + at] >> (step % 2 ? 4 : 0) & 15;
    if (bits == 5)
        code |= (more[at] >> step & 1) << 4;
    if (bits == 6)
        code |= (more[64 * (step / 4) + at] >> (2 * (step % 4)) & 3) << 4;
    weight w = {.w = code - zero_of(type)};
    if (!k_type) {
        w.s = (float)half_value(p + 2 * r);
        w.m = has_m ? (float)half_value(p + 32 + 2 * r) : 0.0F;
    } else if (type == RP_CANON_Q6_K) {
        w.s = (float)half_value(top + 2 * r) * (float)(int8_t)p[16 * (c / 16) + r];
    } else {
        w.s = (float)half_value(top + 2 * r) * (float)p[r];
        w.m = -((float)half_value(top + 32 + 2 * r) * (float)p[16 + r]);
    }
    return w;
}

static rp_canon_matrix matrix_of(uint32_t type, size_t rows)
{
    rp_canon_matrix m;
    size_t bytes = (size_t)rp_canon_row_bytes(type, COLS);
    for (size_t r = 0; r < rows; r++)
        fill_row(type, COLS, 300 + r, data + r * bytes);
    cr_assert(rp_canon_matrix_init(type, rows, COLS, data, rows * bytes, &m));
    return m;
}

Test(pack, every_weight_lies_where_the_layout_says)
{
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        uint32_t type = block_types[i];
        rp_canon_matrix m = matrix_of(type, ROWS);
        size_t bytes = (size_t)rp_canon_packed_bytes(&m), group = rp_canon_packed_group(&m);
        uint8_t *packed = malloc(bytes);
        memset(packed, 0xA5, bytes);
        rp_canon_pack(&m, 0, rp_canon_groups(&m), packed);
        for (size_t r = 0; r < 48; r++) {
            for (size_t c = 0; c < COLS; c++) {
                weight expected = {0}, got = {0};
                if (r < ROWS)
                    expected = read_weight(type, data + r * m.row_bytes, c);
                if (rp_canon_type_is_quantised((rp_canon_type)type)) {
                    got = read_packed(type, packed, group, r, c);
                } else {
                    uint8_t plain[4];
                    size_t size = type == RP_CANON_F32 ? 4 : 2;
                    memcpy(plain, packed + r / 16 * group + (16 * c + r % 16) * size, size);
                    got = read_weight(type, plain, 0);
                }
                if (r >= ROWS && rp_canon_type_is_quantised((rp_canon_type)type))
                    expected.w = -zero_of(type);
                cr_assert(got.w == expected.w && got.s == expected.s && got.m == expected.m,
                    "%s row %zu col %zu", rp_canon_type_name(type), r, c);
                cr_assert(r >= ROWS || rp_canon_type_is_quantised((rp_canon_type)type) ||
                          got.value == expected.value);
            }
        }
        free(packed);
    }
}

Test(pack, groups_may_be_packed_apart_and_nothing_else_is_written)
{
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        rp_canon_matrix m = matrix_of(block_types[i], ROWS);
        size_t bytes = (size_t)rp_canon_packed_bytes(&m), group = rp_canon_packed_group(&m);
        uint8_t *whole = malloc(bytes), *parts = malloc(bytes);
        cr_assert_eq(bytes, 3 * group);
        rp_canon_pack(&m, 0, 3, whole);
        memset(parts, 0x5A, bytes);
        rp_canon_pack(&m, 1, 1, parts);
        for (size_t j = 0; j < bytes; j++)
            cr_assert_eq(parts[j], j / group == 1 ? whole[j] : 0x5A);
        rp_canon_pack(&m, 2, 1, parts);
        rp_canon_pack(&m, 0, 1, parts);
        cr_assert_arr_eq(parts, whole, bytes);
        free(whole);
        free(parts);
    }
}

/* As many bytes as the rows have, or 148 for 144 and 180 for 176; groups end on 64. */
Test(pack, packing_costs_nothing)
{
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        uint32_t type = block_types[i];
        rp_canon_matrix m = matrix_of(type, 32);
        uint64_t plain = 32 * (uint64_t)m.row_bytes, packed = rp_canon_packed_bytes(&m);
        if (type == RP_CANON_Q4_K)
            plain = plain / 144 * 148;
        if (type == RP_CANON_Q5_K)
            plain = plain / 176 * 180;
        cr_assert_eq(packed, plain, "%s", rp_canon_type_name(type));
    }
    rp_canon_matrix largest = {.type = RP_CANON_F32, .rows = 1 << 24, .cols = 1 << 20};
    cr_assert_eq(rp_canon_packed_bytes(&largest), UINT64_C(1) << 46);
    rp_canon_matrix odd = {.type = RP_CANON_Q8_0, .rows = 1, .cols = 32};
    cr_assert_eq(rp_canon_packed_bytes(&odd), 576); /* 544, up to a multiple of 64 */
}
