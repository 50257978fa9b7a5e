#include "tests/bench/spine/client.h"

#include <errno.h>
#include <nats/nats.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"

enum { OPEN_TIMEOUT_MS = 5000, IO_BUFFER_BYTES = 64 << 10, NAME_BYTES = 128 };

struct bench_client {
    natsConnection *connection;
    natsSubscription *subscription;
    natsMsg *message; /* the one lent out */
    natsSubscription *mailbox;
    char inbox[NAME_BYTES], next[NAME_BYTES]; /* where pulls are answered, and are sent to */
    natsSock socket;
    atomic_bool write_wanted; /* nats.c's threads (its pings) want to write too */
    const char *why;
};

/* ---- nats.c's event loop, which is the caller's thread ---- */

static natsStatus on_attach(void **user_data, void *loop, natsConnection *connection, natsSock sock)
{
    bench_client *client = loop;
    (void)connection;
    client->socket = sock;
    *user_data = client;
    return NATS_OK;
}

static natsStatus on_read(void *user_data, bool add)
{
    (void)user_data;
    (void)add;
    return NATS_OK;
}

static natsStatus on_write(void *user_data, bool add)
{
    bench_client *client = user_data;
    atomic_store(&client->write_wanted, add);
    return NATS_OK;
}

static natsStatus on_detach(void *user_data)
{
    (void)user_data;
    return NATS_OK;
}

/* ---- */

static bool failed(bench_client *client, natsStatus status)
{
    if (status != NATS_OK)
        client->why = natsStatus_GetText(status);
    return status != NATS_OK;
}

static void flush(bench_client *client)
{
    if (atomic_load(&client->write_wanted))
        natsConnection_ProcessWriteEvent(client->connection);
}

/* Waits for the socket once; false when the time is over. */
static bool turn(bench_client *client, int timeout_ms)
{
    flush(client);
    struct pollfd fd = {.fd = (int)client->socket, .events = POLLIN};
    if (atomic_load(&client->write_wanted))
        fd.events |= POLLOUT;
    const int ready = poll(&fd, 1, timeout_ms);
    if (ready == 0) {
        client->why = "nothing came in time";
        return false;
    }
    if (ready < 0)
        return errno == EINTR;
    if (fd.revents & (POLLIN | POLLERR | POLLHUP))
        natsConnection_ProcessReadEvent(client->connection);
    if (natsConnection_IsClosed(client->connection)) {
        client->why = "the connection is closed";
        return false;
    }
    return true;
}

static bool connect_to(bench_client *client, const char *url)
{
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK)
        status = natsOptions_SetURL(options, url);
    if (status == NATS_OK)
        status = natsOptions_SetAllowReconnect(options, false);
    if (status == NATS_OK)
        status = natsOptions_SetSendAsap(options, true); /* no thread in between */
    if (status == NATS_OK)
        status = natsOptions_SetIOBufSize(options, IO_BUFFER_BYTES);
    if (status == NATS_OK)
        status = natsOptions_SetEventLoop(options, client, on_attach, on_read, on_write, on_detach);
    if (status == NATS_OK)
        status = natsConnection_Connect(&client->connection, options);
    natsOptions_Destroy(options);
    return !failed(client, status);
}

/* Publishes to itself and waits for it: then the server has the subscriptions made before. */
static bool settle(bench_client *client)
{
    natsInbox *inbox = NULL;
    natsSubscription *echo = NULL;
    natsMsg *message = NULL;
    natsStatus status = natsInbox_Create(&inbox);
    if (status == NATS_OK)
        status = natsConnection_SubscribeSync(&echo, client->connection, inbox);
    if (status == NATS_OK)
        status = natsConnection_Publish(client->connection, inbox, "", 0);
    while (status == NATS_OK && natsSubscription_NextMsg(&message, echo, 0) != NATS_OK) {
        if (!turn(client, OPEN_TIMEOUT_MS))
            status = NATS_TIMEOUT;
    }
    natsMsg_Destroy(message);
    natsSubscription_Destroy(echo);
    natsInbox_Destroy(inbox);
    return !failed(client, status);
}

bool bench_client_open(const char *url, const char *subscribe, bench_client **ret_client)
{
    bench_client *client = calloc(1, sizeof *client);
    *ret_client = client;
    if (!client || !connect_to(client, url))
        return false;
    if (failed(client,
            natsConnection_SubscribeSync(&client->subscription, client->connection, subscribe)) ||
        failed(client, natsSubscription_SetPendingLimits(client->subscription, -1, -1)))
        return false;
    return settle(client);
}

