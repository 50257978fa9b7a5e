#include "sim/scenario/fold.h"

#include "actors/counter/counter.h"
#include "runtime/base/json.h"
#include "sim/check/bounds.h"
#include "sim/check/counter.h"
#include "sim/check/leases.h"
#include "sim/client/writer.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    REPLICAS = 3,
    COMMANDS_MIN = 8,
    COMMANDS_MAX = 60,
    ASKS = 8,
    AGAIN_MS = 250,
    WINDOW_MS = 100,
    ANSWER_BYTES_MAX = 64 << 10
};

/* A lease may last as much longer as the server's clock was set back. */
#define SETTLES_WITHIN_NS (600 * RP_NS_PER_S)
#define ASK_WAIT_NS       (8 * RP_NS_PER_S)

typedef struct play {
    sim_stage *stage;
    sim_writer *writer;
    sim_leases leases;
    size_t commands;
    int64_t amounts[COMMANDS_MAX];
    size_t keys[COMMANDS_MAX];
    sim_counter_model model;
    bool folded;
    size_t answered;
    char digest[64];
} play;

static uint64_t draw(const play *p, uint64_t below)
{
    return sim_world_draw(p->stage->world, SIM_CHANCE_SCENARIO, below);
}

/* -- who is there ------------------------------------------------------------------------------ */

static void command(void *arg, size_t index, char subject[64], char body[96])
{
    const play *p = arg;
    snprintf(subject, 64, "counter.k%zu.add", p->keys[index]);
    snprintf(body, 96, "{\"by\":%" PRId64 "}", p->amounts[index]);
}

/* Nothing of a fold's output may rest on the duplicate window: mostly it is as short as can be. */
static void forget_ids(sim_stage *stage)
{
    if (sim_world_draw(stage->world, SIM_CHANCE_SCENARIO, 4) > 0)
        sim_server_stream(stage->server, "OUTCOME")->config.duplicates_ns =
            WINDOW_MS * RP_NS_PER_MS;
}

static void set_stage(play *p)
{
    static const char *const names[REPLICAS] = {"counter-1", "counter-2", "counter-3"};
    uint64_t every = sim_world_spread(p->stage->world, SIM_CHANCE_SCENARIO, 3, 40);
    for (size_t i = 0; i < REPLICAS; i++) {
        sim_process_spec spec = sim_stage_spec(p->stage, names[i]);
        spec.actor = &rp_counter_actor;
        spec.slots = 1;
        spec.partitions = 1;
        spec.snapshot_every = every;
        sim_stage_process(p->stage, &spec);
    }
    p->commands =
        (size_t)sim_world_spread(p->stage->world, SIM_CHANCE_SCENARIO, COMMANDS_MIN, COMMANDS_MAX);
    for (size_t i = 0; i < p->commands; i++) {
        p->keys[i] = (size_t)draw(p, SIM_COUNTER_KEYS);
        p->amounts[i] = (int64_t)draw(p, 1500) - 400;
    }
    p->writer =
        sim_writer_new(p->stage->world, p->stage->server, "writer", p->commands, command, p);
}

/* -- when it is over --------------------------------------------------------------------------- */

static play *of_stage(sim_stage *stage)
{
    return stage->arg;
}

static bool is_written(sim_stage *stage)
{
    play *p = of_stage(stage);
    if (!sim_plan_is_over(&stage->plan) || sim_writer_written(p->writer) < p->commands)
        return false;
    if (!p->folded)
        sim_counter_fold(stage->server, &p->model);
    p->folded = true;
    return sim_server_stream(stage->server, "OUTCOME")->messages >= p->model.outcome_count;
}

static bool is_answered(sim_stage *stage)
{
    return of_stage(stage)->answered == ASKS;
}

/* -- asking ------------------------------------------------------------------------------------ */

