/* The vocabulary of a GGUF: what is read, what is refused; and the real model's, where it is there.
 */
#include "runtime/format/gguf_vocabulary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernels/text/chat.h"
#include "kernels/text/spm.h"
#include "tests/unit/support/gguf_writer.h"

enum { COUNT = 260 };

/* What a test may spoil before the file is written. */
typedef struct draft {
    const char *pieces[COUNT];
    float scores[COUNT];
    int32_t kinds[COUNT];
    char names[256][7];
    const char *model;
    size_t score_count, kind_count;
    uint32_t bos;
} draft;

static void draft_init(draft *d)
{
    static const char *const first[] = {"a", "<eos>", "<bos>", "<unk>"};
    *d = (draft){.model = "llama", .score_count = COUNT, .kind_count = COUNT, .bos = 2};
    for (size_t i = 0; i < COUNT; i++) {
        if (i < 4) {
            d->pieces[i] = first[i];
            d->kinds[i] = i == 0 ? RP_TOKEN_NORMAL : RP_TOKEN_CONTROL;
            continue;
        }
        snprintf(d->names[i - 4], sizeof d->names[0], "<0x%02zX>", i - 4);
        d->pieces[i] = d->names[i - 4];
        d->kinds[i] = RP_TOKEN_BYTE;
    }
    d->scores[0] = -2.5f;
}

static rp_status read_draft(const draft *d, rp_vocabulary **ret_vocabulary, rp_error *reterr)
{
    gguf_writer writer;
    rp_gguf *file;
    gguf_writer_init(&writer);
    gguf_writer_text(&writer, "general.architecture", "gemma3");
    gguf_writer_text(&writer, "tokenizer.ggml.model", d->model);
    gguf_writer_texts(&writer, "tokenizer.ggml.tokens", d->pieces, COUNT);
    gguf_writer_numbers(
        &writer, "tokenizer.ggml.scores", RP_GGUF_F32, d->scores, sizeof(float), d->score_count);
    gguf_writer_numbers(
        &writer, "tokenizer.ggml.token_type", RP_GGUF_I32, d->kinds, 4, d->kind_count);
    gguf_writer_u32(&writer, "tokenizer.ggml.bos_token_id", d->bos);
    gguf_writer_bool(&writer, "tokenizer.ggml.add_space_prefix", false);
    cr_assert_eq(rp_gguf_parse(gguf_writer_finish(&writer), &file, NULL), RP_OK);
    rp_status status = rp_gguf_vocabulary(file, ret_vocabulary, reterr);
    rp_gguf_free(file);
    gguf_writer_done(&writer);
    return status;
}

Test(gguf_vocabulary, is_what_the_file_says)
{
    static draft d;
    rp_vocabulary *vocabulary;
    rp_error error = {0};
    draft_init(&d);
    cr_assert_eq(read_draft(&d, &vocabulary, &error), RP_OK, "%s", error.message);
    /* The file is gone; the vocabulary is not. */
    cr_expect_eq(rp_vocabulary_count(vocabulary), COUNT);
    cr_expect_eq(rp_vocabulary_score(vocabulary, 0), -2.5f);
    cr_expect_eq(rp_vocabulary_kind(vocabulary, 2), RP_TOKEN_CONTROL);
    cr_expect_eq(rp_vocabulary_bos(vocabulary), 2);
    cr_expect_eq(rp_vocabulary_eos(vocabulary), 2); /* llama.cpp's, where the file has none */
    cr_expect_eq(rp_vocabulary_unk(vocabulary), 0);
    cr_expect_eq(rp_vocabulary_eot(vocabulary), RP_TOKEN_NONE);
    cr_expect(rp_vocabulary_add_bos(vocabulary));
    cr_expect_not(rp_vocabulary_add_space_prefix(vocabulary));
    rp_vocabulary_free(vocabulary);
    d.pieces[3] = "<end_of_turn>";
    cr_assert_eq(read_draft(&d, &vocabulary, &error), RP_OK, "%s", error.message);
    cr_expect_eq(rp_vocabulary_eot(vocabulary), 3);
    rp_vocabulary_free(vocabulary);
}

static void expect_refused(const draft *d, rp_status wanted, const char *field, const char *says)
{
    rp_vocabulary *vocabulary = NULL;
    rp_error error = {0};
    cr_expect_eq(read_draft(d, &vocabulary, &error), wanted, "%s", error.message);
    cr_expect_str_eq(error.field, field);
    cr_expect(strstr(error.message, says), "%s", error.message);
    cr_expect_null(vocabulary);
}

