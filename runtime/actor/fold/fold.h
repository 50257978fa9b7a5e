/* A fold: an actor that is a state machine over a stream.
 *
 * Its state is the fold of the log in stream order, and nothing else. Whoever wants something of it
 * publishes to the log itself; the publish's acknowledgement means that the message is durable, not
 * that it is accepted. Every replica reads the whole log and comes to the same state, bit for bit,
 * so that any of them answers reads, none is elected, and a new one begins with a snapshot and the
 * rest of the log. What a replica may not do follows from this: look at a clock, draw a number, ask
 * somebody, or depend on how fast anything is.
 *
 * The state is a set of pairs, key and value, both bytes. The fold reads and writes them through
 * the functions below; the runtime keeps their digest, writes and reads snapshots, compares
 * replicas, and takes back what a message wrote that is then refused. A whole fold is one function:
 *
 *     static void fold(rp_fold *fold, void *state, const rp_message *message)
 *     {
 *         rp_bytes key = rp_name_token(message->subject, 1);
 *         ...
 *         if (count > limit)
 *             rp_fold_refuse(fold, RP__ERROR__CODE__INVALID_ARGUMENT, "by", "2^53", "...");
 *         else
 *             rp_fold_put(fold, key, value);
 *     }
 *
 * The life of one message of the log:
 *  1. It is folded: it changes pairs, or is refused and changes nothing. Whoever wants to know asks
 *     `ask.<kind>.<name>.verdict` or reads OUTCOME. A message that does not parse is refused too.
 *  2. What it gave rise to, refusals and derived events, is an outcome: one record on
 *     outcome.<kind>.<partition>, in the order of (sequence of the cause, index), each stored
 *     exactly once, at any lag of any replica (emitter.h says how).
 *  3. Its effect is in every snapshot at its sequence or above. A snapshot at S is stored only
 *     when all outcomes of causes up to S are stored.
 *
 * What is not folded, though it lies in the log: a timer that waits (Nats-Schedule) and one that was
 * taken back (Nats-Rollup), since the server removes them, and a replica that comes later does not
 * see them. A message that carries Rp-Body is refused: what it refers to may be gone later.
 *
 * At every 4,096th sequence B of the log the digest is an outcome with the cause B, behind B's own
 * outcomes. Where there is no message B any more, it is computed before the next message above B,
 * with index 0; of several such sequences in one hole only the last.
 *
 * Partitions. The log may be shared out by a token of its subjects: a message belongs to partition
 * FNV-1a-32(token) modulo the number of partitions. Each partition is a fold of its own, with its
 * own pairs, outcomes, snapshots and lease. A process runs one partition or all of them. Every
 * partition reads the whole log, so that a gap in it is seen, and passes over what is another's. Their
 * number is part of what a fold is: it is not changed while there are snapshots.
 *
 * Snapshots and purging. A snapshot is taken at a message that is folded. Whoever purges the log
 * below the snapshots of all partitions keeps the message at the lowest of their sequences itself
 * (rp_bus_purge with that very number), so that the log is seen to reach back to it even where the
 * messages behind it were timers that have fired.
 *
 * Bounds. Pairs and their bytes, what one message may write, outcomes that are not stored yet (the
 * fold stops reading while there are too many), reads that wait for a sequence. Each is in
 * rp_fold_limits; what the log itself brings above a bound is refused, with the bound named.
 *
 * One thread, the loop's.
 */
#ifndef RUNTIME_ACTOR_FOLD_FOLD_H
#define RUNTIME_ACTOR_FOLD_FOLD_H

#include "runtime/actor/worker.h"
#include "runtime/base/buffer.h"
#include "runtime/base/hash.h"
#include "runtime/base/json.h"
#include "runtime/store/store.h"
#include "schemas/refusal.h"

typedef struct rp_fold rp_fold;

