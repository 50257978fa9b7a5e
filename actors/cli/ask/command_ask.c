/* reprise ask: asks a model and prints its answer as it comes. */
#include "actors/cli/cli.h"
#include "actors/cli/conversation.h"
#include "actors/cli/interrupt.h"
#include "actors/cli/roster.h"
#include "schemas/refusal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { BODY_MAX = 64 << 20, REQUEST_BYTES = 32, LINE_BYTES = 64 << 10 };

typedef struct settings {
    rp_cli_common common;
    const char *tenant, *model, *system, *session, *request;
    const char *temperature, *top_p, *min_p; /* numbers with a fraction */
    uint64_t max_tokens, top_k, silence_ns, deadline_ns;
    const char *seed;
    rp_option_list stop;
    bool raw, wait, no_stream;
} settings;

static const rp_option options[] = {{"tenant", 't', RP_OPTION_TEXT, "NAME", "REPRISE_TENANT",
                                        "default", "who asks", offsetof(settings, tenant), 0, 0},
    {"model", 'm', RP_OPTION_TEXT, "NAME", "REPRISE_MODEL", NULL,
        "whom to ask; unset: the only model that is alive", offsetof(settings, model), 0, 0},
    {"system", 0, RP_OPTION_TEXT, "TEXT", NULL, NULL, "instructions before the conversation",
        offsetof(settings, system), 0, 0},
    {"max-tokens", 'n', RP_OPTION_COUNT, "N", NULL, "256", "at most so many are generated",
        offsetof(settings, max_tokens), 1, UINT32_MAX},
    {"temperature", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL, "0 is greedy, 1 as the model is",
        offsetof(settings, temperature), 0, 0},
    {"top-p", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "draw from the likeliest tokens that make up this share", offsetof(settings, top_p), 0, 0},
    {"top-k", 0, RP_OPTION_COUNT, "N", NULL, NULL, "draw from so many of the likeliest tokens",
        offsetof(settings, top_k), 0, UINT32_MAX},
    {"min-p", 0, RP_OPTION_TEXT, "NUMBER", NULL, NULL,
        "draw no token below this share of the likeliest one", offsetof(settings, min_p), 0, 0},
    {"seed", 0, RP_OPTION_TEXT, "N", NULL, NULL, "the same seed gives the same answer",
        offsetof(settings, seed), 0, 0},
    {"stop", 0, RP_OPTION_LIST, "TEXT", NULL, NULL, "end before this text; several times",
        offsetof(settings, stop), 0, 0},
    {"session", 0, RP_OPTION_TEXT, "NAME", NULL, NULL, "requests of one session share a lane",
        offsetof(settings, session), 0, 0},
    {"deadline", 0, RP_OPTION_DURATION, "TIME", NULL, NULL,
        "the answer ends so long after the request was stored", offsetof(settings, deadline_ns),
        RP_NS_PER_MS, UINT64_C(7) * 24 * 3600 * RP_NS_PER_S},
    {"request", 0, RP_OPTION_TEXT, "ID", NULL, NULL,
        "its id (Rp-Request); a second request under it gets the stored answer",
        offsetof(settings, request), 0, 0},
    {"raw", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "the text as it is, without the chat template",
        offsetof(settings, raw), 0, 0},
    {"no-stream", 0, RP_OPTION_FLAG, NULL, NULL, NULL, "the whole answer at the end",
        offsetof(settings, no_stream), 0, 0},
    {"timeout", 0, RP_OPTION_DURATION, "TIME", NULL, "60s", "give up when nothing came for so long",
        offsetof(settings, silence_ns), 100 * RP_NS_PER_MS, 3600 * RP_NS_PER_S},
    {"wait", 0, RP_OPTION_FLAG, NULL, NULL, NULL,
        "publish also when nobody is there to answer, and wait for somebody",
        offsetof(settings, wait), 0, 0},
    {0}};

