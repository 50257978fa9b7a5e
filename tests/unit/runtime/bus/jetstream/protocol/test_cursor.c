/* A follower's place: gaps, losses, another stream under the name. */
#include "runtime/bus/jetstream/protocol/cursor.h"

#include <criterion/criterion.h>

enum { CREATED = 1000, OTHER = 2000, STORED_AT = 50000 };

static rp__cursor begin(rp_follow_from from, uint64_t sequence)
{
    rp__cursor c;
    rp__cursor_init(&c, from, sequence, 0, true);
    return c;
}

static rp__wire_stream stream(uint64_t created_ns, uint64_t first, uint64_t last)
{
    return (rp__wire_stream){
        .created_ns = created_ns, .first_sequence = first, .last_sequence = last};
}

static rp__cursor_verdict check(
    rp__cursor *c, uint64_t created_ns, uint64_t first, uint64_t last, rp__cursor_loss *ret_loss)
{
    rp__wire_stream s = stream(created_ns, first, last);
    return rp__cursor_check(c, &s, 0, ret_loss);
}

static void expect_fine(rp__cursor *c, uint64_t first, uint64_t last)
{
    rp__cursor_loss loss;
    cr_assert_eq(check(c, CREATED, first, last, &loss), RP__CURSOR_FINE);
}

static void expect_loss(const rp__cursor_loss *loss, uint64_t expected, uint64_t first)
{
    cr_expect_eq(loss->expected, expected);
    cr_expect_eq(loss->first, first);
}

/* The stream is another one by now, which is read from its start. */
static void expect_another(rp__cursor *c, uint64_t created_ns, uint64_t first, uint64_t last)
{
    rp__cursor_loss loss;
    cr_assert_eq(check(c, created_ns, first, last, &loss), RP__CURSOR_ANOTHER);
    expect_loss(&loss, 0, first);
}

/* Consumer sequence, stream sequence, pending. Each message is stored at a time of its own. */
static rp__cursor_step hear(rp__cursor *c, uint64_t number, uint64_t sequence, uint64_t pending)
{
    rp__wire_delivery d = {.consumer_sequence = number,
        .stream_sequence = sequence,
        .timestamp_ns = STORED_AT + sequence,
        .pending = pending};
    return rp__cursor_message(c, &d);
}

/* Opens a consumer that is to begin at `start`, and finds the stream as it was. */
static void open_at(rp__cursor *c, uint64_t start, uint64_t pending, uint64_t first, uint64_t last)
{
    cr_assert_eq(rp__cursor_open(c), start);
    rp__cursor_opened(c, pending, start - 1 < first - 1 ? first - 1 : start - 1);
    expect_fine(c, first, last);
}

/* -- where a consumer begins ------------------------------------------------------------------- */

Test(cursor, begins_where_it_was_told)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 7);
    cr_expect_eq(rp__cursor_open(&c), 7);
    c = begin(RP_FOLLOW_SEQUENCE, 0);
    cr_expect_eq(rp__cursor_open(&c), 1, "the first there is");
    c = begin(RP_FOLLOW_NEW, 0);
    cr_expect_eq(rp__cursor_open(&c), 0, "the policy says it");
    c = begin(RP_FOLLOW_LAST_PER_SUBJECT, 99);
    cr_expect_eq(rp__cursor_open(&c), 0);
}

Test(cursor, goes_on_with_the_last_message_once_more)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    open_at(&c, 1, 2, 1, 2);
    cr_assert_eq(hear(&c, 1, 1, 1), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 2, 0), RP__CURSOR_HAND_OVER);
    open_at(&c, 2, 2, 1, 3);
    cr_assert_eq(hear(&c, 1, 2, 1), RP__CURSOR_SKIP);
    cr_assert_eq(hear(&c, 2, 3, 0), RP__CURSOR_HAND_OVER);
    open_at(&c, 3, 0, 4, 3); /* the last one is gone, which is no loss */
    cr_assert_eq(hear(&c, 1, 4, 0), RP__CURSOR_HAND_OVER);
}

