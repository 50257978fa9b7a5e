#include "runtime/bus/client_internal.h"

#include "runtime/base/clock.h"
#include "runtime/base/decimal.h"
#include "runtime/base/name.h"
#include "runtime/bus/jetstream/protocol/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = RP_CLIENT_WAIT_NS / RP_NS_PER_MS, KEYS_MAX = 1024, RECONNECT_WAIT_MS = 250 };

struct rp_client {
    const rp_endpoint *endpoint;
    natsConnection *connection;
};

struct rp_client_inbox {
    rp_client *client;
    natsSubscription *subscription;
};

/* -- connection -------------------------------------------------------------------------------- */

/* Without a handler nats.c prints to stderr. */
static void on_async_error(
    natsConnection *connection, natsSubscription *subscription, natsStatus status, void *arg)
{
    (void)connection;
    (void)subscription;
    (void)status;
    (void)arg;
}

static natsStatus configure(natsOptions *options, const char *name)
{
    natsStatus s = natsOptions_SetName(options, name);
    if (s == NATS_OK)
        s = natsOptions_SetSendAsap(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetMaxReconnect(options, -1);
    if (s == NATS_OK)
        s = natsOptions_SetReconnectWait(options, RECONNECT_WAIT_MS);
    if (s == NATS_OK)
        s = natsOptions_SetFailRequestsOnDisconnect(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetErrorHandler(options, on_async_error, NULL);
    return s;
}

rp_status rp_client_open(
    const rp_endpoint *endpoint, const char *name, rp_client **ret_client, rp_error *reterr)
{
    natsOptions *options = NULL;
    rp_client *client = calloc(1, sizeof *client);
    if (!client || natsOptions_Create(&options) != NATS_OK) {
        free(client);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    }
    client->endpoint = endpoint;
    rp_status status = rp_endpoint_options(endpoint, options, reterr);
    if (status == RP_OK)
        status = rp_endpoint_error(endpoint, configure(options, name), "take the options", reterr);
    if (status == RP_OK)
        status = rp_endpoint_error(
            endpoint, natsConnection_Connect(&client->connection, options), "connect", reterr);
    natsOptions_Destroy(options);
    if (status != RP_OK) {
        free(client);
        return status;
    }
    *ret_client = client;
    return RP_OK;
}

void rp_client_free(rp_client *client)
{
    if (!client)
        return;
    natsConnection_Destroy(client->connection);
    free(client);
}

void rp_client_server(rp_client *client, char text[RP_ENDPOINT_NAME_BYTES])
{
    char url[RP_ENDPOINT_SERVERS_BYTES] = "";
    rp_endpoint connected = {.server = url};
    if (natsConnection_GetConnectedUrl(client->connection, url, sizeof url) != NATS_OK || !*url)
        connected.server = client->endpoint->server;
    rp_endpoint_servers(&connected, text);
}

size_t rp_client_payload_bytes_max(const rp_client *client)
{
    int64_t bytes = natsConnection_GetMaxPayload(client->connection);
    return bytes > 0 ? (size_t)bytes : 0;
}

/* A permission that is missing shows as a request without an answer and an error beside it. */
static rp_status failed(rp_client *client, natsStatus s, const char *doing, rp_error *reterr)
{
    const char *last = NULL;
    if (s == NATS_TIMEOUT &&
        natsConnection_GetLastError(client->connection, &last) == NATS_NOT_PERMITTED)
        s = NATS_NOT_PERMITTED;
    return rp_endpoint_error(client->endpoint, s, doing, reterr);
}

/* -- messages ---------------------------------------------------------------------------------- */

static rp_bytes text_header(natsMsg *nats, const char *name)
{
    const char *value = NULL;
    if (natsMsgHeader_Get(nats, name, &value) != NATS_OK)
        return rp_bytes_of(NULL, 0);
    return rp_bytes_text(value);
}

static uint64_t number_header(natsMsg *nats, const char *name)
{
    uint64_t number = 0;
    return rp_decimal_parse(text_header(nats, name), &number) == RP_OK ? number : 0;
}

static rp_bytes message_header(const rp_message *message, rp_header header)
{
    return text_header(((const rp__held *)message)->nats, rp_header_name(header));
}

static void message_free(rp_message *message)
{
    natsMsg_Destroy(((rp__held *)message)->nats);
    free(message);
}

/* Where the message lies: from its acknowledge subject, or from the headers that direct reads and
 * republishing add. */
static void locate(rp_message *message, natsMsg *nats)
{
    rp__wire_delivery d;
    if (rp__wire_delivery_parse(message->reply, &d) == RP_OK) {
        message->stream = d.stream;
        message->stream_sequence = d.stream_sequence;
        message->consumer_sequence = d.consumer_sequence;
        message->deliveries = d.deliveries;
        message->timestamp_ns = d.timestamp_ns;
        message->pending = d.pending;
        return;
    }
    message->stream = text_header(nats, "Nats-Stream");
    if (message->stream.len == 0)
        return;
    rp_bytes subject = text_header(nats, "Nats-Subject");
    if (subject.len)
        message->subject = subject;
    message->stream_sequence = number_header(nats, "Nats-Sequence");
    if (rp_clock_parse(text_header(nats, "Nats-Time-Stamp"), &message->timestamp_ns) != RP_OK)
        message->timestamp_ns = 0;
}

/* Takes `nats`, also when it fails. */
static rp_status hold(natsMsg *nats, rp_message **ret_message, rp_error *reterr)
{
    rp__held *h = calloc(1, sizeof *h);
    if (!h) {
        natsMsg_Destroy(nats);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    }
    h->nats = nats;
    h->message = (rp_message){.subject = rp_bytes_text(natsMsg_GetSubject(nats)),
        .reply = rp_bytes_text(natsMsg_GetReply(nats)),
        .body = rp_bytes_of(natsMsg_GetData(nats), (size_t)natsMsg_GetDataLength(nats)),
        .header = message_header,
        .free = message_free};
    locate(&h->message, nats);
    *ret_message = &h->message;
    return RP_OK;
}

/* -- asking ------------------------------------------------------------------------------------ */

static rp_status ask(rp_client *client, const char *subject, rp_bytes body, const char *doing,
    natsMsg **ret_answer, rp_error *reterr)
{
    if (body.len > INT32_MAX)
        return rp_error_limit(reterr, doing, "2 GiB", "the body is too large");
    natsStatus s = natsConnection_Request(
        ret_answer, client->connection, subject, body.data, (int)body.len, WAIT_MS);
    return s == NATS_OK ? RP_OK : failed(client, s, doing, reterr);
}

static rp_status api_code(uint64_t code, uint64_t error_code)
{
    switch (error_code) {
    case RP__WIRE_CONSUMER_NOT_FOUND:
    case RP__WIRE_STREAM_NOT_FOUND:
    case 10037: /* no message */
        return RP_NOT_FOUND;
    case 10013: /* consumer name in use */
    case 10058: /* stream name in use with another configuration */
    case 10148: /* consumer exists already */
        return RP_EXISTS;
    case RP__WIRE_WRONG_LAST_SEQUENCE:
        return RP_CONFLICT;
    case RP__WIRE_STORE_FAILED:
    case 10002: /* account's resources */
    case 10023: /* server's */
    case 10028: /* memory */
    case 10047: /* disk */
        return RP_FULL;
    case RP__WIRE_TOO_MANY_REQUESTS:
        return RP_BUSY;
    case 10039: /* JetStream is off for the account */
        return RP_UNAVAILABLE;
    default:
        return code == 503 ? RP_UNAVAILABLE : code == 404 ? RP_NOT_FOUND : RP_INVALID;
    }
}

rp_status rp_client_api(rp_client *client, const char *operation, rp_bytes body, rp_arena *arena,
    yyjson_val **ret_root, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES];
    natsMsg *answer = NULL;
    yyjson_doc *doc = NULL;
    int n = snprintf(subject, sizeof subject, "$JS.API.%s", operation);
    if (n < 0 || (size_t)n >= sizeof subject)
        return rp_error_limit(reterr, operation, "1023 bytes", "the API subject is too long");
    rp_status status = ask(client, subject, body, operation, &answer, reterr);
    if (status != RP_OK)
        return status;
    rp_bytes text = rp_bytes_of(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer));
    status = rp_json_parse(text, arena, &doc, reterr);
    natsMsg_Destroy(answer);
    if (status != RP_OK) {
        rp_error_prefix(reterr, "the answer to %s", operation);
        return status == RP_INVALID ? RP_CORRUPT : status;
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *error = yyjson_obj_get(root, "error");
    if (error) {
        const char *why = yyjson_get_str(yyjson_obj_get(error, "description"));
        uint64_t error_code = yyjson_get_uint(yyjson_obj_get(error, "err_code"));
        status = api_code(yyjson_get_uint(yyjson_obj_get(error, "code")), error_code);
        return rp_error_set(reterr, status, operation, "%s: %s (%" PRIu64 ")", operation,
            why ? why : "refused", error_code);
    }
    *ret_root = root;
    return RP_OK;
}

/* -- publishing -------------------------------------------------------------------------------- */

rp_status rp__client_compose(
    const rp_publication *publication, natsMsg **ret_nats, rp_error *reterr)
{
    char text[RP_CLIENT_SUBJECT_BYTES];
    natsMsg *nats = NULL;
    if (publication->subject.len >= sizeof text || !rp_name_is_subject(publication->subject))
        return rp_error_set(reterr, RP_INVALID, "subject",
            "\"%.*s\" cannot be published to: tokens of printable ASCII, divided by dots",
            (int)(publication->subject.len < 100 ? publication->subject.len : 100),
            (const char *)publication->subject.data);
    if (publication->body.len > INT32_MAX)
        return rp_error_limit(reterr, "body", "2 GiB", "the body is too large");
    memcpy(text, publication->subject.data, publication->subject.len);
    text[publication->subject.len] = '\0';
    natsStatus s = natsMsg_Create(
        &nats, text, NULL, (const char *)publication->body.data, (int)publication->body.len);
    for (size_t i = 0; s == NATS_OK && i < publication->header_count; i++) {
        const rp_header_value *h = &publication->headers[i];
        if (h->value.len >= sizeof text) {
            natsMsg_Destroy(nats);
            return rp_error_limit(
                reterr, rp_header_name(h->header), "1023 bytes", "the header is too long");
        }
        memcpy(text, h->value.data, h->value.len);
        text[h->value.len] = '\0';
        s = natsMsgHeader_Set(nats, rp_header_name(h->header), text);
    }
    if (s == NATS_OK && publication->expect) {
        snprintf(text, sizeof text, "%" PRIu64, publication->expected_sequence);
        s = natsMsgHeader_Set(nats, "Nats-Expected-Last-Subject-Sequence", text);
    }
    if (s != NATS_OK) {
        natsMsg_Destroy(nats);
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    }
    *ret_nats = nats;
    return RP_OK;
}

rp_status rp__client_store(rp_client *client, const rp_publication *publication, natsMsg *nats,
    uint64_t *ret_sequence, rp_error *reterr)
{
    natsMsg *answer = NULL;
    rp__wire_ack ack;
    natsStatus s = natsConnection_RequestMsg(&answer, client->connection, nats, WAIT_MS);
    natsMsg_Destroy(nats);
    if (s == NATS_NO_RESPONDERS)
        return rp_error_set(reterr, RP_UNAVAILABLE, "subject",
            "no stream takes %.*s; run reprise provision", (int)publication->subject.len,
            (const char *)publication->subject.data);
    if (s != NATS_OK)
        return failed(client, s, "publish", reterr);
    rp_status status = rp__wire_ack_parse(
        rp_bytes_of(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer)), &ack);
    natsMsg_Destroy(answer);
    if (status != RP_OK)
        return rp_error_set(reterr, RP_CORRUPT, "subject",
            "what answered on %.*s is no stream: its answer is not an acknowledgement",
            (int)publication->subject.len, (const char *)publication->subject.data);
    status = rp__wire_ack_status(&ack);
    if (status != RP_OK && status != RP_DUPLICATE)
        return rp_error_set(reterr, status, "subject", "%.*s: %s (%" PRIu32 ")",
            (int)publication->subject.len, (const char *)publication->subject.data,
            ack.error.description, ack.error.error_code);
    if (ret_sequence)
        *ret_sequence = ack.sequence;
    return status;
}

