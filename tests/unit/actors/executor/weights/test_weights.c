#include "actors/executor/weights/weights.h"

#include <criterion/criterion.h>

#include "tests/unit/actors/executor/tiny.h"
#include "tests/unit/support/gguf_writer.h"

Test(weights, a_tensor_becomes_a_matrix)
{
    rp_gguf *file = tiny_file(NULL, 0);
    rp_canon_matrix matrix;
    cr_assert_eq(
        rp_weights_matrix(file, "token_embd.weight", TINY_VOCABULARY, TINY_WIDTH, &matrix, NULL),
        RP_OK);
    cr_assert_eq(matrix.type, RP_CANON_Q8_0);
    cr_assert_eq(matrix.rows, TINY_VOCABULARY);
    cr_assert_eq(matrix.cols, TINY_WIDTH);
    cr_assert_eq(matrix.row_bytes, 68);
    tiny_free(file);
}

Test(weights, another_shape_is_refused_with_both)
{
    rp_gguf *file = tiny_file(NULL, 0);
    rp_canon_matrix matrix;
    rp_error error = {0};
    cr_assert_eq(
        rp_weights_matrix(file, "token_embd.weight", 299, TINY_WIDTH, &matrix, &error), RP_INVALID);
    cr_assert_str_eq(error.field, "token_embd.weight");
    cr_assert(strstr(error.message, "64 x 300") && strstr(error.message, "64 x 299"), "%s",
        error.message);
    cr_assert_eq(rp_weights_matrix(file, "nothing", 1, 1, &matrix, &error), RP_NOT_FOUND);
    tiny_free(file);
}

Test(weights, vectors_are_widened)
{
    gguf_writer writer;
    gguf_writer_init(&writer);
    float out[2], f32[2] = {1.5F, -2.0F};
    uint16_t f16[2] = {0x3E00, 0xC000}, bf16[2] = {0x3FC0, 0xC000};
    uint8_t q8[34] = {0};
    gguf_writer_tensor(&writer, "f32", RP_GGUF_TYPE_F32, 1, (uint64_t[]){2}, f32, sizeof f32);
    gguf_writer_tensor(&writer, "f16", RP_GGUF_TYPE_F16, 1, (uint64_t[]){2}, f16, sizeof f16);
    gguf_writer_tensor(&writer, "bf16", RP_GGUF_TYPE_BF16, 1, (uint64_t[]){2}, bf16, sizeof bf16);
    gguf_writer_tensor(&writer, "q8", RP_GGUF_TYPE_Q8_0, 1, (uint64_t[]){32}, q8, sizeof q8);
    rp_gguf *file;
    cr_assert_eq(rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL), RP_OK);
    static const char *const names[] = {"f32", "f16", "bf16"};
    for (size_t i = 0; i < 3; i++) {
        out[0] = out[1] = 0;
        cr_assert_eq(rp_weights_vector(file, names[i], 2, out, NULL), RP_OK);
        cr_assert(out[0] == 1.5F && out[1] == -2.0F, "%s", names[i]);
    }
    cr_assert_eq(rp_weights_vector(file, "f32", 3, out, NULL), RP_INVALID);
    float many[32];
    cr_assert_eq(rp_weights_vector(file, "q8", 32, many, NULL), RP_UNSUPPORTED);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(weights, the_mix_is_told_by_bytes)
{
    gguf_writer writer;
    gguf_writer_init(&writer);
    static uint8_t data[340000];
    gguf_writer_tensor(&writer, "a", RP_GGUF_TYPE_F32, 1, (uint64_t[]){2}, data, 8);
    gguf_writer_tensor(
        &writer, "b", RP_GGUF_TYPE_Q8_0, 2, (uint64_t[]){3200, 100}, data, sizeof data);
    gguf_writer_tensor(&writer, "c", RP_GGUF_TYPE_F32, 1, (uint64_t[]){2}, data, 8);
    rp_gguf *file;
    cr_assert_eq(rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL), RP_OK);
    rp_buffer out;
    rp_buffer_init(&out, 4096);
    rp_weights_mix(file, &out);
    cr_assert_str_eq(rp_buffer_string(&out), "Q8_0 1 tensors 0.3 MB, F32 2 tensors 0.0 MB");
    rp_buffer_done(&out);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
}

Test(weights, the_version_is_the_digest_of_the_file)
{
    rp_gguf *file = tiny_file(NULL, 0);
    char digest[RP_SHA256_TEXT_BYTES], whole[RP_SHA256_TEXT_BYTES];
    char version[RP_WEIGHTS_VERSION_BYTES];
    uint8_t sha[RP_SHA256_BYTES];
    cr_assert_eq(rp_weights_digest(file, digest, NULL), RP_OK);
    cr_assert_eq(rp_hash_sha256(rp_gguf_bytes(file), sha), RP_OK);
    rp_sha256_text(sha, whole);
    cr_assert_str_eq(digest, whole);
    rp_weights_version(digest, version);
    cr_assert_eq(strlen(version), 12);
    cr_assert_eq(strncmp(version, digest, 12), 0);
    tiny_free(file);
}
