#include "sim/scenario/request.h"

#include "sim/check/bounds.h"
#include "sim/check/requests.h"
#include "sim/client/blobs.h"
#include "sim/scenario/orders.h"

enum {
    REPLICAS_MAX = 2,
    CLIENTS_MAX = 2,
    ORDERS_MAX = 3,
    SLOTS_MAX = 3,
    JANITOR_PER_MILLE = 40,
    PAYLOAD_BYTES_MIN = 400, /* what an object says of itself takes most of that */
    PAYLOAD_BYTES_MAX = 600,
    SMALL_OUTBOX_PER_MILLE = 150,
    SMALL_OUTBOX_MIN = 6,
    SMALL_OUTBOX_MAX = 32
};

/* After this time without a fault everything has settled: deliveries that were handed back many
 * times wait for a minute. */
#define SETTLES_WITHIN_NS (240 * RP_NS_PER_S)

/* Whoever was stopped and goes on does what it had in mind; nothing of that may be seen. */
#define AFTERMATH_NS (300 * RP_NS_PER_MS)

static uint64_t draw(sim_stage *stage, uint64_t below)
{
    return sim_world_draw(stage->world, SIM_CHANCE_SCENARIO, below);
}

static sim_bus_limits draw_limits(sim_stage *stage, bool claims)
{
    sim_bus_limits limits = SIM_BUS_LIMITS;
    if (sim_world_happens(stage->world, SIM_CHANCE_SCENARIO, SMALL_OUTBOX_PER_MILLE))
        limits.outbox_messages_max = (size_t)sim_world_spread(
            stage->world, SIM_CHANCE_SCENARIO, SMALL_OUTBOX_MIN, SMALL_OUTBOX_MAX);
    if (claims)
        limits.payload_bytes_max = (size_t)sim_world_spread(
            stage->world, SIM_CHANCE_SCENARIO, PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX);
    return limits;
}

static void set_stage(sim_stage *stage, bool claims)
{
    static const char *const tokenizers[REPLICAS_MAX] = {"tokenizer-1", "tokenizer-2"};
    static const char *const executors[REPLICAS_MAX] = {"executor-1", "executor-2"};
    sim_bus_limits limits = draw_limits(stage, claims);
    size_t tokenizer_count = 1 + (size_t)draw(stage, REPLICAS_MAX);
    size_t executor_count = 1 + (size_t)draw(stage, REPLICAS_MAX);
    for (size_t i = 0; i < tokenizer_count; i++) {
        sim_process_spec spec = sim_stage_tokenizer(stage, tokenizers[i]);
        spec.limits = limits;
        sim_stage_process(stage, &spec);
    }
    for (size_t i = 0; i < executor_count; i++) {
        sim_process_spec spec = sim_stage_executor(stage, executors[i]);
        spec.limits = limits;
        spec.slots = 1 + (size_t)draw(stage, SLOTS_MAX);
        sim_stage_process(stage, &spec);
    }
    if (sim_world_happens(stage->world, SIM_CHANCE_SCENARIO, JANITOR_PER_MILLE)) {
        sim_process_spec spec = sim_stage_janitor(stage, "janitor-1");
        sim_stage_process(stage, &spec);
    }
}

/* Different orders, one behind the other in the list, from anywhere in it. */
static void ask(sim_stage *stage, sim_client *client, size_t orders)
{
    size_t first = (size_t)draw(stage, orders);
    size_t count = 1 + (size_t)draw(stage, ORDERS_MAX);
    for (size_t i = 0; i < count; i++)
        sim_client_ask(client, &sim_orders[(first + i) % orders],
            sim_world_spread(stage->world, SIM_CHANCE_SCENARIO, RP_NS_PER_MS, 48 * RP_NS_PER_MS));
}

static void check(sim_stage *stage)
{
    rp_arena arena;
    RP_ASSERT(rp_arena_init(&arena, 16 << 10, 16 << 20) == RP_OK);
    sim_requests_check requests = {.server = stage->server,
        .answers = stage->answers,
        .tolerance = {.overloaded = sim_plan_has(&stage->plan, SIM_FAULT_FULL)},
        .arena = &arena,
        .verdict = &stage->verdict};
    for (size_t i = 0; i < stage->client_count; i++)
        sim_requests_check_client(&requests, stage->clients[i]);
    sim_requests_check_streams(&requests, stage->clients, stage->client_count);
    rp_arena_done(&arena);
    for (size_t i = 0; i < stage->process_count; i++)
        sim_bounds_check_process(&stage->verdict, stage->processes[i]);
}

static void tell_unsettled(sim_stage *stage)
{
    for (size_t i = 0; i < stage->client_count; i++) {
        for (size_t a = 0; a < sim_client_ask_count(stage->clients[i]); a++) {
            const sim_ask *asked = sim_client_ask_at(stage->clients[i], a);
            bool has_result = sim_stream_last(
                sim_server_stream(stage->server, "RESULT"), rp_bytes_text(asked->result));
            if (!asked->published || (asked->status == RP_OK && !(asked->ended && has_result)))
                sim_verdict_fail(&stage->verdict, "everything settles",
                    "%s: REQUEST #%llu %s, %zu chunks seen%s, %s RESULT, %.0f s after the last "
                    "fault",
                    asked->reply, (unsigned long long)asked->sequence,
                    asked->published ? "stored" : "not stored", asked->chunk_count,
                    asked->ended ? " to the end" : "", has_result ? "a" : "no",
                    (double)SETTLES_WITHIN_NS / 1e9);
        }
    }
    sim_verdict_fail(&stage->verdict, "everything settles",
        "every request is answered, but a durable still has work");
}

static void play(sim_stage *stage, bool claims)
{
    static const char *const names[CLIENTS_MAX] = {"client-1", "client-2"};
    static const char *const tenants[CLIENTS_MAX] = {"acme", "bolt"};
    set_stage(stage, claims);
    if (claims)
        sim_blobs_put(stage->server, SIM_BLOB_NAME, rp_bytes_text(SIM_BLOB_BODY));
    size_t clients = 1 + (size_t)draw(stage, CLIENTS_MAX);
    for (size_t i = 0; i < clients; i++)
        ask(stage, sim_stage_client(stage, names[i], tenants[i]),
            claims ? sim_orders_count : sim_orders_plain_count);
    sim_plan_draw(&stage->plan, stage->world, stage->process_count, stage->client_count);
    sim_stage_start_plan(stage);
    if (!sim_stage_play(stage, SETTLES_WITHIN_NS, sim_stage_is_settled)) {
        if (!stage->verdict.broken)
            tell_unsettled(stage);
        return;
    }
    uint64_t until_ns = sim_world_now_ns(stage->world) + AFTERMATH_NS;
    while (sim_world_next_ns(stage->world) <= until_ns)
        sim_world_step(stage->world);
    check(stage);
}

void sim_scenario_request(sim_stage *stage)
{
    play(stage, false);
}

void sim_scenario_claims(sim_stage *stage)
{
    play(stage, true);
}
