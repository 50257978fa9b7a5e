#include "sim/model/model.h"

#include "runtime/base/buffer.h"
#include "runtime/base/rng.h"
#include "runtime/format/gguf.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 1 << 20,
    WIDTH = 32,
    HEADS = 1,
    HEAD_DIM = 32,
    FEED_FORWARD = 32,
    CONTROLS = 6,
    BYTES = 256,
    WEIGHTS_SEED = 20260101
};

static const char *const controls[CONTROLS] = {
    "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"};
static const char *const pieces[] = {"a", "b", "c", "d", "e", "h", "i", "l", "n", "o", "r", "s",
    "t", "u", "\xE2\x96\x81", "th", "he", "in", "er", "an", "re", "on", "at", "en", "nd", "ti",
    "es", "or", "te", "of", "ed", "is", "it", "al", "ar", "st", "to", "nt"};

enum { PIECES = sizeof pieces / sizeof *pieces, VOCABULARY = CONTROLS + BYTES + PIECES };

/* Vocabulary kinds, as GGUF numbers them. */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

typedef struct writer {
    rp_buffer metadata, tensors, data;
    uint64_t keys, tensor_count, drawn;
} writer;

/* -- GGUF -------------------------------------------------------------------------------------- */

static void u32(rp_buffer *out, uint32_t value)
{
    rp_buffer_append(out, &value, sizeof value);
}

static void u64(rp_buffer *out, uint64_t value)
{
    rp_buffer_append(out, &value, sizeof value);
}

static void text(rp_buffer *out, const char *value)
{
    u64(out, strlen(value));
    rp_buffer_text(out, value);
}

static void key(writer *w, const char *name, uint32_t kind)
{
    text(&w->metadata, name);
    u32(&w->metadata, kind);
    w->keys++;
}

static void key_u32(writer *w, const char *name, uint32_t value)
{
    key(w, name, RP_GGUF_U32);
    u32(&w->metadata, value);
}

static void key_f32(writer *w, const char *name, float value)
{
    key(w, name, RP_GGUF_F32);
    rp_buffer_append(&w->metadata, &value, sizeof value);
}

static void key_text(writer *w, const char *name, const char *value)
{
    key(w, name, RP_GGUF_TEXT);
    text(&w->metadata, value);
}

static void key_array(writer *w, const char *name, uint32_t kind, uint64_t count)
{
    key(w, name, RP_GGUF_ARRAY);
    u32(&w->metadata, kind);
    u64(&w->metadata, count);
}

/* -- the vocabulary ---------------------------------------------------------------------------- */

static uint32_t kind_of(size_t id)
{
    if (id < CONTROLS)
        return strcmp(controls[id], "<unk>") == 0 ? UNKNOWN : CONTROL;
    return id < CONTROLS + BYTES ? BYTE : NORMAL;
}

static void write_vocabulary(writer *w)
{
    char byte[8];
    key_text(w, "tokenizer.ggml.model", "llama");
    key_array(w, "tokenizer.ggml.tokens", RP_GGUF_TEXT, VOCABULARY);
    for (size_t i = 0; i < CONTROLS; i++)
        text(&w->metadata, controls[i]);
    for (size_t i = 0; i < BYTES; i++) {
        snprintf(byte, sizeof byte, "<0x%02zX>", i);
        text(&w->metadata, byte);
    }
    for (size_t i = 0; i < PIECES; i++)
        text(&w->metadata, pieces[i]);
    key_array(w, "tokenizer.ggml.scores", RP_GGUF_F32, VOCABULARY);
    for (size_t i = 0; i < VOCABULARY; i++) {
        float score = kind_of(i) == NORMAL ? -(float)i : 0.0F;
        rp_buffer_append(&w->metadata, &score, sizeof score);
    }
    key_array(w, "tokenizer.ggml.token_type", RP_GGUF_I32, VOCABULARY);
    for (size_t i = 0; i < VOCABULARY; i++)
        u32(&w->metadata, kind_of(i));
    key_u32(w, "tokenizer.ggml.bos_token_id", 2);
    key_u32(w, "tokenizer.ggml.eos_token_id", 1);
    key_u32(w, "tokenizer.ggml.unknown_token_id", 3);
    key_u32(w, "tokenizer.ggml.padding_token_id", 0);
}

/* -- the weights ------------------------------------------------------------------------------- */

/* Near normal numbers around 0, the same bits everywhere: a sum of integers. */
static float noise(writer *w)
{
    rp_rng_words r = rp_rng_philox(WEIGHTS_SEED, w->drawn++, 0);
    int64_t sum = (int64_t)(r.word[0] >> 16) + (r.word[1] >> 16) + (r.word[2] >> 16) +
                  (r.word[3] >> 16) - 2 * 65535;
    return (float)sum / 37837.0F; /* variance 1 */
}

static void describe(writer *w, const char *name, uint32_t type, uint64_t cols, uint64_t rows)
{
    while (w->data.len % RP_GGUF_ALIGNMENT_DEFAULT != 0)
        rp_buffer_byte(&w->data, 0);
    text(&w->tensors, name);
    u32(&w->tensors, rows > 1 ? 2 : 1);
    u64(&w->tensors, cols);
    if (rows > 1)
        u64(&w->tensors, rows);
    u32(&w->tensors, type);
    u64(&w->tensors, w->data.len);
    w->tensor_count++;
}

