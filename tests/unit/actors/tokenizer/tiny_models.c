#include "tests/unit/actors/tokenizer/tiny_models.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/support/gguf_writer.h"

static void add_vocabulary(gguf_writer *writer, bool add_bos)
{
    static const char *const special[] = {
        "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"};
    char names[256][8];
    const char *pieces[TINY_COUNT];
    float scores[TINY_COUNT] = {0};
    int32_t kinds[TINY_COUNT];
    for (size_t i = 0; i < TINY_BYTES; i++) {
        pieces[i] = special[i];
        kinds[i] = i == TINY_UNK ? RP_TOKEN_UNKNOWN : RP_TOKEN_CONTROL;
    }
    for (size_t i = 0; i < 256; i++) {
        snprintf(names[i], sizeof names[i], "<0x%02zX>", i);
        pieces[TINY_BYTES + i] = names[i];
        kinds[TINY_BYTES + i] = RP_TOKEN_BYTE;
    }
    const char *const more[] = {"a", "b", "ab"};
    for (size_t i = 0; i < 3; i++) {
        pieces[TINY_A + i] = more[i];
        scores[TINY_A + i] = -1.0F;
        kinds[TINY_A + i] = RP_TOKEN_NORMAL;
    }
    gguf_writer_text(writer, "tokenizer.ggml.model", "llama");
    gguf_writer_texts(writer, "tokenizer.ggml.tokens", pieces, TINY_COUNT);
    gguf_writer_numbers(
        writer, "tokenizer.ggml.scores", RP_GGUF_F32, scores, sizeof *scores, TINY_COUNT);
    gguf_writer_numbers(
        writer, "tokenizer.ggml.token_type", RP_GGUF_I32, kinds, sizeof *kinds, TINY_COUNT);
    gguf_writer_u32(writer, "tokenizer.ggml.bos_token_id", TINY_BOS);
    gguf_writer_u32(writer, "tokenizer.ggml.eos_token_id", TINY_EOS);
    gguf_writer_u32(writer, "tokenizer.ggml.unknown_token_id", TINY_UNK);
    gguf_writer_bool(writer, "tokenizer.ggml.add_bos_token", add_bos);
    gguf_writer_bool(writer, "tokenizer.ggml.add_eos_token", false);
    gguf_writer_bool(writer, "tokenizer.ggml.add_space_prefix", false);
}

void tiny_model_write(const tiny_file *file, char path[TEMPORARY_BYTES])
{
    gguf_writer writer;
    char key[64];
    gguf_writer_init(&writer);
    gguf_writer_text(&writer, "general.architecture", file->architecture);
    snprintf(key, sizeof key, "%s.context_length", file->architecture);
    if (file->context_tokens)
        gguf_writer_u32(&writer, key, file->context_tokens);
    add_vocabulary(&writer, file->add_bos);
    rp_bytes bytes = gguf_writer_finish(&writer);
    int fd = temporary_file("tiny", path);
    cr_assert(write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    close(fd);
    gguf_writer_done(&writer);
}

rp_tokenizer_models *tiny_models(void)
{
    static const tiny_file files[] = {{"gemma3", 32, true}, {"llama", 8, false}};
    static const char *const names[] = {"tiny", "plain"};
    char paths[2][TEMPORARY_BYTES], arguments[2][2 * TEMPORARY_BYTES + 16];
    rp_option_list list = {.count = 2};
    rp_tokenizer_models *models = NULL;
    rp_error error = {0};
    for (size_t i = 0; i < 2; i++) {
        tiny_model_write(&files[i], paths[i]);
        snprintf(arguments[i], sizeof arguments[i], "%s=%s", names[i], paths[i]);
        list.values[i] = arguments[i];
    }
    rp_status status = rp_tokenizer_models_load(&list, &models, &error);
    for (size_t i = 0; i < 2; i++)
        unlink(paths[i]);
    cr_assert_eq(status, RP_OK, "%s: %s", error.field, error.message);
    return models;
}
