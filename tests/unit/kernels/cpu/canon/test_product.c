#include "kernels/cpu/canon/canon.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "tests/unit/kernels/cpu/canon/blocks.h"

enum { ROWS = 37, COLS = 1280, TOKENS = 5 }; /* 1280: more than one panel of the kernel */

typedef struct fixture {
    rp_canon_matrix matrix;
    rp_canon_activations activations;
    uint8_t data[ROWS * COLS * 4];
    float x[TOKENS * COLS];
    int16_t q[TOKENS * COLS];
    float scale[TOKENS * COLS / 32];
    int32_t sum[TOKENS * COLS / 32];
    rp_canon_arrangement arrangement; /* of q */
} fixture;

static fixture fix;

static void quantise(const rp_canon_kernels *kernels)
{
    for (size_t t = 0; t < TOKENS; t++) {
        cr_assert(kernels->quantise(fix.x + t * COLS, COLS, fix.q + t * COLS,
            fix.scale + t * COLS / 32, fix.sum + t * COLS / 32));
    }
    fix.arrangement = kernels->arrangement;
    fix.activations = (rp_canon_activations){
        .count = TOKENS, .cols = COLS, .x = fix.x, .q = fix.q, .scale = fix.scale, .sum = fix.sum};
}

static void prepare(uint32_t type)
{
    size_t bytes = (size_t)rp_canon_row_bytes(type, COLS);
    for (size_t r = 0; r < ROWS; r++)
        fill_row(type, COLS, 100 + r, fix.data + r * bytes);
    cr_assert(rp_canon_matrix_init(type, ROWS, COLS, fix.data, ROWS * bytes, &fix.matrix));
    for (size_t i = 0; i < TOKENS * COLS; i++)
        fix.x[i] = (rp_rng_uniform(11, i) - 0.5F) * (i / 32 % 7 == 3 ? 50.0F : 3.0F);
    quantise(rp_canon_kernels_best());
}

/* The canon's table, one weight at a time, with libm's fma. */
static float expected(uint32_t type, size_t row, size_t token)
{
    const uint8_t *data = fix.data + row * fix.matrix.row_bytes;
    const float *x = fix.x + token * COLS;
    float acc = 0;
    if (!rp_canon_type_is_quantised((rp_canon_type)type)) {
        for (size_t k = 0; k < COLS; k++)
            acc = fmaf(read_weight(type, data, k).value, x[k], acc);
        return acc;
    }
    size_t group = type == RP_CANON_Q6_K ? 16 : 32;
    for (size_t k = 0; k < COLS; k += group) {
        int32_t a = 0, total = 0;
        for (size_t i = k; i < k + group; i++) {
            int q = quantised_at(fix.arrangement, fix.q, token * COLS + i);
            a += read_weight(type, data, i).w * q;
            total += q;
        }
        weight first = read_weight(type, data, k);
        float dx = fix.scale[(token * COLS + k) / 32];
        acc = fmaf(first.s * dx, (float)a, acc);
        bool has_m = type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1 || type == RP_CANON_Q4_K ||
                     type == RP_CANON_Q5_K;
        if (has_m)
            acc = fmaf(first.m * dx, (float)total, acc);
    }
    return acc;
}

Test(product, every_type_is_the_definition_to_the_bit)
{
    static float out[TOKENS * ROWS];
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        prepare(block_types[i]);
        const rp_canon_kernels *kernels;
        for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
            quantise(kernels);
            kernels->product(&fix.matrix, 0, ROWS, &fix.activations, out, ROWS);
            for (size_t j = 0; j < TOKENS * ROWS; j++)
                cr_assert_eq(rp_canon_bits(out[j]),
                    rp_canon_bits(expected(block_types[i], j % ROWS, j / ROWS)), "%s %s %zu",
                    rp_canon_type_name(block_types[i]), kernels->name, j);
        }
    }
}

