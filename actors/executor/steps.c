#include "actors/executor/executor_internal.h"

#include "kernels/cpu/canon/thread.h"
#include "runtime/base/ring.h"

#include <stdlib.h>

/* -- seats ------------------------------------------------------------------------------------- */

static void show_waiting(executor *self)
{
    rp_gauge_set_count(self->metrics.waiting, self->waiting.count);
}

static void remove_leavers(executor *self)
{
    for (uint32_t i = 0; i < self->place_count; i++) {
        if (!self->places[i].used || !self->places[i].leaving)
            continue;
        rp_engine_remove(self->engine, i);
        self->places[i] = (place){0};
    }
}

static bool anybody_seated(const executor *self)
{
    for (uint32_t i = 0; i < self->place_count; i++) {
        if (self->places[i].used)
            return true;
    }
    return false;
}

static rp_status seat(request *r, rp_error *reterr)
{
    executor *self = r->self;
    const Rp__Exec *exec = r->exec;
    const Rp__Sampling *s = exec->sampling;
    rp_sampling_bias bias[RP_SAMPLING_BIAS_MAX];
    for (size_t i = 0; i < s->n_logit_bias && i < RP_SAMPLING_BIAS_MAX; i++)
        bias[i] = (rp_sampling_bias){(uint32_t)s->logit_bias[i]->key, s->logit_bias[i]->value};
    rp_engine_spec spec = {.key = rp_context_slot(r->context),
        .tokens = exec->tokens,
        .token_count = exec->n_tokens,
        .tokens_max = exec->max_tokens,
        .stop_tokens = self->stop_tokens,
        .stop_token_count = self->stop_token_count,
        .sampling = {.temperature = s->temperature,
            .top_k = s->top_k,
            .top_p = s->top_p,
            .min_p = s->min_p,
            .presence_penalty = s->presence_penalty,
            .frequency_penalty = s->frequency_penalty,
            .repetition_penalty = s->repetition_penalty,
            .seed = s->seed,
            .logprobs = exec->has_logprobs ? exec->logprobs : 0,
            .bias = bias,
            .bias_count = s->n_logit_bias}};
    if (s->n_logit_bias > RP_SAMPLING_BIAS_MAX)
        return rp_error_limit(reterr, "logit_bias", "1024 entries", "logit_bias has too many");
    rp_status status = rp_engine_add(self->engine, &spec, &r->sequence, reterr);
    if (status != RP_OK)
        return status;
    self->places[r->sequence] = (place){.used = true,
        .request = r,
        .exec_sequence = rp_context_message(r->context)->stream_sequence};
    r->seated = true;
    return RP_OK;
}

/* One that has killed processes before is alone with the engine, so that it takes nobody along. */
static bool may_be_seated(const executor *self, const request *r)
{
    bool alone = rp_context_tries(r->context) >= EXECUTOR_ALONE_TRIES;
    return !self->alone && (!alone || !anybody_seated(self));
}

/* The first in the queue leaves it. */
static void unqueue(executor *self, request *r)
{
    rp_ring_pop(&self->waiting);
    r->waiting = false;
    show_waiting(self);
}

/* The engine does not take it. What it should be told waits for the answer on whether it was
 * cancelled; then it queues again, and is refused again. */
static void refuse_seat(executor *self, request *r, rp_status status, const rp_error *error)
{
    bool too_long = status == RP_LIMIT && strcmp(error->field, "tokens") == 0;
    if (r->unread > 0)
        unqueue(self, r);
    else if (status == RP_INVALID || status == RP_LIMIT)
        executor_request_fail(r,
            too_long ? RP__ERROR__CODE__PROMPT_TOO_LONG : RP__ERROR__CODE__INVALID_ARGUMENT, error);
    else
        executor_request_retry(r, error->message);
}

static void seat_waiting(executor *self)
{
    if (!anybody_seated(self))
        self->alone = false;
    while (self->waiting.count > 0 && rp_engine_free_places(self->engine) > 0) {
        request *r = *(request **)rp_ring_front(&self->waiting);
        rp_error error = {0};
        if (executor_request_interrupted(r))
            continue;
        if (!may_be_seated(self, r))
            return;
        rp_status status = seat(r, &error);
        if (status != RP_OK) { /* it leaves the queue, in one way or another */
            refuse_seat(self, r, status, &error);
            continue;
        }
        self->alone = rp_context_tries(r->context) >= EXECUTOR_ALONE_TRIES;
        unqueue(self, r);
    }
}

