/* reprise status: who is alive, what waits where. */
#include "actors/cli/cli.h"
#include "actors/cli/shared/interrupt.h"
#include "actors/cli/status/survey.h"

#include <stdio.h>
#include <stdlib.h>

enum { OUTPUT_MAX = 8 << 20 };

typedef struct settings {
    rp_cli_common common;
    bool watch;
    uint64_t every_ns;
} settings;

static const rp_option options[] = {{"watch", 'w', RP_OPTION_FLAG, NULL, NULL, NULL,
                                        "go on until Ctrl-C", offsetof(settings, watch), 0, 0},
    {"every", 0, RP_OPTION_DURATION, "TIME", NULL, "2s", "how often with --watch, 200ms to 1h",
        offsetof(settings, every_ns), 200 * RP_NS_PER_MS, 3600 * RP_NS_PER_S},
    {0}};

static int look(const settings *s, rp_client *client, rp_survey *survey, rp_buffer *out)
{
    rp_error error = {0};
    rp_buffer_clear(out);
    if (rp_survey_take(client, rp_clock_system(), survey, &error) != RP_OK)
        return rp_cli_fail(&s->common, &error);
    if (s->watch && !s->common.json)
        rp_buffer_text(out, "\033[H\033[2J"); /* from the top of a clear screen */
    (s->common.json ? rp_survey_json : rp_survey_text)(survey, out);
    return rp_cli_print(&s->common, out);
}

static int watch(const settings *s, rp_client *client)
{
    rp_error error = {0};
    rp_buffer out;
    rp_survey *survey = calloc(1, sizeof *survey);
    if (!survey || rp_survey_init(survey, &error) != RP_OK) {
        free(survey);
        rp_error_set(&error, RP_NO_MEMORY, NULL, "out of memory");
        return rp_cli_fail(&s->common, &error);
    }
    rp_buffer_init(&out, OUTPUT_MAX);
    int done = look(s, client, survey, &out);
    /* A server that goes away while watched may come back. */
    while (s->watch && (done == RP_EXIT_OK || done == RP_EXIT_UNREACHABLE)) {
        if (rp_interrupt_wait(s->every_ns))
            break;
        done = look(s, client, survey, &out);
    }
    rp_buffer_done(&out);
    rp_survey_done(survey);
    free(survey);
    return done;
}

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    rp_client *client = NULL;
    int done = 0;
    if (rp_cli_parse(command, argc, argv, &s, NULL, &done))
        return done;
    if (s.watch)
        rp_interrupt_hold();
    if (rp_cli_open(command, &s.common, &client, &done))
        done = watch(&s, client);
    rp_client_free(client);
    return done;
}

const rp_command rp_command_status = {
    .name = "status",
    .summary = "who is alive, what waits where",
    .usage = "[OPTIONS]",
    .help =
        "Shows the actors (one that has not been seen for 5 s is gone), what each reprise up just\n"
        "starts, drains or has given up, the streams against their limits, and the durables: what\n"
        "waits, what is in work, what was delivered again. The last line says whether requests "
        "are\n"
        "answered. --watch looks again every 2 s, also over a server's restart; Ctrl-C ends it.\n"
        "\n"
        "  reprise status\n"
        "  reprise status --watch --every 500ms\n"
        "  reprise status --json | jq '.durables[] | select(.pending > 0)'\n",
    .options = options,
    .run = run,
};