rp_status rp_client_publish(
    rp_client *client, const rp_publication *publication, uint64_t *ret_sequence, rp_error *reterr)
{
    natsMsg *nats = NULL;
    rp_status status = rp__client_compose(publication, &nats, reterr);
    return status == RP_OK ? rp__client_store(client, publication, nats, ret_sequence, reterr)
                           : status;
}

/* -- reading what is stored -------------------------------------------------------------------- */

/* A direct read answers with the message itself, or with a status header instead. */
static rp_status direct(rp_client *client, const char *stream, const char *subject, rp_bytes body,
    const char *what, rp_message **ret_message, rp_error *reterr)
{
    natsMsg *answer = NULL;
    rp_status status = RP_OK;
    natsStatus s = natsConnection_Request(
        &answer, client->connection, subject, body.data, (int)body.len, WAIT_MS);
    if (s == NATS_NO_RESPONDERS)
        return rp_error_set(reterr, RP_UNAVAILABLE, "stream",
            "nobody serves %s of stream %s; is it provisioned? run reprise provision", what,
            stream);
    if (s != NATS_OK)
        return failed(client, s, what, reterr);
    rp_bytes code = text_header(answer, "Status");
    if (code.len == 0)
        return hold(answer, ret_message, reterr);
    if (rp_bytes_is(code, "404"))
        status = rp_error_set(reterr, RP_NOT_FOUND, what, "%s: no such message", what);
    else
        status = rp_error_set(reterr, RP_INVALID, what, "%s: the server answers %.*s", what,
            (int)code.len, (const char *)code.data);
    natsMsg_Destroy(answer);
    return status;
}

