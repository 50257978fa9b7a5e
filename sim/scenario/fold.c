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
    JANITOR_CHOICES = 3, /* one run of so many has one */
    AGAIN_MS = 250,
    WINDOW_MS = 100,
    ANSWER_BYTES_MAX = 64 << 10
};

/* A lease may last as much longer as the server's clock was set back. */
#define SETTLES_WITHIN_NS (600 * RP_NS_PER_S)
#define ASK_WAIT_NS       (8 * RP_NS_PER_S)
#define FRESH_WITHIN_NS   (60 * RP_NS_PER_S)

typedef struct play {
    sim_stage *stage;
    sim_writer *writer;
    sim_leases leases;
    sim_counter_log log;
    uint64_t snapshot_every;
    bool janitor;
    size_t commands;
    int64_t amounts[COMMANDS_MAX];
    size_t keys[COMMANDS_MAX];
    sim_counter_model model;
    bool folded;
    size_t answered, awaited;
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

static void add_replica(play *p, const char *name)
{
    sim_process_spec spec = sim_stage_spec(p->stage, name);
    spec.actor = &rp_counter_actor;
    spec.slots = 1;
    spec.partitions = 1;
    spec.snapshot_every = p->snapshot_every;
    sim_stage_process(p->stage, &spec);
}

static void set_stage(play *p)
{
    static const char *const names[REPLICAS] = {"counter-1", "counter-2", "counter-3"};
    p->snapshot_every = sim_world_spread(p->stage->world, SIM_CHANCE_SCENARIO, 3, 40);
    for (size_t i = 0; i < REPLICAS; i++)
        add_replica(p, names[i]);
    p->janitor = draw(p, JANITOR_CHOICES) == 0;
    if (p->janitor) {
        sim_process_spec janitor = sim_stage_janitor(p->stage, "janitor-1");
        sim_stage_process(p->stage, &janitor);
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
        sim_counter_fold(&p->log, sim_server_stream(stage->server, "COUNTER")->last, &p->model);
    p->folded = true;
    return sim_server_stream(stage->server, "OUTCOME")->messages >= p->model.outcome_count;
}

static bool is_answered(sim_stage *stage)
{
    return of_stage(stage)->answered == of_stage(stage)->awaited;
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
    p->awaited += ASKS;
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

/* Plays on for so long from now. */
static bool play_on(sim_stage *stage, uint64_t for_ns, bool (*is_over)(sim_stage *stage))
{
    return sim_stage_play(
        stage, sim_world_now_ns(stage->world) - stage->plan.quiet_ns + for_ns, is_over);
}

static void ask_all(play *p, const char *whom, uint64_t wait_ns)
{
    ask(p);
    if (!play_on(p->stage, wait_ns, is_answered))
        sim_verdict_fail(&p->stage->verdict, "replicas answer", "%zu of %zu questions to %s",
            p->answered, p->awaited, whom);
}

/* All who have folded the log are gone, and a part of it: what is left is a snapshot and the rest. */
static void ask_fresh(play *p)
{
    sim_stage *stage = p->stage;
    for (size_t i = 0; i < stage->process_count; i++)
        sim_process_leave(stage->processes[i]);
    add_replica(p, "counter-4");
    ask_all(p, "one that is new", FRESH_WITHIN_NS);
}

static void on_stored(void *arg, const sim_stream *stream, const sim_stored *stored)
{
    play *p = arg;
    sim_leases_stored(&p->leases, stream, stored);
    sim_counter_stored(&p->log, stream, stored);
    sim_plan_stored(&p->stage->plan, stream, stored);
}

static void begin(play *p)
{
    static const char *const fillable[] = {"COUNTER", "KV_LEASES", "KV_ACTORS", NULL};
    sim_stage *stage = p->stage;
    stage->arg = p;
    p->leases = (sim_leases){.world = stage->world, .verdict = &stage->verdict};
    stage->server->on_stored = on_stored;
    stage->server->arg = p;
    forget_ids(stage);
    set_stage(p);
    sim_plan_draw(&stage->plan, stage->world, stage->process_count, 0);
    stage->plan.fillable = fillable;
    stage->plan.rots_young = p->janitor; /* it does not know of what rots when it has looked */
    sim_stage_start_plan(stage);
}

void sim_scenario_fold(sim_stage *stage)
{
    play *p = sim_world_alloc(stage->world, sizeof *p);
    p->stage = stage;
    begin(p);
    if (!sim_stage_play(stage, SETTLES_WITHIN_NS, is_written)) {
        sim_verdict_fail(&stage->verdict, "everything settles",
            "%zu of %zu commands are written, %" PRIu64 " of %zu outcomes are stored",
            sim_writer_written(p->writer), p->commands,
            sim_server_stream(stage->server, "OUTCOME")->messages, p->model.outcome_count);
        return;
    }
    ask_all(p, "all", SETTLES_WITHIN_NS + ASK_WAIT_NS);
    if (p->janitor && !stage->verdict.broken)
        ask_fresh(p);
    check(p);
}
