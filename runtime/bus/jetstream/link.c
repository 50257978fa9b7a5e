#include "runtime/bus/jetstream/link.h"

#include <limits.h>
#include <stdlib.h>

/* nats.c counts in milliseconds here. */
enum { PING_INTERVAL_MS = 10000, PINGS_OUT_MAX = 2, IO_BUFFER_BYTES = 64 << 10 };

struct rp__link {
    rp__link_spec spec;
    uv_work_t connect, close;
    uv_poll_t poll;
    uv_async_t wake;
    uv_prepare_t prepare;
    int handles;        /* of libuv that still live */
    int polled;         /* events the poll handle was started for */
    uv_thread_t thread; /* the loop's */
    bool poll_open;
    bool connecting;
    bool freed;
    bool broken;   /* the socket cannot be polled */
    bool closing;  /* natsConnection_Close has been called */
    bool in_close; /* and has not returned */
    natsOptions *options;
    natsConnection *connection;
    natsStatus connected;
    rp_error error;

    /* Set by nats.c's callbacks, on any thread. The lock is held while a flag goes up and the loop
     * is woken, so that the loop cannot free the link between the two. */
    uv_mutex_t lock;
    natsSock socket;
    atomic_bool attached;
    atomic_bool write_wanted;
    atomic_bool stopped; /* nats.c wants the socket left alone, to close it */
    atomic_bool detached;
    atomic_bool closed;
};

/* -- nats.c's side: flags only ----------------------------------------------------------------- */

static void raise_flag(rp__link *link, atomic_bool *flag)
{
    uv_mutex_lock(&link->lock);
    atomic_store(flag, true);
    uv_async_send(&link->wake);
    uv_mutex_unlock(&link->lock);
}

static natsStatus on_attach(void **user_data, void *loop, natsConnection *connection, natsSock sock)
{
    rp__link *link = loop; /* what natsOptions_SetEventLoop was given */
    (void)connection;
    link->socket = sock;
    *user_data = link;
    raise_flag(link, &link->attached);
    return NATS_OK;
}

static void stop_polling(rp__link *link);

/* nats.c closes a connection by asking for the polling to stop, and then waits a while for the
 * socket to be closed. From the loop's own thread that must happen here, or it would wait for
 * itself. */
static natsStatus on_read(void *user_data, bool add)
{
    rp__link *link = user_data;
    uv_thread_t self = uv_thread_self();
    if (add)
        return NATS_OK;
    raise_flag(link, &link->stopped);
    if (uv_thread_equal(&self, &link->thread))
        stop_polling(link);
    return NATS_OK;
}

static natsStatus on_write(void *user_data, bool add)
{
    rp__link *link = user_data;
    /* The loop's own publishes are written by uv_prepare of the same turn; only another thread's
     * (nats.c's ping timer) would wait, so the loop is woken when the flag goes up. */
    if (!add)
        atomic_store(&link->write_wanted, false);
    else if (!atomic_load(&link->write_wanted))
        raise_flag(link, &link->write_wanted);
    return NATS_OK;
}

static natsStatus on_detach(void *user_data)
{
    rp__link *link = user_data;
    raise_flag(link, &link->detached);
    return NATS_OK;
}

static void on_nats_closed(natsConnection *connection, void *arg)
{
    rp__link *link = arg;
    (void)connection;
    raise_flag(link, &link->closed);
}

/* What the server refuses without an answer (a permission, say) comes here, on a thread of nats.c.
 */
static void on_nats_error(
    natsConnection *connection, natsSubscription *subscription, natsStatus status, void *arg)
{
    rp__link *link = arg;
    const char *text = NULL;
    (void)subscription;
    if (natsConnection_GetLastError(connection, &text) != NATS_OK && !text)
        text = natsStatus_GetText(status);
    rp_log_warn(link->spec.log, "server_error", rp_log_text("error", text));
}

/* -- the loop's side --------------------------------------------------------------------------- */

static void release(rp__link *link);

static void on_handle_closed(uv_handle_t *handle)
{
    rp__link *link = handle->data;
    link->handles--;
    release(link);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    rp__link *link = poll->data;
    /* An error on the socket shows as a failed read, which closes the connection. */
    if (status != 0 || (events & UV_READABLE))
        natsConnection_ProcessReadEvent(link->connection);
    if (status == 0 && (events & UV_WRITABLE) && !atomic_load(&link->stopped))
        natsConnection_ProcessWriteEvent(link->connection);
    if (!link->freed)
        link->spec.on_readable(link->spec.arg);
}

