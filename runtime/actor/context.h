/* A message in the hands of an actor, and everything the actor may do about it.
 *
 * A context begins when a worker is handed a message and ends when the message is settled. It may
 * live long: a handler can return at once and go on from a timer, a compute job or an answer. What
 * the handler says goes through the context, and the runtime sees to the rest:
 *
 *  - An output's identity follows from the input: Rp-Cause is the input's stream and sequence and
 *    the output's index on its subject; Nats-Msg-Id follows from it. An input that is delivered
 *    again makes the same outputs, which are then found stored.
 *  - The input is settled after its outputs are stored, never before.
 *  - Time is the moment the stream stored the message, random numbers are a function of (stream,
 *    sequence, draw): a redelivery and a replay get the same.
 *  - What the handler reads elsewhere is noted in the journal of its next output.
 *
 *     static void handle(rp_context *context, void *state)
 *     {
 *         const rp_message *message = rp_context_message(context);
 *         ...
 *         rp_output output = {.kind = RP_OUTPUT_SINGLE, .stream = "EXAMPLE", .subject = subject,
 *             .body = body};
 *         if (rp_context_output(context, &output) != RP_OK)
 *             return rp_context_retry(context, delay_ns, "...");
 *         rp_context_done(context);
 *     }
 *
 * Three kinds of output:
 *   single   has its subject to itself and is written once: RESULT. If one stands there already,
 *            the first one stands, and that is as good.
 *   chain    numbered outputs on one subject, each stored behind the one before: the chunks of an
 *            answer. A context has one chain at most (rp_chain_name in worker.h).
 *   shared   lies among others on its subject and is told apart by its message id: EXEC. It may
 *            repeat when the stream's duplicate window is over; its readers tell by Rp-Cause.
 *
 * All functions are called on the loop's thread, and only while the context lives: it ends with
 * done, retry or reject (once everything is stored), or with the worker's `abandon`.
 */
#ifndef RUNTIME_ACTOR_CONTEXT_H
#define RUNTIME_ACTOR_CONTEXT_H

#include "runtime/base/arena.h"
#include "runtime/base/buffer.h"
#include "runtime/base/host.h"
#include "runtime/base/rng.h"
#include "runtime/bus/bus.h"

typedef struct rp_context rp_context;

/* -- what came in ------------------------------------------------------------------------------ */

/* The message; the context's. */
const rp_message *rp_context_message(const rp_context *context);

/* The message's body: what came, or what its Rp-Body refers to. */
rp_bytes rp_context_body(const rp_context *context);

/* Memory that lives as long as the context. */
rp_arena *rp_context_arena(rp_context *context);

/* When the stream stored the message, Unix time. */
uint64_t rp_context_now_ns(const rp_context *context);

/* The next four random words of this message. */
rp_rng_words rp_context_draw(rp_context *context);

/* Measured time, for fields that are marked observed and for nothing else. */
uint64_t rp_context_measured_ns(const rp_context *context);

/* Memory of the actor's own that goes with the context; `context_bytes` of the worker's spec,
 * cleared when the context begins. */
void *rp_context_own(rp_context *context);

/* Which of the worker's places the context has, below rp_worker_places: for memory of the actor's
 * that outlives one message. */
size_t rp_context_slot(const rp_context *context);

/* -- reading elsewhere ------------------------------------------------------------------------- */

/* What a context was told of something outside its message; for the next output's journal. `place`
 * is a bucket or a stream, `revision` 0 where nothing was there. Past the journal's limit the rest
 * is left out and the journal says so. */
void rp_context_note(rp_context *context, const char *place, const char *key, uint64_t revision);

/* Likewise, by value: for what is not kept, such as ACTORS. */
void rp_context_note_value(
    rp_context *context, const char *place, const char *key, const char *value);

/* Reads the last message of a subject; noted. The callback comes while the context lives, or not at
 * all. RP_LIMIT, RP_INVALID as rp_bus_last. */
typedef void (*rp_context_last_cb)(
    rp_context *context, rp_status status, const rp_message *message);
RP_MUST_USE rp_status rp_context_last(
    rp_context *context, const char *stream, const char *subject, rp_context_last_cb callback);

