#include "sim/scenario/stage.h"

#include "runtime/provision/models.h"
#include "sim/check/bounds.h"
#include "sim/client/blobs.h"
#include "sim/scenario/fold.h"
#include "sim/scenario/orders.h"
#include "sim/scenario/reminder.h"
#include "sim/scenario/request.h"

#include <stdlib.h>

enum { CATALOG_BYTES_MAX = 8 << 20, TOKENIZER_SLOTS = 8, EXECUTOR_SLOTS = 3, QUEUE_MAX = 64 };

static rp_status build_catalog(sim_stage *stage, rp_error *reterr)
{
    rp_model_args *args = calloc(1, sizeof *args);
    rp_option_list models = {.count = 1, .values = {stage->model.argument}};
    rp_model_version versions[RP_DECLARATION_MODELS_MAX];
    RP_ASSERT(args);
    rp_status status = rp_model_args_read(&models, args, reterr);
    if (status == RP_OK)
        status = rp_arena_init(&stage->arena, 64 << 10, CATALOG_BYTES_MAX);
    if (status == RP_OK) {
        rp_model_args_versions(args, 1, versions);
        rp_declaration_spec spec = {.models = versions, .models_count = 1};
        status = sim_catalog_build(&spec, &stage->arena, &stage->catalog, reterr);
    }
    free(args);
    return status;
}

/* -- the undisturbed answers ------------------------------------------------------------------- */

/* Asks for one order in a world where nothing is broken. */
static void learn_answer(sim_stage *stage)
{
    sim_process_spec tokenizer = sim_stage_tokenizer(stage, "tokenizer");
    sim_process_spec executor = sim_stage_executor(stage, "executor");
    const sim_order *order = &sim_orders[sim_world_seed(stage->world)];
    if (order->reference) {
        sim_blobs_put(stage->server, SIM_BLOB_NAME, rp_bytes_text(SIM_BLOB_BODY));
        tokenizer.limits.payload_bytes_max = SIM_PAYLOAD_BYTES_MAX / 2;
    }
    sim_stage_process(stage, &tokenizer);
    sim_stage_process(stage, &executor);
    sim_client *client = sim_stage_client(stage, "client", "acme");
    sim_stage_start_plan(stage);
    sim_order in_peace = *order;
    if (order->in_peace)
        in_peace.body = order->in_peace;
    sim_client_ask(client, &in_peace, RP_NS_PER_MS);
    if (!sim_stage_play(stage, 60 * RP_NS_PER_S, sim_stage_is_settled)) {
        sim_verdict_fail(&stage->verdict, "an undisturbed answer", "%s has none", order->name);
        return;
    }
    const sim_ask *ask = sim_client_ask_at(client, 0);
    const sim_stored *result =
        sim_stream_last(sim_server_stream(stage->server, "RESULT"), rp_bytes_text(ask->result));
    if (!result || sim_answers_keep(stage->answers, order, ask, result->message->body) != RP_OK)
        sim_verdict_fail(&stage->verdict, "an undisturbed answer", "%s has none", order->name);
}

static rp_status learn_answers(sim_stage *stage, rp_error *reterr)
{
    static const sim_scenario learn = {"answers", "what is answered in peace", learn_answer};
    const sim_plant *plant = stage->plant;
    sim_outcome outcome;
    stage->plant = NULL;
    for (size_t i = 0; i < sim_orders_count; i++) {
        sim_stage_run(stage, &learn, i, &outcome);
        if (outcome.verdict.broken)
            return rp_error_set(reterr, RP_INTERNAL, sim_orders[i].name, "%s: %s",
                outcome.verdict.broken, outcome.verdict.facts);
    }
    stage->plant = plant;
    return RP_OK;
}

/* -- making and freeing ------------------------------------------------------------------------ */

