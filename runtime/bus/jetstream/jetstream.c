#include "runtime/bus/jetstream/internal.h"

#include "runtime/base/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAYLOAD_BYTES_DEFAULT = 1 << 20, HEADER_BYTES_MAX = 32 << 10, BACKOFF_DOUBLINGS_MAX = 16 };

/* -- inboxes ----------------------------------------------------------------------------------- */

void rp__inbox_subject(const rp__jetstream *js, rp__inbox inbox, uint32_t slot, uint32_t generation,
    char subject[RP__INBOX_BYTES])
{
    snprintf(subject, RP__INBOX_BYTES, "%s.%c.%" PRIx32 "-%" PRIx32, js->inbox, (char)inbox, slot,
        generation);
}

static bool read_hex(const char **p, uint32_t *ret_number)
{
    uint32_t number = 0;
    int digits = 0;
    for (;; (*p)++, digits++) {
        char c = **p;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else
            break;
        if (digits == 8)
            return false;
        number = number << 4 | digit;
    }
    *ret_number = number;
    return digits > 0;
}

bool rp__inbox_token(const char *token, uint32_t *ret_slot, uint32_t *ret_generation)
{
    return read_hex(&token, ret_slot) && *token++ == '-' && read_hex(&token, ret_generation) &&
           *token == '\0';
}

/* One name for the life of the bus: what the outbox holds carries it, over all connections. */
static rp_status name_inbox(rp__jetstream *js, rp_error *reterr)
{
    const char *prefix = js->spec.endpoint->inbox_prefix;
    natsInbox *unique = NULL;
    if (natsInbox_Create(&unique) != NATS_OK)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    const char *dot = strrchr(unique, '.');
    int n = snprintf(js->inbox, RP__INBOX_NAME_BYTES, "%s.%s", prefix ? prefix : "_INBOX",
        dot ? dot + 1 : unique);
    natsInbox_Destroy(unique);
    if (n < 0 || n >= RP__INBOX_NAME_BYTES) /* rp_endpoint_options refuses a longer prefix */
        return rp_error_set(reterr, RP_INTERNAL, "inbox-prefix", "the inbox has too long a name");
    return RP_OK;
}

static void open_answers(rp__jetstream *js)
{
    char subject[RP__INBOX_BYTES];
    snprintf(subject, sizeof subject, "%s.%c.*", js->inbox, RP__INBOX_ANSWER);
    natsStatus s = natsConnection_SubscribeSync(&js->answers, js->connection, subject);
    if (s != NATS_OK)
        rp__connection_failed(js, s, "subscribe");
}

/* -- what came in in this turn of the loop ----------------------------------------------------- */

static void on_more(uv_idle_t *more)
{
    (void)more; /* its being there keeps the loop from sleeping */
}

/* Answers first: they let go of what waits. */
static void drain(rp__jetstream *js)
{
    size_t budget = RP__DRAIN_MESSAGES_MAX;
    budget -= rp__outbox_drain(js, budget);
    budget -= rp__followers_drain(js, budget);
    budget -= rp__mailboxes_drain(js, budget);
    budget -= rp__subscriptions_drain(js, budget);
    if (budget == 0)
        uv_idle_start(&js->more, on_more);
    else
        uv_idle_stop(&js->more);
}

static void on_check(uv_check_t *check)
{
    rp__jetstream *js = check->data;
    if (js->connection)
        drain(js);
}

/* -- connecting, losing, connecting again ------------------------------------------------------ */

static void connect_later(rp__jetstream *js)
{
    const rp_jetstream_limits *limits = &js->spec.limits;
    uint32_t doublings =
        js->failures < BACKOFF_DOUBLINGS_MAX ? js->failures : BACKOFF_DOUBLINGS_MAX;
    uint64_t wait_ns = limits->reconnect_min_ns << doublings;
    if (wait_ns > limits->reconnect_max_ns)
        wait_ns = limits->reconnect_max_ns;
    /* Jitter of a half, so that processes that lost one server do not come back in step. */
    wait_ns -=
        (uint64_t)((double)(wait_ns / 2) * (double)rp_rng_uniform(js->spec.seed, js->connects));
    js->failures++;
    js->reconnect_at_ns = rp__now(js) + wait_ns;
}

/* Tells a change, once; a connection that failed may have been found lost in several places. */
static void tell_state(rp__jetstream *js)
{
    bool connected = js->connection != NULL;
    if (connected == js->told_connected)
        return;
    js->told_connected = connected;
    rp_gauge_set_count(js->metrics.connected, connected);
    if (js->on_state)
        js->on_state(js->on_state_arg, connected);
}

