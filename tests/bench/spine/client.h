/* A NATS client that costs next to nothing, so that what is measured is not the client.
 *
 * It is nats.c without a thread in between: the caller's own thread polls the socket, reads,
 * parses and drains one subscription, and writes at once what is published. Publishes are plain
 * ones that wait for no ack. It knows nothing of our code but its views of bytes.
 *
 *     bench_client *client;
 *     if (!bench_client_open("nats://127.0.0.1:4222", "reply.bench.>", &client)) ...
 *     bench_client_publish(client, "infer.bench.tiny", "r1", body);
 *     bench_message message;
 *     while (bench_client_next(client, 5000, &message)) ...
 *     bench_client_close(client);
 *
 * One thread. What fails is false, and bench_client_why says why.
 */
#ifndef TESTS_BENCH_SPINE_CLIENT_H
#define TESTS_BENCH_SPINE_CLIENT_H

#include "runtime/base/bytes.h"

typedef struct bench_client bench_client;

/* Borrowed until the next call. */
typedef struct bench_message {
    const char *subject;
    rp_bytes body;
    uint64_t at_ns; /* monotonic: when it had been read and parsed */
} bench_message;

/* Connects and subscribes; the server has the subscription when this returns. On failure there is
 * still a client, to ask why and to close. */
bool bench_client_open(const char *url, const char *subscribe, bench_client **ret_client);

/* Accepts NULL. */
void bench_client_close(bench_client *client);

/* Writes a message to the socket, with Rp-Request where `request` is not NULL. */
bool bench_client_publish(
    bench_client *client, const char *subject, const char *request, rp_bytes body);

/* The next message; false where none comes within `timeout_ms`, or the connection is gone. */
bool bench_client_next(bench_client *client, int timeout_ms, bench_message *ret_message);

/* -- a mailbox, as an actor has one ------------------------------------------------------------ */

/* Makes a consumer of `stream` for `subject`, which this client pulls from. */
bool bench_client_mailbox(bench_client *client, const char *stream, const char *subject);

/* Asks the consumer for its next message. */
bool bench_client_pull(bench_client *client);

/* Waits for what was asked for; the monotonic time when it had been read. */
bool bench_client_pulled(bench_client *client, int timeout_ms, uint64_t *ret_at_ns);

const char *bench_client_why(const bench_client *client);

#endif
