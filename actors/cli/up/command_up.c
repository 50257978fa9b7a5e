/* reprise up: a server, the actors, and everything that they need, in the foreground. */
#include "actors/cli/cli.h"
#include "actors/cli/shared/up/scaling.h"
#include "actors/cli/up/process/broker.h"
#include "actors/cli/up/up.h"
#include "runtime/base/clock.h"
#include "runtime/provision/models.h"

typedef struct settings {
    rp_cli_common common;
    const char *nats_server, *data, *ask;
    rp_option_list model;
    uint64_t port, tokenizers, executors, ready_ns;
} settings;

static const rp_option options[] = {
    {"model", 'm', RP_OPTION_LIST, "NAME=FILE", NULL, NULL,
        "a model to serve and its GGUF file; several times", offsetof(settings, model), 0, 0},
    {"ask", 0, RP_OPTION_TEXT, "TEXT", NULL, NULL,
        "ask this when all is ready, print the answer, stop", offsetof(settings, ask), 0, 0},
    {"data", 0, RP_OPTION_TEXT, "DIR", "REPRISE_DATA", NULL,
        "streams and logs; unset: $XDG_DATA_HOME/reprise or ~/.local/share/reprise",
        offsetof(settings, data), 0, 0},
    {"port", 'p', RP_OPTION_COUNT, "N", NULL, "4222", "of our server; 0 = any that is free",
        offsetof(settings, port), 0, UINT16_MAX},
    {"nats-server", 0, RP_OPTION_TEXT, "FILE", NULL, NULL,
        "unset: beside this binary, in the project's .deps/bin, in PATH",
        offsetof(settings, nats_server), 0, 0},
    {"tokenizers", 0, RP_OPTION_COUNT, "N", NULL, "1", "processes, 1 to 32",
        offsetof(settings, tokenizers), 1, RP_SCALING_COUNT_MAX},
    {"executors", 0, RP_OPTION_COUNT, "N", NULL, "1", "processes of each model, 1 to 32",
        offsetof(settings, executors), 1, RP_SCALING_COUNT_MAX},
    {"ready-timeout", 0, RP_OPTION_DURATION, "TIME", NULL, "2m",
        "give up when not all are ready by then", offsetof(settings, ready_ns), RP_NS_PER_S,
        3600 * RP_NS_PER_S},
    {0}};

static const char help[] =
    "Starts what answers requests and stays in the foreground: a nats-server with JetStream on\n"
    "loopback (unless --server or NATS_URL names a running one), its streams and durables,\n"
    "tokenizers, executors of each model, and a janitor, which makes room in streams that fill\n"
    "up. It says when all are ready and how to publish.\n"
    "Ctrl-C stops everything in order: the actors hand back what they hold, then the server;\n"
    "nothing is left running, not even when this is killed.\n"
    "\n"
    "A process that dies is started again after 0.5 s, then after pauses that double, 5 times in "
    "a\n"
    "row; half a minute without an end starts the count anew. One that goes on dying is given up,\n"
    "with the end of its log, and the rest goes on; all ends where it was the server, the last\n"
    "tokenizer or the last executor, or where not all have become ready yet. `reprise scale`\n"
    "starts more while this runs, or drains some.\n"
    "\n"
    "Work that waits for a version that no executor serves any more is answered `unavailable`.\n"
    "\n"
    "  reprise up --model gemma3=gemma3.gguf\n"
    "  reprise up --model gemma3=gemma3.gguf --ask \"Why is the sky blue?\"\n"
    "  reprise up --model gemma3=gemma3.gguf --ask \"One, two,\" -- --raw --max-tokens 16\n"
    "  reprise up --model a=a.gguf --model b=b.gguf --executors 2 --port 0 --data /srv/reprise\n"
    "  NATS_URL=nats://10.0.0.5:4222 reprise up --model gemma3=gemma3.gguf\n"
    "\n"
    "Progress goes to standard error. With --json, standard output has one object a line: ready,\n"
    "restarts, the end. Logs lie in DIR/logs.\n";

