/* What the files of the executor actor share.
 *
 *     executor_actor.c  options, weights, presence, cancels
 *     request.c         one request: read from EXEC, asked about, given back
 *     chunk.c           what was generated as a chunk, and a stored chunk read again
 *     ending.c          tokens taken, and how an answer ends
 *     dead.c            the last words about a request that cannot be answered
 *     steps.c           who is in the batch, one forward pass after the other
 *     step_record.c     STEP: the records of the passes, until they are stored
 *     transcript.c      an answer as it grows (knows no messages)
 *
 * and below it, without any messages: weights/, model/, engine/.
 *
 * The loop's thread owns everything; only the forward pass runs on the compute thread, one at a
 * time. While it runs the loop leaves the engine alone: sequences are added and removed between two
 * steps.
 *
 * A first delivery begins at once, while CONTROL is still asked whether the request was cancelled;
 * nothing of its answer leaves the process before that is known. `unread` counts the questions: as
 * long as there are any, the request can neither send nor end, and a step's result that would lead
 * to either waits in `early`. So a cancel that was stored before takes effect at token 0 however
 * long its answer took.
 */
#ifndef ACTORS_EXECUTOR_EXECUTOR_INTERNAL_H
#define ACTORS_EXECUTOR_EXECUTOR_INTERNAL_H

#include "actors/executor/engine/engine.h"
#include "actors/executor/executor.h"
#include "actors/executor/transcript.h"
#include "runtime/actor/answer.h"
#include "runtime/base/ring.h"
#include "runtime/format/gguf.h"
#include "runtime/provision/declaration.h"
#include "runtime/provision/models.h"
#include "schemas/reprise/v1/exec.pb-c.h"

enum {
    EXECUTOR_STEPS_IN_FLIGHT_MAX = 64, /* STEP records that are not stored yet */
    EXECUTOR_STATE_EVERY = 256,        /* steps; then the whole scheduler is recorded */
    EXECUTOR_STEP_STORED_S = 30,       /* a request waits so long for its records */
    EXECUTOR_ALONE_TRIES = 3,          /* from this delivery on a request runs alone */
    EXECUTOR_CHAIN_ROOM_MIN = 3        /* a chunk, the last one, and RESULT */
};

typedef struct executor executor;

/* A request that this executor holds; the context's own memory. */
typedef struct request {
    executor *self;
    rp_context *context;
    char tenant_token[RP_NAME_TOKEN_BYTES];
    const Rp__Exec *exec; /* in the context's arena */
    rp_encoding encoding;
    rp_transcript *transcript;
    unsigned unread;    /* questions to CONTROL and RESULT without an answer */
    bool result_stands; /* RESULT is written, and its chunks are gone: nothing to do */
    bool cancelled;     /* somebody asked for it */
    bool waiting;       /* for a place in the engine */
    bool seated;        /* in the engine, as `sequence` */
    uint32_t sequence;
    bool early; /* `result` waits for the answers */
    rp_engine_result result;
    uint64_t sent_before; /* tokens that an earlier delivery sent */
    bool end_recorded;    /* an earlier delivery sent the last chunk: */
    Rp__Chunk__FinishReason recorded_reason;
    uint64_t recorded_tokens;
    rp_refusal recorded_error;
    uint64_t began_ns, last_token_ns;
} request;

/* A place in the engine. */
typedef struct place {
    bool used;
    bool leaving;     /* to be removed before the next step */
    request *request; /* NULL where it is gone */
    uint64_t exec_sequence;
    uint32_t cached, sampled; /* for the scheduler's state */
} place;

/* A STEP record until it is stored, and whose settlement waits for it. */
typedef struct step_record {
    executor *self;
    bool used;
    bool again;          /* to be published again */
    uint64_t refused_ns; /* when it was first not stored; 0 = never */
    char id[RP_WORKER_SUBJECT_BYTES];
    rp_buffer body;
    rp_context **contexts; /* NULL: one that is over */
    size_t count;
} step_record;

struct executor {
    rp_actor *actor;
    const rp_worker_env *env;
    rp_executor_settings settings;
    rp_model_args args;
    const rp_model_arg *arg;
    char durables[RP_DECLARATION_LANES_MAX][RP_DURABLE_NAME_MAX + 1];
    char lanes[RP_DECLARATION_LANES_MAX][RP_NAME_LANE_BYTES];
    const rp_canon_kernels *kernels;
    rp_gguf *file;
    rp_vocabulary *vocabulary;
    rp_model *model;
    rp_engine *engine;
    uint32_t context_tokens;
    uint32_t stop_tokens[2];
    size_t stop_token_count;
    rp_worker *worker;
    rp_follower *control;

    request **held; /* by the context's slot; NULL = none */
    rp_transcript **transcripts;
    size_t places_of_worker;
    rp_ring waiting; /* request *, in order of arrival */