/* What the canon's own roundings cost: the activations' 2^-16 of a block's maximum. */
Test(product, every_type_is_near_the_double_precision_product)
{
    static float out[TOKENS * ROWS];
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        prepare(block_types[i]);
        rp_canon_kernels_best()->product(&fix.matrix, 0, ROWS, &fix.activations, out, ROWS);
        for (size_t j = 0; j < TOKENS * ROWS; j++) {
            double exact = 0, size = 0;
            for (size_t c = 0; c < COLS; c++) {
                double w = (double)read_weight(
                    block_types[i], fix.data + j % ROWS * fix.matrix.row_bytes, c)
                               .value;
                exact += w * (double)fix.x[j / ROWS * COLS + c];
                size += fabs(w) * (c / 32 % 7 == 3 ? 25.0 : 1.5);
            }
            cr_assert(fabs((double)out[j] - exact) < size * 2e-5, "%s: %g, not %g",
                rp_canon_type_name(block_types[i]), (double)out[j], exact);
        }
    }
}

/* A row alone, any range of outputs, any number of tokens: the same bits, and nothing else is
 * written. */
Test(product, results_do_not_depend_on_company)
{
    static float all[TOKENS * ROWS], some[TOKENS * ROWS];
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (size_t i = 0; i < BLOCK_TYPES; i++) {
            prepare(block_types[i]);
            quantise(kernels);
            kernels->product(&fix.matrix, 0, ROWS, &fix.activations, all, ROWS);
            for (size_t j = 0; j < TOKENS * ROWS; j++)
                some[j] = -12345.0F;
            for (size_t t = 0; t < TOKENS; t++) {
                rp_canon_activations one = {.count = 1,
                    .cols = COLS,
                    .x = fix.x + t * COLS,
                    .q = fix.q + t * COLS,
                    .scale = fix.scale + t * COLS / 32,
                    .sum = fix.sum + t * COLS / 32};
                kernels->product(&fix.matrix, 1, t * 7 + 1, &one, some + t * ROWS, ROWS);
            }
            for (size_t j = 0; j < TOKENS * ROWS; j++) {
                bool written = j % ROWS >= 1 && j % ROWS < 2 + j / ROWS * 7;
                cr_assert_eq(some[j], written ? all[j] : -12345.0F);
            }
        }
    }
}

Test(product, rows_are_read_as_float32)
{
    static float out[COLS];
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (size_t i = 0; i < BLOCK_TYPES; i++) {
            prepare(block_types[i]);
            kernels->row(&fix.matrix, ROWS - 1, out);
            for (size_t c = 0; c < COLS; c++)
                cr_assert_eq(out[c],
                    read_weight(block_types[i], fix.data + (ROWS - 1) * fix.matrix.row_bytes, c)
                        .value);
        }
    }
}

/* By hand: d = 0.5 (3800), weights 1, 2, 3, ... 32, x = 32639 then zeros, so dx = 1, q = 32639:
 * A = 32639, out = 0.5 * 32639. */
Test(product, a_block_by_hand)
{
    uint8_t q8[34] = {0x00, 0x38};
    for (size_t i = 0; i < 32; i++)
        q8[2 + i] = (uint8_t)(i + 1);
    float x[32] = {32639.0F}, scale[1], out[1];
    int16_t q[32];
    int32_t sum[1];
    const rp_canon_kernels *kernels = rp_canon_kernels_best();
    cr_assert(kernels->quantise(x, 32, q, scale, sum));
    rp_canon_activations a = {.count = 1, .cols = 32, .x = x, .q = q, .scale = scale, .sum = sum};
    rp_canon_matrix m;
    cr_assert(rp_canon_matrix_init(RP_CANON_Q8_0, 1, 32, q8, sizeof q8, &m));
    kernels->product(&m, 0, 1, &a, out, 1);
    cr_assert_eq(rp_canon_bits(out[0]), UINT32_C(0x467EFE00)); /* 16319.5 */

    /* Q4_1: d = 0.5, m = 0.25, nibbles all 3: 0.5 * 3 * 32639 + 0.25 * 32639 */
    uint8_t q41[20] = {0x00, 0x38, 0x00, 0x34};
    memset(q41 + 4, 0x33, 16);
    cr_assert(rp_canon_matrix_init(RP_CANON_Q4_1, 1, 32, q41, sizeof q41, &m));
    kernels->product(&m, 0, 1, &a, out, 1);
    cr_assert_eq(out[0], 57118.25F);
}

