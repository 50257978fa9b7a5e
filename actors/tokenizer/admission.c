#include "actors/tokenizer/tokenizer_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { RECORD_KIND = 2, RECORD_INSTANCE = 3 }; /* tokens of $KV.ACTORS.<kind>.<instance> */

static uint64_t now_ns(const tokenizer *self)
{
    return rp_clock_monotonic_ns(self->env->host->clock);
}

/* -- ACTORS ------------------------------------------------------------------------------------ */

static void ignore_record(tokenizer *self, const char *why)
{
    rp_counter_add(rp_metric_family_counter(self->metrics.records_ignored, why), 1);
}

static void on_record(void *arg, const rp_message *message)
{
    tokenizer *self = arg;
    void *record = NULL;
    uint64_t lost = rp_fleet_lost(self->fleet);
    if (message->body.len == 0) { /* deleted, or expired */
        rp_fleet_forget(self->fleet, rp_name_token(message->subject, RECORD_KIND),
            rp_name_token(message->subject, RECORD_INSTANCE));
        return;
    }
    rp_arena_reset(&self->record_arena);
    if (rp_schema_decode(&rp__actor__descriptor, RP_ENCODING_JSON, message->body,
            &self->record_arena, &record, NULL) != RP_OK)
        ignore_record(self, "unreadable"); /* of another build, perhaps */
    else if (rp_fleet_record(self->fleet, record, now_ns(self)) != RP_OK)
        ignore_record(self, "full");
    lost = rp_fleet_lost(self->fleet) - lost;
    if (lost == 0)
        return;
    rp_counter_add(self->metrics.exec_lost, lost);
    rp_log_warn(self->env->log, "exec_lost", rp_log_count("requests", lost),
        rp_log_bytes("seen_by", message->subject));
}

rp_status tokenizer_watch(tokenizer *self, rp_error *reterr)
{
    rp_follower_spec spec = {.stream = "KV_ACTORS",
        .filter = "$KV.ACTORS.>",
        .from = RP_FOLLOW_LAST_PER_SUBJECT,
        .on_message = on_record,
        .arg = self};
    rp_status status = rp_bus_follow(self->env->bus, &spec, &self->actors);
    return status == RP_OK ? RP_OK
                           : rp_error_set(reterr, status, "ACTORS", "ACTORS cannot be followed: %s",
                                 rp_status_text(status));
}

/* -- admission --------------------------------------------------------------------------------- */

static void note(rp_context *context, const work *w, const rp_fleet_verdict *v)
{
    char value[96];
    snprintf(value, sizeof value, "ahead=%" PRIu32 " limit=%" PRIu32 " tokenizers=%" PRIu32,
        v->ahead, v->limit, v->tokenizers);
    rp_context_note_value(context, "ACTORS", w->model->name_token, value);
}

bool tokenizer_admit(rp_context *context, const char *lane)
{
    work *w = rp_context_own(context);
    tokenizer *self = w->self;
    char limit[RP_ERROR_LIMIT_MAX];
    w->lane = rp_fleet_lane_of(self->fleet, w->model->name, w->model->version, lane);
    if (!w->lane) {
        rp_refusal_set(&w->refusal, RP__ERROR__CODE__OVERLOADED, NULL, NULL,
            "work waits in %d lanes already, and this tokenizer knows no more; try again later",
            RP_FLEET_LANES_MAX);
        return false;
    }
    rp_fleet_verdict v = rp_fleet_admit(self->fleet, w->lane, now_ns(self));
    w->placed = v.admitted;
    note(context, w, &v);
    if (v.admitted)
        return true;
    snprintf(limit, sizeof limit, "%" PRIu32 " requests", v.limit);
    rp_refusal_set(&w->refusal, RP__ERROR__CODE__OVERLOADED, NULL, limit,
        "%" PRIu32 " requests wait for %.64s already; try again later", v.ahead, w->model->name);
    return false;
}

void tokenizer_admitted(work *w, uint64_t exec_sequence)
{
    w->placed = false;
    rp_fleet_published(w->lane, exec_sequence, now_ns(w->self));
    rp_counter_add(w->self->metrics.admitted, 1);
    rp_counter_add(w->self->metrics.prompt_tokens, w->task.tokens.count);
}

void tokenizer_withdraw(work *w)
{
    if (w->placed)
        rp_fleet_withdrawn(w->lane);
    w->placed = false;
}
