#include "runtime/actor/worker_internal.h"

#include <stdlib.h>

enum {
    EXTEND_MS = 1500, /* of an ack_wait of 5 s */
    NO_ROOM_DELAY_MS = 1000,
    SCRATCH_BYTES_MAX = 64 << 10
};

const rp_worker_env *rp_worker_env_of(const rp_worker *worker)
{
    return &worker->env;
}

size_t rp_worker_busy(const rp_worker *worker)
{
    return worker->busy;
}

size_t rp_worker_slots_free(const rp_worker *worker)
{
    return worker->busy < worker->env.slots ? worker->env.slots - worker->busy : 0;
}

bool rp_worker_troubled(const rp_worker *worker, const char **ret_why)
{
    for (size_t i = 0; i < worker->mailbox_count; i++) {
        if (worker->mailboxes[i].trouble) {
            *ret_why = worker->mailboxes[i].trouble;
            return true;
        }
    }
    return false;
}

uint64_t rp_worker_delivered(const rp_worker *worker, const char *durable)
{
    for (size_t i = 0; i < worker->mailbox_count; i++) {
        if (strcmp(worker->mailboxes[i].durable, durable) == 0)
            return worker->mailboxes[i].delivered;
    }
    return 0;
}

uint64_t rp_worker_tries_max(const rp_worker *worker)
{
    return worker->env.tries_max ? worker->env.tries_max : RP_WORKER_TRIES_MAX;
}

rp_status rp__worker_limit_hit(rp_worker *worker, rp__worker_limit limit, rp_status status)
{
    rp_counter_add(worker->metrics.limits[limit], 1);
    return status;
}

/* -- slots ------------------------------------------------------------------------------------- */

/* Shares the free slots out between the mailboxes, the first share going round. Each mailbox is
 * offered one at least, so that none starves: with several mailboxes there are as many contexts
 * beyond the slots as there are further mailboxes. */
static void offer_slots(rp_worker *worker)
{
    size_t count = worker->mailbox_count;
    size_t unused = rp_worker_slots_free(worker);
    if (!worker->open || worker->draining || count == 0)
        return;
    worker->turn = (worker->turn + 1) % count;
    for (size_t i = 0; i < count; i++) {
        size_t at = (worker->turn + i) % count;
        size_t share = (unused + count - 1 - i) / count;
        if (share == 0 && unused > 0)
            share = 1;
        rp_mailbox_credit(worker->env.bus, worker->mailboxes[at].mailbox, share);
    }
}

static void show(rp_worker *worker)
{
    rp_gauge_set_count(worker->metrics.busy, worker->busy);
}

void rp__worker_freed(rp_worker *worker)
{
    worker->busy--;
    show(worker);
    if (worker->draining && worker->busy == 0 && worker->drained) {
        void (*drained)(void *) = worker->drained;
        worker->drained = NULL;
        drained(worker->drained_arg);
        return;
    }
    offer_slots(worker);
}

static rp_context *unused_context(rp_worker *worker)
{
    for (size_t i = 0; i < worker->context_count; i++) {
        if (worker->contexts[i].phase == RP__PHASE_FREE)
            return &worker->contexts[i];
    }
    return NULL;
}

/* -- messages ---------------------------------------------------------------------------------- */

void rp__worker_run(rp_context *context)
{
    rp_worker *worker = context->worker;
    context->phase = RP__PHASE_RUNNING;
    if (context->tries <= rp_worker_tries_max(worker)) {
        worker->spec.handle(context, worker->state);
        return;
    }
    rp_log_error(worker->env.log, "message_given_up",
        rp_log_bytes("stream", context->message->stream),
        rp_log_count("sequence", context->message->stream_sequence),
        rp_log_count("deliveries", context->message->deliveries));
    rp_counter_add(worker->metrics.limits[RP__LIMIT_TRIES], 1);
    if (worker->spec.give_up)
        worker->spec.give_up(context, worker->state);
    else
        rp_context_reject(context, "delivered too often without a result");
}

