/* reprise ask: asks a model and prints its answer as it comes. */
#include "actors/cli/ask/choice.h"
#include "actors/cli/ask/conversation.h"
#include "actors/cli/ask/printer.h"
#include "actors/cli/shared/interrupt.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { REQUEST_BYTES = 32, LINE_BYTES = 64 << 10 };

static const rp_option options[] = {{"tenant", 't', RP_OPTION_TEXT, "NAME", "REPRISE_TENANT",
                                        "default", "who asks", offsetof(rp_ask, tenant), 0, 0},
    {"model", 'm', RP_OPTION_TEXT, "NAME", "REPRISE_MODEL", NULL,
        "whom to ask; unset: the only model that is alive", offsetof(rp_ask, model), 0, 0},
    {"system", 0, RP_OPTION_TEXT, "TEXT", NULL, NULL, "instructions before the conversation",
        offsetof(rp_ask, system), 0, 0},
    {"raw", 'r', RP_OPTION_FLAG, NULL, NULL, NULL,
        "the text as it is, without the chat template: the model goes on with it",
        offsetof(rp_ask, raw), 0, 0},
    {"chat", 0, RP_OPTION_FLAG, NULL, NULL, NULL,
        "through the chat template, also where the model's file brings none",
        offsetof(rp_ask, chat), 0, 0},
    {"max-tokens", 'n', RP_OPTION_COUNT, "N", NULL, "256", "at most so many are generated",
        offsetof(rp_ask, max_tokens), 1, UINT32_MAX},
    {"temperature", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL, "0 is greedy, 1 as the model is",
        offsetof(rp_ask, temperature), 0, 0},
    {"top-p", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "draw from the likeliest tokens that make up this share", offsetof(rp_ask, top_p), 0, 0},
    {"top-k", 0, RP_OPTION_COUNT, "N", NULL, NULL, "draw from so many of the likeliest tokens",
        offsetof(rp_ask, top_k), 0, UINT32_MAX},
    {"min-p", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "draw no token below this share of the likeliest one", offsetof(rp_ask, min_p), 0, 0},
    {"presence-penalty", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "taken off every token that the answer has already, -2 to 2",
        offsetof(rp_ask, presence_penalty), 0, 0},
    {"frequency-penalty", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "the same, times how often it has it", offsetof(rp_ask, frequency_penalty), 0, 0},
    {"repetition-penalty", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "above 1, what prompt and answer have already is less likely",
        offsetof(rp_ask, repetition_penalty), 0, 0},
    {"seed", 0, RP_OPTION_TEXT, "N", NULL, NULL, "the same seed gives the same answer",
        offsetof(rp_ask, seed), 0, 0},
    {"stop", 0, RP_OPTION_LIST, "TEXT", NULL, NULL, "end before this text; several times",
        offsetof(rp_ask, stop), 0, 0},
    {"session", 0, RP_OPTION_TEXT, "NAME", NULL, NULL, "requests of one session share a lane",
        offsetof(rp_ask, session), 0, 0},
    {"deadline", 0, RP_OPTION_DURATION, "TIME", NULL, NULL,
        "the answer ends so long after the request was stored", offsetof(rp_ask, deadline_ns),
        RP_NS_PER_MS, UINT64_C(7) * 24 * 3600 * RP_NS_PER_S},
    {"request", 0, RP_OPTION_TEXT, "ID", NULL, NULL,
        "its id (Rp-Request); a second request under it gets the stored answer",
        offsetof(rp_ask, request), 0, 0},
    {"no-stream", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "the whole answer at the end",
        offsetof(rp_ask, no_stream), 0, 0},
    {"timeout", 0, RP_OPTION_DURATION, "TIME", NULL, "60s", "give up when nothing came for so long",
        offsetof(rp_ask, silence_ns), 100 * RP_NS_PER_MS, 3600 * RP_NS_PER_S},
    {"wait", 0, RP_OPTION_FLAG, NULL, NULL, NULL,
        "publish also when nobody is there to answer, and wait for somebody",
        offsetof(rp_ask, wait), 0, 0},
    {0}};

static const char help[] =
    "Publishes a request on infer.<tenant>.<model> and prints the answer from\n"
    "reply.<tenant>.<request> as it is generated. What it does not hear, it reads from the "
    "stream,\n"
    "so a lost connection costs nothing. Ctrl-C cancels the request; a second one leaves at once.\n"
    "Without TEXT, or with -, the text is read from standard input.\n"
    "\n"
    "The text is one message of a conversation, in the frame that the model was trained on: its\n"
    "chat template. A base model was trained on none; it goes on with a text instead of answering\n"
    "it. So where the model's file brings no template, the text is sent as it is, and a note says\n"
    "so. --raw and --chat choose.\n"
    "\n"
    "  reprise ask \"Why is the sky blue?\"\n"
    "  reprise ask --raw --max-tokens 16 \"The three primary colours are\"\n"
    "  reprise ask --system \"Answer in French.\" --temperature 0.7 --seed 7 \"Who are you?\"\n"
    "  reprise ask --raw --stop . \"The capital of France is\"\n"
    "  reprise ask --raw - < prompt.txt\n"
    "  reprise ask --json \"Hello\" | jq -rj .text    each chunk as it was sent, one a line\n"
    "\n"
    "An answer that ends in an error goes to standard error, with the field, the limit and the\n"
    "cure, and the status is 1.\n";

