/* A blocking connection, for tools and for provisioning.
 *
 * Actors never use it: they live on an event loop and meet the server through bus.h. A tool asks
 * one thing after the other, so each call here waits for its answer, at most RP_CLIENT_WAIT_NS, and
 * says what went wrong. nats.c's own threads do the reading and reconnect by themselves; a call
 * made while the connection is down fails with RP_UNAVAILABLE.
 *
 *     rp_client *client;
 *     if (rp_client_open(&settings.endpoint, "reprise status", &client, &error) != RP_OK) ...
 *     yyjson_val *info;
 *     if (rp_client_api(client, "STREAM.INFO.EXEC", body, &arena, &info, &error) != RP_OK) ...
 *     rp_client_free(client);
 *
 * Messages are bus.h's: an rp_message is the caller's until rp_message_free. Errors carry a
 * sentence that names the server and the cure.
 *
 * One thread at a time uses a client.
 */
#ifndef RUNTIME_BUS_CLIENT_H
#define RUNTIME_BUS_CLIENT_H

#include "runtime/base/json.h"
#include "runtime/bus/bus.h"
#include "runtime/bus/endpoint.h"

#define RP_CLIENT_WAIT_NS UINT64_C(5000000000)

enum {
    RP_CLIENT_SUBJECT_BYTES = 1024, /* of a subject that we put together, with its NUL */
    RP_CLIENT_READ_MAX = 1024
};

typedef struct rp_client rp_client;

/* Connects. `endpoint` is borrowed for the client's life, `name` (what the server's monitoring
 * shows) for the call. RP_UNAVAILABLE where nothing listens, RP_DENIED, RP_TIMEOUT, and what
 * rp_endpoint_options says of the endpoint. */
RP_MUST_USE rp_status rp_client_open(
    const rp_endpoint *endpoint, const char *name, rp_client **ret_client, rp_error *reterr);

/* Closes the connection. Messages that were taken stay valid. NULL is fine. */
void rp_client_free(rp_client *client);

/* The server that it is connected to, without credentials, for people. */
void rp_client_server(rp_client *client, char text[RP_ENDPOINT_NAME_BYTES]);

/* The largest body that the server takes in one message. */
size_t rp_client_payload_bytes_max(const rp_client *client);

/* -- JetStream's API --------------------------------------------------------------------------- */

/* Asks $JS.API.<operation>; `ret_root`, the whole answer, lives in `arena`. RP_NOT_FOUND (no such
 * stream, consumer or message), RP_EXISTS (in use with another configuration), RP_INVALID (refused,
 * the reason in the message), RP_FULL (no room for it), RP_DENIED, RP_UNAVAILABLE, RP_TIMEOUT;
 * RP_CORRUPT where the answer is no JSON, RP_LIMIT where the arena is too small. */
RP_MUST_USE rp_status rp_client_api(rp_client *client, const char *operation, rp_bytes body,
    rp_arena *arena, yyjson_val **ret_root, rp_error *reterr);

/* -- publishing -------------------------------------------------------------------------------- */

/* Publishes and waits until it is stored; `ret_sequence` may be NULL. The statuses are those of
 * rp_published in bus.h, and RP_BUSY where the stream's ingest queue is full: try again. */
RP_MUST_USE rp_status rp_client_publish(
    rp_client *client, const rp_publication *publication, uint64_t *ret_sequence, rp_error *reterr);

/* The same, with headers of another message, which this client has read: those whose names `keeps`
 * lets pass, and that the publication does not have itself. */
RP_MUST_USE rp_status rp_client_publish_copy(rp_client *client, const rp_publication *publication,
    const rp_message *original, bool (*keeps)(rp_bytes name), uint64_t *ret_sequence,
    rp_error *reterr);

/* -- reading what is stored -------------------------------------------------------------------- */

/* The last message of a literal subject. RP_NOT_FOUND where there is none. */
RP_MUST_USE rp_status rp_client_last(rp_client *client, const char *stream, const char *subject,
    rp_message **ret_message, rp_error *reterr);

/* The first message from `sequence` on whose subject matches `filter`, so that a loop with the
 * sequence behind reads a subject in order. RP_NOT_FOUND behind the last. */
RP_MUST_USE rp_status rp_client_next(rp_client *client, const char *stream, const char *filter,
    uint64_t sequence, rp_message **ret_message, rp_error *reterr);

/* Calls `each` with up to RP_CLIENT_READ_MAX messages from `sequence` on whose subjects match
 * `filter`, in order; with none behind the last. */
RP_MUST_USE rp_status rp_client_read(rp_client *client, const char *stream, const char *filter,
    uint64_t sequence, size_t count, void (*each)(void *arg, const rp_message *message), void *arg,
    rp_error *reterr);

/* Calls `each` with every header of a message that a client read, known to bus.h or not, by name;
 * those that a direct read adds are left out. Views live for the call. RP_LIMIT above 256. */
RP_MUST_USE rp_status rp_client_headers(const rp_message *message,
    void (*each)(void *arg, rp_bytes name, rp_bytes value), void *arg, rp_error *reterr);

/* Calls `each` with the newest value of every key of a bucket, deleted ones left out; the subject
 * is $KV.<bucket>.<key>. At most 1,024 keys, above which RP_LIMIT. */
RP_MUST_USE rp_status rp_client_list(rp_client *client, const char *bucket,
    void (*each)(void *arg, const rp_message *message), void *arg, rp_error *reterr);

/* -- plain subjects ---------------------------------------------------------------------------- */

typedef struct rp_client_inbox rp_client_inbox;

/* Subscribes; the server knows of it when the call returns. Held over reconnects, during which
 * messages are missed. */
RP_MUST_USE rp_status rp_client_subscribe(
    rp_client *client, const char *subject, rp_client_inbox **ret_inbox, rp_error *reterr);

/* The next message. RP_TIMEOUT where none came in time; RP_LIMIT where some were dropped because
 * the inbox was not read. */
RP_MUST_USE rp_status rp_client_receive(
    rp_client_inbox *inbox, uint64_t timeout_ns, rp_message **ret_message, rp_error *reterr);

/* Unsubscribes. NULL is fine. Comes before rp_client_free. */
void rp_client_inbox_free(rp_client_inbox *inbox);

/* Asks on a plain subject and waits for the first answer. RP_UNAVAILABLE where nobody listens there,
 * RP_TIMEOUT, RP_DENIED. */
RP_MUST_USE rp_status rp_client_request(rp_client *client, const char *subject, rp_bytes body,
    uint64_t timeout_ns, rp_message **ret_message, rp_error *reterr);

/* -- a durable's messages ---------------------------------------------------------------------- */

/* Takes one message that waits for a durable pull consumer. RP_NOT_FOUND where none waits. */
RP_MUST_USE rp_status rp_client_take(rp_client *client, const char *stream, const char *durable,
    rp_message **ret_message, rp_error *reterr);

/* Settles a message that was taken, and waits until the server has noted it. */
RP_MUST_USE rp_status rp_client_settle(
    rp_client *client, const rp_message *message, rp_error *reterr);

#endif
