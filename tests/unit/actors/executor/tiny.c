#include "tests/unit/actors/executor/tiny.h"

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "tests/unit/kernels/cpu/canon/blocks.h"
#include "tests/unit/support/gguf_writer.h"

/* The bytes of the file that is open; one at a time in a test's process is enough, two are allowed.
 */
static struct open_file {
    rp_gguf *file;
    uint8_t *bytes;
} open_files[4];

typedef struct builder {
    gguf_writer writer;
    const tiny_change *changes;
    size_t count;
    uint64_t seed;
} builder;

static const tiny_change *change_of(const builder *b, tiny_change_kind kind, const char *name)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->changes[i].kind == kind && strcmp(b->changes[i].name, name) == 0)
            return &b->changes[i];
    }
    return NULL;
}

static void add_count(builder *b, const char *key, uint32_t value)
{
    const tiny_change *changed = change_of(b, TINY_KEY, key);
    if (change_of(b, TINY_NO_KEY, key))
        return;
    if (changed)
        gguf_writer_raw(&b->writer, key, RP_GGUF_U64, &changed->value, sizeof changed->value);
    else
        gguf_writer_u32(&b->writer, key, value);
}

static void add_number(builder *b, const char *key, float value)
{
    const tiny_change *changed = change_of(b, TINY_KEY, key);
    if (change_of(b, TINY_NO_KEY, key))
        return;
    gguf_writer_f32(&b->writer, key, changed ? (float)changed->value : value);
}

static void add_metadata(builder *b)
{
    static const struct {
        const char *key;
        uint32_t value;
    } counts[] = {{"gemma3.context_length", TINY_CONTEXT}, {"gemma3.embedding_length", TINY_WIDTH},
        {"gemma3.block_count", TINY_LAYERS}, {"gemma3.feed_forward_length", TINY_FEED_FORWARD},
        {"gemma3.attention.head_count", TINY_HEADS},
        {"gemma3.attention.head_count_kv", TINY_KV_HEADS},
        {"gemma3.attention.key_length", TINY_HEAD_DIM},
        {"gemma3.attention.value_length", TINY_HEAD_DIM},
        {"gemma3.attention.sliding_window", TINY_WINDOW}};
    const tiny_change *architecture = change_of(b, TINY_TEXT, "general.architecture");
    if (!change_of(b, TINY_NO_KEY, "general.architecture"))
        gguf_writer_text(
            &b->writer, "general.architecture", architecture ? architecture->text : "gemma3");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        add_count(b, counts[i].key, counts[i].value);
    add_number(b, "gemma3.attention.layer_norm_rms_epsilon", 1e-6F);
    add_number(b, "gemma3.rope.freq_base", 1e6F);
    static const char *const more_counts[] = {"gemma3.attention.sliding_window_pattern"};
    static const char *const more_numbers[] = {"gemma3.rope.freq_base_swa",
        "gemma3.rope.scaling.factor", "gemma3.final_logit_softcapping",
        "gemma3.attn_logit_softcapping"};
    if (change_of(b, TINY_KEY, more_counts[0]))
        add_count(b, more_counts[0], 0);
    for (size_t i = 0; i < sizeof more_numbers / sizeof *more_numbers; i++) {
        if (change_of(b, TINY_KEY, more_numbers[i]))
            add_number(b, more_numbers[i], 0.0F);
    }
    const tiny_change *scaling = change_of(b, TINY_TEXT, "gemma3.rope.scaling.type");
    if (scaling)
        gguf_writer_text(&b->writer, scaling->name, scaling->text);
}

static void add_tensor(builder *b, const char *name, uint32_t type, uint64_t cols, uint64_t rows)
{
    const tiny_change *rows_changed = change_of(b, TINY_TENSOR_ROWS, name);
    const tiny_change *type_changed = change_of(b, TINY_TENSOR_TYPE, name);
    const tiny_change *bad = change_of(b, TINY_BAD_TOKEN, name);
    b->seed++;
    if (change_of(b, TINY_NO_TENSOR, name))
        return;
    if (type_changed)
        type = (uint32_t)type_changed->value;
    if (rows_changed)
        *(rows > 1 ? &rows : &cols) = rows_changed->value;
    size_t row_bytes = (size_t)rp_canon_row_bytes(type, cols);
    cr_assert(row_bytes > 0, "%s", name);
    uint8_t *data = malloc(row_bytes * rows);
    for (size_t r = 0; r < rows; r++)
        fill_row(type, cols, 1000 * b->seed + r, data + r * row_bytes);
    if (rows == 1 && type == RP_CANON_F32) { /* a norm: about 1 */
        for (size_t i = 0; i < cols; i++) {
            float norm = 0.75F + 0.5F * rp_rng_uniform(b->seed, i);
            memcpy(data + 4 * i, &norm, 4);
        }
    }
    if (bad)
        memcpy(data + bad->value * row_bytes, (uint8_t[]){0x00, 0x7C}, 2);
    gguf_writer_tensor(
        &b->writer, name, type, rows > 1 ? 2 : 1, (uint64_t[]){cols, rows}, data, row_bytes * rows);
    free(data);
}