/* The grouping of the scales decides the last bit: (d*sc)*dx is not (d*dx)*sc. */
Test(product, the_grouping_of_scales_is_kept)
{
    int differ = 0;
    prepare(RP_CANON_Q6_K);
    for (size_t i = 0; i < COLS; i += 16) {
        const uint8_t *block = fix.data + i / 256 * 210;
        float d = (float)half_value(block + 208), dx = fix.scale[i / 32];
        int sc = (int8_t)block[192 + i % 256 / 16];
        differ += (d * (float)sc) * dx != (d * dx) * (float)sc;
    }
    cr_assert(differ > 0, "the inputs are too easy");
}

/* Integers at their largest, scales at their largest and smallest. */
Test(product, extremes)
{
    static const uint16_t scales[] = {0x7BFF, 0xFBFF, 0x0001, 0x8001, 0x0000, 0x3C00};
    static float out[4][TOKENS * ROWS];
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        uint32_t type = block_types[i];
        if (!rp_canon_type_is_quantised((rp_canon_type)type))
            continue;
        for (size_t s = 0; s < 6; s++) {
            prepare(type);
            size_t row = fix.matrix.row_bytes, size = row / (type >= 12 ? COLS / 256 : COLS / 32);
            memset(fix.data, s % 2 ? 0x80 : 0xFF, sizeof fix.data);
            for (size_t at = 0; at < ROWS * row; at += size) {
                uint8_t *p = fix.data + at + (type == RP_CANON_Q6_K ? 208 : 0);
                memcpy(p, &scales[s], 2);
                if (type == 3 || type == 7 || type == 12 || type == 13)
                    memcpy(p + 2, &scales[s], 2);
            }
            for (size_t j = 0; j < TOKENS * COLS; j++)
                fix.x[j] = j / COLS == 0 ? -1e4F : j / COLS == 1 ? 0x1p-99F : 1.0F;
            for (size_t k = 0; rp_canon_kernels_at(k); k++) {
                quantise(rp_canon_kernels_at(k));
                rp_canon_kernels_at(k)->product(
                    &fix.matrix, 0, ROWS, &fix.activations, out[k], ROWS);
            }
            for (size_t j = 0; j < TOKENS * ROWS; j++) {
                uint32_t bits = rp_canon_bits(expected(type, j % ROWS, j / ROWS));
                for (size_t k = 0; rp_canon_kernels_at(k); k++)
                    cr_assert_eq(rp_canon_bits(out[k][j]), bits, "%s scale %zu",
                        rp_canon_type_name(type), s);
            }
        }
    }
}

Test(matrix, shapes_and_types_are_checked)
{
    rp_canon_matrix m;
    uint8_t byte = 0;
    cr_assert_eq(rp_canon_row_bytes(RP_CANON_Q8_0, 640), 680);
    cr_assert_eq(rp_canon_row_bytes(RP_CANON_Q4_K, 640), 0);
    cr_assert_eq(rp_canon_row_bytes(RP_CANON_Q4_K, 0), 0);
    cr_assert_eq(rp_canon_row_bytes(4, 256), 0);
    cr_assert_eq(rp_canon_row_bytes(RP_CANON_F32, UINT64_MAX), 0);
    cr_assert(rp_canon_matrix_init(RP_CANON_F16, 3, 5, &byte, 30, &m));
    cr_assert_not(rp_canon_matrix_init(RP_CANON_F16, 3, 5, &byte, 31, &m));
    cr_assert_not(rp_canon_matrix_init(RP_CANON_F16, 3, 5, &byte, 28, &m));
    cr_assert_not(rp_canon_matrix_init(RP_CANON_F16, 0, 5, &byte, 0, &m));
    cr_assert_not(rp_canon_matrix_init(RP_CANON_F16, UINT64_C(1) << 60, 16, &byte, 0, &m));
    cr_assert_str_eq(rp_canon_type_name(RP_CANON_Q5_1), "Q5_1");
    cr_assert_null(rp_canon_type_name(99));
}