/* Was a server named, or is it only the table's default? */
static bool names_server(const settings *s)
{
    return s->common.endpoint.server != rp_cli_endpoint_options[0].default_value;
}

static rp_status read_models(const settings *s, rp_model_args *models, rp_error *reterr)
{
    if (s->model.count == 0)
        return rp_error_set(
            reterr, RP_INVALID, "model", "there is nothing to serve; give --model NAME=FILE.gguf");
    rp_status status = rp_model_args_read(&s->model, models, reterr);
    for (size_t i = 0; i < models->count && status == RP_OK; i++) {
        if (!models->models[i].file)
            status = rp_error_set(reterr, RP_INVALID, "model",
                "reprise up needs the file of %.60s: --model %.60s=FILE.gguf",
                models->models[i].name, models->models[i].name);
    }
    return status;
}

/* Everything that can be found out before something runs. */
static rp_status prepare(const settings *s, rp_up_spec *spec, char data[RP_BROKER_PATH_BYTES],
    char server[RP_BROKER_PATH_BYTES], rp_error *reterr)
{
    rp_status status = RP_OK;
    spec->data = s->data;
    if (!s->data) {
        status = rp_data_default(data, reterr);
        spec->data = data;
    }
    if (status == RP_OK && !names_server(s)) {
        status = rp_broker_find(s->nats_server, server, reterr);
        spec->nats_server = server;
    } else if (status == RP_OK && s->nats_server) {
        status = rp_error_set(reterr, RP_INVALID, "nats-server",
            "--nats-server starts a server and --server (or NATS_URL) names a running one; give "
            "one "
            "of them");
    }
    return status;
}

/* Runs it in its folder, which nobody else uses meanwhile. */
static rp_status run_locked(const rp_up_spec *spec, int *ret_done, rp_error *reterr)
{
    int lock = -1;
    rp_status status = rp_data_lock(spec->data, &lock, reterr);
    if (status == RP_OK)
        status = rp_up_run(spec, ret_done, reterr);
    rp_data_unlock(lock);
    return status;
}

static int run(const rp_command *command, int argc, char **argv)
{
    static const rp_option *const tables[] = {options};
    settings s = {0};
    rp_error error = {0};
    rp_model_args models = {0};
    char data[RP_BROKER_PATH_BYTES], server[RP_BROKER_PATH_BYTES];
    int arguments = 0, done = RP_EXIT_OK;
    if (rp_cli_parse(command, argc, argv, &s, &arguments, &done))
        return done;
    rp_up_spec spec = {.endpoint = &s.common.endpoint,
        .models = &models,
        .json = s.common.json,
        .ask = s.ask,
        .ask_options = argv + 1,
        .ask_options_count = (size_t)arguments,
        .port = (uint16_t)s.port,
        .tokenizers = s.tokenizers,
        .executors = s.executors,
        .ready_ns = s.ready_ns};
    rp_status status = RP_OK;
    if (arguments > 0 && (!s.ask || argv[1][0] != '-'))
        status = rp_error_set(&error, RP_INVALID, NULL,
            "what is \"%.100s\"? A text to ask goes behind --ask, in quotes, and options for "
            "reprise ask behind --",
            argv[1]);
    if (status == RP_OK)
        status = read_models(&s, &models, &error);
    if (status == RP_OK)
        status = prepare(&s, &spec, data, server, &error);
    if (status != RP_OK)
        done = rp_cli_usage(command, &s.common, &error);
    else if (run_locked(&spec, &done, &error) != RP_OK)
        done = rp_cli_fail(&s.common, &error);
    rp_options_done(tables, 1, &s);
    return done;
}

const rp_command rp_command_up = {
    .name = "up",
    .summary = "start a server and the actors, and stay with them",
    .usage = "--model NAME=FILE.gguf... [OPTIONS] [--ask TEXT [-- OPTIONS OF reprise ask]]",
    .help = help,
    .options = options,
    .run = run,
};
