/* reprise version: what this binary is. */
#include "actors/cli/cli.h"

#include <uv.h>

typedef struct settings {
    rp_cli_common common;
} settings;

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    int done = 0;
    if (rp_cli_parse(command, argc, argv, &s, NULL, &done))
        return done;
    rp_buffer out;
    rp_buffer_init(&out, 4096);
    if (s.common.json)
        rp_buffer_printf(&out,
            "{\"version\":\"%s\",\"build\":\"%s\",\"nats\":\"%s\",\"libuv\":\"%s\",\"yyjson\":\"%"
            "s\"}\n",
            RP_VERSION, RP_BUILD, nats_GetVersion(), uv_version_string(), YYJSON_VERSION_STRING);
    else
        rp_buffer_printf(&out, "reprise %s (%s)\nnats.c %s, libuv %s, yyjson %s\n", RP_VERSION,
            RP_BUILD, nats_GetVersion(), uv_version_string(), YYJSON_VERSION_STRING);
    done = rp_cli_print(&s.common, &out);
    rp_buffer_done(&out);
    return done;
}

const rp_command rp_command_version = {
    .name = "version",
    .summary = "what this binary is",
    .usage = "[--json]",
    .help =
        "Prints the version, the build (the commit; + where the tree differed from it) and the\n"
        "libraries. Every answer names the build that gave it, so that a replay can tell.\n"
        "\n"
        "  reprise version\n"
        "  reprise version --json | jq -r .build\n",
    .hides_server = true,
    .run = run,
};