Test(cursor, of_new_messages_does_not_miss_what_came_while_it_was_away)
{
    rp__cursor c = begin(RP_FOLLOW_NEW, 0);
    cr_assert_eq(rp__cursor_open(&c), 0);
    rp__cursor_opened(&c, 0, 20);
    expect_fine(&c, 1, 20);
    open_at(&c, 21, 3, 1, 23);
    cr_expect_eq(hear(&c, 1, 21, 2), RP__CURSOR_HAND_OVER);
}

Test(cursor, begins_anew_with_each_subject_until_one_was_handed_over)
{
    rp__cursor c = begin(RP_FOLLOW_LAST_PER_SUBJECT, 0);
    cr_assert_eq(rp__cursor_open(&c), 0);
    rp__cursor_opened(&c, 2, 4);
    expect_fine(&c, 1, 9);
    cr_assert_eq(rp__cursor_open(&c), 0, "nothing came");
    rp__cursor_opened(&c, 2, 4);
    expect_fine(&c, 1, 9);
    cr_assert_eq(hear(&c, 1, 5, 1), RP__CURSOR_HAND_OVER);
    cr_assert_eq(rp__cursor_open(&c), 5);
}

/* -- gaps -------------------------------------------------------------------------------------- */

Test(cursor, a_number_left_out_is_a_gap)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    open_at(&c, 1, 3, 1, 3);
    cr_expect_eq(hear(&c, 2, 2, 1), RP__CURSOR_AGAIN);
    cr_assert_eq(hear(&c, 1, 1, 2), RP__CURSOR_HAND_OVER);
    cr_expect_eq(hear(&c, 1, 1, 2), RP__CURSOR_AGAIN, "twice the same");
    cr_expect_eq(hear(&c, 3, 3, 0), RP__CURSOR_AGAIN);
    cr_assert_eq(hear(&c, 2, 2, 1), RP__CURSOR_HAND_OVER);
}

Test(cursor, never_goes_back)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 5);
    open_at(&c, 5, 3, 1, 7);
    cr_expect_eq(hear(&c, 1, 4, 1), RP__CURSOR_AGAIN);
    cr_expect_eq(hear(&c, 1, UINT64_MAX, 1), RP__CURSOR_AGAIN);
    cr_assert_eq(hear(&c, 1, 5, 1), RP__CURSOR_HAND_OVER);
}

Test(cursor, a_heartbeat_tells_of_a_gap)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    uint64_t none = 0, one = 1;
    open_at(&c, 1, 3, 1, 3);
    cr_expect(rp__cursor_status(&c, NULL));
    cr_expect(rp__cursor_status(&c, &none));
    cr_expect_not(rp__cursor_status(&c, &one), "it was sent and did not come");
    cr_assert_eq(hear(&c, 1, 1, 2), RP__CURSOR_HAND_OVER);
    cr_expect(rp__cursor_status(&c, &one));
}

/* -- catching up ------------------------------------------------------------------------------- */

Test(cursor, catches_up_once_for_each_consumer)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    open_at(&c, 1, 2, 1, 2);
    cr_expect_not(rp__cursor_catches_up(&c));
    cr_assert_eq(hear(&c, 1, 1, 9), RP__CURSOR_HAND_OVER);
    cr_expect_not(rp__cursor_catches_up(&c));
    cr_assert_eq(hear(&c, 2, 2, 8), RP__CURSOR_HAND_OVER); /* others came meanwhile */
    cr_expect(rp__cursor_catches_up(&c));
    cr_expect_not(rp__cursor_catches_up(&c));
    open_at(&c, 2, 0, 3, 2);
    cr_expect(rp__cursor_catches_up(&c), "at once");
}

