#include "runtime/actor/worker_internal.h"

#include "runtime/base/hash.h"

#include <stdlib.h>

enum { ARENA_CHUNK_BYTES = 16 << 10, PUT_BACK_DELAY_MS = 500, DELAY_DOUBLINGS_MAX = 7 };

rp_status rp__context_init(rp_context *context, rp_worker *worker)
{
    context->worker = worker;
    rp_journal_init(&context->journal);
    rp_status status =
        rp_arena_init(&context->arena, ARENA_CHUNK_BYTES, worker->spec.arena_bytes_max);
    if (status == RP_OK && worker->spec.context_bytes) {
        context->own = calloc(1, worker->spec.context_bytes);
        status = context->own ? RP_OK : RP_NO_MEMORY;
    }
    return status == RP_OK ? rp__chain_init(context) : status;
}

void rp__context_memory_done(rp_context *context)
{
    rp_message_free(context->message);
    rp_journal_done(&context->journal);
    rp__chain_done(context);
    rp_arena_done(&context->arena);
    free(context->own);
}

void rp__context_begin(rp_context *context, rp_message *message, size_t mailbox)
{
    rp_worker *worker = context->worker;
    context->phase = RP__PHASE_OPENING;
    context->message = message;
    context->mailbox = mailbox;
    context->began_ns = rp_clock_monotonic_ns(worker->env.host->clock);
    context->draws = 0;
    context->tries = message->deliveries;
    context->serial = ++worker->taken;
    context->holds = 0;
    context->computing = context->abandoned = context->dead_sent = false;
    context->why = NULL;
    memset(context->subjects, 0, sizeof context->subjects);
    if (context->own)
        memset(context->own, 0, worker->spec.context_bytes);
    rp_journal_clear(&context->journal);
    rp__chain_begin(context);
}

/* -- what came in ------------------------------------------------------------------------------ */

const rp_message *rp_context_message(const rp_context *context)
{
    return context->message;
}

rp_bytes rp_context_body(const rp_context *context)
{
    return context->message->body;
}

rp_arena *rp_context_arena(rp_context *context)
{
    return &context->arena;
}

uint64_t rp_context_now_ns(const rp_context *context)
{
    return context->message->timestamp_ns;
}

rp_rng_words rp_context_draw(rp_context *context)
{
    const rp_message *m = context->message;
    rp_journal_draw(&context->journal);
    return rp_rng_philox(m->stream_sequence, context->draws++, rp_hash_fnv1a32(m->stream));
}

uint64_t rp_context_measured_ns(const rp_context *context)
{
    return rp_clock_monotonic_ns(context->worker->env.host->clock);
}

void *rp_context_own(rp_context *context)
{
    return context->own;
}

uint64_t rp_context_tries(const rp_context *context)
{
    return context->tries;
}

size_t rp_context_slot(const rp_context *context)
{
    return (size_t)(context - context->worker->contexts);
}

bool rp_context_abandoned(const rp_context *context)
{
    return context->abandoned;
}

rp_worker *rp_context_worker(const rp_context *context)
{
    return context->worker;
}

/* -- reading elsewhere ------------------------------------------------------------------------- */

void rp_context_note(rp_context *context, const char *place, const char *key, uint64_t revision)
{
    rp_journal_revision(&context->journal, place, key, revision);
}

void rp_context_note_value(
    rp_context *context, const char *place, const char *key, const char *value)
{
    rp_journal_value(&context->journal, place, key, value);
}

static void on_last(void *arg, rp_status status, const rp_message *message)
{
    rp__read *r = arg;
    rp_context *context = r->context;
    r->context = NULL;
    if (status == RP_OK || status == RP_NOT_FOUND)
        rp_context_note(context, r->stream, r->subject, message ? message->stream_sequence : 0);
    r->callback(context, status, message);
    rp__context_look(context);
}

rp_status rp_context_last(
    rp_context *context, const char *stream, const char *subject, rp_context_last_cb callback)
{
    if (strlen(subject) >= RP_WORKER_SUBJECT_BYTES)
        return RP_INVALID;
    for (size_t i = 0; i < RP__READS_IN_FLIGHT_MAX; i++) {
        rp__read *r = &context->reads[i];
        if (r->context)
            continue;
        r->context = context;
        r->callback = callback;
        r->stream = stream;
        memcpy(r->subject, subject, strlen(subject) + 1);
        rp_status status = rp_bus_last(context->worker->env.bus, stream, subject, on_last, r);
        if (status != RP_OK)
            r->context = NULL;
        return status;
    }
    return rp__worker_limit_hit(context->worker, RP__LIMIT_READS, RP_LIMIT);
}

