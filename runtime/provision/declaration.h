/* The one declaration: every stream, bucket and durable that Reprise stands on.
 *
 * It is data (declaration.c): a table of streams and a table of durables, to which each model adds
 * one durable for each of its lanes. Nothing else in Reprise creates streams or durables; actors
 * find them there. rp_declaration_build turns the tables into items, each with the configuration
 * that the server should have, and diff.h compares those with what it does have.
 *
 * What the rows mean:
 *  - Every stream is a file stream, kept by age and bytes and never by interest: the log is what a
 *    replay reads. Every one has max_bytes. Where full, a stream either takes nothing new (what
 *    clients and tokenizers publish, so that they hear of it) or drops its oldest (records).
 *  - REPLY is written on put.reply.> and keeps reply.>: what subscribers see is republished after
 * it was stored, so they never see a chunk that was refused.
 *  - Buckets and the object store lie in the layout that every NATS client knows (KV_<bucket>,
 *    OBJ_<bucket>), so that stock tools read them.
 *  - A durable is a pull consumer with explicit acknowledgement. A dead process's messages come
 * back after ack_wait; deliveries are unbounded here, since the runtime counts them and gives up
 * with an answer. One durable serves all replicas of a role.
 *
 * Sizes are made for a laptop, 3.4 GB in all, and scale together with `bytes_total`. A number that
 * an operator did not give (0) is a default for new streams only: existing ones keep what they
 * have, so that a later run without it does not take back what an earlier one set.
 *
 *     rp_model_version models[] = {{.name = "gemma3", .version = "4b1c...", .lanes = 1}};
 *     rp_declaration_spec spec = {.models = models, .models_count = 1};
 *     rp_item *items;
 *     size_t count;
 *     if (rp_declaration_build(&spec, &arena, &items, &count, reterr) != RP_OK) ...
 */
#ifndef RUNTIME_PROVISION_DECLARATION_H
#define RUNTIME_PROVISION_DECLARATION_H

#include "runtime/base/json.h"

enum {
    RP_DECLARATION_MODELS_MAX = 64,
    RP_DECLARATION_LANES_MAX = 16,
    RP_DECLARATION_REPLICAS_MAX = 5,
    RP_DECLARATION_SUBJECTS_MAX = 4, /* of a stream, and filters of a durable */
    RP_DURABLE_NAME_MAX = 255        /* bytes; the server's bound on a name */
};

#define RP_DECLARATION_BYTES_MIN (UINT64_C(64) << 20) /* of all streams together */
#define RP_DECLARATION_BYTES_MAX (UINT64_C(1) << 50)

typedef struct rp_stream_spec {
    const char *name;
    const char *description;
    const char *subjects[RP_DECLARATION_SUBJECTS_MAX]; /* the rest NULL */
    uint64_t max_age_s;                                /* 0 = no limit */
    uint32_t mebibytes; /* max_bytes by default, and its share of bytes_total */
    bool discard_new;
    int32_t per_subject_max; /* messages; -1 = no limit */
    uint32_t duplicates_ms;  /* how long message ids are remembered */
    const char *stored_as;   /* subjects are mapped to this, and republished; NULL = as they come */
    bool rollup;             /* bucket layout: Nats-Rollup, and no deletes by sequence */
    bool deny_delete;
    bool message_ttl; /* Nats-TTL on messages */
    bool schedules;   /* Nats-Schedule: messages that come at a time */
} rp_stream_spec;

typedef struct rp_durable_spec {
    const char *stream;
    const char *name;
    const char *description;
    const char *filters[RP_DECLARATION_SUBJECTS_MAX]; /* the rest NULL */
} rp_durable_spec;

extern const rp_stream_spec rp_declaration_streams[];
extern const size_t rp_declaration_streams_count;
extern const rp_durable_spec rp_declaration_durables[];
extern const size_t rp_declaration_durables_count;

/* A model version that executors serve. */
typedef struct rp_model_version {
    const char *name;    /* as people write it; encoded in subjects and names */
    const char *version; /* likewise */
    uint32_t lanes;      /* 1 to RP_DECLARATION_LANES_MAX */
} rp_model_version;

/* What the operator chooses; borrowed. */
typedef struct rp_declaration_spec {
    const rp_model_version *models;
    size_t models_count;
    uint64_t bytes_total; /* of all streams; 0 = keep, and the defaults for new ones */
    uint32_t replicas;    /* of each stream; 0 = keep, and 1 for new ones */
} rp_declaration_spec;

typedef enum rp_item_kind { RP_ITEM_STREAM, RP_ITEM_DURABLE } rp_item_kind;

/* One thing that the server should have. */
typedef struct rp_item {
    rp_item_kind kind;
    const char *stream;
    const char *name;     /* the durable's; NULL for a stream */
    yyjson_val *config;   /* every field that we govern, as the server's API names it */
    bool keeps_max_bytes; /* where it exists, these stay as they are */
    bool keeps_replicas;
    bool filter_is_identity; /* a durable that with another filter would be another one */
} rp_item;

/* All items, streams first; they live in `arena`. RP_INVALID or RP_LIMIT with what is wrong of the
 * spec: names that are empty or too long, lanes, replicas, sizes, two models with one durable. */
RP_MUST_USE rp_status rp_declaration_build(const rp_declaration_spec *spec, rp_arena *arena,
    rp_item **ret_items, size_t *ret_count, rp_error *reterr);

/* The durable that the executors of a lane share, "executor-<model>-<version>-<lane>" with the
 * names encoded. RP_INVALID, or RP_LIMIT where that is above RP_DURABLE_NAME_MAX. */
RP_MUST_USE rp_status rp_declaration_executor(const char *model, const char *version,
    const char *lane, char name[RP_DURABLE_NAME_MAX + 1], rp_error *reterr);

#endif
