/* Slots of an outbox: order, generations, bounds. */
#include "runtime/bus/jetstream/protocol/slots.h"

#include <criterion/criterion.h>

static uint32_t take(rp__slots *s, size_t bytes)
{
    uint32_t slot = RP__SLOT_NONE;
    cr_assert(rp__slots_take(s, bytes, &slot));
    return slot;
}

static void expect_order(const rp__slots *s, const uint32_t *slots, size_t count)
{
    uint32_t at = s->oldest, before = RP__SLOT_NONE;
    cr_expect_eq(rp__slots_count(s), count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(at, slots[i], "%zu", i);
        cr_expect_eq(s->slots[at].previous, before);
        before = at;
        at = s->slots[at].next;
    }
    cr_expect_eq(at, RP__SLOT_NONE);
    cr_expect_eq(s->newest, before);
}

Test(slots, keep_the_order_in_which_they_were_taken)
{
    rp__slots s;
    cr_assert_eq(rp__slots_init(&s, 4, 100), RP_OK);
    uint32_t a = take(&s, 1), b = take(&s, 1), c = take(&s, 1), d = take(&s, 1);
    expect_order(&s, (uint32_t[]){a, b, c, d}, 4);
    rp__slots_give_back(&s, b); /* from the middle, */
    expect_order(&s, (uint32_t[]){a, c, d}, 3);
    rp__slots_give_back(&s, d); /* the end, */
    expect_order(&s, (uint32_t[]){a, c}, 2);
    rp__slots_give_back(&s, a); /* the start */
    expect_order(&s, (uint32_t[]){c}, 1);
    uint32_t e = take(&s, 1);
    expect_order(&s, (uint32_t[]){c, e}, 2);
    rp__slots_give_back(&s, c);
    rp__slots_give_back(&s, e);
    expect_order(&s, NULL, 0);
    a = take(&s, 1);
    expect_order(&s, &a, 1);
    rp__slots_done(&s);
}

Test(slots, are_told_apart_by_their_generation)
{
    rp__slots s;
    cr_assert_eq(rp__slots_init(&s, 2, 100), RP_OK);
    uint32_t slot = take(&s, 0), generation = s.slots[slot].generation;
    cr_expect(rp__slots_holds(&s, slot, generation));
    cr_expect_not(rp__slots_holds(&s, slot, generation + 1));
    cr_expect_not(rp__slots_holds(&s, slot + 1, generation), "taken by nobody");
    cr_expect_not(rp__slots_holds(&s, 2, generation), "there is no such slot");
    cr_expect_not(rp__slots_holds(&s, UINT32_MAX, generation));
    rp__slots_give_back(&s, slot);
    cr_expect_not(rp__slots_holds(&s, slot, generation));
    cr_assert_eq(take(&s, 0), slot, "the one given back last");
    cr_expect_not(rp__slots_holds(&s, slot, generation), "a late answer to the one before");
    cr_expect(rp__slots_holds(&s, slot, generation + 1));
    rp__slots_give_back(&s, slot);
    s.slots[slot].generation = UINT32_MAX;
    cr_assert_eq(take(&s, 0), slot);
    cr_expect(rp__slots_holds(&s, slot, 0), "it goes round");
    rp__slots_done(&s);
}

Test(slots, are_bounded_in_number)
{
    rp__slots s;
    uint32_t slot, seen = 0;
    cr_assert_eq(rp__slots_init(&s, 3, 100), RP_OK);
    for (int i = 0; i < 3; i++)
        seen |= 1u << take(&s, 0);
    cr_expect_eq(seen, 7, "each of them once");
    cr_expect_not(rp__slots_take(&s, 0, &slot));
    rp__slots_give_back(&s, 1);
    cr_assert_eq(take(&s, 0), 1);
    rp__slots_done(&s);
    cr_expect_eq(rp__slots_count(&s), 0);
    cr_expect_not(rp__slots_take(&s, 0, &slot), "done is empty");
}

Test(slots, are_bounded_in_bytes)
{
    rp__slots s;
    uint32_t slot;
    cr_assert_eq(rp__slots_init(&s, 8, 100), RP_OK);
    uint32_t a = take(&s, 60);
    cr_expect_not(rp__slots_take(&s, 41, &slot));
    cr_expect_not(rp__slots_take(&s, SIZE_MAX, &slot), "does not wrap");
    uint32_t b = take(&s, 40);
    cr_expect_eq(s.bytes, 100);
    cr_expect_not(rp__slots_take(&s, 1, &slot));
    (void)take(&s, 0);
    rp__slots_give_back(&s, a);
    cr_expect_eq(s.bytes, 40);
    (void)take(&s, 60);
    rp__slots_give_back(&s, b);
    cr_expect_eq(s.bytes, 60);
    rp__slots_done(&s);
}

Test(slots, fit_into_a_token)
{
    rp__slots s;
    cr_expect_eq(rp__slots_init(&s, 0, 100), RP_INVALID);
    cr_expect_eq(rp__slots_init(&s, (size_t)UINT32_MAX, 100), RP_INVALID);
    rp__slots_done(&s);
}
