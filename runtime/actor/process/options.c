#include "runtime/actor/process/options.h"

#include "runtime/bus/jetstream/jetstream.h"

#include <inttypes.h>
#include <stdlib.h>

/* clang-format off */
static const rp_option common_options[] = {
    RP_ENDPOINT_OPTIONS(rp_process_settings, endpoint),
    {"instance", 0, RP_OPTION_TEXT, "NAME", "REPRISE_INSTANCE", NULL,
        "of this process, unlike every other's; made up where not given",
        offsetof(rp_process_settings, instance), 0, 0},
    {"drain", 0, RP_OPTION_DURATION, "TIME", "REPRISE_DRAIN", "10s",
        "to finish what is held when told to end; the rest is handed back",
        offsetof(rp_process_settings, drain_ns), 0, UINT64_C(3600000000000)},
    {"restarts", 0, RP_OPTION_COUNT, "N", "REPRISE_RESTARTS", "5",
        "of an actor that gave up, in a row and ever later; then the process ends",
        offsetof(rp_process_settings, restarts_max), 0, 1000},
    {"outbox-messages", 0, RP_OPTION_COUNT, "N", "REPRISE_OUTBOX_MESSAGES", "4096",
        "publishes and questions that wait for the server's answer; above, work is held back",
        offsetof(rp_process_settings, outbox_messages_max), 64, RP_JETSTREAM_OUTBOX_MESSAGES_MAX},
    {"outbox-bytes", 0, RP_OPTION_BYTES, "SIZE", "REPRISE_OUTBOX_BYTES", "64MiB",
        "of their bodies together",
        offsetof(rp_process_settings, outbox_bytes_max), 8 << 20, RP_JETSTREAM_OUTBOX_BYTES_MAX},
    {"admin-address", 0, RP_OPTION_TEXT, "ADDRESS", "REPRISE_ADMIN_ADDRESS", "127.0.0.1",
        "of /metrics, /healthz and /readyz; loopback only",
        offsetof(rp_process_settings, admin_address), 0, 0},
    {"admin-port", 0, RP_OPTION_COUNT, "PORT", "REPRISE_ADMIN_PORT", "0",
        "0 takes any free one", offsetof(rp_process_settings, admin_port), 0, 65535},
    {"pin", 0, RP_OPTION_FLAG, NULL, "REPRISE_PIN", NULL,
        "bind each compute thread to a core of its own: for a process that has its cores to itself",
        offsetof(rp_process_settings, pin), 0, 0},
    {"log-level", 0, RP_OPTION_TEXT, "LEVEL", "REPRISE_LOG_LEVEL", "info",
        "debug, info, warn, error or off", offsetof(rp_process_settings, log_level), 0, 0},
    {"log-format", 0, RP_OPTION_TEXT, "FORMAT", "REPRISE_LOG_FORMAT", "auto",
        "text, json, or auto: text on a terminal", offsetof(rp_process_settings, log_format), 0, 0},
    {"help", 'h', RP_OPTION_FLAG, NULL, NULL, NULL, "show this",
        offsetof(rp_process_settings, help), 0, 0},
    {"version", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "show the build",
        offsetof(rp_process_settings, version), 0, 0},
    {0}};
/* clang-format on */

enum { WORK_OPTIONS = 3 };

/* clang-format off */
static const rp_option fold_options[WORK_OPTIONS + 1] = {
    {"partitions", 0, RP_OPTION_COUNT, "N", "REPRISE_PARTITIONS", "1",
        "into so many the log is shared out; fixed with the first snapshot",
        offsetof(rp_process_settings, partitions), 1, RP_FOLD_PARTITIONS_MAX},
    {"partition", 0, RP_OPTION_TEXT, "K", "REPRISE_PARTITION", "all",
        "which of them this process runs, counted from 0; or all",
        offsetof(rp_process_settings, partition), 0, 0},
    {"snapshot-every", 0, RP_OPTION_COUNT, "N", "REPRISE_SNAPSHOT_EVERY", NULL,
        "messages of the log between two snapshots; the kind's own number where not given",
        offsetof(rp_process_settings, snapshot_every), 1, UINT64_C(1) << 53},
    {0}};
/* clang-format on */