rp_status rp_client_last(rp_client *client, const char *stream, const char *subject,
    rp_message **ret_message, rp_error *reterr)
{
    char ask_subject[RP_CLIENT_SUBJECT_BYTES];
    int n = snprintf(ask_subject, sizeof ask_subject, "$JS.API.DIRECT.GET.%s.%s", stream, subject);
    if (n < 0 || (size_t)n >= sizeof ask_subject)
        return rp_error_limit(reterr, "subject", "1023 bytes", "the subject is too long");
    return direct(client, stream, ask_subject, rp_bytes_of(NULL, 0), subject, ret_message, reterr);
}

rp_status rp_client_next(rp_client *client, const char *stream, const char *filter,
    uint64_t sequence, rp_message **ret_message, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES];
    rp_buffer body;
    rp_buffer_init(&body, RP_CLIENT_SUBJECT_BYTES * 7);
    snprintf(subject, sizeof subject, "$JS.API.DIRECT.GET.%s", stream);
    rp_buffer_printf(&body, "{\"seq\":%" PRIu64 ",\"next_by_subj\":", sequence ? sequence : 1);
    rp_json_string(&body, rp_bytes_text(filter));
    rp_buffer_text(&body, "}");
    rp_status status =
        body.truncated
            ? rp_error_limit(reterr, "filter", "1023 bytes", "the filter is too long")
            : direct(client, stream, subject, rp_buffer_bytes(&body), filter, ret_message, reterr);
    rp_buffer_done(&body);
    return status;
}