static const char help[] =
    "Publishes a request on infer.<tenant>.<model> and prints the answer from\n"
    "reply.<tenant>.<request> as it is generated. What it does not hear, it reads from the stream, "
    "so\n"
    "a lost connection costs nothing. Ctrl-C cancels the request; a second one leaves at once.\n"
    "Without TEXT, or with -, the text is read from standard input.\n"
    "\n"
    "  reprise ask \"Why is the sky blue?\"\n"
    "  reprise ask --temperature 0 --max-tokens 64 --system \"Answer in French.\" \"Who are "
    "you?\"\n"
    "  reprise ask --json \"Hello\" | jq -rj .text          each chunk as it was sent, one a line\n"
    "  git diff | reprise ask --raw --model gemma3 -\n"
    "\n"
    "An answer that ends in an error goes to standard error, with the field, the limit and the "
    "cure,\n"
    "and the status is 1.\n";

/* -- the request's body ------------------------------------------------------------------------ */

static void member_text(rp_buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    rp_buffer_printf(out, ",\"%s\":", name);
    rp_json_string(out, rp_bytes_text(value));
}

static rp_status member_number(
    rp_buffer *out, const char *name, const char *option, const char *value, rp_error *reterr)
{
    char *end = NULL;
    if (!value)
        return RP_OK;
    double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
        return rp_error_set(
            reterr, RP_INVALID, option, "--%s takes a number, not \"%.60s\"", option, value);
    rp_buffer_printf(out, ",\"%s\":", name);
    rp_json_double(out, number);
    return RP_OK;
}

static void message(rp_buffer *out, const char *role, rp_bytes content)
{
    rp_buffer_printf(out, "{\"role\":\"%s\",\"content\":", role);
    rp_json_string(out, content);
    rp_buffer_text(out, "}");
}

static void prompt(const settings *s, rp_bytes text, rp_buffer *out)
{
    if (s->raw) {
        rp_buffer_text(out, "{\"prompt\":");
        rp_json_string(out, text);
        return;
    }
    rp_buffer_text(out, "{\"messages\":[");
    if (s->system) {
        message(out, "system", rp_bytes_text(s->system));
        rp_buffer_text(out, ",");
    }
    message(out, "user", text);
    rp_buffer_text(out, "]");
}

static rp_status compose(const settings *s, rp_bytes text, rp_buffer *out, rp_error *reterr)
{
    uint64_t seed = 0;
    if (s->raw && s->system)
        return rp_error_set(reterr, RP_INVALID, "system",
            "--system goes into the chat template, which --raw leaves out; give one of them");
    prompt(s, text, out);
    rp_buffer_printf(out, ",\"max_tokens\":%" PRIu64, s->max_tokens);
    rp_status status = member_number(out, "temperature", "temperature", s->temperature, reterr);
    if (status == RP_OK)
        status = member_number(out, "top_p", "top-p", s->top_p, reterr);
    if (status == RP_OK)
        status = member_number(out, "min_p", "min-p", s->min_p, reterr);
    if (status != RP_OK)
        return status;
    if (s->top_k)
        rp_buffer_printf(out, ",\"top_k\":%" PRIu64, s->top_k);
    if (s->seed && rp_parse_count(s->seed, &seed) != RP_OK)
        return rp_error_set(
            reterr, RP_INVALID, "seed", "--seed takes a whole number, not \"%.60s\"", s->seed);
    if (s->seed)
        rp_buffer_printf(out, ",\"seed\":%" PRIu64, seed);
    if (s->deadline_ns)
        rp_buffer_printf(out, ",\"deadline_ms\":%" PRIu64, s->deadline_ns / RP_NS_PER_MS);
    for (size_t i = 0; i < s->stop.count; i++) {
        rp_buffer_text(out, i ? "," : ",\"stop\":[");
        rp_json_string(out, rp_bytes_text(s->stop.values[i]));
    }
    rp_buffer_text(out, s->stop.count ? "]" : "");
    member_text(out, "session", s->session);
    rp_buffer_text(out, s->no_stream ? ",\"stream\":false}" : "}");
    if (out->truncated)
        return rp_error_limit(reterr, "text", "64 MiB", "the text is too long");
    return RP_OK;
}

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

