/* Every table against the norm, to the bit: all types, rows and columns that are no multiple of
 * anything, packed and not, random and adversarial numbers. NaN is NaN, whatever its other bits. */
#include "kernels/cpu/canon/canon.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "kernels/cpu/canon/pack.h"
#include "tests/unit/kernels/cpu/canon/blocks.h"

enum { ROWS = 53, COLS = 1792, TOKENS = 9, FILL = 0x7E57 };

typedef struct setting {
    rp_canon_matrix matrix;
    uint8_t data[ROWS * COLS * 4], *packed;
    float x[TOKENS * COLS], scale[TOKENS * COLS / 32];
    int16_t q[TOKENS * COLS];
    int32_t sum[TOKENS * COLS / 32];
    float norm[TOKENS * ROWS], out[TOKENS * ROWS];
} setting;

static setting set;

static const rp_canon_kernels *norm(void)
{
    const rp_canon_kernels *portable = rp_canon_kernels_named("portable");
    return portable ? portable : rp_canon_kernels_named("scalar");
}

static bool same(float a, float b)
{
    return rp_canon_bits(a) == rp_canon_bits(b) || (isnan(a) && isnan(b));
}

/* -- products --------------------------------------------------------------------------------- */

static void set_rows(uint32_t type, size_t rows, size_t cols)
{
    size_t bytes = (size_t)rp_canon_row_bytes(type, cols);
    for (size_t r = 0; r < rows; r++)
        fill_row(type, cols, 500 + r, set.data + r * bytes);
    cr_assert(rp_canon_matrix_init(type, rows, cols, set.data, rows * bytes, &set.matrix));
}

static void set_inputs(size_t cols, int how)
{
    for (size_t i = 0; i < TOKENS * cols; i++) {
        float u = rp_rng_uniform(71, i) - 0.5F;
        if (how == 1) /* every q at one of its ends */
            u = u < 0 ? -1.0F : 1.0F;
        if (how == 2) /* blocks around the smallest that counts, and zeros */
            u = i / 32 % 3 == 0 ? 0.0F : ldexpf(u, i / 32 % 3 == 1 ? -99 : -98);
        if (how == 3)
            u = i % 32 == 7 ? 0x1p-100F : i / 32 % 2 ? -0.0F : 0x1p-149F;
        if (how == 4)
            u = ldexpf(u, (int)(i / 32 % 200) - 90);
        set.x[i] = u;
    }
}

static rp_canon_activations activations(const rp_canon_kernels *kernels, size_t count, size_t cols)
{
    for (size_t t = 0; t < count; t++)
        cr_assert(kernels->quantise(set.x + t * cols, cols, set.q + t * cols,
            set.scale + t * cols / 32, set.sum + t * cols / 32));
    return (rp_canon_activations){
        .count = count, .cols = cols, .x = set.x, .q = set.q, .scale = set.scale, .sum = set.sum};
}

/* Outputs [first, first + count) of every table, packed and not, are the norm's, and no other place
 * is written. */
static void compare(size_t tokens, size_t first, size_t count)
{
    rp_canon_matrix matrix = set.matrix;
    const rp_canon_kernels *kernels;
    rp_canon_activations a = activations(norm(), tokens, matrix.cols);
    for (size_t i = 0; i < TOKENS * ROWS; i++)
        set.norm[i] = (float)FILL;
    norm()->product(&matrix, first, count, &a, set.norm, ROWS);
    set.packed = aligned_alloc(RP_CANON_PACKED_ALIGNMENT, (size_t)(rp_canon_packed_bytes(&matrix)));
    rp_canon_pack(&matrix, 0, rp_canon_groups(&matrix), set.packed);
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        a = activations(kernels, tokens, matrix.cols);
        for (int packed = 0; packed < 2; packed++) {
            matrix.packed = packed ? set.packed : NULL;
            for (size_t i = 0; i < TOKENS * ROWS; i++)
                set.out[i] = (float)FILL;
            kernels->product(&matrix, first, count, &a, set.out, ROWS);
            for (size_t i = 0; i < TOKENS * ROWS; i++)
                cr_assert(same(set.out[i], set.norm[i]),
                    "%s %s %s: %zu x %zu, %zu tokens, row %zu: %a, not %a", kernels->name,
                    rp_canon_type_name((uint32_t)matrix.type), packed ? "packed" : "rows",
                    matrix.rows, matrix.cols, tokens, i % ROWS, (double)set.out[i],
                    (double)set.norm[i]);
        }
    }
    free(set.packed);
}