rp_status sim_stage_new(const sim_stage_options *options, sim_stage **ret_stage, rp_error *reterr)
{
    sim_stage *stage = calloc(1, sizeof *stage);
    RP_ASSERT(stage);
    stage->plant = options->plant;
    rp_status status = sim_model_make(&stage->model, reterr);
    if (status != RP_OK) {
        free(stage);
        return status;
    }
    stage->tokenizer = (rp_tokenizer_settings){
        .models = {.count = 1}, .lanes = 1, .queue_max = QUEUE_MAX, .cache_bytes_max = 64 << 10};
    stage->tokenizer.models.values[0] = stage->model.argument;
    stage->executor =
        (rp_executor_settings){.models = stage->tokenizer.models, .lanes = 1, .prefill_chunk = 8};
    status = build_catalog(stage, reterr);
    if (status != RP_OK) {
        sim_stage_free(stage);
        return status;
    }
    stage->world = sim_world_new();
    stage->server = sim_server_new(stage->world, &stage->catalog);
    stage->answers = sim_answers_new();
    status = learn_answers(stage, reterr);
    if (status != RP_OK) {
        sim_stage_free(stage);
        return status;
    }
    sim_world_trace(stage->world)->out = options->trace;
    *ret_stage = stage;
    return RP_OK;
}

void sim_stage_free(sim_stage *stage)
{
    if (!stage)
        return;
    sim_answers_free(stage->answers);
    sim_server_free(stage->server);
    sim_world_free(stage->world);
    rp_arena_done(&stage->arena);
    sim_model_done(&stage->model);
    free(stage);
}

void sim_stage_run(
    sim_stage *stage, const sim_scenario *scenario, uint64_t seed, sim_outcome *ret_outcome)
{
    sim_world_begin(stage->world, seed);
    sim_server_begin(stage->server);
    stage->process_count = stage->client_count = 0;
    memset(&stage->plan, 0, sizeof stage->plan);
    stage->plan.network = stage->server->network;
    stage->verdict.broken = NULL;
    scenario->run(stage);
    *ret_outcome = (sim_outcome){.digest = sim_world_trace(stage->world)->digest,
        .steps = sim_world_steps(stage->world),
        .ended_ns = sim_world_now_ns(stage->world),
        .verdict = stage->verdict};
    for (size_t i = 0; i < stage->process_count; i++)
        sim_process_end(stage->processes[i]);
}

/* -- for scenarios ----------------------------------------------------------------------------- */

sim_process *sim_stage_process(sim_stage *stage, const sim_process_spec *spec)
{
    rp_error error = {0};
    sim_process_spec whole = *spec;
    RP_ASSERT(stage->process_count < SIM_PROCESSES_MAX);
    whole.plant = stage->plant ? stage->plant->change : NULL;
    whole.on_down = sim_plan_on_down;
    whole.arg = &stage->plan;
    sim_process *process = sim_process_new(&whole);
    stage->processes[stage->process_count++] = process;
    if (sim_process_start(process, &error) != RP_OK)
        sim_verdict_fail(&stage->verdict, "an actor starts", "%s: %s", spec->name, error.message);
    return process;
}

sim_process_spec sim_stage_spec(sim_stage *stage, const char *name)
{
    return (sim_process_spec){.world = stage->world,
        .server = stage->server,
        .name = name,
        .limits = SIM_BUS_LIMITS,
        .job_min_ns = 50 * RP_NS_PER_US,
        .job_max_ns = 2 * RP_NS_PER_MS,
        .log = stage->log};
}

sim_process_spec sim_stage_tokenizer(sim_stage *stage, const char *name)
{
    sim_process_spec spec = sim_stage_spec(stage, name);
    spec.actor = &rp_tokenizer;
    spec.settings = &stage->tokenizer;
    spec.slots = TOKENIZER_SLOTS;
    return spec;
}

