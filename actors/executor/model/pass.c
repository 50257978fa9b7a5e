/* The forward pass: phases that run over rows, heads or outputs, each shared by the crew. */
#include "actors/executor/model/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/executor/model/model_internal.h"
#include "kernels/cpu/canon/half.h"
#include "kernels/cpu/canon/math.h"
#include "kernels/cpu/canon/pack.h"

/* Pieces that a thread takes at once. A product's outputs are shared out by groups. With few rows
 * it is as fast as weights are read, and those are read fastest in long runs: half of a thread's
 * share, up to a megabyte or so. With many rows it computes, and threads end at about the same time
 * where they take an eighth. (A thread that is put aside keeps the others waiting for what it has
 * taken.) */
enum {
    ROWS_GRAIN = 2,
    ATTENTION_GRAIN = 1,
    GRAINS_READING = 2,
    GRAINS_COMPUTING = 8,
    ROWS_READING_MAX = 4,
    GROUPS_GRAIN_MAX = 64,
    PRODUCTS_MAX = 3
};

/* Several matrices that multiply the same activations. */
typedef struct product_set {
    size_t count;
    const rp_canon_matrix *matrix[PRODUCTS_MAX];
    float *out[PRODUCTS_MAX]; /* matrix->rows a row */
} product_set;

struct rp_pass {
    const rp_model *model;
    const rp_canon_kernels *kernels;
    rp_crew *crew;
    uint32_t rows_max;

    /* of the pass that is running */
    rp_pass_row *rows;
    uint32_t count;
    uint32_t layer;
    const rp__model_layer *weights;
    product_set products;
    rp_canon_activations activations; /* what the products read, quantised and as it was */

    /* workspace, `rows_max` rows each; one allocation */
    float *memory;
    float *x, *h;            /* width: the residual stream, and a layer's input or output */
    float *query, *attended; /* heads * head_dim */
    float *key, *value;      /* kv_heads * head_dim */
    float *gate, *up;        /* feed_forward */
    float *cosines, *sines;  /* head_dim / 2 for the sliding layers, then for the global ones */
    float *scale;            /* a block's, of the widest input */
    int32_t *sum;
    int16_t *q;
    float *attention_scratch; /* of each thread */
};

/* ---- workspace ---- */

static size_t widest(const rp_hyper *hyper)
{
    size_t width = hyper->width, queries = rp_hyper_query_width(hyper);
    size_t most = width > queries ? width : queries;
    return most > hyper->feed_forward ? most : hyper->feed_forward;
}

static size_t scratch_floats(const rp_hyper *hyper)
{
    return rp_canon_attention_scratch(hyper->heads / hyper->kv_heads, hyper->head_dim);
}

/* Floats of the whole workspace; where `pass` is given, its pointers are set from pass->memory. */
static size_t lay_out(const rp_hyper *hyper, size_t rows, unsigned threads, rp_pass *pass)
{
    rp_pass scrap;
    rp_pass *p = pass ? pass : &scrap;
    size_t queries = rp_hyper_query_width(hyper), keys = rp_hyper_kv_width(hyper);
    struct {
        float **where;
        size_t floats;
    } parts[] = {
        {&p->x, rows * hyper->width},
        {&p->h, rows * hyper->width},
        {&p->query, rows * queries},
        {&p->attended, rows * queries},
        {&p->key, rows * keys},
        {&p->value, rows * keys},
        {&p->gate, rows * hyper->feed_forward},
        {&p->up, rows * hyper->feed_forward},
        {&p->cosines, rows * hyper->head_dim},
        {&p->sines, rows * hyper->head_dim},
        {&p->scale, rows * (widest(hyper) / RP_CANON_BLOCK)},
        {&p->attention_scratch, threads * scratch_floats(hyper)},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (pass)
            *parts[i].where = pass->memory + total;
        total += (parts[i].floats + 15) / 16 * 16;
    }
    return total;
}

uint64_t rp_pass_bytes(const rp_hyper *hyper, uint32_t rows_max, unsigned threads)
{
    uint64_t integers =
        widest(hyper) * sizeof(int16_t) + widest(hyper) / RP_CANON_BLOCK * sizeof(int32_t);
    return sizeof(rp_pass) + lay_out(hyper, rows_max, threads, NULL) * sizeof(float) +
           rows_max * integers;
}

