#include "kernels/cpu/canon/head.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "tests/unit/kernels/cpu/canon/blocks.h"

enum { ROWS = 1003, COLS = 320, ROUNDED = 1008, TOP = 1024 };

typedef struct setting {
    rp_canon_matrix matrix;
    rp_canon_head head;
    uint8_t data[ROWS * COLS / 32 * 34];
    uint8_t halves[ROUNDED / 16 * ((COLS / 32 * RP_CANON_OUTLINE_BLOCK + 63) / 64 * 64)];
    float x[COLS], scale[COLS / 32];
    int16_t q[COLS];
    int32_t sum[COLS / 32];
    float full[ROWS];
    uint32_t every[ROWS];
    rp_canon_head_work work;
    float values[ROUNDED], slack[ROUNDED], logits[ROWS], norms[COLS / 32];
    uint32_t rows[ROWS];
    rp_canon_scored expected[TOP], got[TOP];
} setting;

static setting set;

static bool same(float a, float b)
{
    return rp_canon_bits(a) == rp_canon_bits(b) || (isnan(a) && isnan(b));
}

static void set_random(uint64_t seed)
{
    size_t bytes = COLS / 32 * 34;
    for (size_t r = 0; r < ROWS; r++)
        fill_row(RP_CANON_Q8_0, COLS, seed * 10000 + r, set.data + r * bytes);
    for (size_t i = 0; i < COLS; i++)
        set.x[i] = (rp_rng_uniform(seed, i) - 0.5F) * (i / 32 % 3 == 1 ? 20.0F : 1.0F);
}

static void pack(size_t rows)
{
    cr_assert(rp_canon_matrix_init(
        RP_CANON_Q8_0, rows, COLS, set.data, rows * (COLS / 32 * 34), &set.matrix));
    cr_assert(rp_canon_head_bytes(&set.matrix) <= sizeof set.halves);
    rp_canon_head_pack(&set.matrix, 0, rp_canon_groups(&set.matrix), set.halves);
    set.head = (rp_canon_head){.matrix = &set.matrix, .halves = set.halves};
    set.work = (rp_canon_head_work){set.values, set.slack, set.rows, set.logits, set.norms};
}

static rp_canon_activations activation(const rp_canon_kernels *kernels)
{
    cr_assert(kernels->quantise(set.x, COLS, set.q, set.scale, set.sum));
    return (rp_canon_activations){
        .count = 1, .cols = COLS, .x = set.x, .q = set.q, .scale = set.scale, .sum = set.sum};
}

/* The head's best are the full product's, to the bit, in every table; and every bound holds. */
static void compare(const char *what)
{
    static const size_t tops[] = {1, 2, 3, 64, 1000, TOP};
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        rp_canon_activations a = activation(kernels);
        size_t rows = set.matrix.rows;
        kernels->product(&set.matrix, 0, rows, &a, set.full, rows);
        for (size_t i = 0; i < 6; i++) {
            for (size_t r = 0; r < rows; r++)
                set.every[r] = (uint32_t)r;
            size_t many = rp_canon_head_rank(set.every, set.full, rows, tops[i], set.expected);
            size_t count = rp_canon_head_top(&set.head, kernels, &a, tops[i], &set.work, set.got);
            cr_assert_eq(count, many, "%s", what);
            for (size_t j = 0; j < count; j++)
                cr_assert(set.got[j].row == set.expected[j].row &&
                              same(set.got[j].value, set.expected[j].value),
                    "%s %s: place %zu of %zu: row %u, not %u", what, kernels->name, j, tops[i],
                    set.got[j].row, set.expected[j].row);
        }
        for (size_t r = 0; r < rows; r++) {
            double off = fabs((double)set.full[r] - (double)set.values[r]);
            cr_assert(!(set.slack[r] < 0x1p100F) || off <= (double)set.slack[r],
                "%s %s: row %zu is %g off, bound %g", what, kernels->name, r, off,
                (double)set.slack[r]);
        }
    }
}

