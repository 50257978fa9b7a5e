#include "actors/executor/executor_internal.h"

#include "kernels/cpu/canon/thread.h"
#include "runtime/base/ring.h"
#include "schemas/reprise/v1/step.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEP_BYTES_MAX = 256 << 10, AGAIN_MS = 1000 };

/* -- STEP -------------------------------------------------------------------------------------- */

static void publish_step(step_flight *flight);

static void flight_done(step_flight *flight)
{
    /* A release may end a context, and that may touch the flights. */
    flight->used = false;
    for (size_t i = 0; i < flight->count; i++) {
        if (flight->contexts[i])
            rp_context_release(flight->contexts[i]);
    }
    flight->count = 0;
}

static void on_step_stored(void *arg, const rp_published *published)
{
    step_flight *flight = arg;
    executor *self = flight->self;
    if (published->status == RP_OK || published->status == RP_DUPLICATE) {
        flight_done(flight);
        executor_steps_wake(self);
        return;
    }
    rp_log_warn(self->env->log, "step_not_stored", rp_log_status("status", published->status),
        rp_log_text("why", published->why));
    flight->again = true;
    rp_timer_set(self->again, AGAIN_MS * RP_NS_PER_MS, 0);
}

static void publish_step(step_flight *flight)
{
    executor *self = flight->self;
    char subject[RP_WORKER_SUBJECT_BYTES];
    snprintf(subject, sizeof subject, "step.%s", rp_actor_name(self->actor));
    rp_publication publication = {
        .subject = rp_bytes_text(subject), .body = rp_buffer_bytes(&flight->body)};
    rp_publication_header(&publication, RP_HEADER_MESSAGE_ID, rp_bytes_text(flight->id));
    rp_publication_header(&publication, RP_HEADER_CONTENT_TYPE,
        rp_bytes_text(rp_encoding_content_type(RP_ENCODING_PROTOBUF)));
    rp_publication_header(&publication, RP_HEADER_SCHEMA, rp_bytes_text(rp__step__descriptor.name));
    rp_publication_header(&publication, RP_HEADER_BUILD, rp_bytes_text(self->env->build));
    flight->again = false;
    if (rp_bus_publish(self->env->bus, &publication, on_step_stored, flight) != RP_OK) {
        flight->again = true;
        rp_timer_set(self->again, AGAIN_MS * RP_NS_PER_MS, 0);
    }
}

static void on_again(void *arg)
{
    executor *self = arg;
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        if (self->flights[i].used && self->flights[i].again)
            publish_step(&self->flights[i]);
    }
}

static step_flight *unused_flight(executor *self)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        if (!self->flights[i].used)
            return &self->flights[i];
    }
    return NULL;
}

static rp_status add_entries(executor *self, Rp__Step *record)
{
    size_t n = self->step.count;
    Rp__StepEntry *entries = rp_arena_array(&self->chunk_arena, n, sizeof *entries);
    record->entries = rp_arena_array(&self->chunk_arena, n, sizeof *record->entries);
    if (!entries || !record->entries)
        return RP_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const rp_engine_result *result = &self->step.results[i];
        rp__step_entry__init(&entries[i]);
        entries[i].has_exec_sequence = entries[i].has_first_position = entries[i].has_count = true;
        entries[i].exec_sequence = self->places[result->sequence].exec_sequence;
        entries[i].first_position = result->first;
        entries[i].count = result->count;
        entries[i].has_sampled = result->sampled;
        entries[i].sampled = result->choice.token;
        record->entries[i] = &entries[i];
    }
    record->n_entries = n;
    return RP_OK;
}

static rp_status add_state(executor *self, Rp__Step *record)
{
    Rp__SchedulerState *state = rp_arena_array(&self->chunk_arena, 1, sizeof *state);
    size_t most = self->place_count + self->waiting.count;
    Rp__SequenceState *all = rp_arena_array(&self->chunk_arena, most + 1, sizeof *all);
    Rp__SequenceState **list = rp_arena_array(&self->chunk_arena, most + 1, sizeof(void *));
    if (!state || !all || !list)
        return RP_NO_MEMORY;
    rp__scheduler_state__init(state);
    size_t n = 0;
    for (uint32_t i = 0; i < self->place_count; i++) {
        const place *p = &self->places[i];
        if (!p->used)
            continue;
        rp__sequence_state__init(&all[n]);
        all[n].exec_sequence = p->exec_sequence;
        all[n].cached = p->cached;
        all[n].sampled = p->sampled;
        list[n] = &all[n];
        n++;
    }
    state->running = list;
    state->n_running = n;
    for (size_t i = 0; i < self->waiting.count; i++, n++) {
        request **r = rp_ring_at(&self->waiting, i);
        rp__sequence_state__init(&all[n]);
        all[n].exec_sequence = rp_context_message((*r)->context)->stream_sequence;
        list[n] = &all[n];
    }
    state->waiting = list + state->n_running;
    state->n_waiting = n - state->n_running;
    for (size_t i = 0; i < n; i++)
        all[i].has_exec_sequence = all[i].has_cached = all[i].has_sampled = true;
    record->state = state;
    return RP_OK;
}

/* Every request of the step is held until its record is stored. */
static void hold_contexts(executor *self, step_flight *flight)
{
    flight->count = 0;
    for (size_t i = 0; i < self->step.count; i++) {
        request *r = self->places[self->step.results[i].sequence].request;
        if (!r)
            continue;
        rp_context_hold(r->context);
        flight->contexts[flight->count++] = r->context;
    }
}

