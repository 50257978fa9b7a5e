#include "actors/cli/cli.h"

#include "actors/cli/shared/text/json_member.h"

#include <errno.h>
#include <stdio.h>

enum { HELP_BYTES_MAX = 32 << 10 };

const rp_option rp_cli_common_options[] = {
    {"json", 'j', RP_OPTION_FLAG, NULL, NULL, NULL, "results and errors as JSON, for programs",
        offsetof(rp_cli_common, json), 0, 0},
    {"help", 'h', RP_OPTION_FLAG, NULL, NULL, NULL, "this text", offsetof(rp_cli_common, help), 0,
        0},
    {0}};

const rp_option rp_cli_endpoint_options[] = {RP_ENDPOINT_OPTIONS(rp_cli_common, endpoint), {0}};

static const char exit_codes[] =
    "\nExit status: 0 done, 1 failed, 2 called wrongly, 3 no server reached, 130 interrupted.\n";

static int print_help(const rp_command *command)
{
    rp_buffer out;
    rp_buffer_init(&out, HELP_BYTES_MAX);
    rp_buffer_printf(&out, "reprise %s %s\n\n%s", command->name, command->usage, command->help);
    rp_buffer_text(&out, "\nOptions:\n");
    if (command->options)
        rp_options_help(command->options, &out);
    rp_options_help(rp_cli_common_options, &out);
    if (!command->hides_server) {
        rp_buffer_text(&out, "\nServer:\n");
        rp_options_help(rp_cli_endpoint_options, &out);
    }
    rp_buffer_text(&out, exit_codes);
    int done = rp_cli_print(&(rp_cli_common){0}, &out);
    rp_buffer_done(&out);
    return done;
}

/* A mistake in front of --json is told as JSON, too. */
static bool wants_json(int argc, char **argv)
{
    bool wants = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        wants = wants || strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0;
    return wants;
}

bool rp_cli_parse(const rp_command *command, int argc, char **argv, void *settings,
    int *ret_arguments, int *ret_done)
{
    const rp_option *tables[3];
    size_t count = 0;
    int arguments = 0;
    rp_error error = {0};
    rp_cli_common *common = settings;
    tables[count++] = rp_cli_common_options;
    if (command->options)
        tables[count++] = command->options;
    if (!command->hides_server)
        tables[count++] = rp_cli_endpoint_options;
    rp_status status = rp_options_parse(
        tables, count, argc, argv, rp_environment_system, false, settings, &arguments, &error);
    if (status == RP_OK && !ret_arguments && arguments > 0)
        status = rp_error_set(&error, RP_INVALID, NULL,
            "what is \"%.100s\"? reprise %s takes options only", argv[1], command->name);
    if (ret_arguments)
        *ret_arguments = arguments;
    if (status != RP_OK)
        common->json = common->json || wants_json(argc, argv);
    if (common->help)
        *ret_done = print_help(command);
    else if (status != RP_OK)
        *ret_done = rp_cli_usage(command, common, &error);
    return common->help || status != RP_OK;
}

void rp_cli_tell_json(const char *code, const char *message, const char *field, const char *limit)
{
    rp_buffer out;
    rp_buffer_init(&out, 8 << 10);
    rp_json_error(&out, code, message, field, limit);
    fprintf(stderr, "%s\n", rp_buffer_string(&out));
    rp_buffer_done(&out);
}

/* A message may quote what a stream holds; control characters of that stay off the terminal. */
static void tell(const rp_cli_common *common, const rp_error *error)
{
    char text[sizeof error->message];
    if (common->json) {
        rp_cli_tell_json(rp_status_name(error->status), error->message, error->field, error->limit);
        return;
    }
    memcpy(text, error->message, sizeof text);
    for (char *c = text; *c; c++)
        *c = (uint8_t)*c < ' ' || *c == 0x7F ? '?' : *c;
    fprintf(stderr, "reprise: %s\n", text);
}

int rp_cli_fail(const rp_cli_common *common, const rp_error *error)
{
    tell(common, error);
    bool unreachable = error->status == RP_UNAVAILABLE || error->status == RP_TIMEOUT;
    return unreachable && strcmp(error->field, "server") == 0 ? RP_EXIT_UNREACHABLE
                                                              : RP_EXIT_FAILED;
}

int rp_cli_usage(const rp_command *command, const rp_cli_common *common, const rp_error *error)
{
    tell(common, error);
    if (!common->json)
        fprintf(stderr, "reprise %s --help tells how it is called\n", command->name);
    return RP_EXIT_USAGE;
}

bool rp_cli_open(
    const rp_command *command, const rp_cli_common *common, rp_client **ret_client, int *ret_done)
{
    char name[64];
    rp_error error = {0};
    snprintf(name, sizeof name, "reprise %s", command->name);
    rp_status status = rp_client_open(&common->endpoint, name, ret_client, &error);
    if (status == RP_OK)
        return true;
    bool mistaken = status == RP_INVALID || status == RP_LIMIT;
    *ret_done = mistaken ? rp_cli_usage(command, common, &error) : rp_cli_fail(common, &error);
    return false;
}

int rp_cli_print(const rp_cli_common *common, const rp_buffer *out)
{
    rp_error error = {0};
    if (out->truncated)
        rp_error_set(&error, RP_LIMIT, "output", "there is too much to print: above %zu bytes",
            out->bytes_max);
    else if (fwrite(rp_buffer_string(out), 1, out->len, stdout) != out->len || fflush(stdout) != 0)
        rp_error_set(&error, RP_IO, "output", "cannot write the output: %s", strerror(errno));
    return error.status == RP_OK ? RP_EXIT_OK : rp_cli_fail(common, &error);
}
