/* Whether something that failed is started again, and after how long.
 *
 * Each failure in a row doubles the delay; one that ran for a while (`calm_ns`) counts as well again;
 * after `max` restarts in a row there is no more. What runs in what is up to the caller:
 *
 *     rp_restarts restarts = RP_RESTARTS;
 *     rp_restarts_began(&restarts, now_ns);
 *     ... it failed ...
 *     if (rp_restarts_again(&restarts, now_ns, &delay_ns)) ...start it in delay_ns
 */
#ifndef RUNTIME_BASE_RESTARTS_H
#define RUNTIME_BASE_RESTARTS_H

#include "runtime/base/clock.h"

#include <stdbool.h>

typedef struct rp_restarts {
    uint64_t delay_min_ns, delay_max_ns;
    uint64_t calm_ns;
    unsigned max;
    unsigned count; /* in a row, so far */
    uint64_t began_ns;
} rp_restarts;

#define RP_RESTARTS                                 \
    ((rp_restarts){.delay_min_ns = RP_NS_PER_S / 2, \
        .delay_max_ns = 30 * RP_NS_PER_S,           \
        .calm_ns = 30 * RP_NS_PER_S,                \
        .max = 5})

/* It was started, by monotonic time. */
void rp_restarts_began(rp_restarts *restarts, uint64_t now_ns);

/* It failed. False where it has been started again too often. */
bool rp_restarts_again(rp_restarts *restarts, uint64_t now_ns, uint64_t *ret_delay_ns);

#endif
