/* The order of an answer's chunks: what is taken, what was seen before, what shows a gap. */
#include "actors/cli/answer.h"

#include <criterion/criterion.h>

Test(answer, in_order)
{
    rp_answer a = {0};
    cr_assert_eq(rp_answer_heard(&a, 10, 0, 0), RP_ANSWER_TAKE);
    rp_answer_taken(&a, 10, false);
    cr_assert_eq(rp_answer_heard(&a, 17, 10, 1), RP_ANSWER_TAKE);
    rp_answer_taken(&a, 17, true);
    cr_assert(a.finished);
    cr_assert_eq(a.next_index, 2);
    cr_assert_eq(a.last_sequence, 17);
}

Test(answer, twice)
{
    rp_answer a = {0};
    rp_answer_taken(&a, 10, false);
    rp_answer_taken(&a, 17, false);
    cr_assert_eq(rp_answer_heard(&a, 10, 0, 0), RP_ANSWER_OLD);
    cr_assert_eq(rp_answer_heard(&a, 17, 10, 1), RP_ANSWER_OLD);
    cr_assert_eq(rp_answer_read(&a, 17, 1), RP_ANSWER_OLD);
}

Test(answer, a_missed_chunk_shows)
{
    rp_answer a = {0};
    cr_assert_eq(rp_answer_heard(&a, 17, 10, 1), RP_ANSWER_GAP, "joined late");
    rp_answer_taken(&a, 10, false);
    cr_assert_eq(rp_answer_heard(&a, 20, 17, 2), RP_ANSWER_GAP);
    cr_assert_eq(
        rp_answer_heard(&a, 20, 17, 1), RP_ANSWER_GAP, "the index alone does not prove it");
    cr_assert_eq(rp_answer_heard(&a, 20, 10, 2), RP_ANSWER_GAP, "nor does the sequence");
    cr_assert_eq(a.next_index, 1, "looking changes nothing");
}

Test(answer, read_from_the_stream)
{
    rp_answer a = {0};
    cr_assert_eq(rp_answer_read(&a, 10, 0), RP_ANSWER_TAKE);
    rp_answer_taken(&a, 10, false);
    cr_assert_eq(rp_answer_read(&a, 17, 1), RP_ANSWER_TAKE);
    cr_assert_eq(rp_answer_read(&a, 17, 2), RP_ANSWER_BROKEN);
    cr_assert_eq(rp_answer_read(&a, 17, 0), RP_ANSWER_BROKEN);
}

Test(answer, nothing_follows_the_end)
{
    rp_answer a = {0};
    rp_answer_taken(&a, 10, true);
    cr_assert_eq(rp_answer_heard(&a, 17, 10, 1), RP_ANSWER_OLD);
    cr_assert_eq(rp_answer_read(&a, 17, 1), RP_ANSWER_OLD);
}