Test(tables, products_of_every_shape)
{
    static const size_t ranges[][2] = {{0, ROWS}, {1, 14}, {15, 2}, {16, 16}, {31, 22}, {52, 1}};
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        uint32_t type = block_types[i];
        bool wide = type >= RP_CANON_Q4_K && type != RP_CANON_BF16;
        for (size_t cols = wide ? 256 : 32; cols <= COLS; cols += wide ? 256 : 352) {
            set_rows(type, ROWS, cols);
            set_inputs(cols, 0);
            for (size_t tokens = 1; tokens <= TOKENS; tokens++)
                compare(tokens, 0, ROWS);
            for (size_t r = 0; r < 6; r++)
                compare(1 + r % 5, ranges[r][0], ranges[r][1]);
        }
    }
}

Test(tables, few_rows)
{
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        for (size_t rows = 1; rows <= 34; rows++) {
            set_rows(block_types[i], rows, 512);
            set_inputs(512, 0);
            compare(1 + rows % 6, 0, rows);
        }
    }
}

/* Odd numbers of columns, which only the float types have. */
Test(tables, float_products_of_any_width)
{
    static const uint32_t types[] = {RP_CANON_F32, RP_CANON_F16, RP_CANON_BF16};
    static const size_t widths[] = {1, 2, 15, 17, 255, 256, 257, 259, 770};
    for (size_t i = 0; i < 27; i++) {
        size_t cols = widths[i / 3];
        size_t bytes = (size_t)rp_canon_row_bytes(types[i % 3], cols);
        for (size_t r = 0; r < ROWS; r++)
            fill_row(types[i % 3], 1024, 900 + r, set.data + r * bytes);
        cr_assert(
            rp_canon_matrix_init(types[i % 3], ROWS, cols, set.data, ROWS * bytes, &set.matrix));
        for (size_t j = 0; j < TOKENS * cols; j++)
            set.x[j] = rp_rng_uniform(72, j) - 0.5F;
        rp_canon_matrix matrix = set.matrix;
        set.packed = malloc((size_t)rp_canon_packed_bytes(&matrix));
        rp_canon_pack(&matrix, 0, rp_canon_groups(&matrix), set.packed);
        const rp_canon_kernels *kernels;
        for (size_t tokens = 1; tokens <= 6; tokens++) {
            rp_canon_activations a = {.count = tokens, .cols = cols, .x = set.x};
            norm()->product(&set.matrix, 0, ROWS, &a, set.norm, ROWS);
            for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
                for (int packed = 0; packed < 2; packed++) {
                    matrix.packed = packed ? set.packed : NULL;
                    kernels->product(&matrix, 0, ROWS, &a, set.out, ROWS);
                    for (size_t j = 0; j < tokens * ROWS; j++)
                        cr_assert(same(set.out[j], set.norm[j]), "%s %zu", kernels->name, cols);
                }
            }
        }
        free(set.packed);
    }
}

/* Puts a half at every place that one has in a row of this type. */
static void put_scales(uint32_t type, const uint16_t *halves, size_t count)
{
    bool wide = type >= RP_CANON_Q4_K && type != RP_CANON_BF16;
    bool two = type == RP_CANON_Q4_1 || type == RP_CANON_Q5_1 || type == RP_CANON_Q4_K ||
               type == RP_CANON_Q5_K;
    size_t width = wide ? 256 : 32, i = 0;
    size_t bytes = (size_t)rp_canon_row_bytes(type, width);
    for (size_t at = 0; at < ROWS * set.matrix.row_bytes; at += bytes) {
        uint8_t *p = set.data + at + (type == RP_CANON_Q6_K ? 208 : 0);
        memcpy(p, &halves[i++ % count], 2);
        if (two)
            memcpy(p + 2, &halves[i++ % count], 2);
    }
}

Test(tables, adversarial_products)
{
    /* the largest and smallest of every kind, infinities, NaN */
    static const uint16_t tame[] = {0x7BFF, 0xFBFF, 0x0001, 0x8001, 0x03FF, 0x0000, 0x8000, 0x0400};
    static const uint16_t wild[] = {0x3C00, 0x7C00, 0xFC00, 0x7E01, 0x0001, 0x7D00, 0x3800};
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        uint32_t type = block_types[i];
        if (!rp_canon_type_is_quantised((rp_canon_type)type))
            continue;
        for (int how = 0; how < 10; how++) {
            set_rows(type, ROWS, 768);
            if (how >= 5) /* codes at their ends */
                memset(set.data, how % 2 ? 0xFF : 0x80, ROWS * set.matrix.row_bytes);
            if (how != 0)
                put_scales(type, how % 3 == 2 ? wild : tame, how % 3 == 2 ? 7 : 8);
            set_inputs(768, how % 5);
            compare(5, 0, ROWS);
            compare(1, 0, ROWS);
        }
    }
}