Test(cursor, catches_up_though_what_waited_went)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    open_at(&c, 1, 100, 1, 100);
    cr_assert_eq(hear(&c, 1, 1, 0), RP__CURSOR_HAND_OVER);
    cr_expect(rp__cursor_catches_up(&c));
}

/* -- losses ------------------------------------------------------------------------------------ */

Test(cursor, start_removed_before_it_began)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 3);
    rp__cursor_loss loss;
    cr_assert_eq(rp__cursor_open(&c), 3);
    rp__cursor_opened(&c, 5, 15);
    cr_assert_eq(check(&c, CREATED, 16, 20, &loss), RP__CURSOR_LOST);
    expect_loss(&loss, 3, 16);
    cr_expect_eq(hear(&c, 1, 16, 4), RP__CURSOR_HAND_OVER, "it goes on behind");
}

Test(cursor, from_the_first_there_is_nothing_is_lost)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 0);
    rp__cursor_loss loss;
    cr_assert_eq(rp__cursor_open(&c), 1);
    rp__cursor_opened(&c, 5, 15);
    cr_assert_eq(check(&c, CREATED, 16, 20, &loss), RP__CURSOR_FINE);
    cr_assert_eq(hear(&c, 1, 16, 4), RP__CURSOR_HAND_OVER);
}

Test(cursor, start_removed_while_away)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    rp__cursor_loss loss;
    open_at(&c, 1, 1, 1, 1);
    cr_assert_eq(hear(&c, 1, 1, 0), RP__CURSOR_HAND_OVER);
    cr_assert_eq(rp__cursor_open(&c), 1);
    rp__cursor_opened(&c, 3, 7);
    cr_assert_eq(check(&c, CREATED, 8, 10, &loss), RP__CURSOR_LOST);
    expect_loss(&loss, 2, 8);
    cr_assert_eq(hear(&c, 1, 8, 2), RP__CURSOR_HAND_OVER);
    cr_assert_eq(rp__cursor_open(&c), 8, "and goes on from there");
}

Test(cursor, everything_removed_is_a_loss_only_of_what_was_not_read)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    rp__cursor_loss loss;
    open_at(&c, 1, 1, 1, 1);
    cr_assert_eq(hear(&c, 1, 1, 0), RP__CURSOR_HAND_OVER);
    open_at(&c, 1, 0, 2, 1); /* empty, and all was read */
    cr_assert_eq(rp__cursor_open(&c), 1);
    rp__cursor_opened(&c, 0, 9);
    cr_assert_eq(check(&c, CREATED, 10, 9, &loss), RP__CURSOR_LOST);
    expect_loss(&loss, 2, 10);
}

/* -- losses while it reads --------------------------------------------------------------------- */

Test(cursor, holds_a_jump_while_messages_wait)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    rp__cursor_loss loss;
    open_at(&c, 1, 10, 1, 40);
    cr_assert_eq(hear(&c, 1, 1, 9), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 5, 8), RP__CURSOR_HOLD);
    cr_assert_eq(check(&c, CREATED, 2, 40, &loss), RP__CURSOR_FINE); /* 2 was there to the end */
    cr_assert_eq(hear(&c, 2, 5, 8), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 3, 6, 7), RP__CURSOR_HAND_OVER, "no jump");
    cr_assert_eq(hear(&c, 4, 9, 6), RP__CURSOR_HOLD);
    cr_assert_eq(check(&c, CREATED, 8, 40, &loss), RP__CURSOR_LOST);
    expect_loss(&loss, 7, 8);
    cr_assert_eq(hear(&c, 4, 9, 6), RP__CURSOR_HAND_OVER);
}

Test(cursor, what_came_before_it_went_is_not_lost)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    rp__cursor_loss loss;
    open_at(&c, 1, 10, 1, 40);
    cr_assert_eq(hear(&c, 1, 1, 9), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 5, 8), RP__CURSOR_HOLD);
    cr_assert_eq(check(&c, CREATED, 30, 40, &loss), RP__CURSOR_LOST);
    expect_loss(&loss, 2, 5);
    cr_assert_eq(hear(&c, 2, 5, 8), RP__CURSOR_HAND_OVER);
}

