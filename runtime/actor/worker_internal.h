/* What the files of a worker share.
 *
 *     worker.c    mailboxes, slots, redeliveries, giving up, draining
 *     context.c   one message: reads, compute, its end
 *     output.c    what it says: identity, single and shared outputs
 *     chain.c     the numbered outputs of an answer, and how far they have come
 */
#ifndef RUNTIME_ACTOR_WORKER_INTERNAL_H
#define RUNTIME_ACTOR_WORKER_INTERNAL_H

#include "runtime/actor/journal.h"
#include "runtime/actor/worker.h"

enum {
    RP__OUTPUTS_IN_FLIGHT_MAX = 8, /* single and shared ones of a context */
    RP__READS_IN_FLIGHT_MAX = 4,
    RP__SUBJECTS_MAX = 8, /* that a context counts its outputs on */
    RP__MAILBOXES_OF_WORKER_MAX = 16,
    RP__CAUSE_BYTES = 128,
    RP__TRY_BYTES = 160
};

typedef enum rp__phase {
    RP__PHASE_FREE,
    RP__PHASE_OPENING, /* how far has its chain come? */
    RP__PHASE_RUNNING,
    RP__PHASE_ENDING, /* the actor is through; its outputs are on their way */
    RP__PHASE_ZOMBIE  /* over, but a compute job still runs */
} rp__phase;

/* The bounds of a worker that are counted when they are hit. */
typedef enum rp__worker_limit {
    RP__LIMIT_TRIES,   /* a message is given up */
    RP__LIMIT_DRAIN,   /* it is handed back when the drain's time is up */
    RP__LIMIT_OUTPUTS, /* too many single and shared outputs of a context on their way */
    RP__LIMIT_READS,   /* too many of its reads */
    RP__LIMIT_CHAIN,   /* too many chained outputs that wait */
    RP__LIMIT_BODY,    /* a chained output is too large */
    RP__LIMITS
} rp__worker_limit;

typedef enum rp__ending { RP__ENDING_DONE, RP__ENDING_REJECT } rp__ending;

/* An output on its way. */
typedef struct rp__flight {
    rp_context *context; /* NULL = unused */
    rp_output_kind kind;
    rp_output_cb stored;
} rp__flight;

typedef struct rp__read {
    rp_context *context; /* NULL = unused */
    rp_context_last_cb callback;
    const char *stream;
    char subject[RP_WORKER_SUBJECT_BYTES];
} rp__read;

/* An output that waits for the one before it: of the chain, or a single that closes it. */
typedef struct rp__queued {
    bool single;
    uint64_t index;
    char subject[RP_WORKER_SUBJECT_BYTES]; /* of a single */
    rp_output_cb stored;
    rp_buffer body;
    rp_buffer texts; /* header values, one behind the other */
    struct {
        rp_header header;
        size_t len;
    } headers[RP_OUTPUT_HEADERS_MAX + 1];
    size_t header_count;
} rp__queued;

typedef struct rp__chain {
    bool named;
    bool sending; /* the front of the queue */
    bool reading; /* how far it has come, after a conflict */
    bool stalled; /* the front could not be sent; tried again from a timer */
    rp_status stalled_by;
    rp_chain_name name;
    uint64_t next;     /* index of the next output that the actor makes */
    uint64_t stored;   /* outputs stored, ours or an earlier delivery's */
    uint64_t sequence; /* of the last of them */
    uint64_t stored_at_start;
    const rp_message *last; /* as found at the start; in the context's arena */
    rp__queued *queue;      /* a ring of chain_outputs_max */
    size_t head, count;
    size_t used; /* places of the queue that were ever filled; their buffers are kept */
} rp__chain;

struct rp_context {
    rp_worker *worker;
    rp__phase phase;
    rp__ending ending;
    const char *why; /* of a reject; in the arena */
    rp_message *message;
    size_t mailbox;
    rp_arena arena;
    void *own;
    uint64_t began_ns;
    uint64_t draws;
    uint64_t tries;
    uint64_t serial; /* of this delivery among all that the worker took */
    uint32_t holds;
    bool computing;
    bool abandoned;
    bool dead_sent;
    rp_context_done_cb computed;
    rp_context_run_cb run;
    rp_journal journal;
    struct {
        uint64_t hash;
        uint64_t count;
    } subjects[RP__SUBJECTS_MAX];
    rp__flight flights[RP__OUTPUTS_IN_FLIGHT_MAX];
    rp__read reads[RP__READS_IN_FLIGHT_MAX];
    rp__chain chain;
};

typedef struct rp__mailbox_of_worker {
    rp_worker *worker;
    const char *stream;
    const char *durable;
    rp_mailbox *mailbox;
    uint64_t delivered;  /* the highest sequence */
    uint64_t old;        /* up to here a first delivery may be a later one; UINT64_MAX: not known */
    const char *trouble; /* NULL = none */
} rp__mailbox_of_worker;

