/* The numbered outputs of an answer.
 *
 * Each is stored behind the one before: output n is published with the sequence of output n-1 as
 * the one expected last on the subject, and sent only when that is known. So whoever works on the
 * answer, this process or one that took over, there is one row without a gap, and who is behind
 * finds out at its next publish:
 *
 *   the last output has another cause       this input is a duplicate: it is settled
 *   it was stored by a later delivery       this process was overtaken: it leaves the input alone
 *   else                                    a lost acknowledgement, or an earlier attempt: go on
 *                                           behind it
 */
#include "runtime/actor/worker_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/base/decimal.h"

enum { CHAIN_TEXTS_BYTES_MAX = 32 << 10 };

rp_status rp__chain_init(rp_context *context)
{
    rp__chain *chain = &context->chain;
    size_t capacity = context->worker->spec.chain_outputs_max;
    chain->queue = capacity ? calloc(capacity, sizeof *chain->queue) : NULL;
    return capacity && !chain->queue ? RP_NO_MEMORY : RP_OK;
}

void rp__chain_done(rp_context *context)
{
    rp__chain *chain = &context->chain;
    for (size_t i = 0; i < chain->used; i++) {
        rp_buffer_done(&chain->queue[i].body);
        rp_buffer_done(&chain->queue[i].texts);
    }
    free(chain->queue);
    chain->queue = NULL;
}

void rp__chain_begin(rp_context *context)
{
    rp__chain *chain = &context->chain;
    chain->named = false;
    chain->sending = chain->reading = chain->stalled = false;
    chain->next = chain->stored = chain->sequence = chain->stored_at_start = 0;
    chain->last = NULL;
    chain->head = chain->count = 0;
}

static size_t place_of(const rp_context *context, size_t index)
{
    return (context->chain.head + index) % context->worker->spec.chain_outputs_max;
}

static rp__queued *queued_at(rp_context *context, size_t index)
{
    return &context->chain.queue[place_of(context, index)];
}

/* The place behind the last. Most contexts never fill their queue: what was not used before costs
 * nothing until now. */
static rp__queued *next_queued(rp_context *context)
{
    rp__chain *chain = &context->chain;
    size_t place = place_of(context, chain->count);
    for (; chain->used <= place; chain->used++) {
        rp_buffer_init(&chain->queue[chain->used].body, RP_OUTPUT_BODY_BYTES_MAX);
        rp_buffer_init(&chain->queue[chain->used].texts, CHAIN_TEXTS_BYTES_MAX);
    }
    return &chain->queue[place];
}

/* -- how far has it come ----------------------------------------------------------------------- */

/* The number behind the last `mark` of `text`, 0 where there is none; what lies before it stays. */
static uint64_t take_last_number(rp_bytes *text, char mark)
{
    uint64_t number;
    const uint8_t *at = text->len ? memrchr(text->data, mark, text->len) : NULL;
    if (!at)
        return 0;
    rp_bytes digits = rp_bytes_of(at + 1, (size_t)(text->data + text->len - at) - 1);
    text->len = (size_t)(at - text->data);
    return rp_decimal_parse(digits, &number) == RP_OK ? number : 0;
}

/* Rp-Try is <process instance>.<serial>:<deliveries>. One that does not say so is older than any. */
static uint64_t deliveries_of(rp_bytes attempt)
{
    return take_last_number(&attempt, ':');
}

/* Whether this very process made the attempt, from a delivery that came after this context's: the
 * server may count two deliveries alike (it forgets the last ones when it is killed). */
static bool is_later_here(const rp_context *context, rp_bytes attempt)
{
    (void)take_last_number(&attempt, ':');
    uint64_t serial = take_last_number(&attempt, '.');
    return rp_bytes_is(attempt, context->worker->env.instance) && serial > context->serial;
}

typedef enum standing {
    STANDING_NONE,
    STANDING_OURS,
    STANDING_DUPLICATE,
    STANDING_OVERTAKEN
} standing;