rp_status rp_pass_new(
    const rp_model *model, uint32_t rows_max, rp_crew *crew, rp_pass **ret_pass, rp_error *reterr)
{
    const rp_hyper *hyper = &model->hyper;
    unsigned threads = rp_crew_threads(crew);
    if (rows_max == 0 || rows_max > RP_PASS_ROWS_MAX)
        return rp_error_limit(reterr, "rows", "8192 rows",
            "%" PRIu32 " rows in a pass, between 1 and %d are possible", rows_max,
            RP_PASS_ROWS_MAX);
    rp_pass *pass = calloc(1, sizeof *pass);
    if (pass) {
        size_t widest_input = widest(hyper);
        pass->memory = calloc(lay_out(hyper, rows_max, threads, NULL), sizeof(float));
        pass->q = calloc(rows_max * widest_input, sizeof *pass->q);
        pass->sum = calloc(rows_max * (widest_input / RP_CANON_BLOCK), sizeof *pass->sum);
    }
    if (!pass || !pass->memory || !pass->q || !pass->sum) {
        rp_pass_free(pass);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL,
            "no memory for a pass of %" PRIu32 " rows (%" PRIu64 " bytes)", rows_max,
            rp_pass_bytes(hyper, rows_max, threads));
    }
    lay_out(hyper, rows_max, threads, pass);
    pass->model = model;
    pass->crew = crew;
    pass->rows_max = rows_max;
    pass->kernels = model->kernels;
    *ret_pass = pass;
    return RP_OK;
}

void rp_pass_free(rp_pass *pass)
{
    if (!pass)
        return;
    free(pass->memory);
    free(pass->q);
    free(pass->sum);
    free(pass);
}

/* ---- phases over rows ---- */

/* Makes row `t` of `x` (all of activations.cols) ready for products. */
static void quantise_row(rp_pass *pass, const float *x, size_t t)
{
    size_t cols = pass->activations.cols, blocks = cols / RP_CANON_BLOCK;
    if (!pass->kernels->quantise(x + t * cols, cols, pass->q + t * cols, pass->scale + t * blocks,
            pass->sum + t * blocks))
        pass->rows[t].finite = false;
}

/* Says what the next products read; then every row of `x` is to be quantised. */
static void set_input(rp_pass *pass, const float *x, size_t cols)
{
    pass->activations = (rp_canon_activations){.count = pass->count,
        .cols = cols,
        .x = x,
        .q = pass->q,
        .scale = pass->scale,
        .sum = pass->sum};
}

static void embed(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    const rp_model *model = pass->model;
    size_t width = model->hyper.width, half = model->hyper.head_dim / 2;
    float root = sqrtf((float)width);
    for (size_t t = first; t < first + count; t++) {
        float *x = pass->x + t * width;
        pass->kernels->row(&model->embedding, pass->rows[t].token, x);
        for (size_t i = 0; i < width; i++)
            x[i] *= root;
        rp_canon_rope_angles(pass->rows[t].position, model->rope_frequencies, 2 * half,
            pass->cosines + t * 2 * half, pass->sines + t * 2 * half);
        pass->rows[t].finite = true;
    }
}

static void enter_attention(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    const rp_hyper *hyper = &pass->model->hyper;
    for (size_t t = first; t < first + count; t++) {
        size_t at = t * hyper->width;
        pass->kernels->rms_norm(pass->x + at, pass->weights->attention_norm, hyper->width,
            hyper->epsilon, pass->h + at);
        quantise_row(pass, pass->h, t);
    }
}

/* Each head of a row: norm, rotation. */
static void turn_heads(rp_pass *pass, size_t t, float *heads, size_t count, const float *norm)
{
    const rp_hyper *hyper = &pass->model->hyper;
    size_t dim = hyper->head_dim;
    size_t angle = t * dim + (rp_hyper_is_global(hyper, pass->layer) ? dim / 2 : 0);
    for (size_t i = 0; i < count; i++) {
        float *head = heads + i * dim;
        pass->kernels->rms_norm(head, norm, dim, hyper->epsilon, head);
        pass->kernels->rope(head, dim, pass->cosines + angle, pass->sines + angle);
    }
}