struct rp_worker {
    rp_worker_env env;
    rp_worker_spec spec;
    void *state;
    rp__mailbox_of_worker mailboxes[RP__MAILBOXES_OF_WORKER_MAX];
    size_t mailbox_count;
    rp_context *contexts;
    size_t context_count;
    size_t busy;
    uint64_t taken; /* messages so far */
    size_t turn;    /* which mailbox is offered a slot first */
    bool open, draining;
    rp_timer *extend, *drain_limit;
    void (*drained)(void *arg);
    void *drained_arg;
    rp_buffer scratch;
    struct {
        rp_counter *received, *redelivered, *done, *retried, *rejected, *duplicates, *overtaken;
        rp_counter *journal_cut;
        rp_counter *limits[RP__LIMITS];
        rp_gauge *busy;
        rp_histogram *seconds;
    } metrics;
};

/* -- context.c --------------------------------------------------------------------------------- */

RP_MUST_USE rp_status rp__context_init(rp_context *context, rp_worker *worker);
void rp__context_memory_done(rp_context *context);
void rp__context_begin(rp_context *context, rp_message *message, size_t mailbox);

/* Whether the context still has its message: what calls back into an actor checks it afterwards. */
static inline bool rp__context_lives(const rp_context *context)
{
    return context->phase == RP__PHASE_OPENING || context->phase == RP__PHASE_RUNNING ||
           context->phase == RP__PHASE_ENDING;
}

/* Ends the context once nothing of it is on its way any more. */
void rp__context_look(rp_context *context);

/* Drops what it does and settles as told; `settle` false leaves the message alone. */
void rp__context_abandon(
    rp_context *context, bool settle, rp_settlement settlement, uint64_t delay_ns);

/* The runtime could not do what the actor asked for: the message goes back. */
void rp__context_put_back(rp_context *context, const char *why);

/* -- output.c ---------------------------------------------------------------------------------- */

/* Writes <stream>:<sequence>:<index>. */
void rp__cause(const rp_context *context, uint64_t index, char text[RP__CAUSE_BYTES]);

/* Writes <process instance>.<serial>:<deliveries>, this delivery's Rp-Try. */
void rp__attempt(const rp_context *context, char text[RP__TRY_BYTES]);

/* Reads such a text. RP_INVALID. `ret_stream` borrows it. */
RP_MUST_USE rp_status rp__cause_parse(
    rp_bytes text, rp_bytes *ret_stream, uint64_t *ret_sequence, uint64_t *ret_index);

/* Writes the headers that say whose output this is, in front of the actor's own. The texts are in
 * the caller's storage. */
typedef struct rp__identity {
    char cause[RP__CAUSE_BYTES];
    char id[RP__CAUSE_BYTES + 16];
    char attempt[RP__TRY_BYTES];
} rp__identity;
void rp__identity_headers(rp_context *context, rp_bytes subject, uint64_t index,
    rp_output_kind kind, rp__identity *identity, rp_publication *publication);

rp_status rp__output_direct(rp_context *context, const rp_output *output);

/* How many outputs the context has made under `key`, which is the index of the next: whoever has
 * sent that one counts it. NULL above RP__SUBJECTS_MAX keys. */
uint64_t *rp__output_count(rp_context *context, rp_bytes key);

/* The journal went with an output: the next one's begins. */
void rp__output_journal_sent(rp_context *context);

/* Publishes to DEAD what became of a message. */
rp_status rp__output_dead(rp_context *context);

/* -- chain.c ----------------------------------------------------------------------------------- */

RP_MUST_USE rp_status rp__chain_init(rp_context *context);
void rp__chain_done(rp_context *context);
void rp__chain_begin(rp_context *context);

/* Finds out how far the chain has come; when the context opens, the actor gets it then. */
RP_MUST_USE rp_status rp__chain_read(rp_context *context);
rp_status rp__chain_output(rp_context *context, const rp_output *output);

/* A single output that is sent when the chain's outputs before it are stored. */
rp_status rp__chain_single(rp_context *context, const rp_output *output);

/* Tries again to send what the outbox did not take; puts the message back where it never will. */
void rp__chain_resume(rp_context *context);

/* -- worker.c ---------------------------------------------------------------------------------- */

/* The chain's state is known (or there is none): hands the message to the actor. */
void rp__worker_run(rp_context *context);

/* A bound was hit; the status that says so. */
rp_status rp__worker_limit_hit(rp_worker *worker, rp__worker_limit limit, rp_status status);

/* A context has become free. */
void rp__worker_freed(rp_worker *worker);

#endif