/* Every type of the canon occurs: those with blocks of 256 where the inputs allow it. */
static void add_layer(builder *b, uint32_t layer)
{
    static const uint32_t small[] = {RP_CANON_Q5_0, RP_CANON_Q8_0, RP_CANON_Q4_0, RP_CANON_Q4_1,
        RP_CANON_Q5_1, RP_CANON_F16, RP_CANON_BF16, RP_CANON_F32};
    static const uint32_t large[] = {RP_CANON_Q4_K, RP_CANON_Q6_K, RP_CANON_Q5_K};
    const struct {
        const char *name;
        uint64_t cols, rows;
    } tensors[] = {{"attn_k", TINY_WIDTH, TINY_KV_HEADS * TINY_HEAD_DIM},
        {"attn_k_norm", TINY_HEAD_DIM, 1}, {"attn_norm", TINY_WIDTH, 1},
        {"attn_output", TINY_HEADS * TINY_HEAD_DIM, TINY_WIDTH},
        {"attn_q", TINY_WIDTH, TINY_HEADS * TINY_HEAD_DIM}, {"attn_q_norm", TINY_HEAD_DIM, 1},
        {"attn_v", TINY_WIDTH, TINY_KV_HEADS * TINY_HEAD_DIM},
        {"ffn_down", TINY_FEED_FORWARD, TINY_WIDTH}, {"ffn_gate", TINY_WIDTH, TINY_FEED_FORWARD},
        {"ffn_norm", TINY_WIDTH, 1}, {"ffn_up", TINY_WIDTH, TINY_FEED_FORWARD},
        {"post_attention_norm", TINY_WIDTH, 1}, {"post_ffw_norm", TINY_WIDTH, 1}};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.%s.weight", (unsigned)layer, tensors[i].name);
        uint32_t type = tensors[i].rows == 1         ? (uint32_t)RP_CANON_F32
                        : tensors[i].cols % 256 == 0 ? large[(layer + i) % 3]
                                                     : small[(layer * 3 + i) % 8];
        add_tensor(b, name, type, tensors[i].cols, tensors[i].rows);
    }
}

static void add_layers(builder *b)
{
    rp_buffer *data = &b->writer.data;
    size_t begin = data->len, longest = 0;
    for (uint32_t i = 0; i < TINY_LAYERS; i++) {
        if (change_of(b, TINY_OVERLAP, "layers"))
            rp_buffer_cut(data, begin);
        add_layer(b, i);
        longest = data->len > longest ? data->len : longest;
    }
    while (data->len < longest)
        rp_buffer_byte(data, 0);
}

rp_gguf *tiny_file(const tiny_change *changes, size_t count)
{
    builder b = {.changes = changes, .count = count};
    gguf_writer_init(&b.writer);
    add_metadata(&b);
    add_tensor(&b, "output_norm.weight", RP_CANON_F32, TINY_WIDTH, 1);
    add_tensor(&b, "token_embd.weight", RP_CANON_Q8_0, TINY_WIDTH, TINY_VOCABULARY);
    add_layers(&b);
    rp_bytes bytes = gguf_writer_finish(&b.writer);
    size_t place = 0;
    while (open_files[place].file)
        place++;
    cr_assert(place < sizeof open_files / sizeof *open_files);
    uint8_t *copy = malloc(bytes.len);
    memcpy(copy, bytes.data, bytes.len);
    gguf_writer_done(&b.writer);
    rp_error error = {0};
    rp_gguf *file;
    cr_assert_eq(
        rp_gguf_parse(rp_bytes_of(copy, bytes.len), &file, &error), RP_OK, "%s", error.message);
    open_files[place] = (struct open_file){file, copy};
    return file;
}

void tiny_free(rp_gguf *file)
{
    for (size_t i = 0; i < sizeof open_files / sizeof *open_files; i++) {
        if (open_files[i].file != file)
            continue;
        rp_gguf_free(file);
        free(open_files[i].bytes);
        open_files[i] = (struct open_file){0};
        return;
    }
}
