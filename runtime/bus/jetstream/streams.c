/* What a stream holds, and deleting from it.
 *
 * Both are questions to JetStream's API, sent through the outbox like all others. What every
 * durable has settled takes a list of the consumers, which comes in pages. Consumers may come and
 * go between two pages and shift the rest, so each page begins with the last consumer of the one
 * before: where that is another one now, the list is read again from its start.
 */
#include "runtime/bus/jetstream/internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/json.h"
#include "runtime/base/name.h"

enum { LIST_STARTS_MAX = 4 };

static rp_status ask(rp__jetstream *js, const char *operation, const char *stream, rp_bytes body,
    rp_answer_cb callback, void *arg)
{
    char subject[RP__SUBJECT_BYTES];
    snprintf(subject, sizeof subject, "$JS.API.%s.%s", operation, stream);
    return rp__outbox_request(
        &js->bus, subject, body, js->spec.limits.question_wait_ns, callback, arg);
}

rp_status rp__stream_info_ask(
    rp__jetstream *js, const char *stream, rp_answer_cb callback, void *arg)
{
    return ask(js, "STREAM.INFO", stream, rp_bytes_of(NULL, 0), callback, arg);
}

rp_status rp__stream_info_read(
    rp_status status, const rp_message *answer, rp__wire_stream *ret_stream)
{
    rp__wire_stream stream;
    if (status == RP_OK)
        status = rp__wire_stream_parse(answer->body, &stream);
    if (status == RP_OK)
        status = rp__wire_error_status(&stream.error);
    if (status == RP_OK)
        *ret_stream = stream;
    return status;
}

/* -- questions --------------------------------------------------------------------------------- */

static rp__stream_question *take(rp__jetstream *js, const char *stream, void *arg)
{
    for (size_t i = 0; i < RP__STREAM_QUESTIONS_MAX; i++) {
        rp__stream_question *q = &js->questions[i];
        if (q->used)
            continue;
        *q = (rp__stream_question){.js = js, .used = true, .arg = arg};
        snprintf(q->stream, sizeof q->stream, "%s", stream);
        return q;
    }
    rp_counter_add(js->metrics.outbox_full, 1);
    return NULL;
}

/* The place is free before the callback runs, so that the callback finds room. */
static void finish_state(rp__stream_question *q, rp_status status)
{
    rp_stream_state state = q->state;
    rp_stream_cb callback = q->on_state;
    q->used = false;
    if (callback)
        callback(q->arg, status, status == RP_OK ? &state : NULL);
}

static void finish_purge(rp__stream_question *q, rp_status status, uint64_t purged)
{
    rp_purged_cb callback = q->on_purged;
    q->used = false;
    if (callback)
        callback(q->arg, status, purged);
}

void rp__streams_forget(rp__jetstream *js, void *arg)
{
    for (size_t i = 0; i < RP__STREAM_QUESTIONS_MAX; i++) {
        if (js->questions[i].arg != arg)
            continue;
        js->questions[i].on_state = NULL;
        js->questions[i].on_purged = NULL;
    }
}

/* -- what a stream holds ----------------------------------------------------------------------- */

static void on_page(void *arg, rp_status status, const rp_message *answer);

static void list_on(rp__stream_question *q)
{
    char body[48];
    uint64_t offset = q->listed > 0 ? q->listed - 1 : 0;
    int n = snprintf(body, sizeof body, "{\"offset\":%" PRIu64 "}", offset);
    rp_status status =
        ask(q->js, "CONSUMER.LIST", q->stream, rp_bytes_of(body, (size_t)n), on_page, q);
    if (status != RP_OK)
        finish_state(q, RP_UNAVAILABLE);
}

static void list_from_start(rp__stream_question *q)
{
    if (q->starts++ == LIST_STARTS_MAX) {
        finish_state(q, RP_UNAVAILABLE);
        return;
    }
    q->listed = 0;
    q->state.settled_sequence = q->state.last_sequence;
    q->state.settled_by_durables = false;
    list_on(q);
}