Test(cursor, a_check_speaks_for_all_that_had_come)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    rp__wire_stream s = stream(CREATED, 1, 40);
    rp__cursor_loss loss;
    open_at(&c, 1, 10, 1, 40);
    cr_assert_eq(hear(&c, 1, 2, 9), RP__CURSOR_HOLD);
    cr_assert_eq(rp__cursor_check(&c, &s, 3, &loss), RP__CURSOR_FINE);
    cr_assert_eq(hear(&c, 1, 2, 9), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 4, 8), RP__CURSOR_HAND_OVER);
    cr_assert(rp__cursor_status(&c, NULL)); /* one of the three */
    cr_assert_eq(hear(&c, 3, 6, 7), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 4, 8, 6), RP__CURSOR_HOLD, "the fourth came later");
}

Test(cursor, holds_nothing_where_nothing_waited)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    open_at(&c, 1, 1, 1, 1);
    cr_assert_eq(hear(&c, 1, 1, 0), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 9, 0), RP__CURSOR_HAND_OVER, "level: only its filter leaves out");
    cr_assert_eq(hear(&c, 3, 20, 2), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 4, 22, 1), RP__CURSOR_HOLD, "now it lags");
}

Test(cursor, holds_nothing_where_nobody_asks)
{
    rp__cursor c;
    rp__cursor_init(&c, RP_FOLLOW_SEQUENCE, 1, 0, false);
    open_at(&c, 1, 10, 1, 40);
    cr_assert_eq(hear(&c, 1, 3, 9), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 5, 8), RP__CURSOR_HAND_OVER);
}

Test(cursor, the_newest_of_each_subject_lie_apart)
{
    rp__cursor c = begin(RP_FOLLOW_LAST_PER_SUBJECT, 0);
    rp__cursor_loss loss;
    cr_assert_eq(rp__cursor_open(&c), 0);
    rp__cursor_opened(&c, 2, 4);
    cr_assert_eq(check(&c, CREATED, 3, 9, &loss), RP__CURSOR_FINE);
    cr_assert_eq(hear(&c, 1, 5, 1), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 9, 0), RP__CURSOR_HOLD);
    cr_assert_eq(check(&c, CREATED, 3, 9, &loss), RP__CURSOR_FINE);
    cr_assert_eq(hear(&c, 2, 9, 0), RP__CURSOR_HAND_OVER);
}

/* -- another stream ---------------------------------------------------------------------------- */

static rp__cursor read_to_20(rp_follow_from from)
{
    rp__cursor c = begin(from, from == RP_FOLLOW_SEQUENCE ? 19 : 0);
    cr_assert_eq(rp__cursor_open(&c), from == RP_FOLLOW_SEQUENCE ? 19 : 0);
    rp__cursor_opened(&c, 2, 18);
    expect_fine(&c, 1, 20);
    cr_assert_eq(hear(&c, 1, 19, 1), RP__CURSOR_HAND_OVER);
    cr_assert_eq(hear(&c, 2, 20, 0), RP__CURSOR_HAND_OVER);
    cr_assert_eq(rp__cursor_open(&c), 20);
    return c;
}

Test(cursor, made_anew_and_shorter)
{
    rp__cursor c = read_to_20(RP_FOLLOW_SEQUENCE);
    rp__cursor_loss loss;
    rp__cursor_opened(&c, 0, 19);
    expect_another(&c, OTHER, 1, 3);
    cr_assert_eq(rp__cursor_open(&c), 1, "from the new one's start");
    rp__cursor_opened(&c, 3, 0);
    cr_assert_eq(check(&c, OTHER, 1, 3, &loss), RP__CURSOR_FINE, "and that is the one now");
    cr_expect_eq(hear(&c, 1, 1, 2), RP__CURSOR_HAND_OVER);
}

