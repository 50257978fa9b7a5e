/* reprise dead retry: publishes what was given up again. */
#include "actors/cli/ask/conversation.h"
#include "actors/cli/ask/printer.h"
#include "actors/cli/dead/retrial.h"
#include "actors/cli/shared/interrupt.h"
#include "actors/cli/shared/text/json_member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    ARENA_CHUNK = 64 << 10,
    ARENA_MAX = 8 << 20,
    OUTPUT_MAX = 64 << 10,
    LETTERS_MAX = 1024,
    UNASKED_MAX = 10
};

typedef struct settings {
    rp_cli_common common;
    bool wait, yes;
    uint64_t silence_ns;
} settings;

static const rp_option options[] = {
    {"wait", 'w', RP_OPTION_FLAG, NULL, NULL, NULL,
        "follow the answer of what was a request, and print it", offsetof(settings, wait), 0, 0},
    {"timeout", 0, RP_OPTION_DURATION, "TIME", NULL, "60s",
        "with --wait: give up after so long without a chunk", offsetof(settings, silence_ns),
        RP_NS_PER_S, 3600 * RP_NS_PER_S},
    {"yes", 'y', RP_OPTION_FLAG, NULL, NULL, NULL, "do not ask, however many there are",
        offsetof(settings, yes), 0, 0},
    {0}};

static const char help[] =
    "Publishes the message of a dead letter again, when what made it fail has been cured. A dead\n"
    "letter is named by its sequence in DEAD (`reprise dead list`); it stays there.\n"
    "\n"
    "  a request      goes to REQUEST under a new name, which is printed with the subject of its\n"
    "                 answer: the answer that ended it stands under the old one while REPLY is "
    "kept\n"
    "                 (1 h), and would be given again. Its Rp-Deadline, which has passed, is left\n"
    "                 out\n"
    "  work in EXEC   is tried again as the request that it came from: the work itself is bound "
    "to\n"
    "                 the answer that has ended. A seed that the request did not give is a new "
    "one\n"
    "  anything else  goes to its own subject again, with its own headers\n"
    "\n"
    "The copy's Rp-Cause is DEAD:<sequence>:0. What its stream does not have any more cannot be\n"
    "tried again. More than 10 at once are asked about, or take --yes.\n"
    "\n"
    "  reprise dead retry 17\n"
    "  reprise dead retry 17 --wait\n"
    "  reprise dead list --kind executor --json | jq .dead | xargs reprise dead retry --yes\n";

/* -- what is printed --------------------------------------------------------------------------- */

static void as_text(const rp_retrial *r, uint64_t sequence, rp_buffer *out)
{
    const Rp__Dead *dead = r->letter->dead;
    rp_buffer_printf(
        out, "%" PRIu64 ": %s:%" PRIu64, r->letter->sequence, dead->stream, dead->sequence);
    if (strcmp(dead->stream, r->stream) != 0)
        rp_buffer_printf(
            out, ", from its request %s:%" PRIu64, r->stream, r->source->stream_sequence);
    rp_buffer_printf(out, " again as %s:%" PRIu64, r->stream, sequence);
    if (r->is_request)
        rp_buffer_printf(out, ", request %s; its answer: %s", r->request, r->reply);
    rp_buffer_text(out, "\n");
}

static void as_json(const rp_retrial *r, uint64_t sequence, rp_buffer *out)
{
    const Rp__Dead *dead = r->letter->dead;
    rp_buffer_printf(out, "{\"dead\":%" PRIu64, r->letter->sequence);
    rp_json_member(out, "stream", dead->stream);
    rp_buffer_printf(out, ",\"sequence\":%" PRIu64 ",\"retried\":{", dead->sequence);
    rp_json_member(out, "stream", r->stream);
    rp_buffer_printf(out, ",\"from_sequence\":%" PRIu64 ",\"sequence\":%" PRIu64 ",\"subject\":",
        r->source->stream_sequence, sequence);
    rp_json_string(out, r->source->subject);
    if (r->is_request) {
        rp_json_member(out, "request", r->request);
        rp_json_member(out, "reply", r->reply);
    }
    rp_buffer_text(out, "}}\n");
}

static int tell(const settings *s, const rp_retrial *r, uint64_t sequence)
{
    rp_buffer out;
    rp_buffer_init(&out, OUTPUT_MAX);
    (s->common.json ? as_json : as_text)(r, sequence, &out);
    int done = RP_EXIT_OK;
    if (s->wait && r->is_request && !s->common.json) /* standard output is the answer's */
        fputs(rp_buffer_string(&out), stderr);
    else
        done = rp_cli_print(&s->common, &out);
    rp_buffer_done(&out);
    return done;
}

/* -- with an answer ---------------------------------------------------------------------------- */

typedef struct sending {
    const settings *settings;
    const rp_retrial *retrial;
    bool told;
} sending;

static rp_status send(void *arg, rp_client *client, rp_error *reterr)
{
    sending *s = arg;
    uint64_t sequence = 0;
    rp_status status = rp_retrial_publish(client, s->retrial, &sequence, reterr);
    if (status == RP_OK && !s->told)
        (void)tell(s->settings, s->retrial, sequence);
    s->told = s->told || status == RP_OK;
    return status;
}

static rp_status decode(const char *token, char name[RP_NAME_MAX + 1])
{
    size_t len = 0;
    rp_status status = rp_name_decode(rp_bytes_text(token), name, RP_NAME_MAX + 1, &len);
    return status == RP_OK && len == strlen(name) ? RP_OK : RP_INVALID;
}