/* An inbox subject under our prefix. nats.c makes one under its own. */
static rp_status inbox_name(
    rp_client *client, char subject[RP_CLIENT_SUBJECT_BYTES], rp_error *reterr)
{
    natsInbox *inbox = NULL;
    const char *prefix = client->endpoint->inbox_prefix;
    if (natsInbox_Create(&inbox) != NATS_OK)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    const char *unique = strchr(inbox, '.');
    int n = snprintf(
        subject, RP_CLIENT_SUBJECT_BYTES, "%s%s", prefix ? prefix : "_INBOX", unique ? unique : "");
    natsInbox_Destroy(inbox);
    if (n < 0 || n >= RP_CLIENT_SUBJECT_BYTES)
        return rp_error_limit(reterr, "inbox-prefix", "1000 bytes", "the prefix is too long");
    return RP_OK;
}

static bool is_deleted(natsMsg *nats)
{
    return text_header(nats, "KV-Operation").len > 0 ||
           text_header(nats, "Nats-Marker-Reason").len > 0;
}

/* Reads the answers of one batch up to the status that ends it. */
static rp_status list_receive(rp_client_inbox *inbox,
    void (*each)(void *arg, const rp_message *message), void *arg, rp_error *reterr)
{
    for (size_t count = 0; count <= KEYS_MAX; count++) {
        rp_message *message = NULL;
        rp_status status = rp_client_receive(inbox, RP_CLIENT_WAIT_NS, &message, reterr);
        if (status != RP_OK)
            return status;
        natsMsg *nats = ((rp__held *)message)->nats;
        rp_bytes code = text_header(nats, "Status");
        bool end = code.len > 0;
        bool fine = !end || rp_bytes_is(code, "204") || rp_bytes_is(code, "404");
        if (!end && !is_deleted(nats))
            each(arg, message);
        if (!fine)
            status = rp_error_set(reterr, RP_INVALID, "bucket", "the server answers %.*s",
                (int)code.len, (const char *)code.data);
        rp_message_free(message);
        if (end)
            return status;
    }
    return rp_error_limit(reterr, "bucket", "1024 keys", "the bucket holds too many keys");
}