/* Those that only a worker or only a fold has; a worker's have the actor's defaults. */
static void work_options(const rp_actor_spec *spec, rp_option options[WORK_OPTIONS + 1])
{
    if (spec->fold) {
        memcpy(options, fold_options, sizeof fold_options);
        return;
    }
    options[0] = (rp_option){"slots", 0, RP_OPTION_COUNT, "N", "REPRISE_SLOTS", spec->slots_default,
        "messages held at once", offsetof(rp_process_settings, slots), 1, RP_WORKER_SLOTS_MAX};
    options[1] =
        (rp_option){"threads", 0, RP_OPTION_COUNT, "N", "REPRISE_THREADS", spec->threads_default,
            "compute threads; 0 = one a core", offsetof(rp_process_settings, threads), 0, 256};
    options[2] = (rp_option){"tries", 0, RP_OPTION_COUNT, "N", "REPRISE_TRIES", "10",
        "of a message, without a new output; then it goes to DEAD",
        offsetof(rp_process_settings, tries_max), 1, 1000};
    options[3] = (rp_option){0};
}

void rp_process_options_help(const rp_actor_spec *spec, rp_buffer *out)
{
    rp_option work[WORK_OPTIONS + 1];
    work_options(spec, work);
    rp_buffer_printf(out, "reprise-%s: %s\n\nUsage: reprise-%s [options]\n", spec->kind,
        spec->summary, spec->kind);
    if (spec->example)
        rp_buffer_printf(out, "\n  %s\n", spec->example);
    if (spec->options) {
        rp_buffer_printf(out, "\nThe %s:\n", spec->kind);
        rp_options_help(spec->options, out);
    }
    rp_buffer_text(out, "\nEvery actor:\n");
    rp_options_help(work, out);
    rp_options_help(common_options, out);
    rp_buffer_text(out,
        "\nSIGTERM or Ctrl-C drains and ends; a second one ends at once.\n"
        "Exit: 0 after a drain, 1 where it cannot start or go on, 2 for wrong options.\n");
}

void rp_process_options_free(rp_process_options *options)
{
    if (options && options->own_options) {
        const rp_option *const tables[] = {options->own_options};
        rp_options_done(tables, 1, options);
        free(options->own_options);
    }
    free(options);
}

rp_process_options *rp_process_options_new(const rp_actor_spec *spec)
{
    size_t count = 0;
    while (spec->options && spec->options[count].name)
        count++;
    rp_process_options *options = calloc(1, sizeof *options + spec->settings_bytes);
    rp_option *own = calloc(count + 1, sizeof *own);
    if (!options || !own) {
        free(options);
        free(own);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        own[i] = spec->options[i];
        own[i].offset += offsetof(rp_process_options, own);
    }
    options->spec = spec;
    options->own_options = own;
    return options;
}

static void shift(const rp_option *table, rp_option *shifted)
{
    do {
        *shifted = *table;
        shifted->offset += offsetof(rp_process_options, common);
        shifted++;
    } while ((table++)->name);
}

/* Which partitions a fold's process runs. A fold holds no messages and computes little: it needs a
 * thread for what takes long (SHA-256 of a snapshot), and no slots. */
static rp_status plan_fold(rp_process_settings *c, rp_error *reterr)
{
    uint64_t partition = 0;
    c->slots = c->threads = 1;
    if (strcmp(c->partition, "all") == 0) {
        c->partition_run = RP_FOLDS_ALL;
        return RP_OK;
    }
    if (rp_parse_count(c->partition, &partition) != RP_OK || partition >= c->partitions)
        return rp_error_set(reterr, RP_INVALID, "partition",
            "--partition takes \"all\" or a number below --partitions, %" PRIu64 ", not \"%.40s\"",
            c->partitions, c->partition);
    c->partition_run = (uint32_t)partition;
    return RP_OK;
}

rp_status rp_process_options_parse(
    rp_process_options *options, int argc, char **argv, rp_error *reterr)
{
    rp_option common[sizeof common_options / sizeof *common_options];
    rp_option work[WORK_OPTIONS + 1], shifted_work[WORK_OPTIONS + 1];
    int arguments = 0;
    work_options(options->spec, work);
    shift(common_options, common);
    shift(work, shifted_work);
    const rp_option *const tables[] = {options->own_options, shifted_work, common};
    rp_status status = rp_options_parse(tables, sizeof tables / sizeof *tables, argc, argv,
        rp_environment_system, false, options, &arguments, reterr);
    if (status == RP_OK && arguments > 0)
        status = rp_error_set(reterr, RP_INVALID, argv[1],
            "\"%.60s\" is no option; this program takes no arguments", argv[1]);
    if (status == RP_OK && options->spec->fold)
        status = plan_fold(&options->common, reterr);
    return status;
}
