#include "runtime/base/restarts.h"

#include <criterion/criterion.h>

static const rp_restarts policy = {
    .delay_min_ns = 100, .delay_max_ns = 500, .calm_ns = 10000, .max = 5};

Test(restarts, each_failure_in_a_row_doubles_the_delay_up_to_the_longest)
{
    static const uint64_t wanted[] = {100, 200, 400, 500, 500};
    rp_restarts restarts = policy;
    uint64_t now_ns = 1000, delay_ns;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        rp_restarts_began(&restarts, now_ns);
        now_ns += 5;
        cr_assert(rp_restarts_again(&restarts, now_ns, &delay_ns));
        cr_expect_eq(delay_ns, wanted[i]);
        now_ns += delay_ns;
    }
    cr_expect_not(rp_restarts_again(&restarts, now_ns, &delay_ns));
}

Test(restarts, what_ran_for_a_while_begins_from_the_start)
{
    rp_restarts restarts = policy;
    uint64_t delay_ns = 0;
    restarts.count = 5;
    rp_restarts_began(&restarts, 0);
    cr_expect_not(rp_restarts_again(&restarts, 9999, &delay_ns));
    cr_assert(rp_restarts_again(&restarts, 10000, &delay_ns));
    cr_expect_eq(delay_ns, 100);
    cr_expect_eq(restarts.count, 1);
}

Test(restarts, no_delay_overflows)
{
    rp_restarts restarts = {
        .delay_min_ns = UINT64_MAX / 2, .delay_max_ns = UINT64_MAX, .calm_ns = 1, .max = 100};
    uint64_t delay_ns = 0;
    for (int i = 0; i < 100; i++)
        cr_assert(rp_restarts_again(&restarts, 0, &delay_ns));
    cr_expect_geq(delay_ns, UINT64_MAX / 2);
}
