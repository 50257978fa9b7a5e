/* What each table of canon 1's kernels does on one thread: one line a figure, `name value unit`.
 *
 *     bench_kernels [TABLE...]
 *
 * A figure is the best of many short repetitions: what the kernel can do, where another process does
 * not take the memory or the core just then. `pack` is the rearranging of a matrix, and reads so many
 * bytes of rows. `dram` is a product with one row of activations whose
 * weights, packed, come from memory; beside it stands what reading the same memory does. `macs` are
 * products whose weights lie in the cache, with 1, 4 and 64 rows of activations; `head` is the first
 * pass of the half-byte head.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels/cpu/canon/canon.h"
#include "kernels/cpu/canon/half.h"
#include "kernels/cpu/canon/head.h"
#include "kernels/cpu/canon/pack.h"
#include "kernels/cpu/canon/thread.h"
#include "runtime/base/clock.h"
#include "runtime/base/rng.h"
#include "tests/bench/canon/read_memory.h"

enum {
    COLS = 1024,
    CACHED_ROWS = 128,
    TOKENS = 64,
    KEYS = 2048,
    LONG_TIMES = 5, /* of what takes many milliseconds: so often, and on until long_s */
    TIMES = 300
};
static const double long_s = 0.5;
static const size_t dram_bytes = (size_t)192 << 20, page_bytes = (size_t)2 << 20;

typedef struct inputs {
    float x[TOKENS * COLS], scale[TOKENS * COLS / 32], out[TOKENS * CACHED_ROWS];
    int16_t q[TOKENS * COLS];
    int32_t sum[TOKENS * COLS / 32];
    uint16_t keys[KEYS * 256], values[KEYS * 256];
    float query[16 * 256], attended[16 * 256], scratch[16 * 520 + 4 * 256];
} inputs;

static inputs in;

static double now_s(void)
{
    return (double)rp_clock_monotonic_ns(rp_clock_system()) / (double)RP_NS_PER_S;
}

/* Whether a long measurement goes on after `done` times since `begin`. */
static bool goes_on(size_t done, double begin)
{
    return done < LONG_TIMES || now_s() - begin < long_s;
}

/* Memory of large pages where the system gives them, filled with numbers that are finite in every
 * type. */
static uint8_t *memory(size_t bytes)
{
    uint8_t *p = aligned_alloc(page_bytes, bytes);
    if (!p)
        exit(1);
    (void)madvise(p, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < page_bytes; i += 4) {
        uint32_t word = rp_rng_philox(5, i, 0).word[0] & UINT32_C(0x3BFF3BFF);
        memcpy(p + i, &word, sizeof word);
    }
    for (size_t i = page_bytes; i < bytes; i += page_bytes)
        memcpy(p + i, p, page_bytes);
    return p;
}

static rp_canon_activations activations(const rp_canon_kernels *kernels, size_t count)
{
    for (size_t t = 0; t < count; t++)
        (void)kernels->quantise(in.x + t * COLS, COLS, in.q + t * COLS, in.scale + t * COLS / 32,
            in.sum + t * COLS / 32);
    return (rp_canon_activations){
        .count = count, .cols = COLS, .x = in.x, .q = in.q, .scale = in.scale, .sum = in.sum};
}

static rp_canon_matrix matrix_over(const uint8_t *bytes, uint32_t type, size_t rows)
{
    return (rp_canon_matrix){.data = bytes,
        .packed = bytes,
        .type = (rp_canon_type)type,
        .rows = rows,
        .cols = COLS,
        .row_bytes = (size_t)rp_canon_row_bytes(type, COLS)};
}

/* -- products --------------------------------------------------------------------------------- */

