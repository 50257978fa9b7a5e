#include "actors/tokenizer/fleet.h"

#include "runtime/base/ring.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 132, KIND_BYTES = 24, LANE_BYTES = 32, INSTANCE_BYTES = 100 };

typedef struct process {
    char kind[KIND_BYTES];
    char instance[INSTANCE_BYTES];
    uint64_t stored_ns; /* 0 = unused */
} process;

struct rp_fleet_lane {
    char model[TEXT_BYTES];
    char version[TEXT_BYTES];
    char lane[LANE_BYTES];
    uint64_t delivered; /* the highest EXEC sequence that any executor was handed */
    uint32_t places;    /* admitted, not stored yet */
    rp_ring published;  /* uint64_t sequences above `delivered`, ascending */
};

struct rp_fleet {
    uint32_t queue_max;
    uint64_t gone_ns;
    process processes[RP_FLEET_PROCESSES_MAX];
    rp_fleet_lane *lanes[RP_FLEET_LANES_MAX];
    size_t lane_count;
};

rp_status rp_fleet_new(uint32_t queue_max, uint64_t gone_ns, rp_fleet **ret_fleet)
{
    if (queue_max == 0 || queue_max > RP_FLEET_QUEUE_MAX)
        return RP_INVALID;
    rp_fleet *fleet = calloc(1, sizeof *fleet);
    if (!fleet)
        return RP_NO_MEMORY;
    fleet->queue_max = queue_max;
    fleet->gone_ns = gone_ns;
    *ret_fleet = fleet;
    return RP_OK;
}

void rp_fleet_free(rp_fleet *fleet)
{
    if (!fleet)
        return;
    for (size_t i = 0; i < fleet->lane_count; i++) {
        rp_ring_done(&fleet->lanes[i]->published);
        free(fleet->lanes[i]);
    }
    free(fleet);
}

/* -- processes --------------------------------------------------------------------------------- */

static bool is_process(const process *p, const char *kind, const char *instance)
{
    return p->stored_ns && strcmp(p->kind, kind) == 0 && strcmp(p->instance, instance) == 0;
}

/* The record's place: its own, else one that is unused, else that of the process seen longest ago,
 * if that is gone. */
static process *place_of(rp_fleet *fleet, const Rp__Actor *record, uint64_t stored_ns)
{
    process *oldest = &fleet->processes[0];
    for (size_t i = 0; i < RP_FLEET_PROCESSES_MAX; i++) {
        process *p = &fleet->processes[i];
        if (is_process(p, record->kind, record->instance))
            return p;
        if (p->stored_ns < oldest->stored_ns)
            oldest = p;
    }
    return oldest->stored_ns == 0 || stored_ns > oldest->stored_ns + fleet->gone_ns ? oldest : NULL;
}

void rp_fleet_forget(rp_fleet *fleet, const char *kind, const char *instance)
{
    for (size_t i = 0; i < RP_FLEET_PROCESSES_MAX; i++) {
        if (is_process(&fleet->processes[i], kind, instance))
            fleet->processes[i].stored_ns = 0;
    }
}

size_t rp_fleet_alive(const rp_fleet *fleet, const char *kind, uint64_t now_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < RP_FLEET_PROCESSES_MAX; i++) {
        const process *p = &fleet->processes[i];
        count +=
            p->stored_ns && p->stored_ns + fleet->gone_ns >= now_ns && strcmp(p->kind, kind) == 0;
    }
    return count;
}

/* -- lanes ------------------------------------------------------------------------------------- */

rp_fleet_lane *rp_fleet_lane_of(
    rp_fleet *fleet, const char *model, const char *version, const char *lane)
{
    for (size_t i = 0; i < fleet->lane_count; i++) {
        rp_fleet_lane *l = fleet->lanes[i];
        if (strcmp(l->model, model) == 0 && strcmp(l->version, version) == 0 &&
            strcmp(l->lane, lane) == 0)
            return l;
    }
    if (fleet->lane_count == RP_FLEET_LANES_MAX || strlen(model) >= TEXT_BYTES ||
        strlen(version) >= TEXT_BYTES || strlen(lane) >= LANE_BYTES)
        return NULL;
    rp_fleet_lane *l = calloc(1, sizeof *l);
    if (!l || rp_ring_init(&l->published, sizeof(uint64_t), fleet->queue_max) != RP_OK) {
        free(l);
        return NULL;
    }
    snprintf(l->model, sizeof l->model, "%s", model);
    snprintf(l->version, sizeof l->version, "%s", version);
    snprintf(l->lane, sizeof l->lane, "%s", lane);
    fleet->lanes[fleet->lane_count++] = l;
    return l;
}

static void delivered(rp_fleet_lane *lane, uint64_t sequence)
{
    if (sequence > lane->delivered)
        lane->delivered = sequence;
    for (;;) {
        const uint64_t *front = rp_ring_front(&lane->published);
        if (!front || *front > lane->delivered)
            return;
        rp_ring_pop(&lane->published);
    }
}

rp_status rp_fleet_record(rp_fleet *fleet, const Rp__Actor *record, uint64_t stored_ns)
{
    process *p = place_of(fleet, record, stored_ns);
    if (!p || strlen(record->kind) >= KIND_BYTES || strlen(record->instance) >= INSTANCE_BYTES)
        return RP_LIMIT;
    snprintf(p->kind, sizeof p->kind, "%s", record->kind);
    snprintf(p->instance, sizeof p->instance, "%s", record->instance);
    /* One that is not ready takes nothing, and does not count. */
    p->stored_ns = !record->ready ? 0 : stored_ns ? stored_ns : 1;
    for (size_t m = 0; m < record->n_models; m++) {
        const Rp__ModelPresence *model = record->models[m];
        for (size_t i = 0; i < model->n_lanes; i++) {
            rp_fleet_lane *lane =
                rp_fleet_lane_of(fleet, model->name, model->version, model->lanes[i]->lane);
            if (!lane)
                return RP_LIMIT;
            if (model->lanes[i]->has_delivered_sequence)
                delivered(lane, model->lanes[i]->delivered_sequence);
        }
    }
    return RP_OK;
}

/* -- admission --------------------------------------------------------------------------------- */

rp_fleet_verdict rp_fleet_admit(rp_fleet *fleet, rp_fleet_lane *lane, uint64_t now_ns)
{
    size_t tokenizers = rp_fleet_alive(fleet, "tokenizer", now_ns);
    rp_fleet_verdict verdict = {.tokenizers = tokenizers ? (uint32_t)tokenizers : 1};
    verdict.limit = fleet->queue_max / verdict.tokenizers;
    if (verdict.limit == 0)
        verdict.limit = 1;
    verdict.ahead = lane->places + (uint32_t)lane->published.count;
    verdict.admitted = verdict.ahead < verdict.limit;
    if (verdict.admitted)
        lane->places++;
    return verdict;
}

void rp_fleet_published(rp_fleet_lane *lane, uint64_t sequence)
{
    rp_fleet_withdrawn(lane);
    if (sequence <= lane->delivered)
        return;
    /* Publishes are acknowledged in stream order, so the ring stays sorted. One that comes late
     * after a lost acknowledgement may stand out of place and leaves a little later. */
    uint64_t *slot = rp_ring_push(&lane->published);
    if (slot)
        *slot = sequence;
}

void rp_fleet_withdrawn(rp_fleet_lane *lane)
{
    RP_ASSERT(lane->places > 0);
    lane->places--;
}