Test(head, is_the_full_head_on_random_rows)
{
    static const size_t rows[] = {ROWS, 1, 15, 16, 17, 64, 999};
    for (size_t i = 0; i < 7; i++) {
        set_random(40 + i);
        pack(rows[i]);
        compare("random");
    }
}

static void put_halves(const uint16_t *halves, size_t count)
{
    for (size_t b = 0; b < ROWS * COLS / 32; b++)
        memcpy(set.data + 34 * b, &halves[b * 7 / 5 % count], 2);
}

Test(head, is_the_full_head_on_adversarial_rows)
{
    size_t bytes = COLS / 32 * 34;
    for (size_t r = 0; r < ROWS; r++) { /* all equal */
        fill_row(RP_CANON_Q8_0, COLS, 1, set.data + r * bytes);
    }
    for (size_t i = 0; i < COLS; i++)
        set.x[i] = rp_rng_uniform(50, i) - 0.5F;
    pack(ROWS);
    compare("all equal");

    for (size_t r = 0; r < ROWS; r++) /* differing in a low nibble here and there */
        set.data[r * bytes + 2 + r % 32] ^= (uint8_t)(r % 5 == 0 ? 1 : 0);
    pack(ROWS);
    compare("nearly equal");

    set_random(51);
    for (size_t r = 0; r + 1 < ROWS; r += 2) /* in pairs */
        memcpy(set.data + (r + 1) * bytes, set.data + r * bytes, bytes);
    pack(ROWS);
    compare("ties");

    set_random(52);
    memset(set.x, 0, sizeof set.x);
    pack(ROWS);
    compare("a zero activation");

    set_random(53);
    for (size_t i = 0; i < sizeof set.data; i++)
        set.data[i] = (uint8_t)(i % 34 < 2 ? set.data[i] : i % 3 == 0 ? 0x80 : 0x7F);
    pack(ROWS);
    compare("weights at their ends");

    memset(set.data, 0, sizeof set.data);
    pack(ROWS);
    compare("zeros");

    /* what the first pass leaves out is parallel to the activation, so that the bound is tight */
    set_random(54);
    for (size_t i = 0; i < COLS; i++)
        set.x[i] = 1.0F;
    for (size_t i = 0; i < sizeof set.data; i++) {
        size_t row = i / bytes;
        if (i % 34 >= 2)
            set.data[i] = (uint8_t)(row % 4 == 0   ? 7
                                    : row % 4 == 1 ? 0xF8
                                    : row % 4 == 2 ? 127
                                                   : 23);
        else
            set.data[i] = (uint8_t)(i % 34 == 1 ? 0x24 : row);
    }
    pack(ROWS);
    compare("tight bounds");

    /* the first block is large and has no rest, so that most of the difference is rounding */
    set_random(55);
    for (size_t i = 0; i < COLS; i++)
        set.x[i] = rp_rng_uniform(56, i) * (i < 32 ? 1000.0F : 1e-4F);
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 2; i < 34; i++)
            set.data[r * bytes + i] &= 0xF0;
    }
    pack(ROWS);
    compare("rounding");
}

Test(head, is_the_full_head_whatever_the_scales)
{
    static const uint16_t large[] = {0x7BFF, 0xFBFF, 0x7000}, small[] = {0x0001, 0x8001, 0x0000};
    static const uint16_t mixed[] = {0x7BFF, 0x0001, 0x2C00, 0xA800, 0x0400, 0x9000, 0x8000};
    static const uint16_t wild[] = {0x2C00, 0x2C00, 0x2C00, 0x2C00, 0x2C00, 0x2C00, 0x2C00, 0x2C00,
        0x2C00, 0x2C00, 0x2C00, 0x7C00, 0x2C00, 0x2C00, 0x2C00, 0xFC00, 0x2C00, 0x7E00, 0x2C00};
    for (int exponent = -96; exponent <= 100; exponent += 28) {
        for (int how = 0; how < 4; how++) {
            set_random(60 + (uint64_t)how);
            put_halves(how == 0   ? large
                       : how == 1 ? small
                       : how == 2 ? mixed
                                  : wild,
                how == 0   ? 3
                : how == 1 ? 3
                : how == 2 ? 7
                           : 19);
            for (size_t i = 0; i < COLS; i++)
                set.x[i] = ldexpf(set.x[i], exponent + (how == 2 ? (int)(i / 32) * 2 : 0));
            pack(ROWS);
            compare("scales");
        }
    }
}