Test(cursor, made_anew_and_longer)
{
    rp__cursor c = read_to_20(RP_FOLLOW_SEQUENCE);
    rp__cursor_opened(&c, 80, 19);
    expect_another(&c, OTHER, 5, 100);
    cr_assert_eq(rp__cursor_open(&c), 5);
}

Test(cursor, made_anew_and_empty)
{
    rp__cursor c = read_to_20(RP_FOLLOW_NEW);
    rp__cursor_opened(&c, 0, 19);
    expect_another(&c, OTHER, 1, 0);
    cr_assert_eq(rp__cursor_open(&c), 1, "all of it is new");
}

Test(cursor, made_anew_is_read_anew_by_subject)
{
    rp__cursor c = read_to_20(RP_FOLLOW_LAST_PER_SUBJECT);
    rp__cursor_opened(&c, 0, 19);
    expect_another(&c, OTHER, 1, 3);
    cr_assert_eq(rp__cursor_open(&c), 0);
}

Test(cursor, an_earlier_state_of_the_same_stream)
{
    rp__cursor c = read_to_20(RP_FOLLOW_SEQUENCE);
    rp__cursor_opened(&c, 0, 19);
    expect_another(&c, CREATED, 1, 19);
}

Test(cursor, an_earlier_state_that_went_on)
{
    rp__cursor c = read_to_20(RP_FOLLOW_SEQUENCE);
    rp__cursor_loss loss;
    rp__wire_delivery d = {.consumer_sequence = 1,
        .stream_sequence = 20,
        .timestamp_ns = STORED_AT + 77, /* not when ours was stored */
        .pending = 10};
    rp__cursor_opened(&c, 11, 19);
    expect_fine(&c, 1, 30);
    cr_assert_eq(rp__cursor_message(&c, &d), RP__CURSOR_AGAIN);
    cr_assert_eq(rp__cursor_open(&c), 20);
    rp__cursor_opened(&c, 11, 19);
    expect_another(&c, CREATED, 1, 30);
    cr_assert_eq(rp__cursor_open(&c), 1);
    rp__cursor_opened(&c, 30, 0);
    cr_assert_eq(check(&c, CREATED, 1, 30, &loss), RP__CURSOR_FINE);
}

Test(cursor, a_sequence_of_another_stream)
{
    rp__cursor c;
    rp__cursor_loss loss;
    rp__cursor_init(&c, RP_FOLLOW_SEQUENCE, 5, CREATED, true);
    cr_assert_eq(rp__cursor_open(&c), 5);
    rp__cursor_opened(&c, 6, 4);
    expect_another(&c, OTHER, 1, 10);
    c = begin(RP_FOLLOW_SEQUENCE, 99);
    cr_assert_eq(rp__cursor_open(&c), 99);
    rp__cursor_opened(&c, 0, 98);
    cr_assert_eq(check(&c, CREATED, 1, 20, &loss), RP__CURSOR_ANOTHER, "it ends long before");
    c = begin(RP_FOLLOW_SEQUENCE, 21);
    open_at(&c, 21, 0, 1, 20); /* just behind the end */
}

Test(cursor, another_stream_while_one_is_held)
{
    rp__cursor c = begin(RP_FOLLOW_SEQUENCE, 1);
    rp__cursor_loss loss;
    open_at(&c, 1, 10, 1, 40);
    cr_assert_eq(hear(&c, 1, 5, 9), RP__CURSOR_HOLD);
    expect_another(&c, OTHER, 1, 2);
    cr_assert_eq(rp__cursor_open(&c), 1);
    rp__cursor_opened(&c, 2, 0);
    cr_assert_eq(check(&c, OTHER, 1, 2, &loss), RP__CURSOR_FINE);
    cr_assert_eq(hear(&c, 1, 1, 1), RP__CURSOR_HAND_OVER);
}
