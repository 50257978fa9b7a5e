/* The models that a tokenizer speaks, from their files. */
#include "actors/tokenizer/models.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/actors/tokenizer/tiny_models.h"

Test(models, are_read_and_found_by_name)
{
    rp_tokenizer_models *models = tiny_models();
    cr_assert_eq(rp_tokenizer_models_count(models), 2);
    const rp_tokenizer_model *tiny = rp_tokenizer_models_find(models, rp_bytes_text("tiny"));
    const rp_tokenizer_model *plain = rp_tokenizer_models_find(models, rp_bytes_text("plain"));
    cr_assert(tiny && plain);
    cr_expect_eq(tiny, rp_tokenizer_models_at(models, 0));
    cr_expect_eq(tiny->context_tokens, 32);
    cr_expect_eq(plain->context_tokens, 8);
    cr_expect(tiny->has_chat);
    cr_expect_not(plain->has_chat);
    cr_expect_eq(tiny->chunk_tokens, 1);
    cr_expect_eq(strlen(tiny->version), 12, "of the file's digest");
    cr_expect_str_neq(tiny->version, plain->version);
    cr_expect_str_eq(tiny->name_token, "tiny");
    cr_expect_eq(rp_vocabulary_count(tiny->vocabulary), TINY_COUNT);
    cr_expect_null(rp_tokenizer_models_find(models, rp_bytes_text("tin")));
    cr_expect_null(rp_tokenizer_models_find(models, rp_bytes_text("")));
    rp_tokenizer_models_free(models);
    rp_tokenizer_models_free(NULL);
}

static rp_status load(const tiny_file *file, const char *form, rp_error *reterr)
{
    char path[TEMPORARY_BYTES], argument[TEMPORARY_BYTES + 16];
    rp_tokenizer_models *models = NULL;
    tiny_model_write(file, path);
    snprintf(argument, sizeof argument, "%s=%s", form, path);
    rp_option_list list = {.values = {argument}, .count = 1};
    rp_status status = rp_tokenizer_models_load(&list, &models, reterr);
    unlink(path);
    cr_expect_eq(models != NULL, status == RP_OK);
    rp_tokenizer_models_free(models);
    return status;
}

Test(models, that_cannot_be_are_refused_by_name)
{
    rp_error error = {0};
    cr_expect_eq(load(&(tiny_file){"gemma3", 2, true}, "m", &error), RP_OK);
    cr_expect_eq(load(&(tiny_file){"gemma3", 1, true}, "m", &error), RP_LIMIT);
    cr_expect_not_null(strstr(error.message, "model m"), "%s", error.message);
    cr_expect_not_null(strstr(error.message, "gemma3.context_length"), "%s", error.message);
    cr_expect_eq(load(&(tiny_file){"gemma3", (1 << 20) + 1, true}, "m", &error), RP_LIMIT);
    cr_expect_neq(load(&(tiny_file){"gemma3", 0, true}, "m", &error), RP_OK);
    rp_tokenizer_models *models = NULL;
    rp_option_list none = {0}, version = {.values = {"m@v1"}, .count = 1};
    rp_option_list missing = {.values = {"m=/no/such/file.gguf"}, .count = 1};
    cr_expect_eq(rp_tokenizer_models_load(&none, &models, &error), RP_INVALID);
    cr_expect_eq(rp_tokenizer_models_load(&version, &models, &error), RP_INVALID);
    cr_expect_not_null(strstr(error.message, "NAME=FILE.gguf"));
    cr_expect_eq(rp_tokenizer_models_load(&missing, &models, &error), RP_NOT_FOUND);
    cr_expect_null(models);
}