static standing judge(rp_context *context, const rp_message *last, uint64_t *ret_index)
{
    rp_bytes stream;
    uint64_t sequence;
    if (rp__cause_parse(rp_message_header(last, RP_HEADER_CAUSE), &stream, &sequence, ret_index) !=
            RP_OK ||
        !rp_bytes_equal(stream, context->message->stream) ||
        sequence != context->message->stream_sequence)
        return STANDING_DUPLICATE;
    rp_bytes attempt = rp_message_header(last, RP_HEADER_TRY);
    if (deliveries_of(attempt) > context->message->deliveries || is_later_here(context, attempt))
        return STANDING_OVERTAKEN;
    return STANDING_OURS;
}

static void pop_front(rp_context *context);
static void send_front(rp_context *context);

static void adopt(rp_context *context, const rp_message *last, uint64_t index)
{
    rp__chain *chain = &context->chain;
    chain->stored = index + 1;
    chain->sequence = last->stream_sequence;
}

/* A copy that outlives the callback: the actor may want to know how an earlier delivery ended. */
typedef struct kept {
    rp_message message;
    rp_bytes headers[RP_HEADER_COUNT];
} kept;

static rp_bytes kept_header(const rp_message *message, rp_header header)
{
    return ((const kept *)message)->headers[header];
}

static void kept_free(rp_message *message)
{
    (void)message; /* the arena's */
}

/* Copies what `view` shows, where it shows anything. */
static bool keep_bytes(rp_arena *arena, rp_bytes *view)
{
    if (!view->data)
        return true;
    *view = rp_arena_copy(arena, *view);
    return view->data != NULL;
}

/* NULL where the arena has no room for all of it. */
static const rp_message *keep(rp_context *context, const rp_message *message)
{
    rp_arena *arena = &context->arena;
    kept *copy = rp_arena_array(arena, 1, sizeof *copy);
    if (!copy)
        return NULL;
    copy->message = *message;
    copy->message.header = kept_header;
    copy->message.free = kept_free;
    copy->message.reply = rp_bytes_of(NULL, 0);
    bool whole = keep_bytes(arena, &copy->message.subject) &&
                 keep_bytes(arena, &copy->message.stream) && keep_bytes(arena, &copy->message.body);
    for (size_t i = 0; i < RP_HEADER_COUNT && whole; i++) {
        copy->headers[i] = rp_message_header(message, (rp_header)i);
        whole = keep_bytes(arena, &copy->headers[i]);
    }
    if (whole && message->body_why) {
        copy->message.body_why = rp_arena_text(arena, rp_bytes_text(message->body_why));
        whole = copy->message.body_why != NULL;
    }
    return whole ? &copy->message : NULL;
}

static void opened(rp_context *context, const rp_message *last, uint64_t index)
{
    rp__chain *chain = &context->chain;
    if (last) {
        adopt(context, last, index);
        chain->stored_at_start = chain->stored;
        chain->last = keep(context, last);
        if (!chain->last) {
            rp__context_put_back(context, "the last output does not fit into the arena");
            return;
        }
        uint64_t before = deliveries_of(rp_message_header(last, RP_HEADER_TRY));
        context->tries = context->message->deliveries - before;
    }
    rp__worker_run(context);
}

static void front_stored(rp_context *context, uint64_t sequence);

/* Whether the last output is the one at the front of our queue, sent by this very delivery: then
 * only its acknowledgement was lost. */
static bool is_front(rp_context *context, const rp_message *last, uint64_t index)
{
    char attempt[RP__TRY_BYTES];
    rp__attempt(context, attempt);
    return context->chain.count > 0 && !queued_at(context, 0)->single &&
           queued_at(context, 0)->index == index &&
           rp_bytes_is(rp_message_header(last, RP_HEADER_TRY), attempt);
}