static void record_step(executor *self)
{
    step_flight *flight = unused_flight(self);
    rp_error error = {0};
    RP_ASSERT(flight); /* no step starts without one */
    Rp__Step record = RP__STEP__INIT;
    uint64_t number = self->step.number - 1; /* the record counts from 0 */
    record.executor = self->env->instance;
    record.has_step = true;
    record.step = number;
    rp_arena_reset(&self->chunk_arena);
    rp_status status = add_entries(self, &record);
    if (status == RP_OK && number % EXECUTOR_STATE_EVERY == 0)
        status = add_state(self, &record);
    rp_buffer_clear(&flight->body);
    if (status == RP_OK)
        status = rp_schema_encode(&record.base, RP_ENCODING_PROTOBUF, &flight->body, &error);
    if (status != RP_OK) {
        rp_log_error(self->env->log, "step_not_encoded", rp_log_failure(&error));
        return;
    }
    snprintf(flight->id, sizeof flight->id, "%s:%" PRIu64, self->env->instance, number);
    flight->used = true;
    hold_contexts(self, flight);
    publish_step(flight);
}

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

static void seat_waiting(executor *self)
{
    if (!anybody_seated(self))
        self->alone = false;
    while (self->waiting.count > 0 && rp_engine_free_places(self->engine) > 0) {
        request *r = *(request **)rp_ring_front(&self->waiting);
        if (!executor_request_interrupted(r)) {
            rp_error error = {0};
            if (!may_be_seated(self, r))
                return;
            rp_status status = seat(r, &error);
            if (status != RP_OK) { /* it leaves the queue by ending */
                executor_request_fail(r,
                    status == RP_INVALID || status == RP_LIMIT ? RP__ERROR__CODE__INVALID_ARGUMENT
                                                               : RP__ERROR__CODE__INTERNAL,
                    &error);
                continue;
            }
            self->alone = rp_context_tries(r->context) >= EXECUTOR_ALONE_TRIES;
            rp_ring_pop(&self->waiting);
            r->waiting = false;
            show_waiting(self);
        }
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
}

void executor_steps_forget(executor *self, rp_context *context)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        step_flight *flight = &self->flights[i];
        for (size_t c = 0; flight->used && c < flight->count; c++) {
            if (flight->contexts[c] == context)
                flight->contexts[c] = NULL;
        }
    }
}

/* -- steps ------------------------------------------------------------------------------------- */

static void run_step(void *arg, size_t thread)
{
    executor *self = arg;
    (void)thread;
    self->step_status = rp_engine_run(self->engine, &self->step, &self->step_error);
}

static void fail_all(executor *self)
{
    rp_log_error(self->env->log, "step_failed", rp_log_failure(&self->step_error));
    for (uint32_t i = 0; i < self->place_count; i++) {
        if (self->places[i].request)
            executor_request_fail(
                self->places[i].request, RP__ERROR__CODE__MODEL_FAULT, &self->step_error);
    }
}

static void on_step(void *arg)
{
    executor *self = arg;
    self->stepping = false;
    rp_histogram_observe_ns(
        self->metrics.step, rp_clock_monotonic_ns(self->env->host->clock) - self->step_began_ns);
    if (self->step_status != RP_OK) {
        fail_all(self);
        executor_steps_wake(self);
        return;
    }
    if (self->step.count > 0) {
        rp_counter_add(self->metrics.steps, 1);
        record_step(self);
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

/* An answer that is not stored as fast as it is made holds the engine up, bounded as it is. */
static bool has_room(const executor *self)
{
    for (uint32_t i = 0; i < self->place_count; i++) {
        const request *r = self->places[i].request;
        if (r && rp_context_chain_room(r->context) < EXECUTOR_CHAIN_ROOM_MIN)
            return false;
    }
    return true;
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
    if (self->stepping)
        return;
    interrupt_held(self);
    remove_leavers(self);
    seat_waiting(self);
    remove_leavers(self);
    if (!anybody_seated(self) || !has_room(self) || !unused_flight(self))
        return;
    self->step_began_ns = rp_clock_monotonic_ns(self->env->host->clock);
    self->stepping = rp_host_submit(self->env->host, (rp_job){run_step, on_step, self}) == RP_OK;
}

/* -- making and freeing ------------------------------------------------------------------------ */

rp_status executor_steps_init(executor *self, rp_error *reterr)
{
    self->place_count = (uint32_t)self->env->slots;
    self->places = calloc(self->place_count, sizeof *self->places);
    rp_status status = rp_ring_init(&self->waiting, sizeof(request *), self->places_of_worker);
    if (status == RP_OK)
        status = rp_timer_new(self->env->host, on_again, self, &self->again);
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX && status == RP_OK; i++) {
        step_flight *flight = &self->flights[i];
        flight->self = self;
        rp_buffer_init(&flight->body, STEP_BYTES_MAX);
        flight->contexts = calloc(self->place_count, sizeof *flight->contexts);
        if (!flight->contexts)
            status = RP_NO_MEMORY;
    }
    if (!self->places)
        status = RP_NO_MEMORY;
    return status == RP_OK ? RP_OK : rp_error_set(reterr, status, NULL, "out of memory");
}

void executor_steps_done(executor *self)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        rp_bus_forget(self->env->bus, &self->flights[i]);
        rp_buffer_done(&self->flights[i].body);
        free(self->flights[i].contexts);
    }
    rp_timer_free(self->again);
    rp_ring_done(&self->waiting);
    free(self->places);
}