static void lose(rp__jetstream *js)
{
    js->connection = NULL;
    natsSubscription_Destroy(js->answers);
    js->answers = NULL;
    rp__subscriptions_disconnected(js);
    rp__mailboxes_disconnected(js);
    rp__followers_disconnected(js);
    rp__outbox_disconnected(js);
    rp__link_free(js->link);
    js->link = NULL;
    tell_state(js);
}

static void on_closed(void *arg)
{
    rp__jetstream *js = arg;
    rp_log_warn(js->spec.log, "connection_lost");
    lose(js);
    connect_later(js);
}

void rp__connection_failed(rp__jetstream *js, natsStatus status, const char *doing)
{
    rp_error error = {0};
    (void)rp_endpoint_error(js->spec.endpoint, status, doing, &error);
    rp_log_warn(js->spec.log, "connection_failed", rp_log_failure(&error));
    /* A connection that nats.c has closed already tells so itself. Others are given up here: what
     * was to be sent is in the outbox or will be delivered again. */
    js->connection = NULL;
    js->reconnect_at_ns = rp__now(js);
}

static void on_open(void *arg, rp_status status, const rp_error *error)
{
    rp__jetstream *js = arg;
    if (status != RP_OK) {
        rp_log_warn(js->spec.log, "connect_failed", rp_log_failure(error),
            rp_log_count("attempt", js->connects));
        lose(js);
        connect_later(js);
        return;
    }
    js->connection = rp__link_connection(js->link);
    if (!js->connection) /* closed while it opened: on_closed follows */
        return;
    open_answers(js);
    if (!js->connection)
        return;
    int64_t payload = natsConnection_GetMaxPayload(js->connection);
    js->payload_bytes_max =
        payload > 2 * HEADER_BYTES_MAX ? (size_t)payload - HEADER_BYTES_MAX : (size_t)payload / 2;
    /* What the outbox never has room for must not be told to wait for it. */
    if (js->payload_bytes_max > js->spec.limits.outbox_bytes_max)
        js->payload_bytes_max = js->spec.limits.outbox_bytes_max;
    js->failures = 0;
    if (js->connects > 1)
        rp_counter_add(js->metrics.reconnects, 1);
    rp_log_info(js->spec.log, "connected", rp_log_count("attempt", js->connects));
    rp__subscriptions_connected(js);
    rp__outbox_connected(js);
    rp__followers_connected(js);
    rp__mailboxes_connected(js);
    tell_state(js);
}

static void on_readable(void *arg)
{
    (void)arg; /* uv_check drains, once for all that came in this turn */
}

static rp_status connect_now(rp__jetstream *js, rp_error *reterr)
{
    rp__link_spec spec = {.loop = js->spec.loop,
        .endpoint = js->spec.endpoint,
        .name = js->spec.name,
        .log = js->spec.log,
        .on_open = on_open,
        .on_readable = on_readable,
        .on_closed = on_closed,
        .arg = js};
    js->reconnect_at_ns = 0;
    js->connects++;
    return rp__link_connect(&spec, &js->link, reterr);
}

static void connect_again(rp__jetstream *js)
{
    rp_error error = {0};
    if (connect_now(js, &error) == RP_OK)
        return;
    rp_log_error(js->spec.log, "connect_failed", rp_log_failure(&error));
    connect_later(js);
}

static void on_tick(uv_timer_t *tick)
{
    rp__jetstream *js = tick->data;
    uint64_t now_ns = rp__now(js);
    if (js->reconnect_at_ns && now_ns >= js->reconnect_at_ns) {
        if (js->link)
            lose(js);
        connect_again(js);
        return;
    }
    if (!js->connection)
        return;
    rp__outbox_tick(js, now_ns);
    rp__followers_tick(js, now_ns);
    rp__mailboxes_tick(js, now_ns);
    if (now_ns >= js->tell_dropped_at_ns) {
        js->tell_dropped_at_ns = now_ns + RP_NS_PER_S;
        rp__subscriptions_tick(js);
    }
}

/* -- the bus ----------------------------------------------------------------------------------- */

static void watch_state(rp_bus *bus, rp_bus_state_cb callback, void *arg)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    js->on_state = callback;
    js->on_state_arg = arg;
    callback(arg, js->told_connected);
}

static void forget(rp_bus *bus, void *arg)
{
    rp__outbox_forget(bus, arg);
    rp__streams_forget(rp__jetstream_of(bus), arg);
}

static size_t payload_bytes_max(const rp_bus *bus)
{
    return ((const rp__jetstream *)bus)->payload_bytes_max;
}

static void on_handle_closed(uv_handle_t *handle)
{
    rp__jetstream *js = handle->data;
    if (--js->handles == 0)
        free(js);
}

