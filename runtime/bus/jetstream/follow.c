/* Ordered readers: a stream's messages under a filter, each once, in order.
 *
 * A follower reads through an ephemeral push consumer with flow control and heartbeats. The
 * consumer counts what it sends; a number left out, a heartbeat that does not come, or a lost
 * connection means that something was missed, and then the consumer is made again from where the
 * last one broke off. What all that means is thought in cursor.h; here it is asked and carried out:
 *
 *     waiting  -> making    the consumer is asked for
 *              -> checking  what the stream holds is asked for
 *              -> reading   messages are handed over
 *              -> holding   one is kept back until what the stream holds is known -> reading
 *
 * and from everywhere back to waiting. While it neither reads nor waits, one question is under way.
 * What comes in the meantime lies in nats.c's queue, which flow control bounds.
 */
#include "runtime/bus/jetstream/internal.h"
#include "runtime/bus/jetstream/protocol/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/decimal.h"
#include "runtime/base/json.h"
#include "runtime/base/name.h"

enum {
    HEARTBEAT_MS = 2000,
    SILENCE_MS = 5000, /* two heartbeats missed */
    INACTIVE_S = 5,    /* the server forgets a consumer that nobody listens to */
    RETRY_MS = 500,
    FILTER_BYTES_MAX = 256
};

typedef enum phase {
    PHASE_WAITING,
    PHASE_MAKING,
    PHASE_CHECKING,
    PHASE_READING,
    PHASE_HOLDING
} phase;

struct rp_follower {
    rp__jetstream *js;
    /* Of its own: a server counts a push consumer as listened to only where somebody subscribes to
     * its very subject, not to a wildcard above it. */
    natsSubscription *nats;
    rp_follower_spec spec;
    rp__cursor cursor;
    uint32_t slot;       /* in js->followers */
    uint64_t serial;     /* unlike that of every other follower of the bus */
    uint32_t generation; /* of the present consumer; part of its name and inbox, which no other
                            follower of the bus ever had: the server keeps both for a while */
    phase phase;
    natsMsg *held;
    uint64_t queued;          /* what had come behind that when the check was asked for */
    uint64_t silent_until_ns; /* a sign of life must come before */
    uint64_t retry_at_ns;
};

static void let_go(rp_follower *follower)
{
    natsSubscription_Destroy(follower->nats);
    natsMsg_Destroy(follower->held);
    follower->nats = NULL;
    follower->held = NULL;
}

static void again(rp_follower *follower, uint64_t wait_ms)
{
    follower->phase = PHASE_WAITING;
    follower->retry_at_ns = rp__now(follower->js) + wait_ms * RP_NS_PER_MS;
}

static void alive(rp_follower *follower)
{
    follower->silent_until_ns = rp__now(follower->js) + SILENCE_MS * RP_NS_PER_MS;
}

static void put_off(rp_follower *follower, const char *doing, rp_status status, const char *why)
{
    rp_log_warn(follower->js->spec.log, "follow_put_off",
        rp_log_text("stream", follower->spec.stream), rp_log_text("doing", doing),
        rp_log_status("status", status), rp_log_text("why", why));
    again(follower, RETRY_MS);
}

/* Whether the follower in this slot is still the one with this serial: a callback may have ended
 * it, and begun another. */
static bool lives(const rp__jetstream *js, uint32_t slot, uint64_t serial)
{
    return js->followers[slot] && js->followers[slot]->serial == serial;
}

static void tell_caught_up(rp_follower *follower)
{
    if (rp__cursor_catches_up(&follower->cursor) && follower->spec.on_caught_up)
        follower->spec.on_caught_up(follower->spec.arg);
}

/* -- checking ---------------------------------------------------------------------------------- */

static void on_checked(void *arg, rp_status status, const rp_message *answer);

static void check(rp_follower *follower, phase meanwhile)
{
    int queued = 0;
    follower->phase = meanwhile;
    if (natsSubscription_GetPending(follower->nats, &queued, NULL) != NATS_OK)
        queued = 0;
    follower->queued = queued > 0 ? (uint64_t)queued : 0;
    rp_status status =
        rp__stream_info_ask(follower->js, follower->spec.stream, on_checked, follower);
    if (status != RP_OK)
        put_off(follower, "ask what the stream holds", status, "");
}

/* False where the callback ended the follower. */
static bool tell_loss(rp_follower *follower, const rp__cursor_loss *loss)
{
    rp__jetstream *js = follower->js;
    uint32_t slot = follower->slot;
    uint64_t serial = follower->serial;
    rp_counter_add(js->metrics.losses, 1);
    rp_log_warn(js->spec.log, loss->expected ? "follow_lost" : "follow_another_stream",
        rp_log_text("stream", follower->spec.stream), rp_log_count("expected", loss->expected),
        rp_log_count("first", loss->first));
    if (follower->spec.on_lost)
        follower->spec.on_lost(follower->spec.arg, loss->expected, loss->first);
    return lives(js, slot, serial);
}

