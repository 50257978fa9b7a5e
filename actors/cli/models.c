#include "actors/cli/models.h"

#include "runtime/base/hash.h"
#include "runtime/base/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { READ_BYTES = 1 << 20, VERSION_DIGITS = 12 };

static rp_status digest_of(FILE *file, const char *path, char digest[RP_SHA256_TEXT_BYTES],
    uint8_t *block, rp_error *reterr)
{
    rp_sha256 sha = {0};
    uint8_t raw[RP_SHA256_BYTES];
    size_t n, total = 0;
    rp_status status = rp_sha256_init(&sha);
    while (status == RP_OK && (n = fread(block, 1, READ_BYTES, file)) > 0) {
        if (total == 0 && (n < 4 || memcmp(block, "GGUF", 4) != 0)) {
            rp_sha256_done(&sha);
            return rp_error_set(reterr, RP_INVALID, "model",
                "%.200s is no GGUF file: it does not begin with GGUF", path);
        }
        total += n;
        status = rp_sha256_update(&sha, rp_bytes_of(block, n));
    }
    if (status == RP_OK && (ferror(file) || total == 0))
        status = RP_IO;
    if (status == RP_OK)
        status = rp_sha256_final(&sha, raw);
    rp_sha256_done(&sha);
    if (status != RP_OK)
        return rp_error_set(reterr, status, "model", "cannot read %.200s: %s", path,
            total == 0 && errno == 0 ? "it is empty" : strerror(errno));
    rp_sha256_text(raw, digest);
    return RP_OK;
}

static rp_status version_of_file(
    const char *path, char version[RP_MODEL_VERSION_BYTES], rp_error *reterr)
{
    char digest[RP_SHA256_TEXT_BYTES] = "";
    errno = 0;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return rp_error_set(reterr, errno == ENOENT ? RP_NOT_FOUND : RP_IO, "model",
            "cannot read the model file %.200s: %s", path, strerror(errno));
    uint8_t *block = malloc(READ_BYTES);
    rp_status status = block ? digest_of(file, path, digest, block, reterr)
                             : rp_error_set(reterr, RP_NO_MEMORY, "model", "out of memory");
    free(block);
    fclose(file);
    if (status == RP_OK) {
        memcpy(version, digest, VERSION_DIGITS);
        version[VERSION_DIGITS] = '\0';
    }
    return status;
}

rp_status rp_model_arg_read(const char *argument, rp_model_arg *ret_model, rp_error *reterr)
{
    rp_model_arg model = {0};
    size_t name_len = strcspn(argument, "=@");
    const char *rest = argument + name_len;
    if (name_len == 0 || rest[0] == '\0' || rest[1] == '\0')
        return rp_error_set(reterr, RP_INVALID, "model",
            "--model takes NAME=FILE.gguf or NAME@VERSION, not \"%.100s\"", argument);
    if (name_len > RP_NAME_MAX)
        return rp_error_limit(
            reterr, "model", "128 bytes", "the model's name %.40s... is too long", argument);
    memcpy(model.name, argument, name_len);
    if (rest[0] == '=') {
        model.file = rest + 1;
        rp_status status = version_of_file(model.file, model.version, reterr);
        if (status != RP_OK)
            return status;
    } else if ((size_t)snprintf(model.version, sizeof model.version, "%s", rest + 1) >=
               sizeof model.version) {
        return rp_error_limit(
            reterr, "model", "128 bytes", "the version %.40s... is too long", rest + 1);
    }
    *ret_model = model;
    return RP_OK;
}

rp_status rp_model_args_read(
    const rp_option_list *list, rp_model_args *ret_models, rp_error *reterr)
{
    ret_models->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (i == RP_DECLARATION_MODELS_MAX)
            return rp_error_limit(reterr, "model", "64 models", "too many models");
        rp_model_arg *model = &ret_models->models[i];
        rp_status status = rp_model_arg_read(list->values[i], model, reterr);
        if (status != RP_OK)
            return status;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(ret_models->models[j].name, model->name) == 0)
                return rp_error_set(reterr, RP_EXISTS, "model",
                    "--model %.128s is given twice; a name stands for one model", model->name);
        }
        ret_models->count++;
    }
    return RP_OK;
}

void rp_model_args_versions(const rp_model_args *models, uint32_t lanes,
    rp_model_version ret_versions[RP_DECLARATION_MODELS_MAX])
{
    for (size_t i = 0; i < models->count; i++)
        ret_versions[i] = (rp_model_version){
            .name = models->models[i].name, .version = models->models[i].version, .lanes = lanes};
}
