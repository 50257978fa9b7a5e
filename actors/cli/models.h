/* --model NAME=FILE.gguf or NAME@VERSION: which models a command is about.
 *
 * Without a registry a file's version is the first 12 hexadecimal digits of its SHA-256, so that
 * the same file is the same version on every machine.
 */
#ifndef ACTORS_CLI_MODELS_H
#define ACTORS_CLI_MODELS_H

#include "runtime/base/name.h"
#include "runtime/base/options.h"
#include "runtime/provision/declaration.h"

enum { RP_MODEL_VERSION_BYTES = RP_NAME_MAX + 1 };

typedef struct rp_model_arg {
    char name[RP_NAME_MAX + 1];
    char version[RP_MODEL_VERSION_BYTES];
    const char *file; /* borrowed from the argument; NULL where it named a version */
} rp_model_arg;

typedef struct rp_model_args {
    rp_model_arg models[RP_DECLARATION_MODELS_MAX];
    size_t count;
} rp_model_args;

/* Reads one argument, and the file's digest where it names one (0.5 s a GB). RP_INVALID for what
 * has neither form or no GGUF file, RP_LIMIT for long names, RP_NOT_FOUND, RP_IO. */
RP_MUST_USE rp_status rp_model_arg_read(
    const char *argument, rp_model_arg *ret_model, rp_error *reterr);

/* Reads all of an option's values; two with one name are refused (RP_EXISTS). */
RP_MUST_USE rp_status rp_model_args_read(
    const rp_option_list *list, rp_model_args *ret_models, rp_error *reterr);

/* The same models for a declaration, which borrows `models`. */
void rp_model_args_versions(const rp_model_args *models, uint32_t lanes,
    rp_model_version ret_versions[RP_DECLARATION_MODELS_MAX]);

#endif
