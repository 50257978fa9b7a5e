/* Who is there to do the work, and how much more of it can be taken.
 *
 * Executors and tokenizers tell of themselves in ACTORS; this is the tokenizer's view of their
 * records. From it follows the admission of a request: a tokenizer counts what it has published to
 * a lane and no executor has been handed yet, and refuses what would be above its share,
 *
 *     exec_queue_max / tokenizers alive
 *
 * so that a queue never grows beyond what will be served soon, and whoever cannot be served hears
 * of it at once. With no executor alive the queue fills up and waits for one.
 *
 *     rp_fleet_record(fleet, record, stored_ns)     for each record that ACTORS sends
 *     rp_fleet_admit(fleet, model, version, lane, now_ns, &verdict)
 *     rp_fleet_published(fleet, ..., sequence)      or rp_fleet_withdrawn
 *
 * It knows no bus and no clock. One thread.
 */
#ifndef ACTORS_TOKENIZER_FLEET_H
#define ACTORS_TOKENIZER_FLEET_H

#include "runtime/base/status.h"
#include "schemas/reprise/v1/actors.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum { RP_FLEET_PROCESSES_MAX = 1024, RP_FLEET_LANES_MAX = 1024, RP_FLEET_QUEUE_MAX = 65536 };

typedef struct rp_fleet rp_fleet;
typedef struct rp_fleet_lane rp_fleet_lane;

/* `queue_max` is exec_queue_max of each model's lane, 1 to RP_FLEET_QUEUE_MAX; records older than
 * `gone_ns` are of processes that are gone. */
RP_MUST_USE rp_status rp_fleet_new(uint32_t queue_max, uint64_t gone_ns, rp_fleet **ret_fleet);

/* Accepts NULL. */
void rp_fleet_free(rp_fleet *fleet);

/* Takes a record that was stored at `stored_ns`. Above the bounds on processes and lanes, the new
 * one is left out (RP_LIMIT). */
RP_MUST_USE rp_status rp_fleet_record(rp_fleet *fleet, const Rp__Actor *record, uint64_t stored_ns);

/* Forgets the record of a process (its key was deleted). */
void rp_fleet_forget(rp_fleet *fleet, const char *kind, const char *instance);

/* Live processes of a kind. */
size_t rp_fleet_alive(const rp_fleet *fleet, const char *kind, uint64_t now_ns);

/* The lane of a model's version, made where it is new; NULL at the bound. */
rp_fleet_lane *rp_fleet_lane_of(
    rp_fleet *fleet, const char *model, const char *version, const char *lane);

/* What an admission was decided by; for the journal and for the client. */
typedef struct rp_fleet_verdict {
    bool admitted;
    uint32_t ahead;      /* published by us and not handed to an executor */
    uint32_t limit;      /* our share */
    uint32_t tokenizers; /* alive, this one included */
} rp_fleet_verdict;

/* Asks for a place in a lane; an admitted request holds one until it is published or withdrawn. */
rp_fleet_verdict rp_fleet_admit(rp_fleet *fleet, rp_fleet_lane *lane, uint64_t now_ns);

/* The request is stored in EXEC at `sequence`; its place is free when an executor was handed that
 * sequence or a later one. */
void rp_fleet_published(rp_fleet_lane *lane, uint64_t sequence);

/* It was not published after all. */
void rp_fleet_withdrawn(rp_fleet_lane *lane);

#endif
