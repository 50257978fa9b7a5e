#include "sim/check/counter.h"

#include "runtime/base/json.h"
#include "schemas/codec.h"
#include "schemas/reprise/v1/outcome.pb-c.h"

#include <inttypes.h>

#define COUNT_MAX (INT64_C(1) << 53)

enum { MILESTONE = 1000, BODY_BYTES_MAX = 64 << 10 };

static const char *const all[SIM_FILTERS_MAX] = {">"};

void sim_counter_stored(sim_counter_log *log, const sim_stream *stream, const sim_stored *stored)
{
    rp_arena arena;
    yyjson_doc *doc;
    if (strcmp(stream->config.name, "COUNTER") != 0)
        return;
    size_t key = (size_t)(stored->message->subject.data[strlen("counter.k")] - '0');
    RP_ASSERT(key < SIM_COUNTER_KEYS && stored->sequence <= SIM_COUNTER_COMMANDS_MAX);
    RP_ASSERT(rp_arena_init(&arena, 1024, BODY_BYTES_MAX) == RP_OK);
    RP_ASSERT(rp_json_parse(stored->message->body, &arena, &doc, NULL) == RP_OK);
    log->commands[stored->sequence - 1].key = key;
    log->commands[stored->sequence - 1].by =
        yyjson_get_sint(yyjson_obj_get(yyjson_doc_get_root(doc), "by"));
    rp_arena_done(&arena);
}

void sim_counter_fold(const sim_counter_log *log, uint64_t last, sim_counter_model *ret_model)
{
    *ret_model = (sim_counter_model){.last = last};
    for (uint64_t sequence = 1; sequence <= last; sequence++) {
        int64_t *count = &ret_model->counts[log->commands[sequence - 1].key];
        int64_t before = *count, after = before + log->commands[sequence - 1].by;
        bool refused = after < 0 || after > COUNT_MAX;
        if (!refused)
            *count = after;
        if (!refused && before / MILESTONE == after / MILESTONE)
            continue;
        ret_model->outcomes[ret_model->outcome_count].cause = sequence;
        ret_model->outcomes[ret_model->outcome_count++].refused = refused;
    }
}

static bool is_right(const sim_counter_model *model, size_t index, const Rp__Outcome *outcome)
{
    return index < model->outcome_count && outcome->sequence == model->outcomes[index].cause &&
           outcome->index == 0 && (outcome->refused != NULL) == model->outcomes[index].refused &&
           (outcome->event != NULL) == !model->outcomes[index].refused;
}

void sim_counter_check_outcomes(
    sim_server *server, const sim_counter_model *model, rp_arena *arena, sim_verdict *verdict)
{
    static const char invariant[] = "each outcome once, in the order of the causes";
    const sim_stream *outcomes = sim_server_stream(server, "OUTCOME");
    const sim_stored *stored;
    size_t index = 0;
    for (uint64_t at = 1; (stored = sim_stream_next(outcomes, at, all)) != NULL;
         at = stored->sequence + 1, index++) {
        void *decoded = NULL;
        if (rp_schema_decode(&rp__outcome__descriptor, RP_ENCODING_JSON, stored->message->body,
                arena, &decoded, NULL) != RP_OK) {
            sim_verdict_fail(verdict, invariant, "#%" PRIu64 " cannot be read", stored->sequence);
            return;
        }
        if (!is_right(model, index, decoded)) {
            sim_verdict_fail(verdict, invariant,
                "#%" PRIu64 " is %.*s; the model has %s of #%" PRIu64 " there", stored->sequence,
                (int)stored->message->body.len, (const char *)stored->message->body.data,
                index >= model->outcome_count    ? "nothing"
                : model->outcomes[index].refused ? "a refusal"
                                                 : "a milestone",
                index < model->outcome_count ? model->outcomes[index].cause : 0);
            return;
        }
    }
    if (index != model->outcome_count)
        sim_verdict_fail(
            verdict, invariant, "%zu are stored, the model has %zu", index, model->outcome_count);
}