/* -- whom to ask ------------------------------------------------------------------------------- */

/* The names of all models that are alive, as a list for people; `ret_only` is the only one. */
static size_t alive(const rp_roster *roster, char *names, size_t names_bytes, const char **ret_only)
{
    size_t count = 0, used = 0;
    const char *seen[64];
    names[0] = '\0';
    for (size_t i = 0; i < roster->count; i++) {
        const Rp__Actor *actor = roster->records[i].actor;
        bool counts = roster->records[i].alive && strcmp(actor->kind, "executor") == 0;
        for (size_t m = 0; counts && m < actor->n_models && count < 64; m++) {
            size_t k = 0;
            while (k < count && strcmp(seen[k], actor->models[m]->name) != 0)
                k++;
            if (k < count || used >= names_bytes)
                continue;
            seen[count] = actor->models[m]->name;
            int wrote =
                snprintf(names + used, names_bytes - used, "%s%s", count ? ", " : "", seen[count]);
            used += wrote > 0 ? (size_t)wrote : 0;
            count++;
        }
    }
    *ret_only = count == 1 ? seen[0] : NULL;
    return count;
}

static rp_status choose_model(
    const settings *s, const rp_roster *roster, const char **ret_model, rp_error *reterr)
{
    char names[160];
    const char *only = NULL;
    size_t count = alive(roster, names, sizeof names, &only);
    const char *model = s->model ? s->model : only;
    if (!model && count == 0)
        return rp_error_set(reterr, RP_UNAVAILABLE, "model",
            "no model is alive; start one with reprise up --model NAME=FILE.gguf");
    if (!model)
        return rp_error_set(reterr, RP_INVALID, "model",
            "%zu models are alive; say which with --model: %s", count, names);
    if (!s->wait && !rp_roster_ready(roster, "tokenizer", NULL, NULL))
        return rp_error_set(reterr, RP_UNAVAILABLE, "tokenizer",
            "nobody is there to answer: no tokenizer is alive and ready; reprise up starts one, "
            "--wait waits for one");
    if (!s->wait && !rp_roster_ready(roster, "executor", model, NULL))
        return rp_error_set(reterr, RP_UNAVAILABLE, "model",
            "nobody is there to answer: no executor of %.60s is alive and ready%s%s; --wait waits "
            "for one",
            model, count ? "; alive: " : "", names);
    *ret_model = model;
    return RP_OK;
}

/* -- the answer -------------------------------------------------------------------------------- */

typedef struct printer {
    const settings *settings;
    bool mid_line; /* the text so far does not end in a line feed */
    int done;
} printer;

static void print_error(const Rp__Error *error)
{
    fprintf(stderr, "reprise: %s: %s", rp_refusal_code_name(error->code), error->message);
    if (error->field)
        fprintf(stderr, " [field %s]", error->field);
    if (error->limit)
        fprintf(stderr, " [limit %s]", error->limit);
    fputc('\n', stderr);
}

static void print_end(printer *p, const Rp__Chunk *chunk)
{
    if (p->mid_line && !p->settings->common.json)
        fputc('\n', stdout);
    fflush(stdout);
    switch (chunk->finish_reason) {
    case RP__CHUNK__FINISH_REASON__ERROR:
        if (chunk->error)
            print_error(chunk->error);
        p->done = RP_EXIT_FAILED;
        break;
    case RP__CHUNK__FINISH_REASON__CANCELLED:
        fprintf(stderr, "reprise: cancelled\n");
        p->done = RP_EXIT_INTERRUPTED;
        break;
    case RP__CHUNK__FINISH_REASON__DEADLINE:
        fprintf(stderr, "reprise: the deadline ended the answer\n");
        p->done = RP_EXIT_FAILED;
        break;
    default:
        p->done = RP_EXIT_OK;
    }
}

