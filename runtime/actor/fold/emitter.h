/* The emitter: a partition's outcomes, each stored exactly once, in their order, at any lag of any
 * replica.
 *
 * Every replica computes all outcomes. It keeps those that it has not seen stored in a ring, in the
 * order of (sequence of the cause, index), which is also the order of the chain on
 * outcome.<kind>.<partition>. The head of the chain, its last outcome, says by its cause how far the
 * chain has come: whatever is not behind it is dropped from the ring, whoever stored it.
 *
 * One replica emits, the others watch; which one is decided by a lease, to save work. Emitting is
 * safe without it: each outcome is published on condition that the head is still the one that the
 * emitter knows (expected last sequence). If it is not, the emitter reads the head again and goes on
 * behind it. So several that emit at once, one that slept and wakes, and one that lost an
 * acknowledgement store nothing twice and leave nothing out. Nothing rests on message ids or on the
 * stream's duplicate window.
 *
 * A full ring is the fold's business: it stops folding (rp_emitter_full) until `on_room`.
 *
 * A timer is an outcome that has an effect: the message with its schedule is put into the log before
 * the outcome that says so is stored. Who takes over after a crash between the two looks what lies
 * on the timer's subject: this very timer or a later one stays, else it is put there (again). The
 * expected sequence of that subject refuses it where it has changed since the look. Once a timer has
 * fired its subject is empty, as if it had never been put: so a replica that slept between the look
 * and the put asks the lease by the clock (`holds`) before it puts one.
 *
 *     slot = rp_emitter_draft(emitter);        while a message is folded
 *     rp_outcome_encode(&outcome, log, place, subject, &slot->body);
 *     rp_emitter_keep(emitter, sequence);      the message was accepted, or refused with one draft
 *     rp_emitter_discard(emitter);             its drafts are dropped
 *
 * An outcome takes one round trip to the server, about 60 us on one machine: the next one can be
 * published only when the one before has its sequence. One thread, the loop's.
 */
#ifndef RUNTIME_ACTOR_FOLD_EMITTER_H
#define RUNTIME_ACTOR_FOLD_EMITTER_H

#include "runtime/actor/fold/outcome.h"
#include "runtime/actor/worker.h"

typedef struct rp_emitter rp_emitter;

enum { RP_EMITTER_BYTES_MAX = 64 << 20 /* of all records in the ring; then it is full */ };

/* An outcome that was computed. Filled between draft and keep; the buffers are the emitter's. */
typedef struct rp_emission {
    rp_outcome_place place; /* set by keep */
    rp_buffer body;
    bool timed;              /* it is a timer, of the fields below */
    rp_buffer timer, target; /* subjects; an empty target takes the timer back */
    rp_buffer message;       /* what will come */
    uint64_t at_ns;
} rp_emission;

/* Texts and env are borrowed for the emitter's life. */
typedef struct rp_emitter_spec {
    const rp_worker_env *env;
    const char *log;
    const char *subject; /* outcome.<kind>.<partition> */
    size_t outcomes_max; /* in the ring */
    size_t drafts_max;   /* of one message; below outcomes_max */

    /* An outcome was stored by whomever; borrowed. */
    void (*on_outcome)(void *arg, const rp_message *outcome);
    void (*on_moved)(void *arg); /* the chain has been read, or the ring has become shorter */
    void (*on_room)(void *arg);  /* it was full, and is half empty */

    /* Whether the lease is held at this moment; a process that slept may not have been told yet. */
    bool (*holds)(void *arg);
    void *arg;
} rp_emitter_spec;

/* Begins to watch the chain. RP_INVALID, RP_LIMIT (the bus follows too much), RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_emitter_new(const rp_emitter_spec *spec, rp_emitter **ret_emitter);

/* NULL is fine. */
void rp_emitter_free(rp_emitter *emitter);

/* -- filling ----------------------------------------------------------------------------------- */

/* A cleared place for one more outcome of the message that is folded; NULL above drafts_max. */
rp_emission *rp_emitter_draft(rp_emitter *emitter);

/* How many drafts there are: the index of the next. */
uint32_t rp_emitter_drafts(const rp_emitter *emitter);

/* The drafts are the outcomes of `sequence`, the first with index 0; unless `first_index` says that
 * there were others before. Sequences rise from call to call. */
void rp_emitter_keep(rp_emitter *emitter, uint64_t sequence, uint32_t first_index);

void rp_emitter_discard(rp_emitter *emitter);

/* Whether another message's outcomes may not fit. */
bool rp_emitter_full(const rp_emitter *emitter);

/* Forgets what it has computed: the fold begins anew. */
void rp_emitter_reset(rp_emitter *emitter);

/* -- emitting ---------------------------------------------------------------------------------- */

/* Whether this replica emits, from now on. */
void rp_emitter_emit(rp_emitter *emitter, bool emit);

/* How many outcomes wait in the ring. */
size_t rp_emitter_count(const rp_emitter *emitter);

/* The cause of the first outcome that was not seen stored; UINT64_MAX where all were. */
uint64_t rp_emitter_unstored(const rp_emitter *emitter);

/* The last outcome seen stored; false until the chain has been read. (0, 0) = it is empty. */
bool rp_emitter_head(const rp_emitter *emitter, rp_outcome_place *ret_place);

/* Why outcomes cannot be stored at present, as a sentence; NULL = they can. */
const char *rp_emitter_trouble(const rp_emitter *emitter);

#endif
