#include "sim/world/world.h"

#include "runtime/base/rng.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_CHUNK_BYTES = 1 << 20,
    ARENA_BYTES_MAX = 512 << 20,
    HEAP_START = 1024,
    EVENTS_MAX = 1 << 20 /* above it, something in the run grows without a bound */
};

struct sim_event {
    sim_event_cb callback; /* NULL = cancelled */
    void *arg;
    sim_owner *owner;
    sim_event *next; /* in the pool, or in a stopped owner's list */
};

struct sim_owner {
    bool paused, dead;
    sim_event *kept, *kept_last; /* what happened while it was stopped */
    uint64_t steps_left;         /* until on_step; 0 = none */
    sim_event_cb on_step;
    void *on_step_arg;
};

typedef struct due {
    uint64_t at_ns, serial;
    sim_event *event;
} due;

struct sim_world {
    uint64_t seed, now_ns, serial, steps;
    uint64_t draws[SIM_CHANCE_COUNT];
    due *heap;
    size_t count, capacity;
    sim_event *pool;
    rp_arena arena;
    sim_trace trace;
};

sim_world *sim_world_new(void)
{
    sim_world *world = calloc(1, sizeof *world);
    RP_ASSERT(world);
    RP_ASSERT(rp_arena_init(&world->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX) == RP_OK);
    world->capacity = HEAP_START;
    world->heap = calloc(world->capacity, sizeof *world->heap);
    RP_ASSERT(world->heap);
    sim_trace_init(&world->trace);
    return world;
}

void sim_world_free(sim_world *world)
{
    if (!world)
        return;
    sim_trace_done(&world->trace);
    rp_arena_done(&world->arena);
    free(world->heap);
    free(world);
}

void sim_world_begin(sim_world *world, uint64_t seed)
{
    world->seed = seed;
    world->now_ns = world->serial = world->steps = 0;
    memset(world->draws, 0, sizeof world->draws);
    world->count = 0;
    world->pool = NULL;
    rp_arena_reset(&world->arena);
    sim_trace_begin(&world->trace, seed);
}

uint64_t sim_world_seed(const sim_world *world)
{
    return world->seed;
}

uint64_t sim_world_now_ns(const sim_world *world)
{
    return world->now_ns;
}

rp_arena *sim_world_arena(sim_world *world)
{
    return &world->arena;
}

sim_trace *sim_world_trace(sim_world *world)
{
    return &world->trace;
}

void *sim_world_alloc(sim_world *world, size_t size)
{
    void *piece = rp_arena_alloc(&world->arena, size);
    RP_ASSERT(piece);
    return memset(piece, 0, size);
}

rp_bytes sim_world_copy(sim_world *world, rp_bytes bytes)
{
    rp_bytes copy = rp_arena_copy(&world->arena, bytes);
    RP_ASSERT(copy.data || bytes.len == 0);
    return copy;
}

/* -- chance ------------------------------------------------------------------------------------ */

static uint64_t draw(sim_world *world, sim_chance chance)
{
    rp_rng_words w = rp_rng_philox(world->seed, world->draws[chance]++, (uint64_t)chance + 1);
    return (uint64_t)w.word[0] << 32 | w.word[1];
}

uint64_t sim_world_draw(sim_world *world, sim_chance chance, uint64_t below)
{
    RP_ASSERT(below > 0);
    return draw(world, chance) % below; /* the bias is far below what anybody could see */
}

bool sim_world_happens(sim_world *world, sim_chance chance, uint32_t per_mille)
{
    return sim_world_draw(world, chance, 1000) < per_mille;
}

uint64_t sim_world_spread(sim_world *world, sim_chance chance, uint64_t low, uint64_t high)
{
    RP_ASSERT(low > 0 && low <= high);
    unsigned doublings = 0;
    while (low << (doublings + 1) <= high && doublings < 40)
        doublings++;
    uint64_t base = low << sim_world_draw(world, chance, doublings + 1);
    uint64_t value = base + sim_world_draw(world, chance, base);
    return value < high ? value : high;
}