static void store_keys(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    const rp_hyper *hyper = &pass->model->hyper;
    size_t queries = rp_hyper_query_width(hyper), keys = rp_hyper_kv_width(hyper);
    for (size_t t = first; t < first + count; t++) {
        float *query = pass->query + t * queries;
        float *key = pass->key + t * keys, *value = pass->value + t * keys;
        turn_heads(pass, t, query, hyper->heads, pass->weights->query_norm);
        turn_heads(pass, t, key, hyper->kv_heads, pass->weights->key_norm);
        for (size_t i = 0; i < queries; i++)
            query[i] *= hyper->query_scale;
        rp_kv_layer kv = rp_kv_at(pass->rows[t].kv, pass->layer);
        size_t row = pass->rows[t].position % kv.capacity * keys;
        for (size_t i = 0; i < keys; i++) {
            kv.keys[row + i] = rp_canon_to_f16(key[i]);
            kv.values[row + i] = rp_canon_to_f16(value[i]);
        }
    }
}

/* Piece t * kv_heads + g: the queries of row t that share KV head g. */
static void attend(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    const rp_hyper *hyper = &pass->model->hyper;
    size_t group = hyper->heads / hyper->kv_heads, dim = hyper->head_dim;
    for (size_t piece = first; piece < first + count; piece++) {
        size_t t = piece / hyper->kv_heads, g = piece % hyper->kv_heads;
        size_t at = (t * hyper->heads + g * group) * dim;
        rp_kv_layer kv = rp_kv_at(pass->rows[t].kv, pass->layer);
        uint64_t last = pass->rows[t].position, from = 0;
        if (!rp_hyper_is_global(hyper, pass->layer) && last >= hyper->window)
            from = last - hyper->window + 1;
        rp_canon_attention attention = {.query = pass->query + at,
            .keys = kv.keys + g * dim,
            .values = kv.values + g * dim,
            .heads = group,
            .head_dim = dim,
            .stride = hyper->kv_heads * dim,
            .capacity = kv.capacity,
            .first = from,
            .last = last,
            .scratch = pass->attention_scratch + thread * scratch_floats(hyper),
            .out = pass->attended + at};
        pass->kernels->attention(&attention);
    }
}

static void leave_attention(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    for (size_t t = first; t < first + count; t++)
        quantise_row(pass, pass->attended, t);
}

/* x += norm(h) for row t. */
static void add_back(rp_pass *pass, size_t t, const float *norm)
{
    const rp_hyper *hyper = &pass->model->hyper;
    float *x = pass->x + t * hyper->width, *h = pass->h + t * hyper->width;
    pass->kernels->rms_norm(h, norm, hyper->width, hyper->epsilon, h);
    for (size_t i = 0; i < hyper->width; i++)
        x[i] += h[i];
}

static void enter_feed_forward(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    const rp_hyper *hyper = &pass->model->hyper;
    for (size_t t = first; t < first + count; t++) {
        size_t at = t * hyper->width;
        add_back(pass, t, pass->weights->post_attention_norm);
        pass->kernels->rms_norm(pass->x + at, pass->weights->feed_forward_norm, hyper->width,
            hyper->epsilon, pass->h + at);
        quantise_row(pass, pass->h, t);
    }
}

static void gate_feed_forward(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    size_t n = pass->model->hyper.feed_forward;
    for (size_t t = first; t < first + count; t++) {
        float *gate = pass->gate + t * n;
        pass->kernels->gelu_tanh(gate, pass->up + t * n, n, gate);
        quantise_row(pass, pass->gate, t);
    }
}

static void leave_feed_forward(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    for (size_t t = first; t < first + count; t++)
        add_back(pass, t, pass->weights->post_feed_forward_norm);
}

/* ---- products over outputs ---- */

/* Groups [first, first + count) of outputs (kernels/cpu/canon/pack.h), the matrices laid end to end.
 */
static void multiply(void *arg, unsigned thread, size_t first, size_t count)
{
    rp_pass *pass = arg;
    (void)thread;
    const product_set *set = &pass->products;
    size_t begin = 0;
    for (size_t i = 0; i < set->count; i++) {
        size_t rows = set->matrix[i]->rows, groups = rp_canon_groups(set->matrix[i]);
        size_t from = first > begin ? (first - begin) * RP_CANON_GROUP : 0;
        size_t to = first + count > begin ? (first + count - begin) * RP_CANON_GROUP : 0;
        to = to < rows ? to : rows;
        if (from < to)
            pass->kernels->product(
                set->matrix[i], from, to - from, &pass->activations, set->out[i], rows);
        begin += groups;
    }
}