static int follow(const settings *s, rp_client *client, const rp_retrial *r)
{
    char tenant[RP_NAME_MAX + 1], model[RP_NAME_MAX + 1];
    rp_error error = {0};
    rp_printer printer;
    sending sent = {.settings = s, .retrial = r};
    rp_conversation c = {.client = client,
        .clock = rp_clock_system(),
        .tenant = tenant,
        .model = model,
        .request = r->request,
        .publish = send,
        .publish_arg = &sent,
        .silence_ns = s->silence_ns,
        .on_chunk = rp_printer_chunk,
        .on_note = rp_printer_note,
        .arg = &printer};
    if (decode(r->tenant, tenant) != RP_OK || decode(r->model, model) != RP_OK) {
        rp_error_set(&error, RP_UNSUPPORTED, "subject", "its subject holds names that are none");
        return rp_cli_fail(&s->common, &error);
    }
    rp_printer_init(&printer, &s->common);
    rp_status status = rp_conversation_run(&c, &error);
    int done = rp_printer_done(&printer);
    if (status == RP_OK)
        return done;
    int failed = rp_cli_fail(&s->common, &error);
    return status == RP_CANCELLED ? RP_EXIT_INTERRUPTED : failed;
}

/* -- the command ------------------------------------------------------------------------------- */

static int publish(const settings *s, rp_client *client, const rp_retrial *r)
{
    rp_error error = {0};
    uint64_t sequence = 0;
    if (s->wait && r->is_request)
        return follow(s, client, r);
    if (rp_retrial_publish(client, r, &sequence, &error) != RP_OK)
        return rp_cli_fail(&s->common, &error);
    return tell(s, r, sequence);
}

static int retry(const settings *s, rp_client *client, uint64_t sequence)
{
    rp_error error = {0};
    rp_arena arena = {0};
    rp_letter letter;
    rp_retrial retrial = {0};
    uint32_t random = 0;
    rp_status status = rp_arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
    if (status != RP_OK || getrandom(&random, sizeof random, 0) != sizeof random)
        status = rp_error_set(&error, RP_NO_MEMORY, NULL, "out of memory or random numbers");
    if (status == RP_OK)
        status = rp_letter_get(client, sequence, &arena, &letter, &error);
    if (status == RP_OK)
        status = rp_retrial_prepare(client, &letter, random, &retrial, &error);
    if (status != RP_OK)
        rp_error_prefix(&error, "%" PRIu64 " cannot be tried again", sequence);
    int done = status == RP_OK ? publish(s, client, &retrial) : rp_cli_fail(&s->common, &error);
    rp_retrial_done(&retrial);
    rp_arena_done(&arena);
    return done;
}

/* Each for itself: one that fails does not keep back the others. The first failure counts. */
static int retry_all(const settings *s, rp_client *client, const uint64_t *sequences, size_t count)
{
    int done = RP_EXIT_OK;
    for (size_t i = 0; i < count; i++) {
        int one = retry(s, client, sequences[i]);
        done = done == RP_EXIT_OK ? one : done;
        if (one == RP_EXIT_INTERRUPTED || one == RP_EXIT_UNREACHABLE)
            return one;
    }
    return done;
}

static rp_status read_sequences(int arguments, char **argv, uint64_t *sequences, rp_error *reterr)
{
    if (arguments == 0)
        return rp_error_set(reterr, RP_INVALID, "sequence",
            "which are tried again? Their sequences in DEAD, which reprise dead list tells");
    if (arguments > LETTERS_MAX)
        return rp_error_limit(reterr, "sequence", "1024", "%d at once are too many", arguments);
    for (int i = 0; i < arguments; i++) {
        if (rp_parse_count(argv[i + 1], &sequences[i]) != RP_OK)
            return rp_error_set(reterr, RP_INVALID, "sequence",
                "\"%.60s\" is no sequence in DEAD; reprise dead list tells them", argv[i + 1]);
    }
    return RP_OK;
}

/* RP_INVALID where nobody is there to be asked, RP_CANCELLED for a no. */
static rp_status agree(const settings *s, int count, rp_error *reterr)
{
    char answer[16] = "";
    if (count <= UNASKED_MAX || s->yes)
        return RP_OK;
    if (s->common.json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return rp_error_set(reterr, RP_INVALID, "yes",
            "%d messages would be published again; say that you mean it with --yes", count);
    fprintf(stderr, "Publish %d messages again? [y/N] ", count);
    bool yes = fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
    return yes ? RP_OK : rp_error_set(reterr, RP_CANCELLED, NULL, "nothing was published");
}

static int run(const rp_command *command, int argc, char **argv)
{
    settings s = {0};
    rp_error error = {0};
    rp_client *client = NULL;
    uint64_t sequences[LETTERS_MAX];
    int arguments = 0, done = 0;
    if (rp_cli_parse(command, argc, argv, &s, &arguments, &done))
        return done;
    rp_status status = read_sequences(arguments, argv, sequences, &error);
    if (status == RP_OK)
        status = agree(&s, arguments, &error);
    if (status == RP_CANCELLED)
        return rp_cli_fail(&s.common, &error);
    if (status != RP_OK)
        return rp_cli_usage(command, &s.common, &error);
    rp_interrupt_hold();
    if (rp_cli_open(command, &s.common, &client, &done))
        done = retry_all(&s, client, sequences, (size_t)arguments);
    rp_client_free(client);
    return done;
}

const rp_command rp_command_dead_retry = {
    .name = "dead retry",
    .summary = "publish what was given up again",
    .usage = "SEQUENCE... [OPTIONS]",
    .help = help,
    .options = options,
    .run = run,
};