static void on_chunk(void *arg, const Rp__Chunk *chunk, rp_bytes json)
{
    printer *p = arg;
    if (p->settings->common.json) {
        fwrite(json.data, 1, json.len, stdout);
        fputc('\n', stdout);
    } else if (chunk->text.len) {
        fwrite(chunk->text.data, 1, chunk->text.len, stdout);
        p->mid_line = chunk->text.data[chunk->text.len - 1] != '\n';
    }
    fflush(stdout);
    if (chunk->has_finish_reason)
        print_end(p, chunk);
}

static void on_note(void *arg, const char *text)
{
    printer *p = arg;
    if (!p->settings->common.json)
        fprintf(stderr, "%sreprise: %s\n", p->mid_line ? "\n" : "", text);
}

static rp_status new_request(char id[REQUEST_BYTES], rp_error *reterr)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return rp_error_set(reterr, RP_IO, NULL, "the system gives no random number");
    snprintf(id, REQUEST_BYTES, "ask-%016" PRIx64, random);
    return RP_OK;
}

static rp_status converse(
    const settings *s, rp_client *client, rp_bytes body, int *ret_done, rp_error *reterr)
{
    char id[REQUEST_BYTES];
    const char *model = NULL;
    rp_roster roster;
    printer p = {.settings = s, .done = RP_EXIT_FAILED};
    rp_status status = rp_roster_init(&roster, reterr);
    if (status == RP_OK)
        status = rp_roster_read(client, rp_clock_system(), &roster, reterr);
    if (status == RP_OK)
        status = choose_model(s, &roster, &model, reterr);
    if (status == RP_OK && !s->request)
        status = new_request(id, reterr);
    if (status == RP_OK) {
        rp_conversation c = {.client = client,
            .clock = rp_clock_system(),
            .tenant = s->tenant,
            .model = model,
            .request = s->request ? s->request : id,
            .body = body,
            .silence_ns = s->silence_ns,
            .on_chunk = on_chunk,
            .on_note = on_note,
            .arg = &p};
        status = rp_conversation_run(&c, reterr);
    }
    if (status != RP_OK && p.mid_line && !s->common.json)
        fputc('\n', stdout);
    rp_roster_done(&roster);
    *ret_done = status == RP_CANCELLED ? RP_EXIT_INTERRUPTED : p.done;
    return status;
}

static int run(const rp_command *command, int argc, char **argv)
{
    static const rp_option *const tables[] = {options};
    settings s = {0};
    rp_error error = {0};
    rp_buffer body, text;
    rp_client *client = NULL;
    int arguments = 0, done = RP_EXIT_OK;
    if (rp_cli_parse(command, argc, argv, &s, &arguments, &done))
        return done;
    rp_buffer_init(&body, BODY_MAX);
    rp_buffer_init(&text, BODY_MAX);
    rp_status status = RP_OK;
    if (arguments > 1)
        status = rp_error_set(&error, RP_INVALID, "text",
            "one text is asked at a time, not %d; put it in quotes", arguments);
    else if (arguments == 0 || strcmp(argv[1], "-") == 0)
        status = read_text(&text, &error);
    else
        rp_buffer_text(&text, argv[1]);
    if (status == RP_OK)
        status = compose(&s, rp_buffer_bytes(&text), &body, &error);
    if (status != RP_OK) {
        done = rp_cli_usage(command, &s.common, &error);
    } else {
        rp_interrupt_hold();
        if (rp_cli_open(command, &s.common, &client, &done) &&
            converse(&s, client, rp_buffer_bytes(&body), &done, &error) != RP_OK) {
            int failed = rp_cli_fail(&s.common, &error);
            done = done == RP_EXIT_INTERRUPTED ? done : failed;
        }
    }
    rp_client_free(client);
    rp_buffer_done(&text);
    rp_buffer_done(&body);
    rp_options_done(tables, 1, &s);
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
