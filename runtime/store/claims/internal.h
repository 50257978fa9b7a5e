/* What the files of the claims share.
 *
 *     claims.c      the bus: made, what goes through as it is, freed
 *     fetch.c       one body on its way in
 *     message.c     a message with the body that it refers to
 *     mailbox.c     mailboxes
 *     last.c        last messages
 *     follow.c      followers
 *     publish.c     publishes
 *     reference.c   what Rp-Body says
 */
#ifndef RUNTIME_STORE_CLAIMS_INTERNAL_H
#define RUNTIME_STORE_CLAIMS_INTERNAL_H

#include "runtime/store/claims/claims.h"
#include "runtime/store/object/object.h"

typedef struct rp__claims rp__claims;
typedef struct rp__fetch rp__fetch;
typedef struct rp__claimed rp__claimed;
typedef struct rp__parcel rp__parcel;
typedef struct rp__claims_last rp__claims_last;

struct rp__claims {
    rp_bus bus; /* first */
    rp_bus *inner;
    rp_host *host;
    rp_store store; /* over the inner bus */
    rp_objects *blobs;
    rp__fetch *fetches;
    size_t fetch_count, fetch_bytes;
    rp_mailbox *mailboxes;
    rp__claims_last *lasts, *spare_lasts;
    rp_follower *followers;
    rp_subscription *subscriptions;
    rp__parcel *parcels; /* what waits to be published, oldest first */
    size_t parcel_count, body_count, body_bytes;
    rp_timer *publish_timer;
    struct {
        rp_counter *stored, *fetched, *missing, *full;
    } metrics; /* NULL where there are none */
};

static inline rp__claims *rp__claims_of(rp_bus *bus)
{
    return (rp__claims *)bus;
}

static inline void rp__claims_count(rp_counter *counter)
{
    if (counter)
        rp_counter_add(counter, 1);
}

/* -- fetch.c ----------------------------------------------------------------------------------- */

/* A body on its way in. `done` comes once, from the loop, unless rp__fetch_stop came first; the
 * fetch is gone then. The body is the callee's (free), NULL unless RP_OK. RP_INVALID, RP_NOT_FOUND,
 * RP_CORRUPT and RP_LIMIT are the body's own, RP_UNAVAILABLE is the moment's. */
typedef void (*rp__fetch_cb)(
    void *arg, rp_status status, uint8_t *body, size_t len, const char *why);

/* `text` is Rp-Body's value. RP_INVALID with the reason in `reterr`, RP_BUSY, RP_NO_MEMORY. */
rp_status rp__fetch_start(rp__claims *claims, rp_bytes text, rp__fetch_cb done, void *arg,
    rp__fetch **ret_fetch, rp_error *reterr);

/* NULL is fine. */
void rp__fetch_stop(rp__fetch *fetch);

/* -- message.c --------------------------------------------------------------------------------- */

/* A message whose body is another one: over an inner message that it has taken, or a copy. */
struct rp__claimed {
    rp_message message; /* first */
    rp_message *inner;  /* NULL of a copy */
    uint8_t *body;      /* fetched; NULL = none */
    char why[RP_ERROR_MESSAGE_MAX];
    rp_bytes headers[RP_HEADER_COUNT]; /* of a copy; they lie behind it */
};

/* Takes `inner` where it succeeds; NULL out of memory. */
rp__claimed *rp__claimed_new(rp_message *inner);

/* Copies a message that is only lent; NULL out of memory. */
rp__claimed *rp__claimed_copy(const rp_message *message);

/* What became of its body; takes it. */
void rp__claimed_fill(
    rp__claimed *claimed, rp_status status, uint8_t *body, size_t len, const char *why);

/* The inner message of one that is ours, else the message itself. */
const rp_message *rp__claimed_inner(const rp_message *message);

/* -- mailbox.c --------------------------------------------------------------------------------- */

rp_status rp__claims_mailbox_open(
    rp_bus *bus, const rp_mailbox_spec *spec, rp_mailbox **ret_mailbox);
void rp__claims_mailbox_credit(rp_mailbox *mailbox, size_t credit);
void rp__claims_mailbox_close(rp_mailbox *mailbox);
void rp__claims_mailboxes_done(rp__claims *claims);

/* -- last.c ------------------------------------------------------------------------------------ */

rp_status rp__claims_last_ask(
    rp_bus *bus, const char *stream, const char *subject, rp_answer_cb callback, void *arg);
void rp__claims_lasts_forget(rp__claims *claims, void *arg);
void rp__claims_lasts_done(rp__claims *claims);

/* -- follow.c ---------------------------------------------------------------------------------- */

rp_status rp__claims_follow(rp_bus *bus, const rp_follower_spec *spec, rp_follower **ret_follower);
void rp__claims_unfollow(rp_follower *follower);
void rp__claims_followers_done(rp__claims *claims);

/* -- publish.c --------------------------------------------------------------------------------- */

rp_status rp__claims_publish(
    rp_bus *bus, const rp_publication *publication, rp_published_cb callback, void *arg);
void rp__claims_publish_forget(rp__claims *claims, void *arg);
void rp__claims_publish_done(rp__claims *claims);

/* Goes on with what waits. */
void rp__claims_publish_work(void *claims);

#endif
