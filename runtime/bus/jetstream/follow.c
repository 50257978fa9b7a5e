/* Ordered readers: a stream's messages under a filter, each once, in order.
 *
 * A follower reads through an ephemeral push consumer with flow control and heartbeats. The
 * consumer counts what it sends; a number left out, a heartbeat that does not come, or a lost
 * connection means that something was missed, and then the consumer is made again from behind the
 * last message that was handed over. So whoever follows sees no gap and no repetition, only now and
 * then a pause.
 */
#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "runtime/bus/jetstream/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    HEARTBEAT_MS = 2000,
    SILENCE_MS = 5000, /* two heartbeats missed */
    INACTIVE_S = 30,   /* the server forgets a consumer that nobody listens to */
    RETRY_MS = 500,
    FILTER_BYTES_MAX = 256
};

struct rp_follower {
    rp__jetstream *js;
    /* Of its own: a server counts a push consumer as listened to only where somebody subscribes to
     * its very subject, not to a wildcard above it. */
    natsSubscription *nats;
    rp_follower_spec spec;
    uint32_t slot;       /* in js->followers */
    uint32_t generation; /* of the present consumer; part of its name and inbox */
    char consumer[64];
    bool making, made;
    bool caught_up;
    bool started;             /* `next` holds */
    uint64_t next;            /* stream sequence behind the last one handed over */
    uint64_t consumer_next;   /* consumer sequence that must come next */
    uint64_t waiting;         /* messages stored at the start that are still to come */
    uint64_t silent_until_ns; /* a sign of life must come before */
    uint64_t retry_at_ns;
};

static void make_consumer(rp_follower *follower);

static void close_inbox(rp_follower *follower)
{
    natsSubscription_Destroy(follower->nats);
    follower->nats = NULL;
}

static void again(rp_follower *follower, uint64_t wait_ms)
{
    follower->made = false;
    follower->making = false;
    follower->retry_at_ns = rp__now(follower->js) + wait_ms * RP_NS_PER_MS;
}

static void alive(rp_follower *follower)
{
    follower->silent_until_ns = rp__now(follower->js) + SILENCE_MS * RP_NS_PER_MS;
}

static void look_whether_caught_up(rp_follower *follower)
{
    if (follower->caught_up || follower->waiting > 0)
        return;
    follower->caught_up = true;
    if (follower->spec.on_caught_up)
        follower->spec.on_caught_up(follower->spec.arg);
}

static void on_made(void *arg, rp_status status, const rp_message *answer)
{
    rp_follower *follower = arg;
    rp_log *log = follower->js->spec.log;
    rp__wire_consumer made;
    if (status == RP_OK)
        status = rp__wire_consumer_parse(answer->body, &made);
    if (status != RP_OK) {
        rp_log_warn(log, "follow_put_off", rp_log_text("stream", follower->spec.stream),
            rp_log_status("status", status));
        again(follower, RETRY_MS);
        return;
    }
    if (made.is_error) {
        rp_log_warn(log, "follow_refused", rp_log_text("stream", follower->spec.stream),
            rp_log_text("why", made.description));
        again(follower, RETRY_MS);
        return;
    }
    follower->making = false;
    follower->made = true;
    follower->waiting = made.pending;
    if (!follower->started && follower->spec.from != RP_FOLLOW_LAST_PER_SUBJECT) {
        follower->next = made.delivered_sequence + 1;
        follower->started = true;
    }
    alive(follower);
    look_whether_caught_up(follower);
}

static int write_policy(const rp_follower *follower, char *text, size_t bytes)
{
    if (follower->started || follower->spec.from == RP_FOLLOW_SEQUENCE)
        return snprintf(text, bytes,
            "\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":%" PRIu64,
            follower->started ? follower->next : follower->spec.sequence);
    return snprintf(text, bytes, "\"deliver_policy\":\"%s\"",
        follower->spec.from == RP_FOLLOW_NEW ? "new" : "last_per_subject");
}