/* -- the heap ---------------------------------------------------------------------------------- */

static bool before(const due *a, const due *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->serial < b->serial;
}

static void push(sim_world *world, uint64_t at_ns, sim_event *event)
{
    if (world->count == world->capacity) {
        RP_ASSERT(world->capacity < EVENTS_MAX);
        world->capacity *= 2;
        world->heap = realloc(world->heap, world->capacity * sizeof *world->heap);
        RP_ASSERT(world->heap);
    }
    due entry = {at_ns, world->serial++, event};
    size_t at = world->count++;
    while (at > 0 && before(&entry, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = entry;
}

static due pop(sim_world *world)
{
    due first = world->heap[0];
    due last = world->heap[--world->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->count)
            break;
        if (child + 1 < world->count && before(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!before(&world->heap[child], &last))
            break;
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return first;
}

/* -- events ------------------------------------------------------------------------------------ */

sim_event *sim_world_after(
    sim_world *world, sim_owner *owner, uint64_t delay_ns, sim_event_cb callback, void *arg)
{
    sim_event *event = world->pool;
    if (event)
        world->pool = event->next;
    else
        event = sim_world_alloc(world, sizeof *event);
    *event = (sim_event){.callback = callback, .arg = arg, .owner = owner};
    push(world, world->now_ns + delay_ns, event);
    return event;
}

void sim_world_cancel(sim_world *world, sim_event *event)
{
    (void)world;
    if (event)
        event->callback = NULL; /* it leaves the heap when its time comes */
}

static void keep(sim_owner *owner, sim_event *event)
{
    event->next = NULL;
    if (owner->kept_last)
        owner->kept_last->next = event;
    else
        owner->kept = event;
    owner->kept_last = event;
}

/* The owner's chance to be struck before its event; true where it lives on. */
static bool step_of_owner(sim_owner *owner)
{
    if (owner->steps_left > 0 && --owner->steps_left == 0)
        owner->on_step(owner->on_step_arg);
    return !owner->dead;
}

bool sim_world_step(sim_world *world)
{
    if (world->count == 0)
        return false;
    due next = pop(world);
    sim_event *event = next.event;
    sim_owner *owner = event->owner;
    world->now_ns = next.at_ns;
    bool happens = event->callback && (!owner || !owner->dead);
    if (happens && owner && owner->paused) {
        keep(owner, event);
        return true;
    }
    if (happens && owner)
        happens = step_of_owner(owner);
    sim_event_cb callback = event->callback;
    void *arg = event->arg;
    event->next = world->pool;
    world->pool = event;
    if (happens) {
        world->steps++;
        callback(arg);
    }
    return true;
}

uint64_t sim_world_next_ns(const sim_world *world)
{
    return world->count > 0 ? world->heap[0].at_ns : UINT64_MAX;
}

uint64_t sim_world_steps(const sim_world *world)
{
    return world->steps;
}

size_t sim_world_waiting(const sim_world *world)
{
    return world->count;
}

/* -- owners ------------------------------------------------------------------------------------ */

sim_owner *sim_owner_new(sim_world *world)
{
    return sim_world_alloc(world, sizeof(sim_owner));
}

void sim_owner_pause(sim_owner *owner)
{
    owner->paused = true;
}

void sim_owner_continue(sim_world *world, sim_owner *owner)
{
    owner->paused = false;
    while (owner->kept) {
        sim_event *event = owner->kept;
        owner->kept = event->next;
        push(world, world->now_ns, event);
    }
    owner->kept_last = NULL;
}

void sim_owner_kill(sim_owner *owner)
{
    owner->dead = true;
}

bool sim_owner_paused(const sim_owner *owner)
{
    return owner->paused;
}

bool sim_owner_dead(const sim_owner *owner)
{
    return owner->dead;
}

void sim_owner_at_step(sim_owner *owner, uint64_t count, sim_event_cb callback, void *arg)
{
    owner->steps_left = count;
    owner->on_step = callback;
    owner->on_step_arg = arg;
}
