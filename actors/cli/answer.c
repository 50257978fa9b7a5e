#include "actors/cli/answer.h"

rp_answer_verdict rp_answer_heard(
    const rp_answer *answer, uint64_t sequence, uint64_t last_sequence, uint64_t index)
{
    if (answer->finished || sequence <= answer->last_sequence)
        return RP_ANSWER_OLD;
    if (last_sequence != answer->last_sequence || index != answer->next_index)
        return RP_ANSWER_GAP;
    return RP_ANSWER_TAKE;
}

rp_answer_verdict rp_answer_read(const rp_answer *answer, uint64_t sequence, uint64_t index)
{
    if (answer->finished || sequence <= answer->last_sequence)
        return RP_ANSWER_OLD;
    return index == answer->next_index ? RP_ANSWER_TAKE : RP_ANSWER_BROKEN;
}

void rp_answer_taken(rp_answer *answer, uint64_t sequence, bool final)
{
    answer->next_index++;
    answer->last_sequence = sequence;
    answer->finished = final;
}
