#include "sim/scenario/reminder.h"

#include "actors/example/reminder.h"
#include "sim/check/bounds.h"
#include "sim/check/reminders.h"
#include "sim/client/writer.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    REPLICAS_MAX = 2,
    SLOTS_MAX = 4,
    ASKS_MIN = 4,
    ASKS_MAX = 40,
    TAKEN_BACK_PER_MILLE = 200,
    IN_MS_MAX = 4000
};

/* Timers go by the server's clock, and come as much later as that was set back. */
#define SETTLES_WITHIN_NS (600 * RP_NS_PER_S)

typedef struct ask {
    size_t key;
    uint64_t in_ms;
    bool takes_back;
} ask;

typedef struct play {
    sim_stage *stage;
    sim_writer *writer;
    ask asks[ASKS_MAX];
    size_t ask_count;
    sim_reminders reminders;
} play;

/* -- who is there ------------------------------------------------------------------------------ */

static void write_ask(void *arg, size_t index, char subject[64], char body[96])
{
    const ask *a = &((const play *)arg)->asks[index];
    snprintf(subject, 64, "example.remind.k%zu", a->key);
    if (a->takes_back)
        snprintf(body, 96, "{}");
    else
        snprintf(body, 96, "{\"in_ms\":%" PRIu64 ",\"text\":\"the %zu.\"}", a->in_ms, index);
}

static void set_stage(play *p)
{
    static const char *const names[REPLICAS_MAX] = {"reminder-1", "reminder-2"};
    sim_world *world = p->stage->world;
    size_t replicas = 1 + (size_t)sim_world_draw(world, SIM_CHANCE_SCENARIO, REPLICAS_MAX);
    for (size_t i = 0; i < replicas; i++) {
        sim_process_spec spec = sim_stage_spec(p->stage, names[i]);
        spec.actor = &rp_reminder;
        spec.slots = 1 + (size_t)sim_world_draw(world, SIM_CHANCE_SCENARIO, SLOTS_MAX);
        sim_stage_process(p->stage, &spec);
    }
    p->ask_count = (size_t)sim_world_spread(world, SIM_CHANCE_SCENARIO, ASKS_MIN, ASKS_MAX);
    size_t keys = 1 + (size_t)sim_world_draw(world, SIM_CHANCE_SCENARIO, SIM_REMINDER_KEYS);
    for (size_t i = 0; i < p->ask_count; i++) {
        p->asks[i].key = (size_t)sim_world_draw(world, SIM_CHANCE_SCENARIO, keys);
        p->asks[i].in_ms = sim_world_draw(world, SIM_CHANCE_SCENARIO, IN_MS_MAX);
        p->asks[i].takes_back = sim_world_happens(world, SIM_CHANCE_SCENARIO, TAKEN_BACK_PER_MILLE);
    }
    p->writer =
        sim_writer_new(p->stage->world, p->stage->server, "asker", p->ask_count, write_ask, p);
}

/* -- the whole --------------------------------------------------------------------------------- */

static void on_stored(void *arg, const sim_stream *stream, const sim_stored *stored)
{
    play *p = arg;
    sim_reminders_stored(&p->reminders, stream, stored);
}

static bool is_over(sim_stage *stage)
{
    const play *p = stage->arg;
    return sim_writer_written(p->writer) == p->ask_count && sim_reminders_done(&p->reminders) &&
           sim_stage_is_settled(stage);
}

static void check(play *p)
{
    sim_stage *stage = p->stage;
    const sim_stream *dead = sim_server_stream(stage->server, "DEAD");
    if (dead->messages > 0)
        sim_verdict_fail(&stage->verdict, "nothing is dead without a reason", "%" PRIu64 " in DEAD",
            dead->messages);
    for (size_t i = 0; i < stage->process_count; i++)
        sim_bounds_check_process(&stage->verdict, stage->processes[i]);
}

void sim_scenario_reminder(sim_stage *stage)
{
    static const char *const fillable[] = {"KV_ACTORS", NULL}; /* the others drop their oldest */
    play *p = sim_world_alloc(stage->world, sizeof *p);
    p->stage = stage;
    p->reminders = (sim_reminders){.server = stage->server, .verdict = &stage->verdict};
    stage->arg = p;
    stage->server->on_stored = on_stored;
    stage->server->arg = p;
    set_stage(p);
    sim_plan_draw(&stage->plan, stage->world, stage->process_count, 0);
    stage->plan.fillable = fillable;
    sim_stage_start_plan(stage);
    if (!sim_stage_play(stage, SETTLES_WITHIN_NS, is_over)) {
        sim_reminders_tell_undone(&p->reminders);
        sim_verdict_fail(&stage->verdict, "everything settles",
            "%zu of %zu asks are written, or a durable still has work",
            sim_writer_written(p->writer), p->ask_count);
        return;
    }
    check(p);
}