static void take_message(rp_follower *follower, natsMsg *nats);

static void on_checked(void *arg, rp_status status, const rp_message *answer)
{
    rp_follower *follower = arg;
    rp__wire_stream stream;
    rp__cursor_loss loss;
    status = rp__stream_info_read(status, answer, &stream);
    if (status != RP_OK) {
        put_off(follower, "ask what the stream holds", status, "");
        return;
    }
    rp__cursor_verdict verdict =
        rp__cursor_check(&follower->cursor, &stream, follower->queued, &loss);
    follower->phase = PHASE_READING;
    alive(follower);
    if (verdict == RP__CURSOR_ANOTHER)
        again(follower, 0);
    if (verdict != RP__CURSOR_FINE && !tell_loss(follower, &loss))
        return;
    if (verdict == RP__CURSOR_ANOTHER)
        return;
    natsMsg *held = follower->held;
    follower->held = NULL;
    if (held)
        take_message(follower, held);
    else
        tell_caught_up(follower);
    natsMsg_Destroy(held);
}

/* -- making ------------------------------------------------------------------------------------ */

static void on_made(void *arg, rp_status status, const rp_message *answer)
{
    rp_follower *follower = arg;
    rp__wire_consumer made = {0};
    if (status == RP_OK)
        status = rp__wire_consumer_parse(answer->body, &made);
    if (status == RP_OK)
        status = rp__wire_error_status(&made.error);
    if (status != RP_OK) {
        put_off(follower, "make a consumer", status, made.error.description);
        return;
    }
    rp__cursor_opened(&follower->cursor, made.pending, made.delivered_sequence);
    check(follower, PHASE_CHECKING);
}

static void write_text(rp_buffer *body, const char *key, const char *text)
{
    rp_buffer_printf(body, ",\"%s\":", key);
    rp_json_string(body, rp_bytes_text(text));
}

/* What CONSUMER.CREATE takes. */
static void write_consumer(
    rp_follower *follower, const char *name, const char *inbox, rp_buffer *body)
{
    uint64_t start = rp__cursor_open(&follower->cursor);
    rp_buffer_clear(body);
    rp_buffer_text(body, "{\"action\":\"create\"");
    write_text(body, "stream_name", follower->spec.stream);
    rp_buffer_printf(body,
        ",\"config\":{\"ack_policy\":\"none\",\"max_deliver\":1,\"flow_control\":true,"
        "\"idle_heartbeat\":%" PRIu64 ",\"inactive_threshold\":%" PRIu64
        ",\"mem_storage\":true,\"num_replicas\":1",
        HEARTBEAT_MS * RP_NS_PER_MS, INACTIVE_S * RP_NS_PER_S);
    write_text(body, "name", name);
    write_text(body, "filter_subject", follower->spec.filter);
    write_text(body, "deliver_subject", inbox);
    if (start > 0)
        rp_buffer_printf(
            body, ",\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":%" PRIu64, start);
    else
        write_text(body, "deliver_policy",
            follower->spec.from == RP_FOLLOW_NEW ? "new" : "last_per_subject");
    rp_buffer_text(body, "}}");
}

static void make_consumer(rp_follower *follower)
{
    rp__jetstream *js = follower->js;
    char subject[RP__SUBJECT_BYTES], inbox[RP__INBOX_BYTES], name[64];
    rp_buffer *body = &js->scratch;
    if (!js->connection)
        return;
    follower->generation = ++js->follower_generations;
    let_go(follower);
    rp__inbox_subject(js, RP__INBOX_FOLLOW, follower->slot, follower->generation, inbox);
    natsStatus s = natsConnection_SubscribeSync(&follower->nats, js->connection, inbox);
    if (s != NATS_OK) {
        rp__connection_failed(js, s, "subscribe");
        return;
    }
    const char *unique = strrchr(js->inbox, '.');
    snprintf(name, sizeof name, "follow-%.24s-%" PRIu32 "-%" PRIu32,
        unique ? unique + 1 : js->inbox, follower->slot, follower->generation);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.CREATE.%s.%s.%s", follower->spec.stream,
        name, follower->spec.filter);
    write_consumer(follower, name, inbox, body);
    follower->phase = PHASE_MAKING;
    rp_status status = body->truncated
                           ? RP_LIMIT
                           : rp__outbox_request(&js->bus, subject, rp_buffer_bytes(body),
                                 js->spec.limits.question_wait_ns, on_made, follower);
    if (status != RP_OK)
        put_off(follower, "make a consumer", status, "");
}