static void release(rp_context *context);

static void compute_run(void *arg, size_t thread)
{
    rp_context *context = arg;
    context->run(context->own, thread);
}

static void compute_done(void *arg)
{
    rp_context *context = arg;
    context->computing = false;
    context->computed(context);
    if (context->phase == RP__PHASE_ZOMBIE)
        release(context);
    else
        rp__context_look(context);
}

rp_status rp_context_compute(rp_context *context, rp_context_run_cb run, rp_context_done_cb done)
{
    if (context->computing)
        return RP_BUSY;
    context->run = run;
    context->computed = done;
    rp_status status =
        rp_host_submit(context->worker->env.host, (rp_job){compute_run, compute_done, context});
    context->computing = status == RP_OK;
    return status;
}

/* -- outputs ----------------------------------------------------------------------------------- */

rp_status rp_context_output(rp_context *context, const rp_output *output)
{
    RP_ASSERT(context->phase == RP__PHASE_RUNNING);
    RP_ASSERT(output->header_count <= RP_OUTPUT_HEADERS_MAX);
    if (output->kind == RP_OUTPUT_CHAIN)
        return rp__chain_output(context, output);
    if (output->kind == RP_OUTPUT_SINGLE && context->chain.named)
        return rp__chain_single(context, output);
    return rp__output_direct(context, output);
}

size_t rp_context_chain_room(const rp_context *context)
{
    return context->worker->spec.chain_outputs_max - context->chain.count;
}

uint64_t rp_context_chain_next(const rp_context *context)
{
    return context->chain.next;
}

void rp_context_chain_skip(rp_context *context)
{
    rp__chain *chain = &context->chain;
    if (chain->next < chain->stored)
        chain->next = chain->stored;
}

uint64_t rp_context_chain_stored(const rp_context *context)
{
    return context->chain.stored_at_start;
}

const rp_message *rp_context_chain_last(const rp_context *context)
{
    return context->chain.last;
}

void rp_context_hold(rp_context *context)
{
    context->holds++;
}

void rp_context_release(rp_context *context)
{
    RP_ASSERT(context->holds > 0);
    context->holds--;
    rp__context_look(context);
}

/* -- the end ----------------------------------------------------------------------------------- */

/* The context's place is free again. */
static void release(rp_context *context)
{
    rp_worker *worker = context->worker;
    uint64_t took_ns = rp_clock_monotonic_ns(worker->env.host->clock) - context->began_ns;
    rp_histogram_observe_ns(worker->metrics.seconds, took_ns);
    rp_message_free(context->message);
    context->message = NULL;
    context->phase = RP__PHASE_FREE;
    rp_arena_reset(&context->arena);
    rp__worker_freed(worker);
}

/* Nothing of the context is to call back any more. */
static void forget(rp_context *context)
{
    rp_bus *bus = context->worker->env.bus;
    rp_bus_forget(bus, context);
    for (size_t i = 0; i < RP__OUTPUTS_IN_FLIGHT_MAX; i++) {
        if (context->flights[i].context)
            rp_bus_forget(bus, &context->flights[i]);
        context->flights[i].context = NULL;
    }
    for (size_t i = 0; i < RP__READS_IN_FLIGHT_MAX; i++) {
        if (context->reads[i].context)
            rp_bus_forget(bus, &context->reads[i]);
        context->reads[i].context = NULL;
    }
}

static void finish(rp_context *context)
{
    forget(context);
    if (context->computing) {
        context->phase = RP__PHASE_ZOMBIE;
        return;
    }
    release(context);
}

static bool outputs_pending(const rp_context *context)
{
    for (size_t i = 0; i < RP__OUTPUTS_IN_FLIGHT_MAX; i++) {
        if (context->flights[i].context)
            return true;
    }
    return context->chain.count > 0 || context->chain.reading;
}