static void bus_free(rp_bus *bus)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    js->on_state = NULL;
    lose(js);
    rp__subscriptions_done(js);
    rp__followers_done(js);
    rp__mailboxes_done(js);
    rp__outbox_done(js);
    rp__delivery_pool_done(js);
    rp_buffer_done(&js->scratch);
    if (js->handles == 0) {
        free(js);
        return;
    }
    uv_close((uv_handle_t *)&js->check, on_handle_closed);
    uv_close((uv_handle_t *)&js->more, on_handle_closed);
    uv_close((uv_handle_t *)&js->tick, on_handle_closed);
}

static const rp_bus_ops ops = {.mailbox_open = rp__mailbox_open,
    .mailbox_credit = rp__mailbox_credit,
    .mailbox_close = rp__mailbox_close,
    .settle = rp__settle,
    .publish = rp__outbox_publish,
    .last = rp__outbox_last,
    .request = rp__outbox_request,
    .forget = forget,
    .send = rp__send,
    .subscribe = rp__subscribe,
    .unsubscribe = rp__unsubscribe,
    .follow = rp__follow,
    .unfollow = rp__unfollow,
    .watch_state = watch_state,
    .stream_state = rp__stream_state,
    .purge = rp__stream_purge,
    .payload_bytes_max = payload_bytes_max,
    .free = bus_free};

static rp_status register_metrics(rp__jetstream *js, rp_error *reterr)
{
    rp_metrics *m = js->spec.metrics;
    const struct {
        const char *name, *help;
        rp_counter **counter;
    } counters[] = {
        {"reprise_bus_published_total", "Messages given to the outbox.", &js->metrics.published},
        {"reprise_bus_published_again_total", "Messages sent again for want of an answer.",
            &js->metrics.published_again},
        {"reprise_bus_conflicts_total", "Publishes whose expected sequence did not hold.",
            &js->metrics.conflicts},
        {"reprise_bus_received_total", "Messages that mailboxes handed over.",
            &js->metrics.received},
        {"reprise_bus_dropped_total", "Plain messages not sent for want of a connection.",
            &js->metrics.dropped},
        {"reprise_bus_reconnects_total", "Connections made after one was lost.",
            &js->metrics.reconnects},
        {"reprise_bus_outbox_full_total", "Publishes and questions refused for want of room.",
            &js->metrics.outbox_full},
        {"reprise_bus_given_up_total",
            "Publishes and questions that had no answer for as long as they may wait.",
            &js->metrics.given_up},
        {"reprise_bus_stream_full_total", "Publishes refused by a stream at its limit.",
            &js->metrics.stream_full},
        {"reprise_bus_plain_dropped_total",
            "Plain messages that came and were dropped, since too many waited.",
            &js->metrics.plain_dropped},
        {"reprise_bus_losses_total",
            "Times that a follower found messages gone, or another stream.", &js->metrics.losses},
    };
    const struct {
        const char *name, *help;
        rp_gauge **gauge;
    } gauges[] = {
        {"reprise_bus_outbox_messages", "Messages that wait for an answer.",
            &js->metrics.outbox_messages},
        {"reprise_bus_outbox_bytes", "Their bodies together.", &js->metrics.outbox_bytes},
        {"reprise_bus_connected", "1 while there is a connection.", &js->metrics.connected},
    };
    rp_status status = RP_OK;
    for (size_t i = 0; i < sizeof counters / sizeof *counters && status == RP_OK; i++)
        status =
            rp_metrics_counter(m, counters[i].name, counters[i].help, counters[i].counter, reterr);
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges && status == RP_OK; i++)
        status = rp_metrics_gauge(m, gauges[i].name, gauges[i].help, gauges[i].gauge, reterr);
    return status;
}

static void start_handles(rp__jetstream *js)
{
    uv_loop_t *loop = js->spec.loop;
    uv_check_init(loop, &js->check);
    uv_idle_init(loop, &js->more);
    uv_timer_init(loop, &js->tick);
    js->check.data = js->more.data = js->tick.data = js;
    js->handles = 3;
    uv_check_start(&js->check, on_check);
    uv_timer_start(&js->tick, on_tick, RP__TICK_MS, RP__TICK_MS);
}

rp_status rp_jetstream_new(const rp_jetstream_spec *spec, rp_bus **ret_bus, rp_error *reterr)
{
    rp__jetstream *js = calloc(1, sizeof *js);
    if (!js)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    js->bus.ops = &ops;
    js->spec = *spec;
    js->payload_bytes_max = PAYLOAD_BYTES_DEFAULT;
    rp_buffer_init(&js->scratch, HEADER_BYTES_MAX);
    rp_status status = register_metrics(js, reterr);
    if (status == RP_OK)
        status = rp__outbox_init(js);
    if (status == RP_OK) {
        start_handles(js);
        status = connect_now(js, reterr);
    }
    if (status == RP_OK)
        status = name_inbox(js, reterr);
    if (status != RP_OK) {
        bus_free(&js->bus);
        return status;
    }
    *ret_bus = &js->bus;
    return RP_OK;
}