static void bench_read_memory(const uint8_t *bytes)
{
    double best = 1e9, begin = now_s();
    volatile uint64_t sink;
    for (size_t i = 0; goes_on(i, begin); i++) {
        double start = now_s();
        sink = bench_read(bytes, dram_bytes);
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    (void)sink;
    printf("kernels_read_dram %.1f GB/s\n", (double)dram_bytes / best / 1e9);
}

/* GB/s of the table's product beside the reading of the same memory, in turn. */
static void bench_dram(const rp_canon_kernels *kernels, uint32_t type, const uint8_t *bytes)
{
    rp_canon_matrix one = matrix_over(bytes, type, RP_CANON_GROUP);
    size_t rows = dram_bytes / rp_canon_packed_group(&one) * RP_CANON_GROUP;
    rp_canon_matrix matrix = matrix_over(bytes, type, rows);
    rp_canon_activations a = activations(kernels, 1);
    uint64_t weights = kernels->arrangement == RP_CANON_PLAIN ? rows * (uint64_t)matrix.row_bytes
                                                              : rp_canon_packed_bytes(&matrix);
    double best = 1e9, read = 1e9, begin = now_s();
    float *out = calloc(rows, sizeof *out);
    volatile uint64_t sink;
    for (size_t i = 0; out && goes_on(i, begin); i++) {
        double start = now_s();
        kernels->product(&matrix, 0, rows, &a, out, rows);
        double between = now_s();
        sink = bench_read(bytes, dram_bytes);
        double end = now_s();
        best = between - start < best ? between - start : best;
        read = end - between < read ? end - between : read;
    }
    (void)sink;
    double rate = (double)weights / best / 1e9, limit = (double)dram_bytes / read / 1e9;
    printf("kernels_%s_%s_dram %.1f GB/s\n", kernels->name, rp_canon_type_name(type), rate);
    printf("kernels_%s_%s_dram_of_reading %.0f %%\n", kernels->name, rp_canon_type_name(type),
        100.0 * rate / limit);
    free(out);
}

/* The same for the first pass of the half-byte head. */
static void bench_head(const rp_canon_kernels *kernels, const uint8_t *bytes)
{
    rp_canon_matrix one = matrix_over(bytes, RP_CANON_Q8_0, RP_CANON_GROUP);
    size_t groups = dram_bytes / (size_t)rp_canon_head_bytes(&one);
    rp_canon_matrix matrix = matrix_over(bytes, RP_CANON_Q8_0, groups * RP_CANON_GROUP);
    rp_canon_head head = {.matrix = &matrix, .halves = bytes};
    rp_canon_activations a = activations(kernels, 1);
    static float norms[COLS / 32];
    float *values = calloc(2 * matrix.rows, sizeof *values);
    rp_canon_head_work work = {.values = values, .slack = values + matrix.rows, .norms = norms};
    double best = 1e9, begin = now_s();
    rp_canon_head_enter(kernels, &a, &work);
    for (size_t i = 0; values && goes_on(i, begin); i++) {
        double start = now_s();
        rp_canon_head_outline(&head, kernels, &a, 0, groups, &work);
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    printf("kernels_%s_head_dram %.1f GB/s\n", kernels->name,
        (double)rp_canon_head_bytes(&matrix) / best / 1e9);
    free(values);
}

/* Rearranging rows that lie in the cache: for kernels, and into the halves of a head. */
static void bench_pack(uint32_t type, const uint8_t *bytes)
{
    rp_canon_matrix matrix = matrix_over(bytes, type, CACHED_ROWS);
    size_t groups = rp_canon_groups(&matrix);
    uint8_t *out = malloc((size_t)rp_canon_packed_bytes(&matrix));
    double best = 1e9, halves = 1e9, rows = (double)(CACHED_ROWS * matrix.row_bytes);
    for (size_t i = 0; out && i < LONG_TIMES; i++) {
        double start = now_s();
        rp_canon_pack(&matrix, 0, groups, out);
        double between = now_s();
        if (type == RP_CANON_Q8_0)
            rp_canon_head_pack(&matrix, 0, groups, out);
        double end = now_s();
        best = between - start < best ? between - start : best;
        halves = end - between < halves ? end - between : halves;
    }
    printf("kernels_pack_%s %.2f GB/s\n", rp_canon_type_name(type), rows / best / 1e9);
    if (type == RP_CANON_Q8_0)
        printf("kernels_pack_head %.2f GB/s\n", rows / halves / 1e9);
    free(out);
}

static void bench_macs(const rp_canon_kernels *kernels, uint32_t type, const uint8_t *bytes)
{
    rp_canon_matrix matrix = matrix_over(bytes, type, CACHED_ROWS);
    static const size_t counts[] = {1, 4, TOKENS};
    for (size_t c = 0; c < 3; c++) {
        rp_canon_activations a = activations(kernels, counts[c]);
        double best = 1e9;
        for (size_t i = 0; i < TIMES / (c == 2 ? 10 : 1); i++) {
            double start = now_s();
            kernels->product(&matrix, 0, CACHED_ROWS, &a, in.out, CACHED_ROWS);
            double took = now_s() - start;
            best = took < best ? took : best;
        }
        printf("kernels_%s_%s_macs%zu %.1f GMAC/s\n", kernels->name, rp_canon_type_name(type),
            counts[c], (double)(counts[c] * CACHED_ROWS * COLS) / best / 1e9);
    }
}

/* -- the rest --------------------------------------------------------------------------------- */

typedef void row_work(const rp_canon_kernels *kernels);

static void work_quantise(const rp_canon_kernels *k)
{
    (void)k->quantise(in.x, COLS, in.q, in.scale, in.sum);
}

static void work_rms_norm(const rp_canon_kernels *k)
{
    k->rms_norm(in.x, in.x + COLS, COLS, 1e-6F, in.out);
}

static void work_rope(const rp_canon_kernels *k)
{
    k->rope(in.out, COLS, in.x, in.x + COLS);
}

static void work_gelu(const rp_canon_kernels *k)
{
    k->gelu_tanh(in.x, in.x + COLS, COLS, in.out);
}

static void work_silu(const rp_canon_kernels *k)
{
    k->silu(in.x, in.x + COLS, COLS, in.out);
}

static void work_exp_sum(const rp_canon_kernels *k)
{
    (void)k->exp_sum(in.x, COLS, 1.0F, in.out);
}

static void work_exp(const rp_canon_kernels *k)
{
    k->exp(in.x, COLS, in.out);
}

static void work_tanh(const rp_canon_kernels *k)
{
    k->tanh(in.x, COLS, in.out);
}

static void work_erf(const rp_canon_kernels *k)
{
    k->erf(in.x, COLS, in.out);
}

static void bench_rows(const rp_canon_kernels *kernels)
{
    static const struct {
        const char *name;
        row_work *work;
    } all[] = {{"quantise", work_quantise}, {"rms_norm", work_rms_norm}, {"rope", work_rope},
        {"gelu_tanh", work_gelu}, {"silu", work_silu}, {"exp_sum", work_exp_sum}, {"exp", work_exp},
        {"tanh", work_tanh}, {"erf", work_erf}};
    for (size_t f = 0; f < sizeof all / sizeof *all; f++) {
        double best = 1e9;
        for (size_t i = 0; i < TIMES; i++) {
            double start = now_s();
            for (size_t j = 0; j < 8; j++)
                all[f].work(kernels);
            double took = (now_s() - start) / 8;
            best = took < best ? took : best;
        }
        printf("kernels_%s_%s %.3f ns/element\n", kernels->name, all[f].name, best / COLS * 1e9);
    }
}

/* An element is one product of a query's number with a key's, and of a weight with a value's. */
static void bench_attention(const rp_canon_kernels *kernels, size_t heads, size_t dim, size_t keys)
{
    rp_canon_attention a = {.query = in.query,
        .keys = in.keys,
        .values = in.values,
        .heads = heads,
        .head_dim = dim,
        .stride = dim,
        .capacity = KEYS,
        .first = 0,
        .last = keys - 1,
        .scratch = in.scratch,
        .out = in.attended};
    double best = 1e9;
    for (size_t i = 0; i < TIMES / 4; i++) {
        double start = now_s();
        kernels->attention(&a);
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    printf("kernels_%s_attention_heads%zu_dim%zu_keys%zu %.4f ns/element\n", kernels->name, heads,
        dim, keys, best / (double)(heads * dim * keys) * 1e9);
}

static const uint32_t types[] = {
#define X(name, number, weights, bytes) number,
    RP_CANON_TYPE_MAP(X)
#undef X
};
enum { TYPES = sizeof types / sizeof *types };

static void bench_table(const rp_canon_kernels *kernels, const uint8_t *bytes)
{
    for (size_t i = 0; i < TYPES; i++) {
        bench_dram(kernels, types[i], bytes);
        bench_macs(kernels, types[i], bytes);
    }
    bench_head(kernels, bytes);
    bench_rows(kernels);
    bench_attention(kernels, 4, 256, 512);
    bench_attention(kernels, 4, 256, KEYS);
    bench_attention(kernels, 1, 128, 512);
    bench_attention(kernels, 8, 64, 512);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    if (!rp_canon_thread_enter())
        return 1;
    for (size_t i = 0; i < TOKENS * COLS; i++)
        in.x[i] = rp_rng_uniform(1, i) - 0.5F;
    for (size_t i = 0; i < 16 * 256; i++)
        in.query[i] = rp_rng_uniform(2, i) - 0.5F;
    for (size_t i = 0; i < KEYS * 256; i++) {
        in.keys[i] = rp_canon_to_f16(rp_rng_uniform(3, i) - 0.5F);
        in.values[i] = rp_canon_to_f16(rp_rng_uniform(4, i) - 0.5F);
    }
    uint8_t *bytes = memory(dram_bytes);
    const rp_canon_kernels *kernels;
    bench_read_memory(bytes);
    for (size_t i = 0; i < TYPES; i++)
        bench_pack(types[i], bytes);
    for (size_t i = 0; (kernels = rp_canon_kernels_at(i)); i++) {
        if (is_wanted(kernels->name, argc, argv))
            bench_table(kernels, bytes);
    }
    free(bytes);
    return 0;
}
