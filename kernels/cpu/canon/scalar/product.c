/* Products of a weight matrix with rows of activations.
 *
 * A weight row is unpacked a panel at a time and meets every activation row before the next panel
 * is unpacked, so that what is paid once a weight is shared by all rows of a prefill. An output's
 * accumulator lies in `out` between panels.
 */
#include "kernels/cpu/canon/scalar/scalar.h"

#include "kernels/cpu/canon/fma.h"

/* Exact: 32 * 128 * 32639 is below 2^31. */
static int32_t dot(const int16_t *w, const int16_t *q)
{
    int32_t sum = 0;
    for (size_t i = 0; i < RP_CANON_BLOCK; i++)
        sum += (int32_t)w[i] * (int32_t)q[i];
    return sum;
}

/* The first half's share of it. A mask, and not a loop of 16, which gcc would unroll before it can
 * make vector code of it. */
static int32_t dot_low(const int16_t *w, const int16_t *q)
{
    static const int16_t keep[RP_CANON_BLOCK] = {
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    int32_t sum = 0;
    for (size_t i = 0; i < RP_CANON_BLOCK; i++)
        sum += (int16_t)(w[i] & keep[i]) * (int32_t)q[i];
    return sum;
}

/* One panel of weights and the same columns of one activation row. */
static float chain(
    const rp__scalar_panel *panel, const int16_t *q, const float *scale, size_t blocks, float acc)
{
    for (size_t b = 0; b < blocks; b++) {
        float a = (float)dot(panel->w + 32 * b, q + 32 * b);
        acc = rp_canon_fma(panel->scale[b] * scale[b], a, acc);
    }
    return acc;
}

static float chain_shifted(const rp__scalar_panel *panel, const int16_t *q, const float *scale,
    const int32_t *sum, size_t blocks, float acc)
{
    for (size_t b = 0; b < blocks; b++) {
        float a = (float)dot(panel->w + 32 * b, q + 32 * b);
        acc = rp_canon_fma(panel->scale[b] * scale[b], a, acc);
        acc = rp_canon_fma(panel->shift[b] * scale[b], (float)sum[b], acc);
    }
    return acc;
}

/* Q6_K: a scale for every 16. */
static float chain_halves(
    const rp__scalar_panel *panel, const int16_t *q, const float *scale, size_t blocks, float acc)
{
    for (size_t b = 0; b < blocks; b++) {
        int32_t both = dot(panel->w + 32 * b, q + 32 * b);
        int32_t low = dot_low(panel->w + 32 * b, q + 32 * b);
        acc = rp_canon_fma(panel->scale[2 * b] * scale[b], (float)low, acc);
        acc = rp_canon_fma(panel->scale[2 * b + 1] * scale[b], (float)(both - low), acc);
    }
    return acc;
}

/* Q8_0 and one activation row, the bulk of a decoded token's work: the weights are bytes, and need
 * not be stored widened. */
static void product_bytes(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *x, float *out)
{
    float scale[RP__SCALAR_PANEL / 32];
    for (size_t r = first; r < first + count; r++) {
        const uint8_t *row = matrix->data + r * matrix->row_bytes;
        float acc = 0.0F;
        for (size_t c = 0; c < matrix->cols; c += RP__SCALAR_PANEL) {
            size_t rest = matrix->cols - c;
            size_t blocks = (rest < RP__SCALAR_PANEL ? rest : RP__SCALAR_PANEL) / 32;
            RP__SCALAR(scales_q8_0)(row, c, 32 * blocks, scale);
            for (size_t b = 0; b < blocks; b++) {
                const int8_t *w = (const int8_t *)(row + 34 * (c / 32 + b) + 2);
                const int16_t *q = x->q + c + 32 * b;
                int32_t sum = 0;
                for (size_t i = 0; i < 32; i++)
                    sum += (int16_t)w[i] * (int32_t)q[i];
                acc = rp_canon_fma(scale[b] * x->scale[c / 32 + b], (float)sum, acc);
            }
        }
        out[r] = acc;
    }
}

static void product_quantised(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *x, float *out, size_t stride)
{
    rp__scalar_panel panel;
    bool shifted = rp__scalar_has_shift(matrix->type);
    bool halves = rp__scalar_group(matrix->type) == 16;
    for (size_t r = first; r < first + count; r++) {
        const uint8_t *row = matrix->data + r * matrix->row_bytes;
        for (size_t c = 0; c < matrix->cols; c += RP__SCALAR_PANEL) {
            size_t rest = matrix->cols - c;
            size_t cols = rest < RP__SCALAR_PANEL ? rest : RP__SCALAR_PANEL;
            RP__SCALAR(unpack)(matrix->type, row, c, cols, &panel);
            for (size_t t = 0; t < x->count; t++) {
                const int16_t *q = x->q + t * x->cols + c;
                size_t block = (t * x->cols + c) / 32, blocks = cols / 32;
                float *o = out + t * stride + r;
                float acc = c == 0 ? 0.0F : *o;
                if (shifted)
                    *o = chain_shifted(&panel, q, x->scale + block, x->sum + block, blocks, acc);
                else if (halves)
                    *o = chain_halves(&panel, q, x->scale + block, blocks, acc);
                else
                    *o = chain(&panel, q, x->scale + block, blocks, acc);
            }
        }
    }
}

/* Float weights have no blocks: an output is one long chain. So a tile of rows is turned on its
 * side, and its chains run next to each other. */
enum { TILE_ROWS = 16, TILE_COLS = 256 };
typedef struct float_tile {
    float w[TILE_COLS][TILE_ROWS];
} float_tile;

static void tile_fill(const rp_canon_matrix *matrix, size_t first, size_t rows, size_t c,
    size_t cols, float_tile *tile)
{
    float wide[TILE_COLS];
    for (size_t r = 0; r < TILE_ROWS; r++) {
        if (r < rows)
            RP__SCALAR(widen)
        (matrix->type, matrix->data + (first + r) * matrix->row_bytes, c, cols, wide);
        for (size_t k = 0; k < cols; k++)
            tile->w[k][r] = r < rows ? wide[k] : 0.0F;
    }
}

static void tile_chain(const float_tile *tile, const float *x, size_t cols, float acc[TILE_ROWS])
{
    for (size_t k = 0; k < cols; k++) {
        for (size_t r = 0; r < TILE_ROWS; r++)
            acc[r] = rp_canon_fma(tile->w[k][r], x[k], acc[r]);
    }
}

static void product_float(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *x, float *out, size_t stride)
{
    float_tile tile;
    for (size_t done = 0; done < count; done += TILE_ROWS) {
        size_t rows = count - done < TILE_ROWS ? count - done : TILE_ROWS;
        for (size_t c = 0; c < matrix->cols; c += TILE_COLS) {
            size_t cols = matrix->cols - c < TILE_COLS ? matrix->cols - c : TILE_COLS;
            tile_fill(matrix, first + done, rows, c, cols, &tile);
            for (size_t t = 0; t < x->count; t++) {
                float *o = out + t * stride + first + done;
                float acc[TILE_ROWS] = {0.0F};
                for (size_t r = 0; r < rows && c > 0; r++)
                    acc[r] = o[r];
                tile_chain(&tile, x->x + t * x->cols + c, cols, acc);
                for (size_t r = 0; r < rows; r++)
                    o[r] = acc[r];
            }
        }
    }
}

void RP__SCALAR(product)(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *activations, float *out, size_t stride)
{
    if (matrix->type == RP_CANON_Q8_0 && activations->count == 1)
        product_bytes(matrix, first, count, activations, out);
    else if (rp_canon_type_is_quantised(matrix->type))
        product_quantised(matrix, first, count, activations, out, stride);
    else
        product_float(matrix, first, count, activations, out, stride);
}

void RP__SCALAR(product_rows)(const rp_canon_matrix *matrix, const uint32_t *rows, size_t count,
    const rp_canon_activations *activation, float *out)
{
    for (size_t i = 0; i < count; i++) {
        rp_canon_matrix one = *matrix;
        one.data += rows[i] * matrix->row_bytes;
        RP__SCALAR(product)(&one, 0, 1, activation, out + i, 1);
    }
}

void RP__SCALAR(row)(const rp_canon_matrix *matrix, size_t row, float *out)
{
    const uint8_t *data = matrix->data + row * matrix->row_bytes;
    if (!rp_canon_type_is_quantised(matrix->type)) {
        RP__SCALAR(widen)(matrix->type, data, 0, matrix->cols, out);
        return;
    }
    rp__scalar_panel panel;
    bool shifted = rp__scalar_has_shift(matrix->type);
    size_t group = rp__scalar_group(matrix->type);
    for (size_t c = 0; c < matrix->cols; c += RP__SCALAR_PANEL) {
        size_t rest = matrix->cols - c;
        size_t cols = rest < RP__SCALAR_PANEL ? rest : RP__SCALAR_PANEL;
        RP__SCALAR(unpack)(matrix->type, data, c, cols, &panel);
        for (size_t i = 0; i < cols; i++) {
            float value = panel.scale[i / group] * (float)panel.w[i];
            out[c + i] = shifted ? value + panel.shift[i / group] : value;
        }
    }
}