Test(tables, chosen_rows)
{
    static const uint32_t rows[] = {52, 0, 7, 7, 31, 16, 15, 1, 2, 3, 4, 5, 6, 50, 20, 21, 22, 9};
    const rp_canon_kernels *kernels;
    for (size_t i = 0; i < BLOCK_TYPES; i++) {
        set_rows(block_types[i], ROWS, 1280);
        set_inputs(1280, 0);
        rp_canon_activations a = activations(norm(), 1, 1280);
        norm()->product(&set.matrix, 0, ROWS, &a, set.norm, ROWS);
        for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
            a = activations(kernels, 1, 1280);
            for (size_t count = 0; count <= 18; count++) {
                set.out[count] = (float)FILL;
                kernels->product_rows(&set.matrix, rows, count, &a, set.out);
                for (size_t j = 0; j < count; j++)
                    cr_assert(same(set.out[j], set.norm[rows[j]]), "%s %s", kernels->name,
                        rp_canon_type_name(block_types[i]));
                cr_assert_eq(set.out[count], (float)FILL);
            }
        }
    }
}

/* -- rows ------------------------------------------------------------------------------------- */

static void fill_floats(float *x, size_t n, uint64_t seed, int spread)
{
    for (size_t i = 0; i < n; i++)
        x[i] = ldexpf(rp_rng_uniform(seed, i) - 0.5F,
            spread ? (int)(rp_rng_philox(seed, i, 3).word[0] % (unsigned)spread) - spread / 2 : 3);
}

Test(tables, everything_over_rows)
{
    enum { N = 333 };
    static float x[N + 1], y[N + 1], a[N + 1], b[N + 1];
    const rp_canon_kernels *kernels;
    for (size_t n = 1; n <= N; n += n < 70 ? 1 : 37) {
        for (int spread = 0; spread <= 60; spread += 30) {
            fill_floats(x, N, 80 + n, spread);
            fill_floats(y, N, 81 + n, spread);
            for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
                for (int f = 0; f < 5; f++) {
                    float sum_a = 0, sum_b = 0;
                    a[n] = b[n] = (float)FILL;
                    for (int who = 0; who < 2; who++) {
                        const rp_canon_kernels *which = who ? kernels : norm();
                        float *out = who ? b : a;
                        if (f == 0)
                            which->rms_norm(x, y, n, 1e-6F, out);
                        else if (f == 1)
                            which->gelu_tanh(x, y, n, out);
                        else if (f == 2)
                            which->silu(x, y, n, out);
                        else if (f == 3)
                            *(who ? &sum_b : &sum_a) = which->exp_sum(x, n, 0.75F, out);
                        else {
                            memcpy(out, x, n * sizeof *out);
                            which->rope(out, n / 2 * 2, y, y + n / 2);
                        }
                    }
                    cr_assert(same(sum_a, sum_b));
                    for (size_t i = 0; i <= n; i++)
                        cr_assert(same(a[i], b[i]), "%s function %d of %zu, at %zu: %a, not %a",
                            kernels->name, f, n, i, (double)b[i], (double)a[i]);
                }
            }
        }
    }
}

Test(tables, elementary_functions_at_odd_places)
{
    static const float odd[] = {0.0F, -0.0F, INFINITY, -INFINITY, NAN, 0x1p-149F, -0x1p-149F,
        0x1p-126F, 88.72F, 88.73F, 89.0F, 89.1F, -87.3F, -103.97F, -104.0F, -105.0F, -105.1F,
        0.625F, -0.625F, 0x1.3fffffp-1F, 1.0F, -1.0F, 4.0F, -4.0F, 3e38F, -3e38F, 0.5F, 20.0F};
    enum { COUNT = sizeof odd / sizeof *odd };
    static float a[COUNT], b[COUNT];
    const rp_canon_kernels *kernels;
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        for (size_t n = 1; n <= COUNT; n++) {
            void (*const one[])(const float *, size_t, float *) = {
                norm()->exp, kernels->exp, norm()->tanh, kernels->tanh, norm()->erf, kernels->erf};
            for (size_t f = 0; f < 5; f++) {
                if (f < 3) {
                    one[2 * f](odd, n, a);
                    one[2 * f + 1](odd, n, b);
                } else if (f == 3) {
                    norm()->gelu_tanh(odd, odd, n, a);
                    kernels->gelu_tanh(odd, odd, n, b);
                } else {
                    norm()->silu(odd, odd, n, a);
                    kernels->silu(odd, odd, n, b);
                }
                for (size_t i = 0; i < n; i++)
                    cr_assert(same(a[i], b[i]), "%s %zu(%a) = %a, not %a", kernels->name, f,
                        (double)odd[i], (double)b[i], (double)a[i]);
            }
        }
    }
}