/* A connection that cannot be polled is of no use, but nats.c has not closed it: its owner is told
 * that it is over and frees the link, which closes it. */
static void give_up(rp__link *link, int uv_error)
{
    rp_log_error(
        link->spec.log, "connection_not_polled", rp_log_text("error", uv_strerror(uv_error)));
    link->broken = true;
    uv_async_send(&link->wake);
}

static void poll_for(rp__link *link, int events)
{
    if (!link->poll_open || link->polled == events)
        return;
    int e = uv_poll_start(&link->poll, events, on_poll);
    if (e == 0)
        link->polled = events;
    else
        give_up(link, e);
}

static void poll_open(rp__link *link)
{
    int e = uv_poll_init_socket(link->spec.loop, &link->poll, link->socket);
    if (e != 0) {
        give_up(link, e);
        return;
    }
    link->poll.data = link;
    link->handles++;
    link->poll_open = true;
    poll_for(link, UV_READABLE);
}

/* nats.c closes in steps: it asks for the polling to stop, then for the socket to be closed, then
 * for everything of this connection to be let go. */
static void stop_polling(rp__link *link)
{
    if (link->poll_open) {
        link->poll_open = false;
        uv_close((uv_handle_t *)&link->poll, on_handle_closed);
    }
    if (atomic_exchange(&link->attached, false))
        natsConnection_ProcessCloseEvent(&link->socket);
}