static void on_last(void *arg, rp_status status, const rp_message *last)
{
    rp_context *context = arg;
    rp_worker *worker = context->worker;
    rp__chain *chain = &context->chain;
    uint64_t index = 0;
    chain->reading = false;
    if (status != RP_OK && status != RP_NOT_FOUND) {
        rp__context_put_back(context, "no answer on how far the output has come");
        return;
    }
    standing where = status == RP_OK ? judge(context, last, &index) : STANDING_NONE;
    if (where == STANDING_DUPLICATE) {
        rp_counter_add(worker->metrics.duplicates, 1);
        rp__context_abandon(context, true, RP_SETTLE_DONE, 0);
    } else if (where == STANDING_OVERTAKEN) {
        rp_counter_add(worker->metrics.overtaken, 1);
        rp__context_abandon(context, false, RP_SETTLE_DONE, 0);
    } else if (context->phase == RP__PHASE_OPENING) {
        opened(context, where == STANDING_OURS ? last : NULL, index);
    } else if (where == STANDING_OURS && is_front(context, last, index)) {
        front_stored(context, last->stream_sequence);
    } else {
        /* Somebody else went on with the answer, or what was stored is gone: the next delivery
         * begins from what the stream holds now. */
        rp__context_put_back(context, "the stream holds other outputs than were sent");
    }
}

rp_status rp__chain_read(rp_context *context)
{
    rp__chain *chain = &context->chain;
    chain->reading = true;
    rp_status status = rp_bus_last(
        context->worker->env.bus, chain->name.stream, chain->name.stored, on_last, context);
    if (status != RP_OK)
        chain->reading = false;
    return status;
}

/* -- sending ----------------------------------------------------------------------------------- */

static void pop_front(rp_context *context)
{
    rp__chain *chain = &context->chain;
    chain->head = (chain->head + 1) % context->worker->spec.chain_outputs_max;
    chain->count--;
}

/* The front of the queue is stored: of the chain at `sequence`. */
static void front_stored(rp_context *context, uint64_t sequence)
{
    rp__chain *chain = &context->chain;
    rp_worker *worker = context->worker;
    rp__queued *front = queued_at(context, 0);
    rp_output_cb stored = front->stored;
    if (!front->single) {
        chain->stored = front->index + 1;
        chain->sequence = sequence;
    }
    pop_front(context);
    send_front(context);
    if (stored && rp__context_lives(context))
        stored(context, RP_OK, sequence);
    if (context->phase == RP__PHASE_RUNNING && worker->spec.chain_room)
        worker->spec.chain_room(context, worker->state);
    rp__context_look(context);
}

static void on_stored(void *arg, const rp_published *published)
{
    rp_context *context = arg;
    rp_status status = published->status;
    bool single = queued_at(context, 0)->single;
    context->chain.sending = false;
    if (status == RP_OK || status == RP_DUPLICATE || (single && status == RP_CONFLICT))
        front_stored(context, published->sequence);
    else if (status != RP_CONFLICT)
        rp__context_put_back(context, published->why);
    else if (rp__chain_read(context) != RP_OK)
        rp__context_put_back(context, "the outbox is full");
}

static void send_front(rp_context *context)
{
    rp__chain *chain = &context->chain;
    rp__identity identity;
    if (chain->count == 0 || chain->sending || chain->reading)
        return;
    rp__queued *front = queued_at(context, 0);
    rp_output_kind kind = front->single ? RP_OUTPUT_SINGLE : RP_OUTPUT_CHAIN;
    rp_bytes subject = rp_bytes_text(front->single ? front->subject : chain->name.publish);
    rp_publication publication = {.subject = subject,
        .body = rp_buffer_bytes(&front->body),
        .expect = true,
        .expected_sequence = front->single ? 0 : chain->sequence};
    rp__identity_headers(context, subject, front->index, kind, &identity, &publication);
    size_t at = 0;
    for (size_t i = 0; i < front->header_count; i++) {
        rp_publication_header(&publication, front->headers[i].header,
            rp_bytes_of(front->texts.data + at, front->headers[i].len));
        at += front->headers[i].len;
    }
    /* A full outbox is no reason to end here, in the middle of the actor's call: rp__chain_resume
     * goes on with it. */
    chain->stalled_by = rp_bus_publish(context->worker->env.bus, &publication, on_stored, context);
    chain->sending = chain->stalled_by == RP_OK;
    chain->stalled = !chain->sending;
}