void bench_client_close(bench_client *client)
{
    if (!client)
        return;
    natsMsg_Destroy(client->message);
    natsSubscription_Destroy(client->mailbox);
    natsSubscription_Destroy(client->subscription);
    natsConnection_Destroy(client->connection);
    nats_Close();
    free(client);
}

const char *bench_client_why(const bench_client *client)
{
    return client && client->why ? client->why : "out of memory";
}

bool bench_client_publish(
    bench_client *client, const char *subject, const char *request, rp_bytes body)
{
    natsMsg *message = NULL;
    natsStatus status =
        natsMsg_Create(&message, subject, NULL, (const char *)body.data, (int)body.len);
    if (status == NATS_OK && request)
        status = natsMsgHeader_Set(message, "Rp-Request", request);
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(client->connection, message);
    natsMsg_Destroy(message);
    if (failed(client, status))
        return false;
    flush(client);
    return true;
}

bool bench_client_next(bench_client *client, int timeout_ms, bench_message *ret_message)
{
    natsMsg_Destroy(client->message);
    client->message = NULL;
    while (natsSubscription_NextMsg(&client->message, client->subscription, 0) != NATS_OK) {
        if (!turn(client, timeout_ms))
            return false;
    }
    *ret_message = (bench_message){.subject = natsMsg_GetSubject(client->message),
        .body = rp_bytes_of(
            natsMsg_GetData(client->message), (size_t)natsMsg_GetDataLength(client->message)),
        .at_ns = rp_clock_monotonic_ns(rp_clock_system())};
    return true;
}

/* ---- a mailbox ---- */

static bool wait_mailbox(bench_client *client, int timeout_ms, natsMsg **ret_message)
{
    while (natsSubscription_NextMsg(ret_message, client->mailbox, 0) != NATS_OK) {
        if (!turn(client, timeout_ms))
            return false;
    }
    return true;
}

static bool make_consumer(bench_client *client, const char *stream, const char *subject)
{
    char api[NAME_BYTES], body[4 * NAME_BYTES];
    natsMsg *answer = NULL;
    snprintf(api, sizeof api, "$JS.API.CONSUMER.CREATE.%s", stream);
    snprintf(body, sizeof body,
        "{\"stream_name\":\"%s\",\"config\":{\"name\":\"bench\",\"ack_policy\":\"none\","
        "\"deliver_policy\":\"new\",\"filter_subject\":\"%s\"}}",
        stream, subject);
    if (failed(client, natsConnection_PublishRequest(
                           client->connection, api, client->inbox, body, (int)strlen(body))) ||
        !wait_mailbox(client, OPEN_TIMEOUT_MS, &answer))
        return false;
    const bool made =
        !memmem(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer), "\"error\"", 7);
    if (!made)
        client->why = "the server makes no consumer";
    natsMsg_Destroy(answer);
    return made;
}

bool bench_client_mailbox(bench_client *client, const char *stream, const char *subject)
{
    natsInbox *inbox = NULL;
    natsStatus status = natsInbox_Create(&inbox);
    if (status == NATS_OK)
        status = natsConnection_SubscribeSync(&client->mailbox, client->connection, inbox);
    snprintf(client->inbox, sizeof client->inbox, "%s", inbox ? inbox : "");
    snprintf(client->next, sizeof client->next, "$JS.API.CONSUMER.MSG.NEXT.%s.bench", stream);
    natsInbox_Destroy(inbox);
    return !failed(client, status) && make_consumer(client, stream, subject);
}

bool bench_client_pull(bench_client *client)
{
    static const char body[] = "{\"batch\":1,\"expires\":60000000000}";
    if (failed(client, natsConnection_PublishRequest(client->connection, client->next,
                           client->inbox, body, (int)strlen(body))))
        return false;
    flush(client);
    return true;
}

bool bench_client_pulled(bench_client *client, int timeout_ms, uint64_t *ret_at_ns)
{
    natsMsg *message = NULL;
    if (!wait_mailbox(client, timeout_ms, &message))
        return false;
    *ret_at_ns = rp_clock_monotonic_ns(rp_clock_system());
    natsMsg_Destroy(message);
    return true;
}