static size_t grain_of(const rp_pass *pass, size_t groups)
{
    size_t grains = pass->count <= ROWS_READING_MAX ? GRAINS_READING : GRAINS_COMPUTING;
    size_t pieces = rp_crew_threads(pass->crew) * grains;
    size_t grain = (groups + pieces - 1) / pieces;
    return grain < GROUPS_GRAIN_MAX ? grain : GROUPS_GRAIN_MAX;
}

static void run_products(rp_pass *pass, product_set set)
{
    size_t groups = 0;
    for (size_t i = 0; i < set.count; i++)
        groups += rp_canon_groups(set.matrix[i]);
    pass->products = set;
    rp_crew_run(pass->crew, groups, grain_of(pass, groups), multiply, pass);
}

static void run_rows(rp_pass *pass, rp_crew_work *phase)
{
    rp_crew_run(pass->crew, pass->count, ROWS_GRAIN, phase, pass);
}

/* ---- the pass ---- */

static void run_layer(rp_pass *pass, uint32_t layer)
{
    const rp_hyper *hyper = &pass->model->hyper;
    const rp__model_layer *w = &pass->model->layers[layer];
    pass->layer = layer;
    pass->weights = w;

    set_input(pass, pass->h, hyper->width);
    run_rows(pass, enter_attention);
    run_products(pass, (product_set){.count = 3,
                           .matrix = {&w->query, &w->key, &w->value},
                           .out = {pass->query, pass->key, pass->value}});
    run_rows(pass, store_keys);
    rp_crew_run(pass->crew, (size_t)pass->count * hyper->kv_heads, ATTENTION_GRAIN, attend, pass);
    set_input(pass, pass->attended, rp_hyper_query_width(hyper));
    run_rows(pass, leave_attention);
    run_products(pass, (product_set){.count = 1, .matrix = {&w->output}, .out = {pass->h}});

    set_input(pass, pass->h, hyper->width);
    run_rows(pass, enter_feed_forward);
    run_products(pass,
        (product_set){.count = 2, .matrix = {&w->gate, &w->up}, .out = {pass->gate, pass->up}});
    set_input(pass, pass->gate, hyper->feed_forward);
    run_rows(pass, gate_feed_forward);
    run_products(pass, (product_set){.count = 1, .matrix = {&w->down}, .out = {pass->h}});
    run_rows(pass, leave_feed_forward);
}

void rp_pass_forward(rp_pass *pass, rp_pass_row *rows, uint32_t count, float *hidden)
{
    const rp_model *model = pass->model;
    const rp_hyper *hyper = &model->hyper;
    RP_ASSERT(count >= 1 && count <= pass->rows_max);
    pass->rows = rows;
    pass->count = count;
    run_rows(pass, embed);
    for (uint32_t layer = 0; layer < hyper->layers; layer++)
        run_layer(pass, layer);
    for (uint32_t t = 0; t < count; t++) {
        if (!rows[t].wanted)
            continue;
        pass->kernels->rms_norm(pass->x + (size_t)t * hyper->width, model->output_norm,
            hyper->width, hyper->epsilon, hidden);
        for (uint32_t i = 0; i < hyper->width; i++)
            rows[t].finite = rows[t].finite && isfinite(hidden[i]);
        hidden += hyper->width;
    }
}

void rp_pass_logits(rp_pass *pass, const float *hidden, uint32_t count, float *logits)
{
    const rp_model *model = pass->model;
    size_t width = model->hyper.width, blocks = width / RP_CANON_BLOCK;
    RP_ASSERT(count >= 1 && count <= pass->rows_max);
    pass->count = count;
    set_input(pass, hidden, width);
    for (size_t t = 0; t < count; t++) {
        /* what is not finite was told by rp_pass_forward, and becomes zeros here */
        (void)pass->kernels->quantise(hidden + t * width, width, pass->q + t * width,
            pass->scale + t * blocks, pass->sum + t * blocks);
    }
    run_products(pass, (product_set){.count = 1, .matrix = {&model->head}, .out = {logits}});
}