/* Weights as a model has them: most rows need not be computed. */
Test(head, computes_few_rows_exactly)
{
    set_random(70);
    for (size_t r = 0; r < ROWS; r++) /* rows of different strength */
        set.data[r * (COLS / 32 * 34) + 1] &= 0xFB;
    for (size_t i = 0; i < COLS; i++) /* one row is much like the activation */
        set.x[i] = (float)(int8_t)set.data[500 * (COLS / 32 * 34) + i / 32 * 34 + 2 + i % 32];
    pack(ROWS);
    const rp_canon_kernels *kernels = rp_canon_kernels_best();
    rp_canon_activations a = activation(kernels);
    rp_canon_head_enter(kernels, &a, &set.work);
    rp_canon_head_outline(&set.head, kernels, &a, 0, rp_canon_groups(&set.matrix), &set.work);
    size_t few = rp_canon_head_choose(&set.head, kernels, &a, 1, &set.work);
    cr_assert(few >= 1 && few < ROWS / 4, "%zu rows", few);
}

/* Every table's first pass gives the same bits, in any parts. */
Test(head, the_first_pass_is_the_same_in_every_table)
{
    static float values[ROUNDED], slack[ROUNDED];
    set_random(80);
    pack(ROWS);
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        rp_canon_activations a = activation(kernels);
        rp_canon_head_enter(kernels, &a, &set.work);
        for (size_t g = 0; g < rp_canon_groups(&set.matrix); g += 5) {
            size_t left = rp_canon_groups(&set.matrix) - g;
            rp_canon_head_outline(&set.head, kernels, &a, g, left < 5 ? left : 5, &set.work);
        }
        if (k == 0) {
            memcpy(values, set.values, sizeof values);
            memcpy(slack, set.slack, sizeof slack);
        }
        cr_assert_arr_eq(values, set.values, ROWS * sizeof *values);
        cr_assert_arr_eq(slack, set.slack, ROWS * sizeof *slack);
    }
}

Test(head, reads_nineteen_bytes_for_thirty_four)
{
    rp_canon_matrix m = {.type = RP_CANON_Q8_0, .rows = 262144, .cols = 640, .row_bytes = 680};
    cr_assert_eq(rp_canon_head_bytes(&m), UINT64_C(262144) * 640 / 32 * 19);
    m.type = RP_CANON_Q4_0;
    cr_assert_eq(rp_canon_head_bytes(&m), 0);
    rp_canon_matrix largest = {.type = RP_CANON_Q8_0, .rows = 1 << 24, .cols = 1 << 20};
    cr_assert_eq(rp_canon_head_bytes(&largest), (UINT64_C(1) << 39) * 19);
}

Test(head, ranking_breaks_ties_by_row_and_drops_what_is_no_number)
{
    static const uint32_t rows[] = {9, 3, 7, 1, 5, 2};
    static const float logits[] = {1.0F, 2.0F, 2.0F, NAN, -INFINITY, 1.0F};
    rp_canon_scored best[6];
    cr_assert_eq(rp_canon_head_rank(rows, logits, 6, 3, best), 3);
    cr_assert_eq(best[0].row, 3);
    cr_assert_eq(best[1].row, 7);
    cr_assert_eq(best[2].row, 2);
    cr_assert_eq(rp_canon_head_rank(rows, logits, 6, 6, best), 5);
    cr_assert_eq(best[3].row, 9);
    cr_assert_eq(best[4].row, 5);
}