static rp_status batch(rp_client *client, const char *stream, rp_bytes body,
    void (*each)(void *arg, const rp_message *message), void *arg, rp_error *reterr)
{
    char reply[RP_CLIENT_SUBJECT_BYTES], subject[RP_CLIENT_SUBJECT_BYTES];
    rp_client_inbox *inbox = NULL;
    int n = snprintf(subject, sizeof subject, "$JS.API.DIRECT.GET.%s", stream);
    if (n < 0 || (size_t)n >= sizeof subject)
        return rp_error_limit(reterr, "stream", "1000 bytes", "the stream's name is too long");
    rp_status status = inbox_name(client, reply, reterr);
    if (status == RP_OK)
        status = rp_client_subscribe(client, reply, &inbox, reterr);
    if (status != RP_OK)
        return status;
    natsStatus s =
        natsConnection_PublishRequest(client->connection, subject, reply, body.data, (int)body.len);
    status = s == NATS_OK ? list_receive(inbox, each, arg, reterr)
                          : failed(client, s, "read a batch", reterr);
    rp_client_inbox_free(inbox);
    return status;
}

rp_status rp_client_list(rp_client *client, const char *bucket,
    void (*each)(void *arg, const rp_message *message), void *arg, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES], body[256];
    yyjson_val *info = NULL;
    rp_arena arena;
    rp_status status = rp_arena_init(&arena, 16 << 10, 1 << 20);
    if (status != RP_OK)
        return rp_error_set(reterr, status, NULL, "out of memory");
    /* Asked first, since a direct read on a bucket that does not exist goes unanswered. */
    snprintf(subject, sizeof subject, "STREAM.INFO.KV_%s", bucket);
    status = rp_client_api(client, subject, rp_bytes_of(NULL, 0), &arena, &info, reterr);
    rp_arena_done(&arena);
    if (status != RP_OK)
        return status;
    snprintf(subject, sizeof subject, "KV_%s", bucket);
    int n = snprintf(
        body, sizeof body, "{\"multi_last\":[\"$KV.%s.>\"],\"batch\":%d}", bucket, KEYS_MAX + 1);
    if (n < 0 || (size_t)n >= sizeof body)
        return rp_error_limit(reterr, "bucket", "100 bytes", "the bucket's name is too long");
    return batch(client, subject, rp_bytes_text(body), each, arg, reterr);
}