    place *places; /* by the engine's sequence */
    uint32_t place_count;
    bool stepping; /* the compute thread has the engine */
    bool broken;   /* the engine is of no further use */
    bool alone;    /* who is in the engine runs alone */
    rp_engine_step step;
    rp_status step_status;
    rp_error step_error;
    uint64_t step_began_ns;
    step_record records[EXECUTOR_STEPS_IN_FLIGHT_MAX];
    rp_timer *left;  /* goes on after somebody left the engine */
    rp_timer *again; /* looks after records that were not stored */

    rp_buffer scratch;
    rp_arena chunk_arena;
    struct {
        rp_metric_family *answers, *refused;
        rp_counter *tokens, *prompt_tokens, *steps, *records_refused;
        rp_histogram *first_token, *output_token, *step;
        rp_gauge *waiting;
    } metrics;

    /* The record in ACTORS. */
    Rp__ModelPresence model_presence;
    Rp__ModelPresence *model_presences[1];
    Rp__LanePresence lane_presence[RP_DECLARATION_LANES_MAX];
    Rp__LanePresence *lane_presences[RP_DECLARATION_LANES_MAX];
};

/* -- request.c --------------------------------------------------------------------------------- */

/* The worker's callbacks; that for a message given up is in dead.c. */
bool executor_chain(const rp_message *message, rp_chain_name *ret_name);
void executor_handle(rp_context *context, void *state);
void executor_abandon(rp_context *context, void *state);
void executor_chain_room(rp_context *context, void *state);

/* Whose answer it is, from the headers. */
bool executor_address(const rp_message *message, char tenant_token[RP_NAME_TOKEN_BYTES],
    char id[RP_REQUEST_ID_MAX + 1]);

/* The work itself. RP_INVALID, RP_LIMIT, and why the body cannot be had. */
RP_MUST_USE rp_status executor_read_exec(
    rp_context *context, const Rp__Exec **ret_exec, rp_error *reterr);

rp_answer executor_request_to(const request *r);

/* The request is over for this process: out of the queue and the engine. */
void executor_request_leave(request *r);

/* Gives it back, for another try. */
void executor_request_retry(request *r, const char *why);

/* -- chunk.c ----------------------------------------------------------------------------------- */

/* What was generated and not sent; valid until the next call for any request. RP_NO_MEMORY. */
RP_MUST_USE rp_status executor_chunk_fill(request *r, Rp__Chunk *chunk);

/* Sends it. RP_LIMIT where it is above what a chunk may hold. */
RP_MUST_USE rp_status executor_chunk_send(request *r);

/* The last chunk that is stored, from an earlier delivery; NULL where there is none. In the
 * context's arena. RP_CORRUPT where it cannot be read. */
RP_MUST_USE rp_status executor_chunk_stored(
    rp_context *context, const Rp__Chunk **ret_chunk, rp_error *reterr);

/* -- ending.c ---------------------------------------------------------------------------------- */

/* Whether the request should end before its next token: cancelled or past its deadline, and
 * everything that was sent before is there again. If so it has ended. Never while a question is
 * open. */
bool executor_request_interrupted(request *r);

bool executor_past_deadline(const request *r);

/* A step's result for a request. */
void executor_request_result(request *r, const rp_engine_result *result);

/* It cannot go on: the answer is an error. */
void executor_request_fail(request *r, Rp__Error__Code code, const rp_error *error);

/* -- dead.c ------------------------------------------------------------------------------------ */

void executor_give_up(rp_context *context, void *state);

/* The last chunk and RESULT, as far as anything is known, and DEAD. `exec` may be NULL. */
void executor_answer_dead(executor *self, rp_context *context, const Rp__Exec *exec,
    Rp__Error__Code code, const char *why);

/* -- steps.c ----------------------------------------------------------------------------------- */

RP_MUST_USE rp_status executor_steps_init(executor *self, rp_error *reterr);
void executor_steps_done(executor *self);

/* Puts a request into the queue for the engine. */
void executor_steps_enqueue(request *r);

/* Takes a request out of the queue and the engine, whatever it is doing there. */
void executor_steps_leave(request *r);

/* Does the next thing: seats who waits, starts a step. */
void executor_steps_wake(executor *self);

/* -- step_record.c ----------------------------------------------------------------------------- */

RP_MUST_USE rp_status executor_records_init(executor *self, rp_error *reterr);
void executor_records_done(executor *self);

/* Whether there is a place for the next step's record; without one no step starts. */
bool executor_records_room(const executor *self);

/* Records the step that was just made, before its results are looked at. */
void executor_record_step(executor *self);

/* A context is over before its steps were stored. */
void executor_records_forget(executor *self, rp_context *context);

#endif