/* Of one partition. */
typedef struct rp_fold_limits {
    size_t pairs_max;
    size_t key_bytes_max;
    size_t value_bytes_max;
    size_t bytes_max;            /* of all keys and values together */
    size_t writes_max;           /* of one message */
    size_t outcomes_message_max; /* of one message */
    size_t outcomes_ahead_max;   /* computed and not yet seen stored; then folding stops */
    size_t verdicts_max;         /* refusals that are remembered for `verdict` */
    size_t asks_waiting_max;     /* reads that wait for a sequence */
    uint64_t ask_wait_ns;        /* the longest that one waits */
} rp_fold_limits;

#define RP_FOLD_LIMITS                      \
    ((rp_fold_limits){.pairs_max = 1 << 20, \
        .key_bytes_max = 512,               \
        .value_bytes_max = 1 << 20,         \
        .bytes_max = (size_t)256 << 20,     \
        .writes_max = 1024,                 \
        .outcomes_message_max = 64,         \
        .outcomes_ahead_max = 8192,         \
        .verdicts_max = 4096,               \
        .asks_waiting_max = 1024,           \
        .ask_wait_ns = 5 * RP_NS_PER_S})

enum {
    RP_FOLD_DIGEST_EVERY = 4096, /* sequences of the log; then the digest is an outcome */
    RP_FOLD_PARTITIONS_MAX = 256,
    RP_FOLD_KIND_MAX = 64, /* bytes */
    RP_FOLD_LEASE_S = 5    /* after the death of the replica that emits, another one does */
};

/* A read that somebody waits for: `ask.<kind>.<name>.<op>`. */
typedef struct rp_fold_ask {
    rp_bytes name; /* decoded */
    rp_bytes op;
    yyjson_val *query; /* the request's body, an object; an empty body reads as {} */
} rp_fold_ask;

typedef struct rp_fold_spec {
    const char *stream;  /* the log */
    unsigned name_token; /* which token of a subject, from 0, tells the partition and is the <name>
                             of reads */
    rp_fold_limits limits;
    uint64_t snapshot_every; /* messages of the log; above 0 */

    /* Folds one message of the partition. Its effect must follow from the message and the pairs
     * alone. */
    void (*fold)(rp_fold *fold, void *state, const rp_message *message);

    /* The pairs are other ones now: a snapshot was read, or the fold begins from nothing. For a
     * fold that keeps something made from them. May be NULL. */
    void (*restored)(rp_fold *fold, void *state);

    /* Answers a read with one JSON value, appended to `answer`; the runtime adds the sequence. False
     * with a refusal. `verdict` (what became of a message) and `state` (the digest) are the
     * runtime's own. May be NULL: then there are no others. */
    bool (*ask)(
        rp_fold *fold, void *state, const rp_fold_ask *ask, rp_buffer *answer, rp_refusal *retref);
} rp_fold_spec;

/* -- for the fold's functions ------------------------------------------------------------------ */

/* The highest timestamp folded so far, Unix time: the only clock there is. */
uint64_t rp_fold_now_ns(const rp_fold *fold);

/* The sequence that is being folded, or was last. */
uint64_t rp_fold_sequence(const rp_fold *fold);

uint32_t rp_fold_partition(const rp_fold *fold);

/* Memory until the function that was called returns. */
rp_arena *rp_fold_arena(rp_fold *fold);

/* Reads the body of the message that is folded, a JSON object. NULL where it is none: the message is
 * refused then. */
yyjson_val *rp_fold_json(rp_fold *fold, const rp_message *message);

/* The value of a key; an empty view with NULL data where there is none. Valid while the message is
 * folded, or the question answered. */
rp_bytes rp_fold_get(const rp_fold *fold, rp_bytes key);

/* Writes a pair, copied. Only while a message is folded. False at a bound: the message is refused
 * then, with the bound named, whatever the fold goes on to do. */
bool rp_fold_put(rp_fold *fold, rp_bytes key, rp_bytes value);

/* Removes a pair; nothing where there is none. */
void rp_fold_remove(rp_fold *fold, rp_bytes key);

/* The pairs whose keys begin with `prefix`, in the order of their bytes. Stops where `each` says
 * false. It must not write. */