rp_status rp_client_read(rp_client *client, const char *stream, const char *filter,
    uint64_t sequence, size_t count, void (*each)(void *arg, const rp_message *message), void *arg,
    rp_error *reterr)
{
    char body[2 * RP_CLIENT_SUBJECT_BYTES];
    if (count == 0 || count > RP_CLIENT_READ_MAX || !rp_name_is_filter(rp_bytes_text(filter)) ||
        strlen(filter) >= RP_CLIENT_SUBJECT_BYTES)
        return rp_error_set(reterr, RP_INVALID, "filter", "1 to %d messages of a subject are read",
            RP_CLIENT_READ_MAX);
    /* A filter is printable ASCII; what JSON escapes of that is no part of a name. */
    if (strpbrk(filter, "\"\\"))
        return rp_error_set(reterr, RP_INVALID, "filter", "%.100s is no filter", filter);
    snprintf(body, sizeof body, "{\"seq\":%" PRIu64 ",\"next_by_subj\":\"%s\",\"batch\":%zu}",
        sequence ? sequence : 1, filter, count);
    return batch(client, stream, rp_bytes_text(body), each, arg, reterr);
}

/* -- plain subjects ---------------------------------------------------------------------------- */

rp_status rp_client_subscribe(
    rp_client *client, const char *subject, rp_client_inbox **ret_inbox, rp_error *reterr)
{
    rp_client_inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox)
        return rp_error_set(reterr, RP_NO_MEMORY, NULL, "out of memory");
    inbox->client = client;
    natsStatus s = natsConnection_SubscribeSync(&inbox->subscription, client->connection, subject);
    if (s == NATS_OK)
        s = natsConnection_FlushTimeout(client->connection, WAIT_MS);
    if (s != NATS_OK) {
        rp_client_inbox_free(inbox);
        return failed(client, s, "subscribe", reterr);
    }
    *ret_inbox = inbox;
    return RP_OK;
}

rp_status rp_client_receive(
    rp_client_inbox *inbox, uint64_t timeout_ns, rp_message **ret_message, rp_error *reterr)
{
    natsMsg *nats = NULL;
    int64_t timeout_ms = (int64_t)((timeout_ns + RP_NS_PER_MS - 1) / RP_NS_PER_MS);
    natsStatus s = natsSubscription_NextMsg(&nats, inbox->subscription, timeout_ms);
    if (s != NATS_OK)
        return failed(inbox->client, s, "receive", reterr);
    return hold(nats, ret_message, reterr);
}

void rp_client_inbox_free(rp_client_inbox *inbox)
{
    if (!inbox)
        return;
    natsSubscription_Destroy(inbox->subscription);
    free(inbox);
}

rp_status rp_client_request(rp_client *client, const char *subject, rp_bytes body,
    uint64_t timeout_ns, rp_message **ret_message, rp_error *reterr)
{
    natsMsg *answer = NULL;
    if (body.len > INT32_MAX)
        return rp_error_limit(reterr, "body", "2 GiB", "the body is too large");
    natsStatus s = natsConnection_Request(&answer, client->connection, subject, body.data,
        (int)body.len, (int64_t)((timeout_ns + RP_NS_PER_MS - 1) / RP_NS_PER_MS));
    if (s == NATS_NO_RESPONDERS)
        return rp_error_set(reterr, RP_UNAVAILABLE, "subject", "nobody answers on %.200s", subject);
    if (s != NATS_OK)
        return failed(client, s, subject, reterr);
    return hold(answer, ret_message, reterr);
}

/* -- a durable's messages ---------------------------------------------------------------------- */

rp_status rp_client_take(rp_client *client, const char *stream, const char *durable,
    rp_message **ret_message, rp_error *reterr)
{
    char subject[RP_CLIENT_SUBJECT_BYTES];
    static const char body[] = "{\"batch\":1,\"no_wait\":true}";
    int n = snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, durable);
    if (n < 0 || (size_t)n >= sizeof subject)
        return rp_error_limit(reterr, "durable", "1023 bytes", "the name is too long");
    return direct(
        client, stream, subject, rp_bytes_of(body, sizeof body - 1), durable, ret_message, reterr);
}

rp_status rp_client_settle(rp_client *client, const rp_message *message, rp_error *reterr)
{
    natsMsg *answer = NULL;
    const char *subject = natsMsg_GetReply(((const rp__held *)message)->nats);
    if (!subject)
        return rp_error_set(
            reterr, RP_INVALID, "message", "it was not taken from a durable, so cannot be settled");
    rp_status status = ask(client, subject, rp_bytes_text("+ACK"), "settle", &answer, reterr);
    if (status == RP_OK)
        natsMsg_Destroy(answer);
    return status;
}