void rp__context_look(rp_context *context)
{
    rp_worker *worker = context->worker;
    if (context->phase != RP__PHASE_ENDING || context->holds > 0 || outputs_pending(context))
        return;
    if (context->ending == RP__ENDING_REJECT && !context->dead_sent) {
        context->dead_sent = true;
        rp_status status = rp__output_dead(context);
        if (status == RP_LIMIT)
            rp__context_put_back(context, "the outbox is full");
        if (status == RP_OK || status == RP_LIMIT)
            return;
        /* One that can never be written down must not come back for ever. */
        rp_log_error(worker->env.log, "dead_letter_lost",
            rp_log_bytes("stream", context->message->stream),
            rp_log_count("sequence", context->message->stream_sequence),
            rp_log_text("why", context->why), rp_log_status("status", status));
    }
    bool done = context->ending == RP__ENDING_DONE;
    rp_counter_add(done ? worker->metrics.done : worker->metrics.rejected, 1);
    rp_bus_settle(worker->env.bus, context->message, done ? RP_SETTLE_DONE : RP_SETTLE_REJECT, 0,
        context->why);
    finish(context);
}

void rp__context_abandon(
    rp_context *context, bool settle, rp_settlement settlement, uint64_t delay_ns)
{
    rp_worker *worker = context->worker;
    bool running = context->phase == RP__PHASE_RUNNING || context->phase == RP__PHASE_ENDING;
    context->abandoned = true;
    context->phase = RP__PHASE_ZOMBIE;
    if (running && worker->spec.abandon)
        worker->spec.abandon(context, worker->state);
    if (settle)
        rp_bus_settle(worker->env.bus, context->message, settlement, delay_ns, NULL);
    finish(context);
}

/* Deliveries are counted, and too many of them are the end: so each hand-back waits longer than the
 * one before, and an outage of minutes does not use them up. */
static uint64_t growing(const rp_context *context, uint64_t delay_ns)
{
    uint64_t doublings = context->tries > 0 ? context->tries - 1 : 0;
    return delay_ns << (doublings < DELAY_DOUBLINGS_MAX ? doublings : DELAY_DOUBLINGS_MAX);
}

void rp__context_put_back(rp_context *context, const char *why)
{
    rp_worker *worker = context->worker;
    if (!rp__context_lives(context))
        return;
    rp_log_warn(worker->env.log, "message_put_back",
        rp_log_bytes("stream", context->message->stream),
        rp_log_count("sequence", context->message->stream_sequence), rp_log_text("why", why));
    rp_counter_add(worker->metrics.retried, 1);
    rp__context_abandon(
        context, true, RP_SETTLE_RETRY, growing(context, PUT_BACK_DELAY_MS * RP_NS_PER_MS));
}

void rp_context_give_back(rp_context *context, const char *why)
{
    rp__context_put_back(context, why);
}

void rp_context_done(rp_context *context)
{
    RP_ASSERT(context->phase == RP__PHASE_RUNNING);
    context->phase = RP__PHASE_ENDING;
    context->ending = RP__ENDING_DONE;
    rp__context_look(context);
}

void rp_context_reject(rp_context *context, const char *why)
{
    RP_ASSERT(context->phase == RP__PHASE_RUNNING);
    context->why = rp_arena_text(&context->arena, rp_bytes_text(why));
    if (!context->why)
        context->why = "rejected";
    rp_log_warn(context->worker->env.log, "message_rejected",
        rp_log_bytes("stream", context->message->stream),
        rp_log_count("sequence", context->message->stream_sequence), rp_log_text("why", why));
    context->phase = RP__PHASE_ENDING;
    context->ending = RP__ENDING_REJECT;
    rp__context_look(context);
}

void rp_context_retry(rp_context *context, uint64_t delay_ns, const char *why)
{
    rp_worker *worker = context->worker;
    RP_ASSERT(context->phase == RP__PHASE_RUNNING);
    rp_log_info(worker->env.log, "message_retried",
        rp_log_bytes("stream", context->message->stream),
        rp_log_count("sequence", context->message->stream_sequence), rp_log_text("why", why));
    rp_counter_add(worker->metrics.retried, 1);
    context->abandoned = true;
    rp_bus_settle(
        worker->env.bus, context->message, RP_SETTLE_RETRY, growing(context, delay_ns), NULL);
    finish(context);
}