/* -- attention -------------------------------------------------------------------------------- */

enum { HEADS = 16, DIM = 256, CAPACITY = 1024, SCRATCH = 16 * (256 + 256 + 4) + 4 * 256 };

static float query[HEADS * DIM], attended[2][HEADS * DIM], scratch[SCRATCH];
static uint16_t keys[CAPACITY * 512], values[CAPACITY * 512];

static void attend(const rp_canon_kernels *kernels, rp_canon_attention a, int who)
{
    for (size_t i = 0; i < SCRATCH; i++)
        scratch[i] = NAN; /* nothing of before may count */
    a.scratch = scratch;
    a.out = attended[who];
    kernels->attention(&a);
}

static void compare_attention(rp_canon_attention a)
{
    const rp_canon_kernels *kernels;
    a.query = query;
    a.keys = keys;
    a.values = values;
    attend(norm(), a, 0);
    for (size_t k = 0; (kernels = rp_canon_kernels_at(k)); k++) {
        attend(kernels, a, 1);
        for (size_t i = 0; i < a.heads * a.head_dim; i++)
            cr_assert(same(attended[0][i], attended[1][i]),
                "%s: %zu heads of %zu, [%zu, %zu], at %zu: %a, not %a", kernels->name, a.heads,
                a.head_dim, (size_t)a.first, (size_t)a.last, i, (double)attended[1][i],
                (double)attended[0][i]);
    }
}

static void fill_cache(float size)
{
    for (size_t i = 0; i < CAPACITY * 512; i++) {
        keys[i] = rp_canon_to_f16((rp_rng_uniform(91, i) - 0.5F) * size);
        values[i] = rp_canon_to_f16((rp_rng_uniform(92, i) - 0.5F) * size);
    }
    for (size_t i = 0; i < HEADS * DIM; i++)
        query[i] = rp_rng_uniform(93, i) - 0.5F;
}

Test(tables, attention_over_heads_and_widths)
{
    static const size_t widths[] = {64, 80, 96, 100, 128, 192, 256, 8, 17};
    fill_cache(2.0F);
    for (size_t heads = 1; heads <= HEADS; heads++) {
        for (size_t i = 0; i < 9; i++)
            compare_attention((rp_canon_attention){.heads = heads,
                .head_dim = widths[i],
                .stride = widths[i] + 8 * (i % 3),
                .capacity = CAPACITY,
                .first = heads * 7,
                .last = 250 + 13 * heads});
    }
}

Test(tables, attention_over_split_borders_windows_and_wraps)
{
    fill_cache(2.0F);
    for (uint64_t i = 0; i < 300; i++) {
        uint64_t last = rp_rng_philox(94, i, 0).word[0] % 3000;
        uint64_t window = i % 3 ? rp_rng_philox(94, i, 0).word[1] % 512 + 1 : 768;
        uint64_t first = last >= window ? last - window + 1 : 0;
        compare_attention((rp_canon_attention){.heads = 1 + i % 5,
            .head_dim = 64,
            .stride = 64,
            .capacity = i % 2 ? CAPACITY : 768,
            .first = first,
            .last = last});
    }
    for (uint64_t last = 0; last < 40; last++)
        compare_attention((rp_canon_attention){.heads = 3,
            .head_dim = 64,
            .stride = 64,
            .capacity = 256,
            .first = last / 2,
            .last = last});
}

/* Scores far apart, all equal, infinite and NaN. */
Test(tables, adversarial_attention)
{
    rp_canon_attention a = {
        .heads = 4, .head_dim = 64, .stride = 64, .capacity = CAPACITY, .first = 3, .last = 700};
    fill_cache(400.0F);
    compare_attention(a);
    fill_cache(0.0F);
    compare_attention(a);
    for (int how = 0; how < 4; how++) {
        static const uint16_t odd[] = {0x7C00, 0xFC00, 0x7E00, 0x0001};
        fill_cache(2.0F);
        keys[64 * 300 + 5] = odd[how];
        compare_attention(a);
        fill_cache(2.0F);
        values[64 * 600 + 5] = odd[how];
        compare_attention(a);
    }
}
