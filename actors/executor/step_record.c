#include "actors/executor/executor_internal.h"

#include "schemas/reprise/v1/step.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEP_BYTES_MAX = 256 << 10, AGAIN_MS = 1000, WHY_BYTES = 160 };

/* -- storing ----------------------------------------------------------------------------------- */

static void stored(step_record *own)
{
    /* A release may end a context, and that may touch the records. */
    own->used = false;
    own->refused_ns = 0;
    for (size_t i = 0; i < own->count; i++) {
        if (own->contexts[i])
            rp_context_release(own->contexts[i]);
    }
    own->count = 0;
}

static bool any_refused(const executor *self)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        if (self->records[i].used && self->records[i].refused_ns)
            return true;
    }
    return false;
}

/* It is published again until it is stored; meanwhile the actor is in trouble, and says so. */
static void refused(step_record *own, rp_status status, const char *why)
{
    executor *self = own->self;
    char text[WHY_BYTES];
    snprintf(text, sizeof text, "STEP records cannot be stored: %s",
        why && *why ? why : rp_status_text(status));
    rp_log_warn(self->env->log, "step_not_stored", rp_log_status("status", status),
        rp_log_text("why", why ? why : ""));
    rp_counter_add(self->metrics.records_refused, 1);
    if (!any_refused(self))
        rp_timer_set(self->again, AGAIN_MS * RP_NS_PER_MS, AGAIN_MS * RP_NS_PER_MS);
    if (!own->refused_ns)
        own->refused_ns = rp_clock_monotonic_ns(self->env->host->clock);
    own->again = true;
    rp_actor_trouble(self->actor, text);
}

static void on_stored(void *arg, const rp_published *published)
{
    step_record *own = arg;
    executor *self = own->self;
    if (published->status != RP_OK && published->status != RP_DUPLICATE) {
        refused(own, published->status, published->why);
        return;
    }
    bool was_refused = own->refused_ns > 0;
    stored(own);
    if (was_refused && !any_refused(self)) {
        rp_timer_clear(self->again);
        rp_actor_trouble(self->actor, NULL);
    }
    executor_steps_wake(self);
}

static void publish(step_record *own)
{
    executor *self = own->self;
    char subject[RP_WORKER_SUBJECT_BYTES];
    snprintf(subject, sizeof subject, "step.%s", rp_actor_name(self->actor));
    rp_publication publication = {
        .subject = rp_bytes_text(subject), .body = rp_buffer_bytes(&own->body)};
    rp_publication_header(&publication, RP_HEADER_MESSAGE_ID, rp_bytes_text(own->id));
    rp_publication_header(&publication, RP_HEADER_CONTENT_TYPE,
        rp_bytes_text(rp_encoding_content_type(RP_ENCODING_PROTOBUF)));
    rp_publication_header(&publication, RP_HEADER_SCHEMA, rp_bytes_text(rp__step__descriptor.name));
    rp_publication_header(&publication, RP_HEADER_BUILD, rp_bytes_text(self->env->build));
    own->again = false;
    rp_status status = rp_bus_publish(self->env->bus, &publication, on_stored, own);
    if (status != RP_OK)
        refused(own, status, NULL);
}

/* -- records that cannot be stored ------------------------------------------------------------- */

static const char give_back_why[] = "the records of its steps cannot be stored";

/* Whoever has waited for this record long enough goes back; the record itself is kept. */
static void give_back_holders(step_record *own)
{
    for (size_t i = 0; i < own->count; i++) {
        if (own->contexts[i])
            rp_context_give_back(own->contexts[i], give_back_why);
    }
    own->count = 0;
}

/* Likewise who cannot begin because no step can. */
static void give_back_stuck(executor *self, uint64_t since_ns)
{
    for (size_t i = 0; i < self->places_of_worker; i++) {
        if (self->held[i] && self->held[i]->began_ns <= since_ns)
            rp_context_give_back(self->held[i]->context, give_back_why);
    }
}

static void on_again(void *arg)
{
    executor *self = arg;
    uint64_t now_ns = rp_clock_monotonic_ns(self->env->host->clock);
    const uint64_t patience_ns = EXECUTOR_STEP_STORED_S * RP_NS_PER_S;
    bool late = false;
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        step_record *own = &self->records[i];
        if (own->used && own->refused_ns && now_ns - own->refused_ns >= patience_ns) {
            late = true;
            give_back_holders(own);
        }
        if (own->used && own->again)
            publish(own);
    }
    if (late && !executor_records_room(self))
        give_back_stuck(self, now_ns - patience_ns);
    executor_steps_wake(self);
}

bool executor_records_room(const executor *self)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        if (!self->records[i].used)
            return true;
    }
    return false;
}

void executor_records_forget(executor *self, rp_context *context)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        step_record *own = &self->records[i];
        for (size_t c = 0; own->used && c < own->count; c++) {
            if (own->contexts[c] == context)
                own->contexts[c] = NULL;
        }
    }
}

/* -- writing ----------------------------------------------------------------------------------- */

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
static void hold_contexts(executor *self, step_record *own)
{
    own->count = 0;
    for (size_t i = 0; i < self->step.count; i++) {
        request *r = self->places[self->step.results[i].sequence].request;
        if (!r)
            continue;
        rp_context_hold(r->context);
        own->contexts[own->count++] = r->context;
    }
}

static step_record *unused(executor *self)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        if (!self->records[i].used)
            return &self->records[i];
    }
    return NULL;
}

void executor_record_step(executor *self)
{
    step_record *own = unused(self);
    rp_error error = {0};
    RP_ASSERT(own); /* no step starts without one */
    Rp__Step record = RP__STEP__INIT;
    uint64_t number = self->step.number - 1; /* the record counts from 0 */
    record.executor = self->env->instance;
    record.has_step = true;
    record.step = number;
    rp_arena_reset(&self->chunk_arena);
    rp_status status = add_entries(self, &record);
    if (status == RP_OK && number % EXECUTOR_STATE_EVERY == 0)
        status = add_state(self, &record);
    rp_buffer_clear(&own->body);
    if (status == RP_OK)
        status = rp_schema_encode(&record.base, RP_ENCODING_PROTOBUF, &own->body, &error);
    if (status != RP_OK) {
        rp_log_error(self->env->log, "step_not_encoded", rp_log_failure(&error));
        return;
    }
    snprintf(own->id, sizeof own->id, "%s:%" PRIu64, self->env->instance, number);
    own->used = true;
    hold_contexts(self, own);
    publish(own);
}

/* -- making and freeing ------------------------------------------------------------------------ */

rp_status executor_records_init(executor *self, rp_error *reterr)
{
    rp_status status = rp_timer_new(self->env->host, on_again, self, &self->again);
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX && status == RP_OK; i++) {
        step_record *own = &self->records[i];
        own->self = self;
        rp_buffer_init(&own->body, STEP_BYTES_MAX);
        own->contexts = calloc(self->place_count, sizeof(rp_context *));
        if (!own->contexts)
            status = RP_NO_MEMORY;
    }
    return status == RP_OK ? RP_OK : rp_error_set(reterr, status, NULL, "out of memory");
}

void executor_records_done(executor *self)
{
    for (size_t i = 0; i < EXECUTOR_STEPS_IN_FLIGHT_MAX; i++) {
        rp_bus_forget(self->env->bus, &self->records[i]);
        rp_buffer_done(&self->records[i].body);
        free(self->records[i].contexts);
    }
    rp_timer_free(self->again);
}
