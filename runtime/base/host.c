#include "runtime/base/host.h"

rp_status rp_timer_new(rp_host *host, rp_timer_cb callback, void *arg, rp_timer **ret_timer)
{
    return host->ops->timer_new(host, callback, arg, ret_timer);
}

void rp_timer_set(rp_timer *timer, uint64_t delay_ns, uint64_t repeat_ns)
{
    timer->host->ops->timer_set(timer, delay_ns, repeat_ns);
}

void rp_timer_clear(rp_timer *timer)
{
    timer->host->ops->timer_clear(timer);
}

void rp_timer_free(rp_timer *timer)
{
    if (timer)
        timer->host->ops->timer_free(timer);
}

rp_status rp_host_submit(rp_host *host, rp_job job)
{
    return host->ops->submit(host, job);
}

size_t rp_host_threads(const rp_host *host)
{
    return host->ops->threads(host);
}

void rp_host_stop(rp_host *host)
{
    if (host)
        host->ops->stop(host);
}

void rp_host_free(rp_host *host)
{
    if (host)
        host->ops->free(host);
}
