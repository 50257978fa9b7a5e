#include "sim/check/answers.h"

#include "schemas/codec.h"

#include <stdlib.h>

enum { ANSWERS_MAX = 64, ANSWERS_BYTES_MAX = 16 << 20 };

struct sim_answers {
    rp_arena arena;
    sim_answer list[ANSWERS_MAX];
    size_t count;
};

sim_answers *sim_answers_new(void)
{
    sim_answers *answers = calloc(1, sizeof *answers);
    RP_ASSERT(answers);
    RP_ASSERT(rp_arena_init(&answers->arena, 64 << 10, ANSWERS_BYTES_MAX) == RP_OK);
    return answers;
}

void sim_answers_free(sim_answers *answers)
{
    if (!answers)
        return;
    rp_arena_done(&answers->arena);
    free(answers);
}

const sim_answer *sim_answers_find(const sim_answers *answers, const sim_order *order)
{
    for (size_t i = 0; i < answers->count; i++) {
        if (answers->list[i].order == order)
            return &answers->list[i];
    }
    return NULL;
}

static const void *decode(
    sim_answers *answers, const ProtobufCMessageDescriptor *type, rp_bytes body)
{
    void *decoded = NULL;
    rp_status status =
        rp_schema_decode(type, RP_ENCODING_JSON, body, &answers->arena, &decoded, NULL);
    return status == RP_OK ? decoded : NULL;
}

rp_status sim_answers_keep(
    sim_answers *answers, const sim_order *order, const sim_ask *ask, rp_bytes result)
{
    RP_ASSERT(answers->count < ANSWERS_MAX);
    if (!ask->ended)
        return RP_INVALID;
    sim_answer *answer = &answers->list[answers->count];
    *answer = (sim_answer){.order = order, .chunk_count = ask->chunk_count};
    for (size_t i = 0; i < ask->chunk_count; i++)
        answer->chunks[i] = rp_arena_copy(&answers->arena, ask->chunks[i]);
    answer->last = decode(answers, &rp__chunk__descriptor, answer->chunks[ask->chunk_count - 1]);
    answer->result = decode(answers, &rp__result__descriptor, result);
    if (!answer->last || !answer->result)
        return RP_INVALID;
    answers->count++;
    return RP_OK;
}
