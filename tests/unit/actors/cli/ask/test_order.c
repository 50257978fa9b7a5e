/* The order of an answer's chunks: what is taken, what was seen before, what shows a gap. */
#include "actors/cli/ask/order.h"

#include <criterion/criterion.h>

Test(order, in_order)
{
    rp_order a = {0};
    cr_assert_eq(rp_order_heard(&a, 10, 0, 0), RP_ORDER_TAKE);
    rp_order_taken(&a, 10, false);
    cr_assert_eq(rp_order_heard(&a, 17, 10, 1), RP_ORDER_TAKE);
    rp_order_taken(&a, 17, true);
    cr_assert(a.finished);
    cr_assert_eq(a.next_index, 2);
    cr_assert_eq(a.last_sequence, 17);
}

Test(order, twice)
{
    rp_order a = {0};
    rp_order_taken(&a, 10, false);
    rp_order_taken(&a, 17, false);
    cr_assert_eq(rp_order_heard(&a, 10, 0, 0), RP_ORDER_OLD);
    cr_assert_eq(rp_order_heard(&a, 17, 10, 1), RP_ORDER_OLD);
    cr_assert_eq(rp_order_read(&a, 17, 1), RP_ORDER_OLD);
}

Test(order, a_missed_chunk_shows)
{
    rp_order a = {0};
    cr_assert_eq(rp_order_heard(&a, 17, 10, 1), RP_ORDER_GAP, "joined late");
    rp_order_taken(&a, 10, false);
    cr_assert_eq(rp_order_heard(&a, 20, 17, 2), RP_ORDER_GAP);
    cr_assert_eq(rp_order_heard(&a, 20, 17, 1), RP_ORDER_GAP, "the index alone does not prove it");
    cr_assert_eq(rp_order_heard(&a, 20, 10, 2), RP_ORDER_GAP, "nor does the sequence");
    cr_assert_eq(a.next_index, 1, "looking changes nothing");
}

Test(order, read_from_the_stream)
{
    rp_order a = {0};
    cr_assert_eq(rp_order_read(&a, 10, 0), RP_ORDER_TAKE);
    rp_order_taken(&a, 10, false);
    cr_assert_eq(rp_order_read(&a, 17, 1), RP_ORDER_TAKE);
    cr_assert_eq(rp_order_read(&a, 17, 2), RP_ORDER_BROKEN);
    cr_assert_eq(rp_order_read(&a, 17, 0), RP_ORDER_BROKEN);
}

Test(order, nothing_follows_the_end)
{
    rp_order a = {0};
    rp_order_taken(&a, 10, true);
    cr_assert_eq(rp_order_heard(&a, 17, 10, 1), RP_ORDER_OLD);
    cr_assert_eq(rp_order_read(&a, 17, 1), RP_ORDER_OLD);
}
