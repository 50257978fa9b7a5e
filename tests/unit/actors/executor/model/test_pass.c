#include "actors/executor/model/model.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "kernels/cpu/canon/half.h"
#include "tests/unit/actors/executor/tiny.h"

/* Many windows and more than one split: rings wrap, splits combine. Under the thread sanitizer,
 * which is fifty times slower, only just. */
#if defined(__SANITIZE_THREAD__)
enum { LENGTH = 280 };
#else
enum { LENGTH = 700 };
#endif
enum { WATCHED = 5 };

static const uint32_t watched[WATCHED] = {0, 39, 40, 257, LENGTH - 1};

typedef struct answer {
    float hidden[WATCHED][TINY_WIDTH];
    float logits[WATCHED][TINY_VOCABULARY];
} answer;

static uint32_t token_at(uint32_t sequence, uint32_t position)
{
    return (sequence * 131 + position * position * 7 + position * 3) % TINY_VOCABULARY;
}

static int watch_of(uint32_t position)
{
    for (int i = 0; i < WATCHED; i++) {
        if (watched[i] == position)
            return i;
    }
    return -1;
}

static void take(rp_pass *pass, const rp_pass_row *rows, uint32_t count, const float *hidden,
    const rp_kv *kv, answer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(rows[i].finite);
        if (!rows[i].wanted)
            continue;
        if (rows[i].kv == kv) {
            int w = watch_of(rows[i].position);
            memcpy(out->hidden[w], hidden, sizeof out->hidden[w]);
            rp_pass_logits(pass, hidden, 1, out->logits[w]);
        }
        hidden += TINY_WIDTH;
    }
}

/* Reads sequence 0 in chunks of `chunk`; with `company`, two other sequences go along in each pass.
 */
static void run(const rp_model *model, uint32_t chunk, unsigned threads, bool company, answer *out)
{
    enum { SEQUENCES = 3 };
    rp_crew *crew;
    rp_pass *pass;
    rp_kv *kv[SEQUENCES];
    uint32_t sequences = company ? SEQUENCES : 1;
    rp_pass_row *rows = calloc(sequences * chunk, sizeof *rows);
    float *hidden = calloc(sequences * chunk * TINY_WIDTH, sizeof *hidden);
    cr_assert_eq(rp_crew_new(threads, NULL, &crew, NULL), RP_OK);
    cr_assert_eq(rp_pass_new(model, sequences * chunk, crew, &pass, NULL), RP_OK);
    for (uint32_t s = 0; s < sequences; s++)
        cr_assert_eq(rp_kv_new(rp_model_hyper(model), 1024, chunk, &kv[s], NULL), RP_OK);
    for (uint32_t p = 0; p < LENGTH; p += chunk) {
        uint32_t count = 0, n = LENGTH - p < chunk ? LENGTH - p : chunk;
        for (uint32_t s = sequences; s-- > 0;) {
            for (uint32_t i = 0; i < n; i++)
                rows[count++] = (rp_pass_row){.kv = kv[s],
                    .position = p + i,
                    .token = token_at(s, p + i),
                    .wanted = watch_of(p + i) >= 0};
        }
        rp_pass_forward(pass, rows, count, hidden);
        take(pass, rows, count, hidden, kv[0], out);
    }
    for (uint32_t s = 0; s < sequences; s++)
        rp_kv_free(kv[s]);
    rp_pass_free(pass);
    rp_crew_free(crew);
    free(rows);
    free(hidden);
}

/* The norm, in the way that is simplest, against every table in every way. */
Test(pass, bits_do_not_depend_on_chunks_threads_company_or_kernels)
{
    static const struct {
        uint32_t chunk;
        unsigned threads;
        bool company;
    } ways[] = {{1, 1, false}, {1, 3, false}, {2, 1, false}, {3, 2, false}, {7, 3, false},
        {16, 1, true}, {64, 2, true}, {257, 2, false}, {LENGTH, 1, false}, {LENGTH, 3, true}};
    rp_gguf *file = tiny_file(NULL, 0);
    rp_model *model;
    rp_error error = {0};
    static answer first, other;
    size_t tables = 0;
    while (rp_canon_kernels_at(tables))
        tables++;
    for (size_t table = tables; table-- > 0;) {
        const rp_canon_kernels *kernels = rp_canon_kernels_at(table);
        cr_assert_eq(
            rp_model_load(file, kernels, NULL, &model, &error), RP_OK, "%s", error.message);
        if (table + 1 == tables)
            run(model, 50, 1, false, &first);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            memset(&other, 0, sizeof other);
            run(model, ways[i].chunk, ways[i].threads, ways[i].company, &other);
            cr_assert_arr_eq(&first, &other, sizeof first, "%s, chunk %u, %u threads, company %d",
                kernels->name, (unsigned)ways[i].chunk, ways[i].threads, ways[i].company);
        }
        rp_model_free(model);
    }
    /* and they do depend on what was said */
    cr_assert_neq(memcmp(first.hidden[1], first.hidden[2], sizeof first.hidden[1]), 0);
    tiny_free(file);
}

/* A sliding layer must not see what has left its window; a global one must see it. Both are in the
 * tiny model, so changing the first token changes the last row, and not if every layer slides. */
