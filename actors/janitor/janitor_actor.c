#include "actors/janitor/janitor_internal.h"

#include <stdlib.h>

enum { HEAD_BYTES_MAX = 1024 };

/* Where all that is settled is done with. */
static const char *const settled_streams[] = {"REQUEST", "EXEC"};

enum { SETTLED_STREAMS = sizeof settled_streams / sizeof settled_streams[0] };

/* -- a sweep ----------------------------------------------------------------------------------- */

static void begin_logs(janitor *self)
{
    self->part = JANITOR_LOGS;
    self->at = 0;
    janitor_next(self);
}

static void end_sweep(janitor *self)
{
    self->sweeping = false;
    rp_counter_add(self->metrics.sweeps, 1);
}

void janitor_next(janitor *self)
{
    switch (self->part) {
    case JANITOR_SETTLED:
        if (self->at < SETTLED_STREAMS) {
            janitor_purge_settled(self, settled_streams[self->at++]);
            return;
        }
        self->part = JANITOR_SNAPSHOTS;
        janitor_read_snapshots(self);
        return;
    case JANITOR_SNAPSHOTS:
        begin_logs(self);
        return;
    case JANITOR_LOGS:
        if (janitor_covered_next(self))
            janitor_purge_log(self);
        else
            end_sweep(self);
        return;
    }
}

/* One that takes longer than the pause between two is not disturbed. */
static void on_sweep(void *arg)
{
    janitor *self = arg;
    if (self->sweeping)
        return;
    self->sweeping = true;
    self->part = JANITOR_SETTLED;
    self->at = 0;
    janitor_next(self);
}

/* -- the actor --------------------------------------------------------------------------------- */

static rp_status register_metrics(janitor *self, rp_error *reterr)
{
    rp_metrics *m = self->env->metrics;
    const rp_metric_split streams = {.labels = {"stream"}, .children_max = 64};
    rp_status status = rp_metrics_counter_family(m, "reprise_janitor_purged_total",
        "Messages purged to make room.", &streams, &self->metrics.purged, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_janitor_sweeps_total",
            "Looks at all streams that were ended.", &self->metrics.sweeps, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_janitor_snapshots_corrupt_total",
            "Snapshots that are not what their name says.", &self->metrics.corrupt, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(m, "reprise_janitor_partitions_left_out_total",
            "Sweeps that found more partitions than the janitor can keep.", &self->metrics.left_out,
            reterr);
    return status;
}

static void stop(void *state)
{
    janitor *self = state;
    if (!self)
        return;
    rp_timer_free(self->sweep);
    rp_object_get_stop(self->get);
    rp_objects_close(self->snapshots);
    rp_bus_forget(self->env->bus, self);
    rp_buffer_done(&self->head);
    free(self);
}

static rp_status start(rp_actor *actor, const void *given, void **ret_state, rp_error *reterr)
{
    janitor *self = calloc(1, sizeof *self);
    if (!self)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    self->env = rp_actor_worker_env(actor);
    self->settings = *(const rp_janitor_settings *)given;
    self->store =
        (rp_store){.bus = self->env->bus, .host = self->env->host, .instance = self->env->instance};
    rp_buffer_init(&self->head, HEAD_BYTES_MAX);
    rp_status status = register_metrics(self, reterr);
    if (status == RP_OK)
        status = rp_objects_open(&self->store, RP_ARCHIVE_BUCKET, &self->snapshots);
    if (status == RP_OK)
        status = rp_timer_new(self->env->host, on_sweep, self, &self->sweep);
    if (status != RP_OK) {
        stop(self);
        return reterr && reterr->status != RP_OK
                   ? status
                   : rp_error_set(reterr, status, NULL, "%s", rp_status_text(status));
    }
    rp_timer_set(self->sweep, 0, self->settings.every_ns);
    *ret_state = self;
    return RP_OK;
}

static rp_status mailboxes(void *state, rp_worker *worker, rp_error *reterr)
{
    (void)state;
    (void)worker;
    (void)reterr;
    return RP_OK; /* nothing is sent to it */
}

/* clang-format off */
static const rp_option options[] = {
    {"every", 0, RP_OPTION_DURATION, "TIME", "REPRISE_JANITOR_EVERY", "10s",
        "between two looks at the streams",
        offsetof(rp_janitor_settings, every_ns), 100 * RP_NS_PER_MS, UINT64_C(86400) * RP_NS_PER_S},
    {"above", 0, RP_OPTION_COUNT, "PERCENT", "REPRISE_JANITOR_ABOVE", "75",
        "of a stream's max_bytes; one that holds less is left alone",
        offsetof(rp_janitor_settings, above_percent), 0, 100},
    {0}};
/* clang-format on */

const rp_actor_spec rp_janitor = {.kind = "janitor",
    .summary = "makes room in streams that fill up with what is settled or in a snapshot",
    .example = "reprise-janitor --above 50",
    .options = options,
    .settings_bytes = sizeof(rp_janitor_settings),
    .slots_default = "1",
    .threads_default = "1",
    .worker = {.arena_bytes_max = 1 << 16},
    .start = start,
    .stop = stop,
    .mailboxes = mailboxes};