static void on_message(void *arg, rp_message *message)
{
    rp__mailbox_of_worker *mailbox = arg;
    rp_worker *worker = mailbox->worker;
    rp_context *context = unused_context(worker);
    mailbox->trouble = NULL;
    if (!context || worker->draining) {
        rp_bus_settle(
            worker->env.bus, message, RP_SETTLE_RETRY, NO_ROOM_DELAY_MS * RP_NS_PER_MS, NULL);
        rp_message_free(message);
        return;
    }
    worker->busy++;
    show(worker);
    rp_counter_add(worker->metrics.received, 1);
    if (message->deliveries > 1)
        rp_counter_add(worker->metrics.redelivered, 1);
    if (message->stream_sequence > mailbox->delivered)
        mailbox->delivered = message->stream_sequence;
    rp__context_begin(context, message, (size_t)(mailbox - worker->mailboxes));
    if (worker->spec.chain)
        context->chain.named = worker->spec.chain(message, &context->chain.name);
    /* A first delivery begins at once; should its chain exist all the same, its first output finds
     * out. */
    bool first = message->deliveries <= 1 && message->stream_sequence > mailbox->old;
    if (context->chain.named && !first) {
        if (rp__chain_read(context) != RP_OK)
            rp__context_put_back(context, "the outbox is full");
        return;
    }
    rp__worker_run(context);
}

/* -- which first deliveries are first ---------------------------------------------------------- */

/* A server that is killed forgets the last deliveries, and counts again from one. So what is in the
 * stream when a connection begins may have been delivered before, whatever its count says. */
static void on_stream(void *arg, rp_status status, const rp_stream_state *state)
{
    rp__mailbox_of_worker *mailbox = arg;
    if (status == RP_OK)
        mailbox->old = state->last_sequence;
    else
        rp_log_warn(mailbox->worker->env.log, "stream_not_read",
            rp_log_text("stream", mailbox->stream), rp_log_status("status", status),
            rp_log_text("so", "every message looks first how far its outputs have come"));
}

void rp_worker_connected(rp_worker *worker)
{
    for (size_t i = 0; i < worker->mailbox_count && worker->spec.chain; i++) {
        rp__mailbox_of_worker *mailbox = &worker->mailboxes[i];
        mailbox->old = UINT64_MAX;
        /* An answer to what was asked before the connection was lost tells of the time before. */
        rp_bus_forget(worker->env.bus, mailbox);
        rp_status status =
            rp_bus_stream_state(worker->env.bus, mailbox->stream, on_stream, mailbox);
        if (status != RP_OK)
            on_stream(mailbox, status, NULL);
    }
}

/* -- trouble, and extending -------------------------------------------------------------------- */

static void on_trouble(void *arg, rp_status status, const char *why)
{
    rp__mailbox_of_worker *mailbox = arg;
    if (status == RP_OK) { /* it is over */
        mailbox->trouble = NULL;
        return;
    }
    rp_log_warn(mailbox->worker->env.log, "mailbox_troubled",
        rp_log_text("stream", mailbox->stream), rp_log_text("durable", mailbox->durable),
        rp_log_status("status", status), rp_log_text("why", why));
    if (status == RP_NOT_FOUND)
        mailbox->trouble = "a durable consumer is missing; run `reprise provision`";
}

static void on_extend(void *arg)
{
    rp_worker *worker = arg;
    for (size_t i = 0; i < worker->context_count; i++) {
        rp_context *context = &worker->contexts[i];
        if (rp__context_lives(context))
            rp_bus_settle(worker->env.bus, context->message, RP_SETTLE_PROGRESS, 0, NULL);
        if (rp__context_lives(context))
            rp__chain_resume(context);
    }
}

/* -- making, opening --------------------------------------------------------------------------- */