void rp_fold_each(const rp_fold *fold, rp_bytes prefix,
    bool (*each)(void *arg, rp_bytes key, rp_bytes value), void *arg);

/* Refuses the message: what it wrote is taken back, what it gave rise to is dropped, and the
 * refusal is its only outcome. The first refusal of a message stands. `field` and `limit` may be
 * NULL. */
RP_PRINTF(5, 6)
void rp_fold_refuse(rp_fold *fold, Rp__Error__Code code, const char *field, const char *limit,
    const char *format, ...);

/* A derived event: an outcome named `name`, whose body is one JSON value. */
void rp_fold_event(rp_fold *fold, const char *name, rp_bytes json);

/* A message to come: `body` is published to `target`, a subject of the log, at `at_ns` or as soon
 * after as can be (to the millisecond, and up to 250 ms late), in log order like every other.
 * `timer` is the subject that the timer itself lies on; the same one again replaces it. It may fire
 * twice if a replica dies just then: the fold tells by what it has in its pairs. The log's stream
 * must allow schedules (a row in runtime/provision/declaration.c); such a stream cannot refuse what
 * is new when it is full, so it needs room. */
void rp_fold_timer(rp_fold *fold, rp_bytes timer, rp_bytes target, rp_bytes body, uint64_t at_ns);

/* Takes a timer back. One that fires in just that moment may still come. */
void rp_fold_timer_cancel(rp_fold *fold, rp_bytes timer);

/* Whether the message carries Rp-Epoch and it is `epoch`: the sequence of the last accepted claim
 * of the key. A fold that fences refuses every message where this says no. */
bool rp_fold_epoch_holds(const rp_message *message, uint64_t epoch);

/* -- for whoever runs one ---------------------------------------------------------------------- */

/* Which partition, of which kind, and what it shares with those beside it in its process; borrowed
 * for the fold's life but for the struct itself. Most folds are part of an actor (actor.h), whose
 * partitions folds.h runs. */
typedef struct rp_fold_place {
    const char *kind; /* one token of a subject, of RP_FOLD_KIND_MAX at most */
    uint32_t partition, partitions;
    uint64_t snapshot_every; /* 0 = the spec's */
    rp_store *store;
    struct rp_fold_metrics *metrics;
} rp_fold_place;

/* Begins: the newest valid snapshot, then the rest of the log. What goes wrong on the way is told
 * by rp_fold_troubled, and tried again. The bus and host are the environment's; `state` goes to
 * the spec's functions. RP_INVALID for numbers out of range, RP_LIMIT where the bus follows too much
 * already, RP_NO_MEMORY. */
RP_MUST_USE rp_status rp_fold_new(const rp_worker_env *env, const rp_fold_spec *spec,
    const rp_fold_place *place, void *state, rp_fold **ret_fold, rp_error *reterr);

/* Why it cannot go on, as a sentence: the log begins behind the snapshot, a replica's digest is
 * another one, ...; false while all is well and it has caught up with what was stored. */
bool rp_fold_troubled(const rp_fold *fold, const char **ret_why);

/* Which partition a name belongs to: a message by its token, a read by its <name>. */
uint32_t rp_fold_partition_of(rp_bytes token, uint32_t partitions);

/* Outcomes that it has computed and not seen stored. */
size_t rp_fold_waiting(const rp_fold *fold);

/* Reads nothing more. The holder of the lease stores what outcomes are left, writes a snapshot, and
 * gives the lease back. `drained` comes once, after `limit_ns` at the latest, and not inside the
 * call. */
void rp_fold_drain(rp_fold *fold, uint64_t limit_ns, void (*drained)(void *arg), void *arg);

/* The digest of the pairs: the sum modulo 2^128 of each pair's XXH3-128 (runtime/store/pairs.h). */
rp_hash128 rp_fold_digest(const rp_fold *fold);

/* NULL is fine. */
void rp_fold_free(rp_fold *fold);

#endif