void executor_steps_enqueue(request *r)
{
    executor *self = r->self;
    request **slot = rp_ring_push(&self->waiting);
    RP_ASSERT(slot); /* as many places as contexts */
    *slot = r;
    r->waiting = true;
    show_waiting(self);
    executor_steps_wake(self);
}

static void leave_queue(executor *self, const request *r)
{
    size_t count = self->waiting.count;
    for (size_t i = 0; i < count; i++) {
        request *first = *(request **)rp_ring_front(&self->waiting);
        rp_ring_pop(&self->waiting);
        if (first != r)
            *(request **)rp_ring_push(&self->waiting) = first;
    }
    show_waiting(self);
}

void executor_steps_leave(request *r)
{
    executor *self = r->self;
    if (r->waiting)
        leave_queue(self, r);
    if (r->seated) {
        self->places[r->sequence].leaving = true;
        self->places[r->sequence].request = NULL;
    }
    r->waiting = r->seated = false;
    /* It may be what held the engine up; not within whatever call it leaves from. */
    if (!self->stepping)
        rp_timer_set(self->left, 0, 0);
}

/* -- steps ------------------------------------------------------------------------------------- */

static void run_step(void *arg, size_t thread)
{
    executor *self = arg;
    (void)thread;
    self->step_status = rp_engine_run(self->engine, &self->step, &self->step_error);
}

/* It is the engine that fails, and no request of it: another process may do better. What is held
 * goes back when the actor ends. */
static void break_down(executor *self, const rp_error *error)
{
    self->broken = true;
    rp_log_error(self->env->log, "step_failed", rp_log_failure(error));
    rp_actor_fail(self->actor, error->message);
}

static void on_step(void *arg)
{
    executor *self = arg;
    self->stepping = false;
    rp_histogram_observe_ns(
        self->metrics.step, rp_clock_monotonic_ns(self->env->host->clock) - self->step_began_ns);
    if (self->step_status != RP_OK) {
        break_down(self, &self->step_error);
        return;
    }
    if (self->step.count > 0) {
        rp_counter_add(self->metrics.steps, 1);
        executor_record_step(self);
    }
    for (size_t i = 0; i < self->step.count; i++) {
        const rp_engine_result *result = &self->step.results[i];
        place *p = &self->places[result->sequence];
        p->cached = result->first + result->count;
        p->sampled = result->generated;
        if (p->request)
            executor_request_result(p->request, result);
    }
    executor_steps_wake(self);
}

/* An answer that is not stored as fast as it is made holds the engine up, bounded as it is; so does
 * one that knows its first token before it knows whether it was cancelled. */
static bool has_room(const executor *self)
{
    for (uint32_t i = 0; i < self->place_count; i++) {
        const request *r = self->places[i].request;
        if (r && (r->early || rp_context_chain_room(r->context) < EXECUTOR_CHAIN_ROOM_MIN))
            return false;
    }
    return executor_records_room(self);
}

/* A cancel or a deadline ends who waits, too, and who is seated behind another's prefill. */
static void interrupt_held(executor *self)
{
    for (size_t i = 0; i < self->places_of_worker; i++) {
        request *r = self->held[i];
        if (r && (r->waiting || r->seated))
            (void)executor_request_interrupted(r);
    }
}

void executor_steps_wake(executor *self)
{
    if (self->stepping || self->broken)
        return;
    interrupt_held(self);
    remove_leavers(self);
    seat_waiting(self);
    if (!anybody_seated(self) || !has_room(self))
        return;
    self->step_began_ns = rp_clock_monotonic_ns(self->env->host->clock);
    self->stepping = true;
    rp_status status = rp_host_submit(self->env->host, (rp_job){run_step, on_step, self});
    if (status == RP_OK)
        return;
    rp_error error = {0};
    self->stepping = false;
    rp_error_set(&error, status, "threads", "the compute thread takes no step");
    break_down(self, &error);
}

static void on_left(void *arg)
{
    executor_steps_wake(arg);
}

/* -- making and freeing ------------------------------------------------------------------------ */

rp_status executor_steps_init(executor *self, rp_error *reterr)
{
    self->place_count = (uint32_t)self->env->slots;
    self->places = calloc(self->place_count, sizeof *self->places);
    rp_status status = rp_ring_init(&self->waiting, sizeof(request *), self->places_of_worker);
    if (!self->places)
        status = RP_NO_MEMORY;
    if (status == RP_OK)
        status = rp_timer_new(self->env->host, on_left, self, &self->left);
    return status == RP_OK ? RP_OK : rp_error_set(reterr, status, NULL, "out of memory");
}

void executor_steps_done(executor *self)
{
    rp_timer_free(self->left);
    rp_ring_done(&self->waiting);
    free(self->places);
}
