/* The example worker: counts the words of each text it is sent.
 *
 * A text published on example.text.<key> is answered on example.words.<sequence>, where <sequence>
 * is the text's place in the stream EXAMPLE. Each answer has its subject to itself, so a text that
 * is delivered twice, after a crash say, still gets one answer.
 */
#include "runtime/actor/process/process.h"

#include <inttypes.h>
#include <stdio.h>

enum { RETRY_MS = 1000 };

static size_t count_words(rp_bytes text)
{
    size_t words = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        bool space = text.data[i] <= ' ';
        words += inside && space;
        inside = !space;
    }
    return words + inside;
}

static void handle(rp_context *context, void *state)
{
    char subject[64], body[64];
    uint64_t sequence = rp_context_message(context)->stream_sequence;
    (void)state;
    snprintf(subject, sizeof subject, "example.words.%" PRIu64, sequence);
    snprintf(body, sizeof body, "{\"words\":%zu}", count_words(rp_context_body(context)));
    rp_output output = {.kind = RP_OUTPUT_SINGLE,
        .stream = "EXAMPLE",
        .subject = rp_bytes_text(subject),
        .body = rp_bytes_text(body)};
    if (rp_context_output(context, &output) == RP_OK)
        rp_context_done(context);
    else
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, "the outbox is full");
}

static rp_status mailboxes(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)state;
    return rp_worker_mailbox(worker, "EXAMPLE", "example", reterr);
}

int main(int argc, char **argv)
{
    static const rp_actor_spec actor = {.kind = "example",
        .summary = "counts the words of each text it is sent",
        .example = "nats pub example.text.greeting \"hello, world\"",
        .slots_default = "64",
        .threads_default = "1",
        .worker = {.handle = handle, .arena_bytes_max = 1 << 20},
        .mailboxes = mailboxes};
    return rp_process_main(&actor, argc, argv);
}