static rp_status register_limits(rp_worker *worker, rp_error *reterr)
{
    static const char *const names[RP__LIMITS] = {[RP__LIMIT_TRIES] = "tries",
        [RP__LIMIT_DRAIN] = "drain",
        [RP__LIMIT_OUTPUTS] = "outputs",
        [RP__LIMIT_READS] = "reads",
        [RP__LIMIT_CHAIN] = "chain",
        [RP__LIMIT_BODY] = "body"};
    const rp_metric_split split = {.labels = {"limit"}, .children_max = RP__LIMITS};
    rp_metric_family *family;
    rp_status status = rp_metrics_counter_family(worker->env.metrics, "reprise_worker_limits_total",
        "Times that a bound was hit.", &split, &family, reterr);
    for (size_t i = 0; i < RP__LIMITS && status == RP_OK; i++)
        worker->metrics.limits[i] = rp_metric_family_counter(family, names[i]);
    return status;
}

static rp_status register_metrics(rp_worker *worker, rp_error *reterr)
{
    rp_metrics *m = worker->env.metrics;
    const struct {
        const char *name, *help;
        rp_counter **counter;
    } counters[] = {
        {"reprise_messages_received_total", "Messages taken.", &worker->metrics.received},
        {"reprise_messages_redelivered_total", "Of those, delivered before.",
            &worker->metrics.redelivered},
        {"reprise_messages_done_total", "Messages settled with their outputs stored.",
            &worker->metrics.done},
        {"reprise_messages_retried_total", "Messages given back.", &worker->metrics.retried},
        {"reprise_messages_rejected_total", "Messages that went to DEAD.",
            &worker->metrics.rejected},
        {"reprise_messages_duplicate_total", "Messages whose output has another cause.",
            &worker->metrics.duplicates},
        {"reprise_messages_overtaken_total", "Messages that a later delivery had gone on with.",
            &worker->metrics.overtaken},
        {"reprise_journal_cut_total", "Journals that were above their limit.",
            &worker->metrics.journal_cut},
    };
    rp_status status = RP_OK;
    for (size_t i = 0; i < sizeof counters / sizeof *counters && status == RP_OK; i++)
        status =
            rp_metrics_counter(m, counters[i].name, counters[i].help, counters[i].counter, reterr);
    if (status == RP_OK)
        status = rp_metrics_gauge(m, "reprise_messages_held", "Messages taken and not settled.",
            &worker->metrics.busy, reterr);
    if (status == RP_OK)
        status =
            rp_metrics_histogram(m, "reprise_message_seconds", "From taking a message to its end.",
                rp_metric_bounds_request_duration, &worker->metrics.seconds, reterr);
    return status == RP_OK ? register_limits(worker, reterr) : status;
}

size_t rp_worker_places(size_t slots)
{
    return slots + RP__MAILBOXES_OF_WORKER_MAX - 1;
}

static rp_status make_contexts(rp_worker *worker)
{
    worker->context_count = rp_worker_places(worker->env.slots);
    worker->contexts = calloc(worker->context_count, sizeof *worker->contexts);
    if (!worker->contexts)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < worker->context_count; i++) {
        rp_status status = rp__context_init(&worker->contexts[i], worker);
        if (status != RP_OK)
            return status;
    }
    return RP_OK;
}

rp_status rp_worker_new(const rp_worker_env *env, const rp_worker_spec *spec, void *state,
    rp_worker **ret_worker, rp_error *reterr)
{
    if (env->slots == 0 || env->slots > RP_WORKER_SLOTS_MAX)
        return rp_error_set(
            reterr, RP_INVALID, "slots", "slots must be from 1 to %d", RP_WORKER_SLOTS_MAX);
    rp_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    worker->env = *env;
    worker->spec = *spec;
    worker->state = state;
    rp_buffer_init(&worker->scratch, SCRATCH_BYTES_MAX);
    rp_status status = register_metrics(worker, reterr);
    if (status == RP_OK) {
        status = make_contexts(worker);
        if (status != RP_OK)
            (void)rp_error_set(reterr, status, "slots", "no memory for %zu slots", env->slots);
    }
    if (status == RP_OK)
        status = rp_timer_new(env->host, on_extend, worker, &worker->extend);
    if (status != RP_OK) {
        rp_worker_free(worker);
        return status;
    }
    *ret_worker = worker;
    return RP_OK;
}

