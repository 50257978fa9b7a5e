/* --model NAME=FILE and NAME@VERSION. */
#include "runtime/provision/models.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/support/temporary.h"

static char path[TEMPORARY_BYTES];

static void setup(void)
{
    int fd = temporary_file("model", path);
    cr_assert_eq(write(fd, "GGUF", 4), 4);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
}

TestSuite(models, .init = setup, .fini = teardown);

static rp_status read_one(const char *format, const char *value, rp_model_arg *ret_model)
{
    char argument[512];
    rp_error error = {0};
    snprintf(argument, sizeof argument, "%s%s", format, value);
    rp_status status = rp_model_arg_read(argument, ret_model, &error);
    cr_expect_eq(error.status, status);
    cr_expect(status == RP_OK || strcmp(error.field, "model") == 0, "%s", error.message);
    return status;
}

Test(models, a_file_has_the_version_of_its_digest)
{
    rp_model_arg model;
    cr_assert_eq(read_one("tiny=", path, &model), RP_OK);
    cr_assert_str_eq(model.name, "tiny");
    cr_assert_eq(strlen(model.version), 12);
    /* printf GGUF | sha256sum */
    cr_assert_str_eq(model.version, "b83633aa7853");
}

Test(models, a_version_may_be_named)
{
    rp_model_arg model;
    cr_assert_eq(read_one("gemma 3@", "v1.2=x@y", &model), RP_OK);
    cr_assert_str_eq(model.name, "gemma 3");
    cr_assert_str_eq(model.version, "v1.2=x@y");
    cr_assert_null(model.file);
}

Test(models, refuses)
{
    rp_model_arg model;
    char long_name[RP_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    cr_expect_eq(read_one("", "", &model), RP_INVALID);
    cr_expect_eq(read_one("tiny", "", &model), RP_INVALID);
    cr_expect_eq(read_one("tiny=", "", &model), RP_INVALID);
    cr_expect_eq(read_one("tiny@", "", &model), RP_INVALID);
    cr_expect_eq(read_one("=", path, &model), RP_INVALID);
    cr_expect_eq(read_one("tiny=", "/nowhere/at/all", &model), RP_NOT_FOUND);
    cr_expect_eq(read_one("tiny=", "/dev/null", &model), RP_IO);
    cr_expect_eq(read_one("tiny=", "/proc/self/cmdline", &model), RP_INVALID, "no GGUF");
    cr_expect_eq(read_one("a@", long_name, &model), RP_LIMIT);
    char argument[RP_NAME_MAX + 8];
    snprintf(argument, sizeof argument, "%s@1", long_name);
    cr_expect_eq(read_one(argument, "", &model), RP_LIMIT);
}

Test(models, a_name_stands_for_one_model)
{
    rp_model_args models;
    rp_error error = {0};
    rp_option_list list = {.values = {"a@1", "b@1", "a@2"}, .count = 3};
    cr_assert_eq(rp_model_args_read(&list, &models, &error), RP_EXISTS);
    list.count = 2;
    cr_assert_eq(rp_model_args_read(&list, &models, &error), RP_OK);
    rp_model_version versions[RP_DECLARATION_MODELS_MAX];
    rp_model_args_versions(&models, 3, versions);
    cr_assert_eq(models.count, 2);
    cr_assert_str_eq(versions[1].name, "b");
    cr_assert_eq(versions[1].lanes, 3);
}