Test(pass, windows_hide_and_global_layers_see)
{
    for (int global = 0; global < 2; global++) {
        tiny_change period = {
            TINY_KEY, "gemma3.attention.sliding_window_pattern", global ? 6 : 256, NULL};
        tiny_change layers = {TINY_KEY, "gemma3.block_count", global ? TINY_LAYERS : 1, NULL};
        tiny_change changes[] = {period, layers};
        rp_gguf *file = tiny_file(changes, 2);
        rp_model *model;
        rp_crew *crew;
        rp_pass *pass;
        rp_kv *kv;
        cr_assert_eq(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, NULL), RP_OK);
        cr_assert_eq(rp_crew_new(1, NULL, &crew, NULL), RP_OK);
        cr_assert_eq(rp_pass_new(model, 200, crew, &pass, NULL), RP_OK);
        cr_assert_eq(rp_kv_new(rp_model_hyper(model), 256, 200, &kv, NULL), RP_OK);
        static float hidden[2][2 * TINY_WIDTH];
        for (uint32_t variant = 0; variant < 2; variant++) {
            static rp_pass_row rows[200];
            for (uint32_t i = 0; i < 200; i++)
                rows[i] = (rp_pass_row){.kv = kv,
                    .position = i,
                    .token = i == 100 ? 5 + variant : token_at(0, i),
                    .wanted = i == 139 || i == 140};
            rp_pass_forward(pass, rows, 200, hidden[variant]);
        }
        size_t row = TINY_WIDTH * sizeof(float);
        cr_assert_neq(memcmp(hidden[0], hidden[1], row), 0, "100 is in the window of 139");
        bool same = memcmp(hidden[0] + TINY_WIDTH, hidden[1] + TINY_WIDTH, row) == 0;
        cr_assert_eq(same, !global, "100 is not in the window of 140");
        rp_kv_free(kv);
        rp_pass_free(pass);
        rp_crew_free(crew);
        rp_model_free(model);
        tiny_free(file);
    }
}

/* An infinite weight in one token's embedding: its row says so, the others are as without it. */
Test(pass, what_is_not_finite_is_told_of_its_row_alone)
{
    tiny_change bad = {TINY_BAD_TOKEN, "token_embd.weight", 9, NULL};
    rp_gguf *file = tiny_file(&bad, 1);
    rp_model *model;
    rp_crew *crew;
    rp_pass *pass;
    rp_kv *kv[2];
    cr_assert_eq(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, NULL), RP_OK);
    cr_assert_eq(rp_crew_new(1, NULL, &crew, NULL), RP_OK);
    cr_assert_eq(rp_pass_new(model, 2, crew, &pass, NULL), RP_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(rp_kv_new(rp_model_hyper(model), 16, 2, &kv[i], NULL), RP_OK);
    float together[2 * TINY_WIDTH], alone[TINY_WIDTH];
    rp_pass_row rows[2] = {
        {.kv = kv[0], .token = 9, .wanted = true}, {.kv = kv[1], .token = 10, .wanted = true}};
    rp_pass_forward(pass, rows, 2, together);
    cr_assert_not(rows[0].finite);
    cr_assert(rows[1].finite);
    rp_pass_forward(pass, rows + 1, 1, alone);
    cr_assert_arr_eq(alone, together + TINY_WIDTH, sizeof alone);
    for (size_t i = 0; i < 2; i++)
        rp_kv_free(kv[i]);
    rp_pass_free(pass);
    rp_crew_free(crew);
    rp_model_free(model);
    tiny_free(file);
}

/* An infinity on the way, which quantised activations cannot hold, is told even though the final
 * row is finite again. */
Test(pass, what_is_not_finite_on_the_way_is_told)
{
    tiny_change bad = {TINY_BAD_TOKEN, "blk.3.ffn_gate.weight", 9, NULL};
    rp_gguf *file = tiny_file(&bad, 1);
    rp_model *model;
    rp_crew *crew;
    rp_pass *pass;
    rp_kv *kv;
    cr_assert_eq(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, NULL), RP_OK);
    cr_assert_eq(rp_crew_new(1, NULL, &crew, NULL), RP_OK);
    cr_assert_eq(rp_pass_new(model, 1, crew, &pass, NULL), RP_OK);
    cr_assert_eq(rp_kv_new(rp_model_hyper(model), 16, 1, &kv, NULL), RP_OK);
    float hidden[TINY_WIDTH];
    rp_pass_row row = {.kv = kv, .token = 10, .wanted = true};
    rp_pass_forward(pass, &row, 1, hidden);
    cr_assert_not(row.finite);
    rp_kv_free(kv);
    rp_pass_free(pass);
    rp_crew_free(crew);
    rp_model_free(model);
    tiny_free(file);
}

Test(pass, limits)
{
    rp_gguf *file = tiny_file(NULL, 0);
    rp_model *model;
    rp_crew *crew;
    rp_pass *pass;
    cr_assert_eq(rp_model_load(file, rp_canon_kernels_best(), NULL, &model, NULL), RP_OK);
    cr_assert_eq(rp_crew_new(1, NULL, &crew, NULL), RP_OK);
    cr_assert_eq(rp_pass_new(model, 0, crew, &pass, NULL), RP_LIMIT);
    cr_assert_eq(rp_pass_new(model, RP_PASS_ROWS_MAX + 1, crew, &pass, NULL), RP_LIMIT);
    rp_crew_free(crew);
    rp_model_free(model);
    tiny_free(file);
}
