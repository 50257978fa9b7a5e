/* Pull requests: what was asked for and has not come. */
#include "runtime/bus/jetstream/protocol/requests.h"

#include <criterion/criterion.h>

static size_t opened(rp__requests *r, size_t credit, uint64_t ends_at_ns)
{
    size_t index;
    const rp__request *request = rp__requests_open(r, credit, ends_at_ns, &index);
    return request ? request->missing : 0;
}

Test(requests, ask_for_what_credit_allows_and_no_more)
{
    rp__requests r = {0};
    cr_expect_eq(opened(&r, 0, 100), 0, "no credit");
    cr_expect_eq(opened(&r, 5, 100), 5);
    cr_expect_eq(opened(&r, 5, 100), 0, "asked for already");
    cr_expect_eq(opened(&r, 8, 100), 3, "the rest");
    cr_expect_eq(opened(&r, 2, 100), 0, "credit that fell");
    cr_expect_eq(rp__requests_missing(&r), 8);
    rp__requests_count_off(&r); /* one came: its owner's credit is 7 now */
    cr_expect_eq(opened(&r, 7, 100), 0);
    cr_expect_eq(opened(&r, 8, 100), 1, "and has room again");
}

Test(requests, are_filled_in_the_order_in_which_they_came)
{
    rp__requests r = {0};
    cr_assert_eq(opened(&r, 2, 100), 2);
    cr_assert_eq(opened(&r, 5, 100), 3);
    rp__requests_count_off(&r);
    cr_expect_eq(r.requests[0].missing, 1);
    rp__requests_count_off(&r);
    cr_expect_not(r.requests[0].open, "filled");
    rp__requests_count_off(&r);
    cr_expect_eq(r.requests[1].missing, 2);
    cr_assert_eq(opened(&r, 6, 100), 4, "in the place that is free, yet behind");
    cr_expect(r.requests[0].open);
    rp__requests_count_off(&r);
    rp__requests_count_off(&r);
    cr_expect_not(r.requests[1].open);
    cr_expect_eq(r.requests[0].missing, 4);
    for (int i = 0; i < 6; i++)
        rp__requests_count_off(&r); /* more than was asked for is none of theirs */
    cr_expect_eq(rp__requests_missing(&r), 0);
}

Test(requests, are_bounded)
{
    rp__requests r = {0};
    for (size_t i = 1; i <= RP__REQUESTS_MAX; i++)
        cr_assert_eq(opened(&r, i, 100), 1);
    cr_expect_eq(opened(&r, 100, 100), 0);
    rp__requests_count_off(&r);
    cr_expect_eq(opened(&r, 100, 100), 100 - (RP__REQUESTS_MAX - 1), "one that ended made room");
}

Test(requests, end_by_name)
{
    rp__requests r = {0};
    size_t index;
    const rp__request *request = rp__requests_open(&r, 5, 100, &index);
    cr_assert(request);
    uint32_t generation = request->generation;
    cr_expect_not(rp__requests_end(&r, index, generation + 1));
    cr_expect_not(rp__requests_end(&r, index + 1, generation));
    cr_expect_not(rp__requests_end(&r, RP__REQUESTS_MAX, generation));
    cr_expect_not(rp__requests_end(&r, SIZE_MAX, generation));
    cr_expect(rp__requests_end(&r, index, generation));
    cr_expect_not(rp__requests_end(&r, index, generation), "over already");
    cr_expect_eq(rp__requests_missing(&r), 0, "what it lacked may be asked for again");
    request = rp__requests_open(&r, 5, 100, &index);
    cr_assert(request);
    cr_expect_not(rp__requests_end(&r, index, generation), "a late status of the one before");
}

Test(requests, expire)
{
    rp__requests r = {0};
    cr_assert_eq(opened(&r, 2, 100), 2);
    cr_assert_eq(opened(&r, 5, 200), 3);
    rp__requests_expire(&r, 99);
    cr_expect_eq(rp__requests_missing(&r), 5);
    rp__requests_expire(&r, 100);
    cr_expect_eq(rp__requests_missing(&r), 3);
    rp__requests_expire(&r, UINT64_MAX);
    cr_expect_eq(rp__requests_missing(&r), 0);
}

Test(requests, outlive_four_thousand_million_others)
{
    rp__requests r = {.generation = UINT32_MAX - 1};
    cr_assert_eq(opened(&r, 1, 100), 1); /* UINT32_MAX */
    cr_assert_eq(opened(&r, 3, 100), 2); /* 0 */
    rp__requests_count_off(&r);
    cr_expect_not(r.requests[0].open, "the older one, though its number is greater");
    cr_expect_eq(r.requests[1].missing, 2);
}