sim_process_spec sim_stage_executor(sim_stage *stage, const char *name)
{
    sim_process_spec spec = sim_stage_spec(stage, name);
    spec.actor = &rp_executor;
    spec.settings = &stage->executor;
    spec.slots = EXECUTOR_SLOTS;
    return spec;
}

sim_process_spec sim_stage_janitor(sim_stage *stage, const char *name)
{
    rp_janitor_settings *settings = sim_world_alloc(stage->world, sizeof *settings);
    settings->every_ns =
        sim_world_spread(stage->world, SIM_CHANCE_SCENARIO, 100 * RP_NS_PER_MS, 2 * RP_NS_PER_S);
    settings->above_percent = 0;
    sim_process_spec spec = sim_stage_spec(stage, name);
    spec.actor = &rp_janitor;
    spec.settings = settings;
    spec.slots = 1;
    return spec;
}

sim_client *sim_stage_client(sim_stage *stage, const char *name, const char *tenant)
{
    RP_ASSERT(stage->client_count < SIM_CLIENTS_MAX);
    sim_client *client = sim_client_new(stage->world, stage->server, name, tenant);
    stage->clients[stage->client_count++] = client;
    return client;
}

static void on_failure(void *arg, const sim_process *process, const rp_error *error)
{
    sim_stage *stage = arg;
    sim_verdict_fail(&stage->verdict, "an actor starts", "%s: %s",
        sim_process_spec_of(process)->name, error->message);
}

void sim_stage_start_plan(sim_stage *stage)
{
    sim_plan_parts parts = {.world = stage->world,
        .server = stage->server,
        .processes = stage->processes,
        .process_count = stage->process_count,
        .clients = stage->clients,
        .client_count = stage->client_count,
        .on_failure = on_failure,
        .arg = stage};
    sim_plan_start(&stage->plan, &parts);
}

bool sim_stage_play(sim_stage *stage, uint64_t for_ns, bool (*is_over)(sim_stage *stage))
{
    while (!stage->verdict.broken) {
        if (is_over(stage))
            return true;
        if (sim_world_next_ns(stage->world) > stage->plan.quiet_ns + for_ns ||
            !sim_world_step(stage->world))
            return false;
        sim_bounds_check_world(&stage->verdict, stage->world);
    }
    return false;
}

/* Every answer that the client has seen the end of has its RESULT. */
static bool has_results(sim_stage *stage, const sim_client *client)
{
    const sim_stream *results = sim_server_stream(stage->server, "RESULT");
    for (size_t i = 0; i < sim_client_ask_count(client); i++) {
        const sim_ask *ask = sim_client_ask_at(client, i);
        if (ask->ended && !sim_stream_last(results, rp_bytes_text(ask->result)))
            return false;
    }
    return true;
}

bool sim_stage_is_settled(sim_stage *stage)
{
    if (!sim_plan_is_over(&stage->plan))
        return false;
    for (size_t i = 0; i < stage->client_count; i++) {
        if (!sim_client_done(stage->clients[i]) || !has_results(stage, stage->clients[i]))
            return false;
    }
    for (size_t i = 0; i < stage->catalog.durable_count; i++) {
        if (!sim_durable_idle(&stage->server->durables[i]))
            return false;
    }
    return true;
}

/* -- all scenarios ----------------------------------------------------------------------------- */

const sim_scenario sim_scenarios[] = {
    {"request", "clients ask, tokenizers and executors answer", sim_scenario_request},
    {"fold", "three replicas count what a writer writes, some beside a janitor", sim_scenario_fold},
    {"claims", "as request, and what is larger than a message goes by reference",
        sim_scenario_claims},
    {"reminder", "timers are set, replaced and taken back, and come", sim_scenario_reminder}, {0}};

const sim_scenario *sim_scenario_find(const char *name)
{
    for (const sim_scenario *scenario = sim_scenarios; scenario->name; scenario++) {
        if (strcmp(scenario->name, name) == 0)
            return scenario;
    }
    return NULL;
}