static void flush(rp__link *link)
{
    if (!atomic_load(&link->write_wanted) || !link->poll_open)
        return;
    natsConnection_ProcessWriteEvent(link->connection);
    /* What the socket did not take waits until it is writable again. */
    poll_for(link, atomic_load(&link->write_wanted) ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void tell_closed(rp__link *link)
{
    void (*on_closed)(void *) = link->spec.on_closed;
    if (link->freed || !on_closed || !(link->broken || atomic_load(&link->closed)))
        return;
    link->spec.on_closed = NULL;
    on_closed(link->spec.arg);
}

static void look_at_flags(rp__link *link)
{
    if (link->connecting)
        return; /* the worker thread owns the connection until it is done */
    if (atomic_load(&link->stopped)) {
        stop_polling(link);
    } else if (atomic_load(&link->attached) && !link->poll_open && !link->broken &&
               link->connection) {
        poll_open(link);
    }
    if (atomic_exchange(&link->detached, false) && link->connection)
        natsConnection_ProcessDetachedEvent(link->connection);
    tell_closed(link);
}

static void on_wake(uv_async_t *wake)
{
    rp__link *link = wake->data;
    look_at_flags(link);
    release(link);
}

static void on_prepare(uv_prepare_t *prepare)
{
    rp__link *link = prepare->data;
    if (link->connection && !link->connecting)
        flush(link);
}

/* -- connecting -------------------------------------------------------------------------------- */

static void connect_blocking(uv_work_t *work)
{
    rp__link *link = work->data;
    link->connected = natsConnection_Connect(&link->connection, link->options);
    if (link->connected != NATS_OK)
        (void)rp_endpoint_error(link->spec.endpoint, link->connected, "connect", &link->error);
}

static void on_connected(uv_work_t *work, int status)
{
    rp__link *link = work->data;
    link->connecting = false;
    if (status != 0 && link->connected == NATS_OK)
        link->connected = NATS_ERR;
    if (link->freed) {
        release(link);
        return;
    }
    if (link->connected != NATS_OK) {
        link->spec.on_open(link->spec.arg, link->error.status, &link->error);
        return;
    }
    link->spec.on_open(link->spec.arg, RP_OK, NULL);
    look_at_flags(link);
}

static rp_status set_options(rp__link *link, rp_error *reterr)
{
    natsOptions *o = link->options;
    rp_status status = rp_endpoint_options(link->spec.endpoint, o, reterr);
    if (status != RP_OK)
        return status;
    if (natsOptions_SetEventLoop(o, link, on_attach, on_read, on_write, on_detach) != NATS_OK ||
        natsOptions_SetSendAsap(o, true) != NATS_OK ||
        natsOptions_SetAllowReconnect(o, false) != NATS_OK ||
        natsOptions_SetName(o, link->spec.name) != NATS_OK ||
        natsOptions_SetClosedCB(o, on_nats_closed, link) != NATS_OK ||
        natsOptions_SetErrorHandler(o, on_nats_error, link) != NATS_OK ||
        natsOptions_SetPingInterval(o, PING_INTERVAL_MS) != NATS_OK ||
        natsOptions_SetMaxPingsOut(o, PINGS_OUT_MAX) != NATS_OK ||
        natsOptions_SetIOBufSize(o, IO_BUFFER_BYTES) != NATS_OK ||
        /* A limit here would drop messages: bounded are pulls by their batch, answers by the
         * outbox, followers by flow control, and plain subscriptions by limits of their own. */
        natsOptions_SetMaxPendingMsgs(o, INT_MAX) != NATS_OK ||
        natsOptions_SetMaxPendingBytes(o, INT64_MAX) != NATS_OK)
        return rp_error_set(reterr, RP_INTERNAL, NULL, "nats.c refused an option");
    return RP_OK;
}

static rp_status start(rp__link *link)
{
    uv_loop_t *loop = link->spec.loop;
    if (uv_async_init(loop, &link->wake, on_wake) != 0)
        return RP_IO;
    link->wake.data = link;
    link->handles++;
    uv_prepare_init(loop, &link->prepare);
    link->prepare.data = link;
    link->handles++;
    uv_prepare_start(&link->prepare, on_prepare);
    link->connect.data = link;
    if (uv_queue_work(loop, &link->connect, connect_blocking, on_connected) != 0)
        return RP_IO;
    link->connecting = true;
    return RP_OK;
}

rp_status rp__link_connect(const rp__link_spec *spec, rp__link **ret_link, rp_error *reterr)
{
    rp__link *link = calloc(1, sizeof *link);
    if (!link)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    link->spec = *spec;
    link->thread = uv_thread_self();
    if (uv_mutex_init(&link->lock) != 0) {
        free(link);
        return rp_error_set(reterr, RP_IO, NULL, "the system gives no mutex");
    }
    rp_status status =
        natsOptions_Create(&link->options) == NATS_OK ? set_options(link, reterr) : RP_NO_MEMORY;
    if (status == RP_OK)
        status = start(link);
    if (status != RP_OK) {
        rp__link_free(link);
        return status;
    }
    *ret_link = link;
    return RP_OK;
}

natsConnection *rp__link_connection(const rp__link *link)
{
    return link && !link->connecting && !link->broken && !atomic_load(&link->closed)
               ? link->connection
               : NULL;
}

size_t rp__link_buffered(const rp__link *link)
{
    natsConnection *connection = rp__link_connection(link);
    int buffered = connection ? natsConnection_Buffered(connection) : 0;
    return buffered > 0 ? (size_t)buffered : 0;
}

/* -- the end ----------------------------------------------------------------------------------- */

/* Closing sends what is left and waits for the server to say that it has it, which the loop reads:
 * so it runs on a worker thread. */
static void close_blocking(uv_work_t *work)
{
    rp__link *link = work->data;
    natsConnection_Close(link->connection);
}

static void on_close_done(uv_work_t *work, int status)
{
    rp__link *link = work->data;
    (void)status;
    link->in_close = false;
    release(link);
}

static void start_close(rp__link *link)
{
    link->closing = true;
    link->close.data = link;
    link->in_close =
        uv_queue_work(link->spec.loop, &link->close, close_blocking, on_close_done) == 0;
    if (!link->in_close)
        natsConnection_Close(link->connection);
}

/* nats.c tells of a close from a thread of its own, a little later; only then does it leave us
 * alone. So: close, wait for the closed flag, destroy, close libuv's handles, wait for them, free.
 */
static void release(rp__link *link)
{
    if (!link->freed || link->connecting)
        return;
    if (link->connection && !link->closing)
        start_close(link);
    if (link->connection) {
        if (link->in_close || !atomic_load(&link->closed))
            return;
        natsConnection *connection = link->connection;
        look_at_flags(link);
        stop_polling(link);
        link->connection = NULL;
        natsConnection_Destroy(connection);
    }
    if (link->wake.data && !uv_is_closing((uv_handle_t *)&link->wake)) {
        uv_close((uv_handle_t *)&link->wake, on_handle_closed);
        uv_close((uv_handle_t *)&link->prepare, on_handle_closed);
    }
    if (link->handles > 0)
        return;
    uv_mutex_lock(&link->lock); /* the last flag's owner has left */
    uv_mutex_unlock(&link->lock);
    uv_mutex_destroy(&link->lock);
    natsOptions_Destroy(link->options);
    free(link);
}

void rp__link_free(rp__link *link)
{
    if (!link)
        return;
    link->freed = true;
    release(link);
}
