/* What the files of the tokenizer actor share.
 *
 *     tokenizer_actor.c  the process: options, models, metrics, start and stop
 *     request.c          one request on its way: taken, read, encoded, sent on or ended
 *     admission.c        who is there in ACTORS, and whether one more request may wait
 *     exec.c             a request as work for executors, into EXEC
 *     reply.c            what is answered here: refusals, deadlines, and the same once more
 *
 * and beside them, without any messages: intake, encoder, cache, fleet, models.
 *
 * A request goes through on the loop's thread, from its delivery to EXEC within one call, unless it
 * has to wait for something:
 *
 *     taken -> read -> encoded --------------------> admitted -> EXEC -> settled
 *                        |                              ^
 *                        +- more text than the loop has time for: a compute thread
 *                        +- a duplicate would cost an executor much: a look at REPLY
 *
 * Everything that is kept belongs to one actor; several on one thread do not know of each other.
 */
#ifndef ACTORS_TOKENIZER_TOKENIZER_INTERNAL_H
#define ACTORS_TOKENIZER_TOKENIZER_INTERNAL_H

#include "actors/tokenizer/encoder.h"
#include "actors/tokenizer/fleet.h"
#include "actors/tokenizer/intake.h"
#include "actors/tokenizer/tokenizer.h"
#include "runtime/actor/answer.h"

enum {
    /* What the loop encodes itself, in bytes that are not in the cache: at 10 to 80 MB/s less than
     * 0.1 ms, and about what it costs to hand it to a thread and back on a busy machine. */
    TOKENIZER_LOOP_BYTES_MAX = 1024,

    /* A request with a longer prompt is looked up in REPLY before it goes to EXEC. Up to here its
     * duplicate costs an executor one step of prefill, so that the look is left out. */
    TOKENIZER_UNSEEN_TOKENS_MAX = 64,

    TOKENIZER_RETRY_MS = 500
};

typedef struct tokenizer {
    const rp_worker_env *env;
    rp_tokenizer_settings settings;
    rp_tokenizer_models *models;
    rp_encoder *encoder; /* workspace 0 is the loop's, 1 + t that of compute thread t */
    rp_fleet *fleet;
    rp_follower *actors;
    rp_arena record_arena; /* of one record of ACTORS */
    rp_buffer scratch;
    struct {
        rp_metric_family *refused, *records_ignored;
        rp_counter *admitted, *prompt_tokens, *exec_lost, *cache_hits, *cache_misses,
            *cache_evictions;
        rp_gauge *cache_bytes;
    } metrics;
} tokenizer;

/* A request on its way; the context's own memory. */
typedef struct work {
    tokenizer *self;
    rp_intake_address address;
    rp_intake intake;
    const rp_tokenizer_model *model;
    rp_encoder_task task;
    rp_status encoded;
    rp_refusal refusal; /* where it has to be refused */
    rp_fleet_lane *lane;
    bool placed;         /* holds a place in the lane */
    unsigned unfinished; /* of encoding and looking into REPLY */
    bool answered;       /* under this name an answer stands already */
} work;

/* -- request.c: the worker's callbacks --------------------------------------------------------- */

bool tokenizer_chain(const rp_message *message, rp_chain_name *ret_name);
void tokenizer_handle(rp_context *context, void *state);
void tokenizer_give_up(rp_context *context, void *state);
void tokenizer_abandon(rp_context *context, void *state);

/* -- admission.c ------------------------------------------------------------------------------- */

/* Begins to follow ACTORS. */
RP_MUST_USE rp_status tokenizer_watch(tokenizer *self, rp_error *reterr);

/* Asks for a place among what waits for the request's model, and notes what that was decided by.
 * False where there is none: then `w->refusal` says why. */
bool tokenizer_admit(rp_context *context, const char *lane);

/* The request is in EXEC: it waits for an executor. */
void tokenizer_admitted(work *w, uint64_t exec_sequence);

/* It goes no further; its place, if it has one, is free. */
void tokenizer_withdraw(work *w);

/* -- exec.c ------------------------------------------------------------------------------------ */

/* Publishes the admitted request as work in the lane; settles it when that is stored, or refuses it
 * where EXEC is full. Errors as rp_context_output, and those of encoding. */
RP_MUST_USE rp_status tokenizer_publish(rp_context *context, const char *lane);

/* -- reply.c: each ends the context ------------------------------------------------------------ */

/* Answers with `w->refusal`. */
void tokenizer_refuse(rp_context *context);

/* Past its deadline before anything began: an answer without tokens. */
void tokenizer_expire(rp_context *context);

/* Answers that it was tried too often, and puts it into DEAD. */
void tokenizer_bury(rp_context *context);

/* An earlier delivery sent the last chunk and did not come to RESULT: sends that. What was decided
 * stands, whatever would be decided now. False where there is no such chunk, and then the context
 * goes on. */
bool tokenizer_repeat(rp_context *context);

#endif
