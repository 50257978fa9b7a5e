#include "actors/tokenizer/fleet.h"

#include "runtime/base/ring.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 132, KIND_BYTES = 24, LANE_BYTES = 32, INSTANCE_BYTES = 100 };

typedef struct process {
    char kind[KIND_BYTES]; /* "" = unused */
    char instance[INSTANCE_BYTES];
    bool ready;
    bool idle; /* all its records since `idle_since_ns` told of free slots */
    uint64_t heard_ns;
    uint64_t idle_since_ns;
} process;

struct rp_fleet_lane {
    char model[TEXT_BYTES];
    char version[TEXT_BYTES];
    char lane[LANE_BYTES];
    uint64_t delivered; /* the highest EXEC sequence that any executor was handed */
    uint64_t moved_ns;  /* when something was last published, or handed to an executor */
    uint64_t used_ns;   /* when a place was last asked for */
    uint32_t places;    /* admitted, not stored yet */
    rp_ring published;  /* uint64_t sequences above `delivered`, ascending */
};

struct rp_fleet {
    rp_fleet_spec spec;
    process processes[RP_FLEET_PROCESSES_MAX];
    size_t process_count; /* behind it none was ever used */
    rp_fleet_lane *lanes[RP_FLEET_LANES_MAX];
    size_t lane_count;
    uint64_t lost;
};

static void lane_free(rp_fleet_lane *lane)
{
    rp_ring_done(&lane->published);
    free(lane);
}

rp_status rp_fleet_new(const rp_fleet_spec *spec, rp_fleet **ret_fleet)
{
    if (spec->queue_max == 0 || spec->queue_max > RP_FLEET_QUEUE_MAX)
        return RP_INVALID;
    rp_fleet *fleet = calloc(1, sizeof *fleet);
    if (!fleet)
        return RP_NO_MEMORY;
    fleet->spec = *spec;
    *ret_fleet = fleet;
    return RP_OK;
}

void rp_fleet_free(rp_fleet *fleet)
{
    if (!fleet)
        return;
    for (size_t i = 0; i < fleet->lane_count; i++)
        lane_free(fleet->lanes[i]);
    free(fleet);
}

uint64_t rp_fleet_lost(const rp_fleet *fleet)
{
    return fleet->lost;
}

/* -- processes --------------------------------------------------------------------------------- */

static bool is_process(const process *p, rp_bytes kind, rp_bytes instance)
{
    return p->kind[0] && rp_bytes_is(kind, p->kind) && rp_bytes_is(instance, p->instance);
}

static bool is_gone(const rp_fleet *fleet, const process *p, uint64_t now_ns)
{
    return !p->kind[0] || now_ns > p->heard_ns + fleet->spec.gone_ns;
}

/* The record's place: its own, else that of a process that is gone, else one that is unused; NULL
 * where there is none. */
static process *place_of(rp_fleet *fleet, const Rp__Actor *record, uint64_t now_ns)
{
    rp_bytes kind = rp_bytes_text(record->kind), instance = rp_bytes_text(record->instance);
    process *place = NULL;
    for (size_t i = 0; i < fleet->process_count; i++) {
        process *p = &fleet->processes[i];
        if (is_process(p, kind, instance))
            return p;
        if (!place && is_gone(fleet, p, now_ns))
            place = p;
    }
    if (!place && fleet->process_count < RP_FLEET_PROCESSES_MAX)
        place = &fleet->processes[fleet->process_count++];
    if (place) {
        *place = (process){0};
        snprintf(place->kind, sizeof place->kind, "%s", record->kind);
        snprintf(place->instance, sizeof place->instance, "%s", record->instance);
    }
    return place;
}

void rp_fleet_forget(rp_fleet *fleet, rp_bytes kind, rp_bytes instance)
{
    for (size_t i = 0; i < fleet->process_count; i++) {
        if (is_process(&fleet->processes[i], kind, instance))
            fleet->processes[i] = (process){0};
    }
}

size_t rp_fleet_alive(const rp_fleet *fleet, const char *kind, uint64_t now_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < fleet->process_count; i++) {
        const process *p = &fleet->processes[i];
        count += p->ready && !is_gone(fleet, p, now_ns) && strcmp(p->kind, kind) == 0;
    }
    return count;
}

/* -- lanes ------------------------------------------------------------------------------------- */

static rp_fleet_lane *find_lane(
    const rp_fleet *fleet, const char *model, const char *version, const char *lane)
{
    for (size_t i = 0; i < fleet->lane_count; i++) {
        rp_fleet_lane *l = fleet->lanes[i];
        if (strcmp(l->model, model) == 0 && strcmp(l->version, version) == 0 &&
            strcmp(l->lane, lane) == 0)
            return l;
    }
    return NULL;
}

static uint32_t ahead_in(const rp_fleet_lane *lane)
{
    return lane->places + (uint32_t)lane->published.count;
}

/* A place for one more lane; NULL where every lane has something ahead. */
static rp_fleet_lane **room_for_lane(rp_fleet *fleet)
{
    rp_fleet_lane **oldest = NULL;
    if (fleet->lane_count < RP_FLEET_LANES_MAX)
        return &fleet->lanes[fleet->lane_count++];
    for (size_t i = 0; i < fleet->lane_count; i++) {
        rp_fleet_lane **l = &fleet->lanes[i];
        if (ahead_in(*l) == 0 && (!oldest || (*l)->used_ns < (*oldest)->used_ns))
            oldest = l;
    }
    if (oldest)
        lane_free(*oldest);
    return oldest;
}

