/* The example of a durable timer: reminds whoever asked, at the time asked for.
 *
 * {"in_ms":5000,"text":"tea"} on example.remind.<key> is answered after five seconds on
 * example.reminded.<key>.<sequence>, whatever died meanwhile; {} takes the reminder back.
 */
#include "actors/example/reminder.h"

#include "runtime/actor/timer.h"
#include "runtime/base/json.h"

#include <inttypes.h>
#include <stdio.h>

enum { RETRY_MS = 1000 };

#define IN_MS_MAX (UINT64_C(366) * 24 * 3600 * 1000)

/* Sets the timer, whose body is the text to come. */
static rp_status set(rp_context *context, rp_bytes key, yyjson_val *asked, rp_error *reterr)
{
    yyjson_val *in = yyjson_obj_get(asked, "in_ms"), *text = yyjson_obj_get(asked, "text");
    if (!yyjson_is_uint(in) || yyjson_get_uint(in) > IN_MS_MAX)
        return rp_error_set(reterr, RP_INVALID, "in_ms", "in_ms is 0 to a year");
    if (!yyjson_is_str(text))
        return rp_error_set(reterr, RP_INVALID, "text", "text is what to remind of");
    rp_durable_timer timer = {.kind = "reminder",
        .key = key,
        .at_ns = rp_context_now_ns(context) + yyjson_get_uint(in) * RP_NS_PER_MS,
        .body = rp_bytes_of(yyjson_get_str(text), yyjson_get_len(text))};
    return rp_context_timer_set(context, &timer, reterr);
}

static rp_status ask(rp_context *context, rp_error *reterr)
{
    yyjson_doc *doc;
    rp_bytes key = rp_name_token(rp_context_message(context)->subject, 2);
    rp_status status =
        rp_json_parse(rp_context_body(context), rp_context_arena(context), &doc, reterr);
    if (status != RP_OK)
        return status;
    yyjson_val *asked = yyjson_doc_get_root(doc);
    if (yyjson_is_obj(asked) && yyjson_obj_size(asked) == 0)
        return rp_context_timer_cancel(context, "reminder", key, reterr);
    return set(context, key, asked, reterr);
}

static rp_status remind(rp_context *context, rp_error *reterr)
{
    char key[RP_NAME_MAX + 1], subject[RP_WORKER_SUBJECT_BYTES];
    size_t len;
    const rp_message *message = rp_context_message(context);
    rp_status status = rp_timer_due_key(message, key, sizeof key, &len);
    if (status != RP_OK)
        return rp_error_set(reterr, status, "subject", "no timer fires there");
    snprintf(
        subject, sizeof subject, "example.reminded.%s.%" PRIu64, key, message->stream_sequence);
    rp_output output = {.kind = RP_OUTPUT_SINGLE,
        .stream = "EXAMPLE",
        .subject = rp_bytes_text(subject),
        .body = rp_context_body(context)};
    return rp_context_output(context, &output);
}

static void handle(rp_context *context, void *state)
{
    (void)state;
    rp_error error = {0};
    bool due = rp_bytes_is(rp_context_message(context)->stream, RP_TIMER_STREAM);
    rp_status status = due ? remind(context, &error) : ask(context, &error);
    if (status == RP_OK)
        rp_context_done(context);
    else if (status == RP_INVALID)
        rp_context_reject(context, error.message);
    else
        rp_context_retry(context, RETRY_MS * RP_NS_PER_MS, rp_status_text(status));
}

static rp_status mailboxes(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)state;
    rp_status status = rp_worker_mailbox(worker, "EXAMPLE", "reminder", reterr);
    return status == RP_OK ? rp_worker_mailbox(worker, "TIMER", "reminder", reterr) : status;
}

const rp_actor_spec rp_reminder = {.kind = "reminder",
    .summary = "reminds of a text at the time asked for",
    .example = "nats pub example.remind.tea '{\"in_ms\":5000,\"text\":\"tea is ready\"}'",
    .slots_default = "64",
    .threads_default = "1",
    .worker = {.handle = handle, .arena_bytes_max = 1 << 20},
    .mailboxes = mailboxes};
