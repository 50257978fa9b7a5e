/* Products: which rows and columns meet which activations, and in what order.
 *
 * Outputs are computed sixteen at a time, whole groups of the packed layout, for a few rows of
 * activations at once; sums that nobody asked for are dropped. The weights of a matrix that is not
 * packed are packed here, some columns at a time, and meet every row of activations before the
 * next columns do; between, the sums lie in `out`.
 */
#include "kernels/cpu/canon/vector/lanes.h"
#include "kernels/cpu/canon/vector/vector.h"

#include <string.h>

#include "runtime/base/attributes.h"

enum {
    GROUP = RP_CANON_GROUP,
    FETCH_LINE = 64,
    FETCH_MAX = 2048, /* bytes of a row: 32 KiB in all, beyond which the processor sees the line */
    MOST_AT_ONCE = 4, /* rows of activations that a kernel takes */
    PANEL = 256,      /* columns that are packed at a time: a whole number of every type's blocks */
    PANEL_BYTES = PANEL * GROUP * (int)sizeof(float)
};

/* Rows [begin, end) of a group are wanted; `out` is where the group's row 0 would stand for the
 * first row of activations, `stride` floats apart for the next ones. */
typedef struct place {
    size_t begin, end;
    float *out;
    size_t stride;
} place;

static rp__inputs inputs_at(const rp_canon_activations *a, size_t token, size_t col)
{
    size_t at = token * a->cols + col;
    rp__inputs inputs = {.stride = a->cols};
    if (a->x)
        inputs.x = a->x + at;
    if (a->q) {
        inputs.q = (const uint8_t *)(a->q + at);
        inputs.scale = a->scale + at / RP_CANON_BLOCK;
        inputs.sum = a->sum + at / RP_CANON_BLOCK;
    }
    return inputs;
}

static void run_strip(
    rp_canon_type type, const rp__strip *strip, const rp__inputs *inputs, size_t count, float *sums)
{
    if (rp_canon_type_is_quantised(type))
        RP__VECTOR(strip_quantised)(type, strip, inputs, count, sums);
    else
        RP__VECTOR(strip_float)(type, strip, inputs, count, sums);
}

static void take_sums(const place *p, size_t token, size_t count, float *sums)
{
    for (size_t t = 0; t < count; t++)
        memcpy(sums + GROUP * t + p->begin, p->out + (token + t) * p->stride + p->begin,
            (p->end - p->begin) * sizeof *sums);
}

static void put_sums(const place *p, size_t token, size_t count, const float *sums)
{
    for (size_t t = 0; t < count; t++)
        memcpy(p->out + (token + t) * p->stride + p->begin, sums + GROUP * t + p->begin,
            (p->end - p->begin) * sizeof *sums);
}

/* One strip and every row of activations. */
static void multiply(rp_canon_type type, const rp__strip *strip, const rp_canon_activations *a,
    size_t col, const place *p)
{
    size_t at_once = rp_canon_type_is_quantised(type) ? TOKENS_AT_ONCE : RP__CHAINS;
    for (size_t token = 0; token < a->count; token += at_once) {
        size_t left = a->count - token, count = left < at_once ? left : at_once;
        float sums[MOST_AT_ONCE * GROUP] = {0.0F};
        rp__inputs inputs = inputs_at(a, token, col);
        if (col > 0)
            take_sums(p, token, count, sums);
        run_strip(type, strip, &inputs, count, sums);
        put_sums(p, token, count, sums);
    }
}

/* Sixteen rows that are not packed. */
static void multiply_rows(rp_canon_type type, const uint8_t *const rows[GROUP],
    const rp_canon_activations *a, const place *p)
{
    uint8_t panel[PANEL_BYTES];
    for (size_t c = 0; c < a->cols; c += PANEL) {
        size_t cols = a->cols - c < PANEL ? a->cols - c : PANEL;
        rp_canon_pack_panel(type, rows, c, cols, panel);
        rp__strip strip = {panel, cols};
        multiply(type, &strip, a, c, p);
    }
}

static rp__strip strip_at(const rp_canon_matrix *matrix, size_t group, size_t group_bytes)
{
    return (rp__strip){matrix->packed + group * group_bytes, matrix->cols};
}

/* Whole groups of a packed float matrix and one row of activations; returns how many groups. */
static size_t multiply_groups(const rp_canon_matrix *matrix, size_t group, size_t groups,
    const rp_canon_activations *a, float *out)
{
    size_t done = 0, group_bytes = rp_canon_packed_group(matrix);
    rp__inputs inputs = inputs_at(a, 0, 0);
    for (; done + RP__CHAINS <= groups; done += RP__CHAINS) {
        float *sums = out + (group + done) * GROUP;
        rp__strip strip = strip_at(matrix, group + done, group_bytes);
        memset(sums, 0, RP__CHAINS * GROUP * sizeof *sums);
        RP__VECTOR(groups_float)(matrix->type, &strip, group_bytes, &inputs, sums);
    }
    return done;
}

void RP__VECTOR(product)(const rp_canon_matrix *matrix, size_t first, size_t count,
    const rp_canon_activations *activations, float *out, size_t stride)
{
    size_t group_bytes = rp_canon_packed_group(matrix), end = first + count;
    for (size_t row = first; row < end;) {
        size_t group = row / GROUP, base = group * GROUP;
        size_t left = end - base;
        if (matrix->packed && !rp_canon_type_is_quantised(matrix->type) &&
            activations->count == 1 && row == base && left >= GROUP * RP__CHAINS) {
            row += GROUP * multiply_groups(matrix, group, left / GROUP, activations, out);
            continue;
        }
        place p = {row - base, left < GROUP ? left : GROUP, out + base, stride};
        if (matrix->packed) {
            rp__strip strip = strip_at(matrix, group, group_bytes);
            multiply(matrix->type, &strip, activations, 0, &p);
        } else {
            const uint8_t *rows[GROUP] = {NULL};
            for (size_t r = p.begin; r < p.end; r++)
                rows[r] = matrix->data + (base + r) * matrix->row_bytes;
            multiply_rows(matrix->type, rows, activations, &p);
        }
        row = base + GROUP;
    }
}

/* Asks for up to 16 rows that are somewhere in memory, so that they are not waited for one by one. */
static size_t fetch_rows(const rp_canon_matrix *matrix, const uint32_t *rows, size_t count)
{
    size_t fetched = count < GROUP ? count : GROUP;
    for (size_t r = 0; r < fetched; r++) {
        const uint8_t *p = matrix->data + rows[r] * matrix->row_bytes;
        for (size_t i = 0; i < matrix->row_bytes && i < FETCH_MAX; i += FETCH_LINE)
            RP_FETCH(p + i);
    }
    return fetched;
}

void RP__VECTOR(product_rows)(const rp_canon_matrix *matrix, const uint32_t *rows, size_t count,
    const rp_canon_activations *activation, float *out)
{
    size_t ahead = fetch_rows(matrix, rows, count);
    for (size_t done = 0; done < count; done += GROUP) {
        size_t left = count - done;
        ahead += fetch_rows(matrix, rows + ahead, count - ahead);
        place p = {0, left < GROUP ? left : GROUP, out + done, count};
        const uint8_t *data[GROUP] = {NULL};
        for (size_t r = 0; r < p.end; r++)
            data[r] = matrix->data + rows[done + r] * matrix->row_bytes;
        multiply_rows(matrix->type, data, activation, &p);
    }
}