Test(gguf_vocabulary, refuses_what_is_wrong)
{
    static draft d;
    draft_init(&d);
    d.model = "gpt2";
    expect_refused(&d, RP_UNSUPPORTED, "tokenizer.ggml.model", "\"gpt2\" is not supported");
    d.model = "a\nb";
    expect_refused(&d, RP_UNSUPPORTED, "tokenizer.ggml.model", "\"?\" is not supported");
    draft_init(&d);
    d.score_count--;
    expect_refused(&d, RP_INVALID, "tokenizer.ggml.scores", "259 elements for 260 tokens");
    draft_init(&d);
    d.kind_count = 0;
    expect_refused(&d, RP_INVALID, "tokenizer.ggml.token_type", "0 elements");
    draft_init(&d);
    d.kinds[7] = -1;
    expect_refused(&d, RP_INVALID, "tokenizer.ggml.token_type", "token 7 kind -1");
    draft_init(&d);
    d.bos = COUNT;
    expect_refused(&d, RP_INVALID, "tokenizer.ggml.bos_token_id", "token 260");
    draft_init(&d);
    d.pieces[5] = "a";
    expect_refused(&d, RP_INVALID, "pieces", "same piece");
}

/* ---- the real one ---- */

static rp_gguf *open_model(void)
{
    const char *path = getenv("REPRISE_MODEL");
    rp_gguf *file = NULL;
    rp_error error = {0};
    if (!path)
        path = ".deps/models/gemma-3-270m-q4_k_m.gguf";
    if (access(path, R_OK) != 0)
        cr_skip_test("no model at %s (cmake/fetch model, or REPRISE_MODEL)", path);
    cr_assert_eq(rp_gguf_open(path, &file, &error), RP_OK, "%s", error.message);
    rp_bytes architecture = rp_gguf_architecture(file);
    if (!rp_bytes_is(architecture, "gemma3"))
        cr_skip_test("%s is no gemma3", path);
    return file;
}

static void expect_ids(
    rp_spm *spm, const char *text, unsigned flags, const int32_t *wanted, size_t count)
{
    int32_t ids[256];
    rp_tokens tokens = {.ids = ids, .max = 256};
    cr_assert_eq(rp_spm_encode(spm, rp_bytes_text(text), flags, &tokens, NULL), RP_OK);
    cr_assert_eq(
        tokens.count, count, "\"%s\" has %zu tokens, expected %zu", text, tokens.count, count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(ids[i], wanted[i], "token %zu of \"%s\" is %d, expected %d", i, text, ids[i],
            wanted[i]);
}

#define EXPECT_IDS(text, flags, ...)                             \
    expect_ids(spm, text, flags, (const int32_t[]){__VA_ARGS__}, \
        sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* A few that llama.cpp gave; tests/conformance/test_tokenizer.py has very many more. */
Test(gguf_vocabulary, gives_gemma_its_tokens)
{
    rp_gguf *file = open_model();
    rp_vocabulary *vocabulary;
    rp_spm *spm;
    rp_error error = {0};
    cr_assert_eq(rp_gguf_vocabulary(file, &vocabulary, &error), RP_OK, "%s", error.message);
    cr_assert_eq(rp_spm_new(vocabulary, 1 << 16, &spm, NULL), RP_OK);
    EXPECT_IDS("Hello world, how are you?\n\n  <end_of_turn>", 0, 9259, 1902, 236764, 1217, 659,
        611, 236881, 108, 138, 236820, 643, 236779, 1340, 236779, 887, 236813);
    EXPECT_IDS("Hello <end_of_turn>", RP_SPM_ADD_ENDS | RP_SPM_PARSE_SPECIAL, 2, 9259, 236743, 106);
    rp_spm_free(spm);
    rp_vocabulary_free(vocabulary);
    rp_gguf_free(file);
}

Test(gguf_vocabulary, frames_a_chat_for_gemma)
{
    static const int32_t wanted[] = {
        RP_TOKEN_NONE, 2, 105, RP_TOKEN_NONE, 106, RP_TOKEN_NONE, 105, RP_TOKEN_NONE};
    rp_gguf *file = open_model();
    rp_vocabulary *vocabulary;
    rp_chat chat;
    rp_chat_prompt prompt;
    rp_chat_message message = {rp_bytes_text("user"), rp_bytes_text("Why is the sky blue?")};
    cr_assert_eq(rp_gguf_vocabulary(file, &vocabulary, NULL), RP_OK);
    cr_assert_eq(rp_chat_init(&chat, vocabulary, rp_gguf_chat_template(file),
                     rp_gguf_architecture(file), NULL),
        RP_OK);
    rp_chat_prompt_init(&prompt, 1 << 16);
    cr_assert_eq(rp_chat_render(&chat, &message, 1, &prompt, NULL), RP_OK);
    cr_assert_eq(prompt.count, 7);
    for (size_t i = 0; i < prompt.count; i++)
        cr_expect_eq(prompt.segments[i].token, wanted[i + 1]);
    cr_expect_eq(rp_chat_end(&chat), 106);
    cr_expect(rp_vocabulary_is_end(vocabulary, 106) && rp_vocabulary_is_end(vocabulary, 1));
    rp_chat_prompt_done(&prompt);
    rp_vocabulary_free(vocabulary);
    rp_gguf_free(file);
}
