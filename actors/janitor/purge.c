#include "actors/janitor/janitor_internal.h"

/* -- settled streams and logs alike: above the mark, up to a sequence -------------------------- */

static void tell_failure(janitor *self, const char *what, rp_status status)
{
    rp_log_warn(
        self->env->log, what, rp_log_text("stream", self->log), rp_log_status("status", status));
}

static void on_purged(void *arg, rp_status status, uint64_t purged)
{
    janitor *self = arg;
    if (status != RP_OK) {
        tell_failure(self, "not_purged", status);
    } else if (purged > 0) {
        rp_counter_add(rp_metric_family_counter(self->metrics.purged, self->log), purged);
        rp_log_info(self->env->log, "purged", rp_log_text("stream", self->log),
            rp_log_count("below", self->keep_from), rp_log_count("messages", purged));
    }
    janitor_next(self);
}

static bool is_above_mark(const janitor *self, const rp_stream_state *state)
{
    uint64_t percent = self->settings.above_percent;
    return state->bytes_max > 0 && state->bytes / 100 >= state->bytes_max / 10000 * percent;
}

static void purge(janitor *self, const rp_stream_state *state)
{
    bool gains = self->keep_from > state->first_sequence && is_above_mark(self, state);
    if (!gains ||
        rp_bus_purge(self->env->bus, self->log, NULL, self->keep_from, on_purged, self) != RP_OK)
        janitor_next(self);
}

/* -- settled streams --------------------------------------------------------------------------- */

static void on_settled_state(void *arg, rp_status status, const rp_stream_state *state)
{
    janitor *self = arg;
    if (status != RP_OK)
        tell_failure(self, "stream_not_read", status);
    if (status != RP_OK || !state->settled_by_durables) {
        janitor_next(self);
        return;
    }
    self->keep_from = state->settled_sequence + 1;
    purge(self, state);
}

void janitor_purge_settled(janitor *self, const char *stream)
{
    self->log = stream;
    if (rp_bus_stream_state(self->env->bus, stream, on_settled_state, self) != RP_OK)
        janitor_next(self);
}

/* -- logs -------------------------------------------------------------------------------------- */

static void on_log_state(void *arg, rp_status status, const rp_stream_state *state)
{
    janitor *self = arg;
    if (status != RP_OK)
        tell_failure(self, "stream_not_read", status);
    else if (state->settled_by_durables && state->settled_sequence < self->keep_from)
        self->keep_from = state->settled_sequence + 1; /* somebody reads it beside the fold */
    if (status != RP_OK || state->created_ns != self->log_created_ns ||
        self->keep_from > state->last_sequence)
        janitor_next(self); /* a log made anew: the snapshots are another one's */
    else
        purge(self, state);
}

void janitor_purge_log(janitor *self)
{
    if (rp_bus_stream_state(self->env->bus, self->log, on_log_state, self) != RP_OK)
        janitor_next(self);
}
