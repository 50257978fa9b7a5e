#include "runtime/observe/log_metrics.h"

static void collect(void *context)
{
    rp_log_metrics *self = context;
    rp_counter_raise(self->dropped, rp_log_dropped(self->log));
    rp_counter_raise(self->suppressed, rp_log_suppressed(self->log));
}

rp_status rp_log_metrics_init(
    rp_log_metrics *self, rp_metrics *metrics, const rp_log *log, rp_error *reterr)
{
    self->log = log;
    rp_status status = rp_metrics_counter(metrics, "reprise_log_dropped_total",
        "Log lines that the descriptor did not take.", &self->dropped, reterr);
    if (status == RP_OK)
        status = rp_metrics_counter(metrics, "reprise_log_suppressed_total",
            "Repeated warnings and errors that were held back.", &self->suppressed, reterr);
    if (status != RP_OK)
        return status;
    status = rp_metrics_collector(metrics, collect, self);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "the registry has no place for a collector");
    return RP_OK;
}
