#include "runtime/actor/process/host_uv.h"

#include "runtime/base/ring.h"

#include <stdlib.h>

enum { THREADS_MAX = 256 };

typedef struct loop_host loop_host;

typedef struct worker {
    loop_host *host;
    size_t index;
    uv_thread_t thread;
    bool started;
} worker;

struct loop_host {
    rp_host host; /* first */
    rp_host_uv_spec spec;
    uv_async_t done_signal;
    worker *workers;
    uv_mutex_t lock;
    uv_cond_t filled;
    rp_ring waiting;   /* rp_job, under the lock */
    rp_ring finished;  /* rp_job, under the lock */
    size_t unfinished; /* submitted and not handed back; the loop's */
    bool stopping;     /* under the lock */
    bool lock_made;
};

typedef struct loop_timer {
    rp_timer timer; /* first */
    uv_timer_t handle;
    rp_timer_cb callback;
    void *arg;
} loop_timer;

static loop_host *loop_host_of(rp_host *host)
{
    return (loop_host *)host;
}

/* -- timers ------------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *handle)
{
    loop_timer *timer = handle->data;
    timer->callback(timer->arg);
}

static rp_status timer_new(rp_host *host, rp_timer_cb callback, void *arg, rp_timer **ret_timer)
{
    loop_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return RP_NO_MEMORY;
    timer->timer.host = host;
    timer->callback = callback;
    timer->arg = arg;
    uv_timer_init(loop_host_of(host)->spec.loop, &timer->handle);
    timer->handle.data = timer;
    *ret_timer = &timer->timer;
    return RP_OK;
}

static uint64_t milliseconds(uint64_t ns)
{
    return (ns + RP_NS_PER_MS - 1) / RP_NS_PER_MS;
}

static void timer_set(rp_timer *t, uint64_t delay_ns, uint64_t repeat_ns)
{
    loop_timer *timer = (loop_timer *)t;
    /* libuv counts from the start of the turn, which may lie a little back. */
    uv_update_time(loop_host_of(t->host)->spec.loop);
    uv_timer_start(&timer->handle, on_timer, milliseconds(delay_ns), milliseconds(repeat_ns));
}

static void timer_clear(rp_timer *t)
{
    uv_timer_stop(&((loop_timer *)t)->handle);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void timer_free(rp_timer *t)
{
    uv_close((uv_handle_t *)&((loop_timer *)t)->handle, on_timer_closed);
}

/* -- compute ----------------------------------------------------------------------------------- */

static bool next_job(loop_host *host, rp_job *ret_job)
{
    uv_mutex_lock(&host->lock);
    while (host->waiting.count == 0 && !host->stopping)
        uv_cond_wait(&host->filled, &host->lock);
    bool found = !host->stopping;
    if (found) {
        *ret_job = *(rp_job *)rp_ring_front(&host->waiting);
        rp_ring_pop(&host->waiting);
    }
    uv_mutex_unlock(&host->lock);
    return found;
}

static void work(void *arg)
{
    worker *self = arg;
    loop_host *host = self->host;
    rp_job job;
    if (host->spec.thread_start)
        host->spec.thread_start(host->spec.arg, self->index);
    while (next_job(host, &job)) {
        job.run(job.arg, self->index);
        uv_mutex_lock(&host->lock);
        /* There is room: both rings hold as many as may be unfinished. */
        *(rp_job *)rp_ring_push(&host->finished) = job;
        uv_mutex_unlock(&host->lock);
        uv_async_send(&host->done_signal);
    }
}

static void on_done(uv_async_t *signal)
{
    loop_host *host = signal->data;
    for (;;) {
        rp_job job = {0};
        uv_mutex_lock(&host->lock);
        bool found = host->finished.count > 0;
        if (found) {
            job = *(rp_job *)rp_ring_front(&host->finished);
            rp_ring_pop(&host->finished);
        }
        uv_mutex_unlock(&host->lock);
        if (!found)
            return;
        host->unfinished--;
        job.done(job.arg);
    }
}

static rp_status submit(rp_host *h, rp_job job)
{
    loop_host *host = loop_host_of(h);
    if (host->unfinished == host->spec.jobs_max)
        return RP_LIMIT;
    host->unfinished++;
    uv_mutex_lock(&host->lock);
    *(rp_job *)rp_ring_push(&host->waiting) = job;
    uv_cond_signal(&host->filled);
    uv_mutex_unlock(&host->lock);
    return RP_OK;
}

static size_t threads(const rp_host *host)
{
    return ((const loop_host *)host)->spec.threads;
}

/* -- making and freeing ------------------------------------------------------------------------ */

static void release(loop_host *host)
{
    if (host->lock_made) {
        uv_cond_destroy(&host->filled);
        uv_mutex_destroy(&host->lock);
    }
    rp_ring_done(&host->waiting);
    rp_ring_done(&host->finished);
    free(host->workers);
    free(host);
}

static void on_signal_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void stop(rp_host *h)
{
    loop_host *host = loop_host_of(h);
    if (host->lock_made) {
        uv_mutex_lock(&host->lock);
        host->stopping = true;
        uv_cond_broadcast(&host->filled);
        uv_mutex_unlock(&host->lock);
    }
    for (size_t i = 0; host->workers && i < host->spec.threads; i++) {
        if (host->workers[i].started)
            uv_thread_join(&host->workers[i].thread);
        host->workers[i].started = false;
    }
    while (host->finished.count > 0)
        rp_ring_pop(&host->finished);
}

static void host_free(rp_host *h)
{
    loop_host *host = loop_host_of(h);
    stop(h);
    if (host->done_signal.data)
        uv_close((uv_handle_t *)&host->done_signal, on_signal_closed);
    else
        release(host);
}

static const rp_host_ops ops = {.timer_new = timer_new,
    .timer_set = timer_set,
    .timer_clear = timer_clear,
    .timer_free = timer_free,
    .submit = submit,
    .threads = threads,
    .stop = stop,
    .free = host_free};

static rp_status start(loop_host *host)
{
    rp_status status = rp_ring_init(&host->waiting, sizeof(rp_job), host->spec.jobs_max);
    if (status == RP_OK)
        status = rp_ring_init(&host->finished, sizeof(rp_job), host->spec.jobs_max);
    host->workers = calloc(host->spec.threads, sizeof *host->workers);
    if (status != RP_OK || !host->workers)
        return RP_NO_MEMORY;
    if (uv_mutex_init(&host->lock) != 0)
        return RP_IO;
    if (uv_cond_init(&host->filled) != 0) {
        uv_mutex_destroy(&host->lock);
        return RP_IO;
    }
    host->lock_made = true;
    if (uv_async_init(host->spec.loop, &host->done_signal, on_done) != 0)
        return RP_IO;
    host->done_signal.data = host;
    for (size_t i = 0; i < host->spec.threads; i++) {
        worker *w = &host->workers[i];
        w->host = host;
        w->index = i;
        if (uv_thread_create(&w->thread, work, w) != 0)
            return RP_IO;
        w->started = true;
    }
    return RP_OK;
}

rp_status rp_host_uv_new(const rp_host_uv_spec *spec, rp_host **ret_host)
{
    if (spec->threads == 0 || spec->threads > THREADS_MAX || spec->jobs_max == 0)
        return RP_INVALID;
    loop_host *host = calloc(1, sizeof *host);
    if (!host)
        return RP_NO_MEMORY;
    host->host.ops = &ops;
    host->host.clock = spec->clock;
    host->spec = *spec;
    rp_status status = start(host);
    if (status != RP_OK) {
        host_free(&host->host);
        return status;
    }
    *ret_host = &host->host;
    return RP_OK;
}
