#include "runtime/base/restarts.h"

void rp_restarts_began(rp_restarts *restarts, uint64_t now_ns)
{
    restarts->began_ns = now_ns;
}

bool rp_restarts_again(rp_restarts *restarts, uint64_t now_ns, uint64_t *ret_delay_ns)
{
    if (now_ns - restarts->began_ns >= restarts->calm_ns)
        restarts->count = 0;
    if (restarts->count == restarts->max)
        return false;
    uint64_t delay_ns = restarts->delay_min_ns;
    for (unsigned i = 0; i < restarts->count; i++)
        delay_ns = delay_ns > restarts->delay_max_ns / 2 ? restarts->delay_max_ns : 2 * delay_ns;
    *ret_delay_ns = delay_ns < restarts->delay_max_ns ? delay_ns : restarts->delay_max_ns;
    restarts->count++;
    return true;
}