static void make_consumer(rp_follower *follower)
{
    rp__jetstream *js = follower->js;
    char subject[RP__SUBJECT_BYTES], inbox[RP__INBOX_BYTES], policy[96], body[1024];
    if (!js->connection)
        return;
    follower->generation++;
    follower->consumer_next = 1;
    follower->caught_up = false;
    close_inbox(follower);
    rp__inbox_subject(js, RP__INBOX_FOLLOW, follower->slot, follower->generation, inbox);
    natsStatus s = natsConnection_SubscribeSync(&follower->nats, js->connection, inbox);
    if (s != NATS_OK) {
        rp__connection_failed(js, s, "subscribe");
        return;
    }
    const char *unique = strrchr(js->inbox, '.');
    snprintf(follower->consumer, sizeof follower->consumer, "follow-%.24s-%" PRIu32 "-%" PRIu32,
        unique ? unique + 1 : js->inbox, follower->slot, follower->generation);
    write_policy(follower, policy, sizeof policy);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.CREATE.%s.%s.%s", follower->spec.stream,
        follower->consumer, follower->spec.filter);
    int n = snprintf(body, sizeof body,
        "{\"stream_name\":\"%s\",\"action\":\"create\",\"config\":{\"name\":\"%s\",%s,"
        "\"ack_policy\":\"none\",\"max_deliver\":1,\"filter_subject\":\"%s\","
        "\"deliver_subject\":\"%s\",\"flow_control\":true,\"idle_heartbeat\":%" PRIu64
        ",\"inactive_threshold\":%" PRIu64 ",\"mem_storage\":true,\"num_replicas\":1}}",
        follower->spec.stream, follower->consumer, policy, follower->spec.filter, inbox,
        HEARTBEAT_MS * RP_NS_PER_MS, INACTIVE_S * RP_NS_PER_S);
    follower->making = true;
    if (n < 0 || (size_t)n >= sizeof body ||
        rp__outbox_request(&js->bus, subject, rp_bytes_of(body, (size_t)n), 5 * RP_NS_PER_S,
            on_made, follower) != RP_OK)
        again(follower, RETRY_MS);
}

rp_status rp__follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower)
{
    rp__jetstream *js = rp__jetstream_of(bus);
    if (!rp_name_is_subject(rp_bytes_text(spec->stream)) ||
        !rp_name_is_filter(rp_bytes_text(spec->filter)) || strlen(spec->filter) > FILTER_BYTES_MAX)
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
    close_inbox(follower);
    follower->js->followers[follower->slot] = NULL;
    free(follower); /* the server forgets the consumer by itself */
}

void rp__followers_connected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__FOLLOWERS_MAX && js->connection; i++) {
        if (js->followers[i]) {
            rp__outbox_forget(&js->bus, js->followers[i]);
            make_consumer(js->followers[i]);
        }
    }
}

void rp__followers_disconnected(rp__jetstream *js)
{
    for (size_t i = 0; i < RP__FOLLOWERS_MAX; i++) {
        if (js->followers[i]) {
            js->followers[i]->made = false;
            close_inbox(js->followers[i]);
        }
    }
}

/* -- what comes -------------------------------------------------------------------------------- */

static void take_status(rp_follower *follower, natsMsg *nats, int code)
{
    rp__jetstream *js = follower->js;
    const char *last = NULL;
    uint64_t sequence;
    alive(follower);
    if (code == 100 && natsMsg_GetReply(nats)) { /* flow control: go on */
        (void)natsConnection_Publish(js->connection, natsMsg_GetReply(nats), NULL, 0);
        return;
    }
    /* A heartbeat says which message was the last: what did not come is missing. */
    if (natsMsgHeader_Get(nats, "Nats-Last-Consumer", &last) == NATS_OK &&
        rp_decimal_parse(rp_bytes_text(last), &sequence) == RP_OK &&
        sequence >= follower->consumer_next)
        again(follower, 0);
    else if (code != 100)
        again(follower, RETRY_MS);
}

static void take_message(rp_follower *follower, natsMsg *nats)
{
    rp__jetstream *js = follower->js;
    rp__wire_delivery d;
    if (rp__wire_delivery_parse(rp_bytes_text(natsMsg_GetReply(nats)), &d) != RP_OK ||
        (!follower->made && !follower->making))
        return; /* of a consumer that was given up */
    if (d.consumer_sequence != follower->consumer_next) {
        again(follower, 0);
        return;
    }
    rp__delivery view;
    rp__delivery_view(&view, nats);
    alive(follower);
    follower->consumer_next++;
    follower->next = d.stream_sequence + 1;
    follower->started = true;
    follower->waiting = d.pending;
    uint32_t slot = follower->slot;
    follower->spec.on_message(follower->spec.arg, &view.message);
    if (js->followers[slot] == follower && follower->made)
        look_whether_caught_up(follower);
}

size_t rp__followers_drain(rp__jetstream *js, size_t budget)
{
    size_t count = 0;
    for (size_t i = 0; i < RP__FOLLOWERS_MAX; i++) {
        natsMsg *nats = NULL;
        while (count < budget && js->followers[i] && js->followers[i]->nats &&
               natsSubscription_NextMsg(&nats, js->followers[i]->nats, 0) == NATS_OK) {
            int code = rp__delivery_status(nats);
            count++;
            if (code != 0)
                take_status(js->followers[i], nats, code);
            else
                take_message(js->followers[i], nats);
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
        if (follower->made && now_ns >= follower->silent_until_ns)
            again(follower, 0);
        if (!follower->made && !follower->making && now_ns >= follower->retry_at_ns)
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
