/* Who is there to do the work, and how much more of it can be taken.
 *
 * Executors and tokenizers tell of themselves in ACTORS; this is the tokenizer's view of their
 * records. From it follows the admission of a request: a tokenizer counts what it has published for
 * a model, over all of its lanes, and no executor has been handed yet, and refuses what would be
 * above its share,
 *
 *     exec_queue_max / tokenizers alive
 *
 * so that a queue never grows beyond what will be served soon, and whoever cannot be served hears
 * of it at once. With no executor alive the queue fills up and waits for one.
 *
 * What counts as ahead leaves when an executor was handed it or anything behind it. It may never be
 * handed it: EXEC was purged, or it lay there for longer than EXEC keeps it. So it leaves, too,
 * when an executor of the lane has told of free slots for `quiet_ns` on end while nothing moved in
 * the lane: whoever has a free slot asks for more, and is handed what lies there within
 * milliseconds. Then what is ahead is gone, and a queue that filled up opens again by itself.
 *
 * Time is the tokenizer's own monotonic time. A record is as old as it has been known here: neither
 * another machine's clock nor the server's has a part in who counts as alive. One that was old when
 * the tokenizer started counts for `gone_ns` from then, and no longer.
 *
 *     rp_fleet_record(fleet, record, now_ns)        for each record that ACTORS sends
 *     lane = rp_fleet_lane_of(fleet, model, version, lane_name)
 *     rp_fleet_admit(fleet, lane, now_ns)
 *     rp_fleet_published(lane, sequence, now_ns)    or rp_fleet_withdrawn(lane)
 *
 * It knows no bus and no clock. One thread.
 */
#ifndef ACTORS_TOKENIZER_FLEET_H
#define ACTORS_TOKENIZER_FLEET_H

#include "runtime/base/bytes.h"
#include "runtime/base/status.h"
#include "schemas/reprise/v1/actors.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum { RP_FLEET_PROCESSES_MAX = 1024, RP_FLEET_LANES_MAX = 1024, RP_FLEET_QUEUE_MAX = 65536 };

typedef struct rp_fleet rp_fleet;
typedef struct rp_fleet_lane rp_fleet_lane;

typedef struct rp_fleet_spec {
    uint32_t queue_max; /* exec_queue_max of each model, 1 to RP_FLEET_QUEUE_MAX */
    uint64_t gone_ns;   /* who was not heard of for longer is gone */
    uint64_t quiet_ns;  /* see above */
} rp_fleet_spec;

RP_MUST_USE rp_status rp_fleet_new(const rp_fleet_spec *spec, rp_fleet **ret_fleet);

/* Accepts NULL. */
void rp_fleet_free(rp_fleet *fleet);

/* -- what ACTORS tells ------------------------------------------------------------------------- */

/* Takes a record that came now. Above the bound on processes, or with names that no process has,
 * it is left out (RP_LIMIT). */
RP_MUST_USE rp_status rp_fleet_record(rp_fleet *fleet, const Rp__Actor *record, uint64_t now_ns);

/* The record of a process was deleted. */
void rp_fleet_forget(rp_fleet *fleet, rp_bytes kind, rp_bytes instance);

/* Live processes of a kind that take messages. */
size_t rp_fleet_alive(const rp_fleet *fleet, const char *kind, uint64_t now_ns);

/* -- admission --------------------------------------------------------------------------------- */

/* The lane of a model's version, made where it is new. At the bound it takes the place of one that
 * nothing is ahead in and that was not used for the longest time; NULL where there is none, or
 * without memory. It may be used until it is left behind so: while a request has a place in it, at
 * least. */
rp_fleet_lane *rp_fleet_lane_of(
    rp_fleet *fleet, const char *model, const char *version, const char *lane);

/* What an admission was decided by; for the journal and for the client. */
typedef struct rp_fleet_verdict {
    bool admitted;
    uint32_t ahead;      /* published by us for the model and not handed to an executor */
    uint32_t limit;      /* our share */
    uint32_t tokenizers; /* alive, this one included */
} rp_fleet_verdict;

/* Asks for a place in a lane; an admitted request holds one until it is published or withdrawn. */
rp_fleet_verdict rp_fleet_admit(rp_fleet *fleet, rp_fleet_lane *lane, uint64_t now_ns);

/* The request is stored in EXEC at `sequence`; it counts as ahead from now on. */
void rp_fleet_published(rp_fleet_lane *lane, uint64_t sequence, uint64_t now_ns);

/* It was not published after all. */
void rp_fleet_withdrawn(rp_fleet_lane *lane);

/* How many requests were given up as gone from EXEC, since the start. */
uint64_t rp_fleet_lost(const rp_fleet *fleet);

#endif
