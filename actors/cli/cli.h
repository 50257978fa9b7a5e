/* What the commands of `reprise` share: how a command is described, parsed, and how it ends.
 *
 * A command is a row of data (its name, its help, its options) and a function; main.c has the
 * table. Every command takes --json and --help and the options that name the server, since its
 * settings begin with an rp_cli_common:
 *
 *     typedef struct settings { rp_cli_common common; uint64_t lanes; } settings;
 *
 *     static int run(const rp_command *command, int argc, char **argv)
 *     {
 *         settings s = {0};
 *         int done;
 *         if (rp_cli_parse(command, argc, argv, &s, NULL, &done))
 *             return done;
 *         ...
 *         return RP_EXIT_OK;
 *     }
 *
 * Results go to standard output, everything else to standard error. With --json a failure is an
 * object on standard error too, {"error":{"code","message","field","limit"}}, so that programs can
 * read both.
 */
#ifndef ACTORS_CLI_CLI_H
#define ACTORS_CLI_CLI_H

#include "runtime/base/options.h"
#include "runtime/bus/client.h"

/* How every command ends. */
typedef enum rp_exit {
    RP_EXIT_OK = 0,
    RP_EXIT_FAILED = 1,
    RP_EXIT_USAGE = 2,
    RP_EXIT_UNREACHABLE = 3,
    RP_EXIT_INTERRUPTED = 130
} rp_exit;

typedef struct rp_cli_common {
    bool help;
    bool json;
    rp_endpoint endpoint;
} rp_cli_common;

typedef struct rp_command rp_command;

struct rp_command {
    const char *name;         /* "model list" */
    const char *summary;      /* a line of `reprise --help` */
    const char *usage;        /* behind the name: "[OPTIONS] TEXT" */
    const char *help;         /* what it does, and examples; ends in a line feed */
    const rp_option *options; /* its own; NULL for none */
    bool hides_server;        /* it asks no server */
    int (*run)(const rp_command *command, int argc, char **argv);
};

/* One folder each, named as the command is. */
extern const rp_command rp_command_up;
extern const rp_command rp_command_ask;
extern const rp_command rp_command_status;
extern const rp_command rp_command_scale;
extern const rp_command rp_command_dead_list;
extern const rp_command rp_command_dead_show;
extern const rp_command rp_command_dead_retry;
extern const rp_command rp_command_provision;
extern const rp_command rp_command_model_list;
extern const rp_command rp_command_version;
extern const rp_command rp_command_child;

/* The rows behind rp_cli_common's fields. */
extern const rp_option rp_cli_common_options[];
extern const rp_option rp_cli_endpoint_options[];

/* Parses argv[1..] into `settings`. `ret_arguments` counts what is no option; NULL where the command
 * takes nothing else, and then a word is a mistake. True where the command is over already, --help
 * or a mistake, with its exit status in `ret_done`. */
bool rp_cli_parse(const rp_command *command, int argc, char **argv, void *settings,
    int *ret_arguments, int *ret_done);

/* A failure as an object on standard error; `field` and `limit` may be NULL. */
void rp_cli_tell_json(const char *code, const char *message, const char *field, const char *limit);

/* Tells of a failure on standard error and gives the exit status for it. */
int rp_cli_fail(const rp_cli_common *common, const rp_error *error);

/* The same for a mistake in how the command was called; adds where to read how. */
int rp_cli_usage(const rp_command *command, const rp_cli_common *common, const rp_error *error);

/* Connects as `reprise <command>`. False where that fails: then it has been told, and `ret_done` is
 * the exit status. */
bool rp_cli_open(
    const rp_command *command, const rp_cli_common *common, rp_client **ret_client, int *ret_done);

/* Writes what a buffer holds to standard output. RP_EXIT_OK, or RP_EXIT_FAILED (told) where nobody
 * takes it or the buffer was full. */
int rp_cli_print(const rp_cli_common *common, const rp_buffer *out);

#endif