rp_fleet_lane *rp_fleet_lane_of(
    rp_fleet *fleet, const char *model, const char *version, const char *lane)
{
    rp_fleet_lane *l = find_lane(fleet, model, version, lane);
    if (l || strlen(model) >= TEXT_BYTES || strlen(version) >= TEXT_BYTES ||
        strlen(lane) >= LANE_BYTES)
        return l;
    l = calloc(1, sizeof *l);
    if (!l || rp_ring_init(&l->published, sizeof(uint64_t), fleet->spec.queue_max) != RP_OK) {
        free(l);
        return NULL;
    }
    rp_fleet_lane **room = room_for_lane(fleet);
    if (!room) {
        lane_free(l);
        return NULL;
    }
    snprintf(l->model, sizeof l->model, "%s", model);
    snprintf(l->version, sizeof l->version, "%s", version);
    snprintf(l->lane, sizeof l->lane, "%s", lane);
    *room = l;
    return l;
}

/* -- records ----------------------------------------------------------------------------------- */

static void take_delivered(rp_fleet_lane *lane, uint64_t sequence, uint64_t now_ns)
{
    const uint64_t *front;
    if (sequence <= lane->delivered)
        return;
    lane->delivered = sequence;
    lane->moved_ns = now_ns;
    while ((front = rp_ring_front(&lane->published)) != NULL && *front <= sequence)
        rp_ring_pop(&lane->published);
}

/* Nothing moved for so long in front of somebody who would have taken it. */
static bool is_deserted(
    const rp_fleet *fleet, const rp_fleet_lane *lane, const process *executor, uint64_t now_ns)
{
    return executor->idle && now_ns - executor->idle_since_ns >= fleet->spec.quiet_ns &&
           now_ns - lane->moved_ns >= fleet->spec.quiet_ns;
}

static void take_lane(rp_fleet *fleet, rp_fleet_lane *lane, const Rp__LanePresence *told,
    const process *executor, uint64_t now_ns)
{
    if (told->has_delivered_sequence)
        take_delivered(lane, told->delivered_sequence, now_ns);
    if (!is_deserted(fleet, lane, executor, now_ns))
        return;
    fleet->lost += lane->published.count;
    while (lane->published.count > 0)
        rp_ring_pop(&lane->published);
}

static void take_idleness(process *p, const Rp__Actor *record, uint64_t now_ns)
{
    bool idle = record->ready && record->has_slots_free && record->slots_free > 0;
    if (idle && !p->idle)
        p->idle_since_ns = now_ns;
    p->idle = idle;
}

rp_status rp_fleet_record(rp_fleet *fleet, const Rp__Actor *record, uint64_t now_ns)
{
    if (!record->kind[0] || strlen(record->kind) >= KIND_BYTES ||
        strlen(record->instance) >= INSTANCE_BYTES)
        return RP_LIMIT;
    process *p = place_of(fleet, record, now_ns);
    if (!p)
        return RP_LIMIT;
    if (is_gone(fleet, p, now_ns)) /* nobody knows what it did meanwhile */
        p->idle = false;
    p->heard_ns = now_ns;
    p->ready = record->ready; /* one that is not ready takes nothing, and does not count */
    take_idleness(p, record, now_ns);
    for (size_t m = 0; m < record->n_models; m++) {
        const Rp__ModelPresence *model = record->models[m];
        for (size_t i = 0; i < model->n_lanes; i++) {
            rp_fleet_lane *lane =
                find_lane(fleet, model->name, model->version, model->lanes[i]->lane);
            if (lane)
                take_lane(fleet, lane, model->lanes[i], p, now_ns);
        }
    }
    return RP_OK;
}

/* -- admission --------------------------------------------------------------------------------- */

static uint32_t ahead_of_model(const rp_fleet *fleet, const char *model)
{
    uint32_t ahead = 0;
    for (size_t i = 0; i < fleet->lane_count; i++) {
        if (strcmp(fleet->lanes[i]->model, model) == 0)
            ahead += ahead_in(fleet->lanes[i]);
    }
    return ahead;
}

rp_fleet_verdict rp_fleet_admit(rp_fleet *fleet, rp_fleet_lane *lane, uint64_t now_ns)
{
    size_t tokenizers = rp_fleet_alive(fleet, "tokenizer", now_ns);
    rp_fleet_verdict verdict = {.tokenizers = tokenizers ? (uint32_t)tokenizers : 1};
    verdict.limit = fleet->spec.queue_max / verdict.tokenizers;
    if (verdict.limit == 0)
        verdict.limit = 1;
    verdict.ahead = ahead_of_model(fleet, lane->model);
    verdict.admitted = verdict.ahead < verdict.limit;
    lane->used_ns = now_ns;
    if (verdict.admitted)
        lane->places++;
    return verdict;
}

void rp_fleet_published(rp_fleet_lane *lane, uint64_t sequence, uint64_t now_ns)
{
    rp_fleet_withdrawn(lane);
    lane->moved_ns = now_ns;
    if (sequence <= lane->delivered)
        return;
    /* Publishes are acknowledged in stream order, so the ring stays sorted. One that comes late
     * after a lost acknowledgement may stand out of place and leaves a little later. There is room:
     * whoever was admitted found less than queue_max ahead. */
    uint64_t *slot = rp_ring_push(&lane->published);
    RP_ASSERT(slot);
    *slot = sequence;
}

void rp_fleet_withdrawn(rp_fleet_lane *lane)
{
    RP_ASSERT(lane->places > 0);
    lane->places--;
}