rp_status rp__follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    if (!rp__wire_is_name(spec->stream) || !rp_name_is_filter(rp_bytes_text(spec->filter)) ||
        strlen(spec->filter) > FILTER_BYTES_MAX)
        return RP_INVALID;
    for (uint32_t i = 0; i < RP__FOLLOWERS_MAX; i++) {
        if (js->followers[i])
            continue;
        rp_follower *follower = calloc(1, sizeof *follower);
        if (!follower)
            return RP_NO_MEMORY;
        follower->js = js;
        follower->spec = *spec;
        follower->slot = i;
        follower->serial = ++js->follower_serials;
        rp__cursor_init(
            &follower->cursor, spec->from, spec->sequence, spec->created_ns, spec->on_lost != NULL);
        js->followers[i] = follower;
        *ret_follower = follower;
        make_consumer(follower);
        return RP_OK;
    }
    return RP_LIMIT;
}

void rp__unfollow(rp_follower *follower)
{
    rp__outbox_forget(&follower->js->bus, follower);
    let_go(follower);
    follower->js->followers[follower->slot] = NULL;
    free(follower); /* the server forgets the consumer by itself */
}

void rp__followers_connected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__FOLLOWERS_MAX && js->connection; i++) {
        if (js->followers[i])
            make_consumer(js->followers[i]);
    }
}

void rp__followers_disconnected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__FOLLOWERS_MAX; i++) {
        rp_follower *follower = js->followers[i];
        if (!follower)
            continue;
        rp__outbox_forget(&js->bus, follower);
        let_go(follower);
        again(follower, 0);
    }
}

/* -- what comes -------------------------------------------------------------------------------- */

static void take_status(rp_follower *follower, natsMsg *nats, int code)
{
    rp__jetstream *js = follower->js;
    const char *text = NULL;
    uint64_t last;
    alive(follower);
    bool says = natsMsgHeader_Get(nats, "Nats-Last-Consumer", &text) == NATS_OK &&
                rp_decimal_parse(rp_bytes_text(text), &last) == RP_OK;
    /* A heartbeat says which message was the last: what did not come is missing. */
    if (!rp__cursor_status(&follower->cursor, says ? &last : NULL))
        again(follower, 0);
    else if (code != 100)
        again(follower, RETRY_MS);
    else if (natsMsg_GetReply(nats)) /* flow control: go on */
        (void)natsConnection_Publish(js->connection, natsMsg_GetReply(nats), NULL, 0);
}

static void hand_over(rp_follower *follower, natsMsg *nats)
{
    rp__jetstream *js = follower->js;
    uint32_t slot = follower->slot;
    uint64_t serial = follower->serial;
    rp__delivery view;
    rp__delivery_view(&view, nats);
    follower->spec.on_message(follower->spec.arg, &view.message);
    if (lives(js, slot, serial) && follower->phase == PHASE_READING)
        tell_caught_up(follower);
}

/* Borrows `nats`, but takes what is to be held: follower->held is it then. */
static void take_message(rp_follower *follower, natsMsg *nats)
{
    rp__wire_delivery d;
    if (rp__wire_delivery_parse(rp_bytes_text(natsMsg_GetReply(nats)), &d) != RP_OK)
        return; /* no message of a stream: somebody else's */
    alive(follower);
    switch (rp__cursor_message(&follower->cursor, &d)) {
    case RP__CURSOR_HAND_OVER:
        hand_over(follower, nats);
        break;
    case RP__CURSOR_SKIP:
        tell_caught_up(follower);
        break;
    case RP__CURSOR_HOLD:
        follower->held = nats;
        check(follower, PHASE_HOLDING);
        break;
    case RP__CURSOR_AGAIN:
        again(follower, 0);
        break;
    }
}

static bool reads(const rp__jetstream *js, size_t slot)
{
    return js->followers[slot] && js->followers[slot]->phase == PHASE_READING &&
           js->followers[slot]->nats;
}

size_t rp__followers_drain(rp__jetstream *js, size_t budget)
{
    size_t count = 0;
    for (size_t i = 0; i < RP__FOLLOWERS_MAX; i++) {
        natsMsg *nats = NULL;
        while (count < budget && reads(js, i) &&
               natsSubscription_NextMsg(&nats, js->followers[i]->nats, 0) == NATS_OK) {
            int code = rp__delivery_status(nats);
            count++;
            if (code != 0)
                take_status(js->followers[i], nats, code);
            else
                take_message(js->followers[i], nats);
            if (!js->followers[i] || js->followers[i]->held != nats)
                natsMsg_Destroy(nats);
        }
    }
    return count;
}

void rp__followers_tick(rp__jetstream *js, uint64_t now_ns)
{
    for (size_t i = 0; i < RP__FOLLOWERS_MAX && js->connection; i++) {
        rp_follower *follower = js->followers[i];
        if (!follower)
            continue;
        if (follower->phase == PHASE_READING && now_ns >= follower->silent_until_ns)
            again(follower, 0);
        if (follower->phase == PHASE_WAITING && now_ns >= follower->retry_at_ns)
            make_consumer(follower);
    }
}

void rp__followers_done(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__FOLLOWERS_MAX; i++) {
        if (js->followers[i])
            rp__unfollow(js->followers[i]);
    }
}