static void take_answer(play *p, yyjson_val *answer, rp_bytes body)
{
    sim_verdict *verdict = &p->stage->verdict;
    yyjson_val *result = yyjson_obj_get(answer, "result");
    yyjson_val *count = yyjson_obj_get(result, "count"), *digest = yyjson_obj_get(result, "digest");
    if (yyjson_is_int(count)) {
        if (yyjson_get_sint(count) != p->model.counts[0])
            sim_verdict_fail(verdict, "replicas answer alike", "k0 is %" PRId64 ", answered %.*s",
                p->model.counts[0], (int)body.len, (const char *)body.data);
    } else if (yyjson_is_str(digest)) {
        if (p->digest[0] && strcmp(p->digest, yyjson_get_str(digest)) != 0)
            sim_verdict_fail(verdict, "folds agree", "the digest was %s, now it is %.*s", p->digest,
                (int)body.len, (const char *)body.data);
        snprintf(p->digest, sizeof p->digest, "%s", yyjson_get_str(digest));
    } else {
        sim_verdict_fail(
            verdict, "replicas answer", "answered %.*s", (int)body.len, (const char *)body.data);
    }
}

/* A question, asked again until it is answered. */
typedef struct question {
    play *play;
    const char *subject;
} question;

static void on_ask(void *arg);

/* Nobody listens, or whoever does has not come so far: later. */
static bool is_for_later(rp_status status, yyjson_val *answer)
{
    return status != RP_OK || yyjson_obj_get(answer, "error");
}

static void on_answer(void *arg, rp_status status, const rp_message *message)
{
    question *q = arg;
    play *p = q->play;
    rp_arena arena;
    yyjson_doc *doc = NULL;
    RP_ASSERT(rp_arena_init(&arena, 4096, ANSWER_BYTES_MAX) == RP_OK);
    if (message)
        status = rp_json_parse(message->body, &arena, &doc, NULL);
    yyjson_val *answer = doc ? yyjson_doc_get_root(doc) : NULL;
    if (is_for_later(status, answer)) {
        sim_world_after(p->stage->world, NULL, AGAIN_MS * RP_NS_PER_MS, on_ask, q);
    } else {
        p->answered++;
        take_answer(p, answer, message->body);
    }
    rp_arena_done(&arena);
}

/* Whichever replica hears it answers for the whole log. */
static void on_ask(void *arg)
{
    question *q = arg;
    char body[64];
    snprintf(body, sizeof body, "{\"at_least\":%" PRIu64 "}", q->play->model.last);
    RP_ASSERT(rp_bus_request(sim_writer_bus(q->play->writer), q->subject, rp_bytes_text(body),
                  ASK_WAIT_NS, on_answer, q) == RP_OK);
}

static void ask(play *p)
{
    for (size_t i = 0; i < ASKS; i++) {
        question *q = sim_world_alloc(p->stage->world, sizeof *q);
        *q = (question){p, i % 2 ? "ask.counter.k0.get" : "ask.counter.k0.state"};
        on_ask(q);
    }
}

/* -- the whole --------------------------------------------------------------------------------- */

static void check(play *p)
{
    rp_arena arena;
    RP_ASSERT(rp_arena_init(&arena, 16 << 10, 16 << 20) == RP_OK);
    sim_counter_check_outcomes(p->stage->server, &p->model, &arena, &p->stage->verdict);
    rp_arena_done(&arena);
    for (size_t i = 0; i < p->stage->process_count; i++)
        sim_bounds_check_process(&p->stage->verdict, p->stage->processes[i]);
}

void sim_scenario_fold(sim_stage *stage)
{
    static const char *const fillable[] = {"COUNTER", "KV_LEASES", "KV_ACTORS", NULL};
    play *p = sim_world_alloc(stage->world, sizeof *p);
    p->stage = stage;
    stage->arg = p;
    p->leases = (sim_leases){.world = stage->world, .verdict = &stage->verdict};
    stage->server->on_stored = sim_leases_stored;
    stage->server->arg = &p->leases;
    forget_ids(stage);
    set_stage(p);
    sim_plan_draw(&stage->plan, stage->world, stage->process_count, 0);
    stage->plan.fillable = fillable;
    sim_stage_start_plan(stage);
    if (!sim_stage_play(stage, SETTLES_WITHIN_NS, is_written)) {
        sim_verdict_fail(&stage->verdict, "everything settles",
            "%zu of %zu commands are written, %" PRIu64 " of %zu outcomes are stored",
            sim_writer_written(p->writer), p->commands,
            sim_server_stream(stage->server, "OUTCOME")->messages, p->model.outcome_count);
        return;
    }
    ask(p);
    if (!sim_stage_play(stage, SETTLES_WITHIN_NS + ASK_WAIT_NS, is_answered))
        sim_verdict_fail(
            &stage->verdict, "replicas answer", "%zu of %d questions", p->answered, ASKS);
    check(p);
}