/* Whether a page begins where the one before ended. */
static bool continues(const rp__stream_question *q, const rp__wire_consumers *page)
{
    return q->listed == 0 || (page->count > 0 && strcmp(page->first_name, q->last_name) == 0);
}

static void on_page(void *arg, rp_status status, const rp_message *answer)
{
    rp__stream_question *q = arg;
    rp__wire_consumers page;
    if (status == RP_OK)
        status = rp__wire_consumers_parse(answer->body, &page);
    if (status == RP_OK)
        status = rp__wire_error_status(&page.error);
    if (status != RP_OK) {
        finish_state(q, status);
        return;
    }
    if (!continues(q, &page)) {
        list_from_start(q);
        return;
    }
    uint64_t listed = q->listed + page.count - (q->listed > 0);
    if (page.settled_by_durables)
        q->state.settled_by_durables = true;
    if (page.floor < q->state.settled_sequence)
        q->state.settled_sequence = page.floor;
    if (listed >= page.total) {
        finish_state(q, RP_OK);
    } else if (listed == q->listed) {
        list_from_start(q); /* a page of nothing new, though there is more */
    } else {
        q->listed = listed;
        snprintf(q->last_name, sizeof q->last_name, "%s", page.last_name);
        list_on(q);
    }
}

static void on_info(void *arg, rp_status status, const rp_message *answer)
{
    rp__stream_question *q = arg;
    rp__wire_stream stream;
    status = rp__stream_info_read(status, answer, &stream);
    if (status != RP_OK) {
        finish_state(q, status);
        return;
    }
    q->state = (rp_stream_state){.first_sequence = stream.first_sequence,
        .last_sequence = stream.last_sequence,
        .messages = stream.messages,
        .bytes = stream.bytes,
        .bytes_max = stream.bytes_max,
        .created_ns = stream.created_ns};
    list_from_start(q);
}

rp_status rp__stream_state(rp_bus *bus, const char *stream, rp_stream_cb callback, void *arg)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    if (!rp__wire_is_name(stream))
        return RP_INVALID;
    rp__stream_question *q = take(js, stream, arg);
    if (!q)
        return RP_LIMIT;
    q->on_state = callback;
    rp_status status = rp__stream_info_ask(js, stream, on_info, q);
    if (status != RP_OK)
        q->used = false;
    return status;
}

/* -- deleting ---------------------------------------------------------------------------------- */

static void on_purged(void *arg, rp_status status, const rp_message *answer)
{
    rp__stream_question *q = arg;
    rp__wire_purge purge = {0};
    if (status == RP_OK)
        status = rp__wire_purge_parse(answer->body, &purge);
    if (status == RP_OK)
        status = rp__wire_error_status(&purge.error);
    finish_purge(q, status, status == RP_OK ? purge.purged : 0);
}

/* The server takes a sequence of 0, or none, for all there is. */
rp_status rp__stream_purge(rp_bus *bus, const char *stream, const char *filter, uint64_t keep_from,
    rp_purged_cb callback, void *arg)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    rp_buffer *body = &js->scratch;
    if (!rp__wire_is_name(stream) || keep_from == 0 ||
        (filter && !rp_name_is_filter(rp_bytes_text(filter))))
        return RP_INVALID;
    rp_buffer_clear(body);
    rp_buffer_printf(body, "{\"seq\":%" PRIu64, keep_from);
    if (filter) {
        rp_buffer_text(body, ",\"filter\":");
        rp_json_string(body, rp_bytes_text(filter));
    }
    rp_buffer_byte(body, '}');
    if (body->truncated)
        return RP_LIMIT;
    rp__stream_question *q = take(js, stream, arg);
    if (!q)
        return RP_LIMIT;
    q->on_purged = callback;
    rp_status status = ask(js, "STREAM.PURGE", stream, rp_buffer_bytes(body), on_purged, q);
    if (status != RP_OK)
        q->used = false;
    return status;
}