static rp_status read_text(rp_buffer *out, rp_error *reterr)
{
    char block[LINE_BYTES];
    size_t n;
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "reading the text from the terminal; Ctrl-D ends it\n");
    while ((n = fread(block, 1, sizeof block, stdin)) > 0 && !out->truncated)
        rp_buffer_append(out, block, n);
    if (out->truncated)
        return rp_error_limit(reterr, "text", "64 MiB", "the text is too long");
    if (out->len == 0)
        return rp_error_set(reterr, RP_INVALID, "text", "there is no text to ask");
    return RP_OK;
}

static rp_status new_request(char id[REQUEST_BYTES], rp_error *reterr)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return rp_error_set(reterr, RP_IO, NULL, "the system gives no random number");
    snprintf(id, REQUEST_BYTES, "ask-%016" PRIx64, random);
    return RP_OK;
}

/* Nobody said how the text is meant, and the model decided it. */
static void tell_raw(const rp_ask *ask, const rp_ask_choice *choice)
{
    if (choice->guessed_raw && !ask->common.json)
        fprintf(stderr,
            "reprise: no chat template in the file of %s: it goes on with the text as it is "
            "(--chat overrules)\n",
            choice->model);
}

static rp_status converse(const rp_ask *ask, rp_client *client, const rp_ask_choice *choice,
    rp_bytes body, rp_printer *printer, rp_error *reterr)
{
    char id[REQUEST_BYTES];
    rp_status status = ask->request ? RP_OK : new_request(id, reterr);
    if (status != RP_OK)
        return status;
    tell_raw(ask, choice);
    rp_conversation c = {.client = client,
        .clock = rp_clock_system(),
        .tenant = ask->tenant,
        .model = choice->model,
        .request = ask->request ? ask->request : id,
        .body = body,
        .silence_ns = ask->silence_ns,
        .on_chunk = rp_printer_chunk,
        .on_note = rp_printer_note,
        .arg = printer};
    return rp_conversation_run(&c, reterr);
}

static int ask_it(const rp_ask *ask, rp_client *client, rp_bytes text, rp_bytes parameters)
{
    rp_error error = {0};
    rp_ask_choice choice;
    rp_roster roster;
    rp_buffer body;
    rp_printer printer;
    rp_printer_init(&printer, &ask->common);
    rp_buffer_init(&body, RP_ASK_BODY_MAX);
    rp_status status = rp_roster_init(&roster, &error);
    if (status == RP_OK)
        status = rp_roster_read(client, rp_clock_system(), &roster, &error);
    if (status == RP_OK)
        status = rp_ask_choose(ask, &roster, &choice, &error);
    if (status == RP_OK)
        status = rp_ask_request(ask, choice.raw, text, parameters, &body, &error);
    if (status == RP_OK)
        status = converse(ask, client, &choice, rp_buffer_bytes(&body), &printer, &error);
    int done = rp_printer_done(&printer);
    if (status != RP_OK) {
        int failed = rp_cli_fail(&ask->common, &error);
        done = status == RP_CANCELLED ? RP_EXIT_INTERRUPTED : failed;
    }
    rp_buffer_done(&body);
    rp_roster_done(&roster);
    return done;
}

/* What can be found out without a server. */
static rp_status prepare(const rp_ask *ask, int arguments, char **argv, rp_buffer *text,
    rp_buffer *parameters, rp_error *reterr)
{
    rp_status status = RP_OK;
    if (arguments > 1)
        return rp_error_set(reterr, RP_INVALID, "text",
            "one text is asked at a time, not %d; put it in quotes", arguments);
    if (arguments == 0 || strcmp(argv[1], "-") == 0)
        status = read_text(text, reterr);
    else
        rp_buffer_text(text, argv[1]);
    return status == RP_OK ? rp_ask_parameters(ask, parameters, reterr) : status;
}

static int run(const rp_command *command, int argc, char **argv)
{
    static const rp_option *const tables[] = {options};
    rp_ask ask = {0};
    rp_error error = {0};
    rp_buffer text, parameters;
    rp_client *client = NULL;
    int arguments = 0, done = RP_EXIT_OK;
    if (rp_cli_parse(command, argc, argv, &ask, &arguments, &done))
        return done;
    rp_buffer_init(&text, RP_ASK_BODY_MAX);
    rp_buffer_init(&parameters, RP_ASK_BODY_MAX);
    if (prepare(&ask, arguments, argv, &text, &parameters, &error) != RP_OK) {
        done = rp_cli_usage(command, &ask.common, &error);
    } else {
        rp_interrupt_hold();
        if (rp_cli_open(command, &ask.common, &client, &done))
            done = ask_it(&ask, client, rp_buffer_bytes(&text), rp_buffer_bytes(&parameters));
    }
    rp_client_free(client);
    rp_buffer_done(&parameters);
    rp_buffer_done(&text);
    rp_options_done(tables, 1, &ask);
    return done;
}

const rp_command rp_command_ask = {
    .name = "ask",
    .summary = "ask a model, and print its answer as it comes",
    .usage = "[OPTIONS] [TEXT]",
    .help = help,
    .options = options,
    .run = run,
};