void rp__chain_resume(rp_context *context)
{
    rp__chain *chain = &context->chain;
    if (!chain->stalled)
        return;
    chain->stalled = false;
    if (chain->stalled_by == RP_LIMIT || chain->stalled_by == RP_BUSY)
        send_front(context);
    else
        rp__context_put_back(context, "an output cannot be sent");
}

static void queue_header(rp__queued *queued, rp_header header, rp_bytes value)
{
    queued->headers[queued->header_count].header = header;
    queued->headers[queued->header_count++].len = value.len;
    rp_buffer_append(&queued->texts, value.data, value.len);
}

/* Puts an output behind the others; the caller has filled in whose it is. */
static rp_status enqueue(rp_context *context, rp__queued *queued, const rp_output *output)
{
    rp__chain *chain = &context->chain;
    queued->stored = output->stored;
    queued->header_count = 0;
    rp_buffer_clear(&queued->body);
    rp_buffer_clear(&queued->texts);
    rp_buffer_append(&queued->body, output->body.data, output->body.len);
    for (size_t i = 0; i < output->header_count; i++)
        queue_header(queued, output->headers[i].header, output->headers[i].value);
    const char *journal = rp_journal_text(&context->journal);
    if (*journal)
        queue_header(queued, RP_HEADER_JOURNAL, rp_bytes_text(journal));
    if (queued->body.truncated || queued->texts.truncated ||
        output->body.len > rp_bus_payload_bytes_max(context->worker->env.bus))
        return rp__worker_limit_hit(context->worker, RP__LIMIT_BODY, RP_LIMIT);
    rp__output_journal_sent(context);
    chain->count++;
    return RP_OK;
}

rp_status rp__chain_output(rp_context *context, const rp_output *output)
{
    rp__chain *chain = &context->chain;
    if (!chain->named)
        return RP_INVALID;
    if (chain->next < chain->stored) { /* an earlier delivery stored it */
        chain->next++;
        rp_journal_clear(&context->journal);
        return RP_OK;
    }
    if (chain->count == context->worker->spec.chain_outputs_max)
        return rp__worker_limit_hit(context->worker, RP__LIMIT_CHAIN, RP_BUSY);
    rp__queued *queued = next_queued(context);
    queued->single = false;
    queued->index = chain->next;
    rp_status status = enqueue(context, queued, output);
    if (status != RP_OK)
        return status;
    chain->next++;
    send_front(context);
    return RP_OK;
}

rp_status rp__chain_single(rp_context *context, const rp_output *output)
{
    rp__chain *chain = &context->chain;
    if (chain->count == context->worker->spec.chain_outputs_max)
        return rp__worker_limit_hit(context->worker, RP__LIMIT_CHAIN, RP_BUSY);
    rp__queued *queued = next_queued(context);
    queued->single = true;
    if (output->subject.len >= sizeof queued->subject)
        return RP_INVALID;
    memcpy(queued->subject, output->subject.data, output->subject.len);
    queued->subject[output->subject.len] = '\0';
    uint64_t *count = rp__output_count(context, output->subject);
    if (!count)
        return rp__worker_limit_hit(context->worker, RP__LIMIT_OUTPUTS, RP_LIMIT);
    queued->index = *count;
    rp_status status = enqueue(context, queued, output);
    if (status != RP_OK)
        return status;
    ++*count;
    send_front(context);
    return RP_OK;
}