rp_status rp_worker_mailbox(
    rp_worker *worker, const char *stream, const char *durable, rp_error *reterr)
{
    RP_ASSERT(!worker->open);
    if (worker->mailbox_count == RP__MAILBOXES_OF_WORKER_MAX)
        return rp_error_set(reterr, RP_LIMIT, "mailboxes", "a worker has %d mailboxes at most",
            RP__MAILBOXES_OF_WORKER_MAX);
    worker->mailboxes[worker->mailbox_count++] =
        (rp__mailbox_of_worker){.worker = worker, .stream = stream, .durable = durable};
    return RP_OK;
}

rp_status rp_worker_open(rp_worker *worker, rp_error *reterr)
{
    RP_ASSERT(!worker->open);
    for (size_t i = 0; i < worker->mailbox_count; i++) {
        rp__mailbox_of_worker *m = &worker->mailboxes[i];
        rp_mailbox_spec spec = {.stream = m->stream,
            .durable = m->durable,
            .on_message = on_message,
            .on_trouble = on_trouble,
            .arg = m};
        rp_status status = rp_mailbox_open(worker->env.bus, &spec, &m->mailbox);
        if (status != RP_OK)
            return rp_error_set(reterr, status, "mailbox", "mailbox %s of %s: %s", m->durable,
                m->stream, rp_status_text(status));
    }
    worker->open = true;
    rp_timer_set(worker->extend, EXTEND_MS * RP_NS_PER_MS, EXTEND_MS * RP_NS_PER_MS);
    offer_slots(worker);
    return RP_OK;
}

/* -- ending ------------------------------------------------------------------------------------ */

static void close_mailboxes(rp_worker *worker)
{
    for (size_t i = 0; i < worker->mailbox_count; i++) {
        rp_mailbox_close(worker->env.bus, worker->mailboxes[i].mailbox);
        worker->mailboxes[i].mailbox = NULL;
    }
}

/* What could not be finished in time goes to whoever has room. */
static void on_drain_limit(void *arg)
{
    rp_worker *worker = arg;
    for (size_t i = 0; i < worker->context_count; i++) {
        if (!rp__context_lives(&worker->contexts[i]))
            continue;
        rp_counter_add(worker->metrics.retried, 1);
        rp_counter_add(worker->metrics.limits[RP__LIMIT_DRAIN], 1);
        rp__context_abandon(&worker->contexts[i], true, RP_SETTLE_RETRY, 0);
    }
}

void rp_worker_drain(rp_worker *worker, uint64_t limit_ns, void (*drained)(void *arg), void *arg)
{
    worker->draining = true;
    close_mailboxes(worker);
    if (worker->busy == 0) {
        drained(arg);
        return;
    }
    worker->drained = drained;
    worker->drained_arg = arg;
    if (rp_timer_new(worker->env.host, on_drain_limit, worker, &worker->drain_limit) == RP_OK)
        rp_timer_set(worker->drain_limit, limit_ns, 0);
    else
        on_drain_limit(worker);
}

void rp_worker_free(rp_worker *worker)
{
    if (!worker)
        return;
    close_mailboxes(worker);
    for (size_t i = 0; i < worker->mailbox_count; i++)
        rp_bus_forget(worker->env.bus, &worker->mailboxes[i]);
    rp_timer_free(worker->extend);
    rp_timer_free(worker->drain_limit);
    for (size_t i = 0; worker->contexts && i < worker->context_count; i++) {
        rp_bus_forget(worker->env.bus, &worker->contexts[i]);
        for (size_t f = 0; f < RP__OUTPUTS_IN_FLIGHT_MAX; f++)
            rp_bus_forget(worker->env.bus, &worker->contexts[i].flights[f]);
        for (size_t r = 0; r < RP__READS_IN_FLIGHT_MAX; r++)
            rp_bus_forget(worker->env.bus, &worker->contexts[i].reads[r]);
        rp__context_memory_done(&worker->contexts[i]);
    }
    rp_buffer_done(&worker->scratch);
    free(worker->contexts);
    free(worker);
}