/* Runs `run` on a compute thread with the context's own memory, then `done` on the loop. The
 * context lives until `done`, which comes also when the context was abandoned meanwhile: then
 * rp_context_abandoned says so, and `done` has to leave it alone. */
typedef void (*rp_context_run_cb)(void *own, size_t thread);
typedef void (*rp_context_done_cb)(rp_context *context);
RP_MUST_USE rp_status rp_context_compute(
    rp_context *context, rp_context_run_cb run, rp_context_done_cb done);

/* -- outputs ----------------------------------------------------------------------------------- */

typedef enum rp_output_kind { RP_OUTPUT_SINGLE, RP_OUTPUT_CHAIN, RP_OUTPUT_SHARED } rp_output_kind;

enum { RP_OUTPUT_HEADERS_MAX = 6, RP_OUTPUT_BODY_BYTES_MAX = 8 << 20 /* of a chain's */ };

/* Called when the output is stored (RP_OK, at `sequence`), or when its stream takes nothing more
 * (RP_FULL), which the actor has to answer for; not for an output of a chain that is passed over.
 * Every other failure is the runtime's: it puts the message back. */
typedef void (*rp_output_cb)(rp_context *context, rp_status status, uint64_t sequence);

/* Borrowed for the call. Of the headers, the runtime adds identity, journal, build and trace. */
typedef struct rp_output {
    rp_output_kind kind;
    const char *stream; /* where it will lie; a single's is read after a conflict */
    rp_bytes subject;   /* of a chain: ignored, it has its own */
    rp_bytes body;
    rp_header_value headers[RP_OUTPUT_HEADERS_MAX];
    size_t header_count;
    rp_output_cb stored; /* may be NULL */
} rp_output;

/* Takes an output. Of a chain, outputs wait in a queue of the worker's `chain_outputs_max`; those
 * that stand in the stream already, from an earlier delivery, are passed over. RP_BUSY where the
 * queue is full; RP_LIMIT where the body is above RP_OUTPUT_BODY_BYTES_MAX, or the headers above
 * theirs; RP_INVALID for a subject or header that cannot be. A single output waits until the
 * chain's outputs before it are stored, so that it closes them. What waits in the queue is sent
 * when the outbox has room; a shared output, and a single one without a chain, is sent at once,
 * with RP_LIMIT where the outbox is full. */
RP_MUST_USE rp_status rp_context_output(rp_context *context, const rp_output *output);

/* How many outputs the chain's queue still takes. When one was stored, and there is more room, the
 * worker's `chain_room` is called. */
size_t rp_context_chain_room(const rp_context *context);

/* The index that the next output of the chain will have, counted from 0. */
uint64_t rp_context_chain_next(const rp_context *context);

/* Goes on behind what is stored, whatever the actor has made so far: for an end that does not
 * follow from the outputs before it. */
void rp_context_chain_skip(rp_context *context);

/* What the chain held when this delivery began: the number of its outputs, 0 = none. */
uint64_t rp_context_chain_stored(const rp_context *context);

/* The last of them, body and headers; NULL where there is none. */
const rp_message *rp_context_chain_last(const rp_context *context);

/* The context does not end before as many releases as holds: for outputs that are not its own (the
 * record of a step, shared by many requests). */
void rp_context_hold(rp_context *context);
void rp_context_release(rp_context *context);

/* -- the end ----------------------------------------------------------------------------------- */

/* Nothing more comes; the message is settled when all outputs are stored. */
void rp_context_done(rp_context *context);

/* Gives the message back, to be delivered again after a delay. What is queued is dropped. */
void rp_context_retry(rp_context *context, uint64_t delay_ns, const char *why);

/* Gives the message back whatever the context does, after rp_context_done too: for whoever holds it
 * and cannot get what it waits for. The actor is told by `abandon`. */
void rp_context_give_back(rp_context *context, const char *why);

/* The message cannot be handled by anybody: it goes to DEAD with the reason, and is settled for
 * good. Outputs made before are stored first. */
void rp_context_reject(rp_context *context, const char *why);

/* Whether somebody else has the message now; the actor has been told by `abandon`. */
bool rp_context_abandoned(const rp_context *context);

/* This delivery's number, counted since the last output that was stored. */
uint64_t rp_context_tries(const rp_context *context);

#endif