/* In bfloat16: the upper half of a float. */
static void matrix(writer *w, const char *name, uint64_t cols, uint64_t rows, float scale)
{
    describe(w, name, RP_GGUF_TYPE_BF16, cols, rows);
    for (uint64_t i = 0; i < cols * rows; i++) {
        float value = noise(w) * scale;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        uint16_t half = (uint16_t)(bits >> 16);
        rp_buffer_append(&w->data, &half, sizeof half);
    }
}

static void norm(writer *w, const char *name, uint64_t cols)
{
    describe(w, name, RP_GGUF_TYPE_F32, cols, 1);
    for (uint64_t i = 0; i < cols; i++) {
        float value = 1.0F + 0.25F * noise(w);
        rp_buffer_append(&w->data, &value, sizeof value);
    }
}

static void write_weights(writer *w)
{
    norm(w, "output_norm.weight", WIDTH);
    matrix(w, "token_embd.weight", WIDTH, VOCABULARY, 0.5F);
    norm(w, "blk.0.attn_norm.weight", WIDTH);
    norm(w, "blk.0.attn_q_norm.weight", HEAD_DIM);
    norm(w, "blk.0.attn_k_norm.weight", HEAD_DIM);
    norm(w, "blk.0.post_attention_norm.weight", WIDTH);
    norm(w, "blk.0.ffn_norm.weight", WIDTH);
    norm(w, "blk.0.post_ffw_norm.weight", WIDTH);
    matrix(w, "blk.0.attn_q.weight", WIDTH, HEADS * HEAD_DIM, 0.4F);
    matrix(w, "blk.0.attn_k.weight", WIDTH, HEAD_DIM, 0.4F);
    matrix(w, "blk.0.attn_v.weight", WIDTH, HEAD_DIM, 0.4F);
    matrix(w, "blk.0.attn_output.weight", HEADS * HEAD_DIM, WIDTH, 0.4F);
    matrix(w, "blk.0.ffn_gate.weight", WIDTH, FEED_FORWARD, 0.4F);
    matrix(w, "blk.0.ffn_up.weight", WIDTH, FEED_FORWARD, 0.4F);
    matrix(w, "blk.0.ffn_down.weight", FEED_FORWARD, WIDTH, 0.4F);
}

static void write_shape(writer *w)
{
    key_text(w, "general.architecture", "gemma3");
    key_u32(w, "gemma3.context_length", SIM_MODEL_CONTEXT);
    key_u32(w, "gemma3.embedding_length", WIDTH);
    key_u32(w, "gemma3.block_count", 1);
    key_u32(w, "gemma3.feed_forward_length", FEED_FORWARD);
    key_u32(w, "gemma3.attention.head_count", HEADS);
    key_u32(w, "gemma3.attention.head_count_kv", 1);
    key_u32(w, "gemma3.attention.key_length", HEAD_DIM);
    key_u32(w, "gemma3.attention.value_length", HEAD_DIM);
    key_u32(w, "gemma3.attention.sliding_window", 16);
    key_f32(w, "gemma3.attention.layer_norm_rms_epsilon", 1e-6F);
    key_f32(w, "gemma3.rope.freq_base", 1e6F);
}

/* -- the file ---------------------------------------------------------------------------------- */

static void write_file(writer *w, rp_buffer *file)
{
    write_shape(w);
    write_vocabulary(w);
    write_weights(w);
    rp_buffer_text(file, "GGUF");
    u32(file, 3);
    u64(file, w->tensor_count);
    u64(file, w->keys);
    rp_buffer_append(file, w->metadata.data, w->metadata.len);
    rp_buffer_append(file, w->tensors.data, w->tensors.len);
    while (file->len % RP_GGUF_ALIGNMENT_DEFAULT != 0)
        rp_buffer_byte(file, 0);
    rp_buffer_append(file, w->data.data, w->data.len);
    RP_ASSERT(!file->truncated);
}

static bool write_all(int fd, rp_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n <= 0)
            return false;
        bytes = rp_bytes_of(bytes.data + n, bytes.len - (size_t)n);
    }
    return true;
}

rp_status sim_model_make(sim_model *ret_model, rp_error *reterr)
{
    writer w = {0};
    rp_buffer file;
    rp_buffer_init(&w.metadata, FILE_BYTES_MAX);
    rp_buffer_init(&w.tensors, FILE_BYTES_MAX);
    rp_buffer_init(&w.data, FILE_BYTES_MAX);
    rp_buffer_init(&file, FILE_BYTES_MAX);
    write_file(&w, &file);
    int fd = memfd_create("reprise-sim-model", MFD_CLOEXEC);
    bool written = fd >= 0 && write_all(fd, rp_buffer_bytes(&file));
    rp_buffer_done(&w.metadata);
    rp_buffer_done(&w.tensors);
    rp_buffer_done(&w.data);
    rp_buffer_done(&file);
    if (!written) {
        if (fd >= 0)
            close(fd);
        return rp_error_set(
            reterr, RP_IO, "model", "no file in memory for the model: %s", strerror(errno));
    }
    ret_model->fd = fd;
    snprintf(
        ret_model->argument, sizeof ret_model->argument, "%s=/proc/self/fd/%d", SIM_MODEL_NAME, fd);
    return RP_OK;
}

void sim_model_done(sim_model *model)
{
    close(model->fd);
}
